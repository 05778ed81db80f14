//! The jobs of a node run by themselves when their time has come, also where it came while the node was down.

use std::time::{Duration, Instant};

use contracts::Clock;
use serde_json::{Value, json};
use stores::{Db, args};

use crate::{
    app::{App, PATIENCE, Setup},
    fixtures,
    grpc::block_on,
};

const JOB: &str = "/api/v1/internal/jobs/refresh_festival";
const MAPPING: &str = "source = \"festival\"\ntype = \"movie\"\n[columns]\nkey = \"id\"\ntitle = \"name\"\n";

/// Moves the time of the job to now.
fn is_due(setup: &Setup) {
    let file = setup.folder().join("media-gateway.db");
    block_on(async {
        let db = Db::open_sqlite(&file, &testkit::fast()).await.unwrap();
        let sql = "UPDATE jobs SET next_at = $1 WHERE name = 'refresh_festival'";
        assert_eq!(db.execute(sql, args![Clock::system().now()]).await.unwrap(), 1);
        db.close().await;
    });
}

fn job(app: &App) -> Value {
    app.send(app.request("GET", JOB).bearer_auth(&app.token)).ok()
}

/// Waits until a run of the job came to this.
fn comes_to(app: &App, summary: &str) -> Value {
    let since = Instant::now();
    loop {
        let job = job(app);
        if job["summary"] == summary {
            return job;
        }
        assert!(since.elapsed() < PATIENCE, "{job}: {}", app.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_job_runs_when_its_time_has_come_and_when_it_came_while_the_node_was_down() {
    let dir = tempfile::tempdir().unwrap();
    let mapping = fixtures::write(dir.path(), "festival.toml", MAPPING.as_bytes());
    let films = |text: &str| fixtures::write(dir.path(), "films.csv", text.as_bytes());
    let location = films("id,name\n1,The Brass Meridian\n");
    let toml = format!("[sources.festival]\nlocation = {location:?}\nmapping_file = {mapping:?}\n");
    let config = fixtures::write(dir.path(), "media-gateway.toml", toml.as_bytes());
    let app = Setup::new().env("MEDIA_GATEWAY_CONFIG", config).start();
    let first = job(&app);
    assert_eq!((&first["status"], &first["started_at"]), (&json!("waiting"), &Value::Null));
    is_due(&app.setup);
    let done = comes_to(&app, "1 rows: 1 created, 0 merged, 0 updated, 0 unchanged, 0 rejected");
    assert_eq!(done["status"], "waiting");
    assert!(done["next_at"].as_str() > done["finished_at"].as_str(), "it comes back: {done}");
    assert_eq!(app.get("/api/v1/content/movies").ok()["items"][0]["title"], "The Brass Meridian");

    let (setup, _) = app.stop();
    is_due(&setup);
    films("id,name\n1,The Brass Meridian\n2,The Second Meridian\n");
    comes_to(&setup.start(), "2 rows: 1 created, 0 merged, 0 updated, 1 unchanged, 0 rejected");
}
