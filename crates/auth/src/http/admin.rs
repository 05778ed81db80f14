//! Administration, for the operator and for administrators with `admin:full`.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use contracts::{OrgId, Role, UserId};
use http_api::{ApiJson, ApiPath, ApiQuery, CallOf, HttpResult, IdempotencyKey, page_limit};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::account::List;
use crate::{
    AuditEntry, AuditMark, Auth, ClientView, NewClient, NewUser, SessionView, SigningKeyView, UserView, Verdict,
};

/// The newest accounts, at most 500.
#[utoipa::path(get, path = "/api/v1/internal/auth/users", tag = "administration", security(("operator" = [])),
    responses((status = 200, body = List<UserView>)))]
pub(super) async fn list_users(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
) -> HttpResult<Json<List<UserView>>> {
    Ok(Json(List { items: auth.users(&call).await? }))
}

/// Opens an account.
#[utoipa::path(post, path = "/api/v1/internal/auth/users", tag = "administration", security(("operator" = [])),
    params(IdempotencyKey), request_body = NewUser, responses((status = 201, body = UserView)))]
pub(super) async fn create_user(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    ApiJson(new): ApiJson<NewUser>,
) -> HttpResult<(StatusCode, Json<UserView>)> {
    call.require_operator()?;
    Ok((StatusCode::CREATED, Json(auth.create_user(&call, &new).await?)))
}

/// What changes of an account; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserChange {
    /// What they are.
    #[schema(value_type = Option<String>)]
    role: Option<Role>,
    /// Whether they may not sign in.
    disabled: Option<bool>,
}

/// Changes an account; everything its person holds ends.
#[utoipa::path(patch, path = "/api/v1/internal/auth/users/{id}", tag = "administration", security(("operator" = [])),
    params(("id" = UserId, Path, description = "The account.")), request_body = UserChange,
    responses((status = 204, description = "Changed.")))]
pub(super) async fn change_user(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    ApiPath(id): ApiPath<UserId>,
    ApiJson(change): ApiJson<UserChange>,
) -> HttpResult<StatusCode> {
    call.require_operator()?;
    if let Some(role) = change.role {
        auth.set_role(&call, id, role).await?;
    }
    if let Some(disabled) = change.disabled {
        auth.set_disabled(&call, id, disabled).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The sessions of a person.
#[utoipa::path(get, path = "/api/v1/internal/auth/users/{id}/sessions", tag = "administration",
    security(("operator" = [])), params(("id" = UserId, Path, description = "The account.")),
    responses((status = 200, body = List<SessionView>)))]
pub(super) async fn list_user_sessions(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    ApiPath(id): ApiPath<UserId>,
) -> HttpResult<Json<List<SessionView>>> {
    Ok(Json(List { items: auth.user_sessions(&call, id).await? }))
}

/// Ends every session and token of a person.
#[utoipa::path(delete, path = "/api/v1/internal/auth/users/{id}/sessions", tag = "administration",
    security(("operator" = [])), params(("id" = UserId, Path, description = "The account.")),
    responses((status = 204, description = "Ended.")))]
pub(super) async fn end_user_sessions(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    ApiPath(id): ApiPath<UserId>,
) -> HttpResult<StatusCode> {
    auth.end_user_sessions(&call, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The clients, at most 500.
#[utoipa::path(get, path = "/api/v1/internal/auth/clients", tag = "administration", security(("operator" = [])),
    responses((status = 200, body = List<ClientView>)))]
pub(super) async fn list_clients(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
) -> HttpResult<Json<List<ClientView>>> {
    Ok(Json(List { items: auth.clients(&call).await? }))
}

/// Registers a client; its secret is shown this once.
#[utoipa::path(post, path = "/api/v1/internal/auth/clients", tag = "administration", security(("operator" = [])),
    params(IdempotencyKey), request_body = NewClient, responses((status = 201, body = ClientView)))]
pub(super) async fn create_client(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    ApiJson(new): ApiJson<NewClient>,
) -> HttpResult<(StatusCode, Json<ClientView>)> {
    call.require_operator()?;
    Ok((StatusCode::CREATED, Json(auth.create_client(&call, &new).await?)))
}

