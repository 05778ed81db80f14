//! The device grant: waiting, asking too often, yes, no, too late, and codes that are good once.

use axum::http::StatusCode;
use rstest::rstest;
use serde_json::Value;

use crate::world::{Browser, ISSUER, World, hidden};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

pub async fn begin(world: &World, client: &str) -> (String, String) {
    let form = [("client_id", client), ("scope", "read:content")];
    let reply = world.form_with("/oauth/device", &form, &[("user-agent", "Living-room TV")]).await.ok();
    assert_eq!((&reply["expires_in"], &reply["interval"]), (&Value::from(900), &Value::from(5)));
    assert_eq!(reply["verification_uri"], format!("{ISSUER}/device"));
    let code = reply["user_code"].as_str().unwrap().to_owned();
    assert_eq!(code.replace('-', "").len(), 8);
    (reply["device_code"].as_str().unwrap().to_owned(), code)
}

async fn poll(world: &World, client: &str, code: &str) -> crate::world::Answer {
    world.form("/oauth/token", &[("grant_type", GRANT), ("client_id", client), ("device_code", code)]).await
}

#[tokio::test]
async fn a_device_begins_with_a_post_and_asks_under_either_name() {
    let world = World::open("sqlite").await;
    let (client, _) = world.client(false, false).await;
    let looked = Browser::new(&world).get("/oauth/device").await;
    assert_eq!((looked.status, looked.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "POST"));
    for (path, grant) in [
        ("/oauth/token", GRANT),
        ("/oauth/token", "device_code"),
        ("/oauth/device/token", GRANT),
        ("/oauth/device/token", "device_code"),
    ] {
        let (code, _) = begin(&world, &client).await;
        let form = [("grant_type", grant), ("client_id", client.as_str()), ("device_code", code.as_str())];
        world.form(path, &form).await.fails(400, "authorization_pending");
    }
    // The endpoint that is for this grant alone needs not be told so, and takes no other.
    let (code, _) = begin(&world, &client).await;
    let form = [("client_id", client.as_str()), ("device_code", code.as_str())];
    world.form("/oauth/device/token", &form).await.fails(400, "authorization_pending");
    let other = [&form[..], &[("grant_type", "refresh_token")]].concat();
    world.form("/oauth/device/token", &other).await.fails(400, "invalid_request");
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_device_waits_for_its_person(#[case] engine: &str) {
    let world = World::open(engine).await;
    let ((client, _), (other, _)) = (world.client(false, false).await, world.client(false, false).await);
    let (code, user_code) = begin(&world, &client).await;
    poll(&world, &other, &code).await.fails(400, "invalid_grant");
    poll(&world, &client, &code).await.fails(400, "authorization_pending");
    poll(&world, &client, &code).await.fails(400, "slow_down");
    world.advance(6);
    poll(&world, &client, &code).await.fails(400, "slow_down");
    world.advance(16);
    poll(&world, &client, &code).await.fails(400, "authorization_pending");
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let typed = user_code.to_lowercase().replace('-', "");
    let page = browser.get(&format!("/device?user_code={typed}")).await;
    assert!(!page.text.contains(&typed), "{}", page.text);
    let as_on_the_device = format!("<strong>{user_code}</strong>");
    for shown in ["Living-room TV", "Test App", "search the catalogue for you", &as_on_the_device] {
        assert!(page.text.contains(shown), "no {shown} in {}", page.text);
    }
    let token = hidden(&page.text, "form_token");
    let forged = browser.post("/device", &[("decision", "allow"), ("user_code", &user_code)], &[]).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let yes = [("form_token", token.as_str()), ("decision", "allow"), ("user_code", user_code.as_str())];
    assert_eq!(browser.post("/device", &yes, &[]).await.status, StatusCode::OK);
    assert_eq!(browser.post("/device", &yes, &[]).await.status, StatusCode::NOT_FOUND, "answered once");
    world.advance(16);
    // The short names of A1 do as well.
    let short = [("grant_type", "device_code"), ("client_id", &client), ("device_code", code.as_str())];
    let reply = world.form("/oauth/device/token", &short).await.ok();
    assert!(world.opens(reply["access_token"].as_str().unwrap()).await);
    assert!(reply["refresh_token"].is_string());
    world.advance(16);
    poll(&world, &client, &code).await.fails(400, "invalid_grant");
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_person_can_say_no_or_nothing(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (client, _) = world.client(false, false).await;
    let (code, user_code) = begin(&world, &client).await;
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let fields = [("decision", "deny"), ("user_code", user_code.as_str())];
    browser.submit(&format!("/device?user_code={user_code}"), "/device", &fields).await;
    poll(&world, &client, &code).await.fails(400, "access_denied");
    let (code, user_code) = begin(&world, &client).await;
    world.advance(900);
    poll(&world, &client, &code).await.fails(400, "expired_token");
    assert_eq!(browser.get(&format!("/device?user_code={user_code}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(browser.get("/device?user_code=BBBB-BBBB").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn whoever_is_not_signed_in_signs_in_first() {
    let world = World::open("sqlite").await;
    let answer = Browser::new(&world).get("/device?user_code=BCDF-GHJK").await;
    assert_eq!(answer.sent_to()["next"], "/device?user_code=BCDF-GHJK");
}

/// A thief allowed a device; the person changes the password before it asks.
#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn what_was_allowed_before_everything_ended_gives_nothing_after(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (client, _) = world.client(false, false).await;
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let (code, user_code) = begin(&world, &client).await;
    let page = format!("/device?user_code={user_code}");
    let yes = [("decision", "allow"), ("user_code", user_code.as_str())];
    assert_eq!(browser.submit(&page, "/device", &yes).await.status, StatusCode::OK);
    let change = [("old", crate::world::PASSWORD), ("new", "another horse battery")];
    assert_eq!(browser.submit("/account", "/account/password", &change).await.status, StatusCode::SEE_OTHER);
    poll(&world, &client, &code).await.fails(400, "access_denied");
}
