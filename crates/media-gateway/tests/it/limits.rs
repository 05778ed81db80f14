//! The node's limits: tiers by address, buckets shared through Redis, reloads, old answers, and restarts without loss.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rpc::pb::{self, catalog_service_client::CatalogServiceClient, search_service_client::SearchServiceClient};
use serde_json::Value;
use testkit::TestDb;
use tokio_stream::StreamExt as _;
use tonic::{
    Code, Request, Status,
    transport::{Channel, Endpoint},
};

use crate::{
    app::{ACQUIRE_TIMEOUT, Answer, App, PATIENCE, REQUEST_TIMEOUT, Setup},
    cloud::wait,
    fixtures,
    grpc::block_on,
    wire::{Mode, Wire},
};

/// Limits hold on loopback, where the tests ask from.
const NOBODY: (&str, &str) = ("MEDIA_GATEWAY_RATE_LIMITS_EXEMPT", "");
const ANONYMOUS: &str = "MEDIA_GATEWAY_RATE_LIMITS_ANONYMOUS";

pub fn counted() -> Setup {
    Setup::new().env(NOBODY.0, NOBODY.1)
}

pub fn operator(app: &App, method: &str, path: &str) -> Answer {
    app.send(app.request(method, path).bearer_auth(&app.token))
}

/// How many of `asked` requests were answered.
fn answered(app: &App, asked: usize) -> usize {
    (0..asked).filter(|_| app.get("/api/v1/platforms").status == 200).count()
}

/// The server that `make test` starts.
pub fn redis() -> String {
    std::env::var("MEDIA_GATEWAY_TEST_REDIS")
        .expect("MEDIA_GATEWAY_TEST_REDIS must name a Redis server: run `cargo xtask engines -- cargo nextest run`")
}

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
/// What nobody has to set (G3): whom a quota is for, its units, and within how many milliseconds it fills. What may come
/// at once fills at the rate: 20 at 10 a second within two.
const OF_TIERS: [(&str, u64, u64); 15] = [
    ("anonymous", 10, 2_000),
    ("anonymous", 100, MINUTE),
    ("anonymous", 1_000, HOUR),
    ("anonymous", 1_000, MINUTE),
    ("free", 20, 2_000),
    ("free", 200, MINUTE),
    ("free", 2_000, HOUR),
    ("pro", 100, 2_000),
    ("pro", 1_000, MINUTE),
    ("pro", 10_000, HOUR),
    ("enterprise", 500, 2_500),
    ("enterprise", 5_000, MINUTE),
    ("enterprise", 50_000, HOUR),
    ("user_key", 1_000, 15 * MINUTE),
    ("service_key", 10_000, 15 * MINUTE),
];

fn quotas(view: &Value) -> Vec<(&str, u64, u64)> {
    let number = |quota: &Value, name: &str| quota[name].as_u64().unwrap();
    let all = view.as_array().unwrap().iter();
    all.map(|quota| (quota["scope"].as_str().unwrap(), number(quota, "units"), number(quota, "window_ms"))).collect()
}

#[test]
fn strangers_have_the_limits_of_the_specification_and_the_demo_has_none() {
    let app = counted().start();
    let first = app.get("/api/v1/platforms");
    assert_eq!(
        first.header("ratelimit-policy"),
        "\"second\";q=10;w=2, \"minute\";q=100;w=60, \"hour\";q=1000;w=3600, \"edge\";q=1000;w=60"
    );
    assert_eq!(first.header("ratelimit"), "\"second\";r=9;t=1");
    let since = Instant::now();
    let refused = loop {
        let answer = app.get("/api/v1/platforms");
        if answer.status == 429 {
            break answer;
        }
        assert!(since.elapsed() < PATIENCE, "nothing is refused");
    };
    assert_eq!(refused.header("retry-after"), "1");
    refused.problem(429, "rate_limited");
    assert_eq!(operator(&app, "GET", "/api/v1/platforms").status, 200, "the operator has no limit");
    assert_eq!(app.get("/readyz").header("ratelimit"), "");
    let limits = operator(&app, "GET", "/api/v1/admin/limits").ok();
    assert_eq!((&limits["enabled"], &limits["place"]), (&Value::from(true), &Value::from("local")));
    assert_eq!(quotas(&limits["quotas"]), OF_TIERS);
    let own = [("/api/v1/search/semantic", 50, MINUTE), ("/api/v1/recommendations/for-you", 20, MINUTE)];
    assert_eq!(quotas(&limits["overrides"]), own);

    let demo = App::start();
    assert_eq!(answered(&demo, 50), 50, "who sits at the machine is not counted");
    assert_eq!(demo.get("/api/v1/platforms").header("ratelimit"), "");
}

