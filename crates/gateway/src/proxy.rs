//! The way to roles in other processes: the same HTTP request, passed on to the role's port.
//!
//! Where a request goes is decided by its route alone; neither `Host` nor an absolute address in the request line
//! can change it.

use std::{
    convert::Infallible,
    error::Error,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::Body,
    extract::Request,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use contracts::{ApiError, Component, ComponentState, ErrorKind, Trace};
use futures::future::BoxFuture;
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, Version, header,
    request::Parts,
    uri::{Authority, PathAndQuery, Scheme},
};
use http_api::{BodyTooLarge, Budget, Client, Frame, Peer, Problem, cause};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body as _, Incoming};
use hyper_util::{
    client::legacy::{Client as HttpClient, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tower::Service;
use tower_http::timeout::TimeoutBody;
use utoipa::openapi::OpenApi;

use crate::{
    health::Readiness,
    upstream::{Outcome, Upstream, UpstreamConfig},
    way::Way,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Shorter than the time a role's listener keeps an idle connection, so that none is used as it closes.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle connections kept to one role.
const MAX_IDLE: usize = 64;

/// The longest answer that is read from a role's `/readyz`.
const MAX_READINESS: usize = 64 * 1_024;

/// Headers that are about one connection (RFC 9110, section 7.6.1), besides those that `Connection` names.
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// How long a role may pause within an answer.
const BODY_PATIENCE: Duration = Duration::from_secs(15);
/// The largest body of a request or an answer that is held, so that a try can be repeated.
const MAX_HELD: u64 = 64 * 1_024;

/// A role in another process.
pub struct Remote {
    name: Arc<str>,
    scheme: Scheme,
    authority: Authority,
    config: UpstreamConfig,
    /// The role's document: its paths are what is passed on.
    pub(crate) api: OpenApi,
}

impl Remote {
    /// The role `name` that answers at `base` (`http://host:port`, or `https://` with certificates on both sides) what `api` documents.
    ///
    /// # Errors
    /// `bad_remote` when `base` is not an HTTP origin.
    pub fn new(name: &str, base: &Uri, api: OpenApi) -> Result<Self, ApiError> {
        let origin = base.path() == "/" && base.query().is_none();
        match (base.scheme(), base.authority()) {
            (Some(scheme), Some(authority)) if origin && [Scheme::HTTP, Scheme::HTTPS].contains(scheme) => {
                let (scheme, config) = (scheme.clone(), UpstreamConfig::default());
                Ok(Self { name: name.into(), scheme, authority: authority.clone(), config, api })
            }
            _ => Err(ApiError::invalid("bad_remote", format!("{base} is not an address like http://host:port"))),
        }
    }
}

impl Remote {
    /// Asked in this way.
    #[must_use]
    pub fn asked(self, config: UpstreamConfig) -> Self {
        Self { config, ..self }
    }

    /// The role's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// The client that all remote roles share.
#[derive(Clone)]
pub(crate) struct Proxy(HttpClient<Way, Body>);

impl Proxy {
    pub(crate) fn new(tls: Option<Arc<tls::Mutual>>) -> Self {
        let mut plain = HttpConnector::new();
        plain.set_connect_timeout(Some(CONNECT_TIMEOUT));
        plain.set_nodelay(true);
        plain.enforce_http(false);
        let connector = Way { plain, tls };
        let mut builder = HttpClient::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE_TIMEOUT).pool_max_idle_per_host(MAX_IDLE);
        Self(builder.build(connector))
    }

    /// Asks `remote` how it is, as one component of this node.
    pub(crate) fn probe(&self, remote: &Remote) -> impl Fn() -> BoxFuture<'static, Vec<Component>> + use<> {
        let (client, name) = (self.0.clone(), Arc::clone(&remote.name));
        let target = Uri::builder().scheme(remote.scheme.clone()).authority(remote.authority.clone());
        let target = target.path_and_query("/readyz");
        let target = target.build().unwrap_or_default();
        move || {
            let (name, reply) = (Arc::clone(&name), client.get(target.clone()));
            Box::pin(async move {
                let down = |detail: &str| Component::new(&name, ComponentState::Down, detail);
                let Ok(response) = reply.await else { return vec![down("it does not answer")] };
                let body = Limited::new(response.into_body(), MAX_READINESS).collect().await;
                let readiness = body.ok().and_then(|body| serde_json::from_slice::<Readiness>(&body.to_bytes()).ok());
                let Some(readiness) = readiness else { return vec![down("it does not say how it is")] };
                let troubled = readiness.components.iter().filter(|part| part.state != ComponentState::Ready);
                let detail: Vec<_> = troubled.map(|part| format!("{}: {}", part.name, part.detail)).collect();
                vec![Component::new(&name, readiness.state, detail.join("; "))]
            })
        }
    }

    /// A service that passes every request on to `remote`, as `upstream` allows.
    pub(crate) fn to(&self, remote: &Remote, upstream: &Arc<Upstream>) -> Forward {
        let (scheme, authority) = (remote.scheme.clone(), remote.authority.clone());
        Forward { client: self.0.clone(), upstream: Arc::clone(upstream), scheme, authority }
    }

    /// How `remote` is asked.
    pub(crate) fn upstream(remote: &Remote, frame: &Frame) -> Arc<Upstream> {
        let (clock, rng) = (frame.clock.clone(), frame.rng.clone());
        Arc::new(Upstream::new(Arc::clone(&remote.name), remote.config, clock, rng))
    }
}

/// See [`Proxy::to`].
#[derive(Clone)]
pub(crate) struct Forward {
    client: HttpClient<Way, Body>,
    upstream: Arc<Upstream>,
    scheme: Scheme,
    authority: Authority,
}

impl Service<Request> for Forward {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let this = self.clone();
        Box::pin(async move { Ok(this.forward(request).await.unwrap_or_else(|error| Problem(error).into_response())) })
    }
}

impl Forward {
    async fn forward(self, request: Request) -> Result<Response, ApiError> {
        let time = request.extensions().get::<Budget>().map(|budget| budget.0);
        let time = time.or_else(|| Some(request.extensions().get::<Arc<Frame>>()?.timeout)).unwrap_or(BODY_PATIENCE);
        let mut held = Held::new(readdress(request, &self.scheme, &self.authority)?).await?;
        let safe = held.safe();
        let mut response = self.upstream.call(time, safe, || self.ask(held.next(), safe)).await?;
        strip(response.headers_mut());
        *response.version_mut() = Version::HTTP_11;
        Ok(response)
    }

    /// One try of a request that is [`Held::safe`] or not.
    async fn ask(&self, next: Option<Request>, safe: bool) -> Outcome<Response> {
        let Some(request) = next else {
            return Outcome::Bad { answer: Err(ApiError::internal("the request can't be sent again")), again: false };
        };
        match self.client.request(request).await {
            Ok(response) => match whole(response).await {
                Ok(response) if is_failure(response.status()) => Outcome::Bad { answer: Ok(response), again: safe },
                Ok(response) => Outcome::Good(response),
                Err(error) => Outcome::Bad { again: safe, answer: Err(self.failure(&error, ErrorKind::BadGateway)) },
            },
            Err(error) if cause::<BodyTooLarge>(&error).is_some() => {
                // The client's fault: the role did nothing wrong.
                Outcome::Refused(BodyTooLarge::api_error())
            }
            // Nothing was sent: whatever it was, it can be asked again.
            Err(error) => {
                let kind = if error.is_connect() { ErrorKind::Unavailable } else { ErrorKind::BadGateway };
                Outcome::Bad { again: safe || error.is_connect(), answer: Err(self.failure(&error, kind)) }
            }
        }
    }

    fn failure(&self, error: &dyn Error, kind: ErrorKind) -> ApiError {
        let name = self.upstream.name();
        tracing::warn!(role = name, %error, cause = error.source().map(tracing::field::display), "a role did not answer");
        let detail = format!("the {name} service does not answer");
        ApiError::new(kind, "upstream_unavailable", detail).retry_after(Duration::from_secs(1))
    }
}

/// An answer with all of its body where that is small: it goes on in one write with its head, and where it breaks off it can be
/// asked for again.
async fn whole(response: Response<Incoming>) -> Result<Response, hyper::Error> {
    let (parts, body) = response.into_parts();
    let body = match body.size_hint().exact() {
        Some(bytes) if bytes <= MAX_HELD => Body::from(body.collect().await?.to_bytes()),
        _ => Body::new(TimeoutBody::new(BODY_PATIENCE, body)),
    };
    Ok(Response::from_parts(parts, body))
}

/// Answers that speak against the role rather than against the request.
fn is_failure(status: StatusCode) -> bool {
    [
        StatusCode::INTERNAL_SERVER_ERROR,
        StatusCode::BAD_GATEWAY,
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::GATEWAY_TIMEOUT,
    ]
    .contains(&status)
}

/// A request that can be sent more than once, when its body is small.
struct Held {
    parts: Parts,
    body: Option<Bytes>,
    /// What is too large to hold, for the only try.
    rest: Option<Body>,
}

impl Held {
    async fn new(request: Request) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        if body.size_hint().upper().is_none_or(|most| most > MAX_HELD) {
            return Ok(Self { parts, body: None, rest: Some(body) });
        }
        let body = match body.is_end_stream() {
            true => Bytes::new(),
            false => body.collect().await.map_err(|_| broken())?.to_bytes(),
        };
        Ok(Self { parts, body: Some(body), rest: None })
    }

    /// Whether it may be repeated whatever became of it: GET and HEAD change nothing, and the only POST that reads is a
    /// search.
    fn safe(&self) -> bool {
        self.body.is_some() && (self.parts.method.is_safe() || self.parts.uri.path().ends_with("/search"))
    }

    /// The request; nothing once a body that was too large to hold is gone.
    fn next(&mut self) -> Option<Request> {
        let body = match &self.body {
            Some(body) => Body::from(body.clone()),
            None => self.rest.take()?,
        };
        let mut request = Request::new(body);
        *request.method_mut() = self.parts.method.clone();
        *request.uri_mut() = self.parts.uri.clone();
        *request.headers_mut() = self.parts.headers.clone();
        Some(request)
    }
}

