//! Who holds something of people answers for it: in the schema, and in a node that runs.

use std::{collections::BTreeMap, time::Instant};

use playback::Histories;
use serde_json::Value;
use stores::{
    args,
    personal::{CONTEXTS, Consented as _, Personal as _},
    users,
};

use crate::{
    administering::good,
    app::{PATIENCE, Setup, one_line},
    fixtures,
    identities::people::{self, ISSUER},
    mail::Browser,
};

/// The tables that each context empties of somebody.
fn covered() -> [(&'static str, Vec<&'static str>); 2] {
    [("auth", auth::personal_tables()), ("playback", playback::personal_tables())]
}

/// Tables of nobody: a new table is named here, or emptied by its context.
const NOBODYS: &[&str] = &[
    // Keys, clients and organisations; what is good for minutes and says nothing of who; the log, which has ids only.
    "auth_audit",
    "auth_audit_anchor",
    "auth_audit_cold",
    "auth_audit_head",
    "auth_clients",
    "auth_erasure_answers",
    "auth_index_key",
    "auth_orgs",
    "auth_proofs",
    "auth_requests",
    "auth_revocations",
    "auth_schema_entries",
    "auth_sealing_keys",
    "auth_service_keys",
    "auth_signing_keys",
    // What operators do, by runs.
    "idempotency_keys",
    "ingest_links",
    "ingest_runs",
    "jobs",
    "webhook_messages",
    "expiry_warnings",
    // Who sees what, while a transaction runs.
    "row_scope",
    // The log, whose events have ids only.
    "event_head",
    "events",
    "event_offsets",
    "event_inbox",
    "event_redeliveries",
    "event_dead_letters",
    // Titles, their sources, and how often each is searched for.
    "content",
    "content_images",
    "content_ratings",
    "content_translations",
    "credits",
    "episodes",
    "external_ids",
    "genre_counts",
    "genres",
    "image_placeholders",
    "merge_log",
    "merged_titles",
    "platform_availability",
    "platform_counts",
    "price_history",
    "reviews",
    "seasons",
    "source_records",
    "title_keys",
    "title_searches",
    // How often a title was watched in a month.
    "playback_counts",
];

/// Tables of people that say who they are and where they are signed in.
const ACCOUNTS: &[&str] = &[
    "auth_age_limits",
    "auth_api_keys",
    "auth_backup_codes",
    "auth_codes",
    "auth_consents",
    "auth_device_codes",
    "auth_erasures",
    "auth_factors",
    "auth_families",
    "auth_identities",
    "auth_mail",
    "auth_mail_codes",
    "auth_memberships",
    "auth_passkeys",
    "auth_provider_states",
    "auth_purposes",
    "auth_refresh_tokens",
    "auth_sessions",
    "auth_users",
];

/// Tables of people that tell what they watched, looked for or liked, each with the purpose that has to be allowed
/// first. Whoever adds one shows that nothing is written without that, and that a row names nobody once it is 90 days old.
const HISTORY: &[(&str, contracts::Purpose)] = &[("playback_history", contracts::Purpose::History)];

/// History is kept only with consent (`history.rs` shows it). Whatever a context other than that of accounts comes to
/// keep of people counts as history, until there is reason to name a third kind here.
#[test]
fn a_table_of_people_is_of_their_account_or_asks_for_consent() {
    let mut told: Vec<_> = ACCOUNTS.iter().chain(HISTORY.iter().map(|(table, _)| table)).copied().collect();
    let mut there: Vec<_> = covered().into_iter().flat_map(|(_, tables)| tables).collect();
    told.sort_unstable();
    there.sort_unstable();
    assert_eq!(told, there, "is a new table of their account, or history?");
    let owners = owners();
    let others: Vec<_> = ACCOUNTS.iter().filter(|table| owners[**table] != "auth").collect();
    assert!(others.is_empty(), "a purpose has to be allowed for these: {others:?}");
    let asks = Histories.purpose();
    assert!(HISTORY.iter().all(|(table, purpose)| owners[*table] == Histories.context() && *purpose == asks));
}

/// Whether a column of this name is about a person.
fn about_a_person(column: &str) -> bool {
    let ids =
        ["user", "user_id", "person", "person_id", "account_id", "subject_id", "profile_id", "viewer_id", "agent"];
    ids.contains(&column) || ["email", "phone", "address"].iter().any(|word| column.contains(word))
}

