//! What answers where no route does.

use axum::{Router, extract::Request};
use contracts::{ApiError, ErrorKind};

use crate::Problem;

/// Gives a router problems for unknown routes and methods.
pub fn with_fallbacks<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    router.fallback(no_such_route).method_not_allowed_fallback(method_not_allowed)
}

/// 404: `no_such_route`, or `version_reserved` for a version of the API that does not exist yet.
pub async fn no_such_route(request: Request) -> Problem {
    let path = request.uri().path();
    let path = path.strip_prefix("/api").unwrap_or(path);
    let detail = match path.strip_prefix("/v2") {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => {
            let detail = "version 2 of this API does not exist yet; use /api/v1";
            return ApiError::not_found("version_reserved", detail).into();
        }
        _ => "nothing answers at this path; /docs lists what does",
    };
    ApiError::not_found("no_such_route", detail).into()
}

/// 405; axum adds the `Allow` header.
pub async fn method_not_allowed() -> Problem {
    let detail = "this path does not answer this method; the Allow header names those it does";
    ApiError::new(ErrorKind::MethodNotAllowed, "method_not_allowed", detail).into()
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, routing::get};
    use http::Request;
    use rstest::rstest;
    use tower::ServiceExt;

    use super::*;

    #[rstest]
    #[case("GET", "/nope", 404, "no_such_route")]
    #[case("GET", "/api/v2/content", 404, "version_reserved")]
    #[case("GET", "/v2", 404, "version_reserved")]
    #[case("GET", "/v20", 404, "no_such_route")]
    #[case("DELETE", "/here", 405, "method_not_allowed")]
    #[tokio::test]
    async fn fallbacks(#[case] method: &str, #[case] path: &str, #[case] status: u16, #[case] code: &str) {
        let router = with_fallbacks(Router::new().route("/here", get(|| async { "x" })));
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.extensions().get::<Problem>().unwrap().0.code, code);
        let allow = response.headers().get("allow").map(|allow| allow.to_str().unwrap());
        assert_eq!(allow, (status == 405).then_some("GET,HEAD"));
    }
}
