//! Ten at one door: their credentials, made by the authorization server in the folder of a node that has yet to start, at
//! the times that it takes for some of them to end.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use access::{Live, Verifier, VerifierConfig};
use auth::{Algorithm, Auth, AuthConfig, Entrance, NewClient, NewUser};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, header},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use contracts::{Clock, Rng, Role, UserId};
use http_api::{Frame, frame_layer};
use jiff::SignedDuration;
use serde_json::Value;
use stores::Db;
use tower::ServiceExt;
use url::form_urlencoded::Serializer;

use crate::app::Setup;

/// The order of the columns of [`super::table`].
pub const WHO: [&str; 10] = [
    "owner",
    "other user",
    "other organisation",
    "anonymous",
    "expired",
    "wrong audience",
    "too little scope",
    "revoked",
    "moderator",
    "ingestion service",
];

/// Something of each.
type Each<T> = [T; WHO.len()];

pub const ISSUER: &str = "https://media.example";
pub const PASSWORD: &str = "correct horse battery";
/// A resource of another server.
const ELSEWHERE: &str = "https://tools.example/";
const MASTER: [u8; 32] = [7; 32];
const EVERYTHING: &str = "openid email offline_access read:content read:watchlist read:preferences read:devices \
    write:watchlist write:preferences write:playback playback:control account:manage admin:full";

/// Beside the cookie of a form: the value of its field.
pub const FORM: &str = "x-form";

/// What somebody sends with a request: names and values of headers.
pub type Credentials = Vec<(&'static str, String)>;

/// Everybody, by the kind of credentials that an operation asks for.
pub struct People {
    /// Tokens of people; the ingestion service's key.
    pub tokens: Each<Credentials>,
    /// Tokens of administrators, where the owner is one.
    pub admins: Each<Credentials>,
    /// Cookies of browsers.
    pub browsers: Each<Credentials>,
    /// Secrets of clients.
    pub clients: Each<Credentials>,
    /// Ids of what the owner has.
    pub names: BTreeMap<&'static str, String>,
}

/// Families of tokens of one person at the command line, in the folder of a node that has yet to start.
pub fn families(setup: &Setup, count: usize) -> Vec<Value> {
    before(setup, async |server| {
        server.user("ada@example.org", Role::BasicUser).await;
        server.pass(SignedDuration::from_hours(15 * 24));
        let session = server.session("ada").await;
        let mut all = Vec::new();
        for _ in 0..count {
            all.push(server.tokens(&session, "read:content offline_access", "").await);
        }
        all
    })
}

/// Runs the authorization server in the folder of a node before that starts; fifteen days ago, until time passes.
fn before<T>(setup: &Setup, work: impl AsyncFnOnce(Server) -> T) -> T {
    assert!(setup.run(&["migrate"]).status.success());
    std::fs::write(setup.folder().join("auth.key"), MASTER).unwrap();
    let file = setup.folder().join("media-gateway.db");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let db = Db::open_sqlite(&file, &testkit::fast()).await.unwrap();
        let made = work(Server::over(db.clone()).await).await;
        db.close().await;
        made
    })
}

struct Server {
    auth: Arc<Auth>,
    clock: Clock,
    router: Router,
}

impl People {
    /// Makes them in the folder of `setup`, which no node has yet.
    pub fn settle(setup: &Setup) -> Self {
        before(setup, Self::make)
    }

