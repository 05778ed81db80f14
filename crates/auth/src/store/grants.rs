//! Codes, families and refresh tokens.

use contracts::UserId;
use jiff::Timestamp;
use stores::{Db, DbError, Tx, args};
use uuid::Uuid;

use crate::model::{Code, Grant, Refresh};

pub(crate) async fn insert_code(tx: &mut Tx, code_hash: &[u8], code: &Code) -> Result<(), DbError> {
    let grant = &code.grant;
    tx.execute(
        "INSERT INTO auth_codes (code_hash, family_id, client_id, user_id, session_id, redirect_uri, challenge, scopes,
            resources, nonce, org_id, jkt, authenticated_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        args![
            code_hash,
            grant.family,
            &grant.client_id,
            grant.user.0,
            grant.session,
            &code.redirect_uri,
            &code.challenge,
            grant.scopes.to_string(),
            grant.resources.join(" "),
            code.nonce.as_ref(),
            grant.org,
            grant.jkt.as_ref(),
            grant.authenticated_at,
            code.expires_at
        ],
    )
    .await
    .map(|_| ())
}

pub(crate) async fn code(db: &Db, code_hash: &[u8]) -> Result<Option<Code>, DbError> {
    let sql = "SELECT family_id, client_id, user_id, session_id, redirect_uri, challenge, scopes, resources, nonce,
            org_id, jkt, authenticated_at, expires_at, used_at
        FROM auth_codes WHERE code_hash = $1";
    db.fetch_optional(sql, args![code_hash]).await
}

/// Uses a code up; says whether it was still there to use, in a session that has not ended since.
pub(crate) async fn use_code(tx: &mut Tx, code_hash: &[u8], now: Timestamp) -> Result<bool, DbError> {
    let sql = "UPDATE auth_codes SET used_at = $2 WHERE code_hash = $1 AND used_at IS NULL AND (session_id IS NULL
        OR EXISTS (SELECT 1 FROM auth_sessions s WHERE s.id = session_id AND s.revoked_at IS NULL))";
    Ok(tx.execute(sql, args![code_hash, now]).await? == 1)
}

pub(crate) async fn insert_family(tx: &mut Tx, grant: &Grant, now: Timestamp, ends: Timestamp) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO auth_families (id, user_id, client_id, session_id, scopes, resources, org_id, jkt,
            authenticated_at, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        args![
            grant.family,
            grant.user.0,
            &grant.client_id,
            grant.session,
            grant.scopes.to_string(),
            grant.resources.join(" "),
            grant.org,
            grant.jkt.as_ref(),
            grant.authenticated_at,
            now,
            ends
        ],
    )
    .await
    .map(|_| ())
}

/// Ends a family; says whether it was in force.
pub(crate) async fn end_family(tx: &mut Tx, family: Uuid, why: &str, now: Timestamp) -> Result<bool, DbError> {
    let sql = "UPDATE auth_families SET revoked_at = $2, revoked_because = $3 WHERE id = $1 AND revoked_at IS NULL";
    Ok(tx.execute(sql, args![family, now, why]).await? == 1)
}

/// Ends the families of a session, or of a person when no session is given; gives their ids.
pub(crate) async fn end_families(
    tx: &mut Tx,
    user: UserId,
    session: Option<Uuid>,
    why: &str,
    now: Timestamp,
) -> Result<Vec<Uuid>, DbError> {
    let condition = if session.is_some() { "AND session_id = $4" } else { "" };
    let mut args = args![user.0, now, why];
    args.extend(session.map(Into::into));
    let sql = format!(
        "UPDATE auth_families SET revoked_at = $2, revoked_because = $3
        WHERE user_id = $1 AND revoked_at IS NULL {condition} RETURNING id"
    );
    tx.fetch_all(sql, args).await
}

pub(crate) async fn insert_refresh(
    tx: &mut Tx,
    token_hash: &[u8],
    grant: &Grant,
    now: Timestamp,
    ends: Timestamp,
) -> Result<(), DbError> {
    let sql = "INSERT INTO auth_refresh_tokens (token_hash, family_id, scopes, issued_at, expires_at)
        VALUES ($1, $2, $3, $4, $5)";
    tx.execute(sql, args![token_hash, grant.family, grant.scopes.to_string(), now, ends]).await.map(|_| ())
}

pub(crate) async fn refresh(db: &Db, token_hash: &[u8]) -> Result<Option<Refresh>, DbError> {
    let sql = "SELECT r.family_id, f.client_id, f.user_id, f.session_id, f.scopes, f.resources, f.org_id, f.jkt,
            f.authenticated_at, r.issued_at, r.expires_at AS token_ends, r.used_at, r.reply_sealed,
            n.used_at AS next_used_at, f.expires_at AS family_ends, f.revoked_at
        FROM auth_refresh_tokens r JOIN auth_families f ON f.id = r.family_id
            LEFT JOIN auth_refresh_tokens n ON n.token_hash = r.next_hash
        WHERE r.token_hash = $1";
    db.fetch_optional(sql, args![token_hash]).await
}

/// Uses a refresh token up, keeping the sealed reply; says whether it was still there to use.
pub(crate) async fn use_refresh(
    tx: &mut Tx,
    token_hash: &[u8],
    next_hash: &[u8],
    reply_sealed: &[u8],
    now: Timestamp,
) -> Result<bool, DbError> {
    let sql = "UPDATE auth_refresh_tokens SET used_at = $2, next_hash = $3, reply_sealed = $4
        WHERE token_hash = $1 AND used_at IS NULL AND EXISTS
            (SELECT 1 FROM auth_families f WHERE f.id = family_id AND f.revoked_at IS NULL)";
    Ok(tx.execute(sql, args![token_hash, now, next_hash, reply_sealed]).await? == 1)
}
