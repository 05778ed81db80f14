//! Connections to a role in another process: kept for the next request, and driven by the task that asks.
//!
//! The pooled client of hyper-util gives each connection a task of its own. A request goes there through one channel, its
//! answer comes back through two, and waking those tasks costs a gateway more than the rest of passing a request on. Here
//! whoever asks drives the connection, and nobody else is woken.

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    mem,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Wake, Waker, ready},
    time::{Duration, Instant},
};

use axum::{body::Body, extract::Request, response::Response};
use bytes::{Bytes, BytesMut};
use futures::task::AtomicWaker;
use http::Uri;
use hyper::{
    body::{Body as _, Frame, Incoming, SizeHint},
    client::conn::http1::{self, Connection, SendRequest},
};
use tower::{BoxError, ServiceExt};
use tower_http::timeout::TimeoutBody;

use crate::way::{Way, Wire};

/// Shorter than the time a role's listener keeps an idle connection, so that none is used as it closes.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle connections kept to one role.
const MAX_IDLE: usize = 64;
/// How long a role may pause within an answer.
pub(crate) const BODY_PATIENCE: Duration = Duration::from_secs(15);
/// The largest body of an answer that is read whole before it is passed on, so that a try can be repeated where it
/// breaks off.
const MAX_WHOLE_ANSWER: u64 = 64 * 1_024;

/// The connections to one role, in HTTP/1.1.
pub(crate) struct Connections {
    way: Way,
    origin: Uri,
    /// Those that nobody uses, the last used one last. What lay too long goes when one is taken or laid down.
    idle: Mutex<VecDeque<(Instant, Driven)>>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) struct NoAnswer {
    /// Whether the role can't have seen the request.
    pub(crate) unsent: bool,
    /// What happened.
    pub(crate) cause: BoxError,
}

impl NoAnswer {
    fn new(unsent: bool, cause: impl Into<BoxError>) -> Self {
        Self { unsent, cause: cause.into() }
    }
}

impl Connections {
    /// Connections that begin with none, to `origin` in this way.
    pub(crate) fn new(way: Way, origin: Uri) -> Self {
        Self { way, origin, idle: Mutex::default() }
    }

    /// The answer to `request`, whose address is a path and which names its host. A small body comes whole: where it breaks
    /// off it can be asked for again. A larger one comes as it is read, and has its connection to itself until its end.
    pub(crate) async fn ask(self: &Arc<Self>, request: Request) -> Result<Response, NoAnswer> {
        let (mut driven, response) = self.send(request).await?;
        let (parts, mut body) = response.into_parts();
        let length = body.size_hint().exact().filter(|bytes| *bytes <= MAX_WHOLE_ANSWER);
        let body = match length {
            Some(length) => {
                let whole = driven.whole(&mut body, length).await.map_err(|error| NoAnswer::new(false, error))?;
                self.keep(driven);
                Body::from(whole)
            }
            None => {
                let rest = Rest { body, driven: Some(driven), home: Arc::clone(self) };
                Body::new(TimeoutBody::new(BODY_PATIENCE, rest))
            }
        };
        Ok(Response::from_parts(parts, body))
    }

    /// Sends `request` over an idle connection, or else a new one. One that was closed as it lay there has sent nothing, and the
    /// next is taken.
    async fn send(&self, mut request: Request) -> Result<(Driven, Response<Incoming>), NoAnswer> {
        loop {
            let (idle, mut driven) = match self.idle() {
                Some(driven) => (true, driven),
                None => (false, self.open().await?),
            };
            match driven.send(request).await {
                Sent::Answered(response) => return Ok((driven, response)),
                Sent::Unsent(unsent, _) if idle => request = unsent,
                Sent::Unsent(_, error) => return Err(NoAnswer::new(true, error)),
                Sent::Broken(error) => return Err(NoAnswer::new(false, error)),
            }
        }
    }

    async fn open(&self) -> Result<Driven, NoAnswer> {
        let wire = self.way.clone().oneshot(self.origin.clone()).await.map_err(|error| NoAnswer::new(true, error))?;
        let (sender, connection) = http1::handshake(wire).await.map_err(|error| NoAnswer::new(true, error))?;
        let relay = Arc::<Relay>::default();
        Ok(Driven { sender, connection: Some(connection), waker: Waker::from(Arc::clone(&relay)), relay })
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Instant, Driven)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection that was used last.
    fn idle(&self) -> Option<Driven> {
        let mut idle = self.lock();
        let (since, driven) = idle.pop_back()?;
        if since.elapsed() < IDLE_TIMEOUT {
            return Some(driven);
        }
        // All others have lain there for longer. They are closed without the lock.
        let old = mem::take(&mut *idle);
        drop(idle);
        drop(old);
        None
    }

