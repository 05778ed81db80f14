//! From files to answers: what goes in is merged, found, listed and told the same everywhere.

use std::{
    collections::BTreeSet,
    process::Command,
    time::{Duration, Instant},
};

use contracts::Clock;
use serde_json::{Value, json};
use stores::{Db, args};

use crate::{
    app::{App, PATIENCE, Setup},
    fixtures::{self, HEADER, TITLES},
    sources::Sources,
    split::counter,
};

const LIGHTHOUSE: &str = "/api/v1/content/lookup?id_type=imdb&id_value=tt9900001";

/// The ids of an answer, in its order.
pub fn ids(found: &Value) -> Vec<&str> {
    found["results"].as_array().unwrap().iter().map(|hit| hit["content"]["id"].as_str().unwrap()).collect()
}

fn titles(items: &Value) -> BTreeSet<&str> {
    let title = |item: &'_ Value| item.get("content").unwrap_or(item)["title"].as_str().map(str::len);
    assert!(items.as_array().unwrap().iter().all(|item| title(item).is_some()));
    let items = items.as_array().unwrap().iter();
    items.map(|item| item.get("content").unwrap_or(item)["title"].as_str().unwrap()).collect()
}

fn text(output: &std::process::Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn what_several_sources_know_is_one_title() {
    let app = fixtures::loaded(Setup::new());
    let title = app.get(LIGHTHOUSE).ok();
    let ids: Vec<_> = title["external_ids"].as_array().unwrap().iter().map(|id| id["id_type"].as_str()).collect();
    assert_eq!(ids, [Some("imdb"), Some("wikipedia")]);
    let offers: Vec<_> =
        title["availability"].as_array().unwrap().iter().map(|o| (&o["platform"], &o["region"])).collect();
    assert_eq!(offers, [(&json!("netflix"), &json!("US")), (&json!("prime_video"), &json!("GB"))]);
    assert_eq!(title["average_rating"], 7.5, "what only the critics' table knows");
    assert_eq!(title["images"][0]["url"], "https://pictures.example/paper-lighthouse.jpg", "what only Wikipedia knows");
    assert!(title["overview"].as_str().unwrap().contains("keeper"));

    let export = text(&app.setup.run(&["export"]));
    let line = export.lines().find(|line| line.contains("tt9900001")).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    let sources: Vec<_> =
        line["records"].as_array().unwrap().iter().map(|record| record[0].as_str().unwrap()).collect();
    assert_eq!(sources, ["netflix", "prime_video", "wikidata", "wikipedia"]);
    assert_eq!(export.lines().count(), TITLES);

    let (setup, status) = app.stop();
    assert!(status.success());
    let reasons = joined(&setup);
    assert_eq!(reasons.len(), 5, "three sources joined the first, one each the two others: {reasons:?}");
    for (evidence, confidence) in reasons {
        assert!(evidence.contains("title") && (0.9..=1.0).contains(&confidence), "{evidence} {confidence}");
    }
}

/// Why records joined titles that others describe too.
fn joined(setup: &Setup) -> Vec<(String, f64)> {
    let read = async {
        let db = Db::open_sqlite(&setup.folder().join("media-gateway.db"), &testkit::fast()).await.unwrap();
        let sql = "SELECT evidence, confidence FROM merge_log WHERE verdict = 'joined' ORDER BY id";
        db.fetch_all::<(String, f64)>(sql, args![]).await.unwrap()
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(read)
}

#[test]
fn a_title_is_read_alone_in_batches_and_by_region() {
    let app = fixtures::loaded(Setup::new());
    let id = app.get(LIGHTHOUSE).ok()["id"].as_str().unwrap().to_owned();
    let title = app.get(&format!("/api/v1/content/{id}"));
    assert_eq!(
        (title.header("content-type"), title.header("vary")),
        ("application/json", "accept-language, authorization")
    );
    let tag = title.header("etag").to_owned();
    let title = title.ok();
    assert_eq!(app.get(&format!("/v1/content/{id}")).ok(), title, "the alias is the same");
    for (tag, status) in [(tag.as_str(), 304), ("\"other\"", 200)] {
        let again = app.send(app.request("GET", &format!("/api/v1/content/{id}")).header("if-none-match", tag));
        assert_eq!(again.status, status);
        assert_eq!(again.text.is_empty(), status == 304);
    }

    let stranger = "01900000-0000-7000-8000-000000000000";
    let batch = app.post("/api/v1/content/batch", &json!({ "ids": [stranger, id] })).ok();
    assert_eq!((&batch["items"], &batch["missing"]), (&json!([title]), &json!([stranger])));

    let offers = |query: &str| app.get(&format!("/api/v1/content/{id}/availability{query}")).ok();
    assert_eq!(offers("")["offers"], title["availability"]);
    assert_eq!(offers("?region=US"), offers("?region=USA"));
    assert_eq!(offers("?region=US")["offers"], json!([title["availability"][0]]));
    assert_eq!(offers("?region=GB")["offers"], json!([title["availability"][1]]));
    assert_eq!(offers("?region=DE")["offers"], json!([]));
}

/// Today, by UTC.
fn today() -> String {
    Clock::system().now().to_string()[..10].to_owned()
}

#[test]
fn an_offer_says_who_knows_of_it_since_when_and_how_much_that_is_believed() {
    let (app, dir) = (App::start(), tempfile::tempdir().unwrap());
    let list = |service: &str, key: &str| {
        let row =
            format!("{key},Movie,Boxcar Lanterns,Ada Wren,,France,\"June 1, 2021\",2001,PG,90 min,Dramas,A keeper.");
        fixtures::write(dir.path(), &format!("{service}_titles.csv"), format!("{HEADER}\n{row}\n").as_bytes())
    };
    // Somebody vouches for the day of one list, and nobody for that of the other: it is of the day on which it came.
    app.ingest(&[&list("netflix", "s1"), "--as-of", "2021-12-01"]);
    let before = today();
    app.ingest(&[&list("hulu", "s2")]);
    let days = [before, today()].map(|day| format!("{day}T00:00:00Z"));
    let films = app.get("/api/v1/content/movies").ok();
    let film = &films["items"][0];
    assert_eq!((films["items"].as_array().unwrap().len(), &film["title"]), (1, &json!("Boxcar Lanterns")));
    let path = format!("/api/v1/content/{}/availability?region=US", film["id"].as_str().unwrap());
    let offers = app.get(&path).ok()["offers"].clone();
    let told = |offer: &Value| ["platform", "source", "checked_at", "confidence"].map(|field| offer[field].clone());
    let mut told: Vec<_> = offers.as_array().unwrap().iter().map(told).collect();
    told.sort_by_key(|offer| offer[0].to_string());
    let [hulu, netflix] = told.as_slice() else { panic!("{offers}") };
    assert_eq!(*netflix, [json!("netflix"), json!("netflix"), json!("2021-12-01T00:00:00Z"), json!(0.9)]);
    assert_eq!([&hulu[0], &hulu[1], &hulu[3]], [&json!("hulu"), &json!("hulu"), &json!(0.6)]);
    assert!(days.iter().any(|day| hulu[2] == day.as_str()), "{offers}");
}

#[test]
fn lists_hold_every_title_once() {
    let app = fixtures::loaded(Setup::new());
    let mut seen = Vec::new();
    for (list, count) in [("movies", 8), ("tv", 2)] {
        let (mut path, before) = (format!("/api/v1/content/{list}?limit=3"), seen.len());
        loop {
            let page = app.get(&path).ok();
            let items = page["items"].as_array().unwrap();
            assert!((1..=3).contains(&items.len()));
            seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("/api/v1/content/{list}?limit=3&cursor={cursor}");
        }
        assert_eq!(seen.len() - before, count, "{list}");
    }
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), TITLES);

    let platforms = app.get("/api/v1/platforms?with_titles=true").ok();
    let counts: Vec<_> =
        platforms["items"].as_array().unwrap().iter().map(|p| (p["id"].as_str().unwrap(), &p["title_count"])).collect();
    let expected = [("disney_plus", json!(1)), ("hulu", json!(2)), ("netflix", json!(4)), ("prime_video", json!(2))];
    assert_eq!(counts, expected.each_ref().map(|(id, count)| (*id, count)));
    let hulu = app.get("/api/v1/platforms/hulu/catalog").ok();
    assert_eq!(titles(&hulu["items"]), BTreeSet::from(["Harbour Street", "Kitchen Parliament"]));

    let genres = app.get("/api/v1/genres").ok();
    let crime = genres["items"].as_array().unwrap().iter().find(|genre| genre["id"] == "crime").unwrap().clone();
    assert_eq!(crime, json!({ "id": "crime", "name": "Crime", "movie_count": 0, "tv_show_count": 1 }));
    let of = |list: &str| app.get(&format!("/api/v1/genres/{list}")).ok()["items"].to_string();
    assert!(
        of("tv").contains("\"crime\"") && !of("movies").contains("\"crime\"") && of("movies").contains("\"horror\"")
    );
}

