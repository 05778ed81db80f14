//! The door as clients see it: over a real socket where that matters, else by calling the service.

use std::{net::SocketAddr, time::Duration};

use axum::{body::to_bytes, extract::Request};
use contracts::{Clock, Component, ComponentState, ContentId, Rng};
use futures::FutureExt as _;
use http::{HeaderMap, Method, header};
use http_api::{ApiJson, ApiPath, CallOf, HttpResult, json_entity, server};
use rstest::rstest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::*;
use crate::{cors::Origins, guard::RouteTimeout};

mod protection;
mod shedding;
mod slow;

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Thing {
    name: String,
}

#[utoipa::path(get, path = "/api/v1/things/{id}", tag = "things", params(("id" = ContentId, Path)), responses((status = 200, body = Thing)))]
async fn thing(headers: HeaderMap, ApiPath(id): ApiPath<ContentId>) -> HttpResult<Response> {
    json_entity(&headers, &Thing { name: format!("{id}{}", " and more".repeat(300)) })
}

#[utoipa::path(post, path = "/api/v1/things", tag = "things", request_body = Thing, responses((status = 200, body = Thing)))]
async fn add(CallOf(call): CallOf, ApiJson(thing): ApiJson<Thing>) -> HttpResult<Response> {
    call.require_operator()?;
    json_entity(&HeaderMap::new(), &thing)
}

#[utoipa::path(get, path = "/api/v1/slow", tag = "odd", responses((status = 200)))]
async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_millis(400)).await;
    "done"
}

#[utoipa::path(get, path = "/api/v1/panic", tag = "odd", responses((status = 200)))]
async fn panic() -> &'static str {
    panic!("on purpose")
}

#[utoipa::path(get, path = "/api/v1/echo", tag = "odd", responses((status = 200)))]
async fn echo(request: Request) -> String {
    let headers = request.headers().iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()));
    format!("{} {}\n{}", request.method(), request.uri(), headers.collect::<String>())
}

fn things() -> OpenApiRouter {
    OpenApiRouter::default().routes(routes!(thing)).routes(routes!(add))
}

fn odd() -> OpenApiRouter {
    OpenApiRouter::default().routes(routes!(slow)).routes(routes!(panic)).routes(routes!(echo))
}

fn frame() -> Arc<Frame> {
    Arc::new(Frame {
        clock: Clock::system(),
        rng: Rng::seeded(1),
        timeout: Duration::from_secs(10),
        operator_token: Some("secret".to_owned()),
        access: None,
        cursor_key: [0; 32],
    })
}

fn parts() -> GatewayParts {
    let health = Health::new();
    health.started();
    GatewayParts {
        local: things().merge(odd()),
        tls: None,
        remotes: Vec::new(),
        health,
        frame: frame(),
        idempotency: None,
        limits: None,
        cache: None,
        denied: None,
        reload: None,
        config: GuardConfig::new("gateway"),
    }
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{:?}", String::from_utf8_lossy(&self.body)))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn send(gateway: &Gateway, request: http::request::Builder, body: impl Into<Body>) -> Answer {
    let response = gateway.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 10_000_000).await.unwrap().to_vec();
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

async fn get(gateway: &Gateway, uri: &str) -> Answer {
    send(gateway, Request::get(uri), Body::empty()).await
}

async fn listen(gateway: Gateway) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(server::serve(listener, gateway, server::ServerConfig::default(), CancellationToken::new()));
    address
}

/// Where nobody listens: a port that the system gives out might be somebody's a moment later.
const NOBODY: &str = "127.0.0.1:1";
const ID: &str = "01936f5e-0000-7000-8000-000000000001";

