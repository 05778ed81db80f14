//! How good the graph is on a folder's own vectors, with the exact scan as the judge.

use std::{path::Path, time::Instant};

use contracts::{ModelInfo, Scored, Vector};
use stores::vectors::VectorError;

use crate::{
    exact::{Bits, MIN_ROWS, Rows, Way, stored},
    hnsw::Graph,
};

/// The nearest that count.
const NEAREST: usize = 10;
/// The shares of titles that pass a filter, in percent; all first.
const SHARES: [u64; 5] = [100, 1, 10, 50, 99];
/// Rows that are put into the graph at a time.
const CHUNK: usize = 1_024;

/// What [`measure`] found. Rates are of one thread.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Whose vectors these are.
    pub model: ModelInfo,
    /// Titles in the index.
    pub titles: usize,
    /// Their vectors.
    pub vectors: usize,
    /// How long the graph took to build, in seconds, with as many threads as there are cores.
    pub build_seconds: f64,
    /// The memory a vector takes: its components.
    pub vector_bytes: usize,
    /// The memory a vector takes in the graph, its bits, twice, and edges.
    pub graph_bytes: usize,
    /// For each share of titles that pass.
    pub classes: Vec<Class>,
}

/// Searches with a filter that lets some share of the titles pass, whatever they are about.
#[derive(Clone, Debug)]
pub struct Class {
    /// The share in percent; 100 is no filter.
    pub percent: u64,
    /// The share of searches that the graph led.
    pub led: f64,
    /// The share that compared the bits of all titles that pass. The others compared all their vectors.
    pub by_bits: f64,
    /// The share of the ten nearest titles that the index finds as it is used.
    pub recall_at_10: f64,
    /// Searches a second as the index is used.
    pub queries_per_second: f64,
    /// The share that the graph finds when it leads every search.
    pub graph_recall_at_10: f64,
    /// Searches a second when the graph leads every search.
    pub graph_queries_per_second: f64,
    /// Searches a second when all vectors are compared.
    pub exact_queries_per_second: f64,
}

/// Builds a graph over the vectors in the file at `path` and asks for the neighbours of `queries` of them. The file stays
/// as it is, and its owner may go on writing. Blocks for as long as that takes.
///
/// # Errors
/// As of [`crate::ExactVectors::open`]; [`VectorError::Invalid`] when there are not more titles than are asked for.
pub fn measure(path: &Path, queries: usize) -> Result<Measured, VectorError> {
    let (model, mut rows) = stored(path)?;
    if rows.len() <= NEAREST || queries == 0 {
        return Err(VectorError::Invalid(format!("{} titles are too few to measure with", rows.len())));
    }
    let graph = Graph::new(model.dimension)?;
    let started = Instant::now();
    build(&mut rows, &graph)?;
    let build_seconds = started.elapsed().as_secs_f64();
    let classes = SHARES.into_iter().map(|percent| class(&rows, &graph, percent, queries)).collect();
    Ok(Measured {
        titles: rows.len(),
        vectors: rows.vectors_len(),
        build_seconds,
        vector_bytes: 4 * model.dimension,
        graph_bytes: graph.memory() / rows.vectors_len().max(1),
        classes,
        model,
    })
}

/// Every vector in the file at `path`, for those who measure others with them. The file stays as it is.
///
/// # Errors
/// As of [`crate::ExactVectors::open`].
pub fn stored_vectors(path: &Path) -> Result<(ModelInfo, Vec<Vector>), VectorError> {
    let (model, rows) = stored(path)?;
    let vectors = rows.live().slots().flat_map(|slot| rows.vectors(rows.id(slot))).collect();
    Ok((model, vectors))
}

fn build(rows: &mut Rows, graph: &Graph) -> Result<(), VectorError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    graph.centre_on(rows.mean());
    loop {
        let changed = rows.changed(CHUNK);
        if changed.is_empty() {
            return Ok(());
        }
        graph.put(&changed, threads)?;
        rows.settle(&changed);
    }
}

/// Adds up what one way of searching does.
#[derive(Default)]
struct Tally {
    seconds: f64,
    right: usize,
}

impl Tally {
    fn take<T>(&mut self, search: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let found = search();
        self.seconds += started.elapsed().as_secs_f64();
        found
    }

    fn judge(&mut self, found: &[Scored], truth: &[Scored]) {
        // By score: of equals the one is as good as the other.
        let worst = truth.last().map_or(f64::INFINITY, |scored| scored.score);
        self.right += found.iter().take(truth.len()).filter(|scored| scored.score >= worst - 1e-6).count();
    }

