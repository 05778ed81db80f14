//! `serve`: runs the node until it is told to stop.

use anyhow::bail;
use contracts::{ApiError, Call};
use stores::Deed;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Global, ListenArgs};
use crate::{
    config::{Config, Flags},
    folder::Opened,
    node::Node,
    services::{self, Services},
    telemetry::{self, LogLevel},
};

pub async fn run(global: &Global, listen: &ListenArgs) -> anyhow::Result<()> {
    let flags = global.flags_with(listen);
    let config = Config::load(&flags)?;
    let log = telemetry::logs(&config.log)?;
    let node = start(config).await?;
    for (name, url) in &node.urls {
        tracing::info!(name, url, "listening");
    }
    until_stopped(&flags, &log, &node).await?;
    node.stop().await;
    tracing::info!("stopped");
    Ok(())
}

/// Starts a node on the configured folder.
pub async fn start(config: Config) -> anyhow::Result<Node> {
    let metrics = telemetry::metrics()?;
    match Services::folder(&config)? {
        Opened::Ours(folder) => Node::start(config, folder, metrics).await,
        Opened::Theirs(owner) => bail!(
            "process {} already runs on {}: stop it, or choose another --data-dir",
            owner.pid,
            config.data_dir()?.display()
        ),
    }
}

/// Waits for SIGINT or SIGTERM; SIGHUP reads the configuration again.
pub async fn until_stopped(flags: &Flags, log: &LogLevel, node: &Node) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut asked = node.reloads.lock().await;
    loop {
        tokio::select! {
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            _ = Signal::recv(&mut hangup) => drop(reload(flags, log, node)),
            Some((call, reply)) = asked.recv() => {
                // Where the client has left nobody waits any more; what they asked for is done, and stated, all the same.
                let _ = reply.send(reload_for(&call, flags, log, node).await);
            }
        }
    }
}

/// Reads the configuration again for the operator who asks, and states that they did. What can't be stated or is wrong
/// is not applied; only where the commit itself fails does it hold unstated, and then they and the log hear of it.
async fn reload_for(call: &Call, flags: &Flags, log: &LogLevel, node: &Node) -> Result<(), ApiError> {
    let mut tx = node.services.db.begin().await?;
    let deed = Deed { call, action: "configuration.reloaded", target: "", detail: &[] };
    node.services.deeds().state(&mut tx, deed).await?;
    reload(flags, log, node)?;
    tx.commit().await.map_err(|error| {
        tracing::error!(%error, "the configuration was read again, and the audit log does not say for whom");
        ApiError::from(error)
    })
}

/// Applies what can change while the node runs, or nothing.
fn reload(flags: &Flags, log: &LogLevel, node: &Node) -> Result<(), ApiError> {
    let applied = apply(flags, log, node);
    match &applied {
        Ok(()) => tracing::info!("the configuration was read again"),
        Err(error) => tracing::error!(error = format!("{error:#}"), "the configuration stays as it was"),
    }
    applied.map_err(|error| ApiError::invalid("bad_configuration", format!("{error:#}")))
}

/// First what can fail, so that all of it holds or nothing.
fn apply(flags: &Flags, log: &LogLevel, node: &Node) -> anyhow::Result<()> {
    let config = Config::load(flags)?;
    log.set(&config.log.level)?;
    node.reload(&config)?;
    if let Some(search) = &node.services.search {
        search.set_fusion(services::weights(&config.search).fusion);
    }
    Ok(())
}
