//! The way to roles in other processes: the same HTTP request, passed on to the role's port.
//!
//! Where a request goes is decided by its route alone; neither `Host` nor an absolute address in the request line
//! can change it.

use std::{
    convert::Infallible,
    error::Error,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
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
use http_api::{Budget, Client, Frame, Peer, Problem};
use http_body_util::{BodyExt, Limited};
use hyper_util::client::legacy::connect::HttpConnector;
use tower::Service;
use utoipa::openapi::{OpenApi, PathItem};

use crate::{
    body,
    connections::{BODY_PATIENCE, Connections, NoAnswer},
    guard::{SHED, out_of_time},
    health::Readiness,
    upstream::{Outcome, Upstream, UpstreamConfig},
    way::Way,
};

/// What the document of a `GET` has that uses something up: it is sent once, whatever became of it.
const SENT_ONCE: &str = "x-sent-once";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

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
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

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

/// The way to remote roles.
pub(crate) struct Proxy(Way);

impl Proxy {
    pub(crate) fn new(tls: Option<Arc<tls::Mutual>>) -> Self {
        let mut plain = HttpConnector::new();
        plain.set_connect_timeout(Some(CONNECT_TIMEOUT));
        plain.set_nodelay(true);
        plain.enforce_http(false);
        Self(Way { plain, tls })
    }

    /// A service that passes every request on to `remote`.
    pub(crate) fn to(&self, remote: &Remote, frame: &Frame) -> Forward {
        let Remote { name, scheme, authority, config, .. } = remote;
        let origin = Uri::builder().scheme(scheme.clone()).authority(authority.clone()).path_and_query("/").build();
        let host = match authority.port() {
            Some(port) => format!("{}:{port}", authority.host()),
            None => authority.host().to_owned(),
        };
        let road = Road {
            connections: Arc::new(Connections::new(self.0.clone(), origin.unwrap_or_default())),
            upstream: Arc::new(Upstream::new(Arc::clone(name), *config, frame.clock.clone(), frame.rng.clone())),
            // What can be an authority can be a header.
            host: HeaderValue::try_from(host).unwrap_or(HeaderValue::from_static("localhost")),
        };
        Forward { road: Arc::new(road), once: false }
    }
}

/// See [`Proxy::to`].
#[derive(Clone)]
pub(crate) struct Forward {
    road: Arc<Road>,
    /// Whether nothing is sent again of which the role may have seen something.
    once: bool,
}

/// A role in another process, as it is asked.
struct Road {
    connections: Arc<Connections>,
    upstream: Arc<Upstream>,
    host: HeaderValue,
}

impl Forward {
    /// What is known of how the role answers.
    pub(crate) fn upstream(&self) -> Arc<Upstream> {
        Arc::clone(&self.road.upstream)
    }

    /// The same way for one path, as its document says.
    pub(crate) fn for_path(&self, path: &PathItem) -> Self {
        let extensions = path.get.as_ref().and_then(|get| get.extensions.as_ref());
        let once = extensions.is_some_and(|extensions| extensions.contains_key(SENT_ONCE));
        Self { road: Arc::clone(&self.road), once }
    }

    /// Asks the role how it is, as one component of this node.
    pub(crate) fn probe(&self) -> impl Fn() -> BoxFuture<'static, Vec<Component>> + use<> {
        let road = Arc::clone(&self.road);
        move || {
            let road = Arc::clone(&road);
            Box::pin(async move { vec![road.readiness().await] })
        }
    }
}

impl Service<Request> for Forward {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let Self { road, once } = self.clone();
        Box::pin(
            async move { Ok(road.forward(request, once).await.unwrap_or_else(|error| Problem(error).into_response())) },
        )
    }
}

impl Road {
    async fn readiness(&self) -> Component {
        let name = self.upstream.name();
        let down = |detail: &str| Component::new(name, ComponentState::Down, detail);
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = Uri::from_static("/readyz");
        request.headers_mut().insert(header::HOST, self.host.clone());
        let Ok(response) = self.connections.ask(request).await else { return down("it does not answer") };
        let body = Limited::new(response.into_body(), MAX_READINESS).collect().await;
        let readiness = body.ok().and_then(|body| serde_json::from_slice::<Readiness>(&body.to_bytes()).ok());
        let Some(readiness) = readiness else { return down("it does not say how it is") };
        let troubled = readiness.components.iter().filter(|part| part.state != ComponentState::Ready);
        let detail: Vec<_> = troubled.map(|part| format!("{}: {}", part.name, part.detail)).collect();
        Component::new(name, readiness.state, detail.join("; "))
    }

