//! The search role: answers over HTTP and gRPC, and follows the event log.

use std::sync::Arc;

use contracts::SearchApi;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::services::Services;

pub fn routes(services: &Services) -> Option<OpenApiRouter> {
    services.search.clone().map(search::routes)
}

pub fn api() -> OpenApi {
    search::api()
}

pub fn grpc(services: &Services) -> Option<Arc<dyn SearchApi>> {
    services.search.clone().map(|search| search as _)
}
