//! Passkeys in a browser: adding one, signing in with it, and what a thief, a copy or another site would send.

use base64::{Engine, prelude::BASE64_STANDARD};
use rstest::rstest;
use sha2::{Digest, Sha256};
use stores::args;

use crate::{
    admin::own_token,
    authenticator::{Authenticator, send},
    mail::Box as Outbox,
    world::{Browser, PASSWORD, World, hidden},
};

const EMAIL: &str = "ada@example.org";

async fn kept(world: &World) -> i64 {
    world.db.fetch_one("SELECT COUNT(*) FROM auth_passkeys", args![]).await.unwrap()
}

/// A person with a passkey.
async fn with_one(world: &World) -> Authenticator {
    let (mut browser, mut authenticator) = (Browser::signed_up(world, EMAIL).await, Authenticator::new());
    let added = authenticator.add(&mut browser).await;
    assert_eq!((added.status.as_u16(), added.header("location")), (303, "/account"), "{}", added.text);
    authenticator
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_passkey_signs_in_alone_and_each_answer_once(#[case] engine: &str) {
    let world = World::open(engine).await;
    let mut browser = Browser::signed_up(&world, EMAIL).await;
    for mut authenticator in [Authenticator::new(), Authenticator::ed25519()] {
        let added = authenticator.add(&mut browser).await;
        assert_eq!(added.status, 303, "{}", added.text);
        for _ in 0..2 {
            let mut elsewhere = Browser::new(&world);
            let page = elsewhere.get("/login/passkey?next=%2Fdevice").await.text;
            let fields = authenticator.show(&page);
            let entered = send(&mut elsewhere, &page, "/login/passkey", &fields).await;
            assert_eq!((entered.status.as_u16(), entered.header("location")), (303, "/device"), "{}", entered.text);
            assert!(elsewhere.get("/account").await.text.contains(EMAIL));
            let mut replay = Browser { cookies: elsewhere.cookies.clone(), world: &world };
            let again = send(&mut replay, &page, "/login/passkey", &fields).await;
            assert_eq!(again.status, 403, "an answer is taken once");
        }
    }
    assert!(browser.get("/account").await.text.contains("last used"));
    // It stands for both factors: its person was asked who they are.
    crate::factors::add(&mut browser).await;
    let mut authenticator = Authenticator::new();
    authenticator.add(&mut browser).await;
    assert_eq!(authenticator.sign_in(&mut Browser::new(&world)).await.header("location"), "/device");
    // Nobody whose account is closed comes in.
    world.db.execute("UPDATE auth_users SET disabled_at = created_at", args![]).await.unwrap();
    assert_eq!(authenticator.sign_in(&mut Browser::new(&world)).await.status, 403);
}

#[rstest]
#[case::origin(|it: &mut Authenticator| it.origin = "https://media.example.evil.example".to_owned())]
#[case::plain(|it: &mut Authenticator| it.origin = "http://media.example".to_owned())]
#[case::rp(|it: &mut Authenticator| it.rp = Some("example".to_owned()))]
#[case::kind(|it: &mut Authenticator| it.kind = Some("webauthn.create"))]
#[case::nobody_there(|it: &mut Authenticator| it.present = false)]
#[case::anybody(|it: &mut Authenticator| it.verified = false)]
#[case::copied(|it: &mut Authenticator| it.step = 0)]
#[case::copied_before(|it: &mut Authenticator| { it.step = 0; it.count = 0; })]
#[case::another_person(|it: &mut Authenticator| it.handle[0] ^= 1)]
#[case::unknown(|it: &mut Authenticator| it.id[0] ^= 1)]
#[tokio::test]
async fn what_is_not_right_signs_nobody_in(#[case] change: fn(&mut Authenticator)) {
    let world = World::open("sqlite").await;
    let mut authenticator = with_one(&world).await;
    change(&mut authenticator);
    let mut browser = Browser::new(&world);
    let answer = authenticator.sign_in(&mut browser).await;
    assert_eq!(answer.status, 403, "{}", answer.text);
    assert!(answer.text.contains("role=\"alert\""));
    assert_eq!(browser.get("/account").await.status, 303);
}

#[tokio::test]
async fn a_thief_without_the_key_or_too_late_stays_out() {
    let world = World::open("sqlite").await;
    let mut authenticator = with_one(&world).await;
    let mut thief = Authenticator::new();
    (thief.id, thief.handle, thief.count) = (authenticator.id.clone(), authenticator.handle.clone(), 50);
    assert_eq!(thief.sign_in(&mut Browser::new(&world)).await.status, 403, "another key");
    let mut browser = Browser::new(&world);
    let page = browser.get("/login/passkey").await.text;
    let fields = authenticator.show(&page);
    for name in ["credential", "client_data", "data", "signature", "handle"] {
        for value in ["", "AAAA", "not base64!"] {
            let mut fields = fields.clone();
            fields.insert(name, value.to_owned());
            assert_eq!(send(&mut browser, &page, "/login/passkey", &fields).await.status, 403, "{name} {value}");
        }
    }
    let form = [("form_token", "forged")];
    assert_eq!(browser.post("/login/passkey", &form, &[]).await.status, 403);
    world.advance(300);
    assert_eq!(send(&mut browser, &page, "/login/passkey", &fields).await.status, 403, "five minutes are over");
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn passkeys_are_added_to_ones_own_account(#[case] engine: &str) {
    let world = World::open(engine).await;
    let mut authenticator = with_one(&world).await;
    let mut eve = Browser::signed_up(&world, "eve@example.org").await;
    assert_eq!(authenticator.add(&mut eve).await.status, 409, "one passkey is for one account");
    // What Eve's page asked for, in Bob's browser: it would let Eve in there.
    let mut bob = Browser::signed_up(&world, "bob@example.org").await;
    let (of_eve, of_bob) = (eve.get("/account/passkey").await.text, bob.get("/account/passkey").await.text);
    let made = Authenticator::new().make(&of_eve);
    assert_eq!(send(&mut bob, &of_bob, "/account/passkey", &made).await.status, 400);
    let change: [fn(&mut Authenticator); 3] =
        [|it| it.verified = false, |it| it.origin = "https://evil.example".to_owned(), |it| it.id = vec![7; 1_024]];
    for change in change {
        let mut wrong = Authenticator::new();
        change(&mut wrong);
        let answer = wrong.add(&mut bob).await;
        assert!(answer.status == 400 && answer.text.contains("role=\"alert\""), "{}", answer.text);
    }
    let made = Authenticator::new().make(&of_bob);
    world.advance(300);
    assert_eq!(send(&mut bob, &of_bob, "/account/passkey", &made).await.status, 400, "too late");
    assert_eq!(Browser::new(&world).get("/account/passkey").await.status, 303, "signed in only");
    assert_eq!(kept(&world).await, 1);
    for _ in 0..20 {
        assert_eq!(Authenticator::new().add(&mut bob).await.status, 303);
    }
    assert_eq!(Authenticator::new().add(&mut bob).await.status, 409, "twenty are enough");
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_copied_passkey_is_suspended_and_ends_everything(#[case] engine: &str) {
    let (world, post) = (World::open(engine).await, Outbox::new());
    let (mut browser, mut authenticator) = (Browser::signed_up(&world, EMAIL).await, Authenticator::new());
    let token = own_token(&world, &mut browser).await;
    authenticator.add(&mut browser).await;
    let mut copy = Browser::new(&world);
    assert_eq!(authenticator.sign_in(&mut copy).await.status, 303, "nobody can tell, as long as it counts on");
    post.collect(&world).await;
    authenticator.count = 1;
    let refused = authenticator.sign_in(&mut Browser::new(&world)).await;
    assert!(refused.status == 403 && refused.text.contains("may have been copied"), "{}", refused.text);
    for signed_in in [&mut browser, &mut copy] {
        assert_eq!(signed_in.get("/account").await.status, 303, "signed out, whoever it was");
    }
    assert!(!world.opens(&token).await);
    let mails = post.collect(&world).await;
    let [(to, subject, text)] = &mails[..] else { panic!("not one mail: {mails:?}") };
    assert_eq!((to.as_str(), subject.as_str()), (EMAIL, "A passkey of yours may have been copied"));
    for way in ["account", "forgot"] {
        assert!(text.contains(&format!("\nhttps://media.example/{way}\n")), "{text}");
    }

    authenticator.count = 50;
    let again = authenticator.sign_in(&mut Browser::new(&world)).await;
    assert!(again.status == 403 && again.text.contains("suspended"), "also where it counts on: {}", again.text);
    let log = world.get_as("/api/v1/internal/auth/audit?limit=100", "operator").await.ok();
    assert_eq!(log.to_string().matches("passkey.copied").count(), 1, "stated once");

    world.advance(1);
    let enter = [("email", EMAIL), ("password", PASSWORD)];
    assert_eq!(browser.submit("/login", "/login", &enter).await.status, 303);
    let page = browser.get("/account").await.text;
    assert!(page.contains("it may have been copied, and signs nobody in"), "{page}");
    let passkey = hidden(&page, "passkey");
    assert_eq!(browser.submit("/account", "/account/passkey/end", &[("passkey", &passkey)]).await.status, 303);
    assert_eq!(authenticator.add(&mut browser).await.status, 303, "made anew");
    assert_eq!(authenticator.sign_in(&mut Browser::new(&world)).await.status, 303);
    assert!(!browser.get("/account").await.text.contains("copied"));
}

/// A provider that syncs passkeys does not count: one that was put there has stopped.
#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_passkey_that_stops_counting_is_suspended_and_ends_nothing(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (mut browser, mut authenticator) = (Browser::signed_up(&world, EMAIL).await, Authenticator::new());
    let token = own_token(&world, &mut browser).await;
    authenticator.add(&mut browser).await;
    let passkey = hidden(&browser.get("/account").await.text, "passkey");
    (authenticator.count, authenticator.step) = (0, 0);
    for _ in 0..2 {
        assert_eq!(authenticator.sign_in(&mut Browser::new(&world)).await.status, 403);
    }
    assert!(world.opens(&token).await);
    assert!(browser.get("/account").await.text.contains("it may have been copied"));
    // It is no way in: the last other one stays.
    Authenticator::ed25519().add(&mut browser).await;
    world.db.execute("UPDATE auth_users SET password_hash = NULL", args![]).await.unwrap();
    let sql = "SELECT id FROM auth_passkeys WHERE suspended_at IS NULL";
    let good: uuid::Uuid = world.db.fetch_one(sql, args![]).await.unwrap();
    for (id, status) in [(good.to_string(), 409), (passkey, 303)] {
        let given_up = browser.submit("/account", "/account/passkey/end", &[("passkey", &id)]).await;
        assert_eq!(given_up.status.as_u16(), status, "{}", given_up.text);
    }
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_passkey_is_given_up_unless_it_is_the_last_way_in(#[case] engine: &str) {
    let world = World::open(engine).await;
    let mut browser = Browser::signed_up(&world, EMAIL).await;
    let mut authenticator = Authenticator::new();
    authenticator.add(&mut browser).await;
    let first = hidden(&browser.get("/account").await.text, "passkey");
    let mut eve = Browser::signed_up(&world, "eve@example.org").await;
    let fields = [("passkey", first.as_str())];
    assert_eq!(eve.submit("/account", "/account/passkey/end", &fields).await.status, 404, "another's");
    world.db.execute("UPDATE auth_users SET password_hash = NULL", args![]).await.unwrap();
    let answer = browser.submit("/account", "/account/passkey/end", &fields).await;
    assert!(answer.status == 409 && answer.text.contains("choose a password first"), "{}", answer.text);
    Authenticator::ed25519().add(&mut browser).await;
    assert_eq!(browser.submit("/account", "/account/passkey/end", &fields).await.status, 303);
    assert_eq!(kept(&world).await, 1);
    assert_eq!(authenticator.sign_in(&mut Browser::new(&world)).await.status, 403);
}

#[tokio::test]
async fn the_pages_for_passkeys_run_our_script_and_no_other_page_runs_any() {
    let world = World::open("sqlite").await;
    let mut browser = Browser::signed_up(&world, EMAIL).await;
    for path in ["/login/passkey", "/account/passkey"] {
        let page = browser.get(path).await;
        let script = page.text.split("<script>").nth(1).unwrap().split("</script>").next().unwrap();
        let hash = BASE64_STANDARD.encode(Sha256::digest(script));
        let policy = page.header("content-security-policy");
        assert!(policy.contains(&format!("script-src 'sha256-{hash}';")), "{policy}");
    }
    for path in ["/login", "/signup", "/account", "/forgot", "/device"] {
        let page = browser.get(path).await;
        assert!(
            !page.text.contains("<script") && !page.header("content-security-policy").contains("script-src"),
            "{path}"
        );
    }
    let nameless =
        World::told(testkit::sqlite().await, |config| config.issuer = "http://127.0.0.1:8080".to_owned()).await;
    let request = axum::http::Request::get("/login").body(axum::body::Body::empty()).unwrap();
    assert!(!nameless.send(request).await.text.contains("passkey"));
    let request = axum::http::Request::get("/login/passkey").body(axum::body::Body::empty()).unwrap();
    assert_eq!(nameless.send(request).await.status, 404);
}
