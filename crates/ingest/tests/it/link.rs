//! YouTube, asked with an account that was linked: against a server of Google's shape, which gives tokens for codes whose
//! proof is right, and lets nobody else in.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use contracts::{ApiError, Region, Result, Rng};
use ingest::{ClientConfig, Link, LinkConfig, LinkStore, PlatformAdapter, YouTube};
use jiff::SignedDuration;
use reqwest::Url;
use serde_json::json;
use sha2::{Digest, Sha256};
use stores::args;
use stores_embedded::MemoryCache;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    documents::CHANNEL,
    fake::config,
    setup::{Setup, setup},
};

const BACK: &str = "http://127.0.0.1:53682";
const SCOPE: &str = "https://www.googleapis.com/auth/youtube.readonly";

/// What the server knows, and what it was asked.
#[derive(Default)]
struct Google {
    /// Of the last authorization.
    challenge: String,
    redirect_uri: String,
    code_used: bool,
    scope: String,
    /// The access token that is good.
    access: String,
    minted: usize,
    revoked: bool,
    down: bool,
    /// How often it answered nothing but that.
    refused: usize,
    /// How the API was asked: with a token, or with a key.
    asked: Vec<String>,
}

type Shared = Arc<Mutex<Google>>;

async fn serve() -> (Shared, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let google = Shared::default();
    google.lock().unwrap().scope = SCOPE.to_owned();
    let shared = google.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(answer(socket, shared.clone()));
        }
    });
    (google, address)
}

async fn answer(mut socket: TcpStream, google: Shared) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = socket.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|line| line.0.eq_ignore_ascii_case(name)).map(|line| line.1.to_owned())
    };
    let mut body = vec![0; header("content-length").map_or(0, |length| length.parse().unwrap())];
    socket.read_exact(&mut body).await.unwrap();
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let url = Url::parse(&format!("http://google{target}")).unwrap();
    let form = Url::parse(&format!("http://form/?{}", String::from_utf8(body).unwrap())).unwrap();
    let form: BTreeMap<String, String> = form.query_pairs().into_owned().collect();
    let (status, text) = {
        let mut google = google.lock().unwrap();
        match (method, url.path()) {
            _ if google.down => {
                google.refused += 1;
                ("503 Service Unavailable", "{}".to_owned())
            }
            ("POST", "/token") => google.token(&form),
            ("POST", "/revoke") if form["token"] == "rt" => {
                google.revoked = true;
                ("200 OK", "{}".to_owned())
            }
            ("GET", "/youtube/v3/videos") => google.video(&url, header("authorization")),
            other => panic!("nobody asks {other:?}"),
        }
    };
    let reply = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}", text.len());
    let _ = socket.write_all(reply.as_bytes()).await;
}

impl Google {
    fn token(&mut self, form: &BTreeMap<String, String>) -> (&'static str, String) {
        let refused = |word: &str| ("400 Bad Request", json!({ "error": word }).to_string());
        if (form["client_id"].as_str(), form["client_secret"].as_str()) != ("app", "hush") {
            return refused("invalid_client");
        }
        let refresh = match form["grant_type"].as_str() {
            "authorization_code" => {
                let proof = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"]));
                let good =
                    proof == self.challenge && form["redirect_uri"] == self.redirect_uri && form["code"] == "4/ok";
                if !good || std::mem::replace(&mut self.code_used, true) {
                    return refused("invalid_grant");
                }
                Some("rt")
            }
            "refresh_token" if form["refresh_token"] == "rt" && !self.revoked => None,
            _ => return refused("invalid_grant"),
        };
        self.minted += 1;
        self.access = format!("at{}", self.minted);
        let granted = json!({ "access_token": self.access, "expires_in": 3600, "token_type": "Bearer",
            "scope": self.scope, "refresh_token": refresh });
        ("200 OK", granted.to_string())
    }

    fn video(&mut self, url: &Url, authorization: Option<String>) -> (&'static str, String) {
        let key = url.query_pairs().find(|pair| pair.0 == "key").map(|pair| format!("key {}", pair.1));
        assert!(key.is_none() || authorization.is_none(), "one or the other");
        let with = key.or(authorization).unwrap_or_default();
        self.asked.push(with.clone());
        if with != "key good" && with != format!("Bearer {}", self.access) {
            return ("401 Unauthorized", "{}".to_owned());
        }
        let video = json!({ "items": [{
            "snippet": { "title": "The Glass Harbour (1999)", "description": "A pilot waits." },
            "contentDetails": { "duration": "PT1H41M" },
            "status": { "privacyStatus": "public", "uploadStatus": "processed" } }] });
        ("200 OK", video.to_string())
    }

