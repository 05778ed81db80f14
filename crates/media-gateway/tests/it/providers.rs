//! A node signs people in with the providers that its configuration names: from its keys and the secret's file to the
//! page of an account.

use std::time::{Duration, Instant};

use reqwest::{Url, blocking::Client, redirect::Policy};
use serde_json::{Value, json};

use crate::{
    app::{Answer, PATIENCE, Setup},
    elsewhere::{self, Sent},
    fixtures,
    identities::people::ISSUER,
};

const EMAIL: &str = "ada@example.org";

/// A server of the shape of both, where everybody is Ada; and what it was sent with codes.
fn both() -> (String, Sent) {
    elsewhere::serve(&["/login/oauth/access_token"], |base, path| {
        let at = |path: &str| format!("{base}{path}");
        match path {
            "/.well-known/openid-configuration" => json!({ "issuer": base, "authorization_endpoint": at("/auth"),
                "token_endpoint": at("/token"), "jwks_uri": at("/keys") }),
            "/keys" => json!({ "keys": [] }),
            "/login/oauth/access_token" => json!({ "access_token": "at", "token_type": "bearer" }),
            "/user" => json!({ "id": 7 }),
            "/user/emails" => json!([{ "email": EMAIL, "primary": true, "verified": true }]),
            _ => Value::Null,
        }
    })
}

/// What a browser keeps of an answer.
fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

/// Where a browser is sent; and a parameter of that.
fn sent_to(answer: &Answer) -> Url {
    assert_eq!(answer.status, 303, "{}", answer.text);
    Url::parse(answer.header("location")).unwrap()
}

fn parameter(url: &Url, name: &str) -> String {
    url.query_pairs().find(|pair| pair.0 == name).unwrap_or_else(|| panic!("no {name} in {url}")).1.into_owned()
}

#[test]
fn a_node_signs_people_in_with_whom_its_configuration_names() {
    let ((base, sent), dir) = (both(), tempfile::tempdir().unwrap());
    let secret = fixtures::write(dir.path(), "secret", b"hush\n");
    let mut setup = Setup::new().env("MEDIA_GATEWAY_AUTH_ISSUER", ISSUER).env("MEDIA_GATEWAY_GITHUB_API_URL", &base);
    for name in ["GOOGLE", "GITHUB"] {
        let key = |what: &str| format!("MEDIA_GATEWAY_{name}_{what}");
        setup = setup.env(&key("CLIENT_ID"), format!("ours-at-{name}")).env(&key("CLIENT_SECRET_FILE"), &secret);
        setup = setup.env(&key("URL"), &base);
    }
    let app = setup.start();
    let http = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
    let ask = |path: &str, kept: &str| {
        app.send(http.get(format!("{}{path}", app.url("gateway"))).header("cookie", kept.to_owned()))
    };
    let page = ask("/login", "").text;
    for (id, at) in [("google", "/auth"), ("github", "/login/oauth/authorize")] {
        assert!(page.contains(&format!("href=\"/login/{id}")), "{page}");
        let to = sent_to(&ask(&format!("/login/{id}"), ""));
        assert!(to.as_str().starts_with(&format!("{base}{at}?")), "{to}");
        assert_eq!(parameter(&to, "client_id"), format!("ours-at-{}", id.to_uppercase()));
        assert_eq!(parameter(&to, "redirect_uri"), format!("{ISSUER}/login/{id}/callback"));
    }

    let left = ask("/login/github", "");
    let state = parameter(&sent_to(&left), "state");
    let back = ask(&format!("/login/github/callback?state={state}&code=good"), &cookie(&left));
    assert_eq!((back.status, back.header("location")), (303, "/account"), "{}", back.text);
    let account = ask("/account", &cookie(&back));
    assert!(account.status == 200 && account.text.contains(EMAIL), "{}", account.text);
    let exchanged = sent.lock().unwrap().join("\n");
    for part in ["code=good", "client_id=ours-at-GITHUB", "client_secret=hush&", "code_verifier="] {
        assert!(exchanged.contains(part), "no {part} in {exchanged}");
    }
    assert!(!app.log().contains(EMAIL) && !app.log().contains("hush"), "{}", app.log());
}

/// Whoever finds a provider out of order was refused nothing.
#[test]
fn a_provider_that_is_down_is_not_in_the_audit_log() {
    let dir = tempfile::tempdir().unwrap();
    let secret = fixtures::write(dir.path(), "secret", b"hush\n");
    let setup = Setup::new().env("MEDIA_GATEWAY_AUTH_ISSUER", ISSUER).env("MEDIA_GATEWAY_GOOGLE_CLIENT_ID", "ours");
    let setup = setup.env("MEDIA_GATEWAY_GOOGLE_CLIENT_SECRET_FILE", secret);
    let app = setup.env("MEDIA_GATEWAY_GOOGLE_URL", "http://127.0.0.1:1").start();
    let down = app.get("/login/google");
    assert_eq!(down.status, 424, "{}", down.text);
    // One that is refused comes after it: once that is written, all that came before it is.
    app.get("/api/v1/admin/limits").problem(401, "operator_required");
    let since = Instant::now();
    let log = loop {
        let log = String::from_utf8(app.setup.run(&["audit", "export"]).stdout).unwrap();
        if log.contains("GET /api/v1/admin/limits") {
            break log;
        }
        assert!(since.elapsed() < PATIENCE, "{log}");
        std::thread::sleep(Duration::from_millis(100));
    };
    assert!(!log.contains("/login/"), "{log}");
}
