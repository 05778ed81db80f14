//! `ingest`: reads files or URLs into the catalogue, itself or through the running node.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use clap::Args;
use contracts::{ApiError, Caller, ErrorKind, Region};
use indicatif::ProgressBar;
use ingest::{Format, Progress, Run, RunOptions, RunRequest, RunStatus};
use jiff::civil::Date;
use search::IndexProgress;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Global, bar};
use crate::{
    config::Config,
    folder::Opened,
    owner::OwnerClient,
    roles::Role,
    services::{Services, Wanted},
};

/// How long the indexes may stand still before a command gives up on them.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Args, Debug)]
pub struct IngestArgs {
    /// Files or http(s) addresses, gzipped or not
    #[arg(required = true, value_name = "FILE|URL")]
    inputs: Vec<String>,
    /// The format, where it should not be found by the content
    #[arg(long)]
    format: Option<Format>,
    /// Whose catalogue it is, where the file's name doesn't say, such as netflix
    #[arg(long)]
    platform: Option<String>,
    /// Where its offers hold [default: US]
    #[arg(long)]
    region: Option<Region>,
    /// The day on which it was true [default: today]
    #[arg(long, value_name = "DATE")]
    as_of: Option<Date>,
}

impl IngestArgs {
    fn request(&self, input: &str) -> anyhow::Result<RunRequest> {
        // The node reads the file from its own working directory, so it gets the whole path.
        let location = if input.contains("://") {
            input.to_owned()
        } else {
            let path = std::path::absolute(Path::new(input)).with_context(|| format!("{input:?} is not a path"))?;
            if !path.try_exists().unwrap_or(true) {
                return Err(ApiError::not_found("input_not_found", format!("{input} is not there")).into());
            }
            path.to_str().with_context(|| format!("{input:?} is not UTF-8"))?.to_owned()
        };
        let options =
            RunOptions { format: self.format, platform: self.platform.clone(), region: self.region, as_of: self.as_of };
        Ok(RunRequest { location, options })
    }
}

pub async fn run(global: &Global, args: &IngestArgs) -> anyhow::Result<()> {
    let config = Config::load(&global.flags())?;
    let mut done = Vec::new();
    let result = match Services::folder(&config)? {
        Opened::Theirs(owner) => {
            let result = through(&OwnerClient::new(owner.clone(), Role::Ingest)?, args, &mut done).await;
            // Where search runs in another process, its own folder's commands tell how far it is.
            let indexed = match OwnerClient::new(owner, Role::Search) {
                Ok(search) if result.is_ok() => follow(|| search.get("/api/v1/internal/search/progress")).await,
                _ => Ok(()),
            };
            result.and(indexed)
        }
        Opened::Ours(folder) => {
            let services = Services::open(&config, &folder, Wanted::Everything).await?;
            let stop = CancellationToken::new();
            let interrupt = stop.clone();
            tokio::spawn(async move {
                if tokio::signal::ctrl_c().await.is_ok() {
                    interrupt.cancel();
                }
            });
            let result = ourselves(&services, args, &stop, &mut done).await;
            // What was read before a failure is searchable too; an interrupt leaves the rest to the next command.
            let indexed = if done.is_empty() {
                Ok(())
            } else {
                services.start_workers();
                stop.run_until_cancelled(index(&services)).await.unwrap_or(Ok(()))
            };
            services.close().await;
            result.and(indexed)
        }
    };
    for run in &done {
        report(global, run)?;
    }
    result
}

/// Waits until the indexes hold what the catalogue has. Ends at once where there is no search.
pub async fn index(services: &Services) -> anyhow::Result<()> {
    let Some(search) = &services.search else { return Ok(()) };
    search.nudge();
    follow(async || Ok(IndexProgress { caught_up: search.caught_up().await?, progress: search.progress() })).await
}

/// Waits behind a bar until the indexes have caught up.
///
/// # Errors
/// When they do not move for [`PATIENCE`]: a follower retries for ever, a command does not.
async fn follow(ask: impl AsyncFn() -> anyhow::Result<IndexProgress>) -> anyhow::Result<()> {
    let bar = bar::rows();
    let (mut last, mut moved) = (None, Instant::now());
    loop {
        let IndexProgress { caught_up, progress } = ask().await?;
        if caught_up {
            bar.finish_and_clear();
            return Ok(());
        }
        if last.replace(progress) != Some(progress) {
            moved = Instant::now();
        } else if moved.elapsed() > PATIENCE {
            let detail = "the search index does not follow the catalogue; `doctor` and the log say why";
            return Err(ApiError::unavailable("index_stuck", detail).into());
        }
        bar.set_length(progress.total);
        bar.set_position(progress.indexed);
        bar.set_message(format!("indexing {} of {} titles", progress.indexed, progress.total));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn ourselves(
    services: &Services,
    args: &IngestArgs,
    stop: &CancellationToken,
    done: &mut Vec<Run>,
) -> anyhow::Result<()> {
    let ingest = services.ingest.as_ref().context("this process has no ingest")?;
    for input in &args.inputs {
        let bar = bar::rows();
        let call = services.call(Caller::Operator);
        let run = ingest.run(&call, &args.request(input)?, stop, &|progress| show(&bar, progress)).await;
        bar.finish_and_clear();
        let run = run.map_err(|error| named(input, error))?;
        let interrupted = run.status == RunStatus::Interrupted;
        done.push(run);
        if interrupted {
            let detail = format!("{input}: interrupted; the same command goes on where it stopped");
            return Err(ApiError::new(ErrorKind::Cancelled, "interrupted", detail).into());
        }
    }
    Ok(())
}

async fn through(node: &OwnerClient, args: &IngestArgs, done: &mut Vec<Run>) -> anyhow::Result<()> {
    for input in &args.inputs {
        let key = Uuid::new_v4().to_string();
        let path = "/api/v1/internal/ingest/runs";
        let mut run: Run = node.post(path, Some(key), &args.request(input)?).await?;
        let bar = bar::rows();
        while run.status == RunStatus::Running {
            tokio::time::sleep(Duration::from_millis(150)).await;
            run = node.get(&format!("{path}/{}", run.id)).await?;
            bar.set_message(format!("{} rows", run.counts.rows_read));
        }
        bar.finish_and_clear();
        let status = run.status;
        let error = run.error.clone();
        done.push(run);
        if status != RunStatus::Done {
            let detail = error.unwrap_or_else(|| format!("the run is {status}; the same command goes on with it"));
            let (kind, code) = match status {
                RunStatus::Interrupted => (ErrorKind::Cancelled, "interrupted"),
                _ => (ErrorKind::InvalidArgument, "run_failed"),
            };
            return Err(named(input, ApiError::new(kind, code, detail)).into());
        }
    }
    Ok(())
}

fn named(input: &str, mut error: ApiError) -> ApiError {
    error.detail = format!("{input}: {}", error.detail);
    error
}

pub fn show(bar: &ProgressBar, progress: &Progress) {
    if let Some(total) = progress.bytes_total {
        bar.set_length(total);
        bar.set_position(progress.bytes_read);
    }
    bar.set_message(format!("{} rows", progress.counts.rows_read));
}

fn report(global: &Global, run: &Run) -> anyhow::Result<()> {
    if global.json {
        println!("{}", serde_json::to_string(run)?);
        return Ok(());
    }
    let counts = &run.counts;
    println!(
        "{}: {} rows: {} created, {} merged, {} updated, {} unchanged, {} rejected",
        run.location,
        counts.rows_read,
        counts.created,
        counts.merged,
        counts.updated,
        counts.unchanged,
        counts.rejected
    );
    Ok(())
}
