//! A folder of an earlier release opens; one of a newer release is refused in one line.
//!
//! `fixtures/folder-2026-11.tar.gz` was written in November 2026, by the first release's code, with the sentence model:
//! ```sh
//! cp crates/media-gateway/tests/it/fixtures/* /tmp/fixtures/
//! media-gateway ingest /tmp/fixtures/{netflix,disney_plus}_titles.csv --as-of 2026-01-31 --data-dir folder
//! rm folder/node.lock && tar -czf folder-2026-11.tar.gz folder
//! ```
//! `fixtures/postgres-2026-11.sql` holds the same rows for PostgreSQL, where the migrations of that time make the tables:
//! `migrations/checksums.txt` sees to it that they stay as they were. A release that changes a format adds its own folder here and keeps these.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde_json::json;
use stores::{Db, args};
use tempfile::TempDir;
use testkit::TestDb;
use uuid::Uuid;

use crate::{
    app::{App, PATIENCE, Setup, one_line},
    fixtures::{self, TITLES},
    resume::{caught_up, export},
};

/// The folder of an earlier release, unpacked.
fn earlier() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let archive = fixtures::path("folder-2026-11.tar.gz");
    let done = Command::new("tar").args(["-xzf", &archive, "-C"]).arg(dir.path()).status().unwrap();
    assert!(done.success());
    let folder = dir.path().join("folder");
    (dir, folder)
}

/// The migrations that the earlier release knew.
const FIRST: [&str; 4] = ["0001_events", "0002_catalog", "0003_ingest", "0004_idempotency"];

/// A PostgreSQL database without a table.
async fn emptied(database: &TestDb) -> Db {
    let db = database.reopen(&testkit::fast()).await;
    db.execute("DROP SCHEMA public CASCADE", args![]).await.unwrap();
    db.execute("CREATE SCHEMA public", args![]).await.unwrap();
    db
}

/// The PostgreSQL database of an earlier release.
fn earlier_postgres() -> TestDb {
    let database = crate::split::database();
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/postgres");
    let mut script: String =
        FIRST.iter().map(|name| fs::read_to_string(migrations.join(format!("{name}.sql"))).unwrap()).collect();
    script.push_str(&fs::read_to_string(fixtures::path("postgres-2026-11.sql")).unwrap());
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let db = emptied(&database).await;
        for statement in script.split(";\n").filter(|statement| !statement.trim().is_empty()) {
            db.execute(statement.to_owned(), args![]).await.unwrap_or_else(|error| panic!("{error}: {statement}"));
        }
        db.close().await;
    });
    database
}

#[test]
fn a_folder_of_an_earlier_release_opens_and_goes_on() {
    let (_dir, folder) = earlier();
    opens_and_goes_on(Setup::on(&folder).with_model());
}

#[test]
fn a_postgres_of_an_earlier_release_opens_and_goes_on() {
    let database = earlier_postgres();
    let setup = Setup::new().with_model().env("MEDIA_GATEWAY_DATABASE_URL", database.url().unwrap());
    // The folder is a new one: `export` alone would say that it holds no catalogue.
    let migrated = setup.run(&["migrate"]);
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    opens_and_goes_on(setup);
}

/// What an earlier release kept is there and is found, and what comes later ends where a new catalogue ends.
fn opens_and_goes_on(setup: Setup) {
    assert_eq!(export(&setup).lines().count(), 5);
    let app = setup.start();
    caught_up(&app);
    let found = app.get("/api/v1/search?q=folding+letters+into+boats").ok();
    assert_eq!(found["results"][0]["content"]["title"], "The Paper Lighthouse");
    assert!(found["results"][0]["vector_similarity"].as_f64().unwrap() > 0.1, "{found}");
    assert_eq!(found["degraded"], serde_json::json!([]));
    // It kept no counts: they are made of the titles that it has.
    counts_agree(&app);
    fixtures::ingest_all(&app.setup);
    app.eventually("/api/v1/search", |found| found["total_count"] == TITLES);
    let fresh = Setup::new();
    fixtures::ingest_all(&fresh);
    let titles = |text: &str| -> Vec<_> {
        let line = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
        text.lines().map(|text| (line(text)["title"].clone(), line(text)["records"].clone())).collect()
    };
    assert_eq!(titles(&export(&app.setup)), titles(&export(&fresh)));
}

