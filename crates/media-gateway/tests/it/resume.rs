//! Killed at any moment, an ingest that is asked for again ends at the same catalogue and the same answers.

use std::{
    collections::HashMap,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use contracts::{ContentId, Rng};
use jiff::Timestamp;
use serde_json::{Value, json};
use stores::{Db, args};
use tempfile::TempDir;
use testkit::TestDb;

use crate::{
    app::{App, PATIENCE, Setup, one_line},
    cloud::wait,
    sources::Sources,
    split,
};

/// Rows of each of the first two sources; the third has a series for every seventh, with its episodes.
const ROWS: usize = 3_000;
/// A kill comes at most so far into what an undisturbed run takes, so that several fit into one ingest.
const REACH: f64 = 0.35;
/// How many ingests may end before a kill comes soon enough.
const MISSED: usize = 3;

/// Queries with at most a hundred titles, and how the first of them begins.
const QUERIES: [(&str, &str); 5] = [
    ("q=rusted+lantern&year_from=1970&year_to=1990", ""),
    ("q=winter+canal&platform=netflix&year_from=1950&year_to=1970", "Winter Canal 2"),
    ("q=Dora+Kingdomson&year_from=1950&year_to=1970", ""),
    ("q=quarry&platform=netflix&year_from=1950&year_to=1965", ""),
    ("q=thirsty+observatory&type=tv_show", ""),
];

/// What keeps the catalogue.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    /// How many kills: more when `make soak` asks.
    fn kills(self) -> usize {
        match (self, std::env::var_os("MEDIA_GATEWAY_TEST_SOAK").is_some()) {
            (Self::Sqlite, true) => 50,
            (Self::Sqlite, false) => 5,
            (Self::Postgres, true) => 10,
            (Self::Postgres, false) => 2,
        }
    }

    fn place(self, folder: PathBuf) -> Place {
        Place { folder, database: (self == Self::Postgres).then(split::database) }
    }
}

/// Where a catalogue is: in a folder, and over PostgreSQL in a database of its own beside it.
struct Place {
    folder: PathBuf,
    database: Option<TestDb>,
}

impl Place {
    fn setup(&self) -> Setup {
        let setup = Setup::on(&self.folder);
        match &self.database {
            Some(database) => setup.env("MEDIA_GATEWAY_DATABASE_URL", database.url().unwrap()),
            None => setup,
        }
    }

    async fn open(&self) -> Db {
        match &self.database {
            Some(database) => database.reopen(&testkit::fast()).await,
            None => Db::open_sqlite(&self.folder.join("media-gateway.db"), &testkit::fast()).await.unwrap(),
        }
    }

    /// The minutes pass after which a run that says nothing is taken over. Whoever has a folder knows at once that nobody
    /// else runs on its SQLite file.
    fn later(&self) {
        if self.database.is_some() {
            block_on(async {
                let db = self.open().await;
                db.execute("UPDATE ingest_runs SET beat_at = $1", args![Timestamp::UNIX_EPOCH]).await.unwrap();
                db.close().await;
            });
        }
    }

    /// The merge log and the events, in their order, with titles named by their records and not by their ids.
    fn history(&self) -> String {
        // PostgreSQL numbers no rows; those of one batch have one time.
        let order = match self.database {
            Some(_) => "logged_at, source, source_key, verdict, evidence",
            None => "rowid",
        };
        block_on(async {
            let db = self.open().await;
            let lines = history(&db, order).await;
            db.close().await;
            lines.join("\n")
        })
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
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
    engine: Engine,
    place: Place,
    sources: Sources,
    took: Duration,
    export: String,
    history: String,
    answers: Vec<Value>,
}

impl Undisturbed {
    fn over(engine: Engine) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let sources = Sources::write(dir.path(), ROWS);
        let place = engine.place(dir.path().join("undisturbed"));
        let setup = place.setup();
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
        let history = place.history();
        assert!(history.lines().filter(|line| line.starts_with("joined")).count() > 1_000, "nothing was logged");
        let answers = answers(&setup.start());
        Self { dir, engine, place, sources, took, export, history, answers }
    }

