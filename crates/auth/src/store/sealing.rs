//! Which key seals, and what is still sealed under another.

use contracts::UserId;
use stores::{Db, DbError, FromRow, Row, Rows, Tx, args};
use uuid::Uuid;

use crate::secret::Head;

const CURRENT: &str = "SELECT head FROM auth_sealing_keys ORDER BY generation DESC LIMIT 1";

/// The head of the key that seals.
pub(crate) async fn current(db: &Db) -> Result<Option<Vec<u8>>, DbError> {
    db.fetch_optional(CURRENT, args![]).await
}

/// Since when the key that seals does.
pub(crate) async fn current_since(db: &Db) -> Result<Option<jiff::Timestamp>, DbError> {
    db.fetch_optional("SELECT created_at FROM auth_sealing_keys ORDER BY generation DESC LIMIT 1", args![]).await
}

/// As [`current`]. Until the transaction ends nobody puts another in its place.
pub(crate) async fn lock_current(tx: &mut Tx) -> Result<Option<Vec<u8>>, DbError> {
    tx.lock("auth sealing key").await?;
    tx.fetch_optional(CURRENT, args![]).await
}

/// Makes this the key that seals; the caller holds the lock.
pub(crate) async fn set_current(tx: &mut Tx, head: &Head, at: jiff::Timestamp) -> Result<(), DbError> {
    let sql = "INSERT INTO auth_sealing_keys (generation, head, created_at)
        SELECT COALESCE(MAX(generation), 0) + 1, $1, $2 FROM auth_sealing_keys";
    tx.execute(sql, args![&head[..], at]).await.map(|_| ())
}

/// What blind indexes and stamps are made with, sealed.
pub(crate) async fn index(db: &Db) -> Result<Option<Vec<u8>>, DbError> {
    db.fetch_optional("SELECT key_sealed FROM auth_index_key", args![]).await
}

pub(crate) async fn insert_index(tx: &mut Tx, sealed: &[u8]) -> Result<(), DbError> {
    let sql = "INSERT INTO auth_index_key (only_row, key_sealed) VALUES (1, $1) ON CONFLICT (only_row) DO NOTHING";
    tx.execute(sql, args![sealed]).await.map(|_| ())
}

pub(crate) async fn stale_index(tx: &mut Tx, head: &Head) -> Result<Option<Vec<u8>>, DbError> {
    let sql = "SELECT key_sealed FROM auth_index_key WHERE substr(key_sealed, 1, 11) <> $1";
    tx.fetch_optional(sql, args![&head[..]]).await
}

pub(crate) async fn rewrap_index(tx: &mut Tx, sealed: &[u8]) -> Result<u64, DbError> {
    tx.execute("UPDATE auth_index_key SET key_sealed = $1", args![sealed]).await
}

/// Whether nothing was ever sealed here.
pub(crate) async fn is_new(tx: &mut Tx) -> Result<bool, DbError> {
    let sql = "SELECT (SELECT COUNT(*) FROM auth_users) + (SELECT COUNT(*) FROM auth_signing_keys)";
    Ok(tx.fetch_one::<i64>(sql, args![]).await? == 0)
}

/// A signing key, as it is sealed.
pub(crate) async fn any_signer(tx: &mut Tx) -> Result<Option<(String, Vec<u8>)>, DbError> {
    tx.fetch_optional("SELECT id, private_sealed FROM auth_signing_keys LIMIT 1", args![]).await
}

/// How much is sealed under another key than the one that seals.
pub(crate) async fn pending(tx: &mut Tx, head: &Head) -> Result<i64, DbError> {
    tx.sees(Rows::All).await?;
    let sql =
        "SELECT (SELECT COUNT(*) FROM auth_users WHERE subject_key IS NOT NULL AND substr(subject_key, 1, 11) <> $1)
        + (SELECT COUNT(*) FROM auth_signing_keys WHERE substr(private_sealed, 1, 11) <> $1)
        + (SELECT COUNT(*) FROM auth_index_key WHERE substr(key_sealed, 1, 11) <> $1)
        + (SELECT COUNT(*) FROM auth_sessions WHERE agent <> '')
        + (SELECT COUNT(*) FROM auth_api_keys WHERE name <> '')
        + (SELECT COUNT(*) FROM auth_passkeys WHERE name <> '')";
    tx.fetch_one(sql, args![&head[..]]).await
}

/// A person whose key is sealed under an older one.
pub(crate) struct Stale {
    pub id: UserId,
    pub subject_key: Vec<u8>,
}

