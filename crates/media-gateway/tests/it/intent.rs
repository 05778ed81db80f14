//! A language model that reads queries: right, slow, broken and lying, behind a socket on loopback.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    app::{App, Setup},
    fixtures,
};

const KEY: &str = "a-key-of-the-operators";

/// The most that may be: a model that answers at once is heard, however busy the machine is.
const LONG: &str = "800";

/// The model: what it answers next, how late, and what it was asked.
#[derive(Clone, Default)]
struct Model(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    answer: Vec<u8>,
    delay: Duration,
    asked: Vec<String>,
}

impl Model {
    /// Starts it; its address.
    fn start() -> (Self, String) {
        let (model, listener) = (Self::default(), TcpListener::bind("127.0.0.1:0").unwrap());
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let serving = model.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let model = serving.clone();
                thread::spawn(move || model.serve(stream));
            }
        });
        (model, url)
    }

    fn serve(&self, mut stream: TcpStream) {
        let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
        while !request.ends_with(b"}]}") {
            match stream.read(&mut buffer) {
                Ok(read) if read > 0 => request.extend_from_slice(&buffer[..read]),
                _ => return,
            }
        }
        let (answer, delay) = {
            let mut script = self.0.lock().unwrap();
            script.asked.push(String::from_utf8_lossy(&request).into_owned());
            (script.answer.clone(), script.delay)
        };
        thread::sleep(delay);
        // The node may have left.
        let _ = stream.write_all(&answer);
    }

    /// It answers like this from now on.
    fn answers(&self, answer: Vec<u8>, delay: Duration) {
        let mut script = self.0.lock().unwrap();
        (script.answer, script.delay) = (answer, delay);
    }

    fn says(&self, intent: &Value) {
        self.answers(said(&intent.to_string()), Duration::ZERO);
    }

    fn asked(&self) -> Vec<String> {
        self.0.lock().unwrap().asked.clone()
    }
}

fn http(status: &str, body: &str) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    format!("{head}{body}").into_bytes()
}

fn said(content: &str) -> Vec<u8> {
    http("200 OK", &json!({ "choices": [{ "message": { "content": content } }] }).to_string())
}

/// A node that waits so long for the model.
fn node(url: &str, timeout_ms: &str) -> App {
    let setup = Setup::new()
        .env("MEDIA_GATEWAY_INTENT_URL", url)
        .env("MEDIA_GATEWAY_INTENT_MODEL", "small")
        .env("MEDIA_GATEWAY_INTENT_KEY", KEY)
        .env("MEDIA_GATEWAY_INTENT_TIMEOUT_MS", timeout_ms)
        .env("MEDIA_GATEWAY_LOG", "debug");
    fixtures::loaded(setup)
}

fn titles(found: &Value) -> Vec<&str> {
    found["results"].as_array().unwrap().iter().map(|hit| hit["content"]["title"].as_str().unwrap()).collect()
}

fn doubt(found: &Value) -> Option<&str> {
    let degraded = found["degraded"].as_array().unwrap();
    degraded.iter().find(|part| part["source"] == "intent_model").map(|part| part["reason"].as_str().unwrap())
}

#[test]
fn a_model_reads_the_query_and_the_answer_says_so() {
    let (model, url) = Model::start();
    let app = node(&url, LONG);
    model.says(&json!({ "text": "vegetables", "genres": ["science_fiction"], "people": null }));
    let query = json!({ "query": "somebody grows vegetables up there", "page_size": 2 });
    let found = app.post("/api/v1/search", &query).ok();
    assert_eq!((found["parsed_by"].as_str(), doubt(&found)), (Some("model"), None), "{found}");
    let parsed = &found["query_parsed"];
    assert_eq!((&parsed["text"], &parsed["genres"]), (&json!("vegetables"), &json!(["science_fiction"])));
    assert_eq!(titles(&found)[0], "The Quiet Furrow");
    let asked = model.asked();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].contains("somebody grows vegetables up there") && asked[0].contains(KEY), "{}", asked[0]);

    // The next page is of the same mind, without asking again; and what was read can be changed and sent back.
    let next = json!({ "query": "somebody grows vegetables up there", "page_size": 2, "page": 2 });
    let next = app.post("/api/v1/search", &next).ok();
    assert_eq!(next["query_parsed"], *parsed);
    let mut edited = query.clone();
    edited["intent"] = parsed.clone();
    assert_eq!(app.post("/api/v1/search", &edited).ok()["parsed_by"], "request");
    let nothing = app.post("/api/v1/search", &json!({ "query": "" })).ok();
    assert_eq!((nothing["parsed_by"].as_str(), model.asked().len()), (Some("offline"), 1));
    let ready = app.get("/readyz").json;
    let part = ready["components"].as_array().unwrap().iter().find(|part| part["name"] == "intent_model").unwrap();
    assert_eq!((&part["state"], &part["detail"]), (&json!("ready"), &json!("small")));
}