    async fn make(server: Server) -> Self {
        let root = server.user("root@example.org", Role::Admin).await;
        let ada = server.user("ada@example.org", Role::BasicUser).await;
        let bob = server.user("bob@example.org", Role::BasicUser).await;
        let cy = server.user("cy@example.org", Role::BasicUser).await;
        server.user("mo@example.org", Role::Moderator).await;
        let mut orgs = Vec::new();
        for (name, members) in [("Here", &[root, ada, bob][..]), ("There", &[cy])] {
            let org = server.auth.create_org(&testkit::operator_call(), name).await.unwrap();
            for member in members {
                server.auth.join_org(&testkit::operator_call(), org, *member).await.unwrap();
            }
            orgs.push(org);
        }
        let old_session = server.session("ada").await;
        server.pass(SignedDuration::from_hours(15 * 24 - 2));
        let (ada, root) = (server.session("ada").await, server.session("root").await);
        let old = [server.token(&ada, EVERYTHING, "").await, server.token(&root, EVERYTHING, "").await];
        server.pass(SignedDuration::from_hours(2));

        let others = [server.session("bob").await, server.session("cy").await, server.session("mo").await];
        let (service, key) = server.ingestion().await;
        let (tokens, admins) = server.bearers([&ada, &root], &others, old, &key).await;
        let browsers = server.browsers(&ada, &others, old_session, &key).await;
        let (clients, mut names) = server.clients(&ada, service).await;
        names.insert("key", server.key(&tokens[0]).await);
        names.insert("session", server.own_session(&tokens[0]).await);
        names.insert("user", bob.to_string());
        names.insert("joiner", server.user("dee@example.org", Role::BasicUser).await.to_string());
        names.insert("org", orgs[0].to_string());
        Self { tokens, admins, browsers, clients, names }
    }
}

impl Server {
    async fn over(db: Db) -> Self {
        let now = Clock::system().now();
        let clock = Clock::fixed(now.checked_sub(SignedDuration::from_hours(15 * 24)).unwrap());
        let config = AuthConfig {
            resources: vec![ELSEWHERE.to_owned()],
            // The keys are the node's, which signs with RS256.
            algorithm: Algorithm::RS256,
            ..AuthConfig::new(ISSUER, MASTER)
        };
        let expected = VerifierConfig { issuer: ISSUER.into(), audience: ISSUER.into() };
        let verifier = Arc::new(Verifier::new(expected, clock.clone(), Arc::new(Live::default())));
        let auth = Arc::new(Auth::new(db, clock.clone(), Rng::system(), config, Arc::clone(&verifier)));
        auth.seed().await.unwrap();
        auth.reload().await.unwrap();
        let frame = Frame {
            clock: clock.clone(),
            rng: Rng::system(),
            timeout: Duration::from_secs(60),
            operator_token: None,
            access: Some(verifier),
            cursor_key: [0; 32],
        };
        let (router, _) = auth::routes(Arc::clone(&auth)).split_for_parts();
        Self { auth, clock, router: router.layer(frame_layer(Arc::new(frame))) }
    }

    fn pass(&self, time: SignedDuration) {
        self.clock.advance(time);
        self.auth.verifier().live().touch(self.clock.now());
    }