#[rstest]
#[case(format!("/api/v1/things/{ID}"), 200, "")]
#[case(format!("/v1/things/{ID}"), 200, "")]
#[case("/v1/things/nope?x=1".to_owned(), 400, "invalid_path")]
#[case("/nope".to_owned(), 404, "no_such_route")]
#[case("/v10/things".to_owned(), 404, "no_such_route")]
#[case("/v2/things".to_owned(), 404, "version_reserved")]
#[case("/api/v1/things".to_owned(), 405, "method_not_allowed")]
#[case("/api/v1/panic".to_owned(), 500, "internal")]
#[case("/livez".to_owned(), 200, "")]
#[tokio::test]
async fn every_answer_is_secure_traceable_and_a_problem_where_it_fails(
    #[case] uri: String,
    #[case] status: u16,
    #[case] code: &str,
) {
    let answer = get(&gateway(parts()), &uri).await;
    assert_eq!(answer.status, status);
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("server", ""),
        ("access-control-allow-origin", ""),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    assert_eq!(answer.header("x-request-id").len(), 32);
    let trace = contracts::Trace::parse(answer.header("traceparent")).unwrap();
    if status >= 400 {
        let problem = answer.json();
        assert_eq!(problem["code"], code);
        assert_eq!(problem["trace_id"], trace.id());
        assert!(uri.contains(problem["instance"].as_str().unwrap().trim_start_matches("/api")));
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    assert_eq!(answer.header("allow"), if status == 405 { "POST" } else { "" });
}

#[tokio::test]
async fn ids_and_traces_are_taken_from_the_client() {
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let request = Request::get("/nope").header("x-request-id", "r-1").header("traceparent", trace);
    let answer = send(&gateway(parts()), request.header("x-correlation-id", "c-1"), "").await;
    assert_eq!(answer.header("x-request-id"), "r-1");
    assert_eq!(answer.header("x-correlation-id"), "c-1");
    assert_eq!(answer.header("traceparent"), trace);
}

#[tokio::test]
async fn the_operator_is_known_by_token_only() {
    let gateway = gateway(parts());
    let add = |token: &str| {
        let request = Request::post("/v1/things").header("content-type", "application/json");
        if token.is_empty() { request.header("ai-operator", "yes") } else { request.header("authorization", token) }
    };
    let body = r#"{"name":"x"}"#;
    assert_eq!(send(&gateway, add("Bearer secret"), body).await.status, 200);
    let anonymous = send(&gateway, add(""), body).await;
    assert_eq!((anonymous.status, anonymous.json()["code"].as_str()), (401, Some("operator_required")));
    let wrong = send(&gateway, add("Bearer wrong"), body).await;
    assert_eq!((wrong.status, wrong.json()["code"].as_str()), (401, Some("bad_token")));
    assert!(wrong.header("www-authenticate").contains("invalid_token"));
}

#[tokio::test]
async fn heads_have_bounds() {
    let gateway = gateway(parts());
    let long = get(&gateway, &format!("/api/v1/echo?q={}", "a".repeat(9_000))).await;
    assert_eq!((long.status, long.json()["code"].as_str()), (400, Some("uri_too_long")));
    let big = send(&gateway, Request::get("/api/v1/echo").header("x-big", "a".repeat(17_000)), "").await;
    assert_eq!((big.status, big.json()["code"].as_str()), (431, Some("headers_too_large")));
}

#[tokio::test]
async fn slow_routes_end_at_their_deadline_and_crowds_are_turned_away() {
    let mut parts = parts();
    parts.config.route_timeouts =
        vec![RouteTimeout { route: "/api/v1/slow".to_owned(), timeout: Duration::from_millis(100) }];
    parts.config.max_in_flight = 1;
    let gateway = gateway(parts);
    let (first, second, health) =
        tokio::join!(get(&gateway, "/v1/slow"), get(&gateway, "/v1/echo"), get(&gateway, "/readyz"));
    assert_eq!((first.status, first.json()["code"].as_str()), (504, Some("deadline_exceeded")));
    assert_eq!((second.status, second.json()["code"].as_str()), (503, Some("overloaded")));
    assert_eq!(second.header("retry-after"), "1");
    assert_eq!(health.status, 200);
    assert_eq!(get(&gateway, "/v1/echo").await.status, 200, "the place is free again");
}

#[tokio::test]
async fn only_listed_origins_may_call() {
    let mut parts = parts();
    parts.config.origins = Origins::new(["https://app.example.org/"]);
    let gateway = gateway(parts);
    for (origin, allowed) in [
        ("https://app.example.org", true),
        ("https://evil.example.org", false),
        ("https://app.example.org.evil.example", false),
        ("https://evilapp.example.org", false),
        ("https://sub.app.example.org", false),
        ("https://app.example.org:8443", false),
        ("http://app.example.org", false),
        ("https://APP.example.org", false),
        ("https://app.example.org/", false),
        ("https://app.example.org, https://evil.example.org", false),
        ("https://app.example.or", false),
        ("null", false),
        ("*", false),
        ("", false),
    ] {
        let answer = send(&gateway, Request::get("/v1/echo").header("origin", origin), "").await;
        assert_eq!(answer.header("access-control-allow-origin"), if allowed { origin } else { "" }, "{origin:?}");
        assert_eq!(answer.header("vary"), "origin");
        let asked = Request::options("/v1/things").header("origin", origin);
        let preflight = send(&gateway, asked.header("access-control-request-method", "POST"), "").await;
        assert_eq!(preflight.status, if allowed { 204 } else { 405 }, "{origin:?}");
        assert_eq!(preflight.header("access-control-allow-origin"), if allowed { origin } else { "" }, "{origin:?}");
        assert_eq!(preflight.header("access-control-allow-methods").contains("POST"), allowed, "{origin:?}");
    }
}

#[tokio::test]
async fn large_answers_are_compressed_under_a_tag_of_their_own() {
    let gateway = gateway(parts());
    let uri = format!("/v1/things/{ID}");
    let plain = get(&gateway, &uri).await;
    let gzip = send(&gateway, Request::get(&uri).header("accept-encoding", "gzip, br"), "").await;
    assert_eq!(gzip.header("content-encoding"), "gzip");
    assert!(gzip.body.starts_with(&[0x1f, 0x8b]) && gzip.body.len() * 2 < plain.body.len());
    assert_ne!(gzip.header("etag"), plain.header("etag"));
    for answer in [&gzip, &plain] {
        let vary: Vec<_> = answer.headers.get_all(header::VARY).iter().collect();
        assert!(vary.contains(&&http::HeaderValue::from_static("accept-encoding")), "{vary:?}");
        let again = Request::get(&uri).header("if-none-match", answer.header("etag"));
        assert_eq!(send(&gateway, again, "").await.status, 304);
    }
    let refused = send(&gateway, Request::get(&uri).header("accept-encoding", "gzip;q=0"), "").await;
    assert_eq!(refused.header("content-encoding"), "");
    let small = send(&gateway, Request::get("/livez").header("accept-encoding", "gzip"), "").await;
    assert_eq!(small.header("content-encoding"), "");
}

#[tokio::test]
async fn the_documentation_needs_nothing_from_outside() {
    let gateway = gateway(parts());
    let moved = get(&gateway, "/docs").await;
    assert_eq!((moved.status, moved.header("location")), (308, "/docs/"));
    let page = String::from_utf8(get(&gateway, "/docs/").await.body).unwrap();
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<script>"), "{page}");
    for file in ["swagger-ui.css", "index.css", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js"] {
        assert!(page.contains(file));
        let answer = get(&gateway, &format!("/docs/{file}")).await;
        assert_eq!(answer.status, 200, "{file}");
        assert!(answer.header("content-security-policy").contains("script-src 'self'"));
    }
    let script = String::from_utf8(get(&gateway, "/docs/swagger-initializer.js").await.body).unwrap();
    assert!(script.contains("/api/v1/openapi.json") && script.contains("\"none\""), "{script}");
    assert!(!script.contains("petstore") && !script.contains("{{config}}"), "{script}");
    assert_eq!(get(&gateway, "/docs/nope.js").await.json()["code"], "no_such_file");
}

#[tokio::test]
async fn readiness_shows_the_parts() {
    let health = Health::new();
    health.register("database", true, || async { vec![Component::new("database", ComponentState::Ready, "")] });
    let model = || async { vec![Component::new("embedding_model", ComponentState::Down, "no model is installed")] };
    health.register("embedding_model", false, model);
    let gateway = gateway(GatewayParts { health: Arc::clone(&health), ..parts() });
    let starting = get(&gateway, "/readyz").await;
    assert_eq!((starting.status, starting.json()["state"].as_str()), (503, Some("starting")));
    assert_eq!(get(&gateway, "/startupz").await.status, 503);
    health.started();
    assert_eq!(get(&gateway, "/startupz").await.status, 200);
    let degraded = get(&gateway, "/readyz").await;
    assert_eq!((degraded.status, degraded.json()["state"].as_str()), (200, Some("degraded")));
    assert_eq!(degraded.json()["components"][1]["detail"], "no model is installed");
    health.register("queue", true, std::future::pending);
    let down = get(&gateway, "/readyz").await;
    assert_eq!((down.status, down.json()["state"].as_str()), (503, Some("down")));
    assert_eq!(down.json()["components"][2]["detail"], "it does not answer");
    health.draining();
    assert_eq!(get(&gateway, "/readyz").await.status, 503);
    assert_eq!(get(&gateway, "/livez").await.status, 200);
}

fn remote(name: &str, address: SocketAddr, api: OpenApiRouter) -> Remote {
    Remote::new(name, &format!("http://{address}").parse().unwrap(), api.into_openapi()).unwrap()
}

fn split(address: SocketAddr) -> Gateway {
    gateway(GatewayParts { local: things(), remotes: vec![remote("odd", address, odd())], ..parts() })
}

async fn odd_role() -> SocketAddr {
    let mut config = GuardConfig::new("odd");
    config.timeout = Duration::from_secs(5);
    listen(role(RoleParts { routes: odd(), health: Health::new(), frame: frame(), clients: None, config })).await
}

#[tokio::test]
async fn a_split_node_has_the_same_document_and_answers() {
    let whole = gateway(parts());
    let split = split(odd_role().await);
    for path in ["/api/v1/openapi.json", "/openapi.json"] {
        let (whole, split) = (get(&whole, path).await, get(&split, path).await);
        assert_eq!(String::from_utf8(whole.body).unwrap(), String::from_utf8(split.body).unwrap());
    }
    assert_eq!(get(&whole, "/openapi.json").await.json()["openapi"], "3.1.0");
    for (method, path) in [("GET", "/v1/slow"), ("GET", "/v1/panic"), ("DELETE", "/v1/slow"), ("GET", "/v1/nope")] {
        let ask = || Request::builder().method(method).uri(path).header("traceparent", ids_trace());
        let (whole, split) = (send(&whole, ask(), "").await, send(&split, ask(), "").await);
        assert_eq!(String::from_utf8_lossy(&whole.body), String::from_utf8_lossy(&split.body), "{method} {path}");
        assert_eq!((whole.status, whole.header("content-type")), (split.status, split.header("content-type")));
        assert_eq!(whole.header("allow"), split.header("allow"));
        let names = |answer: &Answer| {
            let mut names: Vec<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
            names.retain(|name| !["date", "content-length"].contains(&name.as_str()));
            names.sort();
            names
        };
        assert_eq!(names(&whole), names(&split));
    }
}

fn ids_trace() -> &'static str {
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
}