    /// The share that was found of the `wanted` nearest of all searches.
    fn recall(&self, wanted: usize) -> f64 {
        self.right as f64 / wanted.max(1) as f64
    }

    fn rate(&self, queries: usize) -> f64 {
        queries as f64 / self.seconds.max(f64::MIN_POSITIVE)
    }
}

fn class(rows: &Rows, graph: &Graph, percent: u64, queries: usize) -> Class {
    let mut passing = Bits::default();
    rows.live().slots().filter(|&slot| bucket(rows, slot) < percent).for_each(|slot| passing.insert(slot));
    let (mut used, mut led, mut exact) = (Tally::default(), Tally::default(), Tally::default());
    let (mut asked, mut wanted, mut ways) = (0, 0, Vec::new());
    for slot in rows.live().slots().step_by((rows.len() / queries).max(1)).take(queries) {
        let Some(query) = rows.vectors(rows.id(slot)).into_iter().next() else { continue };
        // The title itself would always be found.
        let mut others = passing.clone();
        others.remove(slot);
        let truth = exact.take(|| rows.search_all(&query, NEAREST, &others));
        let found = used.take(|| {
            let led = rows.led_by(graph, &query, NEAREST, &others);
            let (found, way) = led.unwrap_or_else(|| (rows.search_all(&query, NEAREST, &others), Way::All));
            ways.push(way);
            found
        });
        used.judge(&found, &truth);
        let found = led.take(|| {
            let slots = rows.led_slots(graph, &query, MIN_ROWS, &others).unwrap_or_default();
            rows.best_of(&query, NEAREST, slots)
        });
        led.judge(&found, &truth);
        asked += 1;
        wanted += truth.len();
    }
    let share = |wanted: Way| ways.iter().filter(|way| **way == wanted).count() as f64 / ways.len().max(1) as f64;
    Class {
        percent,
        led: share(Way::Graph),
        by_bits: share(Way::Bits),
        recall_at_10: used.recall(wanted),
        queries_per_second: used.rate(asked),
        graph_recall_at_10: led.recall(wanted),
        graph_queries_per_second: led.rate(asked),
        exact_queries_per_second: exact.rate(asked),
    }
}

/// A number below 100 for each title that has nothing to do with its meaning.
fn bucket(rows: &Rows, slot: usize) -> u64 {
    u64::from(crc32fast::hash(rows.id(slot).0.as_bytes())) % 100
}

#[cfg(test)]
mod tests {
    use stores::suites::vectors::id;

    use super::*;

    fn list(titles: &[(u128, f64)]) -> Vec<Scored> {
        titles.iter().map(|(n, score)| Scored { content_id: id(*n), score: *score }).collect()
    }

    /// Ten titles, of which the first `right` are the nearest and the others farther than all of these.
    fn found(right: u128) -> Vec<Scored> {
        list(&(0..10).map(|n| if n < right { (n, 0.9) } else { (100 + n, 0.1) }).collect::<Vec<_>>())
    }

    #[test]
    fn half_of_the_nearest_is_a_recall_of_one_half() {
        let truth = list(&(0..10).map(|n| (n, 0.95 - 0.01 * n as f64)).collect::<Vec<_>>());
        let recall = |lists: &[u128]| {
            let mut tally = Tally::default();
            lists.iter().for_each(|right| tally.judge(&found(*right), &truth));
            tally.recall(10 * lists.len())
        };
        for (lists, share) in [(&[10, 10][..], 1.0), (&[5, 5], 0.5), (&[10, 0], 0.5), (&[0, 0], 0.0), (&[9], 0.9)] {
            assert!((recall(lists) - share).abs() < 1e-12, "{lists:?}: {}", recall(lists));
        }
    }

    #[test]
    fn what_is_missing_is_not_found_and_what_is_as_near_is() {
        let truth = list(&[(1, 0.9), (2, 0.8), (3, 0.8), (4, 0.7)]);
        let mut tally = Tally::default();
        tally.judge(&list(&[(1, 0.9), (2, 0.8)]), &truth);
        assert_eq!(tally.right, 2, "a short answer");
        tally.judge(&list(&[(1, 0.9), (2, 0.8), (3, 0.8), (9, 0.7)]), &truth);
        assert_eq!(tally.right, 2 + 4, "another title as near as the last");
        tally.judge(&list(&[(1, 0.9), (2, 0.8), (8, 0.6), (9, 0.5), (3, 0.8), (4, 0.7)]), &truth);
        assert_eq!(tally.right, 2 + 4 + 2, "what comes after as many as are wanted");
        assert_eq!(Tally::default().recall(0), 0.0);
    }
}
