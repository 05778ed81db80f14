//! Every operation of the document and every gRPC method, asked by ten, with the exact status of each.

mod grpc;
pub mod people;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{
    app::{Answer, App, PATIENCE, Setup},
    fixtures,
};
use people::{Credentials, FORM, ISSUER, People, WHO};
use table::{Door, LINES, Line, SIGN_IN};

/// A node with the fixtures, whose accounts were made before it started.
fn settled() -> (App, People) {
    let setup = Setup::new().env("MEDIA_GATEWAY_AUTH_ISSUER", ISSUER);
    let setup = setup.env("MEDIA_GATEWAY_LOG", "debug,hyper=off,h2=off");
    let mut people = People::settle(&setup);
    let app = fixtures::loaded(setup);
    let found = app.get("/api/v1/search?q=paper+lighthouse").ok();
    people.names.insert("content", found["results"][0]["content"]["id"].as_str().unwrap().to_owned());
    let runs = app.send(app.request("GET", "/api/v1/internal/ingest/runs").bearer_auth(&app.token)).ok();
    people.names.insert("run", runs["items"][0]["id"].as_str().unwrap().to_owned());
    let history = watched(&app, &people);
    people.names.insert("history", history);
    people.names.insert("file", fixtures::path("hulu_titles.csv"));
    people.names.insert("nothing", "01900000-0000-7000-8000-000000000000".to_owned());
    (app, people)
}

/// An entry of the owner's viewing history, which they allow.
fn watched(app: &App, people: &People) -> String {
    let send = |method: &str, path: &str, body: &Value| {
        let request = people.tokens[0]
            .iter()
            .fold(app.request(method, path), |request, (name, value)| request.header(*name, value));
        app.send(request.json(body)).ok()
    };
    send("PUT", "/api/v1/privacy/consents/viewing_history", &json!({ "granted": true }));
    let entry = send("POST", "/api/v1/user/history", &json!({ "content_id": people.names["content"] }));
    entry["id"].as_str().unwrap().to_owned()
}

/// The operations of the document: id, method and path.
fn operations(setup: &Setup) -> BTreeMap<String, (String, String)> {
    let document: Value = serde_json::from_slice(&setup.run(&["openapi"]).stdout).unwrap();
    let mut all = BTreeMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            all.insert(id, (method.to_uppercase(), path.clone()));
        }
    }
    all
}

/// What every answer has, whatever its route and status.
const SECURE: [(&str, &str); 6] = [
    ("strict-transport-security", "max-age=31536000"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("server", ""),
];

/// What a page of ours says besides, whatever its status: no browser keeps it, it loads nothing, runs no script but the
/// one that its policy names, and sends its forms to us, or on to a client.
fn is_a_strict_page(id: &str, answer: &Answer) {
    let (policy, html) = (answer.header("content-security-policy"), answer.header("content-type").contains("html"));
    assert_eq!(answer.header("cache-control"), "no-store", "{id}: {}", answer.status);
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{id}: {policy}");
    let parts = ["style-src 'sha256-", "form-action 'self'", "base-uri 'none'"];
    assert!(!html || parts.iter().all(|part| policy.contains(part)), "{id}: {policy}");
    assert_eq!(answer.text.contains("<script"), policy.contains("script-src 'sha256-"), "{id}: {policy}");
}

/// Whether a line's path is one of the operation's.
fn fits(path: &str, template: &str) -> bool {
    let path = path.split('?').next().unwrap();
    let same = |(one, named): (&str, &str)| one == named || named.starts_with('{');
    path.split('/').count() == template.split('/').count() && path.split('/').zip(template.split('/')).all(same)
}

struct Walk<'a> {
    app: &'a App,
    people: &'a People,
    http: reqwest::blocking::Client,
    sent: usize,
}