#[tokio::test]
async fn the_route_alone_decides_where_a_request_goes() {
    let gateway = split(odd_role().await);
    let request = Request::builder()
        .method(Method::GET)
        .uri("http://169.254.169.254/v1/echo?q=1")
        .header("host", "internal.example.org")
        .header("connection", "x-secret, close")
        .header("x-secret", "1")
        .header("te", "trailers")
        .header("proxy-authorization", "x")
        .header("x-forwarded-for", "1.2.3.4")
        .header("forwarded", "for=1.2.3.4")
        .header("x-request-id", "r-1")
        .header("x-correlation-id", "c-1")
        .header("traceparent", ids_trace());
    let answer = send(&gateway, request, "").await;
    let seen = String::from_utf8(answer.body).unwrap();
    assert_eq!(answer.status, 200, "{seen}");
    assert!(seen.starts_with("GET /api/v1/echo?q=1\n"), "{seen}");
    assert!(seen.contains("x-request-id: r-1\n") && seen.contains(ids_trace()), "{seen}");
    assert!(seen.contains("x-correlation-id: c-1\n"), "{seen}");
    assert!(seen.contains("x-forwarded-host: internal.example.org\n") && seen.contains("host: 127.0.0.1"), "{seen}");
    for gone in ["x-secret", "te:", "proxy-", "1.2.3.4", "169.254"] {
        assert!(!seen.contains(gone), "{gone} in {seen}");
    }
}

