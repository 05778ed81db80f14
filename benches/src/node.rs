//! A server process under measurement: started, asked what it cost, stopped.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::load;

/// Ticks of `/proc/<pid>/stat` a second: the same on every Linux that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// The release binary.
#[derive(Clone, Debug)]
pub struct Product {
    binary: PathBuf,
    model: bool,
    database: Option<String>,
}

impl Product {
    /// A binary, with the sentence model where that is wanted and can be had.
    pub fn new(binary: PathBuf, wants_model: bool) -> Result<Self> {
        if !binary.is_file() {
            bail!("{} is missing — cargo build --release -p media-gateway", binary.display());
        }
        let model = wants_model && has_model();
        println!("sentence model: {}", if model { "yes" } else { "no, words alone" });
        Ok(Self { binary, model, database: None })
    }

    /// The same, without the sentence model.
    pub fn words_only(&self) -> Self {
        Self { model: false, ..self.clone() }
    }

    /// The same, over PostgreSQL.
    pub fn on_postgres(&self, url: &str) -> Self {
        Self { database: Some(url.to_owned()), ..self.clone() }
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
        let mut server = Server { child, address };
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
        let server = Server { child, address };
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
}

impl Server {
    /// The bare peer.
    pub fn hello() -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?).arg("--hello").stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
        Ok(Self { child, address: line.trim().parse().context("the peer did not say its address")? })
    }

    /// The bare proxy to `back`.
    pub fn proxy(back: SocketAddr) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--proxy", &back.to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
        Ok(Self { child, address: line.trim().parse().context("the peer did not say its address")? })
    }

    /// CPU time so far, all threads.
    pub fn cpu(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name in parentheses may hold spaces; user and system time are the 12th and 13th fields after it.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok());
        let ticks = ticks(11).zip(ticks(12)).context("cannot read /proc/<pid>/stat")?;
        Ok(Duration::from_secs_f64((ticks.0 + ticks.1) / TICKS_PER_SECOND))
    }

    /// Resident memory in bytes.
    pub fn memory(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kilobytes * 1024.0)
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
    let cache = assets::cache_folder();
    cache.and_then(|cache| assets::model(&cache, &mut |progress| eprint!("\rdownloading {}  ", progress.what))).is_ok()
}
