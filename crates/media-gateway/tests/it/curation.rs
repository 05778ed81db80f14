//! What an operator does with sources of their own, on the command line: bad rows of every format, a mapping, questions
//! that resolution leaves, records taken apart, and the jobs of what the configuration names.

use serde_json::{Value, json};

use crate::{
    app::{PATIENCE, Setup, one_line},
    fixtures::{self, HEADER},
};

/// One field of ten megabytes.
fn huge() -> String {
    "x".repeat(10 << 20)
}

fn succeeded(setup: &Setup, args: &[&str]) -> String {
    let output = setup.run(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs an ingest that turns these rows away, in their order, and takes two good ones.
fn turns_away(name: &str, text: &str, more: &[&str], reasons: &[&str]) {
    let (setup, dir) = (Setup::new(), tempfile::tempdir().unwrap());
    let file = fixtures::write(dir.path(), name, text.as_bytes());
    check(&setup, &file, more, reasons);
}

fn check(setup: &Setup, file: &str, more: &[&str], reasons: &[&str]) {
    let run: Value = serde_json::from_str(&succeeded(setup, &[&["ingest", file, "--json"], more].concat())).unwrap();
    let rejects = setup.folder().join("rejected").join(format!("{}.jsonl", run["id"].as_str().unwrap()));
    let kept = std::fs::read_to_string(rejects).unwrap();
    let found: Vec<Value> = kept.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> =
        found.iter().map(|reject| reject["reason"].as_str().unwrap().chars().take(120).collect::<String>()).collect();
    assert_eq!(told.len(), reasons.len(), "{file}: {told:#?}");
    for (told, reason) in told.iter().zip(reasons) {
        assert!(told.contains(reason), "{file}: {told} is not {reason}");
    }
    assert_eq!(
        (&run["created"], &run["rejected"]),
        (&json!(2), &json!(reasons.len())),
        "{file}: the run goes on: {run}"
    );
    assert!(found.iter().all(|reject| reject["raw"].as_str().unwrap().len() <= 4096), "only the beginning is kept");
}

#[test]
fn a_bad_row_of_a_services_list() {
    let rows = [
        "s1,Movie,The Brass Meridian,,,,,2019,PG,90 min,Dramas,A map.".to_owned(),
        "s2,Movie".to_owned(),
        "s3;Movie;Semicolons;;;;;2019;PG;90 min;Dramas;x".to_owned(),
        "s4,Movie,Too Early,,,,,1492,PG,90 min,Dramas,x".to_owned(),
        format!("s5,Movie,{},,,,,2019,PG,90 min,Dramas,x", huge()),
        "s1,Movie,Another,,,,,2019,PG,90 min,Dramas,x".to_owned(),
        "s6,Movie,The Second Meridian,,,,,2020,PG,90 min,Dramas,x".to_owned(),
    ];
    let reasons =
        ["has 2 fields, the header 12", "has 1 fields", "release_year is 1492", "longer than", "duplicate id \"s1\""];
    turns_away("netflix_titles.csv", &format!("{HEADER}\n{}\n", rows.join("\n")), &[], &reasons);
}

#[test]
fn a_bad_row_of_imdb() {
    let row = |id: &str, title: &str, year: &str| format!("{id}\tmovie\t{title}\t{title}\t0\t{year}\t\\N\t90\tDrama");
    let rows = [
        "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\truntimeMinutes\tgenres"
            .to_owned(),
        row("tt9000001", "The Brass Meridian", "2019"),
        "tt9000002\tmovie".to_owned(),
        row("tt9000003", "Commas", "2019").replace('\t', ","),
        row("tt9000004", "Too Early", "1492"),
        row("tt9000005", &huge(), "2019"),
        row("tt9000006", "The Second Meridian", "2020"),
    ];
    let reasons = ["has 2 fields, the header 9", "has 1 fields", "startYear is 1492", "longer than"];
    turns_away("title.basics.tsv", &(rows.join("\n") + "\n"), &[], &reasons);
}

#[test]
fn a_bad_row_of_movielens() {
    let rows = [
        "movieId,title,genres".to_owned(),
        "1,The Brass Meridian (2019),Drama".to_owned(),
        "2,No Genres (2019)".to_owned(),
        "3;Semicolons (2019);Drama".to_owned(),
        "4,Too Early (1492),Drama".to_owned(),
        format!("5,{} (2019),Drama", huge()),
        "1,Another (2019),Drama".to_owned(),
        "6,The Second Meridian (2020),Drama".to_owned(),
    ];
    let reasons = ["has 2 fields, the header 3", "has 1 fields", "1492", "longer than", "duplicate id \"1\""];
    turns_away("movies.csv", &(rows.join("\n") + "\n"), &[], &reasons);
}

#[test]
fn a_bad_row_of_wikipedia() {
    let film = |title: &str, year: u32, href: &str| json!({ "title": title, "year": year, "cast": [], "genres": [], "href": href, "extract": "x" });
    let mut nameless = film("x", 2019, "Nameless");
    nameless.as_object_mut().unwrap().remove("title");
    let rows = [
        film("The Brass Meridian", 2019, "The_Brass_Meridian").to_string(),
        nameless.to_string(),
        "\"title;year;cast\"".to_owned(),
        film("Too Early", 1492, "Too_Early").to_string(),
        film(&huge(), 2019, "Huge").to_string(),
        film("Another", 2019, "The_Brass_Meridian").to_string(),
        film("The Second Meridian", 2020, "The_Second_Meridian").to_string(),
    ];
    let reasons = ["title is missing", "not a JSON object", "1492", "longer than", "duplicate id"];
    turns_away("films.json", &format!("[{}]", rows.join(",\n")), &[], &reasons);
}

#[test]
fn a_bad_row_of_justwatch() {
    let title = |id: &str, title: &str, year: u32| json!({ "entry_id": id, "object_type": "MOVIE", "title": title, "release_year": year, "offers": [] });
    let mut keyless = title("x", "Keyless", 2019);
    keyless.as_object_mut().unwrap().remove("entry_id");
    let rows = [
        title("tm1", "The Brass Meridian", 2019).to_string(),
        keyless.to_string(),
        "tm3;MOVIE;Semicolons".to_owned(),
        title("tm4", "Too Early", 1492).to_string(),
        title("tm5", &huge(), 2019).to_string(),
        title("tm1", "Another", 2019).to_string(),
        title("tm6", "The Second Meridian", 2020).to_string(),
    ];
    let reasons =
        ["entry_id is missing", "not valid JSON", "release_year is 1492", "longer than", "duplicate id \"tm1\""];
    turns_away("offers.jsonl", &(rows.join("\n") + "\n"), &[], &reasons);
}

#[test]
fn a_bad_row_of_the_film_database() {
    let (setup, dir) = (Setup::new(), tempfile::tempdir().unwrap());
    let (file, huge) = (dir.path().join("movies.db"), huge());
    let film = |imdb, title, year| -> fixtures::Film<'_> { (imdb, title, year, "Drama", "Ada Wren", "Bo Finch") };
    fixtures::films(
        &file,
        &[
            film("tt9000001", "The Brass Meridian", 2019),
            film("tt9000002", "", 2019),
            film("tt9000004", "Too Early", 1492),
            film("tt9000005", &huge, 2019),
            film("tt9000001", "Another", 2019),
            film("tt9000006", "The Second Meridian", 2020),
        ],
    );
    let reasons = ["missing", "1492", "longer than", "duplicate id \"tt9000001\""];
    check(&setup, file.to_str().unwrap(), &[], &reasons);
}

const MAPPING: &str = "source = \"festival\"\ntype = \"movie\"\n[columns]\nkey = \"id\"\ntitle = \"name\"\nyear = \"year\"\n\
    [ids]\nimdb = \"imdb\"\ntmdb_movie = \"tmdb\"\n";

#[test]
fn a_bad_row_of_ones_own_file() {
    let dir = tempfile::tempdir().unwrap();
    let mapping = fixtures::write(dir.path(), "festival.toml", MAPPING.as_bytes());
    let rows = [
        "id,name,year,imdb,tmdb".to_owned(),
        "1,The Brass Meridian,2019,,".to_owned(),
        "2,Short".to_owned(),
        "3;Semicolons;2019;;".to_owned(),
        "4,Too Early,1492,,".to_owned(),
        format!("5,{},2019,,", huge()),
        "1,Another,2019,,".to_owned(),
        "6,The Second Meridian,2020,,".to_owned(),
    ];
    let reasons = ["has 2 fields, the header 5", "has 1 fields", "1492", "longer than", "duplicate id \"1\""];
    turns_away("films.csv", &(rows.join("\n") + "\n"), &["--mapping", &mapping], &reasons);
}

const OFFERS: &str = r#"
source = "festival"
type = "movie"
list_separator = "|"
[columns]
key = "id"
title = "name"
year = "made"
overview = "story"
writers = "by"
actors = "cast"
[offer]
platform = "mubi"
web_url = "https://example.org/"
region = "JP"
region_column = "land"
terms = "buy"
terms_column = "terms"
quality = "sd"
quality_column = "sharp"
price_column = "price"
currency = "EUR"
currency_column = "money"
from_column = "since"
"#;

#[test]
fn what_a_row_leaves_open_of_its_offer_is_as_the_mapping_says() {
    let (setup, dir) = (Setup::new(), tempfile::tempdir().unwrap());
    let rows = "id,name,made,story,by,cast,land,terms,sharp,price,money,since\n\
        1,Boxcar Lanterns,2001,A keeper writes.,Di Moor,Cy Day|Eve Lark,DEU,rent,uhd,3.99,CHF,2024-02-01\n\
        2,Salt Roads,2002,,,,,,,2.49,,\n";
    let mapping = fixtures::write(dir.path(), "festival.toml", OFFERS.as_bytes());
    let file = fixtures::write(dir.path(), "offers.csv", rows.as_bytes());
    succeeded(&setup, &["ingest", &file, "--mapping", &mapping]);
    let export = succeeded(&setup, &["export"]);
    let film = |title: &str| {
        let mut films = export.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        films.find(|film| film["title"] == title).unwrap_or_else(|| panic!("no {title} in {export}"))
    };
    let (whole, bare) = (film("Boxcar Lanterns"), film("Salt Roads"));
    let people = whole["credits"].as_array().unwrap().iter();
    let people: Vec<_> = people.map(|one| (one["role"].clone(), one["name"].clone())).collect();
    let expected = [("writer", "Di Moor"), ("actor", "Cy Day"), ("actor", "Eve Lark")];
    assert_eq!(people, expected.map(|(role, name)| (json!(role), json!(name))));
    assert_eq!(whole["overview"], "A keeper writes.");
    let terms = |film: &Value| {
        let told = ["platform", "region", "availability_type", "quality", "price", "available_from"];
        told.map(|field| film["availability"][0][field].clone())
    };
    let price = |amount: &str, currency: &str| json!({ "amount": amount, "currency": currency });
    let (francs, euros, since) = (price("3.99", "CHF"), price("2.49", "EUR"), json!("2024-02-01T00:00:00Z"));
    assert_eq!(terms(&whole), [json!("mubi"), json!("DE"), json!("rent"), json!("uhd"), francs, since]);
    assert_eq!(terms(&bare), [json!("mubi"), json!("JP"), json!("buy"), json!("sd"), euros, Value::Null]);
}

#[test]
fn languages_that_can_not_be_read_are_told_and_cost_no_row() {
    let (app, dir) = (Setup::new().start(), tempfile::tempdir().unwrap());
    let mapping = MAPPING.replace("[ids]", "languages = \"spoken\"\n[ids]");
    let mapping = fixtures::write(dir.path(), "festival.toml", mapping.as_bytes());
    let rows = "id,name,year,imdb,tmdb,spoken\n1,The Brass Meridian,2019,,,\"Korean, Klingonese\"\n\
        2,Salt,1994,,,Elvish\n";
    let file = fixtures::write(dir.path(), "films.csv", rows.as_bytes());
    let told = succeeded(&app.setup, &["ingest", &file, "--mapping", &mapping]);
    assert!(told.contains("2 rows: 2 created") && told.contains("left out: 2, such as Klingonese, Elvish"), "{told}");
    let again = succeeded(&app.setup, &["ingest", &file, "--mapping", &mapping, "--json"]);
    let again: Value = serde_json::from_str(&again).unwrap();
    let unread = json!({ "count": 2, "spellings": ["Klingonese", "Elvish"] });
    assert_eq!((&again["unread_languages"], &again["unchanged"]), (&unread, &json!(2)));
    let path = format!("/api/v1/internal/ingest/runs/{}", again["id"].as_str().unwrap());
    let run = app.send(app.request("GET", &path).bearer_auth(&app.token)).ok();
    assert_eq!(run["unread_languages"], unread);
}

#[test]
fn an_id_that_two_titles_claim_is_asked_about_and_a_record_is_taken_apart() {
    let (setup, dir) = (Setup::new(), tempfile::tempdir().unwrap());
    let ingest = |name: &str, text: &str| {
        let mapping = MAPPING.replace("festival", name);
        let mapping = fixtures::write(dir.path(), &format!("{name}.toml"), mapping.as_bytes());
        let file = fixtures::write(dir.path(), &format!("{name}.csv"), text.as_bytes());
        let run = succeeded(&setup, &["ingest", &file, "--mapping", &mapping, "--json"]);
        serde_json::from_str::<Value>(&run).unwrap()
    };
    let titles = || succeeded(&setup, &["export"]).lines().count();
    ingest("festival", "id,name,year,imdb,tmdb\n1,The Brass Meridian,2019,tt9000001,\n2,Salt,1994,,5\n");
    let archive = "id,name,year,imdb,tmdb\n9,The Brass Meridian,2019,tt9000001,5\n";
    let run = ingest("archive", archive);
    assert_eq!((&run["merged"], &run["rejected"]), (&json!(1), &json!(0)), "{run}");
    assert_eq!(titles(), 2);

    let open = |status: &str| -> Vec<Value> {
        let listed = succeeded(&setup, &["review", "list", "--status", status, "--json"]);
        serde_json::from_str(&listed).unwrap()
    };
    let asked = open("open");
    assert_eq!((asked.len(), &asked[0]["kind"]), (1, &json!("id_conflict")), "{asked:?}");
    assert!(asked[0]["evidence"].as_str().unwrap().contains("tmdb_movie id 5"), "{asked:?}");
    succeeded(&setup, &["review", "reject", asked[0]["id"].as_str().unwrap()]);
    assert_eq!((open("open").len(), open("rejected").len()), (0, 1));

    let apart = succeeded(&setup, &["ingest", "unmerge", "archive", "9"]);
    assert!(apart.contains("archive 9 is now"), "{apart}");
    assert_eq!(titles(), 3);
    let again = ingest("archive", &archive.replace("2019,", "2020,"));
    assert_eq!((&again["updated"], &again["merged"]), (&json!(1), &json!(0)), "it stays apart for good: {again}");
    assert_eq!(titles(), 3);
    one_line(&setup.run(&["ingest", "unmerge", "archive", "404"]), 3, "404");
    let log = succeeded(&setup, &["audit", "export"]);
    for (action, target) in [("review.rejected", asked[0]["id"].as_str().unwrap()), ("record.unmerged", "archive 9")] {
        let said = log.lines().filter(|line| line.contains(action) && line.contains(target));
        assert_eq!(said.filter(|line| line.contains("\"operator\"")).count(), 1, "{action} {target}: {log}");
    }
}

/// The same over HTTP, and what they begin.
#[test]
fn what_operators_decide_and_begin_is_in_the_audit_log() {
    let (app, dir) = (Setup::new().start(), tempfile::tempdir().unwrap());
    let two = "1,The Brass Meridian,2019,tt9000001,\n2,Salt,1994,,5";
    for (name, rows) in [("festival", two), ("archive", "9,The Brass Meridian,2019,tt9000001,5")] {
        let mapping = MAPPING.replace("festival", name);
        let mapping = fixtures::write(dir.path(), &format!("{name}.toml"), mapping.as_bytes());
        let text = format!("id,name,year,imdb,tmdb\n{rows}\n");
        let file = fixtures::write(dir.path(), &format!("{name}.csv"), text.as_bytes());
        succeeded(&app.setup, &["ingest", &file, "--mapping", &mapping]);
    }
    let post = |path: &str, body: Value| {
        let request = app.request("POST", path).bearer_auth(&app.token).header("idempotency-key", path);
        app.send(request.json(&body)).ok()
    };
    let asked = app.request("GET", "/api/v1/internal/catalog/reviews").bearer_auth(&app.token);
    let question = app.send(asked).ok()["items"][0]["id"].as_str().unwrap().to_owned();
    post(&format!("/api/v1/internal/catalog/reviews/{question}/accept"), json!({}));
    let record = json!({ "source": "archive", "source_key": "9" });
    let apart = post("/api/v1/internal/catalog/unmerge", record);
    post("/api/v1/internal/jobs/expiry_warnings/runs", json!({}));

    let log = succeeded(&app.setup, &["audit", "export"]);
    let entries: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let done = |action: &str| -> Vec<&Value> { entries.iter().filter(|entry| entry["action"] == action).collect() };
    let check = |action: &str, target: &str| {
        let entries = done(action);
        assert_eq!(entries.len(), 1, "{action}: {log}");
        assert_eq!((&entries[0]["actor"], &entries[0]["target"]), (&json!("operator"), &json!(target)));
    };
    check("review.accepted", &question);
    check("record.unmerged", "archive 9");
    check("job.started", "expiry_warnings");
    let detail = done("record.unmerged")[0]["detail"].as_str().unwrap();
    for title in ["content_id", "from"] {
        assert!(detail.contains(apart[title].as_str().unwrap()), "{title}: {detail}");
    }
    assert_eq!(done("ingest.started").len(), 2, "{log}");
    let whole = succeeded(&app.setup, &["audit", "verify"]);
    assert!(whole.contains(" entries, unbroken\n"), "{whole}");
}

#[test]
fn jobs_are_those_of_the_sources_that_the_configuration_names() {
    let dir = tempfile::tempdir().unwrap();
    let key = fixtures::write(dir.path(), "key", b"a-key-of-the-test\n");
    let films = fixtures::write(dir.path(), "films.csv", b"id,name,year,imdb,tmdb\n1,The Brass Meridian,2019,,\n");
    let mapping = fixtures::write(dir.path(), "festival.toml", MAPPING.as_bytes());
    let toml = format!(
        "[sources.festival]\nlocation = {films:?}\nmapping_file = {mapping:?}\n\n[sources.tmdb]\nkey_file = {key:?}\n\
         base_url = \"http://127.0.0.1:9\"\n\n[sources.gracenote]\nkey_file = {key:?}\n"
    );
    let config = fixtures::write(dir.path(), "media-gateway.toml", toml.as_bytes());
    let setup = Setup::new();
    let listed = succeeded(&setup, &["jobs", "list", "--json", "--config", &config]);
    let names: Vec<String> = listed
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["name"].as_str().unwrap().to_owned())
        .collect();
    let expected = ["refresh_festival", "refresh_tmdb", "availability", "withdrawals", "enrichment", "expiry_warnings"];
    assert_eq!(names, expected);
    let done = succeeded(&setup, &["jobs", "run", "refresh_festival", "--config", &config]);
    assert!(done.contains("1 rows: 1 created"), "{done}");
    let failed = setup.run(&["jobs", "run", "refresh_tmdb", "--config", &config]);
    one_line(&failed, 5, "tmdb failed");
    let asked = succeeded(&setup, &["jobs", "run", "availability", "--config", &config]);
    assert!(asked.contains("0 of 1 titles asked about"), "it has no id that anybody could be asked by: {asked}");
    let told = setup.run(&["doctor", "--config", &config]);
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.contains("provider gracenote: configured; unverified"), "{told}");
    assert!(told.contains("provider tmdb: configured; tested against its OpenAPI document"), "{told}");
    let strange =
        fixtures::write(dir.path(), "strange.toml", format!("[sources.betamax]\nkey_file = {key:?}\n").as_bytes());
    one_line(&setup.run(&["jobs", "list", "--config", &strange]), 1, "no provider is called so");
}