#[tokio::test]
async fn a_role_that_is_gone_is_a_problem() {
    let answer = get(&split(NOBODY.parse().unwrap()), "/v1/slow").await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some("upstream_unavailable")));
    assert_eq!(answer.json()["instance"], "/api/v1/slow");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let answer = get(&split(address), "/v1/slow").await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (502, Some("upstream_unavailable")));
}

#[rstest]
#[case("ftp://host:1", false)]
#[case("http://host:1/path", false)]
#[case("/path", false)]
#[case("http://host:1", true)]
#[case("https://host:1", true)]
fn a_remote_is_an_origin(#[case] base: &str, #[case] good: bool) {
    assert_eq!(Remote::new("x", &base.parse().unwrap(), things().into_openapi()).is_ok(), good);
}

/// A megabyte, with a length and in chunks, locally and through the proxy: the client reads a 413.
#[rstest]
#[tokio::test]
async fn a_megabyte_is_too_much(#[values(false, true)] chunked: bool, #[values(false, true)] remote_role: bool) {
    let gateway = if remote_role {
        let config = GuardConfig { max_body_bytes: 10_000_000, ..GuardConfig::new("things") };
        let role = role(RoleParts { routes: things(), health: Health::new(), frame: frame(), clients: None, config });
        let remotes = vec![remote("things", listen(role).await, things())];
        gateway(GatewayParts { local: odd(), remotes, ..parts() })
    } else {
        gateway(parts())
    };
    let mut stream = TcpStream::connect(listen(gateway).await).await.unwrap();
    let head = "POST /v1/things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n";
    let body = format!("{{\"name\":\"{}\"}}", "a".repeat(1_000_000));
    let framed = if chunked {
        format!(
            "{head}Authorization: Bearer secret\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        )
    } else {
        format!("{head}Authorization: Bearer secret\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    };
    stream.write_all(framed.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("\"code\":\"body_too_large\"") && answer.contains("x-content-type-options"), "{answer}");
}

#[tokio::test]
async fn streams_pass_both_ways() {
    let gateway = split(odd_role().await);
    let address = listen(gateway).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = "GET http://elsewhere.example.org/v1/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("x-forwarded-for: 127.0.0.1"), "{answer}");
    assert!(!answer.to_lowercase().contains("\r\nserver:"), "{answer}");
}

#[test]
fn the_alias_is_rewritten_and_nothing_else() {
    assert_eq!(unalias(&"/v1".parse().unwrap()).unwrap(), "/api/v1");
    assert_eq!(unalias(&"/v1/a?b=c".parse().unwrap()).unwrap(), "/api/v1/a?b=c");
    assert_eq!(unalias(&"/v1x".parse().unwrap()), None);
}

#[tokio::test]
async fn requests_are_counted_under_bounded_labels() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let (handle, _guard) = (recorder.handle(), metrics::set_default_local_recorder(&recorder));
    let gateway = gateway(parts());
    for _ in 0..3 {
        get(&gateway, &format!("/v1/things/{ID}?q=private")).await;
    }
    send(&gateway, Request::builder().method("BREW").uri("/coffee/for/me").header("ai-agent", "x"), "").await;
    // A client that leaves before its answer.
    assert!(get(&gateway, "/v1/slow").now_or_never().is_none());
    let text = handle.render();
    for line in [
        r#"http_requests_total{service="gateway",method="GET",status="200"} 3"#,
        r#"http_requests_total{service="gateway",method="OTHER",status="404"} 1"#,
        r#"http_requests_total{service="gateway",method="GET",status="499"} 1"#,
        r#"http_agent_requests_total{service="gateway"} 1"#,
        r#"http_request_duration_seconds_count{service="gateway",endpoint="/api/v1/things/{id}"} 3"#,
        r#"http_request_duration_seconds_count{service="gateway",endpoint="unmatched"} 1"#,
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("coffee") && !text.contains("private") && !text.contains(ID), "{text}");
}

/// gRPC speaks HTTP/2 without TLS on the same port.
#[tokio::test]
async fn http_2_is_spoken_on_the_same_port() {
    use hyper_util::{client::legacy::Client, rt::TokioExecutor};
    let address = listen(gateway(parts())).await;
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Body>();
    let answer = client.get(format!("http://{address}/v1/echo").parse().unwrap()).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, http::Version::HTTP_2));
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
}

