//! One process or two, SQLite or PostgreSQL: the same files in, the same answers out.

use std::{
    net::TcpListener,
    path::PathBuf,
    time::{Duration, Instant},
};

use contracts::{Clock, Event, EventId, Ids, Rng, Topic, Trace};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use testkit::TestDb;

use crate::{
    app::{App, REQUEST_TIMEOUT, Setup, one_line},
    fixtures::{self, TITLES},
    mail::Browser,
    resume::caught_up,
    sockets,
};

pub const LIGHTHOUSE: &str = "/api/v1/content/lookup?id_type=imdb&id_value=tt9900001";
const TRENDING: [&str; 3] = ["Harbour Street", "Salt and Thunder", "The Paper Lighthouse"];
const FACETS: [&str; 5] = ["genres", "content_types", "decades", "platforms", "languages"];
const AGE_LIMIT: &str = "/api/v1/auth/age-limit";
pub const CONSENT: &str = "/api/v1/privacy/consents/viewing_history";
pub const HISTORY: &str = "/api/v1/user/history";
const WITH_ACCOUNTS: &str = "auth,catalog,ingest";
const NOBODY: &str = "00000000-0000-7000-8000-000000000000";

/// A deployment: what answers the public, and the process behind it where there are two.
struct Cluster {
    front: App,
    back: Option<App>,
    _dir: TempDir,
    _database: Option<TestDb>,
}

impl Cluster {
    fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let front = behind_a_proxy(Setup::on(&dir.path().join("node"))).with_model().start();
        Self { front, back: None, _dir: dir, _database: None }.loaded()
    }

    fn postgres() -> Self {
        let (dir, database) = (tempfile::tempdir().unwrap(), database());
        let setup = behind_a_proxy(Setup::on(&dir.path().join("node"))).with_model();
        let front = setup.env("MEDIA_GATEWAY_DATABASE_URL", url(&database)).start();
        Self { front, back: None, _dir: dir, _database: Some(database) }.loaded()
    }

    /// After five people searched for three titles by name: who searches ranks that at its start.
    fn searched_for(self) -> Self {
        for (person, title) in (0..5).flat_map(|person| TRENDING.map(|title| (person, title))) {
            let request = self.front.request("POST", "/api/v1/search");
            let request = request.header("x-forwarded-for", format!("198.51.100.{person}"));
            self.front.send(request.json(&json!({ "query": title }))).ok();
        }
        let (setup, _) = self.front.stop();
        let front = setup.start();
        let all = |shown: &Value| shown["results"].as_array().unwrap().len() == TRENDING.len();
        front.eventually("/api/v1/search/trending", all);
        caught_up(&front);
        Self { front, ..self }
    }

    /// Accounts, the catalogue and ingest in one process, the gateway, search and playback in another.
    fn split() -> Self {
        Self::apart(WITH_ACCOUNTS)
    }

    /// These roles in one process, the gateway, search and playback in another.
    fn apart(roles: &'static str) -> Self {
        Self::told(roles, |setup| setup)
    }

    /// With what both processes are told.
    fn told(roles: &'static str, change: fn(Setup) -> Setup) -> Self {
        let (dir, database) = (tempfile::tempdir().unwrap(), database());
        let token: PathBuf = dir.path().join("peer.token");
        std::fs::write(&token, "a secret of the roles, of 32 characters and more\n").unwrap();
        let setup = |name: &str| {
            let setup = behind_a_proxy(Setup::on(&dir.path().join(name))).with_model();
            // Each role has its own time, as the program has it.
            let setup = setup.env("MEDIA_GATEWAY_DATABASE_URL", url(&database)).without(REQUEST_TIMEOUT);
            change(setup.env("MEDIA_GATEWAY_PEER_TOKEN_FILE", token.to_str().unwrap()))
        };
        let back = setup("back").roles(roles).start();
        let front = setup("front").roles("gateway,search,playback").reaching(roles.split(','), &back);
        Self { front: front.start(), back: Some(back), _dir: dir, _database: Some(database) }.loaded()
    }

    fn loaded(self) -> Self {
        fixtures::ingest_all(&self.back.as_ref().unwrap_or(&self.front).setup);
        self.front.eventually("/api/v1/search", |found| found["total_count"] == TITLES);
        caught_up(&self.front);
        self
    }
}