#[test]
fn a_search_says_what_it_found_and_why() {
    let app = fixtures::loaded(Setup::new());
    let posted = app.post("/api/v1/search", &json!({ "query": "paper lighthouse", "page_size": 3 })).ok();
    let got = app.get("/api/v1/search?q=paper+lighthouse&page_size=3").ok();
    assert_eq!(ids(&posted), ids(&got));
    assert_eq!(ids(&app.get("/v1/search?q=paper+lighthouse&page_size=3").ok()), ids(&got));
    assert_eq!(ids(&app.get("/api/v1/content/search?q=paper+lighthouse&page_size=3").ok()), ids(&got));
    assert_eq!((&got["page"], &got["page_size"]), (&json!(1), &json!(3)));
    assert!(got["search_time_ms"].as_f64().unwrap() > 0.0);
    let first = &got["results"][0];
    assert_eq!(first["content"]["title"], "The Paper Lighthouse");
    assert_eq!(first["match_reasons"][0], "Title matches “paper lighthouse”");
    assert!(first["keyword_score"].as_f64().unwrap() > 0.0);
    assert!((0.0..=1.0).contains(&first["relevance_score"].as_f64().unwrap()));

    let with = app.get("/api/v1/search?q=drama+with+Bo+Finch").ok();
    assert_eq!(with["query_parsed"]["people"], json!(["Bo Finch"]));
    assert_eq!(with["results"][0]["content"]["title"], "The Paper Lighthouse");
    let reasons = with["results"][0]["match_reasons"].to_string();
    assert!(reasons.contains("With Bo Finch") && reasons.contains("Genre: Drama"), "{reasons}");

    let pages: Vec<_> = (1..=2).map(|page| app.get(&format!("/api/v1/search?page_size=6&page={page}")).ok()).collect();
    let all: BTreeSet<_> = pages.iter().flat_map(ids).collect();
    assert_eq!((all.len(), &pages[0]["total_count"]), (TITLES, &json!(TITLES)));
}

