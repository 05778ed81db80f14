//! Somebody else's SQLite file, read and never written: what an ingest adapter takes its records from.

use std::{path::Path, time::Duration};

use futures::{
    StreamExt as _, TryStreamExt as _,
    stream::{self, BoxStream},
};
use sqlx::{
    ConnectOptions,
    sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions},
};

use crate::{
    args,
    error::DbError,
    row::{Engine, FromRow, Row},
    sql::Sql,
    sqlite,
    value::Value,
};

/// How long to wait for whoever writes to the file.
const BUSY: Duration = Duration::from_secs(5);

/// A SQLite file that is not ours.
#[derive(Clone)]
pub struct Foreign {
    pool: SqlitePool,
}

impl Foreign {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// `Unavailable` when it is not there or can't be read, `Corrupt` when it is no SQLite database.
    pub async fn open(path: &Path) -> Result<Self, DbError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .create_if_missing(false)
            .busy_timeout(BUSY)
            // Its schema is a stranger's: nothing in it may call functions with side effects.
            .pragma("trusted_schema", "OFF")
            .disable_statement_logging();
        let opened = Self::connect(options.clone()).await;
        match opened {
            // A file in WAL mode in a folder that can't be written: nobody can be writing to it either.
            Err(DbError::Unavailable(_)) if path.is_file() => Self::connect(options.immutable(true)).await,
            opened => opened,
        }
        .map_err(|error| error.at(path))
    }

    async fn connect(options: SqliteConnectOptions) -> Result<Self, DbError> {
        // Two, so that a question can be asked while rows are read.
        let pool = SqlitePoolOptions::new().max_connections(2).acquire_timeout(BUSY).connect_with(options).await?;
        let foreign = Self { pool };
        foreign.tables().await?;
        Ok(foreign)
    }

    /// The names of its tables and views, sorted.
    ///
    /// # Errors
    /// As [`Foreign::open`].
    pub async fn tables(&self) -> Result<Vec<String>, DbError> {
        let sql = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%'
            ESCAPE '\\' ORDER BY name";
        self.fetch_all(sql, args![]).await
    }

    /// All rows of a small answer.
    ///
    /// # Errors
    /// As [`Foreign::open`]; `Value` when a row is not a `T`.
    pub async fn fetch_all<T: FromRow>(&self, sql: impl Into<Sql>, args: Vec<Value>) -> Result<Vec<T>, DbError> {
        let query = sqlx::query_with(sql.into().driver(), sqlite::arguments(args)?);
        let rows = query.fetch_all(&self.pool).await?;
        rows.into_iter().map(|row| T::from_row(&Row(Engine::Sqlite(row)))).collect()
    }

    /// Reads a large answer as it comes, `batch` rows at a time. Put names that come from the file itself through
    /// [`crate::sql::identifier`].
    pub fn rows(
        &self,
        sql: impl Into<Sql>,
        args: Vec<Value>,
        batch: usize,
    ) -> BoxStream<'_, Result<Vec<Row>, DbError>> {
        let args = match sqlite::arguments(args) {
            Ok(args) => args,
            Err(error) => return stream::iter([Err(error)]).boxed(),
        };
        sqlx::query_with(sql.into().driver(), args)
            .fetch(&self.pool)
            .map(|row| row.map(|row| Row(Engine::Sqlite(row))).map_err(DbError::from))
            .try_chunks(batch.max(1))
            .map_err(|error| error.1)
            .boxed()
    }
}
