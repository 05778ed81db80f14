//! `media-gateway`: the one binary. Parses the command line, runs the verb, and turns its end into an exit code.

mod backends;
mod cli;
mod cloud;
mod config;
mod files;
mod folder;
mod limits;
mod node;
mod owner;
mod peers;
mod privileges;
mod roles;
mod secrets;
mod services;
mod telemetry;

use std::process::ExitCode;

use clap::Parser as _;
use rustix::fs::Mode;

fn main() -> ExitCode {
    // As PostgreSQL does: a file that we make is its user's alone from the first byte on, also in a folder that others look
    // into. What a command prints, as an export, is written by the shell, and goes by the umask of who runs it.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let command = cli::Command::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: can't start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(cli::run(command));
    // Blocking threads may still be inside a model or a file; nothing acknowledged depends on them.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    code
}
