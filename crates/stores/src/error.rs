//! Why the database did not do what it was asked, and what of that a caller may read.

use std::{path::Path, time::Duration};

use contracts::{ApiError, ErrorKind};

const BUSY: &str = "database_busy";
const UNAVAILABLE: &str = "database_unavailable";
const STORAGE_FULL: &str = "storage_full";

/// A failure of the database, told apart as far as a caller can do something about it.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The schema is of a newer release than this program.
    #[error(
        "this data was written by a newer release of Media Gateway (schema {found}, this program knows {known}); start that release, or use another data folder or database"
    )]
    Newer {
        /// The schema version found.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// A migration that was applied is not the one this program knows by that number.
    #[error(
        "migration {version} was changed after it was applied to this database; it can't be opened by this program"
    )]
    Changed {
        /// The migration's number.
        version: i64,
    },
    /// Somebody else holds a lock, or every connection was taken, for too long.
    #[error("the database is locked by another process or too busy; try again")]
    Locked,
    /// A statement took longer than allowed.
    #[error("a database statement was stopped after {} ms", .0.as_millis())]
    Timeout(Duration),
    /// The disk is full.
    #[error("the disk that holds the database is full")]
    Full,
    /// SQLite could not write its files: the disk failed, or a file met a limit of its size.
    #[error("the database's files can't be written: the disk failed, or a limit of a file's size was met")]
    Unwritable,
    /// A unique value is there already. Holds what the database said.
    #[error("a value that must be unique is there already: {0}")]
    Unique(String),
    /// A foreign key, a check or a not-null constraint.
    #[error("a rule of the database was broken: {0}")]
    Constraint(String),
    /// Exactly one row was asked for, and there is none.
    #[error("a row that must be there is missing")]
    NoRow,
    /// A value that can't be stored, or that is not of the type asked for.
    #[error("{0}")]
    Value(String),
    /// The database can't be reached.
    #[error("the database can't be reached: {0}")]
    Unavailable(String),
    /// The file is damaged or is no database.
    #[error("the database file is damaged or is no database: {0}")]
    Corrupt(String),
    /// An earlier statement of the transaction failed, so that nothing of it may be kept.
    #[error("an earlier statement of this transaction failed, so that it was rolled back")]
    Failed,
    /// A use-case said no inside a transaction; carried through the database's own functions.
    #[error("{0}")]
    Refused(ApiError),
    /// Anything else: a fault of ours.
    #[error("the database refused a statement: {0}")]
    Other(String),
}

impl DbError {
    /// Whether trying again later may help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Locked | Self::Timeout(_) | Self::Unavailable(_) | Self::Full | Self::Unwritable)
    }

    /// Whether what a handler failed with is the database being away, rather than anything about what it handled.
    pub(crate) fn is_outage(error: &ApiError) -> bool {
        matches!(error.code.as_ref(), BUSY | UNAVAILABLE | STORAGE_FULL)
    }

    /// Says which file it is about.
    pub(crate) fn at(self, path: &Path) -> Self {
        match self {
            Self::Unavailable(cause) => Self::Unavailable(format!("{}: {cause}", path.display())),
            Self::Corrupt(cause) => Self::Corrupt(format!("{}: {cause}", path.display())),
            other => other,
        }
    }

    /// Puts the time allowed into a timeout whose driver didn't know it.
    pub(crate) fn after(self, allowed: Duration) -> Self {
        if matches!(self, Self::Timeout(_)) { Self::Timeout(allowed) } else { self }
    }
}

