//! The OpenAPI document and a page that shows it, all from this binary.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use bytes::Bytes;
use contracts::ApiError;
use http::{HeaderMap, HeaderValue, header};
use http_api::{Problem, complete, entity};
use utoipa::openapi::{Info, License, OpenApi, Server};
use utoipa_swagger_ui::Config;

const DOCUMENT: &str = "/api/v1/openapi.json";
/// The page runs its own script and calls its own origin; its widgets set inline styles and data images.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// The routes of the document and the page.
pub(crate) fn routes(document: OpenApi) -> Router {
    let text = document_text(document);
    let json = get(move |headers: HeaderMap| {
        let text = text.clone();
        async move { entity(&headers, text, "application/json") }
    });
    // `none` turns off the badge that asks a validator on the internet.
    let page = Arc::new(Config::from(DOCUMENT).validator_url("none").try_it_out_enabled(true));
    let docs = Router::new()
        .route("/docs", get(|| async { Redirect::permanent("/docs/") }))
        .route("/docs/", get(|page: State<Arc<Config<'static>>>| async move { file(String::new(), &page) }))
        .route(
            "/docs/{*file}",
            get(|page: State<Arc<Config<'static>>>, path: Path<String>| async move { file(path.0, &page) }),
        )
        .with_state(page);
    Router::new().route(DOCUMENT, json.clone()).route("/openapi.json", json).merge(docs)
}

/// Completes the document: the same text whichever process a role runs in.
///
/// The text of the whole document, as it is served; `paths` are those of every role.
pub fn document_text(mut document: OpenApi) -> Bytes {
    complete(&mut document);
    let mut info = Info::new("Media Gateway", env!("CARGO_PKG_VERSION"));
    info.description = Some("Finds something to watch, across streaming services.".to_owned());
    info.license = Some(License::new("Apache-2.0"));
    document.info = info;
    document.servers = Some(vec![Server::new("/")]);
    if let Some(tags) = &mut document.tags {
        tags.sort_by(|a, b| a.name.cmp(&b.name));
    }
    match document.to_json() {
        Ok(text) => text.into(),
        Err(error) => {
            tracing::error!(%error, "the OpenAPI document can't be written");
            Bytes::from_static(b"{}")
        }
    }
}

fn file(path: String, page: &Arc<Config<'static>>) -> Response {
    match utoipa_swagger_ui::serve(&path, Arc::clone(page)) {
        Ok(Some(file)) => {
            let kind = HeaderValue::from_str(&file.content_type).unwrap_or(HeaderValue::from_static("text/plain"));
            let mut response = Response::new(file.bytes.into_owned().into());
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, kind);
            headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
            response
        }
        Ok(None) => Problem(ApiError::not_found("no_such_file", "the documentation has no such file")).into_response(),
        Err(error) => {
            tracing::error!(%error, "the documentation page can't be made");
            Problem(ApiError::internal("the documentation page can't be made")).into_response()
        }
    }
}
