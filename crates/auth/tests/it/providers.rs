//! Signing in with Google and GitHub, in a browser without script: new accounts, known ones, linking, and everything that a
//! provider, a thief or a stranger could get wrong.

use std::sync::{Arc, Mutex};

use auth::{Provider, ProviderConfig};
use contracts::Secret;
use rstest::rstest;
use serde_json::{Value, json};
use stores::args;

use crate::{
    elsewhere::{CLIENT, Elsewhere, SECRET, Sign},
    world::{Answer, Browser, PASSWORD, World},
};

const EMAIL: &str = "ada@example.org";

pub async fn settled(engine: &str) -> (World, Elsewhere) {
    let elsewhere = Elsewhere::start().await;
    let db = if engine == "postgres" { testkit::postgres().await } else { testkit::sqlite().await };
    let world = World::told(db, |config| {
        config.providers = [Provider::Google, Provider::GitHub].map(|provider| at(provider, &elsewhere.url)).to_vec();
    });
    (world.await, elsewhere)
}

fn at(provider: Provider, url: &str) -> ProviderConfig {
    let (client_id, client_secret) = (CLIENT.to_owned(), SECRET.into());
    ProviderConfig { provider, client_id, client_secret, url: url.to_owned(), api_url: url.to_owned() }
}

/// Whoever looks after it changes our secret there while the node runs.
#[rstest]
#[case(Provider::Google, "google")]
#[case(Provider::GitHub, "github")]
#[tokio::test]
async fn a_secret_that_changed_is_the_one_that_is_shown(#[case] provider: Provider, #[case] name: &str) {
    let (elsewhere, secret) = (Elsewhere::start().await, Arc::new(Mutex::new("another".to_owned())));
    let held = Arc::clone(&secret);
    let world = World::told(testkit::sqlite().await, |config| {
        let client_secret = Secret::live(move || held.lock().unwrap().clone());
        config.providers = vec![ProviderConfig { client_secret, ..at(provider, &elsewhere.url) }];
    });
    let world = world.await;
    let mut browser = Browser::new(&world);
    assert_ne!(sign_in(&mut browser, &elsewhere, name).await.status, 303);
    *secret.lock().unwrap() = SECRET.to_owned();
    assert_eq!(sign_in(&mut browser, &elsewhere, name).await.status, 303);
    assert_eq!(browser.get("/account").await.status, 200);
}

/// Goes to a provider and says yes there; the path back.
async fn away(browser: &mut Browser<'_>, elsewhere: &Elsewhere, provider: &str) -> String {
    let left = browser.get(&format!("/login/{provider}?next=%2Fdevice")).await;
    assert_eq!(left.status, 303, "{}", left.text);
    elsewhere.approve(left.header("location"))
}

async fn sign_in(browser: &mut Browser<'_>, elsewhere: &Elsewhere, provider: &str) -> Answer {
    let back = away(browser, elsewhere, provider).await;
    browser.get(&back).await
}

async fn accounts(world: &World) -> i64 {
    world.db.fetch_one("SELECT COUNT(*) FROM auth_users", args![]).await.unwrap()
}

async fn linked(world: &World) -> i64 {
    world.db.fetch_one("SELECT COUNT(*) FROM auth_identities", args![]).await.unwrap()
}

/// Nobody is signed in, and nothing was made.
async fn nothing(browser: &mut Browser<'_>, answer: &Answer, status: u16) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
    assert_eq!(browser.get("/account").await.status, 303);
    assert_eq!(linked(browser.world).await, 0);
}

