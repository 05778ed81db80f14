//! Starting an ingest, and watching it.
//!
//! A location is read with the rights of the node, from its disk or its network: that is why only the operator may name one. Who
//! else may run what brings titles (`ingest:run:*`) runs the jobs of the configuration.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderName, StatusCode, header},
};
use contracts::RunId;
use http_api::{ApiJson, ApiPath, ApiQuery, Cursors, HttpResult, OperatorOf, Page, RunnerOf, page_limit};
use serde::Deserialize;
use utoipa::{IntoParams, openapi::OpenApi};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{Ingest, Run, RunRequest};

const RUNS: &str = "/api/v1/internal/ingest/runs";

/// The routes of ingest.
pub fn routes(service: Arc<Ingest>) -> OpenApiRouter {
    router().with_state(service)
}

/// The documentation of the routes, for a gateway that reaches them in another process.
pub fn api() -> OpenApi {
    router().into_openapi()
}

fn router() -> OpenApiRouter<Arc<Ingest>> {
    OpenApiRouter::new()
        .routes(routes!(start_ingest_run, list_ingest_runs))
        .routes(routes!(get_ingest_run))
        .merge(crate::jobs::router())
        .merge(crate::links::router())
        .merge(crate::webhooks::router())
        .merge(crate::sources::router())
}

/// Starts reading an input into the catalogue.
///
/// The node reads the location itself, from its own disk or over the network. An earlier run of the same input and
/// options that did not come to its end is gone on with. One run at a time: 409 `ingest_busy`.
#[utoipa::path(
    post,
    path = "/api/v1/internal/ingest/runs",
    tag = "ingest",
    security(("operator" = [])),
    params(("Idempotency-Key" = String, Header,
        description = "Makes it safe to send the request again: 1 to 255 characters.")),
    request_body = RunRequest,
    responses((status = 202, description = "The run has begun.", body = Run,
        headers(("Location" = String, description = "Where to watch it."))))
)]
async fn start_ingest_run(
    State(ingest): State<Arc<Ingest>>,
    OperatorOf(call): OperatorOf,
    ApiJson(request): ApiJson<RunRequest>,
) -> HttpResult<(StatusCode, [(HeaderName, String); 1], Json<Run>)> {
    let run = ingest.start(&call, &request).await?;
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, format!("{RUNS}/{}", run.id))], Json(run)))
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many runs a page holds, from 1 to 100; 20 where absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// The runs of this node, the latest first.
#[utoipa::path(
    get,
    path = "/api/v1/internal/ingest/runs",
    tag = "ingest",
    security(("operator" = ["ingest:run:*"])),
    params(ListParams),
    responses((status = 200, description = "A page of runs.", body = Page<Run>))
)]
async fn list_ingest_runs(
    State(ingest): State<Arc<Ingest>>,
    RunnerOf(call): RunnerOf,
    cursors: Cursors,
    ApiQuery(params): ApiQuery<ListParams>,
) -> HttpResult<Json<Page<Run>>> {
    let limit = page_limit(params.limit)?;
    let before = params.cursor.map(|cursor| cursors.verify::<RunId>(RUNS, &cursor)).transpose()?;
    let items = ingest.list(&call, before, limit + 1).await?;
    Ok(Json(Page::cut(items, limit as usize, (&cursors, RUNS), |last| last.id)?))
}

/// One run and how far it is.
#[utoipa::path(
    get,
    path = "/api/v1/internal/ingest/runs/{id}",
    tag = "ingest",
    security(("operator" = ["ingest:run:*"])),
    params(("id" = RunId, Path, description = "The run's id.")),
    responses((status = 200, description = "The run.", body = Run))
)]
async fn get_ingest_run(
    State(ingest): State<Arc<Ingest>>,
    RunnerOf(call): RunnerOf,
    ApiPath(id): ApiPath<RunId>,
) -> HttpResult<Json<Run>> {
    Ok(Json(ingest.get(&call, id).await?))
}
