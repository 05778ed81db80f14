//! Events that failed too often: listed, and tried again or dropped when a person says so.

use contracts::{Event, EventId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Delivery, from_json, to_json};
use crate::{
    args,
    db::{Db, Tx},
    error::DbError,
    row::{FromRow, Row},
    value::Value,
};

/// An event that failed too often.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// The group it failed in.
    pub group: String,
    /// Where it stands, or stood, in the log.
    pub position: i64,
    /// The event.
    pub event: Event,
    /// How often it failed.
    pub attempts: u32,
    /// When it failed last.
    pub failed_at: Timestamp,
    /// Why it failed last.
    pub reason: String,
}

/// Where a dead letter stands in the list of all: several groups may have failed on one event. By default before the first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The event's position in the log.
    pub position: i64,
    /// The group.
    pub group: String,
}

impl FromRow for DeadLetter {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            group: row.get("consumer")?,
            position: row.get("position")?,
            event: from_json(row.get("event")?)?,
            attempts: row.get("attempts")?,
            failed_at: row.get("failed_at")?,
            reason: row.get("reason")?,
        })
    }
}

pub(super) async fn add(
    tx: &mut Tx,
    group: &str,
    delivery: &Delivery,
    reason: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    let sql = "INSERT INTO event_dead_letters (consumer, event_id, position, attempts, failed_at, reason, event)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (consumer, event_id) DO UPDATE SET
            attempts = excluded.attempts, failed_at = excluded.failed_at, reason = excluded.reason";
    let (id, position, attempts) = (delivery.event.id, delivery.position, delivery.attempts + 1);
    tx.execute(sql, args![group, id, position, attempts, now, reason, to_json(&delivery.event)?]).await?;
    Ok(())
}

/// The dead letters after a place, in the order of the log: of one group, or of all.
///
/// # Errors
/// As [`Db::fetch_all`].
pub async fn list(db: &Db, group: Option<&str>, after: &Place, limit: u32) -> Result<Vec<DeadLetter>, DbError> {
    let of = if group.is_some() { "AND consumer = $4" } else { "" };
    let sql = format!(
        "SELECT consumer, position, event, attempts, failed_at, reason FROM event_dead_letters
        WHERE (position > $1 OR (position = $1 AND consumer > $2)) {of} ORDER BY position, consumer LIMIT $3"
    );
    let mut args = args![after.position, &after.group, limit];
    args.extend(group.map(Value::from));
    db.fetch_all(sql, args).await
}

/// Offers a dead letter to its group again, as if it had never failed, in the caller's transaction. `false`: there is none.
///
/// # Errors
/// As [`Tx::execute`].
pub async fn requeue(tx: &mut Tx, group: &str, event: EventId, now: Timestamp) -> Result<bool, DbError> {
    let moved = "INSERT INTO event_redeliveries (consumer, event_id, position, attempts, due_at, reason, event)
        SELECT consumer, event_id, position, 0, $3, reason, event FROM event_dead_letters
        WHERE consumer = $1 AND event_id = $2
        ON CONFLICT (consumer, event_id) DO NOTHING";
    tx.execute(moved, args![group, event, now]).await?;
    discard(tx, group, event).await
}

/// Drops a dead letter for good, in the caller's transaction: its group never handles the event. `false`: there is none.
///
/// # Errors
/// As [`Tx::execute`].
pub async fn discard(tx: &mut Tx, group: &str, event: EventId) -> Result<bool, DbError> {
    let sql = "DELETE FROM event_dead_letters WHERE consumer = $1 AND event_id = $2";
    Ok(tx.execute(sql, args![group, event]).await? == 1)
}
