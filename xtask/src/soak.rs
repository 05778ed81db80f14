//! `cargo xtask soak`: the same tests with larger counts and a fresh seed, and a dated record of how they went.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};
use jiff::Timestamp;

use crate::engines::Engines;
use crate::summary::Summary;
use crate::{needs, process};

/// Cases of each property, unless `PROPTEST_CASES` says otherwise.
const CASES: &str = "10000";

/// Runs the tests with `MEDIA_GATEWAY_SOAK=1` and writes `docs/measured/DATE-soak.md`.
pub fn run(root: &Path) -> Result<ExitCode> {
    let now = Timestamp::now();
    let variable = |name: &str, otherwise: String| std::env::var(name).unwrap_or(otherwise);
    let seed = variable("PROPTEST_RNG_SEED", now.as_second().to_string());
    let cases = variable("PROPTEST_CASES", CASES.into());
    let mut summary = Summary::default();
    let result = steps(root, &mut summary, &[("PROPTEST_RNG_SEED", &seed), ("PROPTEST_CASES", &cases)]);
    let commit = process::output(Command::new("git").args(["rev-parse", "--short", "HEAD"]).current_dir(root));
    let report = format!(
        "# Soak of {now:.0}\n\nCommit {}, {} cores, seed {seed}, {cases} cases a property.\n\n{}",
        commit.unwrap_or_else(|_| "unknown".into()).trim(),
        std::thread::available_parallelism().map_or(0, usize::from),
        summary.table(),
    );
    let file = root.join("docs/measured").join(format!("{}-soak.md", now.strftime("%Y-%m-%d")));
    fs::create_dir_all(root.join("docs/measured"))?;
    fs::write(&file, &report).with_context(|| format!("cannot write {}", file.display()))?;
    println!("\n{report}\nwritten to {}", file.display());
    result?;
    Ok(if summary.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn steps(root: &Path, summary: &mut Summary, variables: &[(&str, &str)]) -> Result<()> {
    let engines = summary.step("engines and model", Engines::start, |_| true)?;
    let runner = needs::test_runner();
    let profile: &[&str] = if runner[0] == "nextest" { &["--profile", "soak"] } else { &[] };
    let mut tests = Command::new("cargo");
    tests.args(runner).args(["--workspace", "--locked"]).args(profile).current_dir(root);
    tests.envs(engines.variables()).env("MEDIA_GATEWAY_SOAK", "1").envs(variables.iter().copied());
    summary.step("tests", || process::run(&mut tests), |passed| *passed)?;
    Ok(())
}
