//! What people do by mail, with mail that goes into files: new passwords, addresses that are one's own; what strangers
//! learn, what ends, and what happens when no mail gets out.

use std::{path::Path, sync::Arc};

use auth::Postman;
use axum::http::StatusCode;
use mail::FileMailer;
use rstest::rstest;
use stores::args;
use tempfile::TempDir;

use crate::authenticator::Authenticator;
use crate::world::{Answer, Browser, PASSWORD, World, hidden};

const EMAIL: &str = "ada@example.org";
const NEW: &str = "another horse battery";

/// The folder that mail goes into.
pub struct Box(TempDir);

impl Box {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }

    fn postman(&self, world: &World) -> Postman {
        postman(world, self.folder())
    }

    /// Sends what is due and takes what has come: each as whom it is to, its subject and its text.
    pub async fn collect(&self, world: &World) -> Vec<(String, String, String)> {
        self.postman(world).step().await.unwrap();
        let mut paths: Vec<_> = std::fs::read_dir(self.folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let read = |path| {
            let whole = std::fs::read_to_string(&path).unwrap();
            std::fs::remove_file(path).unwrap();
            let (head, text) = whole.split_once("\r\n\r\n").unwrap();
            let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
            (header("To: "), header("Subject: "), text.replace("\r\n", "\n"))
        };
        paths.into_iter().map(read).collect()
    }

    /// The path of the link of the one mail that is due with this subject.
    pub async fn link(&self, world: &World, subject: &str) -> String {
        let all = self.collect(world).await;
        let [(_, _, text)] = &all.iter().filter(|(_, named, _)| named == subject).collect::<Vec<_>>()[..] else {
            panic!("not one {subject:?} among {all:?}")
        };
        text.lines().find_map(|line| line.strip_prefix("https://media.example")).unwrap().to_owned()
    }
}

pub fn postman(world: &World, folder: &Path) -> Postman {
    let files = FileMailer::new(folder.to_owned(), "Media Gateway <media@media.example>").unwrap();
    Postman::new(Arc::clone(&world.auth), Arc::new(files))
}

pub const RESET: &str = "Choose a new password";
pub const VERIFY: &str = "Is this your address?";
const CHANGED: &str = "Your password was changed";

pub async fn forgot(world: &World, email: &str) -> Answer {
    Browser::new(world).submit("/forgot", "/forgot", &[("email", email)]).await
}

pub fn code(link: &str) -> &str {
    link.split_once("code=").unwrap().1
}

pub async fn reset(world: &World, link: &str, new: &str) -> Answer {
    let mut browser = Browser::new(world);
    let form = hidden(&browser.get("/login").await.text, "form_token");
    browser.post("/reset", &[("form_token", &form), ("code", code(link)), ("new", new)], &[]).await
}