#[test]
fn an_operator_sees_how_the_sources_of_the_configuration_are_doing() {
    let dir = tempfile::tempdir().unwrap();
    let key = fixtures::write(dir.path(), "key", b"a-key-of-the-test\n");
    let films = fixtures::write(dir.path(), "films.csv", b"id,name,year,imdb,tmdb\n1,The Brass Meridian,2019,,\n");
    let mapping = fixtures::write(dir.path(), "festival.toml", MAPPING.as_bytes());
    let toml = format!(
        "[sources.festival]\nlocation = {films:?}\nmapping_file = {mapping:?}\n\n[sources.tmdb]\nkey_file = {key:?}\n\
         base_url = \"http://127.0.0.1:9\"\ndaily_quota = 90\nregion = \"FR\"\n\n[sources.gracenote]\nkey_file = {key:?}\n"
    );
    let config = fixtures::write(dir.path(), "media-gateway.toml", toml.as_bytes());
    let app = Setup::new().env("MEDIA_GATEWAY_CONFIG", config).start();
    let ask = |method: &str, path: &str| app.send(app.request(method, path).bearer_auth(&app.token));
    // Nobody is at TMDb's address: each try is a failure, and is taken from the day's quota.
    ask("POST", "/api/v1/internal/jobs/refresh_tmdb/runs");
    let since = std::time::Instant::now();
    let all = loop {
        let all = ask("GET", "/api/v1/admin/sources").ok();
        if all[2]["standing"]["failures"].as_u64() > Some(0) {
            break all;
        }
        assert!(since.elapsed() < PATIENCE, "{all}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    let jobs = ask("GET", "/api/v1/internal/jobs").ok();
    let refresh = jobs["items"].as_array().unwrap().iter().find(|job| job["name"] == "refresh_tmdb").unwrap();
    assert_eq!((&refresh["schedule"], refresh["started_at"].is_string()), (&json!("0 */6 * * *"), true));
    let waits = ask("GET", "/api/v1/internal/jobs/refresh_festival").ok();
    assert_eq!((&waits["name"], &waits["started_at"]), (&json!("refresh_festival"), &Value::Null));
    let named: Vec<_> = all.as_array().unwrap().iter().map(|one| (one["name"].clone(), one["kind"].clone())).collect();
    let expected = [("festival", "feed"), ("gracenote", "provider"), ("tmdb", "provider")];
    assert_eq!(named, expected.map(|(name, kind)| (json!(name), json!(kind))));
    let (festival, gracenote, tmdb) = (&all[0], &all[1]["standing"], &all[2]["standing"]);
    assert_eq!((&festival["standing"], &all[2]["region"]), (&Value::Null, &json!("FR")));
    assert_eq!((&gracenote["breaker"], &gracenote["failures"]), (&json!("closed"), &json!(0)));
    assert_eq!((&tmdb["keys"], &tmdb["per_day"]), (&json!(1), &json!(90)));
    assert!(tmdb["used_today"].as_u64() >= tmdb["failures"].as_u64(), "{tmdb}");
    app.get("/api/v1/admin/sources").problem(401, "operator_required");
}

#[test]
fn a_list_of_the_configuration_is_of_the_service_and_region_that_it_names() {
    let (setup, dir) = (Setup::new(), tempfile::tempdir().unwrap());
    let row = "s1,Movie,Boxcar Lanterns,Ada Wren,,France,\"June 1, 2021\",2001,PG,90 min,Dramas,A keeper.\n";
    // Its name says nothing of whose it is.
    let list = fixtures::write(dir.path(), "list.csv", format!("{HEADER}\n{row}").as_bytes());
    let source = |name: &str, more: &str| format!("[sources.{name}]\nlocation = {list:?}\n{more}\n");
    let toml = source("mine", "platform = \"hulu\"\nregion = \"DEU\"")
        + &source("nobodys", "")
        + &source("other", "platform = \"hulu\"\nformat = \"movielens\"");
    let config = fixtures::write(dir.path(), "media-gateway.toml", toml.as_bytes());
    let run = |job: &str| setup.run(&["jobs", "run", job, "--config", &config]);
    let nobodys = run("refresh_nobodys");
    let said = String::from_utf8_lossy(&nobodys.stderr);
    assert!(!nobodys.status.success() && said.contains("--platform"), "{said}");
    assert!(!run("refresh_other").status.success(), "a list of a service is none of MovieLens");
    assert!(run("refresh_mine").status.success());
    let film: Value = serde_json::from_str(succeeded(&setup, &["export"]).trim()).unwrap();
    let offers = film["availability"].as_array().unwrap().iter();
    let told: Vec<_> = offers.map(|offer| (offer["platform"].clone(), offer["region"].clone())).collect();
    assert_eq!(told, [(json!("hulu"), json!("DE"))]);
}

#[test]
fn further_keys_of_a_provider_are_used_only_where_the_configuration_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let keys = fixtures::write(dir.path(), "keys", b"one\ntwo\n\nthree\nfour\nfive\n");
    // Nobody is at either address: a job whose time comes asks no one else.
    let source = |name: &str, more: &str| {
        format!("[sources.{name}]\nkey_file = {keys:?}\nbase_url = \"http://127.0.0.1:9\"\n{more}\n")
    };
    let tube = source("youtube", "channels = [\"UC0123456789abcdefghij_-\"]\nrotate_keys = true");
    let config = fixtures::write(dir.path(), "media-gateway.toml", (tube + &source("tmdb", "")).as_bytes());
    let app = Setup::new().env("MEDIA_GATEWAY_CONFIG", config).start();
    let all = app.send(app.request("GET", "/api/v1/admin/sources").bearer_auth(&app.token)).ok();
    let standing = |name: &str| {
        let one = all.as_array().unwrap().iter().find(|one| one["name"] == name);
        one.unwrap_or_else(|| panic!("no {name} in {all}"))["standing"].clone()
    };
    let (youtube, tmdb) = (standing("youtube"), standing("tmdb"));
    assert_eq!((&youtube["keys"], &youtube["per_day"]), (&json!(5), &json!(10_000)), "each has its own day");
    assert_eq!((&tmdb["keys"], &tmdb["per_day"]), (&json!(1), &Value::Null), "its terms may allow no more");
}

#[test]
fn jobs_are_shown_and_run_through_the_node_that_has_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let key = fixtures::write(dir.path(), "key", b"a-key-of-the-test\n");
    let films = "id,name,year,imdb,tmdb\n1,The Brass Meridian,2019,,\n2,Too Early,1492,,\n";
    let films = fixtures::write(dir.path(), "films.csv", films.as_bytes());
    let mapping = fixtures::write(dir.path(), "festival.toml", MAPPING.as_bytes());
    let toml = format!(
        "[sources.festival]\nlocation = {films:?}\nmapping_file = {mapping:?}\n\n[sources.tmdb]\nkey_file = {key:?}\n\
         base_url = \"http://127.0.0.1:9\"\n"
    );
    let config = fixtures::write(dir.path(), "media-gateway.toml", toml.as_bytes());
    let show = |setup: &Setup| -> Value {
        serde_json::from_str(&succeeded(setup, &["jobs", "show", "refresh_festival", "--json"])).unwrap()
    };
    let setup = Setup::new().env("MEDIA_GATEWAY_CONFIG", config);
    let alone = show(&setup);
    assert_eq!((&alone["status"], &alone["started_at"], &alone["done"]), (&json!("waiting"), &Value::Null, &json!(0)));
    one_line(&setup.run(&["jobs", "show", "nothing"]), 3, "there is no job \"nothing\"");

    let app = setup.start();
    let setup = &app.setup;
    assert_eq!(show(setup), alone, "the node says the same");
    let ran = succeeded(setup, &["jobs", "run", "refresh_festival"]);
    let told = "2 rows: 1 created, 0 merged, 0 updated, 0 unchanged, 1 rejected";
    assert!(ran.contains(told), "{ran}");
    let done = show(setup);
    assert_eq!((&done["status"], &done["done"], &done["summary"]), (&json!("waiting"), &json!(2), &json!(told)));
    assert!(done["started_at"].is_string() && done["finished_at"].is_string(), "{done}");
    one_line(&setup.run(&["jobs", "run", "refresh_tmdb"]), 1, "refresh_tmdb failed: tmdb failed");
    let table = succeeded(setup, &["jobs"]);
    let line = |name: &str| table.lines().find(|line| line.contains(name)).unwrap_or_default();
    assert!(line("refresh_festival").contains("waiting") && line("refresh_festival").contains(told), "{table}");
    assert!(line("refresh_tmdb").contains("failed") && line("expiry_warnings").contains("waiting"), "{table}");
    one_line(&setup.run(&["jobs", "run", "nothing"]), 3, "there is no job \"nothing\"");

    let mut files = std::fs::read_dir(setup.folder().join("rejected")).unwrap();
    let kept = std::fs::read_to_string(files.next().unwrap().unwrap().path()).unwrap();
    let reject: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!((&reject["row"], &reject["line"]), (&json!(2), &json!(3)), "a job's bad rows have a file: {kept}");
    assert!(reject["reason"].as_str().unwrap().starts_with("year is 1492, outside "), "{kept}");
    assert!(files.next().is_none());
}

