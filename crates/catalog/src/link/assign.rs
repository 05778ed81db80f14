//! A one-to-one assignment. (pure)

use std::collections::{HashMap, HashSet};

use super::Link;

/// Scores this near to each other are equal.
const EQUAL: f64 = 0.005;

/// Takes the best pairs first, each record once. A pair that another one equals, on either side, is not taken, and
/// neither is the other: nothing tells them apart.
pub fn one_to_one(mut pairs: Vec<Link>) -> Vec<Link> {
    pairs.sort_by(|a, b| b.score.total_cmp(&a.score).then((a.left, a.right).cmp(&(b.left, b.right))));
    let (mut by_left, mut by_right): (HashMap<usize, Vec<usize>>, HashMap<usize, Vec<usize>>) = Default::default();
    for (at, pair) in pairs.iter().enumerate() {
        by_left.entry(pair.left).or_default().push(at);
        by_right.entry(pair.right).or_default().push(at);
    }
    let (mut left_done, mut right_done) = (HashSet::new(), HashSet::new());
    let mut taken = Vec::new();
    for (at, pair) in pairs.iter().enumerate() {
        if left_done.contains(&pair.left) || right_done.contains(&pair.right) {
            continue;
        }
        let open = |other: &&usize| {
            let other = &pairs[**other];
            !left_done.contains(&other.left) && !right_done.contains(&other.right)
        };
        let equal = |other: &usize| *other != at && pair.score - pairs[*other].score < EQUAL;
        let rivals: Vec<usize> = [&by_left[&pair.left], &by_right[&pair.right]]
            .into_iter()
            .flatten()
            .filter(open)
            .copied()
            .filter(equal)
            .collect();
        if rivals.is_empty() {
            taken.push(*pair);
        }
        left_done.insert(pair.left);
        right_done.insert(pair.right);
        // What nothing tells apart stays apart: none of the rivals may be taken in its place.
        left_done.extend(rivals.iter().map(|other| pairs[*other].left));
        right_done.extend(rivals.iter().map(|other| pairs[*other].right));
    }
    taken.sort_by_key(|pair| pair.left);
    taken
}
