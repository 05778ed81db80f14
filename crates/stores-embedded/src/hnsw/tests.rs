//! The led index against the exact one: the suite, recall, restarts, damage, and a process that is killed.

use std::{process::Command, time::Instant};

use stores::suites::vectors::{self as suite, id};
use tempfile::TempDir;

use super::*;
use crate::exact::{Bits, MIN_ROWS, Way};

type Outcome = Result<(), VectorError>;

const DIMENSION: usize = 32;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn model() -> ModelInfo {
    ModelInfo { name: "test".to_owned(), dimension: DIMENSION }
}

/// A vector near one of 40 centres, as those of texts are; the same for the same `n`.
fn vector(n: u64) -> Vector {
    let number = |seed: u64| {
        let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % 2_000) as f32 / 1_000.0 - 1.0
    };
    (0..DIMENSION as u64).map(|at| number(1 + n % 40 * 1_000 + at) + number(1 << 40 | n << 8 | at)).collect()
}

fn points(numbers: impl Iterator<Item = u64>) -> Vec<Point> {
    let point = |n: u64| Point {
        id: id(n.into()),
        text_hash: n,
        vectors: (0..=n % 2).map(|k| vector(n + 1_000_000 * k)).collect(),
        tags: vec![format!("share:{}", n % 4)],
        year: None,
    };
    numbers.map(point).collect()
}

fn open(path: &Path) -> Result<HnswVectors, VectorError> {
    HnswVectors::open_worth(path, model(), 1)
}

