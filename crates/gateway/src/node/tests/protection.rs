//! The door under load and abuse: limits, packed bodies, answers that are kept, roles that fail, and the operator's view.

use std::{
    io::Write as _,
    net::IpAddr,
    sync::atomic::{AtomicU32, Ordering},
};

use axum::response::IntoResponse;
use http_api::Peer;
use jiff::SignedDuration;
use stores_embedded::MemoryLimits;

use super::*;
use crate::{Limits, LimitsConfig, Networks, ResponseCache, RouteCost, TierQuotas, Tiers, UpstreamConfig};

fn limited(config: LimitsConfig, clock: &Clock) -> GatewayParts {
    let store = Arc::new(MemoryLimits::new(clock.clone(), 1_000));
    GatewayParts { limits: Some(Arc::new(Limits::new(&config, store, None, clock.clone()))), ..parts() }
}

/// A request as it comes from `peer`.
async fn from(gateway: &Gateway, peer: &str, request: http::request::Builder) -> Answer {
    let peer = SocketAddr::new(peer.parse::<IpAddr>().unwrap(), 9);
    send(gateway, request.extension(Peer(peer)), "").await
}

fn three() -> LimitsConfig {
    let anonymous = TierQuotas::new(1, 3, 100, 1_000);
    let costs = vec![RouteCost { route: "/livez".to_owned(), units: 0 }];
    LimitsConfig { tiers: Tiers { anonymous, ..Tiers::default() }, costs, ..LimitsConfig::default() }
}

#[tokio::test]
async fn whoever_asks_too_much_waits() {
    let clock = testkit::clock();
    let gateway = gateway(limited(three(), &clock));
    let ask = || Request::get("/v1/echo");
    for left in (0..3).rev() {
        let answer = from(&gateway, "192.0.2.1", ask()).await;
        assert_eq!((answer.status, answer.header("ratelimit")), (200, &*format!("\"second\";r={left};t={}", 3 - left)));
        assert_eq!(
            answer.header("ratelimit-policy"),
            "\"second\";q=3;w=3, \"minute\";q=100;w=60, \"hour\";q=1000;w=3600, \"edge\";q=1000;w=60"
        );
    }
    let refused = from(&gateway, "192.0.2.1", ask()).await;
    assert_eq!((refused.status, refused.json()["code"].as_str()), (429, Some("rate_limited")));
    assert_eq!((refused.header("retry-after"), refused.header("ratelimit")), ("1", "\"second\";r=0;t=1"));
    assert_eq!(refused.header("x-content-type-options"), "nosniff");
    assert_eq!(from(&gateway, "192.0.2.1", Request::get("/livez")).await.status, 200, "health costs nothing");
    assert_eq!(from(&gateway, "192.0.2.2", ask()).await.status, 200, "another address");
    let operator = ask().header("authorization", "Bearer secret");
    let operator = from(&gateway, "192.0.2.1", operator).await;
    assert_eq!((operator.status, operator.header("ratelimit")), (200, ""));
    let wrong = from(&gateway, "192.0.2.1", ask().header("authorization", "Bearer wrong")).await;
    assert_eq!(wrong.status, 429, "a token that is not good is nobody's");
    clock.advance(SignedDuration::from_secs(1));
    assert_eq!(from(&gateway, "192.0.2.1", ask()).await.status, 200);
}

/// A call over another protocol, as it comes from `peer`.
async fn call(gateway: &Gateway, caller: &Caller, peer: &str) -> Result<Admitted, ApiError> {
    let peer = Peer(SocketAddr::new(peer.parse::<IpAddr>().unwrap(), 9));
    let request = Request::post("/media.Catalog/Titles").extension(peer).body(Body::empty()).unwrap();
    gateway.admit(caller, &request, "/media.Catalog/Titles").await
}

