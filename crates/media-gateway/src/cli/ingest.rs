//! `ingest`: reads files or URLs into the catalogue, itself or through the running node.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use contracts::{ApiError, Caller, ErrorKind, Region, Rng};
use ingest::{Format, Mapping, Phase, Progress, Run, RunOptions, RunRequest, RunStatus, Source};
use jiff::civil::Date;
use search::IndexProgress;
use tokio_util::sync::CancellationToken;

use super::{Global, bar, interrupted, out};
use crate::{
    config::Config,
    folder::Opened,
    owner::OwnerClient,
    roles::Role,
    services::{Services, Wanted},
};

/// How much of a file of rejected rows is looked at for its first line.
const MAX_LINE: u64 = 1 << 20;
/// How long the indexes may stand still before a command gives up on them.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct IngestArgs {
    #[command(subcommand)]
    pub verb: Option<IngestVerb>,
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
    /// Which column is what, for a CSV, JSON or Parquet file of your own
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
}

#[derive(Subcommand, Debug)]
pub enum IngestVerb {
    /// Take a record out of its title and make it one of its own, for good
    Unmerge(super::review::UnmergeArgs),
    /// Ask a provider with an account of yours there, in place of a key
    Link(super::link::LinkArgs),
    /// Ask it with a key again, and revoke the token of the account
    Unlink(super::link::LinkArgs),
}

impl IngestArgs {
    /// What to read: a file that another reads along with itself is not read again.
    fn inputs(&self) -> impl Iterator<Item = &String> {
        let along = |input: &&String| self.inputs.iter().any(|other| ingest::reads_along(other, input));
        self.inputs.iter().filter(move |input| self.mapping.is_some() || !along(input))
    }

    fn mapping(&self) -> anyhow::Result<Option<Mapping>> {
        let Some(path) = &self.mapping else { return Ok(None) };
        let text = std::fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
        let mapping = Mapping::from_toml(&text).map_err(ApiError::from);
        Ok(Some(mapping.map_err(|error| named(&path.display().to_string(), error))?))
    }

    fn request(&self, input: &str) -> anyhow::Result<RunRequest> {
        let location = located(input)?;
        // What is read along may be missing, but not where it was named.
        for other in self.inputs.iter().filter(|other| self.mapping.is_none() && ingest::reads_along(input, other)) {
            located(other)?;
        }
        let options = RunOptions {
            format: self.format,
            platform: self.platform.clone(),
            region: self.region,
            as_of: self.as_of,
            mapping: self.mapping()?,
        };
        Ok(RunRequest { location, options })
    }
}

/// Where an input is: an address, or the whole path of a file that is there, for the node reads it from its own working
/// directory.
fn located(input: &str) -> anyhow::Result<String> {
    if input.contains("://") {
        return Ok(input.to_owned());
    }
    let path = std::path::absolute(Path::new(input)).with_context(|| format!("{input:?} is not a path"))?;
    if !path.try_exists().unwrap_or(true) {
        return Err(ApiError::not_found("input_not_found", format!("{input} is not there")).into());
    }
    Ok(path.to_str().with_context(|| format!("{input:?} is not UTF-8"))?.to_owned())
}

pub async fn run(global: &Global, args: &IngestArgs) -> anyhow::Result<()> {
    match &args.verb {
        Some(IngestVerb::Unmerge(args)) => return super::review::unmerge(global, args).await,
        Some(IngestVerb::Link(args)) => return super::link::link(global, args).await,
        Some(IngestVerb::Unlink(args)) => return super::link::unlink(global, args).await,
        None => {}
    }
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
        report(global, run, &config.data_dir()?)?;
    }
    result?;
    match done.iter().find(|run| run.counts.rows_read > 0 && run.counts.rejected == run.counts.rows_read) {
        Some(run) => Err(named(&run.location, ApiError::invalid("all_rejected", "every row was refused")).into()),
        None => Ok(()),
    }
}

/// Waits until the indexes hold what the catalogue has. Ends at once where there is no search.
pub async fn index(services: &Services) -> anyhow::Result<()> {
    let Some(search) = &services.search else { return Ok(()) };
    follow(async || Ok(IndexProgress { caught_up: search.caught_up().await?, progress: search.progress() })).await
}

/// Waits until the words and the graph hold what the catalogue has; the vectors may take much longer. Gives a note where
/// the answers are less than they will be.
pub async fn words(services: &Services) -> anyhow::Result<Option<String>> {
    let Some(search) = &services.search else { return Ok(None) };
    let ask = async || Ok(IndexProgress { caught_up: search.words_caught_up().await?, progress: search.progress() });
    if let Err(error) = follow(ask).await {
        return Ok(Some(format!("the index is behind the catalogue: {error:#}")));
    }
    let progress = search.progress();
    let less = format!("{} of {} titles are embedded; `serve` does the rest", progress.indexed, progress.total);
    Ok(match progress.total {
        0 => Some("this catalogue is empty: `demo` loads films to begin with, `ingest` files of your own".to_owned()),
        total => (progress.indexed < total).then_some(less),
    })
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
            bar.finish();
            return Ok(());
        }
        if last.replace(progress) != Some(progress) || progress.joining {
            moved = Instant::now();
        } else if moved.elapsed() > PATIENCE {
            let detail = "the search index does not follow the catalogue; `doctor` and the log say why";
            return Err(ApiError::unavailable("index_stuck", detail).into());
        }
        let (indexed, total) = (progress.indexed, progress.total);
        let message = if progress.joining && indexed == total {
            format!("joining the people and genres of {total} titles")
        } else {
            format!("indexing {indexed} of {total} titles")
        };
        bar.at(progress.indexed, Some(progress.total), message);
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
    for input in args.inputs() {
        let bar = bar::rows();
        let call = services.call(Caller::Operator);
        let run = ingest.run(&call, &args.request(input)?, stop, &|progress| show(&bar, progress)).await;
        bar.finish();
        let run = run.map_err(|error| named(input, error))?;
        let stopped = run.status == RunStatus::Interrupted;
        done.push(run);
        if stopped {
            let error = interrupted("interrupted; the same command goes on where it stopped");
            return Err(named(input, error).into());
        }
    }
    Ok(())
}