/// Where a test can ask for several people.
pub fn behind_a_proxy(setup: Setup) -> Setup {
    let setup = setup.env("MEDIA_GATEWAY_TRUSTED_PROXIES", "127.0.0.1");
    setup.env("MEDIA_GATEWAY_RATE_LIMITS_ANONYMOUS", "1000,1000,10000,100000")
}

/// A database of its own on the server that `make test` starts.
pub fn database() -> TestDb {
    tokio::runtime::Runtime::new().unwrap().block_on(testkit::postgres())
}

fn url(database: &TestDb) -> String {
    database.url().unwrap()
}

/// What a deployment answers, without what differs from one catalogue of these files to the next.
fn answers(app: &App) -> Vec<(String, Value)> {
    let mut answers = Vec::new();
    let mut note = |name: &str, status: u16, body: Value| {
        answers.push((name.to_owned(), json!({ "status": status, "body": plain(body) })));
    };
    let lighthouse = app.get(LIGHTHOUSE).ok()["id"].as_str().unwrap().to_owned();
    let street = app.get("/api/v1/search?q=harbour+street").ok()["results"][0]["content"]["id"].clone();
    for path in [
        "/api/v1/search?q=paper+lighthouse",
        "/api/v1/search?q=films+with+Ada+Wren",
        "/api/v1/search?q=farming+potatoes+alone+on+mars",
        "/api/v1/search?q=harbour&platform=hulu",
        "/api/v1/search?q=lighthouse&region=GB",
        "/api/v1/search?q=drama&type=tv_show&year_from=2000",
        "/api/v1/search/suggestions?q=har",
        // A genre, a title and people.
        "/api/v1/search/autocomplete?q=h",
        "/api/v1/search/trending",
        "/api/v1/discover",
        LIGHTHOUSE,
        &format!("/api/v1/content/{lighthouse}"),
        &format!("/api/v1/content/{lighthouse}/availability"),
        &format!("/api/v1/content/{lighthouse}/availability?region=GB"),
        "/api/v1/platforms",
        "/api/v1/platforms/netflix/catalog",
        "/api/v1/genres",
        "/api/v1/genres/movies",
        "/api/v1/content/tv",
        "/openapi.json",
        // What goes wrong, in either process.
        &format!("/api/v1/content/{NOBODY}"),
        "/api/v1/content/none",
        "/api/v1/content/movies?cursor=bad",
        "/api/v1/content/movies?limit=1000000",
        "/api/v1/content/movies?sort=up",
        "/api/v1/platforms/nowhere/catalog",
        "/api/v1/search?q=a&genre=nonsense",
        "/api/v1/search?q=a&page=100000",
        "/api/v1/search/trending?limit=0",
        &format!("/api/v1/content/{NOBODY}/similar"),
        "/api/v1/internal/ingest/runs",
        "/api/v1/nothing",
    ] {
        let answer = app.get(path);
        note(path.split_once(&lighthouse).map_or(path, |(_, rest)| rest), answer.status, answer.json);
    }
    for (path, body) in [
        ("/api/v1/content/batch", json!({ "ids": [lighthouse, NOBODY, street] })),
        ("/api/v1/content/batch", json!({ "ids": [] })),
        ("/api/v1/search", json!({ "query": "salt and thunder", "filters": { "genres": ["drama"] } })),
        ("/api/v1/search", json!({ "query": "films with Ada Wren", "facets": FACETS })),
        ("/api/v1/search", json!({ "filters": { "content_types": ["movie"] }, "sort": "newest" })),
        ("/api/v1/search", json!({ "intent": { "text": "letters folded into boats", "genres": ["drama"] } })),
        ("/api/v1/search", json!({ "query": 7 })),
        ("/api/v1/platforms", json!({})),
    ] {
        let answer = app.post(path, &body);
        note(&format!("POST {path}"), answer.status, answer.json);
    }
    note("what is like a title", 200, like(app, &lighthouse));
    note("every film, two a page", 200, films(app));
    answers
}

/// What is like a title, without how near the graph says it is: where walks stand depends a little on the order of ids.
fn like(app: &App, id: &str) -> Value {
    let mut like = app.get(&format!("/api/v1/content/{id}/similar")).ok();
    let hits = like["results"].as_array_mut().unwrap();
    assert!(!hits.is_empty(), "nothing is like it");
    for hit in hits {
        hit.as_object_mut().unwrap().remove("graph_score").unwrap();
    }
    like
}

