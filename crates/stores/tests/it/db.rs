//! What `Db` does when another process has the file, or the file is not what it should be.

use std::time::{Duration, Instant};

use contracts::{ApiError, ErrorKind};
use futures::future::join_all;
use stores::{Db, DbConfig, DbError, Transport, args};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

#[tokio::test]
async fn what_is_committed_survives() {
    let db = testkit::sqlite().await;
    let mut tx = db.begin().await.unwrap();
    tx.execute("CREATE TABLE kept (n INTEGER)", args![]).await.unwrap();
    tx.execute("INSERT INTO kept (n) VALUES (7)", args![]).await.unwrap();
    tx.commit().await.unwrap();
    db.close().await;
    let again = db.reopen(&DbConfig::default()).await;
    again.migrate().await.unwrap();
    assert_eq!(again.fetch_one::<i64>("SELECT n FROM kept", args![]).await.unwrap(), 7);
    assert_eq!(again.fetch_one::<String>("PRAGMA journal_mode", args![]).await.unwrap(), "wal");
    assert_eq!(again.fetch_one::<i64>("PRAGMA synchronous", args![]).await.unwrap(), 2, "FULL");
    assert_eq!(again.fetch_one::<i64>("PRAGMA foreign_keys", args![]).await.unwrap(), 1);
}

/// The lock is one of SQLite's own, on a connection of its own: what a second process would hold.
#[tokio::test]
async fn a_locked_database_is_unavailable_in_one_line() {
    let db = testkit::sqlite().await;
    let other = db.reopen(&testkit::fast()).await;
    let config = DbConfig { acquire_timeout: Duration::from_secs(1), ..testkit::fast() };
    let db = db.reopen(&config).await;
    let lock = other.begin().await.unwrap();
    let start = Instant::now();
    for error in [db.begin().await.err().unwrap(), db.execute("DELETE FROM events", args![]).await.unwrap_err()] {
        let error = ApiError::from(error);
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert_eq!(error.detail, "the database is locked by another process or too busy; try again");
    }
    assert!(start.elapsed() < Duration::from_secs(9), "twice as long as was said, and not as is usual");
    assert_eq!(db.fetch_one::<i64>("SELECT position FROM event_head", args![]).await.unwrap(), 0, "reading goes on");
    lock.commit().await.unwrap();
    db.begin().await.unwrap().commit().await.unwrap();
}

#[tokio::test]
async fn readers_do_not_wait_for_a_writer_and_cannot_write() {
    let db = testkit::sqlite().await;
    let writing = db.begin().await.unwrap();
    let reads = (0..20).map(|_| db.fetch_one::<i64>("SELECT position FROM event_head", args![]));
    for read in futures::future::join_all(reads).await {
        assert_eq!(read.unwrap(), 0);
    }
    let sneaky =
        "WITH five AS (SELECT 5 AS n) UPDATE event_head SET position = (SELECT n FROM five) RETURNING position";
    drop(writing);
    assert!(db.fetch_all::<i64>(sneaky, args![]).await.is_err());
    let returning = "UPDATE event_head SET position = 3 RETURNING position";
    assert_eq!(db.fetch_one::<i64>(returning, args![]).await.unwrap(), 3, "what plainly writes goes to the writer");
}

/// A page limit stands for the disk: SQLite reports both as the same error.
#[tokio::test]
async fn a_full_disk_says_so_and_keeps_what_was_there() {
    let db = testkit::sqlite().await;
    db.execute("CREATE TABLE large (bytes BLOB)", args![]).await.unwrap();
    db.execute("PRAGMA max_page_count = 60", args![]).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let full =
        tx.insert_many("INSERT INTO large (bytes)", "", (0..9).map(|_| args![vec![1u8; 99_999]]).collect()).await;
    assert_eq!(ApiError::from(full.unwrap_err()).kind, ErrorKind::StorageFull);
    assert!(matches!(tx.commit().await, Err(DbError::Failed)));
    assert_eq!(db.fetch_one::<i64>("SELECT COUNT(*) FROM large", args![]).await.unwrap(), 0);
    db.execute("UPDATE event_head SET position = 1", args![]).await.unwrap();
}

/// A statement that is dropped half-way must not leave a transaction that can still be committed.
#[tokio::test]
async fn an_abandoned_statement_ends_its_transaction() {
    let db = testkit::sqlite().await;
    let mut tx = db.begin().await.unwrap();
    tx.execute("UPDATE event_head SET position = 9", args![]).await.unwrap();
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 9000000) SELECT MAX(i) FROM n";
    let abandoned = tokio::time::timeout(Duration::from_millis(20), tx.fetch_one::<i64>(endless, args![])).await;
    assert!(abandoned.is_err());
    assert!(matches!(tx.commit().await, Err(DbError::Failed)));
    assert_eq!(db.fetch_one::<i64>("SELECT position FROM event_head", args![]).await.unwrap(), 0);
    db.begin().await.unwrap().commit().await.unwrap();
}

