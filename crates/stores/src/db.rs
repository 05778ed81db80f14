//! `Db` and `Tx`: the same SQL over SQLite and PostgreSQL.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use contracts::OrgId;
use tokio::sync::Notify;

use crate::{
    dialect,
    error::DbError,
    migrate,
    postgres::{PasswordFile, PgDb, PgTx},
    row::{FromRow, Row},
    sql::{self, Sql},
    sqlite::{SqliteDb, SqliteTx},
    value::Value,
};

/// A statement slower than this is logged, by its text alone.
const SLOW: Duration = Duration::from_millis(100);
/// The most rows that one `INSERT` of [`Tx::insert_many`] takes.
const ROWS_A_STATEMENT: usize = 500;

/// The bounds of a database.
#[derive(Clone, Debug)]
pub struct DbConfig {
    /// The most connections (SQLite: readers, at most 8, beside its one writer).
    pub max_connections: u32,
    /// How long to wait for a connection or for another process's lock.
    pub acquire_timeout: Duration,
    /// How long a statement may run.
    pub statement_timeout: Duration,
}

impl Default for DbConfig {
    fn default() -> Self {
        Self {
            max_connections: 10,
            acquire_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(30),
        }
    }
}

/// A database. Cloning it is cheap, and the clones share their connections.
#[derive(Clone)]
pub enum Db {
    /// A SQLite file.
    Sqlite(SqliteDb),
    /// A PostgreSQL database.
    Postgres(PgDb),
}

impl Db {
    /// Opens a SQLite file, made when it is not there. Its folder must be.
    ///
    /// # Errors
    /// When the file can't be opened, is no database, or is locked for too long.
    pub async fn open_sqlite(path: &Path, config: &DbConfig) -> Result<Self, DbError> {
        SqliteDb::open(path, config).await.map(Self::Sqlite)
    }

    /// Connects to PostgreSQL: `postgres://user:password@host:port/database`, with `sslmode` and `sslrootcert` as libpq
    /// reads them: see [`Transport`](crate::Transport).
    ///
    /// # Errors
    /// When the server can't be reached or refuses.
    pub async fn open_postgres(url: &str, config: &DbConfig) -> Result<Self, DbError> {
        PgDb::open(url, None, config).await.map(Self::Postgres)
    }

    /// The same, with a password that is in a file and not in the address: another counts once the server refuses the one
    /// that was read last, from the next connection on.
    ///
    /// # Errors
    /// As [`Db::open_postgres`], or when the file can't be read.
    pub async fn open_postgres_with(url: &str, password: PasswordFile, config: &DbConfig) -> Result<Self, DbError> {
        PgDb::open(url, Some(password), config).await.map(Self::Postgres)
    }

    /// Gives the database user of these connections another password, of printable ASCII. The server is told a verifier of it
    /// (SCRAM-SHA-256), so that neither its log nor whoever sees its statements has the password. Connections stay.
    ///
    /// # Errors
    /// `Value` on SQLite, which has no users, and for another password; else as [`Db::execute`].
    pub async fn set_password(&self, password: &str, salt: &[u8; 16]) -> Result<(), DbError> {
        match self {
            Self::Sqlite(_) => Err(DbError::Value("SQLite has no users, and so no passwords".to_owned())),
            Self::Postgres(db) => db.set_password(password, salt).await,
        }
    }

    /// Brings the schema to this program's version, in one transaction; two processes may try at once.
    ///
    /// # Errors
    /// `Newer` and `Changed` when the data is not of this program's making, or the first migration that fails.
    pub async fn migrate(&self) -> Result<(), DbError> {
        migrate::run(self, i64::MAX).await
    }

    /// As [`Db::migrate`], with none of this `version` or a later one: what an older release left, for whoever shows what a newer
    /// one makes of it.
    ///
    /// # Errors
    /// As [`Db::migrate`].
    pub async fn migrate_before(&self, version: i64) -> Result<(), DbError> {
        migrate::run(self, version).await
    }

