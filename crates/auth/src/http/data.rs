//! What people do about their data in a browser, beside the API for programs: take it with them, and have it erased.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, Uri, header},
    response::IntoResponse,
};
use contracts::ErrorKind;

use super::{
    browser::{Browser, go},
    forms::OwnForm,
    pages::{Paged, to_sign_in},
};
use crate::{Auth, audit::Entry};

const FILE: HeaderValue = HeaderValue::from_static("attachment; filename=\"my-data.json\"");

/// Everything that is kept of whoever is signed in, as a file.
#[utoipa::path(get, path = "/account/data", tag = "pages",
    responses((status = 200, body = crate::privacy::PersonalData), (status = 303, description = "To sign in."),
        http_api::PageProblems))]
pub(super) async fn download_data(State(auth): State<Arc<Auth>>, uri: Uri, browser: Browser) -> Paged {
    let Some(session) = &browser.session else { return Ok(to_sign_in(&uri)) };
    let data = auth.data_of(session.user, Entry::by_user("privacy.exported", session.user)).await?;
    let headers = [(header::CONTENT_DISPOSITION, FILE), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((headers, Json(data)).into_response())
}

/// Has the account erased, in 30 days.
#[utoipa::path(post, path = "/account/erase", tag = "pages",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Asked for."), http_api::PageProblems))]
pub(super) async fn erase_account(State(auth): State<Arc<Auth>>, own: OwnForm) -> Paged {
    auth.ask_erasure(own.session.user, false, Entry::by_user("erasure.requested", own.session.user)).await?;
    Ok(go("/account", None))
}

/// Keeps the account after all.
#[utoipa::path(post, path = "/account/keep", tag = "pages",
    request_body(content = std::collections::HashMap<String, String>, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Kept."), http_api::PageProblems))]
pub(super) async fn keep_account(State(auth): State<Arc<Auth>>, own: OwnForm) -> Paged {
    match auth.keep(own.session.user, Entry::by_user("erasure.cancelled", own.session.user)).await {
        // Twice is as good as once.
        Err(error) if error.kind != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(go("/account", None)),
    }
}