#[tokio::test]
async fn what_is_no_database_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.db");
    std::fs::write(&path, "these are notes, and a good many of them, but no database at all\n".repeat(100)).unwrap();
    let error = Db::open_sqlite(&path, &testkit::fast()).await.err().unwrap();
    assert!(matches!(error, DbError::Corrupt(_)), "{error:?}");
    let error = Db::open_sqlite(&folder.path().join("none/x.db"), &testkit::fast()).await.err().unwrap();
    assert!(matches!(error, DbError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn an_unreachable_server_is_unavailable_and_keeps_the_password() {
    let config = DbConfig { acquire_timeout: Duration::from_millis(500), ..testkit::fast() };
    for url in ["postgres://u:hunter2@127.0.0.1:1/x", "mysql://u:hunter2@h/x", "hunter2"] {
        let error = Db::open_postgres(url, &config).await.err().unwrap();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert_eq!(ApiError::from(error).kind, ErrorKind::Unavailable);
    }
}

/// A way to the server of `url` that lasts until the task is aborted, and the address through it.
async fn way(url: &str) -> (String, JoinHandle<()>) {
    let (head, rest) = url.split_once('@').unwrap();
    let (server, path) = rest.split_once('/').unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let through = format!("{head}@{}/{path}", listener.local_addr().unwrap());
    let server = server.to_owned();
    let carried = tokio::spawn(async move {
        let mut wires = JoinSet::new();
        while let Ok((mut here, _)) = listener.accept().await {
            let mut there = TcpStream::connect(&server).await.unwrap();
            wires.spawn(async move { tokio::io::copy_bidirectional(&mut here, &mut there).await });
        }
    });
    (through, carried)
}

/// Of more than may connect at once nobody is told that others have the connections: nobody has one.
#[tokio::test]
async fn a_server_that_stopped_is_unavailable_and_not_busy() {
    let database = testkit::postgres().await;
    let (url, carried) = way(&database.url().unwrap()).await;
    let config = DbConfig { max_connections: 2, acquire_timeout: Duration::from_secs(3), ..testkit::fast() };
    let db = Db::open_postgres(&url, &config).await.unwrap();
    db.ping().await.unwrap();
    carried.abort();
    assert!(carried.await.unwrap_err().is_cancelled());
    for asked in join_all((0..6).map(|_| db.ping())).await {
        let error = asked.unwrap_err();
        assert!(matches!(error, DbError::Unavailable(_)), "{error:?}");
        assert_eq!(ApiError::from(error).code, "database_unavailable");
    }
}

/// A full disk ends the transaction within SQLite, which the driver does not notice: the next one must not pay for it.
#[tokio::test]
async fn after_a_full_disk_the_next_transaction_begins() {
    let db = testkit::sqlite().await;
    db.execute("CREATE TABLE big (text TEXT)", args![]).await.unwrap();
    for _ in 0..2 {
        db.execute("PRAGMA max_page_count = 1", args![]).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let full = tx.execute("INSERT INTO big (text) VALUES ($1)", args!["x".repeat(1_000_000)]).await;
        assert!(matches!(full, Err(DbError::Full)), "{full:?}");
        assert!(matches!(tx.commit().await, Err(DbError::Failed)));
        db.execute("PRAGMA max_page_count = 1000000", args![]).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        tx.execute("INSERT INTO big (text) VALUES ($1)", args!["kept"]).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert_eq!(db.fetch_one::<i64>("SELECT COUNT(*) FROM big", args![]).await.unwrap(), 2);
}

/// Who asks for it speaks TLS with the server, and believes only one that shows a certificate of its name that is of an
/// authority it knows.
#[tokio::test]
async fn postgres_is_spoken_to_encrypted() {
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("run `make test`: {name} is not set"));
    let (server, root) = (variable(testkit::POSTGRES), variable(testkit::POSTGRES_ROOT));
    let plain = server.split('?').next().unwrap();
    let open = async |server: &str, query: &str| {
        let url = format!("{server}?{query}");
        (Db::open_postgres(&url, &testkit::fast()).await, Transport::of(&url).unwrap())
    };
    let trusting = format!("sslmode=verify-full&sslrootcert={root}");
    for (query, expected) in [
        ("sslmode=disable", Transport::Local),
        ("sslmode=require", Transport::Encrypted),
        (trusting.replace("verify-full", "require").as_str(), Transport::Encrypted),
        (trusting.as_str(), Transport::Verified),
    ] {
        let (db, transport) = open(plain, query).await;
        let (db, sql) = (db.unwrap(), "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
        let encrypted: bool = db.fetch_one(sql, args![]).await.unwrap();
        assert_eq!((transport, encrypted), (expected, expected != Transport::Local), "{query}");
        db.close().await;
    }
    // Not of an authority that the system believes; not of that name; not of this authority.
    let named = plain.replace("127.0.0.1", "localhost");
    let other = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(other.path(), rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap().cert.pem())
        .unwrap();
    let other = format!("sslmode=require&sslrootcert={}", other.path().display());
    for (server, query) in [
        (plain, "sslmode=verify-full"),
        (plain, "sslrootcert=system"),
        (named.as_str(), trusting.as_str()),
        (plain, other.as_str()),
    ] {
        let error = open(server, query).await.0.err().unwrap();
        assert!(matches!(&error, DbError::Unavailable(why) if why.contains("certificate")), "{query}: {error}");
    }
}
