//! A search that the graph leads, or the bits it is made of: where that is quicker than comparing every vector, and how it
//! stays complete.

use std::collections::BTreeSet;

use contracts::Scored;

use super::{
    bits::Bits,
    rows::{NOBODY, Rows, scored},
    scan::Best,
};
use crate::hnsw::Graph;

/// The fewest rows that the graph is asked for: with half as many too many of the nearest ten are missed ("The graph of
/// bits" in docs/measured/2026-11-21-search-systems.md).
pub const MIN_ROWS: usize = 512;
/// Rows that are kept by their bits for each that the graph would be asked for: they cost little, and miss less. Chosen; what
/// is found with it is in docs/measured/2026-11-22-bench.md, other numbers were not measured.
const KEPT: usize = 2;
/// What one row of the graph costs, in vectors that could be compared in that time: measured, in the same part of
/// docs/measured/2026-11-21-search-systems.md.
const ROW_COST: usize = 50;
/// What a row costs that the graph does not know yet, likewise, and one that was kept by its bits: its vector is read from a
/// place of its own, while those that are compared one after the other are beside each other. Guessed, not measured.
const CHANGED_COST: usize = 4;
/// What it costs to pass over a row, and to compare the bits of one: reckoned, and held against searches a second in
/// docs/measured/2026-11-22-bench.md.
const PASSED_COST: f64 = 0.03;
const BITS_COST: f64 = 0.1;
/// The fewest vectors for which any search is quicker with the graph than without.
pub const WORTH_A_GRAPH: usize = MIN_ROWS * ROW_COST;

/// How a search finds the titles whose vectors it compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It compares those of all that pass.
    All,
    /// It compares the bits of all that pass, and the vectors of the nearest by these (M. Norouzi, A. Punjani and D. Fleet
    /// call it a linear scan of binary codes, "Fast Exact Search in Hamming Space with Multi-Index Hashing", 2014).
    Bits,
    /// It walks through the graph, and compares the vectors of what it comes by.
    Graph,
}

impl Rows {
    /// The quickest way to about `count` rows of the `passing` titles. A walk meets only as many rows that pass as pass
    /// at all, so that a filter makes it longer by as much as it makes the others shorter.
    pub fn way(&self, count: usize, passing: usize) -> Way {
        let (points, vectors) = (self.len().max(1) as f64, self.vectors_len() as f64);
        let share = (passing as f64 / points).max(f64::MIN_POSITIVE);
        let unknown = (CHANGED_COST * self.changed.len()) as f64;
        // With gaps memory is slower; without, the whole is read.
        let all = if share > 1.0 / 3.0 { vectors } else { 2.0 * vectors * share };
        let kept = (CHANGED_COST * KEPT * count) as f64;
        let bits = vectors * (PASSED_COST + BITS_COST * share) + kept + unknown;
        let graph = (count * ROW_COST) as f64 / share + unknown;
        match () {
            () if all <= bits && all <= graph => Way::All,
            () if bits <= graph => Way::Bits,
            () => Way::Graph,
        }
    }

    /// About the nearest points among those in the slots `passing`: those the graph or its bits lead to, with their true
    /// scores, and those that changed since the graph saw them; and which way they were found. `None` where comparing
    /// all of them is quicker or the graph fails.
    pub fn led_by(&self, graph: &Graph, query: &[f32], limit: usize, passing: &Bits) -> Option<(Vec<Scored>, Way)> {
        let there = passing.len();
        // A title's vectors are often near each other, so that a title may come several times.
        let mut count = (limit + limit / 8).max(MIN_ROWS);
        loop {
            let way = self.way(count, there);
            let slots = match way {
                Way::All => return None,
                Way::Bits => self.slots_by_bits(graph, query, KEPT * count, passing),
                Way::Graph => self.led_slots(graph, query, count, passing)?,
            };
            if slots.len() >= limit.min(there) {
                return Some((self.best_of(query, limit, slots), way));
            }
            count *= 2;
        }
    }

    /// The best of these slots, by their true scores.
    pub fn best_of(&self, query: &[f32], limit: usize, slots: BTreeSet<usize>) -> Vec<Scored> {
        let mut best = Best::new(limit, slots.len());
        slots.into_iter().for_each(|slot| best.offer(self.score(query, slot), self.points[slot].id));
        scored(best)
    }

    /// The slots that the graph leads to with `count` rows, and those of rows that it doesn't know as they are.
    pub fn led_slots(&self, graph: &Graph, query: &[f32], count: usize, passing: &Bits) -> Option<BTreeSet<usize>> {
        match graph.search(query, count, |row| self.is_wanted(row, passing)) {
            Ok(found) => Some(self.slots_of(found, passing)),
            Err(error) => {
                tracing::warn!(%error, "the graph of vectors fails: all are compared instead");
                None
            }
        }
    }

    /// The slots of the `count` rows that are nearest by their bits, and those of rows that the graph doesn't know.
    pub fn slots_by_bits(&self, graph: &Graph, query: &[f32], count: usize, passing: &Bits) -> BTreeSet<usize> {
        let rows = (0..self.owners.len() as u32).filter(|row| self.is_wanted(*row, passing));
        self.slots_of(graph.nearest(query, count, rows), passing)
    }

    /// Whether the graph knows `row` as it is, and its title passes.
    fn is_wanted(&self, row: u32, passing: &Bits) -> bool {
        self.slot(row, passing).is_some() && !self.changed.contains(row as usize)
    }

    fn slot(&self, row: u32, passing: &Bits) -> Option<usize> {
        let owner = *self.owners.get(row as usize).filter(|owner| **owner != NOBODY)? as usize;
        passing.contains(owner).then_some(owner)
    }

    /// The slots of what was found, and of what changed.
    fn slots_of(&self, found: Vec<u32>, passing: &Bits) -> BTreeSet<usize> {
        let changed = self.changed.slots().map(|row| row as u32);
        found.into_iter().chain(changed).filter_map(|row| self.slot(row, passing)).collect()
    }
}