#[test]
fn filters_leave_what_fits() {
    let app = fixtures::loaded(Setup::new());
    let table: &[(&str, Value, &[&str])] = &[
        ("type=tv_show", json!({ "content_types": ["tv_show"] }), &["Harbour Street", "Kitchen Parliament"]),
        ("genre=horror", json!({ "genres": ["horror"] }), &["The Clockmaker's Ghost"]),
        ("genre=horror,crime", json!({ "genres": ["horror", "crime"] }), &["The Clockmaker's Ghost", "Harbour Street"]),
        ("year_to=1970", json!({ "year_range": { "to": 1970 } }), &["Lanterns over Vesper Bay", "Without an extract"]),
        (
            "year_from=2019&type=movie",
            json!({ "year_range": { "from": 2019 }, "content_types": ["movie"] }),
            &["The Paper Lighthouse", "The Otter Who Counted Stars"],
        ),
        ("platform=disney_plus", json!({ "platforms": ["disney_plus"] }), &["The Otter Who Counted Stars"]),
        ("person=Ada+Wren", json!({ "people": ["Ada Wren"] }), &["The Paper Lighthouse"]),
        (
            "max_runtime=95",
            json!({ "max_runtime_minutes": 95 }),
            &["Midnight Orchard", "The Otter Who Counted Stars", "The Clockmaker's Ghost"],
        ),
        ("platform=prime_video&genre=comedy", json!({ "platforms": ["prime_video"], "genres": ["comedy"] }), &[]),
    ];
    for (query, filters, expected) in table {
        let got = app.get(&format!("/api/v1/search?{query}")).ok();
        assert_eq!(titles(&got["results"]), expected.iter().copied().collect(), "{query}");
        assert_eq!(got["total_count"], expected.len(), "{query}");
        let posted = app.post("/api/v1/search", &json!({ "filters": filters })).ok();
        assert_eq!(ids(&posted), ids(&got), "{query}");
    }
    // A platform in a region is one offer, not one of each.
    let found = |query: &str| app.get(&format!("/api/v1/search?{query}")).ok();
    let british = found("region=GBR");
    assert_eq!(titles(&british["results"]), BTreeSet::from(["The Paper Lighthouse", "The Clockmaker's Ghost"]));
    assert_eq!(ids(&british), ids(&found("region=gb")));
    assert_eq!(found("region=GB&platform=netflix")["total_count"], 0);
    assert_eq!(found("q=lighthouse&region=US&platform=prime_video")["total_count"], 0);
    assert_eq!(found("q=lighthouse&region=GB&platform=prime_video")["total_count"], 1);
}

