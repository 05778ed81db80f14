//! The keys that keys are sealed under, for the operator.

use std::sync::Arc;

use axum::{Json, extract::State};
use http_api::{CallOf, HttpResult, IdempotencyKey};

use crate::{Auth, SealingView};

/// Which key seals, and how much is still sealed under another.
#[utoipa::path(get, path = "/api/v1/internal/auth/sealing-keys", tag = "administration", security(("operator" = [])),
    responses((status = 200, body = SealingView)))]
pub(super) async fn get_sealing(State(auth): State<Arc<Auth>>, CallOf(call): CallOf) -> HttpResult<Json<SealingView>> {
    Ok(Json(auth.sealing(&call).await?))
}

/// Lets a new key seal from now on, unless the last change has yet to come to its end.
#[utoipa::path(post, path = "/api/v1/internal/auth/sealing-keys", tag = "administration", security(("operator" = [])),
    params(IdempotencyKey), responses((status = 200, body = SealingView)))]
pub(super) async fn rotate_sealing(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
) -> HttpResult<Json<SealingView>> {
    Ok(Json(auth.rotate_sealing(&call).await?))
}

/// Moves up to 2000 values to the key that seals; again, until nothing is pending. The node does so by itself, too.
#[utoipa::path(post, path = "/api/v1/internal/auth/sealing-keys/moves", tag = "administration",
    security(("operator" = [])), responses((status = 200, body = SealingView)))]
pub(super) async fn move_sealed(State(auth): State<Arc<Auth>>, CallOf(call): CallOf) -> HttpResult<Json<SealingView>> {
    Ok(Json(auth.move_sealed(&call).await?))
}
