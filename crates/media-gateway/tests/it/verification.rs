//! A gateway that can't read what tokens are checked by says so: while it still lets people in, and once it does not.

use contracts::{Clock, Event, EventId, Ids, Rng, Topic, Trace};
use serde_json::{Value, json};
use stores::args;
use testkit::TestDb;

use crate::{app::App, cloud::wait, mutual::with_token, split::database};

const REST: [&str; 4] = ["auth", "catalog", "ingest", "playback"];
const AWAY: &str = "ALTER TABLE auth_service_keys RENAME TO away";
const BACK: &str = "ALTER TABLE away RENAME TO auth_service_keys";

/// Moves a table that everybody verifies with, and says that keys changed, so that all read them now.
fn moved(database: &TestDb, sql: &'static str) {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let (clock, rng) = (Clock::system(), Rng::system());
        let db = database.reopen(&testkit::fast()).await;
        db.execute(sql, args![]).await.unwrap();
        let (id, trace) = (EventId(Ids::new(clock.clone(), rng.clone()).next()), Trace::start(&rng));
        let nobody = "00000000-0000-0000-0000-000000000000".parse().unwrap();
        let event = Event::new(id, "/auth", Topic::ContentUpdated, nobody, clock.now(), trace, json!({}));
        let event = Event { kind: "auth.changed".to_owned(), ..event };
        let mut tx = db.begin().await.unwrap();
        stores::events::append(&mut tx, &[event]).await.unwrap();
        tx.commit().await.unwrap();
        db.close().await;
    });
}

fn verification(app: &App) -> Value {
    let ready = app.get("/readyz").json;
    let parts = ready["components"].as_array().cloned().unwrap_or_default();
    parts.into_iter().find(|part| part["name"] == "verification").unwrap_or_else(|| panic!("not told of: {ready}"))
}

#[test]
fn a_gateway_that_can_not_read_keys_says_so_before_it_refuses_everybody_and_after() {
    let (dir, database) = (tempfile::tempdir().unwrap(), database());
    let token = "t".repeat(40);
    let back = with_token(dir.path(), &database, "back", &token).roles("auth,catalog,ingest,playback").start();
    let front = with_token(dir.path(), &database, "front", &token).roles("gateway,search");
    let front = front.reaching(REST, &back).start();
    let is = |state: &str| verification(&front)["state"] == state;
    let guess = || front.send(front.request("GET", "/api/v1/search?q=harbour").bearer_auth("nobody"));
    assert!(is("ready"), "{}", verification(&front));

    // Keys and revocations come from the database, and go on to without the process that makes them.
    back.kill();
    moved(&database, AWAY);
    wait("it can't read", || is("degraded"));
    assert_eq!(front.get("/readyz").status, 200);
    guess().problem(401, "bad_token");

    wait("what it read is too old", || is("down"));
    assert_eq!(front.get("/readyz").status, 503);
    guess().problem(503, "auth_unavailable");
    let said = front.setup.doctor();
    let line = "BAD  verification: keys and revocations were last read ";
    let (_, rest) = said.split_once(line).unwrap_or_else(|| panic!("{said}"));
    assert!(rest.lines().nth(1).is_some_and(|fix| fix.contains("fix: have its database answer")), "{said}");

    moved(&database, BACK);
    wait("it reads again", || is("ready"));
    assert_eq!(front.get("/readyz").status, 200);
    guess().problem(401, "bad_token");
}
