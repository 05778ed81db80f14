//! A provider, faked at the socket by the facts of its own document: operations, parameters with their values, and how
//! a key goes along. What the document does not allow is answered 422, which no test here expects.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use ingest::ClientConfig;
use reqwest::Url;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// How a key goes along.
pub enum Key {
    Bearer,
    Header(&'static str),
    Query(&'static str),
}

impl Key {
    /// The answer to a key that is not taken. A service of Google's does not call it that (`google.rpc.ErrorInfo`).
    fn refusal(&self) -> Reply {
        match self {
            Self::Query("key") => Reply {
                status: "400 Bad Request",
                body: json!({ "error": {
                    "code": 400, "status": "INVALID_ARGUMENT", "message": "the key is not valid",
                    "errors": [{ "message": "the key is not valid", "domain": "global", "reason": "badRequest" }],
                    "details": [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID",
                        "domain": "googleapis.com", "metadata": { "service": "youtube.googleapis.com" } }],
                } })
                .to_string(),
            },
            _ => Reply { status: "401 Unauthorized", body: "{}".to_owned() },
        }
    }
}

/// What we use of a provider's document.
pub struct Document {
    pub key: Key,
    /// Method, path, and parameters: `name`, `name!` where it must be there, `name=a|b` with the values it may have.
    pub operations: &'static [(&'static str, &'static str, &'static [&'static str])],
    /// The answer to a request that the document allows.
    pub answer: fn(&Asked) -> Reply,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    /// Decoded only as far as the fake needs: `%2F` stays.
    pub path: String,
    pub query: Vec<(String, String)>,
    pub body: Value,
    pub key: String,
}

impl Asked {
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|pair| pair.0 == name).map(|pair| pair.1.as_str())
    }
}

/// An answer.
pub struct Reply {
    pub status: &'static str,
    pub body: String,
}

impl Reply {
    pub fn of(body: &Value) -> Self {
        Self { status: "200 OK", body: body.to_string() }
    }

    pub fn missing() -> Self {
        Self { status: "404 Not Found", body: "{\"message\":\"Not Found\"}".to_owned() }
    }

    pub fn refused(why: String) -> Self {
        Self { status: "422 Unprocessable", body: why }
    }
}

/// How the server misbehaves, one answer after the other; then it is well.
#[derive(Clone)]
pub enum Fault {
    /// Not this time.
    None,
    Status(&'static str),
    Body(&'static str),
    /// The answer, with a field of this name under another.
    Renamed(&'static str),
    /// Half of the body, then the end.
    Cut,
    Silent,
    /// A refusal with this body.
    Refusal(&'static str, &'static str),
}

#[derive(Default)]
pub struct Server {
    asked: Mutex<Vec<Asked>>,
    faults: Mutex<Vec<Fault>>,
    down: Mutex<bool>,
}

impl Server {
    pub fn fault(&self, faults: &[Fault]) {
        *self.faults.lock().unwrap() = faults.iter().rev().cloned().collect();
    }

    /// From now on every answer is a 503, or no longer.
    pub fn down(&self, down: bool) {
        *self.down.lock().unwrap() = down;
    }

    pub fn is_well(&self) -> bool {
        self.faults.lock().unwrap().is_empty()
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

pub async fn serve(document: &'static Document) -> (Arc<Server>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = Arc::new(Server::default());
    let shared = server.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(answer(socket, shared.clone(), document));
        }
    });
    (server, address)
}

async fn answer(mut socket: TcpStream, server: Arc<Server>, document: &'static Document) {
    let Some(asked) = read(&mut socket, document).await else { return };
    server.asked.lock().unwrap().push(asked.clone());
    let fault = match *server.down.lock().unwrap() {
        true => Some(Fault::Status("503 Service Unavailable")),
        false => server.faults.lock().unwrap().pop(),
    };
    let reply = match &fault {
        _ if !asked.key.starts_with("good") => document.key.refusal(),
        Some(Fault::Status(status)) => Reply { status, body: "{}".to_owned() },
        Some(Fault::Refusal(status, body)) => Reply { status, body: (*body).to_owned() },
        Some(Fault::Body(body)) => Reply { status: "200 OK", body: (*body).to_owned() },
        Some(Fault::Silent) => return tokio::time::sleep(Duration::from_secs(60)).await,
        _ => forbidden(document, &asked).map_or_else(|| (document.answer)(&asked), Reply::refused),
    };
    let Reply { status, mut body } = reply;
    if let Some(Fault::Renamed(field)) = &fault {
        body = body.replace(&format!("\"{field}\":"), "\"renamed\":");
    }
    let sent = if matches!(fault, Some(Fault::Cut)) { &body[..body.len() / 2] } else { &body };
    let text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{sent}", body.len());
    let _ = socket.write_all(text.as_bytes()).await;
}

async fn read(socket: &mut TcpStream, document: &Document) -> Option<Asked> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(socket.read_u8().await.ok()?);
    }
    let head = String::from_utf8(bytes).unwrap();
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|line| line.0.eq_ignore_ascii_case(name)).map(|line| line.1.to_owned())
    };
    let mut body = vec![0; header("content-length").map_or(0, |length| length.parse().unwrap())];
    socket.read_exact(&mut body).await.ok()?;
    let mut words = head.split(' ');
    let method = words.next()?.to_owned();
    let url = Url::parse(&format!("http://provider{}", words.next()?)).unwrap();
    let mut query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let key = match document.key {
        Key::Bearer => header("authorization").and_then(|value| value.strip_prefix("Bearer ").map(str::to_owned)),
        Key::Header(name) => header(name),
        Key::Query(name) => {
            let at = query.iter().position(|pair| pair.0 == name);
            at.map(|at| query.remove(at).1)
        }
    };
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Some(Asked { method, path: url.path().to_owned(), query, body, key: key.unwrap_or_default() })
}

/// Why the document does not allow a request.
fn forbidden(document: &Document, asked: &Asked) -> Option<String> {
    let matches = |known: &str| {
        let (known, path): (Vec<_>, Vec<_>) = (known.split('/').collect(), asked.path.split('/').collect());
        known.len() == path.len() && known.iter().zip(&path).all(|(known, part)| *known == "{}" || known == part)
    };
    // A path that is written out goes before one with a parameter.
    let mut found = document.operations.iter().filter(|known| known.0 == asked.method && matches(known.1));
    let Some((_, _, params)) = found.next() else { return Some(format!("no {} {}", asked.method, asked.path)) };
    let name_of = |param: &'static str| param.split(['!', '=']).next().unwrap_or_default();
    for (name, value) in &asked.query {
        let Some(param) = params.iter().find(|param| name_of(param) == name) else {
            return Some(format!("no parameter {name}"));
        };
        if let Some((_, values)) = param.split_once('=')
            && !values.split('|').any(|known| known == value)
        {
            return Some(format!("{name} can't be {value}"));
        }
    }
    let missing = params.iter().find(|param| param.contains('!') && asked.param(name_of(param)).is_none());
    missing.map(|param| format!("{param} is missing"))
}

pub fn config(base: &str, keys: &[&str]) -> ClientConfig {
    ClientConfig {
        base: base.parse().unwrap(),
        keys: keys.join("\n").into(),
        rotate: false,
        // What is not tested here never ends by it, however busy the machine is.
        timeout: Duration::from_secs(30),
        daily_quota: None,
        link: None,
    }
}

/// For a provider that falls silent.
pub fn hasty(base: &str, keys: &[&str]) -> ClientConfig {
    ClientConfig { timeout: Duration::from_millis(400), ..config(base, keys) }
}
