//! What SQLite and PostgreSQL can't share.

use crate::db::{Db, Tx};
use crate::error::DbError;

/// The most arguments of one statement that both engines take (SQLite: 32 766).
pub(crate) const MAX_ARGUMENTS: usize = 32_766;

/// A lock by name until the transaction ends; two names may share a lock, which only makes them wait.
pub(crate) const POSTGRES_LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";

/// The table that says which migrations were applied; the same text in both.
pub(crate) const SCHEMA_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)";

/// Counts the tables of that name: none before the first migration.
pub(crate) fn has_schema_table(db: &Db) -> &'static str {
    match db {
        Db::Sqlite(_) => "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'",
        Db::Postgres(_) => {
            "SELECT count(*) FROM information_schema.tables
             WHERE table_schema = current_schema() AND table_name = 'schema_migrations'"
        }
    }
}

/// A migration may take as long as it needs.
const POSTGRES_NO_LIMITS: &str = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0";

/// Lifts the limits on time until the transaction ends. SQLite's scripts have none.
pub(crate) async fn lift_limits(db: &Db, tx: &mut Tx) -> Result<(), DbError> {
    match db {
        Db::Sqlite(_) => Ok(()),
        Db::Postgres(_) => tx.script(POSTGRES_NO_LIMITS).await,
    }
}
