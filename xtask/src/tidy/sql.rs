//! Tables have one owner: each migration names it in its head, and no other context's SQL names the table.

use std::collections::BTreeMap;

use syn::visit::Visit;

use super::crates::CONTEXTS;
use super::{File, Finding, source, tokens};

/// Words after which a table is named.
const BEFORE_TABLE: [&str; 5] = ["FROM", "INTO", "UPDATE", "JOIN", "TABLE"];
/// Words that open a statement; text that starts with one is SQL in whatever case.
const STATEMENTS: [&str; 6] = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "TRUNCATE"];

/// Checks migrations and the contexts' sources.
pub fn check(files: &[File]) -> Vec<Finding> {
    let (owners, mut findings) = owners(files);
    let contexts = files.iter().filter(|file| {
        CONTEXTS.contains(&file.krate()) && file.path.contains("/src/") && file.path.ends_with(".rs") && !file.test
    });
    findings.extend(contexts.flat_map(|file| foreign_tables(file, &owners)));
    findings
}

/// Table → owner, from the migrations of both engines.
fn owners(files: &[File]) -> (BTreeMap<String, String>, Vec<Finding>) {
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.path.starts_with("migrations/") && file.path.ends_with(".sql")) {
        let owner = file.text.lines().next().and_then(|line| line.strip_prefix("-- owner: "));
        let Some(owner) = owner.filter(|owner| !owner.trim().is_empty()) else {
            let instead = "write `-- owner: <crate>` as its first line";
            findings.push(Finding::new(&file.path, 1, "the migration has no owner", instead));
            continue;
        };
        for (index, line) in file.text.lines().enumerate().filter(|(_, line)| is_about_a_table(line)) {
            let Some(table) = table_of(line) else {
                let wrong = "a table is made or dropped in a form that not every reader of migrations knows";
                let instead = "begin the line with `CREATE TABLE name` or `DROP TABLE name`, the name in lower case";
                findings.push(Finding::new(&file.path, index + 1, wrong, instead));
                continue;
            };
            let known = owners.entry(table.into()).or_insert_with(|| owner.into());
            if known != owner {
                let wrong = format!("table {table} belongs to {known}");
                findings.push(Finding::new(&file.path, index + 1, wrong, "choose another name, or another owner"));
            }
        }
    }
    (owners, findings)
}

/// Whether a line makes or drops a table, in whatever form.
fn is_about_a_table(line: &str) -> bool {
    let code = line.split("--").next().unwrap_or_default().to_uppercase();
    let mut words = code.split_whitespace();
    words.next().is_some_and(|verb| ["CREATE", "DROP"].contains(&verb)) && words.any(|word| word == "TABLE")
}

/// The table of a line in the form that `stores` reads, too, where it says which tables are whose.
fn table_of(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("CREATE TABLE ").or_else(|| line.strip_prefix("DROP TABLE "))?;
    let name = rest.split([' ', '(', ';']).next()?;
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (!name.is_empty() && name.chars().all(is_plain)).then_some(name)
}

fn foreign_tables(file: &File, owners: &BTreeMap<String, String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (text, line) in literals(&file.text) {
        for table in tables_named(&text) {
            if let Some(owner) = owners.get(&table).filter(|owner| *owner != file.krate()) {
                let wrong = format!("SQL of {} names {table}, a table of {owner}", file.krate());
                let instead = "ask its owner through contracts, or keep your own copy from its events";
                findings.push(Finding::new(&file.path, line, wrong, instead));
            }
        }
    }
    findings
}

/// Tables that a text of SQL, or a part of one, names. Prose is told apart by its lower-case words.
fn tables_named(text: &str) -> Vec<String> {
    let words: Vec<String> = words(text).collect();
    let statement = words.first().is_some_and(|word| STATEMENTS.contains(&word.to_uppercase().as_str()));
    let is_keyword =
        |word: &str| BEFORE_TABLE.contains(&if statement { word.to_uppercase() } else { word.into() }.as_str());
    let mut tables = Vec::new();
    for (index, word) in words.iter().enumerate() {
        if !is_keyword(word) {
            continue;
        }
        // `FROM a, b AS c, d`: a comma leads on to another table, up to the next keyword of SQL.
        let mut rest = words[index + 1..].iter();
        while let Some(name) = rest.next() {
            tables.push(name.trim_matches('"').to_lowercase());
            let mut comma = name == ",";
            for next in rest.by_ref().take(3) {
                comma = next == ",";
                if comma || next == "(" || BEFORE_TABLE.contains(&next.to_uppercase().as_str()) {
                    break;
                }
            }
            if !comma {
                break;
            }
        }
    }
    tables
}

/// Names and punctuation; a schema before a dot is dropped.
fn words(text: &str) -> impl Iterator<Item = String> {
    let mut spaced = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ',' | '(' | ')' | ';' => spaced.extend([' ', c, ' ']),
            _ => spaced.push(c),
        }
    }
    let words: Vec<String> =
        spaced.split_whitespace().map(|word| word.rsplit('.').next().unwrap_or(word).into()).collect();
    words.into_iter()
}

