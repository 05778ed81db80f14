//! What `Db` and `Tx` promise, whatever the engine. Each function takes a database with no tables of these names.

use std::time::{Duration, Instant};

use contracts::{ApiError, ErrorKind};
use futures::future::try_join_all;
use jiff::{Timestamp, civil::date};
use rust_decimal::Decimal;
use serde_json::json;
use uuid::Uuid;

use crate::{
    args,
    db::Db,
    error::DbError,
    row::{FromRow, Row},
    sql::placeholders,
    value::Value,
};

/// A table with a column of every type, in the engine's words.
async fn kinds(db: &Db) -> Result<(), DbError> {
    let table = match db {
        Db::Sqlite(_) => {
            "CREATE TABLE kinds (id INTEGER PRIMARY KEY, words TEXT, number INTEGER, real REAL, flag INTEGER,
                uuid BLOB, at TEXT, day TEXT, amount TEXT, json TEXT, bytes BLOB)"
        }
        Db::Postgres(_) => {
            "CREATE TABLE kinds (id BIGINT PRIMARY KEY, words TEXT, number BIGINT, real DOUBLE PRECISION, flag BOOLEAN,
                uuid UUID, at TIMESTAMPTZ, day DATE, amount NUMERIC, json JSONB, bytes BYTEA)"
        }
    };
    db.execute(table, args![]).await.map(|_| ())
}

const INSERT_KIND: &str = "INSERT INTO kinds (id, words, number, real, flag, uuid, at, day, amount, json, bytes)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

type Kind = (i64, Option<String>, Option<i64>, Option<f64>, Option<bool>, Option<Uuid>, Option<Timestamp>);
type MoreKind = (Option<jiff::civil::Date>, Option<Decimal>, Option<serde_json::Value>, Option<Vec<u8>>);

/// A value of every type comes back as it went in, and so does a null of every type.
///
/// # Errors
/// When the database fails.
pub async fn values_come_back_as_they_went_in(db: &Db) -> Result<(), DbError> {
    kinds(db).await?;
    let uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
    let at = time("1969-07-20T20:17:40.000001Z");
    let (day, amount) = (date(1927, 3, 5), Decimal::new(390, 2));
    let json = json!({"title": "Amélie ✨", "parts": [1, 2.5, null, true]});
    let args = args![1, "Ａ naïve “text”", i64::MIN, 1e-300, true, uuid, at, day, amount, json.clone(), vec![0u8, 255]];
    db.execute(INSERT_KIND, args).await?;
    let nulls = args![2, None::<String>, None::<i64>, None::<f64>, None::<bool>, None::<Uuid>, None::<Timestamp>];
    let nulls = nulls.into_iter().chain(args![
        None::<jiff::civil::Date>,
        None::<Decimal>,
        None::<serde_json::Value>,
        None::<Vec<u8>>
    ]);
    db.execute(INSERT_KIND, nulls.collect()).await?;

    let kinds: Vec<Kind> =
        db.fetch_all("SELECT id, words, number, real, flag, uuid, at FROM kinds ORDER BY id", args![]).await?;
    let words = Some("Ａ naïve “text”".to_owned());
    assert_eq!(kinds[0], (1, words, Some(i64::MIN), Some(1e-300), Some(true), Some(uuid), Some(at)));
    assert_eq!(kinds[1], (2, None, None, None, None, None, None));
    let more: Vec<MoreKind> = db.fetch_all("SELECT day, amount, json, bytes FROM kinds ORDER BY id", args![]).await?;
    assert_eq!(more[0], (Some(day), Some(amount), Some(json), Some(vec![0, 255])));
    assert_eq!(more[0].1.map(|amount| amount.to_string()).as_deref(), Some("3.90"), "the scale is kept");
    assert_eq!(more[1], (None, None, None, None));
    Ok(())
}

