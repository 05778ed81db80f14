//! Dead letters over HTTP, on both engines.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
};
use contracts::{Event, Ids, Rng, Topic, Trace};
use futures::FutureExt as _;
use http_api::{Frame, frame_layer};
use jiff::SignedDuration;
use serde_json::{Value, json};
use stores::{
    args,
    events::{self, DELAYS, Group, MAX_ASIDE},
};
use testkit::TestDb;
use tower::ServiceExt as _;

use super::*;

const LIST: &str = "/api/v1/admin/dead-letters";

/// What was done with an event, and of which group.
type Stated = (&'static str, String, EventId);

/// Two groups that failed on each of three events until they were given up.
struct Node {
    router: Router,
    clock: Clock,
    db: Db,
    events: Vec<EventId>,
    groups: [Group; 2],
    /// What the audit log was told.
    stated: Arc<Mutex<Vec<Stated>>>,
    /// Whether it can't be written.
    unwritable: Arc<AtomicBool>,
}

impl Node {
    async fn new(test: &TestDb) -> Self {
        let (db, clock) = (test.db(), testkit::clock());
        let frame = Frame {
            clock: clock.clone(),
            rng: Rng::seeded(1),
            timeout: Duration::from_secs(10),
            operator_token: Some("secret".to_owned()),
            access: None,
            cursor_key: [0; 32],
        };
        let (stated, unwritable) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<AtomicBool>::default());
        let (log, broken) = (Arc::clone(&stated), Arc::clone(&unwritable));
        let deeds = Deeds::by(move |_, deed| {
            assert!(deed.call.require_operator().is_ok());
            let [("group", group)] = deed.detail else { panic!("{:?}", deed.detail) };
            log.lock().unwrap().push((deed.action, (*group).to_owned(), deed.target.parse::<EventId>().unwrap()));
            let broken = broken.load(Ordering::SeqCst);
            async move { if broken { Err(ApiError::internal("no log")) } else { Ok(()) } }.boxed()
        });
        let router = dead_letters(db.clone(), clock.clone(), deeds);
        let (router, _) = router.split_for_parts();
        let router = router.layer(frame_layer(Arc::new(frame)));
        let ids = Ids::new(clock.clone(), Rng::seeded(2));
        let (rng, now) = (Rng::seeded(3), clock.now());
        let event = |place: usize| {
            let (id, key) = (EventId(ids.next()), ContentId(ids.next()));
            Event::new(id, "/test", Topic::ContentIngested, key, now, Trace::start(&rng), json!({ "place": place }))
        };
        let all: Vec<Event> = (0..3).map(event).collect();
        let mut tx = db.begin().await.unwrap();
        events::append(&mut tx, &all).await.unwrap();
        tx.commit().await.unwrap();
        let join = async |name: &str| Group::join(&db, name, &[Topic::ContentIngested], &clock).await.unwrap();
        let groups = [join("readers").await, join("writers").await];
        for delay in [SignedDuration::ZERO].into_iter().chain(DELAYS) {
            clock.advance(delay);
            for group in &groups {
                let failed = group.deliver(10, |_, _| async { Err(ApiError::internal("poison")) }.boxed()).await;
                assert_eq!(failed.unwrap(), 3);
            }
        }
        let events = all.iter().map(|event| event.id).collect();
        Self { router, clock, db: db.clone(), events, groups, stated, unwritable }
    }

    async fn send(&self, method: &str, uri: &str, token: Option<&str>) -> (u16, Value) {
        let request = Request::builder().method(method).uri(uri);
        let request = match token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        };
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    async fn get(&self, query: &str) -> (u16, Value) {
        self.send("GET", &format!("{LIST}{query}"), Some("secret")).await
    }

    async fn retry(&self, group: &str, event: EventId) -> (u16, Value) {
        self.send("POST", &format!("{LIST}/{group}/{event}/retry"), Some("secret")).await
    }

    async fn discard(&self, group: &str, event: EventId) -> (u16, Value) {
        self.send("DELETE", &format!("{LIST}/{group}/{event}"), Some("secret")).await
    }

    /// The ids of the events that a group handles now.
    async fn handled(&self, group: &Group) -> Vec<EventId> {
        let seen: Arc<Mutex<Vec<EventId>>> = Arc::default();
        let noted = Arc::clone(&seen);
        let delivered = group.deliver(10, move |_, event| {
            noted.lock().unwrap().push(event.id);
            async { Ok(()) }.boxed()
        });
        delivered.await.unwrap();
        seen.lock().unwrap().clone()
    }
}

