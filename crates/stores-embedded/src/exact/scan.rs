//! The arithmetic of an exact search: normalise, compare, keep the best.

use std::{cmp::Ordering, collections::BinaryHeap};

use contracts::ContentId;

/// How many partial sums a dot product keeps: enough for the compiler to fill its vector registers.
const LANES: usize = 16;

/// The dot product of two vectors of the same length.
pub fn dot(left: &[f32], right: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let (left, left_rest) = left.as_chunks::<LANES>();
    let (right, right_rest) = right.as_chunks::<LANES>();
    for (a, b) in left.iter().zip(right) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = left_rest.iter().zip(right_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// `vector` at length 1; one of zeros stays as it is.
pub fn normalised(vector: &[f32]) -> Vec<f32> {
    // In f64, where the square of no f32 overflows.
    let length = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
    if length == 0.0 {
        return vector.to_vec();
    }
    vector.iter().map(|&x| (f64::from(x) / length) as f32).collect()
}

/// One candidate; the greater is the worse, so that a max-heap has the one to drop on top.
#[derive(PartialEq)]
struct Candidate {
    score: f32,
    id: ContentId,
}

impl Eq for Candidate {}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then(self.id.cmp(&other.id))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The best `limit` of what it is offered: the higher score first, then the smaller id.
pub struct Best {
    limit: usize,
    heap: BinaryHeap<Candidate>,
}

impl Best {
    /// Keeps at most `limit`, of at most `of` offered.
    pub fn new(limit: usize, of: usize) -> Self {
        let limit = limit.min(of);
        Self { limit, heap: BinaryHeap::with_capacity(limit + 1) }
    }

    /// Takes a candidate into account.
    pub fn offer(&mut self, score: f32, id: ContentId) {
        // `+ 0.0` turns a negative zero into the positive one, which `total_cmp` tells apart.
        let candidate = Candidate { score: score + 0.0, id };
        if self.heap.len() < self.limit {
            self.heap.push(candidate);
        } else if let Some(mut worst) = self.heap.peek_mut().filter(|worst| candidate < **worst) {
            *worst = candidate;
        }
    }

    /// The best, best first.
    pub fn into_sorted(self) -> Vec<(ContentId, f32)> {
        self.heap.into_sorted_vec().into_iter().map(|candidate| (candidate.id, candidate.score)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use stores::suites::vectors::id;

    use super::*;

    #[test]
    fn normalises_any_length() {
        assert_eq!(normalised(&[3.0, 4.0]), [0.6, 0.8]);
        assert_eq!(normalised(&[0.0, 0.0]), [0.0, 0.0]);
        assert_eq!(normalised(&[f32::MAX, 0.0]), [1.0, 0.0]);
        assert_eq!(normalised(&[f32::MIN_POSITIVE, 0.0]), [1.0, 0.0]);
    }

    #[test]
    fn zeros_of_either_sign_are_equal() {
        let mut best = Best::new(2, 2);
        best.offer(0.0, id(2));
        best.offer(-0.0, id(1));
        assert_eq!(best.into_sorted(), [(id(1), 0.0), (id(2), 0.0)]);
    }

    proptest! {
        #[test]
        fn dot_is_the_sum_of_products(pairs in prop::collection::vec((-8_i8..8, -8_i8..8), 0..100)) {
            let (left, right): (Vec<f32>, Vec<f32>) = pairs.iter().map(|&(a, b)| (f32::from(a), f32::from(b))).unzip();
            let exact: i32 = pairs.iter().map(|&(a, b)| i32::from(a) * i32::from(b)).sum();
            prop_assert_eq!(dot(&left, &right), exact as f32);
        }

        #[test]
        fn best_is_the_head_of_the_sorted(scores in prop::collection::vec(-3_i8..3, 0..50), limit in 0_usize..12) {
            let mut all: Vec<_> = scores.iter().zip(0..).map(|(&score, n)| (id(n), f32::from(score))).collect();
            let mut best = Best::new(limit, all.len());
            all.iter().rev().for_each(|&(id, score)| best.offer(score, id));
            all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            all.truncate(limit);
            prop_assert_eq!(best.into_sorted(), all);
        }
    }
}
