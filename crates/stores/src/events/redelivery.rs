//! Events that failed: tried again after an hour, six and a day (O2), then left to a person.

use std::fmt;

use contracts::{ApiError, EventId};
use jiff::{SignedDuration, Timestamp};

use super::{Delivery, bound, dead_letters, from_json, inbox, to_json};
use crate::{
    args,
    db::{Db, Tx},
    error::DbError,
};

/// How long an event rests after its first, second and third failure. The fourth makes it a dead letter.
pub const DELAYS: [SignedDuration; 3] =
    [SignedDuration::from_hours(1), SignedDuration::from_hours(6), SignedDuration::from_hours(24)];
/// The most events that a group puts aside, dead letters among them. Then it waits at the first that fails: nothing is lost,
/// and nothing grows but the log.
pub const MAX_ASIDE: i64 = 10_000;
/// The most characters kept of why it failed.
const MAX_REASON: usize = 500;

/// What became of an event that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is tried again then.
    Again(Timestamp),
    /// It is a dead letter.
    Dead,
    /// Somebody else has handled it, or put it aside, in the meantime.
    Settled,
    /// It keeps its turn: its group has put [`MAX_ASIDE`] others aside.
    Full,
}

impl Fate {
    /// Its name as a label.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Again(_) => "again",
            Self::Dead => "dead",
            Self::Settled => "settled",
            Self::Full => "full",
        }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Again(at) => write!(f, "tried again at {at}"),
            Self::Dead => f.write_str("a dead letter"),
            Self::Settled => f.write_str("settled elsewhere"),
            Self::Full => write!(f, "waiting: {MAX_ASIDE} events are put aside already"),
        }
    }
}

/// What is due by `now`, longest due first.
pub(super) async fn due(db: &Db, group: &str, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, DbError> {
    let sql = "SELECT position, attempts, event FROM event_redeliveries
        WHERE consumer = $1 AND due_at <= $2 ORDER BY due_at, position LIMIT $3";
    let rows: Vec<(i64, u32, serde_json::Value)> = db.fetch_all(sql, args![group, now, bound(limit)]).await?;
    let read =
        |(position, attempts, event)| from_json(event).map(|event| Delivery { position, event, attempts, again: true });
    rows.into_iter().map(read).collect()
}

/// Drops an event that is handled.
pub(super) async fn forget(tx: &mut Tx, group: &str, event: EventId) -> Result<(), DbError> {
    let sql = "DELETE FROM event_redeliveries WHERE consumer = $1 AND event_id = $2";
    tx.execute(sql, args![group, event]).await.map(|_| ())
}

/// Puts an event that failed aside until it is due again, or for good.
pub(super) async fn put_aside(
    tx: &mut Tx,
    group: &str,
    delivery: &Delivery,
    reason: &ApiError,
    now: Timestamp,
) -> Result<Fate, DbError> {
    if inbox::holds(tx, group, delivery.event.id).await? {
        return Ok(Fate::Settled);
    }
    if !delivery.again && aside(tx, group).await? >= MAX_ASIDE {
        return Ok(Fate::Full);
    }
    let reason: String = reason.to_string().replace('\0', " ").chars().take(MAX_REASON).collect();
    let attempts = delivery.attempts + 1;
    let Some(delay) = DELAYS.get(delivery.attempts as usize) else {
        return bury(tx, group, delivery, &reason, now).await;
    };
    let due = now.checked_add(*delay).unwrap_or(Timestamp::MAX);
    let (id, position) = (delivery.event.id, delivery.position);
    // Two processes may have failed on the same event: only the first counts.
    let written = if delivery.again {
        let sql = "UPDATE event_redeliveries SET attempts = $1, due_at = $2, reason = $3
            WHERE consumer = $4 AND event_id = $5 AND attempts = $6";
        tx.execute(sql, args![attempts, due, reason, group, id, delivery.attempts]).await?
    } else {
        let sql = "INSERT INTO event_redeliveries (consumer, event_id, position, attempts, due_at, reason, event)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (consumer, event_id) DO NOTHING";
        tx.execute(sql, args![group, id, position, attempts, due, reason, to_json(&delivery.event)?]).await?
    };
    Ok(if written == 1 { Fate::Again(due) } else { Fate::Settled })
}

/// How many events a group has put aside.
async fn aside(tx: &mut Tx, group: &str) -> Result<i64, DbError> {
    let sql = "SELECT (SELECT COUNT(*) FROM event_redeliveries WHERE consumer = $1)
        + (SELECT COUNT(*) FROM event_dead_letters WHERE consumer = $1)";
    tx.fetch_one(sql, args![group]).await
}

async fn bury(tx: &mut Tx, group: &str, delivery: &Delivery, reason: &str, now: Timestamp) -> Result<Fate, DbError> {
    let sql = "DELETE FROM event_redeliveries WHERE consumer = $1 AND event_id = $2 AND attempts = $3";
    if tx.execute(sql, args![group, delivery.event.id, delivery.attempts]).await? == 0 {
        return Ok(Fate::Settled);
    }
    dead_letters::add(tx, group, delivery, reason, now).await?;
    Ok(Fate::Dead)
}
