//! Every rule about files goes red on a small sample, and stays green on its lawful twin.

use rstest::rstest;

use super::*;

fn found(path: &str, text: &str) -> Vec<String> {
    check(&File { path: path.into(), text: text.into(), test: super::super::is_test_path(path) })
        .into_iter()
        .map(|finding| finding.to_string())
        .collect()
}

fn in_search(body: &str) -> Vec<String> {
    found("crates/search/src/rank.rs", &format!("//! Ranks.\n{body}"))
}

#[rstest]
#[case("fn f() { None::<u8>.unwrap(); }", ".unwrap() outside tests")]
#[case("fn f() { None::<u8>.expect(\"some\"); }", ".expect() outside tests")]
#[case("fn f() { println!(\"{}\", [x.first().unwrap()]); }", ".unwrap() outside tests")]
#[case("fn f() { todo!() }", "todo!")]
#[case("fn f() { unimplemented!(\"later\") }", "unimplemented!")]
#[case("#[cfg(test)] mod t { #[test] #[ignore] fn f() {} }", "an ignored test")]
#[case("fn f() -> Caller { Caller::Operator }", "Caller::Operator is made here")]
#[case("fn f() -> Caller { contracts::Caller::User(id) }", "Caller::User is made here")]
#[case("fn f() -> Vec<Caller> { vec![Caller::System] }", "Caller::System is made here")]
#[case("fn f( {}", "it does not parse")]
fn what_is_forbidden_goes_red(#[case] body: &str, #[case] sentence: &str) {
    let findings = in_search(body);
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].starts_with("crates/search/src/rank.rs:2: "), "{}", findings[0]);
    assert!(findings[0].contains(sentence) && findings[0].contains(" — "), "{}", findings[0]);
}

#[rstest]
#[case("#[cfg(test)] mod tests { fn f() { None::<u8>.unwrap(); } }")]
#[case("#[tokio::test] async fn f() { None::<u8>.unwrap(); }")]
#[case("fn f(x: Option<u8>) -> u8 { x.unwrap_or_default() }")]
#[case("fn f(c: &Caller) -> bool { matches!(c, Caller::Operator) }")]
#[case("fn f(c: &Caller) -> u8 { match c { Caller::Operator => 1, _ => 0 } }")]
#[case("fn f() -> Caller { Caller::from_metadata() }")]
#[case("fn f(c: &Caller) -> bool { *c == Caller::Operator }")]
#[case("/// Never `todo!` or `.unwrap()`.\nfn f() {}")]
fn what_is_allowed_stays_green(#[case] body: &str) {
    assert_eq!(in_search(body), Vec::<String>::new());
}

#[rstest]
#[case("crates/search/src/rank/tests.rs")]
#[case("crates/media-gateway/tests/it/main.rs")]
#[case("crates/stores/src/suites/cache.rs")]
#[case("crates/testkit/src/lib.rs")]
fn files_of_tests_may_unwrap(#[case] path: &str) {
    assert_eq!(found(path, "//! Tests.\nfn f() { None::<u8>.unwrap(); }"), Vec::<String>::new());
}

#[test]
fn the_makers_of_callers_may_make_them() {
    assert_eq!(
        found("crates/rpc/src/auth.rs", "//! Calls.\nfn f() -> Caller { Caller::Anonymous }"),
        Vec::<String>::new()
    );
}

#[test]
fn a_file_says_what_it_is() {
    let path = "crates/search/src/rank.rs";
    for text in ["fn f() {}", "//!\nfn f() {}", "// Ranks.\nfn f() {}"] {
        assert!(found(path, text)[0].contains("does not say what it is"), "{text}");
    }
}

#[test]
fn long_functions_and_long_files_are_found() {
    let body = |lines: usize| format!("fn f() {{\n{}}}\n", "    g();\n".repeat(lines));
    assert_eq!(in_search(&body(68)), Vec::<String>::new());
    assert!(in_search(&body(69))[0].contains("function f has 71 lines"));
    let method = format!("impl X {{ {} }}", body(69));
    assert!(in_search(&method)[0].contains("has 71 lines"));
    let handler = |lines: usize| format!("#[utoipa::path(get, path = \"/x\")]\n{}", body(lines));
    assert_eq!(in_search(&handler(23)), Vec::<String>::new());
    assert!(in_search(&handler(24))[0].contains("handler f has 26 lines, 25 are allowed"));
    assert_eq!(in_search(&"const A: u8 = 1;\n".repeat(599)), Vec::<String>::new());
    assert!(in_search(&"const A: u8 = 1;\n".repeat(600))[0].contains("601 lines"));
}
