//! The bits of every row beside each other: where a filter lets few pass, comparing the bits of those takes less time
//! than a walk through the graph, which meets mostly rows that don't pass.

use std::collections::BinaryHeap;

use super::kernel::{bytes_of, distance};

/// Rows of bits, by number. One below others that was never set reads as all zeros: who asks leaves it out.
pub struct Sketches {
    /// The bytes of one row.
    width: usize,
    bytes: Vec<u8>,
}

impl Sketches {
    /// No rows yet, for vectors of `dimension`.
    pub fn new(dimension: usize) -> Self {
        Self { width: bytes_of(dimension), bytes: Vec::new() }
    }

    /// The place of `row`, which is there afterwards.
    pub fn row_mut(&mut self, row: u32) -> &mut [u8] {
        let start = row as usize * self.width;
        let missing = (start + self.width).saturating_sub(self.bytes.len());
        if self.bytes.len() + missing > self.bytes.capacity() {
            // A quarter more: doubled, a large index would hold as much again for nothing.
            self.bytes.reserve_exact(missing + self.bytes.len() / 4);
        }
        self.bytes.resize(self.bytes.len() + missing, 0);
        &mut self.bytes[start..start + self.width]
    }

    /// The `count` of `rows` whose bits differ from `query` in the fewest places, in no order. Rows above all that are there
    /// are left out. Takes memory for as many as it gives, however many it is asked to compare.
    pub fn nearest(&self, query: &[u8], count: usize, rows: impl Iterator<Item = u32>) -> Vec<u32> {
        let row = |row: u32| self.bytes.get(row as usize * self.width..)?.get(..self.width);
        let mut nearest = BinaryHeap::new();
        for candidate in rows.filter_map(|at| Some((distance(query, row(at)?), at))) {
            if nearest.len() < count {
                nearest.push(candidate);
            } else if let Some(mut farthest) = nearest.peek_mut().filter(|farthest| candidate < **farthest) {
                *farthest = candidate;
            }
        }
        nearest.into_iter().map(|(_, row)| row).collect()
    }

    /// The bytes of memory they take.
    pub fn memory(&self) -> usize {
        self.bytes.capacity()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_nearest_are_those_with_the_fewest_differences(
            rows in prop::collection::vec(any::<[u8; 8]>(), 1..60),
            query in any::<[u8; 8]>(),
            count in 0_usize..70,
        ) {
            let mut sketches = Sketches::new(64);
            // Backwards, so that the first row that is set makes room for all.
            (0..rows.len()).rev().for_each(|row| sketches.row_mut(row as u32).copy_from_slice(&rows[row]));
            let differ = |row: &u32| (u64::from_ne_bytes(rows[*row as usize]) ^ u64::from_ne_bytes(query)).count_ones();
            // Every other row passes; one that is not there is asked for too.
            let passing = || (0..rows.len() as u32).step_by(2);
            let mut wanted: Vec<_> = passing().map(|row| (differ(&row), row)).collect();
            wanted.sort_unstable();
            wanted.truncate(count);
            let mut found: Vec<_> = sketches.nearest(&query, count, passing().chain([1_000]));
            found.sort_unstable_by_key(|row| (differ(row), *row));
            prop_assert_eq!(found, wanted.into_iter().map(|(_, row)| row).collect::<Vec<_>>());
        }
    }
}
