//! Passkeys.

use contracts::UserId;
use jiff::Timestamp;
use stores::{Db, DbError, FromRow, Row, Tx, args};
use uuid::Uuid;

/// A passkey as it is kept.
pub(crate) struct Passkey {
    pub id: Uuid,
    pub credential_id: Vec<u8>,
    pub user: UserId,
    pub public_key: Vec<u8>,
    pub sign_count: u32,
    pub backed_up: bool,
    /// What its person calls it, once [`crate::Auth::passkeys_of`] has opened it.
    pub name: String,
    pub name_sealed: Option<Vec<u8>>,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    /// Since when it signs nobody in: two may have its key.
    pub suspended_at: Option<Timestamp>,
}

impl FromRow for Passkey {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            id: row.get("id")?,
            credential_id: row.get("credential_id")?,
            user: row.get("user_id").map(UserId)?,
            public_key: row.get("public_key")?,
            sign_count: row.get("sign_count")?,
            backed_up: row.get("backed_up")?,
            name: row.get("name")?,
            name_sealed: row.get("name_sealed")?,
            created_at: row.get("created_at")?,
            last_used_at: row.get("last_used_at")?,
            suspended_at: row.get("suspended_at")?,
        })
    }
}

const PASSKEY: &str = "id, credential_id, user_id, public_key, sign_count, backed_up, name, name_sealed, created_at,
    last_used_at, suspended_at";

/// The passkeys of a person, the oldest first; there are few.
pub(crate) async fn of(db: &Db, user: UserId) -> Result<Vec<Passkey>, DbError> {
    let sql = format!("SELECT {PASSKEY} FROM auth_passkeys WHERE user_id = $1 ORDER BY created_at, id");
    db.fetch_all(sql, args![user.0]).await
}

pub(crate) async fn get(db: &Db, credential_id: &[u8]) -> Result<Option<Passkey>, DbError> {
    db.fetch_optional(format!("SELECT {PASSKEY} FROM auth_passkeys WHERE credential_id = $1"), args![credential_id])
        .await
}

/// How many a person has.
pub(crate) async fn count(tx: &mut Tx, user: UserId) -> Result<i64, DbError> {
    tx.fetch_one("SELECT COUNT(*) FROM auth_passkeys WHERE user_id = $1", args![user.0]).await
}

/// How many of them sign them in.
pub(crate) async fn usable(tx: &mut Tx, user: UserId) -> Result<i64, DbError> {
    let sql = "SELECT COUNT(*) FROM auth_passkeys WHERE user_id = $1 AND suspended_at IS NULL";
    tx.fetch_one(sql, args![user.0]).await
}

/// Whether a passkey is there and signs its person in.
pub(crate) async fn is_usable(tx: &mut Tx, id: Uuid) -> Result<bool, DbError> {
    let sql = "SELECT COUNT(*) FROM auth_passkeys WHERE id = $1 AND suspended_at IS NULL";
    Ok(tx.fetch_one::<i64>(sql, args![id]).await? == 1)
}

pub(crate) async fn insert(tx: &mut Tx, new: &Passkey) -> Result<(), DbError> {
    let sql =
        "INSERT INTO auth_passkeys (id, credential_id, user_id, public_key, sign_count, backed_up, name, name_sealed,
            created_at) VALUES ($1, $2, $3, $4, $5, $6, '', $7, $8)";
    let args = args![
        new.id,
        new.credential_id.as_slice(),
        new.user.0,
        new.public_key.as_slice(),
        new.sign_count,
        new.backed_up,
        new.name_sealed.clone(),
        new.created_at
    ];
    tx.execute(sql, args).await.map(|_| ())
}

/// Notes a use; says whether the count has grown, or is one that never does. A suspended one is not used.
pub(crate) async fn used(tx: &mut Tx, id: Uuid, count: u32, backed_up: bool, now: Timestamp) -> Result<bool, DbError> {
    let sql = "UPDATE auth_passkeys SET sign_count = $2, backed_up = $3, last_used_at = $4
        WHERE id = $1 AND suspended_at IS NULL AND (sign_count < $2 OR (sign_count = 0 AND $2 = 0))";
    Ok(tx.execute(sql, args![id, count, backed_up, now]).await? == 1)
}

/// Lets a passkey sign nobody in any more; says whether it was not so yet.
pub(crate) async fn suspend(tx: &mut Tx, id: Uuid, now: Timestamp) -> Result<bool, DbError> {
    let sql = "UPDATE auth_passkeys SET suspended_at = $2 WHERE id = $1 AND suspended_at IS NULL";
    Ok(tx.execute(sql, args![id, now]).await? == 1)
}

/// Takes a passkey from a person; says whether they had it.
pub(crate) async fn end(tx: &mut Tx, user: UserId, id: Uuid) -> Result<bool, DbError> {
    Ok(tx.execute("DELETE FROM auth_passkeys WHERE user_id = $1 AND id = $2", args![user.0, id]).await? == 1)
}

pub(crate) async fn end_all(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    tx.execute("DELETE FROM auth_passkeys WHERE user_id = $1", args![user.0]).await.map(|_| ())
}
