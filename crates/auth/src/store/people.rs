//! Accounts, browser sessions, memberships and consents.

use contracts::{OrgId, Role, Scopes, UserId};
use jiff::Timestamp;
use stores::{Db, DbError, Rows, Tx, args};
use uuid::Uuid;

use crate::model::{Session, User};

const USER: &str = "id, email_sealed, subject_key, password_hash, role, email_verified_at, failed_attempts,
    locked_until, created_at, disabled_at";
const SUBJECT_KEY: &str = "SELECT subject_key FROM auth_users WHERE id = $1";
const SESSION: &str = "id, user_id, agent, agent_sealed, authenticated_at, created_at, last_seen_at";

/// What a new account is made of.
pub(crate) struct NewAccount {
    pub id: UserId,
    pub email_blind: Vec<u8>,
    pub email_sealed: Vec<u8>,
    pub subject_key: Vec<u8>,
    pub password_hash: Option<String>,
    pub role: Role,
    pub at: Timestamp,
}

pub(crate) async fn insert(tx: &mut Tx, new: &NewAccount) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO auth_users (id, email_blind, email_sealed, subject_key, password_hash, role, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)",
        args![
            new.id.0,
            new.email_blind.as_slice(),
            new.email_sealed.as_slice(),
            new.subject_key.as_slice(),
            new.password_hash.as_ref(),
            new.role.as_str(),
            new.at
        ],
    )
    .await
    .map(|_| ())
}

pub(crate) async fn by_id(db: &Db, id: UserId) -> Result<Option<User>, DbError> {
    db.fetch_optional(format!("SELECT {USER} FROM auth_users WHERE id = $1"), args![id.0]).await
}

/// Taken before the person's row is written: who takes them the other way round waits for who waits for them.
async fn lock(tx: &mut Tx, id: UserId) -> Result<(), DbError> {
    tx.lock(&format!("auth user {id}")).await
}

/// The person, whom nobody else holds until the transaction ends.
pub(crate) async fn hold(tx: &mut Tx, id: UserId) -> Result<Option<User>, DbError> {
    lock(tx, id).await?;
    tx.fetch_optional(format!("SELECT {USER} FROM auth_users WHERE id = $1"), args![id.0]).await
}

/// The key of a person, as it is sealed: all that is read of them for a context without accounts.
pub(crate) async fn subject_key(db: &Db, id: UserId) -> Result<Option<Vec<u8>>, DbError> {
    Ok(db.fetch_optional::<Option<Vec<u8>>>(SUBJECT_KEY, args![id.0]).await?.flatten())
}

/// Whether somebody has a key still. Nobody else holds them until the transaction ends.
pub(crate) async fn hold_with_key(tx: &mut Tx, id: UserId) -> Result<bool, DbError> {
    lock(tx, id).await?;
    Ok(tx.fetch_optional::<Option<Vec<u8>>>(SUBJECT_KEY, args![id.0]).await?.flatten().is_some())
}

pub(crate) async fn by_blind(db: &Db, blind: &[u8]) -> Result<Option<User>, DbError> {
    db.fetch_optional(format!("SELECT {USER} FROM auth_users WHERE email_blind = $1"), args![blind]).await
}

pub(crate) async fn list(db: &Db, limit: u32) -> Result<Vec<User>, DbError> {
    db.fetch_all(format!("SELECT {USER} FROM auth_users ORDER BY created_at DESC, id DESC LIMIT $1"), args![limit])
        .await
}

/// Notes a failed attempt and until when there may be no other.
pub(crate) async fn failed(tx: &mut Tx, id: UserId, attempts: u32, until: Option<Timestamp>) -> Result<(), DbError> {
    let sql = "UPDATE auth_users SET failed_attempts = $2, locked_until = $3 WHERE id = $1";
    tx.execute(sql, args![id.0, attempts, until]).await.map(|_| ())
}

pub(crate) async fn set_role(tx: &mut Tx, id: UserId, role: Role) -> Result<bool, DbError> {
    lock(tx, id).await?;
    let sql = "UPDATE auth_users SET role = $2 WHERE id = $1";
    Ok(tx.execute(sql, args![id.0, role.as_str()]).await? == 1)
}

pub(crate) async fn set_disabled(tx: &mut Tx, id: UserId, at: Option<Timestamp>) -> Result<bool, DbError> {
    lock(tx, id).await?;
    Ok(tx.execute("UPDATE auth_users SET disabled_at = $2 WHERE id = $1", args![id.0, at]).await? == 1)
}

pub(crate) async fn set_password(tx: &mut Tx, id: UserId, hash: &str) -> Result<(), DbError> {
    lock(tx, id).await?;
    let sql = "UPDATE auth_users SET password_hash = $2, failed_attempts = 0, locked_until = NULL WHERE id = $1";
    tx.execute(sql, args![id.0, hash]).await.map(|_| ())
}

