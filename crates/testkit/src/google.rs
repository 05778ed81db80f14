//! A server of the shape that Google Cloud publishes, on loopback: the metadata server's tokens, Cloud KMS and Secret
//! Manager. It refuses what the documents don't allow, seals for real, and misbehaves when it is told to.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use access::sealed;
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use contracts::Rng;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// A key that the server has.
pub const GOOGLE_KEY: &str = "projects/here/locations/global/keyRings/nodes/cryptoKeys/seal";
/// Another.
pub const OTHER_GOOGLE_KEY: &str = "projects/here/locations/global/keyRings/nodes/cryptoKeys/other";

/// Under what it seals, with the key's name and the additional data.
const ROOT: [u8; 32] = [9; 32];
static CASTAGNOLI: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI);

/// What the server does with one question in place of, or beside, answering it.
#[derive(Clone, Debug)]
pub enum Odd {
    /// This status, and a `Retry-After` where there is one.
    Status(u16, Option<&'static str>),
    /// A page, with this status.
    Html(u16),
    /// Half an answer.
    Cut,
    /// More than anybody reads.
    Endless,
    /// Another address to ask at.
    Elsewhere,
    /// The answer, after a while.
    Slow(Duration),
    /// The answer, with another checksum.
    WrongChecksum,
    /// The answer, without saying that checksums were looked at.
    Unchecked,
    /// The answer, as another key's.
    OtherKey,
}

/// The server. It ends with the test's process.
#[derive(Clone)]
pub struct Google {
    url: String,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    rng: Rng,
    tokens: Vec<String>,
    lasts: i64,
    flavor: &'static str,
    secrets: BTreeMap<String, Vec<Vec<u8>>>,
    odd: VecDeque<Odd>,
    down: bool,
    hangs: Option<&'static str>,
    refused: Option<&'static str>,
    asked: Vec<String>,
    sealed: Vec<Vec<u8>>,
}

/// What an answer that is no success says: the status, its name and a message.
type Refusal = (u16, &'static str, &'static str);

impl Google {
    /// Starts it.
    pub fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let inner = Inner {
            rng: Rng::seeded(32),
            tokens: Vec::new(),
            lasts: 3599,
            flavor: "Google",
            secrets: BTreeMap::new(),
            odd: VecDeque::new(),
            down: false,
            hangs: None,
            refused: None,
            asked: Vec::new(),
            sealed: Vec::new(),
        };
        let url = format!("http://{}", listener.local_addr().unwrap());
        let google = Self { url, inner: Arc::new(Mutex::new(inner)) };
        let router = Router::new()
            .route("/computeMetadata/v1/instance/service-accounts/default/token", get(token))
            .route("/v1/{*name}", any(api))
            .with_state(google.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, router).await.unwrap();
            });
        });
        google
    }

    /// Where it is, for the metadata server and for both services.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Adds a version to a secret, `projects/P/secrets/S`.
    pub fn put(&self, secret: &str, value: &str) {
        self.lock().secrets.entry(secret.to_owned()).or_default().push(value.as_bytes().to_vec());
    }

    /// What it does with the next questions to the services, one after the other.
    pub fn next(&self, odd: impl IntoIterator<Item = Odd>) {
        self.lock().odd.extend(odd);
    }

    /// Whether both services are down: 503, until it is said otherwise.
    pub fn down(&self, down: bool) {
        self.lock().down = down;
    }

    /// Which verb, such as `encrypt`, is taken in and never answered.
    pub fn hangs(&self, verb: Option<&'static str>) {
        self.lock().hangs = verb;
    }

    /// Which verb, such as `decrypt`, the account may not do.
    pub fn refuse(&self, verb: Option<&'static str>) {
        self.lock().refused = verb;
    }

    /// What the metadata server says it is, and how many seconds its tokens are good for.
    pub fn tokens_are(&self, flavor: &'static str, lasts: i64) {
        let mut inner = self.lock();
        (inner.flavor, inner.lasts) = (flavor, lasts);
    }

    /// Ends every token that was given.
    pub fn end_tokens(&self) {
        self.lock().tokens.iter_mut().for_each(|token| token.push_str("-ended"));
    }

    /// How many tokens were given.
    pub fn tokens(&self) -> usize {
        self.lock().tokens.len()
    }

    /// What the services were asked, as `METHOD name:verb`.
    pub fn asked(&self) -> Vec<String> {
        self.lock().asked.clone()
    }

    /// Everything that it was given to seal.
    pub fn sealed(&self) -> Vec<Vec<u8>> {
        self.lock().sealed.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    fn answer(&self, method: &Method, name: &str, headers: &HeaderMap, body: &[u8]) -> Result<Value, Refusal> {
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut inner = self.lock();
        if !inner.tokens.iter().any(|token| shown == format!("Bearer {token}")) {
            return Err((401, "UNAUTHENTICATED", "Request had invalid authentication credentials."));
        }
        let verb = name.rsplit_once(':').map(|(_, verb)| verb);
        if name.starts_with("projects/theirs/") || (verb.is_some() && verb == inner.refused) {
            return Err((403, "PERMISSION_DENIED", "Permission denied on resource (or it may not exist)."));
        }
        match (method.as_str(), name.rsplit_once(':')) {
            ("GET", Some((name, "access"))) => accessed(&inner, name),
            ("POST", Some((key, verb @ ("encrypt" | "decrypt")))) => {
                let json = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
                match (json, [GOOGLE_KEY, OTHER_GOOGLE_KEY].contains(&key)) {
                    (false, _) => Err((400, "INVALID_ARGUMENT", "Unknown content type.")),
                    (_, false) => Err((404, "NOT_FOUND", "CryptoKey not found.")),
                    _ if verb == "encrypt" => encrypt(&mut inner, key, body),
                    _ => decrypt(key, body),
                }
            }
            _ => Err((404, "NOT_FOUND", "Method not found.")),
        }
    }
}

