//! Searching by meaning, with the real sentence model; and without one.

use serde_json::{Value, json};

use crate::{
    app::Setup,
    fixtures::{self, TITLES},
};

/// Shares no word with the title, the people, the genre or the overview of *The Quiet Furrow*.
const QUERY: &str = "/api/v1/search?q=farming+potatoes+alone+on+mars";

fn part(ready: &Value, name: &str) -> Value {
    ready["components"].as_array().unwrap().iter().find(|part| part["name"] == name).unwrap().clone()
}

#[test]
fn a_title_is_found_by_what_it_is_about() {
    let app = fixtures::loaded(Setup::new().with_model());
    let embedded = format!("{TITLES} of {TITLES} titles embedded");
    let ready = app.eventually("/readyz", |ready| ready["components"].to_string().contains(&embedded));
    assert_eq!(part(&ready, "embedding_model")["state"], "ready");
    assert!(!part(&ready, "embedding_model")["detail"].as_str().unwrap().is_empty(), "it says which: {ready}");
    assert_eq!(app.eventually("/readyz", |ready| ready["state"] == "ready")["state"], "ready");

    let found = app.get(QUERY).ok();
    let first = &found["results"][0];
    assert_eq!(first["content"]["title"], "The Quiet Furrow");
    assert_eq!(first["keyword_score"], 0.0, "no word in common");
    assert!(first["vector_similarity"].as_f64().unwrap() > 0.3);
    assert_eq!(first["match_reasons"], json!(["Similar in meaning"]));
    assert_eq!(found["degraded"], json!([]));
    // What the words say is not lost beside the meaning, and a filter holds for both.
    let named = app.get("/api/v1/search?q=paper+lighthouse").ok();
    assert_eq!(named["results"][0]["content"]["title"], "The Paper Lighthouse");
    let filtered = app.get(&format!("{QUERY}&genre=science_fiction")).ok();
    let genres = |hit: &Value| hit["content"]["genres"].to_string().contains("science_fiction");
    let filtered = filtered["results"].as_array().unwrap();
    assert!(!filtered.is_empty() && filtered.iter().all(genres), "{filtered:?}");

    // The terminal, alone with the folder, reads the same vectors.
    let (setup, _) = app.stop();
    let alone = setup.run(&["search", "farming potatoes alone on mars", "--json"]);
    let alone: Value = serde_json::from_slice(&alone.stdout).unwrap();
    assert_eq!(alone["results"][0], *first);
}

#[test]
fn without_a_model_the_words_decide() {
    let app = fixtures::loaded(Setup::new());
    let found = app.get("/api/v1/search?q=astronauts+vegetables").ok();
    assert_eq!(found["results"][0]["content"]["title"], "The Quiet Furrow");
    assert_eq!(found["results"][0]["vector_similarity"], 0.0);
    let unfound = app.get(QUERY).ok();
    let titles: Vec<_> = unfound["results"].as_array().unwrap().iter().map(|hit| &hit["content"]["title"]).collect();
    assert!(!titles.contains(&&json!("The Quiet Furrow")), "{titles:?}");
    assert_eq!(unfound["degraded"][0]["source"], "vector", "and the answer says so");
    let ready = app.eventually("/readyz", |ready| ready["state"] == "degraded");
    assert_eq!(part(&ready, "embedding_model")["state"], "degraded");

    let nowhere = Setup::new().env("MEDIA_GATEWAY_MODEL_ENABLED", "true").env("MEDIA_GATEWAY_MODEL_DIR", "/nowhere");
    let app = nowhere.start();
    let ready = app.eventually("/readyz", |ready| ready["state"] == "degraded");
    assert!(part(&ready, "embedding_model")["detail"].as_str().unwrap().contains("/nowhere"), "{ready}");
}