#[tokio::test]
async fn every_context_with_something_of_people_answers_for_its_tables() {
    let covered = covered();
    assert_eq!(covered.each_ref().map(|(context, _)| *context), CONTEXTS, "these answer when a person is erased");
    let owners = owners();
    let db = testkit::sqlite().await;
    let tables: Vec<String> = db
        .fetch_all("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'", args![])
        .await
        .unwrap();
    let mut wrong = Vec::new();
    // Behind a view, a table has a longer name.
    let tables: Vec<_> = tables.iter().map(|table| table.strip_suffix("_rows").unwrap_or(table).to_owned()).collect();
    for table in tables.iter().filter(|table| *table != "schema_migrations") {
        let columns = format!("SELECT name FROM pragma_table_info('{table}')");
        let columns: Vec<String> = db.fetch_all(columns, args![]).await.unwrap();
        let parents = format!("SELECT \"table\" FROM pragma_foreign_key_list('{table}')");
        let parents: Vec<String> = db.fetch_all(parents, args![]).await.unwrap();
        let personal =
            columns.iter().any(|column| about_a_person(column)) || parents.iter().any(|parent| parent == "auth_users");
        let answers = covered.iter().find(|(_, tables)| tables.contains(&table.as_str())).map(|(context, _)| *context);
        match answers {
            Some(context) if owners.get(table.as_str()) == Some(&context) => {}
            Some(context) => wrong.push(format!("{context} answers for {table}, which is not its own")),
            None if personal => wrong.push(format!("{table} has something of people, and nobody answers for it")),
            None if NOBODYS.contains(&table.as_str()) => {}
            None => wrong.push(format!("is {table} about people? Then its context must empty it; else name it here")),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let known = covered.iter().flat_map(|(_, tables)| tables).chain(NOBODYS);
    let gone: Vec<_> = known.filter(|table| !tables.iter().any(|there| there == *table)).collect();
    assert!(gone.is_empty(), "there are no such tables: {gone:?}");
}

/// Table → the context that it is of.
fn owners() -> BTreeMap<&'static str, &'static str> {
    users::tables().into_iter().map(|(owner, table)| (table, owner)).collect()
}

#[test]
fn a_node_forgets_somebody_and_every_context_says_so() {
    let setup = Setup::new().env("MEDIA_GATEWAY_AUTH_ISSUER", ISSUER);
    let reply = people::families(&setup, 1).remove(0);
    let app = setup.start();
    let run = |args: &[&str]| {
        let output = app.setup.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let id = run(&["privacy", "find", "ada@example.org"]);
    let data: Value = serde_json::from_str(&run(&["privacy", "export", "ada@example.org"])).unwrap();
    assert_eq!(data["account"]["email"], "ada@example.org");
    let asked: Value = serde_json::from_str(&run(&["privacy", "erase", &id, "--json"])).unwrap();
    assert_eq!(asked["state"], "waiting");
    run(&["privacy", "keep", "ada@example.org"]);
    let erased: Value = serde_json::from_str(&run(&["privacy", "erase", &id, "--waive-grace", "--json"])).unwrap();
    let receipt = erased["receipt"].as_str().unwrap();
    let since = Instant::now();
    let done = loop {
        let view = app.get(&format!("/api/v1/privacy/receipts/{receipt}")).ok();
        if view["state"] == "erased" {
            break view;
        }
        assert!(since.elapsed() < PATIENCE, "nobody answers for {}", view["waits_for"]);
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    let answered: Vec<_> =
        done["answers"].as_array().unwrap().iter().map(|one| one["context"].as_str().unwrap()).collect();
    assert_eq!(answered, CONTEXTS);
    let token = reply["access_token"].as_str().unwrap();
    let me = app.send(app.request("GET", "/api/v1/auth/me").bearer_auth(token));
    assert_eq!(me.status, 401, "{}", me.text);
    assert!(run(&["privacy", "receipt", receipt]).contains("erased"));
    assert_eq!(run(&["privacy", "erasures"]).lines().count(), 2);
    one_line(&app.setup.run(&["privacy", "find", "ada@example.org"]), 3, "no such account");
}

#[test]
fn an_operator_reports_on_somebody_and_opts_them_out_with_a_node_and_without_one() {
    let setup = Setup::new().env("MEDIA_GATEWAY_AUTH_ISSUER", ISSUER);
    people::families(&setup, 1);
    let id = good(&setup, &["privacy", "find", "ada@example.org"]).trim().to_owned();
    let told = good(&setup, &["privacy", "report", &id]);
    let lines: Vec<_> = told.lines().collect();
    assert!(lines[0].ends_with("Z  -"), "when, and that she has not opted out: {told}");
    assert_eq!((lines.len(), lines[1]), (7, "identifiers  1  signing in  -  -"), "{told}");
    let out = good(&setup, &["privacy", "opt-out", &id]);
    let since = out.trim().strip_prefix("true  ").unwrap();
    assert_eq!(good(&setup, &["privacy", "opt-out", &id]), out, "once");

    let app = setup.start();
    let report = || {
        let told = good(&app.setup, &["privacy", "report", &id, "--json"]);
        serde_json::from_str::<Value>(&told).unwrap()
    };
    let whole = report();
    assert_eq!(whole["opted_out_at"], since);
    assert_eq!(whole["categories"].as_array().unwrap().len(), 6, "{whole}");
    assert_eq!(good(&app.setup, &["privacy", "opt-in", "ada@example.org"]), "false  -\n");
    assert!(report()["opted_out_at"].is_null());
    for verb in ["report", "opt-out", "opt-in"] {
        let nobody = ["privacy", verb, "01900000-0000-7000-8000-000000000000"];
        one_line(&app.setup.run(&nobody), 3, "there is no such account");
    }
}

#[test]
fn what_somebody_searches_for_is_written_nowhere() {
    const WORD: &str = "unspeakablewhelk";
    let app = fixtures::loaded(Setup::new());
    let path = format!("/api/v1/search?q={WORD}+harbour");
    assert!(app.get(&path).ok()["query_parsed"].to_string().contains(WORD), "it was understood as asked");
    app.get(&format!("/api/v1/search/suggestions?q={WORD}")).ok();
    app.post("/api/v1/search", &serde_json::json!({ "query": format!("films about {WORD}") })).ok();
    assert!(!app.log().contains(WORD), "{}", app.log());
    let (setup, status) = app.stop();
    assert!(status.success());
    let files = fixtures::files(setup.folder());
    assert!(files.iter().any(|(path, _)| path.ends_with("media-gateway.db")), "{files:?}");
    for (path, bytes) in files {
        let found = bytes.windows(WORD.len()).any(|window| window.eq_ignore_ascii_case(WORD.as_bytes()));
        assert!(!found, "{} holds what was asked", path.display());
    }
}

/// The mail to them is where an address has to stand: it lies in the folder's outbox where no server takes it.
#[test]
fn who_somebody_is_and_where_they_come_from_is_in_no_file_but_the_mail_to_them() {
    const ADDRESS: &str = "orlop@quincewharf.example";
    const FROM: &str = "198.51.100.231";
    let app = Setup::new().env("MEDIA_GATEWAY_TRUSTED_PROXIES", "127.0.0.1").start();
    let mut browser = Browser::new(&app);
    let account = [("email", ADDRESS), ("password", "correct horse battery")];
    for (page, status) in [("/signup", 200), ("/login", 303)] {
        assert_eq!(browser.submit(page, page, &account), status, "{page}");
    }
    assert_eq!(Browser::new(&app).submit("/forgot", "/forgot", &[("email", ADDRESS)]), 200);
    let from = |path: &str| app.request("GET", path).header("x-forwarded-for", FROM);
    assert_eq!(app.send(from("/api/v1/platforms")).status, 200);
    assert_eq!(app.send(from("/api/v1/auth/me").bearer_auth("a guess")).status, 401);
    assert!(!app.log().contains(ADDRESS), "{}", app.log());
    drop(browser);
    let (setup, status) = app.stop();
    assert!(status.success());
    let outbox = setup.folder().join("outbox");
    let files: Vec<_> =
        fixtures::files(setup.folder()).into_iter().filter(|(path, _)| !path.starts_with(&outbox)).collect();
    assert!(files.iter().any(|(path, _)| path.ends_with("media-gateway.db")));
    for ((path, bytes), word) in files.iter().flat_map(|file| [ADDRESS, "quincewharf", FROM].map(|word| (file, word))) {
        let found = bytes.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()));
        assert!(!found, "{} holds {word}", path.display());
    }
}
