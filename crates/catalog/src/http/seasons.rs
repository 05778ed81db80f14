//! Seasons and episodes over HTTP.

use std::sync::Arc;

use axum::{extract::State, http::HeaderMap, response::Response};
use contracts::{ApiError, ContentId, Episode, Season};
use http_api::{ApiPath, CallOf, HttpResult, Problems, json_entity};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::current;
use crate::Catalog;

pub fn router() -> OpenApiRouter<Arc<Catalog>> {
    OpenApiRouter::new().routes(routes!(get_seasons)).routes(routes!(get_season))
}

/// The seasons of a series.
#[derive(Serialize, ToSchema)]
struct Seasons {
    /// The title.
    content_id: ContentId,
    /// By number, at most 200; none of a film, and none where no source names them.
    seasons: Vec<Season>,
}

/// The seasons of a series, without their episodes.
///
/// Answers 304 to an `If-None-Match` with its ETag.
#[utoipa::path(get, path = "/api/v1/content/{id}/seasons", tag = "content",
    params(("id" = ContentId, Path, description = "The title's id.")),
    responses((status = 200, body = Seasons), (status = 304, description = "Not modified."), Problems))]
async fn get_seasons(
    State(catalog): State<Arc<Catalog>>,
    CallOf(call): CallOf,
    ApiPath(id): ApiPath<ContentId>,
    headers: HeaderMap,
) -> HttpResult<Response> {
    let id = current(&catalog, &call, id).await?;
    let seasons = catalog.seasons_of(&call, id).await?;
    json_entity(&headers, &Seasons { content_id: id, seasons })
}

/// A season with its episodes.
#[derive(Serialize, ToSchema)]
struct SeasonEpisodes {
    /// The title.
    content_id: ContentId,
    /// The season.
    season: Season,
    /// Those of its episodes that a source names, by number; at most 2000.
    episodes: Vec<Episode>,
}

/// One season of a series, with its episodes.
///
/// Answers 304 to an `If-None-Match` with its ETag.
#[utoipa::path(get, path = "/api/v1/content/{id}/seasons/{number}", tag = "content",
    params(("id" = ContentId, Path, description = "The title's id."),
        ("number" = u16, Path, description = "The season's number; 0 for specials.")),
    responses((status = 200, body = SeasonEpisodes), (status = 304, description = "Not modified."), Problems))]
async fn get_season(
    State(catalog): State<Arc<Catalog>>,
    CallOf(call): CallOf,
    ApiPath((id, number)): ApiPath<(ContentId, u16)>,
    headers: HeaderMap,
) -> HttpResult<Response> {
    let id = current(&catalog, &call, id).await?;
    let found = catalog.season(&call, id, number).await?.ok_or_else(|| no_season(id, number))?;
    json_entity(&headers, &SeasonEpisodes { content_id: id, season: found.season, episodes: found.episodes })
}

fn no_season(id: ContentId, number: u16) -> ApiError {
    ApiError::not_found("unknown_season", format!("the title {id} has no season {number}"))
}
