//! Bad input, through every public door: a status, a stable code, the field at fault, and nothing half-written.

use std::process::Output;

use serde_json::{Value, json};

use crate::{
    app::{Answer, App, Setup, one_line},
    fixtures::{self, HEADER},
};

/// A request's method, path and JSON body.
fn send(app: &App, method: &str, path: &str, body: &Value) -> Answer {
    let request = app.request(method, path);
    app.send(if body.is_null() { request } else { request.json(body) })
}

#[test]
fn bad_requests_name_the_field() {
    let app = App::start();
    let none = Value::Null;
    let long = "é".repeat(2_001);
    let search = "/api/v1/search";
    let stranger = "/api/v1/content/01900000-0000-7000-8000-000000000000";
    let table: &[(&str, &str, Value, u16, &str, &str)] = &[
        ("POST", search, json!({ "query": "a", "colour": 1 }), 400, "unknown_field", "colour"),
        (
            "POST",
            search,
            json!({ "filters": { "year_range": { "form": 1 } } }),
            400,
            "unknown_field",
            "filters.year_range.form",
        ),
        ("GET", "/api/v1/search?q=a&colour=1", none.clone(), 400, "unknown_field", "colour"),
        ("GET", "/api/v1/search?q=a&q=b", none.clone(), 400, "duplicate_field", "q"),
        ("GET", "/api/v1/search?page=two", none.clone(), 400, "invalid_parameter", "page"),
        ("POST", search, json!({ "query": 7 }), 400, "invalid_field", "query"),
        ("POST", search, json!({ "query": long }), 400, "query_too_long", "query"),
        ("POST", search, json!({ "region": "ATLANTIS" }), 400, "unknown_region", "region"),
        ("GET", "/api/v1/search?region=XX", none.clone(), 400, "unknown_region", "region"),
        (
            "POST",
            search,
            json!({ "filters": { "genres": ["drama", "gossip"] } }),
            400,
            "unknown_genre",
            "filters.genres[1]",
        ),
        ("GET", "/api/v1/search?type=game", none.clone(), 400, "unknown_content_type", "type"),
        ("POST", search, json!({ "page": 0 }), 400, "bad_page", "page"),
        ("POST", search, json!({ "page_size": 101 }), 400, "bad_page_size", "page_size"),
        ("POST", search, json!({ "page": 11, "page_size": 100 }), 400, "page_too_far", "page"),
        ("POST", search, json!({ "page": 4_294_967_295_u32, "page_size": 100 }), 400, "page_too_far", "page"),
        ("GET", "/api/v1/search?year_from=2001&year_to=2000", none.clone(), 400, "bad_year_range", "year_from"),
        ("GET", "/api/v1/search?max_rating=11", none.clone(), 400, "bad_rating", "max_rating"),
        ("GET", "/api/v1/search?min_rating=8&max_rating=7", none.clone(), 400, "bad_rating_range", "min_rating"),
        ("GET", "/api/v1/search?sort=hot", none.clone(), 400, "unknown_sort", "sort"),
        ("POST", search, json!({ "sort": "hot" }), 400, "invalid_field", "sort"),
        ("GET", "/api/v1/search?genre=gossip", none.clone(), 400, "unknown_genre", "genre"),
        ("GET", "/api/v1/content/movies?cursor=AAAA", none.clone(), 400, "bad_cursor", "cursor"),
        ("GET", "/api/v1/content/movies?limit=0", none.clone(), 400, "bad_limit", "limit"),
        ("GET", "/api/v1/content/42", none.clone(), 400, "invalid_path", "id"),
        ("POST", "/api/v1/content/batch", json!({ "ids": [] }), 400, "bad_batch", "ids"),
        ("POST", "/api/v1/content/batch", json!({ "ids": ["x"] }), 400, "invalid_field", "ids[0]"),
        ("GET", "/api/v1/content/lookup?id_type=imdb", none.clone(), 400, "missing_field", "id_value"),
        ("GET", stranger, none.clone(), 404, "unknown_content", ""),
        ("GET", "/api/v1/platforms/betamax/catalog", none.clone(), 404, "unknown_platform", ""),
        ("GET", "/api/v1/nothing", none.clone(), 404, "no_such_route", ""),
        ("GET", "/api/v2/search?q=a", none.clone(), 404, "version_reserved", ""),
        ("GET", "/v2", none.clone(), 404, "version_reserved", ""),
    ];
    for (method, path, body, status, code, field) in table {
        let shown = format!("{method} {path} {}", body.to_string().chars().take(80).collect::<String>());
        let problem = send(&app, method, path, body).problem(*status, code);
        assert_eq!(problem["errors"][0]["field"].as_str().unwrap_or_default(), *field, "{shown}: {problem}");
        assert!(problem["detail"].as_str().unwrap().len() > 10, "{shown}");
        assert!(
            !problem["title"].as_str().unwrap().is_empty() && problem["instance"].is_string(),
            "{shown}: {problem}"
        );
    }
}

