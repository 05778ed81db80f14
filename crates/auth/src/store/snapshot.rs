//! What every process verifies with, whatever its roles, and nothing more: where a process without accounts has a user of
//! the database to itself, that user may read no other columns of these tables (ADR 36).

use access::{ApiKeyRecord, KeyKind};
use contracts::{Subject, UserId};
use jiff::Timestamp;
use stores::{Db, DbError, FromRow, Row, Tx, args};

/// The columns that every table of keys has, under the name `k`.
const COLUMNS: &str = "k.public_id, k.salt, k.hash, k.scopes, k.created_at, k.expires_at";

/// A key that programs show, by its public id.
pub(crate) struct KnownKey(pub String, pub ApiKeyRecord);

impl FromRow for KnownKey {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let wrong = || DbError::Value("a key is not kept as it should be".to_owned());
        let kind = KeyKind::parse(&row.get::<String>("kind")?).ok_or_else(wrong)?;
        let (subject, org) = match kind {
            KeyKind::Service => (Subject::Service(row.get("client_id")?), None),
            KeyKind::User | KeyKind::Mcp => (Subject::User(row.get("user_id").map(UserId)?), row.get("org_id")?),
        };
        let record = ApiKeyRecord {
            kind,
            salt: row.get::<Vec<u8>>("salt")?.try_into().map_err(|_| wrong())?,
            hash: row.get::<Vec<u8>>("hash")?.try_into().map_err(|_| wrong())?,
            subject,
            role: row.get::<String>("role")?.parse()?,
            org,
            scopes: row.get::<String>("scopes")?.parse()?,
            created_at: row.get("created_at")?,
            expires_at: row.get("expires_at")?,
        };
        Ok(Self(row.get("public_id")?, record))
    }
}

/// The public keys that still verify, as JWKs, the newest first.
pub(crate) async fn public_keys(db: &Db, now: Timestamp) -> Result<Vec<String>, DbError> {
    let sql = "SELECT public FROM auth_signing_keys WHERE verifies_until IS NULL OR verifies_until > $1
        ORDER BY signs_from DESC LIMIT 16";
    db.fetch_all(sql, args![now]).await
}

/// The newest keys in force of people, among those that the transaction sees.
pub(crate) async fn api_keys(tx: &mut Tx, now: Timestamp, limit: usize) -> Result<Vec<KnownKey>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS}, k.kind, k.user_id, k.org_id, u.role
        FROM auth_api_keys k JOIN auth_users u ON u.id = k.user_id
        WHERE k.revoked_at IS NULL AND u.disabled_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $1)
        ORDER BY k.created_at DESC LIMIT $2"
    );
    tx.fetch_all(sql, args![now, i64::try_from(limit).unwrap_or(i64::MAX)]).await
}

/// The newest keys in force of programs that stand for themselves; their role is that of their client.
pub(crate) async fn service_keys(db: &Db, now: Timestamp, limit: usize) -> Result<Vec<KnownKey>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS}, 'service' AS kind, k.client_id, c.role
        FROM auth_service_keys k JOIN auth_clients c ON c.id = k.client_id
        WHERE k.revoked_at IS NULL AND c.disabled_at IS NULL AND c.role IS NOT NULL
            AND (k.expires_at IS NULL OR k.expires_at > $1)
        ORDER BY k.created_at DESC, k.id LIMIT $2"
    );
    db.fetch_all(sql, args![now, i64::try_from(limit).unwrap_or(i64::MAX)]).await
}
