//! A framed router finishes the problems of its routes.

use axum::{Router, body::Body, body::to_bytes, routing::get};
use contracts::ApiError;
use http::Request;
use tower::ServiceExt;

use super::*;
use crate::{CallOf, Cursors, Problem, ProblemBody, with_fallbacks};

fn router() -> Router {
    let frame = Frame {
        clock: Clock::system(),
        rng: Rng::seeded(1),
        timeout: Duration::from_secs(10),
        operator_token: None,
        access: None,
        cursor_key: [0; 32],
    };
    let bad = |CallOf(call): CallOf| async move { Problem(ApiError::invalid("bad", call.trace.id())) };
    let own = || async { (http::StatusCode::IM_A_TEAPOT, "short and stout") };
    let cursor = |cursors: Cursors| async move { cursors.sign("s", &1).unwrap() };
    let router = Router::new().route("/bad", get(bad)).route("/own", get(own)).route("/cursor", get(cursor));
    with_fallbacks(router).layer(frame_layer(Arc::new(frame)))
}

async fn send(path: &str) -> (u16, Vec<u8>) {
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let request = Request::get(path).header("traceparent", trace).body(Body::empty()).unwrap();
    let response = router().oneshot(request).await.unwrap();
    (response.status().as_u16(), to_bytes(response.into_body(), 10_000).await.unwrap().to_vec())
}

#[tokio::test]
async fn a_problem_knows_its_path_and_trace() {
    for (path, status, code) in [("/bad?x=1", 400, "bad"), ("/nope", 404, "no_such_route")] {
        let (got, body) = send(path).await;
        let body: ProblemBody = serde_json::from_slice(&body).unwrap();
        assert_eq!((got, body.code.as_str()), (status, code));
        assert_eq!(body.instance.as_deref(), path.split('?').next());
        assert_eq!(body.trace_id.as_deref(), Some("0af7651916cd43dd8448eb211c80319c"));
        assert_eq!(body.problem_type, format!("/problems/{code}"));
        if code == "bad" {
            assert_eq!(body.detail, "0af7651916cd43dd8448eb211c80319c", "the handler sees the same trace");
        }
    }
}

#[tokio::test]
async fn other_answers_are_left_alone() {
    assert_eq!(send("/own").await, (418, b"short and stout".to_vec()));
    assert_eq!(send("/cursor").await.0, 200);
}
