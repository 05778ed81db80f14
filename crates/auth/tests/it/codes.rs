//! Authorization codes: requests in and out of order, pushed ones, consent, and redeeming each once.

use axum::http::StatusCode;
use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{Browser, CALLBACK, ISSUER, OTHER_RESOURCE, VERIFIER, World, basic, claims, head, hidden, request};

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_code_becomes_tokens_once(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (client, _) = world.client(false, false).await;
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let answered = browser.authorize(&client, "openid read:content", &[("nonce", "n1")]).await;
    assert_eq!((answered["state"].as_str(), answered["iss"].as_str()), ("s t&1", ISSUER));
    let reply = world.redeem(&client, &answered["code"]).await.ok();
    assert_eq!((&reply["token_type"], &reply["expires_in"]), (&json!("Bearer"), &json!(3600)));
    assert_eq!(reply["scope"], "openid read:content");
    let access = reply["access_token"].as_str().unwrap();
    assert_eq!((&head(access)["typ"], &claims(access)["aud"]), (&json!("at+jwt"), &json!(ISSUER)));
    assert_eq!((&claims(access)["iss"], &claims(access)["client_id"]), (&json!(ISSUER), &json!(client)));
    assert_eq!(claims(access)["roles"], json!(["basic_user"]));
    let id = claims(reply["id_token"].as_str().unwrap());
    assert_eq!((&id["aud"], &id["nonce"], &id["sub"]), (&json!(client), &json!("n1"), &claims(access)["sub"]));
    assert!(world.opens(access).await);
    assert!(!world.opens(reply["id_token"].as_str().unwrap()).await, "an ID token is no access token");
    // Shown twice it is theft: everything that came of it ends.
    world.redeem(&client, &answered["code"]).await.fails(400, "invalid_grant");
    assert!(!world.opens(access).await);
    world.refresh(&client, reply["refresh_token"].as_str().unwrap()).await.fails(400, "invalid_grant");
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_code_is_bound_to_what_it_was_asked_with(#[case] engine: &str) {
    let world = World::open(engine).await;
    let ((client, _), (other, _)) = (world.client(false, false).await, world.client(false, false).await);
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let code = browser.code(&client, "read:content").await;
    world.redeem(&other, &code).await.fails(400, "invalid_grant");
    let form = |verifier: &'static str, to: &'static str| {
        let (code, client) = (code.clone(), client.clone());
        let world = &world;
        async move {
            let form = [
                ("grant_type", "authorization_code"),
                ("client_id", &client),
                ("code", &code),
                ("redirect_uri", to),
                ("code_verifier", verifier),
            ];
            world.form("/oauth/token", &form).await
        }
    };
    form("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXx", CALLBACK).await.fails(400, "invalid_grant");
    form("", CALLBACK).await.fails(400, "invalid_request");
    form(VERIFIER, "https://app.example/other").await.fails(400, "invalid_grant");
    world.advance(61);
    form(VERIFIER, CALLBACK).await.fails(400, "invalid_grant");
    let code = browser.code(&client, "read:content").await;
    world.redeem(&client, &code).await.ok();
}

#[rstest]
#[case::no_response_type(&[("response_type", "")], "invalid_request")]
#[case::implicit(&[("response_type", "token")], "unsupported_response_type")]
#[case::hybrid(&[("response_type", "code id_token")], "unsupported_response_type")]
#[case::no_pkce(&[("code_challenge", "")], "invalid_request")]
#[case::plain_pkce(&[("code_challenge_method", "plain")], "invalid_request")]
#[case::default_pkce(&[("code_challenge_method", "")], "invalid_request")]
#[case::short_pkce(&[("code_challenge", "abc")], "invalid_request")]
#[case::unknown_scope(&[("scope", "read:minds")], "invalid_scope")]
#[case::too_much(&[("scope", "admin:full")], "invalid_scope")]
#[case::resource(&[("resource", "https://elsewhere.example/")], "invalid_target")]
#[case::request_object(&[("request", "e30.e30.")], "request_not_supported")]
#[case::fragment(&[("response_mode", "fragment")], "invalid_request")]
#[case::quiet_and_loud(&[("prompt", "none login")], "invalid_request")]
#[case::age(&[("max_age", "-1")], "invalid_request")]
#[case::quiet(&[("prompt", "none")], "login_required")]
#[tokio::test]
async fn the_client_hears_what_is_wrong(#[case] change: &[(&str, &str)], #[case] error: &str) {
    let world = World::open("sqlite").await;
    let (client, _) = world.client(false, false).await;
    let answer = Browser::new(&world).get(&request(&client, "read:content", change)).await;
    assert!(answer.header("location").starts_with(CALLBACK), "{answer:?}");
    let sent = answer.sent_to();
    assert_eq!((sent["error"].as_str(), sent["state"].as_str(), sent["iss"].as_str()), (error, "s t&1", ISSUER));
}

#[rstest]
#[case(&[("client_id", "nobody")])]
#[case(&[("client_id", "")])]
#[case(&[("redirect_uri", "https://evil.example/cb")])]
#[case(&[("redirect_uri", "https://app.example/cb/../evil")])]
#[case(&[("redirect_uri", "")])]
#[case(&[("request_uri", "urn:ietf:params:oauth:request_uri:unknown")])]
#[case(&[("request_uri", "https://evil.example/request")])]
#[tokio::test]
async fn nobody_is_sent_where_nobody_registered(#[case] change: &[(&str, &str)]) {
    let world = World::open("sqlite").await;
    let (client, _) = world.client(false, false).await;
    let answer = Browser::new(&world).get(&request(&client, "read:content", change)).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::BAD_REQUEST, ""), "{}", answer.text);
    assert!(answer.header("content-type").starts_with("text/html"));
}

