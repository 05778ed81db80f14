//! The engines the tests run against, and the variables that lead the tests to them.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Result, bail};

use crate::postgres::Postgres;
use crate::redis::Redis;
use crate::{model, needs, process};

/// One seed for every property test: the gate runs the same cases each time. `make soak` takes another one a run.
pub const SEED: &str = "20261121";

/// Running engines; dropped, they stop.
pub struct Engines {
    postgres: Postgres,
    redis: Redis,
    model: std::path::PathBuf,
}

impl Engines {
    /// Installs, downloads and starts what the tests need.
    ///
    /// # Errors
    /// One sentence about the first thing that cannot be had.
    pub fn start() -> Result<Self> {
        process::catch_interrupts()?;
        needs::provide()?;
        let model = model::provide()?;
        Ok(Self { postgres: Postgres::start()?, redis: Redis::start()?, model })
    }

    /// The variables for a command.
    pub fn variables(&self) -> [(&'static str, String); 5] {
        [
            ("MEDIA_GATEWAY_TEST_POSTGRES", self.postgres.url.clone()),
            ("MEDIA_GATEWAY_TEST_POSTGRES_ROOT", self.postgres.certificate().display().to_string()),
            ("MEDIA_GATEWAY_TEST_REDIS", self.redis.url.clone()),
            ("MEDIA_GATEWAY_TEST_MODEL", self.model.display().to_string()),
            ("PROPTEST_RNG_SEED", std::env::var("PROPTEST_RNG_SEED").unwrap_or_else(|_| SEED.into())),
        ]
    }
}

/// PostgreSQL alone.
///
/// # Errors
/// As [`Engines::start`].
pub fn postgres() -> Result<Postgres> {
    needs::provide()?;
    Postgres::start()
}

/// `cargo xtask engines -- COMMAND`.
pub fn run(root: &Path, args: &[String]) -> Result<ExitCode> {
    let Some((program, rest)) = args.strip_prefix(&["--".to_owned()]).and_then(<[String]>::split_first) else {
        bail!("expected: cargo xtask engines -- COMMAND");
    };
    let engines = Engines::start()?;
    let passed = process::run(Command::new(program).args(rest).current_dir(root).envs(engines.variables()))?;
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
