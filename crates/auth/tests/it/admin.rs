//! What operators do, API keys, key rotation, clients that describe themselves, and the audit log.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use auth::{AuthConfig, NewApiKey};
use axum::http::StatusCode;
use contracts::Role;
use futures::FutureExt as _;
use rstest::rstest;
use serde_json::{Value, json};
use stores::{Rows, args};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::world::{Browser, CALLBACK, ISSUER, World, claims, request};

const OPERATOR: &str = "operator";

/// A token of the web app's for whoever is signed in: one that may manage the account.
pub async fn own_token(world: &World, browser: &mut Browser<'_>) -> String {
    let to = format!("{}/signed-in", crate::world::ISSUER);
    let scope = "account:manage read:content write:watchlist";
    let answered = browser.authorize(auth::WEB_CLIENT, scope, &[("redirect_uri", &to)]).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", auth::WEB_CLIENT),
        ("code", &answered["code"]),
        ("redirect_uri", &to),
        ("code_verifier", crate::world::VERIFIER),
    ];
    let answer = world.form("/oauth/token", &form).await;
    let cookie = answer.header("set-cookie").to_owned();
    assert!(cookie.contains("HttpOnly; SameSite=Strict; Secure") && cookie.contains("Path=/oauth;"), "{cookie}");
    let reply = answer.ok();
    assert!(reply["refresh_token"].is_null(), "no script reads the web app's refresh token");
    // It comes back by itself, and from nowhere else.
    let pair = cookie.split(';').next().unwrap().to_owned();
    let form = [("grant_type", "refresh_token"), ("client_id", auth::WEB_CLIENT)];
    let evil = [("cookie", pair.as_str()), ("origin", "https://evil.example")];
    world.form_with("/oauth/token", &form, &evil).await.fails(400, "invalid_request");
    let again = world.form_with("/oauth/token", &form, &[("cookie", &pair)]).await.ok();
    again["access_token"].as_str().unwrap().to_owned()
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn people_make_and_end_their_own_api_keys(#[case] engine: &str) {
    let world = World::open(engine).await;
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let token = own_token(&world, &mut browser).await;
    let path = "/api/v1/auth/keys";
    let new = json!({ "name": "home", "scopes": "read:content", "expires_in_days": 1 });
    let made = world.json_as("POST", path, &token, &new).await.ok();
    let key = made["key"].as_str().unwrap();
    assert!(key.starts_with("mg_user_"));
    let me = world.get_as("/api/v1/auth/me", key).await.ok();
    assert_eq!((&me["subject"], &me["scopes"]), (&claims(&token)["sub"], &json!("read:content")));
    assert_eq!(world.get_as(path, key).await.status, StatusCode::FORBIDDEN, "a key makes no keys");
    world.note_uses().await;
    let listed = world.get_as(path, &token).await.ok();
    assert!(listed["items"][0]["last_used_at"].is_string() && !listed.to_string().contains(key), "{listed}");
    for wrong in [
        json!({ "name": "x", "scopes": "read:devices" }),
        json!({ "name": "x", "scopes": "account:manage" }),
        json!({ "name": "x", "scopes": "" }),
        json!({ "name": "", "scopes": "read:content" }),
        json!({ "name": "x", "scopes": "read:content", "expires_in_days": 0 }),
    ] {
        assert_eq!(world.json_as("POST", path, &token, &wrong).await.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let other = own_token(&world, &mut Browser::signed_up(&world, "eve@example.org").await).await;
    let one = format!("{path}/{}", made["id"].as_str().unwrap());
    assert_eq!(world.json_as("DELETE", &one, &other, &Value::Null).await.status, StatusCode::NOT_FOUND);
    world.advance(24 * 3600);
    assert_eq!(world.get_as("/api/v1/auth/me", key).await.status, StatusCode::UNAUTHORIZED, "it has expired");
    let token = own_token(&world, &mut browser).await;
    let made = world.json_as("POST", path, &token, &json!({ "name": "x", "scopes": "read:content" })).await.ok();
    let (one, key) = (format!("{path}/{}", made["id"].as_str().unwrap()), made["key"].as_str().unwrap());
    assert!(world.opens(key).await);
    assert_eq!(world.json_as("DELETE", &one, &token, &Value::Null).await.status, StatusCode::NO_CONTENT);
    assert!(!world.opens(key).await);
}

/// A process may not have heard yet that a token ended: its caller still stands there.
#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_token_that_has_ended_leaves_no_key_behind(#[case] engine: &str) {
    let world = World::open(engine).await;
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let token = own_token(&world, &mut browser).await;
    let call = world.call_of(&token);
    let new: NewApiKey = serde_json::from_value(json!({ "name": "home", "scopes": "read:content" })).unwrap();
    world.auth.create_api_key(&call, &new).await.unwrap();
    let change = [("old", crate::world::PASSWORD), ("new", "another horse battery")];
    assert_eq!(browser.submit("/account", "/account/password", &change).await.status, StatusCode::SEE_OTHER);
    assert_eq!(world.auth.create_api_key(&call, &new).await.unwrap_err().code, "bad_token");
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_key_for_a_models_tools_only_reads(#[case] engine: &str) {
    let world = World::open(engine).await;
    let token = own_token(&world, &mut Browser::signed_up(&world, "ada@example.org").await).await;
    let make = async |kind: &str, scopes: &str| {
        let new = json!({ "name": "assistant", "scopes": scopes, "kind": kind });
        world.json_as("POST", "/api/v1/auth/keys", &token, &new).await
    };
    for (kind, scopes, code) in [
        ("mcp", "read:content write:watchlist", "bad_scopes"),
        ("service", "read:content", "bad_kind"),
        ("robot", "read:content", "invalid_field"),
    ] {
        let refused = make(kind, scopes).await;
        assert_eq!((refused.status, &refused.json["code"]), (StatusCode::BAD_REQUEST, &json!(code)), "{kind}");
    }
    let made = make("mcp", "read:content").await.ok();
    let key = made["key"].as_str().unwrap();
    assert!(key.starts_with("mg_mcp_") && made["kind"] == "mcp", "{made}");
    assert!(make("user", "read:content write:watchlist").await.ok()["key"].as_str().unwrap().starts_with("mg_user_"));
    let listed = world.get_as("/api/v1/auth/keys", &token).await.ok();
    let mut kinds: Vec<_> =
        listed["items"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["mcp", "user"]);
    assert_eq!(world.get_as("/api/v1/auth/me", key).await.ok()["subject"], claims(&token)["sub"]);
    // Whatever is written of it, it does not write.
    let mut tx = world.db.begin().await.unwrap();
    tx.sees(Rows::All).await.unwrap();
    let table = if engine == "sqlite" { "auth_api_keys_rows" } else { "auth_api_keys" };
    let more = format!("UPDATE {table} SET scopes = 'admin:full read:content write:watchlist' WHERE kind = 'mcp'");
    tx.execute(more, args![]).await.unwrap();
    tx.commit().await.unwrap();
    world.auth.reload().await.unwrap();
    assert_eq!(world.get_as("/api/v1/auth/me", key).await.ok()["scopes"], "read:content");
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_program_has_keys_of_its_own(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (client, _) = world.service(Role::IngestionService).await;
    let (people, _) = world.client(true, false).await;
    let keys = |client: &str| format!("/api/v1/internal/auth/clients/{client}/keys");
    let new = json!({ "name": "importer", "scopes": "read:content", "expires_in_days": 1 });
    let token = own_token(&world, &mut Browser::signed_up(&world, "ada@example.org").await).await;
    assert_eq!(world.json_as("POST", &keys(&client), &token, &new).await.status, StatusCode::FORBIDDEN);
    assert_eq!(world.json_as("POST", &keys(&people), OPERATOR, &new).await.status, StatusCode::NOT_FOUND);
    for wrong in [
        json!({ "name": "x", "scopes": "read:watchlist" }),
        json!({ "name": "x", "scopes": "read:content", "kind": "mcp" }),
    ] {
        let refused = world.json_as("POST", &keys(&client), OPERATOR, &wrong).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let made = world.json_as("POST", &keys(&client), OPERATOR, &new).await.ok();
    let key = made["key"].as_str().unwrap();
    assert!(key.starts_with("mg_svc_") && made["kind"] == "service", "{made}");
    let me = world.get_as("/api/v1/auth/me", key).await.ok();
    assert_eq!((&me["subject"], &me["client"]), (&json!(client), &json!(client)));
    assert_eq!((&me["role"], &me["scopes"]), (&json!("ingestion_service"), &json!("read:content")));
    assert_eq!(world.get_as("/api/v1/auth/keys", key).await.status, StatusCode::FORBIDDEN, "it is no person");
    world.note_uses().await;
    let listed = world.get_as(&keys(&client), OPERATOR).await.ok();
    assert!(listed["items"][0]["last_used_at"].is_string() && !listed.to_string().contains(key), "{listed}");
    world.advance(24 * 3600);
    assert!(!world.opens(key).await, "it has ended");

    let new = json!({ "name": "importer", "scopes": "read:content" });
    let first = world.json_as("POST", &keys(&client), OPERATOR, &new).await.ok();
    let (key, one) = (first["key"].as_str().unwrap(), format!("{}/{}", keys(&client), first["id"].as_str().unwrap()));
    let elsewhere = format!("{}/{}", keys(&people), first["id"].as_str().unwrap());
    assert_eq!(world.json_as("DELETE", &elsewhere, OPERATOR, &Value::Null).await.status, StatusCode::NOT_FOUND);
    assert!(world.opens(key).await);
    assert_eq!(world.json_as("DELETE", &one, OPERATOR, &Value::Null).await.status, StatusCode::NO_CONTENT);
    assert!(!world.opens(key).await);
    // With its client they all end, also once the revocation is remembered no more.
    let key = world.json_as("POST", &keys(&client), OPERATOR, &new).await.ok()["key"].as_str().unwrap().to_owned();
    let one = format!("/api/v1/internal/auth/clients/{client}");
    assert_eq!(world.json_as("DELETE", &one, OPERATOR, &Value::Null).await.status, StatusCode::NO_CONTENT);
    assert!(!world.opens(&key).await);
    world.advance(3 * 3600);
    world.forget().await;
    world.keeper().step().await.unwrap();
    assert!(!world.opens(&key).await);
}

/// What is taken from somebody does not come back when its revocation is forgotten.
#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn keys_end_with_everything_else_and_for_good(#[case] engine: &str) {
    let world = World::open(engine).await;
    let token = own_token(&world, &mut Browser::signed_up(&world, "ada@example.org").await).await;
    let new = json!({ "name": "home", "scopes": "read:content" });
    let made = world.json_as("POST", "/api/v1/auth/keys", &token, &new).await.ok();
    let (key, person) = (made["key"].as_str().unwrap(), claims(&token)["sub"].as_str().unwrap().to_owned());
    assert!(world.opens(key).await);
    let sessions = format!("/api/v1/internal/auth/users/{person}/sessions");
    assert_eq!(world.json_as("DELETE", &sessions, OPERATOR, &Value::Null).await.status, StatusCode::NO_CONTENT);
    assert!(!world.opens(key).await);
    world.advance(3 * 3600);
    world.forget().await;
    world.keeper().step().await.unwrap();
    assert!(!world.opens(key).await);
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn an_operator_changes_what_people_hold(#[case] engine: &str) {
    let world = World::open(engine).await;
    let mut browser = Browser::signed_up(&world, "lovelace@example.org").await;
    let token = own_token(&world, &mut browser).await;
    let users = "/api/v1/internal/auth/users";
    assert_eq!(world.get_as(users, &token).await.status, StatusCode::FORBIDDEN);
    let listed = world.get_as(users, OPERATOR).await.ok();
    // No word that an id in hexadecimal may hold.
    assert!(!listed.to_string().contains("lovelace"), "an address is nobody's to list");
    let id = listed["items"][0]["id"].as_str().unwrap();
    let one = format!("{users}/{id}");
    let org = world.json_as("POST", "/api/v1/internal/auth/orgs", OPERATOR, &json!({ "name": "Films" })).await.ok();
    let org = org["id"].as_str().unwrap();
    let member = format!("/api/v1/internal/auth/orgs/{org}/members/{id}");
    assert_eq!(world.json_as("PUT", &member, OPERATOR, &Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(world.json_as("PUT", &member, OPERATOR, &Value::Null).await.status, StatusCode::CONFLICT);
    let in_org = own_token(&world, &mut browser).await;
    assert_eq!(claims(&in_org)["org"], org);
    assert_eq!(world.get_as("/api/v1/auth/me", &in_org).await.ok()["org"], org);
    let admin = json!({ "role": "admin" });
    assert_eq!(world.json_as("PATCH", &one, OPERATOR, &admin).await.status, StatusCode::NO_CONTENT);
    assert!(!world.opens(&in_org).await, "it says the old role");
    assert_eq!(
        world.json_as("PATCH", &one, OPERATOR, &json!({ "role": "mcp_server" })).await.status,
        StatusCode::BAD_REQUEST
    );
    world.advance(1);
    let fields = [("email", "lovelace@example.org"), ("password", crate::world::PASSWORD)];
    browser.submit("/login", "/login", &fields).await;
    let token = own_token(&world, &mut browser).await;
    assert_eq!(claims(&token)["roles"], json!(["admin"]));
    assert_eq!(world.get_as(users, &token).await.status, StatusCode::FORBIDDEN, "the scope is missing");
    assert_eq!(
        world.json_as("PATCH", &one, OPERATOR, &json!({ "disabled": true })).await.status,
        StatusCode::NO_CONTENT
    );
    assert!(!world.opens(&token).await);
    let closed = browser.submit("/login", "/login", &fields).await;
    assert_eq!(closed.status, StatusCode::FORBIDDEN);
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn keys_rotate_with_an_overlap(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (client, _) = world.client(false, false).await;
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let old = browser.tokens(&client, "read:content").await["access_token"].as_str().unwrap().to_owned();
    let path = "/api/v1/internal/auth/signing-keys";
    assert_eq!(world.json_as("POST", path, OPERATOR, &Value::Null).await.ok()["items"].as_array().unwrap().len(), 2);
    let kid = |token: &str| crate::world::head(token)["kid"].as_str().unwrap().to_owned();
    let published = |keys: Value| keys["keys"].as_array().unwrap().len();
    assert_eq!(published(browser.get("/oauth/jwks").await.ok()), 4, "the new are published before they sign");
    let same = browser.tokens(&client, "read:content").await["access_token"].as_str().unwrap().to_owned();
    assert_eq!(kid(&old), kid(&same));
    world.advance(601);
    let new = browser.tokens(&client, "read:content").await["access_token"].as_str().unwrap().to_owned();
    assert_ne!(kid(&old), kid(&new));
    assert!(world.opens(&new).await && world.opens(&same).await && world.opens(&old).await);
    world.advance(3600 + 600);
    world.keeper().step().await.unwrap();
    assert_eq!(published(browser.get("/oauth/jwks").await.ok()), 2);
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn signing_keys_are_rotated_by_themselves_after_half_a_year(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (client, _) = world.client(false, false).await;
    Browser::signed_up(&world, "ada@example.org").await.tokens(&client, "read:content").await;
    let look = async |days: i64| {
        world.advance(days * 24 * 3_600);
        world.renew().await;
        Browser::new(&world).get("/oauth/jwks").await.ok()["keys"].as_array().unwrap().len()
    };
    assert_eq!((look(179).await, look(1).await, look(0).await), (2, 4, 4), "once, while the old ones verify");
    assert_eq!(look(1).await, 2);
    let log = world.get_as("/api/v1/internal/auth/audit?limit=100", OPERATOR).await.ok();
    let rotated = log["items"].as_array().unwrap().iter().filter(|entry| entry["action"] == "keys.rotated");
    assert_eq!(rotated.map(|entry| entry["actor"].as_str().unwrap()).collect::<Vec<_>>(), ["system"]);
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn the_key_that_seals_is_changed_by_itself_after_ninety_days(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (client, _) = world.client(false, false).await;
    Browser::signed_up(&world, "ada@example.org").await.tokens(&client, "read:content").await;
    let look = async |days: i64| {
        world.advance(days * 24 * 3_600);
        world.renew().await;
        world.get_as("/api/v1/internal/auth/sealing-keys", OPERATOR).await.ok()
    };
    let held = |view: &Value| view["held"].as_array().unwrap().len();
    let (first, second, third) = (look(89).await, look(1).await, look(1).await);
    assert_eq!((held(&first), held(&second)), (1, 2));
    assert!(first["current"] != second["current"] && second["pending"] == 0, "{second}");
    assert_eq!(third["current"], second["current"], "once");
    let mut browser = Browser::new(&world);
    let fields = [("email", "ada@example.org"), ("password", crate::world::PASSWORD)];
    assert_eq!(browser.submit("/login", "/login", &fields).await.status, StatusCode::SEE_OTHER);
    assert!(browser.get("/account").await.text.contains("ada@example.org"), "what was sealed before opens");
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_client_that_ends_takes_its_tokens_along(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (client, _) = world.client(false, false).await;
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let reply = browser.tokens(&client, "read:content").await;
    let one = format!("/api/v1/internal/auth/clients/{client}");
    assert_eq!(world.json_as("DELETE", &one, OPERATOR, &Value::Null).await.status, StatusCode::NO_CONTENT);
    assert!(!world.opens(reply["access_token"].as_str().unwrap()).await);
    world.refresh(&client, reply["refresh_token"].as_str().unwrap()).await.fails(401, "invalid_client");
    assert_eq!(browser.get(&request(&client, "read:content", &[])).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(world.json_as("DELETE", &one, OPERATOR, &Value::Null).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_wrong_with_a_client_is_named() {
    let world = World::open("sqlite").await;
    let register = async |key: &str, value: Value| {
        let mut new = json!({ "name": "App", "redirect_uris": ["https://app.example/cb"], "scopes": "openid",
            "grant_types": ["authorization_code"] });
        new[key] = value;
        world.json_as("POST", "/api/v1/internal/auth/clients", OPERATOR, &new).await
    };
    for (key, value, code, named) in [
        ("scopes", json!("openid read:minds"), "unknown_scope", ["\"read:minds\"", "read:content, "]),
        ("scopes", json!("openid admin:full"), "bad_client", ["`scopes`", "`admin:full`"]),
        ("scopes", json!("account:manage"), "bad_client", ["`scopes`", "`account:manage`"]),
        (
            "redirect_uris",
            json!(["https://app.example/cb", "http://app.example/cb"]),
            "bad_client",
            ["`redirect_uris`", "\"http://app.example/cb\" must be https"],
        ),
        ("redirect_uris", json!([]), "bad_client", ["`redirect_uris`", "`authorization_code`"]),
        ("grant_types", json!(["authorization_code", "password"]), "bad_client", ["\"password\"", "device_code"]),
        ("name", json!(" "), "bad_client", ["`name`", "1 to 80"]),
    ] {
        let refused = register(key, value).await;
        assert_eq!((refused.status.as_u16(), refused.json["code"].as_str()), (400, Some(code)), "{}", refused.text);
        let detail = refused.json["detail"].as_str().unwrap();
        assert!(named.iter().all(|word| detail.contains(*word)), "{named:?}? {detail}");
    }
    // And so is what a client asks for that it does not have.
    let (client, _) = world.client(false, false).await;
    let beyond = [("client_id", client.as_str()), ("scope", "read:content admin:full")];
    let refused = world.form("/oauth/device", &beyond).await;
    refused.fails(400, "invalid_scope");
    let described = refused.json["error_description"].as_str().unwrap();
    assert!(described.ends_with(": admin:full"), "{described}");
}

/// Anybody can name such a host: were it waited for as long as it likes, a gateway would hold that against this role.
#[tokio::test]
async fn a_clients_host_that_says_nothing_is_not_waited_for() {
    let usual = AuthConfig::new(ISSUER, [7; 32]).metadata_timeout;
    let world = World::told(testkit::sqlite().await, |config| config.metadata_timeout = usual).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let id = format!("http://127.0.0.1:{}/app.json", silent.local_addr().unwrap().port());
    let since = Instant::now();
    let page = Browser::new(&world).get(&request(&id, "read:content", &[])).await;
    let took = since.elapsed();
    assert!(page.status == StatusCode::BAD_REQUEST && page.text.contains("did not answer in time"), "{}", page.text);
    assert!(took < Duration::from_secs(10), "{took:?}");
}

/// Anybody can have documents: there are so many at a time, and nothing is left of those that nobody asks for.
#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn clients_that_describe_themselves_are_bounded_and_forgotten(#[case] engine: &str) {
    let world = World::open(engine).await;
    let described = async || {
        let app = |at: &str| json!({ "client_id": format!("{at}/app.json"), "redirect_uris": [CALLBACK] });
        format!("{}/app.json", document(move |at| http("200 OK", "", &app(at).to_string())).await)
    };
    let (first, second) = (described().await, described().await);
    let ask = async |id: &str| Browser::new(&world).get(&request(id, "read:content", &[])).await;
    let count = async || world.db.fetch_one::<i64>("SELECT COUNT(*) FROM auth_clients", args![]).await.unwrap();
    let own = count().await;
    assert_eq!(ask(&first).await.status, StatusCode::SEE_OTHER, "on to sign in");
    let copy = "INSERT INTO auth_clients (id, name, redirect_uris, grant_types, scopes, own, bound, refresh_in_cookie,
            metadata_until, created_at)
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
        SELECT 'https://app-' || n.i || '.example/c', c.name, c.redirect_uris, c.grant_types, c.scopes, c.own, c.bound,
            c.refresh_in_cookie, c.metadata_until, c.created_at FROM n, auth_clients c WHERE c.id = $1";
    world.db.execute(copy, args![first.as_str()]).await.unwrap();
    let refused = ask(&second).await;
    assert!(refused.status == StatusCode::BAD_REQUEST && refused.text.contains("too many others"), "{}", refused.text);
    assert_eq!(ask(&first).await.status, StatusCode::SEE_OTHER, "who is known stays so");
    world.advance(3_601);
    assert_eq!(ask(&second).await.status, StatusCode::SEE_OTHER, "an hour is over");
    world.advance(24 * 3_600);
    world.forget().await;
    assert_eq!(count().await, own + 1, "that one until a day after its hour");
    world.advance(3_601);
    world.forget().await;
    assert_eq!(count().await, own);
    assert_eq!(ask(&first).await.status, StatusCode::SEE_OTHER, "it is read again");
}

/// Serves one answer to everybody, at an address of this machine.
pub async fn document(answer: impl Fn(&str) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let at = base.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut read = [0; 2048];
            let _ = stream.read(&mut read).await;
            let _ = stream.write_all(answer(&at).as_bytes()).await;
        }
    });
    base
}

pub fn http(status: &str, extra: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{extra}content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_client_can_describe_itself(#[case] engine: &str) {
    let world = World::open(engine).await;
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let good = document(|at| {
        let body =
            json!({ "client_id": format!("{at}/app.json"), "client_name": "Self-made", "redirect_uris": [CALLBACK] });
        http("200 OK", "", &body.to_string())
    })
    .await;
    let page = browser.get(&request(&format!("{good}/app.json"), "read:content", &[])).await;
    assert!(page.status == StatusCode::OK && page.text.contains("Self-made (127.0.0.1)"), "{}", page.text);
    let admin = browser.get(&request(&format!("{good}/app.json"), "account:manage", &[])).await;
    assert_eq!(admin.sent_to()["error"], "invalid_scope");
    assert_eq!(
        browser.get(&request(&format!("{good}/other.json"), "read:content", &[])).await.status,
        StatusCode::BAD_REQUEST
    );
    let moved = document(move |_| http("302 Found", "location: http://127.0.0.1:1/app.json\r\n", "")).await;
    let long = document(|_| http("200 OK", "", &"x".repeat(20_000))).await;
    for (base, why) in [(moved, "did not answer 200"), (long, "longer than 16 KiB")] {
        let page = browser.get(&request(&format!("{base}/app.json"), "read:content", &[])).await;
        assert!(page.status == StatusCode::BAD_REQUEST && page.text.contains(why), "{}", page.text);
    }
    for private in ["https://10.0.0.1/app.json", "https://169.254.169.254/latest", "https://[::ffff:10.0.0.1]/a"] {
        let page = browser.get(&request(private, "read:content", &[])).await;
        assert!(page.text.contains("not a public one") || page.text.contains("usual way"), "{private}: {}", page.text);
    }
}

/// Where the hosts of a test are.
fn whereabouts(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    let all: Vec<IpAddr> = match host.as_str() {
        "inside.example" => vec![[10, 0, 0, 1].into()],
        "cloud.example" => vec![[169, 254, 169, 254].into()],
        "here.example" => vec![[127, 0, 0, 1].into()],
        "half.example" => vec![[8, 8, 8, 8].into(), [192, 168, 0, 1].into()],
        "nowhere.example" => Vec::new(),
        _ => return Err(io::ErrorKind::NotFound.into()),
    };
    Ok(all.into_iter().map(|ip| (ip, port).into()).collect())
}

#[tokio::test]
async fn a_client_whose_name_leads_inside_is_not_asked() {
    let world = World::told(testkit::sqlite().await, |config| {
        config.metadata_from_loopback = false;
        config.lookup = Arc::new(|host: String, port: u16| std::future::ready(whereabouts(host, port)).boxed());
    });
    let world = world.await;
    for (host, why) in [
        ("inside.example", "its host is not a public one"),
        ("cloud.example", "its host is not a public one"),
        ("here.example", "its host is not a public one"),
        ("half.example", "its host is not a public one"),
        ("nowhere.example", "its host is not a public one"),
        ("unknown.example", "its host is not known"),
    ] {
        let page = Browser::new(&world).get(&request(&format!("https://{host}/app.json"), "read:content", &[])).await;
        assert!(page.status == StatusCode::BAD_REQUEST && page.text.contains(why), "{host}: {}", page.text);
    }
}

/// Who connects to the name again may be led elsewhere than to what was looked at.
#[tokio::test]
async fn a_clients_host_is_looked_up_once_and_asked_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let world = World::told(testkit::sqlite().await, move |config| {
        config.lookup = Arc::new(move |_: String, _: u16| {
            // What a second answer would be is no address of anybody's.
            let first = count.fetch_add(1, Ordering::SeqCst) == 0;
            let found: io::Result<_> = if first { Ok(vec![here]) } else { Err(io::ErrorKind::NotFound.into()) };
            std::future::ready(found).boxed()
        });
    });
    let world = world.await;
    let mut browser = Browser::new(&world);
    // A name that no other lookup knows (RFC 6761, section 6.4).
    let id = format!("https://client.invalid:{}/app.json", here.port());
    let address = request(&id, "read:content", &[]);
    let (page, came) = tokio::join!(browser.get(&address), async {
        let came = tokio::time::timeout(Duration::from_secs(60), listener.accept()).await;
        // It speaks no TLS: the answer is that it can't be asked.
        came.is_ok()
    });
    assert!(came && asked.load(Ordering::SeqCst) == 1, "{}", page.text);
    assert!(page.status == StatusCode::BAD_REQUEST && page.text.contains("it does not answer"), "{}", page.text);
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn the_audit_log_shows_what_was_touched(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (client, _) = world.client(false, false).await;
    Browser::signed_up(&world, "ada@example.org").await.tokens(&client, "read:content").await;
    let verdict = || async { world.get_as("/api/v1/internal/auth/audit/verdict", OPERATOR).await.ok() };
    let whole = verdict().await;
    assert!(whole["broken_at"].is_null() && whole["entries"].as_i64().unwrap() >= 4, "{whole}");
    let log = world.get_as("/api/v1/internal/auth/audit?limit=100", OPERATOR).await.ok();
    let actions: Vec<_> =
        log["items"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    for action in ["client.created", "account.created", "session.created", "consent.given", "token.issued"] {
        assert!(actions.contains(&action), "no {action} in {actions:?}");
    }
    assert!(!log.to_string().contains("ada@"), "no address is in it");
    for (change, broken) in [
        ("UPDATE auth_audit SET actor = 'nobody' WHERE position = 2", 2),
        ("DELETE FROM auth_audit WHERE position = 1", 1),
    ] {
        world.db.execute(change, args![]).await.unwrap();
        assert_eq!(verdict().await["broken_at"], broken, "{change}");
    }
    assert_eq!(world.get_as("/api/v1/internal/auth/audit", "x").await.status, StatusCode::UNAUTHORIZED);
}