#[rstest]
#[case("sqlite", "google")]
#[case("sqlite", "github")]
#[case("postgres", "google")]
#[case("postgres", "github")]
#[tokio::test]
async fn who_is_new_gets_an_account_and_comes_back_to_it(#[case] engine: &str, #[case] provider: &str) {
    let (world, elsewhere) = settled(engine).await;
    let mut browser = Browser::new(&world);
    let page = browser.get("/login?next=%2Fdevice").await.text;
    assert!(page.contains(&format!("href=\"/login/{provider}?next=%2Fdevice\"")), "{page}");
    for _ in 0..2 {
        let mut browser = Browser::new(&world);
        let entered = sign_in(&mut browser, &elsewhere, provider).await;
        assert_eq!((entered.status.as_u16(), entered.header("location")), (303, "/device"), "{}", entered.text);
        let account = browser.get("/account").await.text;
        assert!(account.contains(EMAIL) && !account.contains("not confirmed"), "{account}");
    }
    assert_eq!((accounts(&world).await, linked(&world).await), (1, 1));
    let tag: String = world.db.fetch_one("SELECT subject_tag FROM auth_identities", args![]).await.unwrap();
    assert!(tag.len() == 43 && !tag.contains("583231") && !tag.contains("10769"), "a keyed hash only: {tag}");
    let form = [("email", EMAIL), ("password", "")];
    assert_eq!(Browser::new(&world).submit("/login", "/login", &form).await.status, 403, "it has no password");
    // Another there is another here.
    elsewhere.change(|script| {
        script.claims = json!({ "sub": "8", "email": "eve@example.org" });
        script.user = json!({ "id": 8 });
        script.emails = json!([{ "email": "eve@example.org", "primary": true, "verified": true }]);
    });
    assert_eq!(sign_in(&mut Browser::new(&world), &elsewhere, provider).await.status, 303);
    assert_eq!((accounts(&world).await, linked(&world).await), (2, 2));
}

#[rstest]
#[case("google")]
#[case("github")]
#[tokio::test]
async fn an_account_is_joined_by_an_address_that_both_have_verified(#[case] provider: &str) {
    let (world, elsewhere) = settled("sqlite").await;
    crate::factors::add(&mut Browser::signed_up(&world, EMAIL).await).await;
    let mut browser = Browser::new(&world);
    let refused = sign_in(&mut browser, &elsewhere, provider).await;
    assert!(refused.text.contains("nobody has confirmed it"), "{}", refused.text);
    nothing(&mut browser, &refused, 409).await;
    world.db.execute("UPDATE auth_users SET email_verified_at = created_at", args![]).await.unwrap();

    elsewhere.change(|script| {
        script.claims = json!({ "email_verified": false });
        script.emails[1]["verified"] = false.into();
    });
    let refused = sign_in(&mut browser, &elsewhere, provider).await;
    assert!(refused.text.contains("has not verified an address"), "{}", refused.text);
    nothing(&mut browser, &refused, 409).await;
    elsewhere.change(|script| {
        script.claims = json!({ "email": null });
        script.emails = json!([]);
    });
    let refused = sign_in(&mut browser, &elsewhere, provider).await;
    nothing(&mut browser, &refused, 409).await;

    elsewhere.change(|script| {
        script.claims = json!({ "email": "ADA@example.org", "email_verified": "true" });
        script.emails = json!([{ "email": "Ada@Example.org", "primary": true, "verified": true }]);
    });
    let entered = sign_in(&mut browser, &elsewhere, provider).await;
    let to = entered.header("location");
    assert_eq!(
        (entered.status.as_u16(), to),
        (303, "/login/code?next=%2Fdevice"),
        "the second factor is still asked for"
    );
    assert_eq!((accounts(&world).await, linked(&world).await), (1, 1));
}

pub async fn link(browser: &mut Browser<'_>, elsewhere: &Elsewhere, provider: &str) -> Answer {
    let left = browser.submit("/account", "/account/link", &[("provider", provider)]).await;
    assert_eq!(left.status, 303, "{}", left.text);
    let back = elsewhere.approve(left.header("location"));
    browser.get(&back).await
}

