//! `cargo xtask test`: what the gate runs, in order, with a summary.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::engines::Engines;
use crate::summary::Summary;
use crate::{needs, process, schemathesis, tidy, web};

/// Runs everything; a failed check does not hide the ones after it, a missing engine does.
pub fn run(root: &Path) -> Result<ExitCode> {
    let mut summary = Summary::default();
    let result = steps(root, &mut summary);
    println!("\n{}", summary.table());
    result?;
    Ok(if summary.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn steps(root: &Path, summary: &mut Summary) -> Result<()> {
    let cargo = |args: &[&str]| {
        let mut command = Command::new("cargo");
        command.args(args).current_dir(root);
        command
    };
    let ok = |passed: &bool| *passed;
    let engines = summary.step("engines and model", Engines::start, |_| true)?;
    let fmt = |args: &[&str]| process::run(cargo(&["fmt", "--check"]).args(args));
    summary.step("cargo fmt", || Ok(fmt(&["--all"])? & fmt(&["--manifest-path", "benches/Cargo.toml"])?), ok)?;
    // They are a workspace of their own and nothing here builds them: `make bench` alone would tell.
    let lock = ["update", "--workspace", "--locked", "--manifest-path", "benches/Cargo.toml"];
    summary.step("lock of the benchmarks", || process::run(&mut cargo(&lock)), ok)?;
    summary.step("tidy", || tidy::check(root), ok)?;
    summary.step("build of the web app", || web::build(root), ok)?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    summary.step("cargo clippy", || process::run(&mut cargo(&clippy)), ok)?;
    let runner = needs::test_runner();
    let build = [runner, &["--workspace", "--locked", "--no-run"]].concat();
    if !summary.step("build of the tests", || process::run(&mut cargo(&build)), ok)? {
        return Ok(());
    }
    // What the linker wrote would be put on the disk while tests wait for theirs to be there, at worst for a minute.
    summary.step("disk at rest", || process::run(&mut Command::new("sync")), ok)?;
    let tests = [runner, &["--workspace", "--locked"]].concat();
    let name = format!("tests (cargo {})", runner[0]);
    summary.step(&name, || process::run(cargo(&tests).envs(engines.variables())), ok)?;
    summary.step("web app", || web::test(root), ok)?;
    summary.step("schemathesis", || schemathesis::check(root, schemathesis::CASES, &schemathesis::seed()), ok)?;
    if runner[0] == "nextest" && tidy::has_doctests(root)? {
        let doctests = ["test", "--workspace", "--locked", "--doc"];
        summary.step("doctests", || process::run(cargo(&doctests).envs(engines.variables())), ok)?;
    }
    Ok(())
}