/// The addresses of an operation, with a NUL character in one of its parameters each.
fn spoilt(path: &str, operation: &Value) -> Vec<String> {
    let filled = |wrong: &str| -> String {
        let parts = path.split('/').map(|part| match part.strip_prefix('{') {
            Some(name) if name.trim_end_matches('}') == wrong => "a%00",
            Some(_) => "01900000-0000-7000-8000-000000000000",
            None => part,
        });
        parts.collect::<Vec<_>>().join("/")
    };
    let parameters = || operation["parameters"].as_array().into_iter().flatten();
    let required = parameters().filter(|one| one["in"] == "query" && one["required"] == true);
    let required: Vec<_> = required.filter_map(|one| one["name"].as_str()).collect();
    let address = |one: &Value| -> Option<String> {
        let name = one["name"].as_str()?;
        let others = required.iter().filter(|other| **other != name);
        let others: String = others.map(|other| format!("&{other}=a")).collect();
        match one["in"].as_str()? {
            "path" => Some(filled(name)),
            "query" => Some(format!("{}?{name}=a%00{others}", filled(""))),
            _ => None,
        }
    };
    parameters().filter_map(address).collect()
}

/// PostgreSQL keeps no NUL in a text. That is nothing to fail at: whoever sends one hears so, on either engine.
#[test]
fn a_nul_character_is_refused_wherever_it_is_sent() {
    let database = crate::split::database();
    let postgres = Setup::new().env("MEDIA_GATEWAY_DATABASE_URL", database.url().unwrap());
    for setup in [Setup::new(), postgres] {
        let app = setup.start();
        let document = app.get("/api/v1/openapi.json").ok();
        let ask = |method: &str, path: &str, body: &Value| -> Answer {
            let request = app.request(method, path).bearer_auth(&app.token);
            app.send(if body.is_null() { request } else { request.json(body) })
        };
        let mut asked = 0;
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                for address in spoilt(path, operation) {
                    let answer = ask(&method.to_uppercase(), &address, &Value::Null);
                    assert!(
                        answer.status < 500 || answer.status == 501,
                        "{method} {address}: {} {}",
                        answer.status,
                        answer.text
                    );
                    asked += 1;
                }
            }
        }
        assert!(asked > 50, "{asked}");
        let record = json!({ "source": "a\0", "source_key": "1" });
        for (method, path, body, code) in [
            ("DELETE", "/api/v1/internal/auth/clients/a%00", Value::Null, "nul_character"),
            ("POST", "/api/v1/internal/auth/orgs", json!({ "name": "a\0b" }), "nul_character"),
            ("POST", "/api/v1/internal/catalog/unmerge", record, "nul_character"),
            ("GET", "/api/v1/search?genre=drama%00", Value::Null, "unknown_genre"),
            ("GET", "/api/v1/search?person=a%00b", Value::Null, "bad_person"),
        ] {
            ask(method, path, &body).problem(400, code);
        }
    }
}

