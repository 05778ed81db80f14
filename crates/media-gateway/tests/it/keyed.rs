//! Writes under an `Idempotency-Key`: each that the document gives the header is done once and answered twice, and each
//! `POST` without it is named here with its reason.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use stores::{Db, args};
use tempfile::TempDir;

use crate::{
    app::{Answer, App, Setup},
    fixtures,
    identities::people::{ISSUER, PASSWORD, People},
};

const REPLAYED: &str = "idempotency-replayed";

/// An operation, its path with names in braces, and its body.
type Write = (&'static str, &'static str, &'static str);

/// The writes that take a key.
const KEYED: &[Write] = &[
    ("create_api_key", "/api/v1/auth/keys", r#"{"name":"mine","scopes":"read:content"}"#),
    ("add_history", "/api/v1/user/history", r#"{"content_id":"{title}"}"#),
    ("create_org", "/api/v1/internal/auth/orgs", r#"{"name":"New"}"#),
    (
        "create_user",
        "/api/v1/internal/auth/users",
        r#"{"email":"new@example.org","password":"correct horse battery","role":"basic_user"}"#,
    ),
    (
        "create_client",
        "/api/v1/internal/auth/clients",
        r#"{"name":"robot","grant_types":["client_credentials"],"scopes":"read:content","confidential":true,"role":"service_account"}"#,
    ),
    (
        "create_service_key",
        "/api/v1/internal/auth/clients/{service}/keys",
        r#"{"name":"robot","scopes":"read:content"}"#,
    ),
    ("rotate_signing_keys", "/api/v1/internal/auth/signing-keys", ""),
    ("rotate_sealing", "/api/v1/internal/auth/sealing-keys", ""),
    ("accept_review", "/api/v1/internal/catalog/reviews/{question_0}/accept", ""),
    ("reject_review", "/api/v1/internal/catalog/reviews/{question_1}/reject", ""),
    ("unmerge_record", "/api/v1/internal/catalog/unmerge", r#"{"source":"archive","source_key":"9"}"#),
    ("begin_link", "/api/v1/internal/ingest/links/youtube", r#"{"redirect_uri":"http://127.0.0.1:9"}"#),
    ("retry_dead_letter", "/api/v1/admin/dead-letters/nobody/01900000-0000-7000-8000-000000000000/retry", ""),
    ("run_job", "/api/v1/internal/jobs/expiry_warnings/runs", ""),
    ("start_ingest_run", "/api/v1/internal/ingest/runs", r#"{"location":"{file}"}"#),
];

/// Those that take none, by the reason.
const PLAIN: &[(&str, &[&str])] = &[
    ("they read", &["batch_get_content", "search", "find_person", "introspect", "userinfo_post"]),
    ("done again, nothing more comes of them", &["admin_reload", "move_sealed", "erase_person", "revoke_token"]),
    ("its senders name each message by `webhook-id`", &["receive_webhook"]),
    (
        "clients of OAuth send no such header: a code is redeemed once, a lost refresh is answered again, and what was \
         begun ends by itself",
        &["begin_device", "device_token", "push_request", "refresh", "token"],
    ),
    (
        "forms, and a browser sends no such header with one",
        &[
            "add_passkey",
            "answer_device",
            "ask_reset",
            "ask_verification",
            "begin_factor",
            "change_age_limit",
            "change_password",
            "confirm_factor",
            "decide",
            "end_factor",
            "end_passkey",
            "end_session",
            "erase_account",
            "keep_account",
            "link_provider",
            "reset_password",
            "sign_in",
            "sign_in_with_code",
            "sign_in_with_passkey",
            "sign_out",
            "sign_up",
            "unlink_provider",
            "verify_email",
        ],
    ),
];

#[test]
fn every_write_takes_a_key_or_says_why_it_does_not() {
    let document: Value = serde_json::from_slice(&Setup::new().run(&["openapi"]).stdout).unwrap();
    let (mut keyed, mut plain) = (BTreeSet::new(), BTreeSet::new());
    for item in document["paths"].as_object().unwrap().values() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            let mut parameters = operation["parameters"].as_array().into_iter().flatten();
            if parameters.any(|parameter| parameter["name"] == "Idempotency-Key") {
                assert!(method == "post" && operation["security"].is_array(), "{id} is not whoever's, and a POST");
                keyed.insert(id);
            } else if method == "post" {
                plain.insert(id);
            }
        }
    }
    let listed: BTreeSet<&str> = KEYED.iter().map(|write| write.0).collect();
    let reasoned: BTreeSet<&str> = PLAIN.iter().flat_map(|(_, ids)| ids.iter().copied()).collect();
    assert_eq!((keyed, plain), (listed, reasoned));
}

struct Walk {
    app: App,
    authorization: String,
    names: BTreeMap<&'static str, String>,
    _dir: TempDir,
}

impl Walk {
    /// A node with an administrator whose history may be kept, two open questions, a dead letter, and a source that can be
    /// linked.
    fn begin() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| fixtures::write(dir.path(), name, text.as_bytes());
        let (key, secret) = (file("key", "good"), file("secret", "hush"));
        let config = format!(
            "[sources.youtube]\nkey_file = {key:?}\nchannels = [\"UC0123456789abcdefghij_-\"]\nclient_id = \"app\"\n\
             client_secret_file = {secret:?}\nlink_url = \"http://127.0.0.1:9\"\nbase_url = \"http://127.0.0.1:9\"\n"
        );
        let setup = Setup::new().env("MEDIA_GATEWAY_AUTH_ISSUER", ISSUER);
        let setup = setup.env("MEDIA_GATEWAY_CONFIG", file("media-gateway.toml", &config));
        let people = People::settle(&setup);
        // Each of the archive's films has the IMDb id of one of the festival's and the TMDB id of another.
        let festival =
            "1,The Brass Meridian,2019,tt9000001,\n2,Salt,1994,,5\n3,Copper Hour,2001,tt9000003,\n4,Ash,1987,,6";
        let archive = "9,The Brass Meridian,2019,tt9000001,5\n10,Copper Hour,2001,tt9000003,6";
        for (name, rows) in [("festival", festival), ("archive", archive)] {
            let mapping = format!(
                "source = {name:?}\ntype = \"movie\"\n[columns]\nkey = \"id\"\ntitle = \"name\"\nyear = \"year\"\n\
                 [ids]\nimdb = \"imdb\"\ntmdb_movie = \"tmdb\"\n"
            );
            let mapping = file(&format!("{name}.toml"), &mapping);
            let rows = file(&format!("{name}.csv"), &format!("id,name,year,imdb,tmdb\n{rows}\n"));
            let output = setup.run(&["ingest", &rows, "--mapping", &mapping]);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        a_dead_letter(&setup);
        let (mut names, authorization) = (people.names, people.admins[0][0].1.clone());
        names.insert("file", fixtures::path("hulu_titles.csv"));
        let mut walk = Self { app: setup.start(), authorization, names, _dir: dir };
        let asked = walk.app.request("GET", "/api/v1/internal/catalog/reviews");
        let open = walk.app.send(asked.header("authorization", &walk.authorization)).ok();
        for (index, name) in ["question_0", "question_1"].into_iter().enumerate() {
            walk.names.insert(name, open["items"][index]["id"].as_str().unwrap().to_owned());
        }
        let titles = walk.app.get("/api/v1/content/movies").ok();
        walk.names.insert("title", titles["items"][0]["id"].as_str().unwrap().to_owned());
        let allowed = walk.app.request("PUT", "/api/v1/privacy/consents/viewing_history");
        let allowed = allowed.header("authorization", &walk.authorization).json(&json!({ "granted": true }));
        walk.app.send(allowed).ok();
        walk
    }

    fn filled(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    fn send(&self, path: &str, key: &str, body: &str) -> Answer {
        let request = self.app.request("POST", &self.filled(path)).header("idempotency-key", key);
        let request = request.header("authorization", &self.authorization);
        self.app.send(match self.filled(body) {
            none if none.is_empty() => request,
            json => request.header("content-type", "application/json").body(json),
        })
    }
}

/// Gives a group that nobody is of an event that it failed on.
fn a_dead_letter(setup: &Setup) {
    let file = setup.folder().join("media-gateway.db");
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let db = Db::open_sqlite(&file, &testkit::fast()).await.unwrap();
        let sql = "INSERT INTO event_dead_letters (consumer, event_id, position, attempts, failed_at, reason, event)
            VALUES ('nobody', x'01900000000070008000000000000000', 1, 4, '2026-11-22T00:00:00Z', 'poison', '{}')";
        db.execute(sql, args![]).await.unwrap();
        db.close().await;
    });
}

#[test]
fn what_is_sent_twice_under_a_key_is_done_once() {
    let walk = Walk::begin();
    let mut secrets = vec![PASSWORD.to_owned()];
    for (id, path, body) in KEYED {
        walk.send(path, "two words", body).problem(400, "bad_idempotency_key");
        let first = walk.send(path, id, body);
        assert!((200..300).contains(&first.status), "{id}: {} {}", first.status, first.text);
        let again = walk.send(path, id, body);
        assert_eq!((again.status, &again.text), (first.status, &first.text), "{id}");
        for name in ["content-type", "location"] {
            assert_eq!(again.header(name), first.header(name), "{id}: {name}");
        }
        assert_eq!((first.header(REPLAYED), again.header(REPLAYED)), ("", "true"), "{id}");
        walk.send(path, id, r#"{"another":"body"}"#).problem(422, "idempotency_key_reused");
        secrets.extend(["key", "secret"].iter().filter_map(|name| first.json[name].as_str().map(str::to_owned)));
    }
    assert_eq!(secrets.len(), 4, "of a person, of a client, and of a client's key");
    let (setup, _) = walk.app.stop();
    let files = std::fs::read_dir(setup.folder()).unwrap().map(|entry| entry.unwrap().path());
    for file in files.filter(|path| path.is_file()) {
        let bytes = std::fs::read(&file).unwrap();
        let found = secrets.iter().find(|secret| bytes.windows(secret.len()).any(|part| part == secret.as_bytes()));
        assert_eq!(found, None, "what was answered is sealed: {}", file.display());
    }
}

/// The operator's token is another one after each start.
#[test]
fn what_was_done_before_a_restart_is_not_done_again_after_it() {
    let send = |app: &App, name: &str| {
        let request = app.request("POST", "/api/v1/internal/auth/orgs").bearer_auth(&app.token);
        app.send(request.header("idempotency-key", "once").json(&json!({ "name": name })))
    };
    let app = App::start();
    let first = send(&app, "New");
    assert_eq!(first.status, 201, "{}", first.text);
    assert_eq!(send(&app, "New").header(REPLAYED), "true");
    let before = app.token.clone();
    let app = app.stop().0.start();
    assert_ne!(app.token, before);
    send(&app, "New").problem(409, "idempotency_answer_not_kept");
    send(&app, "Newer").problem(422, "idempotency_key_reused");
}
