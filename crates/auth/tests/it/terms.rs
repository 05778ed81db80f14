//! How long everything is good: to its last second, and no longer.

use axum::http::StatusCode;
use rstest::rstest;

use crate::{
    devices,
    world::{Browser, World, claims, request},
};

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn tokens_are_good_to_their_last_second(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (client, _) = world.client(false, false).await;
    let reply = Browser::signed_up(&world, "ada@example.org").await.tokens(&client, "read:content").await;
    let access = reply["access_token"].as_str().unwrap();
    let said = claims(access);
    assert_eq!(said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap(), 3_600, "an hour");
    world.advance(3_599);
    assert!(world.opens(access).await);
    world.advance(1);
    assert!(!world.opens(access).await);
    // A week from when it was made; the next one has a week of its own.
    world.advance(7 * 24 * 3_600 - 3_600 - 1);
    let next = world.refresh(&client, reply["refresh_token"].as_str().unwrap()).await.ok();
    assert!(world.opens(next["access_token"].as_str().unwrap()).await);
    world.advance(7 * 24 * 3_600 - 1);
    let last = world.refresh(&client, next["refresh_token"].as_str().unwrap()).await.ok();
    world.advance(7 * 24 * 3_600);
    world.refresh(&client, last["refresh_token"].as_str().unwrap()).await.fails(400, "invalid_grant");
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn codes_are_good_to_their_last_second(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (client, _) = world.client(false, false).await;
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let code = browser.code(&client, "read:content").await;
    world.advance(59);
    world.redeem(&client, &code).await.ok();
    let code = browser.code(&client, "read:content").await;
    world.advance(60);
    world.redeem(&client, &code).await.fails(400, "invalid_grant");

    let push = async || {
        let query = request(&client, "read:content", &[]);
        let pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(query.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let pushed = world.form("/oauth/par", &pairs).await.ok();
        assert_eq!(pushed["expires_in"], 300);
        format!("/oauth/authorize?client_id={client}&request_uri={}", pushed["request_uri"].as_str().unwrap())
    };
    let address = push().await;
    world.advance(299);
    assert!(browser.get(&address).await.sent_to().contains_key("code"));
    let address = push().await;
    world.advance(300);
    assert_eq!(browser.get(&address).await.status, StatusCode::BAD_REQUEST);
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_device_may_be_allowed_in_its_last_second(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (client, _) = world.client(false, false).await;
    let (code, user_code) = devices::begin(&world, &client).await;
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let form = [("grant_type", "device_code"), ("client_id", &client), ("device_code", code.as_str())];
    // Five seconds between two questions are enough, until it asked too soon.
    for _ in 0..3 {
        world.form("/oauth/token", &form).await.fails(400, "authorization_pending");
        world.advance(5);
    }
    world.advance(899 - 15);
    let allow = [("decision", "allow"), ("user_code", user_code.as_str())];
    let page = format!("/device?user_code={user_code}");
    assert_eq!(browser.submit(&page, "/device", &allow).await.status, StatusCode::OK);
    world.form("/oauth/token", &form).await.ok();
}