#[tokio::test]
async fn whoever_is_signed_in_links_what_they_have_and_unlinks_it() {
    let (world, elsewhere) = settled("sqlite").await;
    let mut bob = Browser::signed_up(&world, "bob@example.org").await;
    let page = bob.get("/account").await;
    assert!(page.header("content-security-policy").contains(&format!("form-action 'self' {}", elsewhere.url)));
    for provider in ["google", "github"] {
        let back = link(&mut bob, &elsewhere, provider).await;
        assert_eq!((back.status.as_u16(), back.header("location")), (303, "/account"), "{}", back.text);
    }
    // It opens the account, whatever the address there is and whether it is verified.
    elsewhere.change(|script| script.claims = json!({ "email_verified": false }));
    let mut again = Browser::new(&world);
    assert_eq!(sign_in(&mut again, &elsewhere, "google").await.status, 303);
    assert!(again.get("/account").await.text.contains("bob@example.org"));
    // It opens one account only, and one of each provider is enough.
    let mut cy = Browser::signed_up(&world, "cy@example.org").await;
    assert_eq!(link(&mut cy, &elsewhere, "google").await.status, 409);
    elsewhere.change(|script| script.claims = json!({ "sub": "9" }));
    assert_eq!(link(&mut bob, &elsewhere, "google").await.status, 409);
    for provider in ["google", "github"] {
        let done = bob.submit("/account", "/account/unlink", &[("provider", provider)]).await;
        assert_eq!(done.status, 303, "a password is left: {}", done.text);
    }
    assert_eq!(linked(&world).await, 0);
    let gone = bob.submit("/account", "/account/unlink", &[("provider", "google")]).await;
    assert_eq!(gone.status, 404);

    // Without a password the last one stays.
    let mut ada = Browser::new(&world);
    elsewhere.change(|script| script.claims = json!({}));
    sign_in(&mut ada, &elsewhere, "google").await;
    let kept = ada.submit("/account", "/account/unlink", &[("provider", "google")]).await;
    assert!(kept.status == 409 && kept.text.contains("choose a password first"), "{}", kept.text);
    assert_eq!(linked(&world).await, 1);
}

#[rstest]
#[case::nonce(Sign::Right, json!({ "nonce": "another" }))]
#[case::no_nonce(Sign::Right, json!({ "nonce": null }))]
#[case::audience(Sign::Right, json!({ "aud": "somebody-else", "azp": null }))]
#[case::audiences(Sign::Right, json!({ "aud": [CLIENT, "somebody-else"], "azp": "somebody-else" }))]
#[case::issuer(Sign::Right, json!({ "iss": "https://accounts.example" }))]
#[case::expired(Sign::Right, json!({ "exp": testkit::start().as_second() - 61 }))]
#[case::ahead(Sign::Right, json!({ "iat": testkit::start().as_second() + 3_600 }))]
#[case::nobody(Sign::Right, json!({ "sub": "" }))]
#[case::none(Sign::Nothing, json!({}))]
#[case::secret(Sign::Secret, json!({}))]
#[case::forged(Sign::Forged, json!({}))]
#[case::unknown(Sign::Unknown, json!({}))]
#[tokio::test]
async fn an_id_token_that_is_not_right_signs_nobody_in(#[case] sign: Sign, #[case] claims: Value) {
    let (world, elsewhere) = settled("sqlite").await;
    elsewhere.change(|script| (script.sign, script.claims) = (sign, claims));
    let mut browser = Browser::new(&world);
    let answer = sign_in(&mut browser, &elsewhere, "google").await;
    nothing(&mut browser, &answer, 403).await;
    assert_eq!(accounts(&world).await, 0);
}