    async fn send(&self, request: Request<Body>) -> (u16, String) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    async fn form(&self, path: &str, pairs: &[(&str, &str)], sent: &Credentials) -> (u16, String) {
        let body = Serializer::new(String::new()).extend_pairs(pairs).finish();
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = sent.iter().fold(request, |request, (name, value)| request.header(*name, value));
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    async fn user(&self, email: &str, role: Role) -> UserId {
        let new = NewUser { email: email.to_owned(), password: PASSWORD.to_owned(), role };
        self.auth.create_user(&testkit::operator_call(), &new).await.unwrap().id
    }

    /// The cookie of a browser in which somebody has just signed in.
    async fn session(&self, who: &str) -> String {
        let entered = self.auth.sign_in(&format!("{who}@example.org"), PASSWORD, "a browser").await.unwrap();
        let Entrance::In(signed_in) = entered else { panic!("{who} has a second factor") };
        format!("__Host-mg_session={}", signed_in.secret)
    }

    /// A new form of a page, as its cookie and its field.
    async fn page(&self) -> (String, String) {
        let request = Request::get("/login").body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
        let html = String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap();
        (cookie, html.split("name=\"form_token\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned())
    }

    /// A token of the command line, which somebody allowed at the page for devices.
    async fn token(&self, session: &str, scope: &str, resource: &str) -> String {
        self.tokens(session, scope, resource).await["access_token"].as_str().unwrap().to_owned()
    }

    async fn tokens(&self, session: &str, scope: &str, resource: &str) -> Value {
        let client = [("client_id", auth::CLI_CLIENT)];
        let asked = [&client[..], &[("scope", scope), ("resource", resource)]].concat();
        let begun: Value = serde_json::from_str(&self.form("/oauth/device", &asked, &Vec::new()).await.1).unwrap();
        let (device, user) = (begun["device_code"].as_str().unwrap(), begun["user_code"].as_str().unwrap());
        self.allow(session, user).await;
        let asked = [&client[..], &[("grant_type", "device_code"), ("device_code", device)]].concat();
        let (status, reply) = self.form("/oauth/token", &asked, &Vec::new()).await;
        assert_eq!(status, 200, "{reply}");
        serde_json::from_str(&reply).unwrap()
    }

    async fn allow(&self, session: &str, user_code: &str) {
        let (form, token) = self.page().await;
        let cookies = vec![("cookie", format!("{form}; {session}"))];
        let fields = [("form_token", token.as_str()), ("user_code", user_code), ("decision", "allow")];
        let (status, page) = self.form("/device", &fields, &cookies).await;
        assert_eq!(status, 200, "{page}");
    }

    async fn bearers(
        &self,
        owners: [&str; 2],
        [bob, cy, mo]: &[String; 3],
        old: [String; 2],
        key: &str,
    ) -> (Each<Credentials>, Each<Credentials>) {
        let bearer = |token: String| vec![("authorization", format!("Bearer {token}"))];
        let (bob, cy) = (self.token(bob, EVERYTHING, "").await, self.token(cy, EVERYTHING, "").await);
        let mo = self.token(mo, EVERYTHING, "").await;
        let mut all = Vec::new();
        for (owner, old) in owners.into_iter().zip(old) {
            let revoked = self.token(owner, EVERYTHING, "").await;
            let ended = [("client_id", auth::CLI_CLIENT), ("token", revoked.as_str())];
            assert_eq!(self.form("/oauth/revoke", &ended, &Vec::new()).await.0, 200);
            all.push([
                bearer(self.token(owner, EVERYTHING, "").await),
                bearer(bob.clone()),
                bearer(cy.clone()),
                Vec::new(),
                bearer(old),
                bearer(self.token(owner, EVERYTHING, ELSEWHERE).await),
                bearer(self.token(owner, "read:content", "").await),
                bearer(revoked),
                bearer(mo.clone()),
                bearer(key.to_owned()),
            ]);
        }
        let admins = all.pop().unwrap();
        (all.pop().unwrap(), admins)
    }

    /// Sessions have no audience and no scope: one of nobody stands for the first, a token in its place for the second. A
    /// service has a key in its place.
    async fn browsers(&self, ada: &str, [bob, cy, mo]: &[String; 3], old: String, key: &str) -> Each<Credentials> {
        let (form, token) = self.page().await;
        let revoked = self.session("ada").await;
        let leaving = vec![("cookie", format!("{form}; {revoked}"))];
        assert_eq!(self.form("/logout", &[("form_token", &token)], &leaving).await.0, 303);
        let with = |session: &str| vec![("cookie", format!("{form}; {session}")), (FORM, token.clone())];
        let instead = |token: &str| {
            let mut sent = with("other=1");
            sent.push(("authorization", format!("Bearer {token}")));
            sent
        };
        let little = self.token(ada, "read:content", "").await;
        let nobody = format!("__Host-mg_session={}", "0".repeat(43));
        [
            with(ada),
            with(bob),
            with(cy),
            with("other=1"),
            with(&old),
            with(&nobody),
            instead(&little),
            with(&revoked),
            with(mo),
            instead(key),
        ]
    }

    /// Clients: another and one of another organisation are both not the owner; a person's token, ended or for another
    /// resource, is no client's secret, and neither is a moderator's; one that may do little, and one that was ended.
    async fn clients(&self, ada: &str, service: Credentials) -> (Each<Credentials>, BTreeMap<&'static str, String>) {
        let register = async |grants: &[&str], scopes: &str, role| self.register(grants, scopes, role).await;
        let all = ["authorization_code", "refresh_token", "device_code"];
        let (_, owner) = register(&all, "openid read:content", None).await;
        let (_, other) = register(&all, "openid read:content", None).await;
        let (_, stranger) = register(&all, "openid read:content", None).await;
        let (_, little) = register(&["client_credentials"], "openid", Some(Role::McpServer)).await;
        let (id, revoked) = register(&all, "openid read:content", None).await;
        self.auth.end_client(&testkit::operator_call(), &id).await.unwrap();
        let mut names = BTreeMap::new();
        for name in ["device", "refresh_1", "refresh_2", "refresh_3"] {
            let (_, begun) = self.form("/oauth/device", &[("scope", "read:content")], &owner).await;
            let begun: Value = serde_json::from_str(&begun).unwrap();
            self.allow(ada, begun["user_code"].as_str().unwrap()).await;
            names.insert(name, begun["device_code"].as_str().unwrap().to_owned());
            if name != "device" {
                let asked = [("grant_type", "device_code"), ("device_code", names[name].as_str())];
                let reply: Value = serde_json::from_str(&self.form("/oauth/token", &asked, &owner).await.1).unwrap();
                names.insert(name, reply["refresh_token"].as_str().unwrap().to_owned());
            }
        }
        names.insert("client", register(&all, "openid", None).await.0);
        names.insert("ended", register(&all, "openid", None).await.0);
        let robot = register(&["client_credentials"], "read:content", Some(Role::ServiceAccount)).await.0;
        let new = serde_json::from_str(r#"{"name":"robot","scopes":"read:content"}"#).unwrap();
        let made = self.auth.create_service_key(&testkit::operator_call(), &robot, &new).await.unwrap();
        names.insert("service_key", made.view.id.to_string());
        names.insert("service", robot);
        let bearer = vec![("authorization", "Bearer of.a.person".to_owned())];
        let (expired, elsewhere, moderator) = (bearer.clone(), bearer.clone(), bearer);
        let all = [owner, other, stranger, Vec::new(), expired, elsewhere, little, revoked, moderator, service];
        (all, names)
    }

    /// A client with a secret: its id, and what it proves itself with.
    async fn register(&self, grants: &[&str], scopes: &str, role: Option<Role>) -> (String, Credentials) {
        let new = NewClient {
            name: "A client".to_owned(),
            redirect_uris: vec!["https://app.example/cb".to_owned()],
            grant_types: grants.iter().map(|grant| (*grant).to_owned()).collect(),
            scopes: scopes.parse().unwrap(),
            confidential: true,
            dpop_bound: false,
            role,
        };
        let made = self.auth.create_client(&testkit::operator_call(), &new).await.unwrap();
        let pair = format!("{}:{}", made.id, made.secret.unwrap());
        (made.id, vec![("authorization", format!("Basic {}", BASE64_STANDARD.encode(pair)))])
    }

    /// A program that brings titles: what its client proves itself with, and a key of its that may all that its role may.
    async fn ingestion(&self) -> (Credentials, String) {
        let scopes = "read:content admin:full";
        let (id, secret) = self.register(&["client_credentials"], scopes, Some(Role::IngestionService)).await;
        let new = serde_json::from_str(r#"{"name":"importer","scopes":"read:content admin:full"}"#).unwrap();
        let made = self.auth.create_service_key(&testkit::operator_call(), &id, &new).await.unwrap();
        (secret, made.key)
    }

    async fn key(&self, owner: &Credentials) -> String {
        let body = r#"{"name":"mine","scopes":"read:content"}"#;
        let request = Request::post("/api/v1/auth/keys").header("content-type", "application/json");
        let request = request.header("authorization", &owner[0].1).body(Body::from(body)).unwrap();
        let (status, made) = self.send(request).await;
        assert_eq!(status, 201, "{made}");
        serde_json::from_str::<Value>(&made).unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// A session of the owner's that the walk does without.
    async fn own_session(&self, owner: &Credentials) -> String {
        self.session("ada").await;
        let request = Request::get("/api/v1/auth/sessions").header("authorization", &owner[0].1);
        let (_, all) = self.send(request.body(Body::empty()).unwrap()).await;
        let all: Value = serde_json::from_str(&all).unwrap();
        all["items"][0]["id"].as_str().unwrap().to_owned()
    }
}
