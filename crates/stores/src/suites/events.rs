//! What the event log promises, whatever the engine. Each function takes a migrated database with an empty log.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use contracts::{ApiError, Clock, ContentId, Event, EventId, Ids, Rng, Topic, Trace};
use futures::{FutureExt as _, future::BoxFuture};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use uuid::Uuid;

use crate::{
    args,
    db::{Db, Tx},
    error::DbError,
    events::{
        self, DELAYS, Delivery, Fate, Group, Head,
        dead_letters::{self, Place},
    },
};

const GROUP: &str = "readers";

/// Makes events, and tells the time.
struct Source {
    clock: Clock,
    ids: Ids,
}

impl Source {
    fn new() -> Self {
        let clock = Clock::fixed(Timestamp::from_second(1_767_225_600).unwrap_or_default());
        Self { ids: Ids::new(clock.clone(), Rng::seeded(7)), clock }
    }

    fn event(&self, topic: Topic, key: u128) -> Event {
        let trace = Trace { trace_id: 1, span_id: 2 };
        let (id, key) = (EventId(self.ids.next()), ContentId(Uuid::from_u128(key)));
        Event::new(id, "/suite", topic, key, self.clock.now(), trace, json!({"key": key.to_string(), "n": 1.5}))
    }

    async fn append(&self, db: &Db, keys: impl IntoIterator<Item = u128>) -> Result<Vec<Event>, DbError> {
        let events: Vec<_> = keys.into_iter().map(|key| self.event(Topic::ContentIngested, key)).collect();
        let mut tx = db.begin().await?;
        events::append(&mut tx, &events).await?;
        tx.commit().await?;
        Ok(events)
    }
}

/// A table in which a handler leaves a row each time it has its effect.
async fn effects(db: &Db) -> Result<(), DbError> {
    let id = if matches!(db, Db::Sqlite(_)) { "BLOB" } else { "UUID" };
    db.execute(format!("CREATE TABLE effects (id {id} NOT NULL)"), args![]).await.map(|_| ())
}

fn effect<'a>(tx: &'a mut Tx, event: &'a Event) -> BoxFuture<'a, Result<(), ApiError>> {
    async move {
        tx.execute("INSERT INTO effects (id) VALUES ($1)", args![event.id]).await?;
        Ok(())
    }
    .boxed()
}

async fn count(db: &Db) -> Result<i64, DbError> {
    db.fetch_one("SELECT COUNT(*) FROM effects", args![]).await
}

/// What was appended is read as it was, in order, from any position; what was rolled back never was.
///
/// # Errors
/// When the database fails.
pub async fn events_come_back_in_order(db: &Db) -> Result<(), DbError> {
    let source = Source::new();
    assert_eq!((events::head(db).await?, events::oldest(db).await?), (0, None));
    let appended = source.append(db, 1..=5).await?;
    let mut tx = db.begin().await?;
    events::append(&mut tx, &[source.event(Topic::ContentUpdated, 9)]).await?;
    drop(tx);
    let updated = source.event(Topic::AvailabilityChanged, 6);
    let mut tx = db.begin().await?;
    events::append(&mut tx, &[]).await?;
    events::append(&mut tx, std::slice::from_ref(&updated)).await?;
    tx.commit().await?;
    let all = events::read(db, 0, 100).await?;
    let expected: Vec<_> = (1..).zip(appended.into_iter().chain([updated])).collect();
    assert_eq!(all, expected);
    assert_eq!(events::read(db, 2, 3).await?, expected[2..5]);
    assert_eq!((events::head(db).await?, events::oldest(db).await?), (6, Some(1)));
    let updates = [Topic::AvailabilityChanged.as_str(), "of.others"];
    assert_eq!(events::read_of(db, &updates, 0, 2).await?, (expected[5..].to_vec(), 6));
    let ingested = [Topic::ContentIngested.as_str()];
    assert_eq!(events::read_of(db, &ingested, 1, 2).await?, (expected[1..3].to_vec(), 3));
    assert_eq!(events::read_of(db, &ingested, 5, 2).await?, (vec![], 6), "past what is of other topics");
    let mut tx = db.begin().await?;
    let twice = events::append(&mut tx, &[expected[0].1.clone()]).await;
    assert!(matches!(twice, Err(DbError::Unique(_))), "an event is appended once: {twice:?}");
    Ok(())
}

