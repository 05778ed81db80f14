//! A search that the graph leads: where it is quicker than comparing everything, and how it stays complete.

use std::collections::BTreeSet;

use contracts::Scored;

use super::{
    bits::Bits,
    rows::{NOBODY, Rows, scored},
    scan::Best,
};
use crate::hnsw::Graph;

/// The fewest rows that the graph is asked for: fewer, and too many of the nearest ten are missed.
pub const MIN_ROWS: usize = 512;
/// What one row of the graph costs, in vectors that could be compared in that time. Measured, see docs/measured.
const ROW_COST: usize = 50;
/// What a row costs that the graph does not know yet, likewise.
const CHANGED_COST: usize = 4;
/// The fewest vectors for which any search is quicker with the graph than without.
pub const WORTH_A_GRAPH: usize = MIN_ROWS * ROW_COST;

impl Rows {
    /// Whether comparing everything that passes is quicker than asking the graph for `count` rows. A walk meets only
    /// as many rows that pass as pass at all, so that a filter makes it longer by as much as it makes the scan shorter.
    fn is_quicker_scanned(&self, count: usize, passing: usize) -> bool {
        let (points, vectors) = (self.len().max(1) as f64, self.vectors_len() as f64);
        let share = (passing as f64 / points).max(f64::MIN_POSITIVE);
        // With gaps memory is slower; without, the whole is read.
        let scan = if share > 1.0 / 3.0 { vectors } else { 2.0 * vectors * share };
        scan <= (count * ROW_COST) as f64 / share + (CHANGED_COST * self.changed.len()) as f64
    }

    /// About the nearest points among those in the slots `passing`: those the graph finds, with their true scores, and
    /// those that changed since the graph saw them. `None` where comparing all of them is quicker or the graph fails.
    pub fn led_by(&self, graph: &Graph, query: &[f32], limit: usize, passing: &Bits) -> Option<Vec<Scored>> {
        let there = passing.len();
        // A title's vectors are often near each other, so that a title may come several times.
        let mut count = (limit + limit / 8).max(MIN_ROWS);
        while !self.is_quicker_scanned(count, there) {
            let slots = self.led_slots(graph, query, count, passing)?;
            if slots.len() >= limit.min(there) {
                return Some(self.best_of(query, limit, slots));
            }
            count *= 2;
        }
        None
    }

    /// The best of these slots, by their true scores.
    pub fn best_of(&self, query: &[f32], limit: usize, slots: BTreeSet<usize>) -> Vec<Scored> {
        let mut best = Best::new(limit, slots.len());
        slots.into_iter().for_each(|slot| best.offer(self.score(query, slot), self.points[slot].id));
        scored(best)
    }

    /// The slots that the graph leads to with `count` rows, and those of rows that it doesn't know as they are.
    pub fn led_slots(&self, graph: &Graph, query: &[f32], count: usize, passing: &Bits) -> Option<BTreeSet<usize>> {
        let slot = |row: usize| {
            let owner = *self.owners.get(row).filter(|owner| **owner != NOBODY)? as usize;
            passing.contains(owner).then_some(owner)
        };
        let wanted = |row: u32| !self.changed.contains(row as usize) && slot(row as usize).is_some();
        let found = match graph.search(query, count, wanted) {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "the graph of vectors fails: all are compared instead");
                return None;
            }
        };
        let found = found.into_iter().filter_map(|row| slot(row as usize));
        Some(found.chain(self.changed.slots().filter_map(slot)).collect())
    }
}
