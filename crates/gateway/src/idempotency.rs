//! `Idempotency-Key`: a write that is sent twice is done once, and answered twice.
//!
//! The key is claimed in the store before the work and holds the answer after it. A claim whose process died expires,
//! and whoever sends the key next takes it over. Only successes are kept: a refusal changed nothing and may be asked
//! again. Which writes carry a key is what the document says: those that it gives the header.
//!
//! A key is its sender's, whichever of their tokens it comes with. The answer is read again with the same token alone:
//! under another the sender hears that it was done.

mod envelope;
mod store;

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{FromRequestParts as _, Request},
    response::{IntoResponse, Response},
    routing::Route,
};
use bytes::{Bytes, BytesMut};
use contracts::{ApiError, Call, Caller, Clock, ErrorKind, Permission, Rng, Scope};
use futures::StreamExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_api::{CallOf, Problem};
use http_body_util::BodyExt;
use stores::Db;
use tower::ServiceExt;
use utoipa::openapi::{OpenApi, RefOr, Required, path::Operation, security::SecurityRequirement};

use envelope::Envelope;
use store::{Claim, Claims, Kept};

use crate::body;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The longest key.
const MAX_KEY: usize = 255;
/// The largest answer that is kept, in bytes; of a larger one only the fact remains.
const MAX_ANSWER: usize = 256 * 1_024;

/// A write that carries a key.
struct Rule {
    /// The route's template: `/api/v1/internal/ingest/runs`.
    route: String,
    /// Whether a request without a key is refused.
    required: bool,
    /// What whoever makes it must be: whoever may not hears that first, and claims no key.
    door: Door,
}

/// Whom the document lets make a write.
enum Door {
    Operator,
    Permitted(Permission),
    Holder(Scope),
    Anybody,
}

impl Rule {
    /// The rule for a documented write, if it takes a key.
    fn of(route: &str, operation: &Operation) -> Option<Self> {
        let key = operation.parameters.iter().flatten().find_map(|parameter| match parameter {
            RefOr::T(parameter) if parameter.name.eq_ignore_ascii_case(KEY.as_str()) => Some(parameter),
            _ => None,
        })?;
        let asks = |one: SecurityRequirement| operation.security.iter().flatten().any(|asked| *asked == one);
        let holds = |scope: &Scope| asks(SecurityRequirement::new("oauth", [scope.as_str()]));
        let may = |wanted: &Permission| asks(SecurityRequirement::new("operator", [wanted.to_string()]));
        let door = match (Scope::ALL.iter().copied().find(holds), Permission::ASKED.into_iter().find(may)) {
            (Some(scope), _) => Door::Holder(scope),
            (None, Some(wanted)) => Door::Permitted(wanted),
            (None, None) if asks(SecurityRequirement::new("operator", [""; 0])) => Door::Operator,
            (None, None) => Door::Anybody,
        };
        Some(Self { route: route.to_owned(), required: key.required == Required::True, door })
    }

    fn admits(&self, call: &Call) -> Result<(), ApiError> {
        match &self.door {
            Door::Operator => call.require_operator(),
            Door::Permitted(wanted) => call.require_permission(wanted),
            Door::Holder(scope) => call.identity(*scope).map(|_| ()),
            Door::Anybody => Ok(()),
        }
    }
}

/// The layer's state: the store and the writes that use it.
#[derive(Clone)]
pub struct Idempotency {
    claims: Claims,
    rng: Rng,
    secret: [u8; 32],
    rules: Arc<[Rule]>,
}

impl Idempotency {
    /// Keys kept in `db` for 24 hours. Requests are compared under `secret`, which all nodes have: one that has another
    /// refuses what is sent again to it.
    pub fn new(db: Db, clock: Clock, rng: Rng, secret: [u8; 32]) -> Self {
        Self { claims: Claims::new(db, clock, rng.clone()), rng, secret, rules: Arc::default() }
    }

