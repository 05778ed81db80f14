//! What people watched: kept while they allow it, sealed, shown to them alone, and nobody's once it is 90 days old.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use access::{Live, Verifier, VerifierConfig};
use async_trait::async_trait;
use auth::{Algorithm, Auth, AuthConfig, NewUser};
use catalog::Catalog;
use contracts::{
    ApiError, Call, Caller, CatalogApi, Clock, ContentId, Credential, Identity, Purpose, Rng, Role, Scopes, Subject,
    Trace, UserId,
};
use jiff::{SignedDuration, Timestamp, civil::Date};
use playback::{Histories, NewHistoryEntry, Playback};
use serde_json::{Value, json};
use stores::{
    Db, Tx, args,
    personal::{Consented, PersonKey, PersonKeys, Personal},
};
use testkit::TestDb;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    administering::good,
    app::{Answer, App, Setup},
    fixtures,
    grpc::{block_on, record},
    identities::people::{Credentials, ISSUER, PASSWORD, People},
};

const HISTORY: &str = "/api/v1/user/history";
const CONSENTS: &str = "/api/v1/privacy/consents";
const EXPORT: &str = "/api/v1/gdpr/data-export";

/// A node with films and people.
struct House {
    app: App,
    people: People,
    /// Three films.
    films: Vec<Value>,
}

impl House {
    fn open() -> Self {
        let setup = Setup::new().env("MEDIA_GATEWAY_AUTH_ISSUER", ISSUER);
        let people = People::settle(&setup);
        let app = fixtures::loaded(setup);
        let movies = app.get("/api/v1/content/movies?limit=3").ok();
        let films: Vec<_> = movies["items"].as_array().unwrap().iter().map(|film| film["id"].clone()).collect();
        assert_eq!(films.len(), 3);
        Self { app, people, films }
    }

    fn ada(&self) -> &Credentials {
        &self.people.tokens[0]
    }

    fn bob(&self) -> &Credentials {
        &self.people.tokens[1]
    }

    fn ask(&self, who: &Credentials, method: &str, path: &str) -> Answer {
        self.send(who, method, path, None)
    }

    fn send(&self, who: &Credentials, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let request = self.app.request(method, path);
        let request = who.iter().fold(request, |request, (name, value)| request.header(*name, value));
        self.app.send(body.into_iter().fold(request, |request, body| request.json(body)))
    }

    fn allow(&self, who: &Credentials, purpose: &str, granted: bool) {
        let body = json!({ "granted": granted });
        self.send(who, "PUT", &format!("{CONSENTS}/{purpose}"), Some(&body)).ok();
    }

    fn add(&self, who: &Credentials, entry: &Value) -> Answer {
        self.send(who, "POST", HISTORY, Some(entry))
    }

    /// The whole of somebody's history, if it fits on a page.
    fn shown(&self, who: &Credentials) -> Value {
        let page = self.ask(who, "GET", HISTORY).ok();
        assert!(page["next_cursor"].is_null(), "{page}");
        page["items"].clone()
    }

    fn exported(&self, who: &Credentials) -> Value {
        self.ask(who, "GET", EXPORT).ok()["kept"].clone()
    }
}

/// What the table of a node's folder holds, from beside it: users and what is sealed.
fn kept(setup: &Setup) -> Vec<(Uuid, Vec<u8>)> {
    let file = setup.folder().join("media-gateway.db");
    block_on(async {
        let db = Db::open_sqlite(&file, &testkit::fast()).await.unwrap();
        let rows = db.fetch_all("SELECT id, sealed FROM playback_history", args![]).await.unwrap();
        db.close().await;
        rows
    })
}

