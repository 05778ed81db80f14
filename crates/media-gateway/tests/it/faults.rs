//! What breaks says so: one clear line and an exit code, or a node that serves with less and shows it at `/readyz`.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use stores::Db;

use crate::{
    app::{ACQUIRE_TIMEOUT, App, REQUEST_TIMEOUT, Setup, one_line},
    cloud::wait,
    disk::{Disk, passed_inside},
    fixtures::{self, TITLES},
    resume::{caught_up, export, same},
    sources::Sources,
    wire::{Mode, Wire},
};

/// A part of a node as `/readyz` tells it.
fn part(app: &App, name: &str) -> Value {
    let ready = app.get("/readyz").json;
    let parts = ready["components"].as_array().cloned().unwrap_or_default();
    parts.into_iter().find(|part| part["name"] == name).unwrap_or_else(|| panic!("no {name} in {ready}"))
}

fn is(part: &Value, state: &str, words: &str) {
    assert_eq!(part["state"], state, "{part}");
    assert!(part["detail"].as_str().unwrap().contains(words), "{words:?}? {part}");
}

/// Titles and reasons of a few searches.
fn answers(app: &App) -> Vec<Value> {
    caught_up(app);
    ["q=paper+lighthouse", "q=harbour", "q=films+with+Ada+Wren", "q=a+port+that+never+sleeps&type=tv_show"]
        .iter()
        .map(|query| {
            let found = app.get(&format!("/api/v1/search?{query}")).ok();
            let results = found["results"].as_array().unwrap();
            assert!(!results.is_empty(), "{query} finds nothing");
            results.iter().map(|one| serde_json::json!([one["content"]["title"], one["match_reasons"]])).collect()
        })
        .collect()
}

/// A folder that the fixtures were read into, and what a node on it answers.
fn loaded(setup: Setup) -> (Setup, Vec<Value>) {
    let app = fixtures::loaded(setup);
    let wanted = answers(&app);
    let (setup, status) = app.stop();
    assert!(status.success());
    (setup, wanted)
}

/// What an ingest of both sources comes to when nothing is in its way.
fn undisturbed(sources: &Sources, dir: &Path, before: impl Fn(&Setup)) -> String {
    let setup = Setup::on(&dir.join("undisturbed"));
    before(&setup);
    assert!(setup.run(&sources.ingest()).status.success());
    export(&setup)
}

#[test]
fn a_full_disk_ends_an_ingest_which_goes_on_when_there_is_room() {
    if passed_inside("faults::a_full_disk_ends_an_ingest_which_goes_on_when_there_is_room") {
        return;
    }
    let disk = Disk::new("size=5m");
    let dir = tempfile::tempdir().unwrap();
    let sources = Sources::write(dir.path(), 1_500);
    let setup = Setup::on(&disk.folder());
    let output = setup.run(&sources.ingest());
    one_line(&output, 1, "full");
    let output = setup.run(&["search", "the", "river"]);
    assert!(output.status.success(), "what is there is searched: {output:?}");
    let said = setup.doctor();
    assert!(said.contains("BAD  disk: full"), "{said}");
    disk.remount("size=200m");
    let output = setup.run(&sources.ingest());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    same(&export(&setup), &undisturbed(&sources, dir.path(), |_| {}));
}

#[test]
fn a_node_on_a_full_disk_answers_and_goes_on_when_there_is_room() {
    if passed_inside("faults::a_node_on_a_full_disk_answers_and_goes_on_when_there_is_room") {
        return;
    }
    let disk = Disk::new("size=64m");
    let dir = tempfile::tempdir().unwrap();
    let sources = Sources::write(dir.path(), 1_500);
    let app = fixtures::loaded(Setup::on(&disk.folder()));
    let wanted = answers(&app);
    // It writes until not even a page fits.
    let filler = disk.path().join("filler");
    let filled = Command::new("dd").args(["if=/dev/zero", "bs=4k"]).arg(format!("of={}", filler.display())).output();
    assert!(!filled.unwrap().status.success());
    one_line(&app.setup.run(&sources.ingest()), 1, "full");
    assert_eq!(answers(&app), wanted);
    fs::remove_file(&filler).unwrap();
    disk.remount("size=200m");
    let output = app.setup.run(&sources.ingest());
    assert!(output.status.success(), "{} {}", String::from_utf8_lossy(&output.stderr), app.log());
    caught_up(&app);
    same(&export(&app.setup), &undisturbed(&sources, dir.path(), fixtures::ingest_all));
}

#[test]
fn files_that_may_not_grow_end_an_ingest_which_goes_on_when_they_may() {
    let dir = tempfile::tempdir().unwrap();
    let sources = Sources::write(dir.path(), 800);
    let setup = Setup::on(&dir.path().join("data"));
    let mut limited = Command::new("sh");
    // 1.5 MB, in blocks of 512 bytes (or, in some shells, twice that). Ignored, the signal becomes an error of the write.
    limited.args(["-c", "trap '' XFSZ; ulimit -f 3000; exec \"$0\" \"$@\""]);
    let command = setup.command(&sources.ingest());
    limited.arg(command.get_program()).args(command.get_args());
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(key, value),
            None => limited.env_remove(key),
        };
    }
    let output = limited.output().unwrap();
    // SQLite calls it a failed write and no more.
    one_line(&output, 1, "a limit of a file's size was met");
    let output = setup.run(&sources.ingest());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    same(&export(&setup), &undisturbed(&sources, dir.path(), |_| {}));
}

