//! Searching by meaning, with the real sentence model; and without one.

use std::{path::Path, time::Instant};

use serde_json::{Value, json};

use crate::{
    app::{App, PATIENCE, Setup},
    fixtures::{self, TITLES},
    grpc,
    sources::Sources,
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
    let (_, vectors) = stores_embedded::stored_vectors(&app.setup.folder().join("index/vectors")).unwrap();
    grpc::finds_by_vectors(&app, &vectors, TITLES);

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

/// How many of the titles are embedded, and of how many, once the node says so.
fn embedded(app: &App) -> (u64, u64) {
    let began = Instant::now();
    loop {
        let ready = app.get("/readyz").json;
        let said = ready["components"].as_array().into_iter().flatten().find_map(|part| {
            let (done, rest) = part["detail"].as_str()?.split_once(" of ")?;
            let all = rest.split_once(" titles embedded")?.0;
            Some((done.rsplit(' ').next()?.parse().ok()?, all.parse().ok()?))
        });
        if let Some(said) = said {
            return said;
        }
        assert!(began.elapsed() < PATIENCE, "it does not say how many: {ready}");
    }
}

/// What a node answers by meaning, once every title has its vectors.
fn meanings(folder: &Path) -> Vec<Value> {
    let app = Setup::on(folder).with_model().start();
    app.eventually("/readyz", |ready| ready["state"] == "ready");
    let (done, all) = embedded(&app);
    assert!(done == all && all > 300, "{done} of {all}");
    let ask = |query: &&str| {
        let found = app.get(&format!("/api/v1/search?q={query}&page_size=50")).ok();
        let results = found["results"].as_array().unwrap().iter();
        let mut shown: Vec<_> = results.map(|hit| json!([hit["content"]["title"], hit["vector_similarity"]])).collect();
        shown.sort_by_key(Value::to_string);
        assert!(shown.iter().any(|hit| hit[1].as_f64() > Some(0.3)), "{query} finds nothing by meaning");
        Value::Array(shown)
    };
    ["someone+alone+at+sea", "a+town+that+keeps+a+secret", "an+engine+under+ice"].iter().map(ask).collect()
}

#[test]
fn a_node_that_is_killed_while_it_embeds_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("data");
    let sources = Sources::write(dir.path(), 400);
    let output = Setup::on(&folder).run(&sources.ingest());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (mut kept, mut met, mut told) = (0, 0, 0);
    for _ in 0..4 {
        let app = Setup::on(&folder).with_model().start();
        let (found, all) = embedded(&app);
        assert!(found >= kept, "{kept} titles were embedded before the kill, and {found} after it");
        // Some more, and never all.
        while kept <= found && kept < all {
            kept = embedded(&app).0;
        }
        met += usize::from(0 < kept && kept < all);
        let setup = app.kill();
        if 0 < kept && kept < all / 2 {
            let said = setup.doctor();
            assert!(said.contains("less vector index: ") && said.contains(" titles are embedded"), "{said}");
            told += 1;
        }
    }
    assert!(met > 0 && told > 0, "all was embedded before the first kill");
    let found = meanings(&folder);
    std::fs::remove_dir_all(folder.join("index")).unwrap();
    assert_eq!(found, meanings(&folder), "as from vectors that were made at one go");
}

const MAPPING: &str =
    "type = \"movie\"\n[columns]\nkey = \"id\"\ntitle = \"name\"\nyear = \"year\"\noverview = \"plot\"\n";

