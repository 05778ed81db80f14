//! Migrations: from nothing, twice, at once, and never backwards.

use stores::{Db, DbError, args, events};
use testkit::TestDb;

async fn goes_up_and_stays(test: &TestDb) {
    test.migrate().await.unwrap();
    let applied: Vec<(i64, String)> =
        test.fetch_all("SELECT version, name FROM schema_migrations ORDER BY version", args![]).await.unwrap();
    assert_eq!(applied[0], (1, "events".to_owned()));
    assert_eq!(events::head(test).await.unwrap(), 0);
}

async fn refuses_what_is_not_its_own(test: &TestDb) {
    let insert = "INSERT INTO schema_migrations (version, name, checksum) VALUES (9999, 'later', 'x')";
    test.execute(insert, args![]).await.unwrap();
    let newer = test.migrate().await.unwrap_err();
    assert!(matches!(newer, DbError::Newer { found: 9999, .. }), "{newer:?}");
    assert!(newer.to_string().starts_with("this data was written by a newer release of Media Gateway"), "{newer}");
    assert!(matches!(test.missing_migrations().await, Err(DbError::Newer { .. })));
    test.execute("DELETE FROM schema_migrations WHERE version = 9999", args![]).await.unwrap();
    test.migrate().await.unwrap();
    test.execute("UPDATE schema_migrations SET checksum = 'other' WHERE version = 1", args![]).await.unwrap();
    assert!(matches!(test.migrate().await, Err(DbError::Changed { version: 1 })));
}

/// What is missing can be asked of an empty database, which stays empty.
async fn tells_what_is_missing(db: &Db) {
    let missing = db.missing_migrations().await.unwrap();
    assert_eq!(missing.first(), Some(&"events"));
    assert!(db.fetch_all::<(i64,)>("SELECT version FROM schema_migrations", args![]).await.is_err());
    db.migrate().await.unwrap();
    assert_eq!(db.missing_migrations().await.unwrap(), Vec::<&str>::new());
}

#[tokio::test]
async fn sqlite_tells_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    tells_what_is_missing(&Db::open_sqlite(&folder.path().join("new.db"), &testkit::fast()).await.unwrap()).await;
}

#[tokio::test]
async fn sqlite_goes_up_and_refuses_what_is_newer() {
    let test = testkit::sqlite().await;
    goes_up_and_stays(&test).await;
    refuses_what_is_not_its_own(&test).await;
}

#[tokio::test]
async fn postgres_goes_up_and_refuses_what_is_newer() {
    let test = testkit::postgres().await;
    goes_up_and_stays(&test).await;
    refuses_what_is_not_its_own(&test).await;
}

/// Four openers of one empty database, each with its own connections.
async fn at_once(dbs: Vec<Db>) {
    let done = futures::future::join_all(dbs.iter().map(Db::migrate)).await;
    for result in done {
        result.unwrap();
    }
    assert_eq!(events::head(&dbs[0]).await.unwrap(), 0);
}

#[tokio::test]
async fn many_may_migrate_at_once_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let mut dbs = Vec::new();
    for _ in 0..4 {
        dbs.push(Db::open_sqlite(&folder.path().join("new.db"), &testkit::fast()).await.unwrap());
    }
    at_once(dbs).await;
}

#[tokio::test]
async fn many_may_migrate_at_once_on_postgres() {
    let test = testkit::postgres().await;
    let tables = "DROP SCHEMA public CASCADE";
    test.execute(tables, args![]).await.unwrap();
    test.execute("CREATE SCHEMA public", args![]).await.unwrap();
    tells_what_is_missing(&test).await;
    test.execute(tables, args![]).await.unwrap();
    test.execute("CREATE SCHEMA public", args![]).await.unwrap();
    let mut dbs = Vec::new();
    for _ in 0..4 {
        dbs.push(test.reopen(&testkit::fast()).await);
    }
    at_once(dbs).await;
}