/// Whoever watches the head is woken by what this process appends, and by nothing that was rolled back.
///
/// # Errors
/// When the database fails.
pub async fn the_head_is_watched(db: &Db) -> Result<(), DbError> {
    let source = Source::new();
    let mut heads = [Head::watch(db.clone()), Head::watch(db.clone())];
    for round in 1..=20_u128 {
        let mut tx = db.begin().await?;
        events::append(&mut tx, &[source.event(Topic::ContentUpdated, round)]).await?;
        drop(tx);
        source.append(db, round..=round).await?;
        for head in &mut heads {
            let woken = tokio::time::timeout(Duration::from_secs(60), head.changed()).await;
            assert!(woken.is_ok(), "nobody was told of event {round}");
        }
    }
    // Who watches from now on is woken by their first look, and then by nothing that is there already.
    let mut heads = [Head::watch(db.clone()), Head::watch(db.clone())];
    for head in &mut heads {
        head.changed().await;
    }
    let mut tx = db.begin().await?;
    events::append(&mut tx, &[source.event(Topic::ContentUpdated, 99)]).await?;
    drop(tx);
    for head in &mut heads {
        let woken = tokio::time::timeout(Duration::from_millis(300), head.changed()).await;
        assert!(woken.is_err(), "nothing happened");
    }
    Ok(())
}

/// With eight appenders at once, some of which give up, a reader that follows the head sees every position, in order,
/// with no gap and never one that appears behind it.
///
/// # Errors
/// When the database fails.
pub async fn positions_appear_in_order(db: &Db) -> Result<(), DbError> {
    const APPENDERS: u128 = 8;
    const ROUNDS: u128 = 12;
    let source = Arc::new(Source::new());
    let mut appenders = tokio::task::JoinSet::new();
    for appender in 0..APPENDERS {
        let (db, source) = (db.clone(), Arc::clone(&source));
        appenders.spawn(async move {
            for round in 0..ROUNDS {
                let events: Vec<_> = (0..3).map(|_| source.event(Topic::ContentUpdated, appender)).collect();
                let mut tx = db.begin().await?;
                events::append(&mut tx, &events).await?;
                tokio::task::yield_now().await;
                if (appender + round) % 4 == 0 { drop(tx) } else { tx.commit().await? }
            }
            Ok::<_, DbError>(())
        });
    }
    let done = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn(follow(db.clone(), Arc::clone(&done)));
    while let Some(joined) = appenders.join_next().await {
        joined.unwrap_or_else(|error| panic!("{error}"))?;
    }
    done.store(true, Ordering::SeqCst);
    let seen = reader.await.unwrap_or_else(|error| panic!("{error}"))?;
    let committed = i64::try_from(APPENDERS * ROUNDS * 3 / 4 * 3).unwrap_or(0);
    assert_eq!(seen, (1..=committed).collect::<Vec<_>>());
    assert_eq!(events::head(db).await?, committed);
    Ok(())
}

/// Every position in the order in which a reader meets it.
async fn follow(db: Db, done: Arc<AtomicBool>) -> Result<Vec<i64>, DbError> {
    let mut seen = vec![];
    loop {
        let last = done.load(Ordering::SeqCst);
        let batch = events::read(&db, seen.last().copied().unwrap_or(0), 7).await?;
        if batch.is_empty() && last {
            return Ok(seen);
        }
        seen.extend(batch.into_iter().map(|(position, _)| position));
        tokio::task::yield_now().await;
    }
}

