//! Words that nobody should type, at every door of search: the same answer at each, and never a fault. A search that takes too
//! long is one (504).

use serde_json::{Value, json};

use crate::{app::Setup, asked::cinema, grpc, journey::ids};

const ODD: [&str; 9] = [
    "",
    " \t ",
    "the of and is",
    "\u{1}he\u{200b}at\u{7f}\u{202e}",
    "мatrix матрица 千と千尋 heat \u{200f}שלום",
    "horror but no horror",
    "movies after 2010 before 1990",
    "\"heat \\ % _ ' ; -- ( [ { * ~ ^ AND OR NOT title:",
    "in klingonese",
];

fn asking(door: &str, words: &str) -> String {
    let address = reqwest::Url::parse_with_params("http://node/", [("q", words)]).unwrap();
    format!("{door}?{}", address.query().unwrap())
}

#[test]
fn odd_words_have_one_answer_at_every_door() {
    let app = cinema(Setup::new());
    let emoji = "🎬🍿".repeat(100);
    for words in ODD.into_iter().chain([emoji.as_str()]) {
        let posted = app.post("/api/v1/search", &json!({ "query": words })).ok();
        let got = app.get(&asking("/api/v1/search", words)).ok();
        let called = grpc::asks(&app, words).unwrap();
        let typed = app.setup.run(&["search", words, "--json"]);
        assert!(typed.status.success(), "{words:?}: {}", String::from_utf8_lossy(&typed.stderr));
        let typed: Value = serde_json::from_slice(&typed.stdout).unwrap();
        let listed: Vec<String> = called.results.iter().map(|hit| hit.content.id.to_string()).collect();
        assert_eq!(ids(&got), ids(&posted), "{words:?}");
        assert_eq!(listed, ids(&posted), "{words:?}");
        assert!(ids(&posted).starts_with(&ids(&typed)), "{words:?}: {typed}");
        for field in ["total_count", "query_parsed"] {
            assert_eq!((&got[field], &typed[field]), (&posted[field], &posted[field]), "{words:?}");
        }
        assert_eq!(serde_json::to_value(&called.query_parsed).unwrap(), posted["query_parsed"], "{words:?}");
        for door in ["autocomplete", "suggestions"] {
            let named = app.get(&asking(&format!("/api/v1/search/{door}"), words)).ok();
            assert!(named["suggestions"].as_array().unwrap().len() <= 10, "{words:?}: {named}");
        }
        let known = app.get(&asking("/api/v1/content/titles", words));
        assert!(known.status == 200 || known.json["code"] == "bad_query", "{words:?}: {}", known.text);
    }
    let long = "x".repeat(2_001);
    app.get(&asking("/api/v1/search", &long)).problem(400, "query_too_long");
    assert_eq!(grpc::asks(&app, &long).unwrap_err().code, "query_too_long");
    for door in ["autocomplete", "suggestions"] {
        assert_eq!(app.get(&asking(&format!("/api/v1/search/{door}"), &long)).status, 400, "{door}");
    }
}