#[test]
fn ingesting_again_changes_nothing() {
    let app = fixtures::loaded(Setup::new());
    let (before, position) = (text(&app.setup.run(&["export"])), app.get(LIGHTHOUSE).ok());
    fixtures::ingest_all(&app.setup);
    assert_eq!(text(&app.setup.run(&["export"])), before);
    assert_eq!(app.get(LIGHTHOUSE).ok(), position, "not even the time of the last change");
    let report = text(&app.setup.run(&["ingest", &fixtures::path("hulu_titles.csv"), "--json"]));
    let run: Value = serde_json::from_str(&report).unwrap();
    assert_eq!((&run["rows_read"], &run["unchanged"], &run["status"]), (&json!(2), &json!(2), &json!("done")));
}

#[test]
fn what_is_likely_is_asked_before_anybody_does() {
    let (setup, _) = fixtures::loaded(Setup::new()).stop();
    let app = setup.env("MEDIA_GATEWAY_LOG", "debug,hyper=off,h2=off").start();
    let since = Instant::now();
    while !app.log().contains("likely questions were answered ahead") {
        assert!(since.elapsed() < PATIENCE, "nobody asked");
        std::thread::sleep(Duration::from_millis(20));
    }
    for (path, kept) in [("/api/v1/discover", 1.0), ("/api/v1/search", 2.0), ("/api/v1/search?q=lighthouse", 2.0)] {
        app.get(path).ok();
        assert_eq!(counter(&app, "search_cache_lookups_total", &["outcome=\"hit\""]), kept, "{path}");
    }
}

#[test]
fn the_terminal_answers_as_http_does() {
    let app = fixtures::loaded(Setup::new());
    let query = ["search", "detectives", "in", "a", "port", "--type", "tv_show", "--json"];
    let over_http = app.get("/api/v1/search?q=detectives+in+a+port&type=tv_show&page_size=10").ok();
    assert_eq!(over_http["results"][0]["content"]["title"], "Harbour Street");
    let beside: Value = serde_json::from_str(&text(&app.setup.run(&query))).unwrap();
    assert_eq!(ids(&beside), ids(&over_http));
    let shown = text(&app.setup.run(&query[..7]));
    assert!(shown.contains("Harbour Street (2015)") && shown.contains("hulu, netflix"), "{shown}");
    let (setup, _) = app.stop();
    let alone: Value = serde_json::from_str(&text(&setup.run(&query))).unwrap();
    assert_eq!(ids(&alone), ids(&over_http));
    assert_eq!(alone["results"], over_http["results"]);
}

