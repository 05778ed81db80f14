//! Accounts: sign-up, sign-in, the lock that grows, sessions, passwords; and what the database holds of them.

use axum::http::StatusCode;
use rstest::rstest;
use serde_json::json;
use stores::args;

use crate::{
    admin::own_token,
    devices,
    world::{Browser, PASSWORD, World, basic, request},
};

async fn sign_in(world: &World, email: &str, password: &str) -> StatusCode {
    let fields = [("email", email), ("password", password)];
    Browser::new(world).submit("/login", "/login", &fields).await.status
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn an_account_locks_and_the_lock_grows(#[case] engine: &str) {
    let world = World::open(engine).await;
    Browser::signed_up(&world, "ada@example.org").await;
    let good = || sign_in(&world, "Ada@Example.org", PASSWORD);
    assert_eq!(good().await, StatusCode::SEE_OTHER);
    for _ in 0..5 {
        assert_eq!(sign_in(&world, "ada@example.org", "wrong password").await, StatusCode::FORBIDDEN);
    }
    assert_eq!(good().await, StatusCode::FORBIDDEN, "locked after five failures");
    world.advance(29);
    assert_eq!(good().await, StatusCode::FORBIDDEN);
    world.advance(2);
    assert_eq!(sign_in(&world, "ada@example.org", "wrong password").await, StatusCode::FORBIDDEN);
    world.advance(31);
    assert_eq!(good().await, StatusCode::FORBIDDEN, "the sixth failure locks for a minute");
    world.advance(30);
    assert_eq!(good().await, StatusCode::SEE_OTHER);
    assert_eq!(sign_in(&world, "nobody@example.org", PASSWORD).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_form_says_what_is_wrong_and_keeps_nothing() {
    let world = World::open("sqlite").await;
    Browser::signed_up(&world, "ada@example.org").await;
    for (email, password) in [("ada", PASSWORD), ("eve@example.org", "short"), ("ada@example.org", "short"), ("", "")] {
        let fields = [("email", email), ("password", password)];
        let answer = Browser::new(&world).submit("/signup", "/signup", &fields).await;
        assert_eq!((answer.status.as_u16(), answer.text.contains("role=\"alert\"")), (400, true), "{email:?}");
        assert!(!answer.text.contains(PASSWORD));
    }
    let count: i64 = world.db.fetch_one("SELECT COUNT(*) FROM auth_users", args![]).await.unwrap();
    assert_eq!(count, 1);
}

#[tokio::test]
async fn pages_say_so_to_nobody_else() {
    let world = World::open("sqlite").await;
    for path in ["/login", "/signup"] {
        let page = Browser::new(&world).get(path).await;
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(page.header("cache-control"), "no-store");
        assert!(!page.text.contains("<script") && page.text.contains("<form method=\"post\""));
        let hidden = Browser::new(&world).get(&format!("{path}?next=%22%3E%3Cscript%3E")).await;
        assert!(!hidden.text.contains("<script"));
    }
}

/// Many guesses at once are no more than the same one after the other, also with the right one among them.
#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn passwords_guessed_at_once_are_counted_each(#[case] engine: &str) {
    const GUESSES: usize = 30;
    let world = World::open(engine).await;
    Browser::signed_up(&world, "ada@example.org").await;
    let last = |n: usize| if n + 1 == GUESSES { PASSWORD } else { "wrong password" };
    let guesses = (0..GUESSES).map(|n| sign_in(&world, "ada@example.org", last(n)));
    let answers = futures::future::join_all(guesses).await;
    assert!(answers.iter().all(|status| *status == StatusCode::FORBIDDEN), "{answers:?}");
    let failures: i64 = world.db.fetch_one("SELECT failed_attempts FROM auth_users", args![]).await.unwrap();
    assert_eq!(failures, 5, "the fifth locks, and the others are not looked at");
}

/// Whoever finds an open browser guesses its person's password no more often than anybody else.
#[tokio::test]
async fn the_old_password_is_guessed_no_more_often_than_at_the_door() {
    let world = World::open("sqlite").await;
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let [wrong, right] = ["wrong password", PASSWORD].map(|old| [("old", old), ("new", "another horse battery")]);
    for _ in 0..5 {
        let answer = browser.submit("/account", "/account/password", &wrong).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    }
    assert_eq!(browser.submit("/account", "/account/password", &right).await.status, StatusCode::BAD_REQUEST, "locked");
    assert_eq!(sign_in(&world, "ada@example.org", PASSWORD).await, StatusCode::FORBIDDEN, "and so is the door");
    world.advance(31);
    assert_eq!(browser.submit("/account", "/account/password", &right).await.status, StatusCode::SEE_OTHER);
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_session_ends_with_everything_that_came_of_it(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (client, _) = world.client(false, false).await;
    let mut here = Browser::signed_up(&world, "ada@example.org").await;
    let mut there = Browser::new(&world);
    there.submit("/login", "/login", &[("email", "ada@example.org"), ("password", PASSWORD)]).await;
    let (mine, theirs) = (here.tokens(&client, "read:content").await, there.tokens(&client, "read:content").await);
    assert_eq!(here.get("/account").await.text.matches("Sign out there").count(), 2);
    there.submit("/account", "/logout", &[]).await;
    let access = |reply: &serde_json::Value| reply["access_token"].as_str().unwrap().to_owned();
    assert!(world.opens(&access(&mine)).await && !world.opens(&access(&theirs)).await);
    assert_eq!(there.get("/account").await.status, StatusCode::SEE_OTHER);
    // A new password ends the rest.
    let fields = [("old", "not the old one"), ("new", "another long password")];
    assert_eq!(here.submit("/account", "/account/password", &fields).await.status, StatusCode::BAD_REQUEST);
    let fields = [("old", PASSWORD), ("new", "another long password")];
    assert_eq!(here.submit("/account", "/account/password", &fields).await.status, StatusCode::SEE_OTHER);
    assert!(!world.opens(&access(&mine)).await);
    assert_eq!(here.get("/account").await.status, StatusCode::SEE_OTHER);
    assert_eq!(sign_in(&world, "ada@example.org", PASSWORD).await, StatusCode::FORBIDDEN);
    assert_eq!(sign_in(&world, "ada@example.org", "another long password").await, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_session_is_ended_from_elsewhere_by_its_person_alone() {
    let world = World::open("sqlite").await;
    let (client, _) = world.client(false, false).await;
    let mut here = Browser::signed_up(&world, "ada@example.org").await;
    let mut eve = Browser::signed_up(&world, "eve@example.org").await;
    let mut there = Browser::new(&world);
    there.submit("/login", "/login", &[("email", "ada@example.org"), ("password", PASSWORD)]).await;
    let token = there.tokens(&client, "read:content").await["access_token"].as_str().unwrap().to_owned();
    let page = here.get("/account").await.text;
    let other = page.split("<li>").find(|item| item.contains("Sign out there") && !item.contains("(this browser)"));
    let id = crate::world::hidden(other.unwrap(), "session");
    eve.submit("/account", "/account/sessions/end", &[("session", &id)]).await;
    assert!(there.get("/account").await.status == StatusCode::OK && world.opens(&token).await);
    let ended = here.submit("/account", "/account/sessions/end", &[("session", &id)]).await;
    assert_eq!(ended.status, StatusCode::SEE_OTHER);
    assert!(there.get("/account").await.status == StatusCode::SEE_OTHER && !world.opens(&token).await);
    assert_eq!(here.get("/account").await.status, StatusCode::OK);
}

#[tokio::test]
async fn nothing_secret_or_personal_is_readable_on_disk() {
    let world = World::open("sqlite").await;
    let (client, secret) = world.client(true, false).await;
    let (public, _) = world.client(false, false).await;
    let mut browser = Browser::signed_up(&world, "ada.lovelace@example.org").await;
    let code = browser.code(&client, "read:content").await;
    let tokens = browser.tokens(&public, "read:content").await;
    let next = world.refresh(&public, tokens["refresh_token"].as_str().unwrap()).await.ok();
    let (device, user_code) = devices::begin(&world, &public).await;
    let secret = secret.unwrap();
    let query = request(&client, "read:content", &[("client_id", "")]);
    let pairs: Vec<(String, String)> =
        url::form_urlencoded::parse(query.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let pushed = world.form_with("/oauth/par", &pairs, &[("authorization", &basic(&client, &secret))]).await.ok();
    let handle = pushed["request_uri"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
    let manages = own_token(&world, &mut browser).await;
    let key = json!({ "name": "home", "scopes": "read:content" });
    let key = world.json_as("POST", "/api/v1/auth/keys", &manages, &key).await.ok();
    let key = key["key"].as_str().unwrap().to_owned();
    let mut texts = vec!["ada.lovelace".to_owned(), PASSWORD.to_owned(), code, secret, manages];
    // As it is shown, and as it is typed.
    texts.extend([device, user_code.replace('-', ""), user_code, handle, key]);
    for reply in [&tokens, &next] {
        texts.extend(["access_token", "refresh_token"].map(|name| reply[name].as_str().unwrap().to_owned()));
    }
    texts.extend(browser.cookies.values().cloned());
    world.db.execute("VACUUM", args![]).await.ok();
    let folder = world.db.path().unwrap();
    for file in std::fs::read_dir(folder.parent().unwrap()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for text in &texts {
            assert!(!bytes.windows(text.len()).any(|window| window == text.as_bytes()), "{text} is on the disk");
        }
    }
}

/// Our pages send no referrer, and so browsers send their forms from the origin `null`.
#[tokio::test]
async fn a_form_is_taken_from_our_own_pages_however_the_browser_names_them() {
    let world = World::open("sqlite").await;
    Browser::signed_up(&world, "ada@example.org").await;
    let cases: [(&[(&str, &str)], StatusCode); 7] = [
        (&[("origin", "null"), ("sec-fetch-site", "same-origin")], StatusCode::SEE_OTHER),
        (&[("origin", crate::world::ISSUER), ("sec-fetch-site", "same-origin")], StatusCode::SEE_OTHER),
        (&[], StatusCode::SEE_OTHER),
        (&[("origin", "null")], StatusCode::FORBIDDEN),
        (&[("origin", "null"), ("sec-fetch-site", "cross-site")], StatusCode::FORBIDDEN),
        (&[("origin", "https://evil.example")], StatusCode::FORBIDDEN),
        (&[("origin", crate::world::ISSUER), ("sec-fetch-site", "same-site")], StatusCode::FORBIDDEN),
    ];
    for (headers, status) in cases {
        let mut browser = Browser::new(&world);
        let token = crate::world::hidden(&browser.get("/login").await.text, "form_token");
        let form = [("form_token", token.as_str()), ("email", "ada@example.org"), ("password", PASSWORD)];
        assert_eq!(browser.post("/login", &form, headers).await.status, status, "{headers:?}");
    }
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn sessions_are_listed_and_ended_by_programs_too(#[case] engine: &str) {
    const SESSIONS: &str = "/api/v1/auth/sessions";
    let world = World::open(engine).await;
    let (client, _) = world.client(false, false).await;
    let mut here = Browser::signed_up(&world, "ada@example.org").await;
    let manages = own_token(&world, &mut here).await;
    let eve = own_token(&world, &mut Browser::signed_up(&world, "eve@example.org").await).await;
    let listed = async |token: &str| world.get_as(SESSIONS, token).await.ok()["items"].as_array().unwrap().clone();
    let own = listed(&manages).await;
    assert_eq!((own.len(), listed(&eve).await.len()), (1, 1), "each has their own");
    let mut there = Browser::new(&world);
    let fields = [("email", "ada@example.org"), ("password", PASSWORD)];
    there.submit("/login", "/login", &fields).await;
    let token = there.tokens(&client, "read:content").await["access_token"].as_str().unwrap().to_owned();
    let all = listed(&manages).await;
    let new: Vec<_> = all.iter().filter(|one| one["id"] != own[0]["id"]).collect();
    assert_eq!((all.len(), new.len()), (2, 1), "{all:?}");
    assert!(new[0]["agent"].is_string() && new[0]["created_at"].is_string() && new[0]["last_seen_at"].is_string());
    let one = format!("{SESSIONS}/{}", new[0]["id"].as_str().unwrap());
    assert_eq!(world.json_as("DELETE", &one, &eve, &json!(null)).await.status, StatusCode::NOT_FOUND, "not hers");
    assert!(world.opens(&token).await);
    assert_eq!(world.json_as("DELETE", &one, &manages, &json!(null)).await.status, StatusCode::NO_CONTENT);
    assert!(!world.opens(&token).await, "with everything that came of it");
    assert_eq!(there.get("/account").await.status, StatusCode::SEE_OTHER);
    assert_eq!((here.get("/account").await.status, listed(&manages).await.len()), (StatusCode::OK, 1));
}
