//! Answers kept for a moment (G9): public ones, for callers we do not know, in this process.
//!
//! What may be kept is what RFC 9111 allows a shared cache, and less: only what says `public`, is whole and small. When
//! a fresh answer can't be had, one that was kept is given for some minutes more and says so (RFC 5861, section 4).

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{body::Body, extract::Request, response::Response};
use bytes::Bytes;
use contracts::Clock;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_api::none_match;
use http_body_util::BodyExt;
use hyper::body::Body as _;
use quick_cache::{Weighter, sync::Cache};

/// The longest that an answer is fresh, whatever it says of itself.
const FRESH: Duration = Duration::from_secs(30);
/// How long an answer is kept for when there is no other.
const KEPT_MICROS: i64 = 330_000_000;
/// The largest body that is kept.
const MAX_BODY: u64 = 256 * 1_024;
/// What an entry weighs beside its body and key.
const OVERHEAD: usize = 1_024;

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
/// Tells that an answer is less than it should be: `stale` when it is an old one.
const DEGRADED: HeaderName = HeaderName::from_static("x-degraded");

/// Headers that are about one exchange.
const OF_ONE_EXCHANGE: [HeaderName; 5] = [
    header::DATE,
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("x-correlation-id"),
    HeaderName::from_static("traceparent"),
    header::CONTENT_LENGTH,
];

/// The answers.
pub struct ResponseCache {
    entries: Cache<String, Arc<Kept>, Bulk>,
    clock: Clock,
    generation: Arc<AtomicU64>,
}

struct Kept {
    headers: HeaderMap,
    body: Bytes,
    at: i64,
    fresh: i64,
    generation: u64,
}

/// What an entry takes of the cache, in bytes.
#[derive(Clone)]
struct Bulk;

impl Weighter<String, Arc<Kept>> for Bulk {
    fn weight(&self, key: &String, kept: &Arc<Kept>) -> u64 {
        (key.len() + kept.body.len() + OVERHEAD) as u64
    }
}

impl ResponseCache {
    /// An empty cache for about `max_bytes`.
    pub fn new(clock: Clock, max_bytes: u64) -> Self {
        // Only a first size of its tables: a few kilobytes is what an answer takes.
        let expected = usize::try_from(max_bytes / 4_096).unwrap_or(usize::MAX);
        Self { entries: Cache::with_weighter(expected, max_bytes, Bulk), clock, generation: Arc::default() }
    }

