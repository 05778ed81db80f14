//! SQLite: one writer, a few readers beside it, and a deadline on every statement.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{
    ConnectOptions, Connection as _, Decode, Row as _, Sqlite, SqliteConnection, Transaction, TypeInfo as _,
    ValueRef as _,
    pool::PoolConnection,
    sqlite::{
        SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
        SqliteSynchronous,
    },
};
use tokio::sync::Notify;

use crate::{
    db::DbConfig,
    error::DbError,
    row::{Cell, Engine, Row},
    sql::Sql,
    value::{Value, timestamp_text},
};

/// The most readers: each is a thread, and more than the cores there are only compete.
const MAX_READERS: u32 = 8;
/// The writer's cache: 64 MiB, in negative KiB as SQLite wants it.
const WRITER_CACHE: &str = "-65536";
/// How many steps of SQLite's machine pass between two looks at the clock.
const STEPS: i32 = 20_000;

/// A SQLite file.
#[derive(Clone)]
pub struct SqliteDb {
    writer: Lane,
    readers: Arc<[Lane]>,
    turn: Arc<AtomicUsize>,
    timeout: Duration,
    pub(crate) appended: Arc<Notify>,
}

/// One connection with the deadline of the statement it runs. A pool of one, rather than a pool of many, because
/// SQLite asks "go on?" per connection: the question must find the deadline of the statement that this one runs.
#[derive(Clone)]
struct Lane {
    pool: SqlitePool,
    deadline: Deadline,
}

/// When the running statement must end, in milliseconds since `start`.
#[derive(Clone)]
struct Deadline {
    start: Instant,
    at: Arc<AtomicU64>,
}

