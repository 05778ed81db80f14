//! Signing keys, revocations, API keys and proofs: what verification is fed with.

use access::Revoked;
use contracts::{OrgId, UserId};
use jiff::Timestamp;
use stores::{Db, DbError, FromRow, Row, Rows, Tx, args};
use uuid::Uuid;

use super::keys::{COLUMNS, Key};

/// A signing key as it is kept.
pub(crate) struct KeyRow {
    pub id: String,
    pub algorithm: String,
    pub private_sealed: Vec<u8>,
    /// The public key as a JWK.
    pub public: String,
    pub created_at: Timestamp,
    pub signs_from: Timestamp,
    pub verifies_until: Option<Timestamp>,
}

impl FromRow for KeyRow {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            id: row.get("id")?,
            algorithm: row.get("algorithm")?,
            private_sealed: row.get("private_sealed")?,
            public: row.get("public")?,
            created_at: row.get("created_at")?,
            signs_from: row.get("signs_from")?,
            verifies_until: row.get("verifies_until")?,
        })
    }
}

/// The keys that still verify, the newest first.
pub(crate) async fn keys(db: &Db, now: Timestamp) -> Result<Vec<KeyRow>, DbError> {
    let sql = "SELECT id, algorithm, private_sealed, public, created_at, signs_from, verifies_until
        FROM auth_signing_keys WHERE verifies_until IS NULL OR verifies_until > $1 ORDER BY signs_from DESC LIMIT 16";
    db.fetch_all(sql, args![now]).await
}

pub(crate) async fn has_keys(tx: &mut Tx) -> Result<bool, DbError> {
    let count: i64 = tx.fetch_one("SELECT COUNT(*) FROM auth_signing_keys", args![]).await?;
    Ok(count > 0)
}

pub(crate) async fn insert_key(tx: &mut Tx, key: &KeyRow) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO auth_signing_keys (id, algorithm, private_sealed, public, created_at, signs_from)
        VALUES ($1, $2, $3, $4, $5, $6)",
        args![&key.id, &key.algorithm, key.private_sealed.as_slice(), &key.public, key.created_at, key.signs_from],
    )
    .await
    .map(|_| ())
}

/// Lets every other key of this algorithm verify until `until` and no longer.
pub(crate) async fn retire_others(tx: &mut Tx, algorithm: &str, id: &str, until: Timestamp) -> Result<(), DbError> {
    let sql = "UPDATE auth_signing_keys SET verifies_until = $3
        WHERE algorithm = $1 AND id <> $2 AND verifies_until IS NULL";
    tx.execute(sql, args![algorithm, id, until]).await.map(|_| ())
}

fn name(what: &Revoked) -> (&'static str, String) {
    match what {
        Revoked::Token(id) => ("token", id.to_string()),
        Revoked::Family(id) => ("family", id.to_string()),
        Revoked::Subject(id) => ("subject", id.clone()),
        Revoked::Client(id) => ("client", id.clone()),
    }
}

pub(crate) async fn revoke(tx: &mut Tx, what: &Revoked, at: Timestamp, until: Timestamp) -> Result<(), DbError> {
    let (kind, id) = name(what);
    tx.execute(
        "INSERT INTO auth_revocations (kind, id, revoked_at, until) VALUES ($1, $2, $3, $4)
        ON CONFLICT (kind, id) DO UPDATE SET revoked_at = excluded.revoked_at, until = excluded.until",
        args![kind, id, at, until],
    )
    .await
    .map(|_| ())
}

/// The revocations that matter still. One more than `limit` when there are more.
pub(crate) async fn revocations(
    db: &Db,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<(Revoked, Timestamp, Timestamp)>, DbError> {
    let sql = "SELECT kind, id, revoked_at, until FROM auth_revocations WHERE until > $1 LIMIT $2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let rows: Vec<(String, String, Timestamp, Timestamp)> = db.fetch_all(sql, args![now, limit]).await?;
    let read = |(kind, id, at, until): (String, String, Timestamp, Timestamp)| {
        let wrong = |_| DbError::Value(format!("a revocation of a {kind} has no id"));
        let what = match kind.as_str() {
            "token" => Revoked::Token(id.parse().map_err(wrong)?),
            "family" => Revoked::Family(id.parse().map_err(wrong)?),
            "subject" => Revoked::Subject(id),
            _ => Revoked::Client(id),
        };
        Ok((what, at, until))
    };
    rows.into_iter().map(read).collect()
}

/// A person's key as it is kept.
pub(crate) struct ApiKeyRow {
    pub key: Key,
    pub user: UserId,
    pub org: Option<OrgId>,
    pub name_sealed: Option<Vec<u8>>,
}

impl FromRow for ApiKeyRow {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            key: Key::from_row(row)?,
            user: row.get("user_id").map(UserId)?,
            org: row.get("org_id")?,
            name_sealed: row.get("name_sealed")?,
        })
    }
}

