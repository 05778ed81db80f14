//! Measures an ingest of GENERATED titles: how many a second, how much CPU and memory, and what is written, slice by slice.
//!
//! `cargo run --release -p ingest --example million -- 1000000 FOLDER` writes a streaming service's catalogue of made-up
//! titles into FOLDER (or takes the one that is there), ingests it into a new SQLite catalogue there, without search
//! indexes, and prints a table. The same count always generates the same bytes.

use std::{
    error::Error,
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use catalog::Catalog;
use contracts::{Call, CatalogApi, Clock, Rng};
use ingest::{Ingest, IngestConfig, Progress, RunRequest};
use stores::{Db, DbConfig};
use stores_embedded::MemoryCache;
use tokio_util::sync::CancellationToken;

const SLICE: u64 = 50_000;
const SYLLABLES: &[&str] = &[
    "ba", "cor", "den", "el", "fa", "gru", "har", "is", "jun", "ka", "lor", "mi", "nor", "os", "pel", "qui", "ran",
    "sa", "tor", "ul", "ven", "wyn", "xan", "yor", "zel", "bri", "cla", "dro", "fen", "glo",
];
const GENRES: &[&str] = &["Dramas", "Comedies", "Thrillers", "Documentaries", "Horror Movies", "Romantic Movies"];

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let count: u64 = args.next().ok_or("usage: million COUNT FOLDER")?.parse()?;
    let folder = args.next().ok_or("usage: million COUNT FOLDER")?;
    let folder = Path::new(&folder);
    let file = folder.join(format!("netflix_generated_{count}.csv"));
    if !file.exists() {
        generate(&file, count)?;
    }
    let path = folder.join("million.db");
    for name in ["million.db", "million.db-wal", "million.db-shm"] {
        let _ = std::fs::remove_file(folder.join(name));
    }
    let db = Db::open_sqlite(&path, &DbConfig::default()).await?;
    db.migrate().await?;
    let (clock, rng) = (Clock::system(), Rng::system());
    let cache = Arc::new(MemoryCache::new(64 << 20));
    let catalog: Arc<dyn CatalogApi> = Arc::new(Catalog::new(db.clone(), cache, clock.clone(), rng.clone()));
    let ingest = Ingest::new(db.clone(), catalog, clock.clone(), rng.clone(), IngestConfig::new(folder));
    let call = Call::system(&clock, &rng, Duration::from_secs(86_400));

    println!(
        "generated titles | seconds | titles/s in this slice | µs of CPU a title in it | resident MB | KB written a title"
    );
    let began = Instant::now();
    let slice = Mutex::new((0, began, cpu(), written()));
    let on_progress = |progress: &Progress| {
        let Ok(mut last) = slice.lock() else { return };
        let rows = progress.counts.rows_read;
        if rows >= last.0 + SLICE {
            let rate = (rows - last.0) as f64 / last.1.elapsed().as_secs_f64();
            let (seconds, spent, kept) = (began.elapsed().as_secs_f64(), cpu(), written());
            let each = |of: f64| of / (rows - last.0) as f64;
            let (work, bytes) = (each((spent - last.2) * 1e6), each(kept - last.3) / 1024.0);
            println!("{rows} | {seconds:.1} | {rate:.0} | {work:.0} | {} | {bytes:.1}", memory("VmRSS:"));
            *last = (rows, Instant::now(), spent, kept);
        }
    };
    let location = file.to_str().ok_or("the folder is not UTF-8")?;
    let run = ingest.run(&call, &RunRequest::new(location), &CancellationToken::new(), &on_progress).await?;
    let seconds = began.elapsed().as_secs_f64();
    let counts = run.counts;
    println!(
        "{} rows: {} created, {} merged, {} rejected in {seconds:.1} s: {:.0} a second; at most {} MB resident; database {} MB",
        counts.rows_read,
        counts.created,
        counts.merged,
        counts.rejected,
        counts.rows_read as f64 / seconds,
        memory("VmHWM:"),
        std::fs::metadata(&path)?.len() >> 20
    );
    db.close().await;
    Ok(())
}

/// Megabytes, by the kernel's account; 0 where it keeps none.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// Seconds of CPU of this process, its own and the kernel's for it; 0 where `/proc` is not kept.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    // Fields 14 and 15 of proc(5), in hundredths of a second; the second ends in the parenthesis.
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Bytes that this process has written so far, the log and the file both counted; 0 where `/proc` is not kept.
fn written() -> f64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    io.lines().find_map(|line| line.strip_prefix("wchar: ")?.parse().ok()).unwrap_or(0.0)
}

fn generate(path: &Path, count: u64) -> Result<(), Failure> {
    let rng = Rng::seeded(7);
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(
        out,
        "show_id,type,title,director,cast,country,date_added,release_year,rating,duration,listed_in,description"
    )?;
    for n in 1..=count {
        let cast: Vec<String> = (0..3 + rng.below(6)).map(|_| person(&rng)).collect();
        let story: Vec<String> = (0..25 + rng.below(20)).map(|_| word(&rng, 2)).collect();
        writeln!(
            out,
            "s{n},{},{} {} {},{},\"{}\",France,\"May 1, 2021\",{},PG-13,{} min,{},Generated: {}.",
            if rng.below(4) == 0 { "TV Show" } else { "Movie" },
            word(&rng, 2),
            word(&rng, 3),
            word(&rng, 2),
            person(&rng),
            cast.join(", "),
            1950 + rng.below(75),
            60 + rng.below(90),
            GENRES[usize::try_from(rng.below(GENRES.len() as u64))?],
            story.join(" ")
        )?;
    }
    out.flush()?;
    Ok(())
}

/// One of some 600 first and 18 000 last names.
fn person(rng: &Rng) -> String {
    format!("{} {}", word(rng, 2), word(rng, 3))
}

fn word(rng: &Rng, syllables: usize) -> String {
    let mut word: String = (0..syllables).filter_map(|_| pick(rng)).collect();
    if let Some(first) = word.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    word
}

fn pick(rng: &Rng) -> Option<&'static str> {
    SYLLABLES.get(usize::try_from(rng.below(SYLLABLES.len() as u64)).ok()?).copied()
}
