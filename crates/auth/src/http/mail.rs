//! Pages for what is done by mail: a new password, and an address that is one's own.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    http::{StatusCode, Uri},
    response::Response,
};
use contracts::ErrorKind;

use super::{
    browser::{Browser, PageError, STYLE, go, page},
    forms::{OurForm, OwnForm},
    pages::{Asked, Paged, to_sign_in},
    params::OAuthQuery,
};
use crate::{Auth, mail::Kind};

#[derive(Template)]
#[template(path = "forgot.html")]
struct ForgotPage<'a> {
    style: &'a str,
    asked: bool,
    form_token: &'a str,
}

#[derive(Template)]
#[template(path = "reset.html")]
struct ResetPage<'a> {
    style: &'a str,
    code: &'a str,
    error: &'a str,
    form_token: &'a str,
}

#[derive(Template)]
#[template(path = "verify.html")]
struct VerifyPage<'a> {
    style: &'a str,
    code: &'a str,
    form_token: &'a str,
}

fn forgot(auth: &Auth, browser: &Browser, asked: bool) -> Response {
    let form = browser.form(auth);
    let html = ForgotPage { style: STYLE, asked, form_token: &form.token }.render();
    page(StatusCode::OK, html, Some(form), "")
}

/// The form to ask for a new password with.
#[utoipa::path(get, path = "/forgot", tag = "pages",
    responses((status = 200, description = "A page.", content_type = "text/html"), http_api::PageProblems))]
pub(super) async fn forgot_page(State(auth): State<Arc<Auth>>, browser: Browser) -> Paged {
    Ok(forgot(&auth, &browser, false))
}

/// Asks for a mail to choose a new password with. The answer is the same for every address.
#[utoipa::path(post, path = "/forgot", tag = "pages",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "A page.", content_type = "text/html"), http_api::PageProblems))]
pub(super) async fn ask_reset(State(auth): State<Arc<Auth>>, OurForm { browser, form }: OurForm) -> Paged {
    auth.ask_reset(form.get("email").unwrap_or_default()).await?;
    Ok(forgot(&auth, &browser, true))
}

fn reset(auth: &Auth, browser: &Browser, code: &str, error: &str, status: StatusCode) -> Response {
    let form = browser.form(auth);
    let html = ResetPage { style: STYLE, code, error, form_token: &form.token }.render();
    page(status, html, Some(form), "")
}

fn bad_link() -> PageError {
    let message = "This link is not good any more: it was used, or is too old. Ask for another.";
    PageError::new(StatusCode::NOT_FOUND, message)
}

/// The form to choose a new password with, behind the link of a mail.
#[utoipa::path(get, path = "/reset", tag = "pages",
    params(("code" = Option<String>, Query, description = "The code of the mail.")),
    responses((status = 200, description = "A page.", content_type = "text/html"), http_api::PageProblems))]
pub(super) async fn reset_page(State(auth): State<Arc<Auth>>, query: Asked, browser: Browser) -> Paged {
    let OAuthQuery(query) = query?;
    let code = query.get("code").unwrap_or_default();
    if auth.code_owner(Kind::Reset, code).await?.is_none() {
        return Err(bad_link());
    }
    Ok(reset(&auth, &browser, code, "", StatusCode::OK))
}

/// Gives a new password, and signs out everywhere.
#[utoipa::path(post, path = "/reset", tag = "pages",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Changed: to sign in."), http_api::PageProblems))]
pub(super) async fn reset_password(State(auth): State<Arc<Auth>>, OurForm { browser, form }: OurForm) -> Paged {
    let (code, new) = (form.get("code").unwrap_or_default(), form.get("new").unwrap_or_default());
    match auth.reset_password(code, new).await {
        Ok(()) => Ok(go("/login", Some(auth.no_session_cookie()))),
        Err(error) if error.kind == ErrorKind::InvalidArgument => {
            Ok(reset(&auth, &browser, code, &error.detail, StatusCode::BAD_REQUEST))
        }
        Err(error) => Err(error.into()),
    }
}

/// Asks whoever is signed in to confirm that an address is theirs, behind the link of a mail.
#[utoipa::path(get, path = "/verify", tag = "pages",
    params(("code" = Option<String>, Query, description = "The code of the mail.")),
    responses((status = 200, description = "A page.", content_type = "text/html"),
        (status = 303, description = "To sign in."), http_api::PageProblems))]
pub(super) async fn verify_page(State(auth): State<Arc<Auth>>, query: Asked, uri: Uri, browser: Browser) -> Paged {
    let Some(session) = &browser.session else { return Ok(to_sign_in(&uri)) };
    let OAuthQuery(query) = query?;
    let code = query.get("code").unwrap_or_default();
    if auth.code_owner(Kind::Verify, code).await? != Some(session.user) {
        return Err(bad_link());
    }
    let form = browser.form(&auth);
    let html = VerifyPage { style: STYLE, code, form_token: &form.token }.render();
    Ok(page(StatusCode::OK, html, Some(form), ""))
}

/// Notes that the address is the person's.
#[utoipa::path(post, path = "/verify", tag = "pages",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Confirmed: to the account."), http_api::PageProblems))]
pub(super) async fn verify_email(State(auth): State<Arc<Auth>>, own: OwnForm) -> Paged {
    auth.verify_email(own.session.user, own.text("code")).await?;
    Ok(go("/account", None))
}

/// Asks for another mail to confirm one's address with.
#[utoipa::path(post, path = "/account/verify", tag = "pages",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Asked: to the account."), http_api::PageProblems))]
pub(super) async fn ask_verification(State(auth): State<Arc<Auth>>, own: OwnForm) -> Paged {
    auth.ask_verification(own.session.user).await?;
    Ok(go("/account", None))
}