/// Every platform has as many titles as it is said to have.
fn counts_agree(app: &App) {
    let platforms = app.get("/api/v1/platforms?with_titles=true").ok();
    let platforms = platforms["items"].as_array().unwrap();
    assert!(!platforms.is_empty() && app.get("/api/v1/genres").ok()["items"] != json!([]));
    for platform in platforms {
        let titles = app.get(&format!("/api/v1/platforms/{}/catalog", platform["id"].as_str().unwrap())).ok();
        assert_eq!(platform["title_count"], titles["items"].as_array().unwrap().len(), "{platform}");
    }
}

/// One that runs beside this release writes titles and keeps no counts.
#[test]
fn counts_that_an_earlier_release_let_drift_are_right_once_a_node_has_started() {
    let setup = Setup::new();
    fixtures::ingest_all(&setup);
    let file = setup.folder().join("media-gateway.db");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let db = Db::open_sqlite(&file, &testkit::fast()).await.unwrap();
        assert!(db.execute("UPDATE platform_counts SET titles = titles + 7", args![]).await.unwrap() > 0);
        db.execute("INSERT INTO platform_counts (platform, titles) VALUES ('gone', 0)", args![]).await.unwrap();
        db.close().await;
    });
    let app = setup.start();
    runtime.block_on(async {
        let db = Db::open_sqlite(&file, &testkit::fast()).await.unwrap();
        let (gone, since) = ("SELECT COUNT(*) FROM platform_counts WHERE titles = 0", Instant::now());
        while db.fetch_one::<i64>(gone, args![]).await.unwrap() > 0 {
            assert!(since.elapsed() < PATIENCE, "they are not counted anew: {}", app.log());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        db.close().await;
    });
    counts_agree(&app);
}

/// Languages were kept as sources call them until they had tags.
#[test]
fn languages_that_an_earlier_release_kept_as_names_are_told_as_tags() {
    let (setup, status) = fixtures::loaded(Setup::new()).stop();
    assert!(status.success());
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let db = Db::open_sqlite(&setup.folder().join("media-gateway.db"), &testkit::fast()).await.unwrap();
        let names = json!(["English", "Klingonese"]);
        let update = "UPDATE content SET languages = $1 WHERE languages = $2";
        assert_eq!(db.execute(update, args![names, json!(["en"])]).await.unwrap(), 2);
        db.close().await;
    });
    let app = setup.start();
    let search = "/api/v1/search?q=lighthouse&language=English";
    let found = app.eventually(search, |found| found["total_count"] == 1);
    let (content, english) = (&found["results"][0]["content"], json!(["en"]));
    assert_eq!(content["languages"], english, "{content}");
    let path = format!("/api/v1/content/{}", content["id"].as_str().unwrap());
    assert_eq!(app.get(&path).ok()["languages"], english);
}

/// Makes a folder of today look as a newer release would leave it.
type Age = fn(&Path);

/// What a newer release may have changed, and the words of the refusal.
const NEWER: [(Age, &str); 4] = [
    (|folder| fs::write(folder.join("FORMAT"), "99\n").unwrap(), "was written by a newer release (format 99"),
    (|folder| migrated(Db::open_sqlite(&folder.join("media-gateway.db"), &testkit::fast())), "schema 9999"),
    (newer_keyword_index, "the keyword index was written by a newer release (format 99"),
    (newer_vectors, "the vector index has format 99; this release reads up to format 2"),
];

fn migrated(db: impl Future<Output = Result<Db, stores::DbError>>) {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let db = db.await.unwrap();
        let insert = "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)";
        db.execute(insert, args![9_999, "later", "none"]).await.unwrap();
        db.close().await;
    });
}

