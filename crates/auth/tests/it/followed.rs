//! A token that is revoked in one process is turned away by the others within a second, however they hear of it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use access::{Presented, Verifier, VerifierConfig};
use auth::{Auth, AuthConfig, Keeper};
use rstest::rstest;
use stores::{Db, events::Head};
use tokio::time::sleep;

use crate::world::{Browser, ISSUER, World};

/// How long a test waits for what should take a second at most.
const PATIENCE: Duration = Duration::from_secs(5);
const TICK: Duration = Duration::from_millis(5);

/// Another process over the same database: what it verifies with, and what keeps that fresh.
fn another(here: &World, db: Db) -> (Arc<Verifier>, Keeper) {
    let expected = VerifierConfig { issuer: ISSUER.into(), audience: ISSUER.into() };
    let verifier = Arc::new(Verifier::new(expected, here.clock.clone(), Arc::default()));
    let (rng, config) = (contracts::Rng::system(), AuthConfig::new(ISSUER, [7; 32]));
    let auth = Auth::new(db, here.clock.clone(), rng, config, Arc::clone(&verifier));
    (verifier, Keeper::new(Arc::new(auth), false))
}

/// A client and access tokens that it has for Ada.
async fn settled(here: &World, count: usize) -> (String, Vec<String>) {
    let (client, _) = here.client(false, false).await;
    let mut browser = Browser::signed_up(here, "ada@example.org").await;
    let mut tokens = Vec::new();
    for _ in 0..count {
        let reply = browser.tokens(&client, "read:content").await;
        tokens.push(reply["access_token"].as_str().unwrap().to_owned());
    }
    (client, tokens)
}

/// Revokes a token here; how long it goes on to open the other's doors.
async fn outlives(here: &World, client: &str, there: &Verifier, access: &str) -> Duration {
    let until = async |good: bool| {
        let since = Instant::now();
        while there.verify(Presented::bearer(access)).is_ok() != good {
            assert!(since.elapsed() < PATIENCE, "that it is good there is still {}", !good);
            sleep(TICK).await;
        }
        since.elapsed()
    };
    until(true).await;
    assert_eq!(here.form("/oauth/revoke", &[("client_id", client), ("token", access)]).await.status, 200);
    until(false).await
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn what_is_revoked_here_is_turned_away_there_within_a_second(#[case] engine: &str) {
    let here = World::open(engine).await;
    let (client, tokens) = settled(&here, 5).await;
    // With connections of its own: nothing in this process tells it of an event.
    let db = here.db.reopen(&testkit::fast()).await;
    let (there, keeper) = another(&here, db.clone());
    let keeping = tokio::spawn(keeper.run(Head::watch(db)));
    let mut all = Duration::ZERO;
    for access in &tokens {
        all += outlives(&here, &client, &there, access).await;
    }
    keeping.abort();
    // The log is looked at ten times a second. Were it not, each would wait for the keeper's own look, a second later.
    assert!(all < Duration::from_millis(2_500), "five revocations took {all:?}");
}

#[tokio::test]
async fn who_hears_of_no_event_looks_within_a_second_all_the_same() {
    let (here, silent) = (World::open("sqlite").await, testkit::sqlite().await);
    let (client, tokens) = settled(&here, 1).await;
    let (there, keeper) = another(&here, here.db.db());
    let keeping = tokio::spawn(keeper.run(silent.head()));
    let took = outlives(&here, &client, &there, &tokens[0]).await;
    keeping.abort();
    assert!(took < Duration::from_secs(2), "it took {took:?}");
}