    /// Lays a connection down for the next request, if it can take one.
    fn keep(&self, driven: Driven) {
        driven.relay.0.take();
        if driven.connection.is_none() || !driven.sender.is_ready() {
            return;
        }
        let mut idle = self.lock();
        while idle.len() >= MAX_IDLE || idle.front().is_some_and(|(since, _)| since.elapsed() >= IDLE_TIMEOUT) {
            idle.pop_front();
        }
        idle.push_back((Instant::now(), driven));
    }
}

/// Wakes the task that drives a connection; nobody while none does.
#[derive(Default)]
struct Relay(AtomicWaker);

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.0.wake();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.wake();
    }
}

/// A context that wakes nobody: for what only goes on when we drive.
fn quiet() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// A connection, and what makes it go on.
struct Driven {
    sender: SendRequest<Body>,
    /// Nothing once it has ended.
    connection: Option<Connection<Wire, Body>>,
    relay: Arc<Relay>,
    /// Wakes by `relay`.
    waker: Waker,
}

/// What became of a request.
enum Sent {
    /// The head of an answer, with a body that comes as long as the connection is driven.
    Answered(Response<Incoming>),
    /// None of it was sent, for this reason.
    Unsent(Request, hyper::Error),
    /// Nobody knows how far it came.
    Broken(hyper::Error),
}

impl Driven {
    /// Has the connection go on. Whatever it waits for wakes the task of `cx` from now on.
    fn drive(&mut self, cx: &Context<'_>) {
        let Some(connection) = &mut self.connection else { return };
        self.relay.0.register(cx.waker());
        if Pin::new(connection).poll(&mut Context::from_waker(&self.waker)).is_ready() {
            // Whoever waits for something of it hears that when it is dropped.
            self.connection = None;
        }
    }

    async fn send(&mut self, request: Request) -> Sent {
        let mut reply = pin!(self.sender.try_send_request(request));
        poll_fn(|cx| {
            self.drive(cx);
            Poll::Ready(match ready!(reply.as_mut().poll(&mut quiet())) {
                Ok(response) => Sent::Answered(response),
                Err(mut error) => match error.take_message() {
                    Some(request) => Sent::Unsent(request, error.into_error()),
                    None => Sent::Broken(error.into_error()),
                },
            })
        })
        .await
    }

    /// All `length` bytes of `body`.
    async fn whole(&mut self, body: &mut Incoming, length: u64) -> Result<Bytes, hyper::Error> {
        let mut whole = BytesMut::new();
        while let Some(frame) = poll_fn(|cx| self.frame(body, cx)).await {
            let Ok(part) = frame?.into_data() else { continue };
            // As almost always, and nothing is copied.
            if part.len() as u64 == length {
                return Ok(part);
            }
            whole.extend_from_slice(&part);
            if whole.len() as u64 == length {
                break;
            }
        }
        Ok(whole.freeze())
    }

    /// The next of `body`.
    fn frame(&mut self, body: &mut Incoming, cx: &Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut body = Pin::new(body);
        // Taking a part tells whoever drives that there is room for the next. That is us, and we know.
        self.relay.0.take();
        if let Poll::Ready(frame) = body.as_mut().poll_frame(&mut quiet()) {
            return Poll::Ready(frame);
        }
        self.drive(cx);
        body.poll_frame(&mut quiet())
    }
}

/// What is left of an answer, and the connection that it comes over.
struct Rest {
    body: Incoming,
    driven: Option<Driven>,
    home: Arc<Connections>,
}

impl hyper::body::Body for Rest {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let Some(driven) = &mut this.driven else { return Poll::Ready(None) };
        let frame = ready!(driven.frame(&mut this.body, cx));
        let (failed, last) = (matches!(frame, Some(Err(_))), frame.is_none() || this.body.is_end_stream());
        if let Some(driven) = this.driven.take_if(|_| failed || last)
            && !failed
        {
            this.home.keep(driven);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
