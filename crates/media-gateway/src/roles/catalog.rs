//! The catalogue role: titles over HTTP and gRPC.

use std::sync::Arc;

use contracts::CatalogApi;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::services::Services;

pub fn routes(services: &Services) -> Option<OpenApiRouter> {
    services.catalog.clone().map(catalog::routes)
}

pub fn api() -> OpenApi {
    catalog::api()
}

pub fn grpc(services: &Services) -> Option<Arc<dyn CatalogApi>> {
    services.catalog.clone().map(|catalog| catalog as _)
}
