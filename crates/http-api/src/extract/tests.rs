//! Each way a request can be wrong, and the code it gets.

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::DefaultBodyLimit,
    routing::{get, post},
};
use contracts::{ContentId, Region};
use http::Request;
use rstest::rstest;
use serde::Deserialize;
use serde_json::Value;
use tower::ServiceExt;

use super::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    #[serde(default)]
    inner: Inner,
    region: Option<Region>,
    page: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Inner {
    years: Vec<u16>,
}

fn router() -> Router {
    let body = |ApiJson(ask): ApiJson<Ask>| async move { format!("{}", ask.inner.years.len()) };
    let query = |ApiQuery(ask): ApiQuery<Ask>| async move { format!("{:?} {:?}", ask.page, ask.region) };
    Router::new()
        .route("/body", post(body))
        .route("/query", get(query))
        .route("/none", get(|_: NoQuery| async { "nothing" }))
        .route("/content/{id}", get(|ApiPath(id): ApiPath<ContentId>| async move { id.to_string() }))
        .layer(DefaultBodyLimit::max(100))
}

async fn send(request: Request<Body>) -> (u16, Value) {
    let response = router().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = to_bytes(response.into_body(), 10_000).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into()))
}

#[rstest]
#[case("{", 400, "bad_json", None)]
#[case("", 400, "bad_json", None)]
#[case("{} x", 400, "bad_json", None)]
#[case(r#"{"nope":1}"#, 400, "unknown_field", Some("nope"))]
#[case(r#"{"inner":{"nope":1}}"#, 400, "unknown_field", Some("inner.nope"))]
#[case(r#"{"inner":{"years":[1,"x"]}}"#, 400, "invalid_field", Some("inner.years[1]"))]
#[case(r#"{"page":1,"page":2}"#, 400, "duplicate_field", Some("page"))]
#[case(r#"{"region":"XX"}"#, 400, "unknown_region", Some("region"))]
#[case(r#"[]"#, 400, "invalid_field", Some("body"))]
#[case(" [{\"years\":[]}, null, 1]", 400, "invalid_field", Some("body"))]
#[tokio::test]
async fn bodies(#[case] body: &str, #[case] status: u16, #[case] code: &str, #[case] field: Option<&str>) {
    let request = Request::post("/body").header("content-type", "application/json; charset=utf-8");
    let (got, problem) = send(request.body(Body::from(body.to_owned())).unwrap()).await;
    assert_eq!((got, problem["code"].as_str()), (status, Some(code)), "{problem}");
    assert_eq!(problem["errors"][0]["field"].as_str(), field, "{problem}");
}

#[rstest]
#[case("/content/nope")]
#[case("/content/01936f5e-0000-7000-8000-00000000000x")]
#[tokio::test]
async fn an_id_that_is_none_is_told_in_our_words(#[case] uri: &str) {
    let (_, problem) = send(Request::get(uri).body(Body::empty()).unwrap()).await;
    assert_eq!(problem["detail"], "`id` is not a UUID", "{problem}");
    assert_eq!(problem["errors"][0]["message"], "must be a UUID", "{problem}");
}

#[tokio::test]
async fn good_requests_pass() {
    let request = Request::post("/body").header("content-type", "application/merge-patch+json");
    let (status, body) = send(request.body(Body::from(r#"{"inner":{"years":[1,2]}}"#)).unwrap()).await;
    assert_eq!((status, body), (200, Value::from(2)));
    let (status, body) = send(Request::get("/query?page=3&region=usa").body(Body::empty()).unwrap()).await;
    assert_eq!((status, body.as_str()), (200, Some("Some(3) Some(US)")));
}

#[tokio::test]
async fn a_body_needs_its_type_and_must_fit() {
    let (status, problem) = send(Request::post("/body").body(Body::from("{}")).unwrap()).await;
    assert_eq!((status, problem["code"].as_str()), (415, Some("unsupported_media_type")));
    let request = Request::post("/body").header("content-type", "application/json").header("content-encoding", "gzip");
    let (status, problem) = send(request.body(Body::from("{}")).unwrap()).await;
    assert_eq!((status, problem["code"].as_str()), (415, Some("unsupported_content_encoding")));
    let request = Request::post("/body").header("content-type", "application/json");
    let (status, problem) = send(request.body(Body::from(" ".repeat(101))).unwrap()).await;
    assert_eq!((status, problem["code"].as_str()), (413, Some("body_too_large")));
}

#[rstest]
#[case("/query?nope=1", "unknown_field", "nope")]
#[case("/query?page=x", "invalid_parameter", "page")]
#[case("/query?page=-1", "invalid_parameter", "page")]
#[case("/query?region=XX", "unknown_region", "region")]
#[case("/query?page=1&page=2", "duplicate_field", "page")]
#[case("/query?page=%FF%FE", "bad_encoding", "page")]
#[case("/none?nope=1", "unknown_field", "nope")]
#[case("/content/nope", "invalid_path", "id")]
#[case("/content/%ff", "invalid_path", "id")]
#[tokio::test]
async fn queries_and_paths(#[case] uri: &str, #[case] code: &str, #[case] field: &str) {
    let (status, problem) = send(Request::get(uri).body(Body::empty()).unwrap()).await;
    assert_eq!((status, problem["code"].as_str()), (400, Some(code)), "{problem}");
    assert_eq!(problem["errors"][0]["field"], field, "{problem}");
}