    /// How the API was asked since the last look.
    fn asked(&mut self) -> Vec<String> {
        std::mem::take(&mut self.asked)
    }
}

/// Links in the setup's database, under a seal that tells what is sealed from what is not.
fn store(s: &Setup) -> LinkStore {
    let seal = |purpose: &str, plain: &[u8]| -> Result<Vec<u8>> {
        Ok([format!("sealed {purpose}:").as_bytes(), plain].concat())
    };
    let unseal = |purpose: &str, sealed: &[u8]| -> Result<(Vec<u8>, bool)> {
        let plain = sealed.strip_prefix(format!("sealed {purpose}:").as_bytes());
        Ok((plain.ok_or_else(|| ApiError::internal("it does not open"))?.to_vec(), false))
    };
    LinkStore::new(s.db(), Arc::new(seal), Arc::new(unseal))
}

/// What is kept of the link.
async fn kept(s: &Setup) -> Option<String> {
    let sql = "SELECT token FROM ingest_links WHERE token IS NOT NULL";
    let found: Option<(Vec<u8>,)> = s.db().fetch_optional(sql, args![]).await.unwrap();
    found.map(|(sealed,)| String::from_utf8(sealed).unwrap())
}

fn link(s: &Setup, base: &str) -> Arc<Link> {
    let config = LinkConfig::google("app", Some("hush".into()), Some(base)).unwrap();
    Arc::new(Link::new("youtube", config, store(s), s.clock.clone(), Rng::seeded(3)).unwrap())
}

/// Begins a link as an operator's browser would: the server remembers what it was asked for. Gives the state.
async fn begin(link: &Link, google: &Shared) -> String {
    let (url, _) = link.begin(BACK).await.unwrap();
    let asked: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    assert_eq!(url.path(), "/o/oauth2/v2/auth");
    for (name, value) in [
        ("client_id", "app"),
        ("response_type", "code"),
        ("redirect_uri", BACK),
        ("code_challenge_method", "S256"),
        ("access_type", "offline"),
        ("prompt", "consent"),
        ("scope", SCOPE),
    ] {
        assert_eq!(asked[name], value, "{name}");
    }
    let mut google = google.lock().unwrap();
    (google.challenge, google.redirect_uri) = (asked["code_challenge"].clone(), asked["redirect_uri"].clone());
    google.code_used = false;
    asked["state"].clone()
}

/// Asks for a film, and says how the API was asked.
async fn ask(s: &Setup, google: &Shared, base: &str, link: &Arc<Link>) -> Vec<String> {
    let config = ClientConfig { link: Some(link.clone()), ..config(base, &["good"]) };
    let cache = Arc::new(MemoryCache::new(1 << 20));
    let tube = YouTube::new(config, &[CHANNEL.to_owned()], cache, s.clock.clone()).unwrap();
    assert_eq!(tube.details("film0000001", Region::US).await.unwrap().record.title, "The Glass Harbour");
    google.lock().unwrap().asked()
}

#[tokio::test]
async fn a_linked_account_takes_the_place_of_the_key_until_it_is_unlinked() {
    let s = setup().await;
    let (google, base) = serve().await;
    let own = link(&s, &base);
    assert_eq!(ask(&s, &google, &base, &own).await, ["key good"], "not linked yet");
    assert_eq!(own.begin("https://elsewhere.example/").await.unwrap_err().code, "bad_redirect");
    let state = begin(&own, &google).await;
    for (state, code, told) in [
        ("another", "4/ok", "link_not_begun"),
        (state.as_str(), "4/stolen", "link_refused"),
        (state.as_str(), "4/ok", "link_not_begun"),
    ] {
        assert_eq!(own.finish(&s.call, state, code).await.unwrap_err().code, told, "{state} {code}");
    }
    assert!(!own.is_made().await.unwrap());
    let state = begin(&own, &google).await;
    let other = link(&s, &base);
    other.finish(&s.call, &state, "4/ok").await.unwrap();
    assert!(own.is_made().await.unwrap() && kept(&s).await.as_deref() == Some("sealed link of youtube:rt"));
    assert_eq!(own.finish(&s.call, &state, "4/ok").await.unwrap_err().code, "link_not_begun", "an answer is good once");

    assert_eq!(ask(&s, &google, &base, &other).await, ["Bearer at1"]);
    assert_eq!(ask(&s, &google, &base, &own).await, ["Bearer at2"], "another process has a token of its own");
    s.clock.advance(SignedDuration::from_mins(58));
    assert_eq!(ask(&s, &google, &base, &own).await, ["Bearer at2"]);
    s.clock.advance(SignedDuration::from_mins(2));
    assert_eq!(ask(&s, &google, &base, &own).await, ["Bearer at3"], "renewed before it ends");
    google.lock().unwrap().access = "another".to_owned();
    assert_eq!(ask(&s, &google, &base, &own).await, ["Bearer at3", "Bearer at4"], "one that is refused is renewed");
    let again = link(&s, &base);
    assert_eq!(ask(&s, &google, &base, &again).await, ["Bearer at5"], "after a start it is still linked");

    again.end(&s.call).await.unwrap();
    assert!(!own.is_made().await.unwrap(), "and so it is for the one that was there before");
    assert!(google.lock().unwrap().revoked && kept(&s).await.is_none());
    assert_eq!(again.end(&s.call).await.unwrap_err().code, "not_linked");
    assert_eq!(ask(&s, &google, &base, &again).await, ["key good"]);
}

