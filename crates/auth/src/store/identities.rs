//! Accounts elsewhere, and people who are at a provider at the moment.

use contracts::UserId;
use jiff::Timestamp;
use stores::{Db, DbError, FromRow, Row, Tx, args};
use uuid::Uuid;

/// Somebody who is at a provider.
pub(crate) struct Away {
    pub next: String,
    /// Who wants to link; absent for whoever signs in.
    pub user: Option<UserId>,
}

impl FromRow for Away {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self { next: row.get("next")?, user: row.get::<Option<Uuid>>("user_id")?.map(UserId) })
    }
}

/// How many people are at a provider.
pub(crate) async fn absent(db: &Db) -> Result<i64, DbError> {
    db.fetch_one("SELECT COUNT(*) FROM auth_provider_states", args![]).await
}

pub(crate) async fn leave(
    db: &Db,
    state_hash: &[u8],
    provider: &str,
    away: &Away,
    ends: Timestamp,
) -> Result<(), DbError> {
    let sql = "INSERT INTO auth_provider_states (state_hash, provider, next, user_id, expires_at)
        VALUES ($1, $2, $3, $4, $5)";
    let user = away.user.map(|user| user.0);
    db.execute(sql, args![state_hash, provider, &away.next, user, ends]).await.map(|_| ())
}

/// Takes somebody back, once and in time.
pub(crate) async fn come_back(
    tx: &mut Tx,
    state_hash: &[u8],
    provider: &str,
    now: Timestamp,
) -> Result<Option<Away>, DbError> {
    let sql = "DELETE FROM auth_provider_states WHERE state_hash = $1 AND provider = $2 AND expires_at > $3
        RETURNING next, user_id";
    tx.fetch_optional(sql, args![state_hash, provider, now]).await
}

/// Whose account an account elsewhere opens.
pub(crate) async fn owner(db: &Db, provider: &str, tag: &str) -> Result<Option<UserId>, DbError> {
    let sql = "SELECT user_id FROM auth_identities WHERE provider = $1 AND subject_tag = $2";
    let id: Option<Uuid> = db.fetch_optional(sql, args![provider, tag]).await?;
    Ok(id.map(UserId))
}

/// The providers of a person.
pub(crate) async fn of(db: &Db, user: UserId) -> Result<Vec<String>, DbError> {
    db.fetch_all("SELECT provider FROM auth_identities WHERE user_id = $1", args![user.0]).await
}

pub(crate) async fn insert(
    tx: &mut Tx,
    provider: &str,
    tag: &str,
    user: UserId,
    now: Timestamp,
) -> Result<(), DbError> {
    let sql = "INSERT INTO auth_identities (provider, subject_tag, user_id, created_at) VALUES ($1, $2, $3, $4)";
    tx.execute(sql, args![provider, tag, user.0, now]).await.map(|_| ())
}

/// Takes a provider from a person; says whether they had it.
pub(crate) async fn end(tx: &mut Tx, user: UserId, provider: &str) -> Result<bool, DbError> {
    let sql = "DELETE FROM auth_identities WHERE user_id = $1 AND provider = $2";
    Ok(tx.execute(sql, args![user.0, provider]).await? == 1)
}

pub(crate) async fn end_all(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    tx.execute("DELETE FROM auth_identities WHERE user_id = $1", args![user.0]).await.map(|_| ())
}

/// How many providers a person has.
pub(crate) async fn count(tx: &mut Tx, user: UserId) -> Result<i64, DbError> {
    tx.fetch_one("SELECT COUNT(*) FROM auth_identities WHERE user_id = $1", args![user.0]).await
}
