//! Somebody else's SQLite file.

use futures::TryStreamExt as _;
use stores::{Cell, DbError, Foreign, Row, args, sql};

#[tokio::test]
async fn a_foreign_file_is_read_in_batches_and_never_written() {
    let db = testkit::sqlite().await;
    let mut tx = db.begin().await.unwrap();
    tx.execute("CREATE TABLE \"odd \"\"films\" (id INTEGER, title TEXT, mixed)", args![]).await.unwrap();
    let rows = (0..25_i64).map(|n| args![n, format!("film {n}"), (n > 0).then_some(n as f64 / 2.0)]).collect();
    tx.insert_many("INSERT INTO \"odd \"\"films\" (id, title, mixed)", "", rows).await.unwrap();
    tx.commit().await.unwrap();

    let foreign = Foreign::open(&db.path().unwrap()).await.unwrap();
    let tables = foreign.tables().await.unwrap();
    let table = tables.iter().find(|name| name.starts_with("odd")).unwrap();
    let query = format!("SELECT id, title, mixed FROM {} WHERE id >= $1 ORDER BY id", sql::identifier(table));
    let batches: Vec<Vec<Row>> = foreign.rows(query, args![0], 10).try_collect().await.unwrap();
    assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 5]);
    assert_eq!(batches[2][4].get::<String>("title").unwrap(), "film 24");
    assert!(matches!(batches[0][0].cell(2).unwrap(), Cell::Null));
    assert!(matches!(batches[0][3].cell(2).unwrap(), Cell::Real(half) if half == 1.5));
    let written: Result<Vec<i64>, _> = foreign.fetch_all("DELETE FROM event_head RETURNING position", args![]).await;
    assert!(written.is_err());
    assert_eq!(db.fetch_one::<i64>("SELECT COUNT(*) FROM event_head", args![]).await.unwrap(), 1);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_named_for_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    assert!(matches!(Foreign::open(&path).await, Err(DbError::Unavailable(_))));
    assert!(!path.exists(), "nothing is made");
    std::fs::write(&path, "not a database, whatever its name says; ".repeat(60)).unwrap();
    assert!(matches!(Foreign::open(&path).await, Err(DbError::Corrupt(_))));
}
