//! Commands that are echoed, interruptible and end with a clear sentence.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::needs;

/// Set by Ctrl-C and SIGTERM; from then on nothing new starts and what runs is ended.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// Installs the handler once.
static HANDLER: Mutex<bool> = Mutex::new(false);

/// From here on Ctrl-C ends the running command and lets the caller clean up.
pub fn catch_interrupts() -> Result<()> {
    let mut installed = HANDLER.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if !*installed {
        ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::SeqCst)).context("cannot listen for Ctrl-C")?;
        *installed = true;
    }
    Ok(())
}

/// Whether someone asked to stop.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Where Cargo puts what it builds: the folder that the caller named, or the project's own.
pub fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

/// A command as one would type it.
pub fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Runs a command with our output; `Ok(false)` when it failed, an error when it could not start or was interrupted.
pub fn run(command: &mut Command) -> Result<bool> {
    run_within(command, Duration::MAX)
}

/// As [`run`], for a command that has `most` time; it is ended after that.
///
/// # Errors
/// As [`run`], and when it takes longer.
pub fn run_within(command: &mut Command, most: Duration) -> Result<bool> {
    if interrupted() {
        bail!("interrupted");
    }
    let words = line(command);
    println!("\n$ {words}");
    let mut child = command.stdin(Stdio::null()).spawn().with_context(|| format!("cannot start `{words}`"))?;
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return if interrupted() { bail!("interrupted") } else { Ok(status.success()) };
        }
        if interrupted() {
            end(&mut child)?;
            bail!("interrupted");
        }
        if started.elapsed() > most {
            end(&mut child)?;
            bail!("`{words}` took longer than {} minutes and was ended", most.as_secs() / 60);
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Runs a command quietly and gives what it printed.
///
/// # Errors
/// Its last words on the error stream, when it fails.
pub fn output(command: &mut Command) -> Result<String> {
    let words = line(command);
    let out = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{words}`"))?;
    if !out.status.success() {
        let said = String::from_utf8_lossy(&out.stderr).trim().to_owned();
        bail!("`{words}` failed: {}", said.lines().last().unwrap_or("it said nothing"));
    }
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

/// Asks the child to end (cargo and nextest then end theirs), and makes it end after some seconds.
fn end(child: &mut Child) -> Result<()> {
    needs::quiet("kill", &["-TERM", &child.id().to_string()]);
    for _ in 0..200 {
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(50));
    }
    child.kill()?;
    child.wait()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_hangs_is_ended() {
        let started = Instant::now();
        let error = run_within(Command::new("sleep").arg("60"), Duration::from_millis(200)).unwrap_err().to_string();
        assert!(error.contains("`sleep 60` took longer") && started.elapsed() < Duration::from_secs(30), "{error}");
        assert!(run_within(&mut Command::new("true"), Duration::from_secs(60)).unwrap());
    }
}
