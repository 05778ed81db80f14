//! `Db` and `Tx`.
use stores::args;

#[tokio::test]
async fn smoke() {
    let db = testkit::sqlite().await;
    let mut tx = db.begin().await.unwrap();
    tx.execute("CREATE TABLE t (a INTEGER)", args![]).await.unwrap();
    tx.insert_many("INSERT INTO t (a)", "", (0..1203i64).map(|n| args![n]).collect()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(db.fetch_one::<i64>("SELECT COUNT(*) FROM t", args![]).await.unwrap(), 1203);
}
