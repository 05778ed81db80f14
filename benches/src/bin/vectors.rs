//! The vector index beside the bare usearch crate on the same real embeddings, then with a million generated ones.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use clap::Parser;
use contracts::{ContentId, ModelInfo};
use stores::vectors::{Point, VectorFilter, VectorIndex};
use stores_embedded::{ExactVectors, HnswVectors, stored_vectors};
use usearch::{Index, IndexOptions, MetricKind, ScalarKind};
use uuid::Uuid;

/// Measures vector searches: recall on real embeddings alone, latency and memory on generated ones too.
#[derive(Parser, Debug)]
struct Args {
    /// A data folder with real vectors in it; or
    #[arg(long, required_unless_present = "raw")]
    folder: Option<PathBuf>,
    /// a file of them: little-endian 32-bit numbers, 384 a vector
    #[arg(long)]
    raw: Option<PathBuf>,
    /// Searches of each kind
    #[arg(long, default_value_t = 200)]
    queries: usize,
    /// How many vectors to generate; 0 for none
    #[arg(long, default_value_t = 1_000_000)]
    generated: usize,
}

const NEAREST: usize = 10;
/// As many as a hybrid search asks each source for.
const DEPTH: usize = 1_000;

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let real = match (&args.folder, &args.raw) {
        (Some(folder), _) => stored_vectors(&folder.join("index/vectors"))?.1,
        (_, Some(raw)) => numbers(&std::fs::read(raw)?).chunks_exact(384).map(<[f32]>::to_vec).collect(),
        _ => return Err(anyhow!("no vectors are named")),
    };
    println!("real embeddings: {}", real.len());
    let queries: Vec<Vec<f32>> = real.iter().step_by((real.len() / args.queries).max(1)).cloned().collect();
    let dir = tempfile::tempdir()?;
    let truth = exact(dir.path(), &real, &queries).await?;
    led(dir.path(), "real", real.len(), &queries, Some(&truth)).await?;
    peer(&real, &queries, &truth)?;
    if args.generated > 0 {
        drop((real, truth));
        let dir = tempfile::tempdir()?;
        generate(dir.path(), args.generated, queries[0].len()).await?;
        let queries: Vec<Vec<f32>> =
            (0..args.queries as u64).map(|n| generated(n << 40 | 7, queries[0].len())).collect();
        led(dir.path(), "generated", args.generated, &queries, None).await?;
    }
    Ok(())
}

fn numbers(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

fn id(n: usize) -> ContentId {
    ContentId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | n as u128))
}

fn point(n: usize, vector: Vec<f32>) -> Point {
    Point { id: id(n), text_hash: 0, vectors: vec![vector], tags: Vec::new(), year: None }
}

fn model(dimension: usize) -> ModelInfo {
    ModelInfo { name: "benchmark".to_owned(), dimension }
}

/// Fills the exact index and asks it: the judge.
async fn exact(folder: &Path, vectors: &[Vec<f32>], queries: &[Vec<f32>]) -> Result<Vec<Vec<ContentId>>> {
    let index = ExactVectors::open(&folder.join("vectors"), model(vectors[0].len()))?;
    for (part, first) in vectors.chunks(5_000).zip((0..).step_by(5_000)) {
        let points = part.iter().enumerate().map(|(at, vector)| point(first + at, vector.clone()));
        index.upsert(points.collect(), 1).await?;
    }
    let (truth, took) = ask(&index, queries, NEAREST).await?;
    show("real, exact, 10 nearest", took);
    Ok(truth)
}

async fn ask(
    index: &dyn VectorIndex,
    queries: &[Vec<f32>],
    limit: usize,
) -> Result<(Vec<Vec<ContentId>>, Vec<Duration>)> {
    let (mut found, mut took) = (Vec::new(), Vec::new());
    for query in queries {
        let started = Instant::now();
        let hits = index.search(query, limit, &VectorFilter::default()).await?;
        took.push(started.elapsed());
        found.push(hits.into_iter().take(NEAREST).map(|hit| hit.content_id).collect());
    }
    Ok((found, took))
}