#[test]
fn bad_bodies_and_methods_are_refused() {
    let app = App::start();
    let search = || app.request("POST", "/api/v1/search");
    let json = "application/json";
    app.send(search().header("content-type", json).body("{\"query\":")).problem(400, "bad_json");
    app.send(search().header("content-type", json).body("{} {}")).problem(400, "bad_json");
    app.send(search().header("content-type", json).body(vec![b'{', 0xff, b'}'])).problem(400, "bad_json");
    app.send(search().header("content-type", "text/plain").body("{}")).problem(415, "unsupported_media_type");
    app.send(search().body("{}")).problem(415, "unsupported_media_type");
    let packed =
        |coding: &str, body| search().header("content-type", json).header("content-encoding", coding).body(body);
    app.send(packed("br", fixtures::gzip(b"{}"))).problem(415, "unsupported_content_encoding");
    assert_eq!(app.send(packed("gzip", fixtures::gzip(b"{}"))).status, 200);
    let bomb = fixtures::gzip(&vec![b' '; 40_000_000]);
    assert!(bomb.len() < 65_536, "the bound on what comes in does not refuse it");
    app.send(packed("gzip", bomb)).problem(413, "body_too_large");

    // A query of a megabyte, told its length or not.
    let huge = json!({ "query": "a".repeat(1 << 20) }).to_string();
    app.send(search().header("content-type", json).body(huge.clone())).problem(413, "body_too_large");
    let streamed = reqwest::blocking::Body::new(std::io::Cursor::new(huge));
    app.send(search().header("content-type", json).body(streamed)).problem(413, "body_too_large");
    app.get(&format!("/api/v1/search?q={}", "a".repeat(9_000))).problem(400, "uri_too_long");

    let wrong = app.send(app.request("DELETE", "/api/v1/search"));
    assert_eq!(wrong.header("allow"), "POST,GET,HEAD");
    wrong.problem(405, "method_not_allowed");
    let exact = app.post("/api/v1/search", &json!({ "query": "é".repeat(2_000) })).ok();
    assert_eq!(exact["total_count"], 0, "the longest query is taken");
}

