//! The configuration read again while a node runs, by the operator's request and at a signal.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use stores::{Db, args};

use crate::{
    app::{App, PATIENCE, REQUEST_TIMEOUT},
    fixtures,
    limits::{counted, operator},
};

/// A node with a file of configuration to write anew, by which strangers have five requests at once.
fn configured(dir: &Path) -> (App, impl Fn(&str)) {
    let file = move |text: &str| fixtures::write(dir, "media-gateway.toml", text.as_bytes());
    let path = file("[rate_limits]\nanonymous = [1, 5, 100, 1000]\n");
    let app = counted().without(REQUEST_TIMEOUT).env("MEDIA_GATEWAY_CONFIG", path).start();
    assert_eq!(burst(&app), "q=5");
    (app, move |text: &str| drop(file(text)))
}

/// How many requests a stranger has at once.
fn burst(app: &App) -> String {
    app.get("/api/v1/platforms").header("ratelimit-policy").split(';').nth(1).unwrap().to_owned()
}

#[test]
fn a_reload_holds_all_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (app, file) = configured(dir.path());
    let changed = "[rate_limits]\nanonymous = [1, 7, 100, 1000]\n[limits]\nmax_body_bytes = 2000\n";
    file(&format!("{changed}request_timeout_ms = 9000\n[redis]\nprefix = \"other:\"\n"));
    let reload = || operator(&app, "POST", "/api/v1/admin/reload").ok();
    let told = |applied: &[&str], waiting: &[&str]| serde_json::json!({ "applied": applied, "waiting": waiting });
    let waiting = ["limits.request_timeout_ms", "redis.prefix"];
    assert_eq!(reload(), told(&["limits.max_body_bytes", "rate_limits.anonymous"], &waiting));
    assert_eq!(burst(&app), "q=7");
    assert_eq!(reload(), told(&[], &waiting), "they wait until the node starts anew");
    file(changed);
    assert_eq!(reload(), told(&[], &[]), "they are what the node started with");
    let long = serde_json::json!({ "query": "a".repeat(1_990) });
    app.post("/api/v1/search", &long).problem(413, "body_too_large");
    for (wrong, named) in [
        ("[rate_limits]\nanonymous = [1, 9]\n", "rate_limits.anonymous"),
        ("[rate_limits]\nanonymous = [1, 9, 9, 9]\ntrusted_proxies = [\"10.0.0.0/99\"]\n", "10.0.0.0/99"),
        ("[rate_limits]\nanonymous = [1, 9, 9, 9]\n[log]\nlevel = \"=\"\n", "log level"),
        ("[rate_limit]\n", "rate_limit"),
        ("[limits]\ncors_origins = [\"app.example.org\"]\n", "limits.cors_origins"),
    ] {
        file(wrong);
        let refused = operator(&app, "POST", "/api/v1/admin/reload").problem(400, "bad_configuration");
        assert!(refused["detail"].as_str().unwrap().contains(named), "{refused}");
        assert_eq!(burst(&app), "q=7", "{wrong}");
    }
    file("[rate_limits]\nenabled = false\n");
    app.signal("HUP");
    let since = Instant::now();
    while !app.get("/api/v1/platforms").header("ratelimit").is_empty() {
        assert!(since.elapsed() < PATIENCE, "{}", app.log());
        std::thread::sleep(Duration::from_millis(10));
    }
    let stated = || {
        let log = String::from_utf8(app.setup.run(&["audit", "export"]).stdout).unwrap();
        let stated = log.lines().filter(|line| line.contains("configuration.reloaded")).map(str::to_owned);
        stated.collect::<Vec<_>>()
    };
    // It is applied within the transaction that states it.
    while !stated().last().is_some_and(|last| last.contains("SIGHUP")) {
        assert!(since.elapsed() < PATIENCE, "{:?}", stated());
    }
    let by_operator = stated().iter().all(|line| line.contains("\"operator\""));
    assert!(stated().len() == 4 && by_operator, "not what was refused: {:?}", stated());
    while !app.log().contains("rate_limits.enabled") {
        assert!(since.elapsed() < PATIENCE, "{}", app.log());
        std::thread::sleep(Duration::from_millis(10));
    }
    let log = app.log();
    assert!(log.contains("applied=\"limits.max_body_bytes rate_limits.anonymous\""), "{log}");
    assert!(log.contains("waiting=\"limits.request_timeout_ms redis.prefix\""), "{log}");
    let hung_up = log.lines().filter(|line| line.contains("rate_limits.enabled")).count();
    assert_eq!(hung_up, 1, "the signal's too: {log}");
}

