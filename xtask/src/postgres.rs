//! A private PostgreSQL: its own folder, a free port on loopback, gone when dropped.
//!
//! The folder's name carries our process id, so that what a killed run left behind is stopped and removed by the next.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::{needs, process};

const PREFIX: &str = "media-gateway-postgres-";
/// For the cluster's only user; the server is reachable from this machine alone.
const PASSWORD_BYTES: usize = 16;
/// Durability against a power cut is not what the tests prove, and each fsync costs more than a test's work.
/// A killed client, a killed transaction and a restarted server behave the same without it.
const SETTINGS: &str = "
fsync = off
full_page_writes = off
max_connections = 200
shared_buffers = 64MB
listen_addresses = '127.0.0.1'
log_min_messages = warning
ssl = on
";
/// The certificate that the server shows: its own authority, and no other's.
const CERTIFICATE: &str = "
[req]
distinguished_name = name
x509_extensions = made
prompt = no
[name]
CN = media-gateway-tests
[made]
basicConstraints = critical,CA:FALSE
subjectAltName = IP:127.0.0.1
";

/// A running server.
pub struct Postgres {
    folder: PathBuf,
    tools: PathBuf,
    /// The address the tests connect to, as the cluster's superuser. In plain text: those of TLS ask for it themselves.
    pub url: String,
}

impl Postgres {
    /// Starts one.
    ///
    /// # Errors
    /// What `initdb` or `pg_ctl` said.
    pub fn start() -> Result<Self> {
        let tools = needs::postgres_tools().context("no PostgreSQL server — apt-get install postgresql")?;
        let temporary = std::env::temp_dir();
        remove_leftovers(&temporary, &tools);
        let folder = temporary.join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let mut server = Self { folder, tools, url: String::new() };
        server.initialise()?;
        for attempt in 1..=5 {
            let port = needs::free_port()?;
            match server.listen(port) {
                Ok(()) => return Ok(server),
                Err(error) if attempt == 5 => return Err(error),
                Err(_) => {}
            }
        }
        bail!("PostgreSQL found no free port")
    }

    fn initialise(&mut self) -> Result<()> {
        let password = password()?;
        let file = self.folder.join("password");
        fs::write(&file, &password)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
        self.certify()?;
        if needs::is_root() {
            process::output(Command::new("chown").args(["-R", "postgres"]).arg(&self.folder))?;
        }
        let mut initdb = as_server(&self.tools.join("initdb"), &self.folder);
        initdb.args(["--username=media_gateway", "--auth-local=trust", "--auth-host=password", "--encoding=UTF8"]);
        initdb.args(["--locale=C.UTF-8", "--no-sync"]).arg("--pwfile").arg(&file).arg("--pgdata").arg(self.data());
        process::output(&mut initdb)?;
        let config = self.data().join("postgresql.conf");
        let folder = self.folder.display();
        let files = format!(
            "unix_socket_directories = '{folder}'\nssl_cert_file = '{folder}/server.crt'\n\
             ssl_key_file = '{folder}/server.key'\n"
        );
        fs::write(&config, fs::read_to_string(&config)? + SETTINGS + &files)?;
        self.url = password;
        Ok(())
    }

    /// Makes a certificate, with the tool that Debian's server depends on. A crate for it (`rcgen`) would have every task, and
    /// so the first start of the demo, wait for a library of cryptography in C to be compiled.
    fn certify(&self) -> Result<()> {
        let request = self.folder.join("certificate.cnf");
        fs::write(&request, CERTIFICATE)?;
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days"]);
        openssl.args(["7", "-config"]).arg(&request).arg("-out").arg(self.certificate());
        let key = self.folder.join("server.key");
        process::output(openssl.arg("-keyout").arg(&key))?;
        // The server refuses a key that others can read.
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600))?;
        Ok(())
    }

    /// The certificate that the server shows whoever speaks TLS.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("server.crt")
    }

    fn listen(&mut self, port: u16) -> Result<()> {
        let mut start = self.pg_ctl();
        start.args(["start", "--wait", "--silent", "--timeout=180", "--options"]).arg(format!("-p {port}"));
        start.arg("--log").arg(self.folder.join("log"));
        // `output` would wait for the server too, which inherits the pipes.
        let started = start
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        if !started.status()?.success() {
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            bail!("PostgreSQL did not start: {}", log.lines().last().unwrap_or("it logged nothing"));
        }
        self.url = format!("postgres://media_gateway:{}@127.0.0.1:{port}/postgres?sslmode=disable", self.url);
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn pg_ctl(&self) -> Command {
        let mut command = as_server(&self.tools.join("pg_ctl"), &self.folder);
        command.arg("--pgdata").arg(self.data());
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        stop(&self.tools, &self.folder);
    }
}

/// A command as the user the server runs as, in a folder that this user may enter.
fn as_server(program: &Path, folder: &Path) -> Command {
    let mut command = if needs::is_root() {
        // It may be off the path of a shell that became root without a login.
        let full = Path::new("/usr/sbin/runuser");
        let mut command = Command::new(if full.exists() { full } else { Path::new("runuser") });
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir(folder);
    command
}

/// Stops the server in a folder, if one runs, and removes the folder. What fails here is told and left.
fn stop(tools: &Path, folder: &Path) {
    if folder.join("data/postmaster.pid").exists() {
        let mut command = as_server(&tools.join("pg_ctl"), folder);
        command.arg("--pgdata").arg(folder.join("data")).args(["stop", "--wait", "--silent", "--mode=immediate"]);
        if let Err(error) = process::output(&mut command) {
            eprintln!("warning: {error:#}");
        }
    }
    if let Err(error) = fs::remove_dir_all(folder) {
        eprintln!("warning: cannot remove {}: {error}", folder.display());
    }
}

/// Servers of runs that were killed: their folder names a process that is gone.
fn remove_leftovers(temporary: &Path, tools: &Path) {
    for entry in fs::read_dir(temporary).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(owner) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { continue };
        if !needs::quiet("kill", &["-0", owner]) {
            stop(tools, &entry.path());
        }
    }
}

fn password() -> Result<String> {
    use std::io::Read as _;
    let mut bytes = [0; PASSWORD_BYTES];
    fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).context("no random bytes")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_of_the_dead_go_and_those_of_the_living_stay() {
        let temporary = tempfile::tempdir().unwrap();
        let living = temporary.path().join(format!("{PREFIX}{}", std::process::id()));
        // Above the largest process id Linux gives out.
        let dead = temporary.path().join(format!("{PREFIX}99999999"));
        let other = temporary.path().join("notes");
        for folder in [&living, &dead, &other] {
            fs::create_dir(folder).unwrap();
        }
        remove_leftovers(temporary.path(), Path::new("/nowhere"));
        assert_eq!([living.exists(), dead.exists(), other.exists()], [true, false, true]);
    }

    #[test]
    fn passwords_differ() {
        assert_ne!(password().unwrap(), password().unwrap());
        assert_eq!(password().unwrap().len(), 2 * PASSWORD_BYTES);
    }
}
