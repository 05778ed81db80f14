//! What is kept of a person, in words that they can read: also what has ended. The newest comes first.

use contracts::UserId;
use stores::{Db, DbError, FromRow, Row, Rows, Tx, args};

use crate::{
    AuditEntry, audit,
    privacy::export::{ApplicationData, GrantData, KeyData, MembershipData, PasskeyData, ProviderData, SessionData},
};

/// The most rows of a kind that are handed out.
const MOST: i64 = 1_000;

async fn all<T: FromRow>(db: &Db, sql: &'static str, user: UserId) -> Result<Vec<T>, DbError> {
    db.fetch_all(sql, args![user.0, MOST]).await
}

impl FromRow for SessionData {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            id: row.get("id")?,
            agent: row.get("agent")?,
            sealed: row.get("agent_sealed")?,
            created_at: row.get("created_at")?,
            last_seen_at: row.get("last_seen_at")?,
            expires_at: row.get("expires_at")?,
            ended_at: row.get("revoked_at")?,
        })
    }
}

pub(crate) async fn sessions(db: &Db, user: UserId) -> Result<Vec<SessionData>, DbError> {
    let sql = "SELECT id, agent, agent_sealed, created_at, last_seen_at, expires_at, revoked_at FROM auth_sessions
        WHERE user_id = $1 ORDER BY created_at DESC, id LIMIT $2";
    all(db, sql, user).await
}

impl FromRow for KeyData {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            id: row.get("id")?,
            public_id: row.get("public_id")?,
            name: row.get("name")?,
            sealed: row.get("name_sealed")?,
            scopes: row.get::<String>("scopes")?.parse()?,
            created_at: row.get("created_at")?,
            expires_at: row.get("expires_at")?,
            last_used_at: row.get("last_used_at")?,
            ended_at: row.get("revoked_at")?,
        })
    }
}

/// In whichever organisation they were made.
pub(crate) async fn api_keys(tx: &mut Tx, user: UserId) -> Result<Vec<KeyData>, DbError> {
    tx.sees(Rows::All).await?;
    let sql = "SELECT id, public_id, name, name_sealed, scopes, created_at, expires_at, last_used_at, revoked_at
        FROM auth_api_keys WHERE user_id = $1 ORDER BY created_at DESC, id LIMIT $2";
    tx.fetch_all(sql, args![user.0, MOST]).await
}

impl FromRow for PasskeyData {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            name: row.get("name")?,
            sealed: row.get("name_sealed")?,
            created_at: row.get("created_at")?,
            last_used_at: row.get("last_used_at")?,
        })
    }
}

pub(crate) async fn passkeys(db: &Db, user: UserId) -> Result<Vec<PasskeyData>, DbError> {
    let sql = "SELECT name, name_sealed, created_at, last_used_at FROM auth_passkeys
        WHERE user_id = $1 ORDER BY created_at DESC, id LIMIT $2";
    all(db, sql, user).await
}

impl FromRow for ProviderData {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self { provider: row.get("provider")?, since: row.get("created_at")? })
    }
}

pub(crate) async fn providers(db: &Db, user: UserId) -> Result<Vec<ProviderData>, DbError> {
    let sql = "SELECT provider, created_at FROM auth_identities
        WHERE user_id = $1 ORDER BY created_at DESC, provider LIMIT $2";
    all(db, sql, user).await
}

impl FromRow for ApplicationData {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            client: row.get("client_id")?,
            name: row.get("name")?,
            scopes: row.get::<String>("scopes")?.parse()?,
            granted_at: row.get("granted_at")?,
        })
    }
}

pub(crate) async fn applications(db: &Db, user: UserId) -> Result<Vec<ApplicationData>, DbError> {
    let sql = "SELECT c.client_id, a.name, c.scopes, c.granted_at FROM auth_consents c
        LEFT JOIN auth_clients a ON a.id = c.client_id
        WHERE c.user_id = $1 ORDER BY c.granted_at DESC, c.client_id LIMIT $2";
    all(db, sql, user).await
}

impl FromRow for GrantData {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            client: row.get("client_id")?,
            scopes: row.get::<String>("scopes")?.parse()?,
            created_at: row.get("created_at")?,
            expires_at: row.get("expires_at")?,
            ended_at: row.get("revoked_at")?,
        })
    }
}

pub(crate) async fn grants(db: &Db, user: UserId) -> Result<Vec<GrantData>, DbError> {
    let sql = "SELECT client_id, scopes, created_at, expires_at, revoked_at FROM auth_families
        WHERE user_id = $1 ORDER BY created_at DESC, id LIMIT $2";
    all(db, sql, user).await
}

impl FromRow for MembershipData {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self { organisation: row.get("name")?, role: row.get("role")?, since: row.get("created_at")? })
    }
}

/// In all organisations.
pub(crate) async fn memberships(tx: &mut Tx, user: UserId) -> Result<Vec<MembershipData>, DbError> {
    tx.sees(Rows::All).await?;
    let sql = "SELECT o.name, m.role, m.created_at FROM auth_memberships m JOIN auth_orgs o ON o.id = m.org_id
        WHERE m.user_id = $1 ORDER BY m.created_at DESC, o.id LIMIT $2";
    tx.fetch_all(sql, args![user.0, MOST]).await
}

/// What was done by a person and to them, but for refreshes of tokens.
pub(crate) async fn audited(db: &Db, user: UserId) -> Result<Vec<AuditEntry>, DbError> {
    let columns = audit::COLUMNS;
    // One index each: with `OR` SQLite would walk the whole log.
    let newest = |table: &str, who: &str| {
        format!(
            "SELECT * FROM (SELECT {columns} FROM {table} WHERE {who} AND action <> 'token.refreshed'
            ORDER BY position DESC LIMIT $3) AS newest"
        )
    };
    let both = |table: &str| format!("{} UNION {}", newest(table, "actor = $1"), newest(table, "target = $2"));
    db.fetch_all(
        format!("{} UNION {} ORDER BY position DESC LIMIT $3", both("auth_audit"), both("auth_audit_cold")),
        args![format!("user:{user}"), user.to_string(), MOST],
    )
    .await
}