#[tokio::test]
async fn calls_over_another_protocol_take_from_the_same_buckets_and_places() {
    let (client, nobody) = ("192.0.2.1", Caller::Anonymous);
    let mut parts = limited(three(), &testkit::clock());
    parts.config.max_in_flight = 1;
    let gateway = gateway(parts);
    let refusal = |answer: Result<Admitted, ApiError>| answer.err().map(|error| (error.code, error.retry_after));
    let second = Some(Duration::from_secs(1));
    let first = call(&gateway, &nobody, client).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(refusal(call(&gateway, &nobody, client).await), Some(("overloaded".into(), second)), "one at a time");
    assert_eq!(from(&gateway, client, Request::get("/v1/echo")).await.status, 503);
    first.answered(Some(Duration::from_millis(1)), None);
    assert_eq!(from(&gateway, client, Request::get("/v1/echo")).await.status, 200, "two are left");
    assert_eq!(refusal(call(&gateway, &nobody, client).await), None, "and its place is free again when it is dropped");
    assert_eq!(refusal(call(&gateway, &nobody, client).await), Some(("rate_limited".into(), second)));
    assert_eq!(from(&gateway, client, Request::get("/v1/echo")).await.status, 429);
    assert_eq!(refusal(call(&gateway, &nobody, "192.0.2.2").await), None, "another address");
    assert_eq!(refusal(call(&gateway, &Caller::Operator, client).await), None, "the operator has no limit");
}

#[tokio::test]
async fn calls_that_were_slow_by_themselves_leave_the_limit_as_it_is() {
    let clock = testkit::clock();
    let frame = Frame {
        clock: clock.clone(),
        rng: Rng::seeded(1),
        timeout: Duration::from_secs(10),
        operator_token: None,
        access: None,
        cursor_key: [0; 32],
    };
    let gateway = gateway(GatewayParts { frame: Arc::new(frame), ..parts() });
    let soon = Some(Duration::from_millis(1));
    let after = async |odd: Option<Duration>| {
        for n in 0..30 {
            let admitted = call(&gateway, &Caller::Anonymous, "192.0.2.1").await;
            let admitted = admitted.unwrap_or_else(|error| panic!("{error}"));
            clock.advance(SignedDuration::from_millis(10));
            admitted.answered(if n == 5 { odd } else { soon }, None);
        }
        gateway.guard.crowd().1
    };
    assert_eq!(after(None).await, 1_024);
    assert!(after(Some(Duration::from_secs(120))).await < 100, "such an answer of our own counts");
}

#[tokio::test]
async fn refused_calls_over_another_protocol_are_told_of() {
    let heard = Arc::new(std::sync::Mutex::new(Vec::new()));
    let told = Arc::clone(&heard);
    let denied: OnDenied = Arc::new(move |denial: &crate::Denial<'_>| {
        let (caller, method) = (denial.caller.clone(), denial.method.to_string());
        told.lock().unwrap().push((caller, denial.address, method, denial.route.to_owned(), denial.status));
    });
    let gateway = gateway(GatewayParts { denied: Some(denied), ..limited(three(), &testkit::clock()) });
    for (caller, refused) in [
        (Caller::Anonymous, None),
        (Caller::Anonymous, Some(contracts::ErrorKind::Unauthenticated)),
        (Caller::Operator, Some(contracts::ErrorKind::PermissionDenied)),
    ] {
        let admitted = call(&gateway, &caller, "192.0.2.1").await.unwrap_or_else(|error| panic!("{error}"));
        admitted.answered(None, refused);
    }
    let entry = |caller, status| {
        let address = Some("192.0.2.1".parse::<IpAddr>().unwrap());
        (caller, address, "POST".to_owned(), "/media.Catalog/Titles".to_owned(), status)
    };
    assert_eq!(*heard.lock().unwrap(), [entry(Caller::Anonymous, 401), entry(Caller::Operator, 403)]);
}

#[tokio::test]
async fn calls_over_another_protocol_give_way_by_priority() {
    let gateway =
        gateway(GatewayParts { config: GuardConfig { max_in_flight: 10, ..GuardConfig::new("x") }, ..parts() });
    let mut held = Vec::new();
    while let Ok(admitted) = call(&gateway, &Caller::Anonymous, "192.0.2.1").await {
        held.push(admitted);
    }
    assert_eq!(held.len(), 8, "what is left over is for those who said who they are");
    for _ in 0..2 {
        held.push(call(&gateway, &Caller::Operator, "192.0.2.1").await.unwrap_or_else(|error| panic!("{error}")));
    }
    assert!(call(&gateway, &Caller::Operator, "192.0.2.1").await.is_err());
}

