//! What is kept of every key that programs show, whomever it stands for.

use access::{KeyKind, SALT_BYTES};
use contracts::Scopes;
use jiff::Timestamp;
use stores::{DbError, FromRow, Row};
use uuid::Uuid;

/// The columns that every table of keys has, under the name `k`.
pub(crate) const COLUMNS: &str =
    "k.id, k.public_id, k.name, k.salt, k.hash, k.scopes, k.created_at, k.expires_at, k.last_used_at";

/// A key as it is kept.
pub(crate) struct Key {
    pub id: Uuid,
    pub public_id: String,
    pub kind: KeyKind,
    /// What it is for; of a person's key once that is opened.
    pub name: String,
    pub salt: [u8; SALT_BYTES],
    pub hash: [u8; 32],
    pub scopes: Scopes,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
}

impl FromRow for Key {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let wrong = || DbError::Value("a key is not kept as it should be".to_owned());
        Ok(Self {
            id: row.get("id")?,
            public_id: row.get("public_id")?,
            kind: KeyKind::parse(&row.get::<String>("kind")?).ok_or_else(wrong)?,
            name: row.get("name")?,
            salt: row.get::<Vec<u8>>("salt")?.try_into().map_err(|_| wrong())?,
            hash: row.get::<Vec<u8>>("hash")?.try_into().map_err(|_| wrong())?,
            scopes: row.get::<String>("scopes")?.parse()?,
            created_at: row.get("created_at")?,
            expires_at: row.get("expires_at")?,
            last_used_at: row.get("last_used_at")?,
        })
    }
}
