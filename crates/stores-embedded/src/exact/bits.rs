//! A set of slots, one bit each.

/// Slots as bits; grows to the highest slot put in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bits(Vec<u64>);

impl Bits {
    /// Puts `slot` in.
    pub fn insert(&mut self, slot: usize) {
        if slot / 64 >= self.0.len() {
            self.0.resize(slot / 64 + 1, 0);
        }
        self.0[slot / 64] |= 1 << (slot % 64);
    }

    /// Takes `slot` out.
    pub fn remove(&mut self, slot: usize) {
        if let Some(word) = self.0.get_mut(slot / 64) {
            *word &= !(1 << (slot % 64));
        }
    }

    /// Whether `slot` is in.
    pub fn contains(&self, slot: usize) -> bool {
        self.0.get(slot / 64).is_some_and(|word| word & (1 << (slot % 64)) != 0)
    }

    /// How many slots are in.
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Puts in all that `other` has.
    pub fn add(&mut self, other: &Self) {
        if other.0.len() > self.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            *word |= more;
        }
    }

    /// Keeps only what `other` has too.
    pub fn keep(&mut self, other: &Self) {
        self.0.truncate(other.0.len());
        for (word, also) in self.0.iter_mut().zip(&other.0) {
            *word &= also;
        }
    }

    /// The slots, ascending.
    pub fn slots(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(at, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
                rest &= rest - 1;
                Some(at * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn bits(rows: &BTreeSet<usize>) -> Bits {
        let mut bits = Bits::default();
        rows.iter().for_each(|&row| bits.insert(row));
        bits
    }

    proptest! {
        #[test]
        fn behaves_as_a_set(
            left in prop::collection::btree_set(0..300_usize, 0..40),
            right in prop::collection::btree_set(0..300_usize, 0..40),
        ) {
            let (mut both, mut either, mut less) = (bits(&left), bits(&left), bits(&left));
            both.keep(&bits(&right));
            either.add(&bits(&right));
            right.iter().for_each(|&row| less.remove(row));
            prop_assert!(both.slots().eq(left.intersection(&right).copied()));
            prop_assert!(either.slots().eq(left.union(&right).copied()));
            prop_assert!(less.slots().eq(left.difference(&right).copied()));
            prop_assert!((0..320).all(|row| bits(&left).contains(row) == left.contains(&row)));
            prop_assert_eq!(bits(&left).len(), left.len());
        }
    }
}