/// The string literals outside tests, macros included.
fn literals(text: &str) -> Vec<(String, usize)> {
    let Ok(tree) = syn::parse_file(text) else { return Vec::new() };
    let mut found = Literals(Vec::new());
    found.visit_file(&tree);
    found.0
}

struct Literals(Vec<(String, usize)>);

impl<'ast> Visit<'ast> for Literals {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !source::is_test_only(source::attributes_of(item)) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_lit_str(&mut self, literal: &'ast syn::LitStr) {
        self.0.push((literal.value(), literal.span().start().line));
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        tokens::windows(call.tokens.clone(), &mut |window| {
            let Some(proc_macro2::TokenTree::Literal(literal)) = window.first() else { return };
            if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) {
                self.0.push((text.value(), literal.span().start().line));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn found(rust: &str) -> Vec<Finding> {
        let file = |path: &str, text: &str| File { path: path.into(), text: text.into(), test: false };
        check(&[
            file("migrations/sqlite/0001_a.sql", "-- owner: catalog\nCREATE TABLE titles (\n  id TEXT\n);\n"),
            file("migrations/sqlite/0002_b.sql", "-- owner: ingest\nCREATE TABLE runs(id TEXT);"),
            file("crates/ingest/src/store.rs", rust),
        ])
    }

    #[rstest]
    #[case(r#"const A: &str = "SELECT id FROM titles t WHERE 1";"#)]
    #[case(r#"const A: &str = "select id from titles";"#)]
    #[case(r#"const A: &str = "SELECT 1 FROM runs r, titles t";"#)]
    #[case(r#"const A: &str = "LEFT JOIN titles ON 1";"#)]
    #[case(r#"const A: &str = "DELETE FROM main.\"titles\"";"#)]
    #[case(r#"fn f() { db.execute("UPDATE titles SET a = 1"); }"#)]
    #[case(r#"fn f() { g(format!("INSERT INTO titles (id) VALUES {}", x)); }"#)]
    fn another_owners_table_goes_red(#[case] rust: &str) {
        let findings = found(rust);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].sentence.contains("a table of catalog"));
    }

    #[rstest]
    #[case(r#"const A: &str = "SELECT id FROM runs";"#)]
    #[case(r#"const A: &str = "a sentence taken from titles";"#)]
    #[case(r#"const A: &str = "SELECT titles FROM runs";"#)]
    #[case(r#"#[cfg(test)] mod tests { const A: &str = "SELECT id FROM titles"; }"#)]
    #[case("/// Never SELECT FROM titles.\nfn f() {}")]
    fn ones_own_table_prose_and_tests_stay_green(#[case] rust: &str) {
        assert_eq!(found(rust), []);
    }

    #[test]
    fn migrations_name_one_owner_a_table() {
        let file = |path: &str, text: &str| File { path: path.into(), text: text.into(), test: false };
        let first = file("migrations/sqlite/0001_a.sql", "-- owner: catalog\nCREATE TABLE titles (id TEXT);");
        let none = file("migrations/sqlite/0002_b.sql", "CREATE TABLE x (id TEXT);");
        let other = file("migrations/postgres/0003_c.sql", "-- owner: ingest\nCREATE TABLE titles (id TEXT);");
        let sentences: Vec<String> = check(&[first, none, other]).into_iter().map(|f| f.to_string()).collect();
        assert!(
            sentences[0].starts_with("migrations/sqlite/0002_b.sql:1: the migration has no owner"),
            "{sentences:?}"
        );
        assert!(sentences[1].starts_with("migrations/postgres/0003_c.sql:2: table titles belongs to catalog"));
    }

    /// Each form that one reader took for a table and another did not.
    #[rstest]
    #[case("-- Runs.\n-- owner: ingest\nCREATE TABLE runs (id TEXT);", "the migration has no owner")]
    #[case("-- owner: \nCREATE TABLE runs (id TEXT);", "the migration has no owner")]
    #[case("-- owner: ingest\nCREATE TABLE IF NOT EXISTS runs (id TEXT);", "in a form")]
    #[case("-- owner: ingest\n  CREATE TABLE runs (id TEXT);", "in a form")]
    #[case("-- owner: ingest\ncreate table runs (id TEXT);", "in a form")]
    #[case("-- owner: ingest\nCREATE TABLE \"runs\" (id TEXT);", "in a form")]
    #[case("-- owner: ingest\nCREATE UNLOGGED TABLE runs (id TEXT);", "in a form")]
    #[case("-- owner: ingest\nDROP TABLE IF EXISTS runs;", "in a form")]
    fn migrations_say_whose_a_table_is_in_one_form(#[case] text: &str, #[case] words: &str) {
        let findings = check(&[File { path: "migrations/sqlite/0001_a.sql".into(), text: text.into(), test: false }]);
        assert!(matches!(&findings[..], [one] if one.sentence.contains(words)), "{findings:?}");
    }
}