/// A group gets every event of its topics once, in the order of each partition, and a second group its own.
///
/// # Errors
/// When the database fails.
pub async fn groups_follow_their_topics(db: &Db) -> Result<(), DbError> {
    effects(db).await?;
    let source = Source::new();
    let group = Group::join(db, GROUP, &[Topic::ContentIngested], &source.clock).await?;
    assert!(group.poll(10).await?.is_empty());
    let appended = source.append(db, (0..30).map(|n| n % 13)).await?;
    let mut tx = db.begin().await?;
    events::append(&mut tx, &[source.event(Topic::ContentUpdated, 1)]).await?;
    tx.commit().await?;
    assert_eq!(group.lag().await?, 30);
    let offered: Vec<_> = group.poll(100).await?.into_iter().map(|delivery| delivery.event).collect();
    assert_eq!(offered, appended, "polling takes nothing away, and offers only its topics");
    assert_eq!(group.deliver(7, effect).await?, 7);
    assert_eq!((group.lag().await?, count(db).await?), (23, 7));
    // Joining again, as a second process does, goes on where the group stands.
    let again = Group::join(db, GROUP, &[Topic::ContentIngested], &source.clock).await?;
    while again.deliver(7, effect).await? > 0 {}
    assert_eq!((events::lag(db, GROUP).await?, count(db).await?), (0, 30));
    assert!(group.poll(10).await?.is_empty());
    let other = Group::join(db, "others", &[Topic::ContentUpdated], &source.clock).await?;
    assert_eq!(other.poll(10).await?.len(), 1);
    other.skip_to(events::head(db).await?).await?;
    assert_eq!(other.lag().await?, 0);
    Ok(())
}

/// An event that is delivered twice, also at the same time, has its effect once; one whose handler's transaction is
/// dropped has none and is offered again.
///
/// # Errors
/// When the database fails.
pub async fn an_event_has_its_effect_once(db: &Db) -> Result<(), DbError> {
    effects(db).await?;
    let source = Source::new();
    let group = Group::join(db, GROUP, &[Topic::ContentIngested], &source.clock).await?;
    source.append(db, [1, 1, 1, 1]).await?;
    let offered = group.poll(10).await?;
    let mut tx = db.begin().await?;
    assert!(group.accept(&mut tx, &offered[0]).await?);
    drop(tx);
    assert_eq!(group.poll(10).await?, offered, "nothing was committed");
    let mut handlers = tokio::task::JoinSet::new();
    for delivery in offered.iter().chain(&offered).chain(&offered) {
        let (group, delivery, db) = (group.clone(), delivery.clone(), db.clone());
        handlers.spawn(async move { handle(&group, &db, &delivery).await });
    }
    let mut accepted = 0;
    while let Some(joined) = handlers.join_next().await {
        accepted += usize::from(joined.unwrap_or_else(|error| panic!("{error}"))?);
    }
    assert_eq!((accepted, count(db).await?), (4, 4));
    assert!(group.poll(10).await?.is_empty());
    Ok(())
}

async fn handle(group: &Group, db: &Db, delivery: &Delivery) -> Result<bool, DbError> {
    let mut tx = db.begin().await?;
    let first = group.accept(&mut tx, delivery).await?;
    if first {
        tx.execute("INSERT INTO effects (id) VALUES ($1)", args![delivery.event.id]).await?;
    }
    tx.commit().await?;
    Ok(first)
}

/// An event that always fails never holds up those after it, is tried again after each delay, and ends as a dead
/// letter, from where it can be requeued.
///
/// # Errors
/// When the database fails.
pub async fn a_poison_event_is_put_aside(db: &Db) -> Result<(), DbError> {
    effects(db).await?;
    let source = Source::new();
    let group = Group::join(db, GROUP, &[Topic::ContentIngested], &source.clock).await?;
    let poison = source.append(db, [5, 5, 5]).await?[0].id;
    let poisoned = poisoned(poison);
    assert_eq!(group.deliver(10, poisoned).await?, 3);
    assert_eq!(count(db).await?, 2, "what comes after it flows, and the failed handler's writes are gone");
    for (failures, delay) in (1..).zip(DELAYS) {
        assert_eq!(group.poll(10).await?, [], "it rests");
        source.clock.advance(delay);
        let offered = group.poll(10).await?;
        assert_eq!((offered.len(), offered[0].event.id, offered[0].attempts), (1, poison, failures));
        source.append(db, [5]).await?;
        assert_eq!(group.deliver(10, poisoned).await?, 2);
        assert_eq!(count(db).await?, 2 + i64::from(failures), "later events flow");
        // A second process that failed on the same delivery must not count it twice.
        assert_eq!(group.fail(&offered[0], &ApiError::internal("late")).await?, Fate::Settled);
    }
    source.clock.advance(SignedDuration::from_hours(1_000));
    assert!(group.poll(10).await?.is_empty());
    let dead = dead_letters::list(db, Some(GROUP), &Place::default(), 10).await?;
    assert_eq!((dead.len(), dead[0].event.id, dead[0].attempts, dead[0].position), (1, poison, 4, 1));
    assert!(dead[0].reason.contains("poison"), "{}", dead[0].reason);
    let requeue = async || {
        let mut tx = db.begin().await?;
        let done = dead_letters::requeue(&mut tx, GROUP, poison, source.clock.now()).await?;
        tx.commit().await?;
        Ok::<_, DbError>(done)
    };
    assert_eq!((requeue().await?, requeue().await?), (true, false));
    assert_eq!(group.deliver(10, poisoned).await?, 1);
    assert!(group.poll(10).await?.is_empty(), "a requeued event that fails rests again");
    source.clock.advance(DELAYS[0]);
    assert_eq!(group.deliver(10, effect).await?, 1);
    assert_eq!(count(db).await?, 6, "handled at last");
    assert!(dead_letters::list(db, None, &Place::default(), 10).await?.is_empty());
    Ok(())
}

