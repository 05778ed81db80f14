//! `demo`: one command from nothing to a catalogue that can be searched.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use contracts::Caller;
use ingest::{RunRequest, RunStatus, SampleRequest};
use tokio_util::sync::CancellationToken;

use super::{
    Global, ListenArgs, bar,
    ingest::{index, show},
    interrupted, serve,
};
use crate::{
    config::{Config, Profile},
    node::Node,
    roles::Role,
    telemetry,
};

const INTERRUPTED: &str = "interrupted; the same command goes on where it stopped";

#[derive(Args, Debug)]
pub struct DemoArgs {
    #[command(flatten)]
    listen: ListenArgs,
    /// Load the catalogue and the indexes, then end
    #[arg(long)]
    prepare: bool,
    /// Load these films instead of the 17 472
    #[arg(long, value_name = "FILE")]
    films: Option<PathBuf>,
}

pub async fn run(global: &Global, args: &DemoArgs) -> anyhow::Result<()> {
    let mut flags = global.flags_with(&args.listen);
    // A terminal with progress bars has no room for log lines that nobody asked for.
    flags.log.get_or_insert_with(|| "error".to_owned());
    let (mut config, settings) = Config::read(&flags)?;
    if config.profile == Profile::Production {
        bail!("the demo's sample offers have no place in the production profile: use `ingest` and `serve`");
    }
    if !config.all_roles() {
        bail!("the demo runs every role in one process: leave `roles` out");
    }
    let log = telemetry::logs(&config.log)?;
    let films = fetch(&mut config, args.films.clone()).await?;
    let mut signals = serve::Signals::caught()?;
    let node = tokio::select! {
        node = serve::start(config) => node?,
        () = signals.stop() => return Err(interrupted(INTERRUPTED).into()),
    };
    let stop = CancellationToken::new();
    let prepared = tokio::select! {
        prepared = prepare(&node, args, &films, &stop) => prepared,
        () = signals.stop() => {
            stop.cancel();
            node.stop().await;
            return Err(interrupted(INTERRUPTED).into());
        }
    };
    if let Err(error) = prepared {
        node.stop().await;
        return Err(error);
    }
    if !args.prepare {
        welcome(&node).await?;
        serve::until_stopped(&flags, settings, &log, &node, signals).await?;
    }
    node.stop().await;
    Ok(())
}

/// The films, and the sentence model unless the configuration says where it is. Without a model the demo goes on.
async fn fetch(config: &mut Config, films: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let cache = assets::cache_folder()?;
    let wants_model = config.model.enabled && config.model.dir.is_none();
    let fetched = tokio::task::spawn_blocking(move || {
        let bar = bar::bytes();
        let mut on_progress = |progress: assets::Progress| {
            bar.set_length(progress.total_bytes);
            bar.set_position(progress.done_bytes);
            bar.set_message(progress.what);
        };
        let films = films.map_or_else(|| assets::films(&cache, &mut on_progress), Ok);
        let model = wants_model.then(|| assets::model(&cache, &mut on_progress));
        bar.finish_and_clear();
        (films, model)
    });
    let (films, model) = fetched.await.context("the download broke off")?;
    match model {
        Some(Ok(paths)) => config.model.dir = Some(paths.folder),
        Some(Err(error)) => {
            eprintln!("note: no sentence model, so search works by keyword and graph: {error}");
        }
        None => {}
    }
    Ok(films?)
}

async fn prepare(
    node: &Node,
    args: &DemoArgs,
    films: &std::path::Path,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let services = &node.services;
    let ingest = services.ingest.as_ref().context("this process has no ingest")?;
    let call = services.call(Caller::Operator);
    let location = films.to_str().context("the cache folder's path is not UTF-8")?;
    let bar = bar::rows();
    let run = ingest.run(&call, &RunRequest::new(location), stop, &|progress| show(&bar, progress)).await?;
    bar.finish();
    if run.status != RunStatus::Done {
        return Err(interrupted(INTERRUPTED).into());
    }
    let from = args.films.as_ref().map_or("Wikidata (CC0)".to_owned(), |file| file.display().to_string());
    println!("catalogue  {} films from {from}, {} turned away", run.counts.rows_read, run.counts.rejected);

    let bar = bar::rows();
    let sampled = ingest
        .sample(&call, &SampleRequest::default(), stop, &|progress| {
            bar.at(progress.counts.rows_read, None, format!("offers of {} titles", progress.counts.rows_read))
        })
        .await?;
    bar.finish();
    println!(
        "offers     {} titles with generated offers, marked `sample` wherever they show",
        sampled.titles - sampled.without_id
    );
    index(services).await?;
    let search = services.search.as_ref().context("this process has no search")?;
    println!("indexes    {} titles", search.progress().indexed);
    Ok(())
}

async fn welcome(node: &Node) -> anyhow::Result<()> {
    let base = node.urls.get(Role::Gateway.as_str()).context("this process has no gateway")?;
    let metrics = node.urls.get("metrics").context("this process has no metrics")?;
    let data = "{\"query\":\"movies like The Godfather\",\"filters\":{\"year_range\":{\"from\":1970,\"to\":1995}}}";
    println!(
        "\n\
         app        {base}/\n\
         API        {base}/api/v1\n\
         API docs   {base}/docs/\n\
         health     {base}/readyz\n\
         metrics    {metrics}/metrics\n\
         \n\
         Try, in another terminal:\n\
         \n\
         curl -s '{base}/api/v1/search?q=90s+crime+films+with+Al+Pacino&page_size=3'\n\
         curl -s {base}/api/v1/search -H 'content-type: application/json' -d '{data}'\n\
         curl -s '{base}/api/v1/platforms'\n\
         \n\
         Ctrl-C stops it."
    );
    Ok(())
}
