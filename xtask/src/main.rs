//! What the project does to itself: `cargo xtask tidy | test | engines | model | films | web | soak | bench`.

mod bench;
mod engines;
mod model;
mod needs;
mod postgres;
mod process;
mod redis;
mod schemathesis;
mod soak;
mod summary;
mod test;
mod tidy;
mod web;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

const HELP: &str = "cargo xtask VERB

tidy                  check the rules of the house that the compiler does not
test                  install what is missing, start the engines, run every check and test, stop the engines
engines -- COMMAND    run one command with the engines up, such as: cargo xtask engines -- cargo nextest run -p stores
model [--dir D]       download the sentence model (kept in the user's cache, or in D)
films [--dir D]       download the sample films
soak                  the tests with larger counts; writes docs/measured/DATE-soak.md
web                   build the web app into web/dist, where something changed
schemathesis [CASES]  generated requests from the API's document against a node; 2000 where CASES is absent
bench [ARGS]          build and run the benchmarks; ARGS go to them (try --help)";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<ExitCode> {
    let (verb, rest) = args.split_first().map_or(("help", args), |(verb, rest)| (verb.as_str(), rest));
    let root = root()?;
    match verb {
        "tidy" => tidy::run(&root),
        "test" => test::run(&root),
        "engines" => engines::run(&root, rest),
        "model" => model::run_model(rest),
        "films" => model::run_films(rest),
        "soak" => soak::run(&root),
        "web" => web::run(&root),
        "schemathesis" => schemathesis::run(&root, rest),
        "bench" => bench::run(&root, rest),
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        other => bail!("there is no verb {other:?}; `cargo xtask help` lists them"),
    }
}

/// The folder of the workspace.
fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(Path::to_owned).context("xtask is not in a folder of the workspace")
}
