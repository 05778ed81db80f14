//! `cargo xtask soak`: the same tests with larger counts and a fresh seed, and a dated record of how they went.
//!
//! The packages are tested one after another, and what passed is written down: a soak that was interrupted goes on with
//! its seed at the first package that has not passed, as long as the commit is the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Command, ExitCode},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use cargo_metadata::MetadataCommand;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{engines::Engines, needs, process, schemathesis, summary::Summary};

/// Cases of each property, unless `PROPTEST_CASES` says otherwise.
const CASES: &str = "10000";

/// The step that is no package.
const API: &str = "schemathesis";

/// What an interrupted soak leaves for the next one, in `target/soak.json`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    commit: String,
    seed: String,
    cases: String,
    /// Seconds that each package took which passed.
    passed: BTreeMap<String, u64>,
}

impl State {
    fn read(file: &Path, commit: String) -> Self {
        let variable = |name: &str, otherwise: String| std::env::var(name).unwrap_or(otherwise);
        let fresh = Self {
            commit,
            seed: variable("PROPTEST_RNG_SEED", Timestamp::now().as_second().to_string()),
            cases: variable("PROPTEST_CASES", CASES.into()),
            passed: BTreeMap::new(),
        };
        fresh.unless(fs::read_to_string(file).ok().and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// The earlier soak where it is of the same commit and not whole; this one otherwise.
    fn unless(self, earlier: Option<Self>) -> Self {
        match earlier {
            Some(earlier) if earlier.commit == self.commit && !earlier.passed.is_empty() => earlier,
            _ => self,
        }
    }

    fn write(&self, file: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).context("the state can't be written")?;
        fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
    }
}

/// Tests every package with `MEDIA_GATEWAY_TEST_SOAK=1` and writes `docs/measured/DATE-soak.md` when all have had their turn.
pub fn run(root: &Path) -> Result<ExitCode> {
    let file = root.join("target/soak.json");
    let commit = process::output(Command::new("git").args(["describe", "--always", "--dirty"]).current_dir(root))?;
    let mut state = State::read(&file, commit.trim().to_owned());
    let State { commit, seed, cases, passed } = &state;
    println!(
        "soak of {commit} at {:.0}: seed {seed}, {cases} cases a property, {} steps done",
        Timestamp::now(),
        passed.len()
    );
    let mut summary = Summary::default();
    for (package, seconds) in &state.passed {
        summary.note(package, Duration::from_secs(*seconds));
    }
    steps(root, &mut summary, &mut state, &file)?;
    let report = format!(
        "# Soak of {:.0}\n\nCommit {}, {} cores, seed {}, {} cases a property.\n\n{}",
        Timestamp::now(),
        state.commit,
        std::thread::available_parallelism().map_or(0, usize::from),
        state.seed,
        state.cases,
        summary.table(),
    );
    let measured = root.join("docs/measured").join(format!("{}-soak.md", Timestamp::now().strftime("%Y-%m-%d")));
    fs::create_dir_all(root.join("docs/measured"))?;
    fs::write(&measured, &report).with_context(|| format!("cannot write {}", measured.display()))?;
    println!("\n{report}\nwritten to {}", measured.display());
    if !summary.passed() {
        return Ok(ExitCode::FAILURE);
    }
    fs::remove_file(&file).context("the soak's state can't be removed")?;
    Ok(ExitCode::SUCCESS)
}

fn steps(root: &Path, summary: &mut Summary, state: &mut State, file: &Path) -> Result<()> {
    if !needs::quiet("cargo", &["nextest", "--version"]) {
        bail!("the soak needs cargo-nextest, which can test one package of the whole: cargo install cargo-nextest");
    }
    let engines = summary.step("engines and model", Engines::start, |_| true)?;
    for package in packages(root)? {
        if state.passed.contains_key(&package) {
            continue;
        }
        // One selection of packages for the build, whichever is tested: another one would build nearly everything anew.
        let mut tests = Command::new("cargo");
        let only = format!("package({package})");
        tests.args(["nextest", "run", "--workspace", "--locked", "--profile", "soak", "--no-tests", "pass", "-E"]);
        tests.arg(only).current_dir(root).envs(engines.variables()).env("MEDIA_GATEWAY_TEST_SOAK", "1");
        tests.env("PROPTEST_RNG_SEED", &state.seed).env("PROPTEST_CASES", &state.cases);
        let started = std::time::Instant::now();
        if summary.step(&package, || process::run(&mut tests), |passed| *passed)? {
            state.passed.insert(package, started.elapsed().as_secs());
            state.write(file)?;
        }
    }
    if !state.passed.contains_key(API) {
        let started = std::time::Instant::now();
        let made = || schemathesis::check(root, schemathesis::SOAK_CASES, &state.seed);
        if summary.step(API, made, |passed| *passed)? {
            state.passed.insert(API.to_owned(), started.elapsed().as_secs());
            state.write(file)?;
        }
    }
    Ok(())
}

/// The workspace's packages, by name.
fn packages(root: &Path) -> Result<BTreeSet<String>> {
    let metadata =
        MetadataCommand::new().current_dir(root).no_deps().exec().context("cargo knows no workspace here")?;
    Ok(metadata.packages.iter().map(|package| package.name.to_string()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(commit: &str, passed: &[&str]) -> State {
        let passed = passed.iter().map(|name| ((*name).to_owned(), 1)).collect();
        State { commit: commit.into(), seed: "7".into(), cases: "10".into(), passed }
    }

    #[test]
    fn a_soak_goes_on_only_where_the_commit_is_the_same() {
        let earlier = || Some(state("a", &["stores"]));
        assert_eq!(state("a", &[]).unless(earlier()).passed.len(), 1);
        assert_eq!(state("b", &[]).unless(earlier()).passed.len(), 0);
        assert_eq!(state("a", &[]).unless(None), state("a", &[]));
    }
}
