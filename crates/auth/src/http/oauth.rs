//! The endpoints that clients call directly.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use http_api::{CallOf, HttpResult};

use super::{browser, params::OAuthForm};
use crate::{
    Auth, OAuthError,
    authorize::Pushed,
    config::{REFRESH_TTL, WEB_CLIENT},
    device::DeviceReply,
    error::OAuthErrorBody,
    http::Params,
    introspect::{Introspection, UserInfo},
    token::TokenReply,
};

/// The web app's refresh token, where no script reads it.
const REFRESH_COOKIE: &str = "mg_refresh";

type Reply<T> = Result<T, OAuthError>;

fn no_store<T: IntoResponse>(reply: T) -> Response {
    let mut response = reply.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The token endpoint (RFC 6749, section 3.2).
#[utoipa::path(post, path = "/oauth/token", tag = "oauth",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = TokenReply), (status = 400, body = OAuthErrorBody), (status = 401, body = OAuthErrorBody)))]
pub(super) async fn token(auth: State<Arc<Auth>>, headers: HeaderMap, form: OAuthForm) -> Reply<Response> {
    answer(&auth, "/oauth/token", &headers, form.0).await
}

/// The token endpoint under another name, for the refresh grant.
#[utoipa::path(post, path = "/oauth/refresh", tag = "oauth",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = TokenReply), (status = 400, body = OAuthErrorBody), (status = 401, body = OAuthErrorBody)))]
pub(super) async fn refresh(auth: State<Arc<Auth>>, headers: HeaderMap, mut form: OAuthForm) -> Reply<Response> {
    named(&mut form.0, "refresh_token")?;
    answer(&auth, "/oauth/refresh", &headers, form.0).await
}

/// The token endpoint under another name, for the device grant.
#[utoipa::path(post, path = "/oauth/device/token", tag = "oauth",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = TokenReply), (status = 400, body = OAuthErrorBody), (status = 401, body = OAuthErrorBody)))]
pub(super) async fn device_token(auth: State<Arc<Auth>>, headers: HeaderMap, mut form: OAuthForm) -> Reply<Response> {
    named(&mut form.0, "device_code")?;
    answer(&auth, "/oauth/device/token", &headers, form.0).await
}

/// An endpoint that is for one grant needs not be told which.
fn named(form: &mut Params, grant: &str) -> Reply<()> {
    match form.get("grant_type") {
        None => form.set("grant_type", grant),
        Some(given) if given.ends_with(grant) => {}
        Some(_) => return Err(OAuthError::invalid_request(format!("this endpoint is for `{grant}`"))),
    }
    Ok(())
}

/// The refresh token in the web app's cookie. Not from another site: the cookie is sent with requests of our own pages
/// only, and this makes sure.
fn in_cookie(auth: &Auth, headers: &HeaderMap) -> Reply<Option<String>> {
    let Some(token) = browser::cookie(headers, REFRESH_COOKIE) else { return Ok(None) };
    let origin = headers.get(header::ORIGIN);
    if origin.is_some_and(|origin| *origin != auth.config.issuer.as_str()) {
        return Err(OAuthError::invalid_request("the cookie is for the web app only"));
    }
    Ok(Some(token.to_owned()))
}

/// Answers a token request; the web app's refresh token comes and goes in a cookie that only these paths see.
async fn answer(auth: &Auth, path: &str, headers: &HeaderMap, mut form: Params) -> Reply<Response> {
    let web = form.get("client_id") == Some(WEB_CLIENT);
    let refreshes = form.get("grant_type") == Some("refresh_token") && form.get("refresh_token").is_none();
    if web
        && refreshes
        && let Some(token) = in_cookie(auth, headers)?
    {
        form.set("refresh_token", &token);
    }
    let mut reply = auth.token(path, headers, &form).await?;
    let token = if web { reply.refresh_token.take() } else { None };
    let mut response = no_store(Json(reply));
    if let Some(token) = token {
        let cookie = auth.set_cookie(REFRESH_COOKIE, &token, REFRESH_TTL.as_secs(), "Strict", "/oauth");
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// A device begins (RFC 8628, section 3.1).
#[utoipa::path(post, path = "/oauth/device", tag = "oauth",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = DeviceReply), (status = 400, body = OAuthErrorBody), (status = 401, body = OAuthErrorBody)))]
pub(super) async fn begin_device(auth: State<Arc<Auth>>, headers: HeaderMap, form: OAuthForm) -> Reply<Response> {
    Ok(no_store(Json(auth.begin_device(&headers, &form.0).await?)))
}

/// A client pushes its request (RFC 9126).
#[utoipa::path(post, path = "/oauth/par", tag = "oauth",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 201, body = Pushed), (status = 400, body = OAuthErrorBody), (status = 401, body = OAuthErrorBody)))]
pub(super) async fn push_request(auth: State<Arc<Auth>>, headers: HeaderMap, form: OAuthForm) -> Reply<Response> {
    Ok(no_store((StatusCode::CREATED, Json(auth.push(&headers, &form.0).await?))))
}

/// What a token is (RFC 7662).
#[utoipa::path(post, path = "/oauth/introspect", tag = "oauth",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Introspection), (status = 400, body = OAuthErrorBody), (status = 401, body = OAuthErrorBody)))]
pub(super) async fn introspect(auth: State<Arc<Auth>>, headers: HeaderMap, form: OAuthForm) -> Reply<Response> {
    Ok(no_store(Json(auth.introspect(&headers, &form.0).await?)))
}

/// Ends a token (RFC 7009).
#[utoipa::path(post, path = "/oauth/revoke", tag = "oauth",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "It has ended."), (status = 400, body = OAuthErrorBody), (status = 401, body = OAuthErrorBody)))]
pub(super) async fn revoke_token(auth: State<Arc<Auth>>, headers: HeaderMap, mut form: OAuthForm) -> Reply<Response> {
    let web = form.0.get("client_id") == Some(WEB_CLIENT);
    if web
        && form.0.get("token").is_none()
        && let Some(token) = in_cookie(&auth, &headers)?
    {
        form.0.set("token", &token);
    }
    auth.revoke_token(&headers, &form.0).await?;
    let mut response = no_store(StatusCode::OK);
    if web {
        let cookie = auth.set_cookie(REFRESH_COOKIE, "", 0, "Strict", "/oauth");
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Who the person is (OpenID Connect Core, section 5.3).
#[utoipa::path(get, path = "/oauth/userinfo", tag = "oauth", security(("oauth" = ["openid"])),
    responses((status = 200, body = UserInfo)))]
pub(super) async fn userinfo(State(auth): State<Arc<Auth>>, CallOf(call): CallOf) -> HttpResult<Response> {
    Ok(no_store(Json(auth.user_info(&call).await?)))
}

/// Who the person is, asked with POST.
#[utoipa::path(post, path = "/oauth/userinfo", tag = "oauth", security(("oauth" = ["openid"])),
    responses((status = 200, body = UserInfo)))]
pub(super) async fn userinfo_post(State(auth): State<Arc<Auth>>, CallOf(call): CallOf) -> HttpResult<Response> {
    Ok(no_store(Json(auth.user_info(&call).await?)))
}
