//! Codes, families and refresh tokens.

use contracts::UserId;
use jiff::{SignedDuration, Timestamp};
use stores::{Db, DbError, Tx, args, sql::placeholders};
use uuid::Uuid;

use crate::{
    model::{Code, Grant, Refresh},
    rotations::Rotation,
};

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

/// Whether a family was revoked.
pub(crate) async fn has_ended(tx: &mut Tx, family: Uuid) -> Result<bool, DbError> {
    let sql = "SELECT COUNT(*) FROM auth_families WHERE id = $1 AND revoked_at IS NOT NULL";
    Ok(tx.fetch_one::<i64>(sql, args![family]).await? > 0)
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

/// A refresh token with what is to be known of it: its family, client and person, and what followed it.
pub(crate) async fn refresh(db: &Db, token_hash: &[u8]) -> Result<Option<Refresh>, DbError> {
    let sql = "SELECT r.family_id, f.client_id, f.user_id, f.session_id, f.scopes, f.resources, f.org_id, f.jkt,
            f.authenticated_at, r.issued_at, r.expires_at AS token_ends, r.used_at, r.reply_sealed,
            n.used_at AS next_used_at, f.expires_at AS family_ends, f.revoked_at,
            u.role AS user_role, u.disabled_at AS user_disabled_at,
            c.id AS client_id_known, c.name AS client_name, c.secret_hash AS client_secret_hash,
            c.redirect_uris AS client_redirect_uris, c.grant_types AS client_grant_types, c.scopes AS client_scopes,
            c.own AS client_own, c.bound AS client_bound, c.role AS client_role,
            c.refresh_in_cookie AS client_refresh_in_cookie, c.metadata_until AS client_metadata_until,
            c.created_at AS client_created_at, c.disabled_at AS client_disabled_at
        FROM auth_refresh_tokens r JOIN auth_families f ON f.id = r.family_id
            JOIN auth_users u ON u.id = f.user_id
            LEFT JOIN auth_clients c ON c.id = f.client_id
            LEFT JOIN auth_refresh_tokens n ON n.token_hash = r.next_hash
        WHERE r.token_hash = $1";
    db.fetch_optional(sql, args![token_hash]).await
}

/// Uses refresh tokens up, each keeping its sealed reply; gives those that were still there to use. No token may be in
/// it twice, and who takes several takes them in the order of their hashes.
pub(crate) async fn use_refreshes(tx: &mut Tx, all: &[&Rotation]) -> Result<Vec<Vec<u8>>, DbError> {
    let rows: Vec<_> = (0..all.len()).map(|row| placeholders(row * 4 + 1, 4)).collect();
    let args = all.iter().flat_map(|one| {
        args![one.token_hash.as_slice(), one.next_hash.as_slice(), one.reply_sealed.as_slice(), one.at]
    });
    let sql = format!(
        "WITH news (token, follows, reply, stated_at) AS (VALUES {})
        UPDATE auth_refresh_tokens SET used_at = news.stated_at, next_hash = news.follows, reply_sealed = news.reply
        FROM news WHERE token_hash = news.token AND used_at IS NULL AND EXISTS
            (SELECT 1 FROM auth_families f WHERE f.id = family_id AND f.revoked_at IS NULL)
        RETURNING token_hash",
        rows.join(", ")
    );
    tx.fetch_all(sql, args.collect()).await
}

/// The tokens that follow those that were used up.
pub(crate) async fn insert_refreshes(tx: &mut Tx, all: &[&Rotation], ttl: SignedDuration) -> Result<(), DbError> {
    let row = |one: &&Rotation| {
        let ends = one.at.checked_add(ttl).unwrap_or(Timestamp::MAX);
        args![one.next_hash.as_slice(), one.grant.family, one.grant.scopes.to_string(), one.at, ends]
    };
    let head = "INSERT INTO auth_refresh_tokens (token_hash, family_id, scopes, issued_at, expires_at)";
    tx.insert_many(head, "", all.iter().map(row).collect()).await.map(|_| ())
}
