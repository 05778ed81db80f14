//! A person's age limit, for programs that hold their token.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use http_api::{ApiJson, CallOf, HttpResult};

use crate::{AgeLimitView, Auth, NewAgeLimit};

/// Up to which age the caller sees titles; 404 where there is no limit.
#[utoipa::path(get, path = "/api/v1/auth/age-limit", tag = "account", security(("oauth" = ["account:manage"])),
    responses((status = 200, body = AgeLimitView)))]
pub(super) async fn get_age_limit(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
) -> HttpResult<Json<AgeLimitView>> {
    Ok(Json(auth.age_limit(&call).await?))
}

/// Lets the caller see no titles above an age.
///
/// In search, suggestions, rows, lists and by their ids, with every token and key of theirs, wherever they are signed in.
#[utoipa::path(put, path = "/api/v1/auth/age-limit", tag = "account", security(("oauth" = ["account:manage"])),
    request_body = NewAgeLimit, responses((status = 200, body = AgeLimitView)))]
pub(super) async fn set_age_limit(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    ApiJson(new): ApiJson<NewAgeLimit>,
) -> HttpResult<Json<AgeLimitView>> {
    Ok(Json(auth.set_age_limit(&call, &new).await?))
}

/// Lets the caller see titles of any age again.
#[utoipa::path(delete, path = "/api/v1/auth/age-limit", tag = "account", security(("oauth" = ["account:manage"])),
    responses((status = 204, description = "Ended.")))]
pub(super) async fn end_age_limit(State(auth): State<Arc<Auth>>, CallOf(call): CallOf) -> HttpResult<StatusCode> {
    auth.end_age_limit(&call).await?;
    Ok(StatusCode::NO_CONTENT)
}
