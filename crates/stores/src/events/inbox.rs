//! Which events had their effect: a row in the handler's own transaction, so that none has it twice.

use contracts::EventId;

use super::Delivery;
use crate::{args, db::Tx, error::DbError};

/// Enters an event. `false`: it is there already. Whoever enters the same event at the same time waits here.
pub(super) async fn enter(tx: &mut Tx, group: &str, delivery: &Delivery) -> Result<bool, DbError> {
    let sql = "INSERT INTO event_inbox (consumer, event_id, position) VALUES ($1, $2, $3)
        ON CONFLICT (consumer, event_id) DO NOTHING";
    Ok(tx.execute(sql, args![group, delivery.event.id, delivery.position]).await? == 1)
}

/// Whether an event had its effect.
pub(super) async fn holds(tx: &mut Tx, group: &str, event: EventId) -> Result<bool, DbError> {
    let sql = "SELECT position FROM event_inbox WHERE consumer = $1 AND event_id = $2";
    Ok(tx.fetch_optional::<i64>(sql, args![group, event]).await?.is_some())
}
