//! Compresses answers that are worth it.

use std::{convert::Infallible, future::ready};

use axum::{body::Body, response::Response};
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use hyper::body::Body as _;
use tower::{ServiceExt, service_fn};
use tower_http::{CompressionLevel, compression::Compression};

/// Below this a gzip member's own bytes and the time are not won back.
const LEAST: u64 = 1_024;
/// Above this it would take too long.
const MOST: u64 = 4 * 1_024 * 1_024;

/// Gzips `response` when the client takes it; marks every answer that could have been as varying.
pub(crate) async fn compress(accepted: Option<HeaderValue>, mut response: Response) -> Response {
    if !worth_it(&response) {
        return response;
    }
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    let Some(accepted) = accepted else { return response };
    let mut request = Request::new(Body::empty());
    request.headers_mut().insert(header::ACCEPT_ENCODING, accepted);
    let mut held = Some(response);
    let give = service_fn(move |_: Request<Body>| ready(Ok::<_, Infallible>(held.take().unwrap_or_default())));
    let compression = Compression::new(give).quality(CompressionLevel::Fastest);
    let Ok(response) = compression.oneshot(request).await;
    let mut response = response.map(Body::new);
    if response.headers().contains_key(header::CONTENT_ENCODING) {
        retag(response.headers_mut());
    }
    response
}

fn worth_it(response: &Response) -> bool {
    let headers = response.headers();
    let size = response.body().size_hint().exact().unwrap_or(0);
    let kind = headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let text = kind.starts_with(b"text/")
        || [&b"json"[..], b"javascript", b"xml"].iter().any(|part| kind.windows(part.len()).any(|at| at == *part));
    text && (LEAST..=MOST).contains(&size)
        && response.status() != StatusCode::PARTIAL_CONTENT
        && !headers.contains_key(header::CONTENT_ENCODING)
}

/// Other bytes need another strong tag; `http_api::entity` knows the suffix.
fn retag(headers: &mut HeaderMap) {
    let tag = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()).and_then(|tag| tag.strip_suffix('"'));
    let tag = tag.and_then(|tag| HeaderValue::from_str(&format!("{tag}-gzip\"")).ok());
    if let Some(tag) = tag {
        headers.insert(header::ETAG, tag);
    }
}