#[test]
fn doctor_says_what_each_provider_was_held_against() {
    let (setup, dir) = (Setup::new(), tempfile::tempdir().unwrap());
    let key = fixtures::write(dir.path(), "key", b"a-key-of-the-test\n");
    let documents = [
        (
            "justwatch",
            "the queries of a published client, which sends no key: how a partner's key goes along is a guess",
        ),
        ("streaming_availability", "its OpenAPI document 4.1.0"),
        ("tmdb", "its OpenAPI document, version 3"),
        ("watchmode", "the types of its own client, 1.0.0"),
        ("youtube", "its discovery document, v3"),
    ];
    let names = documents.iter().map(|told| told.0).chain(["gracenote"]);
    let toml: String = names.map(|name| format!("[sources.{name}]\nkey_file = {key:?}\n")).collect();
    let config = fixtures::write(dir.path(), "media-gateway.toml", toml.as_bytes());
    let told = String::from_utf8(setup.run(&["doctor", "--config", &config]).stdout).unwrap();
    let of = |name: &str| told.lines().find(|line| line.contains(&format!(" provider {name}: "))).unwrap_or_default();
    for (name, document) in documents {
        assert_eq!(of(name), format!("ok   provider {name}: configured; tested against {document}"));
    }
    assert!(of("gracenote").starts_with("less provider gracenote: configured; unverified: "), "{told}");
}
