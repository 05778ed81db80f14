//! An event that its consumers fail on is seen at the command line, and has its effect once when it is offered again.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stores::{Db, args};
use tokio::runtime::Runtime;

use crate::app::{App, PATIENCE, Setup, one_line};

/// The database of a node that runs, from outside.
struct Beside {
    runtime: Runtime,
    db: Db,
}

impl Beside {
    fn open(db: impl Future<Output = Db>) -> Self {
        let runtime = Runtime::new().unwrap();
        let db = runtime.block_on(db);
        Self { runtime, db }
    }

    fn execute(&self, sql: &'static str) {
        self.runtime.block_on(self.db.execute(sql, args![])).unwrap();
    }

    /// Erasures should have been done an hour ago.
    fn put_back(&self) {
        let due = contracts::Clock::system().now() - jiff::SignedDuration::from_hours(73);
        self.runtime.block_on(self.db.execute("UPDATE auth_erasures SET due_at = $1", args![due])).unwrap();
    }

    /// How often accounts said that they have forgotten somebody.
    fn forgotten(&self) -> i64 {
        let sql = "SELECT COUNT(*) FROM events WHERE topic = 'person.forgotten' AND source = '/auth'";
        self.runtime.block_on(self.db.fetch_one(sql, args![])).unwrap()
    }
}

