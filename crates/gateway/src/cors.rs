//! Cross-origin requests from browsers: exact origins, none by default (the Fetch standard, CORS protocol).

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use contracts::is_this_machine;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header, uri::Authority};

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
    /// Whether `text` is an origin as browsers send it: a scheme, a host and perhaps a port, and nothing behind.
    pub fn is_one(text: &str) -> bool {
        let text = text.trim_end_matches('/');
        let Ok(uri) = text.parse::<Uri>() else { return false };
        let host = uri.authority().filter(|authority| !authority.as_str().contains('@'));
        matches!(uri.scheme_str(), Some("http" | "https"))
            && host.is_some_and(|host| text.ends_with(&format!("://{host}")) && text.to_lowercase() == text)
    }

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

    /// Whether a WebSocket may be opened from where it says: from one of these origins, from the server's `own`, or from the
    /// very address that it is opened at, under any name of this machine. CORS does not ask before it is opened (RFC 6455,
    /// section 10.2). What is no page names no origin.
    pub(crate) fn admit_socket(&self, headers: &HeaderMap, own: Option<&str>) -> bool {
        let mut named = headers.get_all(header::ORIGIN).iter();
        let Some(origin) = named.next() else { return true };
        let known = self.0.contains(origin) || own.is_some_and(|own| origin.as_bytes() == own.as_bytes());
        (known || is_same_here(origin, headers)) && named.next().is_none()
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

/// Whether a page comes from the address that it asks, and that is this machine's: `localhost` and its numbers are as many
/// origins of one node. Under any other name somebody else may have it resolved to this machine (DNS rebinding).
fn is_same_here(origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let Some(Ok(asked)) = headers.get(header::HOST).map(HeaderValue::to_str) else { return false };
    let here = asked.parse::<Authority>().is_ok_and(|asked| is_this_machine(asked.host()));
    here && origin.as_bytes().strip_prefix(b"http://") == Some(asked.as_bytes())
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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn an_origin_is_a_scheme_a_host_and_a_port() {
        for good in ["https://app.example.org", "http://localhost:5173/", "https://[2001:db8::1]:8443"] {
            assert!(Origins::is_one(good), "{good}");
        }
        for bad in
            ["*", "", "not a url", "app.example.org", "https://a.example/path", "https://A.example", "ftp://a.example"]
        {
            assert!(!Origins::is_one(bad), "{bad}");
        }
        assert!(!Origins::is_one("https://me@a.example") && !Origins::is_one("https://a.example?q"));
    }

    #[rstest]
    #[case(&[], true)]
    #[case(&["https://app.example"], true)]
    #[case(&["https://own.example"], true)]
    #[case(&["https://evil.example"], false)]
    #[case(&["https://app.example.evil.example"], false)]
    #[case(&["http://app.example"], false)]
    #[case(&["null"], false)]
    #[case(&["https://app.example", "https://evil.example"], false)]
    fn sockets_are_opened_from_known_origins(#[case] named: &[&str], #[case] expected: bool) {
        let mut headers = HeaderMap::new();
        for origin in named {
            headers.append(header::ORIGIN, origin.parse().unwrap());
        }
        let origins = Origins::new(["https://app.example"]);
        assert_eq!(origins.admit_socket(&headers, Some("https://own.example")), expected);
        assert_eq!(Origins::default().admit_socket(&headers, None), named.is_empty());
    }

    #[rstest]
    #[case("http://localhost:8080", "localhost:8080", true)]
    #[case("http://127.0.0.1:8080", "127.0.0.1:8080", true)]
    #[case("http://[::1]:8080", "[::1]:8080", true)]
    #[case("http://localhost", "localhost", true)]
    // Another program of this machine has another port; what a browser is told to take for this machine, another name.
    #[case("http://localhost:3000", "localhost:8080", false)]
    #[case("http://localhost:8080", "127.0.0.1:8080", false)]
    #[case("http://evil.example:8080", "evil.example:8080", false)]
    #[case("http://localhost.evil.example:8080", "localhost.evil.example:8080", false)]
    #[case("http://evil.example@localhost:8080", "localhost:8080", false)]
    #[case("https://localhost:8080", "localhost:8080", false)]
    #[case("null", "localhost:8080", false)]
    fn sockets_are_opened_from_the_same_address_of_this_machine(
        #[case] origin: &str,
        #[case] host: &str,
        #[case] expected: bool,
    ) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, origin.parse().unwrap());
        assert!(!Origins::default().admit_socket(&headers, None), "it asks nobody");
        headers.insert(header::HOST, host.parse().unwrap());
        assert_eq!(Origins::default().admit_socket(&headers, Some("https://own.example")), expected);
    }
}
