//! The jobs of this node, and running one by hand: for whoever may run what brings titles.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderName, StatusCode, header},
};
use http_api::{ApiPath, HttpResult, IdempotencyKey, Page, RunnerOf};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Job;
use crate::Ingest;

const JOBS: &str = "/api/v1/internal/jobs";

pub(crate) fn router() -> OpenApiRouter<Arc<Ingest>> {
    OpenApiRouter::new().routes(routes!(list_jobs)).routes(routes!(get_job)).routes(routes!(run_job))
}

/// The jobs of this node: when each runs next and how its last run is or was.
#[utoipa::path(
    get,
    path = "/api/v1/internal/jobs",
    tag = "ingest",
    security(("operator" = ["ingest:run:*"])),
    responses((status = 200, description = "Every job, in one page.", body = Page<Job>))
)]
async fn list_jobs(State(ingest): State<Arc<Ingest>>, RunnerOf(call): RunnerOf) -> HttpResult<Json<Page<Job>>> {
    Ok(Json(Page { items: ingest.jobs(&call).await?, next_cursor: None }))
}

/// One job.
#[utoipa::path(
    get,
    path = "/api/v1/internal/jobs/{name}",
    tag = "ingest",
    security(("operator" = ["ingest:run:*"])),
    params(("name" = String, Path, description = "The job's name.")),
    responses((status = 200, description = "The job.", body = Job))
)]
async fn get_job(
    State(ingest): State<Arc<Ingest>>,
    RunnerOf(call): RunnerOf,
    ApiPath(name): ApiPath<String>,
) -> HttpResult<Json<Job>> {
    Ok(Json(ingest.job(&call, &name).await?))
}

/// Runs a job now. One that was stopped goes on where it was. While it runs, asking again is a 409 `job_running`.
#[utoipa::path(
    post,
    path = "/api/v1/internal/jobs/{name}/runs",
    tag = "ingest",
    security(("operator" = ["ingest:run:*"])),
    params(("name" = String, Path, description = "The job's name."), IdempotencyKey),
    responses((status = 202, description = "The job has begun.", body = Job,
        headers(("Location" = String, description = "Where to watch it."))))
)]
async fn run_job(
    State(ingest): State<Arc<Ingest>>,
    RunnerOf(call): RunnerOf,
    ApiPath(name): ApiPath<String>,
) -> HttpResult<(StatusCode, [(HeaderName, String); 1], Json<Job>)> {
    let job = ingest.start_job(&call, &name).await?;
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, format!("{JOBS}/{}", job.name))], Json(job)))
}
