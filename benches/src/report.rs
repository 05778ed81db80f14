//! What was measured: a table for a person, JSON for a machine.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

/// Numbers in the order they were measured.
#[derive(Default)]
pub struct Report {
    rows: Vec<(String, f64, &'static str)>,
}

impl Report {
    /// Notes a number and shows it at once: a run takes minutes.
    pub fn add(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        let name = name.into();
        println!("{name:<52} {:>12} {unit}", shown(value));
        self.rows.push((name, value, unit));
    }

    /// Prints the table and writes the JSON.
    pub fn finish(&self, root: &Path, json: &Path) -> Result<()> {
        let commit = Command::new("git").args(["rev-parse", "--short", "HEAD"]).current_dir(root).output();
        let commit = commit.map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned()).unwrap_or_default();
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        println!("\n{}", self.table());
        println!("commit {commit}, {cores} cores");
        let values: Map<String, Value> =
            self.rows.iter().map(|(name, value, unit)| (format!("{name} [{unit}]"), json!(value))).collect();
        let document = json!({ "commit": commit, "cores": cores, "values": values });
        if let Some(folder) = json.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(json, format!("{document:#}\n")).with_context(|| format!("cannot write {}", json.display()))?;
        println!("JSON: {}", json.display());
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
