//! `serve`: runs the node until it is told to stop.

use anyhow::bail;
use contracts::{ApiError, Call, Caller};
use gateway::Reloaded;
use stores::{Deed, Tx};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Global, ListenArgs, out};
use crate::{
    config::{self, Config, Flags, Settings},
    files,
    folder::Opened,
    node::Node,
    services::{self, Services},
    telemetry::{self, LogLevel},
};

pub async fn run(global: &Global, listen: &ListenArgs) -> anyhow::Result<()> {
    let flags = global.flags_with(listen);
    let (config, settings) = Config::read(&flags)?;
    let log = telemetry::logs(&config.log)?;
    let mut signals = Signals::caught()?;
    let node = tokio::select! {
        node = start(config) => node?,
        () = signals.stop() => return Ok(()),
    };
    for (name, url) in &node.urls {
        tracing::info!(name, url, "listening");
    }
    until_stopped(&flags, settings, &log, &node, signals).await?;
    node.stop().await;
    tracing::info!("stopped");
    Ok(())
}

/// The signals that a node heeds. Caught before it starts: who finds it in the lock file may send one at once, which would
/// end a process that does not expect it.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    /// From now on none of them ends the process by itself.
    pub fn caught() -> std::io::Result<Self> {
        let [interrupt, terminate, hangup] =
            [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
        Ok(Self { interrupt: interrupt?, terminate: terminate?, hangup: hangup? })
    }

    /// Waits for SIGINT or SIGTERM.
    pub async fn stop(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
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

/// Waits for SIGINT or SIGTERM; SIGHUP reads the configuration again. The node `started` with these settings.
pub async fn until_stopped(
    flags: &Flags,
    started: Settings,
    log: &LogLevel,
    node: &Node,
    mut signals: Signals,
) -> anyhow::Result<()> {
    let mut asked = node.reloads.lock().await;
    let mut reader = Reader { flags, log, node, held: started.clone(), started };
    loop {
        tokio::select! {
            _ = signals.interrupt.recv() => return Ok(()),
            _ = signals.terminate.recv() => return Ok(()),
            // It may wait for the database; whoever wants the node to stop does not.
            _ = Signal::recv(&mut signals.hangup) => tokio::select! {
                reloaded = reader.reload_at_signal() => drop(reloaded),
                () = signals.stop() => return Ok(()),
            },
            Some((call, reply)) = asked.recv() => {
                // Where the client has left nobody waits any more; what they asked for is done, and stated, all the same.
                let _ = reply.send(reader.reload(&call).await);
            }
        }
    }
}

/// Reads the configuration of a node that runs.
struct Reader<'a> {
    flags: &'a Flags,
    log: &'a LogLevel,
    node: &'a Node,
    /// What the node started with.
    started: Settings,
    /// What was read last.
    held: Settings,
}

impl Reader<'_> {
    /// Reads the configuration again for the operator who asks, and states that they did. What can't be stated or is wrong
    /// is not applied; only where the commit itself fails does it hold unstated, and then they and the log hear of it.
    async fn reload(&mut self, call: &Call) -> Result<Reloaded, ApiError> {
        // Before the transaction: until it ends nobody else writes to the audit log.
        let read = self.read().await?;
        let tx = self.stated(call, &[]).await.inspect_err(|error| {
            tracing::error!(%error, "the configuration stays as it was: the audit log can't be written");
        })?;
        self.hold(read, Some(tx)).await
    }

    /// The same for whoever sends the process a signal, and so has the say over it. It is not refused for the database's
    /// sake: what that has to say may be what they want to have logged.
    async fn reload_at_signal(&mut self) -> Result<Reloaded, ApiError> {
        let read = self.read().await?;
        let call = self.node.services.call(Caller::Operator);
        let tx = self.stated(&call, &[("by", "SIGHUP")]).await.inspect_err(|error| {
            tracing::error!(%error, "the audit log will not say that the configuration was read again");
        });
        self.hold(read, tx.ok()).await
    }

    /// Applies what was read, and ends the transaction that states it.
    async fn hold(&mut self, read: (Config, Settings), stated: Option<Tx>) -> Result<Reloaded, ApiError> {
        let reloaded = self.apply(read)?;
        if let Some(tx) = stated {
            tx.commit().await.map_err(|error| {
                tracing::error!(%error, "the configuration was read again, and the audit log does not say for whom");
                ApiError::from(error)
            })?;
        }
        Ok(reloaded)
    }

    /// A transaction with the entry that the configuration was read again.
    async fn stated(&self, call: &Call, detail: &[(&str, &str)]) -> Result<Tx, ApiError> {
        let services = &self.node.services;
        let mut tx = services.db.begin().await?;
        let deed = Deed { call, action: "configuration.reloaded", target: "", detail };
        services.deeds().state(&mut tx, deed).await?;
        Ok(tx)
    }

    /// The configuration as it stands, which a start could read every file of.
    async fn read(&self) -> Result<(Config, Settings), ApiError> {
        let (flags, means) = (self.flags.clone(), self.node.services.means.clone());
        let read = tokio::task::spawn_blocking(move || {
            let (config, settings) = Config::read(&flags)?;
            files::check(&config, &means)?;
            anyhow::Ok((config, settings))
        });
        read.await.map_err(anyhow::Error::from).flatten().map_err(|error| refused(&error))
    }

    /// Applies what can change while the node runs; says what waits for a restart. First what can fail, so that all of it
    /// holds or nothing.
    fn apply(&mut self, (config, settings): (Config, Settings)) -> Result<Reloaded, ApiError> {
        self.log.set(&config.log.level).map_err(|error| refused(&error))?;
        self.node.reload(&config).map_err(|error| refused(&error.into()))?;
        if let Some(search) = &self.node.services.search {
            search.set_fusion(services::weights(&config.search).fusion);
        }
        let reloaded = config::reloaded(&self.started, &self.held, &settings);
        self.held = settings;
        let (applied, waiting) = (reloaded.applied.join(" "), reloaded.waiting.join(" "));
        tracing::info!(applied, waiting, "the configuration was read again; what waits holds after a restart");
        Ok(reloaded)
    }
}

/// Says why the configuration is not taken over.
fn refused(error: &anyhow::Error) -> ApiError {
    let detail = out::told(error);
    tracing::error!(error = detail, "the configuration stays as it was");
    ApiError::invalid("bad_configuration", detail)
}
