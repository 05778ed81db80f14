//! Keys of programs that stand for themselves.

use jiff::Timestamp;
use stores::{Db, DbError, FromRow, Row, Tx, args};
use uuid::Uuid;

use super::keys::{COLUMNS, Key};

/// A program's key as it is kept.
pub(crate) struct ServiceKeyRow {
    pub key: Key,
    pub client: String,
}

impl FromRow for ServiceKeyRow {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self { key: Key::from_row(row)?, client: row.get("client_id")? })
    }
}

pub(crate) async fn insert(tx: &mut Tx, row: &ServiceKeyRow) -> Result<(), DbError> {
    let key = &row.key;
    let sql =
        "INSERT INTO auth_service_keys (id, public_id, client_id, name, salt, hash, scopes, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let args = args![
        key.id,
        &key.public_id,
        &row.client,
        &key.name,
        key.salt.as_slice(),
        key.hash.as_slice(),
        key.scopes.to_string(),
        key.created_at,
        key.expires_at
    ];
    tx.execute(sql, args).await.map(|_| ())
}

/// The keys in force of a client.
pub(crate) async fn in_force(
    db: &Db,
    client: &str,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<ServiceKeyRow>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS}, 'service' AS kind, k.client_id
        FROM auth_service_keys k JOIN auth_clients c ON c.id = k.client_id
        WHERE k.revoked_at IS NULL AND c.disabled_at IS NULL AND c.role IS NOT NULL
            AND (k.expires_at IS NULL OR k.expires_at > $1) AND k.client_id = $3
        ORDER BY k.created_at DESC, k.id LIMIT $2"
    );
    db.fetch_all(sql, args![now, i64::try_from(limit).unwrap_or(i64::MAX), client]).await
}

pub(crate) async fn end(tx: &mut Tx, client: &str, id: Uuid, now: Timestamp) -> Result<bool, DbError> {
    let sql = "UPDATE auth_service_keys SET revoked_at = $3 WHERE id = $1 AND client_id = $2 AND revoked_at IS NULL";
    Ok(tx.execute(sql, args![id, client, now]).await? == 1)
}

pub(crate) async fn used(tx: &mut Tx, public_id: &str, at: Timestamp) -> Result<(), DbError> {
    let sql = "UPDATE auth_service_keys SET last_used_at = $2
        WHERE public_id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";
    tx.execute(sql, args![public_id, at]).await.map(|_| ())
}
