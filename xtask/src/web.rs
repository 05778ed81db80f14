//! `cargo xtask web`: the app, built into `web/dist` where the binary takes it from, and its tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::SystemTime;

use anyhow::{Context as _, Result, bail};

use crate::{needs, process};

/// What the app is made from, besides its sources.
const MADE_FROM: [&str; 9] = [
    "web/src",
    "web/public",
    "web/scripts",
    "web/index.html",
    "web/package.json",
    "web/package-lock.json",
    "web/svelte.config.js",
    "web/vite.config.ts",
    "crates/media-gateway/tests/it/snapshots/it__snapshots__openapi.snap",
];

/// `cargo xtask web`.
pub fn run(root: &Path) -> Result<ExitCode> {
    process::catch_interrupts()?;
    Ok(if build(root)? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Installs the packages that the lock file names and builds the app, each only where something changed.
pub fn build(root: &Path) -> Result<bool> {
    let built = root.join("web/dist/index.html");
    let newest = MADE_FROM.iter().filter_map(|part| newest(&root.join(part))).max();
    if changed(&built).is_some_and(|built| newest.is_some_and(|newest| newest <= built)) {
        return Ok(true);
    }
    Ok(install(root)? && npm(root, &["run", "build"])?)
}

/// Types against the API's document, units, and journeys through the pages of a node in a browser.
pub fn test(root: &Path) -> Result<bool> {
    let binary = process::target(root).join("debug/media-gateway");
    if !install(root)? {
        return Ok(false);
    }
    // All three are run, so that one failure does not hide another.
    let passed = [npm(root, &["run", "check"])?, npm(root, &["run", "unit"])?, pages(root, &binary)?];
    Ok(passed.into_iter().all(|passed| passed))
}

fn pages(root: &Path, binary: &Path) -> Result<bool> {
    process::run(command(root, &["run", "e2e"]).env("WEB_TEST_NODE", binary))
}

/// Prints how heavy the first load is, and how fast the pages of a release build are.
pub fn bench(root: &Path) -> Result<bool> {
    if !(install(root)? && build(root)?) {
        return Ok(false);
    }
    let binary = process::target(root).join("release/media-gateway");
    process::run(command(root, &["run", "budget"]).env("WEB_TEST_NODE", binary))
}

fn install(root: &Path) -> Result<bool> {
    if !needs::has_node() {
        bail!("Node 20.19 or newer is missing: install it, on Debian or Ubuntu: apt-get install nodejs npm");
    }
    let lock = changed(&root.join("web/package-lock.json")).context("web/package-lock.json is missing")?;
    if changed(&root.join("web/node_modules/.package-lock.json")).is_some_and(|installed| installed >= lock) {
        return Ok(true);
    }
    npm(root, &["ci", "--no-audit", "--no-fund"])
}

fn npm(root: &Path, args: &[&str]) -> Result<bool> {
    process::run(&mut command(root, args))
}

fn command(root: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command.args(args).current_dir(root.join("web"));
    command
}

fn changed(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

/// When anything in a folder was last changed; what the build writes there itself does not count.
fn newest(path: &Path) -> Option<SystemTime> {
    let Ok(entries) = fs::read_dir(path) else { return changed(path) };
    let paths = entries.flatten().map(|entry| entry.path());
    paths.filter(|path: &PathBuf| !path.ends_with("src/api")).filter_map(|path| newest(&path)).max()
}