impl From<ApiError> for DbError {
    fn from(error: ApiError) -> Self {
        Self::Refused(error)
    }
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        let retry = Duration::from_secs(1);
        match error {
            DbError::Refused(error) => error,
            DbError::Locked => ApiError::unavailable(BUSY, error.to_string()).retry_after(retry),
            DbError::Timeout(_) => ApiError::unavailable("database_timeout", error.to_string()).retry_after(retry),
            DbError::Unavailable(ref cause) => {
                tracing::warn!(%cause, "the database can't be reached");
                ApiError::unavailable(UNAVAILABLE, "the database can't be reached").retry_after(retry)
            }
            DbError::Full | DbError::Unwritable => {
                ApiError::new(ErrorKind::StorageFull, STORAGE_FULL, error.to_string())
            }
            DbError::Unique(ref cause) => {
                tracing::debug!(%cause, "a unique value is there already");
                ApiError::new(ErrorKind::Conflict, "already_exists", "a value that must be unique is there already")
            }
            // What a driver says may hold values: it goes to the log's error field only, never to the caller.
            other => {
                tracing::error!(error = %other, "a database statement failed");
                ApiError::internal("the database refused a statement")
            }
        }
    }
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut => Self::Locked,
            sqlx::Error::RowNotFound => Self::NoRow,
            sqlx::Error::Database(database) => from_database(database.as_ref()),
            sqlx::Error::Io(cause) if cause.kind() == std::io::ErrorKind::StorageFull => Self::Full,
            sqlx::Error::Io(cause) => Self::Unavailable(cause.to_string()),
            sqlx::Error::Tls(cause) => Self::Unavailable(cause.to_string()),
            sqlx::Error::PoolClosed => Self::Unavailable("it was closed".to_owned()),
            sqlx::Error::WorkerCrashed => Self::Unavailable("its worker stopped".to_owned()),
            sqlx::Error::Protocol(cause) => Self::Unavailable(cause),
            sqlx::Error::ColumnNotFound(name) => Self::Value(format!("there is no column {name}")),
            other => Self::Other(other.to_string()),
        }
    }
}

fn from_database(error: &dyn sqlx::error::DatabaseError) -> DbError {
    let message = error.message().to_owned();
    match error.kind() {
        sqlx::error::ErrorKind::UniqueViolation => return DbError::Unique(message),
        sqlx::error::ErrorKind::Other => {}
        _ => return DbError::Constraint(message),
    }
    let code = error.code().unwrap_or_default();
    match error.try_downcast_ref::<sqlx::sqlite::SqliteError>() {
        Some(_) => from_sqlite(code.parse().unwrap_or(1), message),
        None => from_postgres(&code, message),
    }
}

/// Result codes of SQLite (sqlite.org/rescode.html); the low byte is the primary code.
fn from_sqlite(code: i32, message: String) -> DbError {
    const IOERR_WRITE: i32 = 778;
    const IOERR_FSYNC: i32 = 1034;
    const IOERR_TRUNCATE: i32 = 1546;
    const IOERR_SHMSIZE: i32 = 4874; // the WAL's index could not grow: the disk is full
    match (code & 0xff, code) {
        (5 | 6, _) => DbError::Locked,
        (9, _) => DbError::Timeout(Duration::ZERO),
        (13, _) | (_, IOERR_SHMSIZE) => DbError::Full,
        (_, IOERR_WRITE | IOERR_FSYNC | IOERR_TRUNCATE) => DbError::Unwritable,
        (11 | 26, _) => DbError::Corrupt(message),
        (8 | 10 | 14 | 23, _) => DbError::Unavailable(message),
        (19, _) => DbError::Constraint(message),
        _ => DbError::Other(message),
    }
}

/// SQLSTATE codes (postgresql.org/docs/current/errcodes-appendix.html).
fn from_postgres(code: &str, message: String) -> DbError {
    match code {
        "57014" => DbError::Timeout(Duration::ZERO),
        "55P03" | "40001" | "40P01" => DbError::Locked,
        "53100" => DbError::Full,
        "57P01" | "57P02" | "57P03" | "53300" => DbError::Unavailable(message),
        "3D000" | "28000" | "28P01" => DbError::Unavailable(message),
        _ if code.starts_with("08") => DbError::Unavailable(message),
        _ if code.starts_with("XX") => DbError::Corrupt(message),
        _ => DbError::Other(message),
    }
}
