//! Killed at any moment, an ingest that is asked for again ends at the same catalogue and the same answers.

use std::{
    collections::HashMap,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use contracts::{ContentId, Rng};
use serde_json::{Value, json};
use stores::{Db, DbConfig, args};
use tempfile::TempDir;

use crate::{
    app::{App, PATIENCE, Setup, one_line},
    sources::Sources,
};

/// Rows of each of the first two sources; the third has a series for every seventh, with its episodes.
const ROWS: usize = 3_000;
/// A kill comes at most so far into what an undisturbed run takes, so that several fit into one ingest.
const REACH: f64 = 0.35;

/// Queries with at most a hundred titles, and how the first of them begins.
const QUERIES: [(&str, &str); 5] = [
    ("q=rusted+lantern&year_from=1970&year_to=1990", ""),
    ("q=winter+canal&platform=netflix&year_from=1950&year_to=1970", "Winter Canal 2"),
    ("q=Dora+Kingdomson&year_from=1950&year_to=1970", ""),
    ("q=quarry&platform=netflix&year_from=1950&year_to=1965", ""),
    ("q=thirsty+observatory&type=tv_show", ""),
];

/// How many kills: more when `make soak` asks.
fn kills() -> usize {
    if std::env::var_os("MEDIA_GATEWAY_SOAK").is_some() { 50 } else { 5 }
}

/// The moments of the kills: the same ones in the gate each time, others in each soak.
fn moments() -> Rng {
    let seed = std::env::var("PROPTEST_RNG_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_121);
    Rng::seeded(seed)
}

/// From 0 to 1.
fn fraction(rng: &Rng) -> f64 {
    f64::from(u32::from_le_bytes(rng.bytes::<4>())) / f64::from(u32::MAX)
}

/// What an ingest that nobody disturbed comes to.
struct Undisturbed {
    dir: TempDir,
    sources: Sources,
    took: Duration,
    export: String,
    history: String,
    answers: Vec<Value>,
}

impl Undisturbed {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let sources = Sources::write(dir.path(), ROWS);
        let setup = Setup::on(&dir.path().join("undisturbed"));
        let started = Instant::now();
        let output = setup.run(&sources.ingest());
        let took = started.elapsed();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let export = export(&setup);
        assert!(export.lines().count() > ROWS, "{} titles", export.lines().count());
        assert!(
            export.lines().filter(|line| line.contains("\"netflix\"") && line.contains("\"wikipedia\"")).count()
                > 1_000,
            "nothing was merged"
        );
        let with_episodes = |line: &&str| line.contains("\"Part 6 of ") && line.contains("\"netflix\"");
        assert!(export.lines().filter(with_episodes).count() > 100, "no series of two sources has its episodes");
        let history = history(&dir.path().join("undisturbed"));
        assert!(history.lines().filter(|line| line.starts_with("joined")).count() > 1_000, "nothing was logged");
        let answers = answers(&setup.start());
        Self { dir, sources, took, export, history, answers }
    }

    /// Asserts that this folder holds the same.
    fn is_equalled_by(&self, folder: &Path) {
        let setup = Setup::on(folder);
        same(&export(&setup), &self.export);
        same(&history(folder), &self.history);
        for (found, wanted) in answers(&setup.start()).iter().zip(&self.answers) {
            assert_eq!(found, wanted);
        }
    }
}

/// Names the first line that differs, rather than printing megabytes.
pub fn same(found: &str, wanted: &str) {
    if found != wanted {
        let pair = found.lines().zip(wanted.lines()).find(|(found, wanted)| found != wanted);
        let (found, wanted) = (found.lines().count(), wanted.lines().count());
        panic!("the catalogues differ ({found} titles, {wanted} undisturbed): {pair:#?}");
    }
}

/// The catalogue of a folder, or of the node that runs on it.
pub fn export(setup: &Setup) -> String {
    let output = setup.run(&["export"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The merge log and the events of a folder, in their order, with titles named by their records and not by their ids.
fn history(folder: &Path) -> String {
    let read = async {
        let db = Db::open_sqlite(&folder.join("media-gateway.db"), &DbConfig::default()).await.unwrap();
        let sql = "SELECT content_id, source, source_key FROM source_records ORDER BY source, source_key";
        let mut titles: HashMap<ContentId, String> = HashMap::new();
        for (id, source, key) in db.fetch_all::<(ContentId, String, String)>(sql, args![]).await.unwrap() {
            titles.entry(id).or_default().push_str(&format!(" {source}:{key}"));
        }
        let name = |id: &ContentId| titles.get(id).cloned().unwrap_or_default();
        let sql = "SELECT verdict, source, source_key, content_id, evidence FROM merge_log ORDER BY rowid";
        let log: Vec<(String, String, String, ContentId, String)> = db.fetch_all(sql, args![]).await.unwrap();
        let log =
            log.iter().map(|(verdict, source, key, id, why)| format!("{verdict} {source}:{key}{} {why}", name(id)));
        let events = stores::events::read(&db, 0, 1_000_000).await.unwrap();
        let events = events.iter().map(|(at, event)| {
            let mut data = event.data.clone();
            data.as_object_mut().unwrap().remove("content_id");
            format!("{at} {}{} {data}", event.kind, name(&event.key))
        });
        let lines: Vec<String> = log.chain(events).collect();
        db.close().await;
        lines.join("\n")
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(read)
}

/// What a node answers once its indexes hold everything, by titles and years: ids differ from one catalogue to the next.
fn answers(app: &App) -> Vec<Value> {
    caught_up(app);
    QUERIES.iter().map(|(query, best)| answer(app, query, best)).collect()
}

fn answer(app: &App, query: &str, best: &str) -> Value {
    let answer = app.get(&format!("/api/v1/search?{query}&page_size=100")).ok();
    let total = answer["total_count"].as_u64().unwrap();
    assert!((1..=100).contains(&total), "{query} finds {total}");
    let results = answer["results"].as_array().unwrap();
    let shown = |result: &Value| format!("{} {}", result["content"]["title"], result["content"]["release_year"]);
    let mut titles: Vec<_> = results.iter().map(shown).collect();
    assert!(titles[0].trim_matches('"').starts_with(best), "{query} finds {} first", titles[0]);
    // Titles with the same score stand in the order of their ids, which differ.
    titles.sort();
    json!([query, titles])
}

/// Waits until the indexes have followed all events: they say so twice, with a look at the log in between.
pub fn caught_up(app: &App) {
    let (since, mut looks) = (Instant::now(), 0);
    while looks < 2 {
        let ready = app.get("/readyz");
        let parts = ready.json["components"].as_array().cloned().unwrap_or_default();
        let settled = |part: &Value| part["state"] != "starting" && !part["detail"].to_string().contains("behind");
        looks = if ready.status == 200 && parts.iter().all(settled) { looks + 1 } else { 0 };
        assert!(since.elapsed() < PATIENCE, "the indexes do not catch up: {}", ready.text);
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// Runs a command and kills it after a while. Whether it was killed, rather than done before.
fn killed(mut command: Command, after: Duration) -> bool {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(after);
    if let Some(status) = child.try_wait().unwrap() {
        assert!(status.success(), "it ended by itself with {status}");
        return false;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    true
}

/// Until every kill has met an ingest: a folder is killed until its ingest ends, compared, and followed by the next.
fn compare_after_kills(undisturbed: &Undisturbed, kill: impl Fn(&Path, Duration) -> bool) {
    let (rng, mut left, mut folders) = (moments(), kills(), 0);
    while left > 0 {
        folders += 1;
        assert!(folders <= kills(), "the ingests end before they can be killed");
        let folder = undisturbed.dir.path().join(format!("killed-{folders}"));
        let mut ended = false;
        while left > 0 && !ended {
            ended = !kill(&folder, undisturbed.took.mul_f64(REACH * fraction(&rng)));
            left -= usize::from(!ended);
        }
        let output = Setup::on(&folder).run(&undisturbed.sources.ingest());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        undisturbed.is_equalled_by(&folder);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

#[test]
fn a_command_that_is_killed_goes_on() {
    let undisturbed = Undisturbed::new();
    let ingest = undisturbed.sources.ingest();
    compare_after_kills(&undisturbed, |folder, after| killed(Setup::on(folder).command(&ingest), after));
}

#[test]
fn a_node_that_is_killed_goes_on() {
    let undisturbed = Undisturbed::new();
    let ingest = undisturbed.sources.ingest();
    compare_after_kills(&undisturbed, |folder, after| {
        let app = Setup::on(folder).start();
        let asking = app.setup.command(&ingest).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(after);
        app.kill();
        // It was told so, unless it came to its end before the kill, or found no node any more and did the work.
        let told = asking.wait_with_output().unwrap();
        if !told.status.success() {
            one_line(&told, 5, "the running node does not answer");
        }
        !told.status.success()
    });
}

#[test]
fn a_node_that_is_killed_while_it_indexes_catches_up() {
    let undisturbed = Undisturbed::new();
    let folder = undisturbed.dir.path().join("undisturbed");
    std::fs::remove_dir_all(folder.join("index")).unwrap();
    let (rng, mut met) = (moments(), 0);
    for _ in 0..kills() {
        let app = Setup::on(&folder).start();
        std::thread::sleep(Duration::from_millis(rng.below(600)));
        met += u32::from(app.get("/readyz").text.contains("starting"));
        app.kill();
    }
    assert!(met > 0, "the index was filled before the first kill");
    undisturbed.is_equalled_by(&folder);
}

#[test]
fn a_node_that_is_told_to_stop_interrupts_its_run_and_goes_on_later() {
    let undisturbed = Undisturbed::new();
    let folder = undisturbed.dir.path().join("stopped");
    let app = Setup::on(&folder).start();
    let request = json!({"location": undisturbed.sources.netflix, "as_of": "2026-01-31"});
    let runs = "/api/v1/internal/ingest/runs";
    let asked = app.request("POST", runs).bearer_auth(&app.token).header("idempotency-key", "once").json(&request);
    let id = app.send(asked).ok()["id"].as_str().unwrap().to_owned();
    std::thread::sleep(undisturbed.took.mul_f64(0.1));
    let (setup, status) = app.stop();
    assert!(status.success(), "{status}");
    let app = setup.start();
    let run = app.send(app.request("GET", &format!("{runs}/{id}")).bearer_auth(&app.token)).ok();
    assert_eq!(run["status"], "interrupted", "{run}");
    assert!(run["rows_read"].as_u64().unwrap() < ROWS as u64, "it was done before it could be stopped");
    drop(app);
    let output = Setup::on(&folder).run(&undisturbed.sources.ingest());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    undisturbed.is_equalled_by(&folder);
}
