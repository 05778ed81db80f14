//! What is done to accounts, keys, clients and consents is in the audit log: one entry each, by whom and to whom.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use auth::WEB_CLIENT;
use contracts::Role;
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    admin::{document, http, own_token},
    authenticator::Authenticator,
    devices,
    elsewhere::Elsewhere,
    factors,
    mail::{Box as Outbox, RESET, VERIFY, code, forgot, reset},
    privacy::forget,
    providers::{link, settled},
    world::{Browser, CALLBACK, PASSWORD, World, claims, hidden, request},
};

const EMAIL: &str = "ada@example.org";
const OPERATOR: &str = "operator";
/// In place of an id that the deed has just made.
const MADE: &str = "*";
/// What a token of the web app's is stated by.
const TOKEN: [(&str, &str, &str); 3] =
    [("code.issued", "ada", WEB_CLIENT), ("token.issued", "ada", WEB_CLIENT), ("token.refreshed", "ada", WEB_CLIENT)];
/// Of which kind each action is (A7). A new one is placed here.
const KINDS: [(&str, &[&str]); 6] = [
    (
        "CREATE",
        &[
            "account.created",
            "api_key.created",
            "client.created",
            "client.fetched",
            "erasure.requested",
            "identity.linked",
            "keys.created",
            "org.created",
            "org.joined",
            "passkey.added",
            "service_key.created",
        ],
    ),
    ("READ", &["privacy.exported", "privacy.looked_up", "privacy.reported", "sessions.read"]),
    (
        "UPDATE",
        &[
            "account.disabled",
            "account.enabled",
            "account.role_set",
            "age_limit.set",
            "client.disabled",
            "consent.granted",
            "email.verified",
            "erasure.cancelled",
            "keys.rotated",
            "password.changed",
            "password.reset",
            "privacy.opted_in",
            "privacy.opted_out",
            "sealing_key.rotated",
        ],
    ),
    (
        "DELETE",
        &[
            "age_limit.ended",
            "api_key.ended",
            "consent.withdrawn",
            "identity.unlinked",
            "passkey.ended",
            "person.erased",
            "service_key.ended",
        ],
    ),
    ("SCHEMA_CHANGES", &["schema.changed"]),
    (
        "AUTHENTICATION",
        &[
            "account.locked",
            "account.signed_out",
            "code.issued",
            "consent.denied",
            "consent.given",
            "device.allowed",
            "device.denied",
            "factor.begun",
            "factor.confirmed",
            "factor.ended",
            "factor.shown",
            "family.revoked",
            "passkey.copied",
            "session.created",
            "session.ended",
            "sign_in.failed",
            "token.issued",
            "token.refreshed",
            "token.revoked",
        ],
    ),
];
/// Of refusals and of the log itself: `denials` and `retention` say when these are stated.
const ELSEWHERE: [&str; 4] = ["access.denied", "access.denied_again", "access.denied_others", "audit.forgotten"];
/// Texts of the source that look like actions: kinds of events, and what a browser signs.
const NO_ACTIONS: [&str; 4] = ["auth.changed", "auth.revoked", "webauthn.create", "webauthn.get"];
/// What other contexts state, and whose test shows it.
const OUTSIDE: [(&str, &str); 19] = [
    ("configuration.reloaded", "media-gateway/tests/it/reload.rs"),
    ("database_user.created", "media-gateway/tests/it/database_users.rs"),
    ("database_user.left", "media-gateway/tests/it/database_users.rs"),
    ("database_user.password_changed", "media-gateway/tests/it/database_password.rs"),
    ("database_user.settled", "media-gateway/tests/it/database_users.rs"),
    ("event.discarded", "gateway/src/dead_letters/tests.rs"),
    ("event.retried", "media-gateway/tests/it/dead_letters.rs"),
    ("ingest.started", "media-gateway/tests/it/curation.rs"),
    ("ingest.stopped", "ingest/tests/it/runs.rs"),
    ("job.started", "media-gateway/tests/it/curation.rs"),
    ("job.stopped", "ingest/tests/it/jobs.rs"),
    ("offers.withdrawn", "media-gateway/tests/it/grpc.rs"),
    ("record.unmerged", "media-gateway/tests/it/curation.rs"),
    ("records.ingested", "media-gateway/tests/it/grpc.rs"),
    ("review.accepted", "media-gateway/tests/it/curation.rs"),
    ("review.rejected", "media-gateway/tests/it/curation.rs"),
    ("sample.started", "ingest/tests/it/runs.rs"),
    ("source.linked", "media-gateway/tests/it/link.rs"),
    ("source.unlinked", "media-gateway/tests/it/link.rs"),
];

