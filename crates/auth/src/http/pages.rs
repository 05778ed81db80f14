//! Pages for people: signing up, in and out, their account, and devices. They work without JavaScript.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    http::{StatusCode, Uri},
    response::Response,
};
use contracts::{ApiError, ErrorKind};
use jiff::Timestamp;
use url::form_urlencoded;

use super::{
    authorize::meanings,
    browser::{Browser, PageError, STYLE, go, next, page, status_of},
    forms::{OurForm, OwnForm},
    params::{OAuthQuery, Params},
    providers,
};
use crate::{
    Auth, Entrance, OAuthError,
    device::{WaitingDevice, shown},
    model::Session,
    redirect,
    store::{identities, passkeys::Passkey, people},
};

pub(super) type Paged = Result<Response, PageError>;
pub(super) type Asked = Result<OAuthQuery, OAuthError>;

#[derive(Template)]
#[template(path = "sign.html")]
struct SignPage<'a> {
    style: &'a str,
    up: bool,
    next: &'a str,
    other: String,
    escaped: &'a str,
    passkeys: bool,
    providers: Vec<providers::Shown>,
    /// `alert` or `status`.
    role: &'a str,
    said: &'a str,
    form_token: &'a str,
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage<'a> {
    style: &'a str,
    email: String,
    verified: bool,
    here: String,
    sessions: Vec<Session>,
    factor: bool,
    passkeys: Option<Vec<Passkey>>,
    providers: Vec<providers::Shown>,
    /// The highest age as the form has it, empty without a limit; and whose certificates count.
    age: String,
    region: String,
    erased_from: Option<Timestamp>,
    error: &'a str,
    form_token: &'a str,
}

#[derive(Template)]
#[template(path = "signed_up.html")]
struct SignedUpPage<'a> {
    style: &'a str,
}

#[derive(Template)]
#[template(path = "device.html")]
struct DevicePage<'a> {
    style: &'a str,
    code: String,
    device: Option<WaitingDevice>,
    may: Vec<&'static str>,
    message: &'a str,
    form_token: &'a str,
}

/// What whoever signed up reads where addresses are not confirmed first, whether or not there was an account.
const SIGNED_UP: &str =
    "Now sign in. If this address had an account already, that is as it was, with its old password.";

/// Where a sign-in form may lead in the end: the client that waits for it.
pub(super) fn leads_to(next: &str) -> String {
    let query = next.split_once('?').map(|(_, query)| query).unwrap_or_default();
    let params = Params::parse(query).unwrap_or_default();
    // Only `http` origins with a host come out of this, so that nothing else can get into the policy.
    params.get("redirect_uri").map(redirect::origin).filter(|origin| origin.contains("://")).unwrap_or_default()
}

/// The form to sign in or up with, and what is said of the last try.
pub(super) fn sign(auth: &Auth, browser: &Browser, up: bool, next: &str, said: &str, status: StatusCode) -> Response {
    let form = browser.form(auth);
    let escaped: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
    let other = format!("{}?next={escaped}", if up { "/login" } else { "/signup" });
    let html = SignPage {
        style: STYLE,
        up,
        next,
        other,
        escaped: &escaped,
        passkeys: auth.site().is_some(),
        providers: providers::shown(auth, &[]),
        role: if status.is_success() { "status" } else { "alert" },
        said,
        form_token: &form.token,
    };
    page(status, html.render(), Some(form), &leads_to(next))
}

pub(super) fn to_sign_in(uri: &Uri) -> Response {
    let here = uri.path_and_query().map_or("/account", |here| here.as_str());
    let next: String = form_urlencoded::byte_serialize(here.as_bytes()).collect();
    go(&format!("/login?next={next}"), None)
}

/// The form to sign in with.
#[utoipa::path(get, path = "/login", tag = "pages",
    params(("next" = Option<String>, Query, description = "Where to go then.")),
    responses((status = 200, description = "A page.", content_type = "text/html"), http_api::PageProblems))]
pub(super) async fn sign_in_page(State(auth): State<Arc<Auth>>, query: Asked, browser: Browser) -> Paged {
    let OAuthQuery(query) = query?;
    Ok(sign(&auth, &browser, false, &next(query.get("next")), "", StatusCode::OK))
}

/// Signs in.
#[utoipa::path(post, path = "/login", tag = "pages",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Signed in."), http_api::PageProblems))]
pub(super) async fn sign_in(State(auth): State<Arc<Auth>>, OurForm { browser, form }: OurForm) -> Paged {
    enter(&auth, &browser, &form).await
}

/// The form to sign up with.
#[utoipa::path(get, path = "/signup", tag = "pages",
    params(("next" = Option<String>, Query, description = "Where to go then.")),
    responses((status = 200, description = "A page.", content_type = "text/html"), http_api::PageProblems))]
