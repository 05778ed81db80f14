//! `config show`: the configuration in force, and where each value came from.

use clap::Subcommand;
use comfy_table::{Table, presets};
use serde_json::{Value, json};

use super::{Global, out};
use crate::config::Config;

#[derive(Subcommand, Debug)]
pub enum ConfigVerb {
    /// Print every key with its value
    Show {
        /// Say where each value came from, and the variable that sets it
        #[arg(long)]
        origin: bool,
    },
}

pub fn run(global: &Global, verb: &ConfigVerb) -> anyhow::Result<()> {
    let ConfigVerb::Show { origin } = verb;
    let (known, variables) = (Config::origins(&global.flags())?, Config::variables());
    if global.json {
        let shown = |(key, (value, from)): (String, (Value, String))| {
            let variable = variables.get(&key);
            (key, if *origin { json!({ "value": value, "origin": from, "variable": variable }) } else { value })
        };
        let object: serde_json::Map<String, Value> = known.into_iter().map(shown).collect();
        return Ok(out::line(&Value::Object(object).to_string())?);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for (key, (value, from)) in known {
        let variable = variables.get(&key).copied().unwrap_or_default();
        let mut row = vec![key, value.to_string()];
        if *origin {
            row.extend([from, variable.to_owned()]);
        }
        table.add_row(row);
    }
    Ok(out::line(&table.to_string())?)
}