#[test]
fn whatever_a_model_does_the_query_is_answered() {
    let (model, url) = Model::start();
    let app = node(&url, LONG);
    let endless = http("200 OK", &"x".repeat(1 << 20));
    let bad = [
        (http("500 Oh", "{}"), "status 500"),
        (http("200 OK", "<html>down for maintenance</html>"), "chat API"),
        (http("200 OK", r#"{"choices": [{"mess"#), "chat API"),
        (said("I would love to help!"), "no intent"),
        (said(r#"{"text": "furrow", "colour": "red"}"#), "no intent"),
        (said(r#"{"platforms": ["buymore"]}"#), "does not have"),
        (said(r#"{"platforms": ["netflix"]}"#), "service"),
        (said(r#"{"text": "casino bonus"}"#), "words"),
        (endless, "too long"),
        (Vec::new(), "broke off"),
        (b"HTTP/1.1 429 No\r\nretry-after: 60\r\ncontent-length: 0\r\n\r\n".to_vec(), "status 429"),
    ];
    for (place, (answer, told)) in bad.into_iter().enumerate() {
        // A good answer between keeps it from being left alone.
        model.says(&json!({ "text": "furrow" }));
        let good = app.get(&format!("/api/v1/search?q=furrow+good{place}")).ok();
        assert_eq!(good["parsed_by"], "model", "{good}");
        model.answers(answer, Duration::ZERO);
        let found = app.get(&format!("/api/v1/search?q=quiet+furrow+bad{place}")).ok();
        assert_eq!((found["parsed_by"].as_str(), titles(&found)[0]), (Some("offline"), "The Quiet Furrow"), "{told}");
        assert!(doubt(&found).is_some_and(|doubt| doubt.contains(told)), "{told}: {found}");
    }
    // It asked for a pause of a minute: nobody asks it, and the operator is told.
    let asked = model.asked().len();
    let found = app.get("/api/v1/search?q=quiet+furrow+meanwhile").ok();
    assert!(doubt(&found).is_some_and(|doubt| doubt.contains("left alone")), "{found}");
    assert_eq!(model.asked().len(), asked);
    let ready = app.get("/readyz").json;
    let part = ready["components"].as_array().unwrap().iter().find(|part| part["name"] == "intent_model").unwrap();
    assert_eq!(part["state"], "degraded");
    // What people type and what the operator keeps secret stand in no log.
    let log = app.log();
    assert!(!log.is_empty() && !log.contains("furrow") && !log.contains(KEY), "{log}");
}

#[test]
fn a_slow_model_is_not_waited_for_and_then_left_alone() {
    let (model, url) = Model::start();
    let app = node(&url, "400");
    model.answers(said(r#"{"text": "furrow"}"#), Duration::from_secs(30));
    for asked in 1..=5 {
        let started = Instant::now();
        let found = app.get(&format!("/api/v1/search?q=quiet+furrow+{asked}")).ok();
        assert_eq!((found["parsed_by"].as_str(), titles(&found)[0]), (Some("offline"), "The Quiet Furrow"));
        assert!(doubt(&found).is_some_and(|doubt| doubt.contains("in time")), "{found}");
        // A search may take five seconds.
        assert!(started.elapsed() < Duration::from_secs(4), "it was waited for: {:?}", started.elapsed());
    }
    let found = app.get("/api/v1/search?q=quiet+furrow+again").ok();
    assert!(doubt(&found).is_some_and(|doubt| doubt.contains("left alone")), "{found}");
    assert_eq!(model.asked().len(), 5);
    let ready = app.get("/readyz").json;
    let part = ready["components"].as_array().unwrap().iter().find(|part| part["name"] == "intent_model").unwrap();
    assert_eq!(part["state"], "degraded", "{part}");
}

#[test]
fn a_configuration_that_can_not_work_is_refused_and_the_key_is_not_shown() {
    let refused = |setup: Setup, words: &str| crate::app::one_line(&setup.run(&["config", "show"]), 1, words);
    refused(Setup::new().env("MEDIA_GATEWAY_INTENT_URL", "http://127.0.0.1:1/v1"), "belong together");
    let whole = || {
        Setup::new()
            .env("MEDIA_GATEWAY_INTENT_URL", "http://127.0.0.1:1/v1")
            .env("MEDIA_GATEWAY_INTENT_MODEL", "small")
            .env("MEDIA_GATEWAY_INTENT_KEY", KEY)
    };
    for never in ["1", "801", "5000"] {
        refused(whole().env("MEDIA_GATEWAY_INTENT_TIMEOUT_MS", never), "timeout_ms");
    }
    refused(whole().env("MEDIA_GATEWAY_INTENT_KEY_FILE", "/nowhere"), "leave one out");
    let shown = whole().run(&["config", "show"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("intent.key") && !shown.contains(KEY), "{shown}");
}