    /// The names of the migrations that [`Db::migrate`] would apply, in their order. Writes nothing.
    ///
    /// # Errors
    /// `Newer` and `Changed` as with [`Db::migrate`], or when the database can't be asked.
    pub async fn missing_migrations(&self) -> Result<Vec<&'static str>, DbError> {
        migrate::missing(self).await
    }

    /// The migrations that were applied, by number, with their names.
    ///
    /// # Errors
    /// As [`Db::fetch_all`].
    pub async fn applied_migrations(&self) -> Result<Vec<(i64, String)>, DbError> {
        self.fetch_all("SELECT version, name FROM schema_migrations ORDER BY version", Vec::new()).await
    }

    /// The rows that a statement gives. What only reads goes past SQLite's writer.
    ///
    /// # Errors
    /// When the statement fails or a row is not a `T`.
    pub async fn fetch_all<T: FromRow>(&self, sql: impl Into<Sql>, args: Vec<Value>) -> Result<Vec<T>, DbError> {
        read(self.rows(sql.into(), args).await?)
    }

    /// The first row, if there is one. The statement should ask for no more.
    ///
    /// # Errors
    /// As [`Db::fetch_all`].
    pub async fn fetch_optional<T: FromRow>(
        &self,
        sql: impl Into<Sql>,
        args: Vec<Value>,
    ) -> Result<Option<T>, DbError> {
        first(self.rows(sql.into(), args).await?)
    }

    /// The first row.
    ///
    /// # Errors
    /// `NoRow` when there is none; else as [`Db::fetch_all`].
    pub async fn fetch_one<T: FromRow>(&self, sql: impl Into<Sql>, args: Vec<Value>) -> Result<T, DbError> {
        self.fetch_optional(sql, args).await?.ok_or(DbError::NoRow)
    }

    /// Runs one statement in a transaction of its own and says how many rows it touched.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn execute(&self, sql: impl Into<Sql>, args: Vec<Value>) -> Result<u64, DbError> {
        let (sql, start) = (sql.into(), Instant::now());
        let done = match self {
            Self::Sqlite(db) => db.execute(&sql, args).await,
            Self::Postgres(db) => db.execute(&sql, args).await,
        };
        watch(&sql, start);
        done
    }

    /// Begins a transaction that can write. It is rolled back when it is dropped without [`Tx::commit`].
    ///
    /// On SQLite there is one at a time: keep it short, and never begin a second one before the first has ended.
    ///
    /// # Errors
    /// `Locked` when no turn came in time.
    pub async fn begin(&self) -> Result<Tx, DbError> {
        let engine = match self {
            Self::Sqlite(db) => Engine::Sqlite(db.begin().await?),
            Self::Postgres(db) => Engine::Postgres(db.begin().await?),
        };
        Ok(Tx { engine, failed: false, appended: Arc::clone(self.appended()), tells: false, scoped: false })
    }

    /// Takes away what deleted or changed rows of `table` leave behind in files: SQLite overwrites them with zeros, and
    /// here the log beside the file is emptied; PostgreSQL's row versions are vacuumed, by the server itself within a minute
    /// or so where this user does not own the table. `false`: a reader needs the log still, or the server was not told to do
    /// it, so ask again.
    ///
    /// # Errors
    /// As [`Db::execute`].
    pub async fn scrub(&self, table: &'static str) -> Result<bool, DbError> {
        match self {
            Self::Sqlite(_) => {
                let (busy, ..): (i64, i64, i64) = self.fetch_one("PRAGMA wal_checkpoint(TRUNCATE)", Vec::new()).await?;
                Ok(busy == 0)
            }
            Self::Postgres(_) => {
                // Nobody else is obeyed: the server does it by itself, if it was told to (`users::scrub_by_server`).
                if !self.owns(table).await? {
                    return self.is_scrubbed_by_server(table).await;
                }
                self.execute(format!("VACUUM {table}"), Vec::new()).await?;
                Ok(true)
            }
        }
    }

    /// Closes every connection, once those in use are given back.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(db) => db.close().await,
            Self::Postgres(db) => db.close().await,
        }
    }

    /// Asks the database for nothing, to see whether it answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), DbError> {
        self.fetch_one::<i64>("SELECT CAST(1 AS BIGINT)", Vec::new()).await.map(|_| ())
    }

    /// Wakes who waits for events that this process appends.
    pub(crate) fn appended(&self) -> &Arc<Notify> {
        match self {
            Self::Sqlite(db) => &db.appended,
            Self::Postgres(db) => &db.appended,
        }
    }

    async fn rows(&self, sql: Sql, args: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let start = Instant::now();
        let rows = match self {
            Self::Sqlite(db) => db.fetch(&sql, args).await,
            Self::Postgres(db) => db.fetch(&sql, args).await,
        };
        watch(&sql, start);
        rows
    }
}