/// No request is lost while a role is replaced: its readiness falls first, then it drains.
#[tokio::test]
async fn a_role_drains_under_load_without_a_failed_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap().into_std().unwrap();
    // What the new process listens on: were the port let go between, somebody else might take it.
    let next = TcpListener::from_std(listener.try_clone().unwrap()).unwrap();
    let listener = TcpListener::from_std(listener).unwrap();
    let (address, shutdown) = (listener.local_addr().unwrap(), CancellationToken::new());
    let begun = Arc::new(Semaphore::new(0));
    let count = Arc::clone(&begun);
    let counted = axum::routing::get(move || {
        count.add_permits(1);
        slow()
    });
    let door = role(RoleParts {
        routes: OpenApiRouter::default().routes(routes!(echo)).route("/api/v1/slow", counted),
        health: Health::new(),
        frame: frame(),
        clients: None,
        config: GuardConfig::new("odd"),
    });
    let old = tokio::spawn(server::serve(listener, door.clone(), server::ServerConfig::default(), shutdown.clone()));
    let split = split(address);
    let inflight: Vec<_> = (0..16)
        .map(|_| {
            let split = split.clone();
            tokio::spawn(async move { get(&split, "/v1/slow").await.status })
        })
        .collect();
    // Who has not begun by then is refused, as by a role that is gone.
    drop(begun.acquire_many(16).await.unwrap());
    shutdown.cancel();
    for request in inflight {
        assert_eq!(request.await.unwrap(), 200);
    }
    assert_eq!(old.await.unwrap().unwrap(), 0);
    tokio::spawn(server::serve(next, door, server::ServerConfig::default(), CancellationToken::new()));
    assert_eq!(get(&split, "/v1/echo").await.status, 200, "the new process answers at once");
}

