//! Serves a router on a listener: HTTP/1.1 and HTTP/2 on one port, bounded, drained at the end.

use std::{
    convert::Infallible,
    future::Future,
    io,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::body::Body;
use http::{Request, Response};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt};

use crate::Peer;

mod clients;
mod counted;
mod wire;

use clients::Clients;
pub use clients::{Proxies, network};

/// What a connection sends before anyone knows which protocol it speaks: the preface of HTTP/2.
const PREFACE: usize = 24;
/// How long to wait after the system had no connection for us (no file descriptors left, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The bounds of a server.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// How long a client may take to send a request's headers; also how long a connection may be idle.
    pub header_read_timeout: Duration,
    /// How many connections are served at once; others wait in the system's queue.
    pub max_connections: usize,
    /// How many of them one client may have, by address or network of IPv6; more are closed at once.
    pub max_connections_per_client: usize,
    /// Whose connections are those of many clients.
    pub proxies: Proxies,
    /// The most bytes of a request's head. Beyond it HTTP/1.1 clients get a bare 431, so the guard's own bound, which
    /// answers with a problem, should be lower.
    pub max_head_bytes: usize,
    /// The most headers of a request.
    pub max_headers: usize,
    /// The most requests at once on one HTTP/2 connection.
    pub max_streams: u32,
    /// How often an HTTP/2 client is asked whether it is still there, and how long it may take to say so.
    pub ping: (Duration, Duration),
    /// How long requests in flight may take to finish after a shutdown.
    pub drain: Duration,
    /// Certificates that both sides show; without them nothing is encrypted.
    pub tls: Option<Arc<tls::Mutual>>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            header_read_timeout: Duration::from_secs(10),
            max_connections: 4_096,
            max_connections_per_client: 1_024,
            proxies: Proxies::default(),
            max_head_bytes: 64 * 1_024,
            max_headers: 100,
            max_streams: 128,
            ping: (Duration::from_secs(20), Duration::from_secs(10)),
            drain: Duration::from_secs(20),
            tls: None,
        }
    }
}

impl ServerConfig {
    fn builder(&self) -> auto::Builder<TokioExecutor> {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        // Without a timer hyper's timeouts do nothing.
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_read_timeout)
            .max_buf_size(self.max_head_bytes.max(8_192))
            .max_headers(self.max_headers);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.max_streams)
            .max_header_list_size(u32::try_from(self.max_head_bytes).unwrap_or(u32::MAX))
            .keep_alive_interval(self.ping.0)
            .keep_alive_timeout(self.ping.1);
        builder
    }
}

/// Serves `service` until `shutdown`, then lets the requests in flight finish, for at most `config.drain`.
///
/// Requests carry the client's address as [`Peer`]. Returns how many connections had to be cut off at the end.
///
/// # Errors
/// When the listener has no address: it is not listening.
pub async fn serve<S>(
    listener: TcpListener,
    service: S,
    config: ServerConfig,
    shutdown: CancellationToken,
) -> io::Result<usize>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let address = listener.local_addr()?;
    let builder = config.builder();
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(config.max_connections));
    let clients = Clients::new(config.max_connections_per_client, config.proxies.clone());
    let cut = CancellationToken::new();
    while let Some((stream, peer, place)) = accept(&listener, &places, &shutdown).await {
        let Some(seat) = clients.seat(peer.ip()) else {
            tracing::debug!("a client has as many connections as it may");
            continue;
        };
        let service = service.clone();
        let answer = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Peer(peer));
            service.clone().oneshot(request)
        });
        let (patience, cut, tls) = (config.header_read_timeout, cut.clone(), config.tls.clone());
        let (builder, watcher) = (builder.clone(), graceful.watcher());
        tokio::spawn(async move {
            let connection = async {
                let read = Arc::new(AtomicUsize::new(0));
                let wire = match timeout(patience, wire::wire(tls.as_deref(), stream, peer)).await {
                    Ok(Ok(wire)) => wire,
                    // Whose connection it was is nobody's business who reads logs.
                    Ok(Err(error)) => return tracing::debug!(%error, "a connection was refused"),
                    Err(_) => return,
                };
                let io = TokioIo::new(counted::Counted::new(wire, Arc::clone(&read)));
                let connection = watcher.watch(builder.serve_connection_with_upgrades(io, answer).into_owned());
                if let Some(Err(error)) = with_patience(connection, &read, patience).await {
                    tracing::debug!(%error, "a connection ended early");
                }
            };
            cut.run_until_cancelled(connection).await;
            drop((place, seat));
        });
    }
    drop(listener);
    tracing::debug!(%address, connections = graceful.count(), "draining");
    let busy = || config.max_connections - places.available_permits();
    if timeout(config.drain, graceful.shutdown()).await.is_ok() {
        return Ok(0);
    }
    let left = busy();
    tracing::warn!(%address, left, "requests took longer than the drain allows and were cut off");
    cut.cancel();
    Ok(left)
}

/// The next connection and its place; `None` after a shutdown.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    shutdown: &CancellationToken,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    loop {
        let place = shutdown.run_until_cancelled(Arc::clone(places).acquire_owned()).await?.ok()?;
        match shutdown.run_until_cancelled(listener.accept()).await? {
            Ok((stream, peer)) => {
                // Answers are written whole; waiting for more to send only delays them.
                let _ = stream.set_nodelay(true);
                return Some((stream, peer, place));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Drives a connection, but ends it (`None`) when it did not even show its protocol within `patience`.
///
/// hyper's own timeout starts only once the protocol is known, so a client that sends nothing would stay for ever.
async fn with_patience<F: Future>(connection: F, read: &AtomicUsize, patience: Duration) -> Option<F::Output> {
    let mut connection = pin!(connection);
    if let Ok(output) = timeout(patience, &mut connection).await {
        return Some(output);
    }
    if read.load(Ordering::Relaxed) < PREFACE {
        return None;
    }
    Some(connection.await)
}

#[cfg(test)]
mod tests;