fn newer_keyword_index(folder: &Path) {
    let path = folder.join("index/keyword/meta.json");
    let meta = fs::read_to_string(&path).unwrap();
    let newer = meta.replace(r#"{\"format\":5,"#, r#"{\"format\":99,"#);
    assert_ne!(newer, meta);
    fs::write(&path, newer).unwrap();
}

fn newer_vectors(folder: &Path) {
    let path = folder.join("index/vectors");
    let mut bytes = fs::read(&path).unwrap();
    bytes[8..12].copy_from_slice(&99_u32.to_le_bytes());
    let mut crc = flate2::Crc::new();
    crc.update(&bytes[..12]);
    bytes[12..16].copy_from_slice(&crc.sum().to_le_bytes());
    fs::write(&path, bytes).unwrap();
}

#[test]
fn a_folder_of_a_newer_release_is_refused_and_left_as_it_is() {
    for (age, words) in NEWER {
        let (_dir, folder) = earlier();
        let setup = Setup::on(&folder).with_model();
        assert!(setup.run(&["search", "paper"]).status.success());
        age(&folder);
        let before = contents(&folder);
        for verb in [&["serve"][..], &["search", "paper"], &["ingest", &fixtures::path("hulu_titles.csv")]] {
            one_line(&setup.run(verb), 1, words);
        }
        assert_eq!(contents(&folder), before, "{words}: something was written");
    }
}

/// The names and sizes of what matters in a folder.
fn contents(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let (path, data) = (entry.path(), entry.metadata().unwrap());
            let name = entry.file_name().to_string_lossy().into_owned();
            match data.is_dir() {
                true => folders.push(path),
                // Locks and SQLite's working files come and go.
                false if ["node.lock", ".lock", "-wal", "-shm"].iter().any(|end| name.ends_with(end)) => {}
                false => found.push((path, data.len())),
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_postgres_of_a_newer_release_is_refused() {
    let database = crate::split::database();
    let url = database.url().unwrap();
    let config = testkit::fast();
    migrated(Db::open_postgres(&url, &config));
    let setup = Setup::new().env("MEDIA_GATEWAY_DATABASE_URL", &url);
    for verb in [&["serve"][..], &["search", "paper"], &["migrate"]] {
        one_line(&setup.run(verb), 1, "schema 9999");
    }
}

/// Whoever was erased before there was a history left none: nobody waits for an answer to that.
async fn erasures_of_before_there_was_a_history_are_answered(db: &Db) {
    const HISTORY: i64 = 52;
    db.migrate_before(HISTORY).await.unwrap();
    let [gone, asked]: [Uuid; 2] = [1, 2].map(Uuid::from_u128);
    let at: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
    let sql = "INSERT INTO auth_erasures (id, user_id, requested_at, due_at, erased_at) VALUES ($1, $2, $3, $4, $5)";
    for (id, erased_at) in [(gone, Some(at)), (asked, None)] {
        db.execute(sql, args![id, id, at, at, erased_at]).await.unwrap();
    }
    let sql = "INSERT INTO auth_erasure_answers (erasure_id, context, rows_gone, answered_at) VALUES ($1, $2, $3, $4)";
    db.execute(sql, args![gone, "auth", 7_i64, at]).await.unwrap();
    assert_eq!(db.missing_migrations().await.unwrap()[0], "playback_history");
    db.migrate().await.unwrap();
    let sql = "SELECT erasure_id, context, rows_gone, answered_at FROM auth_erasure_answers ORDER BY context";
    let answers: Vec<(Uuid, String, i64, Timestamp)> = db.fetch_all(sql, args![]).await.unwrap();
    assert_eq!(answers, [(gone, "auth".to_owned(), 7, at), (gone, "playback".to_owned(), 0, at)]);
    db.close().await;
}

#[tokio::test]
async fn erasures_of_before_there_was_a_history_are_answered_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open_sqlite(&folder.path().join("earlier.db"), &testkit::fast()).await.unwrap();
    erasures_of_before_there_was_a_history_are_answered(&db).await;
}

#[tokio::test]
async fn erasures_of_before_there_was_a_history_are_answered_on_postgres() {
    let database = testkit::postgres().await;
    erasures_of_before_there_was_a_history_are_answered(&emptied(&database).await).await;
}