#[tokio::test]
async fn a_person_is_asked_once_and_can_say_no() {
    let world = World::open("sqlite").await;
    let (client, _) = world.client(false, false).await;
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let path = request(&client, "read:content", &[]);
    let page = browser.get(&path).await;
    assert!(page.text.contains("Test App") && page.text.contains("search the catalogue for you"), "{}", page.text);
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("form-action 'self' https://app.example;"));
    assert!(!page.text.contains("<script"));
    let token = hidden(&page.text, "form_token");
    let denied = browser.post(&path, &[("form_token", &token), ("decision", "deny")], &[]).await;
    assert_eq!(denied.sent_to()["error"], "access_denied");
    let quiet = browser.get(&request(&client, "read:content", &[("prompt", "none")])).await;
    assert_eq!(quiet.sent_to()["error"], "consent_required");
    browser.code(&client, "read:content").await;
    // What was given is not asked for again; anything more is.
    assert!(browser.get(&path).await.sent_to().contains_key("code"));
    assert_eq!(browser.get(&request(&client, "read:content read:watchlist", &[])).await.status, StatusCode::OK);
    assert_eq!(browser.get(&request(&client, "read:content", &[("prompt", "consent")])).await.status, StatusCode::OK);
}

/// Clients of our own are let in without a question, but for the control of what plays (A3).
#[tokio::test]
async fn our_own_clients_ask_for_the_control_of_what_plays_too() {
    let world = World::open("sqlite").await;
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let to = format!("{ISSUER}/signed-in");
    let asking = |scope: &str| request(auth::WEB_CLIENT, scope, &[("redirect_uri", to.as_str())]);
    assert!(browser.get(&asking("read:content write:playback")).await.sent_to().contains_key("code"));
    let path = asking("read:content playback:control");
    let page = browser.get(&path).await;
    assert_eq!(page.status, StatusCode::OK, "nobody was asked");
    assert!(page.text.contains("control what plays on your devices"), "{}", page.text);
    let token = hidden(&page.text, "form_token");
    let allowed = browser.post(&path, &[("form_token", &token), ("decision", "allow")], &[]).await;
    assert!(allowed.sent_to().contains_key("code"));
    assert!(browser.get(&path).await.sent_to().contains_key("code"), "they are asked once");
}

