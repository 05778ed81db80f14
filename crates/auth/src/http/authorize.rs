//! The authorization endpoint: where a client sends its person.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    http::{StatusCode, Uri},
    response::Response,
};
use contracts::{Role, Scope, Scopes};
use url::form_urlencoded;

use super::{
    browser::{self, Browser, PageError, STYLE, go, page},
    forms::OurForm,
    params::{OAuthQuery, Params},
};
use crate::{
    Auth, OAuthError,
    authorize::{Refusal, Request, SIGNED_IN_SINCE, Step},
    redirect,
};

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    style: &'a str,
    client: &'a str,
    goes_to: String,
    may: Vec<&'static str>,
    action: String,
    form_token: &'a str,
}

/// What scopes mean to the person of this role who gives them, without what they can't give.
pub(super) fn meanings(scopes: &Scopes, role: Role) -> Vec<&'static str> {
    scopes.clone().within(role).iter().map(|scope| meaning(scope, role)).collect()
}

fn meaning(scope: Scope, role: Role) -> &'static str {
    match scope {
        Scope::OpenId => "know that it is you",
        Scope::Email => "see your email address",
        Scope::OfflineAccess => "do this also while you are away",
        Scope::ReadContent => "search the catalogue for you",
        Scope::ReadWatchlist => "see your watchlists and what you watched",
        Scope::ReadPreferences => "see your preferences",
        Scope::ReadDevices => "see your devices",
        Scope::WriteWatchlist => "change your watchlists and what you watched",
        Scope::WritePreferences => "change your preferences",
        Scope::WritePlayback => "start playback",
        Scope::PlaybackControl => "control what plays on your devices",
        Scope::ManageAccount => "manage your account, API keys and sessions",
        Scope::AdminFull if role == Role::Admin => "administer this Media Gateway",
        Scope::AdminFull => "look after the catalogue for everybody: its titles, and which of them are one",
    }
}

fn refused(refusal: Refusal) -> Result<Response, PageError> {
    match refusal {
        Refusal::Page(error) => Err(error.into()),
        Refusal::Back(address) => Ok(go(&address, None)),
    }
}

/// A client sends its person here (RFC 6749, section 3.1).
// A pushed request, and the code that may be made at once, are good once.
#[utoipa::path(get, path = "/oauth/authorize", tag = "oauth", extensions(("x-sent-once" = json!(true))),
    params(("client_id" = Option<String>, Query, description = "The client."),
        ("response_type" = Option<String>, Query, description = "`code`."),
        ("redirect_uri" = Option<String>, Query, description = "Where to answer."),
        ("code_challenge" = Option<String>, Query, description = "S256 (RFC 7636)."),
        ("scope" = Option<String>, Query, description = "What it wants to do."),
        ("state" = Option<String>, Query, description = "Comes back as it is."),
        ("request_uri" = Option<String>, Query, description = "A pushed request (RFC 9126).")),
    responses((status = 200, description = "The person is asked.", content_type = "text/html"),
        (status = 303, description = "On to the client, or to sign in."), http_api::PageProblems))]
pub(super) async fn authorize(
    State(auth): State<Arc<Auth>>,
    query: Result<OAuthQuery, OAuthError>,
    uri: Uri,
    browser: Browser,
) -> Result<Response, PageError> {
    let OAuthQuery(query) = query?;
    let step = match auth.request(&query).await {
        Ok(request) => auth.next(request, browser.session.clone(), query.get(SIGNED_IN_SINCE)).await,
        Err(refusal) => Err(refusal),
    };
    match step {
        Ok(Step::Go(address)) => Ok(go(&address, None)),
        Ok(Step::SignIn { since }) => Ok(sign_in_first(query, since.as_deref())),
        Ok(Step::Ask(request, role)) => Ok(ask(&auth, &browser, &request, role, uri.query().unwrap_or_default())),
        Err(refusal) => refused(refusal),
    }
}

/// To sign in, and back to the same request.
fn sign_in_first(mut query: Params, since: Option<&str>) -> Response {
    if let Some(since) = since {
        query.set(SIGNED_IN_SINCE, since);
    }
    let again = format!("/oauth/authorize?{}", query.encode());
    let next: String = form_urlencoded::byte_serialize(again.as_bytes()).collect();
    go(&format!("/login?next={next}"), None)
}

/// Asks the person whether the client may.
fn ask(auth: &Auth, browser: &Browser, request: &Request, role: Role, query: &str) -> Response {
    let form = browser.form(auth);
    let goes_to = redirect::origin(&request.redirect_uri);
    let html = ConsentPage {
        style: STYLE,
        client: &request.client.name,
        may: meanings(&request.scopes, role),
        action: format!("/oauth/authorize?{query}"),
        goes_to: goes_to.clone(),
        form_token: &form.token,
    };
    page(StatusCode::OK, html.render(), Some(form), &goes_to)
}

/// The person answers.
#[utoipa::path(post, path = "/oauth/authorize", tag = "oauth",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "On to the client."), http_api::PageProblems))]
pub(super) async fn decide(
    State(auth): State<Arc<Auth>>,
    query: Result<OAuthQuery, OAuthError>,
    OurForm { browser, form }: OurForm,
) -> Result<Response, PageError> {
    let OAuthQuery(query) = query?;
    let Some(session) = browser.session.clone() else {
        return Err(PageError::new(StatusCode::UNAUTHORIZED, "You are not signed in any more. Start again."));
    };
    let allow = match form.get("decision") {
        Some("allow") => true,
        Some("deny") => false,
        _ => return Err(PageError::new(StatusCode::BAD_REQUEST, "Say yes or no.")),
    };
    let answered = match auth.request(&query).await {
        Ok(request) => auth.answer(request, &session, allow).await,
        Err(refusal) => Err(refusal),
    };
    answered.map_or_else(refused, |address| Ok(browser::go(&address, None)))
}