/// Order and comparison mean the same, and so does finding a row by a value of each type.
///
/// # Errors
/// When the database fails.
pub async fn values_sort_and_compare_alike(db: &Db) -> Result<(), DbError> {
    kinds(db).await?;
    let times =
        ["1888-10-14T00:00:00Z", "1999-12-31T23:59:59.999999Z", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5Z"];
    let mut tx = db.begin().await?;
    for (index, at) in (1..).zip(times) {
        let uuid = Uuid::from_u128(u128::from(u64::MAX) * (index as u128) * 17);
        let args = args![index, Value::from(at), index * 10, 0.5, index == 2, uuid, time(at), date(1900, 1, 1)];
        let rest = args![None::<Decimal>, json!([index]), vec![index as u8]];
        tx.execute(INSERT_KIND, args.into_iter().chain(rest).collect()).await?;
    }
    tx.commit().await?;
    let by = |column| format!("SELECT id FROM kinds ORDER BY {column} DESC");
    for column in ["at", "uuid", "number", "bytes"] {
        assert_eq!(db.fetch_all::<i64>(by(column), args![]).await?, [4, 3, 2, 1], "{column}");
    }
    let later = "SELECT id FROM kinds WHERE at > $1 AND number < $2 AND flag = $3 AND day = $4 ORDER BY id";
    let args = args![time("1999-12-31T23:59:59.999999Z"), 35, false, date(1900, 1, 1)];
    assert_eq!(db.fetch_all::<i64>(later, args).await?, [3]);
    let some = format!("SELECT id FROM kinds WHERE number IN {} ORDER BY id", placeholders(1, 3));
    assert_eq!(db.fetch_all::<i64>(some, args![10, 30, 99]).await?, [1, 3]);
    let none = format!("SELECT id FROM kinds WHERE number IN {}", placeholders(1, 0));
    assert!(db.fetch_all::<i64>(none, args![]).await?.is_empty());
    assert_eq!(db.fetch_one::<i64>("SELECT SUM(number) FROM kinds", args![]).await?, 100);
    assert_eq!(db.fetch_one::<f64>("SELECT AVG(number) FROM kinds", args![]).await?, 25.0);
    Ok(())
}

/// What one engine can't keep is refused by both, and a value of another type is never read as something else.
///
/// # Errors
/// When the database fails.
pub async fn what_does_not_fit_is_refused(db: &Db) -> Result<(), DbError> {
    kinds(db).await?;
    let put =
        |value: Value| async move { db.execute("INSERT INTO kinds (id, words) VALUES (1, $1)", vec![value]).await };
    for value in [Value::from("a\0b"), Value::from(json!({"a": ["\0"]}))] {
        let refused = put(value).await.map_err(ApiError::from).err().map(|error| (error.kind, error.code));
        assert_eq!(refused, Some((ErrorKind::InvalidArgument, "nul_character".into())));
    }
    assert!(matches!(put(Value::from(f64::NAN)).await, Err(DbError::Value(_))));
    put(Value::from("words")).await?;
    let read = db.fetch_one::<i64>("SELECT words FROM kinds", args![]).await;
    assert!(matches!(read, Err(DbError::Value(ref text)) if text.contains("column 0")), "{read:?}");
    let null = db.fetch_one::<String>("SELECT json FROM kinds WHERE json IS NULL", args![]).await;
    assert!(matches!(null, Err(DbError::Value(_))), "{null:?}");
    struct Missing;
    impl FromRow for Missing {
        fn from_row(row: &Row) -> Result<Self, DbError> {
            row.get::<i64>("nothing").map(|_| Self)
        }
    }
    let missing = db.fetch_one::<Missing>("SELECT id FROM kinds", args![]).await.err();
    assert!(matches!(missing, Some(DbError::Value(ref text)) if text.contains("nothing")), "{missing:?}");
    assert!(matches!(db.fetch_one::<i64>("SELECT id FROM kinds WHERE id = 7", args![]).await, Err(DbError::NoRow)));
    Ok(())
}

async fn counter(db: &Db) -> Result<(), DbError> {
    db.execute("CREATE TABLE counter (id BIGINT PRIMARY KEY, n BIGINT NOT NULL)", args![]).await?;
    db.execute("INSERT INTO counter (id, n) VALUES (1, 0)", args![]).await.map(|_| ())
}

async fn count(db: &Db) -> Result<i64, DbError> {
    db.fetch_one("SELECT n FROM counter WHERE id = 1", args![]).await
}

/// A dropped transaction leaves nothing, a committed one everything, and nobody sees half of one.
///
/// # Errors
/// When the database fails.
pub async fn a_dropped_transaction_leaves_nothing(db: &Db) -> Result<(), DbError> {
    counter(db).await?;
    let mut tx = db.begin().await?;
    assert_eq!(tx.execute("UPDATE counter SET n = 5", args![]).await?, 1);
    assert_eq!(tx.fetch_one::<i64>("SELECT n FROM counter", args![]).await?, 5, "it sees its own writes");
    assert_eq!(count(db).await?, 0, "others don't");
    drop(tx);
    assert_eq!(count(db).await?, 0);
    let mut tx = db.begin().await?;
    tx.execute("UPDATE counter SET n = 6", args![]).await?;
    tx.commit().await?;
    assert_eq!(count(db).await?, 6);
    Ok(())
}

/// After a statement failed, nothing of the transaction can be kept.
///
/// # Errors
/// When the database fails.
pub async fn a_failed_transaction_keeps_nothing(db: &Db) -> Result<(), DbError> {
    counter(db).await?;
    let mut tx = db.begin().await?;
    tx.execute("UPDATE counter SET n = 5", args![]).await?;
    let twice = tx.execute("INSERT INTO counter (id, n) VALUES (1, 1)", args![]).await;
    let Err(error @ DbError::Unique(_)) = twice else { panic!("{twice:?}") };
    assert_eq!(ApiError::from(error).kind, ErrorKind::Conflict);
    assert!(matches!(tx.execute("UPDATE counter SET n = 7", args![]).await, Err(DbError::Failed)));
    assert!(matches!(tx.commit().await, Err(DbError::Failed)));
    assert_eq!(count(db).await?, 0);
    let wrong = db.execute("INSERT INTO counter (id, n) VALUES (2, $1)", args![None::<i64>]).await;
    assert!(matches!(wrong, Err(DbError::Constraint(_))), "{wrong:?}");
    Ok(())
}

/// Many writers at once wait for each other; none fails and no update is lost.
///
/// # Errors
/// When the database fails.
pub async fn concurrent_writers_wait(db: &Db) -> Result<(), DbError> {
    counter(db).await?;
    let writers = (0..8).map(|_| async {
        for _ in 0..10 {
            let mut tx = db.begin().await?;
            tx.lock("counter").await?;
            let n: i64 = tx.fetch_one("SELECT n FROM counter WHERE id = 1", args![]).await?;
            tokio::task::yield_now().await;
            tx.execute("UPDATE counter SET n = $1 WHERE id = 1", args![n + 1]).await?;
            tx.commit().await?;
        }
        Ok::<_, DbError>(())
    });
    try_join_all(writers).await?;
    assert_eq!(count(db).await?, 80);
    Ok(())
}

/// Rows are inserted in any number, each once, in the columns they name.
///
/// # Errors
/// When the database fails.
pub async fn many_rows_go_in(db: &Db) -> Result<(), DbError> {
    db.execute("CREATE TABLE many (id BIGINT PRIMARY KEY, name TEXT)", args![]).await?;
    let mut expected = 0;
    for count in [0, 1, 8, 499, 500, 501, 1_234] {
        let mut tx = db.begin().await?;
        let row = |n: i64| args![n, (n % 2 == 0).then(|| format!("name {n}"))];
        let rows = (expected..expected + count).map(row).collect();
        let inserted = tx.insert_many("INSERT INTO many (id, name)", "ON CONFLICT DO NOTHING", rows).await?;
        let again =
            tx.insert_many("INSERT INTO many (id, name)", "ON CONFLICT DO NOTHING", vec![row(expected)]).await?;
        tx.commit().await?;
        assert_eq!(inserted, u64::try_from(count).unwrap_or(0));
        assert_eq!(again, u64::from(count == 0));
        expected += count.max(1);
    }
    let (rows, named): (i64, i64) = db.fetch_one("SELECT COUNT(*), COUNT(name) FROM many", args![]).await?;
    assert_eq!((rows, named), (expected, (expected + 1) / 2));
    let name: String = db.fetch_one("SELECT name FROM many WHERE id = 1000", args![]).await?;
    assert_eq!(name, "name 1000");
    let mut tx = db.begin().await?;
    let uneven = tx.insert_many("INSERT INTO many (id, name)", "", vec![args![1, "a"], args![2]]).await;
    assert!(matches!(uneven, Err(DbError::Value(_))));
    Ok(())
}

/// A statement that runs too long is stopped with a clear sentence, and the database goes on.
///
/// `db` is to be opened with a statement timeout well under 20 s.
///
/// # Errors
/// When the database fails.
pub async fn slow_statements_are_stopped(db: &Db) -> Result<(), DbError> {
    let endless = match db {
        Db::Sqlite(_) => "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) FROM n",
        Db::Postgres(_) => "SELECT 1::BIGINT FROM pg_sleep(60)",
    };
    let start = Instant::now();
    let Err(error) = db.fetch_one::<i64>(endless, args![]).await else { panic!("an endless statement ended") };
    assert!(start.elapsed() < Duration::from_secs(20), "stopped only after {:?}", start.elapsed());
    assert!(matches!(error, DbError::Timeout(_)), "{error:?}");
    assert!(error.to_string().starts_with("a database statement was stopped after "), "{error}");
    assert_eq!(ApiError::from(error).kind, ErrorKind::Unavailable);
    db.ping().await?;
    let mut tx = db.begin().await?;
    assert!(matches!(tx.fetch_one::<i64>(endless, args![]).await, Err(DbError::Timeout(_))));
    assert!(matches!(tx.commit().await, Err(DbError::Failed)));
    db.begin().await?.commit().await
}

fn time(text: &str) -> Timestamp {
    match text.parse() {
        Ok(at) => at,
        Err(error) => panic!("{text}: {error}"),
    }
}