#[test]
fn nothing_is_kept_without_consent_and_what_was_kept_goes_with_it() {
    let house = House::open();
    let (ada, bob) = (house.ada(), house.bob());
    let entry = json!({ "content_id": house.films[0] });
    house.add(ada, &entry).problem(403, "consent_required");
    house.allow(ada, "personalization", true);
    house.add(ada, &entry).problem(403, "consent_required");
    house.allow(bob, "viewing_history", true);
    house.add(ada, &entry).problem(403, "consent_required");
    assert_eq!((house.shown(ada), kept(&house.app.setup).len()), (json!([]), 0));

    house.allow(ada, "viewing_history", true);
    let (of_ada, of_bob) = (house.add(ada, &entry), house.add(bob, &entry));
    assert_eq!((of_ada.status, of_bob.status), (201, 201), "{}", of_ada.text);
    house.allow(ada, "personalization", false);
    assert_eq!(house.shown(ada), json!([of_ada.json]), "another purpose");
    assert_eq!(kept(&house.app.setup).len(), 2);

    house.allow(ada, "viewing_history", false);
    assert_eq!((house.shown(ada), kept(&house.app.setup).len()), (json!([]), 1), "at once");
    assert_eq!(house.exported(ada)[0]["items"], json!([]));
    house.add(ada, &entry).problem(403, "consent_required");
    house.allow(ada, "viewing_history", true);
    let shown = (house.shown(ada), house.shown(bob));
    assert_eq!(shown, (json!([]), json!([of_bob.json])), "gone for good, and hers alone");
}

#[test]
fn a_history_is_its_persons_in_pages_the_last_first() {
    let house = House::open();
    let (ada, bob, films) = (house.ada(), house.bob(), &house.films);
    house.allow(ada, "viewing_history", true);
    let add = |film: &Value, more: Value| {
        let mut entry = json!({ "content_id": film });
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        house.add(ada, &entry).ok()
    };
    // Not in the order in which they are told of.
    let middle = add(&films[1], json!({ "watched_at": "2019-05-04T21:00:00+02:00", "completion_rate": 0.25 }));
    let last = add(&films[2], json!({}));
    let first = add(&films[0], json!({ "watched_at": "1999-12-31T20:00:00Z" }));
    assert_eq!((&middle["watched_at"], &middle["completion_rate"]), (&json!("2019-05-04T19:00:00Z"), &json!(0.25)));
    assert_eq!(last["completion_rate"], 1.0);
    assert_eq!(house.shown(ada), json!([last, middle, first]));
    let page = house.ask(ada, "GET", &format!("{HISTORY}?limit=2")).ok();
    assert_eq!(page["items"], json!([last, middle]));
    let cursor = page["next_cursor"].as_str().unwrap();
    let next = format!("{HISTORY}?limit=2&cursor={cursor}");
    assert_eq!(house.ask(ada, "GET", &next).ok(), json!({ "items": [first] }));
    house.ask(ada, "GET", &format!("{next}x")).problem(400, "bad_cursor");
    house.ask(ada, "GET", &format!("{HISTORY}?limit=101")).problem(400, "bad_limit");

    // Whoever is not Ada sees none of it and takes none of it away.
    let one = |entry: &Value| format!("{HISTORY}/{}", entry["id"].as_str().unwrap());
    assert_eq!((house.shown(bob), house.ask(bob, "GET", &next).ok()["items"].clone()), (json!([]), json!([])));
    house.ask(bob, "DELETE", &one(&middle)).problem(404, "no_such_entry");
    assert_eq!(house.ask(bob, "DELETE", HISTORY).status, 204);
    house.ask(&house.people.tokens[6], "GET", HISTORY).problem(403, "insufficient_scope");
    assert_eq!(house.ask(ada, "DELETE", &one(&middle)).status, 204);
    house.ask(ada, "DELETE", &one(&middle)).problem(404, "no_such_entry");
    assert_eq!(house.shown(ada), json!([last, first]));
    let named = format!("{HISTORY}?content_id={}", films[0].as_str().unwrap());
    house.ask(ada, "DELETE", &named).problem(400, "unknown_field");
    assert_eq!(house.ask(ada, "DELETE", HISTORY).status, 204);
    assert_eq!((house.shown(ada), kept(&house.app.setup).len()), (json!([]), 0));
}

