//! The frame of every request: clock, randomness, keys and the trace it belongs to.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use access::Verifier;
use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use contracts::{Clock, Rng, Trace};
use futures::future::BoxFuture;
use http::HeaderMap;
use sha2::{Digest as _, Sha256};
use tower::{Layer, Service};

use crate::{problem, server::network};

/// What the extractors need; one for the whole process.
pub struct Frame {
    /// The time.
    pub clock: Clock,
    /// Randomness, for new traces.
    pub rng: Rng,
    /// How long a call may take.
    pub timeout: Duration,
    /// The bearer token of the node's operator; without one nobody is the operator.
    pub operator_token: Option<String>,
    /// Verifies the tokens and keys of everybody else; without it nobody has one.
    pub access: Option<Arc<Verifier>>,
    /// The key that signs cursors, and that writes sent twice are compared under; the same on every node of a cluster.
    pub cursor_key: [u8; 32],
}

/// The address at the other end of the connection, put in the request's extensions by [`crate::server::serve`].
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// A request extension: the address a request comes from, through the proxies that are trusted.
#[derive(Clone, Copy, Debug)]
pub struct Client(pub IpAddr);

/// A request extension: this request may take only so long, whatever the frame says.
#[derive(Clone, Copy, Debug)]
pub struct Budget(pub Duration);

/// What [`Frame::enter`] learned about a request, to finish its response with.
pub struct Entered {
    /// The trace the request belongs to.
    pub trace: Trace,
    frame: Arc<Frame>,
}

impl Frame {
    /// The number that stands for a client's network today: see [`contracts::Call::origin`].
    pub(crate) fn origin(&self, client: IpAddr) -> u64 {
        let day = self.clock.now().as_second().div_euclid(24 * 3_600);
        let mut digest = Sha256::new_with_prefix(b"origin\n");
        digest.update(self.cursor_key);
        digest.update(day.to_le_bytes());
        match network(client) {
            IpAddr::V4(address) => digest.update(address.octets()),
            IpAddr::V6(address) => digest.update(&address.octets()[..8]),
        }
        let mut first = [0; 8];
        first.copy_from_slice(&digest.finalize()[..8]);
        u64::from_le_bytes(first)
    }

    /// Puts the frame and the trace (the caller's, or a new one) where the extractors find them.
    pub fn enter(self: &Arc<Self>, request: &mut Request) -> Entered {
        let known = request.extensions().get::<Trace>().copied();
        let trace = known.or_else(|| trace_of(request.headers())).unwrap_or_else(|| Trace::start(&self.rng));
        let extensions = request.extensions_mut();
        extensions.insert(trace);
        extensions.insert(Arc::clone(self));
        Entered { trace, frame: Arc::clone(self) }
    }
}

impl Entered {
    /// Writes the body of a problem, now that its path and trace are known; other responses pass.
    pub fn leave(&self, path: &str, response: Response) -> Response {
        if response.status().as_u16() < 400 {
            return response;
        }
        let resource = self.frame.access.as_ref().map(|access| access.config().audience.as_str());
        problem::finish(response, path, &self.trace, resource)
    }
}

fn trace_of(headers: &HeaderMap) -> Option<Trace> {
    Trace::parse(headers.get("traceparent")?.to_str().ok()?)
}

/// A layer that frames every request of a router and finishes its problems.
pub fn frame_layer(frame: Arc<Frame>) -> FrameLayer {
    FrameLayer(frame)
}

/// See [`frame_layer`].
#[derive(Clone)]
pub struct FrameLayer(Arc<Frame>);

impl<S> Layer<S> for FrameLayer {
    type Service = FrameService<S>;

    fn layer(&self, inner: S) -> FrameService<S> {
        FrameService { frame: Arc::clone(&self.0), inner }
    }
}

/// The service that [`frame_layer`] makes.
#[derive(Clone)]
pub struct FrameService<S> {
    frame: Arc<Frame>,
    inner: S,
}

impl<S> Service<Request> for FrameService<S>
where
    S: Service<Request, Error = Infallible>,
    S::Response: IntoResponse,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let entered = self.frame.enter(&mut request);
        let path = request.uri().path().to_owned();
        let reply = self.inner.call(request);
        Box::pin(async move { Ok(entered.leave(&path, reply.await?.into_response())) })
    }
}

#[cfg(test)]
mod tests;