/// The log as it grows.
struct Log<'a> {
    world: &'a World,
    /// Her id, which reads `ada` below.
    ada: String,
    after: Cell<i64>,
    said: RefCell<BTreeSet<String>>,
}

impl Log<'_> {
    /// What was done since the last look is stated by these entries and no others: action, actor and target of each.
    async fn says(&self, expected: &[(&str, &str, &str)]) {
        let path = format!("/api/v1/internal/auth/audit?limit=100&after={}", self.after.get());
        let page = self.world.get_as(&path, OPERATOR).await.ok();
        let mut news = Vec::new();
        for entry in page["items"].as_array().unwrap() {
            self.after.set(entry["position"].as_i64().unwrap());
            let [action, actor, target] = ["action", "actor", "target"].map(|name| self.plain(&entry[name]));
            let kind = KINDS.iter().find(|(_, actions)| actions.iter().any(|known| *known == action));
            assert_eq!(entry["kind"].as_str(), kind.map(|(kind, _)| *kind), "{action}");
            self.said.borrow_mut().insert(action.clone());
            news.push((action, actor, target));
        }
        let same = |((action, actor, target), wanted): (&(String, String, String), &(&str, &str, &str))| {
            let made = wanted.2 == MADE && !target.is_empty();
            (action.as_str(), actor.as_str()) == (wanted.0, wanted.1) && (made || target == wanted.2)
        };
        let all = news.len() == expected.len() && news.iter().zip(expected).all(same);
        assert!(all, "{news:?} in place of {expected:?}");
    }

    fn plain(&self, text: &Value) -> String {
        text.as_str().unwrap().replace(&format!("user:{}", self.ada), "ada").replace(&self.ada, "ada")
    }

    /// Does what succeeds for whoever holds `token`; what is answered.
    async fn done(&self, method: &str, path: &str, token: &str, body: &Value) -> Value {
        self.world.json_as(method, path, token, body).await.ok()
    }
}

/// The sources in a folder, without their tests.
fn sources(folder: PathBuf) -> Vec<String> {
    let (mut folders, mut found) = (vec![folder], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
                found.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }
    found
}

/// Every text of these sources that looks like an action, outside of the examples of a document.
fn actions<'a>(sources: impl IntoIterator<Item = &'a String>) -> BTreeSet<&'a str> {
    let lines = sources.into_iter().flat_map(|source| source.lines()).filter(|line| !line.contains("schema(example"));
    lines.flat_map(|line| line.split('"')).filter(|text| is_action(text)).collect()
}