#[test]
fn what_nobody_can_have_watched_is_refused() {
    let house = House::open();
    let (ada, film) = (house.ada(), &house.films[0]);
    house.allow(ada, "viewing_history", true);
    let nothing = "01900000-0000-7000-8000-000000000000";
    for (entry, status, code) in [
        (json!({ "content_id": nothing }), 404, "unknown_content"),
        (json!({ "content_id": film, "watched_at": "2999-01-01T00:00:00Z" }), 400, "bad_watched_at"),
        (json!({ "content_id": film, "watched_at": "1887-12-31T23:59:59Z" }), 400, "bad_watched_at"),
        (json!({ "content_id": film, "watched_at": "yesterday" }), 400, "invalid_field"),
        (json!({ "content_id": film, "completion_rate": 1.5 }), 400, "bad_completion_rate"),
        (json!({ "content_id": film, "completion_rate": -0.5 }), 400, "bad_completion_rate"),
        (json!({ "content_id": film, "rating": 5 }), 400, "unknown_field"),
        (json!({}), 400, "missing_field"),
    ] {
        house.add(ada, &entry).problem(status, code);
    }
    assert_eq!(house.shown(ada), json!([]));
    // It is certified TV-MA; whoever is shown no such titles can't say that they watched it.
    let above = house.app.get("/api/v1/content/titles?q=Harbour+Street").ok()["items"][0]["id"].clone();
    let entry = json!({ "content_id": above });
    assert_eq!(house.add(ada, &entry).status, 201);
    house.send(ada, "PUT", "/api/v1/auth/age-limit", Some(&json!({ "max_age": 13, "region": "USA" }))).ok();
    house.add(ada, &entry).problem(404, "unknown_content");
}

#[test]
fn a_history_is_sealed_and_given_and_erased_with_its_person() {
    let house = House::open();
    let (ada, setup) = (house.ada(), &house.app.setup);
    house.allow(ada, "viewing_history", true);
    let entry = json!({ "content_id": house.films[0], "watched_at": "2019-05-04T19:00:00Z" });
    let entry = house.add(ada, &entry).ok();
    let rows = kept(setup);
    let [(id, sealed)] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((id.to_string().as_str(), id.get_version_num()), (entry["id"].as_str().unwrap(), 4), "it tells no time");
    for word in [house.films[0].as_str().unwrap(), "2019", "watched_at"] {
        assert!(!sealed.windows(word.len()).any(|part| part == word.as_bytes()), "{word} can be read");
    }

    let person = good(setup, &["privacy", "find", "ada@example.org"]).trim().to_owned();
    let all = json!([{ "context": "playback", "purpose": "viewing_history", "items": [entry] }]);
    assert_eq!(house.exported(ada), all);
    let export: Value = serde_json::from_str(&good(setup, &["privacy", "export", &person])).unwrap();
    assert_eq!(export["kept"], all, "the operator's");
    let report = house.ask(ada, "GET", "/api/v1/ccpa/data-report").ok();
    let lines = report["categories"].as_array().unwrap();
    let line = lines.iter().find(|line| line["category"] == "commercial information").unwrap();
    assert_eq!((&line["items"], &line["sold_to"], &line["shared_with"]), (&json!(1), &json!([]), &json!([])));

    let erased: Value =
        serde_json::from_str(&good(setup, &["privacy", "erase", &person, "--waive-grace", "--json"])).unwrap();
    let receipt = format!("/api/v1/privacy/receipts/{}", erased["receipt"].as_str().unwrap());
    let done = house.app.eventually(&receipt, |view| view["state"] == "erased");
    let answers = done["answers"].as_array().unwrap();
    let answer = answers.iter().find(|answer| answer["context"] == "playback").unwrap();
    assert_eq!((&answer["rows"], kept(setup)), (&json!(1), Vec::new()), "{done}");
}

