//! The vector index beside the bare usearch crate on the same real embeddings, then over generated ones.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use contracts::{ContentId, ModelInfo};
use stores::vectors::{Point, VectorFilter, VectorIndex};
use stores_embedded::{ExactVectors, HnswVectors};
use usearch::{Index, IndexOptions, MetricKind, ScalarKind};
use uuid::Uuid;

use crate::draw::mix;
use crate::proc::{cpu, memory};
use crate::report::Report;

/// Searches of each kind.
const QUERIES: usize = 200;
const NEAREST: usize = 10;
/// As many as a hybrid search asks each source for.
const DEPTH: usize = 1_000;
/// Components of the generated vectors, and the catalogue that is projected to.
const WIDE: usize = 768;
const PROJECTED: f64 = 20e6;

/// Real embeddings: recall, rate and memory beside the bare crate. Each question is one of the vectors, which is no answer
/// to itself, on either side.
///
/// # Errors
/// When there are too few.
pub async fn real(vectors: &[Vec<f32>], report: &mut Report) -> Result<()> {
    ensure!(vectors.len() > 10 * QUERIES, "{} real embeddings are too few to measure with", vectors.len());
    report.add("vectors, real embeddings", vectors.len() as f64, "vectors");
    let step = vectors.len() / QUERIES;
    let queries: Vec<Vec<f32>> = vectors.iter().step_by(step).take(QUERIES).cloned().collect();
    let own = (0..QUERIES).map(|place| id(place * step)).collect();
    let dir = tempfile::tempdir()?;
    let truth = exact(dir.path(), vectors, &queries, own, report).await?;
    let recall = led(dir.path(), "vectors, real", vectors.len(), &queries, Some(&truth), report).await?;
    peer(vectors, &queries, &truth, recall, report)
}

