//! A person's age limit: for programs that hold their token, and in a browser.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use contracts::{AgeLimit, ApiError, MAX_AGE, Region};
use http_api::{ApiJson, CallOf, HttpResult, if_match, own_entity};

use super::{
    browser::go,
    forms::OwnForm,
    pages::{Paged, refused},
};
use crate::{AgeLimitView, Auth, NewAgeLimit};

/// Up to which age the caller sees titles; 404 where there is no limit.
#[utoipa::path(get, path = "/api/v1/auth/age-limit", tag = "account", security(("oauth" = ["account:manage"])),
    responses((status = 200, body = AgeLimitView, headers(("ETag" = String, description = "For `If-Match`.")))))]
pub(super) async fn get_age_limit(State(auth): State<Arc<Auth>>, CallOf(call): CallOf) -> HttpResult<Response> {
    own_entity(&auth.age_limit(&call).await?)
}

/// Lets the caller see no titles above an age.
///
/// In search, suggestions, rows, lists and by their ids, with every token and key of theirs, wherever they are signed in.
#[utoipa::path(put, path = "/api/v1/auth/age-limit", tag = "account", security(("oauth" = ["account:manage"])),
    params(("If-Match" = Option<String>, Header, description = "The ETag of the limit to change: 412 for another.")),
    request_body = NewAgeLimit,
    responses((status = 200, body = AgeLimitView, headers(("ETag" = String, description = "For `If-Match`.")))))]
pub(super) async fn set_age_limit(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    headers: HeaderMap,
    ApiJson(new): ApiJson<NewAgeLimit>,
) -> HttpResult<Response> {
    own_entity(&auth.set_age_limit(&call, &new, |held| if_match(&headers, held)).await?)
}

/// Lets the caller see titles of any age again.
#[utoipa::path(delete, path = "/api/v1/auth/age-limit", tag = "account", security(("oauth" = ["account:manage"])),
    params(("If-Match" = Option<String>, Header, description = "The ETag of the limit to end: 412 for another.")),
    responses((status = 204, description = "Ended.")))]
pub(super) async fn end_age_limit(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    headers: HeaderMap,
) -> HttpResult<StatusCode> {
    auth.end_age_limit(&call, |held| if_match(&headers, held)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets the person see no titles above an age, or of any age again.
#[utoipa::path(post, path = "/account/age-limit", tag = "pages",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Set, or ended."), http_api::PageProblems))]
pub(super) async fn change_age_limit(State(auth): State<Arc<Auth>>, own: OwnForm) -> Paged {
    let user = own.session.user;
    let changed = match (own.form.get("end"), limit(&own)) {
        // Twice is as good as once.
        (Some(_), _) => auth.lift_age_limit(user, |_| Ok(())).await.map(|_| ()),
        (None, Ok(limit)) => auth.limit_age(user, limit, |_| Ok(())).await.map(|_| ()),
        (None, Err(error)) => Err(error),
    };
    match changed {
        Ok(()) => Ok(go("/account", None)),
        Err(error) => refused(&auth, &own.browser, &own.session, error).await,
    }
}

/// What the form says.
fn limit(form: &OwnForm) -> contracts::Result<AgeLimit> {
    let age = form.text("max_age").trim().parse::<u16>();
    let max_age = age.map_err(|_| ApiError::invalid("bad_age", format!("Say an age from 0 to {MAX_AGE}.")))?;
    let region = Some(form.text("region").trim()).filter(|code| !code.is_empty());
    Ok(AgeLimit { max_age, region: region.map(str::parse::<Region>).transpose()? })
}
