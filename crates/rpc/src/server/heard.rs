//! When a message is whole: until then a call waits for its client, and only from then on for this node.

use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
    time::Instant,
};

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};

/// A body that notes its end.
pub struct Heard {
    inner: Body,
    whole: Arc<OnceLock<Instant>>,
}

impl Heard {
    /// Reads `inner`, and sets `whole` when its last byte is there.
    pub fn new(inner: Body, whole: Arc<OnceLock<Instant>>) -> Self {
        Self { inner, whole }
    }
}

impl HttpBody for Heard {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if frame.is_none() || self.inner.is_end_stream() {
            // Whoever reads on after the end does not move it.
            let _ = self.whole.set(Instant::now());
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
