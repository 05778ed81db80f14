//! Pages for the second factor: showing it, having one, and giving it up.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use contracts::ErrorKind;

use super::{
    browser::{Browser, STYLE, go, next, page},
    forms::{OurForm, OwnForm},
    pages::{Asked, Paged, leads_to, refused},
    params::OAuthQuery,
};
use crate::{Auth, factors::Enrolment};

#[derive(Template)]
#[template(path = "code.html")]
struct CodePage<'a> {
    style: &'a str,
    next: &'a str,
    error: &'a str,
    form_token: &'a str,
}

#[derive(Template)]
#[template(path = "factor.html")]
struct FactorPage<'a> {
    style: &'a str,
    enrolment: Option<Enrolment>,
    codes: Vec<String>,
    form_token: &'a str,
}

fn ask(auth: &Auth, browser: &Browser, next: &str, error: &str, status: StatusCode) -> Response {
    let form = browser.form(auth);
    let html = CodePage { style: STYLE, next, error, form_token: &form.token }.render();
    page(status, html, Some(form), &leads_to(next))
}

/// The form for the code of an authenticator, after the password.
#[utoipa::path(get, path = "/login/code", tag = "pages",
    params(("next" = Option<String>, Query, description = "Where to go then.")),
    responses((status = 200, description = "A page.", content_type = "text/html"),
        (status = 303, description = "To the password first."), http_api::PageProblems))]
pub(super) async fn code_page(State(auth): State<Arc<Auth>>, query: Asked, browser: Browser) -> Paged {
    let OAuthQuery(query) = query?;
    if browser.half.is_none() {
        return Ok(go("/login", None));
    }
    Ok(ask(&auth, &browser, &next(query.get("next")), "", StatusCode::OK))
}

/// Signs in with the code of an authenticator, or with a backup code.
#[utoipa::path(post, path = "/login/code", tag = "pages",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Signed in."), http_api::PageProblems))]
pub(super) async fn sign_in_with_code(State(auth): State<Arc<Auth>>, OurForm { browser, form }: OurForm) -> Paged {
    let Some(half) = &browser.half else { return Ok(go("/login", None)) };
    let next = next(form.get("next"));
    match auth.sign_in_with(half, form.get("code").unwrap_or_default(), &browser.agent).await {
        Ok(signed_in) => Ok(go(&next, Some(auth.session_cookie(&signed_in.secret)))),
        Err(error) if error.kind == ErrorKind::Unauthenticated => {
            Ok(ask(&auth, &browser, &next, &error.detail, StatusCode::FORBIDDEN))
        }
        Err(error) => Err(error.into()),
    }
}

fn show(auth: &Auth, browser: &Browser, enrolment: Option<Enrolment>, codes: Vec<String>) -> Response {
    let form = browser.form(auth);
    let html = FactorPage { style: STYLE, enrolment, codes, form_token: &form.token }.render();
    page(StatusCode::OK, html, Some(form), "")
}

/// Begins with an authenticator: shows its secret, this once.
#[utoipa::path(post, path = "/account/factor", tag = "pages",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "A page.", content_type = "text/html"),
        (status = 303, description = "To sign in."), http_api::PageProblems))]
pub(super) async fn begin_factor(State(auth): State<Arc<Auth>>, own: OwnForm) -> Paged {
    let enrolment = auth.begin_factor(own.session.user).await?;
    Ok(show(&auth, &own.browser, Some(enrolment), Vec::new()))
}

/// Counts an authenticator from now on, when a code of it is shown; shows the backup codes, this once.
#[utoipa::path(post, path = "/account/factor/confirm", tag = "pages",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "A page.", content_type = "text/html"),
        (status = 303, description = "To sign in."), http_api::PageProblems))]
pub(super) async fn confirm_factor(State(auth): State<Arc<Auth>>, own: OwnForm) -> Paged {
    match auth.confirm_factor(own.session.user, own.text("code")).await {
        Ok(codes) => Ok(show(&auth, &own.browser, None, codes)),
        Err(error) => refused(&auth, &own.browser, &own.session, error).await,
    }
}

/// Gives the second factor up.
#[utoipa::path(post, path = "/account/factor/end", tag = "pages",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Given up."), http_api::PageProblems))]
pub(super) async fn end_factor(State(auth): State<Arc<Auth>>, own: OwnForm) -> Paged {
    match auth.end_factor(own.session.user, own.text("code")).await {
        Ok(()) => Ok(go("/account", None)),
        Err(error) => refused(&auth, &own.browser, &own.session, error).await,
    }
}
