//! Consent, export, erasure and the reports: what people ask for, and what is left of them.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use auth::{Eraser, NewUser};
use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use contracts::{Ids, Rng, Role};
use mail::FileMailer;
use rstest::rstest;
use serde_json::{Value, json};
use stores::{
    Rows, args,
    personal::{Answering, Personal},
};

use crate::{
    admin::own_token,
    authenticator::Authenticator,
    devices,
    elsewhere::Elsewhere,
    factors,
    mail::postman,
    providers::{self, link},
    world::{Browser, PASSWORD, World, claims},
};

const CONSENTS: &str = "/api/v1/privacy/consents";
const DELETE: &str = "/api/v1/gdpr/delete-account";
const ERASURE: &str = "/api/v1/privacy/erasure";
const EXPORT: &str = "/api/v1/gdpr/data-export";
const ADA: &str = "ada@example.org";

/// With what a browser sends whose person wants no sharing.
async fn with_gpc(world: &World, path: &str, token: &str) -> Value {
    let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {token}")).header("sec-gpc", "1");
    world.send(request.body(Body::empty()).unwrap()).await.ok()
}

fn granted(answer: &Value) -> Vec<(&str, bool)> {
    let items = answer["items"].as_array().unwrap().iter();
    items.map(|one| (one["purpose"].as_str().unwrap(), one["granted"].as_bool().unwrap())).collect()
}

/// Everybody who has something of people, as `CONTEXTS` names them.
pub fn answering(world: &World) -> [Answering; 2] {
    let contexts: [Arc<dyn Personal>; 2] = [Arc::clone(&world.auth) as _, Arc::new(playback::Histories)];
    contexts.map(|context| {
        let ids = Ids::new(world.clock.clone(), Rng::system());
        Answering::new(context, world.db.db(), world.clock.clone(), ids)
    })
}

pub fn eraser(world: &World, outbox: &Path) -> Eraser {
    let files = FileMailer::new(outbox.to_owned(), "media@media.example").unwrap();
    Eraser::new(Arc::clone(&world.auth), Arc::new(files))
}

