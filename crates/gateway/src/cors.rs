//! Cross-origin requests from browsers: exact origins, none by default (the Fetch standard, CORS protocol).

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, accept-language, if-match, if-none-match, idempotency-key, traceparent, \
     x-request-id, x-correlation-id",
);
const RESPONSE_HEADERS: HeaderValue = HeaderValue::from_static(
    "etag, link, location, retry-after, deprecation, sunset, traceparent, x-request-id, x-correlation-id, \
     idempotency-replayed, ratelimit, ratelimit-policy, age, cache-status, x-degraded",
);
/// Browsers ask again after ten minutes.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// The origins whose pages may call.
#[derive(Clone, Debug, Default)]
pub struct Origins(Vec<HeaderValue>);

impl Origins {
    /// Exactly these origins: `https://app.example.org`, without a path. One that is no header value is left out.
    pub fn new<'a>(origins: impl IntoIterator<Item = &'a str>) -> Self {
        Self(origins.into_iter().filter_map(|origin| origin.trim_end_matches('/').parse().ok()).collect())
    }

    /// The request's origin, when it is one of these.
    pub(crate) fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        if self.0.is_empty() {
            return None;
        }
        headers.get(header::ORIGIN).filter(|origin| self.0.contains(origin)).cloned()
    }

    /// Lets the page at `allowed` read the response; caches learn that origins matter.
    pub(crate) fn mark(&self, allowed: Option<HeaderValue>, headers: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        headers.append(header::VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = allowed {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_HEADERS);
        }
    }
}

/// Whether a browser asks in advance.
pub(crate) fn is_preflight(request: &Request<Body>) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to a browser that asks in advance, for an allowed origin.
pub(crate) fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    response
}
