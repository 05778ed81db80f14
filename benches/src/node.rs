//! A server process under measurement: started, asked what it cost, stopped.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{load, proc};

/// The release binary.
#[derive(Clone, Debug)]
pub struct Product {
    binary: PathBuf,
    model: bool,
    database: Option<String>,
    reader: Option<SocketAddr>,
}

impl Product {
    /// A binary, with the sentence model where that is wanted and can be had.
    pub fn new(binary: PathBuf, wants_model: bool) -> Result<Self> {
        if !binary.is_file() {
            bail!("{} is missing — cargo build --release -p media-gateway", binary.display());
        }
        let model = wants_model && has_model();
        println!("sentence model: {}", if model { "yes" } else { "no, words alone" });
        Ok(Self { binary, model, database: None, reader: None })
    }

    /// The same, without the sentence model.
    pub fn words_only(&self) -> Self {
        Self { model: false, ..self.clone() }
    }

    /// The same, over PostgreSQL.
    pub fn on_postgres(&self, url: &str) -> Self {
        Self { database: Some(url.to_owned()), ..self.clone() }
    }

    /// The same, with a language model at `reader` that reads queries.
    pub fn read_by(&self, reader: SocketAddr) -> Self {
        Self { reader: Some(reader), ..self.clone() }
    }

    /// Whether it uses the sentence model.
    pub fn has_model(&self) -> bool {
        self.model
    }