/// The metadata server.
async fn token(State(google): State<Google>, headers: HeaderMap) -> Response {
    let flavored = headers.get("metadata-flavor").is_some_and(|flavor| flavor == "Google");
    if !flavored || headers.contains_key("x-forwarded-for") {
        return (StatusCode::FORBIDDEN, "Missing Metadata-Flavor:Google header.").into_response();
    }
    let mut inner = google.lock();
    let token = format!("ya29.a-token-of-a-test-{}", inner.tokens.len());
    inner.tokens.push(token.clone());
    let answer = json!({ "access_token": token, "expires_in": inner.lasts, "token_type": "Bearer" });
    ([("metadata-flavor", inner.flavor)], Json(answer)).into_response()
}

/// Both services.
async fn api(
    State(google): State<Google>,
    method: Method,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (odd, hangs) = {
        let mut inner = google.lock();
        inner.asked.push(format!("{method} {name}"));
        let hangs = inner.hangs.is_some_and(|verb| name.rsplit_once(':').is_some_and(|(_, asked)| asked == verb));
        (if inner.down { Some(Odd::Status(503, None)) } else { inner.odd.pop_front() }, hangs)
    };
    if hangs {
        std::future::pending::<()>().await;
    }
    if let Some(response) = odd.as_ref().and_then(instead) {
        return response;
    }
    if let Some(Odd::Slow(time)) = odd {
        tokio::time::sleep(time).await;
    }
    match google.answer(&method, &name, &headers, &body) {
        Ok(mut answer) => {
            twist(&mut answer, odd.as_ref());
            Json(answer).into_response()
        }
        Err(refusal) => refused(refusal),
    }
}

fn refused((code, status, message): Refusal) -> Response {
    let body = json!({ "error": { "code": code, "message": message, "status": status } });
    (StatusCode::from_u16(code).unwrap(), Json(body)).into_response()
}

/// What is said in place of an answer.
fn instead(odd: &Odd) -> Option<Response> {
    Some(match odd {
        Odd::Status(code, after) => {
            let mut response = refused((*code, "UNAVAILABLE", "The service is currently unavailable."));
            if let Some(after) = after {
                response.headers_mut().insert(header::RETRY_AFTER, after.parse().unwrap());
            }
            response
        }
        Odd::Html(code) => {
            let page = "<html><title>Sign in to the network</title></html>";
            (StatusCode::from_u16(*code).unwrap(), [(header::CONTENT_TYPE, "text/html")], page).into_response()
        }
        Odd::Cut => {
            let half: [Result<Bytes, std::io::Error>; 2] =
                [Ok(Bytes::from_static(b"{\"name\": \"")), Err(std::io::Error::other("cut"))];
            ([(header::CONTENT_LENGTH, "400")], Body::from_stream(futures::stream::iter(half))).into_response()
        }
        Odd::Endless => "x".repeat(1 << 20).into_response(),
        Odd::Elsewhere => (StatusCode::FOUND, [(header::LOCATION, "/v1/projects/here/secrets/s")]).into_response(),
        Odd::Slow(_) | Odd::WrongChecksum | Odd::Unchecked | Odd::OtherKey => return None,
    })
}

