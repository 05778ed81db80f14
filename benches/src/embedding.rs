//! Texts a second through the product's embedder, on real texts: plots, and short facts.

use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};
use contracts::Embedder;
use embedding::{ModelFiles, OnnxEmbedder};
use serde_json::Value;

use crate::node;
use crate::proc::{cpu, memory};
use crate::report::Report;

/// Texts of each kind, and how many are handed over at a time: as many as the follower of the catalogue does.
const TEXTS: usize = 1_000;
const BATCH: usize = 256;

/// Measures on plots and facts of films far apart in the set.
///
/// # Errors
/// When there is no model.
pub async fn measure(films: &[Value], report: &mut Report) -> Result<()> {
    let folder = node::model().context("the sentence model is needed")?;
    let files = ModelFiles::find(&folder).map_err(|error| anyhow!("{error}"))?;
    let embedder = OnnxEmbedder::load(&files).map_err(|error| anyhow!("{error}"))?;
    let step = (films.len() / TEXTS).max(1);
    let chosen: Vec<&Value> = films.iter().step_by(step).take(TEXTS).collect();
    for (kind, text) in [("facts", facts as fn(&Value) -> String), ("plots", plot)] {
        let texts: Vec<String> = chosen.iter().map(|film| text(film)).collect();
        let (started, before) = (Instant::now(), cpu("self")?);
        for texts in texts.chunks(BATCH) {
            embedder.embed(texts).await.map_err(|error| anyhow!("{error}"))?;
        }
        let spent = (cpu("self")? - before).as_secs_f64();
        report.add(format!("embedding, {kind}"), texts.len() as f64 / started.elapsed().as_secs_f64(), "texts/s");
        report.add(format!("embedding, {kind}: CPU a text"), spent * 1e3 / texts.len() as f64, "ms");
    }
    report.add("embedding: peak memory of this process", memory("self", "VmHWM")? / 1e6, "MB");
    Ok(())
}

fn plot(film: &Value) -> String {
    let text = |key: &str| film[key].as_str().unwrap_or_default();
    format!("{}. {}", text("title"), text("extract"))
}

/// What is said of a title without a plot.
fn facts(film: &Value) -> String {
    let names = |key: &str| -> String {
        let items = film[key].as_array().into_iter().flatten().filter_map(Value::as_str).take(6);
        items.collect::<Vec<_>>().join(", ")
    };
    let title = film["title"].as_str().unwrap_or_default();
    format!("{title} ({}). {}. With {}.", film["year"], names("genres"), names("cast"))
}