    /// A verb over a data folder.
    pub fn command(&self, folder: &Path, verb: &str) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg(verb).arg("--data-dir").arg(folder).args(["--log", "warn"]).stdin(Stdio::null());
        command.env("MEDIA_GATEWAY_MODEL_ENABLED", if self.model { "true" } else { "false" });
        if let Some(url) = &self.database {
            command.env("MEDIA_GATEWAY_DATABASE_URL", url);
        }
        if let Some(reader) = &self.reader {
            command.env("MEDIA_GATEWAY_INTENT_URL", format!("http://{reader}/v1"));
            command.env("MEDIA_GATEWAY_INTENT_MODEL", "of-the-benchmark");
            command.env("MEDIA_GATEWAY_INTENT_TIMEOUT_MS", "800");
        }
        // Requests are counted, which costs what it costs, and none is refused.
        command.env("MEDIA_GATEWAY_RATE_LIMITS_EXEMPT", "");
        command.env("MEDIA_GATEWAY_RATE_LIMITS_ANONYMOUS", "1000000,1000000,1000000,1000000");
        command.env("MEDIA_GATEWAY_RATE_LIMITS_EDGE_PER_MINUTE", "1000000");
        command
    }

    /// Starts `serve` and waits for its first answered search; gives how long that took from the start of the process.
    pub async fn serve(&self, folder: &Path) -> Result<(Server, Duration)> {
        let [address, metrics] = [free_port()?, free_port()?];
        let mut command = self.command(folder, "serve");
        command.args(["--listen", &address.to_string(), "--metrics-listen", &metrics.to_string()]);
        let log = fs::File::create(folder.join("bench.log"))?;
        let started = Instant::now();
        let child = command.stdout(log.try_clone()?).stderr(log).spawn()?;
        let mut server = Server { child, address, metrics: Some(metrics) };
        let request = load::post("/api/v1/search", r#"{"query":"comedy"}"#);
        while started.elapsed() < Duration::from_secs(120) {
            if load::once(address, &request).await.is_ok() {
                return Ok((server, started.elapsed()));
            }
            if let Some(status) = server.child.try_wait()? {
                let said = fs::read_to_string(folder.join("bench.log"))?;
                bail!("serve ended with {status}: {}", said.lines().last().unwrap_or("it said nothing"));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        bail!("no search was answered within two minutes; see {}", folder.join("bench.log").display())
    }
}

/// The roles that listen, and the variables that tell another process where they are.
pub type Peers = Vec<(String, String)>;

impl Product {
    /// Starts `serve` with some roles, which find the others at `peers`. Gives the server, whose address is that of its
    /// gateway or else its catalogue, and where its own roles are.
    pub async fn serve_roles(&self, folder: &Path, roles: &str, peers: &[(String, String)]) -> Result<(Server, Peers)> {
        let mut command = self.command(folder, "serve");
        command.args(["--roles", roles]).envs(peers.iter().cloned());
        let (mut own, mut address) = (Peers::new(), None);
        for role in ["GATEWAY", "SEARCH", "INGEST", "CATALOG", "METRICS"] {
            let port = free_port()?;
            command.env(format!("MEDIA_GATEWAY_LISTEN_{role}"), port.to_string());
            if roles.split(',').any(|named| named.eq_ignore_ascii_case(role)) {
                own.push((format!("MEDIA_GATEWAY_PEER_{role}"), format!("http://{port}")));
                if ["GATEWAY", "CATALOG"].contains(&role) {
                    address = Some(port);
                }
            }
        }
        let address = address.context("neither a gateway nor a catalogue")?;
        let log = fs::File::create(folder.join("bench.log"))?;
        let child = command.stdout(log.try_clone()?).stderr(log).spawn()?;
        let server = Server { child, address, metrics: None };
        for _ in 0..600 {
            if load::once(address, &load::get("/readyz")).await.is_ok() {
                return Ok((server, own));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("{roles} did not start; see {}", folder.join("bench.log").display())
    }
}

/// A running server; killed when dropped.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it tells its metrics.
    metrics: Option<SocketAddr>,
}

impl Server {
    /// The bare peer.
    pub fn hello() -> Result<Self> {
        Self::peer(&["--hello"])
    }

    /// The bare proxy to `back`.
    pub fn proxy(back: SocketAddr) -> Result<Self> {
        Self::peer(&["--proxy", &back.to_string()])
    }

    /// A language model that reads queries.
    pub fn reader() -> Result<Self> {
        Self::peer(&["--reader"])
    }

    /// SQLite's full-text search over this file.
    pub fn fts5(file: &Path) -> Result<Self> {
        Self::peer(&["--fts5", &file.display().to_string()])
    }

    fn peer(args: &[&str]) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?).args(args).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
        let address = line.trim().parse().context("the peer did not say its address")?;
        Ok(Self { child, address, metrics: None })
    }

    /// CPU time so far, all threads.
    pub fn cpu(&self) -> Result<Duration> {
        proc::cpu(&self.child.id().to_string())
    }

    /// Resident memory in bytes.
    pub fn memory(&self) -> Result<f64> {
        proc::memory(&self.child.id().to_string(), "VmRSS")
    }

    /// What of it the system can't read again from a file.
    pub fn held(&self) -> Result<f64> {
        proc::memory(&self.child.id().to_string(), "RssAnon")
    }

    /// Whether both indexes hold all that the log says, and the graph is joined; not while the node says that it isn't ready.
    pub async fn is_current(&self) -> Result<bool> {
        let Ok(answer) = load::once(self.address, &load::get("/readyz")).await else { return Ok(false) };
        let ready: Value = serde_json::from_slice(&answer)?;
        let parts = ready["components"].as_array().into_iter().flatten();
        let index =
            |part: &&Value| part["name"].as_str().is_some_and(|name| name.ends_with("_index") || name == "graph");
        Ok(parts.filter(index).all(|part| part["state"] == "ready"))
    }

    /// Answers that were kept and those that were not, so far.
    pub async fn cache_lookups(&self) -> Result<(f64, f64)> {
        let metrics = load::once(self.metrics.context("it tells no metrics")?, &load::get("/metrics")).await?;
        let text = String::from_utf8(metrics)?;
        let count = |outcome: &str| {
            let name = format!("search_cache_lookups_total{{outcome=\"{outcome}\"}} ");
            text.lines().find_map(|line| line.strip_prefix(&name)?.trim().parse().ok()).unwrap_or(0.0)
        };
        Ok((count("hit"), count("miss")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Asked first, so that it closes its folder; then made to.
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let asked = Instant::now();
        while asked.elapsed() < Duration::from_secs(10) {
            if self.child.try_wait().is_ok_and(|status| status.is_some()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn has_model() -> bool {
    model().is_ok()
}

/// The folder of the sentence model: the one that `MEDIA_GATEWAY_MODEL_DIR` names, as for the product, else this user's.
///
/// # Errors
/// When it can't be had.
pub fn model() -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os("MEDIA_GATEWAY_MODEL_DIR") {
        return Ok(assets::ModelPaths::in_folder(Path::new(&folder))?.folder);
    }
    let told = &mut |progress: assets::Progress| eprint!("\rdownloading {}  ", progress.what);
    Ok(assets::model(&assets::cache_folder()?, told)?.folder)
}