/// What a call over gRPC brings with it.
type Metadata<'a> = [(&'static str, &'a str)];

/// The catalogue over gRPC, on the port where everybody comes in.
fn catalog(app: &App) -> CatalogServiceClient<Channel> {
    CatalogServiceClient::new(Endpoint::from_shared(app.url("gateway").to_owned()).unwrap().connect_lazy())
}

fn bring<T>(metadata: &Metadata<'_>, message: T) -> Request<T> {
    let mut request = Request::new(message);
    for (name, value) in metadata {
        request.metadata_mut().insert(*name, value.parse().unwrap());
    }
    request
}

/// Asks for the directory over gRPC, `times` times.
fn directories(app: &App, metadata: &Metadata<'_>, times: usize) -> Vec<Result<(), Status>> {
    block_on(async {
        let (mut catalog, mut answers) = (catalog(app), Vec::new());
        for _ in 0..times {
            answers.push(catalog.get_directory(bring(metadata, pb::GetDirectoryRequest::default())).await.map(drop));
        }
        answers
    })
}

/// A token of a program.
fn token(app: &App) -> String {
    let new = ["auth", "clients", "create", "robot", "--grant", "client_credentials", "--scopes", "read:content"];
    let made = app.setup.run(&[&new[..], &["--confidential", "--role", "ingestion_service"]].concat());
    let made = String::from_utf8(made.stdout).unwrap();
    let (id, secret) = made.trim().split_once("  ").unwrap();
    let request = app.request("POST", "/oauth/token").basic_auth(id, Some(secret));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    app.send(request.body("grant_type=client_credentials")).ok()["access_token"].as_str().unwrap().to_owned()
}

#[test]
fn one_identity_has_one_budget_over_http_and_grpc() {
    // Twelve an hour for everybody, which flow back one in five minutes: not while the test runs.
    let tiers = ["ANONYMOUS", "FREE", "PRO", "ENTERPRISE"].map(|tier| format!("MEDIA_GATEWAY_RATE_LIMITS_{tier}"));
    let app = tiers.iter().fold(counted(), |setup, tier| setup.env(tier, "1000,1000,1000,12")).start();
    let token = token(&app);
    let ask = || app.send(app.request("GET", "/api/v1/platforms").bearer_auth(&token));
    assert!((0..6).all(|_| ask().status == 200));
    let answers = directories(&app, &[("authorization", &*format!("Bearer {token}"))], 7);
    assert!(answers[..6].iter().all(Result::is_ok), "{answers:?}");
    let refused = answers[6].as_ref().unwrap_err();
    let (code, stated) = (refused.code(), rpc::from_status(refused, "catalog"));
    assert_eq!((code, &*stated.code), (Code::ResourceExhausted, "rate_limited"));
    let wait = stated.retry_after.unwrap().as_secs();
    assert!((200..=300).contains(&wait), "{wait} s");
    let over_http = ask();
    let same: u64 = over_http.header("retry-after").parse().unwrap();
    assert!(same <= wait + 1 && same + 60 > wait, "{same} s, and {wait} s over gRPC");
    over_http.problem(429, "rate_limited");

    // Others have theirs: those without a token by address, and so has whoever guesses one. The operator has no limit.
    assert!(directories(&app, &[], 1)[0].is_ok());
    let codes = directories(&app, &[("authorization", "Bearer guess")], 20);
    let codes: Vec<_> = codes.into_iter().map(|answer| answer.unwrap_err().code()).collect();
    assert_eq!((codes[0], codes[19]), (Code::Unauthenticated, Code::ResourceExhausted));
    assert_eq!(directories(&app, &[], 1)[0].as_ref().unwrap_err().code(), Code::ResourceExhausted);
    app.get("/api/v1/platforms").problem(429, "rate_limited");
    let operator = directories(&app, &[("authorization", &*format!("Bearer {}", app.token))], 20);
    assert!(operator.iter().all(Result::is_ok), "{operator:?}");
}