#[tokio::test]
async fn a_form_of_another_site_decides_nothing() {
    let world = World::open("sqlite").await;
    let (client, _) = world.client(false, false).await;
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let path = request(&client, "read:content", &[]);
    let token = hidden(&browser.get(&path).await.text, "form_token");
    let post = |fields: Vec<(&'static str, String)>, headers: Vec<(&'static str, &'static str)>| (fields, headers);
    for (fields, headers) in [
        post(vec![("decision", "allow".into())], vec![]),
        post(vec![("decision", "allow".into()), ("form_token", "x".into())], vec![]),
        post(
            vec![("decision", "allow".into()), ("form_token", token.clone())],
            vec![("origin", "https://evil.example")],
        ),
        post(vec![("decision", "allow".into()), ("form_token", token.clone())], vec![("origin", "null")]),
        post(vec![("decision", "allow".into()), ("form_token", token.clone())], vec![("sec-fetch-site", "cross-site")]),
    ] {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(browser.post(&path, &fields, &headers).await.status, StatusCode::FORBIDDEN, "{headers:?}");
    }
    let good = [("decision", "allow"), ("form_token", &token)];
    assert!(browser.post(&path, &good, &[("origin", ISSUER)]).await.sent_to().contains_key("code"));
}

#[tokio::test]
async fn signing_in_leads_back_to_the_request() {
    let world = World::open("sqlite").await;
    let (client, _) = world.client(false, false).await;
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    browser.cookies.clear();
    let path = request(&client, "read:content", &[("prompt", "login")]);
    let next = browser.get(&path).await.sent_to()["next"].clone();
    let fields = [("email", "ada@example.org"), ("password", crate::world::PASSWORD), ("next", next.as_str())];
    let back = browser.submit("/login", "/login", &fields).await;
    let back = back.header("location").to_owned();
    assert!(back.starts_with("/oauth/authorize?"), "{back}");
    assert_eq!(browser.get(&back).await.status, StatusCode::OK, "signed in afresh, the person is asked");
    // The plain request asks to sign in again, and nobody can stamp the way back themselves.
    world.advance(5);
    assert!(browser.get(&path).await.sent_to().contains_key("next"));
    let forged = format!("{path}&signed_in_since=0.AAAA");
    assert!(browser.get(&forged).await.sent_to().contains_key("next"));
    let old = request(&client, "read:content", &[("max_age", "3")]);
    assert!(browser.get(&old).await.sent_to().contains_key("next"));
    let young = request(&client, "read:content", &[("max_age", "60")]);
    assert_eq!(browser.get(&young).await.status, StatusCode::OK);
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_pushed_request_is_good_once_and_for_its_client(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (client, secret) = world.client(true, false).await;
    let (other, _) = world.client(false, false).await;
    let secret = secret.unwrap();
    let query = request(&client, "read:content", &[("client_id", "")]);
    let pairs: Vec<(String, String)> =
        url::form_urlencoded::parse(query.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    world.form("/oauth/par", &pairs).await.fails(401, "invalid_client");
    let wrong = basic(&client, "wrong");
    world.form_with("/oauth/par", &pairs, &[("authorization", &wrong)]).await.fails(401, "invalid_client");
    let right = basic(&client, &secret);
    let headers = [("authorization", right.as_str())];
    let pushed = world.form_with("/oauth/par", &pairs, &headers).await;
    assert_eq!(pushed.status, StatusCode::CREATED);
    let uri = pushed.json["request_uri"].as_str().unwrap().to_owned();
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let at = |client: &str| format!("/oauth/authorize?client_id={client}&request_uri={uri}");
    assert_eq!(browser.get(&at(&other)).await.status, StatusCode::BAD_REQUEST);
    let page = browser.get(&at(&client)).await;
    let token = hidden(&page.text, "form_token");
    let answer = browser.post(&at(&client), &[("form_token", &token), ("decision", "allow")], &[]).await;
    let code = answer.sent_to()["code"].clone();
    assert_eq!(browser.get(&at(&client)).await.status, StatusCode::BAD_REQUEST, "used");
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    world
        .form("/oauth/token", &[&form[..], &[("client_id", client.as_str())]].concat())
        .await
        .fails(401, "invalid_client");
    world.form_with("/oauth/token", &form, &headers).await.ok();
    let late = world.form_with("/oauth/par", &pairs, &headers).await.ok();
    world.advance(301);
    let uri = late["request_uri"].as_str().unwrap();
    let late = browser.get(&format!("/oauth/authorize?client_id={client}&request_uri={uri}")).await;
    assert_eq!(late.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_token_is_for_the_resources_it_was_asked_for() {
    let world = World::open("sqlite").await;
    let (client, _) = world.client(false, false).await;
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let answered = browser.authorize(&client, "read:content", &[("resource", OTHER_RESOURCE)]).await;
    let reply = world.redeem(&client, &answered["code"]).await.ok();
    let access = reply["access_token"].as_str().unwrap();
    assert_eq!(claims(access)["aud"], OTHER_RESOURCE);
    assert!(!world.opens(access).await, "it is for another resource than this API");
    let refresh = reply["refresh_token"].as_str().unwrap();
    let form =
        [("grant_type", "refresh_token"), ("client_id", &client), ("refresh_token", refresh), ("resource", ISSUER)];
    world.form("/oauth/token", &form).await.fails(400, "invalid_target");
}

#[tokio::test]
async fn a_token_for_several_resources_is_narrowed_to_one() {
    let world = World::open("sqlite").await;
    let (client, _) = world.client(false, false).await;
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let page = format!("{}&resource={ISSUER}&resource={OTHER_RESOURCE}", request(&client, "read:content", &[]));
    let token = hidden(&browser.get(&page).await.text, "form_token");
    let answered = browser.post(&page, &[("form_token", &token), ("decision", "allow")], &[]).await.sent_to();
    let both = world.redeem(&client, &answered["code"]).await.ok();
    let access = both["access_token"].as_str().unwrap();
    assert_eq!(claims(access)["aud"], json!([ISSUER, OTHER_RESOURCE]));
    assert!(world.opens(access).await, "this API is one of them");
    let refresh = both["refresh_token"].as_str().unwrap();
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", client.as_str()),
        ("refresh_token", refresh),
        ("resource", OTHER_RESOURCE),
    ];
    let one = world.form("/oauth/token", &form).await.ok();
    let access = one["access_token"].as_str().unwrap();
    assert_eq!(claims(access)["aud"], OTHER_RESOURCE);
    assert!(!world.opens(access).await);
    let again = world.refresh(&client, one["refresh_token"].as_str().unwrap()).await.ok();
    let access = again["access_token"].as_str().unwrap();
    assert_eq!(claims(access)["aud"], json!([ISSUER, OTHER_RESOURCE]), "what was granted stays granted");
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn who_the_person_is_is_told_as_far_as_they_allowed(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (client, _) = world.client(false, false).await;
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let (email, nothing) = ((json!("ada@example.org"), json!(false)), (json!(null), json!(null)));
    for (scope, status, told) in
        [("openid email", 200, &email), ("openid", 200, &nothing), ("email read:content", 403, &nothing)]
    {
        let reply = browser.tokens(&client, scope).await;
        let token = reply["access_token"].as_str().unwrap();
        for method in ["GET", "POST"] {
            let answer = world.json_as(method, "/oauth/userinfo", token, &json!(null)).await;
            assert_eq!(answer.status, status, "{scope}: {}", answer.text);
            assert_eq!((&answer.json["email"], &answer.json["email_verified"]), (&told.0, &told.1), "{scope}");
            assert_eq!(answer.json["sub"] == claims(token)["sub"], status == 200, "{scope}");
        }
    }
}

/// The scopes of A3, beside OpenID's and our own.
fn offers_the_scopes_of_the_specification(document: &Value) {
    let offered = document["scopes_supported"].as_array().unwrap();
    for scope in [
        "read:content",
        "read:watchlist",
        "read:preferences",
        "read:devices",
        "write:watchlist",
        "write:preferences",
        "write:playback",
        "playback:control",
        "admin:full",
    ] {
        assert!(offered.contains(&json!(scope)), "{scope} is not offered: {offered:?}");
    }
}

#[tokio::test]
async fn what_clients_discover_is_what_there_is() {
    let world = World::open("sqlite").await;
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        let document = Browser::new(&world).get(path).await.ok();
        assert_eq!(document["issuer"], ISSUER);
        assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
        assert_eq!(document["response_types_supported"], json!(["code"]), "no implicit grant");
        let device = "urn:ietf:params:oauth:grant-type:device_code";
        let grants = ["authorization_code", "refresh_token", "client_credentials", device];
        assert_eq!(document["grant_types_supported"], json!(grants), "and none with a password");
        offers_the_scopes_of_the_specification(&document);
        for (name, value) in document.as_object().unwrap() {
            if let Some(path) = value.as_str().and_then(|url| url.strip_prefix(ISSUER)).filter(|path| !path.is_empty())
            {
                let found = Browser::new(&world).get(path).await.status;
                assert_ne!(found, StatusCode::NOT_FOUND, "{name} {path}");
            }
        }
    }
    let resource = Browser::new(&world).get("/.well-known/oauth-protected-resource").await.ok();
    assert_eq!((&resource["resource"], &resource["authorization_servers"]), (&json!(ISSUER), &json!([ISSUER])));
    offers_the_scopes_of_the_specification(&resource);
    let keys = Browser::new(&world).get("/oauth/jwks").await.ok();
    let keys = keys["keys"].as_array().unwrap().clone();
    let mut algorithms: Vec<_> = keys.iter().map(|key| key["alg"].as_str().unwrap()).collect();
    algorithms.sort_unstable();
    assert_eq!(algorithms, ["ES256", "RS256"]);
    for key in keys {
        assert!(key["d"].is_null() && key["kid"].is_string() && key["use"] == "sig", "{key}");
    }
}
