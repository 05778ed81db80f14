//! The head of a request: its bounds, its ids, and whether an agent says that it is one.

use contracts::{ApiError, ErrorKind, Rng};
use http::{HeaderMap, HeaderName, HeaderValue, Request};

/// The id of a request, the client's or ours.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The id of what several requests belong to; the request's own where the client names none.
pub(crate) const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");
/// The longest id that is taken from a client.
const MAX_ID: usize = 128;

/// The bounds of a head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadLimits {
    pub(crate) uri_bytes: usize,
    pub(crate) header_bytes: usize,
}

/// Checks the bounds, and tells whether any `AI-*` header is there.
///
/// Such headers only label a metric: anyone can send them, so they are never an identity.
pub(crate) fn check<B>(request: &Request<B>, limits: HeadLimits) -> Result<bool, ApiError> {
    let uri = request.uri();
    let length = uri.path().len() + uri.query().map_or(0, |query| query.len() + 1);
    if length > limits.uri_bytes {
        let detail = format!("the address has {length} bytes, and this server reads {}", limits.uri_bytes);
        return Err(ApiError::invalid("uri_too_long", detail));
    }
    let (mut bytes, mut agent) = (0, false);
    for (name, value) in request.headers() {
        bytes += name.as_str().len() + value.len() + 4;
        agent |= name.as_str().starts_with("ai-");
    }
    if bytes > limits.header_bytes {
        let detail = format!("the headers have {bytes} bytes, and this server reads {}", limits.header_bytes);
        return Err(ApiError::new(ErrorKind::HeadersTooLarge, "headers_too_large", detail));
    }
    Ok(agent)
}

/// The ids of a request, to echo in its response.
pub(crate) struct RequestIds {
    pub(crate) request: HeaderValue,
    pub(crate) correlation: HeaderValue,
}

impl RequestIds {
    /// The client's ids where they are sane, new ones else; written back, so that handlers and other processes see them.
    pub(crate) fn settle(headers: &mut HeaderMap, rng: &Rng) -> Self {
        let request = sane(headers.get(&REQUEST_ID)).unwrap_or_else(|| fresh(rng));
        let correlation = sane(headers.get(&CORRELATION_ID)).unwrap_or_else(|| request.clone());
        headers.insert(REQUEST_ID, request.clone());
        headers.insert(CORRELATION_ID, correlation.clone());
        Self { request, correlation }
    }
}

fn sane(value: Option<&HeaderValue>) -> Option<HeaderValue> {
    let fits =
        |value: &&HeaderValue| (1..=MAX_ID).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic);
    value.filter(fits).cloned()
}

fn fresh(rng: &Rng) -> HeaderValue {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 32];
    for (pair, byte) in text.chunks_exact_mut(2).zip(rng.bytes::<16>()) {
        pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("0"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("abc-1", true)]
    #[case("", false)]
    #[case("has space", false)]
    #[case("é", false)]
    fn only_sane_ids_are_taken(#[case] id: &str, #[case] taken: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_bytes(id.as_bytes()).unwrap());
        let ids = RequestIds::settle(&mut headers, &Rng::seeded(1));
        assert_eq!(ids.request.as_bytes() == id.as_bytes(), taken);
        assert_eq!(headers[REQUEST_ID], ids.request);
        assert_eq!(ids.correlation, ids.request);
        assert!(taken || ids.request.len() == 32);
    }

    #[test]
    fn long_ids_are_replaced_and_new_ones_differ() {
        let rng = Rng::seeded(1);
        let mut seen = Vec::new();
        for _ in 0..2 {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, "a".repeat(129).parse().unwrap());
            seen.push(RequestIds::settle(&mut headers, &rng).request);
        }
        assert_ne!(seen[0], seen[1]);
    }

    #[test]
    fn bounds_and_agents() {
        let limits = HeadLimits { uri_bytes: 20, header_bytes: 40 };
        let request = |uri: &str, name: &str, value: String| Request::get(uri).header(name, value).body(()).unwrap();
        assert!(!check(&request("/a", "x", "y".into()), limits).unwrap());
        assert!(check(&request("/a", "AI-Agent", "y".into()), limits).unwrap());
        let code = |request| check(&request, limits).unwrap_err().code;
        assert_eq!(code(request("/aaaaaaaaaa?bbbbbbbbbb", "x", "y".into())), "uri_too_long");
        assert_eq!(code(request("/a", "x", "y".repeat(40))), "headers_too_large");
    }
}
