//! The rules of the house that the compiler does not check; `ARCHITECTURE.md` says why each is there.

mod addresses;
mod crates;
mod source;
mod sql;
mod tokens;

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

use crate::process;

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Path from the root of the workspace.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong, and what to do instead.
    pub sentence: String,
}

impl Finding {
    fn new(path: &str, line: usize, wrong: impl fmt::Display, instead: &str) -> Self {
        Self { path: path.into(), line, sentence: format!("{wrong} — {instead}") }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.sentence)
    }
}

/// A file of the project, by its path from the root.
pub struct File {
    /// Path with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
    /// Whether only tests compile it.
    pub test: bool,
}

impl File {
    /// The crate it belongs to: the folder's name under `crates`, or `xtask`.
    fn krate(&self) -> &str {
        let mut parts = self.path.split('/');
        match (parts.next(), parts.next()) {
            (Some("crates"), Some(name)) => name,
            (Some(first), _) => first,
            _ => "",
        }
    }
}

/// Whether a path alone says that only tests compile the file.
fn is_test_path(path: &str) -> bool {
    path.starts_with("crates/testkit/")
        || path.ends_with("tests.rs")
        || ["/tests/", "/suites/", "/suites.rs"].iter().any(|part| path.contains(part))
}

/// `cargo xtask tidy`.
pub fn run(root: &Path) -> Result<ExitCode> {
    Ok(if check(root)? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints every finding and says whether there was none.
pub fn check(root: &Path) -> Result<bool> {
    let files = files(root)?;
    let rust: Vec<&File> = files.iter().filter(|file| file.path.ends_with(".rs")).collect();
    let mut findings = crates::check(root)?;
    findings.extend(rust.iter().flat_map(|file| source::check(file)));
    findings.extend(sql::check(&files));
    findings.extend(files.iter().flat_map(addresses::check));
    findings.sort();
    findings.dedup();
    for finding in &findings {
        println!("{finding}");
    }
    println!("tidy: {} files, {} broken rules", files.len(), findings.len());
    Ok(findings.is_empty())
}

/// Whether any library has an example in its documentation that is compiled.
pub fn has_doctests(root: &Path) -> Result<bool> {
    let opens = |line: &str| {
        let doc = line.trim_start().strip_prefix("///").or_else(|| line.trim_start().strip_prefix("//!"));
        matches!(doc.map(str::trim), Some("```" | "```rust" | "```no_run" | "```should_panic"))
    };
    let rust = files(root)?.into_iter().filter(|file| file.path.starts_with("crates/") && file.path.ends_with(".rs"));
    Ok(rust.into_iter().any(|file| {
        // A fence that closes another kind of block looks the same as one that opens a Rust block: count them.
        let fences: Vec<&str> = file.text.lines().filter(|line| line.contains("```")).collect();
        fences.iter().step_by(2).any(|line| opens(line))
    }))
}

/// The text files that git knows or would add.
fn files(root: &Path) -> Result<Vec<File>> {
    let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let names =
        process::output(Command::new("git").args(list).current_dir(root)).context("tidy asks git for the files")?;
    let read = |path: &str| {
        let bytes = fs::read(root.join(path)).ok()?;
        Some(File { path: path.into(), text: String::from_utf8(bytes).ok()?, test: is_test_path(path) })
    };
    let mut files: Vec<File> = names.split('\0').filter(|name| !name.is_empty()).filter_map(read).collect();
    mark_tests(&mut files);
    Ok(files)
}

/// Marks the files that another declares with `#[cfg(test)] mod name;`.
fn mark_tests(files: &mut [File]) {
    let modules: Vec<String> = files.iter().flat_map(source::test_modules).collect();
    for file in files {
        let below = |module: &String| file.path.strip_prefix(module).is_some_and(|rest| rest.starts_with(['.', '/']));
        file.test |= modules.iter().any(below);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_a_test_where_its_path_or_its_parent_says_so() {
        let file = |path: &str, text: &str| File { path: path.into(), text: text.into(), test: is_test_path(path) };
        let mut files = [
            file("crates/search/src/lib.rs", "//! S.\n#[cfg(test)]\nmod fixtures;\nmod rank;"),
            file("crates/search/src/fixtures.rs", ""),
            file("crates/search/src/fixtures/films.rs", ""),
            file("crates/search/src/rank.rs", "#[cfg(test)] mod samples;"),
            file("crates/search/src/rank/samples.rs", ""),
            file("crates/search/src/fixtures_of_another_kind.rs", ""),
            file("crates/stores/src/suites/mod.rs", ""),
            file("crates/catalog/src/merge/tests.rs", ""),
        ];
        mark_tests(&mut files);
        assert_eq!(files.map(|file| file.test), [false, true, true, false, true, false, true, true]);
    }
}
