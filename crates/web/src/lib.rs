//! The web app, out of this binary: its files, the page they run in, and the page of a title, readable without script.

mod facts;
mod files;
mod linked_data;
mod offers;
mod page;
mod title;

use std::sync::Arc;

use axum::{Router, extract::State, http::HeaderMap, response::Response, routing::get};
use contracts::CatalogApi;

use page::Shell;

/// What the routes share.
struct Web {
    catalog: Arc<dyn CatalogApi>,
    shell: Shell,
}

/// The routes of the app; none when this binary was built without it (`cargo xtask web` builds it).
pub fn routes(catalog: Arc<dyn CatalogApi>) -> Router {
    let Some(shell) = files::get("index.html").and_then(|index| Shell::new(&index)) else {
        tracing::warn!("this build has no web app: `cargo xtask web` builds it");
        return Router::new();
    };
    Router::new()
        .route("/", get(app))
        .route("/search", get(app))
        .route("/offline", get(app))
        .route("/title/{id}", get(title::page))
        // What no other route answers: a file, or the page that says there is nothing here.
        .route("/{*path}", get(files::file).fallback(http_api::no_such_route))
        .with_state(Arc::new(Web { catalog, shell }))
}

/// The app itself: it reads the address and asks the API.
async fn app(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    web.shell.answer(&headers, &page::Filling::default())
}

#[cfg(test)]
mod tests;
