//! How often a refresh asks the database: little, and refreshes at once share what they write.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use metrics::{Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use rstest::rstest;
use serde_json::Value;
use stores::args;
use tokio::task::JoinSet;

use crate::world::{Browser, World};

/// What is written for any number of refreshes together: what is used up, what follows, the head of the audit log twice,
/// its entries, and the commit.
const WRITES: usize = 6;

/// Counts the statements that a thread waits for.
#[derive(Clone, Default)]
pub struct Statements(Arc<AtomicUsize>);

impl Statements {
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl HistogramFn for Statements {
    fn record(&self, _: f64) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Recorder for Statements {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        let ours = key.name() == "db_statement_duration_seconds";
        if ours { Histogram::from_arc(Arc::new(self.clone())) } else { Histogram::noop() }
    }
}

fn refresh_of(reply: &Value) -> String {
    reply["refresh_token"].as_str().unwrap_or_else(|| panic!("{reply}")).to_owned()
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_refresh_asks_once_and_writes_little(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (client, _) = world.client(false, false).await;
    let token = refresh_of(&Browser::signed_up(&world, "ada@example.org").await.tokens(&client, "read:content").await);
    let statements = Statements::default();
    let _counted = metrics::set_default_local_recorder(&statements);
    world.refresh(&client, &token).await.ok();
    assert_eq!(statements.count(), 1 + WRITES);
}

#[rstest]
#[case("sqlite", 0, 0)]
// There the first is written as far as the head of the audit log, which the test holds with a statement of its own.
#[case("postgres", 1, 2)]
#[tokio::test]
async fn refreshes_that_wait_are_written_together(#[case] engine: &str, #[case] own: usize, #[case] begun: usize) {
    let world = Arc::new(World::open(engine).await);
    let (client, _) = world.client(false, false).await;
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let mut tokens = Vec::new();
    for _ in 0..12 {
        tokens.push(refresh_of(&browser.tokens(&client, "read:content").await));
    }
    // One of them three times: it is used up once, and all who sent it are answered the same.
    tokens.extend([tokens[11].clone(), tokens[11].clone()]);
    let statements = Statements::default();
    let counted = metrics::set_default_local_recorder(&statements);
    let mut held = world.db.begin().await.unwrap();
    if engine == "postgres" {
        held.execute("UPDATE auth_audit_head SET position = position", args![]).await.unwrap();
    }
    let mut waiting = JoinSet::new();
    for (index, token) in tokens.iter().cloned().enumerate() {
        let (world, client) = (Arc::clone(&world), client.clone());
        waiting.spawn(async move { (index, world.refresh(&client, &token).await.ok()) });
    }
    while statements.count() < own + tokens.len() + begun {
        assert!(waiting.try_join_next().is_none(), "nothing is answered before it is on the disk");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(held);
    let mut answers = waiting.join_all().await;
    // The first were on their way; the others came after them, together. Two looked again at what the third had used up.
    let written = statements.count() - own - tokens.len() - 2;
    assert!([WRITES, 2 * WRITES].contains(&written), "{written} statements wrote {} refreshes", tokens.len());
    drop(counted);
    answers.sort_by_key(|(index, _)| *index);
    assert!(answers[11].1 == answers[12].1 && answers[11].1 == answers[13].1);
    let refreshed = "SELECT COUNT(*) FROM auth_audit WHERE action = 'token.refreshed'";
    assert_eq!(world.db.fetch_one::<i64>(refreshed, args![]).await.unwrap(), 12);
    let verdict = world.auth.verify_audit(&testkit::operator_call(), None).await.unwrap();
    assert_eq!(verdict.broken_at, None);
    for (_, answer) in &answers[..12] {
        world.refresh(&client, &refresh_of(answer)).await.ok();
    }
}

/// What one refresh fails by is its own affair, also where others were written with it.
#[tokio::test]
async fn one_refresh_that_fails_takes_no_other_along() {
    let world = Arc::new(World::open("sqlite").await);
    let (client, _) = world.client(false, false).await;
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let mut tokens = Vec::new();
    for _ in 0..8 {
        tokens.push(refresh_of(&browser.tokens(&client, "read:content").await));
    }
    let poison = "CREATE TRIGGER poison BEFORE INSERT ON auth_refresh_tokens
        WHEN NEW.family_id = (SELECT id FROM auth_families ORDER BY id LIMIT 1 OFFSET 5)
        BEGIN SELECT RAISE(ABORT, 'poison'); END";
    world.db.execute(poison, args![]).await.unwrap();
    let held = world.db.begin().await.unwrap();
    let mut waiting = JoinSet::new();
    for token in tokens {
        let (world, client) = (Arc::clone(&world), client.clone());
        waiting.spawn(async move { world.refresh(&client, &token).await.status.as_u16() });
    }
    // They read their tokens, and wait for the one who writes.
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(held);
    let mut answers = waiting.join_all().await;
    answers.sort_unstable();
    assert_eq!(answers, [200, 200, 200, 200, 200, 200, 200, 500]);
}
