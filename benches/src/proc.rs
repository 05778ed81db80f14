//! What a process has cost so far, as Linux counts it.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

/// Ticks of `/proc/<pid>/stat` a second: the same on every Linux that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// The processor time of a process (`self` or its number), all threads.
pub fn cpu(process: &str) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name in parentheses may hold spaces; user and system time are the 12th and 13th fields after it.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok());
    let ticks = ticks(11).zip(ticks(12)).context("cannot read /proc/<pid>/stat")?;
    Ok(Duration::from_secs_f64((ticks.0 + ticks.1) / TICKS_PER_SECOND))
}

/// A line of `/proc/<pid>/status` that counts memory, in bytes: `VmRSS`, `VmHWM`, or `RssAnon`, which is what a process
/// holds that the system can't read again from a file.
pub fn memory(process: &str, line: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let found = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
    let kilobytes: f64 = found.with_context(|| format!("no {line}"))?.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes * 1024.0)
}

/// Runs a command to its end. Gives how long that took, and the most memory that it held resident, in bytes.
///
/// # Errors
/// When it fails; why stands in what it writes on the error output.
pub fn to_its_end(command: &mut Command) -> Result<(Duration, f64)> {
    let started = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn()?;
    let (process, mut most) = (child.id().to_string(), 0.0_f64);
    loop {
        if let Some(status) = child.try_wait()? {
            ensure!(status.success(), "{command:?} failed");
            return Ok((started.elapsed(), most));
        }
        // What has just ended has none any more.
        most = most.max(memory(&process, "VmHWM").unwrap_or(0.0));
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_has_taken_its_time_and_memory() {
        let (took, most) = to_its_end(Command::new("sleep").arg("0.3")).unwrap();
        assert!(took >= Duration::from_millis(300) && most > 0.0, "{took:?}, {most} bytes");
        assert!(to_its_end(&mut Command::new("false")).is_err());
    }
}
