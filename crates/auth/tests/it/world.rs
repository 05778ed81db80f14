//! A provider with a browser and clients, in one process: requests go straight to the router.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use access::{Live, Verifier, VerifierConfig};
use auth::{Auth, AuthConfig, Keeper, NewClient, Renewer, Uses};
use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use contracts::{Clock, Role};
use http_api::{Frame, frame_layer};
use http_body_util::BodyExt;
use serde_json::Value;
use sha2::{Digest, Sha256};
use testkit::TestDb;
use tower::ServiceExt;
use url::{Url, form_urlencoded};

pub const ISSUER: &str = "https://media.example";
pub const CALLBACK: &str = "https://app.example/cb";
pub const OTHER_RESOURCE: &str = "https://tools.example/";
pub const PASSWORD: &str = "correct horse battery";
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: axum::http::HeaderMap,
    pub text: String,
    pub json: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The JSON of a success.
    pub fn ok(self) -> Value {
        assert!(self.status.is_success(), "{} {}", self.status, self.text);
        self.json
    }

    /// Asserts a failure in OAuth's terms.
    pub fn fails(&self, status: u16, error: &str) {
        assert_eq!((self.status.as_u16(), self.json["error"].as_str()), (status, Some(error)), "{}", self.text);
        assert_eq!(self.header("cache-control"), "no-store");
    }

    /// The parameters of the address that the browser is sent to.
    pub fn sent_to(&self) -> BTreeMap<String, String> {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.text);
        let url = Url::parse(ISSUER).unwrap().join(self.header("location")).unwrap();
        url.query_pairs().into_owned().collect()
    }
}

pub struct World {
    pub router: Router,
    pub auth: Arc<Auth>,
    pub clock: Clock,
    pub db: TestDb,
}

impl World {
    pub async fn open(engine: &str) -> Self {
        let db = if engine == "postgres" { testkit::postgres_owned().await } else { testkit::sqlite().await };
        Self::over(db).await
    }

    pub async fn over(db: TestDb) -> Self {
        Self::told(db, |_| {}).await
    }

    /// With another configuration than the usual one.
    pub async fn told(db: TestDb, change: impl FnOnce(&mut AuthConfig)) -> Self {
        let (clock, rng) = (testkit::clock(), contracts::Rng::system());
        let mut config = AuthConfig {
            resources: vec![OTHER_RESOURCE.into()],
            metadata_from_loopback: true,
            // No test ends by it that is not about it, however busy the machine is.
            metadata_timeout: Duration::from_secs(60),
            // Its keys are made in no time.
            algorithm: auth::Algorithm::ES256,
            ..AuthConfig::new(ISSUER, [7; 32])
        };
        change(&mut config);
        let expected = VerifierConfig { issuer: ISSUER.into(), audience: ISSUER.into() };
        let verifier = Arc::new(Verifier::new(expected, clock.clone(), Arc::new(Live::default())));
        let auth = Arc::new(Auth::new(db.db(), clock.clone(), rng.clone(), config, Arc::clone(&verifier)));
        auth.seed().await.unwrap();
        auth.reload().await.unwrap();
        let frame = Frame {
            clock: clock.clone(),
            rng,
            timeout: Duration::from_secs(30),
            operator_token: Some("operator".into()),
            access: Some(verifier),
            cursor_key: [1; 32],
        };
        let (router, _) = auth::routes(Arc::clone(&auth)).split_for_parts();
        Self { router: router.layer(frame_layer(Arc::new(frame))), auth, clock, db }
    }

    pub fn advance(&self, seconds: i64) {
        self.clock.advance(jiff::SignedDuration::from_secs(seconds));
        self.auth.verifier().live().touch(self.clock.now());
    }

    /// The keeper, as another process would run it.
    pub fn keeper(&self) -> Keeper {
        Keeper::new(Arc::clone(&self.auth), true)
    }

    /// Writes down which keys were used.
    pub async fn note_uses(&self) {
        Uses::new(Arc::clone(&self.auth)).round().await.unwrap();
    }

    /// Looks once for keys that are past their time, and takes what came of it.
    pub async fn renew(&self) {
        Renewer::new(Arc::clone(&self.auth)).round().await.unwrap();
        self.keeper().step().await.unwrap();
    }