    async fn forward(&self, request: Request, once: bool) -> Result<Response, ApiError> {
        let began = Instant::now();
        let (mut parts, body) = request.into_parts();
        let time = parts.extensions.get::<Budget>().map(|budget| budget.0);
        let time = time.or_else(|| Some(parts.extensions.get::<Arc<Frame>>()?.timeout)).unwrap_or(BODY_PATIENCE);
        readdress(&mut parts, &self.host);
        let held = Held::new(parts, body).await?;
        // What the body took of it is gone. A role that was asked after the end would do what nobody hears of.
        let left = time.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Err(out_of_time(time));
        }
        let safe = held.safe() && !once;
        let mut response = self.upstream.call(left, safe, || self.ask(held.next(), safe)).await?;
        strip(response.headers_mut());
        *response.version_mut() = Version::HTTP_11;
        Ok(response)
    }

    /// One try of a request that may be repeated (`safe`) or not.
    async fn ask(&self, request: Request, safe: bool) -> Outcome<Response> {
        let mut answer = self.connections.ask(request).await;
        let shed = answer.as_mut().is_ok_and(|response| response.headers_mut().remove(SHED).is_some());
        match answer {
            Ok(response) if shed => Outcome::Shed(response),
            Ok(response) if is_failure(response.status()) => Outcome::Bad { answer: Ok(response), again: safe },
            Ok(response) => Outcome::Good(response),
            // Nothing was sent: whatever it was, it can be asked again.
            Err(NoAnswer { unsent, cause: error }) => {
                let kind = if unsent { ErrorKind::Unavailable } else { ErrorKind::BadGateway };
                Outcome::Bad { again: safe || unsent, answer: Err(self.failure(&*error, kind)) }
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

/// A request that can be sent more than once. It is whole before the role is asked: a client that sends slowly takes its
/// own time, and nobody holds it against the role.
struct Held {
    parts: Parts,
    body: Bytes,
}

impl Held {
    /// Reads the body.
    async fn new(parts: Parts, body: Body) -> Result<Self, ApiError> {
        Ok(Self { parts, body: body::whole(body).await? })
    }

    /// Whether it may be repeated whatever became of it, where its document does not say otherwise: GET and HEAD change
    /// nothing, and the only POST that reads is a search.
    fn safe(&self) -> bool {
        self.parts.method.is_safe() || self.parts.uri.path().ends_with("/search")
    }

    fn next(&self) -> Request {
        let mut request = Request::new(Body::from(self.body.clone()));
        *request.method_mut() = self.parts.method.clone();
        *request.uri_mut() = self.parts.uri.clone();
        *request.headers_mut() = self.parts.headers.clone();
        request
    }
}

/// Makes a request what the role gets. Of its address the path is left: where it goes is decided already.
fn readdress(parts: &mut Parts, host: &HeaderValue) {
    let path = parts.uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    parts.uri = Uri::from(path);
    let headers = &mut parts.headers;
    let asked = headers.remove(header::HOST);
    strip(headers);
    // Said by us alone: what a client claims of other proxies can't be checked.
    headers.remove(header::FORWARDED);
    headers.remove(FORWARDED_FOR);
    headers.remove(FORWARDED_HOST);
    // The answer is packed once, here.
    headers.remove(header::ACCEPT_ENCODING);
    let peer = parts.extensions.get::<Client>().map(|client| client.0);
    let peer = peer.or_else(|| Some(parts.extensions.get::<Peer>()?.0.ip()));
    let peer = peer.and_then(|address| HeaderValue::try_from(address.to_string()).ok());
    let trace = parts.extensions.get::<Trace>().and_then(|trace| HeaderValue::try_from(trace.header()).ok());
    let said = [
        (header::HOST, Some(host.clone())),
        (FORWARDED_FOR, peer),
        (FORWARDED_HOST, asked),
        (FORWARDED_PROTO, Some(HeaderValue::from_static("http"))),
        (TRACEPARENT, trace),
    ];
    for (name, value) in said {
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
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
