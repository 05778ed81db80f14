//! What a key promises, over a real database of each engine.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::{body::to_bytes, routing::post};
use jiff::SignedDuration;
use stores::args;
use testkit::TestDb;
use tokio::sync::Semaphore;
use utoipa::openapi::{
    HttpMethod, OpenApiBuilder, PathItem, PathsBuilder,
    path::{OperationBuilder, ParameterBuilder, ParameterIn},
};
use utoipa_axum::router::OpenApiRouter;

use super::*;
use crate::{Gateway, GatewayParts, GuardConfig, Health, gateway};

const RUNS: &str = "/api/v1/internal/runs";
const SECRET: [u8; 32] = [7; 32];

/// The document of a gateway with one write.
fn document(required: Required) -> OpenApi {
    let key = ParameterBuilder::new().name("Idempotency-Key").parameter_in(ParameterIn::Header).required(required);
    let write = PathItem::new(HttpMethod::Post, OperationBuilder::new().parameter(key));
    OpenApiBuilder::new().paths(PathsBuilder::new().path(RUNS, write)).build()
}

/// A gateway whose one write counts how often it was really done.
struct Bench {
    db: TestDb,
    clock: Clock,
    worked: Arc<AtomicU64>,
    /// What is slow waits for a place there.
    gate: Arc<Semaphore>,
    token: &'static str,
    gateway: Gateway,
}

impl Bench {
    /// One that nobody shows a token.
    async fn new(db: TestDb) -> Self {
        Self::of(db, testkit::clock(), Arc::default(), "")
    }

    /// A process over the database, whose operator shows this token.
    fn of(db: TestDb, clock: Clock, worked: Arc<AtomicU64>, token: &'static str) -> Self {
        Self::within(Duration::from_secs(60), db, clock, worked, token)
    }

    /// As [`Bench::of`], where a request may take as long as this.
    fn within(timeout: Duration, db: TestDb, clock: Clock, worked: Arc<AtomicU64>, token: &'static str) -> Self {
        let (rng, gate) = (testkit::rng(), Arc::new(Semaphore::new(0)));
        let (counted, held) = (Arc::clone(&worked), Arc::clone(&gate));
        let work = post(move |body: String| async move {
            let count = counted.fetch_add(1, Ordering::SeqCst) + 1;
            match body.as_str() {
                "refuse" => return (StatusCode::BAD_REQUEST, [(header::LOCATION, String::new())], "no".to_owned()),
                "slow" => drop(held.acquire().await),
                "huge" => return (StatusCode::OK, [(header::LOCATION, String::new())], "x".repeat(MAX_ANSWER + 1)),
                _ => {}
            }
            (StatusCode::CREATED, [(header::LOCATION, format!("/runs/{count}"))], format!("run {count}"))
        });
        let frame = http_api::Frame {
            clock: clock.clone(),
            rng: rng.clone(),
            timeout: Duration::from_secs(10),
            operator_token: Some(token.to_owned()),
            access: None,
            cursor_key: [0; 32],
        };
        let gateway = gateway(GatewayParts {
            local: OpenApiRouter::with_openapi(document(Required::True)).route(RUNS, work),
            tls: None,
            remotes: Vec::new(),
            health: Health::new(),
            frame: Arc::new(frame),
            idempotency: Some(Idempotency::new(db.db(), clock.clone(), rng, SECRET)),
            limits: None,
            cache: None,
            denied: None,
            reload: None,
            config: GuardConfig { timeout, ..GuardConfig::new("gateway") },
        });
        Self { db, clock, worked, gate, token, gateway }
    }

    async fn send(&self, key: &str, body: &str) -> (u16, String, bool) {
        let keys: &[&str] = if key.is_empty() { &[] } else { std::slice::from_ref(&key) };
        self.send_with(keys, body).await
    }

    /// As many headers as there are keys.
    async fn send_with(&self, keys: &[&str], body: &str) -> (u16, String, bool) {
        let mut request = Request::post(RUNS);
        for key in keys {
            request = request.header(KEY, *key);
        }
        if !self.token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.gateway.clone().oneshot(request).await.unwrap();
        let replayed = response.headers().contains_key(REPLAYED);
        let (status, location) = (response.status().as_u16(), response.headers().get(header::LOCATION).cloned());
        let bytes = to_bytes(response.into_body(), 1_000_000).await.unwrap();
        let text = match serde_json::from_slice::<serde_json::Value>(&bytes) {
            Ok(problem) => problem["code"].as_str().unwrap_or_default().to_owned(),
            Err(_) => format!("{} {}", String::from_utf8_lossy(&bytes), location.map_or("", |_| "at")),
        };
        (status, text, replayed)
    }