/// Generated vectors: latency and memory, and what the memory is projected to. They say nothing of recall.
///
/// # Errors
/// When the disk has no room for them.
pub async fn generated(count: usize, report: &mut Report) -> Result<()> {
    let dir = tempfile::tempdir()?;
    generate(dir.path(), count).await?;
    let queries: Vec<Vec<f32>> = (0..QUERIES as u64).map(|n| one(n << 40 | 7, WIDE)).collect();
    led(dir.path(), "vectors, generated", count, &queries, None, report).await?;
    Ok(())
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

/// What searches are judged by.
struct Truth {
    /// What each question is taken from.
    own: Vec<ContentId>,
    /// The nearest to each besides.
    nearest: Vec<Vec<ContentId>>,
}

/// Fills the exact index and asks it: the judge.
async fn exact(
    folder: &Path,
    vectors: &[Vec<f32>],
    queries: &[Vec<f32>],
    own: Vec<ContentId>,
    report: &mut Report,
) -> Result<Truth> {
    let index = ExactVectors::open(&folder.join("vectors"), model(vectors[0].len()))?;
    for (part, first) in vectors.chunks(5_000).zip((0..).step_by(5_000)) {
        let points = part.iter().enumerate().map(|(at, vector)| point(first + at, vector.clone()));
        index.upsert(points.collect(), 1).await?;
    }
    let asked = ask(&index, queries, &own, NEAREST).await?;
    asked.note("vectors, real, all compared: 10 nearest", report);
    Ok(Truth { own, nearest: asked.found })
}

/// What searches found, how long each took, and the processor time of all together.
struct Asked {
    found: Vec<Vec<ContentId>>,
    took: Vec<Duration>,
    cpu: Duration,
}

impl Asked {
    fn note(&self, what: &str, report: &mut Report) {
        let mut took = self.took.clone();
        took.sort();
        let ms = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
        report.add(format!("{what}: p50"), ms(0.5), "ms");
        report.add(format!("{what}: p95"), ms(0.95), "ms");
        report.add(format!("{what}: rate"), took.len() as f64 / took.iter().sum::<Duration>().as_secs_f64(), "req/s");
        report.add(format!("{what}: CPU a query"), self.cpu.as_secs_f64() * 1e6 / took.len() as f64, "µs");
    }
}

/// Asks for the nearest to each of `queries` besides its `own`, where there are such.
async fn ask(index: &dyn VectorIndex, queries: &[Vec<f32>], own: &[ContentId], limit: usize) -> Result<Asked> {
    let (mut found, mut took, before) = (Vec::new(), Vec::new(), cpu("self")?);
    for (place, query) in queries.iter().enumerate() {
        let own = own.get(place);
        let started = Instant::now();
        let hits = index.search(query, limit + usize::from(own.is_some()), &VectorFilter::default()).await?;
        took.push(started.elapsed());
        found.push(besides(own, hits.into_iter().map(|hit| hit.content_id)));
    }
    Ok(Asked { found, took, cpu: cpu("self")? - before })
}

/// The first [`NEAREST`] that are not `own`.
fn besides(own: Option<&ContentId>, found: impl Iterator<Item = ContentId>) -> Vec<ContentId> {
    found.filter(|id| own != Some(id)).take(NEAREST).collect()
}

/// Opens the index of the folder, waits until its graph is built, and asks it. Gives the recall where it can be judged.
async fn led(
    folder: &Path,
    what: &str,
    count: usize,
    queries: &[Vec<f32>],
    truth: Option<&Truth>,
    report: &mut Report,
) -> Result<f64> {
    let (held, resident, spent) = (memory("self", "RssAnon")?, memory("self", "VmRSS")?, cpu("self")?);
    let started = Instant::now();
    let index = HnswVectors::open(&folder.join("vectors"), model(queries[0].len()))?;
    report.add(format!("{what}: open"), started.elapsed().as_secs_f64(), "s");
    while !index.is_settled() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    report.add(format!("{what}: graph built"), started.elapsed().as_secs_f64(), "s");
    report.add(format!("{what}: graph built, CPU"), (cpu("self")? - spent).as_secs_f64(), "s");
    let mut recalled = 0.0;
    let own: &[ContentId] = match truth {
        Some(truth) => &truth.own,
        None => &[],
    };
    for limit in [NEAREST, DEPTH] {
        let asked = ask(&index, queries, own, limit).await?;
        asked.note(&format!("{what}: {limit} nearest"), report);
        if let Some(truth) = truth {
            let found = recall(&asked.found, &truth.nearest);
            report.add(format!("{what}: {limit} nearest: recall@10"), found, "");
            recalled = if limit == NEAREST { found } else { recalled };
        }
    }
    let each = |line: &str, before: f64| Ok::<_, anyhow::Error>((memory("self", line)? - before) / count as f64);
    let (held, resident) = (each("RssAnon", held)?, each("VmRSS", resident)?);
    report.add(format!("{what}: memory held a vector"), held, "bytes");
    report.add(format!("{what}: with what is mapped from files"), resident, "bytes");
    // A bit a component in the graph and one beside it; all else is the same for vectors of any length.
    let wide = held + 2.0 * (WIDE as f64 - queries[0].len() as f64) / 8.0;
    let goal = "(at most 60, goal 12)";
    report.add(format!("{what}: held, projected to 20 million × 768 {goal}"), wide * PROJECTED / 1e9, "GB");
    Ok(recalled)
}

/// The bare crate with its defaults but for what is looked at in a search, the first that reaches the same recall.
fn peer(vectors: &[Vec<f32>], queries: &[Vec<f32>], truth: &Truth, wanted: f64, report: &mut Report) -> Result<()> {
    let (dimensions, quantization) = (queries[0].len(), ScalarKind::F32);
    let options = IndexOptions { dimensions, metric: MetricKind::IP, quantization, ..IndexOptions::default() };
    let (held, spent) = (memory("self", "RssAnon")?, cpu("self")?);
    let index = Index::new(&options)?;
    index.reserve(vectors.len())?;
    for (vector, n) in vectors.iter().zip(0..) {
        index.add(n, vector)?;
    }
    report.add("usearch crate, f32: built, CPU", (cpu("self")? - spent).as_secs_f64(), "s");
    report.add(
        "usearch crate, f32: memory held a vector",
        (memory("self", "RssAnon")? - held) / vectors.len() as f64,
        "bytes",
    );
    for expansion in [64, 96, 128, 192, 256, 384, 512, 1_024] {
        index.change_expansion_search(expansion);
        let (mut found, mut took, before) = (Vec::new(), Vec::new(), cpu("self")?);
        for (query, own) in queries.iter().zip(&truth.own) {
            let started = Instant::now();
            let keys = index.search(query, NEAREST + 1)?.keys;
            took.push(started.elapsed());
            found.push(besides(Some(own), keys.into_iter().map(|key| id(key as usize))));
        }
        let asked = Asked { found, took, cpu: cpu("self")? - before };
        let recalled = recall(&asked.found, &truth.nearest);
        if recalled >= wanted || expansion == 1_024 {
            report.add("usearch crate, f32: expansion for that recall", expansion as f64, "");
            report.add("usearch crate, f32: recall@10", recalled, "");
            asked.note("usearch crate, f32: 10 nearest", report);
            break;
        }
    }
    Ok(())
}

fn recall(found: &[Vec<ContentId>], truth: &[Vec<ContentId>]) -> f64 {
    let right: usize = found.iter().zip(truth).map(|(a, b)| a.iter().filter(|id| b.contains(id)).count()).sum();
    right as f64 / truth.iter().map(Vec::len).sum::<usize>() as f64
}

/// The generator: vectors near one of 5 000 centres, by splitmix64.
pub fn one(n: u64, components: usize) -> Vec<f32> {
    let number = |seed: u64| (mix(seed) >> 40) as f32 / (1 << 23) as f32 - 1.0;
    let centre = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let at = |k: u64| number((centre % 5_000 + 1) << 20 | k) + number(n.wrapping_add(1) << 10 ^ 0x5555 << 50 ^ k);
    (0..components as u64).map(at).collect()
}

async fn generate(folder: &Path, count: usize) -> Result<()> {
    let index = ExactVectors::open(&folder.join("vectors"), model(WIDE))?;
    for first in (0..count).step_by(5_000) {
        let numbers = first..(first + 5_000).min(count);
        index.upsert(numbers.map(|n| point(n, one(n as u64, WIDE))).collect(), 1).await?;
    }
    println!("generated vectors: {count} of {WIDE} components, by splitmix64 around 5 000 centres");
    Ok(())
}
