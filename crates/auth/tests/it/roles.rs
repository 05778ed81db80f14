//! Who can give a client the scope that administers, how far it then reaches, and what is left of it with another role.

use auth::{NewClient, NewUser};
use axum::http::StatusCode;
use contracts::{Permission, Role, UserId};
use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{Browser, CALLBACK, PASSWORD, VERIFIER, World, hidden, request};

const BOTH: &str = "read:content admin:full";
/// What the page of consent says of the scope to an administrator, and to a moderator.
const WORDS: [&str; 2] = ["administer this Media Gateway", "look after the catalogue for everybody"];

impl World {
    async fn of_role(&self, name: &str, role: Role) -> UserId {
        let new = NewUser { email: format!("{name}@example.org"), password: PASSWORD.to_owned(), role };
        self.auth.create_user(&testkit::operator_call(), &new).await.unwrap().id
    }

    /// A client that may be given everything, with its secret.
    async fn tool(&self, grants: &[&str], role: Option<Role>) -> (String, String) {
        let new = NewClient {
            name: "A tool".into(),
            redirect_uris: vec![CALLBACK.into()],
            grant_types: grants.iter().map(|grant| (*grant).to_owned()).collect(),
            scopes: BOTH.parse().unwrap(),
            confidential: true,
            dpop_bound: false,
            role,
        };
        let made = self.auth.create_client(&testkit::operator_call(), &new).await.unwrap();
        (made.id, made.secret.unwrap())
    }

    /// What a confidential client is answered.
    async fn asked(&self, (id, secret): &(String, String), form: &[(&str, &str)]) -> crate::world::Answer {
        let client = [("client_id", id.as_str()), ("client_secret", secret.as_str())];
        self.form("/oauth/token", &[form, &client].concat()).await
    }

    /// Whether a token lets its client write, curate and run, and administer.
    fn doors(&self, token: &str) -> ([bool; 3], bool) {
        let call = self.call_of(token);
        (Permission::ASKED.map(|wanted| call.require_permission(&wanted).is_ok()), call.require_operator().is_ok())
    }
}

/// A browser in which somebody has just signed in.
async fn signed_in<'a>(world: &'a World, name: &str) -> Browser<'a> {
    let mut browser = Browser::new(world);
    let email = format!("{name}@example.org");
    let answer = browser.submit("/login", "/login", &[("email", &email), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    browser
}

/// Tokens for a tool that its person allows everything, and what the page said of the scope that administers.
async fn allowed(world: &World, name: &str, tool: &(String, String)) -> (Value, [bool; 2]) {
    let mut browser = signed_in(world, name).await;
    let path = request(&tool.0, BOTH, &[]);
    let page = browser.get(&path).await;
    assert_eq!(page.status, StatusCode::OK, "{name} is asked: {}", page.text);
    let said = WORDS.map(|words| page.text.contains(words));
    let token = hidden(&page.text, "form_token");
    let answer = browser.post(&path, &[("form_token", &token), ("decision", "allow")], &[]).await;
    let code = answer.sent_to()["code"].clone();
    let form = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", CALLBACK)];
    let form = [&form[..], &[("code_verifier", VERIFIER)]].concat();
    (world.asked(tool, &form).await.ok(), said)
}

fn text<'a>(reply: &'a Value, name: &str) -> &'a str {
    reply[name].as_str().unwrap()
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn the_scope_that_administers_reaches_as_far_as_the_role(#[case] engine: &str) {
    let world = World::open(engine).await;
    let tool = world.tool(&["authorization_code", "refresh_token"], None).await;
    for (name, role, said, through) in [
        ("ada", Role::Admin, [true, false], ([true; 3], true)),
        ("mo", Role::Moderator, [false, true], ([true, true, false], false)),
        ("prem", Role::PremiumUser, [false, false], ([false; 3], false)),
        ("bob", Role::BasicUser, [false, false], ([false; 3], false)),
    ] {
        world.of_role(name, role).await;
        let (reply, words) = allowed(&world, name, &tool).await;
        assert_eq!(words, said, "{name}");
        let scopes = if role.administers() { BOTH } else { "read:content" };
        let again = [("grant_type", "refresh_token"), ("refresh_token", text(&reply, "refresh_token"))];
        let refreshed = world.asked(&tool, &again).await.ok();
        for reply in [&reply, &refreshed] {
            let given: contracts::Scopes = text(reply, "scope").parse().unwrap();
            assert_eq!(given, scopes.parse().unwrap(), "{name}");
            assert_eq!(world.doors(text(reply, "access_token")), through, "{name}");
        }
    }
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn with_another_role_nothing_is_left_and_the_person_is_asked_again(#[case] engine: &str) {
    let world = World::open(engine).await;
    let tool = world.tool(&["authorization_code", "refresh_token"], None).await;
    let mo = world.of_role("mo", Role::Moderator).await;
    for (role, through) in [
        (Role::Admin, ([true; 3], true)),
        (Role::Moderator, ([true, true, false], false)),
        (Role::BasicUser, ([false; 3], false)),
    ] {
        let (before, _) = allowed(&world, "mo", &tool).await;
        world.auth.set_role(&testkit::operator_call(), mo, role).await.unwrap();
        assert!(!world.opens(text(&before, "access_token")).await, "{role}: it says the old role");
        let again = [("grant_type", "refresh_token"), ("refresh_token", text(&before, "refresh_token"))];
        world.asked(&tool, &again).await.fails(400, "invalid_grant");
        world.advance(1);
        // `allowed` fails where the consent of before counts for what it means now.
        let (now, _) = allowed(&world, "mo", &tool).await;
        assert_eq!(world.doors(text(&now, "access_token")), through, "{role}");
    }
    let mut browser = signed_in(&world, "mo").await;
    let known = browser.get(&request(&tool.0, "read:content", &[])).await;
    assert_eq!(known.status, StatusCode::SEE_OTHER, "what is not of the role is remembered");
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_program_has_the_scope_where_its_role_has_a_use_for_it(#[case] engine: &str) {
    let world = World::open(engine).await;
    for (role, through) in [
        (Role::IngestionService, ([true, false, true], false)),
        (Role::McpServer, ([false; 3], false)),
        (Role::SonaEngine, ([false; 3], false)),
    ] {
        let program = world.tool(&["client_credentials"], Some(role)).await;
        let reply = world.asked(&program, &[("grant_type", "client_credentials")]).await.ok();
        assert_eq!(world.doors(text(&reply, "access_token")), through, "{role}");
        let alone = [("grant_type", "client_credentials"), ("scope", "admin:full")];
        let keys = format!("/api/v1/internal/auth/clients/{}/keys", program.0);
        let new = json!({ "name": "importer", "scopes": BOTH });
        let made = world.json_as("POST", &keys, "operator", &new).await;
        if role.administers() {
            assert_eq!(text(&world.asked(&program, &alone).await.ok(), "scope"), "admin:full");
            assert_eq!(world.doors(text(&made.ok(), "key")), through, "{role}");
        } else {
            world.asked(&program, &alone).await.fails(400, "invalid_scope");
            assert_eq!(made.status, StatusCode::BAD_REQUEST, "{role}: {}", made.text);
        }
    }
}