#[test]
fn a_folder_that_can_not_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "not a folder").unwrap();
    for verb in [&["serve"][..], &["migrate"]] {
        one_line(&Setup::on(&file.join("data")).run(verb), 1, "can't make the data folder");
    }
}

#[test]
fn a_disk_that_can_not_be_written_is_named() {
    if passed_inside("faults::a_disk_that_can_not_be_written_is_named") {
        return;
    }
    let disk = Disk::new("size=4m");
    let setup = Setup::on(&disk.folder());
    assert!(setup.run(&["migrate"]).status.success());
    disk.remount("ro");
    one_line(&setup.run(&["serve"]), 1, "Read-only file system");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (key, listen) in [("GATEWAY", "gateway"), ("METRICS", "metrics")] {
        let setup = Setup::new().env("MEDIA_GATEWAY_LISTEN_GATEWAY", "127.0.0.1:0");
        let setup = setup.env(&format!("MEDIA_GATEWAY_LISTEN_{key}"), &address);
        let line = one_line(&setup.run(&["serve"]), 1, &format!("{address} is taken"));
        assert!(line.contains(&format!("`listen.{listen}`")), "{line}");
    }
}

#[test]
fn without_its_model_a_node_searches_by_words() {
    let dir = tempfile::tempdir().unwrap();
    let model = PathBuf::from(std::env::var("MEDIA_GATEWAY_TEST_MODEL").unwrap());
    let (empty, broken) = (dir.path().join("empty"), dir.path().join("broken"));
    fs::create_dir(&empty).unwrap();
    fs::create_dir(&broken).unwrap();
    for entry in fs::read_dir(model).unwrap() {
        let path = entry.unwrap().path();
        std::os::unix::fs::symlink(&path, broken.join(path.file_name().unwrap())).unwrap();
    }
    fs::remove_file(broken.join("model.onnx")).unwrap();
    fs::write(broken.join("model.onnx"), [7; 5_000]).unwrap();
    for (folder, words) in [(&empty, "has no ONNX Runtime library"), (&broken, "model.onnx")] {
        let setup = Setup::new().env("MEDIA_GATEWAY_MODEL_ENABLED", "true");
        let app = fixtures::loaded(setup.env("MEDIA_GATEWAY_MODEL_DIR", folder.to_str().unwrap()));
        caught_up(&app);
        let ready = app.get("/readyz");
        assert_eq!((ready.status, &ready.json["state"]), (200, &Value::from("degraded")));
        is(&part(&app, "embedding_model"), "degraded", words);
        let found = app.get("/api/v1/search?q=paper+lighthouse").ok();
        assert_eq!(found["results"][0]["content"]["title"], "The Paper Lighthouse");
        assert_eq!(found["degraded"][0]["source"], "vector");
    }
}