#[tokio::test]
async fn a_key_that_is_new_is_looked_for() {
    let (world, elsewhere) = settled("sqlite").await;
    assert_eq!(sign_in(&mut Browser::new(&world), &elsewhere, "google").await.status, 303);
    elsewhere.change(|script| script.sign = Sign::Next);
    world.advance(61);
    elsewhere.change(|script| script.now += 61);
    assert_eq!(sign_in(&mut Browser::new(&world), &elsewhere, "google").await.status, 303);
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_return_is_taken_once_in_time_and_from_who_left(#[case] engine: &str) {
    let (world, elsewhere) = settled(engine).await;
    let mut browser = Browser::new(&world);
    let back = away(&mut browser, &elsewhere, "google").await;
    let mut stranger = Browser::new(&world);
    let pushed = stranger.get(&back).await;
    nothing(&mut stranger, &pushed, 403).await;
    away(&mut stranger, &elsewhere, "google").await;
    let pushed = stranger.get(&back).await;
    nothing(&mut stranger, &pushed, 403).await;
    let other = browser.get(&back.replace("/google/", "/github/")).await;
    nothing(&mut browser, &other, 403).await;
    assert_eq!(browser.get(&back).await.status, 303, "theirs");
    let again = browser.get(&back).await;
    assert_eq!(again.status, 403, "once");

    let mut late = Browser::new(&world);
    let back = away(&mut late, &elsewhere, "github").await;
    world.advance(600);
    assert_eq!(late.get(&back).await.status, 403);
    for made_up in ["?state=&code=x", "?code=x", "", "?state=abc&code=x&code=y"] {
        let answer = late.get(&format!("/login/github/callback{made_up}")).await;
        assert!([400, 403].contains(&answer.status.as_u16()), "{made_up}: {}", answer.status);
    }
    // Begun by one person to link, and come back to another.
    let mut bob = Browser::signed_up(&world, "bob@example.org").await;
    let left = bob.submit("/account", "/account/link", &[("provider", "github")]).await;
    let back = elsewhere.approve(left.header("location"));
    bob.submit("/account", "/logout", &[]).await;
    assert_eq!(bob.get(&back).await.status, 403);
}

#[rstest]
#[case("google")]
#[case("github")]
#[tokio::test]
async fn a_provider_that_is_down_or_says_no_leaves_the_password(#[case] provider: &str) {
    let (world, elsewhere) = settled("sqlite").await;
    Browser::signed_up(&world, "bob@example.org").await;
    let mut browser = Browser::new(&world);
    let back = away(&mut browser, &elsewhere, provider).await;
    elsewhere.change(|script| script.status = 503);
    let answer = browser.get(&back).await;
    assert!(answer.text.contains("name=\"password\""), "the form is there: {}", answer.text);
    // A gateway would take us for broken by a 503, and note a 403 as somebody who was refused.
    nothing(&mut browser, &answer, 424).await;
    elsewhere.change(|script| script.status = 200);
    assert_eq!(browser.get(&back).await.status, 403, "it was used up");

    let back = away(&mut browser, &elsewhere, provider).await;
    let (state, _) = back.split_once("&code=").unwrap();
    let wrong = browser.get(&format!("{state}&code=guessed")).await;
    nothing(&mut browser, &wrong, 403).await;
    let said_no = browser.get(&format!("{state}&error=access_denied")).await;
    nothing(&mut browser, &said_no, 403).await;
    let form = [("email", "bob@example.org"), ("password", PASSWORD)];
    assert_eq!(browser.submit("/login", "/login", &form).await.status, 303);
}

#[tokio::test]
async fn google_is_who_it_says_or_nobody_leaves() {
    let (world, elsewhere) = settled("sqlite").await;
    elsewhere.change(|script| script.issuer = "https://accounts.example".to_owned());
    let refused = Browser::new(&world).get("/login/google").await;
    assert_eq!((refused.status.as_u16(), refused.header("location")), (403, ""));
    let closed = World::told(testkit::sqlite().await, |config| {
        config.providers = vec![at(Provider::Google, "http://127.0.0.1:1")];
    });
    let closed = closed.await;
    let down = Browser::new(&closed).get("/login/google").await;
    assert!(down.status == 424 && down.text.contains("name=\"password\""), "{}", down.text);
    let mut bob = Browser::signed_up(&closed, "bob@example.org").await;
    let kept = bob.submit("/account", "/account/link", &[("provider", "google")]).await;
    assert!(kept.status == 424 && kept.text.contains("<h1>Your account</h1>"), "{}", kept.text);
    assert!(kept.text.contains("the provider does not answer"), "{}", kept.text);
    assert_eq!(Browser::new(&closed).get("/login/github").await.status, 404, "not configured, not there");
    assert!(!Browser::new(&closed).get("/login").await.text.contains("GitHub"));
}