    fn worked(&self) -> u64 {
        self.worked.load(Ordering::SeqCst)
    }
}

/// One test an engine for each function.
macro_rules! on_both {
    ($($test:ident;)+) => {
        mod sqlite {$(
            #[tokio::test]
            async fn $test() {
                super::$test(testkit::sqlite().await).await;
            }
        )+}

        mod postgres {$(
            #[tokio::test]
            async fn $test() {
                super::$test(testkit::postgres().await).await;
            }
        )+}
    };
}

on_both! {
    a_write_sent_twice_is_done_once;
    a_write_sent_again_under_a_fresh_token_is_not_done_again;
    a_key_must_be_there_and_sane;
    refusals_are_not_kept;
    an_answer_too_large_to_keep_is_still_done_once;
    work_outlives_the_client_that_asked_for_it;
    a_claim_whose_process_died_expires_and_so_does_an_answer;
    of_many_at_once_one_works;
    what_is_kept_says_nothing_to_others;
}

async fn a_write_sent_twice_is_done_once(db: TestDb) {
    let bench = Bench::new(db).await;
    assert_eq!(bench.send("k1", "a").await, (201, "run 1 at".to_owned(), false));
    assert_eq!(bench.send("k1", "a").await, (201, "run 1 at".to_owned(), true));
    assert_eq!(bench.send("\"k1\"", "a").await, (201, "run 1 at".to_owned(), true));
    assert_eq!(bench.send("k1", "b").await, (422, "idempotency_key_reused".to_owned(), false));
    assert_eq!(bench.send("k2", "a").await, (201, "run 2 at".to_owned(), false));
    assert_eq!(bench.worked(), 2);
}

async fn a_write_sent_again_under_a_fresh_token_is_not_done_again(db: TestDb) {
    let before = Bench::of(db, testkit::clock(), Arc::default(), "old");
    assert_eq!(before.send("k", "a").await, (201, "run 1 at".to_owned(), false));
    assert_eq!(before.send("k", "a").await, (201, "run 1 at".to_owned(), true));
    let after = Bench::of(before.db, before.clock, before.worked, "new");
    assert_eq!(after.send("k", "a").await, (409, "idempotency_answer_not_kept".to_owned(), false));
    assert_eq!(after.send("k", "b").await.1, "idempotency_key_reused");
    assert_eq!(after.worked(), 1);
    assert_eq!(after.send("k2", "a").await, (201, "run 2 at".to_owned(), false));
}

async fn a_key_must_be_there_and_sane(db: TestDb) {
    let bench = Bench::new(db).await;
    assert_eq!(bench.send("", "a").await, (400, "idempotency_key_required".to_owned(), false));
    assert_eq!(bench.send("a b", "a").await.1, "bad_idempotency_key");
    assert_eq!(bench.send(&"a".repeat(256), "a").await.1, "bad_idempotency_key");
    for twice in [["k1", "k2"], ["k1", "k1"]] {
        assert_eq!(bench.send_with(&twice, "a").await, (400, "bad_idempotency_key".to_owned(), false));
    }
    assert_eq!(bench.worked(), 0);
}

async fn refusals_are_not_kept(db: TestDb) {
    let bench = Bench::new(db).await;
    assert_eq!(bench.send("k", "refuse").await.0, 400);
    assert_eq!(bench.send("k", "a").await.0, 201, "the same key serves for the corrected request");
    assert_eq!(bench.worked(), 2);
}

async fn an_answer_too_large_to_keep_is_still_done_once(db: TestDb) {
    let bench = Bench::new(db).await;
    assert_eq!(bench.send("k", "huge").await.0, 200);
    assert_eq!(bench.send("k", "huge").await.1, "idempotency_answer_not_kept");
    assert_eq!(bench.worked(), 1);
}