/// A transaction. After a statement of it failed (or was abandoned half-way) nothing of it can be kept, on both
/// engines: every further statement and the commit answer `Failed`.
pub struct Tx {
    engine: Engine,
    failed: bool,
    appended: Arc<Notify>,
    /// Whether its commit is to wake who waits for events.
    tells: bool,
    /// Whether rows of organisations are seen: taken back at the end, where the engine does not do so by itself.
    scoped: bool,
}

/// Which rows of tables with an organisation a transaction sees. Those of nobody are seen by all who say anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Every one: for the node's own work and for operators.
    All,
    /// Those of an organisation, or of none.
    Of(Option<OrgId>),
}

enum Engine {
    Sqlite(SqliteTx),
    Postgres(PgTx),
}

impl Tx {
    /// As [`Db::fetch_all`], inside the transaction.
    ///
    /// # Errors
    /// As [`Db::fetch_all`]; `Failed` after an earlier failure.
    pub async fn fetch_all<T: FromRow>(&mut self, sql: impl Into<Sql>, args: Vec<Value>) -> Result<Vec<T>, DbError> {
        read(self.rows(sql.into(), args).await?)
    }

    /// As [`Db::fetch_optional`], inside the transaction.
    ///
    /// # Errors
    /// As [`Tx::fetch_all`].
    pub async fn fetch_optional<T: FromRow>(
        &mut self,
        sql: impl Into<Sql>,
        args: Vec<Value>,
    ) -> Result<Option<T>, DbError> {
        first(self.rows(sql.into(), args).await?)
    }

    /// As [`Db::fetch_one`], inside the transaction.
    ///
    /// # Errors
    /// As [`Tx::fetch_all`]; `NoRow` when there is none.
    pub async fn fetch_one<T: FromRow>(&mut self, sql: impl Into<Sql>, args: Vec<Value>) -> Result<T, DbError> {
        self.fetch_optional(sql, args).await?.ok_or(DbError::NoRow)
    }

    /// Runs one statement and says how many rows it touched.
    ///
    /// # Errors
    /// As [`Tx::fetch_all`].
    pub async fn execute(&mut self, sql: impl Into<Sql>, args: Vec<Value>) -> Result<u64, DbError> {
        let (sql, start) = (sql.into(), Instant::now());
        self.enter()?;
        let done = match &mut self.engine {
            Engine::Sqlite(tx) => tx.execute(&sql, args).await,
            Engine::Postgres(tx) => tx.execute(&sql, args).await,
        };
        watch(&sql, start);
        self.failed = done.is_err();
        done
    }