    /// A second process over the same database, with a snapshot of its own: what it verifies with, and its keeper.
    pub fn other(&self) -> (Arc<Verifier>, Keeper) {
        let expected = VerifierConfig { issuer: ISSUER.into(), audience: ISSUER.into() };
        let verifier = Arc::new(Verifier::new(expected, self.clock.clone(), Arc::default()));
        let (config, rng) = (AuthConfig::new(ISSUER, [7; 32]), contracts::Rng::system());
        let auth = Auth::new(self.db.db(), self.clock.clone(), rng, config, Arc::clone(&verifier));
        (verifier, Keeper::new(Arc::new(auth), false))
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, text, json }
    }

    /// A form, as a client sends it.
    pub async fn form(&self, path: &str, pairs: &[(&str, &str)]) -> Answer {
        self.form_with(path, pairs, &[]).await
    }

    pub async fn form_with(&self, path: &str, pairs: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    pub async fn get_as(&self, path: &str, token: &str) -> Answer {
        let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub async fn json_as(&self, method: &str, path: &str, token: &str, body: &Value) -> Answer {
        let request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, "application/json");
        let request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// A registered client: its id, and its secret where it keeps one.
    pub async fn client(&self, confidential: bool, dpop: bool) -> (String, Option<String>) {
        let new = NewClient {
            name: "Test App".into(),
            redirect_uris: vec![CALLBACK.into(), "http://127.0.0.1/cb".into()],
            grant_types: vec!["authorization_code".into(), "refresh_token".into(), "device_code".into()],
            scopes: "openid email read:content read:watchlist write:watchlist playback:control".parse().unwrap(),
            confidential,
            dpop_bound: dpop,
            role: None,
        };
        let made = self.auth.create_client(&testkit::operator_call(), &new).await.unwrap();
        (made.id, made.secret)
    }

    /// A service that stands for itself.
    pub async fn service(&self, role: Role) -> (String, String) {
        let new = NewClient {
            name: "Service".into(),
            redirect_uris: Vec::new(),
            grant_types: vec!["client_credentials".into()],
            scopes: "read:content".parse().unwrap(),
            confidential: true,
            dpop_bound: false,
            role: Some(role),
        };
        let made = self.auth.create_client(&testkit::operator_call(), &new).await.unwrap();
        (made.id, made.secret.unwrap())
    }

    /// Redeems a code as a public client.
    pub async fn redeem(&self, client: &str, code: &str) -> Answer {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", client),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        self.form("/oauth/token", &form).await
    }

    pub async fn refresh(&self, client: &str, token: &str) -> Answer {
        let form = [("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", token)];
        self.form("/oauth/token", &form).await
    }

    /// Whether the access token opens a door.
    pub async fn opens(&self, token: &str) -> bool {
        let answer = self.get_as("/api/v1/auth/me", token).await;
        assert!([StatusCode::OK, StatusCode::UNAUTHORIZED].contains(&answer.status), "{}", answer.text);
        answer.status == StatusCode::OK
    }
}

/// A browser: its cookies, and the forms of the pages it saw.
pub struct Browser<'a> {
    pub world: &'a World,
    pub cookies: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    pub fn new(world: &'a World) -> Self {
        Self { world, cookies: BTreeMap::new() }
    }

    /// A browser whose person has just signed up, and in.
    pub async fn signed_up(world: &'a World, email: &str) -> Self {
        let mut browser = Self::new(world);
        for (page, status) in [("/signup", StatusCode::OK), ("/login", StatusCode::SEE_OTHER)] {
            let answer = browser.submit(page, page, &[("email", email), ("password", PASSWORD)]).await;
            assert_eq!(answer.status, status, "{page}: {}", answer.text);
        }
        browser
    }

    fn cookie_header(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    fn keep(&mut self, answer: &Answer) {
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let text = cookie.to_str().unwrap();
            let (name, value) = text.split(';').next().unwrap().split_once('=').unwrap();
            assert!(text.contains("HttpOnly") && text.contains("Secure") && text.contains("SameSite="), "{text}");
            if text.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        let request = Request::get(path).header(header::COOKIE, self.cookie_header());
        let answer = self.world.send(request.body(Body::empty()).unwrap()).await;
        self.keep(&answer);
        answer
    }

    /// Loads the page at `page` and sends its form to `action` with these fields.
    pub async fn submit(&mut self, page: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
        let shown = self.get(page).await;
        let token = hidden(&shown.text, "form_token");
        let mut all = vec![("form_token", token.as_str())];
        all.extend(fields);
        self.post(action, &all, &[]).await
    }

    pub async fn post(&mut self, action: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        let cookies = self.cookie_header();
        let mut all = vec![("cookie", cookies.as_str())];
        all.extend(headers);
        let answer = self.world.form_with(action, fields, &all).await;
        self.keep(&answer);
        answer
    }

    /// Goes through the authorization of `client`, saying yes where asked; gives the parameters of the answer.
    pub async fn authorize(&mut self, client: &str, scope: &str, more: &[(&str, &str)]) -> BTreeMap<String, String> {
        let path = request(client, scope, more);
        let mut answer = self.get(&path).await;
        if answer.status == StatusCode::OK {
            let token = hidden(&answer.text, "form_token");
            answer = self.post(&path, &[("form_token", &token), ("decision", "allow")], &[]).await;
        }
        answer.sent_to()
    }

    /// A code for `client`.
    pub async fn code(&mut self, client: &str, scope: &str) -> String {
        self.authorize(client, scope, &[]).await["code"].clone()
    }

    /// Tokens for a public client.
    pub async fn tokens(&mut self, client: &str, scope: &str) -> Value {
        let code = self.code(client, scope).await;
        self.world.redeem(client, &code).await.ok()
    }
}

/// The address of an authorization request.
pub fn request(client: &str, scope: &str, more: &[(&str, &str)]) -> String {
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let mut all: BTreeMap<&str, &str> = BTreeMap::from([
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", CALLBACK),
        ("scope", scope),
        ("state", "s t&1"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ]);
    for (name, value) in more {
        if value.is_empty() {
            all.remove(name)
        } else {
            all.insert(name, value)
        };
    }
    format!("/oauth/authorize?{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(all).finish())
}

pub fn hidden(html: &str, name: &str) -> String {
    let at = html.find(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("no {name} in {html}"));
    html[at..].split("value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

pub fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{id}:{secret}")))
}

/// The claims of a token, unverified.
pub fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

pub fn head(token: &str) -> Value {
    let part = token.split('.').next().unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}