/// When the database is away, the event is not to blame: it keeps its turn.
///
/// # Errors
/// When the database fails.
pub async fn an_outage_is_not_the_events_fault(db: &Db) -> Result<(), DbError> {
    effects(db).await?;
    let source = Source::new();
    let group = Group::join(db, GROUP, &[Topic::ContentIngested], &source.clock).await?;
    source.append(db, [1, 2]).await?;
    let offered = group.poll(10).await?;
    let outage = group.deliver(10, |_, _| async { Err(ApiError::from(DbError::Locked)) }.boxed()).await;
    assert!(matches!(outage, Err(DbError::Refused(_))), "{outage:?}");
    assert_eq!(group.poll(10).await?, offered);
    assert_eq!(group.deliver(10, effect).await?, 2);
    assert_eq!(count(db).await?, 2);
    Ok(())
}

/// A handler that writes like [`effect`], and then fails if the event is the poison one.
fn poisoned(poison: EventId) -> impl for<'a> Fn(&'a mut Tx, &'a Event) -> BoxFuture<'a, Result<(), ApiError>> + Copy {
    move |tx, event| {
        async move {
            effect(tx, event).await?;
            if event.id == poison { Err(ApiError::internal("poison")) } else { Ok(()) }
        }
        .boxed()
    }
}

/// The log forgets what is old, but nothing that a group has not got to until it is ancient, and never the newest.
///
/// # Errors
/// When the database fails.
pub async fn trimming_waits_for_the_slowest(db: &Db) -> Result<(), DbError> {
    effects(db).await?;
    let source = Source::new();
    let fast = Group::join(db, "fast", &[Topic::ContentIngested], &source.clock).await?;
    let slow = Group::join(db, "slow", &[Topic::ContentIngested], &source.clock).await?;
    source.append(db, 0..10).await?;
    source.clock.advance(SignedDuration::from_hours(1));
    let noon = source.clock.now();
    source.append(db, 0..10).await?;
    while fast.deliver(50, effect).await? > 0 {}
    let never = noon - SignedDuration::from_hours(1_000);
    assert_eq!(events::trim(db, noon, never).await?, 0, "slow has got to nothing");
    slow.deliver(4, effect).await?;
    assert_eq!(events::trim(db, noon, never).await?, 4);
    assert_eq!(events::oldest(db).await?, Some(5));
    while slow.deliver(50, effect).await? > 0 {}
    assert_eq!(events::trim(db, noon, never).await?, 6, "what is young stays");
    assert_eq!(events::oldest(db).await?, Some(11));
    assert_eq!(events::trim(db, noon + SignedDuration::from_hours(9), never).await?, 9);
    assert_eq!((events::oldest(db).await?, events::head(db).await?), (Some(20), 20));
    assert_eq!(count(db).await?, 40);
    assert_eq!(source.append(db, [3]).await?.len(), 1);
    assert_eq!(events::head(db).await?, 21, "positions go on");
    assert_eq!(slow.poll(10).await?.len(), 1);
    // Groups that nobody will ever poll again.
    Group::join(db, "gone", &[Topic::ContentIngested], &source.clock).await?;
    source.clock.advance(SignedDuration::from_hours(24));
    let later = source.clock.now();
    source.append(db, [4]).await?;
    assert_eq!(events::trim(db, later, noon).await?, 0, "they are waited for");
    assert_eq!(events::trim(db, later, later).await?, 2, "but not for ever");
    assert_eq!(events::oldest(db).await?, Some(22));
    Ok(())
}
