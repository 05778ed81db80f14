//! Mail that was asked for, and the codes that went out with it.

use contracts::UserId;
use jiff::Timestamp;
use stores::{Db, DbError, FromRow, Row, Tx, args};

/// A mail that is asked for.
pub(crate) struct Line {
    pub kind: String,
    pub email_blind: Vec<u8>,
    pub attempts: u32,
}

impl FromRow for Line {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self { kind: row.get("kind")?, email_blind: row.get("email_blind")?, attempts: row.get("attempts")? })
    }
}

/// How many lines there are.
pub(crate) async fn count(tx: &mut Tx) -> Result<i64, DbError> {
    tx.fetch_one("SELECT COUNT(*) FROM auth_mail", args![]).await
}

/// Asks for a mail, unless one of this kind is on its way to the address or was asked for after `before`.
pub(crate) async fn ask(
    tx: &mut Tx,
    kind: &str,
    email_blind: &[u8],
    now: Timestamp,
    before: Timestamp,
) -> Result<(), DbError> {
    let sql = "INSERT INTO auth_mail (kind, email_blind, asked_at, due_at, attempts) VALUES ($1, $2, $3, $3, 0)
        ON CONFLICT (kind, email_blind) DO UPDATE SET asked_at = excluded.asked_at, due_at = excluded.due_at,
            attempts = 0, done_at = NULL WHERE auth_mail.done_at IS NOT NULL AND auth_mail.asked_at <= $4";
    tx.execute(sql, args![kind, email_blind, now, before]).await.map(|_| ())
}

/// What is due, the oldest first.
pub(crate) async fn due(db: &Db, now: Timestamp, limit: u32) -> Result<Vec<Line>, DbError> {
    let sql = "SELECT kind, email_blind, attempts FROM auth_mail WHERE done_at IS NULL AND due_at <= $1
        ORDER BY due_at LIMIT $2";
    db.fetch_all(sql, args![now, limit]).await
}

/// Takes a line to try it, and puts the next try off; says whether nobody else took it.
pub(crate) async fn take(db: &Db, line: &Line, next: Timestamp) -> Result<bool, DbError> {
    let sql = "UPDATE auth_mail SET attempts = attempts + 1, due_at = $4
        WHERE kind = $1 AND email_blind = $2 AND attempts = $3 AND done_at IS NULL";
    Ok(db.execute(sql, args![&line.kind, line.email_blind.as_slice(), line.attempts, next]).await? == 1)
}

/// There is nothing more to do for a line.
pub(crate) async fn done(db: &Db, line: &Line, now: Timestamp) -> Result<(), DbError> {
    let sql = "UPDATE auth_mail SET done_at = $3 WHERE kind = $1 AND email_blind = $2";
    db.execute(sql, args![&line.kind, line.email_blind.as_slice(), now]).await.map(|_| ())
}

pub(crate) async fn insert_code(
    tx: &mut Tx,
    code_hash: &[u8],
    user: UserId,
    purpose: &str,
    ends: Timestamp,
) -> Result<(), DbError> {
    let sql = "INSERT INTO auth_mail_codes (code_hash, user_id, purpose, expires_at) VALUES ($1, $2, $3, $4)";
    tx.execute(sql, args![code_hash, user.0, purpose, ends]).await.map(|_| ())
}

/// Whose code it is, while it is good.
pub(crate) async fn owner(db: &Db, code_hash: &[u8], purpose: &str, now: Timestamp) -> Result<Option<UserId>, DbError> {
    let sql = "SELECT user_id FROM auth_mail_codes
        WHERE code_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3";
    let id: Option<uuid::Uuid> = db.fetch_optional(sql, args![code_hash, purpose, now]).await?;
    Ok(id.map(UserId))
}

/// Uses a code up, and with it every other of its person and purpose; says whether it was good.
pub(crate) async fn use_code(
    tx: &mut Tx,
    code_hash: &[u8],
    user: UserId,
    purpose: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let sql = "UPDATE auth_mail_codes SET used_at = $4
        WHERE code_hash = $1 AND user_id = $2 AND purpose = $3 AND used_at IS NULL AND expires_at > $4";
    let used = tx.execute(sql, args![code_hash, user.0, purpose, now]).await? == 1;
    let sql = "UPDATE auth_mail_codes SET used_at = $3 WHERE user_id = $1 AND purpose = $2 AND used_at IS NULL";
    if used {
        tx.execute(sql, args![user.0, purpose, now]).await?;
    }
    Ok(used)
}

/// Forgets what has ended; at most `limit` of each kind at a time. What is done holds others off until `old`.
pub(crate) async fn sweep(db: &Db, now: Timestamp, old: Timestamp, limit: i64) -> Result<(), DbError> {
    let sql = "DELETE FROM auth_mail_codes WHERE code_hash IN
        (SELECT code_hash FROM auth_mail_codes WHERE expires_at < $1 LIMIT $2)";
    db.execute(sql, args![now, limit]).await?;
    let sql = "DELETE FROM auth_mail WHERE (kind, email_blind) IN
        (SELECT kind, email_blind FROM auth_mail WHERE done_at < $1 LIMIT $2)";
    db.execute(sql, args![old, limit]).await.map(|_| ())
}