#[tokio::test]
async fn a_client_is_known_through_trusted_proxies_only() {
    let trusted_proxies = Networks::parse(["10.0.0.0/8"]).unwrap();
    let gateway = gateway(limited(LimitsConfig { trusted_proxies, ..three() }, &testkit::clock()));
    let through = |who: &str| Request::get("/v1/echo").header("x-forwarded-for", who.to_owned());
    for n in 0..4 {
        let trusted = from(&gateway, "10.0.0.1", through(&format!("192.0.2.{n}"))).await;
        assert_eq!(trusted.status, 200);
        let claimed = from(&gateway, "198.51.100.1", through(&format!("192.0.2.{n}"))).await;
        assert_eq!(claimed.status, if n < 3 { 200 } else { 429 }, "the address of the connection counts");
        let six = from(&gateway, &format!("2001:db8::{n}"), Request::get("/v1/echo")).await;
        assert_eq!(six.status, if n < 3 { 200 } else { 429 }, "a subscriber's network counts as one");
    }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn bodies_may_come_packed_and_bombs_do_not_go_off() {
    let gateway = gateway(parts());
    let add = |coding: &str| {
        let request = Request::post("/v1/things").header("content-type", "application/json");
        request.header("authorization", "Bearer secret").header("content-encoding", coding.to_owned())
    };
    for (coding, body, status, code) in [
        ("gzip", packed(br#"{"name":"x"}"#), 200, ""),
        ("X-GZIP", packed(br#"{"name":"x"}"#), 200, ""),
        ("identity", br#"{"name":"x"}"#.to_vec(), 200, ""),
        ("gzip", br#"{"name":"x"}"#.to_vec(), 400, "bad_body"),
        ("gzip", packed(br#"{"name":"x"}"#)[..20].to_vec(), 400, "bad_body"),
        ("br", b"x".to_vec(), 415, "unsupported_content_encoding"),
        ("gzip, gzip", packed(&packed(b"{}")), 415, "unsupported_content_encoding"),
        // A hundred megabytes in a hundred kilobytes is refused for its size, fifty in fifty once it unpacks.
        ("gzip", packed(&vec![b' '; 100_000_000]), 413, "body_too_large"),
        ("gzip", packed(&vec![b' '; 50_000_000]), 413, "body_too_large"),
        ("gzip", packed(format!(r#"{{"name":"{}"}}"#, "a".repeat(65_000)).as_bytes()), 200, ""),
        ("gzip", packed(format!(r#"{{"name":"{}"}}"#, "a".repeat(66_000)).as_bytes()), 413, "body_too_large"),
    ] {
        let shown = format!("{coding}, {} bytes", body.len());
        let answer = send(&gateway, add(coding), body).await;
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, status, "{shown}: {said}");
        assert!(code.is_empty() || answer.json()["code"] == code, "{shown}: {said}");
    }
}

static COUNTED: AtomicU32 = AtomicU32::new(0);
static FAILS: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

#[utoipa::path(get, path = "/api/v1/counted", tag = "odd", responses((status = 200)))]
async fn counted(headers: HeaderMap) -> HttpResult<Response> {
    let n = COUNTED.fetch_add(1, Ordering::SeqCst);
    if FAILS.load(Ordering::SeqCst) {
        return Ok((http::StatusCode::SERVICE_UNAVAILABLE, "no").into_response());
    }
    json_entity(&headers, &n)
}

#[tokio::test]
async fn answers_are_kept_for_half_a_minute_and_longer_when_there_is_no_other() {
    let clock = testkit::clock();
    let cache = ResponseCache::new(clock.clone(), 1 << 20);
    let outdated = cache.outdated();
    let local = OpenApiRouter::default().routes(routes!(counted));
    let gateway = gateway(GatewayParts { local, cache: Some(Arc::new(cache)), ..parts() });
    let ask = async |name: &'static str, value: &str| {
        let request = Request::get("/v1/counted?q=1").header(name, value);
        send(&gateway, request, "").await
    };
    let first = ask("x-a", "b").await;
    let body = first.json();
    assert_eq!((first.status, first.header("cache-status"), first.header("age")), (200, "", ""));
    clock.advance(SignedDuration::from_secs(29));
    let again = ask("x-a", "b").await;
    assert_eq!((again.json(), again.header("age")), (body.clone(), "29"));
    assert_eq!(again.header("cache-status"), "media-gateway; hit; ttl=1");
    assert_eq!(again.header("etag"), first.header("etag"));
    assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
    let same = ask("if-none-match", first.header("etag")).await;
    assert_eq!((same.status, same.body.len(), same.header("cache-status")), (304, 0, "media-gateway; hit; ttl=1"));
    for (name, value) in [("accept-language", "de"), ("cache-control", "no-cache"), ("authorization", "Bearer secret")]
    {
        assert_ne!(ask(name, value).await.json(), body, "{name}: {value}");
    }
    clock.advance(SignedDuration::from_secs(1));
    let newer = ask("x-a", "b").await.json();
    assert_ne!(newer, body, "30 s are over");
    outdated();
    let changed = ask("x-a", "b").await;
    assert_ne!(changed.json(), newer, "what is behind the answer has changed");
    FAILS.store(true, Ordering::SeqCst);
    clock.advance(SignedDuration::from_secs(40));
    let stale = ask("x-a", "b").await;
    assert_eq!((stale.status, stale.json(), stale.header("x-degraded")), (200, changed.json(), "stale"));
    assert_eq!(stale.header("cache-status"), "media-gateway; hit; fwd=stale; fwd-status=503; ttl=-40");
    assert_eq!(ask("accept-language", "fr").await.status, 503, "nothing was kept for this one");
    clock.advance(SignedDuration::from_secs(289));
    assert_eq!(ask("x-a", "b").await.status, 200, "five minutes and a half are not over");
    clock.advance(SignedDuration::from_secs(1));
    assert_eq!(ask("x-a", "b").await.status, 503, "too old even for that");
}

/// A listener that takes connections and lets them hang, or says this and closes them.
async fn bad_role(says: Option<&'static str>) -> (SocketAddr, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, seen) = (listener.local_addr().unwrap(), Arc::new(AtomicU32::new(0)));
    let count = Arc::clone(&seen);
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 1_024];
            let _ = stream.read(&mut head).await;
            count.fetch_add(1, Ordering::SeqCst);
            match says {
                Some(text) => stream.write_all(text.as_bytes()).await.unwrap(),
                None => kept.push(stream),
            }
        }
    });
    (address, seen)
}

#[tokio::test]
async fn a_role_that_fails_is_tried_thrice_and_then_left_alone() {
    const HALF: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{\"half\":";
    for says in [Some(""), Some(HALF), None] {
        let (address, seen) = bad_role(says).await;
        // Only who hangs is to end by it.
        let attempt_timeout = if says.is_none() { Duration::from_millis(300) } else { Duration::from_secs(30) };
        let config = UpstreamConfig { attempt_timeout, ..UpstreamConfig::default() };
        let remotes = vec![remote("odd", address, odd()).asked(config)];
        let gateway = gateway(GatewayParts { local: things(), remotes, ..parts() });
        let first = get(&gateway, "/v1/slow").await;
        let expected = if says.is_none() { (504, "upstream_timeout") } else { (502, "upstream_unavailable") };
        assert_eq!((first.status, first.json()["code"].as_str().unwrap()), expected);
        assert_eq!(seen.load(Ordering::SeqCst), 3);
        get(&gateway, "/v1/slow").await;
        assert_eq!(seen.load(Ordering::SeqCst), 5, "five failures in a row");
        let refused = get(&gateway, "/v1/slow").await;
        assert_eq!((refused.status, refused.json()["code"].as_str()), (503, Some("upstream_unavailable")));
        let wait: u32 = refused.header("retry-after").parse().unwrap();
        assert!((25..=30).contains(&wait), "{wait}");
        assert_eq!(seen.load(Ordering::SeqCst), 5);
        let operator = |path: &str| Request::get(format!("/v1/admin/{path}")).header("authorization", "Bearer secret");
        let breakers = send(&gateway, operator("breakers"), "").await.json();
        assert_eq!((&breakers[0]["upstream"], &breakers[0]["state"]), (&"odd".into(), &"open".into()), "{breakers}");
        assert_eq!(get(&gateway, &format!("/v1/things/{ID}")).await.status, 200, "local routes go on");
    }
}

/// How often [`used_up`] was asked.
static USED_UP: AtomicU32 = AtomicU32::new(0);

#[utoipa::path(get, path = "/api/v1/used-up", tag = "odd", extensions(("x-sent-once" = json!(true))), responses((status = 200)))]
async fn used_up() -> http::StatusCode {
    USED_UP.fetch_add(1, Ordering::SeqCst);
    http::StatusCode::SERVICE_UNAVAILABLE
}

#[tokio::test]
async fn what_uses_something_up_is_sent_once_although_it_is_read() {
    let routes = || odd().routes(routes!(used_up));
    let before = |address| {
        let (hedge_after, attempt_timeout) = (Some(Duration::from_millis(5)), Duration::from_secs(2));
        let config = UpstreamConfig { attempt_timeout, hedge_after, ..UpstreamConfig::default() };
        let remotes = vec![remote("odd", address, routes()).asked(config)];
        gateway(GatewayParts { local: things(), remotes, ..parts() })
    };
    let config = GuardConfig::new("odd");
    let role = role(RoleParts { routes: routes(), health: Health::new(), frame: frame(), clients: None, config });
    let gateway = before(listen(role).await);
    assert_eq!(get(&gateway, "/v1/used-up").await.status, 503);
    assert_eq!(USED_UP.load(Ordering::SeqCst), 1);
    assert_eq!(send(&gateway, Request::head("/v1/used-up"), "").await.status, 503);
    assert_eq!(USED_UP.load(Ordering::SeqCst), 2);
    // Nor where nobody knows what became of it, or when.
    for (says, status) in [(Some(""), 502), (None, 504)] {
        let (address, seen) = bad_role(says).await;
        assert_eq!(get(&before(address), "/v1/used-up").await.status, status);
        assert_eq!(seen.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn the_operator_sees_the_door() {
    let mut parts = limited(three(), &testkit::clock());
    let reloads = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&reloads);
    parts.reload = Some(Arc::new(move |_| {
        let n = count.fetch_add(1, Ordering::SeqCst);
        let wrong = || contracts::ApiError::invalid("bad_configuration", "the file is wrong");
        let told = crate::Reloaded { applied: vec!["log.level".into()], waiting: vec!["redis.url".into()] };
        Box::pin(async move { if n == 0 { Ok(told) } else { Err(wrong()) } })
    }));
    let gateway = gateway(parts);
    for path in ["limits", "breakers", "routes"] {
        let anonymous = get(&gateway, &format!("/v1/admin/{path}")).await;
        assert_eq!((anonymous.status, anonymous.json()["code"].as_str()), (401, Some("operator_required")), "{path}");
    }
    let ask = |method: &str, path: &str| {
        let request = Request::builder().method(method).uri(format!("/v1/admin/{path}"));
        send(&gateway, request.header("authorization", "Bearer secret"), "")
    };
    let limits = ask("GET", "limits").await.json();
    assert_eq!((&limits["enabled"], &limits["place"]), (&true.into(), &"local".into()));
    assert_eq!(limits["quotas"][0], serde_json::json!({ "scope": "anonymous", "units": 3, "window_ms": 3_000 }));
    assert_eq!((limits["in_flight"].as_u64(), limits["concurrency_limit"].as_u64()), (Some(1), Some(1_024)));
    let routes = ask("GET", "routes").await.json();
    let slow = routes.as_array().unwrap().iter().find(|route| route["path"] == "/api/v1/slow").unwrap();
    assert_eq!(
        (&slow["method"], &slow["upstream"], &slow["timeout_ms"]),
        (&"GET".into(), &"local".into(), &10_000.into())
    );
    assert_eq!(send(&gateway, Request::post("/v1/admin/reload"), "").await.status, 401);
    let told = ask("POST", "reload").await;
    let wanted = serde_json::json!({ "applied": ["log.level"], "waiting": ["redis.url"] });
    assert_eq!((told.status, told.json()), (200, wanted));
    let wrong = ask("POST", "reload").await;
    assert_eq!((wrong.status, wrong.json()["code"].as_str()), (400, Some("bad_configuration")));
    assert_eq!(reloads.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn bounds_change_while_the_door_is_open() {
    let gateway = gateway(parts());
    let long = format!("/v1/echo?q={}", "a".repeat(200));
    assert_eq!(get(&gateway, &long).await.status, 200);
    gateway.set(GuardConfig { max_uri_bytes: 100, ..GuardConfig::new("gateway") });
    assert_eq!(get(&gateway, &long).await.status, 400);
}