impl Walk<'_> {
    fn filled(&self, text: &str) -> String {
        let names = self.people.names.iter();
        let text = names.fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value));
        text.replace("{n}", &self.sent.to_string())
    }

    /// The status of an operation for somebody; and of a refusal, that it says where to get a token.
    fn ask(&mut self, line: &Line, method: &str, who: &Credentials) -> u16 {
        let (id, door, path, body, _) = *line;
        self.sent += 1;
        let url = format!("{}{}", self.app.url("gateway"), self.filled(path));
        let mut request = self.http.request(method.parse().unwrap(), url).timeout(PATIENCE);
        let field = who.iter().find(|(name, _)| *name == FORM).map(|(_, value)| ("form_token", value.as_str()));
        request = who
            .iter()
            .filter(|(name, _)| *name != FORM)
            .fold(request, |request, (name, value)| request.header(*name, value));
        request = match body {
            _ if method == "GET" => request,
            json if json.starts_with('{') => {
                let key = format!("walk-{}", self.sent);
                request
                    .header("content-type", "application/json")
                    .header("idempotency-key", key)
                    .body(self.filled(json))
            }
            form => {
                let filled = self.filled(form);
                let mut pairs: Vec<_> = filled.split('&').filter_map(|pair| pair.split_once('=')).collect();
                pairs.extend(field);
                let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
                request.header("content-type", "application/x-www-form-urlencoded").body(body)
            }
        };
        let answer = self.app.send(request);
        let to_sign_in = answer.status == 303 && answer.header("location").starts_with("/login");
        assert!(answer.status < 500, "{id}: {}", answer.text);
        for (name, value) in SECURE {
            assert_eq!(answer.header(name), value, "{id}: {name}");
        }
        assert!(
            answer.header("content-security-policy").contains("frame-ancestors 'none'"),
            "{id}: {:?}",
            answer.headers
        );
        if door == Door::Browser {
            is_a_strict_page(id, &answer);
        }
        if [Door::Token, Door::Admin].contains(&door) && answer.status == 401 {
            let expected = format!("resource_metadata=\"{ISSUER}/.well-known/oauth-protected-resource\"");
            assert!(answer.header("www-authenticate").contains(&expected), "{id}: {:?}", answer.headers);
        }
        if to_sign_in { SIGN_IN } else { answer.status }
    }
}

#[test]
fn every_operation_answers_each_of_ten_callers() {
    let (app, people) = settled();
    let http = reqwest::blocking::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    let mut walk = Walk { app: &app, people: &people, http: http.build().unwrap(), sent: 0 };
    let operations = operations(&app.setup);
    let known: BTreeSet<_> = LINES.iter().map(|line| line.0.to_owned()).collect();
    let without: Vec<_> = operations.keys().filter(|id| !known.contains(*id)).collect();
    assert!(without.is_empty(), "no line in identities/table.rs: {without:?}");
    assert_eq!(known.len(), operations.len(), "a line is of no operation");
    assert_eq!(known.len(), LINES.len(), "an operation has two lines");
    let mut wrong = Vec::new();
    for line in LINES {
        let (method, template) = &operations[line.0];
        assert!(fits(line.2, template), "{} is not at {}", line.0, line.2);
        let people = match line.1 {
            Door::Token => &people.tokens,
            Door::Admin => &people.admins,
            Door::Browser => &people.browsers,
            Door::Client => &people.clients,
        };
        // The owner last: had a refusal done anything, there would be nothing left for them.
        for index in (0..WHO.len()).rev() {
            let status = walk.ask(line, method, &people[index]);
            if status != line.4[index] {
                wrong.push(format!("{} by {}: {status}, not {}", line.0, WHO[index], line.4[index]));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), walk.sent, wrong.join("\n"));
    assert_eq!(walk.sent, WHO.len() * operations.len());
    nothing_of_theirs_is_logged(&app.log(), &people);
}

/// No token, cookie, secret or password that was sent is in the log, and nobody's address.
fn nothing_of_theirs_is_logged(log: &str, people: &People) {
    assert!(log.contains("answered a request"), "it says a lot");
    let sent = [&people.tokens, &people.admins, &people.browsers, &people.clients].into_iter().flatten().flatten();
    for (name, value) in sent {
        for secret in value.split(['=', ';', ' ']).filter(|part| part.len() > 20) {
            assert!(!log.contains(secret), "{name}: {secret}");
        }
    }
    for word in ["@example.org", people::PASSWORD] {
        assert!(!log.contains(word), "{word}");
    }
}