pub(super) async fn sign_up_page(State(auth): State<Arc<Auth>>, query: Asked, browser: Browser) -> Paged {
    let OAuthQuery(query) = query?;
    Ok(sign(&auth, &browser, true, &next(query.get("next")), "", StatusCode::OK))
}

/// Signs up. The answer is the same for an address that has an account: a mail to it says so.
#[utoipa::path(post, path = "/signup", tag = "pages",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "A page: how to go on.", content_type = "text/html"), http_api::PageProblems))]
pub(super) async fn sign_up(State(auth): State<Arc<Auth>>, OurForm { browser, form }: OurForm) -> Paged {
    let next = next(form.get("next"));
    let (email, password) = (form.get("email").unwrap_or_default(), form.get("password").unwrap_or_default());
    match auth.sign_up(email, password).await {
        Ok(()) if auth.config.confirm_first => Ok(told()),
        Ok(()) => Ok(sign(&auth, &browser, false, &next, SIGNED_UP, StatusCode::OK)),
        Err(error) => again(&auth, &browser, true, &next, error),
    }
}

/// The code of the mail with which somebody is about to confirm their address, where that is where `next` leads.
fn confirming(next: &str) -> String {
    let query = next.strip_prefix("/verify?").and_then(|query| Params::parse(query).ok());
    query.and_then(|query| query.get("code").map(str::to_owned)).unwrap_or_default()
}

/// Says to whoever signed up that there is a mail: the same to everybody.
fn told() -> Response {
    page(StatusCode::OK, SignedUpPage { style: STYLE }.render(), None, "")
}

/// Signs a browser in, or shows the form again and why.
async fn enter(auth: &Auth, browser: &Browser, form: &Params) -> Paged {
    let next = next(form.get("next"));
    let (email, password) = (form.get("email").unwrap_or_default(), form.get("password").unwrap_or_default());
    match auth.sign_in_to(&confirming(&next), email, password, &browser.agent).await {
        Ok(entrance) => Ok(let_in(auth, &entrance, &next)),
        Err(error) => again(auth, browser, false, &next, error),
    }
}

/// The form again, and why.
fn again(auth: &Auth, browser: &Browser, up: bool, next: &str, error: ApiError) -> Paged {
    let status = match error.kind {
        ErrorKind::Unauthenticated => StatusCode::FORBIDDEN,
        kind if kind.row().http < 500 => status_of(&error),
        _ => return Err(error.into()),
    };
    Ok(sign(auth, browser, up, next, &error.detail, status))
}

/// Leads on to `next`, or first to the second factor.
pub(super) fn let_in(auth: &Auth, entrance: &Entrance, next: &str) -> Response {
    match entrance {
        Entrance::In(signed_in) => go(next, Some(auth.session_cookie(&signed_in.secret))),
        Entrance::Half(half) => {
            let escaped: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
            go(&format!("/login/code?next={escaped}"), Some(auth.half_cookie(half)))
        }
    }
}

/// Signs out.
#[utoipa::path(post, path = "/logout", tag = "pages",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Signed out."), http_api::PageProblems))]
pub(super) async fn sign_out(State(auth): State<Arc<Auth>>, OurForm { browser, .. }: OurForm) -> Paged {
    if let Some(session) = &browser.session {
        auth.end_session(session.user, session.id).await?;
    }
    Ok(go("/login", Some(auth.no_session_cookie())))
}

pub(super) async fn account(
    auth: &Auth,
    browser: &Browser,
    session: &Session,
    error: &str,
    status: StatusCode,
) -> Paged {
    let gone = || PageError::new(StatusCode::NOT_FOUND, "This account is gone.");
    let user = people::by_id(&auth.db, session.user).await.map_err(contracts::ApiError::from)?.ok_or_else(gone)?;
    let sessions = auth.sessions_of(session.user).await;
    let passkeys = auth.passkeys_of(session.user).await?;
    let linked = identities::of(&auth.db, session.user).await.map_err(contracts::ApiError::from)?;
    let ages = auth.age_limit_of(session.user).await?;
    let form = browser.form(auth);
    let html = AccountPage {
        style: STYLE,
        email: auth.email(&user)?.unwrap_or_default(),
        verified: user.email_verified_at.is_some(),
        here: session.id.to_string(),
        sessions: sessions?,
        factor: auth.has_factor(session.user).await?,
        passkeys: auth.site().map(|_| passkeys),
        providers: providers::shown(auth, &linked),
        age: ages.as_ref().map(|limit| limit.max_age.to_string()).unwrap_or_default(),
        region: ages.and_then(|limit| limit.region).map(String::from).unwrap_or_default(),
        erased_from: auth.erased_from(session.user).await?,
        error,
        form_token: &form.token,
    };
    Ok(page(status, html.render(), Some(form), &providers::origins(auth)))
}

