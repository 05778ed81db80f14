//! Google and GitHub as they look from a socket, on loopback: discovery, keys, code exchange with PKCE, and GitHub's API.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex},
};

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header, encode,
    jwk::{Jwk, KeyAlgorithm},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use url::{Url, form_urlencoded};

pub const CLIENT: &str = "media-gateway-there";
pub const SECRET: &str = "what we know there";

/// Two keys: the provider's, and its next one.
static KEYS: LazyLock<[EncodingKey; 2]> = LazyLock::new(|| [key(), key()]);

fn key() -> EncodingKey {
    use aws_lc_rs::encoding::AsDer as _;
    let pair = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    let text = BASE64_STANDARD.encode(pair.as_der().unwrap().as_ref());
    EncodingKey::from_rsa_pem(format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n").as_bytes())
        .unwrap()
}

/// How the ID token is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Sign {
    /// With the provider's key.
    #[default]
    Right,
    /// Not at all.
    Nothing,
    /// With the client's secret.
    Secret,
    /// By somebody else, under the key's name.
    Forged,
    /// With a key that the provider does not publish.
    Unknown,
    /// With the provider's next key, which it publishes instead.
    Next,
}

/// How the provider behaves.
pub struct Script {
    pub sign: Sign,
    /// Claims in place of the usual ones; null takes one away.
    pub claims: Value,
    /// The issuer that discovery names; the usual when empty.
    pub issuer: String,
    /// What it answers everything with, when it is out of order.
    pub status: u16,
    /// The time.
    pub now: i64,
    pub user: Value,
    pub emails: Value,
    codes: BTreeMap<String, (String, String)>,
    made: usize,
}

#[derive(Clone)]
pub struct Elsewhere {
    pub url: String,
    script: Arc<Mutex<Script>>,
}

impl Elsewhere {
    /// A provider where Ada has an account with a verified address.
    pub async fn start() -> Self {
        // Made before somebody waits for an answer: that takes a while.
        LazyLock::force(&KEYS);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script = Script {
            sign: Sign::Right,
            claims: json!({}),
            issuer: String::new(),
            status: 200,
            now: testkit::start().as_second(),
            user: json!({ "id": 583_231, "login": "ada" }),
            emails: json!([
                { "email": "other@example.org", "primary": false, "verified": true },
                { "email": "ada@example.org", "primary": true, "verified": true },
            ]),
            codes: BTreeMap::new(),
            made: 0,
        };
        let elsewhere = Self { url, script: Arc::new(Mutex::new(script)) };
        let serving = elsewhere.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = serving.clone();
                tokio::spawn(async move { serving.serve(stream).await });
            }
        });
        elsewhere
    }

    /// It behaves otherwise from now on.
    pub fn change(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script.lock().unwrap());
    }

    /// Its person says yes at the address that they were sent to; the path that they come back to.
    pub fn approve(&self, address: &str) -> String {
        let url = Url::parse(address).unwrap();
        assert!(address.starts_with(&self.url), "{address}");
        let asked: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(asked["client_id"], CLIENT);
        assert_eq!((asked["response_type"].as_str(), asked["code_challenge_method"].as_str()), ("code", "S256"));
        let google = asked["redirect_uri"] == "https://media.example/login/google/callback";
        assert!(google || asked["redirect_uri"] == "https://media.example/login/github/callback", "{address}");
        assert_eq!(asked.contains_key("nonce"), google);
        assert_eq!(asked["scope"], if google { "openid email" } else { "read:user user:email" });
        let mut script = self.script.lock().unwrap();
        script.made += 1;
        let code = format!("code {}", script.made);
        let nonce = asked.get("nonce").cloned().unwrap_or_default();
        script.codes.insert(code.clone(), (asked["code_challenge"].clone(), nonce));
        let pairs = [("state", asked["state"].as_str()), ("code", &code)];
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        format!("/login/{}/callback?{query}", if google { "google" } else { "github" })
    }

    async fn serve(&self, mut stream: TcpStream) {
        let (mut bytes, mut buffer) = (Vec::new(), [0; 4_096]);
        let (head, body) = loop {
            let read = stream.read(&mut buffer).await.unwrap_or(0);
            if read == 0 {
                return;
            }
            bytes.extend_from_slice(&buffer[..read]);
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let head = head.to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                break (head, body.to_owned());
            }
        };
        let (status, answer) = self.answer(&head, &body);
        let text = answer.to_string();
        let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-type: application/json\r\n");
        let _ = stream.write_all(format!("{head}content-length: {}\r\n\r\n{text}", text.len()).as_bytes()).await;
    }

    fn answer(&self, head: &str, body: &str) -> (u16, Value) {
        let mut script = self.script.lock().unwrap();
        if script.status != 200 {
            return (script.status, json!({ "error": "out of order" }));
        }
        let url = &self.url;
        let authorized = head.contains("\r\nauthorization: bearer github-token");
        match head.split(' ').nth(1).unwrap() {
            "/.well-known/openid-configuration" => {
                let issuer = if script.issuer.is_empty() { url } else { &script.issuer };
                let at = |path: &str| format!("{url}{path}");
                let mut document = json!({ "issuer": issuer, "authorization_endpoint": at("/auth") });
                document["token_endpoint"] = at("/token").into();
                document["jwks_uri"] = at("/keys").into();
                (200, document)
            }
            "/keys" => (200, json!({ "keys": [published(usize::from(script.sign == Sign::Next))] })),
            "/token" => match script.redeem(body) {
                Some(nonce) => (200, json!({ "id_token": script.id_token(url, &nonce), "token_type": "Bearer" })),
                None => (400, json!({ "error": "invalid_grant" })),
            },
            "/login/oauth/access_token" => match script.redeem(body) {
                Some(_) => (200, json!({ "access_token": "github-token", "token_type": "bearer" })),
                None => (200, json!({ "error": "bad_verification_code" })),
            },
            "/user" if authorized => (200, script.user.clone()),
            "/user/emails" if authorized => (200, script.emails.clone()),
            _ => (404, json!({ "message": "Not Found" })),
        }
    }
}