/// A history is opened whole to be shown: it has an end.
#[tokio::test]
async fn a_history_holds_so_many_entries_and_no_more() {
    let world = World::over(testkit::sqlite().await).await;
    let ada = world.person("ada").await;
    let sql = "INSERT INTO playback_history (id, user_id, kept_on, sealed) VALUES ($1, $2, $3, $4)";
    let mut tx = world.db.begin().await.unwrap();
    for number in 1..5_000_u128 {
        let row = args![Uuid::from_u128(number), ada.0, Date::constant(2026, 1, 1), vec![0_u8; 64]];
        tx.execute(sql, row).await.unwrap();
    }
    tx.commit().await.unwrap();
    world.watch(ada, None).await;
    let new = NewHistoryEntry { content_id: world.film, watched_at: None, completion_rate: None };
    assert_eq!(world.playback.add(&world.call(ada), &new).await.unwrap_err().code, "history_full");
}

/// Accounts, one film and what people watched, over one database and a clock that is moved.
struct World {
    auth: Arc<Auth>,
    playback: Playback,
    clock: Clock,
    catalog: Arc<Catalog>,
    film: ContentId,
    db: TestDb,
}

impl World {
    async fn over(db: TestDb) -> Self {
        Self::with(db, Arc::new(Histories)).await
    }

    /// With what takes histories away.
    async fn with(db: TestDb, histories: Arc<dyn Consented>) -> Self {
        let (clock, rng) = (testkit::clock(), Rng::system());
        let expected = VerifierConfig { issuer: ISSUER.into(), audience: ISSUER.into() };
        let verifier = Arc::new(Verifier::new(expected, clock.clone(), Arc::new(Live::default())));
        let config = AuthConfig { algorithm: Algorithm::ES256, ..AuthConfig::new(ISSUER, [7; 32]) };
        let auth = Auth::new(db.db(), clock.clone(), rng.clone(), config, verifier);
        let auth = Arc::new(auth.with_consented(vec![histories]));
        auth.seed().await.unwrap();
        let catalog = Arc::new(Catalog::new(db.db(), testkit::cache(), clock.clone(), rng.clone()));
        let records = [record("festival", "en", "The Paper Lighthouse")];
        let film = catalog.ingest(&testkit::operator_call(), &records).await.unwrap()[0].content_id;
        let playback = Playback::new(db.db(), clock.clone(), rng, Arc::clone(&catalog) as _, Arc::clone(&auth) as _);
        Self { auth, playback, clock, catalog, film, db }
    }

    fn call(&self, person: UserId) -> Call {
        let credential = Credential::Token { id: Uuid::nil(), family: None, expires_at: Timestamp::MAX };
        let identity = Identity {
            subject: Subject::User(person),
            client: String::new(),
            org: None,
            role: Role::BasicUser,
            scopes: Scopes::all(),
            credential,
            ages: None,
        };
        let trace = Trace::start(&testkit::rng());
        Call::new(Caller::Identified(Arc::new(identity)), trace, &self.clock, Duration::from_secs(30))
    }

    /// Somebody whose history may be kept.
    async fn person(&self, name: &str) -> UserId {
        let email = format!("{name}@example.org");
        let new = NewUser { email, password: PASSWORD.to_owned(), role: Role::BasicUser };
        let person = self.auth.create_user(&testkit::operator_call(), &new).await.unwrap().id;
        self.auth.set_consent(&self.call(person), Purpose::History, true, |_| Ok(())).await.unwrap();
        person
    }

    async fn watch(&self, person: UserId, watched_at: Option<&str>) {
        let watched_at = watched_at.map(|at| at.parse().unwrap());
        let new = NewHistoryEntry { content_id: self.film, watched_at, completion_rate: None };
        self.playback.add(&self.call(person), &new).await.unwrap();
    }

