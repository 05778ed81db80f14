//! The SQL of webhooks: which messages came, so that each is taken in once.

use jiff::Timestamp;
use serde_json::Value;
use stores::{Db, DbError, args};

use super::{REMEMBERED, abandoned};

/// Notes a message that came; false when it came before and is done, or being taken in.
pub(super) async fn claim(db: &Db, source: &str, id: &str, now: Timestamp) -> Result<bool, DbError> {
    let sql = "INSERT INTO webhook_messages (source, message_id, received_at) VALUES ($1, $2, $3)
        ON CONFLICT (source, message_id) DO UPDATE SET received_at = excluded.received_at
        WHERE webhook_messages.answer IS NULL AND webhook_messages.received_at < $4";
    Ok(db.execute(sql, args![source, id, now, abandoned(now)]).await? == 1)
}

/// What was answered to a message; `None` while it is being taken in.
pub(super) async fn answer(db: &Db, source: &str, id: &str) -> Result<Option<Value>, DbError> {
    let sql = "SELECT answer FROM webhook_messages WHERE source = $1 AND message_id = $2 AND answer IS NOT NULL";
    db.fetch_optional(sql, args![source, id]).await
}

pub(super) async fn done(db: &Db, source: &str, id: &str, answer: &Value) -> Result<(), DbError> {
    let sql = "UPDATE webhook_messages SET answer = $3 WHERE source = $1 AND message_id = $2";
    db.execute(sql, args![source, id, answer.clone()]).await.map(|_| ())
}

pub(super) async fn release(db: &Db, source: &str, id: &str) -> Result<(), DbError> {
    let sql = "DELETE FROM webhook_messages WHERE source = $1 AND message_id = $2 AND answer IS NULL";
    db.execute(sql, args![source, id]).await.map(|_| ())
}

/// Forgets messages that could not come again.
pub(super) async fn forget(db: &Db, now: Timestamp) -> Result<(), DbError> {
    let before = now.checked_sub(REMEMBERED).unwrap_or(Timestamp::MIN);
    db.execute("DELETE FROM webhook_messages WHERE received_at < $1", args![before]).await.map(|_| ())
}
