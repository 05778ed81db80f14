//! The rows of the context's tables, as values.

use contracts::{OrgId, Role, Scopes, UserId};
use jiff::Timestamp;
use stores::{DbError, FromRow, Row};
use uuid::Uuid;

/// A list that is kept as words with spaces between.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn parse<T: std::str::FromStr>(row: &Row, column: &str) -> Result<T, DbError> {
    let text: String = row.get(column)?;
    text.parse().map_err(|_| DbError::Value(format!("column {column} does not hold what it should")))
}

fn org(row: &Row) -> Result<Option<OrgId>, DbError> {
    row.get("org_id")
}

/// A client.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub id: String,
    pub name: String,
    /// Absent for a public client.
    pub secret_hash: Option<Vec<u8>>,
    pub redirect_uris: Vec<String>,
    pub grant_types: Vec<String>,
    pub scopes: Scopes,
    /// One of our own: not asked to consent to what any of ours may.
    pub own: bool,
    /// Its tokens are always bound to a key.
    pub bound: bool,
    /// What it is when it stands for itself.
    pub role: Option<Role>,
    pub refresh_in_cookie: bool,
    /// Until when its metadata document needs no second look; absent for a registered client.
    pub metadata_until: Option<Timestamp>,
    pub created_at: Timestamp,
    pub disabled_at: Option<Timestamp>,
}

impl Client {
    pub(crate) fn may(&self, grant: &str) -> bool {
        self.grant_types.iter().any(|known| known == grant)
    }

    pub(crate) fn confidential(&self) -> bool {
        self.secret_hash.is_some()
    }
}

impl FromRow for Client {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Self::read(row, row.get("id")?, "")
    }
}

impl Client {
    /// Reads the columns of a client, each of whose names begins with `prefix`.
    fn read(row: &Row, id: String, prefix: &str) -> Result<Self, DbError> {
        let named = |column: &str| format!("{prefix}{column}");
        let role: Option<String> = row.get(&named("role"))?;
        Ok(Self {
            id,
            name: row.get(&named("name"))?,
            secret_hash: row.get(&named("secret_hash"))?,
            redirect_uris: words(&row.get::<String>(&named("redirect_uris"))?),
            grant_types: words(&row.get::<String>(&named("grant_types"))?),
            scopes: parse(row, &named("scopes"))?,
            own: row.get(&named("own"))?,
            bound: row.get(&named("bound"))?,
            role: role.map(|role| role.parse()).transpose()?,
            refresh_in_cookie: row.get(&named("refresh_in_cookie"))?,
            metadata_until: row.get(&named("metadata_until"))?,
            created_at: row.get(&named("created_at"))?,
            disabled_at: row.get(&named("disabled_at"))?,
        })
    }
}

/// A person.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub id: UserId,
    pub email_sealed: Option<Vec<u8>>,
    pub subject_key: Option<Vec<u8>>,
    pub password_hash: Option<String>,
    pub role: Role,
    pub email_verified_at: Option<Timestamp>,
    pub failed_attempts: u32,
    pub locked_until: Option<Timestamp>,
    pub created_at: Timestamp,
    pub disabled_at: Option<Timestamp>,
}

impl FromRow for User {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            id: row.get("id").map(UserId)?,
            email_sealed: row.get("email_sealed")?,
            subject_key: row.get("subject_key")?,
            password_hash: row.get("password_hash")?,
            role: parse(row, "role")?,
            email_verified_at: row.get("email_verified_at")?,
            failed_attempts: row.get("failed_attempts")?,
            locked_until: row.get("locked_until")?,
            created_at: row.get("created_at")?,
            disabled_at: row.get("disabled_at")?,
        })
    }
}

/// A browser that is signed in.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub id: Uuid,
    pub user: UserId,
    /// What it calls itself, once [`crate::Auth::sessions_of`] has opened it.
    pub agent: String,
    pub agent_sealed: Option<Vec<u8>>,
    pub authenticated_at: Timestamp,
    pub created_at: Timestamp,
    pub last_seen_at: Timestamp,
}

