//! People's own keys and sessions, for programs that hold their token.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use contracts::{ApiError, Call, Caller, ErrorKind, OrgId, Role, Scopes};
use http_api::{ApiJson, ApiPath, CallOf, HttpResult, IdempotencyKey};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{ApiKeyView, Auth, CreatedApiKey, NewApiKey, SessionView};

/// A list that is never long.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct List<T> {
    /// Its items.
    pub items: Vec<T>,
}

/// The caller's API keys.
#[utoipa::path(get, path = "/api/v1/auth/keys", tag = "account", security(("oauth" = ["account:manage"])),
    responses((status = 200, body = List<ApiKeyView>)))]
pub(super) async fn list_api_keys(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
) -> HttpResult<Json<List<ApiKeyView>>> {
    Ok(Json(List { items: auth.api_keys(&call).await? }))
}

/// Makes an API key; it is shown this once.
#[utoipa::path(post, path = "/api/v1/auth/keys", tag = "account", security(("oauth" = ["account:manage"])),
    params(IdempotencyKey), request_body = NewApiKey, responses((status = 201, body = CreatedApiKey)))]
pub(super) async fn create_api_key(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    ApiJson(new): ApiJson<NewApiKey>,
) -> HttpResult<(StatusCode, Json<CreatedApiKey>)> {
    Ok((StatusCode::CREATED, Json(auth.create_api_key(&call, &new).await?)))
}

/// Ends an API key.
#[utoipa::path(delete, path = "/api/v1/auth/keys/{id}", tag = "account", security(("oauth" = ["account:manage"])),
    params(("id" = Uuid, Path, description = "The key's id.")), responses((status = 204, description = "Ended.")))]
pub(super) async fn end_api_key(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    ApiPath(id): ApiPath<Uuid>,
) -> HttpResult<StatusCode> {
    auth.end_api_key(&call, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Where the caller is signed in.
#[utoipa::path(get, path = "/api/v1/auth/sessions", tag = "account", security(("oauth" = ["account:manage"])),
    responses((status = 200, body = List<SessionView>)))]
pub(super) async fn list_sessions(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
) -> HttpResult<Json<List<SessionView>>> {
    Ok(Json(List { items: auth.own_sessions(&call).await? }))
}

/// Ends a session and every token that came out of it.
#[utoipa::path(delete, path = "/api/v1/auth/sessions/{id}", tag = "account", security(("oauth" = ["account:manage"])),
    params(("id" = Uuid, Path, description = "The session's id.")), responses((status = 204, description = "Ended.")))]
pub(super) async fn end_own_session(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    ApiPath(id): ApiPath<Uuid>,
) -> HttpResult<StatusCode> {
    auth.end_own_session(&call, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who the caller is, as this server sees them.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct WhoAmI {
    /// The person's id, or the client's.
    subject: String,
    /// The client that holds the token; empty for an API key.
    client: String,
    /// What they are.
    #[schema(value_type = String)]
    role: Role,
    /// What the token or key may do.
    #[schema(value_type = String)]
    scopes: Scopes,
    /// The organisation they act in.
    org: Option<OrgId>,
}

fn known(call: &Call) -> Result<WhoAmI, ApiError> {
    let Caller::Identified(who) = &call.caller else {
        let detail = "this needs the token or key of somebody with an account";
        return Err(ApiError::new(ErrorKind::Unauthenticated, "token_required", detail));
    };
    let (subject, client) = (who.subject.to_string(), who.client.clone());
    Ok(WhoAmI { subject, client, role: who.role, scopes: who.scopes.clone(), org: who.org })
}

/// Who the caller is.
#[utoipa::path(get, path = "/api/v1/auth/me", tag = "account", security(("oauth" = [])),
    responses((status = 200, body = WhoAmI)))]
pub(super) async fn who_am_i(CallOf(call): CallOf) -> HttpResult<Json<WhoAmI>> {
    Ok(Json(known(&call)?))
}