#[test]
fn a_batch_over_grpc_costs_what_it_does_over_http() {
    let app = counted().env(ANONYMOUS, "1000,1000,1000,12").env("MEDIA_GATEWAY_TRUSTED_PROXIES", "127.0.0.0/8").start();
    let elsewhere = [("x-forwarded-for", "192.0.2.7")];
    let batch = || {
        let content_ids = vec!["01900000-0000-7000-8000-000000000000".to_owned()];
        let request = bring(&elsewhere, pb::BatchGetContentRequest { content_ids });
        block_on(async { catalog(&app).batch_get_content(request).await }).map(drop)
    };
    let code = |answer: Result<(), Status>| answer.map_or_else(|status| status.code(), |()| Code::Ok);
    let codes = [batch(), batch(), batch()].map(code);
    assert_eq!(codes, [Code::Ok, Code::Ok, Code::ResourceExhausted], "five units each: two are left");
    let codes: Vec<_> = directories(&app, &elsewhere, 3).into_iter().map(code).collect();
    assert_eq!(codes, [Code::Ok, Code::Ok, Code::ResourceExhausted]);
    assert!(directories(&app, &[("x-forwarded-for", "192.0.2.8")], 1)[0].is_ok(), "another address");
}

/// Fifty a minute, whatever the tier allows; the node has no model, and says so to whoever may ask.
#[test]
fn searches_by_vector_have_a_quota_of_their_own() {
    let app = counted().env(ANONYMOUS, "1000,1000,1000,1000").start();
    let (given, refused) = block_on(async {
        let channel = Endpoint::from_shared(app.url("gateway").to_owned()).unwrap().connect_lazy();
        let (mut search, mut given) = (SearchServiceClient::new(channel), 0);
        loop {
            let asked = pb::VectorSearchRequest { limit: 1, ..Default::default() };
            let status = search.vector_search(asked).await.unwrap_err();
            if status.code() != Code::Unavailable {
                break (given, status);
            }
            given += 1;
            assert!(given < 500, "nothing is refused");
        }
    });
    let stated = rpc::from_status(&refused, "search");
    assert_eq!((refused.code(), &*stated.code), (Code::ResourceExhausted, "rate_limited"));
    assert!(given >= 50 && stated.detail.contains("\"semantic\""), "{given}: {}", stated.detail);
    assert_eq!(answered(&app, 3), 3, "other questions go on");
}

#[test]
fn a_call_over_grpc_has_no_longer_than_a_request() {
    let app = Setup::new().env(REQUEST_TIMEOUT, "1000").start();
    let status = block_on(async {
        let http = reqwest::Client::builder().no_proxy().http2_prior_knowledge().timeout(PATIENCE).build().unwrap();
        // Half of a message, and nothing more.
        let half = tokio_stream::once(Ok::<_, std::io::Error>(vec![0_u8; 2])).chain(tokio_stream::pending());
        let call = http.post(format!("{}/media_gateway.v1.CatalogService/GetDirectory", app.url("gateway")));
        let call = call.header("content-type", "application/grpc").header("te", "trailers");
        let call = call.header("grpc-timeout", "120S").body(reqwest::Body::wrap_stream(half));
        call.send().await.unwrap().headers()["grpc-status"].clone()
    });
    assert_eq!(status, (Code::DeadlineExceeded as i32).to_string().as_str());
}

/// How many of `asked` requests of one stranger were answered.
fn answered_to(stranger: u8, app: &App, asked: usize) -> usize {
    let ask = || app.request("GET", "/api/v1/platforms").header("x-forwarded-for", format!("192.0.2.{stranger}"));
    (0..asked).filter(|_| app.send(ask()).status == 200).count()
}

/// How often the shared store did not answer a node in time, which is a tenth of a second: that node then counted by itself.
fn failures(app: &App) -> String {
    let page = reqwest::blocking::get(format!("{}/metrics", app.url("metrics"))).unwrap().text().unwrap();
    let line = page.lines().find_map(|line| line.strip_prefix("rate_limit_store_failures_total "));
    line.unwrap_or("0").to_owned()
}

fn place(app: &App) -> Value {
    operator(app, "GET", "/api/v1/admin/limits").ok()["place"].clone()
}

/// Twelve an hour of both, whichever is asked: shown with a stranger during whose requests the store kept its time.
fn share_a_budget(one: &App, two: &App) {
    for stranger in 1..=20 {
        let before = [one, two].map(failures);
        let answered = [(one, 5), (two, 20), (one, 3)].map(|(app, asked)| answered_to(stranger, app, asked));
        if [one, two].map(failures) == before && [one, two].map(place) == ["shared"; 2] {
            assert_eq!(answered, [5, 7, 0]);
            return;
        }
        // Until then a node leaves alone what failed.
        std::thread::sleep(Duration::from_millis(1_100));
    }
    panic!("the shared store never keeps its time: {}", one.log());
}

