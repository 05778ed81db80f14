//! The catalogue at size: generated titles taken in, reads that follow Zipf's law, and two lists linked.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tempfile::TempDir;

use crate::report::Report;

/// The catalogue that is projected to.
const PROJECTED: f64 = 20e6;

/// Runs the examples of `ingest` over `titles` generated titles, and `eval resolve` over the lists in `data`.
///
/// # Errors
/// When one of them fails, or prints something else than it did.
pub fn measure(root: &Path, binary: &Path, data: &Path, titles: u64, report: &mut Report) -> Result<()> {
    let folder = TempDir::new_in(root.join("target"))?;
    let place = folder.path().to_str().context("the target folder is not UTF-8")?;
    let ingested = example(root, "million", &[&titles.to_string(), place])?;
    let slices: Vec<Vec<f64>> = ingested.lines().filter_map(numbers).filter(|row| row.len() == 6).collect();
    print!("{ingested}");
    let (Some(first), Some(last)) = (slices.first(), slices.last()) else {
        bail!("no slice of the ingest was printed")
    };
    let (rows, seconds) = (last[0], last[1]);
    report.add(format!("ingest of {rows:.0} generated titles"), seconds, "s");
    report.add("ingest of generated titles", rows / seconds, "titles/s");
    report.add("CPU a generated title, first slice", first[3], "us");
    report.add("CPU a generated title, last slice", last[3], "us");
    report.add("memory of that ingest at its end", last[4], "MB");
    report.add("written a generated title, first slice", first[5], "KB");
    report.add("written a generated title, last slice", last[5], "KB");
    let database = fs::metadata(folder.path().join("million.db"))?.len();
    projected(first, last, database as f64, report);
    for row in example(root, "zipf", &[place])?.lines().filter_map(numbers).filter(|row| row.len() == 4) {
        let name = format!("hit ratio of Zipf reads, cache of {:.0} MB", row[0]);
        report.add(format!("{name}: an hour from empty"), row[1] * 100.0, "%");
        report.add(format!("{name}: its second half (goal: at least 85)"), row[2] * 100.0, "%");
    }
    for (set, left, right) in [("D5", "imdb", "tmdb"), ("D6", "imdb", "tvdb")] {
        let file = |name: &str| data.join("entity-resolution").join(set).join(format!("{name}.csv.gz"));
        let mut eval = Command::new(binary);
        eval.args(["eval", "resolve", "--json", "--left"]).arg(file(left)).arg("--right").arg(file(right));
        let found: Value = serde_json::from_str(&printed(eval.arg("--truth").arg(file("gt")))?)?;
        let number = |name: &str| found[name].as_f64().with_context(|| format!("eval resolve gave no {name}"));
        let name = format!("resolution, {set} (goal: at least 17000)");
        report.add(name, number("records")? / number("seconds")?, "rec/s");
        report.add(format!("F1 of resolution, {set}"), number("f1")?, "");
    }
    Ok(())
}

/// What [`PROJECTED`] titles would come to if the others cost what those of the last slice do. A slice is a line of the table:
/// titles so far, seconds, titles a second, µs of CPU a title, MB resident, KB written a title. `database` is in bytes.
fn projected(first: &[f64], last: &[f64], database: f64, report: &mut Report) {
    let rows = last[0];
    let name = |what: &str| format!("20 million titles, projected from {rows:.0}: {what}");
    report.add(name("on disk"), database / rows * PROJECTED / 1e9, "GB");
    report.add(name("CPU of their ingest"), last[3] * PROJECTED / 3.6e9, "h");
    // The program is there once; what an input's titles hold grows with them.
    let each = (last[4] - first[4]).max(0.0) / (rows - first[0]).max(1.0);
    report.add(name("memory of their ingest"), (last[4] + each * (PROJECTED - rows)) / 1e3, "GB");
}

fn example(root: &Path, name: &str, args: &[&str]) -> Result<String> {
    let build = ["run", "--release", "--locked", "--package", "ingest", "--example", name, "--"];
    printed(Command::new("cargo").args(build).args(args).current_dir(root))
}

fn printed(command: &mut Command) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("{command:?} failed");
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// The numbers of a line of a table, whose columns are parted by `|`; none where one is no number.
fn numbers(line: &str) -> Option<Vec<f64>> {
    line.split('|').map(|cell| cell.trim().parse().ok()).collect()
}
