//! PostgreSQL: a bounded pool, limits that the server keeps, and jiff's times in its binary format.

mod lent;
mod password;
pub(crate) mod scram;
mod transport;

use std::{sync::Arc, time::Duration};

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use sqlx::{
    ConnectOptions, Decode, Encode, PgConnection, Postgres, Row as _, Transaction, Type, TypeInfo as _, ValueRef as _,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgArguments, PgPool, PgPoolOptions, PgRow, PgTypeInfo, PgValueRef},
};
use tokio::sync::Notify;
use uuid::Uuid;

use lent::{Lent, Loan};
pub use password::PasswordFile;
pub use transport::Transport;

use crate::{
    db::DbConfig,
    error::DbError,
    row::{Cell, Engine, Row},
    sql::Sql,
    value::Value,
};

/// How long a connection may stay unused (O5).
const IDLE: Duration = Duration::from_secs(900);
/// 2000-01-01T00:00:00Z, from where PostgreSQL counts, in microseconds since 1970.
const EPOCH_MICROS: i64 = 946_684_800_000_000;
/// The same day, from where PostgreSQL counts days.
const EPOCH: Date = jiff::civil::date(2000, 1, 1);

/// A PostgreSQL database.
#[derive(Clone)]
pub struct PgDb {
    pool: PgPool,
    password: Option<Arc<password::Live>>,
    lent: Arc<Lent>,
    timeout: Duration,
    pub(crate) appended: Arc<Notify>,
}

impl PgDb {
    pub(crate) async fn open(url: &str, password: Option<PasswordFile>, config: &DbConfig) -> Result<Self, DbError> {
        let mut options = transport::options(url)?
            .application_name("media-gateway")
            .statement_cache_capacity(256)
            .disable_statement_logging();
        if let Some(file) = &password {
            let unread = |error: std::io::Error| {
                DbError::Unavailable(format!("its password can't be read from {}: {error}", file.path().display()))
            };
            options = options.password(&file.read().map_err(unread)?);
        }
        let limits = format!(
            "SET statement_timeout = {}; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {}",
            config.statement_timeout.as_millis(),
            config.acquire_timeout.as_millis(),
            IDLE.as_millis(),
        );
        let pool = PgPoolOptions::new()
            .max_connections(config.max_connections.max(1))
            .acquire_timeout(config.acquire_timeout)
            .idle_timeout(IDLE)
            .after_connect(move |connection, _| {
                let limits = Sql::from(limits.clone());
                Box::pin(async move { sqlx::raw_sql(limits.driver()).execute(connection).await.map(|_| ()) })
            })
            .connect_lazy_with(options);
        let password = password.map(|file| Arc::new(password::Live::new(file)));
        let (timeout, lent, appended) = (config.statement_timeout, Arc::default(), Arc::default());
        let db = Self { pool, password, lent, timeout, appended };
        db.connected(|| db.pool.acquire()).await.map(drop)?;
        Ok(db)
    }