impl Deadline {
    fn none() -> Self {
        Self { start: Instant::now(), at: Arc::new(AtomicU64::new(u64::MAX)) }
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn set(&self, timeout: Option<Duration>) {
        let at = match timeout {
            Some(timeout) => self.millis().saturating_add(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
            None => u64::MAX,
        };
        self.at.store(at, Ordering::Relaxed);
    }

    fn passed(&self) -> bool {
        self.millis() > self.at.load(Ordering::Relaxed)
    }
}

impl SqliteDb {
    pub(crate) async fn open(path: &Path, config: &DbConfig) -> Result<Self, DbError> {
        let writing = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(config.acquire_timeout)
            // What was deleted is gone from the file, not only from sight: a key that was destroyed must not be found.
            .pragma("secure_delete", "ON")
            // A large import grows the WAL; it shrinks again at the next checkpoint.
            .pragma("journal_size_limit", "67108864")
            // Pages in which an import writes again and again go to the file once in 32 MB, not once in 4.
            .pragma("wal_autocheckpoint", "8192")
            .statement_cache_capacity(256)
            .disable_statement_logging();
        // Keys without an order touch pages all over a large file: with 2 MB of them at hand each batch reads them anew. And a
        // statement of many rows keeps what every page held before it, so that it can be undone by itself: in a temporary
        // file those were more writes than the log's. Statements that write are bounded, and so is what they keep in memory.
        let options = writing.clone().pragma("cache_size", WRITER_CACHE).pragma("temp_store", "MEMORY");
        let writer = Lane::open(options, config).await.map_err(|error| error.at(path))?;
        let mut readers = Vec::new();
        for _ in 0..config.max_connections.clamp(1, MAX_READERS) {
            readers.push(Lane::open(writing.clone().pragma("query_only", "ON"), config).await?);
        }
        let turn = Arc::new(AtomicUsize::new(0));
        Ok(Self { writer, readers: readers.into(), turn, timeout: config.statement_timeout, appended: Arc::default() })
    }

    pub(crate) async fn fetch(&self, sql: &Sql, args: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let (lane, mut connection) =
            if sql.reads() { self.reader().await? } else { (&self.writer, self.writer.pool.acquire().await?) };
        fetch(&mut connection, lane, self.timeout, sql, args).await
    }

    pub(crate) async fn execute(&self, sql: &Sql, args: Vec<Value>) -> Result<u64, DbError> {
        let mut connection = self.writer.pool.acquire().await?;
        execute(&mut connection, &self.writer, self.timeout, sql, args).await
    }

    /// Lets every reader look at the tables anew, after a migration. One that prepares a `SELECT *` by what it knew before
    /// finds more columns than it was told of, and the driver then ends that query as if there were no rows.
    pub(crate) async fn look_anew(&self) -> Result<(), DbError> {
        for lane in self.readers.iter() {
            let mut connection = lane.pool.acquire().await?;
            sqlx::query("SELECT count(*) FROM sqlite_master").execute(&mut *connection).await?;
        }
        Ok(())
    }

    /// Takes the write lock at once: a transaction that starts to read and then writes could fail half-way.
    pub(crate) async fn begin(&self) -> Result<SqliteTx, DbError> {
        let tx = self.writer.pool.begin_with("BEGIN IMMEDIATE").await?;
        Ok(SqliteTx { tx, lane: self.writer.clone(), timeout: Some(self.timeout) })
    }

    pub(crate) async fn close(&self) {
        for lane in self.readers.iter() {
            lane.pool.close().await;
        }
        self.writer.pool.close().await;
    }

    /// The first reader that is free, else the next in turn.
    async fn reader(&self) -> Result<(&Lane, PoolConnection<Sqlite>), DbError> {
        for lane in self.readers.iter() {
            if let Some(connection) = lane.pool.try_acquire() {
                return Ok((lane, connection));
            }
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let lane = &self.readers[turn % self.readers.len()];
        Ok((lane, lane.pool.acquire().await?))
    }
}

impl Lane {
    async fn open(options: SqliteConnectOptions, config: &DbConfig) -> Result<Self, DbError> {
        let deadline = Deadline::none();
        let asked = deadline.clone();
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .min_connections(1)
            .acquire_timeout(config.acquire_timeout)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            // A full disk ends a transaction on its own, and the driver then counts one that is not there for ever.
            .before_acquire(|connection, _| {
                Box::pin(async move {
                    if connection.is_in_transaction() {
                        // A rollback may still be on its way to the connection's thread; this comes after it.
                        connection.ping().await?;
                    }
                    Ok(!connection.is_in_transaction())
                })
            })
            .after_connect(move |connection, _| {
                let asked = asked.clone();
                Box::pin(async move {
                    connection.lock_handle().await?.set_progress_handler(STEPS, move || !asked.passed());
                    Ok(())
                })
            })
            .connect_with(options)
            .await?;
        Ok(Self { pool, deadline })
    }
}

/// A transaction on the writer.
pub struct SqliteTx {
    tx: Transaction<'static, Sqlite>,
    lane: Lane,
    timeout: Option<Duration>,
}

impl SqliteTx {
    pub(crate) async fn fetch(&mut self, sql: &Sql, args: Vec<Value>) -> Result<Vec<Row>, DbError> {
        fetch(&mut self.tx, &self.lane, self.timeout.unwrap_or(Duration::MAX), sql, args).await
    }

    pub(crate) async fn execute(&mut self, sql: &Sql, args: Vec<Value>) -> Result<u64, DbError> {
        execute(&mut self.tx, &self.lane, self.timeout.unwrap_or(Duration::MAX), sql, args).await
    }

    /// Runs a script of several statements with no limit on time.
    pub(crate) async fn script(&mut self, script: &Sql) -> Result<(), DbError> {
        self.lane.deadline.set(None);
        sqlx::raw_sql(script.driver()).execute(&mut *self.tx).await?;
        Ok(())
    }

    pub(crate) async fn commit(self) -> Result<(), DbError> {
        self.lane.deadline.set(None);
        Ok(self.tx.commit().await?)
    }
}

async fn fetch(
    connection: &mut SqliteConnection,
    lane: &Lane,
    timeout: Duration,
    sql: &Sql,
    args: Vec<Value>,
) -> Result<Vec<Row>, DbError> {
    let sql = sql.unnamed(args.len());
    let query = sqlx::query_with(sql.driver(), arguments(args)?).persistent(sql.keep);
    lane.deadline.set(Some(timeout));
    let rows = query.fetch_all(connection).await.map_err(|error| DbError::from(error).after(timeout))?;
    Ok(rows.into_iter().map(|row| Row(Engine::Sqlite(row))).collect())
}

async fn execute(
    connection: &mut SqliteConnection,
    lane: &Lane,
    timeout: Duration,
    sql: &Sql,
    args: Vec<Value>,
) -> Result<u64, DbError> {
    let sql = sql.unnamed(args.len());
    let query = sqlx::query_with(sql.driver(), arguments(args)?).persistent(sql.keep);
    lane.deadline.set(Some(timeout));
    let done = query.execute(connection).await.map_err(|error| DbError::from(error).after(timeout))?;
    Ok(done.rows_affected())
}

pub(crate) fn arguments(values: Vec<Value>) -> Result<SqliteArguments, DbError> {
    use sqlx::Arguments as _;
    let mut args = SqliteArguments::default();
    args.reserve(values.len(), 0);
    for value in values {
        value.check()?;
        let added = match value {
            Value::Text(text) => args.add(text),
            Value::Integer(number) => args.add(number),
            Value::Real(number) => args.add(number),
            Value::Boolean(flag) => args.add(flag.map(i64::from)),
            Value::Uuid(id) => args.add(id.map(|id| id.as_bytes().to_vec())),
            Value::Timestamp(at) => args.add(at.map(timestamp_text)),
            Value::Date(date) => args.add(date.map(|date| date.to_string())),
            Value::Decimal(number) => args.add(number.map(|number| number.to_string())),
            Value::Json(json) => args.add(json.map(|json| json.to_string())),
            Value::Bytes(bytes) => args.add(bytes),
        };
        added.map_err(|error| DbError::Value(error.to_string()))?;
    }
    Ok(args)
}

/// The value at `index`, by the type that SQLite gave it.
pub(crate) fn cell(row: &SqliteRow, index: usize) -> Result<Cell<'_>, DbError> {
    if index >= row.len() {
        return Err(DbError::Value(format!("there is no column {index}")));
    }
    let raw = row.try_get_raw(index)?;
    if raw.is_null() {
        return Ok(Cell::Null);
    }
    let bad = |error: sqlx::error::BoxDynError| DbError::Value(format!("column {index} can't be read: {error}"));
    // Decoding takes a reference of its own: this one lends its type's name.
    let value = row.try_get_raw(index)?;
    Ok(match raw.type_info().name() {
        "INTEGER" => Cell::Integer(<i64 as Decode<Sqlite>>::decode(value).map_err(bad)?),
        "REAL" => Cell::Real(<f64 as Decode<Sqlite>>::decode(value).map_err(bad)?),
        "TEXT" => Cell::Text(<&str as Decode<Sqlite>>::decode(value).map_err(bad)?.into()),
        _ => Cell::Bytes(<&[u8] as Decode<Sqlite>>::decode(value).map_err(bad)?.into()),
    })
}

#[cfg(test)]
mod tests;
