//! A token that ends in one process is turned away by the others within a second, whatever ends it and however they
//! hear of it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use access::{KeyKind, NewKey, Presented, Verifier, VerifierConfig};
use async_trait::async_trait;
use auth::{Auth, AuthConfig, Keeper, KeyVault, Renewer};
use contracts::{ApiError, ComponentState};
use rstest::rstest;
use serde_json::{Value, json};
use stores::{Db, DbConfig, Rows, args, events::Head};
use tokio::{task::JoinSet, time::sleep};

use crate::{
    admin::own_token,
    world::{Browser, ISSUER, PASSWORD, World, claims},
};

const EMAIL: &str = "ada@example.org";
const OPERATOR: &str = "operator";
const SCOPE: &str = "read:content";
const KEYS: &str = "/api/v1/auth/keys";

/// How long a test waits for what should take a second at most: where the disk is busy it takes more.
const PATIENCE: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(5);

/// Another process over the same database: what it verifies with, and what keeps that fresh.
fn another(here: &World, db: Db) -> (Arc<Verifier>, Keeper) {
    let expected = VerifierConfig { issuer: ISSUER.into(), audience: ISSUER.into() };
    let verifier = Arc::new(Verifier::new(expected, here.clock.clone(), Arc::default()));
    let (rng, config) = (contracts::Rng::system(), AuthConfig::new(ISSUER, [7; 32]));
    let auth = Auth::new(db, here.clock.clone(), rng, config, Arc::clone(&verifier));
    (verifier, Keeper::new(Arc::new(auth), false))
}

/// As another process has them: with connections of its own, so that nothing in this process tells it of an event.
async fn apart(here: &World) -> Db {
    here.db.reopen(&DbConfig { acquire_timeout: PATIENCE, ..testkit::fast() }).await
}

/// What half of them took at most: of several one may meet a disk that is busy.
fn usual(mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    took[took.len() / 2]
}

/// Keeps the snapshot by what the log says and nothing else: what no event tells of it never hears of.
async fn follow(mut keeper: Keeper, mut head: Head) {
    loop {
        keeper.step().await.unwrap();
        head.changed().await;
    }
}

/// A client and access tokens that it has for Ada.
async fn settled(here: &World, count: usize) -> (String, Vec<String>) {
    let (client, _) = here.client(false, false).await;
    let mut browser = Browser::signed_up(here, EMAIL).await;
    let mut tokens = Vec::new();
    for _ in 0..count {
        tokens.push(access(&browser.tokens(&client, SCOPE).await));
    }
    (client, tokens)
}

fn access(reply: &Value) -> String {
    reply["access_token"].as_str().unwrap().to_owned()
}

/// Does here what ends a token; how long after that it goes on to open the other's doors.
async fn outlives(there: &Verifier, token: &str, deed: impl Future<Output = ()>) -> Duration {
    let until = async |good: bool| {
        let since = Instant::now();
        while there.verify(Presented::bearer(token)).is_ok() != good {
            assert!(since.elapsed() < PATIENCE, "that it is good there is still {}", !good);
            sleep(TICK).await;
        }
        since.elapsed()
    };
    until(true).await;
    deed.await;
    until(false).await
}

/// Its client revokes it.
async fn revoke(here: &World, client: &str, token: &str) {
    assert_eq!(here.form("/oauth/revoke", &[("client_id", client), ("token", token)]).await.status, 200);
}

/// Does what an operator, or whoever holds `token`, may.
async fn done(here: &World, method: &str, path: &str, token: &str, body: Value) {
    assert_eq!(here.json_as(method, path, token, &body).await.status, 204, "{method} {path}");
}

