//! The event log: tables of `Db`. Appending inside a use-case's own transaction *is* the outbox, and positions are
//! handed out in the order of the commits, so that whoever reads past a position never misses what came before it.

pub mod dead_letters;
mod groups;
mod head;
mod inbox;
mod redelivery;

pub use groups::{Delivery, Group, lag};
pub use head::Head;
pub use redelivery::{DELAYS, Fate, MAX_ASIDE};

use contracts::Event;
use jiff::Timestamp;

use crate::{
    args,
    db::{Db, Tx},
    error::DbError,
    row::{FromRow, Row},
    value::Value,
};

/// The columns of an event, in the order that [`Logged`] reads them by name.
const COLUMNS: &str = "position, id, topic, subject, source, stated_at, traceparent, data";
/// The most rows that one `DELETE` takes.
const TRIM_BATCH: i64 = 5_000;

/// Appends events in the caller's transaction. Append last: whoever appends next waits until this one commits.
///
/// # Errors
/// `Unique` when an event's id is there already; else as [`Tx::execute`].
pub async fn append(tx: &mut Tx, events: &[Event]) -> Result<(), DbError> {
    let count = i64::try_from(events.len()).map_err(|_| DbError::Value("too many events".to_owned()))?;
    if count == 0 {
        return Ok(());
    }
    // A sequence hands out numbers before it is known who commits first: a reader could see 8, move on, and miss 7.
    // This row is locked from here to the end of the transaction, so that the next number is taken only once this one
    // can be seen (or was given up, which leaves no gap). On SQLite the one writer has the same effect.
    let head = "UPDATE event_head SET position = position + $1 WHERE only_row = 1 RETURNING position";
    let last: i64 = tx.fetch_one(head, args![count]).await?;
    let rows = events.iter().zip(last - count + 1..).map(|(event, position)| row(event, position)).collect();
    tx.insert_many(
        "INSERT INTO events (position, id, topic, partition, subject, source, stated_at, traceparent, data)",
        "",
        rows,
    )
    .await?;
    tx.tell_of_events();
    Ok(())
}

fn row(event: &Event, position: i64) -> Vec<Value> {
    args![
        position,
        event.id,
        &event.kind,
        Event::partition(event.key),
        event.key,
        &event.source,
        event.time,
        &event.traceparent,
        event.data.clone(),
    ]
}

/// The next events after a position, of all topics, in order.
///
/// # Errors
/// As [`Db::fetch_all`].
pub async fn read(db: &Db, after: i64, limit: usize) -> Result<Vec<(i64, Event)>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM events WHERE position > $1 ORDER BY position LIMIT $2");
    let logged: Vec<Logged> = db.fetch_all(sql, args![after, bound(limit)]).await?;
    Ok(logged.into_iter().map(|logged| (logged.position, logged.event)).collect())
}

/// The next events of some topics after a position, in order, and how far the log holds no others of them: up to the
/// last of these where there are `limit`, else up to its head.
///
/// # Errors
/// As [`Db::fetch_all`].
pub async fn read_of(db: &Db, topics: &[&str], after: i64, limit: usize) -> Result<(Vec<(i64, Event)>, i64), DbError> {
    // The head first: what is appended meanwhile is for the next time.
    let head = head(db).await?;
    let marks: Vec<String> = (4..4 + topics.len()).map(|number| format!("${number}")).collect();
    let sql = format!(
        "SELECT {COLUMNS} FROM events WHERE position > $1 AND position <= $2 AND topic IN ({})
        ORDER BY position LIMIT $3",
        marks.join(", ")
    );
    let mut args = args![after, head, bound(limit)];
    args.extend(topics.iter().map(|topic| Value::from(*topic)));
    let logged: Vec<Logged> = db.fetch_all(sql, args).await?;
    let reached =
        if logged.len() < limit { head.max(after) } else { logged.last().map_or(after, |last| last.position) };
    Ok((logged.into_iter().map(|logged| (logged.position, logged.event)).collect(), reached))
}

/// The position of the newest event; 0 when there never was one.
///
/// # Errors
/// As [`Db::fetch_one`].
pub async fn head(db: &Db) -> Result<i64, DbError> {
    db.fetch_one("SELECT position FROM event_head", args![]).await
}

/// The position of the oldest event kept. Who stands before the one that precedes it has missed some, and starts anew.
///
/// # Errors
/// As [`Db::fetch_optional`].
pub async fn oldest(db: &Db) -> Result<Option<i64>, DbError> {
    db.fetch_optional("SELECT position FROM events ORDER BY position LIMIT 1", args![]).await
}

/// Forgets events stated before `old`, oldest first, up to the first that a group has not got to, and those stated
/// before `ancient` whoever waits for them: a process that is gone for good must not keep the log for ever, and one
/// that comes back starts anew. The newest event always stays, so that [`oldest`] can tell. Returns how many are gone.
///
/// # Errors
/// As [`Db::execute`].
pub async fn trim(db: &Db, old: Timestamp, ancient: Timestamp) -> Result<u64, DbError> {
    let first_kept = "SELECT e.position FROM events e
        WHERE e.stated_at >= $1 OR (e.stated_at >= $2 AND EXISTS (SELECT 1 FROM event_offsets o
            WHERE o.topic = e.topic AND o.partition = e.partition AND o.position < e.position))
        ORDER BY e.position LIMIT 1";
    let first_kept: Option<i64> = db.fetch_optional(first_kept, args![old, ancient]).await?;
    let end = match first_kept {
        Some(position) => position,
        None => head(db).await?,
    };
    let mut gone = 0;
    loop {
        let batch = "DELETE FROM events WHERE position IN
            (SELECT position FROM events WHERE position < $1 ORDER BY position LIMIT $2)";
        let deleted = db.execute(batch, args![end, TRIM_BATCH]).await?;
        gone += deleted;
        if deleted == 0 {
            break;
        }
    }
    // An event that is gone and that every group has got to can't be delivered from the log again.
    db.execute("DELETE FROM event_inbox WHERE position < $1", args![end]).await?;
    Ok(gone)
}

/// An event and where it stands in the log.
pub(crate) struct Logged {
    pub(crate) position: i64,
    pub(crate) event: Event,
}

impl FromRow for Logged {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let event = Event {
            specversion: "1.0".to_owned(),
            id: row.get("id")?,
            source: row.get("source")?,
            kind: row.get("topic")?,
            key: row.get("subject")?,
            time: row.get("stated_at")?,
            traceparent: row.get("traceparent")?,
            data: row.get("data")?,
        };
        Ok(Self { position: row.get("position")?, event })
    }
}

/// An event as the tables keep it that outlive the log.
fn to_json(event: &Event) -> Result<serde_json::Value, DbError> {
    serde_json::to_value(event).map_err(|error| DbError::Value(format!("an event can't be written: {error}")))
}

fn from_json(json: serde_json::Value) -> Result<Event, DbError> {
    serde_json::from_value(json).map_err(|error| DbError::Value(format!("a stored event can't be read: {error}")))
}

fn bound(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
