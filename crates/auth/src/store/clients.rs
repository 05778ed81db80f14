//! Clients, and the requests that they pushed.

use jiff::Timestamp;
use stores::{Db, DbError, Tx, args};

use crate::model::Client;

const COLUMNS: &str = "id, name, secret_hash, redirect_uris, grant_types, scopes, own, bound, role, refresh_in_cookie,
    metadata_until, created_at, disabled_at";

pub(crate) async fn get(db: &Db, id: &str) -> Result<Option<Client>, DbError> {
    db.fetch_optional(format!("SELECT {COLUMNS} FROM auth_clients WHERE id = $1"), args![id]).await
}

pub(crate) async fn list(db: &Db, limit: u32) -> Result<Vec<Client>, DbError> {
    db.fetch_all(format!("SELECT {COLUMNS} FROM auth_clients ORDER BY created_at, id LIMIT $1"), args![limit]).await
}

/// Writes a client, new or known; a known one keeps when it was made and whether it is disabled.
pub(crate) async fn save(tx: &mut Tx, client: &Client) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO auth_clients (id, name, secret_hash, redirect_uris, grant_types, scopes, own, bound, role,
            refresh_in_cookie, metadata_until, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT (id) DO UPDATE SET name = excluded.name, redirect_uris = excluded.redirect_uris,
            grant_types = excluded.grant_types, scopes = excluded.scopes, bound = excluded.bound,
            refresh_in_cookie = excluded.refresh_in_cookie, metadata_until = excluded.metadata_until",
        args![
            &client.id,
            &client.name,
            client.secret_hash.as_deref(),
            client.redirect_uris.join(" "),
            client.grant_types.join(" "),
            client.scopes.to_string(),
            client.own,
            client.bound,
            client.role.map(contracts::Role::as_str),
            client.refresh_in_cookie,
            client.metadata_until,
            client.created_at
        ],
    )
    .await
    .map(|_| ())
}

/// How many clients have described themselves and are taken at that: all of them, and those whose ids begin with `origin`.
pub(crate) async fn in_force(db: &Db, now: Timestamp, origin: &str) -> Result<(i64, i64), DbError> {
    let sql = "SELECT COUNT(*), COUNT(CASE WHEN substr(id, 1, length($2)) = $2 THEN 1 END) FROM auth_clients
        WHERE metadata_until > $1";
    db.fetch_one(sql, args![now, origin]).await
}

/// Forgets clients that described themselves until before `cut`, at most `limit` at a time: whoever is asked for again is
/// read again. One that was disabled stays so.
pub(crate) async fn sweep(db: &Db, cut: Timestamp, limit: i64) -> Result<(), DbError> {
    // What was selected may be read anew or disabled before it is deleted: PostgreSQL looks at the outer conditions again.
    let statement = "DELETE FROM auth_clients WHERE metadata_until < $1 AND disabled_at IS NULL AND id IN
        (SELECT id FROM auth_clients WHERE metadata_until < $1 AND disabled_at IS NULL LIMIT $2)";
    super::retention::in_batches(db, &[statement], cut, limit).await
}

pub(crate) async fn disable(tx: &mut Tx, id: &str, at: Timestamp) -> Result<bool, DbError> {
    let sql = "UPDATE auth_clients SET disabled_at = $2 WHERE id = $1 AND disabled_at IS NULL";
    Ok(tx.execute(sql, args![id, at]).await? == 1)
}

pub(crate) async fn push(
    db: &Db,
    handle_hash: &[u8],
    client: &str,
    parameters: &str,
    ends: Timestamp,
) -> Result<(), DbError> {
    let sql = "INSERT INTO auth_requests (handle_hash, client_id, parameters, expires_at) VALUES ($1, $2, $3, $4)";
    db.execute(sql, args![handle_hash, client, parameters, ends]).await.map(|_| ())
}

/// The client and parameters of a pushed request that is still good.
pub(crate) async fn pushed(db: &Db, handle_hash: &[u8], now: Timestamp) -> Result<Option<(String, String)>, DbError> {
    let sql = "SELECT client_id, parameters FROM auth_requests
        WHERE handle_hash = $1 AND expires_at > $2 AND used_at IS NULL";
    db.fetch_optional(sql, args![handle_hash, now]).await
}

/// Uses a pushed request up; says whether it was still there to use.
pub(crate) async fn use_pushed(tx: &mut Tx, handle_hash: &[u8], now: Timestamp) -> Result<bool, DbError> {
    let sql = "UPDATE auth_requests SET used_at = $2 WHERE handle_hash = $1 AND used_at IS NULL";
    Ok(tx.execute(sql, args![handle_hash, now]).await? == 1)
}
