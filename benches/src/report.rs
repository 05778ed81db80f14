//! What was measured: a table for a person, JSON for a machine.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};

/// Numbers in the order they were measured.
#[derive(Default)]
pub struct Report {
    rows: Vec<(String, f64, &'static str)>,
    failed: Vec<String>,
}

impl Report {
    /// Notes a number and shows it at once: a run takes minutes.
    pub fn add(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        let name = name.into();
        println!("{name:<52} {:>12} {unit}", shown(value));
        self.rows.push((name, value, unit));
    }

    /// Notes how a part came to its end: one that failed takes nothing from the others, which took minutes too.
    pub fn part(&mut self, name: &str, outcome: Result<()>) {
        if let Err(error) = outcome {
            println!("{name} FAILED: {error:#}");
            self.failed.push(name.to_owned());
        }
    }

    /// Prints the table and writes the JSON.
    ///
    /// # Errors
    /// When a part failed, or the file can't be written.
    pub fn finish(&self, root: &Path, json: &Path) -> Result<()> {
        let commit = Command::new("git").args(["rev-parse", "--short", "HEAD"]).current_dir(root).output();
        let commit = commit.map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned()).unwrap_or_default();
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        println!("\n{}", self.table());
        println!("commit {commit}, {cores} cores");
        let values: Map<String, Value> =
            self.rows.iter().map(|(name, value, unit)| (format!("{name} [{unit}]"), json!(value))).collect();
        let document = json!({ "commit": commit, "cores": cores, "failed": self.failed, "values": values });
        if let Some(folder) = json.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(json, format!("{document:#}\n")).with_context(|| format!("cannot write {}", json.display()))?;
        println!("JSON: {}", json.display());
        ensure!(self.failed.is_empty(), "not measured, see above: {}", self.failed.join(", "));
        Ok(())
    }

    fn table(&self) -> String {
        let mut table = format!(
            "| {:<52} | {:>12} | {:<8} |\n|{:-<54}|{:->14}|{:-<10}|\n",
            "measured", "value", "unit", "", "", ""
        );
        for (name, value, unit) in &self.rows {
            table += &format!("| {name:<52} | {:>12} | {unit:<8} |\n", shown(*value));
        }
        table
    }
}

fn shown(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