/// The account again, with why what was asked of it can't be; other failures are pages of their own.
pub(super) async fn refused(auth: &Auth, browser: &Browser, session: &Session, error: ApiError) -> Paged {
    match error.kind {
        ErrorKind::InvalidArgument | ErrorKind::Conflict | ErrorKind::FailedDependency => {
            account(auth, browser, session, &error.detail, status_of(&error)).await
        }
        _ => Err(error.into()),
    }
}

/// The person's account: where they are signed in, and their password.
#[utoipa::path(get, path = "/account", tag = "pages",
    responses((status = 200, description = "A page.", content_type = "text/html"),
        (status = 303, description = "To sign in."), http_api::PageProblems))]
pub(super) async fn account_page(State(auth): State<Arc<Auth>>, uri: Uri, browser: Browser) -> Paged {
    match &browser.session {
        Some(session) => account(&auth, &browser, session, "", StatusCode::OK).await,
        None => Ok(to_sign_in(&uri)),
    }
}

/// Ends one of the person's sessions.
#[utoipa::path(post, path = "/account/sessions/end", tag = "pages",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Ended."), http_api::PageProblems))]
pub(super) async fn end_session(State(auth): State<Arc<Auth>>, own: OwnForm) -> Paged {
    if let Some(id) = own.form.get("session").and_then(|id| id.parse().ok()) {
        auth.end_session(own.session.user, id).await?;
    }
    Ok(go("/account", None))
}

/// Gives the person a new password, and signs them out everywhere.
#[utoipa::path(post, path = "/account/password", tag = "pages",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Changed."), http_api::PageProblems))]
pub(super) async fn change_password(State(auth): State<Arc<Auth>>, own: OwnForm) -> Paged {
    let (old, new) = (own.text("old"), own.text("new"));
    match auth.change_password(own.session.user, old, new).await {
        Ok(()) => Ok(go("/login", Some(auth.no_session_cookie()))),
        Err(error) => refused(&auth, &own.browser, &own.session, error).await,
    }
}

/// The form to type a device's code into, and then the device to allow.
#[utoipa::path(get, path = "/device", tag = "pages",
    params(("user_code" = Option<String>, Query, description = "The code on the device.")),
    responses((status = 200, description = "A page.", content_type = "text/html"),
        (status = 303, description = "To sign in."), http_api::PageProblems))]
pub(super) async fn device_page(State(auth): State<Arc<Auth>>, query: Asked, uri: Uri, browser: Browser) -> Paged {
    let Some(session) = &browser.session else { return Ok(to_sign_in(&uri)) };
    let OAuthQuery(query) = query?;
    let code = query.get("user_code").unwrap_or_default();
    let device = if code.is_empty() { None } else { auth.waiting_device(code, session).await? };
    let lost = !code.is_empty() && device.is_none();
    let message = if lost { "No device waits under this code. Look at the device again." } else { "" };
    let status = if lost { StatusCode::NOT_FOUND } else { StatusCode::OK };
    Ok(show_device(&auth, &browser, code, device, message, status))
}

fn show_device(
    auth: &Auth,
    browser: &Browser,
    code: &str,
    device: Option<WaitingDevice>,
    message: &str,
    status: StatusCode,
) -> Response {
    let form = browser.form(auth);
    let may = device.iter().flat_map(|device| meanings(&device.scopes, device.role)).collect();
    let html = DevicePage { style: STYLE, code: shown(code), device, may, message, form_token: &form.token }.render();
    page(status, html, Some(form), "")
}

/// Allows or refuses a device.
#[utoipa::path(post, path = "/device", tag = "pages",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "A page.", content_type = "text/html"), http_api::PageProblems))]
pub(super) async fn answer_device(State(auth): State<Arc<Auth>>, own: OwnForm) -> Paged {
    let allow = match own.form.get("decision") {
        Some("allow") => true,
        Some("deny") => false,
        _ => return Err(PageError::new(StatusCode::BAD_REQUEST, "Say yes or no.")),
    };
    let code = own.text("user_code");
    if !auth.answer_device(code, &own.session, allow).await? {
        let message = "No device waits under this code any more.";
        return Ok(show_device(&auth, &own.browser, "", None, message, StatusCode::NOT_FOUND));
    }
    let message = if allow { "The device is signed in. You can close this page." } else { "The device was refused." };
    Ok(show_device(&auth, &own.browser, "", None, message, StatusCode::OK))
}
