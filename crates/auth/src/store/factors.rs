//! Authenticators and backup codes.

use contracts::UserId;
use jiff::Timestamp;
use stores::{Db, DbError, FromRow, Row, Tx, args};

/// An authenticator as it is kept.
pub(crate) struct Factor {
    pub secret_sealed: Vec<u8>,
    /// The last step whose password was used.
    pub last_step: i64,
    /// Absent until its person has shown a first password of it.
    pub confirmed_at: Option<Timestamp>,
}

impl FromRow for Factor {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            secret_sealed: row.get("secret_sealed")?,
            last_step: row.get("last_step")?,
            confirmed_at: row.get("confirmed_at")?,
        })
    }
}

const OF: &str = "SELECT secret_sealed, last_step, confirmed_at FROM auth_factors WHERE user_id = $1";

pub(crate) async fn get(db: &Db, user: UserId) -> Result<Option<Factor>, DbError> {
    db.fetch_optional(OF, args![user.0]).await
}

pub(crate) async fn of(tx: &mut Tx, user: UserId) -> Result<Option<Factor>, DbError> {
    tx.fetch_optional(OF, args![user.0]).await
}

/// Writes an authenticator that is not confirmed, in place of another such one; says whether there was no other.
pub(crate) async fn begin(tx: &mut Tx, user: UserId, sealed: &[u8], now: Timestamp) -> Result<bool, DbError> {
    let sql = "INSERT INTO auth_factors (user_id, secret_sealed, last_step, created_at) VALUES ($1, $2, 0, $3)
        ON CONFLICT (user_id) DO UPDATE SET secret_sealed = excluded.secret_sealed, last_step = 0,
            created_at = excluded.created_at WHERE auth_factors.confirmed_at IS NULL";
    Ok(tx.execute(sql, args![user.0, sealed, now]).await? == 1)
}

/// Uses a step up; says whether it was later than every one before.
pub(crate) async fn use_step(tx: &mut Tx, user: UserId, step: i64) -> Result<bool, DbError> {
    let sql = "UPDATE auth_factors SET last_step = $2 WHERE user_id = $1 AND last_step < $2";
    Ok(tx.execute(sql, args![user.0, step]).await? == 1)
}

/// Confirms the authenticator; says whether it was not before.
pub(crate) async fn confirm(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<bool, DbError> {
    let sql = "UPDATE auth_factors SET confirmed_at = $2 WHERE user_id = $1 AND confirmed_at IS NULL";
    Ok(tx.execute(sql, args![user.0, now]).await? == 1)
}

/// Takes the authenticator and its backup codes away; says whether there was one.
pub(crate) async fn end(tx: &mut Tx, user: UserId) -> Result<bool, DbError> {
    tx.execute("DELETE FROM auth_backup_codes WHERE user_id = $1", args![user.0]).await?;
    Ok(tx.execute("DELETE FROM auth_factors WHERE user_id = $1", args![user.0]).await? == 1)
}

pub(crate) async fn insert_code(tx: &mut Tx, user: UserId, code_hash: &[u8]) -> Result<(), DbError> {
    let sql = "INSERT INTO auth_backup_codes (user_id, code_hash) VALUES ($1, $2)";
    tx.execute(sql, args![user.0, code_hash]).await.map(|_| ())
}

/// Uses a backup code up; says whether it was there to use.
pub(crate) async fn use_code(tx: &mut Tx, user: UserId, code_hash: &[u8], now: Timestamp) -> Result<bool, DbError> {
    let sql = "UPDATE auth_backup_codes SET used_at = $3 WHERE user_id = $1 AND code_hash = $2 AND used_at IS NULL";
    Ok(tx.execute(sql, args![user.0, code_hash, now]).await? == 1)
}