    /// How many entries each of these people has.
    async fn shown<const N: usize>(&self, people: [UserId; N]) -> Vec<usize> {
        let mut all = Vec::new();
        for person in people {
            all.push(self.playback.history(&self.call(person), None, 100).await.unwrap().len());
        }
        all
    }

    /// What was counted: titles by month.
    async fn counted(&self) -> Vec<(ContentId, String, i64)> {
        let sql = "SELECT content_id, month, watched FROM playback_counts ORDER BY month";
        let rows: Vec<(ContentId, Date, i64)> = self.db.fetch_all(sql, args![]).await.unwrap();
        rows.into_iter().map(|(film, month, watched)| (film, month.to_string(), watched)).collect()
    }

    async fn days_pass(&self, days: i64) {
        self.clock.advance(SignedDuration::from_hours(24 * days));
        self.playback.anonymise().await.unwrap();
    }
}

async fn an_entry_is_nobodys_after_90_days(db: TestDb) {
    let world = World::over(db).await;
    let people = [world.person("ada").await, world.person("bob").await, world.person("cy").await];
    let [ada, bob, cy] = people;
    // What counts is when it was told, and not when it was watched.
    world.watch(ada, Some("2019-11-15T20:00:00Z")).await;
    world.watch(ada, None).await;
    world.watch(bob, None).await;
    world.watch(cy, None).await;
    let sql = "UPDATE playback_history SET sealed = $1 WHERE user_id = $2";
    world.db.execute(sql, args![vec![0_u8; 64], cy.0]).await.unwrap();
    world.days_pass(60).await;
    world.watch(bob, None).await;
    world.days_pass(29).await;
    assert_eq!((world.shown([ada, bob]).await, world.counted().await), (vec![2, 2], vec![]), "after 89 days");
    let count = "SELECT COUNT(*) FROM playback_history WHERE user_id = $1";
    assert_eq!(world.db.fetch_one::<i64>(count, args![cy.0]).await.unwrap(), 1);

    world.days_pass(1).await;
    let counts = [(world.film, "2019-11-01".to_owned(), 1), (world.film, "2026-01-01".to_owned(), 2)];
    assert_eq!((world.shown(people).await, world.counted().await), (vec![0, 1, 0], counts.to_vec()), "after 90 days");
    for person in [ada, cy] {
        assert_eq!(world.db.fetch_one::<i64>(count, args![person.0]).await.unwrap(), 0, "also what can't be read");
    }
    world.days_pass(1).await;
    assert_eq!(world.counted().await, counts, "once");
}

#[tokio::test]
async fn an_entry_is_nobodys_after_90_days_on_sqlite() {
    an_entry_is_nobodys_after_90_days(testkit::sqlite().await).await;
}

#[tokio::test]
async fn an_entry_is_nobodys_after_90_days_on_postgres() {
    an_entry_is_nobodys_after_90_days(testkit::postgres_owned().await).await;
}

/// A place in a transaction where the next who comes is kept waiting.
#[derive(Default)]
struct Gate {
    shut: AtomicBool,
    reached: Notify,
    opened: Notify,
}

impl Gate {
    fn shut(&self) {
        self.shut.store(true, Ordering::SeqCst);
    }

    async fn pass(&self) {
        if self.shut.swap(false, Ordering::SeqCst) {
            self.reached.notify_one();
            self.opened.notified().await;
        }
    }
}

/// The keys of people, with a gate behind what was sealed and before it is written.
struct GatedKeys(Arc<Auth>, Gate);

#[async_trait]
impl PersonKeys for GatedKeys {
    async fn key(&self, person: UserId) -> Result<PersonKey, ApiError> {
        PersonKeys::key(&*self.0, person).await
    }

    async fn seal(&self, tx: &mut Tx, key: &PersonKey, purpose: Purpose, plain: &[u8]) -> Result<Vec<u8>, ApiError> {
        let sealed = PersonKeys::seal(&*self.0, tx, key, purpose, plain).await?;
        self.1.pass().await;
        Ok(sealed)
    }