impl FromRow for Stale {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self { id: row.get("id").map(UserId)?, subject_key: row.get("subject_key")? })
    }
}

pub(crate) async fn stale(tx: &mut Tx, head: &Head, after: Uuid, limit: i64) -> Result<Vec<Stale>, DbError> {
    let sql = "SELECT id, subject_key FROM auth_users
        WHERE id > $2 AND subject_key IS NOT NULL AND substr(subject_key, 1, 11) <> $1 ORDER BY id LIMIT $3";
    tx.fetch_all(sql, args![&head[..], after, limit]).await
}

/// Puts a person's key under the new one; not where it changed meanwhile: one that was destroyed stays so.
pub(crate) async fn rewrap(tx: &mut Tx, old: &Stale, key: &[u8]) -> Result<u64, DbError> {
    let sql = "UPDATE auth_users SET subject_key = $3 WHERE id = $1 AND subject_key = $2";
    tx.execute(sql, args![old.id.0, old.subject_key.as_slice(), key]).await
}

/// The signing keys that are sealed under an older key.
pub(crate) async fn stale_signers(tx: &mut Tx, head: &Head, limit: i64) -> Result<Vec<(String, Vec<u8>)>, DbError> {
    let sql = "SELECT id, private_sealed FROM auth_signing_keys WHERE substr(private_sealed, 1, 11) <> $1
        ORDER BY created_at DESC LIMIT $2";
    tx.fetch_all(sql, args![&head[..], limit]).await
}

pub(crate) async fn rewrap_signer(tx: &mut Tx, id: &str, sealed: &[u8]) -> Result<u64, DbError> {
    tx.execute("UPDATE auth_signing_keys SET private_sealed = $2 WHERE id = $1", args![id, sealed]).await
}

/// A text of a person from before it was sealed.
pub(crate) struct Plain {
    pub id: Uuid,
    pub user: UserId,
    pub text: String,
    /// `None` once it is gone.
    pub subject_key: Option<Vec<u8>>,
}

impl FromRow for Plain {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            id: row.get("id")?,
            user: row.get("user_id").map(UserId)?,
            text: row.get("plain")?,
            subject_key: row.get("subject_key")?,
        })
    }
}

/// The texts of this kind that are not sealed yet.
pub(crate) async fn plain(tx: &mut Tx, kind: Kind, after: Uuid, limit: i64) -> Result<Vec<Plain>, DbError> {
    let sql = match kind {
        Kind::Agent => {
            "SELECT t.id, t.user_id, t.agent AS plain, u.subject_key FROM auth_sessions t
            JOIN auth_users u ON u.id = t.user_id WHERE t.agent <> '' AND t.id > $1 ORDER BY t.id LIMIT $2"
        }
        Kind::KeyName => {
            "SELECT t.id, t.user_id, t.name AS plain, u.subject_key FROM auth_api_keys t
            JOIN auth_users u ON u.id = t.user_id WHERE t.name <> '' AND t.id > $1 ORDER BY t.id LIMIT $2"
        }
        Kind::PasskeyName => {
            "SELECT t.id, t.user_id, t.name AS plain, u.subject_key FROM auth_passkeys t
            JOIN auth_users u ON u.id = t.user_id WHERE t.name <> '' AND t.id > $1 ORDER BY t.id LIMIT $2"
        }
    };
    tx.fetch_all(sql, args![after, limit]).await
}

/// Keeps a text sealed, or not at all.
pub(crate) async fn set_sealed(tx: &mut Tx, kind: Kind, id: Uuid, sealed: Option<Vec<u8>>) -> Result<u64, DbError> {
    let sql = match kind {
        Kind::Agent => "UPDATE auth_sessions SET agent = '', agent_sealed = $2 WHERE id = $1",
        Kind::KeyName => "UPDATE auth_api_keys SET name = '', name_sealed = $2 WHERE id = $1",
        Kind::PasskeyName => "UPDATE auth_passkeys SET name = '', name_sealed = $2 WHERE id = $1",
    };
    // A view does not say how many rows it changed.
    tx.execute(sql, args![id, sealed]).await.map(|_| 1)
}

/// Texts of people beside their address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What the browser of a session calls itself.
    Agent,
    /// What a person calls an API key.
    KeyName,
    /// What a person calls a passkey.
    PasskeyName,
}

impl Kind {
    /// What it is sealed for.
    pub(crate) fn purpose(self) -> &'static str {
        match self {
            Self::Agent => "session agent",
            Self::KeyName => "api key name",
            Self::PasskeyName => "passkey name",
        }
    }
}
