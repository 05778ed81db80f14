//! Connections over WebSocket: who may have one, from where, what they hear, and when they end.

use std::time::{Duration, Instant};

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{net::TcpStream, runtime::Runtime, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest as _},
};

use crate::{
    app::{App, PATIENCE, Setup},
    fixtures::{self, HEADER},
};

const PATH: &str = "/api/v1/ws";

/// A program that stands for itself.
struct Robot<'a> {
    app: &'a App,
    id: String,
    secret: String,
}

impl<'a> Robot<'a> {
    fn new(app: &'a App, scopes: &str) -> Self {
        let new = ["auth", "clients", "create", "robot", "--grant", "client_credentials", "--scopes", scopes];
        let made = app.setup.run(&[&new[..], &["--confidential", "--role", "ingestion_service"]].concat());
        let made = String::from_utf8(made.stdout).unwrap();
        let (id, secret) = made.trim().split_once("  ").unwrap();
        Self { app, id: id.to_owned(), secret: secret.to_owned() }
    }

    fn post(&self, path: &str, form: String) -> Value {
        let request = self.app.request("POST", path).basic_auth(&self.id, Some(&self.secret));
        self.app.send(request.header("content-type", "application/x-www-form-urlencoded").body(form)).ok()
    }

    /// A new token.
    fn token(&self) -> String {
        self.post("/oauth/token", "grant_type=client_credentials".to_owned())["access_token"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    fn revoke(&self, token: &str) {
        self.post("/oauth/revoke", format!("token={token}"));
    }
}

/// A connection.
struct Line {
    runtime: Runtime,
    socket: WebSocketStream<TcpStream>,
}

impl Line {
    /// A connection with these headers, or the status it is refused with.
    fn open(app: &App, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        let host = app.url("gateway").trim_start_matches("http://");
        let mut request = format!("ws://{host}{PATH}").into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let opened = runtime.block_on(async { client_async(request, TcpStream::connect(host).await.unwrap()).await });
        match opened {
            Ok((socket, _)) => Ok(Self { runtime, socket }),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Under a token.
    fn under(app: &App, token: &str) -> Self {
        Self::open(app, &[("authorization", &*format!("Bearer {token}"))]).unwrap_or_else(|status| panic!("{status}"))
    }

    fn say(&mut self, json: &Value) {
        self.runtime.block_on(self.socket.send(Message::text(json.to_string()))).unwrap();
    }

    /// What is said next; `closed` with the code at the end.
    fn hear(&mut self) -> Value {
        let Self { runtime, socket } = self;
        let next = async {
            loop {
                match socket.next().await.unwrap().unwrap() {
                    Message::Text(text) => return serde_json::from_str(text.as_str()).unwrap(),
                    Message::Close(frame) => return json!({ "closed": frame.map(|frame| u16::from(frame.code)) }),
                    _ => {}
                }
            }
        };
        runtime.block_on(async { timeout(PATIENCE, next).await }).unwrap_or_else(|_| panic!("nothing is heard"))
    }

    /// Says something and hears what comes of it.
    fn ask(&mut self, json: &Value) -> Value {
        self.say(json);
        self.hear()
    }

    fn follow(&mut self, id: &str) -> Value {
        self.ask(&json!({ "type": "subscribe", "content_ids": [id] }))
    }
}

/// A film of our own, with this description, is ingested beside the node.
fn ingest(setup: &Setup, description: &str) {
    let dir = tempfile::tempdir().unwrap();
    let row = format!("s900,Movie,The Glass Pier,Ada Wren,,,,2021,PG,97 min,Dramas,{description}");
    let file = fixtures::write(dir.path(), "netflix_titles.csv", format!("{HEADER}\n{row}\n").as_bytes());
    let output = setup.run(&["ingest", &file]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Whoever connects to `app` under `token` hears of a title that changes by what is ingested in the folder of `setup`.
pub fn hears_of_a_change(app: &App, setup: &Setup, token: &str) {
    ingest(setup, "A pier of glass.");
    let pier = |found: &Value| found["results"][0]["content"]["title"] == "The Glass Pier";
    let found = app.eventually("/api/v1/search?q=the+glass+pier", pier);
    let id = found["results"][0]["content"]["id"].as_str().unwrap();
    let mut line = Line::under(app, token);
    assert_eq!(line.follow(id), json!({ "event": "subscribed", "titles": 1 }));
    ingest(setup, "It broke.");
    let first = line.hear();
    assert_eq!((&first["event"], &first["content_id"]), (&json!("content:updated"), &json!(id)), "{first}");
    let shown = app.get(&format!("/api/v1/content/{id}")).ok();
    assert_eq!(shown["overview"], "It broke.", "what is told of can be seen");
    ingest(setup, "It was mended.");
    let second = line.hear();
    assert!(second["position"].as_i64().unwrap() > first["position"].as_i64().unwrap(), "{first} {second}");
}

#[test]
fn who_is_signed_in_hears_of_changes() {
    let app = App::start();
    hears_of_a_change(&app, &app.setup, &Robot::new(&app, "read:content").token());
}

#[test]
fn a_connection_is_for_those_who_may_read_and_for_known_pages() {
    let app = Setup::new().env("MEDIA_GATEWAY_CORS_ORIGINS", "https://app.example").start();
    let (token, little) = (Robot::new(&app, "read:content").token(), Robot::new(&app, "openid").token());
    let status = |headers: &[(&'static str, &str)]| Line::open(&app, headers).map_or_else(|status| status, |_| 101);
    let bearer = format!("Bearer {token}");
    let good = ("authorization", &*bearer);
    assert_eq!(status(&[good]), 101);
    assert_eq!(status(&[]), 401);
    assert_eq!(status(&[("authorization", "Bearer made.up.token")]), 401);
    assert_eq!(
        status(&[("authorization", &*format!("Bearer {}", app.token))]),
        401,
        "the operator is nobody's account"
    );
    assert_eq!(status(&[("authorization", &*format!("Bearer {little}"))]), 403);

    for (origin, expected) in [
        (app.url("gateway"), 101),
        ("https://app.example", 101),
        ("https://evil.example", 403),
        ("https://app.example.evil.example", 403),
        ("null", 403),
    ] {
        assert_eq!(status(&[good, ("origin", origin)]), expected, "{origin}");
        let offered = format!("bearer, {token}");
        assert_eq!(status(&[("sec-websocket-protocol", &*offered), ("origin", origin)]), expected, "{origin}");
    }
    let port = app.url("gateway").rsplit_once(':').unwrap().1;
    for (host, expected) in [("localhost", 101), ("[::1]", 101), ("evil.example", 403)] {
        let (host, origin) = (format!("{host}:{port}"), format!("http://{host}:{port}"));
        assert_eq!(status(&[good, ("host", &*host), ("origin", &*origin)]), expected, "the node is asked as {host}");
    }
    assert_eq!(status(&[good, ("origin", "http://localhost:1")]), 403, "somebody else's page on this machine");
    assert_eq!(status(&[("sec-websocket-protocol", "bearer, made.up.token")]), 401);
    assert!(!app.log().contains(&token), "a token is logged");

    let request = app.send(app.request("GET", PATH).bearer_auth(&token));
    assert_eq!((request.header("upgrade"), request.header("connection")), ("websocket", "upgrade"));
    request.problem(426, "upgrade_required");
    // An address is no place for a token.
    app.get(&format!("{PATH}?access_token={token}")).problem(401, "token_required");
}

#[test]
fn a_connection_ends_within_a_second_of_its_token() {
    let app = App::start();
    let robot = Robot::new(&app, "read:content");
    let (first, second, kept) = (robot.token(), robot.token(), robot.token());
    let (mut ended, mut renewed) = (Line::under(&app, &first), Line::under(&app, &first));
    assert_eq!(renewed.ask(&json!({ "type": "refresh", "token": second })), json!({ "event": "refreshed" }));
    let stranger = Robot::new(&app, "read:content").token();
    assert_eq!(renewed.ask(&json!({ "type": "refresh", "token": stranger }))["code"], "other_subject");

    let ends = |line: &mut Line, token: &str| {
        robot.revoke(token);
        let since = Instant::now();
        assert_eq!(line.hear()["code"], "bad_token");
        assert_eq!(line.hear(), json!({ "closed": 4401 }));
        assert!(since.elapsed() < Duration::from_secs(1), "it took {:?}", since.elapsed());
    };
    ends(&mut ended, &first);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(renewed.ask(&json!({ "type": "unsubscribe", "content_ids": [] }))["event"], "subscribed");
    assert_eq!(renewed.ask(&json!({ "type": "refresh", "token": first }))["code"], "bad_token");
    ends(&mut renewed, &second);
    assert_eq!(Line::under(&app, &kept).ask(&json!({ "type": "watchlist" }))["code"], "bad_message");
}

#[test]
fn messages_cost_what_requests_do() {
    // Three an hour for programs, of which connecting is one.
    let app = Setup::new().env("MEDIA_GATEWAY_RATE_LIMITS_ENTERPRISE", "1000,1000,1000,3").start();
    let token = Robot::new(&app, "read:content").token();
    let mut line = Line::under(&app, &token);
    let nothing = json!({ "type": "unsubscribe", "content_ids": [] });
    assert_eq!([line.ask(&nothing)["event"].clone(), line.ask(&nothing)["event"].clone()], ["subscribed"; 2]);
    let refused = line.ask(&nothing);
    assert_eq!(refused["code"], "rate_limited");
    assert!(refused["retry_after_ms"].as_u64().unwrap() > 1_000, "{refused}");
    app.send(app.request("GET", "/api/v1/platforms").bearer_auth(&token)).problem(429, "rate_limited");
}

#[test]
fn a_node_that_stops_tells_whoever_is_connected() {
    let app = App::start();
    let mut line = Line::under(&app, &Robot::new(&app, "read:content").token());
    app.signal("TERM");
    assert_eq!(line.hear(), json!({ "closed": 1001 }));
    drop(line);
    let (_, status) = app.ended();
    assert!(status.success());
}