/// Erases what is due, as a node does.
pub async fn forget(world: &World, outbox: &Path) {
    let mut eraser = eraser(world, outbox);
    for _ in 0..2 {
        eraser.once().await.unwrap();
        for context in answering(world) {
            context.step().await.unwrap();
        }
    }
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn people_allow_by_purpose_and_take_it_back(#[case] engine: &str) {
    let world = World::open(engine).await;
    let mut ada = Browser::signed_up(&world, ADA).await;
    let token = own_token(&world, &mut ada).await;
    let other = own_token(&world, &mut Browser::signed_up(&world, "eve@example.org").await).await;
    let off = [("viewing_history", false), ("personalization", false), ("sharing", false)];
    assert_eq!(granted(&world.get_as(CONSENTS, &token).await.ok()), off, "nothing is allowed until they say so");
    let set = async |purpose: &str, granted: bool| {
        world.json_as("PUT", &format!("{CONSENTS}/{purpose}"), &token, &json!({ "granted": granted })).await
    };
    let now = set("viewing_history", true).await.ok();
    assert_eq!(granted(&now), [("viewing_history", true), off[1], off[2]]);
    assert!(now["items"][0]["changed_at"].is_string() && now["items"][1]["changed_at"].is_null());
    assert_eq!(granted(&world.get_as(CONSENTS, &other).await.ok()), off, "for themselves alone");
    set("sharing", true).await.ok();
    assert_eq!(granted(&set("viewing_history", false).await.ok()), [off[0], off[1], ("sharing", true)]);
    assert_eq!(set("everything", true).await.status, StatusCode::BAD_REQUEST);

    // A browser that says so opts them out, whatever they allowed before.
    let report = with_gpc(&world, "/api/v1/ccpa/data-report", &token).await;
    assert!(report["opted_out_at"].is_string(), "{report}");
    assert_eq!(granted(&world.get_as(CONSENTS, &token).await.ok()), off);
    let refused = set("sharing", true).await;
    assert_eq!((refused.status, refused.json["code"].as_str()), (StatusCode::CONFLICT, Some("opted_out")));
    let opt =
        async |out: bool| world.json_as("PUT", "/api/v1/ccpa/opt-out", &token, &json!({ "opted_out": out })).await.ok();
    assert_eq!(opt(false).await, json!({ "opted_out": false, "since": null }));
    set("sharing", true).await.ok();
    assert_eq!(opt(true).await["opted_out"], true);
    assert_eq!(granted(&world.get_as(CONSENTS, &token).await.ok()), off);

    // And whoever signs in to anything with such a browser is opted out.
    assert_eq!(opt(false).await["opted_out"], false);
    ada.post("/device", &[], &[("sec-gpc", "1")]).await;
    assert!(world.get_as("/api/v1/ccpa/data-report", &token).await.ok()["opted_out_at"].is_string());

    let log = world.get_as("/api/v1/internal/auth/audit?limit=100", "operator").await.ok();
    let said =
        |entry: &Value| entry["action"].as_str().filter(|action| action.starts_with("consent.")).map(str::to_owned);
    let said: Vec<_> = log["items"].as_array().unwrap().iter().filter_map(said).collect();
    assert_eq!(said, ["consent.granted", "consent.granted", "consent.withdrawn", "consent.granted"]);
}

/// Two of a person's programs: who did not see what the other changed changes nothing.
#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_consent_that_changed_meanwhile_is_not_written_over(#[case] engine: &str) {
    let world = World::open(engine).await;
    let token = own_token(&world, &mut Browser::signed_up(&world, ADA).await).await;
    let set = async |purpose: &str, if_match: &str| {
        let request = Request::put(format!("{CONSENTS}/{purpose}")).header(header::IF_MATCH, if_match);
        let request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        let request = request.header(header::CONTENT_TYPE, "application/json");
        world.send(request.body(Body::from(json!({ "granted": true }).to_string())).unwrap()).await
    };
    let now = async || world.get_as(CONSENTS, &token).await;
    let seen = now().await.header("etag").to_owned();
    assert!(seen.starts_with('"') && seen == now().await.header("etag"), "{seen}");
    let first = set("viewing_history", &seen).await;
    assert_eq!((first.status, first.header("etag") == seen), (StatusCode::OK, false), "{}", first.text);
    assert_eq!(first.header("etag"), now().await.header("etag"), "as it is read");
    for stale in [seen.clone(), format!("W/{}", first.header("etag")), "\"anything\"".to_owned()] {
        let refused = set("personalization", &stale).await;
        assert_eq!((refused.status.as_u16(), &refused.json["code"]), (412, &json!("changed_meanwhile")), "{stale}");
    }
    let left = [("viewing_history", true), ("personalization", false), ("sharing", false)];
    assert_eq!(granted(&now().await.ok()), left, "what is refused changes nothing");
    assert_eq!(set("personalization", first.header("etag")).await.status, StatusCode::OK);
    let all = set("sharing", "*").await.ok();
    assert!(granted(&all).iter().all(|(_, granted)| *granted), "{all}");
}

/// Where the export shows what a table has of somebody; of the others it says how many rows there are.
const SHOWN: [(&str, &str); 12] = [
    ("auth_users", "/account/email"),
    ("auth_sessions", "/sessions/0/agent"),
    ("auth_consents", "/applications/0/client"),
    ("auth_families", "/grants/0/client"),
    ("auth_api_keys", "/api_keys/0/name"),
    ("auth_memberships", "/organisations/0/organisation"),
    ("auth_factors", "/sign_in/authenticator_since"),
    ("auth_passkeys", "/sign_in/passkeys/0/name"),
    ("auth_identities", "/sign_in/providers/0/provider"),
    ("auth_purposes", "/consents/0/changed_at"),
    ("auth_age_limits", "/account/age_limit/changed_at"),
    ("auth_erasures", "/erasure/receipt"),
];

/// Ada, of whom every table has something; her token. She has left for GitHub and is not back.
async fn with_everything(world: &World, elsewhere: &Elsewhere, outbox: &Path) -> String {
    let mut browser = Browser::signed_up(world, ADA).await;
    postman(world, outbox).step().await.unwrap();
    let (client, _) = world.client(false, false).await;
    browser.tokens(&client, "openid email read:content").await;
    let token = own_token(world, &mut browser).await;
    factors::add(&mut browser).await;
    assert_eq!(Authenticator::new().add(&mut browser).await.status, StatusCode::SEE_OTHER);
    let back = link(&mut browser, elsewhere, "google").await;
    assert_eq!(back.status, StatusCode::SEE_OTHER, "{}", back.text);
    browser.submit("/account", "/account/link", &[("provider", "github")]).await;
    let (_, code) = devices::begin(world, &client).await;
    let page = format!("/device?user_code={code}");
    browser.submit(&page, "/device", &[("decision", "allow"), ("user_code", code.as_str())]).await;
    let key = json!({ "name": "Ada's shed", "scopes": "read:content" });
    world.json_as("POST", "/api/v1/auth/keys", &token, &key).await.ok();
    world.json_as("PUT", &format!("{CONSENTS}/viewing_history"), &token, &json!({ "granted": true })).await.ok();
    world.json_as("PUT", "/api/v1/auth/age-limit", &token, &json!({ "max_age": 12 })).await.ok();
    let org = world.auth.create_org(&testkit::operator_call(), "Analytical Engines").await.unwrap();
    let person = contracts::UserId(claims(&token)["sub"].as_str().unwrap().parse().unwrap());
    world.auth.join_org(&testkit::operator_call(), org, person).await.unwrap();
    world.json_as("DELETE", DELETE, &token, &Value::Null).await.ok();
    token
}