fn is_action(text: &str) -> bool {
    let word = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let parts = text.split_once('.').filter(|(of, what)| word(of) && word(what));
    parts.is_some_and(|(_, what)| what != "html") && !NO_ACTIONS.contains(&text)
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn every_deed_is_one_entry_with_who_did_it_and_to_whom(#[case] engine: &str) {
    let (world, elsewhere) = settled(engine).await;
    let mut ada = Browser::signed_up(&world, EMAIL).await;
    let token = own_token(&world, &mut ada).await;
    let id = claims(&token)["sub"].as_str().unwrap().to_owned();
    let log = Log { world: &world, ada: id, after: Cell::new(0), said: RefCell::default() };
    log.says(&[
        ("schema.changed", "system", MADE),
        ("account.created", "ada", ""),
        ("session.created", "ada", MADE),
        TOKEN[0],
        ("keys.created", "client:media-gateway", ""),
        TOKEN[1],
        TOKEN[2],
    ])
    .await;

    passwords(&log, &mut ada).await;
    ways_in(&log, &mut ada, &elsewhere).await;
    programs(&log, &mut ada).await;
    appliances(&log, &mut ada).await;
    wishes(&log, &mut ada).await;
    keepers(&log).await;
    operators(&log).await;
    let said = log.said.into_inner();
    let shown: BTreeSet<&str> = said.iter().map(String::as_str).chain(ELSEWHERE).collect();
    let sources = sources(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert_eq!(shown, actions(&sources), "what is shown here and what the source states");
}

#[test]
fn every_deed_outside_of_accounts_is_shown_by_a_test() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folders = std::fs::read_dir(crates).unwrap().map(|entry| entry.unwrap().path());
    let others = folders.filter(|path| !path.ends_with("auth")).map(|path| path.join("src"));
    let sources: Vec<String> = others.filter(|path| path.is_dir()).flat_map(sources).collect();
    let stating = sources.iter().filter(|source| source.contains("Deed {"));
    let listed = BTreeSet::from(OUTSIDE.map(|(action, _)| action));
    assert_eq!(listed, actions(stating), "what is listed and what is stated");
    for (action, test) in OUTSIDE {
        let text = std::fs::read_to_string(crates.join(test)).unwrap();
        assert!(text.contains(action), "{test} does not show {action}");
    }
}

async fn enter(log: &Log<'_>, ada: &mut Browser<'_>) {
    let answer = ada.submit("/login", "/login", &[("email", EMAIL), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    log.says(&[("session.created", "ada", MADE)]).await;
}

async fn passwords(log: &Log<'_>, ada: &mut Browser<'_>) {
    let (world, post) = (log.world, Outbox::new());
    for action in ["sign_in.failed", "sign_in.failed", "sign_in.failed", "sign_in.failed", "account.locked"] {
        let wrong = [("email", EMAIL), ("password", "wrong password")];
        Browser::new(world).submit("/login", "/login", &wrong).await;
        log.says(&[(action, "ada", "")]).await;
    }
    world.advance(31);
    let confirm = post.link(world, VERIFY).await;
    ada.submit(&confirm, "/verify", &[("code", code(&confirm))]).await;
    log.says(&[("email.verified", "ada", "")]).await;
    let change = [("old", PASSWORD), ("new", "another horse battery")];
    ada.submit("/account", "/account/password", &change).await;
    log.says(&[("password.changed", "ada", "")]).await;
    forgot(world, EMAIL).await;
    reset(world, &post.link(world, RESET).await, PASSWORD).await;
    log.says(&[("password.reset", "ada", "")]).await;
    world.advance(1);
    enter(log, ada).await;
    ada.submit("/account", "/logout", &[]).await;
    log.says(&[("session.ended", "ada", MADE)]).await;
    enter(log, ada).await;
}

async fn ways_in(log: &Log<'_>, ada: &mut Browser<'_>, elsewhere: &Elsewhere) {
    let (_, backup) = factors::add(ada).await;
    log.says(&[("factor.begun", "ada", ""), ("factor.confirmed", "ada", "")]).await;
    let mut half = Browser::new(log.world);
    half.submit("/login", "/login", &[("email", EMAIL), ("password", PASSWORD)]).await;
    log.says(&[]).await;
    half.submit("/login/code", "/login/code", &[("code", &backup[0])]).await;
    log.says(&[("factor.shown", "ada", ""), ("session.created", "ada", MADE)]).await;
    ada.submit("/account", "/account/factor/end", &[("code", &backup[1])]).await;
    log.says(&[("factor.shown", "ada", ""), ("factor.ended", "ada", "")]).await;

    let mut authenticator = Authenticator::new();
    authenticator.add(ada).await;
    let passkey = hidden(&ada.get("/account").await.text, "passkey");
    log.says(&[("passkey.added", "ada", &passkey)]).await;
    authenticator.sign_in(&mut Browser::new(log.world)).await;
    log.says(&[("session.created", "ada", MADE)]).await;
    authenticator.step = 0;
    authenticator.sign_in(&mut Browser::new(log.world)).await;
    log.says(&[("passkey.copied", "ada", &passkey)]).await;
    // She was signed out.
    log.world.advance(1);
    enter(log, ada).await;
    ada.submit("/account", "/account/passkey/end", &[("passkey", &passkey)]).await;
    log.says(&[("passkey.ended", "ada", &passkey)]).await;

    link(ada, elsewhere, "github").await;
    log.says(&[("identity.linked", "ada", "")]).await;
    ada.submit("/account", "/account/unlink", &[("provider", "github")]).await;
    log.says(&[("identity.unlinked", "ada", "")]).await;
}

/// What programs are allowed, and what becomes of their tokens.
async fn programs(log: &Log<'_>, ada: &mut Browser<'_>) {
    let world = log.world;
    let (client, _) = world.client(false, false).await;
    let by_client = format!("client:{client}");
    log.says(&[("client.created", "operator", &client)]).await;
    let page = request(&client, "read:content", &[]);
    let form = hidden(&ada.get(&page).await.text, "form_token");
    ada.post(&page, &[("form_token", &form), ("decision", "deny")], &[]).await;
    log.says(&[("consent.denied", "ada", &client)]).await;
    let stolen = ada.code(&client, "read:content").await;
    log.says(&[("consent.given", "ada", &client)]).await;
    world.redeem(&client, &stolen).await.ok();
    log.says(&[("token.issued", "ada", &client)]).await;
    world.redeem(&client, &stolen).await.fails(400, "invalid_grant");
    log.says(&[("family.revoked", &by_client, MADE)]).await;

    let reply = ada.tokens(&client, "read:content").await;
    log.says(&[("code.issued", "ada", &client), ("token.issued", "ada", &client)]).await;
    let reply = world.refresh(&client, reply["refresh_token"].as_str().unwrap()).await.ok();
    log.says(&[("token.refreshed", "ada", &client)]).await;
    let token = reply["refresh_token"].as_str().unwrap();
    world.form("/oauth/revoke", &[("client_id", &client), ("token", token)]).await;
    log.says(&[("token.revoked", &by_client, MADE)]).await;

    let base = document(|at| {
        let id = format!("{at}/app.json");
        let body = json!({ "client_id": id, "client_name": "Self-made", "redirect_uris": [CALLBACK] });
        http("200 OK", "", &body.to_string())
    });
    let id = format!("{}/app.json", base.await);
    ada.get(&request(&id, "read:content", &[])).await;
    log.says(&[("client.fetched", &format!("client:{id}"), "")]).await;
}

async fn appliances(log: &Log<'_>, ada: &mut Browser<'_>) {
    let world = log.world;
    let (client, _) = world.client(false, false).await;
    log.says(&[("client.created", "operator", &client)]).await;
    for (decision, action) in [("deny", "device.denied"), ("allow", "device.allowed")] {
        let (device, code) = devices::begin(world, &client).await;
        let page = format!("/device?user_code={code}");
        ada.submit(&page, "/device", &[("decision", decision), ("user_code", &code)]).await;
        log.says(&[(action, "ada", "")]).await;
        let asked = [("grant_type", "device_code"), ("client_id", &client), ("device_code", &device)];
        let answer = world.form("/oauth/token", &asked).await;
        assert_eq!(answer.status == 200, decision == "allow", "{}", answer.text);
        let issued = [("token.issued", "ada", client.as_str())];
        log.says(&issued[..usize::from(decision == "allow")]).await;
    }
}

/// What people do with their account over the API.
async fn wishes(log: &Log<'_>, ada: &mut Browser<'_>) {
    let token = own_token(log.world, ada).await;
    log.says(&TOKEN).await;
    let key = json!({ "name": "home", "scopes": "read:content" });
    let made = log.done("POST", "/api/v1/auth/keys", &token, &key).await;
    let key = made["id"].as_str().unwrap();
    log.says(&[("api_key.created", "ada", key)]).await;
    log.done("DELETE", &format!("/api/v1/auth/keys/{key}"), &token, &Value::Null).await;
    log.says(&[("api_key.ended", "ada", key)]).await;
    for (method, path, body, action) in [
        ("PUT", "privacy/consents/sharing", json!({ "granted": true }), "consent.granted"),
        ("PUT", "privacy/consents/sharing", json!({ "granted": false }), "consent.withdrawn"),
        ("PUT", "ccpa/opt-out", json!({ "opted_out": true }), "privacy.opted_out"),
        ("PUT", "ccpa/opt-out", json!({ "opted_out": false }), "privacy.opted_in"),
        ("PUT", "auth/age-limit", json!({ "max_age": 12 }), "age_limit.set"),
        ("DELETE", "auth/age-limit", Value::Null, "age_limit.ended"),
        ("GET", "gdpr/data-export", Value::Null, "privacy.exported"),
        ("GET", "ccpa/data-report", Value::Null, "privacy.reported"),
        ("DELETE", "gdpr/delete-account", Value::Null, "erasure.requested"),
        ("DELETE", "privacy/erasure", Value::Null, "erasure.cancelled"),
    ] {
        log.done(method, &format!("/api/v1/{path}"), &token, &body).await;
        log.says(&[(action, "ada", "ada")]).await;
    }
}

/// What operators do with keys and programs.
async fn keepers(log: &Log<'_>) {
    let (id, secret) = log.world.service(Role::McpServer).await;
    log.says(&[("client.created", "operator", &id)]).await;
    let form = [("grant_type", "client_credentials"), ("client_id", &id), ("client_secret", &secret)];
    log.world.form("/oauth/token", &form).await.ok();
    log.says(&[("token.issued", &format!("client:{id}"), "")]).await;
    let client = format!("/api/v1/internal/auth/clients/{id}");
    let key = json!({ "name": "importer", "scopes": "read:content" });
    let made = log.done("POST", &format!("{client}/keys"), OPERATOR, &key).await;
    let key = made["id"].as_str().unwrap();
    log.says(&[("service_key.created", "operator", key)]).await;
    log.done("DELETE", &format!("{client}/keys/{key}"), OPERATOR, &Value::Null).await;
    log.says(&[("service_key.ended", "operator", key)]).await;
    log.done("DELETE", &client, OPERATOR, &Value::Null).await;
    log.says(&[("client.disabled", "operator", &id)]).await;
    log.done("POST", "/api/v1/internal/auth/signing-keys", OPERATOR, &Value::Null).await;
    log.says(&[("keys.rotated", "operator", "")]).await;
    log.done("POST", "/api/v1/internal/auth/sealing-keys", OPERATOR, &Value::Null).await;
    log.says(&[("sealing_key.rotated", "operator", MADE)]).await;
}

/// What operators do with people, until nothing is left of them.
async fn operators(log: &Log<'_>) {
    let users = "/api/v1/internal/auth/users";
    let new = json!({ "email": "cy@example.org", "password": PASSWORD, "role": "basic_user" });
    let opened = log.done("POST", users, OPERATOR, &new).await;
    log.says(&[("account.created", "operator", opened["id"].as_str().unwrap())]).await;
    let org = log.done("POST", "/api/v1/internal/auth/orgs", OPERATOR, &json!({ "name": "Films" })).await;
    let org = org["id"].as_str().unwrap();
    log.says(&[("org.created", "operator", org)]).await;
    let (user, person) = (format!("{users}/{}", log.ada), format!("/api/v1/internal/privacy/people/{}", log.ada));
    for (method, path, body, action) in [
        ("PUT", format!("/api/v1/internal/auth/orgs/{org}/members/{}", log.ada), Value::Null, "org.joined"),
        ("PATCH", user.clone(), json!({ "role": "moderator" }), "account.role_set"),
        ("PATCH", user.clone(), json!({ "disabled": true }), "account.disabled"),
        ("PATCH", user.clone(), json!({ "disabled": false }), "account.enabled"),
        ("GET", format!("{user}/sessions"), Value::Null, "sessions.read"),
        ("DELETE", format!("{user}/sessions"), Value::Null, "account.signed_out"),
        ("POST", "/api/v1/internal/privacy/people".to_owned(), json!({ "email": EMAIL }), "privacy.looked_up"),
        ("GET", person.clone(), Value::Null, "privacy.exported"),
        ("GET", format!("{person}/report"), Value::Null, "privacy.reported"),
        ("PUT", format!("{person}/opt-out"), json!({ "opted_out": true }), "privacy.opted_out"),
        ("PUT", format!("{person}/opt-out"), json!({ "opted_out": false }), "privacy.opted_in"),
        ("POST", format!("{person}/erasure"), Value::Null, "erasure.requested"),
        ("DELETE", format!("{person}/erasure"), Value::Null, "erasure.cancelled"),
        ("POST", format!("{person}/erasure?waive_grace=true"), Value::Null, "erasure.requested"),
    ] {
        log.done(method, &path, OPERATOR, &body).await;
        log.says(&[(action, "operator", "ada")]).await;
    }
    forget(log.world, tempfile::tempdir().unwrap().path()).await;
    log.says(&[("person.erased", "system", "ada")]).await;
}