    /// Inserts many rows with few statements: `head` is `INSERT INTO t (a, b)`, `tail` is `ON CONFLICT …` or empty,
    /// and every row has as many values as `head` has columns. Says how many rows were touched.
    ///
    /// # Errors
    /// As [`Tx::execute`]; `Value` when the rows differ in width.
    pub async fn insert_many(
        &mut self,
        head: &'static str,
        tail: &'static str,
        rows: Vec<Vec<Value>>,
    ) -> Result<u64, DbError> {
        let Some(columns) = rows.first().map(Vec::len) else { return Ok(0) };
        if columns == 0 || rows.iter().any(|row| row.len() != columns) {
            return Err(DbError::Value("the rows of one insert differ in width".to_owned()));
        }
        // SQLite takes 32 766 arguments a statement, PostgreSQL 65 535.
        let chunk = (dialect::MAX_ARGUMENTS / columns).clamp(1, ROWS_A_STATEMENT);
        let full = (rows.len() >= chunk).then(|| Sql::from(sql::insert(head, tail, chunk, columns)));
        let mut touched = 0;
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let batch: Vec<_> = rows.by_ref().take(chunk).collect();
            let sql = match &full {
                Some(full) if batch.len() == chunk => full.clone(),
                _ => Sql::from(sql::insert(head, tail, batch.len(), columns)),
            };
            // A remainder of an odd size hardly ever comes again; a handful of rows does.
            let sql = if batch.len() == chunk || batch.len() <= 8 { sql } else { sql.once() };
            touched += self.execute(sql, batch.into_iter().flatten().collect()).await?;
        }
        Ok(touched)
    }

    /// Waits for the lock called `name` and holds it until the transaction ends. SQLite has one writer anyway.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub async fn lock(&mut self, name: &str) -> Result<(), DbError> {
        match &self.engine {
            Engine::Sqlite(_) => Ok(()),
            Engine::Postgres(_) => self.fetch_one(dialect::POSTGRES_LOCK, crate::args![name]).await,
        }
    }

    /// Its commit wakes who waits for events.
    pub(crate) fn tell_of_events(&mut self) {
        self.tells = true;
    }

    /// Says which rows of tables with an organisation it sees from here on: none until then. PostgreSQL's row security
    /// holds everybody to it but superusers; on SQLite the views over those tables do, by a row that says so: there, who only
    /// reads waits for a turn among those who write as well.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub async fn sees(&mut self, rows: Rows) -> Result<(), DbError> {
        let word = |org: fn(OrgId) -> String| match rows {
            Rows::All => "all".to_owned(),
            Rows::Of(None) => "none".to_owned(),
            Rows::Of(Some(id)) => org(id),
        };
        match &self.engine {
            Engine::Sqlite(_) => {
                let word = word(|id| id.0.simple().to_string());
                self.execute("UPDATE row_scope SET sees = $1 WHERE only_row = 1", crate::args![word]).await?;
                self.scoped = true;
            }
            Engine::Postgres(_) => {
                let word = word(|id| id.0.to_string());
                let sql = "SELECT set_config('media_gateway.rows', $1, true)";
                self.fetch_one::<String>(sql, crate::args![word]).await?;
            }
        }
        Ok(())
    }

    /// Makes everything of it durable.
    ///
    /// # Errors
    /// When it can't be, and then nothing of it is kept.
    pub async fn commit(mut self) -> Result<(), DbError> {
        if self.scoped {
            self.execute("UPDATE row_scope SET sees = NULL WHERE only_row = 1", Vec::new()).await?;
        }
        self.enter()?;
        let start = Instant::now();
        let done = match self.engine {
            Engine::Sqlite(tx) => tx.commit().await,
            Engine::Postgres(tx) => tx.commit().await,
        };
        watch(&Sql::from("COMMIT"), start);
        if self.tells && done.is_ok() {
            self.appended.notify_one();
        }
        done
    }

    /// Runs a script of several statements, however long it takes: its text is never logged.
    pub(crate) async fn script(&mut self, script: impl Into<Sql>) -> Result<(), DbError> {
        let script = script.into();
        self.enter()?;
        let done = match &mut self.engine {
            Engine::Sqlite(tx) => tx.script(&script).await,
            Engine::Postgres(tx) => tx.script(&script).await,
        };
        self.failed = done.is_err();
        done
    }

    async fn rows(&mut self, sql: Sql, args: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let start = Instant::now();
        self.enter()?;
        let rows = match &mut self.engine {
            Engine::Sqlite(tx) => tx.fetch(&sql, args).await,
            Engine::Postgres(tx) => tx.fetch(&sql, args).await,
        };
        watch(&sql, start);
        self.failed = rows.is_err();
        rows
    }

    /// Counts as failed until the statement has come back well, so that one that is dropped half-way counts too.
    /// PostgreSQL aborts a transaction by itself; SQLite may go on outside of it, which this must never let happen.
    fn enter(&mut self) -> Result<(), DbError> {
        if self.failed {
            return Err(DbError::Failed);
        }
        self.failed = true;
        Ok(())
    }
}

fn read<T: FromRow>(rows: Vec<Row>) -> Result<Vec<T>, DbError> {
    rows.iter().map(T::from_row).collect()
}

fn first<T: FromRow>(rows: Vec<Row>) -> Result<Option<T>, DbError> {
    rows.first().map(T::from_row).transpose()
}

fn watch(sql: &Sql, start: Instant) {
    let elapsed = start.elapsed();
    metrics::histogram!("db_statement_duration_seconds").record(elapsed.as_secs_f64());
    if elapsed > SLOW {
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        // A bulk statement repeats its placeholders; its head tells which it is.
        let text: String = sql.as_str().chars().take(160).collect();
        tracing::warn!(elapsed_ms, sql = text, "a database statement was slow");
    }
}
