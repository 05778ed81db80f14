//! A private Redis server, which stands for Valkey too: its own folder, a free port on loopback, gone when dropped.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::needs;

/// A running server.
pub struct Redis {
    child: Child,
    _folder: TempDir,
    /// The address the tests connect to.
    pub url: String,
}

impl Redis {
    /// Starts one, without anything on disk.
    ///
    /// # Errors
    /// When the server is missing or does not answer.
    pub fn start() -> Result<Self> {
        for attempt in 1..=5 {
            match Self::listen(needs::free_port()?) {
                Ok(server) => return Ok(server),
                Err(error) if attempt == 5 => return Err(error),
                Err(_) => {}
            }
        }
        bail!("Redis found no free port")
    }

    fn listen(port: u16) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.args(["--maxmemory", "64mb", "--dir"]).arg(folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().context("no Redis server — apt-get install redis-server")?;
        let mut server = Self { child, _folder: folder, url: format!("redis://127.0.0.1:{port}") };
        for _ in 0..1_200 {
            if let Some(status) = server.child.try_wait()? {
                bail!("Redis ended with {status}");
            }
            if pong(port) {
                return Ok(server);
            }
            thread::sleep(Duration::from_millis(50));
        }
        bail!("Redis did not answer within a minute")
    }
}

/// Whether a server answers on `port`.
fn pong(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut answer = [0; 5];
    let asked = stream.set_read_timeout(Some(Duration::from_secs(1))).and_then(|()| stream.write_all(b"PING\r\n"));
    asked.and_then(|()| stream.read_exact(&mut answer)).is_ok() && &answer == b"+PONG"
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It keeps nothing that a clean end would save.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
