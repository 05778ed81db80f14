//! A folder whose keyword index is of an older format: it answers, killed or not, until the new one is whole.

use std::{fmt::Write as _, fs, time::Duration};

use serde_json::{Value, json};

use crate::{
    app::{App, Setup},
    fixtures::{self, HEADER},
};

/// Generated titles, enough that a rebuild takes a moment.
const FILMS: usize = 1_500;

fn listed() -> String {
    let mut rows = format!("{HEADER}\n");
    for place in 0..FILMS {
        let country = if place % 2 == 0 { "France" } else { "Japan" };
        writeln!(
            rows,
            "g{place},Movie,Generated film {place},Director {},\"Actor {}, Actor {}\",{country},,2001,PG,90 min,Dramas,\
             Made up for a test as number {place}.",
            place % 40,
            place % 90,
            place % 70,
        )
        .unwrap();
    }
    rows
}

fn keyword_index(app: &App) -> String {
    let ready = app.get("/readyz");
    let parts = ready.json["components"].as_array().unwrap().clone();
    parts.iter().find(|part| part["name"] == "keyword_index").unwrap()["detail"].as_str().unwrap().to_owned()
}

fn answers(app: &App) {
    let found: Value = app.get("/api/v1/search?q=generated%20film%20777").ok();
    assert_eq!(found["results"][0]["content"]["title"], "Generated film 777");
    let told = |source: &Value| source["source"] == "keyword";
    assert!(!found["degraded"].as_array().unwrap().iter().any(told), "{}", found["degraded"]);
}

/// There are more than anybody reads: the count says so, the last page that can be asked for is whole, and of names there
/// are the first.
fn lists_have_an_end(app: &App) {
    for query in ["", "q=generated&"] {
        let last = app.get(&format!("/api/v1/search?{query}page=10&page_size=100")).ok();
        let counted = (&last["total_count"], &last["total_count_is_capped"]);
        assert_eq!(counted, (&json!(1_000), &json!(true)), "{query}");
        assert_eq!(last["results"].as_array().unwrap().len(), 100, "{query}");
    }
    app.get("/api/v1/search?q=generated&page=11&page_size=100").problem(400, "page_too_far");
    for (path, most) in [("suggestions?q=gen", 10), ("autocomplete?q=gen", 10), ("autocomplete?q=gen&limit=20", 20)] {
        let found = app.get(&format!("/api/v1/search/{path}")).ok();
        assert_eq!(found["suggestions"].as_array().unwrap().len(), most, "{path}");
    }
}

#[test]
fn an_older_index_answers_through_kills_until_the_new_one_is_whole() {
    let app = Setup::new().start();
    let dir = tempfile::tempdir().unwrap();
    app.ingest(&[&fixtures::write(dir.path(), "netflix_titles.csv", listed().as_bytes())]);
    app.eventually("/readyz", |ready| ready["components"].to_string().contains(&format!("{FILMS} titles joined")));
    answers(&app);
    lists_have_an_end(&app);
    let (mut setup, _) = app.stop();
    let index = setup.folder().join("index/keyword");
    let (meta, former) = (index.join("meta.json"), index.with_extension("former"));
    let written = fs::read_to_string(&meta).unwrap();
    let aged = written.replacen("\\\"format\\\":", "\\\"format\\\":0,\\\"was\\\":", 1);
    assert_ne!(aged, written);
    fs::write(&meta, aged).unwrap();

    let mut seen = 0;
    for moment in [0, 30, 90, 200].map(Duration::from_millis) {
        let app = setup.start();
        seen += usize::from(keyword_index(&app).contains("in an older format; being filled"));
        answers(&app);
        std::thread::sleep(moment);
        answers(&app);
        setup = app.kill();
    }
    assert!(seen > 0, "nothing was asked during the rebuild");
    let app = setup.start();
    let whole = format!("\"{FILMS} titles\"");
    loop {
        answers(&app);
        if format!("{:?}", keyword_index(&app)) == whole {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!former.exists(), "the older index is gone");
    answers(&app);
}
