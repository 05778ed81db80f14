//! The way to another role: one lazy HTTP/2 connection, the frame of each call, deadlines and a second try.

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use contracts::{ApiError, Call, Clock, Component, ComponentState, ErrorKind, Result, Rng, Secret};
use hyper_util::rt::TokioIo;
use prost::Message;
use tokio::net::TcpStream;
use tonic::{
    Request, Response, Status,
    metadata::{Ascii, MetadataValue},
    transport::{Channel, Endpoint, Uri},
};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use crate::{
    call,
    server::MAX_REQUEST_BYTES,
    status::{deadline_exceeded, from_status, peer_refused, refused, unreachable},
};

/// How often a read is tried when nobody takes it.
const TRIES: u32 = 2;
/// The pause before the second try is drawn from one to two of these.
const PAUSE: Duration = Duration::from_millis(50);
/// Room for the details of an error and what proxies add.
const MAX_HEADER_BYTES: u32 = 64 * 1024;

/// How to call another role.
#[derive(Clone)]
pub struct ClientConfig {
    /// For a connection to stand.
    pub connect_timeout: Duration,
    /// For any one call, whatever its deadline.
    pub timeout: Duration,
    /// How many calls are under way at once; more wait, within their deadlines.
    pub max_in_flight: usize,
    /// Proves to the other role that we are one of its deployment; without it we call as anonymous. Of several lines
    /// the first is shown, and the others to a role that does not know it yet.
    pub peer_token: Option<Secret>,
    /// Certificates for roles at `https://…`.
    pub tls: Option<Arc<tls::Mutual>>,
}

impl Default for ClientConfig {
    fn default() -> Self {
        let (connect_timeout, timeout) = (Duration::from_secs(2), Duration::from_secs(60));
        Self { connect_timeout, timeout, max_in_flight: 256, peer_token: None, tls: None }
    }
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connect_timeout, timeout, max_in_flight, peer_token, .. } = self;
        let token = if peer_token.is_some() { "set" } else { "none" };
        write!(f, "ClientConfig {{ {connect_timeout:?}, {timeout:?}, {max_in_flight}, peer_token: {token} }}")
    }
}

/// Another role. Cheap to clone; clones share the connection.
#[derive(Clone)]
pub struct Peer {
    role: &'static str,
    channel: Channel,
    token: Option<Secret>,
    timeout: Duration,
    clock: Clock,
    rng: Rng,
    /// Whether it did not take our token when it was called last, which was said.
    refused: Arc<AtomicBool>,
}

/// The way to the role called `role` at `uri` (`http://host:port`). It connects at the first call and again whenever
/// the connection broke, so that roles start in any order. Must be called inside a Tokio runtime.
///
/// # Errors
/// `InvalidArgument` for an address that is not one, or a token that can't stand in a header.
pub fn connect_lazy(role: &'static str, uri: &str, config: &ClientConfig, clock: Clock, rng: Rng) -> Result<Peer> {
    let bad_uri = || {
        let detail = format!("{uri:?} is not an address of the {role} role; it must be like http://host:port");
        ApiError::invalid("bad_peer_address", detail)
    };
    // Tonic itself speaks plainly; what is below it may be encrypted.
    let (plain, tls) = match uri.strip_prefix("https://") {
        Some(rest) => (format!("http://{rest}"), Some(config.tls.clone().ok_or_else(|| no_certificates(role))?)),
        None => (uri.to_owned(), None),
    };
    let endpoint = Endpoint::from_shared(plain).map_err(|_| bad_uri())?;
    if endpoint.uri().scheme_str() != Some("http") || endpoint.uri().host().is_none() {
        return Err(bad_uri());
    }
    let endpoint = endpoint
        .connect_timeout(config.connect_timeout)
        .tcp_nodelay(true)
        .tcp_keepalive(Some(Duration::from_secs(30)))
        .http2_keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(5))
        .keep_alive_while_idle(true)
        .http2_adaptive_window(true)
        .http2_max_header_list_size(MAX_HEADER_BYTES)
        .concurrency_limit(config.max_in_flight);
    let channel = match tls {
        Some(tls) => {
            endpoint.connect_with_connector_lazy(tower::service_fn(move |uri| encrypted(Arc::clone(&tls), uri)))
        }
        None => endpoint.connect_lazy(),
    };
    let (token, refused) = (config.peer_token.clone(), Arc::default());
    let peer = Peer { role, channel, token, timeout: config.timeout, clock, rng, refused };
    peer.bearers()?;
    Ok(peer)
}

fn no_certificates(role: &str) -> ApiError {
    let detail =
        format!("the {role} role is at https://: set `peers.certificate_file`, `key_file` and `authorities_file`");
    ApiError::invalid("no_certificates", detail)
}

async fn encrypted(tls: Arc<tls::Mutual>, uri: Uri) -> io::Result<TokioIo<tls::Connected>> {
    let host = uri.host().ok_or_else(|| io::Error::other("an address without a host"))?;
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((name, uri.port_u16().unwrap_or(443))).await?;
    stream.set_nodelay(true)?;
    Ok(TokioIo::new(tls.connect(host, stream).await?))
}

