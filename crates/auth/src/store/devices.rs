//! Devices that wait for their person.

use contracts::{OrgId, UserId};
use jiff::Timestamp;
use stores::{Db, DbError, Tx, args};

use crate::model::{DeviceCode, Session};

const COLUMNS: &str = "client_id, scopes, resources, agent, interval_seconds, polled_at, state, user_id,
    org_id, authenticated_at, expires_at";

pub(crate) async fn insert(db: &Db, code_hash: &[u8], user_hash: &[u8], device: &DeviceCode) -> Result<(), DbError> {
    db.execute(
        "INSERT INTO auth_device_codes (code_hash, user_code_hash, client_id, scopes, resources, agent,
            interval_seconds, state, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        args![
            code_hash,
            user_hash,
            &device.client_id,
            device.scopes.to_string(),
            device.resources.join(" "),
            &device.agent,
            device.interval_seconds,
            &device.state,
            device.expires_at
        ],
    )
    .await
    .map(|_| ())
}

pub(crate) async fn by_code(db: &Db, code_hash: &[u8]) -> Result<Option<DeviceCode>, DbError> {
    db.fetch_optional(format!("SELECT {COLUMNS} FROM auth_device_codes WHERE code_hash = $1"), args![code_hash]).await
}

/// The device that waits under this user code.
pub(crate) async fn waiting(db: &Db, user_hash: &[u8], now: Timestamp) -> Result<Option<DeviceCode>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM auth_device_codes WHERE user_code_hash = $1 AND state = 'waiting' AND expires_at > $2"
    );
    db.fetch_optional(sql, args![user_hash, now]).await
}

pub(crate) async fn polled(db: &Db, code_hash: &[u8], now: Timestamp, interval: i64) -> Result<(), DbError> {
    let sql = "UPDATE auth_device_codes SET polled_at = $2, interval_seconds = $3 WHERE code_hash = $1";
    db.execute(sql, args![code_hash, now, interval]).await.map(|_| ())
}

/// Writes the person's answer, while their session holds; says whether the device still waited for it.
pub(crate) async fn answer(
    tx: &mut Tx,
    user_hash: &[u8],
    state: &str,
    session: &Session,
    org: Option<OrgId>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let sql = "UPDATE auth_device_codes
        SET state = $2, user_id = $3, session_id = $4, authenticated_at = $5, org_id = $6
        WHERE user_code_hash = $1 AND state = 'waiting' AND expires_at > $7
            AND EXISTS (SELECT 1 FROM auth_sessions s WHERE s.id = $4 AND s.revoked_at IS NULL)";
    let args = args![user_hash, state, session.user.0, session.id, session.authenticated_at, org, now];
    Ok(tx.execute(sql, args).await? == 1)
}

/// What a person allowed and no device has fetched is allowed no more.
pub(crate) async fn end_allowed(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    let sql = "UPDATE auth_device_codes SET state = 'denied' WHERE user_id = $1 AND state = 'allowed'";
    tx.execute(sql, args![user.0]).await.map(|_| ())
}

/// Uses a code up that its person allowed; says whether it was still there to use.
pub(crate) async fn use_up(tx: &mut Tx, code_hash: &[u8]) -> Result<bool, DbError> {
    let sql = "UPDATE auth_device_codes SET state = 'used' WHERE code_hash = $1 AND state = 'allowed'";
    Ok(tx.execute(sql, args![code_hash]).await? == 1)
}