async fn through(node: &OwnerClient, args: &IngestArgs, done: &mut Vec<Run>) -> anyhow::Result<()> {
    let rng = Rng::system();
    for input in args.inputs() {
        let key = format!("{:032x}", u128::from_le_bytes(rng.bytes()));
        let path = "/api/v1/internal/ingest/runs";
        let mut run: Run = node.post(path, Some(key), &args.request(input)?).await?;
        let bar = bar::rows();
        while run.status == RunStatus::Running {
            tokio::time::sleep(Duration::from_millis(150)).await;
            run = node.get(&format!("{path}/{}", run.id)).await?;
            bar.at(0, None, format!("{} rows", run.counts.rows_read));
        }
        bar.finish();
        let failure = failure(&run);
        done.push(run);
        if let Some(error) = failure {
            return Err(named(input, error).into());
        }
    }
    Ok(())
}

/// Why a run did not come to its end.
fn failure(run: &Run) -> Option<ApiError> {
    let detail = run.error.clone();
    let detail = detail.unwrap_or_else(|| format!("the run is {}; the same command goes on with it", run.status));
    match run.status {
        RunStatus::Done => None,
        RunStatus::Interrupted => Some(interrupted(detail)),
        _ => {
            let kind = run.error_status.map_or(ErrorKind::Internal, ErrorKind::from_http);
            Some(ApiError::new(kind, run.error_code.clone().unwrap_or_else(|| "run_failed".to_owned()), detail))
        }
    }
}

/// An error and the input it is about: an address without what may be secret in it, and once where the error names it.
fn named(input: &str, mut error: ApiError) -> ApiError {
    let shown = match Source::parse(input) {
        Ok(Source::File(_)) => input.to_owned(),
        Ok(address) => address.shown(),
        // The error tells what may be told of it.
        Err(_) => return error,
    };
    let is_named = shown.contains("://") && error.detail.starts_with(&shown);
    if !is_named {
        error.detail = format!("{shown}: {}", error.detail);
    }
    error
}

pub fn show(bar: &bar::Rows, progress: &Progress) {
    let message = match progress.phase {
        Phase::Fetching => format!("fetching: {} bytes", progress.bytes_read),
        Phase::Checking => format!("checking: {} bytes", progress.bytes_read),
        Phase::Reading => format!("{} rows", progress.counts.rows_read),
    };
    bar.at(progress.bytes_read, progress.bytes_total, message);
}

fn report(global: &Global, run: &Run, data_dir: &Path) -> anyhow::Result<()> {
    if global.json {
        return Ok(out::line(&serde_json::to_string(run)?)?);
    }
    let counts = &run.counts;
    out::line(&format!(
        "{}: {} rows: {} created, {} merged, {} updated, {} unchanged, {} rejected{}{}",
        run.location,
        counts.rows_read,
        counts.created,
        counts.merged,
        counts.updated,
        counts.unchanged,
        counts.rejected,
        if counts.parts > 0 { format!(", {} seasons and episodes", counts.parts) } else { String::new() },
        if counts.passed_by > 0 { format!(", {} passed by", counts.passed_by) } else { String::new() }
    ))?;
    if let Some(unread) = run.unread_languages.told() {
        out::line(&format!("  {unread}"))?;
    }
    if counts.rejected > 0 {
        let file = data_dir.join("rejected").join(format!("{}.jsonl", run.id));
        out::line(&format!("  rejected rows, and why: {}{}", file.display(), first_reason(&file)))?;
    }
    Ok(())
}

/// The first line of the file of rejected rows, in words; nothing where it can't be read, as on another machine.
fn first_reason(file: &Path) -> String {
    let line = std::fs::File::open(file).ok().and_then(|file| BufReader::new(file.take(MAX_LINE)).lines().next()?.ok());
    let row: Option<serde_json::Value> = line.and_then(|line| serde_json::from_str(&line).ok());
    row.map_or(String::new(), |row| format!("; the first, line {}: {}", row["line"], row["reason"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_named_once_and_an_address_without_its_secrets() {
        let address = "https://ada:hush@example.org/hulu_titles.csv?api_key=hush#hush";
        let table = [
            (address, "https://example.org/hulu_titles.csv answered 404", ""),
            (address, "the file is empty", "https://example.org/hulu_titles.csv: "),
            ("ftp://ada:hush@example.org/x", "\"ftp://…\" is not an address that can be fetched", ""),
            ("hulu_titles.csv", "the file is empty", "hulu_titles.csv: "),
            ("the", "the file is empty", "the: "),
        ];
        for (input, detail, name) in table {
            let error = named(input, ApiError::invalid("bad_input", detail));
            assert_eq!(error.detail, format!("{name}{detail}"), "{input}");
        }
    }
}
