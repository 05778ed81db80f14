//! Offers over time, the quality of what we know, and titles by the beginning of their names, over HTTP.

use std::sync::Arc;

use axum::{Json, extract::State, http::HeaderMap, response::Response};
use contracts::{Content, ContentId, Region};
use http_api::{ApiPath, ApiQuery, CallOf, Cursors, HttpResult, Page, Problems, json_entity, page_limit};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{current, no_title};
use crate::{
    Catalog,
    offers::{Leaving, LeavingQuery, PricePoint},
    quality::Quality,
};

/// How many days ahead, where the client doesn't say.
const DAYS: u16 = 7;

pub fn router() -> OpenApiRouter<Arc<Catalog>> {
    OpenApiRouter::new()
        .routes(routes!(get_prices))
        .routes(routes!(get_quality))
        .routes(routes!(list_leaving_soon))
        .routes(routes!(lookup_title))
}

/// Where.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PriceQuery {
    /// Only offers in this region: an ISO 3166-1 alpha-2 or alpha-3 code.
    region: Option<Region>,
}

/// What the offers of a title cost over time.
#[derive(Serialize, ToSchema)]
struct PriceHistory {
    /// The title.
    content_id: ContentId,
    /// Each change, the oldest first; the last 1000.
    prices: Vec<PricePoint>,
}

/// What the offers of a title cost over time.
#[utoipa::path(get, path = "/api/v1/content/{id}/prices", tag = "content",
    params(("id" = ContentId, Path, description = "The title's id."), PriceQuery),
    responses((status = 200, body = PriceHistory), (status = 304, description = "Not modified."), Problems))]
async fn get_prices(
    State(catalog): State<Arc<Catalog>>,
    CallOf(call): CallOf,
    ApiPath(id): ApiPath<ContentId>,
    ApiQuery(query): ApiQuery<PriceQuery>,
    headers: HeaderMap,
) -> HttpResult<Response> {
    let id = current(&catalog, &call, id).await?;
    let prices = catalog.prices(&call, id, query.region).await?;
    json_entity(&headers, &PriceHistory { content_id: id, prices })
}

/// How complete and how fresh what we know of a title is.
#[utoipa::path(get, path = "/api/v1/content/{id}/quality", tag = "content",
    params(("id" = ContentId, Path, description = "The title's id.")),
    responses((status = 200, body = Quality), Problems))]
async fn get_quality(
    State(catalog): State<Arc<Catalog>>,
    CallOf(call): CallOf,
    ApiPath(id): ApiPath<ContentId>,
) -> HttpResult<Json<Quality>> {
    Ok(Json(catalog.quality(&call, id).await?.ok_or_else(|| no_title(id))?))
}

/// What leaves, where and when.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LeavingParams {
    /// Within how many days, from 1 to 90; 7 where not given.
    #[param(minimum = 1, maximum = 90)]
    days: Option<u16>,
    /// Only in this region: an ISO 3166-1 alpha-2 or alpha-3 code.
    region: Option<Region>,
    /// Only on this platform.
    platform: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many titles, from 1 to 100; 20 where not given.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// Titles that leave a platform soon, the first to leave first.
#[utoipa::path(get, path = "/api/v1/content/leaving-soon", tag = "content", params(LeavingParams),
    responses((status = 200, body = Page<Leaving>), Problems))]
async fn list_leaving_soon(
    State(catalog): State<Arc<Catalog>>,
    CallOf(call): CallOf,
    cursors: Cursors,
    ApiQuery(params): ApiQuery<LeavingParams>,
) -> HttpResult<Json<Page<Leaving>>> {
    let limit = page_limit(params.limit)? as usize;
    let after: Option<(Timestamp, ContentId)> =
        params.cursor.map(|cursor| cursors.verify("leaving", &cursor)).transpose()?;
    let days = params.days.unwrap_or(DAYS);
    let query = LeavingQuery { days, region: params.region, platform: params.platform, after, limit: limit + 1 };
    let items = catalog.leaving(&call, &query).await?;
    let position = |last: &Leaving| (last.expires_at, last.content.id);
    Ok(Json(Page::cut(items, limit, (&cursors, "leaving"), position)?))
}

/// The beginning of a title.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TitleQuery {
    /// The beginning of a title, without regard to case, accents, punctuation and a leading article.
    q: String,
    /// How many titles, from 1 to 100; 20 where not given.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// Titles whose names begin so, the better known first: for those who know what they look for. Else search.
#[utoipa::path(get, path = "/api/v1/content/titles", tag = "content", params(TitleQuery),
    responses((status = 200, body = Page<Content>), Problems))]
async fn lookup_title(
    State(catalog): State<Arc<Catalog>>,
    CallOf(call): CallOf,
    ApiQuery(query): ApiQuery<TitleQuery>,
) -> HttpResult<Json<Page<Content>>> {
    let items = catalog.keyword(&call, &query.q, page_limit(query.limit)? as usize).await?;
    Ok(Json(Page { items, next_cursor: None }))
}
