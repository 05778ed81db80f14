//! Refresh tokens: rotation, lost replies, theft, revocation, introspection, and being bound to a key.

use std::sync::Arc;

use axum::http::StatusCode;
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header, encode,
    jwk::{Jwk, ThumbprintHash},
};
use rstest::rstest;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;
use url::form_urlencoded;

use crate::world::{Browser, CALLBACK, ISSUER, VERIFIER, World, basic, claims, request};

fn text(reply: &Value, name: &str) -> String {
    reply[name].as_str().unwrap_or_else(|| panic!("no {name} in {reply}")).to_owned()
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_refresh_token_rotates_and_theft_ends_its_family(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (client, _) = world.client(false, false).await;
    let first =
        Browser::signed_up(&world, "ada@example.org").await.tokens(&client, "read:content read:watchlist").await;
    let second = world.refresh(&client, &text(&first, "refresh_token")).await.ok();
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    assert_ne!(first["access_token"], second["access_token"]);
    // The reply was lost: the same token gets the same reply, for some seconds.
    world.advance(15);
    assert_eq!(world.refresh(&client, &text(&first, "refresh_token")).await.ok(), second);
    world.advance(10);
    assert!(world.opens(&text(&second, "access_token")).await);
    world.refresh(&client, &text(&first, "refresh_token")).await.fails(400, "invalid_grant");
    // That was theft: nothing of the family is good any more.
    world.refresh(&client, &text(&second, "refresh_token")).await.fails(400, "invalid_grant");
    for reply in [&first, &second] {
        assert!(!world.opens(&text(reply, "access_token")).await);
    }
}

/// `/oauth/refresh` is the token endpoint for that grant, named or not, and for no other (A1).
#[tokio::test]
async fn to_refresh_has_an_endpoint_of_its_own() {
    let world = World::open("sqlite").await;
    let (client, _) = world.client(false, false).await;
    let first = Browser::signed_up(&world, "ada@example.org").await.tokens(&client, "read:content").await;
    let mut token = text(&first, "refresh_token");
    let ways: [&[(&str, &str)]; 2] = [&[], &[("grant_type", "refresh_token")]];
    for way in ways {
        let shown = [("client_id", client.as_str()), ("refresh_token", token.as_str())];
        let reply = world.form("/oauth/refresh", &[way, &shown].concat()).await.ok();
        assert!(world.opens(&text(&reply, "access_token")).await);
        let next = text(&reply, "refresh_token");
        assert_ne!(next, token, "it rotates");
        token = next;
    }
    let other = [("grant_type", "authorization_code"), ("client_id", &client), ("refresh_token", token.as_str())];
    world.form("/oauth/refresh", &other).await.fails(400, "invalid_request");
    world.refresh(&client, &token).await.ok();
}

#[tokio::test]
async fn a_lost_reply_is_theft_once_its_token_was_used() {
    let world = World::open("sqlite").await;
    let (client, _) = world.client(false, false).await;
    let first = Browser::signed_up(&world, "ada@example.org").await.tokens(&client, "read:content").await;
    let second = world.refresh(&client, &text(&first, "refresh_token")).await.ok();
    let third = world.refresh(&client, &text(&second, "refresh_token")).await.ok();
    world.refresh(&client, &text(&first, "refresh_token")).await.fails(400, "invalid_grant");
    world.refresh(&client, &text(&third, "refresh_token")).await.fails(400, "invalid_grant");
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_refresh_reaches_no_further_and_ends(#[case] engine: &str) {
    let world = World::open(engine).await;
    let ((client, _), (other, _)) = (world.client(false, false).await, world.client(false, false).await);
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let first = browser.tokens(&client, "read:content read:watchlist").await;
    let token = text(&first, "refresh_token");
    world.refresh(&other, &token).await.fails(400, "invalid_grant");
    let form = |scope: &'static str, token: String| {
        let (world, client) = (&world, client.clone());
        async move {
            let form =
                [("grant_type", "refresh_token"), ("client_id", &client), ("refresh_token", &token), ("scope", scope)];
            world.form("/oauth/token", &form).await
        }
    };
    form("read:content write:watchlist", token.clone()).await.fails(400, "invalid_scope");
    let narrow = form("read:content", token).await.ok();
    assert_eq!(narrow["scope"], "read:content");
    let whole = world.refresh(&client, &text(&narrow, "refresh_token")).await.ok();
    assert_eq!(whole["scope"], "read:content read:watchlist", "a narrow access token narrows no more than itself");
    world.advance(7 * 24 * 3600);
    world.refresh(&client, &text(&whole, "refresh_token")).await.fails(400, "invalid_grant");
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_get_one_reply(#[case] engine: &str) {
    let world = Arc::new(World::open(engine).await);
    let (client, _) = world.client(false, false).await;
    let first = Browser::signed_up(&world, "ada@example.org").await.tokens(&client, "read:content").await;
    let mut tries = JoinSet::new();
    for _ in 0..8 {
        let (world, client, token) = (Arc::clone(&world), client.clone(), text(&first, "refresh_token"));
        tries.spawn(async move { text(&world.refresh(&client, &token).await.ok(), "refresh_token") });
    }
    let mut replies = tries.join_all().await;
    replies.dedup();
    assert_eq!(replies.len(), 1);
    world.refresh(&client, &replies[0]).await.ok();
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_client_revokes_its_own_tokens_only(#[case] engine: &str) {
    let world = World::open(engine).await;
    let ((client, _), (other, _)) = (world.client(false, false).await, world.client(false, false).await);
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let reply = browser.tokens(&client, "read:content").await;
    let revoke = |client: String, token: String| {
        let world = &world;
        async move { world.form("/oauth/revoke", &[("client_id", &client), ("token", &token)]).await }
    };
    for name in ["access_token", "refresh_token"] {
        revoke(other.clone(), text(&reply, name)).await.fails(400, "invalid_grant");
    }
    assert!(world.opens(&text(&reply, "access_token")).await);
    assert_eq!(revoke(client.clone(), "made up".into()).await.status, StatusCode::OK);
    assert_eq!(revoke(client.clone(), text(&reply, "access_token")).await.status, StatusCode::OK);
    assert!(!world.opens(&text(&reply, "access_token")).await);
    let next = world.refresh(&client, &text(&reply, "refresh_token")).await.ok();
    assert_eq!(revoke(client.clone(), text(&next, "refresh_token")).await.status, StatusCode::OK);
    assert!(!world.opens(&text(&next, "access_token")).await);
    world.refresh(&client, &text(&next, "refresh_token")).await.fails(400, "invalid_grant");
    world.form("/oauth/revoke", &[("client_id", &client)]).await.fails(400, "invalid_request");
}

#[tokio::test]
async fn another_process_learns_of_a_revocation() {
    let here = World::open("sqlite").await;
    let (client, _) = here.client(false, false).await;
    let reply = Browser::signed_up(&here, "ada@example.org").await.tokens(&client, "read:content").await;
    let access = text(&reply, "access_token");
    let (verifier, mut keeper) = here.other();
    keeper.step().await.unwrap();
    let good = || verifier.verify(access::Presented::bearer(&access)).is_ok();
    assert!(good());
    here.form("/oauth/revoke", &[("client_id", &client), ("token", &access)]).await;
    assert!(good(), "it has not looked yet");
    keeper.step().await.unwrap();
    assert!(!good());
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn tokens_are_introspected_by_those_they_concern(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (client, secret) = world.client(true, false).await;
    let (stranger, strange_secret) = world.client(true, false).await;
    let (service, service_secret) = world.service(contracts::Role::McpServer).await;
    let (public, _) = world.client(false, false).await;
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let code = browser.code(&client, "read:content").await;
    let right = basic(&client, &secret.unwrap());
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let reply = world.form_with("/oauth/token", &form, &[("authorization", &right)]).await.ok();
    let ask = |who: String, token: String| {
        let world = &world;
        async move { world.form_with("/oauth/introspect", &[("token", &token)], &[("authorization", &who)]).await }
    };
    let (access, refresh) = (text(&reply, "access_token"), text(&reply, "refresh_token"));
    let found = ask(right.clone(), access.clone()).await.ok();
    assert_eq!((&found["active"], &found["client_id"], &found["iss"]), (&json!(true), &json!(client), &json!(ISSUER)));
    assert_eq!(ask(right.clone(), refresh).await.ok()["token_type"], "refresh_token");
    assert_eq!(
        ask(basic(&service, &service_secret), access.clone()).await.ok()["active"],
        true,
        "it serves a resource"
    );
    assert_eq!(ask(basic(&stranger, &strange_secret.unwrap()), access.clone()).await.ok(), json!({ "active": false }));
    assert_eq!(ask(right.clone(), "made up".into()).await.ok(), json!({ "active": false }));
    world.form("/oauth/introspect", &[("client_id", &public), ("token", &access)]).await.fails(401, "invalid_client");
    world.advance(3600);
    assert_eq!(ask(right, access).await.ok(), json!({ "active": false }));
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_service_stands_for_itself(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (service, secret) = world.service(contracts::Role::IngestionService).await;
    let form = [("grant_type", "client_credentials"), ("client_id", &service), ("client_secret", &secret)];
    let reply = world.form("/oauth/token", &form).await.ok();
    let access = text(&reply, "access_token");
    assert_eq!((&claims(&access)["sub"], &claims(&access)["roles"]), (&json!(service), &json!(["ingestion_service"])));
    assert!(reply["refresh_token"].is_null());
    let me = world.get_as("/api/v1/auth/me", &access).await.ok();
    assert_eq!((&me["subject"], &me["role"]), (&json!(service), &json!("ingestion_service")));
    let guess = format!("{secret}x");
    let wrong = [("grant_type", "client_credentials"), ("client_id", &service), ("client_secret", &guess)];
    world.form("/oauth/token", &wrong).await.fails(401, "invalid_client");
    let more = [&form[..], &[("scope", "read:content admin:full")]].concat();
    world.form("/oauth/token", &more).await.fails(400, "invalid_scope");
    let (client, _) = world.client(false, false).await;
    let form = [("grant_type", "client_credentials"), ("client_id", client.as_str())];
    world.form("/oauth/token", &form).await.fails(400, "unauthorized_client");
    let form = [("grant_type", "password"), ("client_id", client.as_str())];
    world.form("/oauth/token", &form).await.fails(400, "unsupported_grant_type");
}

/// A key of a client, and the proofs made with it.
struct Holder {
    key: EncodingKey,
    jwk: Jwk,
}

impl Holder {
    fn new() -> Self {
        use aws_lc_rs::{
            rand::SystemRandom,
            signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
        };
        let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        let key = EncodingKey::from_ec_der(pair.as_ref());
        Self { jwk: Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap(), key }
    }

    fn proof(&self, method: &str, path: &str, world: &World, jti: &str, token: Option<&str>) -> String {
        let mut jwk = self.jwk.clone();
        jwk.common.key_algorithm = None;
        let header = Header { typ: Some("dpop+jwt".into()), jwk: Some(jwk), ..Header::new(Algorithm::ES256) };
        let ath = token.map(|token| BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(token)));
        let claims = json!({ "jti": jti, "htm": method, "htu": format!("{ISSUER}{path}"),
            "iat": world.clock.now().as_second(), "ath": ath });
        encode(&header, &claims, &self.key).unwrap()
    }
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_bound_token_is_worth_nothing_without_its_key(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (client, _) = world.client(false, true).await;
    let (holder, thief) = (Holder::new(), Holder::new());
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let code = browser.code(&client, "read:content").await;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", client.as_str()),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    world.form("/oauth/token", &form).await.fails(400, "invalid_dpop_proof");
    let wrong = holder.proof("POST", "/oauth/other", &world, "1", None);
    world.form_with("/oauth/token", &form, &[("dpop", &wrong)]).await.fails(400, "invalid_dpop_proof");
    let proof = holder.proof("POST", "/oauth/token", &world, "2", None);
    let reply = world.form_with("/oauth/token", &form, &[("dpop", &proof)]).await.ok();
    assert_eq!(reply["token_type"], "DPoP");
    let (access, refresh) = (text(&reply, "access_token"), text(&reply, "refresh_token"));
    let refresh =
        [("grant_type", "refresh_token"), ("client_id", client.as_str()), ("refresh_token", refresh.as_str())];
    world.form_with("/oauth/token", &refresh, &[("dpop", &proof)]).await.fails(400, "invalid_dpop_proof");
    let stolen = thief.proof("POST", "/oauth/token", &world, "3", None);
    world.form_with("/oauth/token", &refresh, &[("dpop", &stolen)]).await.fails(400, "invalid_dpop_proof");
    assert!(!world.opens(&access).await, "as a bearer token it opens nothing");
    let open = |proof: String| {
        let request = axum::http::Request::get("/api/v1/auth/me").header("authorization", format!("DPoP {access}"));
        world.send(request.header("dpop", proof).body(axum::body::Body::empty()).unwrap())
    };
    let good = holder.proof("GET", "/api/v1/auth/me", &world, "4", Some(&access));
    assert_eq!(open(good.clone()).await.status, StatusCode::OK);
    assert_eq!(open(good).await.status, StatusCode::UNAUTHORIZED, "a proof is good once");
    for proof in [
        thief.proof("GET", "/api/v1/auth/me", &world, "5", Some(&access)),
        holder.proof("GET", "/api/v1/auth/me", &world, "6", None),
        holder.proof("POST", "/api/v1/auth/me", &world, "7", Some(&access)),
        holder.proof("GET", "/api/v1/auth/keys", &world, "8", Some(&access)),
        "nonsense".to_owned(),
        BASE64_STANDARD.encode("nonsense"),
    ] {
        assert_eq!(open(proof).await.status, StatusCode::UNAUTHORIZED);
    }
    let late = holder.proof("GET", "/api/v1/auth/me", &world, "9", Some(&access));
    world.advance(61);
    assert_eq!(open(late).await.status, StatusCode::UNAUTHORIZED);
}

/// The code of a request that names a key, or was pushed with a proof of one, is good with that key alone (RFC 9449,
/// section 10).
#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_code_can_be_bound_to_a_key(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (client, _) = world.client(false, false).await;
    let (holder, thief) = (Holder::new(), Holder::new());
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let redeem = async |code: &str, by: Option<(&Holder, &str)>| {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", client.as_str()),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let proof = by.map(|(holder, jti)| holder.proof("POST", "/oauth/token", &world, jti, None));
        let headers: Vec<_> = proof.iter().map(|proof| ("dpop", proof.as_str())).collect();
        world.form_with("/oauth/token", &form, &headers).await
    };
    let named = holder.jwk.thumbprint(ThumbprintHash::SHA256).unwrap();
    let code = browser.authorize(&client, "read:content", &[("dpop_jkt", named.as_str())]).await["code"].clone();
    redeem(&code, None).await.fails(400, "invalid_dpop_proof");
    redeem(&code, Some((&thief, "1"))).await.fails(400, "invalid_dpop_proof");
    assert_eq!(redeem(&code, Some((&holder, "2"))).await.ok()["token_type"], "DPoP");

    let push = async |jti: &str, more: &[(&str, &str)]| {
        let query = request(&client, "read:content", more);
        let pairs: Vec<(String, String)> =
            form_urlencoded::parse(query.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let proof = holder.proof("POST", "/oauth/par", &world, jti, None);
        world.form_with("/oauth/par", &pairs, &[("dpop", &proof)]).await
    };
    let other = thief.jwk.thumbprint(ThumbprintHash::SHA256).unwrap();
    push("3", &[("dpop_jkt", other.as_str())]).await.fails(400, "invalid_dpop_proof");
    let pushed = push("4", &[]).await.ok();
    let uri = pushed["request_uri"].as_str().unwrap();
    let address = format!("/oauth/authorize?client_id={client}&request_uri={uri}");
    let code = browser.get(&address).await.sent_to()["code"].clone();
    redeem(&code, Some((&thief, "5"))).await.fails(400, "invalid_dpop_proof");
    assert_eq!(redeem(&code, Some((&holder, "6"))).await.ok()["token_type"], "DPoP");
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn the_web_app_signs_out_with_its_cookie(#[case] engine: &str) {
    let world = World::open(engine).await;
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let to = format!("{ISSUER}/signed-in");
    let more = [("redirect_uri", to.as_str())];
    let answered = browser.authorize(auth::WEB_CLIENT, "account:manage read:content", &more).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", auth::WEB_CLIENT),
        ("code", answered["code"].as_str()),
        ("redirect_uri", to.as_str()),
        ("code_verifier", VERIFIER),
    ];
    let answer = world.form("/oauth/token", &form).await;
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    let access = text(&answer.ok(), "access_token");
    let own = [("client_id", auth::WEB_CLIENT)];
    let evil = [("cookie", cookie.as_str()), ("origin", "https://evil.example")];
    world.form_with("/oauth/revoke", &own, &evil).await.fails(400, "invalid_request");
    assert!(world.opens(&access).await, "another site signs nobody out");
    let ended = world.form_with("/oauth/revoke", &own, &[("cookie", cookie.as_str()), ("origin", ISSUER)]).await;
    assert_eq!(ended.status, StatusCode::OK, "{}", ended.text);
    assert!(ended.header("set-cookie").contains("Max-Age=0"), "{}", ended.header("set-cookie"));
    assert!(!world.opens(&access).await);
    let form = [("grant_type", "refresh_token"), ("client_id", auth::WEB_CLIENT)];
    world.form_with("/oauth/token", &form, &[("cookie", cookie.as_str())]).await.fails(400, "invalid_grant");
}

/// What a proof must be (RFC 9449, section 4.3), one change at a time; null leaves a member out.
#[tokio::test]
async fn a_proof_is_believed_in_one_shape_only() {
    let world = World::open("sqlite").await;
    let (client, _) = world.client(false, false).await;
    let (holder, other) = (Holder::new(), Holder::new());
    let public = |holder: &Holder| {
        let mut jwk = holder.jwk.clone();
        jwk.common.key_algorithm = None;
        serde_json::to_value(jwk).unwrap()
    };
    let mut private = public(&holder);
    private["d"] = json!("AAAA");
    let now = world.clock.now().as_second();
    let good = (
        json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": public(&holder) }),
        json!({ "htm": "POST", "htu": format!("{ISSUER}/oauth/par"), "iat": now }),
    );
    let cases = [
        ("nothing", json!({}), json!({}), true),
        ("an address with a query", json!({}), json!({ "htu": format!("{ISSUER}/oauth/par?a=b") }), true),
        ("a clock that is a little ahead", json!({}), json!({ "iat": now + 5 }), true),
        ("a minute", json!({}), json!({ "iat": now - 60 }), true),
        ("another type", json!({ "typ": "JWT" }), json!({}), false),
        ("no type", json!({ "typ": null }), json!({}), false),
        ("no signature", json!({ "alg": "none" }), json!({}), false),
        ("a shared secret", json!({ "alg": "HS256" }), json!({}), false),
        ("no key", json!({ "jwk": null }), json!({}), false),
        ("another key", json!({ "jwk": public(&other) }), json!({}), false),
        ("a private key", json!({ "jwk": private }), json!({}), false),
        ("no id", json!({}), json!({ "jti": null }), false),
        ("an empty id", json!({}), json!({ "jti": "" }), false),
        ("another method", json!({}), json!({ "htm": "GET" }), false),
        ("another address", json!({}), json!({ "htu": format!("{ISSUER}/oauth/token") }), false),
        ("another host", json!({}), json!({ "htu": "https://evil.example/oauth/par" }), false),
        ("no time", json!({}), json!({ "iat": null }), false),
        ("more than a minute", json!({}), json!({ "iat": now - 61 }), false),
        ("a clock that is far ahead", json!({}), json!({ "iat": now + 6 }), false),
    ];
    let query = request(&client, "read:content", &[]);
    let pairs: Vec<(String, String)> =
        form_urlencoded::parse(query.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for (number, (change, head, claims, believed)) in cases.into_iter().enumerate() {
        let mut all = good.clone();
        all.1["jti"] = json!(number.to_string());
        for (base, changes) in [(&mut all.0, &head), (&mut all.1, &claims)] {
            for (name, value) in changes.as_object().unwrap() {
                base[name] = value.clone();
                base.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            }
        }
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&all.0), part(&all.1));
        let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &holder.key, Algorithm::ES256).unwrap();
        let proof = format!("{text}.{signature}");
        let answer = world.form_with("/oauth/par", &pairs, &[("dpop", proof.as_str())]).await;
        assert_eq!(answer.status == StatusCode::CREATED, believed, "{change}: {}", answer.text);
        assert!(believed || answer.json["error"] == "invalid_dpop_proof", "{change}: {}", answer.text);
    }
}