fn bearer(token: &str) -> Result<MetadataValue<Ascii>> {
    let value = format!("Bearer {token}").parse::<MetadataValue<Ascii>>();
    let mut value =
        value.map_err(|_| ApiError::invalid("unprintable_peer_token", "the peer token must be printable ASCII"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn too_large(role: &str, most: usize) -> ApiError {
    let detail = format!("the {role} role takes messages of at most {} MiB", most >> 20);
    ApiError::new(ErrorKind::PayloadTooLarge, "message_too_large", detail)
}

impl Peer {
    /// The role's name, as errors name it.
    pub fn role(&self) -> &'static str {
        self.role
    }

    /// The connection, for a generated client.
    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Sends `message` of at most `most` bytes once, in the frame of `call`.
    ///
    /// # Errors
    /// What the service answered; `PayloadTooLarge` for a larger message; `DeadlineExceeded` when the call's time is
    /// over; `Unavailable` with the code `peer_unavailable` when nobody answers, and `peer_refused` when the role does
    /// not take our token.
    pub(crate) async fn send<T, A, F>(
        &self,
        call: &Call,
        message: T,
        most: usize,
        send: impl Fn(Request<T>) -> F + Send + Sync,
    ) -> Result<A>
    where
        T: Message + Clone,
        F: Future<Output = Result<Response<A>, Status>> + Send,
    {
        let answer = self.once(call, message, most, send).await?;
        self.told(answer)
    }

    /// Like [`Peer::send`], and once more when nobody took it and time is left. Only for what changes nothing.
    pub(crate) async fn read<T, A, F>(
        &self,
        call: &Call,
        message: T,
        send: impl Fn(Request<T>) -> F + Send + Sync,
    ) -> Result<A>
    where
        T: Message + Clone,
        F: Future<Output = Result<Response<A>, Status>> + Send,
    {
        for _ in 1..TRIES {
            match self.once(call, message.clone(), MAX_REQUEST_BYTES, &send).await? {
                Err(status) if unreachable(&status) => self.pause(call, &status).await?,
                answer => return self.told(answer),
            }
        }
        self.send(call, message, MAX_REQUEST_BYTES, &send).await
    }

    async fn once<T, A, F>(
        &self,
        call: &Call,
        message: T,
        most: usize,
        send: impl Fn(Request<T>) -> F + Send + Sync,
    ) -> Result<Result<A, Status>>
    where
        T: Message + Clone,
        F: Future<Output = Result<Response<A>, Status>> + Send,
    {
        // Here, because tonic would break the connection over it, and the server after reading it.
        if message.encoded_len() > most {
            return Err(too_large(self.role, most));
        }
        let bearers = self.bearers()?;
        for bearer in bearers.iter().take(bearers.len().saturating_sub(1)) {
            match self.attempt(call, message.clone(), Some(bearer), &send).await? {
                // It does not know this one yet, and did nothing of what it was asked.
                Err(status) if refused(&status) => {}
                answer => return Ok(answer),
            }
        }
        self.attempt(call, message, bearers.last(), &send).await
    }

    async fn attempt<T, A, F>(
        &self,
        call: &Call,
        message: T,
        bearer: Option<&MetadataValue<Ascii>>,
        send: impl Fn(Request<T>) -> F + Send + Sync,
    ) -> Result<Result<A, Status>>
    where
        T: Message,
        F: Future<Output = Result<Response<A>, Status>> + Send,
    {
        let left = call.remaining(&self.clock)?.min(self.timeout);
        let request = call::request(call, left, bearer, message)?;
        let answer = tokio::time::timeout(left, send(request)).await.map_err(|_| deadline_exceeded())?;
        Ok(answer.map(Response::into_inner))
    }

    /// What proves who we are, the newest first.
    fn bearers(&self) -> Result<Vec<MetadataValue<Ascii>>> {
        self.token.iter().flat_map(Secret::lines).map(|line| bearer(&line)).collect()
    }

    async fn pause(&self, call: &Call, status: &Status) -> Result<()> {
        let drawn = self.rng.below(PAUSE.as_millis() as u64);
        let pause = PAUSE + Duration::from_millis(drawn);
        if call.remaining(&self.clock)? <= pause {
            return Err(self.failed(status));
        }
        tokio::time::sleep(pause).await;
        Ok(())
    }

    /// What came of a call, for who made it.
    fn told<A>(&self, answer: Result<A, Status>) -> Result<A> {
        answer.inspect(|_| self.refused.store(false, Ordering::Relaxed)).map_err(|status| self.failed(&status))
    }

    fn failed(&self, status: &Status) -> ApiError {
        if refused(status) {
            // Once until it takes one: no call after the first says more.
            if !self.refused.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    role = self.role,
                    "A role does not take our peer token: give both nodes a `peers.token_file` with the same first line"
                );
            }
            return peer_refused(self.role);
        }
        if unreachable(status) {
            // The caller reads a sentence without addresses; the operator needs the cause.
            tracing::warn!(role = self.role, cause = status.message(), "A role does not answer");
        }
        from_status(status, self.role)
    }

    /// How `service` of the role says it is: for `/readyz` of a node that needs it. It is asked as in any call, so that
    /// a token which is not taken shows before it is needed.
    pub async fn health(&self, service: &str, within: Duration) -> Component {
        let call = Call::system(&self.clock, &self.rng, within);
        let request = HealthCheckRequest { service: service.to_owned() };
        let asked = self.once(&call, request, MAX_REQUEST_BYTES, |request| {
            let mut client = HealthClient::new(self.channel());
            async move { client.check(request).await }
        });
        let (state, detail) = match asked.await {
            Ok(Ok(answer)) if answer.status() == ServingStatus::Serving => (ComponentState::Ready, ""),
            Ok(Ok(_)) => (ComponentState::Starting, "it answers, and does not serve yet"),
            Ok(Err(status)) if refused(&status) => (ComponentState::Degraded, "it does not take our peer token"),
            // It serves: as many as it can.
            Ok(Err(status)) if from_status(&status, self.role).is_overload() => (ComponentState::Ready, ""),
            Ok(Err(_)) | Err(_) => (ComponentState::Down, "it does not answer"),
        };
        Component::new(&format!("{}_peer", self.role), state, detail)
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer {{ {} }}", self.role)
    }
}