#[test]
fn two_nodes_share_their_limits_and_do_without_redis() {
    let (wire, database) = (Wire::to(&redis()), crate::split::database());
    let prefix = format!("it-{}:", std::process::id());
    let dir = tempfile::tempdir().unwrap();
    let node = || {
        counted()
            .env("MEDIA_GATEWAY_TRUSTED_PROXIES", "127.0.0.1")
            .env("MEDIA_GATEWAY_DATABASE_URL", url(&database))
            .env("MEDIA_GATEWAY_AUTH_SECRET_FILE", secret(dir.path()))
            .env("MEDIA_GATEWAY_REDIS_URL", &wire.url)
            .env("MEDIA_GATEWAY_REDIS_PREFIX", &prefix)
            // Filled so slowly that what flows in during the test does not count.
            .env(ANONYMOUS, "1000,1000,1000,12")
            .start()
    };
    let (one, two) = (node(), node());
    let redis_is = |ready: &Value, state: &str| {
        ready["components"].as_array().unwrap().iter().any(|part| part["name"] == "redis" && part["state"] == state)
    };
    one.eventually("/readyz", |ready| redis_is(ready, "ready"));
    share_a_budget(&one, &two);
    wire.set(Mode::Cut);
    let alone = answered(&one, 20);
    assert_eq!(alone, 6, "half of twelve, by itself");
    // It says so for a second after each request that the store did not answer.
    wait("it counts by itself", || answered(&one, 1) == 0 && place(&one) == "fallback");
    // It serves, with less.
    one.eventually("/readyz", |ready| redis_is(ready, "degraded"));
    let metrics = reqwest::blocking::get(format!("{}/metrics", one.url("metrics"))).unwrap().text().unwrap();
    assert!(metrics.contains("rate_limit_fallbacks_total") && metrics.contains("rate_limited_total"), "{metrics}");
    wire.set(Mode::Open);
    wait("the shared store, which alone has some left, is used again", || answered(&one, 1) == 1);
    // Silence is worse than a refusal: who asks must not wait for it.
    wire.set(Mode::Stalled);
    let since = Instant::now();
    assert_eq!(answered(&two, 20), 6, "half of twelve, by the other too");
    assert!(since.elapsed() < Duration::from_secs(20), "{:?}", since.elapsed());
    wait("the other counts by itself", || answered(&two, 1) == 0 && place(&two) == "fallback");
}

#[test]
fn the_doctor_says_what_the_shared_store_was_tested_against() {
    let wire = Wire::to(&redis());
    let setup = Setup::new().env("MEDIA_GATEWAY_REDIS_URL", &wire.url);
    assert!(setup.run(&["migrate"]).status.success());
    let well = setup.doctor();
    assert!(well.contains("ok   redis: ") && well.contains("untested against a server of Valkey"), "{well}");
    wire.set(Mode::Cut);
    let gone = setup.doctor();
    assert!(gone.contains("less redis: ") && gone.contains("fix: check `redis.url`"), "{gone}");
    wire.set(Mode::Open);
    let app = setup.start();
    let beside = app.setup.doctor();
    assert!(beside.contains("ok   redis: ") && beside.contains("untested against a server of Valkey"), "{beside}");
}

fn url(database: &TestDb) -> String {
    database.url().unwrap()
}

/// Nodes over one database seal under one secret.
fn secret(dir: &Path) -> String {
    fixtures::write(dir, "secret", b"a secret of all nodes, 32 characters or more\n")
}

