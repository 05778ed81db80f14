//! What only SQLite does.

use crate::{args, db::DbConfig};

use super::*;

#[tokio::test]
async fn readers_see_the_columns_of_a_migration() {
    let folder = tempfile::tempdir().unwrap();
    let db = SqliteDb::open(&folder.path().join("test.db"), &DbConfig::default()).await.unwrap();
    for sql in ["CREATE TABLE t (a INTEGER)", "INSERT INTO t VALUES (1)"] {
        db.execute(&Sql::from(sql), args![]).await.unwrap();
    }
    let read = async |lane: &Lane, sql: &'static str| {
        let mut connection = lane.pool.acquire().await.unwrap();
        fetch(&mut connection, lane, db.timeout, &Sql::from(sql), args![]).await.unwrap()
    };
    for lane in db.readers.iter() {
        assert_eq!(read(lane, "SELECT a FROM t").await.len(), 1);
    }
    db.execute(&Sql::from("ALTER TABLE t ADD COLUMN b INTEGER NOT NULL DEFAULT 2"), args![]).await.unwrap();
    db.look_anew().await.unwrap();
    for lane in db.readers.iter() {
        let rows = read(lane, "SELECT * FROM t").await;
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].get::<i64>("b").unwrap(), 2);
    }
}
