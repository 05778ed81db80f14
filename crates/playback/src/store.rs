//! The context's SQL. Whoever takes entries of a person away, or counts them, holds their history meanwhile.

use contracts::{ContentId, UserId};
use jiff::civil::Date;
use stores::{Db, DbError, Tx, args};
use uuid::Uuid;

/// The table of what people watched.
pub(crate) const HISTORY: &str = "playback_history";
/// The most entries that somebody may have: about two for each hour that they are kept.
pub(crate) const MAX_ENTRIES: u32 = 5_000;

/// An entry as it is kept: its id, and what is sealed.
pub(crate) type Sealed = (Uuid, Vec<u8>);

/// Nobody else changes the history of a person until the transaction ends.
pub(crate) async fn hold(tx: &mut Tx, person: UserId) -> Result<(), DbError> {
    tx.lock(&format!("playback history {person}")).await
}

/// How many entries a person has.
pub(crate) async fn count(tx: &mut Tx, person: UserId) -> Result<i64, DbError> {
    tx.fetch_one("SELECT COUNT(*) FROM playback_history WHERE user_id = $1", args![person.0]).await
}

pub(crate) async fn insert(tx: &mut Tx, person: UserId, (id, sealed): Sealed, day: Date) -> Result<(), DbError> {
    let sql = "INSERT INTO playback_history (id, user_id, kept_on, sealed) VALUES ($1, $2, $3, $4)";
    tx.execute(sql, args![id, person.0, day, sealed]).await.map(|_| ())
}

/// All that is kept of a person.
pub(crate) async fn of(db: &Db, person: UserId) -> Result<Vec<Sealed>, DbError> {
    let sql = "SELECT id, sealed FROM playback_history WHERE user_id = $1 LIMIT $2";
    db.fetch_all(sql, args![person.0, MAX_ENTRIES]).await
}

/// Takes one entry of a person away; says whether there was one.
pub(crate) async fn remove(tx: &mut Tx, person: UserId, id: Uuid) -> Result<bool, DbError> {
    let sql = "DELETE FROM playback_history WHERE id = $1 AND user_id = $2";
    Ok(tx.execute(sql, args![id, person.0]).await? == 1)
}

/// Takes everything about a person away; says how many entries that were.
pub(crate) async fn forget(tx: &mut Tx, person: UserId) -> Result<u64, DbError> {
    hold(tx, person).await?;
    tx.execute("DELETE FROM playback_history WHERE user_id = $1", args![person.0]).await
}

/// People with entries that were kept on this day or before, at most `limit`.
pub(crate) async fn people_of(db: &Db, day: Date, limit: u32) -> Result<Vec<UserId>, DbError> {
    let sql = "SELECT DISTINCT user_id FROM playback_history WHERE kept_on <= $1 LIMIT $2";
    Ok(db.fetch_all::<Uuid>(sql, args![day, limit]).await?.into_iter().map(UserId).collect())
}

/// What a person has that was kept on this day or before.
pub(crate) async fn old(db: &Db, person: UserId, day: Date) -> Result<Vec<Sealed>, DbError> {
    let sql = "SELECT id, sealed FROM playback_history WHERE user_id = $1 AND kept_on <= $2 LIMIT $3";
    db.fetch_all(sql, args![person.0, day, MAX_ENTRIES]).await
}

/// Counts a title that somebody watched in a month.
pub(crate) async fn counted(tx: &mut Tx, title: ContentId, month: Date) -> Result<(), DbError> {
    let sql = "INSERT INTO playback_counts (content_id, month, watched) VALUES ($1, $2, 1)
        ON CONFLICT (content_id, month) DO UPDATE SET watched = playback_counts.watched + 1";
    tx.execute(sql, args![title, month]).await.map(|_| ())
}
