//! Telling clients that a route is on its way out: `Deprecation` (RFC 9745) and `Sunset` (RFC 8594).

use axum::{Router, extract::Request, middleware::Next, response::Response};
use http::{HeaderValue, header};
use jiff::Timestamp;

/// Since when a route is deprecated, until when it answers, and what to use in its place.
#[derive(Clone, Debug)]
pub struct Deprecation {
    /// When it was deprecated.
    pub since: Timestamp,
    /// When it stops to answer.
    pub sunset: Option<Timestamp>,
    /// The path of what replaces it.
    pub successor: Option<String>,
}

impl Deprecation {
    /// The headers that say so.
    fn headers(&self) -> Vec<(header::HeaderName, HeaderValue)> {
        let since = format!("@{}", self.since.as_second());
        let sunset = self.sunset.map(|at| at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
        let link = self.successor.as_ref().map(|path| format!("<{path}>; rel=\"successor-version\""));
        let named = [("deprecation", Some(since)), ("sunset", sunset), ("link", link)];
        let header = |(name, value): (&'static str, Option<String>)| {
            Some((header::HeaderName::from_static(name), HeaderValue::from_str(&value?).ok()?))
        };
        named.into_iter().filter_map(header).collect()
    }
}

/// Marks every route of `router` as deprecated, in the headers of its answers.
pub fn deprecated<S: Clone + Send + Sync + 'static>(router: Router<S>, deprecation: &Deprecation) -> Router<S> {
    let headers = deprecation.headers();
    router.route_layer(axum::middleware::from_fn(move |request: Request, next: Next| {
        let headers = headers.clone();
        async move {
            let mut response: Response = next.run(request).await;
            response.headers_mut().extend(headers);
            response
        }
    }))
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, routing::get};
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn answers_say_when_they_stop() {
        let deprecation = Deprecation {
            since: "2026-11-20T00:00:00Z".parse().unwrap(),
            sunset: Some("2027-06-01T12:00:00Z".parse().unwrap()),
            successor: Some("/api/v1/search".to_owned()),
        };
        let router = deprecated(Router::new().route("/old", get(|| async { "x" })), &deprecation);
        let response = router.oneshot(Request::get("/old").body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.headers()["deprecation"], "@1795132800");
        assert_eq!(response.headers()["sunset"], "Tue, 01 Jun 2027 12:00:00 GMT");
        assert_eq!(response.headers()["link"], "</api/v1/search>; rel=\"successor-version\"");
    }
}
