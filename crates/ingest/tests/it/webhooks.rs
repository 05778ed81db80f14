//! Webhooks over HTTP: whose a message is, what becomes of it, and that it is taken in once.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use contracts::Region;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::BodyExt as _;
use ingest::{Ingest, IngestConfig, Mapping, PlatformAdapter, StreamingAvailability, Webhook};
use jiff::SignedDuration;
use serde_json::{Value, json};
use sha2::Sha256;
use stores_embedded::MemoryCache;
use tower::ServiceExt as _;

use crate::{
    documents::STREAMING_AVAILABILITY,
    fake::{config, serve},
    http::framed,
    setup::{Setup, setup},
};

const SECRETS: [[u8; 32]; 2] = [[7; 32], [9; 32]];
const MAPPING: &str = "source = \"festival\"\ntype = \"movie\"\n[columns]\nkey = \"id\"\ntitle = \"name\"\nyear = \"year\"\n\
    languages = \"spoken\"\n";

fn secret(at: usize) -> String {
    format!("whsec_{}", STANDARD.encode(SECRETS[at]))
}

/// A node with a festival that sends its titles, and a provider that says which of its titles changed.
async fn node(s: &Setup) -> (Router, Arc<crate::fake::Server>) {
    let (server, base) = serve(&STREAMING_AVAILABILITY).await;
    let cache = Arc::new(MemoryCache::new(1 << 20));
    let adapter = StreamingAvailability::new(config(&base, &["good"]), cache, s.clock.clone()).unwrap();
    let adapter: Arc<dyn PlatformAdapter> = Arc::new(adapter);
    let hook = |secrets: &[usize], mapping: Option<&str>| Webhook {
        secrets: secrets.iter().map(|at| secret(*at)).collect::<Vec<_>>().join("\n").into(),
        mapping: mapping.map(|text| Arc::new(Mapping::from_toml(text).unwrap())),
        region: Region::US,
    };
    let webhooks = BTreeMap::from([
        ("festival".to_owned(), hook(&[0, 1], Some(MAPPING))),
        ("streaming_availability".to_owned(), hook(&[0], None)),
    ]);
    let config = IngestConfig {
        providers: BTreeMap::from([("streaming_availability".to_owned(), (adapter, Region::US))]),
        webhooks,
        retries: 0,
        ..IngestConfig::new(s.folder.path().join("data"))
    };
    let ingest = Ingest::new(s.db(), s.catalog.clone(), s.clock.clone(), testkit::rng(), config);
    (framed(s, Arc::new(ingest)), server)
}

/// A message as a sender makes it.
struct Message {
    id: &'static str,
    ahead: i64,
    secret: usize,
    body: Vec<u8>,
}

fn message(id: &'static str, body: &Value) -> Message {
    Message { id, ahead: 0, secret: 0, body: body.to_string().into_bytes() }
}

fn titles(count: usize) -> Value {
    let rows: Vec<Value> =
        (1..=count).map(|n| json!({ "id": n.to_string(), "name": format!("The Harbour {n}"), "year": 1990 })).collect();
    json!({ "type": "titles", "timestamp": "2026-01-01T00:00:00Z", "data": rows })
}

impl Message {
    async fn send(&self, s: &Setup, app: &Router, source: &str) -> (StatusCode, Value) {
        let at = (s.clock.now().as_second() + self.ahead).to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(&SECRETS[self.secret]).unwrap();
        mac.update(format!("{}.{at}.", self.id).as_bytes());
        mac.update(&self.body);
        let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        self.post(app, source, &at, &signature).await
    }

    async fn post(&self, app: &Router, source: &str, at: &str, signature: &str) -> (StatusCode, Value) {
        let request = Request::post(format!("/api/v1/webhooks/{source}"))
            .header("content-type", "application/json")
            .header("webhook-id", self.id)
            .header("webhook-timestamp", at)
            .header("webhook-signature", signature)
            .body(Body::from(self.body.clone()))
            .unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }
}

