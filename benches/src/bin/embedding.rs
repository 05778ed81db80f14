//! Texts a second through the product's embedder, on real texts: plots, and short facts.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use contracts::Embedder;
use embedding::{ModelFiles, OnnxEmbedder};
use flate2::read::MultiGzDecoder;
use serde_json::{Value, json};

/// Measures how many texts a second are embedded.
#[derive(Parser, Debug)]
struct Args {
    /// The folder of the model
    #[arg(long)]
    model: PathBuf,
    /// The real data: the folder with wikipedia-movies/
    #[arg(long, env = "BENCH_DATA")]
    data: PathBuf,
    /// How many texts of each kind
    #[arg(long, default_value_t = 2_000)]
    texts: usize,
    /// Texts handed over at a time
    #[arg(long, value_delimiter = ',', default_value = "64,512")]
    batch: Vec<usize>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let files = ModelFiles::find(&args.model).map_err(|error| anyhow::anyhow!("{error}"))?;
    let embedder = OnnxEmbedder::load(&files).map_err(|error| anyhow::anyhow!("{error}"))?;
    let (plots, facts) = texts(&args.data.join("wikipedia-movies"), args.texts)?;
    let mut values = serde_json::Map::new();
    for (kind, texts) in [("facts", &facts), ("plots", &plots)] {
        for &batch in &args.batch {
            let (started, before) = (Instant::now(), cpu_seconds()?);
            for texts in texts.chunks(batch) {
                embedder.embed(texts).await.map_err(|error| anyhow::anyhow!("{error}"))?;
            }
            let rate = texts.len() as f64 / started.elapsed().as_secs_f64();
            let cpu = (cpu_seconds()? - before) * 1e3 / texts.len() as f64;
            let peak = peak_megabytes()?;
            println!("{kind}, {batch} at a time: {rate:.0} texts/s, {cpu:.2} ms of CPU a text, peak memory {peak} MB");
            values.insert(format!("{kind}, {batch} at a time [texts/s]"), json!(rate));
            values.insert(format!("{kind}, {batch} at a time [CPU ms/text]"), json!(cpu));
        }
    }
    values.insert("peak memory [MB]".to_owned(), json!(peak_megabytes()?));
    println!("{}", Value::Object(values));
    Ok(())
}

/// Plots, and facts as a title without a plot has them, of films far apart in the set.
fn texts(folder: &Path, count: usize) -> Result<(Vec<String>, Vec<String>)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .with_context(|| format!("{} is needed", folder.display()))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    files.sort();
    let mut films = Vec::new();
    for file in files.iter().filter(|file| file.to_string_lossy().ends_with(".json.gz")) {
        let mut text = String::new();
        MultiGzDecoder::new(File::open(file)?).read_to_string(&mut text)?;
        let Value::Array(items) = serde_json::from_str(&text)? else { bail!("{} is no list", file.display()) };
        films.extend(items);
    }
    let step = (films.len() / count).max(1);
    let mut texts = (Vec::new(), Vec::new());
    for film in films.iter().step_by(step).take(count) {
        let names = |key: &str| -> String {
            let items = film[key].as_array().into_iter().flatten().filter_map(Value::as_str).take(6);
            items.collect::<Vec<_>>().join(", ")
        };
        let title = film["title"].as_str().unwrap_or_default();
        texts.0.push(format!("{title}. {}", film["extract"].as_str().unwrap_or_default()));
        texts.1.push(format!("{title} ({}). {}. With {}.", film["year"], names("genres"), names("cast")));
    }
    Ok(texts)
}

/// The processor time of this process so far.
fn cpu_seconds() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: f64 =
        fields.get(11).context("no utime")?.parse::<f64>()? + fields.get(12).context("no stime")?.parse::<f64>()?;
    // A tick is a hundredth of a second on every Linux.
    Ok(ticks / 100.0)
}

/// The most memory this process has held.
fn peak_megabytes() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM")).context("no VmHWM")?;
    Ok(line.split_whitespace().nth(1).context("no number")?.parse::<u64>()? / 1_000)
}
