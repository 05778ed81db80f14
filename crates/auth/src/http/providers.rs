//! Pages that lead to a provider and back.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use contracts::{ApiError, ErrorKind};
use http_api::ApiPath;

use super::{
    browser::{Browser, go, next, status_of},
    forms::OwnForm,
    pages::{Asked, Paged, let_in, refused, sign},
    params::OAuthQuery,
};
use crate::{
    Auth,
    federation::{Departure, Return},
};

/// What is shown of a provider.
pub(super) struct Shown {
    pub id: &'static str,
    pub name: &'static str,
    /// Whether the account there opens the person's here.
    pub linked: bool,
}

/// The providers of the configuration.
pub(super) fn shown(auth: &Auth, linked: &[String]) -> Vec<Shown> {
    let all = auth.providers.iter().map(|known| known.config.provider);
    all.map(|one| Shown { id: one.id(), name: one.name(), linked: linked.iter().any(|id| id == one.id()) }).collect()
}

/// Where a form that links may go on to.
pub(super) fn origins(auth: &Auth) -> String {
    auth.providers.iter().map(crate::providers::Known::origin).collect::<Vec<_>>().join(" ")
}

fn leave(auth: &Auth, Departure { address, state }: &Departure) -> Response {
    go(address, Some(auth.away_cookie(state)))
}

/// Leads to a provider to sign in there.
#[utoipa::path(get, path = "/login/{provider}", tag = "pages",
    params(("provider" = String, Path, description = "`google` or `github`."),
        ("next" = Option<String>, Query, description = "Where to go then.")),
    responses((status = 303, description = "To the provider."), http_api::PageProblems))]
pub(super) async fn begin_provider(
    State(auth): State<Arc<Auth>>,
    ApiPath(provider): ApiPath<String>,
    query: Asked,
    browser: Browser,
) -> Paged {
    let OAuthQuery(query) = query?;
    let next = next(query.get("next"));
    match auth.depart(&provider, next.clone(), None).await {
        Ok(departure) => Ok(leave(&auth, &departure)),
        Err(error) => failed(&auth, &browser, &next, error),
    }
}

/// Shows the form to sign in with and why the provider did not do.
fn failed(auth: &Auth, browser: &Browser, next: &str, error: ApiError) -> Paged {
    if [ErrorKind::NotFound, ErrorKind::Internal].contains(&error.kind) {
        return Err(error.into());
    }
    let unknown = error.kind == ErrorKind::Unauthenticated;
    let status = if unknown { StatusCode::FORBIDDEN } else { status_of(&error) };
    Ok(sign(auth, browser, false, next, &error.detail, status))
}

/// A provider sends its person back here.
// What they left with is good once.
#[utoipa::path(get, path = "/login/{provider}/callback", tag = "pages", extensions(("x-sent-once" = json!(true))),
    params(("provider" = String, Path, description = "`google` or `github`."),
        ("state" = Option<String>, Query, description = "What they left with."),
        ("code" = Option<String>, Query, description = "What the provider gave them."),
        ("error" = Option<String>, Query, description = "Why it gave them nothing.")),
    responses((status = 303, description = "Signed in, or linked."), http_api::PageProblems))]
pub(super) async fn finish_provider(
    State(auth): State<Arc<Auth>>,
    ApiPath(provider): ApiPath<String>,
    query: Asked,
    browser: Browser,
) -> Paged {
    let OAuthQuery(query) = query?;
    let shown = (query.get("state").unwrap_or_default(), query.get("code").unwrap_or_default());
    let back = if query.get("error").is_some() {
        let detail = "the provider did not let you in, or you said no there";
        Err(ApiError::new(ErrorKind::Unauthenticated, "provider_refused", detail))
    } else {
        auth.come_back(&provider, browser.away.as_deref(), shown, browser.session.as_ref(), &browser.agent).await
    };
    match (back, &browser.session) {
        (Ok(Return::Linked), _) => Ok(go("/account", None)),
        (Ok(Return::Entered(entrance, next)), _) => Ok(let_in(&auth, &entrance, &next)),
        (Err(error), Some(session)) if [ErrorKind::Conflict, ErrorKind::FailedDependency].contains(&error.kind) => {
            refused(&auth, &browser, session, error).await
        }
        (Err(error), _) => failed(&auth, &browser, "/account", error),
    }
}

/// Leads to a provider to link an account there to one's own.
#[utoipa::path(post, path = "/account/link", tag = "pages",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "To the provider."), http_api::PageProblems))]
pub(super) async fn link_provider(State(auth): State<Arc<Auth>>, own: OwnForm) -> Paged {
    match auth.depart(own.text("provider"), String::new(), Some(own.session.user)).await {
        Ok(departure) => Ok(leave(&auth, &departure)),
        Err(error) => refused(&auth, &own.browser, &own.session, error).await,
    }
}

/// Unlinks a provider.
#[utoipa::path(post, path = "/account/unlink", tag = "pages",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Unlinked."), http_api::PageProblems))]
pub(super) async fn unlink_provider(State(auth): State<Arc<Auth>>, own: OwnForm) -> Paged {
    match auth.unlink(own.session.user, own.text("provider")).await {
        Ok(()) => Ok(go("/account", None)),
        Err(error) => refused(&auth, &own.browser, &own.session, error).await,
    }
}
