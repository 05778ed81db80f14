//! Who a request is taken to be from.

use std::time::Duration;

use access::{ApiKeyRecord, KeyKind, Live, NewKey, Snapshot, VerifierConfig};
use contracts::{Clock, Rng, Role, Subject};
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

#[tokio::test]
async fn a_key_that_was_made_a_moment_ago_in_another_process_is_looked_for() {
    let (made, clock) = (NewKey::generate(KeyKind::Service, &Rng::seeded(1)), frame_with(None).clock);
    let record = ApiKeyRecord {
        kind: KeyKind::Service,
        salt: made.salt,
        hash: made.hash,
        subject: Subject::Service("robot".to_owned()),
        role: Role::IngestionService,
        org: None,
        scopes: "read:content".parse().unwrap(),
        created_at: clock.now(),
        expires_at: None,
    };
    let (live, now) = (Arc::new(Live::default()), clock.now());
    live.replace(Snapshot::default(), now);
    live.looks().end(live.looks().begin());
    let config = VerifierConfig { issuer: "https://media.example".into(), audience: "https://media.example".into() };
    let verifier = Arc::new(Verifier::new(config, clock, Arc::clone(&live)));
    let frame = Arc::new(Frame { access: Some(verifier), ..frame_with(None) });
    let mut request = Request::new(axum::body::Body::empty());
    request.headers_mut().insert("authorization", format!("Bearer {}", made.key).parse().unwrap());
    frame.enter(&mut request);
    assert_eq!(identify(&frame, &mut request), Caller::Anonymous, "the door does not wait");

    let keeper = tokio::spawn(async move {
        live.looks().asked().await;
        let look = live.looks().begin();
        live.replace(Snapshot { api_keys: vec![(made.public_id, record)], ..Snapshot::default() }, now);
        live.looks().end(look);
    });
    let (mut parts, _) = request.into_parts();
    for extractor in ["the first", "and the next"] {
        let found = CallOf::from_request_parts(&mut parts, &()).await.map(|CallOf(call)| call.caller);
        assert!(matches!(found, Ok(Caller::Identified(_))), "{extractor}");
    }
    keeper.await.unwrap();
}