/// What no node could start with is not taken for good while one runs: the next restart would be its last.
#[test]
fn a_reload_is_refused_whose_files_no_start_could_read() {
    let dir = tempfile::tempdir().unwrap();
    let (app, file) = configured(dir.path());
    let reload = |rest: &str| {
        file(&format!("[rate_limits]\nanonymous = [1, 9, 100, 1000]\n{rest}\n"));
        operator(&app, "POST", "/api/v1/admin/reload")
    };
    let secret = fixtures::write(dir.path(), "secret", b"too short\n");
    let given = format!("[auth]\nsecret_file = {secret:?}");
    let smtp = "[mail]\nsmtp_url = \"smtps://me@localhost:465\"\nfrom = \"me@example.org\"";
    let to_nobody = "[mail]\nsmtp_url = \"nope\"\nfrom = \"me@example.org\"";
    let tls = "[peers]\ncertificate_file = \"/nowhere/crt\"\nkey_file = \"/nowhere/key\"";
    let google = "[auth.google]\nclient_id = \"me\"";
    let database = "[database]\nurl = \"postgres://me@127.0.0.1/mg\"";
    for (wrong, named) in [
        (given.clone(), "at least 32 characters"),
        ("[auth]\nsecret_file = \"/nowhere/secret\"".to_owned(), "/nowhere/secret"),
        (format!("[peers]\ntoken_file = {secret:?}"), "at least 32 characters"),
        (format!("{tls}\nauthorities_file = \"/nowhere/ca\""), "/nowhere/crt"),
        (tls.to_owned(), "go together"),
        (format!("{smtp}\nsmtp_password_file = \"/nowhere/password\""), "/nowhere/password"),
        (smtp.replace("me@example.org", "nope"), "`mail.from`: the sender must be an address"),
        ("[mail]\nfrom = \"nope\"".to_owned(), "`mail.from`: the sender must be an address"),
        (to_nobody.to_owned(), "`mail.smtp_url` can't be used: it is not an address"),
        (format!("{google}\nclient_secret_file = \"/nowhere/google\""), "/nowhere/google"),
        ("[sources.watchmode]\nkey_file = \"/nowhere/keys\"".to_owned(), "/nowhere/keys"),
        (format!("{database}\npassword_file = \"/nowhere/database\""), "/nowhere/database"),
        (format!("{smtp}\nsmtp_password_file = \"gcp-secret:projects/p/secrets/s\""), "restart the node"),
    ] {
        let refused = reload(&wrong).problem(400, "bad_configuration");
        assert!(refused["detail"].as_str().unwrap().contains(named), "{refused}");
        assert_eq!(burst(&app), "q=5", "what came with it is not taken over either: {wrong}");
    }
    fixtures::write(dir.path(), "secret", "s".repeat(32).as_bytes());
    let waiting = serde_json::json!(["auth.secret_file"]);
    assert_eq!(reload(&given).ok()["waiting"], waiting, "it could start with this");
    assert_eq!(burst(&app), "q=9");
}

/// The database is busy for so long that the client leaves.
#[test]
fn a_reload_is_done_and_stated_though_its_client_has_left() {
    let dir = tempfile::tempdir().unwrap();
    let (app, file) = configured(dir.path());
    file("[rate_limits]\nanonymous = [1, 7, 100, 1000]\n");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let database = app.setup.folder().join("media-gateway.db");
    let database = runtime.block_on(Db::open_sqlite(&database, &testkit::fast())).unwrap();
    let held = runtime.block_on(database.begin()).unwrap();
    let asked = app.request("POST", "/api/v1/admin/reload").bearer_auth(&app.token).timeout(Duration::from_secs(3));
    assert!(asked.send().unwrap_err().is_timeout());
    assert_eq!(burst(&app), "q=5", "it is not applied before it can be stated");
    runtime.block_on(held.commit()).unwrap();
    let since = Instant::now();
    while burst(&app) != "q=7" {
        assert!(since.elapsed() < PATIENCE, "{}", app.log());
        std::thread::sleep(Duration::from_millis(250));
    }
    let stated = || {
        let log = String::from_utf8(app.setup.run(&["audit", "export"]).stdout).unwrap();
        log.lines().filter(|line| line.contains("configuration.reloaded")).count()
    };
    // It is applied within the transaction that states it.
    while stated() == 0 {
        assert!(since.elapsed() < PATIENCE, "{}", app.log());
    }
    assert_eq!(stated(), 1);
    runtime.block_on(database.close());
}

/// What the database has to say may be what they want to have logged.
#[test]
fn a_signal_is_heeded_that_can_not_be_stated_and_a_request_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let (app, file) = configured(dir.path());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let database = app.setup.folder().join("media-gateway.db");
    let database = runtime.block_on(Db::open_sqlite(&database, &testkit::fast())).unwrap();
    runtime.block_on(database.execute("ALTER TABLE auth_audit RENAME TO away", args![])).unwrap();
    file("[rate_limits]\nanonymous = [1, 7, 100, 1000]\n");
    assert!(operator(&app, "POST", "/api/v1/admin/reload").status >= 500);
    assert_eq!(burst(&app), "q=5");
    app.signal("HUP");
    let since = Instant::now();
    while burst(&app) != "q=7" {
        assert!(since.elapsed() < PATIENCE, "{}", app.log());
        std::thread::sleep(Duration::from_millis(250));
    }
    assert!(app.log().contains("the audit log will not say"), "{}", app.log());
}
