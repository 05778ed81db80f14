//! Titles that are kept in Redis: while the server is there, while it is away, and once it is back.

use std::time::{Duration, Instant};

use crate::{
    app::{App, PATIENCE, Setup},
    fixtures,
    limits::redis,
    wire::{Mode, Wire},
};

/// How often something was found in the shared cache.
fn hits(app: &App) -> String {
    let page = reqwest::blocking::get(format!("{}/metrics", app.url("metrics"))).unwrap().text().unwrap();
    let line = page.lines().find_map(|line| line.strip_prefix("cache_hits_total "));
    line.unwrap_or("0").to_owned()
}

#[test]
fn a_title_that_changed_while_redis_was_away_is_not_shown_as_it_was() {
    let (wire, dir) = (Wire::to(&redis()), tempfile::tempdir().unwrap());
    let setup = Setup::new().env("MEDIA_GATEWAY_REDIS_URL", &wire.url);
    let app = fixtures::loaded(setup.env("MEDIA_GATEWAY_REDIS_PREFIX", format!("titles-{}:", std::process::id())));
    let found = app.get("/api/v1/search?q=kitchen+parliament").ok();
    let path = format!("/api/v1/content/{}", found["results"][0]["content"]["id"].as_str().unwrap());
    // Not as the gateway keeps it, which is for half a minute.
    let overview = || {
        let title = app.send(app.request("GET", &path).header("cache-control", "no-cache")).ok();
        title["overview"].as_str().unwrap().to_owned()
    };
    let (old, new) = ("Nine cooks govern a restaurant by vote.", "Nine cooks govern a restaurant by lot.");
    assert_eq!(overview(), old);
    // Not each time: nobody waits for a server that takes a quarter of a second, and the database is asked instead.
    let (since, before) = (Instant::now(), hits(&app));
    while hits(&app) == before {
        assert_eq!(overview(), old);
        assert!(since.elapsed() < PATIENCE, "it is not kept there");
    }

    wire.set(Mode::Cut);
    let changed = std::fs::read_to_string(fixtures::path("hulu_titles.csv")).unwrap().replace(old, new);
    app.ingest(&[&fixtures::write(dir.path(), "hulu_titles.csv", changed.as_bytes())]);
    assert_eq!(overview(), new);
    wire.set(Mode::Open);
    let (since, before) = (Instant::now(), hits(&app));
    while hits(&app) == before {
        assert_eq!(overview(), new, "after {:?}", since.elapsed());
        assert!(since.elapsed() < PATIENCE, "nothing is kept there any more");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(overview(), new);
}
