//! `cargo xtask bench`: builds the product and the benchmarks for release and runs them.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::{engines, process, web};

/// Passes `args` on. The benchmarks are a workspace of their own, so that what they compare with never enters the build.
pub fn run(root: &Path, args: &[String]) -> Result<ExitCode> {
    process::catch_interrupts()?;
    let web = web::build(root)?;
    let build = ["build", "--release", "--package", "media-gateway", "--locked"];
    let built = process::run(Command::new("cargo").args(build).current_dir(root))?;
    let mut bench = Command::new("cargo");
    bench.args(["run", "--release", "--locked", "--"]).args(args).current_dir(root.join("benches"));
    // Roles in several processes need PostgreSQL.
    let apart = !args.iter().any(|arg| arg.starts_with("--only")) || args.iter().any(|arg| arg.contains("proxy"));
    let postgres = if apart { Some(engines::postgres()?) } else { None };
    bench.envs(postgres.iter().map(|server| ("BENCH_POSTGRES", &server.url)));
    let passed = web && built && process::run(bench.env("BENCH_ROOT", root))?;
    // Whoever asks for one part by name gets that part.
    let passed = if args.is_empty() { passed & web::bench(root)? } else { passed };
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