fn twist(answer: &mut Value, odd: Option<&Odd>) {
    let checksums = ["/ciphertextCrc32c", "/plaintextCrc32c", "/payload/dataCrc32c"];
    match odd {
        Some(Odd::WrongChecksum) => {
            for at in checksums {
                answer.pointer_mut(at).into_iter().for_each(|sum| *sum = "1".into());
            }
        }
        Some(Odd::Unchecked) => {
            let fields = answer.as_object_mut().unwrap();
            fields.retain(|name, _| !name.starts_with("verified"));
        }
        Some(Odd::OtherKey) => answer["name"] = format!("{OTHER_GOOGLE_KEY}/cryptoKeyVersions/1").into(),
        _ => {}
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Encrypt {
    plaintext: String,
    #[serde(default)]
    additional_authenticated_data: String,
    plaintext_crc32c: Option<String>,
    additional_authenticated_data_crc32c: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Decrypt {
    ciphertext: String,
    #[serde(default)]
    additional_authenticated_data: String,
    ciphertext_crc32c: Option<String>,
    additional_authenticated_data_crc32c: Option<String>,
}

fn encrypt(inner: &mut Inner, key: &str, body: &[u8]) -> Result<Value, Refusal> {
    let request: Encrypt = parsed(body)?;
    let plain = bytes(&request.plaintext, request.plaintext_crc32c.as_deref())?;
    let data = &request.additional_authenticated_data;
    bytes(data, request.additional_authenticated_data_crc32c.as_deref())?;
    let sealed = sealed::seal(&inner.rng, &ROOT, &format!("{key} {data}"), &plain).unwrap();
    inner.sealed.push(plain);
    Ok(json!({
        "name": format!("{key}/cryptoKeyVersions/1"),
        "ciphertext": BASE64_STANDARD.encode(&sealed),
        "ciphertextCrc32c": checksum(&sealed),
        "verifiedPlaintextCrc32c": request.plaintext_crc32c.is_some(),
        "verifiedAdditionalAuthenticatedDataCrc32c": request.additional_authenticated_data_crc32c.is_some(),
        "protectionLevel": "SOFTWARE",
    }))
}

fn decrypt(key: &str, body: &[u8]) -> Result<Value, Refusal> {
    const FAILED: Refusal = (400, "INVALID_ARGUMENT", "Decryption failed: is it the key that it was encrypted with?");
    let request: Decrypt = parsed(body)?;
    let sealed = bytes(&request.ciphertext, request.ciphertext_crc32c.as_deref())?;
    let data = &request.additional_authenticated_data;
    bytes(data, request.additional_authenticated_data_crc32c.as_deref())?;
    let plain = sealed::open(&ROOT, &format!("{key} {data}"), &sealed).ok_or(FAILED)?;
    Ok(json!({
        "plaintext": BASE64_STANDARD.encode(&plain),
        "plaintextCrc32c": checksum(&plain),
        "usedPrimary": true,
        "protectionLevel": "SOFTWARE",
    }))
}

fn accessed(inner: &Inner, name: &str) -> Result<Value, Refusal> {
    const MISSING: Refusal = (404, "NOT_FOUND", "Secret or version not found.");
    let (secret, version) = name.split_once("/versions/").ok_or(MISSING)?;
    let versions = inner.secrets.get(secret).ok_or(MISSING)?;
    let number = if version == "latest" { versions.len() } else { version.parse().map_err(|_| MISSING)? };
    let data = number.checked_sub(1).and_then(|at| versions.get(at)).ok_or(MISSING)?;
    // The project is told by its number.
    let name = format!("projects/4711/{}/versions/{number}", secret.splitn(3, '/').nth(2).unwrap());
    Ok(json!({ "name": name, "payload": { "data": BASE64_STANDARD.encode(data), "dataCrc32c": checksum(data) } }))
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|_| (400, "INVALID_ARGUMENT", "Invalid JSON payload received."))
}

/// The bytes of a field, held against the checksum that came with it.
fn bytes(text: &str, said: Option<&str>) -> Result<Vec<u8>, Refusal> {
    const NO_BASE64: Refusal = (400, "INVALID_ARGUMENT", "Base64 decoding failed.");
    const DAMAGED: Refusal = (400, "INVALID_ARGUMENT", "The checksum did not match the data.");
    let bytes = BASE64_STANDARD.decode(text).map_err(|_| NO_BASE64)?;
    match said {
        Some(said) if said != checksum(&bytes) => Err(DAMAGED),
        _ => Ok(bytes),
    }
}

fn checksum(bytes: &[u8]) -> String {
    CASTAGNOLI.checksum(bytes).to_string()
}