#[tokio::test]
async fn a_message_is_taken_in_once() {
    let s = setup().await;
    let (app, _) = node(&s).await;
    let mut body = titles(2);
    body["data"].as_array_mut().unwrap().push(json!({ "id": "3", "name": "Too early", "year": 1492 }));
    body["data"].as_array_mut().unwrap().push(json!("no object"));
    let first = message("msg_1", &body).send(&s, &app, "festival").await;
    assert_eq!(first.0, StatusCode::OK, "{}", first.1);
    assert_eq!(
        (&first.1["created"], &first.1["rejected"], &first.1["repeated"]),
        (&json!(2), &json!(2), &json!(false))
    );
    let why = first.1["reasons"][0].as_str().unwrap();
    assert!(why.starts_with("title 3: ") && why.contains("1492"), "{why}");
    assert_eq!(s.titles().await.len(), 2);
    let batches = s.catalog.batches.lock().unwrap().len();
    let again = message("msg_1", &body).send(&s, &app, "festival").await;
    assert_eq!((again.0, &again.1["repeated"], &again.1["created"]), (StatusCode::OK, &json!(true), &json!(2)));
    assert_eq!(s.catalog.batches.lock().unwrap().len(), batches, "the catalogue was not asked again");
    let other = message("msg_2", &body).send(&s, &app, "festival").await;
    assert_eq!(other.1["unchanged"], json!(2), "another message with the same titles changes nothing");
    let strange = message("msg_3", &json!({ "type": "invoice.paid", "data": {} })).send(&s, &app, "festival").await;
    assert_eq!((strange.0, &strange.1["acted"]), (StatusCode::OK, &json!(false)));
    s.clock.advance(SignedDuration::from_hours(25));
    assert_eq!(message("msg_4", &titles(1)).send(&s, &app, "festival").await.0, StatusCode::OK);
    let sql = "SELECT COUNT(*) FROM webhook_messages";
    let remembered: i64 = s.db().fetch_one(sql, stores::args![]).await.unwrap();
    assert_eq!(remembered, 1, "what could not come again is forgotten");
}

#[tokio::test]
async fn an_answer_tells_the_languages_that_could_not_be_read() {
    let s = setup().await;
    let (app, _) = node(&s).await;
    let mut body = titles(3);
    body["data"][0]["spoken"] = json!(["Korean", "Klingonese"]);
    body["data"][1]["spoken"] = json!("Klingonese");
    // A title that is turned away is without all of its languages.
    body["data"][2]["spoken"] = json!("Elvish");
    body["data"][2]["year"] = json!(1492);
    let (status, answer) = message("msg_1", &body).send(&s, &app, "festival").await;
    assert_eq!((status, &answer["created"], &answer["rejected"]), (StatusCode::OK, &json!(2), &json!(1)), "{answer}");
    let unread = json!({ "count": 2, "spellings": ["Klingonese"] });
    assert_eq!(answer["unread_languages"], unread);
    // What an earlier release answered had no such field.
    let sql = "UPDATE webhook_messages SET answer = $1";
    let answered = json!({ "repeated": false, "acted": true, "created": 2, "merged": 0, "updated": 0, "unchanged": 0,
        "rejected": 0, "reasons": [] });
    let first = message("msg_1", &body).send(&s, &app, "festival").await.1;
    assert_eq!((&first["repeated"], &first["unread_languages"]), (&json!(true), &unread));
    s.db().execute(sql, stores::args![answered]).await.unwrap();
    let again = message("msg_1", &body).send(&s, &app, "festival").await.1;
    assert_eq!((&again["created"], &again["unread_languages"]["count"]), (&json!(2), &json!(0)), "{again}");
}