async fn settled(index: &HnswVectors) {
    let started = Instant::now();
    while !index.is_settled() {
        assert!(started.elapsed() < Duration::from_secs(60), "the graph is never finished");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The share of the ten nearest that the graph finds, or its bits where these find fewer, of the titles whose slot is a
/// multiple of `every`.
fn recall(index: &HnswVectors, every: usize) -> f64 {
    let graph = index.exact.index.guide().unwrap().graph();
    index.exact.index.read(|rows| {
        let mut passing = Bits::default();
        rows.live().slots().step_by(every).for_each(|slot| passing.insert(slot));
        let (mut right, mut all) = ([0_usize; 2], 0);
        for n in 0..50 {
            let query = crate::exact::normalised(&vector(9_000_000 + n));
            let truth = rows.search_all(&query, 10, &passing);
            let led = rows.led_slots(graph, &query, MIN_ROWS, &passing).unwrap();
            let by_bits = rows.slots_by_bits(graph, &query, MIN_ROWS, &passing);
            for (right, slots) in right.iter_mut().zip([led, by_bits]) {
                *right += rows.best_of(&query, 10, slots).iter().filter(|one| truth.contains(one)).count();
            }
            all += truth.len();
        }
        right[0].min(right[1]) as f64 / all as f64
    })
}

#[tokio::test]
async fn is_a_vector_index() -> Outcome {
    let folder = folder();
    suite::run(|name| {
        let path = folder.path().join(name);
        async move { Ok(Arc::new(HnswVectors::open_worth(&path, suite::model(), 1)?) as Arc<dyn VectorIndex>) }
    })
    .await
}

#[tokio::test]
async fn the_graph_finds_the_nearest_whatever_passes() -> Outcome {
    let folder = folder();
    let index = open(&folder.path().join("vectors"))?;
    index.upsert(points(0..3_000), 1).await?;
    settled(&index).await;
    for every in [1, 2, 10, 100] {
        let recall = recall(&index, every);
        assert!(recall >= 0.95, "{recall} with one title of {every}");
    }
    // What moved is found where it is now, and what was removed is not found.
    index.upsert(points((0..1_000).map(|n| n + 500_000)), 2).await?;
    index.remove(&(1_000..2_000).map(id).collect::<Vec<_>>()).await?;
    settled(&index).await;
    let vectors = index.exact.index.read(Rows::vectors_len);
    assert_eq!(index.exact.index.guide().unwrap().graph().len(), vectors, "the graph holds what lives");
    assert!(recall(&index, 1) >= 0.95);
    // Begun anew, fewer rows and other vectors in them.
    index.clear().await?;
    index.upsert(points(700_000..700_900), 3).await?;
    settled(&index).await;
    assert!(recall(&index, 1) >= 0.95);
    Ok(())
}

#[test]
fn what_the_graph_does_not_know_yet_is_found() -> Outcome {
    let graph = Graph::new(DIMENSION)?;
    let mut rows = Rows::new(DIMENSION);
    let put = |rows: &mut Rows, points: Vec<Point>| {
        let records = points.into_iter().map(|mut point| {
            point.vectors.iter_mut().for_each(|vector| *vector = crate::exact::normalised(vector));
            crate::exact::Record::Put(point)
        });
        rows.apply(crate::exact::Batch { cursor: None, records: records.collect() });
    };
    put(&mut rows, points(0..500));
    let changed = rows.changed(usize::MAX);
    graph.put(&changed, 2)?;
    rows.settle(&changed);
    assert!(rows.changed(1).is_empty());
    let moved = Point { vectors: vec![vector(77_777)], ..points(3..4).remove(0) };
    put(&mut rows, vec![moved, points(900..901).remove(0)]);
    let found = |rows: &Rows, n: u64| {
        let query = crate::exact::normalised(&vector(n));
        let led = rows.led_slots(&graph, &query, 4, rows.live()).unwrap();
        let by_bits = rows.slots_by_bits(&graph, &query, 4, rows.live());
        let [led, by_bits] = [led, by_bits].map(|slots| rows.best_of(&query, 1, slots)[0].content_id);
        assert_eq!(led, by_bits);
        led
    };
    assert_eq!(found(&rows, 77_777), id(3), "a title that moved is found at once");
    assert_eq!(found(&rows, 900), id(900), "a new title is found at once");
    assert_ne!(found(&rows, 3), id(3), "and nobody where it was");
    assert_eq!(found(&rows, 8), id(8));
    Ok(())
}

#[test]
fn a_search_takes_the_way_that_costs_least() {
    let mut rows = Rows::new(1);
    let point = |n: u128| Point { id: id(n), text_hash: 0, vectors: vec![vec![1.0]], tags: Vec::new(), year: None };
    let records = (0..200_000).map(|n| crate::exact::Record::Put(point(n))).collect();
    rows.apply(crate::exact::Batch { cursor: None, records });
    assert_eq!(rows.way(MIN_ROWS, 200_000), Way::All, "a graph that knows none of the rows leads nowhere");
    let changed = rows.changed(usize::MAX);
    rows.settle(&changed);
    for (count, passing, way) in [
        (MIN_ROWS, 200_000, Way::Graph),
        (MIN_ROWS, 100_000, Way::Bits),
        (MIN_ROWS, 20_000, Way::Bits),
        (MIN_ROWS, 2_000, Way::All),
        (MIN_ROWS, 0, Way::All),
        (2 * MIN_ROWS, 200_000, Way::Bits),
        (100_000, 200_000, Way::All),
    ] {
        assert_eq!(rows.way(count, passing), way, "{count} rows of {passing} titles");
    }
}

#[tokio::test]
async fn a_restart_goes_on_with_the_graph_that_was_written() -> Outcome {
    let folder = folder();
    let path = folder.path().join("vectors");
    let index = open(&path)?;
    index.upsert(points(0..800), 1).await?;
    settled(&index).await;
    let written = file::graph_path(&path);
    let started = Instant::now();
    while !written.exists() {
        assert!(started.elapsed() < Duration::from_secs(60), "the graph is never written");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let by_bits = |graph: &Graph| -> Vec<Vec<u32>> {
        let nearest = |n: u64| graph.nearest(&crate::exact::normalised(&vector(9_000_000 + n)), 20, 0..1_200);
        (0..20)
            .map(nearest)
            .map(|mut rows| {
                rows.sort_unstable();
                rows
            })
            .collect()
    };
    let before = by_bits(index.exact.index.guide().unwrap().graph());
    drop(index);

    // Some titles change where the graph does not see it, and the file is written anew in another order.
    let exact = ExactVectors::open(&path, model())?;
    exact.upsert(points((0..40).map(|n| n + 3_000)), 2).await?;
    exact.remove(&[id(5), id(6)]).await?;
    drop(exact);
    let (places, graph) = load(&written, DIMENSION).unwrap();
    assert_eq!(graph.len(), 1_200, "one or two vectors a title");
    assert_eq!(by_bits(&graph), before, "with the bits that were put in");
    let bytes = graph.to_bytes()?;
    let lacking = Graph::from_bytes(&bytes, DIMENSION, 0..1_201);
    assert!(matches!(lacking, Err(VectorError::Corrupt(_))), "a row that the graph does not hold");
    let exact = ExactVectors::guided(
        &path,
        model(),
        Rows::expecting(DIMENSION, Matrix::beside(&path), places),
        Guide::new(graph),
    )?;
    let outdated = exact.index.read(|rows| rows.changed(usize::MAX).len());
    assert_eq!(outdated, 60 + 3, "only what changed is put in again");
    drop(exact);
    let index = open(&path)?;
    settled(&index).await;
    assert!(recall(&index, 1) >= 0.95);
    let query = vector(3_010);
    assert_eq!(index.search(&query, 1, &VectorFilter::default()).await?[0].content_id, id(3_010));
    Ok(())
}

/// A graph's file as whole as `good`, but in the format of bytes, which came before that of bits.
fn of_an_earlier_release(good: &[u8]) -> Vec<u8> {
    let mut older = good.to_vec();
    older[8..12].copy_from_slice(&1_u32.to_le_bytes());
    let body = older.len() - 4;
    let crc = crc32fast::hash(&older[..body]);
    older[body..].copy_from_slice(&crc.to_le_bytes());
    older
}

#[tokio::test]
async fn a_damaged_graph_is_built_anew() -> Outcome {
    let folder = folder();
    let path = folder.path().join("vectors");
    let index = open(&path)?;
    index.upsert(points(0..300), 1).await?;
    settled(&index).await;
    while !file::graph_path(&path).exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(index);
    let good = fs::read(file::graph_path(&path)).unwrap();
    assert!(file::read(&good, DIMENSION).is_some() && file::read(&good, DIMENSION + 1).is_none());
    for at in (0..good.len()).step_by(97) {
        let mut bad = good.clone();
        bad[at] ^= 0x40;
        assert!(file::read(&bad, DIMENSION).is_none(), "byte {at} was changed and nobody saw it");
        assert!(file::read(&good[..at], DIMENSION).is_none(), "cut at byte {at}");
    }
    for bad in [&b"not a graph"[..], &[], &good[..good.len() / 2], &of_an_earlier_release(&good)] {
        fs::write(file::graph_path(&path), bad).unwrap();
        let index = open(&path)?;
        assert_eq!(index.search(&vector(4), 1, &VectorFilter::default()).await?[0].content_id, id(4), "no gap");
        settled(&index).await;
        assert!(recall(&index, 1) >= 0.95);
    }
    Ok(())
}

/// Runs itself as a process that writes without end, and kills that a few times.
#[cfg(unix)]
#[tokio::test]
async fn a_killed_process_leaves_an_index_that_is_right() -> Outcome {
    const FOLDER: &str = "STORES_EMBEDDED_KILLED";
    if let Some(folder) = std::env::var_os(FOLDER) {
        let index = open(&Path::new(&folder).join("vectors"))?;
        for round in index.cursor().await?.unwrap_or(0) as u64.. {
            index.upsert(points((0..50).map(|n| (round * 37 + n) % 2_000)), round as i64).await?;
            fs::write(Path::new(&folder).join("begun"), "").unwrap();
        }
    }
    let folder = folder();
    let (path, begun) = (folder.path().join("vectors"), folder.path().join("begun"));
    for wait in [150, 320, 480] {
        // By the last one, which is gone.
        let _ = fs::remove_file(&begun);
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "hnsw::tests::a_killed_process_leaves_an_index_that_is_right", "--nocapture"])
            .env(FOLDER, folder.path())
            .spawn()
            .unwrap();
        let started = Instant::now();
        while !begun.exists() && started.elapsed() < Duration::from_secs(60) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(wait)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(begun.exists(), "it wrote nothing");
        let index = open(&path)?;
        let held = index.len().await?;
        settled(&index).await;
        assert!(held >= 50 && recall(&index, 1) >= 0.95, "{held} titles");
    }
    Ok(())
}

#[tokio::test]
async fn a_measurement_tells_what_the_graph_finds() -> Outcome {
    let folder = folder();
    let path = folder.path().join("vectors");
    let index = ExactVectors::open(&path, model())?;
    assert!(matches!(crate::measure(&path, 10), Err(VectorError::Invalid(_))), "nothing to measure");
    index.upsert(points(0..1_000), 1).await?;
    let measured = crate::measure(&path, 20)?;
    assert_eq!((measured.titles, measured.vectors, measured.vector_bytes), (1_000, 1_500, 4 * DIMENSION));
    assert!(measured.build_seconds > 0.0 && measured.graph_bytes > DIMENSION);
    assert_eq!(measured.model, model());
    assert_eq!(measured.classes.iter().map(|class| class.percent).collect::<Vec<_>>(), [100, 1, 10, 50, 99]);
    for class in measured.classes {
        assert!(class.recall_at_10 >= 0.95 && class.graph_recall_at_10 >= 0.95, "{class:?}");
        assert!(class.recall_at_10 <= 1.0 && class.queries_per_second > 0.0, "{class:?}");
        assert_eq!(class.led, 0.0, "so few are quicker scanned");
    }
    Ok(())
}
