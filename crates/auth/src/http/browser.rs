//! What pages share: who is signed in, forms that only our pages can send, and the headers of a page.

use std::sync::{Arc, LazyLock};

use axum::{
    body::Body,
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use contracts::ApiError;
use sha2::{Digest, Sha256};

use super::params::Params;
use crate::{Auth, OAuthError, audit::Entry, model::Session, secret};

/// The style of every page; its hash is what the policy lets through.
pub(crate) const STYLE: &str = include_str!("../../templates/style.css");
static STYLE_HASH: LazyLock<String> = LazyLock::new(|| BASE64_STANDARD.encode(Sha256::digest(STYLE)));
/// The script of the pages for passkeys.
pub(crate) const SCRIPT: &str = include_str!("../../templates/passkey.js");
static SCRIPT_HASH: LazyLock<String> = LazyLock::new(|| BASE64_STANDARD.encode(Sha256::digest(SCRIPT)));

const SESSION: &str = "mg_session";
const FORM: &str = "mg_form";
/// Between the password and the second factor.
const HALF: &str = "mg_half";
/// While its person is at a provider.
const AWAY: &str = "mg_away";
/// What the name of a form's field is.
const FIELD: &str = "form_token";

/// A browser: its cookies, read.
pub(crate) struct Browser {
    pub session: Option<Session>,
    /// Shows that its person knew the password.
    pub half: Option<String>,
    /// What it left for a provider with.
    pub away: Option<String>,
    pub agent: String,
    form_secret: Option<String>,
    same_origin: bool,
}

impl FromRequestParts<Arc<Auth>> for Browser {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, auth: &Arc<Auth>) -> Result<Self, PageError> {
        let headers = &parts.headers;
        let session = match cookie(headers, &auth.cookie(SESSION)) {
            Some(secret) => auth.session(secret).await?,
            None => None,
        };
        // Whoever signs in to anything comes past a page.
        if let Some(session) = session.as_ref().filter(|_| wants_none(headers)) {
            let entry = Entry::by_user("privacy.opted_out", session.user).with("by", GPC);
            auth.settle_opt_out(session.user, true, entry).await?;
        }
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let site = text("sec-fetch-site");
        // A page that sends no referrer sends its forms from `null`; what no script can write says where it is then.
        let origin_ok = match text("origin") {
            None => true,
            Some("null") => site == Some("same-origin"),
            Some(origin) => origin == auth.config.issuer,
        };
        let site_ok = site.is_none_or(|site| site == "same-origin" || site == "none");
        Ok(Self {
            session,
            agent: text("user-agent").unwrap_or("unknown browser").to_owned(),
            half: cookie(headers, &auth.cookie(HALF)).map(str::to_owned),
            away: cookie(headers, &auth.cookie(AWAY)).map(str::to_owned),
            form_secret: cookie(headers, &auth.cookie(FORM)).map(str::to_owned),
            same_origin: origin_ok && site_ok,
        })
    }
}

/// How the log says that a browser asked.
pub(super) const GPC: &str = "global privacy control";

/// Whether the browser says that its person wants nothing of theirs sold or shared (Global Privacy Control).
pub(super) fn wants_none(headers: &HeaderMap) -> bool {
    headers.get("sec-gpc").is_some_and(|value| value == "1")
}

impl Browser {
    /// Checks that a form came from a page of ours in this browser.
    pub(crate) fn check(&self, auth: &Auth, form: &Params) -> Result<(), PageError> {
        let token = form.get(FIELD).unwrap_or_default();
        let ours = self.form_secret.as_ref().is_some_and(|secret| auth.vault.stamped("form", secret, token));
        if ours && self.same_origin {
            return Ok(());
        }
        Err(PageError::new(StatusCode::FORBIDDEN, "This form has expired. Go back, load the page again and retry."))
    }

    /// What the forms of a page need: the value of their field, and the cookie to set where there is none yet.
    pub(crate) fn form(&self, auth: &Auth) -> Form {
        let known = self.form_secret.clone().filter(|secret| secret.len() == 43);
        let fresh = known.is_none();
        let secret = known.unwrap_or_else(|| secret::fresh(&auth.rng));
        let cookie = fresh.then(|| auth.set_cookie(FORM, &secret, 24 * 3600, "Lax", "/"));
        Form { token: auth.vault.stamp("form", &secret), cookie }
    }
}

/// See [`Browser::form`].
pub(crate) struct Form {
    pub token: String,
    cookie: Option<HeaderValue>,
}

impl Auth {
    /// The name of a cookie; over https it can't be set by a neighbour.
    fn cookie(&self, name: &str) -> String {
        if self.config.secure() { format!("__Host-{name}") } else { name.to_owned() }
    }

    pub(crate) fn set_cookie(&self, name: &str, value: &str, seconds: i64, same_site: &str, path: &str) -> HeaderValue {
        let secure = if self.config.secure() { "; Secure" } else { "" };
        // The prefix asks for the path `/`.
        let name = if path == "/" { self.cookie(name) } else { name.to_owned() };
        let text = format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite={same_site}{secure}");
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
    }

