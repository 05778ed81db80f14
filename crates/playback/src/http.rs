//! What people watched, over HTTP.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use http_api::{
    ApiJson, ApiPath, ApiQuery, CallOf, Cursors, HttpResult, IdempotencyKey, NoQuery, Page, Problems, page_limit,
};
use serde::Deserialize;
use utoipa::{IntoParams, openapi::OpenApi};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{HistoryEntry, NewHistoryEntry, Playback, history::Place};

/// The name of the list in its cursors. A place is of use in a history of one's own alone.
const LIST: &str = "history";

/// The context's routes.
pub fn routes(service: Arc<Playback>) -> OpenApiRouter {
    router().with_state(service)
}

/// The documentation of the routes, for a gateway that reaches them in another process.
pub fn api() -> OpenApi {
    router().into_openapi()
}

fn router() -> OpenApiRouter<Arc<Playback>> {
    OpenApiRouter::new().routes(routes!(list_history, add_history, clear_history)).routes(routes!(remove_history_entry))
}

/// Which part of a history.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct HistoryQuery {
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many, from 1 to 100; 20 where not given.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// What the caller watched, the last first.
#[utoipa::path(get, path = "/api/v1/user/history", tag = "user", params(HistoryQuery),
    security(("oauth" = ["read:watchlist"])), responses((status = 200, body = Page<HistoryEntry>), Problems))]
async fn list_history(
    State(playback): State<Arc<Playback>>,
    CallOf(call): CallOf,
    cursors: Cursors,
    ApiQuery(query): ApiQuery<HistoryQuery>,
) -> HttpResult<Json<Page<HistoryEntry>>> {
    let limit = page_limit(query.limit)? as usize;
    let after: Option<Place> = query.cursor.map(|cursor| cursors.verify(LIST, &cursor)).transpose()?;
    let items = playback.history(&call, after, limit + 1).await?;
    Ok(Json(Page::cut(items, limit, (&cursors, LIST), HistoryEntry::place)?))
}

/// Keeps what the caller watched.
///
/// Only where they allow it: `PUT /api/v1/privacy/consents/viewing_history`; else 403 `consent_required`. It is kept for
/// 90 days, and then counted by title and month without them.
#[utoipa::path(post, path = "/api/v1/user/history", tag = "user", params(IdempotencyKey),
    security(("oauth" = ["write:watchlist"])), request_body = NewHistoryEntry,
    responses((status = 201, body = HistoryEntry), Problems))]
async fn add_history(
    State(playback): State<Arc<Playback>>,
    CallOf(call): CallOf,
    ApiJson(new): ApiJson<NewHistoryEntry>,
) -> HttpResult<(StatusCode, Json<HistoryEntry>)> {
    Ok((StatusCode::CREATED, Json(playback.add(&call, &new).await?)))
}

/// Takes an entry of the caller's history away.
#[utoipa::path(delete, path = "/api/v1/user/history/{id}", tag = "user", security(("oauth" = ["write:watchlist"])),
    params(("id" = Uuid, Path, description = "The entry's id.")),
    responses((status = 204, description = "Gone."), Problems))]
async fn remove_history_entry(
    State(playback): State<Arc<Playback>>,
    CallOf(call): CallOf,
    ApiPath(id): ApiPath<Uuid>,
) -> HttpResult<StatusCode> {
    playback.remove(&call, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes all of the caller's history away.
#[utoipa::path(delete, path = "/api/v1/user/history", tag = "user", security(("oauth" = ["write:watchlist"])),
    responses((status = 204, description = "All of it is gone."), Problems))]
async fn clear_history(
    State(playback): State<Arc<Playback>>,
    CallOf(call): CallOf,
    NoQuery: NoQuery,
) -> HttpResult<StatusCode> {
    playback.clear(&call).await?;
    Ok(StatusCode::NO_CONTENT)
}