#[test]
fn what_is_beyond_the_end_is_empty() {
    let app = fixtures::loaded(Setup::new());
    for body in [json!({ "page": 50, "page_size": 20 }), json!({ "query": "lighthouse", "page": 10 })] {
        let page = app.post("/api/v1/search", &body).ok();
        assert_eq!(page["results"], json!([]), "{body}");
        assert!(page["total_count"].as_u64().unwrap() > 0, "{body}");
    }
    // A filter that asks nothing leaves everything; one on what nobody has leaves nothing.
    let all = |filters: Value| app.post("/api/v1/search", &json!({ "filters": filters })).ok()["total_count"].clone();
    for nothing in [json!({}), json!({ "genres": [] }), json!({ "year_range": {} }), json!({ "platforms": [] })] {
        assert_eq!(all(nothing), fixtures::TITLES);
    }
    assert_eq!(all(json!({ "platforms": ["disney_plus"], "year_range": { "to": 1930 } })), 0);
    let nobody = app.post("/api/v1/search", &json!({ "filters": { "platforms": ["betamax"] } }));
    assert_eq!(nobody.problem(400, "unknown_platform")["errors"][0]["field"], "filters.platforms[0]");
    // A cursor of one list is none of another, nor is one that was changed.
    let cursor = app.get("/api/v1/content/movies?limit=1").ok()["next_cursor"].as_str().unwrap().to_owned();
    app.get(&format!("/api/v1/content/tv?cursor={cursor}")).problem(400, "bad_cursor");
    let last = if cursor.ends_with('A') { 'B' } else { 'A' };
    let changed = format!("{}{last}", &cursor[..cursor.len() - 1]);
    app.get(&format!("/api/v1/content/movies?cursor={changed}")).problem(400, "bad_cursor");
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_terminal_says_it_with_its_exit_code() {
    let app = App::start();
    let (beside, alone) = (&app.setup, Setup::new());
    assert!(alone.run(&["migrate"]).status.success());
    for setup in [beside, &alone] {
        let table: &[(&[&str], i32, &str)] = &[
            (&["serch"], 2, "unrecognized subcommand 'serch'"),
            (&["search", "--colour", "x"], 2, "unexpected argument '--colour'"),
            (&["search", "a", "--region", "ATLANTIS"], 2, "no region is called"),
            (&["search", "a", "--type", "game"], 2, "is not one of movie, tv_show"),
            (&["search", "a", "--page", "11", "--page-size", "100"], 2, "page × page_size may not pass 1000"),
            (&["search", "a", "--genre", "gossip"], 2, "no genre is called"),
            (&["ingest"], 2, "<FILE|URL>"),
            (&["review", "accept", "999"], 2, "it is not the id of a question, as `review list` prints it"),
            (&["ingest", "no-such-file.csv"], 3, "no-such-file.csv is not there"),
            (&["ingest", "ftp://example.invalid/x.csv"], 2, "only http and https"),
            (&["ingest", &fixtures::path("hulu_titles.csv"), "--platform", "betamax"], 2, "no platform is called"),
            (&["ingest", &fixtures::path("hulu_titles.csv"), "--format", "xml"], 2, "no format is called"),
        ];
        for (args, expected, sentence) in table {
            let output = setup.run(args);
            let said = complaint(&output);
            assert!(said.contains(sentence), "{args:?}: {said}");
            assert_eq!(code(&output), *expected, "{args:?} beside a node: {}: {said}", std::ptr::eq(setup, beside));
            assert!(output.stdout.is_empty(), "{args:?}");
        }
    }
    one_line(&beside.run(&["migrate"]), 6, "migrated it when it started");
}

#[test]
fn an_address_that_fails_is_told_once_and_without_its_secrets() {
    let app = App::start();
    for setup in [&app.setup, &Setup::new()] {
        let output = setup.run(&["ingest", "http://ada:hush@127.0.0.1:1/hulu_titles.csv?api_key=hush"]);
        let (said, report) = (complaint(&output), String::from_utf8_lossy(&output.stdout));
        assert_eq!(code(&output), 5, "{said}");
        assert!(said.contains("error: http://127.0.0.1:1/hulu_titles.csv could not be fetched: "), "{said}");
        assert_eq!(said.matches("hulu_titles.csv").count(), 1, "{said}");
        assert!(!said.contains("hush") && !report.contains("hush"), "{said}{report}");
    }
}

/// What is wrong with a file as a whole: its name, its bytes, the exit code, what is said.
fn bad_files() -> Vec<(&'static str, Vec<u8>, i32, &'static str)> {
    let row = "s1,Movie,The Brass Meridian,,,,,2019,PG,90 min,Dramas,A map.\n";
    let good = format!("{HEADER}\n{}", row.repeat(3_000));
    let half = "s2,Movie,Cut,,,,,2019,PG,90 min,Dramas,\"A map, in";
    let cut = row.replace("The Brass Meridian", "Before the cut") + half;
    let packed = fixtures::gzip(good.as_bytes());
    // Larger than the bound under which blanks are harmless, and a thousand times its size.
    let bomb = fixtures::gzip(&[format!("{HEADER}\n{row}").into_bytes(), vec![b' '; 80 << 20]].concat());
    vec![
        ("netflix_titles.csv.gz", packed[..packed.len() - 9].to_vec(), 2, "the gzip file is broken or cut short"),
        ("netflix_bomb.csv.gz", bomb, 2, "decompression bomb"),
        ("netflix_header.csv", format!("{}\n{row}", HEADER.replace("title,", "")).into(), 2, "missing title"),
        ("netflix_semicolons.csv", HEADER.replace(',', ";").into(), 2, "parted by \";\""),
        ("people.csv", b"name,age\nAda,36\n".to_vec(), 2, "the format is not known; known formats are streaming_csv"),
        ("empty.csv", Vec::new(), 2, "the file is empty"),
        ("titles.csv", format!("{HEADER}\n{row}").into(), 2, "give --platform"),
        ("netflix_cut.csv", format!("{HEADER}\n{cut}").into(), 2, "cut short; rows read before that: 2, taken in: 1"),
        ("movies.db", b"SQLite format 3\0 and then nothing".to_vec(), 2, ""),
        (
            "cut.json",
            b"[{\"title\":\"Before the cut\",\"year\":2000,\"cast\":[],\"genres\":[]},".to_vec(),
            2,
            "cut short",
        ),
    ]
}

#[test]
fn a_bad_file_leaves_nothing_behind() {
    let app = fixtures::loaded(Setup::new());
    let dir = tempfile::tempdir().unwrap();
    let export = || String::from_utf8(app.setup.run(&["export"]).stdout).unwrap();
    let before = export();
    assert_eq!(before.lines().count(), fixtures::TITLES);
    let setup = Setup::new();
    for (name, bytes, expected, sentence) in bad_files() {
        let file = fixtures::write(dir.path(), name, &bytes);
        let beside = app.setup.run(&["ingest", &file]);
        assert_eq!(code(&beside), expected, "{name}");
        assert!(complaint(&beside).contains(sentence), "{name}: {}", complaint(&beside));
        // What stands before the cut of an array or a table is good; all else is judged before its first row is taken.
        let whole = export()
            .lines()
            .filter(|line| !line.contains("Before the cut"))
            .map(|l| format!("{l}\n"))
            .collect::<String>();
        assert_eq!(whole, before, "{name}");
        let alone = setup.run(&["ingest", &file]);
        assert_eq!((code(&alone), complaint(&alone).lines().count()), (expected, 1), "{name}: {}", complaint(&alone));
        assert!(complaint(&alone).contains(sentence), "{name}: {}", complaint(&alone));
    }
    assert!(setup.folder().join("incoming").read_dir().unwrap().next().is_none(), "nothing unpacked is left");
}

#[test]
fn a_bad_row_is_turned_away_alone() {
    let setup = Setup::new();
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = format!("{HEADER}\n").into_bytes();
    let rows: &[(&[u8], &str)] = &[
        (b"s1,Movie,The Brass Meridian,,,,,2019,PG,90 min,Dramas,A map.", ""),
        (b"s2,Movie,\xff\xfe,,,,,2019,PG,90 min,Dramas,x", "the row is not valid UTF-8"),
        (b"s3,Movie,Early,,,,\"June 1, 2999\",2019,PG,90 min,Dramas,x", "date_added is 2999-06-01"),
        (b"s4,Movie,Later,,,,,3000,PG,90 min,Dramas,x", "release_year is 3000"),
        (b"s1,Movie,Another under one id,,,,,2019,PG,90 min,Dramas,x", "duplicate id \"s1\""),
        (b"s6,Game,Chess,,,,,2019,PG,90 min,Dramas,x", "which is not Movie or TV Show"),
        (b"s7,Movie", "the row has 2 fields, the header 12"),
        (b"s8,Movie,The Second Meridian,,,,,2020,PG,90 min,Dramas,x", ""),
    ];
    for (row, _) in rows {
        bytes.extend_from_slice(row);
        bytes.push(b'\n');
    }
    let file = fixtures::write(dir.path(), "netflix_titles.csv", &bytes);
    let output = setup.run(&["ingest", &file, "--json"]);
    assert_eq!(code(&output), 0, "{}", complaint(&output));
    let run: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&run["rows_read"], &run["created"], &run["rejected"]), (&json!(8), &json!(2), &json!(6)), "{run}");
    let kept = setup.folder().join("rejected").join(format!("{}.jsonl", run["id"].as_str().unwrap()));
    let kept = std::fs::read_to_string(kept).unwrap();
    let reasons: Vec<Value> = kept.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected: Vec<_> = rows.iter().map(|row| row.1).filter(|reason| !reason.is_empty()).collect();
    assert_eq!(reasons.len(), expected.len());
    for (found, expected) in reasons.iter().zip(expected) {
        assert!(found["reason"].as_str().unwrap().contains(expected), "{found}");
    }
    let found = setup.run(&["search", "meridian", "--json"]);
    let found: Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!(found["total_count"], 2);
}

#[test]
fn a_file_of_bad_rows_alone_fails_and_says_where_they_are() {
    let setup = Setup::new();
    let dir = tempfile::tempdir().unwrap();
    // Latin-1, as a spreadsheet may save it.
    let bytes = [HEADER.as_bytes(), b"\ns1,Movie,Am\xe9lie,,,,,2001,PG,90 min,Dramas,x\n"].concat();
    let file = fixtures::write(dir.path(), "hulu_titles.csv", &bytes);
    let output = setup.run(&["ingest", &file]);
    assert_eq!(code(&output), 2, "{}", complaint(&output));
    assert!(complaint(&output).contains("every row was refused"), "{}", complaint(&output));
    let report = String::from_utf8(output.stdout).unwrap();
    let folder = setup.folder().join("rejected").display().to_string();
    for said in [&folder, ".jsonl; the first, line 2: ", "not valid UTF-8"] {
        assert!(report.contains(said), "{said}: {report}");
    }
}
