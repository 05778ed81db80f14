//! What operators see: health, metrics, logs, signals, ownership, configuration, doctor and the internal routes.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    app::{App, PATIENCE, Setup, one_line},
    cloud::wait,
    fixtures,
};

const RUNS: &str = "/api/v1/internal/ingest/runs";

fn said(setup: &Setup, args: &[&str]) -> (Option<i32>, String) {
    let output = setup.run(args);
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Waits until the log holds `text`.
fn logged(app: &App, text: &str) {
    let since = Instant::now();
    while !app.log().contains(text) {
        assert!(since.elapsed() < PATIENCE, "no {text:?} in {}", app.log());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_node_says_how_it_is() {
    let app = App::start();
    let ports = [app.url("gateway").to_owned(), app.url("metrics").to_owned()];
    for path in ["/livez", "/startupz", "/readyz"] {
        for base in &ports {
            let ask = || app.send(reqwest::blocking::Client::new().get(format!("{base}{path}")));
            // A part that is held up for a second counts as down.
            wait(path, || ask().status == 200);
            assert_eq!(ask().header("cache-control"), "no-store", "{base}{path}");
        }
    }
    // Without the sentence model it serves, and says what is missing.
    let ready = app.eventually("/readyz", |ready| ready["state"] == "degraded");
    let state = |name: &str| {
        let part = ready["components"].as_array().unwrap().iter().find(|part| part["name"] == name);
        part.unwrap_or_else(|| panic!("no {name} in {ready}")).clone()
    };
    assert_eq!(state("database")["state"], "ready");
    assert_eq!(state("keyword_index")["state"], "ready");
    assert_eq!(state("embedding_model")["state"], "degraded");
    assert!(state("embedding_model")["detail"].as_str().unwrap().contains("model.enabled"), "{ready}");
}

#[test]
fn metrics_have_the_names_of_the_specification() {
    let app = fixtures::loaded(Setup::new());
    app.get("/api/v1/search?q=lighthouse").ok();
    app.get("/api/v1/nothing").problem(404, "no_such_route");
    let grpc = reqwest::blocking::Client::builder().http2_prior_knowledge().build().unwrap();
    let call = grpc.post(format!("{}/media_gateway.v1.CatalogService/GetDirectory", app.url("gateway")));
    let call = call.header("content-type", "application/grpc").header("te", "trailers").body(vec![0; 5]);
    assert_eq!(app.send(call).status, 200);
    let page = app.send(reqwest::blocking::Client::new().get(format!("{}/metrics", app.url("metrics"))));
    let page = page.text;
    for line in [
        "http_requests_total{service=\"gateway\",method=\"GET\",status=\"200\"}",
        "http_requests_total{service=\"gateway\",method=\"GET\",status=\"404\"}",
        "http_request_duration_seconds_bucket{service=\"gateway\",endpoint=\"/api/v1/search\",le=\"0.4\"}",
        "grpc_server_handled_total{service=\"media_gateway.v1.CatalogService\",method=\"GetDirectory\",status=\"OK\"}",
        "grpc_server_handling_seconds_bucket{service=\"media_gateway.v1.CatalogService\"",
        "search_queries_total{query_type=\"",
        "search_cache_lookups_total{outcome=\"",
        "search_index_lag_events{index=\"keyword_index\"} 0",
        "search_index_filling{index=\"keyword_index\"} 0",
    ] {
        assert!(page.contains(line), "no {line} in {page}");
    }
    assert!(!page.contains("lighthouse") && !page.contains("/api/v1/nothing"), "labels are bounded");
    assert_eq!(app.get("/metrics").status, 404, "not on the public port");
}

#[test]
fn logs_are_json_with_the_fields_of_the_specification() {
    let setup = Setup::new().env("MEDIA_GATEWAY_LOG_FORMAT", "json").env("MEDIA_GATEWAY_LOG", "debug,hyper=off,h2=off");
    let app = setup.start();
    let asked = app.request("GET", "/api/v1/search?q=unspeakable");
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let answer = app.send(asked.header("traceparent", format!("00-{trace}-b7ad6b7169203331-01")));
    assert!(answer.header("traceparent").contains(trace));
    logged(&app, trace);
    // Not while a line is being written.
    let app_log = loop {
        let log = app.log();
        if log.ends_with('\n') {
            break log;
        }
    };
    let mut answered = None;
    for line in app_log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
        for field in ["timestamp", "level", "service", "message", "context"] {
            assert!(!line[field].is_null(), "no {field}: {line}");
        }
        answered = answered.or_else(|| (line["trace_id"] == trace).then_some(line));
    }
    let answered = answered.unwrap();
    assert_eq!(
        (&answered["context"]["status"], &answered["context"]["route"]),
        (&json!(200), &json!("/api/v1/search"))
    );
    assert!(!app_log.contains("unspeakable"), "what people look for is not logged");
}

/// Not of who asks through a proxy, is refused, or is counted; nor of whose connection breaks off.
#[test]
fn nobodys_network_address_is_in_the_log() {
    const SOMEBODY: &str = "203.0.113.77";
    let setup = Setup::new().env("MEDIA_GATEWAY_LOG", "debug,hyper=off,h2=off");
    let setup = setup.env("MEDIA_GATEWAY_TRUSTED_PROXIES", "127.0.0.1");
    let app = setup.env("MEDIA_GATEWAY_RATE_LIMITS_ANONYMOUS", "1000,1000,1000,12").start();
    let ask = |path: &str| app.send(app.request("GET", path).header("x-forwarded-for", SOMEBODY)).status;
    assert_eq!((ask("/api/v1/platforms"), ask(RUNS)), (200, 401));
    assert!((0..20).any(|_| ask("/api/v1/platforms") == 429), "it is counted under that address");
    let address = app.url("gateway").strip_prefix("http://").unwrap();
    let mut broken = TcpStream::connect(address).unwrap();
    broken.write_all(b"neither one nor the other\r\n\r\n").unwrap();
    logged(&app, "a connection ended early");
    logged(&app, "answered a request");
    let log = app.log();
    for address in [SOMEBODY.to_owned(), broken.local_addr().unwrap().to_string()] {
        assert!(!log.contains(&address), "{address} in {log}");
    }
}

#[test]
fn a_node_that_stops_finishes_what_it_has_begun() {
    let app = App::start();
    let address = app.url("gateway").strip_prefix("http://").unwrap();
    let mut slow = TcpStream::connect(address).unwrap();
    let body = json!({ "query": "anything" }).to_string();
    let head = format!(
        "POST /api/v1/search HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nexpect: 100-continue\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    slow.write_all(head.as_bytes()).unwrap();
    // The request must have begun: an idle connection is closed at once. The node says so where it is to read the body.
    let mut begun = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    slow.set_read_timeout(Some(PATIENCE)).unwrap();
    slow.read_exact(&mut begun).unwrap();
    assert_eq!(&begun, b"HTTP/1.1 100 Continue\r\n\r\n");
    slow.write_all(&body.as_bytes()[..5]).unwrap();
    let address = address.to_owned();
    app.signal("TERM");
    let since = Instant::now();
    while TcpStream::connect(&address).is_ok() {
        assert!(since.elapsed() < PATIENCE, "it still listens");
        std::thread::sleep(Duration::from_millis(10));
    }
    slow.write_all(&body.as_bytes()[5..]).unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("\"total_count\":0"), "{answer}");
    let (_, status) = app.ended();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_hangup_reads_the_configuration_again() {
    let dir = tempfile::tempdir().unwrap();
    let file = fixtures::write(dir.path(), "media-gateway.toml", b"[log]\nlevel = \"info\"\n");
    let app = Setup::new().env("MEDIA_GATEWAY_CONFIG", file.clone()).start();
    app.get("/livez").ok();
    assert!(!app.log().contains("answered a request"));
    std::fs::write(&file, "[log]\nlevel = \"debug,hyper=off,h2=off\"\n").unwrap();
    app.signal("HUP");
    logged(&app, "the configuration was read again");
    app.get("/livez").ok();
    logged(&app, "answered a request");
    for (wrong, named) in [("[log]\nlevel = \"=\"\n", "log level"), ("[lgo]\n", "lgo"), ("[log", "media-gateway.toml")]
    {
        std::fs::write(&file, wrong).unwrap();
        let before = app.log().matches("the configuration stays as it was").count();
        app.signal("HUP");
        let since = Instant::now();
        while app.log().matches("the configuration stays as it was").count() == before {
            assert!(since.elapsed() < PATIENCE, "{wrong}: {}", app.log());
            std::thread::sleep(Duration::from_millis(10));
        }
        let line = app.log().lines().rfind(|line| line.contains("stays as it was")).unwrap().to_owned();
        assert!(line.contains(named), "{wrong}: {line}");
        app.get("/livez").ok();
    }
}

/// Neither to the operator who asks, nor in the log, nor by a start: it may be a secret.
#[test]
fn what_a_broken_configuration_holds_is_not_told() {
    let dir = tempfile::tempdir().unwrap();
    let file = fixtures::write(dir.path(), "media-gateway.toml", b"");
    let app = Setup::new().env("MEDIA_GATEWAY_CONFIG", file.clone()).start();
    let reload = || app.send(app.request("POST", "/api/v1/admin/reload").bearer_auth(&app.token));
    let refusals = || app.log().matches("the configuration stays as it was").count();
    let told = "media-gateway.toml is not a valid configuration: line 2, column ";
    for (index, broken) in [
        "[redis]\nurl = \"redis://:SuperSecret@host",
        "[redis]\nurl = [\"SuperSecret\"]\nprefix = \"SuperSecret\"",
        "[mail]\ntimeout_ms = \"SuperSecret\"",
        "[mail]\nsmtp_pasword = \"SuperSecret\"",
        "[sources.a]\nformat = \"SuperSecret\"",
    ]
    .into_iter()
    .enumerate()
    {
        std::fs::write(&file, broken).unwrap();
        let refused = reload().problem(400, "bad_configuration");
        assert!(refused["detail"].as_str().unwrap().contains(told), "{refused}");
        let line = one_line(&Setup::new().run(&["serve", "--config", &file]), 1, told);
        assert!(!line.contains("Secret") && !refused.to_string().contains("Secret"), "{line} {refused}");
        app.signal("HUP");
        let since = Instant::now();
        while refusals() < 2 * (index + 1) {
            assert!(since.elapsed() < PATIENCE, "{broken}: {}", app.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    let log = app.log();
    assert!(log.matches(told).count() == 10 && !log.contains("Secret"), "{log}");
    std::fs::write(&file, format!("[limits]\ncors_origins = [\"{}\"]\n", "x".repeat(100_000))).unwrap();
    let refused = reload().problem(400, "bad_configuration");
    assert!((1_000..10_000).contains(&refused["detail"].as_str().unwrap().len()), "{refused}");
    for variable in ["MEDIA_GATEWAY_PROFILE", "MEDIA_GATEWAY_ROLES", "MEDIA_GATEWAY_MAX_IN_FLIGHT"] {
        let line = one_line(&Setup::new().env(variable, "SuperSecret").run(&["config", "show"]), 1, variable);
        assert!(!line.contains("Secret"), "{line}");
    }
}

#[test]
fn a_hangup_changes_how_search_weighs() {
    let dir = tempfile::tempdir().unwrap();
    let file = fixtures::write(dir.path(), "media-gateway.toml", b"[search]\nfusion = \"convex\"\n");
    let app = fixtures::loaded(Setup::new().env("MEDIA_GATEWAY_CONFIG", file.clone()));
    let path = "/api/v1/search?q=lighthouse+with+Bo+Finch";
    let scores = |found: &Value| {
        let hits = found["results"].as_array().unwrap().iter();
        hits.map(|hit| hit["relevance_score"].as_f64().unwrap()).collect::<Vec<_>>()
    };
    let before = scores(&app.get(path).ok());
    assert!(before.len() > 1);
    std::fs::write(&file, "[search]\nfusion = \"rrf\"\nrrf_k = 1\n").unwrap();
    app.signal("HUP");
    app.eventually(path, |found| scores(found) != before);
}

#[test]
fn a_folder_has_one_owner() {
    let app = App::start();
    let (code, line) = said(&app.setup, &["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]);
    assert_eq!((code, line.lines().count()), (Some(1), 1), "{line}");
    assert!(line.starts_with(&format!("error: process {} already runs on ", app.pid())), "{line}");
    app.get("/livez").ok();
}

#[test]
fn wrong_configurations_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new();
    let (code, line) = said(&setup, &["serve", "--roles", "gateway,search"]);
    assert_eq!((code, line.lines().count()), (Some(1), 1), "{line}");
    assert!(line.contains("need PostgreSQL, because SQLite is one file with one owner"), "{line}");
    assert_eq!(said(&setup, &["serve", "--roles", "barista"]).0, Some(2));
    let file = fixtures::write(dir.path(), "x.toml", b"[limits]\nmax_bodies = 3\n");
    let (code, lines) = said(&setup, &["serve", "--config", &file]);
    assert!(code == Some(1) && lines.contains("x.toml") && lines.contains("max_bodies"), "{lines}");
    let (code, lines) = said(&Setup::new().env("MEDIA_GATEWAY_MAX_IN_FLIGHT", "many"), &["serve"]);
    assert!(code == Some(1) && lines.contains("MEDIA_GATEWAY_MAX_IN_FLIGHT"), "{lines}");
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap().to_string();
    let (code, line) = said(&setup, &["serve", "--listen", &taken, "--metrics-listen", "127.0.0.1:0"]);
    assert_eq!((code, line.lines().count()), (Some(1), 1), "{line}");
    assert!(line.contains(&format!("{taken} is taken")) && line.contains("listen.gateway"), "{line}");
}

#[test]
fn the_configuration_says_where_it_comes_from() {
    let dir = tempfile::tempdir().unwrap();
    let file = fixtures::write(dir.path(), "x.toml", b"[log]\nlevel = \"debug\"\n[limits]\nmax_in_flight = 3\n");
    let url = "postgres://gateway:secret@127.0.0.1/films";
    let setup = Setup::new().env("MEDIA_GATEWAY_MAX_IN_FLIGHT", "7").env("MEDIA_GATEWAY_DATABASE_URL", url);
    let args = ["config", "show", "--origin", "--config", &file, "--listen", "x"];
    let output = setup.run(&[&args[..5], &["--json"]].concat());
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    let origin =
        |key: &str| (shown[key]["value"].clone(), shown[key]["origin"].as_str().unwrap_or_default().to_owned());
    assert_eq!(origin("limits.max_in_flight"), (json!(7), "environment".to_owned()));
    assert_eq!(origin("log.level"), (json!("debug"), format!("file {file}")));
    assert_eq!(origin("log.format"), (json!("text"), "default".to_owned()));
    assert_eq!(origin("data_dir").1, "flag");
    assert_eq!(origin("database.url").0, "postgres://gateway:***@127.0.0.1/films");
    let table = setup.run(&args[..5]);
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains("limits.max_in_flight") && table.contains("environment") && !table.contains(":secret@"));
    assert!(table.contains("MEDIA_GATEWAY_MAX_IN_FLIGHT") && table.contains("MEDIA_GATEWAY_PEER_SEARCH"), "{table}");
}

#[test]
fn the_doctor_names_each_problem_and_its_fix() {
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap().to_string();
    let setup = Setup::new().env("MEDIA_GATEWAY_LISTEN_METRICS", "127.0.0.1:0");
    let setup = setup.env("MEDIA_GATEWAY_LISTEN_GATEWAY", taken.clone());
    let none = setup.run(&["doctor"]);
    assert!(String::from_utf8_lossy(&none.stdout).contains("holds no catalogue"), "{none:?}");
    assert!(!setup.folder().exists(), "who looks for what is wrong makes nothing");
    let unread = setup.run(&["doctor", "--config", "/nowhere.toml"]);
    let said = String::from_utf8_lossy(&unread.stdout).into_owned();
    assert!(
        said.contains("can't read /nowhere.toml, which --config names") && said.contains("fix: name a file that"),
        "{said}"
    );
    let unread = Setup::new().env("MEDIA_GATEWAY_CONFIG", "/nowhere.toml").run(&["doctor"]);
    let said = String::from_utf8_lossy(&unread.stdout).into_owned();
    assert!(said.contains("/nowhere.toml, which MEDIA_GATEWAY_CONFIG names"), "{said}");
    assert!(setup.run(&["migrate"]).status.success());
    let output = setup.run(&["doctor", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let checks: Value = serde_json::from_slice(&output.stdout).unwrap();
    let state = |name: &str| checks.as_array().unwrap().iter().find(|check| check["name"] == name).unwrap().clone();
    assert_eq!((&state("database")["state"], &state("model")["state"]), (&json!("good"), &json!("less")));
    let port = state("port of gateway");
    assert_eq!(port["state"], "bad");
    assert!(port["fix"].as_str().unwrap().contains(&taken), "{port}");
    // One that is let go here may be given to another test.
    let setup = setup.env("MEDIA_GATEWAY_LISTEN_GATEWAY", "127.0.0.1:0");
    std::fs::write(setup.folder().join("cursor.key"), [1]).unwrap();
    one_line(&setup.run(&["serve"]), 1, "cursor.key does not hold 32 bytes; remove it");
    let said = setup.doctor();
    assert!(said.contains("BAD  cursor.key: ") && said.contains("ok   disk: "), "{said}");
    std::fs::remove_file(setup.folder().join("cursor.key")).unwrap();
    let output = setup.run(&["doctor"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && text.contains("ok   database: SQLite") && text.contains("less model: "),
        "{text}"
    );
    let app = fixtures::loaded(Setup::new());
    let beside = app.setup.doctor();
    assert!(beside.contains(&format!("process {} runs on it", app.pid())), "{beside}");
    assert!(beside.contains("less embedding_model: switched off"), "{beside}");
}

#[test]
fn the_doctor_says_with_whom_people_sign_in_and_what_that_was_tested_against() {
    let mut setup = Setup::new();
    assert!(!setup.doctor().contains("signing in with"), "{}", setup.doctor());
    for name in ["Google", "GitHub"] {
        let client = format!("MEDIA_GATEWAY_{}_CLIENT", name.to_uppercase());
        setup = setup.env(&format!("{client}_ID"), "ours").env(&format!("{client}_SECRET"), "a secret there");
        let line = format!("ok   signing in with {name}: configured; untested against a server of {name}");
        let said = setup.doctor();
        assert!(said.contains(&line) && !said.contains("a secret there"), "{said}");
    }
}

/// The authorities are those of the system: here, of the file that the environment names as theirs.
#[test]
fn the_doctor_tells_how_postgres_is_spoken_to() {
    let database = tokio::runtime::Runtime::new().unwrap().block_on(testkit::postgres_owned());
    let url = database.url().unwrap();
    let address = url.split('?').next().unwrap();
    let root = std::env::var(testkit::POSTGRES_ROOT).expect("run `make test`");
    let other = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(other.path(), rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap().cert.pem())
        .unwrap();
    let mut setup = Setup::new().env("MEDIA_GATEWAY_LISTEN_METRICS", "127.0.0.1:0");
    setup = setup.env("MEDIA_GATEWAY_LISTEN_GATEWAY", "127.0.0.1:0").env("MEDIA_GATEWAY_DATABASE_URL", address);
    assert!(setup.run(&["migrate"]).status.success());
    for (mode, root, expected) in [
        ("disable", root.as_str(), "ok   database: PostgreSQL on this machine, with this release's schema"),
        (
            "require",
            root.as_str(),
            "less database: PostgreSQL over TLS, to whoever answers, with this release's schema",
        ),
        ("verify-full", root.as_str(), "ok   database: PostgreSQL over TLS, with this release's schema"),
        (
            "verify-full",
            other.path().to_str().unwrap(),
            "BAD  database: PostgreSQL over TLS: the database can't be reached: invalid peer certificate",
        ),
    ] {
        let url = format!("{address}?sslmode={mode}");
        setup = setup.env("SSL_CERT_FILE", root).env("MEDIA_GATEWAY_DATABASE_URL", url);
        let said = setup.doctor();
        assert!(said.contains(expected), "{mode}: {said}");
    }
}

#[test]
fn the_doctor_looks_at_the_indexes_and_leaves_them_as_they_are() {
    let (setup, status) = fixtures::loaded(Setup::new()).stop();
    assert!(status.success());
    let said = setup.doctor();
    assert!(said.contains(&format!("ok   keyword index: {} titles", fixtures::TITLES)), "{said}");
    let index = setup.folder().join("index/keyword");
    std::fs::write(index.join("meta.json"), "{").unwrap();
    let said = setup.doctor();
    assert!(said.contains("less keyword index: ") && said.contains("meta.json can't be read"), "{said}");
    assert_eq!(std::fs::read_to_string(index.join("meta.json")).unwrap(), "{");
    std::fs::remove_file(setup.folder().join("media-gateway.db")).unwrap();
    let said = setup.doctor();
    assert!(said.contains("BAD  database: SQLite: ") && !setup.folder().join("media-gateway.db").exists(), "{said}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let setup = Setup::new();
    fixtures::ingest_all(&setup);
    for args in [&["export"][..], &["auth", "clients", "list"]] {
        let mut export = setup.command(args);
        let piped = || std::process::Stdio::piped();
        let mut child = export.stdout(piped()).stderr(piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{args:?}: {output:?}");
    }
}

#[test]
fn a_mistyped_folder_or_setting_is_named() {
    let setup = Setup::new();
    for verb in [&["search", "a"][..], &["export"]] {
        one_line(&setup.run(verb), 3, "holds no catalogue");
    }
    assert!(!setup.folder().exists());
    std::os::unix::fs::symlink(setup.folder(), setup.folder()).unwrap();
    one_line(&setup.run(&["export"]), 1, "error: can't look into ");
    let said = setup.doctor();
    assert!(said.contains("BAD  data folder: can't look into ") && !said.contains("holds no catalogue"), "{said}");
    let output = Setup::new().env("MEDIA_GATEWAY_LISTEN", "127.0.0.1:0").run(&["serve"]);
    one_line(&output, 1, "MEDIA_GATEWAY_LISTEN is no setting");
    one_line(&Setup::new().env("MEDIA_GATEWAY_LOG", "inof").run(&["serve"]), 1, "\"inof\"");
}

#[test]
fn only_the_operator_ingests_and_each_key_once() {
    let app = App::start();
    let body = |name: &str| json!({ "location": fixtures::path(name) });
    let stranger = app.request("POST", RUNS).header("idempotency-key", "one").json(&body("hulu_titles.csv"));
    app.send(stranger).problem(401, "operator_required");
    app.get(RUNS).problem(401, "operator_required");
    app.get("/api/v1/internal/catalog/export").problem(401, "operator_required");
    app.get("/api/v1/internal/catalog/reviews").problem(401, "operator_required");
    app.send(app.request("GET", RUNS).bearer_auth("0".repeat(64))).problem(401, "bad_token");
    let start = |key: Option<&str>, name: &str| {
        let request = app.request("POST", RUNS).bearer_auth(&app.token).json(&body(name));
        app.send(key.into_iter().fold(request, |request, key| request.header("idempotency-key", key)))
    };
    start(None, "hulu_titles.csv").problem(400, "idempotency_key_required");
    let first = start(Some("one"), "hulu_titles.csv");
    let (status, location) = (first.status, first.header("location").to_owned());
    let run = first.ok();
    assert_eq!((status, location), (202, format!("{RUNS}/{}", run["id"].as_str().unwrap())));
    let again = start(Some("one"), "hulu_titles.csv");
    assert_eq!((again.status, again.header("idempotency-replayed")), (202, "true"));
    assert_eq!(again.ok(), run);
    start(Some("one"), "netflix_titles.csv").problem(422, "idempotency_key_reused");

    let since = Instant::now();
    let path = format!("{RUNS}/{}", run["id"].as_str().unwrap());
    let get = |path: &str| app.send(app.request("GET", path).bearer_auth(&app.token));
    while get(&path).ok()["status"] == "running" {
        assert!(since.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(10));
    }
    let done = get(&path).ok();
    assert_eq!((&done["status"], &done["created"]), (&json!("done"), &json!(2)));
    assert_eq!(get(RUNS).ok()["items"].as_array().unwrap().len(), 1, "the refused and the repeated began nothing");
    get(&format!("{RUNS}/01900000-0000-7000-8000-000000000000")).problem(404, "run_not_found");
}

#[test]
fn a_refusal_is_in_the_audit_log_once() {
    let app = App::start();
    for _ in 0..50 {
        app.get(RUNS).problem(401, "operator_required");
    }
    let since = Instant::now();
    let log = loop {
        let log = String::from_utf8(app.setup.run(&["audit", "export"]).stdout).unwrap();
        if log.contains("access.denied") {
            break log;
        }
        assert!(since.elapsed() < PATIENCE, "{log}");
        std::thread::sleep(Duration::from_millis(100));
    };
    let entries: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let entry = entries.iter().find(|entry| entry["action"] == "access.denied").unwrap();
    assert_eq!((&entry["target"], &entry["actor"]), (&json!(format!("GET {RUNS}")), &json!("anonymous")));
    assert!(entry["detail"].as_str().unwrap().contains("127.0.0.x"), "{entry}");
    let (setup, _) = app.stop();
    let log = String::from_utf8(setup.run(&["audit", "export"]).stdout).unwrap();
    let about = log.lines().filter(|line| line.contains("access.")).count();
    assert!((2..=4).contains(&about), "the first and how often, in at most two minutes: {log}");
    assert!(setup.run(&["audit", "verify"]).status.success());
}

#[test]
fn a_refusal_over_grpc_is_in_the_audit_log_too() {
    const METHOD: &str = "/media_gateway.v1.CatalogService/Ingest";
    let app = App::start();
    let grpc = reqwest::blocking::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    for token in [None, Some("guess")] {
        let call = grpc.post(format!("{}{METHOD}", app.url("gateway"))).header("content-type", "application/grpc");
        let call = call.header("te", "trailers").body(vec![0; 5]);
        let call = match token {
            Some(token) => call.bearer_auth(token),
            None => call,
        };
        assert_eq!(app.send(call).header("grpc-status"), "16");
    }
    let (setup, _) = app.stop();
    let log = String::from_utf8(setup.run(&["audit", "export"]).stdout).unwrap();
    let entries: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let about: Vec<_> = entries.iter().filter(|entry| entry["target"] == format!("POST {METHOD}")).collect();
    assert!(!about.is_empty() && about.iter().all(|entry| entry["actor"] == "anonymous"), "{log}");
}

#[test]
fn an_interrupt_is_a_stop_too() {
    let app = App::start();
    app.signal("INT");
    let (_, status) = app.ended();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn an_error_is_told_once() {
    let output = Setup::new().env("XDG_CACHE_HOME", "/dev/null").run(&["demo", "--prepare"]);
    let said = one_line(&output, 1, "free some space or choose another folder");
    assert_eq!(said.matches("os error").count(), 1, "{said}");
    let app = App::start();
    let wide = ["auth", "clients", "create", "app", "--grant", "authorization_code", "--scopes", "admin:full"];
    let said = one_line(&app.setup.run(&wide), 2, "`admin:full` is for clients that keep a secret");
    assert_eq!(said.matches("admin:full").count(), 1, "{said}");
}