/// Two lists that name nobody: one film retold, and one name of two films.
fn two_lists(setup: &Setup) -> Vec<Value> {
    let dir = tempfile::tempdir().unwrap();
    let lists = [
        (
            "festival",
            "1,Wind,2019,A lighthouse keeper on a lonely island finds an old letter after a storm and sails out to its sender.\n\
             2,Salt,2019,Three sisters inherit a failing bakery in Lyon and learn to forgive each other over bread.\n",
        ),
        (
            "archive",
            "7,Wind,2019,After a storm the keeper of a lonely island lighthouse discovers an old letter and sails to find who sent it.\n\
             8,Salt,2019,An astronaut repairs a mining robot on a moon of Jupiter while her oxygen runs out.\n",
        ),
    ];
    let one = |(name, rows): (&str, &str)| {
        let mapping = format!("source = \"{name}\"\n{MAPPING}");
        let mapping = fixtures::write(dir.path(), &format!("{name}.toml"), mapping.as_bytes());
        let file = fixtures::write(dir.path(), &format!("{name}.csv"), format!("id,name,year,plot\n{rows}").as_bytes());
        let output = setup.run(&["ingest", &file, "--mapping", &mapping, "--json"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    lists.map(one).to_vec()
}

#[test]
fn two_records_are_one_title_where_their_stories_are_alike() {
    let counts = |run: &Value| ["created", "merged"].map(|name| run[name].as_u64().unwrap());
    let questions = |setup: &Setup| -> Vec<Value> {
        let listed = setup.run(&["review", "list", "--json"]);
        serde_json::from_slice(&listed.stdout).unwrap()
    };
    let without = Setup::new();
    assert_eq!(two_lists(&without).iter().map(counts).collect::<Vec<_>>(), [[2, 0], [2, 0]]);
    let asked = questions(&without);
    assert_eq!(asked.len(), 2, "nothing but name and year is known: {asked:?}");
    assert!(asked.iter().all(|one| one["evidence"] == "title, year; too little else to go by"), "{asked:?}");

    let with = Setup::new().with_model();
    assert_eq!(two_lists(&with).iter().map(counts).collect::<Vec<_>>(), [[2, 0], [1, 1]]);
    assert_eq!(questions(&with), Vec::<Value>::new(), "the other pair is put apart");
    let app = with.start();
    let found = app.get("/api/v1/content/titles?q=wind").ok();
    let items = found["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{found}");
    let history = |item: &Value| {
        let path = format!("/api/v1/content/{}/merges", item["id"].as_str().unwrap());
        app.get(&path).ok()["log"].to_string()
    };
    assert!(history(&items[0]).contains("title, year, overviews alike ."), "{}", history(&items[0]));
    let others = app.get("/api/v1/content/titles?q=salt").ok();
    let others: Vec<String> = others["items"].as_array().unwrap().iter().map(history).collect();
    assert_eq!(others.len(), 2);
    assert!(others.iter().any(|log| log.contains("title, year, overviews unlike .")), "{others:?}");
}

#[test]
fn a_model_of_768_components_is_used_like_any_other() {
    let dir = tempfile::tempdir().unwrap();
    let model = dir.path().join("model");
    std::fs::create_dir(&model).unwrap();
    let real = std::env::var("MEDIA_GATEWAY_TEST_MODEL").expect("the folder of the sentence model: run `make test`");
    // The runtime and the tokenizer are the same.
    for entry in std::fs::read_dir(real).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "model.onnx" {
            std::os::unix::fs::symlink(entry.path(), model.join(entry.file_name())).unwrap();
        }
    }
    std::fs::write(model.join("model.onnx"), testkit::sentence_model(768)).unwrap();
    let on = |setup: Setup| {
        setup.env("MEDIA_GATEWAY_MODEL_ENABLED", "true").env("MEDIA_GATEWAY_MODEL_DIR", model.to_str().unwrap())
    };
    let embedded = format!("{TITLES} of {TITLES} titles embedded");
    let whole = |ready: &Value| ready["components"].to_string().contains(&embedded) && ready["state"] == "ready";
    let app = fixtures::loaded(on(Setup::new()));
    app.eventually("/readyz", whole);
    let ask = |app: &App| app.get("/api/v1/search?q=astronauts+vegetables").ok();
    let found = ask(&app);
    assert_eq!(
        (&found["results"][0]["content"]["title"], &found["degraded"]),
        (&json!("The Quiet Furrow"), &json!([]))
    );
    let near = found["results"][0]["vector_similarity"].as_f64().unwrap();
    assert!(near > 0.2, "{near}");
    let (setup, _) = app.stop();
    let (stored, vectors) = stores_embedded::stored_vectors(&setup.folder().join("index/vectors")).unwrap();
    assert_eq!((stored.dimension, vectors[0].len()), (768, 768));
    // What is on the disk is read again, and a folder of other vectors is embedded anew.
    let app = setup.start();
    app.eventually("/readyz", whole);
    assert_eq!(ask(&app)["results"][0], found["results"][0]);
    let (setup, _) = app.stop();
    let app = setup.with_model().start();
    app.eventually("/readyz", whole);
    let (setup, _) = app.stop();
    let (stored, _) = stores_embedded::stored_vectors(&setup.folder().join("index/vectors")).unwrap();
    assert_eq!(stored.dimension, 384);
}
