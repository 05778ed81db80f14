//! What others build on, word for word: the OpenAPI document, the command line's help and manual. A change shows in review.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::app::{App, Setup};

fn printed(args: &[&str]) -> String {
    let output = Setup::new().run(args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn document() -> Value {
    serde_json::from_str(&printed(&["openapi"])).unwrap()
}

/// Every value under `key`, wherever it stands.
fn all<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get(key));
            fields.values().for_each(|field| all(field, key, found));
        }
        Value::Array(items) => items.iter().for_each(|item| all(item, key, found)),
        _ => {}
    }
}

#[test]
fn the_openapi_document_is_reviewed() {
    insta::assert_snapshot!("openapi", serde_json::to_string_pretty(&document()).unwrap());
}

#[test]
fn the_openapi_document_holds_together() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    for field in ["title", "version"] {
        assert!(!document["info"][field].as_str().unwrap().is_empty());
    }
    let mut references = Vec::new();
    all(&document, "$ref", &mut references);
    assert!(references.len() > 20);
    for reference in references {
        let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    let mut words = Vec::new();
    all(&document, "enum", &mut words);
    assert!(words.len() >= 4);
    for word in words.into_iter().flat_map(|words| words.as_array().unwrap()) {
        let word = word.as_str().unwrap();
        assert!(word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{word} is not what JSON holds");
    }
    let (mut ids, paths) = (BTreeSet::new(), document["paths"].as_object().unwrap());
    for (path, item) in paths {
        let own = ["/oauth/", "/.well-known/", "/login", "/logout", "/signup", "/account", "/device"];
        let mut own = own.into_iter().chain(["/forgot", "/reset", "/verify"]);
        let standard = own.any(|prefix| path.starts_with(prefix));
        assert!(path.starts_with("/api/v1/") || standard, "{path}");
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id), "{id} is there twice");
            assert!(operation["summary"].is_string(), "{method} {path} says what it is");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with(['1', '2', '3'])), "{method} {path}");
            assert!(responses.contains_key("4XX") && responses.contains_key("5XX"), "{method} {path}");
            let named: BTreeSet<_> = path.split(['{', '}']).skip(1).step_by(2).collect();
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let taken = parameters.filter(|parameter| parameter["in"] == "path");
            assert_eq!(taken.map(|parameter| parameter["name"].as_str().unwrap()).collect::<BTreeSet<_>>(), named);
            let operator = operation["security"][0]["operator"].is_array();
            let theirs = ["/api/v1/internal/", "/api/v1/admin/"].iter().any(|prefix| path.starts_with(prefix));
            assert_eq!(operator, theirs, "{method} {path}");
            let mut named = operation["security"][0]["operator"].as_array().into_iter().flatten();
            let asked = contracts::Permission::ASKED.map(|wanted| wanted.to_string());
            assert!(named.all(|one| asked.iter().any(|wanted| *one == wanted.as_str())), "{method} {path}");
        }
    }
    assert!(document["components"]["securitySchemes"]["operator"].is_object());
}

#[test]
fn a_running_node_serves_the_same_document() {
    let app = App::start();
    let served = app.get("/api/v1/openapi.json");
    let tag = served.header("etag").to_owned();
    // The printed one knows no route on its way out: that is the gateway's to say.
    let (mut served, mut printed) = (served.ok(), document());
    for document in [&mut served, &mut printed] {
        for item in document["paths"].as_object_mut().unwrap().values_mut() {
            item.as_object_mut()
                .unwrap()
                .values_mut()
                .for_each(|o| _ = o.as_object_mut().unwrap().remove("deprecated"));
        }
    }
    assert_eq!(served, printed);
    assert_eq!(app.get("/v1/openapi.json").status, 200);
    let again = app.request("GET", "/openapi.json").header("if-none-match", tag);
    assert_eq!(app.send(again).status, 304);
}

#[test]
fn the_documentation_needs_no_one_else() {
    let app = App::start();
    assert_eq!(app.get("/docs").status, 200, "it leads to the page");
    let page = app.get("/docs/");
    assert!(page.header("content-type").starts_with("text/html"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'self'") && policy.contains("connect-src 'self'"), "{policy}");
    let mut sources = Vec::new();
    for attribute in ["src=\"", "href=\""] {
        sources.extend(page.text.split(attribute).skip(1).map(|rest| rest.split('"').next().unwrap()));
    }
    assert!(
        sources.iter().any(|source| source.ends_with(".js")) && sources.iter().any(|source| source.ends_with(".css"))
    );
    for source in sources {
        assert!(!source.contains("://") && !source.starts_with("//"), "{source} is elsewhere");
        let file = app.get(&format!("/docs/{}", source.trim_start_matches("./")));
        assert!(file.status == 200 && !file.text.is_empty(), "{source}");
    }
    assert!(app.get("/docs/swagger-initializer.js").text.contains("/api/v1/openapi.json"));
    app.get("/docs/nothing.js").problem(404, "no_such_file");
}

#[test]
fn the_help_of_every_verb_is_reviewed() {
    let help = printed(&["--help"]);
    let verbs = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let verbs: Vec<_> =
        verbs.filter_map(|line| line.split_whitespace().next()).filter(|verb| *verb != "help").collect();
    assert!(verbs.len() >= 11, "{verbs:?}");
    let mut text = help.clone();
    for verb in verbs {
        text.push_str(&format!("\n=== {verb}\n\n{}", printed(&[verb, "--help"])));
    }
    text.push_str(&format!("\n=== config show\n\n{}", printed(&["config", "show", "--help"])));
    insta::assert_snapshot!("help", text);
}

#[test]
fn the_manual_names_every_verb() {
    let manual = printed(&["man"]).replace(env!("CARGO_PKG_VERSION"), "VERSION");
    insta::assert_snapshot!("manual", manual);
    let completions = printed(&["completions", "bash"]);
    for verb in ["serve", "demo", "doctor", "migrate", "ingest", "search", "export", "config", "openapi"] {
        assert!(manual.contains(&format!("media\\-gateway\\-{verb}(1)")), "{verb}");
        assert!(completions.contains(verb), "{verb}");
    }
}
