//! The password of the database's user, changed while somebody is connected.

use std::time::{Duration, Instant};

use contracts::Rng;
use futures::future::join_all;
use stores::{Db, DbError, PasswordFile, args, users};
use tempfile::TempDir;
use testkit::TestDb;

/// A database whose user is nobody else's, and the file with their password.
struct World {
    database: TestDb,
    /// The server's superuser.
    admin: Db,
    url: String,
    user: String,
    file: PasswordFile,
    _folder: TempDir,
}

async fn world() -> World {
    let database = testkit::postgres_alone().await;
    let (url, user, password) = database.apart().unwrap();
    let admin = Db::open_postgres(&std::env::var(testkit::POSTGRES).unwrap(), &testkit::fast()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = PasswordFile::new(folder.path().join("password"));
    std::fs::write(file.path(), format!("{password}\n")).unwrap();
    World { database, admin, url, user, file, _folder: folder }
}

impl World {
    async fn open(&self) -> Result<Db, DbError> {
        Db::open_postgres_with(&self.url, self.file.clone(), &testkit::fast()).await
    }

    fn write(&self, text: &str) {
        std::fs::write(self.file.path(), text).unwrap();
    }

    /// What the server keeps of the password.
    async fn kept(&self) -> String {
        let sql = "SELECT rolpassword FROM pg_authid WHERE rolname = $1";
        self.admin.fetch_one(sql, args![&self.user]).await.unwrap()
    }

    /// Another password, given by who runs the server.
    async fn give(&self, password: &str) {
        self.admin.execute(format!("ALTER ROLE {} PASSWORD '{password}'", self.user), args![]).await.unwrap();
    }
}

fn refused<T>(asked: Result<T, DbError>) -> String {
    match asked.err() {
        Some(DbError::Unavailable(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn another_password_counts_from_the_next_connection_on() {
    let world = world().await;
    let db = world.open().await.unwrap();
    let mut connected = db.begin().await.unwrap();
    world.give("second").await;
    // Held while the password changes: a ping may well take a new connection.
    assert_eq!(connected.fetch_one::<i64>("SELECT CAST(1 AS BIGINT)", args![]).await.unwrap(), 1);
    drop(connected);
    world.database.cut().await;
    assert!(refused(db.ping().await).contains("password authentication failed"));
    world.write("second\n");
    let since = Instant::now();
    while let Err(error) = db.ping().await {
        assert!(since.elapsed() < Duration::from_secs(60), "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world.database.cut().await;
    db.ping().await.unwrap();
}

/// Between any two steps of it whoever connects finds the one that the server has.
#[tokio::test]
async fn a_change_step_by_step_refuses_nobody() {
    let world = world().await;
    let db = world.open().await.unwrap();
    let salt = [7; 16];
    let next = world.file.stage(&Rng::seeded(1)).unwrap();
    world.database.cut().await;
    db.ping().await.unwrap();
    db.set_password(&next, &salt).await.unwrap();
    let kept = world.kept().await;
    assert!(kept.starts_with("SCRAM-SHA-256$4096:BwcHBwcHBwcHBwcHBwcHBw==$"), "{kept}");
    world.database.cut().await;
    for asked in join_all((0..8).map(|_| db.ping())).await {
        asked.unwrap();
    }
    world.open().await.unwrap().close().await;
    world.file.settle().unwrap();
    world.database.cut().await;
    db.ping().await.unwrap();
    assert_eq!(world.file.read().unwrap(), next);
    assert_eq!(world.kept().await, kept, "nobody else gave one");
}

/// The server is told a verifier from the first: it makes none itself, which would have a salt of its own.
#[tokio::test]
async fn a_user_is_made_without_telling_the_server_the_password() {
    let world = world().await;
    let (user, password) = (format!("{}_made", world.user), "a 'password' of ours");
    let mut tx = world.database.begin().await.unwrap();
    users::make(&mut tx, &user, password, &[7; 16]).await.unwrap();
    tx.commit().await.unwrap();
    let sql = "SELECT rolpassword FROM pg_authid WHERE rolname = $1";
    let kept: String = world.admin.fetch_one(sql, args![&user]).await.unwrap();
    assert!(kept.starts_with("SCRAM-SHA-256$4096:BwcHBwcHBwcHBwcHBwcHBw==$"), "{kept}");
    world.write(&format!("{password}\n"));
    let url = world.url.replacen(&format!("//{}@", world.user), &format!("//{user}@"), 1);
    Db::open_postgres_with(&url, world.file.clone(), &testkit::fast()).await.unwrap().close().await;
    let mut tx = world.database.begin().await.unwrap();
    let odd = users::make(&mut tx, &format!("{user}_too"), "p\u{e9}ncil", &[7; 16]).await;
    assert!(matches!(odd, Err(DbError::Value(_))), "{odd:?}");
}

#[tokio::test]
async fn a_file_that_is_wrong_harms_nobody_who_has_the_right_one() {
    let world = world().await;
    let db = world.open().await.unwrap();
    for (text, why) in [("mistyped", "password authentication failed"), ("", "its first line is empty")] {
        world.write(text);
        world.database.cut().await;
        db.ping().await.unwrap();
        let said = refused(world.open().await.map(|_| ()));
        assert!(said.contains(why) && !said.contains("mistyped"), "{said}");
    }
}