/// The public half of a key.
fn published(index: usize) -> Value {
    let mut jwk = Jwk::from_encoding_key(&KEYS[index], Algorithm::RS256).unwrap();
    jwk.common.key_id = Some(format!("key {index}"));
    jwk.common.key_algorithm = Some(KeyAlgorithm::RS256);
    serde_json::to_value(jwk).unwrap()
}

impl Script {
    /// Takes a code once, from who knows the secret and the verifier (RFC 7636); gives the nonce.
    fn redeem(&mut self, body: &str) -> Option<String> {
        let form: BTreeMap<String, String> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        let (challenge, nonce) = self.codes.remove(form.get("code")?)?;
        let verifier = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(form.get("code_verifier")?));
        let ours = form["client_id"] == CLIENT && form["client_secret"] == SECRET;
        (ours && verifier == challenge && form["grant_type"] == "authorization_code").then_some(nonce)
    }

    fn id_token(&self, issuer: &str, nonce: &str) -> String {
        let mut claims = json!({
            "iss": issuer, "aud": CLIENT, "azp": CLIENT, "sub": "10769150350006150715113082367", "nonce": nonce,
            "email": "ada@example.org", "email_verified": true, "iat": self.now, "exp": self.now + 3_600,
        });
        for (name, value) in self.claims.as_object().unwrap() {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        let head = |algorithm, kid: &str| Header { kid: Some(kid.to_owned()), ..Header::new(algorithm) };
        let rs = |kid, index: usize| encode(&head(Algorithm::RS256, kid), &claims, &KEYS[index]).unwrap();
        match self.sign {
            Sign::Right => rs("key 0", 0),
            Sign::Next => rs("key 1", 1),
            Sign::Forged => rs("key 0", 1),
            Sign::Unknown => rs("key 1", 1),
            Sign::Secret => {
                let secret = EncodingKey::from_secret(SECRET.as_bytes());
                encode(&head(Algorithm::HS256, "key 0"), &claims, &secret).unwrap()
            }
            Sign::Nothing => {
                let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
                format!("{}.{}.", part(&json!({ "alg": "none", "kid": "key 0" })), part(&claims))
            }
        }
    }
}