#[tokio::test]
async fn remote_roles_are_parts_of_the_node() {
    let health = Health::new();
    health.started();
    health.register("odd_model", false, || async { vec![Component::new("odd_model", ComponentState::Down, "gone")] });
    let config = GuardConfig::new("odd");
    let address = listen(role(RoleParts { routes: odd(), health, frame: frame(), clients: None, config })).await;
    let answer = get(&split(address), "/readyz").await;
    assert_eq!((answer.status, answer.json()["state"].as_str()), (200, Some("degraded")));
    assert_eq!(answer.json()["components"][0]["name"], "odd");
    assert_eq!(answer.json()["components"][0]["detail"], "odd_model: gone");
    let answer = get(&split(NOBODY.parse().unwrap()), "/readyz").await;
    assert_eq!((answer.status, answer.json()["components"][0]["state"].as_str()), (200, Some("down")));
}

#[tokio::test]
async fn old_routes_say_that_they_are_old() {
    let mut parts = parts();
    let since = "2026-11-20T00:00:00Z".parse().unwrap();
    let sunset = Some("2027-06-01T12:00:00Z".parse().unwrap());
    let deprecation = http_api::Deprecation { since, sunset, successor: Some("/api/v1/things".to_owned()) };
    parts.config.deprecated = vec![crate::DeprecatedRoute { route: "/api/v1/echo".to_owned(), deprecation }];
    let gateway = gateway(parts);
    let answer = get(&gateway, "/v1/echo").await;
    assert_eq!(answer.header("deprecation"), "@1795132800");
    assert_eq!(answer.header("sunset"), "Tue, 01 Jun 2027 12:00:00 GMT");
    assert_eq!(answer.header("link"), "</api/v1/things>; rel=\"successor-version\"");
    assert_eq!(get(&gateway, "/livez").await.header("deprecation"), "");
    let document = get(&gateway, "/openapi.json").await.json();
    assert_eq!(document["paths"]["/api/v1/echo"]["get"]["deprecated"], true);
    assert_eq!(document["paths"]["/api/v1/slow"]["get"]["deprecated"], Value::Null);
}

/// As a node mounts it: gRPC's routes first, everything else through the door.
#[tokio::test]
async fn the_door_stands_behind_other_routes() {
    let grpc = Router::new().route("/media.Catalog/Titles", axum::routing::post(|| async { "grpc" }));
    let node = grpc.fallback_service(gateway(parts()));
    let ask = |method: &str, uri: &str| {
        let request = Request::builder().method(method).uri(uri).body(Body::empty()).unwrap();
        let node = node.clone();
        async move { node.oneshot(request).await.unwrap() }
    };
    let direct = ask("POST", "/media.Catalog/Titles").await;
    assert_eq!((direct.status().as_u16(), direct.headers().contains_key("x-request-id")), (200, false));
    let guarded = ask("GET", &format!("/v1/things/{ID}")).await;
    assert_eq!((guarded.status().as_u16(), guarded.headers().contains_key("x-request-id")), (200, true));
    assert_eq!(ask("GET", "/v1/things/nope").await.status(), 400);
}