    /// What `ask` wants of the pool, and the loan of a connection that goes with it.
    async fn connected<T, F>(&self, ask: impl Fn() -> F) -> Result<(T, Loan), DbError>
    where
        F: Future<Output = Result<T, sqlx::Error>>,
    {
        let (before, all) = (self.lent.ever(), self.pool.options().get_max_connections());
        match self.asked(ask).await {
            Ok(found) => Ok((found, self.lent.lend())),
            // The driver tries for as long as a server refuses connections, as one that starts does.
            Err(sqlx::Error::PoolTimedOut) if !self.lent.explains(before, all) => {
                Err(DbError::Unavailable("it did not answer in time".to_owned()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Asks the pool. Where that takes a new connection, and the server refuses its password, the file is read again: so
    /// another counts from the next connection on.
    async fn asked<T, F>(&self, ask: impl Fn() -> F) -> Result<T, sqlx::Error>
    where
        F: Future<Output = Result<T, sqlx::Error>>,
    {
        let Some(password) = &self.password else { return ask().await };
        let options = self.pool.connect_options();
        let asked = ask().await;
        let refused = asked.as_ref().is_err_and(password::is_refused);
        if refused && password.renew(&self.pool, &options).await {
            return ask().await;
        }
        asked
    }

    pub(crate) async fn fetch(&self, sql: &Sql, args: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let (mut connection, _loan) = self.connected(|| self.pool.acquire()).await?;
        fetch(&mut connection, self.timeout, sql, args).await
    }

    pub(crate) async fn execute(&self, sql: &Sql, args: Vec<Value>) -> Result<u64, DbError> {
        let (mut connection, _loan) = self.connected(|| self.pool.acquire()).await?;
        execute(&mut connection, self.timeout, sql, args).await
    }

    pub(crate) async fn begin(&self) -> Result<PgTx, DbError> {
        let (tx, loan) = self.connected(|| self.pool.begin()).await?;
        Ok(PgTx { tx, timeout: self.timeout, _loan: loan })
    }

    /// Gives this connection's user another password, of which the server is told the verifier alone.
    pub(crate) async fn set_password(&self, password: &str, salt: &[u8; 16]) -> Result<(), DbError> {
        let verifier = scram::verifier(password, salt)?;
        // On its disk once it is answered, whatever else the server may lose in a crash: the file follows.
        let sql = format!("SET synchronous_commit = on; ALTER ROLE SESSION_USER PASSWORD '{verifier}'");
        let (mut connection, _loan) = self.connected(|| self.pool.acquire()).await?;
        let done = sqlx::raw_sql(Sql::from(sql).driver()).execute(&mut *connection).await;
        done.map_err(|error| DbError::from(error).after(self.timeout)).map(|_| ())
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// A transaction, READ COMMITTED.
pub struct PgTx {
    tx: Transaction<'static, Postgres>,
    timeout: Duration,
    _loan: Loan,
}

impl PgTx {
    pub(crate) async fn fetch(&mut self, sql: &Sql, args: Vec<Value>) -> Result<Vec<Row>, DbError> {
        fetch(&mut self.tx, self.timeout, sql, args).await
    }

    pub(crate) async fn execute(&mut self, sql: &Sql, args: Vec<Value>) -> Result<u64, DbError> {
        execute(&mut self.tx, self.timeout, sql, args).await
    }

    /// Runs a script of several statements.
    pub(crate) async fn script(&mut self, script: &Sql) -> Result<(), DbError> {
        sqlx::raw_sql(script.driver()).execute(&mut *self.tx).await?;
        Ok(())
    }

    pub(crate) async fn commit(self) -> Result<(), DbError> {
        Ok(self.tx.commit().await?)
    }
}

async fn fetch(
    connection: &mut PgConnection,
    timeout: Duration,
    sql: &Sql,
    args: Vec<Value>,
) -> Result<Vec<Row>, DbError> {
    let query = sqlx::query_with(sql.driver(), arguments(args)?).persistent(sql.keep);
    let rows = query.fetch_all(connection).await.map_err(|error| DbError::from(error).after(timeout))?;
    Ok(rows.into_iter().map(|row| Row(Engine::Postgres(row))).collect())
}

async fn execute(
    connection: &mut PgConnection,
    timeout: Duration,
    sql: &Sql,
    args: Vec<Value>,
) -> Result<u64, DbError> {
    let query = sqlx::query_with(sql.driver(), arguments(args)?).persistent(sql.keep);
    let done = query.execute(connection).await.map_err(|error| DbError::from(error).after(timeout))?;
    Ok(done.rows_affected())
}

fn arguments(values: Vec<Value>) -> Result<PgArguments, DbError> {
    use sqlx::Arguments as _;
    let mut args = PgArguments::default();
    args.reserve(values.len(), values.len() * 16);
    for value in values {
        value.check()?;
        let added = match value {
            Value::Text(text) => args.add(text),
            Value::Integer(number) => args.add(number),
            Value::Real(number) => args.add(number),
            Value::Boolean(flag) => args.add(flag),
            Value::Uuid(id) => args.add(id),
            Value::Timestamp(at) => args.add(at.map(PgTimestamp)),
            Value::Date(date) => args.add(date.map(PgDate)),
            Value::Decimal(number) => args.add(number),
            Value::Json(json) => args.add(json),
            Value::Bytes(bytes) => args.add(bytes),
        };
        added.map_err(|error| DbError::Value(error.to_string()))?;
    }
    Ok(args)
}

/// The value at `index`, by the type of its column.
pub(crate) fn cell(row: &PgRow, index: usize) -> Result<Cell<'_>, DbError> {
    if index >= row.len() {
        return Err(DbError::Value(format!("there is no column {index}")));
    }
    let raw = row.try_get_raw(index)?;
    if raw.is_null() {
        return Ok(Cell::Null);
    }
    decode(raw).map_err(|error| DbError::Value(format!("column {index} can't be read: {error}")))
}

fn decode(raw: PgValueRef<'_>) -> Result<Cell<'_>, BoxDynError> {
    let value = raw.clone();
    Ok(match raw.type_info().name() {
        "INT8" => Cell::Integer(<i64 as Decode<Postgres>>::decode(value)?),
        "INT4" => Cell::Integer(<i32 as Decode<Postgres>>::decode(value)?.into()),
        "INT2" => Cell::Integer(<i16 as Decode<Postgres>>::decode(value)?.into()),
        "FLOAT8" => Cell::Real(<f64 as Decode<Postgres>>::decode(value)?),
        "FLOAT4" => Cell::Real(<f32 as Decode<Postgres>>::decode(value)?.into()),
        "BOOL" => Cell::Boolean(<bool as Decode<Postgres>>::decode(value)?),
        "UUID" => Cell::Uuid(<Uuid as Decode<Postgres>>::decode(value)?),
        "TIMESTAMPTZ" => Cell::Timestamp(<PgTimestamp as Decode<Postgres>>::decode(value)?.0),
        "DATE" => Cell::Date(<PgDate as Decode<Postgres>>::decode(value)?.0),
        "NUMERIC" => Cell::Decimal(<Decimal as Decode<Postgres>>::decode(value)?),
        "JSON" | "JSONB" => Cell::Json(<serde_json::Value as Decode<Postgres>>::decode(value)?),
        "BYTEA" => Cell::Bytes(<&[u8] as Decode<Postgres>>::decode(value)?.into()),
        _ => Cell::Text(<&str as Decode<Postgres>>::decode(value)?.into()),
    })
}

/// A time as PostgreSQL sends it: microseconds since 2000.
struct PgTimestamp(Timestamp);

impl Type<Postgres> for PgTimestamp {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("timestamptz")
    }
}

impl Encode<'_, Postgres> for PgTimestamp {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <i64 as Encode<Postgres>>::encode(self.0.as_microsecond() - EPOCH_MICROS, buffer)
    }
}

impl Decode<'_, Postgres> for PgTimestamp {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let micros = <i64 as Decode<Postgres>>::decode(value)?;
        Ok(Self(Timestamp::from_microsecond(micros.saturating_add(EPOCH_MICROS))?))
    }
}

/// A day as PostgreSQL sends it: days since 2000.
struct PgDate(Date);

impl Type<Postgres> for PgDate {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("date")
    }
}

impl Encode<'_, Postgres> for PgDate {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let days = i32::try_from(self.0.duration_since(EPOCH).as_hours() / 24)?;
        <i32 as Encode<Postgres>>::encode(days, buffer)
    }
}

impl Decode<'_, Postgres> for PgDate {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let days = <i32 as Decode<Postgres>>::decode(value)?;
        Ok(Self(EPOCH.checked_add(jiff::Span::new().try_days(days)?)?))
    }
}
