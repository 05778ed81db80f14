//! Operators administer accounts, clients, sessions and keys at the command line: beside a node, and on the folder of one
//! that does not run.

use std::{
    io::Write as _,
    process::{Output, Stdio},
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use stores::{Db, args};

use crate::{
    app::{PATIENCE, Setup, one_line},
    mail::Browser,
};

const PASSWORD: &str = "correct horse battery";
const EMAIL: &str = "ada@example.org";

/// What a command printed, which did what it was told.
pub fn good(setup: &Setup, args: &[&str]) -> String {
    let output = setup.run(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Opens an account; gives its id.
fn user(setup: &Setup, email: &str) -> String {
    let mut command = setup.command(&["auth", "users", "create", email]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn accounts_and_sessions_are_administered_with_a_node_and_without_one() {
    let setup = Setup::new();
    let ada = user(&setup, EMAIL);
    assert!(good(&setup, &["auth", "users", "list"]).starts_with(&format!("{ada}  basic_user  ")));
    good(&setup, &["auth", "users", "set-role", EMAIL, "moderator"]);
    let app = setup.start();
    let users = || good(&app.setup, &["auth", "users", "list"]);
    assert!(users().starts_with(&format!("{ada}  moderator  ")), "{}", users());
    let eve = user(&app.setup, "eve@example.org");
    assert!(users().lines().count() == 2 && users().contains(&eve));
    let enter = || Browser::new(&app).submit("/login", "/login", &[("email", EMAIL), ("password", PASSWORD)]);
    let sessions = |of: &str| good(&app.setup, &["auth", "sessions", "list", of]).lines().count();
    assert_eq!((enter(), enter(), sessions(&ada), sessions("eve@example.org")), (303, 303, 2, 0));
    good(&app.setup, &["auth", "sessions", "end", EMAIL]);
    assert_eq!(sessions("Ada@Example.org"), 0);
    good(&app.setup, &["auth", "users", "disable", EMAIL]);
    assert_eq!(enter(), 403);
    good(&app.setup, &["auth", "users", "enable", &ada]);
    assert_eq!(enter(), 303);
    assert!(!users().contains('@') && !good(&app.setup, &["audit", "export"]).contains('@'));
    for nobody in ["01900000-0000-7000-8000-000000000000", "nobody@example.org"] {
        for verb in [["users", "disable"], ["users", "enable"], ["sessions", "list"], ["sessions", "end"]] {
            one_line(&app.setup.run(&["auth", verb[0], verb[1], nobody]), 3, "there is no such account");
        }
    }
    assert_eq!(app.setup.run(&["auth", "users", "disable", "ada"]).status.code(), Some(2));
    let said = one_line(&app.setup.run(&["auth", "users", "create", "not an address"]), 2, "email address");
    assert_eq!(said.matches("address").count(), 1, "{said}");
}

#[test]
fn clients_and_signing_keys_are_administered_beside_a_node() {
    let app = Setup::new().start();
    let new = ["auth", "clients", "create", "robot", "--grant", "client_credentials", "--scopes", "read:content"];
    let made = good(&app.setup, &[&new[..], &["--confidential", "--role", "ingestion_service"]].concat());
    let (id, secret) = made.trim().split_once("  ").unwrap();
    assert!(good(&app.setup, &["auth", "clients", "list"]).contains(&format!("{id}  robot  client_credentials")));
    let token = || {
        let request = app.request("POST", "/oauth/token").basic_auth(id, Some(secret));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        app.send(request.body("grant_type=client_credentials"))
    };
    let opens =
        |token: &Value| app.send(app.request("GET", "/api/v1/auth/me").bearer_auth(token.as_str().unwrap())).status;
    let old = token().ok()["access_token"].take();
    assert_eq!((opens(&old), good(&app.setup, &["auth", "keys", "list"]).lines().count()), (200, 2));
    assert_eq!(good(&app.setup, &["auth", "keys", "rotate"]).lines().count(), 4, "the old ones verify for a while");
    assert_eq!((opens(&old), opens(&token().ok()["access_token"])), (200, 200));
    // By their ids: what is none is looked for as it was written.
    for nobody in ["robot", "my robot", "https://app.example/c?d=..#e"] {
        let sought = format!("has the id \"{nobody}\"");
        for verb in [["clients", "disable"], ["service-keys", "list"]] {
            one_line(&app.setup.run(&["auth", verb[0], verb[1], nobody]), 3, &sought);
        }
        one_line(&app.setup.run(&["auth", "service-keys", "create", nobody, "key"]), 3, &sought);
    }
    good(&app.setup, &["auth", "clients", "disable", id]);
    assert_eq!((opens(&old), token().status), (401, 401));
}

/// A part of a token.
fn part(token: &str, index: usize) -> Value {
    let text = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

#[test]
fn a_program_has_tokens_as_the_configuration_says_and_keys_with_a_quota_of_their_own() {
    const TOOLS: &str = "https://tools.example/";
    let setup = Setup::new().env("MEDIA_GATEWAY_AUTH_SIGNATURE", "ES256").env("MEDIA_GATEWAY_AUTH_RESOURCES", TOOLS);
    let app = setup.start();
    let new = ["auth", "clients", "create", "robot", "--grant", "client_credentials", "--scopes", "read:content"];
    let made = good(&app.setup, &[&new[..], &["--confidential", "--role", "service_account"]].concat());
    let (id, secret) = made.trim().split_once("  ").unwrap();
    let ask = |resource: &str| {
        let request = app.request("POST", "/oauth/token").basic_auth(id, Some(secret));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        app.send(request.body(format!("grant_type=client_credentials{resource}")))
    };
    let whoami = |token: &str| app.send(app.request("GET", "/api/v1/auth/me").bearer_auth(token));
    for (resource, audience, status) in
        [("", app.url("gateway"), 200), ("&resource=https%3A%2F%2Ftools.example%2F", TOOLS, 401)]
    {
        let token = ask(resource).ok()["access_token"].as_str().unwrap().to_owned();
        assert_eq!((&part(&token, 0)["alg"], &part(&token, 1)["aud"]), (&json!("ES256"), &json!(audience)));
        assert_eq!(whoami(&token).status, status, "this API is {}", app.url("gateway"));
    }
    let elsewhere = ask("&resource=https%3A%2F%2Felsewhere.example%2F");
    assert_eq!((elsewhere.status, &elsewhere.json["error"]), (400, &json!("invalid_target")));

    let made = good(&app.setup, &["auth", "service-keys", "create", id, "importer"]);
    let (key_id, key) = made.trim().split_once("  ").unwrap();
    let known = whoami(key);
    assert_eq!((known.status, known.header("ratelimit-policy")), (200, "\"quarter\";q=10000;w=900"), "{}", known.text);
    let listed = good(&app.setup, &["auth", "service-keys", "list", id]);
    assert!(listed.starts_with(&format!("{key_id}  importer  read:content  ")) && !listed.contains(key), "{listed}");
    good(&app.setup, &["auth", "service-keys", "end", id, key_id]);
    assert_eq!(whoami(key).status, 401);
}

#[tokio::test]
async fn the_audit_log_is_verified_and_exported() {
    let setup = Setup::new();
    let (ada, whole) = (user(&setup, EMAIL), good(&setup, &["audit", "verify"]));
    let exported = setup.run(&["audit", "export"]);
    let log = String::from_utf8(exported.stdout).unwrap();
    let entries: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let newest = entries.last().unwrap();
    let head = format!("{}:{}", newest["position"], newest["hash"].as_str().unwrap());
    assert!(whole.ends_with(&format!(" entries, unbroken\nhead {head}\n")), "{whole}");
    let found = |output: Output| serde_json::from_slice::<Value>(&output.stdout).unwrap();
    let told = found(setup.run(&["audit", "verify", "--json"]));
    let expected = json!({ "entries": entries.len(), "forgotten": 0, "broken_at": null, "head": head, "holds": null });
    assert_eq!(told, expected);
    assert!(String::from_utf8_lossy(&exported.stderr).ends_with(&format!("head {head}\n")));
    assert_eq!(whole.split(' ').next().unwrap(), entries.len().to_string());
    let opened = entries.iter().find(|entry| entry["action"] == "account.created").unwrap();
    assert!(opened["target"] == ada.as_str() && !log.contains(EMAIL), "{opened}");
    assert!(!opened["actor"].as_str().unwrap().contains(&ada), "they did not open it themselves: {opened}");
    let db = Db::open_sqlite(&setup.folder().join("media-gateway.db"), &testkit::fast()).await.unwrap();
    let position = opened["position"].as_i64().unwrap();
    db.execute("UPDATE auth_audit SET actor = 'user:nobody' WHERE position = $1", args![position]).await.unwrap();
    db.close().await;
    let broken = format!("the audit log is broken at entry {position}");
    one_line(&setup.run(&["audit", "verify"]), 1, &broken);
    let output = setup.run(&["audit", "verify", "--json"]);
    one_line(&output, 1, &broken);
    assert_eq!(found(output)["broken_at"], position);
}

/// Whoever can write to the database cuts off what was done last, and what the chain knows of its end.
#[tokio::test]
async fn an_audit_log_that_was_cut_off_is_held_against_its_head() {
    let setup = Setup::new();
    user(&setup, EMAIL);
    let head = good(&setup, &["audit", "verify"]).lines().last().unwrap().replace("head ", "");
    let verify = |head: &str| setup.run(&["audit", "verify", "--head", head]);
    assert!(verify(&head).status.success());
    let db = Db::open_sqlite(&setup.folder().join("media-gateway.db"), &testkit::fast()).await.unwrap();
    let position: i64 = head.split(':').next().unwrap().parse().unwrap();
    db.execute("DELETE FROM auth_audit WHERE position = $1", args![position]).await.unwrap();
    let sql = "UPDATE auth_audit_head SET position = $1, hash = (SELECT hash FROM auth_audit WHERE position = $1)";
    db.execute(sql, args![position - 1]).await.unwrap();
    db.close().await;
    assert!(setup.run(&["audit", "verify"]).status.success(), "the chain alone does not tell");
    one_line(&verify(&head), 3, &format!("does not hold entry {position} any more"));
    let output = setup.run(&["audit", "verify", "--json", "--head", &head]);
    one_line(&output, 3, "any more");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&found["holds"], &found["broken_at"]), (&json!(false), &Value::Null));
    assert_eq!(verify("newest").status.code(), Some(2));
}

/// Whoever deletes all of it, and what it knows of its end, leaves one that is broken, and not one that can't be read.
#[tokio::test]
async fn an_audit_log_without_its_head_is_broken() {
    let setup = Setup::new();
    user(&setup, EMAIL);
    let head = good(&setup, &["audit", "verify"]).lines().last().unwrap().replace("head ", "");
    let db = Db::open_sqlite(&setup.folder().join("media-gateway.db"), &testkit::fast()).await.unwrap();
    for table in ["auth_audit", "auth_audit_head"] {
        db.execute(format!("DELETE FROM {table}"), args![]).await.unwrap();
    }
    db.close().await;
    for verify in [&["audit", "verify"][..], &["audit", "verify", "--head", head.as_str()]] {
        one_line(&setup.run(verify), 1, "the audit log is broken: its head is gone");
    }
}

#[test]
fn a_node_logs_where_the_audit_log_ends() {
    let app = Setup::new().start();
    let since = Instant::now();
    let head = loop {
        let log = app.log();
        let line = log.lines().find(|line| line.contains("the audit log ends here"));
        if let Some(head) = line.and_then(|line| line.split_once("head=")) {
            break head.1.split_whitespace().next().unwrap().to_owned();
        }
        assert!(since.elapsed() < PATIENCE, "{log}");
        std::thread::sleep(Duration::from_millis(20));
    };
    good(&app.setup, &["audit", "verify", "--head", &head]);
}