#[tokio::test]
async fn a_link_that_was_ended_elsewhere_or_gives_too_little_is_none() {
    let s = setup().await;
    let (google, base) = serve().await;
    let own = link(&s, &base);
    let late = begin(&own, &google).await;
    s.clock.advance(SignedDuration::from_mins(10));
    let told = own.finish(&s.call, &late, "4/ok").await.unwrap_err().code;
    assert_eq!(told, "link_not_begun", "nobody answers after ten minutes");
    google.lock().unwrap().scope = "openid".to_owned();
    let little = begin(&own, &google).await;
    assert_eq!(own.finish(&s.call, &little, "4/ok").await.unwrap_err().code, "link_refused");
    assert!(!own.is_made().await.unwrap(), "without the right to read it is no link");

    google.lock().unwrap().scope = SCOPE.to_owned();
    let state = begin(&own, &google).await;
    own.finish(&s.call, &state, "4/ok").await.unwrap();
    google.lock().unwrap().revoked = true;
    s.clock.advance(SignedDuration::from_hours(1));
    assert_eq!(ask(&s, &google, &base, &own).await, ["key good"], "its holder ended it there: the key is used again");
    assert!(kept(&s).await.is_none());

    google.lock().unwrap().revoked = false;
    let state = begin(&own, &google).await;
    own.finish(&s.call, &state, "4/ok").await.unwrap();
    google.lock().unwrap().down = true;
    assert_eq!(own.end(&s.call).await.unwrap_err().code, "link_unreachable");
    assert!(!own.is_made().await.unwrap(), "forgotten here in any case");
}

#[tokio::test]
async fn a_link_that_can_not_be_read_costs_nothing_and_can_be_ended() {
    let s = setup().await;
    let (google, base) = serve().await;
    let damaged = "INSERT INTO ingest_links (source, token, changed_at) VALUES ($1, $2, $3)";
    s.db().execute(damaged, args!["youtube", b"damaged".to_vec(), s.clock.now()]).await.unwrap();
    let own = link(&s, &base);
    assert_eq!(ask(&s, &google, &base, &own).await, ["key good"], "the key is used again");
    assert_eq!(own.end(&s.call).await.unwrap_err().detail, "it does not open", "nobody could be told");
    assert!(kept(&s).await.is_none() && !own.is_made().await.unwrap());
    assert_eq!(own.end(&s.call).await.unwrap_err().code, "not_linked");
}

#[tokio::test]
async fn a_provider_that_gives_no_token_is_left_alone_for_some_seconds() {
    let s = setup().await;
    let (google, base) = serve().await;
    let own = link(&s, &base);
    let state = begin(&own, &google).await;
    own.finish(&s.call, &state, "4/ok").await.unwrap();
    s.clock.advance(SignedDuration::from_hours(1));
    google.lock().unwrap().down = true;
    let config = ClientConfig { link: Some(own.clone()), ..config(&base, &["good"]) };
    let tube =
        YouTube::new(config, &[CHANNEL.to_owned()], Arc::new(MemoryCache::new(1 << 20)), s.clock.clone()).unwrap();
    for _ in 0..3 {
        tube.details("film0000001", Region::US).await.unwrap_err();
    }
    assert_eq!(google.lock().unwrap().refused, 1, "the others are told what the first one heard");
    google.lock().unwrap().down = false;
    s.clock.advance(SignedDuration::from_mins(2));
    assert_eq!(ask(&s, &google, &base, &own).await, ["Bearer at2"], "and then it is asked again");
}