/// The first client is told that it took too long; the work goes on, and its answer is there for the next.
async fn work_outlives_the_client_that_asked_for_it(db: TestDb) {
    // As long as a disk may be busy with who asks again.
    let bench = Bench::within(Duration::from_secs(5), db, testkit::clock(), Arc::default(), "");
    assert_eq!(bench.send("k", "slow").await.0, 504);
    assert_eq!(bench.send("k", "slow").await, (409, "idempotency_in_flight".to_owned(), false));
    bench.gate.add_permits(1);
    let since = std::time::Instant::now();
    let again = loop {
        let again = bench.send("k", "slow").await;
        if again.0 != 409 {
            break again;
        }
        assert!(since.elapsed() < Duration::from_secs(60), "the work does not end");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(again, (201, "run 1 at".to_owned(), true));
    assert_eq!(bench.worked(), 1);
}

async fn a_claim_whose_process_died_expires_and_so_does_an_answer(db: TestDb) {
    let claims = Claims::new(db.db(), testkit::clock(), testkit::rng());
    let bench = Bench::new(db).await;
    let envelope = Envelope::of(&Caller::Anonymous, &[b"POST", RUNS.as_bytes(), b"k"], b"");
    let (scope, fingerprint) = (envelope.scope(), envelope.fingerprint(&SECRET, &[b"", b"a"]));
    let Claim::Ours(dead) = claims.claim(&scope, &fingerprint).await.unwrap() else { panic!("not ours") };
    assert_eq!(bench.send("k", "a").await.1, "idempotency_in_flight");
    bench.clock.advance(SignedDuration::from_secs(61));
    assert_eq!(bench.send("k", "a").await, (201, "run 1 at".to_owned(), false));
    // It was only slow after all: what it says now comes too late.
    claims.release(&scope, &dead).await.unwrap();
    assert_eq!(bench.send("k", "a").await, (201, "run 1 at".to_owned(), true));
    bench.clock.advance(SignedDuration::from_hours(23));
    assert_eq!(bench.send("k", "a").await, (201, "run 1 at".to_owned(), true), "it is kept for a day");
    assert_eq!(bench.send("k", "b").await.1, "idempotency_key_reused");
    bench.clock.advance(SignedDuration::from_hours(2));
    assert_eq!(bench.send("k", "b").await, (201, "run 2 at".to_owned(), false));
}

async fn of_many_at_once_one_works(db: TestDb) {
    let bench = Bench::new(db).await;
    let sent = futures::future::join_all((0..8).map(|_| bench.send("k", "a"))).await;
    assert_eq!(bench.worked(), 1, "{sent:?}");
    assert!(sent.iter().all(|(status, ..)| [201, 409].contains(status)), "{sent:?}");
}

async fn what_is_kept_says_nothing_to_others(db: TestDb) {
    let bench = Bench::new(db).await;
    assert_eq!(bench.send("k", "a").await, (201, "run 1 at".to_owned(), false));
    let sql = "SELECT body FROM idempotency_keys";
    let (kept,): (Vec<u8>,) = bench.db.db().fetch_one(sql, args![]).await.unwrap();
    assert!(kept.len() > "run 1".len() && !kept.windows(3).any(|part| part == b"run"), "{kept:?}");
    assert_eq!(bench.send("k", "a").await, (201, "run 1 at".to_owned(), true));
}

#[test]
fn the_document_says_which_writes_carry_a_key_and_for_whom() {
    let rule = |security: &[SecurityRequirement]| {
        let key = ParameterBuilder::new().name("Idempotency-Key").parameter_in(ParameterIn::Header);
        let operation = OperationBuilder::new().parameter(key).securities(Some(security.iter().cloned()));
        Rule::of(RUNS, &operation.build()).unwrap()
    };
    assert!(!rule(&[]).required && matches!(rule(&[]).door, Door::Anybody));
    let operator = SecurityRequirement::new("operator", [""; 0]);
    assert!(matches!(rule(&[operator]).door, Door::Operator));
    for wanted in Permission::ASKED {
        let named = rule(&[SecurityRequirement::new("operator", [wanted.to_string()])]);
        assert!(matches!(named.door, Door::Permitted(asked) if asked == wanted));
    }
    let holder = rule(&[SecurityRequirement::new("oauth", ["account:manage"])]);
    assert!(matches!(holder.door, Door::Holder(Scope::ManageAccount)));
    assert!(Rule::of(RUNS, &OperationBuilder::new().build()).is_none());
    let documented = document(Required::True);
    let operation = documented.paths.get_path_operation(RUNS, HttpMethod::Post).unwrap();
    assert!(Rule::of(RUNS, operation).unwrap().required);
}