/// The titles of all films, read page by page: they stand in the order of their ids, which differ.
fn films(app: &App) -> Value {
    let (mut titles, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = app.get(&format!("/api/v1/content/movies?limit=2{cursor}")).ok();
        let items = page["items"].as_array().unwrap();
        assert!((1..=2).contains(&items.len()));
        titles.extend(items.iter().map(|title| title["title"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    titles.sort();
    json!(titles)
}

/// Without ids and times of our own; lists of titles in the order of the titles, where their ids decide it.
fn plain(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let ours = ["id", "last_updated", "checked_at", "search_time_ms", "trace_id", "instance", "next_cursor"];
            // What the words and the fusion give depends on how the index came to be: deleted documents still count.
            let scores = ["relevance_score", "keyword_score"];
            let kept = |(key, value): (String, Value)| {
                let ours = ours.contains(&key.as_str()) && (key != "id" || value.as_str().is_some_and(is_uuid))
                    || scores.contains(&key.as_str());
                (!ours).then(|| (key, plain(value)))
            };
            Value::Object(fields.into_iter().filter_map(kept).collect::<Map<_, _>>())
        }
        Value::Array(items) => {
            let mut items: Vec<_> = items.into_iter().map(plain).collect();
            if items.iter().all(|item| item["title"].is_string()) {
                items.sort_by_key(|item| item["title"].as_str().map(str::to_owned));
            }
            Value::Array(items)
        }
        Value::String(text) if is_uuid(&text) => json!(text == NOBODY),
        other => other,
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.bytes().filter(|byte| *byte == b'-').count() == 4
}

fn same(found: &[(String, Value)], wanted: &[(String, Value)]) {
    assert_eq!(found.len(), wanted.len());
    for ((name, found), (_, wanted)) in found.iter().zip(wanted) {
        if let Some(difference) = difference(found, wanted) {
            panic!("{name}{difference}");
        }
    }
}

/// Where two values differ first, and how.
fn difference(found: &Value, wanted: &Value) -> Option<String> {
    let below = |key: &str, found: &Value, wanted: &Value| Some(format!("/{key}{}", difference(found, wanted)?));
    match (found, wanted) {
        (Value::Object(some), Value::Object(others)) if some.keys().eq(others.keys()) => {
            some.iter().find_map(|(key, value)| below(key, value, &others[key]))
        }
        (Value::Array(some), Value::Array(others)) if some.len() == others.len() => {
            (0..some.len()).find_map(|place| below(&place.to_string(), &some[place], &others[place]))
        }
        _ => (found != wanted).then(|| format!(": {found} is not {wanted}")),
    }
}

/// The sum of a counter over the series whose labels hold every one of `labels`.
pub fn counter(app: &App, name: &str, labels: &[&str]) -> f64 {
    let page = reqwest::blocking::get(format!("{}/metrics", app.url("metrics"))).unwrap().text().unwrap();
    page.lines()
        .filter(|line| line.starts_with(&format!("{name}{{")) && labels.iter().all(|label| line.contains(label)))
        .map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap())
        .sum()
}

#[test]
fn postgres_answers_as_sqlite() {
    let (wanted, found) = (Cluster::sqlite().searched_for(), Cluster::postgres().searched_for());
    let (wanted, found) = (answers(&wanted.front), answers(&found.front));
    same(&found, &wanted);
    // The suite proves nothing about answers that are not there.
    let failures = wanted.iter().filter(|(_, answer)| answer["status"].as_u64().unwrap() >= 400).count();
    assert_eq!((wanted.len(), failures), (42, 15), "{wanted:#?}");
}

#[test]
fn two_processes_answer_as_one() {
    answer_as_one(WITH_ACCOUNTS);
}

#[test]
fn two_processes_without_accounts_answer_as_one() {
    answer_as_one("catalog,ingest");
}

fn answer_as_one(roles: &'static str) {
    let (single, split) = (Cluster::sqlite().searched_for(), Cluster::apart(roles).searched_for());
    let back = split.back.as_ref().unwrap();
    let before = counter(back, "grpc_server_handled_total", &["CatalogService", "status=\"OK\""]);
    assert!(before > 0.0, "search's index was filled without asking the catalogue");
    same(&answers(&split.front), &answers(&single.front));
    let asked = counter(back, "grpc_server_handled_total", &["CatalogService", "status=\"OK\""]) - before;
    assert!(asked > 5.0, "the other process answered {asked} gRPC calls");
    let proxied = counter(back, "http_requests_total", &["service=\"catalog\"", "status=\"200\""]);
    assert!(proxied > 10.0, "the other process answered {proxied} requests");
    assert!(counter(back, "http_requests_total", &["service=\"ingest\"", "status=\"401\""]) > 0.0);
    each_role_has_its_own_time(&split.front);
}

/// How long a try may take by whom is asked, and how long an answer by what is asked (G4).
fn each_role_has_its_own_time(front: &App) {
    let seen = |path: &str| front.send(front.request("GET", path).bearer_auth(&front.token)).ok();
    let find = |all: &Value, name: &str, wanted: &str, time: &str| {
        let one = all.as_array().unwrap().iter().find(|one| one[name] == wanted);
        one.unwrap_or_else(|| panic!("no {wanted} in {all}"))[time].clone()
    };
    let breakers = seen("/api/v1/admin/breakers");
    for (role, attempt_timeout_ms) in [("catalog", 3_000), ("ingest", 10_000)] {
        assert_eq!(find(&breakers, "upstream", role, "attempt_timeout_ms"), attempt_timeout_ms, "{role}");
    }
    let routes = seen("/api/v1/admin/routes");
    for (path, timeout_ms) in [("/api/v1/search", 5_000), ("/api/v1/platforms", 10_000)] {
        assert_eq!(find(&routes, "path", path, "timeout_ms"), timeout_ms, "{path}");
    }
}

#[test]
fn the_command_line_works_beside_the_process_that_has_the_role() {
    let Cluster { front, back, _dir, _database } = Cluster::split();
    let back = back.unwrap();
    let ingest = ["ingest", &fixtures::path("hulu_titles.csv")];
    for (app, args) in [(&front, &["search", "harbour"][..]), (&back, &["export"]), (&back, &ingest)] {
        let output = app.setup.run(args);
        assert!(output.status.success() && !output.stdout.is_empty(), "{args:?}: {output:?}");
    }
    // The operator of one process is nobody to another, whatever the gateway passes on.
    let accounts = ["auth", "users", "list"];
    for (app, args, role) in [
        (&back, &["search", "harbour"][..], "search"),
        (&front, &["export"], "catalog"),
        (&front, &ingest, "ingest"),
        (&front, &accounts, "auth"),
    ] {
        let said = format!("without {role}: ask on the folder of the one that has it");
        one_line(&app.setup.run(args), 6, &said);
    }
}

/// The process that searches verifies tokens by itself, and learns from the event log what was revoked elsewhere, and
/// what the person whose token it is may be shown.
#[test]
fn what_one_process_revokes_the_other_turns_away() {
    let issuer = |setup: Setup| setup.env("MEDIA_GATEWAY_AUTH_ISSUER", "https://media.example");
    let Cluster { front, back, _dir, _database } = Cluster::told(WITH_ACCOUNTS, issuer);
    let back = back.unwrap();
    let new = ["auth", "clients", "create", "robot", "--grant", "client_credentials", "--scopes", "read:content"];
    let made = back.setup.run(&[&new[..], &["--confidential", "--role", "ingestion_service"]].concat());
    let made = String::from_utf8(made.stdout).unwrap();
    let (id, secret) = made.trim().split_once("  ").unwrap();
    let form = front.request("POST", "/oauth/token").header("content-type", "application/x-www-form-urlencoded");
    let form = form.basic_auth(id, Some(secret)).body("grant_type=client_credentials");
    let token = front.send(form).ok()["access_token"].as_str().unwrap().to_owned();
    let until = |status: u16| {
        let since = Instant::now();
        let search = || front.send(front.request("GET", "/api/v1/search?q=harbour").bearer_auth(&token)).status;
        while search() != status {
            // Everything is read anew after a minute: it may not be that which the other learns from.
            assert!(since.elapsed() < Duration::from_secs(15), "not {status}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    until(200);
    sockets::hears_of_a_change(&front, &back.setup, &token);
    assert!(back.setup.run(&["auth", "clients", "disable", id]).status.success());
    until(401);
    let person = token_of_a_person(&front);
    age_limits_are_in_force(&front, &person);
    a_key_is_made_once(&front, &person);
    a_history_is_kept_apart_from_accounts(&front, &person);
}

/// A limit that the process with the accounts is told holds in the one that searches, and no longer than it is there.
pub fn age_limits_are_in_force(front: &App, token: &str) {
    let shown = || {
        let found = front.send(front.request("GET", "/api/v1/search?q=harbour+street").bearer_auth(token));
        let hits = found.json["results"].as_array().filter(|_| found.status == 200);
        hits.map(|hits| hits.iter().any(|hit| hit["content"]["title"] == "Harbour Street"))
    };
    let soon = |wanted: bool| {
        let since = Instant::now();
        while shown() != Some(wanted) {
            // So short that it can't have been the reading of everything each time.
            assert!(since.elapsed() < Duration::from_secs(15), "shown must be {wanted}");
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    soon(true);
    // More than once, because that everything is read anew after a minute may help once.
    for _ in 0..3 {
        let set = front.request("PUT", AGE_LIMIT).bearer_auth(token);
        front.send(set.json(&json!({ "max_age": 13, "region": "USA" }))).ok();
        soon(false);
        front.send(front.request("DELETE", AGE_LIMIT).bearer_auth(token)).ok();
        soon(true);
    }
}

/// The gateway keeps what the process with the accounts answered, as that one's documentation says.
pub fn a_key_is_made_once(front: &App, token: &str) {
    let made = || {
        let request = front.request("POST", "/api/v1/auth/keys").bearer_auth(token).header("idempotency-key", "once");
        front.send(request.json(&json!({ "name": "mine", "scopes": "read:content" }))).ok()
    };
    let first = made();
    let used = front.request("GET", "/api/v1/search?q=harbour").bearer_auth(first["key"].as_str().unwrap());
    assert_ne!(front.send(used).status, 401, "it was made in the other process a moment ago");
    assert_eq!(first, made());
    let keys = front.send(front.request("GET", "/api/v1/auth/keys").bearer_auth(token)).ok();
    assert_eq!(keys["items"].as_array().unwrap().len(), 1, "{keys}");
}

/// What is watched is kept by another process than the one that has the person's key, says what they allow and gives them
/// all that is kept: the consent that it is told of there holds here at once, and what it takes back is gone here at once.
pub fn a_history_is_kept_apart_from_accounts(front: &App, token: &str) {
    let since = Instant::now();
    // A person has so many requests a second, and what came before was their own too.
    let send = |method: &str, path: &str, body: &Value| loop {
        let request = front.request(method, path).bearer_auth(token);
        let answer = front.send(if body.is_null() { request } else { request.json(body) });
        if answer.status != 429 || since.elapsed() > Duration::from_secs(20) {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    let allow = |granted: bool| send("PUT", CONSENT, &json!({ "granted": granted })).ok();
    let title = front.get(LIGHTHOUSE).ok()["id"].clone();
    let add = || send("POST", HISTORY, &json!({ "content_id": title }));
    add().problem(403, "consent_required");
    allow(true);
    let kept = add().ok();
    assert_eq!(kept["content_id"], title);
    let shown = || send("GET", HISTORY, &Value::Null).ok()["items"].clone();
    assert_eq!(shown(), json!([kept]));
    let export = || send("GET", "/api/v1/gdpr/data-export", &Value::Null).ok();
    let all = json!([{ "context": "playback", "purpose": "viewing_history", "items": [kept] }]);
    assert_eq!(export()["kept"], all, "the process with the accounts opens what the other sealed");
    allow(false);
    assert_eq!((shown(), &export()["kept"][0]["items"]), (json!([]), &json!([])));
    add().problem(403, "consent_required");
}

/// Of somebody who signs up in a browser and allows the command line what it asks for.
pub fn token_of_a_person(front: &App) -> String {
    let mut browser = Browser::new(front);
    let form = [("email", "ada@example.org"), ("password", "correct horse battery")];
    assert_eq!((browser.submit("/signup", "/signup", &form), browser.submit("/login", "/login", &form)), (200, 303));
    let post = |path: &str, fields: &str| {
        let request = front.request("POST", path).header("content-type", "application/x-www-form-urlencoded");
        front.send(request.body(format!("client_id={}&{fields}", auth::CLI_CLIENT))).ok()
    };
    let begun = post("/oauth/device", "scope=read:content+account:manage+read:watchlist+write:watchlist");
    let code = begun["user_code"].as_str().unwrap();
    assert_eq!(browser.submit("/account", "/device", &[("user_code", code), ("decision", "allow")]), 200);
    let device = begun["device_code"].as_str().unwrap();
    let tokens = post("/oauth/token", &format!("grant_type=device_code&device_code={device}"));
    tokens["access_token"].as_str().unwrap().to_owned()
}

/// On ports that are free when it starts again after a kill: below those that the system gives whoever asks for any.
fn on_kept_ports(setup: Setup) -> Setup {
    let rng = Rng::system();
    (0_u64..).zip(["AUTH", "CATALOG", "INGEST"]).fold(setup, |setup, (place, role)| {
        let mut ports = std::iter::repeat_with(|| u16::try_from(20_000 + 4_000 * place + rng.below(4_000)).unwrap());
        let free = ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap();
        setup.env(&format!("MEDIA_GATEWAY_LISTEN_{role}"), format!("127.0.0.1:{free}"))
    })
}

#[test]
fn without_the_catalogue_the_gateway_says_so_and_recovers() {
    let Cluster { front, back, _dir, _database } = Cluster::told(WITH_ACCOUNTS, on_kept_ports);
    let back = back.unwrap();
    let wanted = answers(&front);
    let setup = back.kill();
    let fresh = front.request("GET", LIGHTHOUSE).header("cache-control", "no-cache");
    front.send(fresh).problem(503, "upstream_unavailable");
    let kept = front.get(LIGHTHOUSE);
    assert_eq!((kept.status, &kept.json["title"]), (200, &json!("The Paper Lighthouse")), "what was kept is given");
    assert!(kept.header("cache-status").starts_with("media-gateway; hit"), "{}", kept.header("cache-status"));
    // Not one that was asked before, whose answer is kept.
    let search = front.get("/api/v1/search?q=letters+folded+into+boats");
    assert_eq!(search.status, 503, "{}", search.text);
    assert!(search.json["detail"].as_str().unwrap().contains("catalog"), "{}", search.text);
    let readiness = front.eventually("/readyz", |ready| ready["state"] == "degraded");
    let parts = readiness["components"].as_array().unwrap();
    for over in ["catalog", "catalog_peer"] {
        let part = parts.iter().find(|part| part["name"] == over).unwrap();
        assert_eq!((&part["state"], &part["detail"]), (&json!("down"), &json!("it does not answer")), "{over}");
    }
    let _back = setup.start();
    front.eventually(LIGHTHOUSE, |title| title["title"] == "The Paper Lighthouse");
    front.eventually("/readyz", |ready| {
        let parts = ready["components"].as_array().unwrap();
        parts
            .iter()
            .filter(|part| part["name"].as_str().unwrap().ends_with("_peer"))
            .all(|part| part["state"] == "ready")
    });
    same(&answers(&front), &wanted);
}

/// What follows the catalogue.
const INDEXES: [&str; 2] = ["keyword_index", "vector_index"];

/// An event of a title, as a catalogue states it.
fn changed(database: &TestDb, id: &str) {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let (clock, rng) = (Clock::system(), Rng::system());
        let db = database.reopen(&testkit::fast()).await;
        let (own, trace) = (EventId(Ids::new(clock.clone(), rng.clone()).next()), Trace::start(&rng));
        let title = id.parse().unwrap();
        let event = Event::new(own, "/catalog", Topic::ContentUpdated, title, clock.now(), trace, json!({}));
        let mut tx = db.begin().await.unwrap();
        stores::events::append(&mut tx, &[event]).await.unwrap();
        tx.commit().await.unwrap();
        db.close().await;
    });
}

#[test]
fn a_replica_that_can_not_follow_says_how_far_it_is_behind() {
    let Cluster { front, back, _dir, _database } = Cluster::told(WITH_ACCOUNTS, on_kept_ports);
    let (back, database) = (back.unwrap(), _database.unwrap());
    let id = front.get(LIGHTHOUSE).ok()["id"].as_str().unwrap().to_owned();
    let lags = || INDEXES.map(|name| counter(&front, "search_index_lag_events", &[&format!("index=\"{name}\"")]));
    let told = |ready: &Value, words: &str| {
        let parts = ready["components"].as_array().unwrap();
        let part = |name: &str| parts.iter().find(|part| part["name"] == name).unwrap();
        INDEXES.map(|name| part(name)["detail"].as_str().unwrap().contains(words))
    };
    assert_eq!((lags(), told(&front.get("/readyz").json, "behind")), ([0.0; 2], [false; 2]));
    let setup = back.kill();
    for behind in [1, 2] {
        changed(&database, &id);
        front.eventually("/readyz", |ready| {
            told(ready, &format!("{behind} events behind")) == [true; 2] && lags() == [f64::from(behind); 2]
        });
    }
    let found = front.eventually("/readyz", |ready| told(ready, "can't follow the catalogue") == [true; 2]);
    assert_eq!(found["state"], "degraded");
    let _back = setup.start();
    front.eventually("/readyz", |ready| told(ready, "behind") == [false; 2] && lags() == [0.0; 2]);
}
