//! `Idempotency-Key`: a write that is sent twice is done once, and answered twice.
//!
//! The key is claimed in the store before the work and holds the answer after it. A claim whose process died expires,
//! and whoever sends the key next takes it over. Only successes are kept: a refusal changed nothing and may be asked
//! again.

mod store;

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{FromRequestParts as _, Request},
    response::{IntoResponse, Response},
    routing::Route,
};
use bytes::{Bytes, BytesMut};
use contracts::{ApiError, Call, Clock, ErrorKind, Rng};
use futures::StreamExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_api::{CallOf, Problem};
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use stores::Db;
use tower::ServiceExt;

use store::{Claim, Claims, Kept};

use crate::body;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The longest key.
const MAX_KEY: usize = 255;
/// The largest answer that is kept, in bytes; of a larger one only the fact remains.
const MAX_ANSWER: usize = 256 * 1_024;

/// A route whose writes carry a key.
#[derive(Clone, Debug)]
pub struct IdempotentRoute {
    /// The method.
    pub method: Method,
    /// The route's template: `/api/v1/internal/ingest/runs`.
    pub route: String,
    /// Whether a request without a key is refused.
    pub required: bool,
    /// Who may make it: whoever may not hears that first, and claims no key.
    pub admits: fn(&Call) -> contracts::Result<()>,
}

/// The layer's state: the store and the routes that use it.
#[derive(Clone)]
pub struct Idempotency {
    claims: Claims,
    routes: Arc<[IdempotentRoute]>,
}

impl Idempotency {
    /// Keys kept in `db` for 24 hours, for `routes`.
    pub fn new(db: Db, clock: Clock, rng: Rng, routes: Vec<IdempotentRoute>) -> Self {
        Self { claims: Claims::new(db, clock, rng), routes: routes.into() }
    }

    /// The rule for this route, if it has one.
    pub(crate) fn rule(&self, method: &Method, endpoint: &str) -> Option<usize> {
        self.routes.iter().position(|route| route.method == method && route.route == endpoint)
    }

    /// Runs a request that falls under the rule.
    pub(crate) async fn run(self, rule: usize, request: Request, route: Route) -> Response {
        let done = self.admitted(rule, request, route).await;
        done.unwrap_or_else(|error| Problem(error).into_response())
    }

    async fn admitted(self, rule: usize, request: Request, route: Route) -> Result<Response, ApiError> {
        let rule = self.routes.get(rule).cloned().ok_or_else(|| ApiError::internal("there is no such rule"))?;
        let (mut parts, body) = request.into_parts();
        let CallOf(call) = CallOf::from_request_parts(&mut parts, &()).await.map_err(|Problem(error)| error)?;
        (rule.admits)(&call)?;
        let request = Request::from_parts(parts, body);
        match key(request.headers())? {
            Some(key) => self.once(&key, request, route).await,
            None if !rule.required => Ok(answer(route, request).await),
            None => {
                let detail = "this write needs an Idempotency-Key header, so that it can be sent again safely";
                Err(ApiError::invalid("idempotency_key_required", detail))
            }
        }
    }

    async fn once(self, key: &str, request: Request, route: Route) -> Result<Response, ApiError> {
        let (parts, body) = request.into_parts();
        let body = body::whole(body).await?;
        // One caller's key says nothing to another.
        let who = parts.headers.get(header::AUTHORIZATION).map_or(&b""[..], HeaderValue::as_bytes);
        let path = parts.uri.path();
        let scope = digest(&[who, parts.method.as_str().as_bytes(), path.as_bytes(), key.as_bytes()]);
        let fingerprint = digest(&[parts.uri.query().unwrap_or_default().as_bytes(), &body]);
        match self.claims.claim(&scope, &fingerprint).await? {
            Claim::Kept(kept) => replay(kept),
            Claim::InFlight(left) => {
                let detail = "a request with this Idempotency-Key is being worked on";
                let error = ApiError::new(ErrorKind::Conflict, "idempotency_in_flight", detail);
                Err(error.retry_after(left.min(Duration::from_secs(5))))
            }
            Claim::OtherRequest => {
                let detail = "this Idempotency-Key was used for another request";
                Err(ApiError::new(ErrorKind::Unprocessable, "idempotency_key_reused", detail))
            }
            Claim::Ours(owner) => {
                let request = Request::from_parts(parts, Body::from(body));
                // In a task of its own: a client that leaves must not stop the work between its effect and the record.
                let task = tokio::spawn(self.work(scope, owner, request, route));
                task.await.map_err(|_| ApiError::internal("the server made a mistake"))?
            }
        }
    }

    async fn work(self, scope: String, owner: String, request: Request, route: Route) -> Result<Response, ApiError> {
        let response = answer(route, request).await;
        if !response.status().is_success() {
            self.claims.release(&scope, &owner).await?;
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let (body, rest) = head_of(body).await.map_err(|error| {
            tracing::error!(%error, "an answer broke off before it could be kept");
            ApiError::internal("the answer broke off")
        })?;
        let text =
            |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).map(str::to_owned);
        let kept = Kept {
            status: parts.status.as_u16(),
            content_type: text(header::CONTENT_TYPE),
            location: text(header::LOCATION),
            body: rest.is_none().then(|| body.to_vec()),
        };
        self.claims.keep(&scope, &owner, kept).await?;
        let body = match rest {
            None => Body::from(body),
            Some(rest) => {
                let head = futures::stream::once(std::future::ready(Ok(body)));
                Body::from_stream(head.chain(rest.into_data_stream()))
            }
        };
        Ok(Response::from_parts(parts, body))
    }
}

/// A body up to the bound, and what comes after it where it is longer: no more than that is held in memory.
async fn head_of(mut body: Body) -> Result<(Bytes, Option<Body>), axum::Error> {
    let mut head = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            head.extend_from_slice(&data);
        }
        if head.len() > MAX_ANSWER {
            return Ok((head.freeze(), Some(body)));
        }
    }
    Ok((head.freeze(), None))
}

async fn answer(route: Route, request: Request) -> Response {
    let Ok(response) = route.oneshot(request).await;
    response
}

/// The key of a request: 1 to 255 visible characters, as a structured string with quotes or bare.
fn key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(KEY) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    if (1..=MAX_KEY).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(Some(text.to_owned()));
    }
    let detail = format!("an Idempotency-Key has 1 to {MAX_KEY} visible ASCII characters");
    Err(ApiError::invalid("bad_idempotency_key", detail))
}

/// SHA-256 over the parts, each behind its length, in hexadecimal.
fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn replay(kept: Kept) -> Result<Response, ApiError> {
    let Some(body) = kept.body else {
        let detail = "this request was done before, and its answer was too large to keep";
        return Err(ApiError::new(ErrorKind::Conflict, "idempotency_answer_not_kept", detail));
    };
    let mut response = Response::new(Body::from(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    for (name, value) in [(header::CONTENT_TYPE, kept.content_type), (header::LOCATION, kept.location)] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            headers.insert(name, value);
        }
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

#[cfg(test)]
mod tests;