    /// Asserts that this place holds the same.
    fn is_equalled_by(&self, place: &Place) {
        let setup = place.setup();
        same(&export(&setup), &self.export);
        same(&place.history(), &self.history);
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

/// The lines of [`Place::history`].
async fn history(db: &Db, order: &str) -> Vec<String> {
    let sql = "SELECT content_id, source, source_key FROM source_records ORDER BY source, source_key";
    let mut titles: HashMap<ContentId, String> = HashMap::new();
    for (id, source, key) in db.fetch_all::<(ContentId, String, String)>(sql, args![]).await.unwrap() {
        titles.entry(id).or_default().push_str(&format!(" {source}:{key}"));
    }
    let name = |id: &ContentId| titles.get(id).cloned().unwrap_or_default();
    let sql = format!("SELECT verdict, source, source_key, content_id, evidence FROM merge_log ORDER BY {order}");
    let log: Vec<(String, String, String, ContentId, String)> = db.fetch_all(sql, args![]).await.unwrap();
    let log = log.iter().map(|(verdict, source, key, id, why)| format!("{verdict} {source}:{key}{} {why}", name(id)));
    let events = stores::events::read(db, 0, 1_000_000).await.unwrap();
    let events = events.iter().map(|(at, event)| {
        let mut data = event.data.clone();
        data.as_object_mut().unwrap().remove("content_id");
        format!("{at} {}{} {data}", event.kind, name(&event.key))
    });
    log.chain(events).collect()
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

/// Until every kill has met an ingest: a place is killed until its ingest ends, compared, and followed by the next. After
/// one that met none they come sooner: what the undisturbed one took may have been the disk's time and not its own.
fn compare_after_kills(undisturbed: &Undisturbed, kill: impl Fn(&Place, Duration) -> bool) {
    let kills = undisturbed.engine.kills();
    let (rng, mut left, mut places, mut reach) = (moments(), kills, 0, REACH);
    while left > 0 {
        places += 1;
        assert!(places <= kills + MISSED, "the ingests end before they can be killed");
        let place = undisturbed.engine.place(undisturbed.dir.path().join(format!("killed-{places}")));
        let (mut ended, before) = (false, left);
        while left > 0 && !ended {
            ended = !kill(&place, undisturbed.took.mul_f64(reach * fraction(&rng)));
            place.later();
            left -= usize::from(!ended);
        }
        if left == before {
            reach /= 2.0;
        }
        let output = place.setup().run(&undisturbed.sources.ingest());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        undisturbed.is_equalled_by(&place);
        std::fs::remove_dir_all(&place.folder).unwrap();
    }
}

#[test]
fn a_command_that_is_killed_goes_on() {
    command_goes_on(Engine::Sqlite);
}

#[test]
fn a_command_that_is_killed_goes_on_over_postgres() {
    command_goes_on(Engine::Postgres);
}

fn command_goes_on(engine: Engine) {
    let undisturbed = Undisturbed::over(engine);
    let ingest = undisturbed.sources.ingest();
    compare_after_kills(&undisturbed, |place, after| killed(place.setup().command(&ingest), after));
}

#[test]
fn a_node_that_is_killed_goes_on() {
    node_goes_on(Engine::Sqlite);
}

#[test]
fn a_node_that_is_killed_goes_on_over_postgres() {
    node_goes_on(Engine::Postgres);
}

fn node_goes_on(engine: Engine) {
    let undisturbed = Undisturbed::over(engine);
    let ingest = undisturbed.sources.ingest();
    compare_after_kills(&undisturbed, |place, after| {
        let app = place.setup().start();
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
    let undisturbed = Undisturbed::over(Engine::Sqlite);
    let place = &undisturbed.place;
    std::fs::remove_dir_all(place.folder.join("index")).unwrap();
    let (rng, mut met) = (moments(), 0);
    let mut longest = 600;
    for _ in 0..Engine::Sqlite.kills() {
        let app = place.setup().start();
        std::thread::sleep(Duration::from_millis(rng.below(longest)));
        let is_met = app.get("/readyz").text.contains("starting");
        app.kill();
        met += u32::from(is_met);
        if !is_met {
            // It was filled before the kill: again, and sooner.
            std::fs::remove_dir_all(place.folder.join("index")).unwrap();
            longest /= 3;
        }
    }
    assert!(met > 0, "the index was filled before each kill");
    undisturbed.is_equalled_by(place);
}

#[test]
fn a_node_that_is_told_to_stop_interrupts_its_run_and_goes_on_later() {
    let undisturbed = Undisturbed::over(Engine::Sqlite);
    let place = Engine::Sqlite.place(undisturbed.dir.path().join("stopped"));
    let app = place.setup().start();
    let request = json!({"location": undisturbed.sources.netflix, "as_of": "2026-01-31"});
    let runs = "/api/v1/internal/ingest/runs";
    let asked = app.request("POST", runs).bearer_auth(&app.token).header("idempotency-key", "once").json(&request);
    let id = app.send(asked).ok()["id"].as_str().unwrap().to_owned();
    let run = |app: &App| app.send(app.request("GET", &format!("{runs}/{id}")).bearer_auth(&app.token)).ok();
    wait("it has begun", || run(&app)["rows_read"].as_u64() > Some(0));
    let (setup, status) = app.stop();
    assert!(status.success(), "{status}");
    let app = setup.start();
    let run = run(&app);
    assert_eq!(run["status"], "interrupted", "{run}");
    assert!(run["rows_read"].as_u64().unwrap() < ROWS as u64, "it was done before it could be stopped");
    drop(app);
    let output = place.setup().run(&undisturbed.sources.ingest());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    undisturbed.is_equalled_by(&place);
}