    async fn open(
        &self,
        person: UserId,
        purpose: Purpose,
        sealed: &[Vec<u8>],
    ) -> Result<Vec<Option<Vec<u8>>>, ApiError> {
        PersonKeys::open(&*self.0, person, purpose, sealed).await
    }
}

/// Histories, with a gate behind their end and before that is for good.
#[derive(Default)]
struct GatedHistories(Gate);

#[async_trait]
impl Personal for GatedHistories {
    fn context(&self) -> &'static str {
        Histories.context()
    }

    async fn erase(&self, tx: &mut Tx, person: UserId) -> Result<u64, ApiError> {
        let gone = Histories.erase(tx, person).await?;
        self.0.pass().await;
        Ok(gone)
    }
}

#[async_trait]
impl Consented for GatedHistories {
    fn purpose(&self) -> Purpose {
        Histories.purpose()
    }

    async fn export(&self, db: &Db, person: UserId, keys: &dyn PersonKeys) -> Result<Vec<Value>, ApiError> {
        Histories.export(db, person, keys).await
    }
}

async fn no_entry_outlives_the_consent_that_is_taken_back_meanwhile(db: TestDb) {
    const MEANWHILE: Duration = Duration::from_millis(300);
    let histories = Arc::new(GatedHistories::default());
    let world = World::with(db, Arc::clone(&histories) as _).await;
    let keys = Arc::new(GatedKeys(Arc::clone(&world.auth), Gate::default()));
    let (clock, catalog) = (world.clock.clone(), Arc::clone(&world.catalog));
    let playback = Playback::new(world.db.db(), clock, Rng::system(), catalog as _, Arc::clone(&keys) as _);
    let playback = Arc::new(playback);
    let add = |person: UserId| {
        let new = NewHistoryEntry { content_id: world.film, watched_at: None, completion_rate: None };
        let (playback, call) = (Arc::clone(&playback), world.call(person));
        tokio::spawn(async move { playback.add(&call, &new).await })
    };
    let withdraw = |person: UserId| {
        let (auth, call) = (Arc::clone(&world.auth), world.call(person));
        tokio::spawn(async move { auth.set_consent(&call, Purpose::History, false, |_| Ok(())).await })
    };
    let count = "SELECT COUNT(*) FROM playback_history";
    let people = [world.person("ada").await, world.person("bob").await];

    // What is being kept is waited for, and goes.
    keys.1.shut();
    let added = add(people[0]);
    keys.1.reached.notified().await;
    let withdrawn = withdraw(people[0]);
    tokio::time::sleep(MEANWHILE).await;
    assert!(!withdrawn.is_finished(), "the consent went before what was sealed under it was there");
    keys.1.opened.notify_one();
    added.await.unwrap().unwrap();
    withdrawn.await.unwrap().unwrap();
    assert_eq!(world.db.fetch_one::<i64>(count, args![]).await.unwrap(), 0, "it came first, and went");

    // What comes while the consent is taken back waits, and is refused.
    histories.0.shut();
    let withdrawn = withdraw(people[1]);
    histories.0.reached.notified().await;
    let added = add(people[1]);
    tokio::time::sleep(MEANWHILE).await;
    assert!(!added.is_finished(), "an entry was kept while the consent was taken back");
    histories.0.opened.notify_one();
    withdrawn.await.unwrap().unwrap();
    assert_eq!(added.await.unwrap().unwrap_err().code, "consent_required");
    assert_eq!(world.db.fetch_one::<i64>(count, args![]).await.unwrap(), 0, "it came too late");
}

#[tokio::test]
async fn no_entry_outlives_its_consent_on_sqlite() {
    no_entry_outlives_the_consent_that_is_taken_back_meanwhile(testkit::sqlite().await).await;
}

#[tokio::test]
async fn no_entry_outlives_its_consent_on_postgres() {
    no_entry_outlives_the_consent_that_is_taken_back_meanwhile(testkit::postgres_owned().await).await;
}
