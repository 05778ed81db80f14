//! Pages for passkeys. They alone have a script: a passkey can't be asked for without.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    http::{StatusCode, Uri},
};
use contracts::ErrorKind;
use url::form_urlencoded;

use super::{
    browser::{Browser, SCRIPT, STYLE, go, next, page_with_script, status_of},
    forms::{OurForm, OwnForm},
    pages::{Asked, Paged, leads_to, refused, to_sign_in},
    params::OAuthQuery,
};
use crate::{Auth, model::Session, passkeys::Making};

#[derive(Template)]
#[template(path = "passkey_in.html")]
struct InPage<'a> {
    style: &'a str,
    script: &'a str,
    challenge: &'a str,
    rp: &'a str,
    next: &'a str,
    password: String,
    error: &'a str,
    form_token: &'a str,
}

#[derive(Template)]
#[template(path = "passkey_add.html")]
struct AddPage<'a> {
    style: &'a str,
    script: &'a str,
    known: String,
    making: Making,
    error: &'a str,
    form_token: &'a str,
}

fn ask(auth: &Auth, browser: &Browser, next: &str, error: &str, status: StatusCode) -> Paged {
    let (site, challenge) = auth.passkey_asked()?;
    let form = browser.form(auth);
    let escaped: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
    let html = InPage {
        style: STYLE,
        script: SCRIPT,
        challenge: &challenge,
        rp: &site.domain,
        next,
        password: format!("/login?next={escaped}"),
        error,
        form_token: &form.token,
    };
    Ok(page_with_script(status, html.render(), Some(form), &leads_to(next)))
}

/// The page that asks for a passkey to sign in with.
#[utoipa::path(get, path = "/login/passkey", tag = "pages",
    params(("next" = Option<String>, Query, description = "Where to go then.")),
    responses((status = 200, description = "A page.", content_type = "text/html"), http_api::PageProblems))]
pub(super) async fn passkey_page(State(auth): State<Arc<Auth>>, query: Asked, browser: Browser) -> Paged {
    let OAuthQuery(query) = query?;
    ask(&auth, &browser, &next(query.get("next")), "", StatusCode::OK)
}

/// Signs in with what a passkey signed.
#[utoipa::path(post, path = "/login/passkey", tag = "pages",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Signed in."), http_api::PageProblems))]
pub(super) async fn sign_in_with_passkey(State(auth): State<Arc<Auth>>, OurForm { browser, form }: OurForm) -> Paged {
    let next = next(form.get("next"));
    match auth.sign_in_with_passkey(&form, &browser.agent).await {
        Ok(signed_in) => Ok(go(&next, Some(auth.session_cookie(&signed_in.secret)))),
        Err(error) if error.kind == ErrorKind::Unauthenticated => {
            ask(&auth, &browser, &next, &error.detail, StatusCode::FORBIDDEN)
        }
        Err(error) => Err(error.into()),
    }
}

async fn adding(auth: &Auth, browser: &Browser, session: &Session, error: &str, status: StatusCode) -> Paged {
    let making = auth.passkey_making(session.user).await?;
    let form = browser.form(auth);
    let known = making.known.join(" ");
    let html = AddPage { style: STYLE, script: SCRIPT, known, making, error, form_token: &form.token }.render();
    Ok(page_with_script(status, html, Some(form), ""))
}

/// The page that has the browser make a passkey.
#[utoipa::path(get, path = "/account/passkey", tag = "pages",
    responses((status = 200, description = "A page.", content_type = "text/html"),
        (status = 303, description = "To sign in."), http_api::PageProblems))]
pub(super) async fn add_passkey_page(State(auth): State<Arc<Auth>>, uri: Uri, browser: Browser) -> Paged {
    match &browser.session {
        Some(session) => adding(&auth, &browser, session, "", StatusCode::OK).await,
        None => Ok(to_sign_in(&uri)),
    }
}

/// Keeps the passkey that the browser made.
#[utoipa::path(post, path = "/account/passkey", tag = "pages",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Kept."), http_api::PageProblems))]
pub(super) async fn add_passkey(State(auth): State<Arc<Auth>>, own: OwnForm) -> Paged {
    match auth.add_passkey(own.session.user, &own.form).await {
        Ok(()) => Ok(go("/account", None)),
        Err(error) if [ErrorKind::InvalidArgument, ErrorKind::Conflict].contains(&error.kind) => {
            adding(&auth, &own.browser, &own.session, &error.detail, status_of(&error)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Gives a passkey up.
#[utoipa::path(post, path = "/account/passkey/end", tag = "pages",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Given up."), http_api::PageProblems))]
pub(super) async fn end_passkey(State(auth): State<Arc<Auth>>, own: OwnForm) -> Paged {
    let id = own.form.get("passkey").and_then(|id| id.parse().ok()).unwrap_or_default();
    match auth.end_passkey(own.session.user, id).await {
        Ok(()) => Ok(go("/account", None)),
        Err(error) => refused(&auth, &own.browser, &own.session, error).await,
    }
}
