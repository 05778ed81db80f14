//! Accounts that providers are asked with, for the operator: begun, answered, looked at, ended.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use contracts::{ApiError, Call, Result};
use http_api::{ApiJson, ApiPath, HttpResult, IdempotencyKey, OperatorOf};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{Ingest, Link};

/// A link to begin.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginLink {
    /// Where the answer is waited for: `http://127.0.0.1:PORT`.
    pub redirect_uri: String,
}

/// A link that was begun.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct BegunLink {
    /// Where the account's holder says yes.
    pub authorization_url: String,
    /// Until when.
    #[schema(value_type = String)]
    pub expires_at: Timestamp,
}

/// What came back to the address of a link.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FinishLink {
    /// Its `code`.
    pub code: String,
    /// Its `state`.
    pub state: String,
}

/// How a link stands.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct LinkView {
    /// The source.
    pub source: String,
    /// Whether it is asked with an account.
    pub linked: bool,
}

impl Ingest {
    fn link(&self, call: &Call, source: &str) -> Result<&Arc<Link>> {
        call.require_operator()?;
        self.config.links.get(source).ok_or_else(|| {
            let detail = format!("no source {source:?} has a `client_id` of an account that it could be linked with");
            ApiError::not_found("no_such_link", detail)
        })
    }

    /// Begins to link a source to an account.
    ///
    /// # Errors
    /// `NotFound` for a source that can't be; else as [`Link::begin`].
    pub async fn begin_link(&self, call: &Call, source: &str, asked: &BeginLink) -> Result<BegunLink> {
        let (url, expires_at) = self.link(call, source)?.begin(&asked.redirect_uri).await?;
        Ok(BegunLink { authorization_url: url.into(), expires_at })
    }

    /// Links it, with what came back.
    ///
    /// # Errors
    /// As [`Link::finish`].
    pub async fn finish_link(&self, call: &Call, source: &str, answer: &FinishLink) -> Result<LinkView> {
        self.link(call, source)?.finish(call, &answer.state, &answer.code).await?;
        self.link_view(call, source).await
    }

    /// How a link stands.
    ///
    /// # Errors
    /// As [`Link::is_made`].
    pub async fn link_view(&self, call: &Call, source: &str) -> Result<LinkView> {
        Ok(LinkView { source: source.to_owned(), linked: self.link(call, source)?.is_made().await? })
    }

    /// Ends a link, here and there.
    ///
    /// # Errors
    /// As [`Link::end`].
    pub async fn end_link(&self, call: &Call, source: &str) -> Result<()> {
        self.link(call, source)?.end(call).await
    }
}

pub(crate) fn router() -> OpenApiRouter<Arc<Ingest>> {
    OpenApiRouter::new().routes(routes!(begin_link, finish_link, get_link, end_link))
}

/// Begins to link a source to an account of the operator's there.
#[utoipa::path(post, path = "/api/v1/internal/ingest/links/{source}", tag = "ingest", security(("operator" = [])),
    params(("source" = String, Path, description = "The source, such as `youtube`."), IdempotencyKey),
    request_body = BeginLink, responses((status = 200, body = BegunLink)))]
async fn begin_link(
    State(ingest): State<Arc<Ingest>>,
    OperatorOf(call): OperatorOf,
    ApiPath(source): ApiPath<String>,
    ApiJson(asked): ApiJson<BeginLink>,
) -> HttpResult<Json<BegunLink>> {
    Ok(Json(ingest.begin_link(&call, &source, &asked).await?))
}

/// Links a source, with what came back to the address that was named.
#[utoipa::path(put, path = "/api/v1/internal/ingest/links/{source}", tag = "ingest", security(("operator" = [])),
    params(("source" = String, Path, description = "The source, such as `youtube`.")), request_body = FinishLink,
    responses((status = 200, body = LinkView)))]
async fn finish_link(
    State(ingest): State<Arc<Ingest>>,
    OperatorOf(call): OperatorOf,
    ApiPath(source): ApiPath<String>,
    ApiJson(answer): ApiJson<FinishLink>,
) -> HttpResult<Json<LinkView>> {
    Ok(Json(ingest.finish_link(&call, &source, &answer).await?))
}

/// Whether a source is linked to an account.
#[utoipa::path(get, path = "/api/v1/internal/ingest/links/{source}", tag = "ingest", security(("operator" = [])),
    params(("source" = String, Path, description = "The source, such as `youtube`.")),
    responses((status = 200, body = LinkView)))]
async fn get_link(
    State(ingest): State<Arc<Ingest>>,
    OperatorOf(call): OperatorOf,
    ApiPath(source): ApiPath<String>,
) -> HttpResult<Json<LinkView>> {
    Ok(Json(ingest.link_view(&call, &source).await?))
}

/// Ends a link: the token is forgotten here and revoked there.
#[utoipa::path(delete, path = "/api/v1/internal/ingest/links/{source}", tag = "ingest", security(("operator" = [])),
    params(("source" = String, Path, description = "The source, such as `youtube`.")),
    responses((status = 204, description = "Ended.")))]
async fn end_link(
    State(ingest): State<Arc<Ingest>>,
    OperatorOf(call): OperatorOf,
    ApiPath(source): ApiPath<String>,
) -> HttpResult<StatusCode> {
    ingest.end_link(&call, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}
