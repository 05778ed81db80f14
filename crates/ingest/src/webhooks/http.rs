//! The route that sources send their messages to.

use std::sync::Arc;

use axum::{Json, extract::State, http::HeaderMap};
use http_api::{ApiBytes, ApiPath, CallOf, HttpResult};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Received, Signed};
use crate::Ingest;

pub(crate) fn router() -> OpenApiRouter<Arc<Ingest>> {
    OpenApiRouter::new().routes(routes!(receive_webhook))
}

/// Takes in a message of a source that pushes, in the envelope of Standard Webhooks 1.0.
///
/// `{"type": "titles", "data": […]}` brings titles, in the fields of the source's mapping; `{"type": "titles.changed",
/// "data": {"keys": […]}}` says which titles of a provider to ask for anew. Other types are answered `acted: false`. The
/// same message (`webhook-id`) is taken in once; what is answered with an error may be sent again.
#[utoipa::path(
    post,
    path = "/api/v1/webhooks/{source}",
    tag = "ingest",
    params(
        ("source" = String, Path, description = "What the configuration calls the source."),
        ("webhook-id" = String, Header, description = "The message's id, the same for each try."),
        ("webhook-timestamp" = String, Header, description = "When it was sent, in seconds since 1970: within five minutes."),
        ("webhook-signature" = String, Header,
            description = "`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; several with blanks between."),
    ),
    request_body(content = serde_json::Value, content_type = "application/json"),
    responses((status = 200, description = "What became of it.", body = Received))
)]
async fn receive_webhook(
    State(ingest): State<Arc<Ingest>>,
    CallOf(call): CallOf,
    ApiPath(source): ApiPath<String>,
    headers: HeaderMap,
    ApiBytes(body): ApiBytes,
) -> HttpResult<Json<Received>> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (id, timestamp, signature) = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    let signed = Signed { id, timestamp, signature, body: &body };
    Ok(Json(ingest.receive(&call, &source, &signed).await?))
}
