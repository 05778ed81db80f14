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
use contracts::{ApiError, Component, ComponentState, ErrorKind, Trace};
use futures::future::BoxFuture;
use http::{
    HeaderMap, HeaderName, HeaderValue, Uri, Version, header,
    uri::{Authority, PathAndQuery, Scheme},
};
use http_api::{BodyTooLarge, Peer, Problem, cause};
use http_body_util::{BodyExt, Limited};
use hyper_util::{
    client::legacy::{Client, Error as ClientError, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tower::Service;
use utoipa::openapi::OpenApi;

use crate::health::Readiness;

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

/// A role in another process.
pub struct Remote {
    name: Arc<str>,
    authority: Authority,
    /// The role's document: its paths are what is passed on.
    pub(crate) api: OpenApi,
}

impl Remote {
    /// The role `name` that answers at `base` (`http://host:port`) what `api` documents.
    ///
    /// # Errors
    /// `bad_remote` when `base` is not a plain HTTP origin.
    pub fn new(name: &str, base: &Uri, api: OpenApi) -> Result<Self, ApiError> {
        let plain = base.scheme() == Some(&Scheme::HTTP) && base.path() == "/" && base.query().is_none();
        match base.authority() {
            Some(authority) if plain => Ok(Self { name: name.into(), authority: authority.clone(), api }),
            _ => Err(ApiError::invalid("bad_remote", format!("{base} is not an address like http://host:port"))),
        }
    }
}

impl Remote {
    /// The role's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// The client that all remote roles share.
#[derive(Clone)]
pub(crate) struct Proxy(Client<HttpConnector, Body>);

impl Proxy {
    pub(crate) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE_TIMEOUT).pool_max_idle_per_host(MAX_IDLE);
        Self(builder.build(connector))
    }

    /// Asks `remote` how it is, as one component of this node.
    pub(crate) fn probe(&self, remote: &Remote) -> impl Fn() -> BoxFuture<'static, Vec<Component>> + use<> {
        let (client, name) = (self.0.clone(), Arc::clone(&remote.name));
        let target = Uri::builder().scheme(Scheme::HTTP).authority(remote.authority.clone()).path_and_query("/readyz");
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

    /// A service that passes every request on to `remote`.
    pub(crate) fn to(&self, remote: &Remote) -> Forward {
        let client = self.0.clone();
        Forward { client, name: Arc::clone(&remote.name), authority: remote.authority.clone() }
    }
}

/// See [`Proxy::to`].
#[derive(Clone)]
pub(crate) struct Forward {
    client: Client<HttpConnector, Body>,
    name: Arc<str>,
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
        let reply = readdress(request, &self.authority).map(|request| self.client.request(request));
        let name = Arc::clone(&self.name);
        Box::pin(async move {
            let answer = match reply {
                Ok(reply) => reply.await.map_err(|error| failure(&name, &error)),
                Err(error) => Err(error),
            };
            Ok(match answer {
                Ok(mut response) => {
                    strip(response.headers_mut());
                    *response.version_mut() = Version::HTTP_11;
                    response.map(Body::new)
                }
                Err(error) => Problem(error).into_response(),
            })
        })
    }
}

/// The request as the role gets it.
fn readdress(request: Request, authority: &Authority) -> Result<Request, ApiError> {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    let target = Uri::builder().scheme(Scheme::HTTP).authority(authority.clone()).path_and_query(path).build();
    let target = target.map_err(|_| ApiError::invalid("bad_path", "this path can't be passed on"))?;
    let host = parts.headers.remove(header::HOST);
    strip(&mut parts.headers);
    // Said by us alone: what a client claims of other proxies can't be checked.
    parts.headers.remove(header::FORWARDED);
    parts.headers.remove(FORWARDED_FOR);
    parts.headers.remove(FORWARDED_HOST);
    let peer = parts.extensions.get::<Peer>().and_then(|peer| HeaderValue::from_str(&peer.0.ip().to_string()).ok());
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

fn failure(name: &str, error: &ClientError) -> ApiError {
    if cause::<BodyTooLarge>(error).is_some() {
        return BodyTooLarge::api_error();
    }
    tracing::warn!(role = name, %error, cause = error.source().map(tracing::field::display), "a role did not answer");
    let retry = Duration::from_secs(1);
    let kind = if error.is_connect() { ErrorKind::Unavailable } else { ErrorKind::BadGateway };
    ApiError::new(kind, "upstream_unavailable", format!("the {name} service does not answer")).retry_after(retry)
}
