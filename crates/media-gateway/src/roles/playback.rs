//! The playback role: what people watched, over HTTP.

use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::services::Services;

pub fn routes(services: &Services) -> Option<OpenApiRouter> {
    services.playback.clone().map(playback::routes)
}

pub fn api() -> OpenApi {
    playback::api()
}