impl FromRow for Session {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            id: row.get("id")?,
            user: row.get("user_id").map(UserId)?,
            agent: row.get("agent")?,
            agent_sealed: row.get("agent_sealed")?,
            authenticated_at: row.get("authenticated_at")?,
            created_at: row.get("created_at")?,
            last_seen_at: row.get("last_seen_at")?,
        })
    }
}

/// What a person granted to a client: the root of a family of tokens.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub family: Uuid,
    pub client_id: String,
    pub user: UserId,
    pub session: Option<Uuid>,
    pub scopes: Scopes,
    pub resources: Vec<String>,
    pub org: Option<OrgId>,
    pub jkt: Option<String>,
    pub authenticated_at: Timestamp,
}

impl Grant {
    /// Reads the columns that codes and families share; `family` names the column of the family's id.
    fn read(row: &Row, family: &str) -> Result<Self, DbError> {
        Ok(Self {
            family: row.get(family)?,
            client_id: row.get("client_id")?,
            user: row.get("user_id").map(UserId)?,
            session: row.get("session_id")?,
            scopes: parse(row, "scopes")?,
            resources: words(&row.get::<String>("resources")?),
            org: org(row)?,
            jkt: row.get("jkt")?,
            authenticated_at: row.get("authenticated_at")?,
        })
    }
}

/// An authorization code.
pub(crate) struct Code {
    pub grant: Grant,
    pub redirect_uri: String,
    pub challenge: String,
    pub nonce: Option<String>,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
}

impl FromRow for Code {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            grant: Grant::read(row, "family_id")?,
            redirect_uri: row.get("redirect_uri")?,
            challenge: row.get("challenge")?,
            nonce: row.get("nonce")?,
            expires_at: row.get("expires_at")?,
            used_at: row.get("used_at")?,
        })
    }
}

/// A refresh token, its family, and who they are for.
pub(crate) struct Refresh {
    pub grant: Grant,
    /// What the person is; `None` for one who may not sign in any more.
    pub role: Option<Role>,
    /// Absent where the client is known no more.
    pub client: Option<Client>,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
    pub reply_sealed: Option<Vec<u8>>,
    /// Whether the token that followed was used as well.
    pub next_used: bool,
    pub family_ends: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

impl FromRow for Refresh {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let disabled: Option<Timestamp> = row.get("user_disabled_at")?;
        let role = parse(row, "user_role")?;
        let client = row.get::<Option<String>>("client_id_known")?;
        Ok(Self {
            grant: Grant::read(row, "family_id")?,
            role: disabled.is_none().then_some(role),
            client: client.map(|id| Client::read(row, id, "client_")).transpose()?,
            issued_at: row.get("issued_at")?,
            expires_at: row.get("token_ends")?,
            used_at: row.get("used_at")?,
            reply_sealed: row.get("reply_sealed")?,
            next_used: row.get::<Option<Timestamp>>("next_used_at")?.is_some(),
            family_ends: row.get("family_ends")?,
            revoked_at: row.get("revoked_at")?,
        })
    }
}

/// A device that waits for its person.
pub(crate) struct DeviceCode {
    pub client_id: String,
    pub scopes: Scopes,
    pub resources: Vec<String>,
    pub agent: String,
    pub interval_seconds: i64,
    pub polled_at: Option<Timestamp>,
    pub state: String,
    pub user: Option<UserId>,
    pub org: Option<OrgId>,
    pub authenticated_at: Option<Timestamp>,
    pub expires_at: Timestamp,
}

impl FromRow for DeviceCode {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            client_id: row.get("client_id")?,
            scopes: parse(row, "scopes")?,
            resources: words(&row.get::<String>("resources")?),
            agent: row.get("agent")?,
            interval_seconds: row.get("interval_seconds")?,
            polled_at: row.get("polled_at")?,
            state: row.get("state")?,
            user: row.get::<Option<Uuid>>("user_id")?.map(UserId),
            org: org(row)?,
            authenticated_at: row.get("authenticated_at")?,
            expires_at: row.get("expires_at")?,
        })
    }
}
