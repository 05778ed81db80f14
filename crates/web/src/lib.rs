//! The web app, out of this binary: its files, the page they run in, and the pages of a title and of results, readable
//! without script.

mod asked;
mod facts;
mod files;
mod language;
mod linked_data;
mod offers;
mod page;
mod pictures;
mod search;
mod seasons;
mod title;

use std::{collections::HashSet, sync::Arc};

use axum::{Router, extract::State, http::HeaderMap, response::Response, routing::get};
use contracts::{ApiError, CatalogApi, SearchApi};
use http_api::HttpResult;

use language::Languages;
use page::Shell;

/// What the routes share.
struct Web {
    catalog: Arc<dyn CatalogApi>,
    search: Arc<dyn SearchApi>,
    shell: Shell,
    languages: Languages,
}

/// The routes of the app; where this binary was built without it (`cargo xtask web` builds it), one that says so.
pub fn routes(catalog: Arc<dyn CatalogApi>, search: Arc<dyn SearchApi>) -> Router {
    let shell = files::get("index.html").and_then(|index| Shell::new(&index, files::scripts()));
    match (shell, files::locales().and_then(|tables| Languages::new(&tables))) {
        (Some(shell), Some(languages)) => with_app(Web { catalog, search, shell, languages }),
        _ => without_app(),
    }
}

fn with_app(web: Web) -> Router {
    Router::new()
        .route("/", get(app))
        .route("/search", get(search::app))
        .route("/search/plain", get(search::plain))
        .route("/offline", get(app))
        .route("/title/{id}", get(title::page))
        // What no other route answers: a file, or the page that says there is nothing here.
        .route("/{*path}", get(files::file).fallback(http_api::no_such_route))
        .with_state(Arc::new(web))
}

fn without_app() -> Router {
    tracing::warn!("this build has no web app: `cargo xtask web` builds it; the API is served");
    Router::new().route("/", get(no_app))
}

/// Where the app would be.
async fn no_app() -> HttpResult<Response> {
    let detail = "this node was built without its web app; the API is here, and its documentation is at /docs/";
    Err(ApiError::not_found("no_web_app", detail).into())
}

/// The app itself: it reads the address and asks the API.
async fn app(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    web.shell.answer(&headers, web.languages.of(&headers), &page::Filling::default())
}

/// Each of these once, in the order in which they first come.
fn distinct<'a>(words: impl Iterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    let mut seen = HashSet::new();
    words.filter(move |word| seen.insert(*word))
}

#[cfg(test)]
mod tests;