#[test]
fn the_terminal_filters_as_http_does() {
    let app = fixtures::loaded(Setup::new());
    let table: &[(&[&str], &str)] = &[
        (&["--genre", "horror", "--genre", "crime"], "genre=horror,crime"),
        (&["--platform", "hulu"], "platform=hulu"),
        (&["--platform", "prime_video", "--region", "GB"], "platform=prime_video&region=GB"),
        (&["--year-from", "1990", "--year-to", "2010", "--type", "movie"], "year_from=1990&year_to=2010&type=movie"),
        (&["lighthouse", "--region", "GBR"], "q=lighthouse&region=GB"),
        (&["--person", "Ada Wren"], "person=Ada+Wren"),
        (&["--max-runtime", "95"], "max_runtime=95"),
        (&["--min-rating", "7.5"], "min_rating=7.5"),
        (&["--max-rating", "7.5"], "max_rating=7.5"),
        (&["--language", "en"], "language=en"),
    ];
    for (args, query) in table {
        let over_http = app.get(&format!("/api/v1/search?{query}&page_size=10")).ok();
        assert!((1..TITLES).contains(&ids(&over_http).len()), "{query} leaves everything or nothing");
        let shown = text(&app.setup.run(&[&["search", "--json"][..], *args].concat()));
        let shown: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!((ids(&shown), &shown["total_count"]), (ids(&over_http), &over_http["total_count"]), "{args:?}");
    }
    let second = text(&app.setup.run(&["search", "--page", "2", "--page-size", "3", "--json"]));
    let second: Value = serde_json::from_str(&second).unwrap();
    let over_http = app.get("/api/v1/search?page=2&page_size=3").ok();
    assert_eq!((ids(&second).len(), ids(&second)), (3, ids(&over_http)));
}

#[test]
fn a_terminal_shows_how_far_an_ingest_is() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new();
    let command = setup.command(&Sources::write(dir.path(), 3_000).ingest());
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let line: Vec<_> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    // `script` gives it a terminal.
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &line.join(" "), "/dev/null"]).env("TERM", "xterm");
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => terminal.env(key, value),
            None => terminal.env_remove(key),
        };
    }
    let said = text(&terminal.output().unwrap());
    assert!(said.contains(" rows ") && said.contains(" %"), "{said}");
}

#[test]
fn a_search_follows_an_ingest_at_once() {
    let app = App::start();
    let dir = tempfile::tempdir().unwrap();
    let rows = format!(
        "{HEADER}\ns1,Movie,The Brass Meridian,,,,,2019,PG,90 min,Dramas,A map.\n\
         s2,Movie,Tomorrow's Lighthouse,,,,\"June 1, 2999\",2019,PG,90 min,Dramas,Not there yet.\n"
    );
    let file = fixtures::write(dir.path(), "netflix_titles.csv", rows.as_bytes());
    let report = text(&app.setup.run(&["ingest", &file]));
    assert!(report.contains("2 rows: 1 created, 0 merged, 0 updated, 0 unchanged, 1 rejected"), "{report}");
    let found = app.get("/api/v1/search?q=brass+meridian").ok();
    assert_eq!(found["total_count"], 1, "the command ends when what it read is found");
    assert_eq!(found["results"][0]["content"]["title"], "The Brass Meridian");

    let rejected: Vec<_> = std::fs::read_dir(app.setup.folder().join("rejected")).unwrap().collect();
    assert_eq!(rejected.len(), 1);
    let line = std::fs::read_to_string(rejected[0].as_ref().unwrap().path()).unwrap();
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["row"], &line["line"]), (&json!(2), &json!(3)));
    assert!(line["reason"].as_str().unwrap().starts_with("date_added is 2999-06-01"), "{line}");
    assert!(line["raw"].as_str().unwrap().contains("Tomorrow's Lighthouse"));
}