/// The dead letters, as the command line lists them.
fn dead(setup: &Setup) -> Vec<Value> {
    let output = setup.run(&["events", "dead", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A node on which somebody's account is erased, and the only dead letter that comes of it.
fn given_up(app: &App, beside: &Beside) -> (Value, String) {
    let new = json!({ "email": "ada@example.org", "password": "correct horse battery", "role": "basic_user" });
    let asked = app.request("POST", "/api/v1/internal/auth/users").bearer_auth(&app.token).json(&new);
    let person = app.send(asked).ok()["id"].as_str().unwrap().to_owned();
    let output = app.setup.run(&["privacy", "erase", &person, "--waive-grace", "--json"]);
    let erased: Value = serde_json::from_slice(&output.stdout).unwrap();
    let receipt = format!("/api/v1/privacy/receipts/{}", erased["receipt"].as_str().unwrap());
    let since = Instant::now();
    let letters = loop {
        // The hours pass after which it is tried again.
        beside.execute("UPDATE event_redeliveries SET due_at = stated_at FROM events WHERE events.id = event_id");
        let letters = dead(&app.setup);
        if !letters.is_empty() {
            break letters;
        }
        assert!(since.elapsed() < PATIENCE, "nobody gives up: {}", app.log());
        std::thread::sleep(Duration::from_millis(100));
    };
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!(
        (&letter["group"], &letter["topic"], &letter["subject"], &letter["attempts"]),
        (&json!("auth-erasures"), &json!("person.erased"), &json!(person), &json!(4))
    );
    assert!(letter["reason"].as_str().unwrap().contains("refused a statement"), "{letter}");
    let view = app.eventually(&receipt, |view| view["waits_for"] == json!(["auth"]));
    assert_eq!(view["state"], "erasing", "{view}");
    let listed = String::from_utf8(app.setup.run(&["events", "dead", "--group", "auth-erasures"]).stdout).unwrap();
    assert!(listed.starts_with("auth-erasures  ") && listed.contains("  person.erased  4  "), "{listed}");
    assert!(app.setup.run(&["events", "dead", "--group", "nobody"]).stdout.is_empty());
    (letter.clone(), receipt)
}

fn retry(setup: &Setup, letter: &Value) -> std::process::Output {
    setup.run(&["events", "retry", letter["group"].as_str().unwrap(), letter["event_id"].as_str().unwrap()])
}

/// The retry has its effect, and another does nothing.
fn takes_effect_once(app: &App, beside: &Beside, letter: &Value, receipt: &str) {
    let view = app.eventually(receipt, |view| view["state"] == "erased");
    assert_eq!(view["answers"].as_array().unwrap().len(), 2, "{view}");
    one_line(&retry(&app.setup, letter), 3, "has no dead letter");
    let (group, event) = (letter["group"].as_str().unwrap(), letter["event_id"].as_str().unwrap());
    one_line(&app.setup.run(&["events", "discard", group, event]), 3, "has no dead letter");
    let log = String::from_utf8(app.setup.run(&["audit", "export"]).stdout).unwrap();
    let done: Vec<_> = log.lines().filter(|line| line.contains("event.retried")).collect();
    assert!(matches!(done[..], [line] if line.contains(event) && line.contains("operator")), "{done:?}");
    assert!(dead(&app.setup).is_empty());
    assert_eq!(beside.forgotten(), 1, "by accounts");
}

#[test]
fn a_dead_letter_is_retried_on_the_folder_of_a_node_that_was_stopped() {
    let app = App::start();
    let file = app.setup.folder().join("media-gateway.db");
    let beside = Beside::open(async { Db::open_sqlite(&file, &testkit::fast()).await.unwrap() });
    beside.execute(
        "CREATE TRIGGER poison BEFORE INSERT ON events WHEN NEW.topic = 'person.forgotten' AND NEW.source = '/auth'
        BEGIN SELECT RAISE(ABORT, 'poison'); END",
    );
    let (letter, receipt) = given_up(&app, &beside);
    let (setup, _) = app.stop();
    beside.execute("DROP TRIGGER poison");
    assert_eq!(dead(&setup), std::slice::from_ref(&letter), "the same without a node");
    assert!(retry(&setup, &letter).status.success());
    takes_effect_once(&setup.start(), &beside, &letter, &receipt);
}

#[test]
fn a_dead_letter_is_retried_beside_a_node_on_postgres() {
    let database = crate::split::database();
    let app = Setup::new().env("MEDIA_GATEWAY_DATABASE_URL", database.url().unwrap()).start();
    let beside = Beside::open(database.reopen(&testkit::fast()));
    beside.execute("ALTER TABLE events ADD CONSTRAINT poison CHECK (topic <> 'person.forgotten' OR source <> '/auth')");
    let (letter, receipt) = given_up(&app, &beside);
    beside.execute("ALTER TABLE events DROP CONSTRAINT poison");
    assert!(retry(&app.setup, &letter).status.success());
    takes_effect_once(&app, &beside, &letter, &receipt);
}

/// What the command line says of erasures: the line, and what to do.
fn doctor(setup: &Setup) -> String {
    let said = String::from_utf8(setup.run(&["doctor"]).stdout).unwrap();
    let lines: Vec<_> = said.lines().skip_while(|line| !line.contains(" erasures: ")).take(2).collect();
    lines.join("\n")
}

#[test]
fn an_erasure_that_nobody_finishes_is_told_of() {
    let app = App::start();
    let file = app.setup.folder().join("media-gateway.db");
    let beside = Beside::open(async { Db::open_sqlite(&file, &testkit::fast()).await.unwrap() });
    beside.execute(
        "CREATE TRIGGER poison BEFORE INSERT ON events WHEN NEW.topic = 'person.forgotten' AND NEW.source = '/auth'
        BEGIN SELECT RAISE(ABORT, 'poison'); END",
    );
    let (letter, receipt) = given_up(&app, &beside);
    assert!(doctor(&app.setup).starts_with("ok   erasures: none is overdue"), "{}", doctor(&app.setup));
    let (setup, _) = app.stop();
    beside.put_back();
    let late = "less erasures: 72 hours after their end these wait: 1 for `auth` to answer, since ";
    let alone = doctor(&setup);
    assert!(alone.starts_with(late) && alone.contains("fix: ") && alone.contains("`events dead`"), "{alone}");

    let app = setup.start();
    let state = |ready: &Value, state: &str| {
        let mut parts = ready["components"].as_array().unwrap().iter();
        parts.any(|part| part["name"] == "erasures" && part["state"] == state)
    };
    let measured = |value: &str| {
        let page = app.send(reqwest::blocking::Client::new().get(format!("{}/metrics", app.url("metrics")))).text;
        assert!(page.contains(&format!("erasures_overdue{{waits_for=\"auth\"}} {value}\n")), "{page}");
    };
    app.eventually("/readyz", |ready| state(ready, "degraded"));
    measured("1");
    let beside_it = doctor(&app.setup);
    assert!(beside_it.starts_with(late) && beside_it.contains("`events dead`"), "{beside_it}");
    beside.execute("DROP TRIGGER poison");
    assert!(retry(&app.setup, &letter).status.success());
    app.eventually(&receipt, |view| view["state"] == "erased");
    app.eventually("/readyz", |ready| state(ready, "ready"));
    measured("0");
}
