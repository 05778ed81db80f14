//! How titles came to be what they are, and what people decide of it, over HTTP.

use std::sync::Arc;

use axum::{Json, extract::State, http::HeaderMap, response::Response};
use contracts::{ApiError, ContentId};
use http_api::{
    ApiJson, ApiPath, ApiQuery, CallOf, CuratorOf, Cursors, HttpResult, IdempotencyKey, Page, Problems, json_entity,
    page_limit,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{current, no_title};
use crate::{
    Catalog,
    review::{History, Review, Unmerged},
};

pub fn router() -> OpenApiRouter<Arc<Catalog>> {
    OpenApiRouter::new()
        .routes(routes!(get_merges))
        .routes(routes!(list_reviews))
        .routes(routes!(accept_review))
        .routes(routes!(reject_review))
        .routes(routes!(unmerge_record))
}

/// How a title came to be what it is.
///
/// The records it is made of, why each is this title, and what was decided about it.
#[utoipa::path(get, path = "/api/v1/content/{id}/merges", tag = "content",
    params(("id" = ContentId, Path, description = "The title's id.")),
    responses((status = 200, body = History), (status = 304, description = "Not modified."), Problems))]
async fn get_merges(
    State(catalog): State<Arc<Catalog>>,
    CallOf(call): CallOf,
    ApiPath(id): ApiPath<ContentId>,
    headers: HeaderMap,
) -> HttpResult<Response> {
    let id = current(&catalog, &call, id).await?;
    let history = catalog.history(&call, id).await?.ok_or_else(|| no_title(id))?;
    json_entity(&headers, &history)
}

/// Which questions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReviewQuery {
    /// `open`, `accepted` or `rejected`; `open` where not given.
    status: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many, from 1 to 100; 20 where not given.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// What resolution leaves to a person, the oldest first.
#[utoipa::path(get, path = "/api/v1/internal/catalog/reviews", tag = "content", params(ReviewQuery),
    security(("operator" = ["content:curate:*"])), responses((status = 200, body = Page<Review>), Problems))]
async fn list_reviews(
    State(catalog): State<Arc<Catalog>>,
    CuratorOf(call): CuratorOf,
    cursors: Cursors,
    ApiQuery(query): ApiQuery<ReviewQuery>,
) -> HttpResult<Json<Page<Review>>> {
    let status = query.status.as_deref().unwrap_or("open");
    if !["open", "accepted", "rejected"].contains(&status) {
        let error = ApiError::invalid("unknown_status", format!("{status:?} is no status of a question"));
        return Err(error.field("status", "must be open, accepted or rejected").into());
    }
    let scope = format!("reviews:{status}");
    let limit = page_limit(query.limit)? as usize;
    let after: Option<Uuid> = query.cursor.map(|cursor| cursors.verify(&scope, &cursor)).transpose()?;
    let items = catalog.reviews(&call, status, after, limit + 1).await?;
    Ok(Json(Page::cut(items, limit, (&cursors, &scope), |last| last.id)?))
}

/// Makes the two titles of a question one.
///
/// The other title keeps its id; the id of the record's title leads to it from now on.
#[utoipa::path(post, path = "/api/v1/internal/catalog/reviews/{id}/accept", tag = "content",
    security(("operator" = ["content:curate:*"])),
    params(("id" = Uuid, Path, description = "The question's id."), IdempotencyKey),
    responses((status = 200, body = Review), Problems))]
async fn accept_review(
    State(catalog): State<Arc<Catalog>>,
    CuratorOf(call): CuratorOf,
    ApiPath(id): ApiPath<Uuid>,
) -> HttpResult<Json<Review>> {
    Ok(Json(catalog.decide(&call, id, true).await?))
}

/// Keeps the two titles of a question apart; it is not asked again.
#[utoipa::path(post, path = "/api/v1/internal/catalog/reviews/{id}/reject", tag = "content",
    security(("operator" = ["content:curate:*"])),
    params(("id" = Uuid, Path, description = "The question's id."), IdempotencyKey),
    responses((status = 200, body = Review), Problems))]
async fn reject_review(
    State(catalog): State<Arc<Catalog>>,
    CuratorOf(call): CuratorOf,
    ApiPath(id): ApiPath<Uuid>,
) -> HttpResult<Json<Review>> {
    Ok(Json(catalog.decide(&call, id, false).await?))
}

/// A record of a source.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UnmergeRequest {
    /// The source.
    source: String,
    /// The source's own key for the record.
    source_key: String,
}

/// Takes a record out of its title and makes it one of its own, for good.
#[utoipa::path(post, path = "/api/v1/internal/catalog/unmerge", tag = "content", request_body = UnmergeRequest,
    security(("operator" = ["content:curate:*"])), params(IdempotencyKey),
    responses((status = 200, body = Unmerged), Problems))]
async fn unmerge_record(
    State(catalog): State<Arc<Catalog>>,
    CuratorOf(call): CuratorOf,
    ApiJson(request): ApiJson<UnmergeRequest>,
) -> HttpResult<Json<Unmerged>> {
    Ok(Json(catalog.unmerge(&call, &request.source, &request.source_key).await?))
}