/// Opens the index of the folder and waits until its graph is built.
async fn led(
    folder: &Path,
    what: &str,
    count: usize,
    queries: &[Vec<f32>],
    truth: Option<&[Vec<ContentId>]>,
) -> Result<()> {
    let before = resident()?;
    let started = Instant::now();
    let index = HnswVectors::open(&folder.join("vectors"), model(queries[0].len()))?;
    println!("{what}, opened: {:.1} s", started.elapsed().as_secs_f64());
    let (_, took) = ask(&index, queries, DEPTH).await?;
    show(&format!("{what}, while the graph is built, {DEPTH} nearest"), took);
    while !index.is_settled() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("{what}, graph built: {:.1} s on {} vectors", started.elapsed().as_secs_f64(), count);
    println!("{what}, memory: {:.0} bytes a vector", (resident()? - before) as f64 / count as f64);
    for limit in [NEAREST, DEPTH] {
        let (found, took) = ask(&index, queries, limit).await?;
        show(&format!("{what}, {limit} nearest"), took);
        if let Some(truth) = truth {
            println!("{what}, {limit} nearest: recall@10 {:.3}", recall(&found, truth));
        }
    }
    Ok(())
}

/// The bare crate with its defaults but for what is looked at in a search, the first that reaches the same recall.
fn peer(vectors: &[Vec<f32>], queries: &[Vec<f32>], truth: &[Vec<ContentId>]) -> Result<()> {
    let options = IndexOptions {
        dimensions: queries[0].len(),
        metric: MetricKind::IP,
        quantization: ScalarKind::F32,
        ..IndexOptions::default()
    };
    let index = Index::new(&options)?;
    index.reserve(vectors.len())?;
    let started = Instant::now();
    for (vector, n) in vectors.iter().zip(0..) {
        index.add(n, vector)?;
    }
    println!("usearch crate, built: {:.1} s, one thread", started.elapsed().as_secs_f64());
    for expansion in [64, 128, 256, 512] {
        index.change_expansion_search(expansion);
        let (mut found, mut took) = (Vec::new(), Vec::new());
        for query in queries {
            let started = Instant::now();
            let keys = index.search(query, NEAREST)?.keys;
            took.push(started.elapsed());
            found.push(keys.into_iter().map(|key| id(key as usize)).collect());
        }
        show(
            &format!("usearch crate, expansion {expansion}, 10 nearest, recall@10 {:.3}", recall(&found, truth)),
            took,
        );
    }
    Ok(())
}

fn recall(found: &[Vec<ContentId>], truth: &[Vec<ContentId>]) -> f64 {
    let right: usize = found.iter().zip(truth).map(|(a, b)| a.iter().filter(|id| b.contains(id)).count()).sum();
    right as f64 / truth.iter().map(Vec::len).sum::<usize>() as f64
}

fn show(what: &str, mut took: Vec<Duration>) {
    took.sort();
    let ms = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let rate = took.len() as f64 / took.iter().sum::<Duration>().as_secs_f64();
    println!("{what}: p50 {:.2} ms, p95 {:.2} ms, p99 {:.2} ms, {rate:.0} queries/s", ms(0.5), ms(0.95), ms(0.99));
}

fn resident() -> Result<i64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS")).ok_or_else(|| anyhow!("no VmRSS"))?;
    Ok(line.split_whitespace().nth(1).ok_or_else(|| anyhow!("no number"))?.parse::<i64>()? * 1_024)
}

/// The generator: titles near one of 5 000 centres, by splitmix64. For latency and memory alone.
fn generated(n: u64, dimension: usize) -> Vec<f32> {
    let number = |seed: u64| {
        let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let centre = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let at = |k: u64| number((centre % 5_000 + 1) << 20 | k) + number(n.wrapping_add(1) << 10 ^ 0x5555 << 50 ^ k);
    (0..dimension as u64).map(at).collect()
}

async fn generate(folder: &Path, count: usize, dimension: usize) -> Result<()> {
    let index = ExactVectors::open(&folder.join("vectors"), model(dimension))?;
    for first in (0..count).step_by(5_000) {
        let numbers = first..(first + 5_000).min(count);
        let points = numbers.map(|n| point(n, generated(n as u64, dimension)));
        index.upsert(points.collect(), 1).await?;
    }
    println!("generated vectors (splitmix64 around 5 000 centres): {count}");
    Ok(())
}