/// How many rows each of the tables with something of people has, whoever they are of.
async fn rows(world: &World) -> BTreeMap<String, i64> {
    let (mut all, mut tx) = (BTreeMap::new(), world.db.begin().await.unwrap());
    tx.sees(Rows::All).await.unwrap();
    for table in auth::personal_tables() {
        let count = tx.fetch_one(format!("SELECT COUNT(*) FROM {table}"), args![]).await.unwrap();
        all.insert(table.to_owned(), count);
    }
    all
}

fn read(counts: &Value) -> BTreeMap<String, i64> {
    serde_json::from_value(counts.clone()).unwrap()
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn everything_that_is_kept_is_given_and_nothing_of_it_is_left(#[case] engine: &str) {
    let ((world, elsewhere), outbox) = (providers::settled(engine).await, tempfile::tempdir().unwrap());
    let token = with_everything(&world, &elsewhere, outbox.path()).await;
    let data = world.get_as(EXPORT, &token).await.ok();
    let (of_ada, whole) = (read(&data["rows"]), rows(&world).await);
    assert!(of_ada == whole && whole.values().all(|rows| *rows > 0), "{of_ada:#?} of {whole:#?}");
    for (table, place) in SHOWN {
        let shown = data.pointer(place).is_some_and(|value| value.as_str().is_some_and(|text| !text.is_empty()));
        assert!(shown, "{table}: nothing at {place} of {data:#}");
    }
    for (place, value) in [
        ("/account/email", ADA),
        ("/sessions/0/agent", "unknown browser"),
        ("/api_keys/0/name", "Ada's shed"),
        ("/sign_in/passkeys/0/name", "A passkey"),
    ] {
        assert_eq!(data.pointer(place).unwrap(), value);
    }
    let mut tx = world.db.begin().await.unwrap();
    tx.sees(Rows::All).await.unwrap();
    for table in ["auth_api_keys", "auth_passkeys"] {
        let names: Vec<String> = tx.fetch_all(format!("SELECT name FROM {table}"), args![]).await.unwrap();
        assert_eq!(names, [""], "what they call things is sealed");
    }
    drop(tx);

    // Eve comes, and stays.
    let eve = own_token(&world, &mut Browser::signed_up(&world, "eve@example.org").await).await;
    postman(&world, outbox.path()).step().await.unwrap();
    let before = world.get_as(EXPORT, &eve).await.ok();
    assert!(!before.to_string().contains("ada@") && read(&before["rows"]).values().sum::<i64>() >= 6, "{before:#}");
    let files = || std::fs::read_dir(outbox.path()).unwrap().count();
    assert_eq!(files(), 3);
    let gone = world.json_as("DELETE", &format!("{DELETE}?waive_grace=true"), &token, &Value::Null).await.ok();
    forget(&world, outbox.path()).await;
    let receipt = format!("/api/v1/privacy/receipts/{}", gone["receipt"].as_str().unwrap());
    let done = world.send(Request::get(receipt).body(Body::empty()).unwrap()).await.ok();
    let taken: i64 = of_ada.values().sum();
    // Two rows stay, and the two lines of her mail went with her key.
    assert_eq!((&done["state"], &done["answers"][0]["rows"]), (&json!("erased"), &json!(taken - 4)), "{done}");
    let mut left = read(&before["rows"]);
    for table in ["auth_users", "auth_erasures"] {
        *left.get_mut(table).unwrap() += 1;
    }
    assert_eq!((rows(&world).await, files()), (left, 1));
    let after = world.get_as(EXPORT, &eve).await.ok();
    assert_eq!((&after["rows"], &after["sessions"]), (&before["rows"], &before["sessions"]), "Eve's stays");
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_report_says_what_is_kept_by_category_and_who_reads_it(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (client, _) = world.client(false, false).await;
    let mut browser = Browser::signed_up(&world, ADA).await;
    browser.tokens(&client, "openid email read:content read:watchlist").await;
    let token = own_token(&world, &mut browser).await;
    let report = world.get_as("/api/v1/ccpa/data-report", &token).await.ok();
    let lines = report["categories"].as_array().unwrap();
    assert_eq!((&lines[0]["items"], &lines[0]["shared_with"]), (&json!(1), &json!(["Test App"])), "{report}");
    assert_eq!((&lines[1]["items"], &lines[2]["items"]), (&json!(1), &json!(1)), "a password, a browser");
    let watched = lines.iter().find(|line| line["category"] == "commercial information").unwrap();
    assert_eq!((&watched["items"], &watched["shared_with"]), (&json!(0), &json!(["Test App"])), "it may see lists");
    assert!(lines.iter().all(|line| line["sold_to"] == json!([])));
}

/// Whether bytes are in any file of the database; nothing to look at on PostgreSQL.
pub fn on_disk(world: &World, wanted: &[u8]) -> bool {
    let Some(file) = world.db.path() else { return false };
    let files = std::fs::read_dir(file.parent().unwrap()).unwrap();
    files
        .map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .any(|bytes| bytes.windows(wanted.len()).any(|window| window == wanted))
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn people_are_forgotten_after_a_grace_in_which_they_can_stay(#[case] engine: &str) {
    let world = World::open(engine).await;
    let token = own_token(&world, &mut Browser::signed_up(&world, ADA).await).await;
    let person = claims(&token)["sub"].as_str().unwrap().to_owned();
    assert_eq!(world.get_as(ERASURE, &token).await.status, StatusCode::NOT_FOUND);
    let first = world.json_as("DELETE", DELETE, &token, &Value::Null).await;
    assert_eq!(first.status, StatusCode::ACCEPTED);
    let first = first.ok();
    assert_eq!((first["state"].as_str(), first["due_at"].as_str()), (Some("waiting"), Some("2026-01-31T00:00:00Z")));
    assert_eq!(world.json_as("DELETE", DELETE, &token, &Value::Null).await.ok()["receipt"], first["receipt"], "once");
    assert_eq!(world.json_as("DELETE", ERASURE, &token, &Value::Null).await.status, StatusCode::NO_CONTENT);
    let receipt = |view: &Value| format!("/api/v1/privacy/receipts/{}", view["receipt"].as_str().unwrap());
    assert_eq!(world.get_as(&receipt(&first), &token).await.ok()["state"], "cancelled");

    world.json_as("DELETE", DELETE, &token, &Value::Null).await.ok();
    let outbox = tempfile::tempdir().unwrap();
    let mut eraser = eraser(&world, outbox.path());
    world.advance(30 * 24 * 3600 - 60);
    eraser.once().await.unwrap();
    let mut browser = Browser::new(&world);
    let enter = [("email", ADA), ("password", PASSWORD)];
    assert_eq!(browser.submit("/login", "/login", &enter).await.status, StatusCode::SEE_OTHER, "a minute is left");
    let token = own_token(&world, &mut browser).await;
    let waiting = world.get_as(ERASURE, &token).await.ok();
    let (sealed, blind): (Vec<u8>, Vec<u8>) = world
        .db
        .fetch_one("SELECT subject_key, email_blind FROM auth_users WHERE subject_key IS NOT NULL", args![])
        .await
        .unwrap();
    assert!(engine != "sqlite" || (on_disk(&world, &sealed) && on_disk(&world, &blind)));
    world.advance(61);
    eraser.once().await.unwrap();
    assert!(!world.opens(&token).await, "what they held is of no use");
    let read = async || world.send(Request::get(receipt(&waiting)).body(Body::empty()).unwrap()).await.ok();
    let erasing = read().await;
    assert_eq!((&erasing["state"], &erasing["waits_for"]), (&json!("erasing"), &json!(["auth", "playback"])));
    assert!(!on_disk(&world, &sealed) && !on_disk(&world, &blind), "the key is destroyed, also on the disk");

    forget(&world, outbox.path()).await;
    let done = read().await;
    assert_eq!((&done["state"], &done["waits_for"]), (&json!("erased"), &json!([])), "{done}");
    let row: (Option<Vec<u8>>, Option<Vec<u8>>, Option<String>) =
        world.db.fetch_one("SELECT email_sealed, email_blind, password_hash FROM auth_users", args![]).await.unwrap();
    assert_eq!(row, (None, None, None));
    assert_eq!(Browser::new(&world).submit("/login", "/login", &enter).await.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.get("/account").await.status, StatusCode::SEE_OTHER, "signed out");
    assert!(world.get_as("/api/v1/internal/auth/audit/verdict", "operator").await.ok()["broken_at"].is_null());
    let mut again = Browser::signed_up(&world, ADA).await;
    assert_ne!(claims(&own_token(&world, &mut again).await)["sub"], person.as_str(), "somebody new");
}

/// More than are looked at together can't be erased; whoever is due after them is.
#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn who_can_not_be_erased_holds_up_nobody(#[case] engine: &str) {
    let world = World::open(engine).await;
    let mut people = Vec::new();
    for n in 0..22 {
        let (email, password) = (format!("person-{n}@example.org"), PASSWORD.to_owned());
        let new = NewUser { email, password, role: Role::BasicUser };
        people.push(world.auth.create_user(&testkit::operator_call(), &new).await.unwrap().id);
    }
    for person in &people {
        let path = format!("/api/v1/internal/privacy/people/{person}/erasure?waive_grace=true");
        world.json_as("POST", &path, "operator", &Value::Null).await.ok();
        world.advance(1);
    }
    // Nobody can say to which address mail of theirs went.
    for person in &people[..21] {
        let sql = "UPDATE auth_users SET email_sealed = $2 WHERE id = $1";
        world.db.execute(sql, args![person.0, &b"nonsense"[..]]).await.unwrap();
    }
    eraser(&world, tempfile::tempdir().unwrap().path()).once().await.unwrap();
    let sql = "SELECT user_id FROM auth_erasures WHERE erased_at IS NOT NULL";
    assert_eq!(world.db.fetch_all::<uuid::Uuid>(sql, args![]).await.unwrap(), [people[21].0]);
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_waived_grace_is_none_and_an_operator_can_do_it_for_them(#[case] engine: &str) {
    let world = World::open(engine).await;
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let token = own_token(&world, &mut browser).await;
    let people = "/api/v1/internal/privacy/people";
    let find = async |email: &str, token: &str| world.json_as("POST", people, token, &json!({ "email": email })).await;
    assert_eq!(find("ada@example.org", &token).await.status, StatusCode::FORBIDDEN);
    assert_eq!(find("nobody@example.org", "operator").await.status, StatusCode::NOT_FOUND);
    let id = find(" Ada@example.org", "operator").await.ok()["id"].as_str().unwrap().to_owned();
    let export = world.get_as(&format!("{people}/{id}"), "operator").await.ok();
    assert_eq!(export["account"]["email"], "ada@example.org");
    let erase = format!("{people}/{id}/erasure");
    assert_eq!(world.json_as("POST", &erase, "operator", &Value::Null).await.ok()["state"], "waiting");
    assert_eq!(world.json_as("DELETE", &erase, "operator", &Value::Null).await.status, StatusCode::NO_CONTENT);
    let now = world.json_as("POST", &format!("{erase}?waive_grace=true"), "operator", &Value::Null).await.ok();
    assert_eq!((&now["state"], &now["due_at"]), (&json!("waiting"), &now["requested_at"]));
    forget(&world, tempfile::tempdir().unwrap().path()).await;
    assert!(!world.opens(&token).await);
    assert_eq!(
        world.json_as("DELETE", &erase, "operator", &Value::Null).await.status,
        StatusCode::NOT_FOUND,
        "too late"
    );
    assert_eq!(find("ada@example.org", "operator").await.status, StatusCode::NOT_FOUND);
    let listed = world.get_as("/api/v1/internal/privacy/erasures", "operator").await.ok();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2, "{listed}");
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn an_operator_reports_on_somebody_and_opts_them_out(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (client, _) = world.client(false, false).await;
    let mut browser = Browser::signed_up(&world, ADA).await;
    browser.tokens(&client, "openid email read:content").await;
    let token = own_token(&world, &mut browser).await;
    let other = own_token(&world, &mut Browser::signed_up(&world, "eve@example.org").await).await;
    let of = |id: &str, what: &str| format!("/api/v1/internal/privacy/people/{id}/{what}");
    let (ada, eve) = (claims(&token)["sub"].clone(), claims(&other)["sub"].clone());
    let (ada, eve, nobody) = (ada.as_str().unwrap(), eve.as_str().unwrap(), uuid::Uuid::nil().to_string());
    let report = async |id: &str| world.get_as(&of(id, "report"), "operator").await;
    let opt = async |id: &str, out: bool| {
        world.json_as("PUT", &of(id, "opt-out"), "operator", &json!({ "opted_out": out })).await
    };

    let of_ada = report(ada).await.ok();
    let (line, hers) = (&of_ada["categories"][0], json!(["Test App"]));
    assert_eq!((&line["category"], &line["items"], &line["shared_with"]), (&json!("identifiers"), &json!(1), &hers));
    assert_eq!((&of_ada["reported_at"], &of_ada["opted_out_at"]), (&json!("2026-01-01T00:00:00Z"), &Value::Null));
    assert_eq!(report(eve).await.ok()["categories"][0]["shared_with"], json!([]), "not of hers");

    world.json_as("PUT", &format!("{CONSENTS}/sharing"), &token, &json!({ "granted": true })).await.ok();
    world.advance(60);
    let out = json!({ "opted_out": true, "since": "2026-01-01T00:01:00Z" });
    assert_eq!(opt(ada, true).await.ok(), out);
    world.advance(60);
    assert_eq!(opt(ada, true).await.ok(), out, "once");
    let own = async |token: &str| world.get_as("/api/v1/ccpa/data-report", token).await.ok()["opted_out_at"].clone();
    assert_eq!((own(&token).await, own(&other).await), (out["since"].clone(), Value::Null));
    let sharing = ("sharing", false);
    assert_eq!(granted(&world.get_as(CONSENTS, &token).await.ok())[2], sharing, "what she had allowed is taken back");
    assert_eq!(report(ada).await.ok()["opted_out_at"], out["since"]);
    assert_eq!(opt(ada, false).await.ok(), json!({ "opted_out": false, "since": null }));
    assert_eq!(own(&token).await, Value::Null);

    for (method, path) in [("GET", of(ada, "report")), ("PUT", of(ada, "opt-out"))] {
        let refused = world.json_as(method, &path, &token, &json!({ "opted_out": true })).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{method}: an operator's alone, also of oneself");
    }
    for answer in [report(&nobody).await, opt(&nobody, true).await, opt(&nobody, false).await] {
        assert_eq!((answer.status, &answer.json["code"]), (StatusCode::NOT_FOUND, &json!("no_such_user")));
    }
    let disable = format!("/api/v1/internal/auth/users/{ada}");
    world.json_as("PATCH", &disable, "operator", &json!({ "disabled": true })).await.ok();
    assert_eq!(opt(ada, true).await.ok()["opted_out"], true, "who can't sign in writes");
    opt(ada, false).await.ok();
    let erase = format!("{}?waive_grace=true", of(ada, "erasure"));
    world.json_as("POST", &erase, "operator", &Value::Null).await.ok();
    forget(&world, tempfile::tempdir().unwrap().path()).await;
    assert_eq!(opt(ada, true).await.status, StatusCode::NOT_FOUND, "nothing is noted of who is forgotten");
}

#[tokio::test]
async fn people_take_their_data_and_go_in_a_browser_without_script() {
    let world = World::open("sqlite").await;
    let mut browser = Browser::signed_up(&world, ADA).await;
    let taken = browser.get("/account/data").await;
    assert!(
        taken.header("content-disposition").starts_with("attachment") && taken.header("cache-control") == "no-store"
    );
    assert_eq!(taken.ok()["account"]["email"], ADA);
    assert_eq!(Browser::new(&world).get("/account/data").await.status, StatusCode::SEE_OTHER, "signed in only");
    let due = "will be erased on 2026-01-31T00:00:00Z";
    for (action, shown) in [("/account/erase", true), ("/account/erase", true), ("/account/keep", false)] {
        assert_eq!(browser.post(action, &[], &[]).await.status, StatusCode::FORBIDDEN, "not by a form of elsewhere");
        assert_eq!(browser.submit("/account", action, &[]).await.status, StatusCode::SEE_OTHER);
        assert_eq!(browser.get("/account").await.text.contains(due), shown);
    }
    browser.submit("/account", "/account/erase", &[]).await;
    world.advance(30 * 24 * 3600);
    forget(&world, tempfile::tempdir().unwrap().path()).await;
    let enter = [("email", ADA), ("password", PASSWORD)];
    assert_eq!(Browser::new(&world).submit("/login", "/login", &enter).await.status, StatusCode::FORBIDDEN);
}