async fn sign_in(world: &World, password: &str) -> Answer {
    Browser::new(world).submit("/login", "/login", &[("email", EMAIL), ("password", password)]).await
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_forgotten_password_is_reset_by_mail_and_everything_ends(#[case] engine: &str) {
    let (world, post) = (World::open(engine).await, Box::new());
    let mut browser = Browser::signed_up(&world, EMAIL).await;
    let (client, _) = world.client(false, false).await;
    let tokens = browser.tokens(&client, "openid read:content").await;
    let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    let own = crate::admin::own_token(&world, &mut browser).await;
    let new = serde_json::json!({ "name": "home", "scopes": "read:content" });
    let key = world.json_as("POST", "/api/v1/auth/keys", &own, &new).await.ok()["key"].as_str().unwrap().to_owned();
    assert!(world.opens(&key).await);
    post.collect(&world).await;

    assert_eq!(forgot(&world, " Ada@Example.org").await.status, 200);
    let link = post.link(&world, RESET).await;
    assert!(link.starts_with("/reset?code="), "{link}");
    let page = Browser::new(&world).get(&link).await;
    assert_eq!((page.status, hidden(&page.text, "code").as_str()), (StatusCode::OK, code(&link)));
    let kept: Vec<Vec<u8>> = world.db.fetch_all("SELECT code_hash FROM auth_mail_codes", args![]).await.unwrap();
    assert!(kept.iter().all(|hash| hash.len() == 32 && hash != code(&link).as_bytes()), "only hashes are kept");

    assert_eq!(reset(&world, &link, "short").await.status, 400);
    assert!(world.opens(access).await, "nothing has happened yet");
    let done = reset(&world, &link, NEW).await;
    assert_eq!((done.status.as_u16(), done.header("location")), (303, "/login"), "{}", done.text);
    assert_eq!(browser.get("/account").await.status, 303, "the session has ended");
    assert!(!world.opens(access).await);
    world.refresh(&client, refresh).await.fails(400, "invalid_grant");
    assert_eq!(sign_in(&world, PASSWORD).await.status, 403);
    assert_eq!(sign_in(&world, NEW).await.status, 303);
    assert_eq!(reset(&world, &link, PASSWORD).await.status, 404, "the link is good once");
    assert_eq!(Browser::new(&world).get(&link).await.status, 404);
    assert!(!world.opens(&key).await);
    world.advance(3 * 3_600);
    world.forget().await;
    world.keeper().step().await.unwrap();
    assert!(!world.opens(&key).await, "nor does it come back when tokens of then have ended by themselves");
    let told = post.collect(&world).await;
    assert_eq!(
        told.iter().map(|(to, subject, _)| (to.as_str(), subject.as_str())).collect::<Vec<_>>(),
        [(EMAIL, CHANGED)]
    );
}

/// What a stranger sees: the answer without what is anybody's own.
fn seen(answer: &Answer) -> (u16, String, usize) {
    let own = answer.text.find("form_token").map(|_| hidden(&answer.text, "form_token")).unwrap_or_default();
    (answer.status.as_u16(), answer.text.replace(&own, ""), answer.headers.len())
}

#[tokio::test]
async fn the_answer_is_the_same_for_every_address() {
    let (world, post) = (World::open("sqlite").await, Box::new());
    Browser::signed_up(&world, EMAIL).await;
    world.advance(1);
    Browser::signed_up(&world, "gone@example.org").await;
    post.collect(&world).await;
    let gone = "UPDATE auth_users SET disabled_at = created_at
        WHERE id = (SELECT id FROM auth_users ORDER BY created_at DESC, id DESC LIMIT 1)";
    world.db.execute(gone, args![]).await.unwrap();
    let known = seen(&forgot(&world, EMAIL).await);
    assert_eq!(known.0, 200);
    for other in ["nobody@example.org", "gone@example.org", "no address", "", EMAIL, &"x".repeat(9_000)] {
        assert_eq!(seen(&forgot(&world, other).await), known, "{other:.20}");
    }
    let mails = post.collect(&world).await;
    assert_eq!(mails.iter().map(|mail| mail.0.as_str()).collect::<Vec<_>>(), [EMAIL], "one mail, to who is there");
    let forged = Browser::new(&world).post("/forgot", &[("email", EMAIL), ("form_token", "x")], &[]).await;
    assert_eq!(forged.status, 403, "only our own page asks");
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn codes_end_and_are_each_for_one_thing(#[case] engine: &str) {
    let (world, post) = (World::open(engine).await, Box::new());
    Browser::signed_up(&world, EMAIL).await;
    let verify = post.link(&world, VERIFY).await;
    assert_eq!(reset(&world, &verify, NEW).await.status, 404, "a link to confirm with is none to reset with");

    forgot(&world, EMAIL).await;
    let first = post.link(&world, RESET).await;
    forgot(&world, EMAIL).await;
    assert!(post.collect(&world).await.is_empty(), "no two in two minutes");
    world.advance(121);
    forgot(&world, EMAIL).await;
    let second = post.link(&world, RESET).await;
    assert_ne!(first, second);
    world.advance(1_800 - 121);
    assert_eq!(reset(&world, &first, NEW).await.status, 404, "half an hour is over");
    assert_eq!(reset(&world, &second, NEW).await.status, 303);

    world.advance(121);
    forgot(&world, EMAIL).await;
    let third = post.link(&world, RESET).await;
    world.advance(121);
    forgot(&world, EMAIL).await;
    let fourth = post.link(&world, RESET).await;
    assert_eq!(reset(&world, &third, PASSWORD).await.status, 303);
    assert_eq!(reset(&world, &fourth, NEW).await.status, 404, "the first that is used ends the others");
    assert_eq!(sign_in(&world, PASSWORD).await.status, 303);
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn an_address_is_confirmed_by_whoever_is_signed_in(#[case] engine: &str) {
    let (world, post) = (World::open(engine).await, Box::new());
    let mut ada = Browser::signed_up(&world, EMAIL).await;
    let link = post.link(&world, VERIFY).await;
    let (client, _) = world.client(false, false).await;
    let token = ada.tokens(&client, "openid email").await["access_token"].as_str().unwrap().to_owned();
    let verified = async || world.get_as("/oauth/userinfo", &token).await.ok()["email_verified"].as_bool().unwrap();
    assert!(!verified().await);

    let mut stranger = Browser::new(&world);
    let sent = stranger.get(&link).await;
    assert_eq!((sent.status.as_u16(), sent.header("location").starts_with("/login?next=%2Fverify%3F")), (303, true));
    let mut eve = Browser::signed_up(&world, "eve@example.org").await;
    assert_eq!(eve.get(&link).await.status, 404, "another person's link");
    let form = hidden(&eve.get("/account").await.text, "form_token");
    let fields = [("form_token", form.as_str()), ("code", code(&link))];
    assert_eq!(eve.post("/verify", &fields, &[]).await.status, 404);
    assert!(!verified().await);

    assert!(ada.get("/account").await.text.contains("not confirmed"));
    let done = ada.submit(&link, "/verify", &[("code", code(&link))]).await;
    assert_eq!((done.status.as_u16(), done.header("location")), (303, "/account"));
    assert!(verified().await);
    assert!(!ada.get("/account").await.text.contains("not confirmed"));
    assert_eq!(ada.get(&link).await.status, 404, "used");
    post.collect(&world).await;
    ada.submit("/account", "/account/verify", &[]).await;
    assert!(post.collect(&world).await.is_empty(), "there is nothing to confirm any more");
}

#[tokio::test]
async fn mail_that_does_not_get_out_is_tried_again_and_in_the_end_given_up() {
    let (world, post) = (World::open("sqlite").await, Box::new());
    Browser::signed_up(&world, EMAIL).await;
    // A folder that can't be: it is a file.
    let file = post.folder().join("file");
    std::fs::write(&file, "").unwrap();
    let broken = postman(&world, &file);
    let state = async || -> (i64, bool) {
        let sql = "SELECT attempts, done_at IS NOT NULL FROM auth_mail";
        world.db.fetch_one(sql, args![]).await.unwrap()
    };
    for (tries, seconds) in [(1, 119), (2, 299), (3, 899), (4, 3_599), (5, 14_399)] {
        broken.step().await.unwrap();
        assert_eq!(state().await, (tries, false));
        world.advance(seconds);
        broken.step().await.unwrap();
        assert_eq!(state().await, (tries, false), "not before its time");
        world.advance(1);
    }
    broken.step().await.unwrap();
    assert_eq!(state().await, (6, true), "given up");
    std::fs::remove_file(file).unwrap();
    assert!(post.collect(&world).await.is_empty());

    // Asked for again it is tried again, and gets out once the folder is there.
    let mut browser = Browser::new(&world);
    browser.submit("/login", "/login", &[("email", EMAIL), ("password", PASSWORD)]).await;
    browser.submit("/account", "/account/verify", &[]).await;
    assert_eq!(post.collect(&world).await.len(), 1);
    assert!(post.collect(&world).await.is_empty(), "once");
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn two_at_work_send_each_mail_once(#[case] engine: &str) {
    let (world, post) = (World::open(engine).await, Box::new());
    for number in 0..6 {
        Browser::signed_up(&world, &format!("person{number}@example.org")).await;
    }
    let workers: Vec<_> = (0..4).map(|_| post.postman(&world)).collect();
    let steps = futures::future::join_all(workers.iter().map(Postman::step)).await;
    assert!(steps.iter().all(Result::is_ok), "{steps:?}");
    assert_eq!(std::fs::read_dir(post.folder()).unwrap().count(), 6);
}

/// Somebody opened an account with an address that is not theirs, and added an authenticator: who reads the mail gets the
/// account without it. Once the address is confirmed the second factor stays.
#[tokio::test]
async fn a_reset_keeps_the_second_factor_of_a_confirmed_address_only() {
    let (world, post) = (World::open("sqlite").await, Box::new());
    let mut browser = Browser::signed_up(&world, EMAIL).await;
    let mut thief = Authenticator::new();
    thief.add(&mut browser).await;
    crate::factors::add(&mut browser).await;
    post.collect(&world).await;
    forgot(&world, EMAIL).await;
    assert_eq!(reset(&world, &post.link(&world, RESET).await, NEW).await.status, 303);
    let entered = sign_in(&world, NEW).await;
    assert_eq!((entered.status.as_u16(), entered.header("location")), (303, "/account"));
    assert_eq!(thief.sign_in(&mut Browser::new(&world)).await.status, 403, "nor with a passkey");

    let mut browser = Browser::new(&world);
    browser.submit("/login", "/login", &[("email", EMAIL), ("password", NEW)]).await;
    let mut own = Authenticator::new();
    own.add(&mut browser).await;
    crate::factors::add(&mut browser).await;
    world.advance(121);
    forgot(&world, EMAIL).await;
    assert_eq!(reset(&world, &post.link(&world, RESET).await, PASSWORD).await.status, 303);
    let entered = sign_in(&world, PASSWORD).await;
    assert_eq!((entered.status.as_u16(), entered.header("location")), (303, "/login/code?next=%2Faccount"));
    assert_eq!(own.sign_in(&mut Browser::new(&world)).await.status, 303);
}

const KNOWN: &str = "You have an account already";
const ERASED: &str = "Your account will be erased";

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn signing_up_tells_nobody_whether_an_address_has_an_account(#[case] engine: &str) {
    let db = if engine == "postgres" { testkit::postgres_owned().await } else { testkit::sqlite().await };
    let (world, post) = (World::told(db, |config| config.confirm_first = true).await, Box::new());
    let sign_up = async |email: &str, password: &str| {
        Browser::new(&world).submit("/signup", "/signup", &[("email", email), ("password", password)]).await
    };
    let first = sign_up(EMAIL, PASSWORD).await;
    assert_eq!(first.status, 200);
    let link = post.link(&world, VERIFY).await;
    let again = sign_up(" Ada@Example.org", NEW).await;
    assert_eq!(seen(&again), seen(&first));
    assert!(!again.header("set-cookie").contains("mg_session"));
    let told = post.collect(&world).await;
    assert_eq!(
        told.iter().map(|(to, subject, _)| (to.as_str(), subject.as_str())).collect::<Vec<_>>(),
        [(EMAIL, VERIFY)],
        "who lost the first mail is not sent to sign in"
    );
    for email in [EMAIL, "nobody@example.org"] {
        assert_eq!(sign_up(email, "short").await.status, 400, "{email}");
    }
    // Nor does signing in tell, before the address is confirmed.
    let (right, other) = (sign_in(&world, PASSWORD).await, sign_in(&world, NEW).await);
    assert_eq!((right.status.as_u16(), seen(&right)), (403, seen(&other)));

    sign_up("eve@example.org", PASSWORD).await;
    let enter = async |browser: &mut Browser<'_>, email: &str| {
        let fields = [("email", email), ("password", PASSWORD), ("next", link.as_str())];
        browser.submit("/login", "/login", &fields).await
    };
    assert_eq!(enter(&mut Browser::new(&world), "eve@example.org").await.status, 403, "it is another's mail");
    let mut browser = Browser::new(&world);
    let away = browser.get(&link).await;
    assert!(away.header("location").starts_with("/login?next=%2Fverify%3Fcode%3D"), "{:?}", away.headers);
    let entered = enter(&mut browser, EMAIL).await;
    assert_eq!((entered.status.as_u16(), entered.header("location")), (303, link.as_str()), "{}", entered.text);
    assert_eq!(browser.submit(&link, "/verify", &[("code", code(&link))]).await.status, 303);
    assert_eq!(sign_in(&world, PASSWORD).await.status, 303);
    world.advance(121);
    assert_eq!(seen(&sign_up(EMAIL, NEW).await), seen(&first));
    let told = post.collect(&world).await;
    assert_eq!(told.iter().filter(|(to, _, _)| to == EMAIL).map(|told| told.1.as_str()).collect::<Vec<_>>(), [KNOWN]);
}

/// When too many mails are on their way that is all that anybody learns.
#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn mail_that_is_busy_tells_nothing_of_an_address(#[case] engine: &str) {
    let (world, post) = (World::open(engine).await, Box::new());
    Browser::signed_up(&world, EMAIL).await;
    post.collect(&world).await;
    let now = world.clock.now();
    let row = |n: i64| args!["verify", n.to_be_bytes().as_slice(), now, now, 0_i64];
    let mut tx = world.db.begin().await.unwrap();
    let head = "INSERT INTO auth_mail (kind, email_blind, asked_at, due_at, attempts)";
    tx.insert_many(head, "", (0..10_000).map(row).collect()).await.unwrap();
    tx.commit().await.unwrap();
    let sign_up = async |email: &str| {
        Browser::new(&world).submit("/signup", "/signup", &[("email", email), ("password", PASSWORD)]).await
    };
    let (known, new) = (sign_up(EMAIL).await, sign_up("new@example.org").await);
    // Strangers can bring this about: a 503 would have a gateway take this role for broken.
    assert_eq!((known.status.as_u16(), seen(&known)), (429, seen(&new)));
    assert!(known.text.contains("too many mails are on their way"), "{}", known.text);
    let forgotten = Browser::new(&world).submit("/forgot", "/forgot", &[("email", EMAIL)]).await;
    assert_eq!(forgotten.status, 429, "{}", forgotten.text);
    let count = async |table: &str| -> i64 {
        world.db.fetch_one(format!("SELECT COUNT(*) FROM {table}"), args![]).await.unwrap()
    };
    assert_eq!((count("auth_users").await, count("auth_mail").await), (1, 10_001), "nothing grows");
}

/// Without a mail server nobody could confirm an address: whoever opened an account signs in at once. Who had one already
/// reads of it in the outbox, and nowhere else.
#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn signing_up_answers_the_same_without_a_mail_server(#[case] engine: &str) {
    let (world, post) = (World::open(engine).await, Box::new());
    let sign_up = async |email: &str, password: &str| {
        Browser::new(&world).submit("/signup", "/signup", &[("email", email), ("password", password)]).await
    };
    let first = sign_up(EMAIL, PASSWORD).await;
    assert_eq!(first.status, 200);
    assert!(first.text.contains("<p role=\"status\">Now sign in") && first.text.contains("action=\"/login\""));
    for password in [PASSWORD, NEW] {
        let again = sign_up(" Ada@Example.org", password).await;
        assert_eq!(seen(&again), seen(&first));
        assert!(!again.header("set-cookie").contains("mg_session"));
    }
    let told = post.collect(&world).await;
    assert_eq!(told.iter().filter(|(to, subject, _)| to == EMAIL && subject == KNOWN).count(), 1, "{told:?}");
    assert_eq!(
        (sign_in(&world, PASSWORD).await.status.as_u16(), sign_in(&world, NEW).await.status.as_u16()),
        (303, 403)
    );
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn whose_account_is_to_be_erased_is_told_by_mail(#[case] engine: &str) {
    let (world, post) = (World::open(engine).await, Box::new());
    let token = crate::admin::own_token(&world, &mut Browser::signed_up(&world, EMAIL).await).await;
    post.collect(&world).await;
    let send = async |method: &str, path: &str| {
        world.json_as(method, path, &token, &serde_json::Value::Null).await.status.as_u16()
    };
    assert_eq!(send("DELETE", "/api/v1/gdpr/delete-account").await, 202);
    let told = post.collect(&world).await;
    let [(to, subject, text)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((to.as_str(), subject.as_str()), (EMAIL, ERASED));
    assert!(text.contains("That happens on 2026-01-31.") && text.contains("https://media.example/account"), "{text}");
    assert_eq!(send("DELETE", "/api/v1/privacy/erasure").await, 204);
    // Nothing is said of what is not to be any more.
    world.advance(180);
    assert_eq!(send("DELETE", "/api/v1/gdpr/delete-account").await, 202);
    assert_eq!(send("DELETE", "/api/v1/privacy/erasure").await, 204);
    assert_eq!(post.collect(&world).await, []);
}