#[test]
fn an_old_answer_is_given_and_marked_while_the_database_is_gone() {
    let database = crate::split::database();
    let wire = Wire::to(&url(&database));
    // Short only for the one that the database leaves: it answers soon that it has none.
    let (setup, _) = fixtures::loaded(Setup::new().env("MEDIA_GATEWAY_DATABASE_URL", &wire.url)).stop();
    let app = setup.env(ACQUIRE_TIMEOUT, "2000").env(REQUEST_TIMEOUT, "8000").start();
    let path = "/api/v1/content/movies?limit=2";
    let before = app.get(path);
    assert_eq!((before.status, before.header("x-degraded")), (200, ""));
    let ask = |conditions: &[(&str, &str)]| {
        let request = app.request("GET", path);
        app.send(conditions.iter().fold(request, |request, (name, value)| request.header(*name, *value)))
    };
    let same = ask(&[("if-none-match", before.header("etag"))]);
    assert_eq!((same.status, same.text.len()), (304, 0));
    wire.set(Mode::Cut);
    // Not fresh: the client does not want one that is kept, and none can be had.
    let since = Instant::now();
    while ask(&[("cache-control", "no-cache")]).status != 503 {
        assert!(since.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(app.get("/api/v1/content/movies?limit=3").status, 503, "nothing was kept for this one");
    let kept = app.get(path);
    assert_eq!((kept.status, &kept.json), (200, &before.json));
    assert!(kept.header("cache-status").starts_with("media-gateway; hit"), "{}", kept.header("cache-status"));
}

/// As whoever balances load: it asks `/readyz` all the time, and sends requests to the nodes that are ready.
struct Balancer {
    nodes: Mutex<Vec<String>>,
    ready: Mutex<Vec<String>>,
    stop: AtomicBool,
    done: AtomicUsize,
}

impl Balancer {
    fn watch(&self) {
        let http = reqwest::blocking::Client::builder().no_proxy().build().unwrap();
        while !self.stop.load(Ordering::SeqCst) {
            let nodes = self.nodes.lock().unwrap().clone();
            let is_ready = |url: &String| http.get(format!("{url}/readyz")).send().is_ok_and(|a| a.status() == 200);
            *self.ready.lock().unwrap() = nodes.into_iter().filter(is_ready).collect();
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asks until the end; gives what was not answered.
    fn ask(&self) -> Vec<String> {
        let http = reqwest::blocking::Client::builder().no_proxy().build().unwrap();
        let mut failures = Vec::new();
        for turn in 0.. {
            let ready = self.ready.lock().unwrap().clone();
            if self.stop.load(Ordering::SeqCst) {
                break;
            }
            let Some(url) = ready.get(turn % ready.len().max(1)) else {
                std::thread::sleep(Duration::from_millis(1));
                continue;
            };
            match http.get(format!("{url}/api/v1/platforms")).send() {
                Ok(answer) if answer.status() == 200 => drop(self.done.fetch_add(1, Ordering::SeqCst)),
                Ok(answer) => failures.push(answer.status().to_string()),
                Err(error) => failures.push(format!("{error:?}")),
            }
        }
        failures
    }

    fn progress(&self) {
        let (before, since) = (self.done.load(Ordering::SeqCst), Instant::now());
        while self.done.load(Ordering::SeqCst) < before + 100 {
            assert!(since.elapsed() < PATIENCE, "nothing is answered");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn a_rolling_restart_fails_no_request() {
    let database = crate::split::database();
    let dir = tempfile::tempdir().unwrap();
    let node = || {
        let setup = Setup::new().env("MEDIA_GATEWAY_DATABASE_URL", url(&database));
        let setup = setup.env("MEDIA_GATEWAY_AUTH_SECRET_FILE", secret(dir.path()));
        // Time enough for a balancer that has to share two cores.
        setup.env("MEDIA_GATEWAY_DRAIN_PAUSE_MS", "5000").start()
    };
    let mut nodes = vec![node(), node()];
    let urls = |nodes: &[App]| nodes.iter().map(|node| node.url("gateway").to_owned()).collect::<Vec<_>>();
    let balancer = Arc::new(Balancer {
        nodes: Mutex::new(urls(&nodes)),
        ready: Mutex::default(),
        stop: AtomicBool::default(),
        done: AtomicUsize::default(),
    });
    let watcher = Arc::clone(&balancer);
    let watcher = std::thread::spawn(move || watcher.watch());
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let balancer = Arc::clone(&balancer);
            std::thread::spawn(move || balancer.ask())
        })
        .collect();
    for _ in 0..2 {
        balancer.progress();
        // The balancer goes on knowing the node that stops, and sees that it is not ready.
        let (_, status) = nodes.remove(0).stop();
        assert_eq!(status.code(), Some(0));
        balancer.progress();
        nodes.push(node());
        *balancer.nodes.lock().unwrap() = urls(&nodes);
    }
    balancer.progress();
    balancer.stop.store(true, Ordering::SeqCst);
    watcher.join().unwrap();
    let failures: Vec<String> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
    assert!(failures.is_empty(), "{} of {:?} failed: {failures:?}", failures.len(), balancer.done);
}