#[tokio::test]
async fn a_message_must_prove_whose_it_is() {
    let s = setup().await;
    let (app, _) = node(&s).await;
    let code =
        |answer: (StatusCode, Value)| (answer.0.as_u16(), answer.1["code"].as_str().unwrap_or_default().to_owned());
    let refused = |status: u16, code: &str| (status, code.to_owned());
    let good = message("msg_1", &titles(1));
    assert_eq!(code(good.send(&s, &app, "nobody").await), refused(404, "webhook_source_not_found"));
    let other = Message { secret: 1, ..message("msg_1", &titles(1)) };
    assert_eq!(code(other.send(&s, &app, "streaming_availability").await), refused(401, "webhook_signature"));
    assert_eq!(other.send(&s, &app, "festival").await.0, StatusCode::OK, "the second secret, while it changes");
    let at = s.clock.now().as_second().to_string();
    for signature in ["", "v1,", "v1,AAAA", "nonsense"] {
        assert_eq!(code(good.post(&app, "festival", &at, signature).await), refused(401, "webhook_signature"));
    }
    assert_eq!(code(good.post(&app, "festival", "", "v1,AAAA").await), refused(400, "webhook_headers"));
    // A replay, ten minutes on: the signature is good, and the time is signed too.
    for ahead in [-600, 600] {
        let old = Message { ahead, ..message("msg_4", &titles(1)) };
        assert_eq!(code(old.send(&s, &app, "festival").await), refused(401, "webhook_expired"));
    }
    let large = message("msg_5", &json!({ "type": "titles", "data": "x".repeat(3 << 20) }));
    assert_eq!(code(large.send(&s, &app, "festival").await), refused(413, "body_too_large"));
    for body in [json!({ "type": "titles", "data": 7 }), json!({ "data": [] }), titles(501)] {
        assert_eq!(code(message("msg_6", &body).send(&s, &app, "festival").await), refused(422, "webhook_body"));
    }
    assert_eq!(s.titles().await.len(), 1);
}

#[tokio::test]
async fn what_could_not_be_taken_in_may_be_sent_again() {
    let s = setup().await;
    let (app, _) = node(&s).await;
    s.catalog.failures.store(1, std::sync::atomic::Ordering::SeqCst);
    let message = message("msg_1", &titles(1));
    assert_eq!(message.send(&s, &app, "festival").await.0, StatusCode::SERVICE_UNAVAILABLE);
    let (status, answer) = message.send(&s, &app, "festival").await;
    assert_eq!((status, &answer["created"], &answer["repeated"]), (StatusCode::OK, &json!(1), &json!(false)));
    // What a kill leaves: a message that somebody took and did not finish.
    let sql = "UPDATE webhook_messages SET answer = NULL";
    s.db().execute(sql, stores::args![]).await.unwrap();
    assert_eq!(message.send(&s, &app, "festival").await.0, StatusCode::CONFLICT);
    s.clock.advance(SignedDuration::from_mins(6));
    let (status, answer) = message.send(&s, &app, "festival").await;
    assert_eq!((status, &answer["unchanged"]), (StatusCode::OK, &json!(1)));
}

#[tokio::test]
async fn titles_that_changed_are_asked_for_anew() {
    let s = setup().await;
    let (app, server) = node(&s).await;
    let body = json!({ "type": "titles.changed", "data": { "keys": ["77", "404"] } });
    let (status, answer) = message("msg_1", &body).send(&s, &app, "streaming_availability").await;
    assert_eq!((status, &answer["created"], &answer["rejected"]), (StatusCode::OK, &json!(1), &json!(1)), "{answer}");
    assert_eq!(s.titles().await[0].availability.len(), 3);
    server.down(true);
    s.clock.advance(SignedDuration::from_hours(1));
    let (status, answer) = message("msg_2", &body).send(&s, &app, "streaming_availability").await;
    assert_eq!((status, answer["code"].as_str()), (StatusCode::BAD_GATEWAY, Some("provider_failed")));
    let many: Vec<String> = (0..21).map(|n| n.to_string()).collect();
    let body = json!({ "type": "titles.changed", "data": { "keys": many } });
    let (status, _) = message("msg_3", &body).send(&s, &app, "streaming_availability").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}
