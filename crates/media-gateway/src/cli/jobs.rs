//! `jobs`: what runs on a schedule, itself or through the running node.

use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use comfy_table::Table;
use contracts::{ApiError, Caller};
use http_api::Page;
use ingest::{Job, JobStatus};
use tokio_util::sync::CancellationToken;

use super::{Global, bar, ingest::show, interrupted};
use crate::{
    config::Config,
    folder::Opened,
    owner::OwnerClient,
    roles::Role,
    services::{Services, Wanted},
};

const JOBS: &str = "/api/v1/internal/jobs";

#[derive(Args, Debug)]
pub struct JobsArgs {
    #[command(subcommand)]
    verb: Option<JobsVerb>,
}

#[derive(Subcommand, Debug)]
enum JobsVerb {
    /// List the jobs
    List,
    /// Show one job
    Show {
        /// Its name
        name: String,
    },
    /// Run a job now and wait for its end
    Run {
        /// Its name
        name: String,
    },
}

pub async fn run(global: &Global, args: &JobsArgs) -> anyhow::Result<()> {
    let config = Config::load(&global.flags())?;
    let verb = args.verb.as_ref().unwrap_or(&JobsVerb::List);
    let jobs = match Services::folder(&config)? {
        Opened::Theirs(owner) => through(&OwnerClient::new(owner, Role::Ingest)?, verb).await?,
        Opened::Ours(folder) => {
            let services = Services::open(&config, &folder, Wanted::Everything).await?;
            let jobs = ourselves(&services, verb).await;
            services.close().await;
            jobs?
        }
    };
    print(global, verb, &jobs)?;
    let Some(job) = jobs.first().filter(|_| matches!(verb, JobsVerb::Run { .. })) else { return Ok(()) };
    match job.status {
        JobStatus::Failed => {
            let detail = format!("{} failed: {}", job.name, job.error.as_deref().unwrap_or("it did not say why"));
            Err(ApiError::internal(detail).into())
        }
        JobStatus::Interrupted => {
            Err(interrupted(format!("{} was stopped; the same command goes on with it", job.name)).into())
        }
        _ => Ok(()),
    }
}

async fn ourselves(services: &Services, verb: &JobsVerb) -> anyhow::Result<Vec<Job>> {
    let ingest = services.ingest.as_ref().context("this process has no ingest")?;
    let call = services.call(Caller::Operator);
    Ok(match verb {
        JobsVerb::List => ingest.jobs(&call).await?,
        JobsVerb::Show { name } => vec![ingest.job(&call, name).await?],
        JobsVerb::Run { name } => {
            let stop = CancellationToken::new();
            let interrupt = stop.clone();
            tokio::spawn(async move {
                if tokio::signal::ctrl_c().await.is_ok() {
                    interrupt.cancel();
                }
            });
            let bar = bar::rows();
            let job = ingest.run_job(&call, name, &stop, &|progress| show(&bar, progress)).await;
            bar.finish();
            vec![job?]
        }
    })
}

async fn through(node: &OwnerClient, verb: &JobsVerb) -> anyhow::Result<Vec<Job>> {
    Ok(match verb {
        JobsVerb::List => node.get::<Page<Job>>(JOBS).await?.items,
        JobsVerb::Show { name } => vec![node.get(&format!("{JOBS}/{name}")).await?],
        JobsVerb::Run { name } => {
            let mut job: Job = node.post(&format!("{JOBS}/{name}/runs"), None, &()).await?;
            let bar = bar::rows();
            while job.status == JobStatus::Running {
                tokio::time::sleep(Duration::from_millis(150)).await;
                job = node.get(&format!("{JOBS}/{name}")).await?;
                bar.at(0, None, format!("{}: {} done", job.name, job.done));
            }
            bar.finish();
            vec![job]
        }
    })
}

fn print(global: &Global, verb: &JobsVerb, jobs: &[Job]) -> anyhow::Result<()> {
    if global.json {
        for job in jobs {
            println!("{}", serde_json::to_string(job)?);
        }
        return Ok(());
    }
    let came = |job: &Job| job.error.clone().or_else(|| job.summary.clone()).unwrap_or_default();
    if let JobsVerb::List = verb {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING).set_header(["NAME", "STATUS", "NEXT", "LAST"]);
        for job in jobs {
            table.add_row([job.name.clone(), job.status.to_string(), job.next_at.to_string(), came(job)]);
        }
        println!("{table}");
        return Ok(());
    }
    for job in jobs {
        let moment = |at: Option<jiff::Timestamp>| at.map_or_else(|| "never".to_owned(), |at| at.to_string());
        println!(
            "{}: {}\nschedule  {} (UTC)\nstatus    {}\nnext      {}\nstarted   {}\nended     {}\nresult    {}",
            job.name,
            job.about,
            job.schedule,
            job.status,
            job.next_at,
            moment(job.started_at),
            moment(job.finished_at),
            came(job)
        );
    }
    Ok(())
}