fn places(page: &Value) -> Vec<(i64, String)> {
    let place = |item: &Value| (item["position"].as_i64().unwrap(), item["group"].as_str().unwrap().to_owned());
    page["items"].as_array().unwrap().iter().map(place).collect()
}

async fn are_listed_page_by_page(test: &TestDb) {
    let node = Node::new(test).await;
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = node.get(&format!("?limit=4{cursor}")).await;
        assert_eq!(status, 200, "{page}");
        found.extend(places(&page));
        let Some(next) = page["next_cursor"].as_str() else { break };
        assert_eq!(places(&page).len(), 4);
        cursor = format!("&cursor={next}");
    }
    let wanted = (1..=3).flat_map(|position| ["readers", "writers"].map(|group| (position, group.to_owned())));
    assert_eq!(found, wanted.collect::<Vec<_>>());

    let (_, page) = node.get("?group=writers").await;
    assert_eq!(places(&page).len(), 3);
    let first = &page["items"][0];
    assert_eq!(
        (&first["event_id"], &first["topic"], &first["data"], &first["attempts"]),
        (&json!(node.events[0]), &json!("content.ingested"), &json!({ "place": 0 }), &json!(4))
    );
    assert!(first["reason"].as_str().unwrap().contains("poison"), "{first}");
    assert_eq!(first["failed_at"], json!(node.clock.now()));
    assert!(places(&node.get("?group=nobody").await.1).is_empty());

    let (_, page) = node.get("?limit=1").await;
    let elsewhere = format!("?group=writers&cursor={}", page["next_cursor"].as_str().unwrap());
    for (query, code) in [
        ("?limit=0", "bad_limit"),
        ("?limit=101", "bad_limit"),
        ("?cursor=bad", "bad_cursor"),
        (elsewhere.as_str(), "bad_cursor"),
        ("?group=", "bad_group"),
        ("?group=%00", "bad_group"),
        ("?order=up", "unknown_field"),
    ] {
        let (status, problem) = node.get(query).await;
        assert_eq!((status, &problem["code"]), (400, &json!(code)), "{query}");
    }
}

async fn are_handled_once_when_they_are_offered_again(test: &TestDb) {
    let node = Node::new(test).await;
    let [readers, writers] = &node.groups;
    assert_eq!(node.handled(readers).await, [], "a dead letter is offered to nobody");
    assert_eq!(node.retry("readers", node.events[1]).await.0, 204);
    let (status, problem) = node.retry("readers", node.events[1]).await;
    assert_eq!((status, &problem["code"]), (404, &json!("unknown_dead_letter")), "it is none any more");
    assert_eq!(places(&node.get("?group=readers").await.1).len(), 2);
    assert_eq!(places(&node.get("?group=writers").await.1).len(), 3, "another group's stay");
    assert_eq!(node.handled(readers).await, [node.events[1]]);
    assert_eq!(node.handled(readers).await, [], "once");
    assert_eq!(node.handled(writers).await, []);
    let stated = [("event.retried", "readers".to_owned(), node.events[1])];
    assert_eq!(*node.stated.lock().unwrap(), stated, "what was done, once");
    assert_eq!(node.retry("%00", node.events[0]).await.0, 400);
    assert_eq!(node.send("POST", &format!("{LIST}/readers/none/retry"), Some("secret")).await.0, 400);
}

async fn are_gone_when_they_are_discarded(test: &TestDb) {
    let node = Node::new(test).await;
    assert_eq!(node.discard("readers", node.events[1]).await.0, 204);
    let (status, problem) = node.discard("readers", node.events[1]).await;
    assert_eq!((status, &problem["code"]), (404, &json!("unknown_dead_letter")));
    assert_eq!(node.retry("readers", node.events[1]).await.0, 404);
    assert_eq!(places(&node.get("?group=readers").await.1).len(), 2);
    assert_eq!(places(&node.get("?group=writers").await.1).len(), 3, "another group's stay");
    assert_eq!(node.handled(&node.groups[0]).await, [], "it is never handled");
    assert_eq!(*node.stated.lock().unwrap(), [("event.discarded", "readers".to_owned(), node.events[1])]);
    assert_eq!(node.discard("%00", node.events[0]).await.0, 400);
}

