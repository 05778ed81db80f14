//! Keys of programs that stand for themselves, for the operator.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use http_api::{ApiJson, ApiPath, CallOf, HttpResult, IdempotencyKey};
use uuid::Uuid;

use super::account::List;
use crate::{ApiKeyView, Auth, CreatedApiKey, NewApiKey};

/// The keys of a client that stands for itself.
#[utoipa::path(get, path = "/api/v1/internal/auth/clients/{id}/keys", tag = "administration",
    security(("operator" = [])), params(("id" = String, Path, description = "The client.")),
    responses((status = 200, body = List<ApiKeyView>)))]
pub(super) async fn list_service_keys(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    ApiPath(id): ApiPath<String>,
) -> HttpResult<Json<List<ApiKeyView>>> {
    Ok(Json(List { items: auth.service_keys(&call, &id).await? }))
}

/// Makes a key for a client that stands for itself; it is shown this once.
#[utoipa::path(post, path = "/api/v1/internal/auth/clients/{id}/keys", tag = "administration",
    security(("operator" = [])), params(("id" = String, Path, description = "The client."), IdempotencyKey),
    request_body = NewApiKey, responses((status = 201, body = CreatedApiKey)))]
pub(super) async fn create_service_key(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    ApiPath(id): ApiPath<String>,
    ApiJson(new): ApiJson<NewApiKey>,
) -> HttpResult<(StatusCode, Json<CreatedApiKey>)> {
    Ok((StatusCode::CREATED, Json(auth.create_service_key(&call, &id, &new).await?)))
}

/// Ends a key of a client.
#[utoipa::path(delete, path = "/api/v1/internal/auth/clients/{id}/keys/{key}", tag = "administration",
    security(("operator" = [])),
    params(("id" = String, Path, description = "The client."), ("key" = Uuid, Path, description = "The key's id.")),
    responses((status = 204, description = "Ended.")))]
pub(super) async fn end_service_key(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    ApiPath((id, key)): ApiPath<(String, Uuid)>,
) -> HttpResult<StatusCode> {
    auth.end_service_key(&call, &id, key).await?;
    Ok(StatusCode::NO_CONTENT)
}