pub(crate) async fn insert_api_key(tx: &mut Tx, row: &ApiKeyRow) -> Result<(), DbError> {
    let key = &row.key;
    tx.execute(
        "INSERT INTO auth_api_keys (id, public_id, kind, user_id, org_id, name, salt, hash, scopes, created_at,
            expires_at, name_sealed) VALUES ($1, $2, $3, $4, $5, '', $6, $7, $8, $9, $10, $11)",
        args![
            key.id,
            &key.public_id,
            key.kind.as_str(),
            row.user.0,
            row.org,
            key.salt.as_slice(),
            key.hash.as_slice(),
            key.scopes.to_string(),
            key.created_at,
            key.expires_at,
            row.name_sealed.clone()
        ],
    )
    .await
    .map(|_| ())
}

/// The keys in force of a person, among those that the transaction sees.
pub(crate) async fn api_keys(
    tx: &mut Tx,
    user: UserId,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<ApiKeyRow>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS}, k.kind, k.user_id, k.org_id, k.name_sealed
        FROM auth_api_keys k JOIN auth_users u ON u.id = k.user_id
        WHERE k.revoked_at IS NULL AND u.disabled_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $1)
            AND k.user_id = $3 ORDER BY k.created_at DESC LIMIT $2"
    );
    tx.fetch_all(sql, args![now, i64::try_from(limit).unwrap_or(i64::MAX), user.0]).await
}

pub(crate) async fn end_api_key(tx: &mut Tx, user: UserId, id: Uuid, now: Timestamp) -> Result<bool, DbError> {
    // A view does not say how many rows it changed.
    let sql = "SELECT COUNT(*) FROM auth_api_keys WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL";
    if tx.fetch_one::<i64>(sql, args![id, user.0]).await? == 0 {
        return Ok(false);
    }
    tx.execute("UPDATE auth_api_keys SET revoked_at = $2 WHERE id = $1", args![id, now]).await?;
    Ok(true)
}

pub(crate) async fn end_api_keys(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<(), DbError> {
    tx.sees(Rows::All).await?;
    let sql = "UPDATE auth_api_keys SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL";
    tx.execute(sql, args![user.0, now]).await.map(|_| ())
}

pub(crate) async fn api_key_used(tx: &mut Tx, public_id: &str, at: Timestamp) -> Result<(), DbError> {
    let sql = "UPDATE auth_api_keys SET last_used_at = $2
        WHERE public_id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";
    tx.execute(sql, args![public_id, at]).await.map(|_| ())
}

/// Takes a proof once; says whether it was new.
pub(crate) async fn take_proof(db: &Db, name: &[u8], until: Timestamp) -> Result<bool, DbError> {
    let sql = "INSERT INTO auth_proofs (name, expires_at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
    Ok(db.execute(sql, args![name, until]).await? == 1)
}

/// Forgets what has ended; at most `limit` of each kind at a time.
pub(crate) async fn sweep(db: &Db, now: Timestamp, limit: i64) -> Result<(), DbError> {
    let statements = [
        "DELETE FROM auth_proofs WHERE name IN (SELECT name FROM auth_proofs WHERE expires_at < $1 LIMIT $2)",
        "DELETE FROM auth_requests WHERE handle_hash IN
            (SELECT handle_hash FROM auth_requests WHERE expires_at < $1 LIMIT $2)",
        "DELETE FROM auth_provider_states WHERE state_hash IN
            (SELECT state_hash FROM auth_provider_states WHERE expires_at < $1 LIMIT $2)",
        "DELETE FROM auth_revocations WHERE (kind, id) IN
            (SELECT kind, id FROM auth_revocations WHERE until < $1 LIMIT $2)",
        "DELETE FROM auth_device_codes WHERE code_hash IN
            (SELECT code_hash FROM auth_device_codes WHERE expires_at < $1 LIMIT $2)",
        // A used code is known as long as what came of it can be refreshed: who shows it again ends that.
        "DELETE FROM auth_codes WHERE code_hash IN (SELECT code_hash FROM auth_codes c WHERE c.expires_at < $1
            AND NOT EXISTS (SELECT 1 FROM auth_families f WHERE f.id = c.family_id AND f.revoked_at IS NULL
                AND f.expires_at > $1) LIMIT $2)",
        "DELETE FROM auth_refresh_tokens WHERE token_hash IN
            (SELECT token_hash FROM auth_refresh_tokens WHERE expires_at < $1 LIMIT $2)",
    ];
    super::retention::in_batches(db, &statements, now, limit).await
}
