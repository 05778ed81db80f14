//! What the tests need from the system, installed where that is possible and named where it is not.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::process;

/// Something the system provides, the Debian package it is in, and whether it is there.
struct Need {
    what: &'static str,
    package: &'static str,
    present: fn() -> bool,
}

const NEEDS: [Need; 7] = [
    Need { what: "the PostgreSQL server", package: "postgresql", present: || postgres_tools().is_some() },
    Need { what: "OpenSSL", package: "openssl", present: || quiet("openssl", &["version"]) },
    Need { what: "the Redis server", package: "redis-server", present: || quiet("redis-server", &["--version"]) },
    Need { what: "Python 3 with pip", package: "python3-pip", present: has_pip },
    Need { what: "Node 20.19 or newer with npm", package: "nodejs npm", present: has_node },
    Need { what: "Chromium", package: "chromium", present: has_chromium },
    Need { what: "curl", package: "curl", present: || quiet("curl", &["--version"]) },
];

/// Installs what is missing.
///
/// # Errors
/// One sentence that names what to install, when this process may not.
pub fn provide() -> Result<()> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !(need.present)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.iter().map(|need| need.what).collect::<Vec<_>>().join(", ");
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.package.split(' ')).collect();
    let by_hand = format!("{names}: missing — install it, on Debian or Ubuntu: apt-get install {}", packages.join(" "));
    let Some(apt) = apt() else { bail!(by_hand) };
    println!("{names}: missing, installing");
    let install = ["install", "--yes", "--no-install-recommends"];
    let installed =
        process::run(apt_get(&apt).arg("update"))? && process::run(apt_get(&apt).args(install).args(packages))?;
    match missing.iter().find(|need| !(need.present)()) {
        None if installed => Ok(()),
        _ => bail!("apt-get did not help. {by_hand}"),
    }
}

/// The words before `apt-get`'s arguments, where it can be used without a password.
fn apt() -> Option<Vec<&'static str>> {
    if !quiet("apt-get", &["--version"]) {
        return None;
    }
    if is_root() {
        return Some(vec!["apt-get"]);
    }
    quiet("sudo", &["-n", "true"]).then(|| vec!["sudo", "-n", "apt-get"])
}

fn apt_get(words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn has_pip() -> bool {
    quiet("python3", &["-m", "pip", "--version"])
}

/// Whether Node is new enough for the web's tools.
pub fn has_node() -> bool {
    quiet(
        "node",
        &[
            "-e",
            "const [a, b] = process.versions.node.split('.'); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)",
        ],
    ) && quiet("npm", &["--version"])
}

fn has_chromium() -> bool {
    let named = env::var_os("CHROMIUM").map(PathBuf::from);
    let usual = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].map(PathBuf::from);
    named.into_iter().chain(usual).any(|path| path.is_file())
}

/// Whether a command exists and succeeds.
pub fn quiet(program: &str, args: &[&str]) -> bool {
    let status =
        Command::new(program).args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Whether this process is root, whom PostgreSQL refuses to run as.
pub fn is_root() -> bool {
    process::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// The folder of `initdb` and `pg_ctl`: on the path, or where Debian keeps each version (the newest wins).
pub fn postgres_tools() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let debian =
        fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let mut debian: Vec<PathBuf> = debian.collect();
    debian.sort_by_key(|path| std::cmp::Reverse(version(path)));
    env::split_paths(&path)
        .chain(debian)
        .find(|folder| ["initdb", "pg_ctl"].iter().all(|tool| folder.join(tool).is_file()))
}

fn version(path: &Path) -> u32 {
    let name = path.parent().and_then(Path::file_name);
    name.and_then(|name| name.to_str()?.parse().ok()).unwrap_or(0)
}

/// `cargo nextest run`, or `cargo test` where nextest is not installed.
pub fn test_runner() -> &'static [&'static str] {
    if quiet("cargo", &["nextest", "--version"]) { &["nextest", "run"] } else { &["test"] }
}

/// A free port on loopback; another process may take it before we do, so callers try again.
pub fn free_port() -> Result<u16> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").context("no free port on 127.0.0.1")?;
    Ok(listener.local_addr()?.port())
}
