//! Who a request is taken to be from.

use std::time::Duration;

use contracts::{Clock, Rng};
use http::Request;
use rstest::rstest;

use super::*;

fn frame_with(token: Option<&str>) -> Frame {
    Frame {
        clock: Clock::fixed("2026-11-20T00:00:00Z".parse().unwrap()),
        rng: Rng::seeded(1),
        timeout: Duration::from_secs(10),
        operator_token: token.map(str::to_owned),
        access: None,
        cursor_key: [0; 32],
    }
}

async fn call(
    token: Option<&str>,
    headers: &[(&'static str, &str)],
    budget: Option<Duration>,
) -> Result<Call, Problem> {
    let frame = frame_with(token);
    let mut request = Request::new(axum::body::Body::empty());
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    Arc::new(frame).enter(&mut request);
    if let Some(budget) = budget {
        request.extensions_mut().insert(Budget(budget));
    }
    let (mut parts, _) = request.into_parts();
    CallOf::from_request_parts(&mut parts, &()).await.map(|CallOf(call)| call)
}

#[rstest]
#[case(Some("secret"), None, Ok(Caller::Anonymous))]
#[case(Some("secret"), Some("Bearer secret"), Ok(Caller::Operator))]
#[case(Some("secret"), Some("bearer  secret"), Ok(Caller::Operator))]
#[case(Some("secret"), Some("Bearer secre"), Err("bad_token"))]
#[case(Some("secret"), Some("Bearer secret2"), Err("bad_token"))]
#[case(Some("secret"), Some("Basic secret"), Err("bad_token"))]
#[case(Some("secret"), Some("secret"), Err("bad_token"))]
#[case(Some(""), Some("Bearer "), Err("bad_token"))]
#[case(None, Some("Bearer secret"), Err("bad_token"))]
#[tokio::test]
async fn only_the_token_makes_an_operator(
    #[case] token: Option<&str>,
    #[case] header: Option<&str>,
    #[case] expected: Result<Caller, &str>,
) {
    let headers: Vec<_> = header.map(|value| ("authorization", value)).into_iter().collect();
    let caller = call(token, &headers, None).await.map(|call| call.caller).map_err(|problem| problem.0.code);
    assert_eq!(caller, expected.map_err(Into::into));
}

#[tokio::test]
async fn trace_language_and_deadline() {
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let got = call(None, &[("traceparent", trace), ("accept-language", "de-AT")], None).await.unwrap();
    assert_eq!(got.trace.id(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(got.locale.as_str(), "de-at");
    assert_eq!(got.deadline.to_string(), "2026-11-20T00:00:10Z");
    let short = call(None, &[("accept-language", "???")], Some(Duration::from_secs(5))).await.unwrap();
    assert_eq!(short.deadline.to_string(), "2026-11-20T00:00:05Z");
    assert_eq!(short.locale.as_str(), "en");
    assert_ne!(short.trace.trace_id, 0);
}

#[rstest]
#[case("websocket", "bearer, secret", Caller::Operator, "bearer")]
#[case("WebSocket", "bearer,secret", Caller::Operator, "bearer")]
#[case("websocket", "bearer, secret, more", Caller::Anonymous, "bearer")]
#[case("websocket", "secret, bearer", Caller::Anonymous, "secret, bearer")]
#[case("websocket", "bearer", Caller::Anonymous, "bearer")]
#[case("h2c", "bearer, secret", Caller::Anonymous, "bearer, secret")]
fn a_page_names_its_token_among_the_protocols(
    #[case] upgrade: &str,
    #[case] protocols: &str,
    #[case] expected: Caller,
    #[case] left: &str,
) {
    let request = Request::get("/").header("upgrade", upgrade).header("sec-websocket-protocol", protocols);
    let mut request = request.body(()).unwrap();
    assert_eq!(identify(&frame_with(Some("secret")), &mut request), expected);
    assert_eq!(request.headers()["sec-websocket-protocol"], left);
}

#[test]
fn a_header_goes_before_a_protocol() {
    let request = Request::get("/").header("upgrade", "websocket").header("sec-websocket-protocol", "bearer, secret");
    let mut request = request.header("authorization", "Bearer other").body(()).unwrap();
    assert_eq!(identify(&frame_with(Some("secret")), &mut request), Caller::Anonymous);
}