/// The ending of a file's name, and what happens to the file.
type Damage = (&'static str, fn(&Path));

/// Turns some bits of the middle third of a file.
fn overwrite(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let (from, to) = (bytes.len() / 3, bytes.len() * 2 / 3);
    bytes[from..to].iter_mut().for_each(|byte| *byte ^= 0x5a);
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_damaged_keyword_index_is_rebuilt() {
    let (mut setup, wanted) = loaded(Setup::new());
    let index = setup.folder().join("index/keyword");
    let damages: [Damage; 4] = [
        ("store", overwrite),
        ("meta.json", overwrite),
        ("term", |path| fs::write(path, "").unwrap()),
        ("idx", |path| fs::remove_file(path).unwrap()),
    ];
    for (ending, damage) in damages {
        let files: Vec<_> = fs::read_dir(&index).unwrap().map(|entry| entry.unwrap().path()).collect();
        let hit: Vec<_> = files.iter().filter(|path| path.to_str().unwrap().ends_with(ending)).collect();
        assert!(!hit.is_empty(), "no {ending} in {files:?}");
        hit.into_iter().for_each(|path| damage(path));
        let app = setup.start();
        assert_eq!(answers(&app), wanted, "after {ending} was damaged");
        assert!(app.log().contains("moved aside and rebuilt from the catalogue"), "{}", app.log());
        assert!(index.with_extension("aside").exists());
        setup = app.stop().0;
    }
}

#[test]
fn damaged_vectors_are_made_again() {
    let (mut setup, wanted) = loaded(Setup::new().with_model());
    let file = setup.folder().join("index/vectors");
    let whole = fs::read(&file).unwrap();
    let mut middle = whole.clone();
    middle[whole.len() / 2] ^= 0xff;
    let damages = [
        ("in the middle", middle, true),
        ("no file of ours", vec![9; 3_000], true),
        // A write that was cut off is no damage: what it held is followed again.
        ("cut off", whole[..whole.len() - 100].to_vec(), false),
    ];
    for (name, bytes, is_damage) in damages {
        fs::write(&file, bytes).unwrap();
        let app = setup.start();
        assert_eq!(answers(&app), wanted, "{name}");
        is(&part(&app, "vector_index"), "ready", &format!("{TITLES} of {TITLES} titles embedded"));
        assert_eq!(app.log().contains("the vector index is rebuilt from the catalogue"), is_damage, "{}", app.log());
        assert_eq!(app.get("/api/v1/search?q=letters+folded+into+boats").ok()["degraded"], serde_json::json!([]));
        setup = app.stop().0;
    }
}

#[test]
fn a_locked_database_stops_writers_and_not_readers() {
    let (setup, wanted) = loaded(Setup::new());
    let file = setup.folder().join("media-gateway.db");
    let app = setup.env(ACQUIRE_TIMEOUT, "300").start();
    assert_eq!(answers(&app), wanted);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let lock =
        || runtime.block_on(async { Db::open_sqlite(&file, &testkit::fast()).await.unwrap().begin().await.unwrap() });
    let ingest = ["ingest", &fixtures::path("hulu_titles.csv"), "--as-of", "2026-01-31"];
    let held = lock();
    one_line(&app.setup.run(&ingest), 5, "the database is locked by another process or too busy");
    assert_eq!(answers(&app), wanted);
    runtime.block_on(async move { drop(held) });
    // Not at once: on a slow disk the node's own workers hold it for as long as it waits here.
    wait("it is written again", || app.setup.run(&ingest).status.success());
    let (setup, _) = app.stop();
    let held = lock();
    one_line(&setup.run(&ingest), 5, "the database is locked by another process or too busy");
    runtime.block_on(async move { drop(held) });
    assert!(setup.env(ACQUIRE_TIMEOUT, "60000").run(&ingest).status.success());
}

#[test]
fn a_database_that_is_none_is_named() {
    let (setup, _) = loaded(Setup::new());
    let file = setup.folder().join("media-gateway.db");
    let whole = fs::read(&file).unwrap();
    let mut head = whole.clone();
    head[..100].fill(0x41);
    for bytes in [head, b"not a database, though long enough to be looked at".repeat(200), whole[..5_000].to_vec()] {
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(file.with_file_name(format!("media-gateway.db{suffix}")));
        }
        fs::write(&file, &bytes).unwrap();
        for verb in [&["serve"][..], &["search", "a"], &["ingest", &fixtures::path("hulu_titles.csv")]] {
            let output = setup.run(verb);
            one_line(&output, 1, "the database file is damaged or is no database");
        }
        assert_eq!(fs::read(&file).unwrap(), bytes, "what is there may still be of use to someone");
    }
}

#[test]
fn a_postgres_that_is_not_there_is_named() {
    // A port that nobody is given who asks for any.
    let setup = Setup::new()
        .env("MEDIA_GATEWAY_DATABASE_URL", "postgres://someone:secret@127.0.0.1:1/none")
        .env(ACQUIRE_TIMEOUT, "500");
    for verb in [&["serve"][..], &["search", "a"], &["export"]] {
        let line = one_line(&setup.run(verb), 5, "the database can't be reached");
        assert!(!line.contains("secret"), "{line}");
    }
}

#[test]
fn a_node_outlives_its_postgres() {
    let database = crate::split::database();
    let wire = Wire::to(&database.url().unwrap());
    let (setup, wanted) = loaded(Setup::new().env("MEDIA_GATEWAY_DATABASE_URL", &wire.url));
    // Short only for the one that it leaves: it answers soon that it has none.
    let app = setup.env(ACQUIRE_TIMEOUT, "1000").env(REQUEST_TIMEOUT, "4000").start();
    assert_eq!(answers(&app), wanted);
    for (mode, statuses) in [(Mode::Cut, &[503][..]), (Mode::Stalled, &[503, 504])] {
        wire.set(mode);
        let ready = app.get("/readyz");
        assert_eq!((ready.status, &ready.json["state"]), (503, &Value::from("down")), "{mode:?}: {}", ready.text);
        // What is kept is answered all the same.
        app.get("/api/v1/search?q=harbour").ok();
        for path in ["/api/v1/search?q=harbour&page_size=7", "/api/v1/content/movies", "/api/v1/platforms/hulu/catalog"]
        {
            let answer = app.get(path);
            assert!(statuses.contains(&answer.status), "{mode:?}: {path}: {} {}", answer.status, answer.text);
            assert_eq!(answer.header("content-type"), "application/problem+json");
        }
        assert_eq!(app.get("/livez").status, 200);
        wire.set(Mode::Open);
        app.eventually("/readyz", |ready| ready["state"] == "degraded");
        assert_eq!(answers(&app), wanted, "after {mode:?}");
        app.ingest(&[&fixtures::path("hulu_titles.csv")]);
    }
}