/// Notes that the address of an account is its person's.
pub(crate) async fn set_verified(tx: &mut Tx, id: UserId, at: Timestamp) -> Result<(), DbError> {
    let sql = "UPDATE auth_users SET email_verified_at = $2 WHERE id = $1 AND email_verified_at IS NULL";
    tx.execute(sql, args![id.0, at]).await.map(|_| ())
}

pub(crate) async fn insert_session(
    tx: &mut Tx,
    session: &Session,
    secret_hash: &[u8],
    ends: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO auth_sessions (id, user_id, secret_hash, agent, authenticated_at, created_at, last_seen_at,
            expires_at, agent_sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        args![
            session.id,
            session.user.0,
            secret_hash,
            &session.agent,
            session.authenticated_at,
            session.created_at,
            session.last_seen_at,
            ends,
            session.agent_sealed.clone()
        ],
    )
    .await
    .map(|_| ())
}

/// The session with this secret, in force at `now`, of somebody who may sign in.
pub(crate) async fn session(db: &Db, secret_hash: &[u8], now: Timestamp) -> Result<Option<Session>, DbError> {
    let sql = format!(
        "SELECT {SESSION} FROM auth_sessions WHERE secret_hash = $1 AND revoked_at IS NULL AND expires_at > $2
            AND NOT EXISTS (SELECT 1 FROM auth_users u WHERE u.id = user_id AND u.disabled_at IS NOT NULL)"
    );
    db.fetch_optional(sql, args![secret_hash, now]).await
}

pub(crate) async fn sessions(db: &Db, user: UserId, now: Timestamp, limit: u32) -> Result<Vec<Session>, DbError> {
    let sql = format!(
        "SELECT {SESSION} FROM auth_sessions WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2
            ORDER BY created_at DESC LIMIT $3"
    );
    db.fetch_all(sql, args![user.0, now, limit]).await
}

/// Whose session it is, if it was not ended.
pub(crate) async fn owner_of_session(db: &Db, session: Uuid) -> Result<Option<UserId>, DbError> {
    let sql = "SELECT user_id FROM auth_sessions WHERE id = $1 AND revoked_at IS NULL";
    Ok(db.fetch_optional::<Uuid>(sql, args![session]).await?.map(UserId))
}

pub(crate) async fn seen(db: &Db, session: Uuid, now: Timestamp) -> Result<(), DbError> {
    db.execute("UPDATE auth_sessions SET last_seen_at = $2 WHERE id = $1", args![session, now]).await.map(|_| ())
}

/// Ends one session of a person; says whether there was one.
pub(crate) async fn end_session(tx: &mut Tx, user: UserId, session: Uuid, now: Timestamp) -> Result<bool, DbError> {
    let sql = "UPDATE auth_sessions SET revoked_at = $3 WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL";
    Ok(tx.execute(sql, args![session, user.0, now]).await? == 1)
}

pub(crate) async fn end_sessions(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<(), DbError> {
    let sql = "UPDATE auth_sessions SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL";
    tx.execute(sql, args![user.0, now]).await.map(|_| ())
}

/// The organisation a person acts in: of all there are the one they joined first.
pub(crate) async fn org_of(tx: &mut Tx, user: UserId) -> Result<Option<OrgId>, DbError> {
    tx.sees(Rows::All).await?;
    let sql = "SELECT org_id FROM auth_memberships WHERE user_id = $1 ORDER BY created_at, org_id LIMIT 1";
    tx.fetch_optional(sql, args![user.0]).await
}

pub(crate) async fn insert_org(tx: &mut Tx, id: OrgId, name: &str, at: Timestamp) -> Result<(), DbError> {
    tx.sees(Rows::Of(Some(id))).await?;
    let sql = "INSERT INTO auth_orgs (id, name, created_at) VALUES ($1, $2, $3)";
    tx.execute(sql, args![id, name, at]).await.map(|_| ())
}

pub(crate) async fn join(tx: &mut Tx, org: OrgId, user: UserId, role: &str, at: Timestamp) -> Result<(), DbError> {
    tx.sees(Rows::Of(Some(org))).await?;
    let sql = "INSERT INTO auth_memberships (org_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)";
    tx.execute(sql, args![org, user.0, role, at]).await.map(|_| ())
}

pub(crate) async fn consent(db: &Db, user: UserId, client: &str) -> Result<Scopes, DbError> {
    let sql = "SELECT scopes FROM auth_consents WHERE user_id = $1 AND client_id = $2";
    let text: Option<String> = db.fetch_optional(sql, args![user.0, client]).await?;
    Ok(text.and_then(|text| text.parse().ok()).unwrap_or_default())
}

pub(crate) async fn set_consent(
    tx: &mut Tx,
    user: UserId,
    client: &str,
    scopes: &Scopes,
    at: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO auth_consents (user_id, client_id, scopes, granted_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (user_id, client_id) DO UPDATE SET scopes = excluded.scopes, granted_at = excluded.granted_at",
        args![user.0, client, scopes.to_string(), at],
    )
    .await
    .map(|_| ())
}