/// Ends a client and every token it holds.
#[utoipa::path(delete, path = "/api/v1/internal/auth/clients/{id}", tag = "administration", security(("operator" = [])),
    params(("id" = String, Path, description = "The client.")), responses((status = 204, description = "Ended.")))]
pub(super) async fn end_client(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    ApiPath(id): ApiPath<String>,
) -> HttpResult<StatusCode> {
    auth.end_client(&call, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The signing keys that verify.
#[utoipa::path(get, path = "/api/v1/internal/auth/signing-keys", tag = "administration", security(("operator" = [])),
    responses((status = 200, body = List<SigningKeyView>)))]
pub(super) async fn list_signing_keys(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
) -> HttpResult<Json<List<SigningKeyView>>> {
    Ok(Json(List { items: auth.signing_keys(&call).await? }))
}

/// Makes new signing keys: published now, signing in ten minutes. The old verify what they signed.
#[utoipa::path(post, path = "/api/v1/internal/auth/signing-keys", tag = "administration", security(("operator" = [])),
    params(IdempotencyKey), responses((status = 201, description = "The new keys' ids.", body = List<String>)))]
pub(super) async fn rotate_signing_keys(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
) -> HttpResult<(StatusCode, Json<List<String>>)> {
    Ok((StatusCode::CREATED, Json(List { items: auth.rotate_keys(&call).await? })))
}

/// The organisation to found.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewOrg {
    /// Its name.
    name: String,
}

/// An organisation that was founded.
#[derive(Serialize, ToSchema)]
pub(crate) struct OrgView {
    /// Its id.
    id: OrgId,
}

/// Founds an organisation.
#[utoipa::path(post, path = "/api/v1/internal/auth/orgs", tag = "administration", security(("operator" = [])),
    params(IdempotencyKey), request_body = NewOrg, responses((status = 201, body = OrgView)))]
pub(super) async fn create_org(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    ApiJson(new): ApiJson<NewOrg>,
) -> HttpResult<(StatusCode, Json<OrgView>)> {
    Ok((StatusCode::CREATED, Json(OrgView { id: auth.create_org(&call, &new.name).await? })))
}

/// Makes a person a member of an organisation.
#[utoipa::path(put, path = "/api/v1/internal/auth/orgs/{id}/members/{user}", tag = "administration",
    security(("operator" = [])),
    params(("id" = OrgId, Path, description = "The organisation."), ("user" = UserId, Path, description = "The person.")),
    responses((status = 204, description = "A member.")))]
pub(super) async fn join_org(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    ApiPath((org, user)): ApiPath<(OrgId, UserId)>,
) -> HttpResult<StatusCode> {
    auth.join_org(&call, org, user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which part of the audit log.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditParams {
    /// Entries after this position; from the first where absent.
    after: Option<i64>,
    /// How many, from 1 to 100; 20 where absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// The audit log, in its order.
#[utoipa::path(get, path = "/api/v1/internal/auth/audit", tag = "administration", security(("operator" = [])),
    params(AuditParams), responses((status = 200, body = List<AuditEntry>)))]
pub(super) async fn list_audit(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    ApiQuery(params): ApiQuery<AuditParams>,
) -> HttpResult<Json<List<AuditEntry>>> {
    let limit = page_limit(params.limit)?;
    Ok(Json(List { items: auth.audit(&call, params.after.unwrap_or(0), limit).await? }))
}

/// What the audit log is held against.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct VerdictParams {
    /// An entry that it must still hold, `position:hash`: the `head` of an earlier verdict.
    #[param(value_type = Option<String>)]
    head: Option<AuditMark>,
}

/// Whether the audit log holds together.
#[utoipa::path(get, path = "/api/v1/internal/auth/audit/verdict", tag = "administration", security(("operator" = [])),
    params(VerdictParams), responses((status = 200, body = Verdict)))]
pub(super) async fn verify_audit(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    ApiQuery(params): ApiQuery<VerdictParams>,
) -> HttpResult<Json<Verdict>> {
    Ok(Json(auth.verify_audit(&call, params.head.as_ref()).await?))
}
