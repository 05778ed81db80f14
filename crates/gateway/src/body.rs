//! Bodies that may not be too large.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::body::Body as AxumBody;
use bytes::{Buf, Bytes};
use contracts::ApiError;
use http_api::{BodyTooLarge, cause};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, SizeHint};

/// How much of a body that is too large is still read. A client that is cut off while it sends often never reads the
/// answer that says why.
const SWALLOW: usize = 4 * 1_024 * 1_024;

/// Fails once the body is longer than `left`, after swallowing the rest up to a bound.
pub(crate) struct Bounded {
    inner: AxumBody,
    left: usize,
    swallowed: Option<usize>,
}

impl Bounded {
    /// At most `limit` bytes of `inner`.
    pub(crate) fn new(inner: AxumBody, limit: usize) -> Self {
        Self { inner, left: limit, swallowed: None }
    }

    /// Reads a body that is refused, up to the bound.
    pub(crate) async fn swallow(inner: AxumBody) {
        let mut body = Self { inner, left: 0, swallowed: Some(0) };
        while std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await.is_some_and(|frame| frame.is_ok()) {}
    }
}

/// All of a body, which the guard has bounded.
///
/// # Errors
/// `body_too_large` past its bound, `bad_body` where it breaks off.
pub(crate) async fn whole(body: AxumBody) -> Result<Bytes, ApiError> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let whole = body.collect().await.map_err(|error| match cause::<BodyTooLarge>(&error) {
        Some(_) => BodyTooLarge::api_error(),
        None => ApiError::invalid("bad_body", "the body ended before it was whole"),
    })?;
    Ok(whole.to_bytes())
}

impl Body for Bounded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        loop {
            let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
            let length = match &frame {
                Some(Ok(frame)) => frame.data_ref().map_or(0, Buf::remaining),
                _ => 0,
            };
            match self.swallowed {
                None if length <= self.left => {
                    self.left -= length;
                    return Poll::Ready(frame);
                }
                None => self.swallowed = Some(length),
                Some(so_far) => {
                    let so_far = so_far + length;
                    self.swallowed = Some(so_far);
                    if !matches!(frame, Some(Ok(_))) || so_far > SWALLOW {
                        return Poll::Ready(Some(Err(axum::Error::new(BodyTooLarge))));
                    }
                }
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    fn chunks(count: usize) -> AxumBody {
        AxumBody::from_stream(stream::iter((0..count).map(|_| Ok::<_, axum::Error>(Bytes::from_static(&[1; 10])))))
    }

    #[tokio::test]
    async fn what_fits_passes_and_what_does_not_fails() {
        assert_eq!(Bounded::new(chunks(10), 100).collect().await.unwrap().to_bytes().len(), 100);
        assert!(Bounded::new(chunks(11), 100).collect().await.is_err());
        assert!(Bounded::new(chunks(1), 9).collect().await.is_err());
        Bounded::swallow(chunks(1_000)).await;
    }

    #[tokio::test]
    async fn a_body_is_whole_or_says_why_not() {
        assert_eq!(whole(AxumBody::empty()).await.unwrap(), Bytes::new());
        assert_eq!(whole(chunks(10)).await.unwrap().len(), 100);
        let long = AxumBody::new(Bounded::new(chunks(11), 100));
        assert_eq!(whole(long).await.unwrap_err().code, "body_too_large");
        let parts = [Ok(Bytes::from_static(b"x")), Err(axum::Error::new(std::io::Error::other("gone")))];
        let broken = AxumBody::from_stream(stream::iter(parts));
        assert_eq!(whole(broken).await.unwrap_err().code, "bad_body");
    }
}