/// What the log can't be told of is not done.
async fn are_left_alone_when_nobody_can_write_what_was_done(test: &TestDb) {
    let node = Node::new(test).await;
    node.unwritable.store(true, Ordering::SeqCst);
    assert_eq!(node.discard("readers", node.events[0]).await.0, 500);
    assert_eq!(node.retry("readers", node.events[0]).await.0, 500);
    assert_eq!(places(&node.get("").await.1).len(), 6);
    assert_eq!(node.handled(&node.groups[0]).await, []);
}

/// A group that failed on ten thousand waits at the next that fails, loses nothing, and goes on once there is room.
async fn are_so_many_at_most(test: &TestDb) {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let (handle, _guard) = (recorder.handle(), metrics::set_default_local_recorder(&recorder));
    let node = Node::new(test).await;
    let [readers, writers] = &node.groups;
    let mut tx = node.db.begin().await.unwrap();
    let (ids, rng) = (Ids::new(node.clock.clone(), Rng::seeded(5)), Rng::seeded(6));
    let row = |n: i64| args!["readers", EventId(ids.next()), n, 4_u32, node.clock.now(), "made up", json!({})];
    let rows = (4..=MAX_ASIDE).map(row).collect();
    let head = "INSERT INTO event_dead_letters (consumer, event_id, position, attempts, failed_at, reason, event)";
    tx.insert_many(head, "", rows).await.unwrap();
    let (id, key) = (EventId(ids.next()), ContentId(ids.next()));
    let last = Event::new(id, "/test", Topic::ContentIngested, key, node.clock.now(), Trace::start(&rng), json!({}));
    events::append(&mut tx, &[last]).await.unwrap();
    tx.commit().await.unwrap();
    let fail =
        async |group: &Group| group.deliver(10, |_, _| async { Err(ApiError::internal("poison")) }.boxed()).await;
    for _ in 0..2 {
        let waits = ApiError::from(fail(readers).await.unwrap_err());
        assert_eq!((waits.code.as_ref(), readers.lag().await.unwrap()), ("too_many_put_aside", 1));
    }
    assert_eq!(fail(writers).await.unwrap(), 1, "another group has room");
    assert_eq!(node.discard("readers", node.events[0]).await.0, 204);
    assert_eq!((fail(readers).await.unwrap(), readers.lag().await.unwrap()), (1, 0), "it is put aside now");
    let text = handle.render();
    for (fate, times) in [("full", 2), ("dead", 3)] {
        let line = format!("event_failures_total{{group=\"readers\",fate=\"{fate}\"}} {times}");
        assert!(text.contains(&line), "{line} is not in\n{text}");
    }
}

async fn are_the_operators(test: &TestDb) {
    let node = Node::new(test).await;
    let retry = format!("{LIST}/readers/{}/retry", node.events[0]);
    let discard = format!("{LIST}/readers/{}", node.events[0]);
    for (method, uri) in [("GET", LIST), ("POST", retry.as_str()), ("DELETE", discard.as_str())] {
        for (token, code) in [(None, "operator_required"), (Some("guess"), "bad_token")] {
            let (status, problem) = node.send(method, uri, token).await;
            assert_eq!((status, &problem["code"]), (401, &json!(code)), "{method}");
        }
    }
    assert_eq!(places(&node.get("").await.1).len(), 6, "strangers changed nothing");
    assert!(node.stated.lock().unwrap().is_empty());
}

/// One test an engine for each of the above.
macro_rules! on_both {
    ($($test:ident;)+) => {
        mod sqlite {$(
            #[tokio::test]
            async fn $test() {
                super::$test(&testkit::sqlite().await).await;
            }
        )+}

        mod postgres {$(
            #[tokio::test]
            async fn $test() {
                super::$test(&testkit::postgres().await).await;
            }
        )+}
    };
}

on_both! {
    are_listed_page_by_page;
    are_handled_once_when_they_are_offered_again;
    are_gone_when_they_are_discarded;
    are_left_alone_when_nobody_can_write_what_was_done;
    are_so_many_at_most;
    are_the_operators;
}