fn broken() -> ApiError {
    ApiError::invalid("bad_body", "the body ended before it was whole")
}

/// The request as the role gets it.
fn readdress(request: Request, scheme: &Scheme, authority: &Authority) -> Result<Request, ApiError> {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    let target = Uri::builder().scheme(scheme.clone()).authority(authority.clone()).path_and_query(path).build();
    let target = target.map_err(|_| ApiError::invalid("bad_path", "this path can't be passed on"))?;
    let host = parts.headers.remove(header::HOST);
    strip(&mut parts.headers);
    // Said by us alone: what a client claims of other proxies can't be checked.
    parts.headers.remove(header::FORWARDED);
    parts.headers.remove(FORWARDED_FOR);
    parts.headers.remove(FORWARDED_HOST);
    // The answer is packed once, here.
    parts.headers.remove(header::ACCEPT_ENCODING);
    let peer = parts.extensions.get::<Client>().map(|client| client.0);
    let peer = peer.or_else(|| Some(parts.extensions.get::<Peer>()?.0.ip()));
    let peer = peer.and_then(|address| HeaderValue::from_str(&address.to_string()).ok());
    parts
        .headers
        .extend([(FORWARDED_FOR, peer), (FORWARDED_HOST, host)].into_iter().filter_map(|(k, v)| Some((k, v?))));
    parts.headers.insert(FORWARDED_PROTO, HeaderValue::from_static("http"));
    let trace = parts.extensions.get::<Trace>().and_then(|trace| HeaderValue::from_str(&trace.header()).ok());
    if let Some(trace) = trace {
        parts.headers.insert("traceparent", trace);
    }
    let mut readdressed = Request::new(body);
    *readdressed.method_mut() = parts.method;
    *readdressed.uri_mut() = target;
    *readdressed.headers_mut() = parts.headers;
    Ok(readdressed)
}

/// Takes out what is about one connection.
fn strip(headers: &mut HeaderMap) {
    let listed: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in listed.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}