    /// The cookie of a browser that signs in; it lasts as long as its session.
    pub(crate) fn session_cookie(&self, secret: &str) -> HeaderValue {
        self.set_cookie(SESSION, secret, crate::config::SESSION_TTL.as_secs(), "Lax", "/")
    }

    /// The cookie of a browser whose person has yet to show the second factor.
    pub(crate) fn half_cookie(&self, half: &str) -> HeaderValue {
        self.set_cookie(HALF, half, 300, "Lax", "/")
    }

    /// The cookie of a browser whose person is at a provider. They come back from another site, by a link: `Lax`.
    pub(crate) fn away_cookie(&self, state: &str) -> HeaderValue {
        self.set_cookie(AWAY, state, crate::federation::AWAY.as_secs(), "Lax", "/")
    }

    /// Takes the session's cookie away.
    pub(crate) fn no_session_cookie(&self) -> HeaderValue {
        self.set_cookie(SESSION, "", 0, "Lax", "/")
    }
}

/// The value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// A page. Its forms may lead to us, and on to `leads_to` by a redirect.
pub(crate) fn page(status: StatusCode, html: askama::Result<String>, form: Option<Form>, leads_to: &str) -> Response {
    page_with(status, html, form, leads_to, "")
}

/// A page with our one script.
pub(crate) fn page_with_script(
    status: StatusCode,
    html: askama::Result<String>,
    form: Option<Form>,
    leads_to: &str,
) -> Response {
    page_with(status, html, form, leads_to, &format!("script-src 'sha256-{}'; ", *SCRIPT_HASH))
}

fn page_with(
    status: StatusCode,
    html: askama::Result<String>,
    form: Option<Form>,
    leads_to: &str,
    scripts: &str,
) -> Response {
    let Ok(html) = html else {
        return OAuthError::server_error("the page can't be shown").into_response();
    };
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let policy = format!(
        "default-src 'none'; {scripts}style-src 'sha256-{}'; form-action 'self' {leads_to}; frame-ancestors 'none'; \
         base-uri 'none'",
        *STYLE_HASH
    );
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    if let Some(cookie) = form.and_then(|form| form.cookie) {
        headers.append(header::SET_COOKIE, cookie);
    }
    response
}

/// Sends the browser on, with a cookie where one changes.
pub(crate) fn go(address: &str, cookie: Option<HeaderValue>) -> Response {
    let mut response = Redirect::to(address).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Where to go after signing in: a page of ours, and nothing else.
pub(crate) fn next(text: Option<&str>) -> String {
    let pages = ["/oauth/authorize?", "/device", "/account", "/verify?"];
    let ours =
        text.filter(|text| pages.iter().any(|page| text.starts_with(page)) && !text.contains(['\\', '\r', '\n']));
    ours.unwrap_or("/account").to_owned()
}

/// A failure that a person reads.
#[derive(Debug)]
pub(crate) struct PageError {
    status: StatusCode,
    message: String,
}

impl PageError {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }
}

#[derive(askama::Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    style: &'a str,
    message: &'a str,
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        use askama::Template as _;
        let html = ErrorPage { style: STYLE, message: &self.message }.render();
        page(self.status, html, None, "")
    }
}

impl From<ApiError> for PageError {
    fn from(error: ApiError) -> Self {
        Self { status: status_of(&error), message: error.detail }
    }
}

/// The status of a page that tells of an error.
pub(super) fn status_of(error: &ApiError) -> StatusCode {
    StatusCode::from_u16(error.kind.row().http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

impl From<OAuthError> for PageError {
    fn from(error: OAuthError) -> Self {
        // A person reads this: a browser asked for a password by the client's 401 would mislead them.
        let status = if error.status == StatusCode::UNAUTHORIZED { StatusCode::BAD_REQUEST } else { error.status };
        Self { status, message: error.description }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_sent_to_our_pages_only() {
        for (asked, goes) in [
            (Some("/oauth/authorize?client_id=a"), "/oauth/authorize?client_id=a"),
            (Some("/device?user_code=A"), "/device?user_code=A"),
            (Some("//evil.example/"), "/account"),
            (Some("https://evil.example/"), "/account"),
            (Some("/\\evil.example"), "/account"),
            (Some("/device\r\nset-cookie: a=b"), "/account"),
            (None, "/account"),
        ] {
            assert_eq!(next(asked), goes);
        }
    }

    #[test]
    fn cookies_are_found_by_their_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "xmg_session=1; mg_session=2".parse().unwrap());
        headers.append(header::COOKIE, "other=3".parse().unwrap());
        assert_eq!((cookie(&headers, "mg_session"), cookie(&headers, "other")), (Some("2"), Some("3")));
        assert_eq!(cookie(&headers, "session"), None);
    }
}
