//! A source that pushes, at the node's own door: the configuration names its secret and its mapping.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use contracts::Clock;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{
    app::{Answer, App, Setup},
    cloud::wait,
    fixtures,
};

const SECRET: [u8; 32] = [7; 32];
const MAPPING: &str =
    "source = \"festival\"\ntype = \"movie\"\n[columns]\nkey = \"id\"\ntitle = \"name\"\nyear = \"year\"\n";

/// A configuration with the source, and with `more` about it.
fn config(dir: &Path, mapping: &str, more: &str) -> String {
    let secret = format!("whsec_{}\n", STANDARD.encode(SECRET));
    let secret = fixtures::write(dir, "secret", secret.as_bytes());
    let mapping = fixtures::write(dir, "festival.toml", mapping.as_bytes());
    let toml = format!("[sources.festival]\nwebhook_secret_file = {secret:?}\nmapping_file = {mapping:?}\n{more}");
    fixtures::write(dir, "media-gateway.toml", toml.as_bytes())
}

/// Sends a message, signed with `secret` now.
fn send(app: &App, id: &str, secret: &[u8], body: &str) -> Answer {
    let at = Clock::system().now().as_second().to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(format!("{id}.{at}.{body}").as_bytes());
    let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    let request = app.request("POST", "/api/v1/webhooks/festival").header("content-type", "application/json");
    let request = request.header("webhook-id", id).header("webhook-timestamp", at);
    app.send(request.header("webhook-signature", signature).body(body.to_owned()))
}

#[test]
fn a_secret_that_changed_signs_while_the_node_runs() {
    const NEW: [u8; 32] = [9; 32];
    let dir = tempfile::tempdir().unwrap();
    let app = Setup::new().env("MEDIA_GATEWAY_CONFIG", config(dir.path(), MAPPING, "")).start();
    let row = json!({ "id": 1, "name": "The Brass Meridian", "year": 2019 });
    let body = json!({ "type": "titles", "data": [row] }).to_string();
    send(&app, "msg_1", &NEW, &body).problem(401, "webhook_signature");
    let [old, new] = [SECRET, NEW].map(|secret| format!("whsec_{}\n", STANDARD.encode(secret)));
    fixtures::write(dir.path(), "secret", format!("{new}{old}").as_bytes());
    wait("the new one signs", || send(&app, "msg_1", &NEW, &body).status == 200);
    send(&app, "msg_2", &SECRET, &body).ok();
    fixtures::write(dir.path(), "secret", new.as_bytes());
    wait("the old one signs no more", || send(&app, "msg_3", &SECRET, &body).status == 401);
    send(&app, "msg_4", &NEW, &body).ok();
}

#[test]
fn a_message_that_proves_whose_it_is_is_taken_in_once_even_when_the_node_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let app = Setup::new().env("MEDIA_GATEWAY_CONFIG", config(dir.path(), MAPPING, "")).start();
    let sources = app.send(app.request("GET", "/api/v1/admin/sources").bearer_auth(&app.token)).ok();
    assert_eq!((&sources[0]["name"], &sources[0]["kind"]), (&json!("festival"), &json!("webhook")), "{sources}");

    let row = |id: u32, name: &str, year: u32| json!({ "id": id, "name": name, "year": year });
    let good = row(1, "The Brass Meridian", 2019);
    let body = json!({ "type": "titles", "data": [good, row(2, "Too Early", 1492), "no row"] }).to_string();
    send(&app, "msg_1", &[9; 32], &body).problem(401, "webhook_signature");
    assert_eq!(app.get("/api/v1/content/movies").ok()["items"], json!([]));
    let first = send(&app, "msg_1", &SECRET, &body).ok();
    let counts = |answer: &Value| ["created", "rejected", "unchanged", "repeated"].map(|name| answer[name].clone());
    assert_eq!(counts(&first), [json!(1), json!(2), json!(0), json!(false)], "{first}");
    let reasons = ["title 2: year is 1492, outside ", "title 3: the row is not a JSON object"];
    for (at, reason) in reasons.iter().enumerate() {
        assert!(first["reasons"][at].as_str().is_some_and(|told| told.starts_with(reason)), "{first}");
    }
    app.eventually("/api/v1/search?q=brass+meridian", |found| found["total_count"] == 1);

    let app = app.kill().start();
    let again = send(&app, "msg_1", &SECRET, &body).ok();
    assert_eq!(counts(&again), [json!(1), json!(2), json!(0), json!(true)], "as it was answered: {again}");
    let other = send(&app, "msg_2", &SECRET, &json!({ "type": "titles", "data": [good] }).to_string()).ok();
    assert_eq!(counts(&other), [json!(0), json!(0), json!(1), json!(false)], "{other}");
    assert_eq!(app.get("/api/v1/content/movies").ok()["items"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_message_reaches_the_process_that_ingests_as_it_was_signed() {
    let (dir, database) = (tempfile::tempdir().unwrap(), crate::split::database());
    let token = fixtures::write(dir.path(), "peer.token", b"a secret of the roles, of 32 characters and more\n");
    let setup = |name: &str| {
        let setup = Setup::on(&dir.path().join(name)).env("MEDIA_GATEWAY_DATABASE_URL", database.url().unwrap());
        setup.env("MEDIA_GATEWAY_PEER_TOKEN_FILE", token.clone())
    };
    let offering = format!("{MAPPING}[offer]\nplatform = \"mubi\"\nweb_url = \"https://example.org/\"\n");
    let config = config(dir.path(), &offering, "region = \"DEU\"\n");
    let back = setup("back").env("MEDIA_GATEWAY_CONFIG", config).roles("auth,catalog,ingest").start();
    let front = setup("front").roles("gateway,search").reaching(["auth", "catalog", "ingest"], &back).start();
    // Blanks and the order of fields are part of what is signed.
    let body = "{ \"type\": \"titles\",\n\"data\":[ {\"year\":2019, \"name\":\"The Brass Meridian\",\"id\" :1}]}\n";
    send(&front, "msg_1", &[9; 32], body).problem(401, "webhook_signature");
    assert_eq!(send(&front, "msg_1", &SECRET, body).ok()["created"], 1);
    assert_eq!(send(&front, "msg_1", &SECRET, body).ok()["repeated"], true);
    let film = front.get("/api/v1/content/movies").ok()["items"][0].clone();
    assert_eq!(film["title"], "The Brass Meridian");
    let offer = &film["availability"][0];
    assert_eq!((&offer["platform"], &offer["region"]), (&json!("mubi"), &json!("DE")), "the region of the source");
}
