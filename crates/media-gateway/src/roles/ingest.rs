//! The ingest role: runs over sources, for the operator.

use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::services::Services;

pub fn routes(services: &Services) -> Option<OpenApiRouter> {
    services.ingest.clone().map(ingest::routes)
}

pub fn api() -> OpenApi {
    ingest::api()
}
