//! Keys of programs that stand for themselves.

use access::{ApiKeyRecord, KeyKind, SALT_BYTES};
use contracts::{Role, Scopes, Subject};
use jiff::Timestamp;
use stores::{Db, DbError, FromRow, Row, Tx, args};
use uuid::Uuid;

/// A key as it is kept.
pub(crate) struct ServiceKeyRow {
    pub id: Uuid,
    pub public_id: String,
    pub client: String,
    pub name: String,
    pub salt: [u8; SALT_BYTES],
    pub hash: [u8; 32],
    pub scopes: Scopes,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    /// What its client is.
    pub role: Role,
}

impl FromRow for ServiceKeyRow {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let wrong = || DbError::Value("a key of a service is not kept as it should be".to_owned());
        Ok(Self {
            id: row.get("id")?,
            public_id: row.get("public_id")?,
            client: row.get("client_id")?,
            name: row.get("name")?,
            salt: row.get::<Vec<u8>>("salt")?.try_into().map_err(|_| wrong())?,
            hash: row.get::<Vec<u8>>("hash")?.try_into().map_err(|_| wrong())?,
            scopes: row.get::<String>("scopes")?.parse()?,
            created_at: row.get("created_at")?,
            expires_at: row.get("expires_at")?,
            last_used_at: row.get("last_used_at")?,
            role: row.get::<String>("role")?.parse()?,
        })
    }
}

impl ServiceKeyRow {
    /// What verification needs of it.
    pub(crate) fn record(self) -> (String, ApiKeyRecord) {
        let Self { salt, hash, client, role, scopes, created_at, expires_at, .. } = self;
        let (kind, subject) = (KeyKind::Service, Subject::Service(client));
        (self.public_id, ApiKeyRecord { kind, salt, hash, subject, role, org: None, scopes, created_at, expires_at })
    }
}

pub(crate) async fn insert(tx: &mut Tx, key: &ServiceKeyRow) -> Result<(), DbError> {
    let sql =
        "INSERT INTO auth_service_keys (id, public_id, client_id, name, salt, hash, scopes, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let args = args![
        key.id,
        &key.public_id,
        &key.client,
        &key.name,
        key.salt.as_slice(),
        key.hash.as_slice(),
        key.scopes.to_string(),
        key.created_at,
        key.expires_at
    ];
    tx.execute(sql, args).await.map(|_| ())
}

/// The keys in force of a client, or of all clients.
pub(crate) async fn in_force(
    db: &Db,
    client: Option<&str>,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<ServiceKeyRow>, DbError> {
    let condition = if client.is_some() { "AND k.client_id = $3" } else { "" };
    let mut args = args![now, i64::try_from(limit).unwrap_or(i64::MAX)];
    args.extend(client.map(Into::into));
    let sql = format!(
        "SELECT k.id, k.public_id, k.client_id, k.name, k.salt, k.hash, k.scopes, k.created_at, k.expires_at,
            k.last_used_at, c.role
        FROM auth_service_keys k JOIN auth_clients c ON c.id = k.client_id
        WHERE k.revoked_at IS NULL AND c.disabled_at IS NULL AND c.role IS NOT NULL
            AND (k.expires_at IS NULL OR k.expires_at > $1) {condition}
        ORDER BY k.created_at DESC, k.id LIMIT $2"
    );
    db.fetch_all(sql, args).await
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
