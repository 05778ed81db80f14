//! The operator's routes.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use http_api::{Frame, frame_layer};
use http_body_util::BodyExt;
use ingest::Ingest;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::setup::{Setup, films, setup};

const RUNS: &str = "/api/v1/internal/ingest/runs";

fn app(s: &Setup) -> Router {
    framed(s, s.ingest.clone())
}

/// The routes of a node, with what every request has around it.
pub fn framed(s: &Setup, ingest: Arc<Ingest>) -> Router {
    let frame = Arc::new(Frame {
        clock: s.clock.clone(),
        rng: testkit::rng(),
        timeout: Duration::from_secs(30),
        operator_token: Some("secret".to_owned()),
        access: None,
        cursor_key: [7; 32],
    });
    ingest::routes(ingest).split_for_parts().0.layer(frame_layer(frame))
}

pub async fn send(app: &Router, request: Request<Body>) -> (StatusCode, String, Value) {
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let location = response.headers().get(header::LOCATION).map(|v| v.to_str().unwrap().to_owned());
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, location.unwrap_or_default(), serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

fn post(body: &Value) -> Request<Body> {
    Request::post(RUNS)
        .header(header::AUTHORIZATION, "Bearer secret")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .unwrap()
}

pub fn get(path: &str) -> Request<Body> {
    Request::get(path).header(header::AUTHORIZATION, "Bearer secret").body(Body::empty()).unwrap()
}

async fn finished(app: &Router, path: &str) -> Value {
    for _ in 0..2_000 {
        let (status, _, run) = send(app, get(path)).await;
        assert_eq!(status, StatusCode::OK);
        if run["status"] != "running" {
            return run;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the run does not end");
}

#[tokio::test]
async fn a_run_is_started_and_watched() {
    let s = setup().await;
    let app = app(&s);
    let file = s.file("titles.csv", films(700));
    let body = json!({"location": file, "platform": "hulu", "region": "DEU", "as_of": "2021-12-24"});
    let (status, location, run) = send(&app, post(&body)).await;
    assert_eq!((status, run["status"].as_str()), (StatusCode::ACCEPTED, Some("running")));
    assert_eq!(location, format!("{RUNS}/{}", run["id"].as_str().unwrap()));
    let run = finished(&app, &location).await;
    assert_eq!((&run["status"], &run["rows_read"], &run["rejected"]), (&json!("done"), &json!(700), &json!(70)));
    assert_eq!((&run["options"]["region"], &run["as_of"]), (&json!("DE"), &json!("2021-12-24")));
}

#[tokio::test]
async fn runs_are_listed_by_pages() {
    let s = setup().await;
    let app = app(&s);
    for n in 0..3 {
        s.clock.advance(jiff::SignedDuration::from_secs(1));
        s.run(&s.file(&format!("hulu_{n}.csv"), films(1))).await.unwrap();
    }
    let (_, _, first) = send(&app, get(&format!("{RUNS}?limit=2"))).await;
    assert_eq!(first["items"].as_array().unwrap().len(), 2);
    assert!(first["items"][0]["location"].as_str().unwrap().ends_with("hulu_2.csv"), "the latest first");
    let cursor = first["next_cursor"].as_str().unwrap();
    let (_, _, second) = send(&app, get(&format!("{RUNS}?limit=2&cursor={cursor}"))).await;
    assert!(second["items"][0]["location"].as_str().unwrap().ends_with("hulu_0.csv"));
    assert!(second["next_cursor"].is_null());
    let (status, _, problem) = send(&app, get(&format!("{RUNS}?cursor=nonsense"))).await;
    assert_eq!((status, &problem["code"]), (StatusCode::BAD_REQUEST, &json!("bad_cursor")));
}

#[tokio::test]
async fn what_is_wrong_is_a_problem() {
    let s = setup().await;
    let app = app(&s);
    let file = s.file("titles.csv", films(1));
    let mapping = json!({
        "source": "festival", "type": "movie", "columns": { "key": "id", "title": "name" }, "ids": { "tmbd": "no" }
    });
    let anonymous = Request::get(RUNS).body(Body::empty()).unwrap();
    let mut stranger = post(&json!({"location": ""}));
    stranger.headers_mut().remove("authorization");
    let cases = [
        (anonymous, 401, "operator_required"),
        (stranger, 401, "operator_required"),
        (get(&format!("{RUNS}/0192f0c1-0000-7000-8000-000000000001")), 404, "run_not_found"),
        (get(&format!("{RUNS}/nonsense")), 400, "invalid_path"),
        (post(&json!({"location": ""})), 400, "bad_location"),
        (post(&json!({})), 400, "missing_field"),
        (post(&json!({"location": file, "formt": "x"})), 400, "unknown_field"),
        (post(&json!({"location": file, "format": "x"})), 400, "unknown_format"),
        (post(&json!({"location": file, "region": "XX"})), 400, "unknown_region"),
        (post(&json!({"location": file, "platform": "betamax"})), 400, "unknown_platform"),
        (post(&json!({"location": file, "mapping": mapping})), 400, "bad_mapping"),
    ];
    for (request, status, code) in cases {
        let shown = format!("{request:?}");
        let (found, _, problem) = send(&app, request).await;
        assert_eq!((found.as_u16(), problem["code"].as_str()), (status, Some(code)), "{shown}: {problem}");
    }
}
