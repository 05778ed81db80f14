//! What the graph compares: one bit a component, and in how many two vectors differ, as fast as the processor can tell.
//!
//! Where a component lies, above or below the mean of all vectors, says enough to lead the way (M. Charikar, "Similarity
//! Estimation Techniques from Rounding Algorithms", STOC 2002, with the axes as the random directions); what the graph
//! finds is scored by the vectors themselves.

/// Bits that are compared at a time.
const WORD: usize = 64;

/// The bytes that a vector of `dimension` takes.
pub fn bytes_of(dimension: usize) -> usize {
    dimension.div_ceil(WORD) * (WORD / 8)
}

/// For each component of `vector` whether it is greater than that of `centre`, with zeros up to whole words.
pub fn bits(vector: &[f32], centre: &[f32]) -> Vec<u8> {
    let mut bits = vec![0; bytes_of(vector.len())];
    for (place, (x, mean)) in vector.iter().zip(centre).enumerate() {
        bits[place / 8] |= u8::from(x > mean) << (place % 8);
    }
    bits
}

/// In how many bits two vectors differ that [`bits`] made.
pub fn distance(left: &[u8], right: &[u8]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("popcnt") {
        #[allow(unsafe_code, reason = "the processor has just been asked whether it can")]
        return unsafe { differing_popcnt(left, right) };
    }
    differing_portable(left, right)
}

/// The portable one again, compiled to an instruction that not every x86-64 has.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "popcnt")]
fn differing_popcnt(left: &[u8], right: &[u8]) -> u32 {
    differing_portable(left, right)
}

#[inline(always)]
fn differing_portable(left: &[u8], right: &[u8]) -> u32 {
    let ((left, _), (right, _)) = (left.as_chunks::<{ WORD / 8 }>(), right.as_chunks::<{ WORD / 8 }>());
    let words = left.iter().zip(right);
    words.map(|(a, b)| (u64::from_ne_bytes(*a) ^ u64::from_ne_bytes(*b)).count_ones()).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_bit_says_on_which_side_of_the_centre() {
        let centre = [0.5, 0.0, -0.5];
        assert_eq!(bits(&[0.6, 0.0, -0.4], &centre), [0b101, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bits(&[0.0; 65], &[-1.0; 65]), [255, 255, 255, 255, 255, 255, 255, 255, 1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!((bytes_of(1), bytes_of(64), bytes_of(384), bytes_of(385)), (8, 8, 48, 56));
    }

    proptest! {
        #[test]
        fn the_distance_is_the_number_of_components_on_other_sides(
            pairs in prop::collection::vec((-9_i8..9, -9_i8..9, -9_i8..9), 1..900),
        ) {
            let part = |of: fn(&(i8, i8, i8)) -> i8| pairs.iter().map(|pair| f32::from(of(pair))).collect::<Vec<_>>();
            let (left, right, centre) = (part(|p| p.0), part(|p| p.1), part(|p| p.2));
            let counted = pairs.iter().filter(|(l, r, c)| (l > c) != (r > c)).count();
            let (left, right) = (bits(&left, &centre), bits(&right, &centre));
            prop_assert_eq!(distance(&left, &right) as usize, counted);
            prop_assert_eq!(differing_portable(&left, &right) as usize, counted);
        }
    }
}