    /// What to call when the data behind the answers has changed: none that is kept is fresh any more.
    pub fn outdated(&self) -> impl Fn() + Send + Sync + use<> {
        let generation = Arc::clone(&self.generation);
        move || {
            generation.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Under what the answer to `request` is kept; `None` where it may not be.
    pub(crate) fn key(request: &Request, endpoint: &str) -> Option<String> {
        let headers = request.headers();
        let asks = |name: &HeaderName| headers.contains_key(name);
        let refuses = headers.get(header::CACHE_CONTROL).is_some_and(|value| {
            let value = value.as_bytes();
            value.windows(8).any(|part| part == b"no-cache" || part == b"no-store")
        });
        if request.method() != Method::GET
            || !endpoint.starts_with("/api/")
            || refuses
            || [header::AUTHORIZATION, header::RANGE, header::COOKIE].iter().any(asks)
        {
            return None;
        }
        let language = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let uri = request.uri();
        let mut key = String::with_capacity(uri.path().len() + language.len() + 64);
        key.push_str(uri.path());
        key.push('?');
        key.push_str(uri.query().unwrap_or_default());
        key.push('\n');
        key.push_str(language);
        Some(key)
    }

    /// A fresh answer.
    pub(crate) fn fresh(&self, key: &str, headers: &HeaderMap) -> Option<Response> {
        let (kept, age) = self.kept(key)?;
        if age >= kept.fresh || kept.generation != self.generation.load(Ordering::Relaxed) {
            return None;
        }
        let left = (kept.fresh - age) / 1_000_000;
        let mut response = kept.answer(age, headers);
        if let Ok(status) = HeaderValue::try_from(format!("media-gateway; hit; ttl={left}")) {
            response.headers_mut().insert(CACHE_STATUS, status);
        }
        Some(response)
    }

    /// What is kept, and for how many microseconds it has been.
    fn kept(&self, key: &str) -> Option<(Arc<Kept>, i64)> {
        let kept = self.entries.get(key)?;
        let age = self.clock.now().as_microsecond() - kept.at;
        (age < KEPT_MICROS).then_some((kept, age))
    }

    /// Keeps `response` where it may be kept; in place of a failure gives an old answer, marked as such.
    pub(crate) async fn settle(&self, key: String, response: Response, asked: &HeaderMap) -> Response {
        match response.status() {
            StatusCode::OK => self.keep(key, response).await,
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                let Some((kept, age)) = self.kept(&key) else { return response };
                let mut stale = kept.answer(age, asked);
                let failed = response.status().as_u16();
                let said = format!("media-gateway; hit; fwd=stale; fwd-status={failed}; ttl=-{}", age / 1_000_000);
                if let Ok(said) = HeaderValue::try_from(said) {
                    stale.headers_mut().insert(CACHE_STATUS, said);
                }
                stale.headers_mut().insert(DEGRADED, HeaderValue::from_static("stale"));
                metrics::counter!("stale_answers_total").increment(1);
                stale
            }
            _ => response,
        }
    }

    async fn keep(&self, key: String, response: Response) -> Response {
        let Some(fresh) = fresh_for(response.headers()) else { return response };
        // A body that another process sends has its length in the header only.
        let length = response.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        if response.body().size_hint().exact().or(length).is_none_or(|size| size > MAX_BODY) {
            return response;
        }
        // Read before the body is: what changes meanwhile makes the answer an old one.
        let generation = self.generation.load(Ordering::Relaxed);
        let (parts, body) = response.into_parts();
        let Ok(body) = body.collect().await else {
            let broken =
                contracts::ApiError::new(contracts::ErrorKind::BadGateway, "broken_answer", "the answer broke off");
            return axum::response::IntoResponse::into_response(http_api::Problem(broken));
        };
        let body = body.to_bytes();
        let mut headers = parts.headers.clone();
        for name in &OF_ONE_EXCHANGE {
            headers.remove(name);
        }
        // A slice of a large buffer would keep all of it.
        let kept = Kept {
            headers,
            body: Bytes::copy_from_slice(&body),
            at: self.clock.now().as_microsecond(),
            fresh,
            generation,
        };
        self.entries.insert(key, Arc::new(kept));
        Response::from_parts(parts, Body::from(body))
    }
}

impl Kept {
    /// The answer again, or 304 where the client has it.
    fn answer(&self, age: i64, asked: &HeaderMap) -> Response {
        let unchanged = self.headers.get(header::ETAG).is_some_and(|tag| none_match(asked, tag));
        let mut response = Response::new(if unchanged { Body::empty() } else { Body::from(self.body.clone()) });
        *response.headers_mut() = self.headers.clone();
        if unchanged {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response.headers_mut().remove(header::CONTENT_TYPE);
        }
        response.headers_mut().insert(header::AGE, HeaderValue::from((age / 1_000_000).max(0)));
        response
    }
}

/// For how many microseconds an answer is fresh; `None` when it may not be kept.
fn fresh_for(headers: &HeaderMap) -> Option<i64> {
    // What is kept is asked for without `Authorization`.
    const VARIES: [&str; 4] = ["accept-language", "accept-encoding", "authorization", "origin"];
    let control = headers.get(header::CACHE_CONTROL)?.to_str().ok()?;
    let mut directives = control.split(',').map(str::trim);
    let varies = headers.get_all(header::VARY).iter().filter_map(|value| value.to_str().ok());
    let known = varies.flat_map(|value| value.split(',')).all(|name| VARIES.contains(&name.trim()));
    let whole = [header::SET_COOKIE, header::CONTENT_ENCODING].iter().all(|name| !headers.contains_key(name));
    if !known || !whole || !directives.clone().any(|directive| directive == "public") {
        return None;
    }
    let seconds = directives.find_map(|directive| directive.strip_prefix("max-age=")?.parse::<u64>().ok())?;
    let micros = Duration::from_secs(seconds).min(FRESH).as_micros();
    i64::try_from(micros).ok().filter(|micros| *micros > 0)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[rstest]
    #[case(&[("cache-control", "public, max-age=30")], Some(30))]
    #[case(&[("cache-control", "public, max-age=3600"), ("vary", "accept-language, authorization, origin")], Some(30))]
    #[case(&[("cache-control", "public, max-age=5")], Some(5))]
    #[case(&[("cache-control", "public, max-age=0")], None)]
    #[case(&[("cache-control", "private, max-age=30")], None)]
    #[case(&[("cache-control", "no-store")], None)]
    #[case(&[], None)]
    #[case(&[("cache-control", "public, max-age=30"), ("vary", "cookie")], None)]
    #[case(&[("cache-control", "public, max-age=30"), ("set-cookie", "a=b")], None)]
    #[case(&[("cache-control", "public, max-age=30"), ("content-encoding", "gzip")], None)]
    fn what_is_kept(#[case] fields: &[(&'static str, &'static str)], #[case] seconds: Option<i64>) {
        assert_eq!(fresh_for(&headers(fields)), seconds.map(|seconds| seconds * 1_000_000));
    }

    #[rstest]
    #[case("GET", "/api/x", "", "", true)]
    #[case("HEAD", "/api/x", "", "", false)]
    #[case("GET", "/docs/", "", "", false)]
    #[case("GET", "/api/x", "authorization", "Bearer x", false)]
    #[case("GET", "/api/x", "cookie", "a=b", false)]
    #[case("GET", "/api/x", "range", "bytes=0-1", false)]
    #[case("GET", "/api/x", "cache-control", "no-cache", false)]
    #[case("GET", "/api/x", "cache-control", "max-age=0, no-store", false)]
    #[case("GET", "/api/x", "cache-control", "max-age=60", true)]
    fn whose_answers_are_kept(
        #[case] method: &str,
        #[case] endpoint: &str,
        #[case] name: &str,
        #[case] value: &str,
        #[case] kept: bool,
    ) {
        let request = Request::builder().method(method).uri("/api/x?q=1");
        let request = if name.is_empty() { request } else { request.header(name, value) };
        assert_eq!(ResponseCache::key(&request.body(Body::empty()).unwrap(), endpoint).is_some(), kept);
    }

    #[test]
    fn languages_and_queries_have_answers_of_their_own() {
        let key = |uri: &str, language: &str| {
            let request = Request::get(uri).header("accept-language", language).body(Body::empty()).unwrap();
            ResponseCache::key(&request, "/api/x").unwrap()
        };
        let keys = [key("/api/x?q=1", "de"), key("/api/x?q=1", "en"), key("/api/x?q=2", "de"), key("/api/x", "de")];
        let distinct: std::collections::HashSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
    }
}