    /// For the writes of this document. All are `POST`: PUT, PATCH and DELETE may be sent again as they are.
    pub(crate) fn documented(self, document: &OpenApi) -> Self {
        let paths = document.paths.paths.iter();
        let rules = paths.filter_map(|(route, item)| Rule::of(route, item.post.as_ref()?)).collect();
        Self { rules, ..self }
    }

    /// The rule for this route, if it has one.
    pub(crate) fn rule(&self, method: &Method, endpoint: &str) -> Option<usize> {
        (method == Method::POST).then(|| self.rules.iter().position(|rule| rule.route == endpoint)).flatten()
    }

    /// Runs a request that falls under the rule.
    pub(crate) async fn run(self, rule: usize, request: Request, route: Route) -> Response {
        let done = self.admitted(rule, request, route).await;
        done.unwrap_or_else(|error| Problem(error).into_response())
    }

    async fn admitted(self, rule: usize, request: Request, route: Route) -> Result<Response, ApiError> {
        let rules = Arc::clone(&self.rules);
        let rule = rules.get(rule).ok_or_else(|| ApiError::internal("there is no such rule"))?;
        let (mut parts, body) = request.into_parts();
        let CallOf(call) = CallOf::from_request_parts(&mut parts, &()).await.map_err(|Problem(error)| error)?;
        rule.admits(&call)?;
        let request = Request::from_parts(parts, body);
        match key(request.headers())? {
            Some(key) => self.once(&call.caller, &key, request, route).await,
            None if !rule.required => Ok(answer(route, request).await),
            None => {
                let detail = "this write needs an Idempotency-Key header, so that it can be sent again safely";
                Err(ApiError::invalid("idempotency_key_required", detail))
            }
        }
    }

    async fn once(self, caller: &Caller, key: &str, request: Request, route: Route) -> Result<Response, ApiError> {
        let (parts, body) = request.into_parts();
        let body = body::whole(body).await?;
        let shown = parts.headers.get(header::AUTHORIZATION).map_or(&b""[..], HeaderValue::as_bytes);
        let write = [parts.method.as_str().as_bytes(), parts.uri.path().as_bytes(), key.as_bytes()];
        let envelope = Envelope::of(caller, &write, shown);
        let asked = [parts.uri.query().unwrap_or_default().as_bytes(), &body[..]];
        let fingerprint = envelope.fingerprint(&self.secret, &asked);
        match self.claims.claim(&envelope.scope(), &fingerprint).await? {
            Claim::Kept(kept) => replay(kept, &envelope),
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
                let task = tokio::spawn(self.work(envelope, owner, request, route));
                task.await.map_err(|_| ApiError::internal("the server made a mistake"))?
            }
        }
    }

    async fn work(
        self,
        envelope: Envelope,
        owner: String,
        request: Request,
        route: Route,
    ) -> Result<Response, ApiError> {
        let (scope, response) = (envelope.scope(), answer(route, request).await);
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
            body: rest.is_none().then(|| envelope.seal(&self.rng, &body)).flatten(),
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

/// The one key of a request: 1 to 255 visible characters, as a structured string with quotes or bare.
fn key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut given = headers.get_all(KEY).iter();
    let Some(value) = given.next() else { return Ok(None) };
    // Which of two was meant is not ours to guess: the write would be done again under the other.
    if given.next().is_some() {
        return Err(ApiError::invalid("bad_idempotency_key", "the Idempotency-Key was given twice: send one"));
    }
    let text = value.to_str().unwrap_or_default().trim();
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    if (1..=MAX_KEY).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(Some(text.to_owned()));
    }
    let detail = format!("an Idempotency-Key has 1 to {MAX_KEY} visible ASCII characters");
    Err(ApiError::invalid("bad_idempotency_key", detail))
}

fn replay(kept: Kept, envelope: &Envelope) -> Result<Response, ApiError> {
    let done = |detail: &str| ApiError::new(ErrorKind::Conflict, "idempotency_answer_not_kept", detail);
    let sealed = kept.body.ok_or_else(|| done("this request was done before, and its answer was too large to keep"))?;
    let body = envelope.open(&sealed).ok_or_else(|| {
        done("this request was done before, and its answer is kept for the token that it was first sent with")
    })?;
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
