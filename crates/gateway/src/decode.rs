//! Bodies of requests that come compressed: unpacked as they are read, within a bound on what comes in and what comes out.

use std::{convert::Infallible, future::ready};

use axum::{body::Body, extract::Request, response::Response};
use contracts::{ApiError, ErrorKind};
use http::{HeaderValue, header};
use tower::{Service, service_fn};
use tower_http::decompression::{DecompressionBody, RequestDecompression};

use crate::body::Bounded;

/// `request` with a plain body. At most `max` packed bytes are read; the caller bounds what comes out of them.
///
/// # Errors
/// `unsupported_content_encoding` (415) for anything but gzip.
pub(crate) fn decode(mut request: Request, max: usize) -> Result<Request, ApiError> {
    let coding = request.headers().get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes);
    match coding {
        None => return Ok(request),
        Some(coding) if coding.eq_ignore_ascii_case(b"identity") => {
            request.headers_mut().remove(header::CONTENT_ENCODING);
            return Ok(request);
        }
        Some(coding) if coding.eq_ignore_ascii_case(b"gzip") || coding.eq_ignore_ascii_case(b"x-gzip") => {}
        Some(_) => {
            let detail = "a body may be sent as it is or with `Content-Encoding: gzip`, once";
            let kind = ErrorKind::UnsupportedMediaType;
            return Err(ApiError::new(kind, "unsupported_content_encoding", detail));
        }
    }
    request.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    let request = request.map(|body| Body::new(Bounded::new(body, max)));
    let mut plain = None;
    let take = service_fn(|unpacked: Request<DecompressionBody<Body>>| {
        plain = Some(unpacked.map(Body::new));
        ready(Ok::<_, Infallible>(Response::new(Body::empty())))
    });
    // The layer hands the request on as it is called; its answer is of no interest.
    drop(RequestDecompression::new(take).call(request));
    plain.ok_or_else(|| ApiError::internal("the body can't be unpacked"))
}
