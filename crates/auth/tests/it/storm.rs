//! Many clients with the same code at the same moment: one of them gets tokens.

use std::{sync::Arc, time::Duration};

use rstest::rstest;
use stores::args;
use tokio::task::JoinSet;

use crate::world::{Answer, Browser, World};

/// Clients at once.
const CROWD: usize = 50;

/// 1000 codes in the soak.
fn codes() -> usize {
    if std::env::var_os("MEDIA_GATEWAY_TEST_SOAK").is_some() { 1_000 } else { 12 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_redeemed_once_on_sqlite() {
    once("sqlite").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_redeemed_once_on_postgres() {
    once("postgres").await;
}

/// Redeems a code; again where the server has too much to do, as a client would.
async fn insist(world: &World, client: &str, code: &str) -> Answer {
    loop {
        let answer = world.redeem(client, code).await;
        if answer.status != 503 {
            return answer;
        }
    }
}

async fn once(engine: &str) {
    let world = Arc::new(World::open(engine).await);
    let (client, _) = world.client(false, false).await;
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let (mut redeemed, mut refused) = (0, 0);
    for _ in 0..codes() {
        let code = browser.code(&client, "read:content").await;
        let mut tries = JoinSet::new();
        for _ in 0..CROWD {
            let (world, client, code) = (Arc::clone(&world), client.clone(), code.clone());
            tries.spawn(async move { insist(&world, &client, &code).await });
        }
        let answers = tries.join_all().await;
        let given: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(given.len(), 1, "of {CROWD} clients with one code");
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            answer.fails(400, "invalid_grant");
            refused += 1;
        }
        // Whoever stole the code may have been the first: what it gave has ended (RFC 6749, section 4.1.2).
        assert!(!world.opens(given[0].json["access_token"].as_str().unwrap()).await);
        redeemed += given.len();
    }
    assert_eq!((redeemed, refused), (codes(), codes() * (CROWD - 1)));
}

/// Who signs out while a code is redeemed comes before it or after it; a family never outlives its session.
#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_family_outlives_the_session_it_came_from(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (client, _) = world.client(false, false).await;
    Browser::signed_up(&world, "ada@example.org").await;
    for _ in 0..10 {
        let mut browser = Browser::new(&world);
        let form = [("email", "ada@example.org"), ("password", crate::world::PASSWORD)];
        browser.submit("/login", "/login", &form).await;
        let code = browser.code(&client, "read:content").await;
        let (redeemed, left) = tokio::join!(insist(&world, &client, &code), browser.submit("/account", "/logout", &[]));
        assert!([200, 400].contains(&redeemed.status.as_u16()) && left.status == 303, "{redeemed:?}");
    }
    let alive = "SELECT COUNT(*) FROM auth_families f JOIN auth_sessions s ON s.id = f.session_id
        WHERE s.revoked_at IS NOT NULL AND f.revoked_at IS NULL";
    assert_eq!(world.db.fetch_one::<i64>(alive, args![]).await.unwrap(), 0);
}

/// The same, with the sign-out stopped half-way: PostgreSQL would let the code through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_waits_for_a_sign_out_that_has_begun() {
    let world = Arc::new(World::open("postgres").await);
    let (client, _) = world.client(false, false).await;
    let code = Browser::signed_up(&world, "ada@example.org").await.code(&client, "read:content").await;
    let id: uuid::Uuid = world.db.fetch_one("SELECT id FROM auth_users", args![]).await.unwrap();
    let mut leaving = world.db.begin().await.unwrap();
    leaving.lock(&format!("auth user {id}")).await.unwrap();
    leaving.execute("UPDATE auth_sessions SET revoked_at = created_at", args![]).await.unwrap();
    let redeeming = tokio::spawn({
        let (world, client) = (Arc::clone(&world), client.clone());
        async move { world.redeem(&client, &code).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!redeeming.is_finished(), "it waits");
    leaving.commit().await.unwrap();
    redeeming.await.unwrap().fails(400, "invalid_grant");
}