/// Signs in once more: a moment later, because what ended was everything until then.
async fn back(ada: &mut Browser<'_>, password: &str) {
    ada.world.advance(1);
    let form = [("email", EMAIL), ("password", password)];
    assert_eq!(ada.submit("/login", "/login", &form).await.status, 303);
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn what_is_revoked_here_is_turned_away_there_within_a_second(#[case] engine: &str) {
    let here = World::open(engine).await;
    let (client, tokens) = settled(&here, 5).await;
    let db = apart(&here).await;
    let (there, keeper) = another(&here, db.clone());
    let keeping = tokio::spawn(keeper.run(Head::watch(db)));
    let mut took = Vec::new();
    for token in &tokens {
        took.push(outlives(&there, token, revoke(&here, &client, token)).await);
    }
    keeping.abort();
    // The log is looked at ten times a second. Were it not, each would wait for the keeper's own look, a second later.
    assert!(usual(took.clone()) < Duration::from_millis(600), "five revocations took {took:?}");
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn whatever_ends_a_token_here_is_told_of_there(#[case] engine: &str) {
    const OTHER: &str = "another horse battery";
    let here = World::open(engine).await;
    let db = apart(&here).await;
    let (there, keeper) = another(&here, db.clone());
    let keeping = tokio::spawn(follow(keeper, Head::watch(db)));
    let ((client, _), (last, _)) = (here.client(false, false).await, here.client(false, false).await);
    let mut ada = Browser::signed_up(&here, EMAIL).await;

    // A refresh token is shown again after the next was used: theft.
    let first = ada.tokens(&client, SCOPE).await;
    let refresh = async |reply: &Value| here.refresh(&client, reply["refresh_token"].as_str().unwrap()).await;
    let second = refresh(&first).await.ok();
    let third = refresh(&second).await.ok();
    let stolen = async { refresh(&first).await.fails(400, "invalid_grant") };
    outlives(&there, &access(&third), stolen).await;

    let manages = own_token(&here, &mut ada).await;
    let user = format!("/api/v1/internal/auth/users/{}", claims(&manages)["sub"].as_str().unwrap());
    let key = json!({ "name": "home", "scopes": SCOPE });
    let key = here.json_as("POST", "/api/v1/auth/keys", &manages, &key).await.ok();
    let ending = format!("/api/v1/auth/keys/{}", key["id"].as_str().unwrap());
    let ended = done(&here, "DELETE", &ending, &manages, Value::Null);
    outlives(&there, key["key"].as_str().unwrap(), ended).await;

    let token = access(&ada.tokens(&client, SCOPE).await);
    let out = async { assert_eq!(ada.submit("/account", "/logout", &[]).await.status, 303) };
    outlives(&there, &token, out).await;
    back(&mut ada, PASSWORD).await;

    let token = access(&ada.tokens(&client, SCOPE).await);
    let change = [("old", PASSWORD), ("new", OTHER)];
    let changed = async { assert_eq!(ada.submit("/account", "/account/password", &change).await.status, 303) };
    outlives(&there, &token, changed).await;
    back(&mut ada, OTHER).await;

    for (method, path, body, client) in [
        ("DELETE", format!("{user}/sessions"), Value::Null, &client),
        ("DELETE", format!("/api/v1/internal/auth/clients/{client}"), Value::Null, &client),
        ("PATCH", user, json!({ "disabled": true }), &last),
    ] {
        let token = access(&ada.tokens(client, SCOPE).await);
        outlives(&there, &token, done(&here, method, &path, OPERATOR, body)).await;
        if path.ends_with("/sessions") {
            back(&mut ada, OTHER).await;
        }
    }
    keeping.abort();
}

/// Secrets that a key of somebody else's seals, which answers nobody.
struct Hangs;

#[async_trait]
impl KeyVault for Hangs {
    fn secrets(&self) -> Result<Vec<[u8; 32]>, ApiError> {
        Ok(vec![[7; 32]])
    }

    async fn refresh(&self) {
        std::future::pending().await
    }

    async fn add(&self, _fresh: [u8; 32]) -> Result<(), ApiError> {
        std::future::pending().await
    }
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_key_that_hangs_while_it_is_to_be_renewed_keeps_no_revocation_back(#[case] engine: &str) {
    let here = World::open(engine).await;
    // What signs and seals is past its time.
    let (client, _) = settled(&here, 1).await;
    here.advance(200 * 24 * 3_600);
    let mut browser = Browser::new(&here);
    let form = [("email", EMAIL), ("password", PASSWORD)];
    assert_eq!(browser.submit("/login", "/login", &form).await.status, 303);
    let db = apart(&here).await;
    let expected = VerifierConfig { issuer: ISSUER.into(), audience: ISSUER.into() };
    let there = Arc::new(Verifier::new(expected, here.clock.clone(), Arc::default()));
    let config = AuthConfig { secrets: Arc::new(Hangs), ..AuthConfig::new(ISSUER, [7; 32]) };
    let rng = contracts::Rng::system();
    let auth = Arc::new(Auth::new(db.clone(), here.clock.clone(), rng, config, Arc::clone(&there)));
    let keeping = tokio::spawn(Keeper::new(Arc::clone(&auth), true).run(Head::watch(db)));
    let renewing = tokio::spawn(Renewer::new(auth).run());
    let mut took = Vec::new();
    for _ in 0..3 {
        let token = access(&browser.tokens(&client, SCOPE).await);
        took.push(outlives(&there, &token, revoke(&here, &client, &token)).await);
        // A whole look is due: it takes the keys anew.
        here.advance(61);
    }
    assert!(!renewing.is_finished(), "it waits for the key");
    keeping.abort();
    renewing.abort();
    assert!(usual(took.clone()) < Duration::from_millis(800), "three revocations took {took:?}");
}

/// A row that somebody holds stands for a disk that does not answer.
#[tokio::test]
async fn a_use_that_can_not_be_written_holds_up_no_revocation() {
    let world = World::open("postgres").await;
    let mut browser = Browser::signed_up(&world, EMAIL).await;
    let token = own_token(&world, &mut browser).await;
    let new = json!({ "name": "home", "scopes": SCOPE, "expires_in_days": 1 });
    let made = world.json_as("POST", KEYS, &token, &new).await.ok();
    assert!(world.opens(made["key"].as_str().unwrap()).await);
    let mut held = world.db.begin().await.unwrap();
    held.sees(Rows::All).await.unwrap();
    let rows: Vec<i64> =
        held.fetch_all("SELECT CAST(1 AS BIGINT) FROM auth_api_keys FOR UPDATE", args![]).await.unwrap();
    assert_eq!(rows.len(), 1);
    world.keeper().step().await.unwrap();
    let used = async || world.get_as(KEYS, &token).await.ok()["items"][0]["last_used_at"].is_string();
    assert!(!used().await, "it is held");
    drop(held);
    world.note_uses().await;
    assert!(used().await);
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_look_that_fails_is_told_of_until_one_does_not(#[case] engine: &str) {
    let here = World::open(engine).await;
    let (there, mut keeper) = here.other();
    let state = || there.live().part(here.clock.now()).state;
    assert_eq!(state(), ComponentState::Down, "it has not looked yet");
    keeper.step().await.unwrap();
    assert_eq!(state(), ComponentState::Ready);
    here.db.execute("ALTER TABLE events RENAME TO away", args![]).await.unwrap();
    keeper.step().await.unwrap_err();
    assert_eq!(state(), ComponentState::Degraded);
    here.db.execute("ALTER TABLE away RENAME TO events", args![]).await.unwrap();
    keeper.step().await.unwrap();
    assert_eq!(state(), ComponentState::Ready);
}

#[tokio::test]
async fn who_hears_of_no_event_looks_within_a_second_all_the_same() {
    let (here, silent) = (World::open("sqlite").await, testkit::sqlite().await);
    let (client, tokens) = settled(&here, 3).await;
    let (there, keeper) = another(&here, here.db.db());
    let keeping = tokio::spawn(keeper.run(silent.head()));
    let mut took = Vec::new();
    for token in &tokens {
        took.push(outlives(&there, token, revoke(&here, &client, token)).await);
    }
    keeping.abort();
    assert!(usual(took.clone()) < Duration::from_secs(2), "three revocations took {took:?}");
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_key_made_here_opens_the_others_doors_at_once(#[case] engine: &str) {
    let (here, silent) = (World::open(engine).await, testkit::sqlite().await);
    let manages = own_token(&here, &mut Browser::signed_up(&here, EMAIL).await).await;
    let (there, keeper) = another(&here, apart(&here).await);
    // Nobody tells it of an event: it looks once a second, or when it is asked to.
    let keeping = tokio::spawn(keeper.run(silent.head()));
    while there.verify(Presented::bearer(&manages)).is_err() {
        sleep(TICK).await;
    }
    let mut took = Vec::new();
    for _ in 0..5 {
        let key = json!({ "name": "home", "scopes": SCOPE });
        let key = here.json_as("POST", "/api/v1/auth/keys", &manages, &key).await.ok();
        let (since, key) = (Instant::now(), key["key"].as_str().unwrap());
        while there.verify(Presented::bearer(key)).is_err() {
            assert!(since.elapsed() < PATIENCE, "it stays unknown there");
            there.finds(key).await;
        }
        took.push(since.elapsed());
    }
    keeping.abort();
    // Each right after a look: a second apart, were none asked for.
    assert!(usual(took.clone()) < Duration::from_millis(700), "five keys took {took:?}");
}

#[tokio::test]
async fn however_many_keys_are_made_up_the_database_is_asked_four_times_a_second() {
    const LOOKS: u64 = 5;
    let (here, silent) = (World::open("sqlite").await, testkit::sqlite().await);
    let (there, keeper) = another(&here, here.db.db());
    let keeping = tokio::spawn(keeper.run(silent.head()));
    while there.live().looks().begun() == 0 {
        sleep(TICK).await;
    }
    let (since, before) = (Instant::now(), there.live().looks().begun());
    let mut flood = JoinSet::new();
    for seed in 0..200 {
        let (there, rng) = (Arc::clone(&there), contracts::Rng::seeded(seed));
        flood.spawn(async move {
            while there.live().looks().begun() < before + LOOKS {
                assert!(since.elapsed() < PATIENCE, "nobody looks");
                assert!(!there.finds(&NewKey::generate(KeyKind::User, &rng).key).await);
                sleep(TICK).await;
            }
        });
    }
    while let Some(done) = flood.join_next().await {
        done.unwrap();
    }
    let (looks, took) = (there.live().looks().begun() - before, since.elapsed());
    keeping.abort();
    assert!(u128::from(looks) <= took.as_millis() / 250 + 1, "{looks} looks in {took:?}");
}
