//! What the graph compares: vectors of bytes, and their dot product as fast as the processor can.

/// A normalised vector in bytes: components are scaled so that eight times the usual one (`1/√dimension`) is the
/// greatest; what lies beyond is cut. The graph only leads the way, so little precision is needed: what it finds is
/// scored by the vectors themselves.
pub fn quantised(vector: &[f32]) -> Vec<i8> {
    let scale = scale(vector.len());
    vector.iter().map(|x| (x * scale).round().clamp(-127.0, 127.0) as i8).collect()
}

fn scale(dimension: usize) -> f32 {
    127.0 * ((dimension as f32).sqrt() / 8.0).max(1.0)
}

/// The distance of two vectors of the same length that [`quantised`] made: about one less their cosine.
pub fn distance(left: &[i8], right: &[i8]) -> f32 {
    1.0 - dot(left, right) as f32 / scale(left.len()).powi(2)
}

fn dot(left: &[i8], right: &[i8]) -> i32 {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        #[allow(unsafe_code, reason = "the processor has just been asked whether it can")]
        return unsafe { dot_avx2(left, right) };
    }
    dot_portable(left, right)
}

/// The portable one again, compiled to wider instructions than every x86-64 has: five times as fast.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn dot_avx2(left: &[i8], right: &[i8]) -> i32 {
    dot_portable(left, right)
}

#[inline(always)]
fn dot_portable(left: &[i8], right: &[i8]) -> i32 {
    left.iter().zip(right).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::exact::{dot as exact_dot, normalised};

    proptest! {
        #[test]
        fn is_near_the_cosine(
            (left, right) in (1_usize..800).prop_flat_map(|length| {
                let vector = || prop::collection::vec(-1.0_f32..1.0, length);
                (vector(), vector())
            }),
        ) {
            let (left, right) = (normalised(&left), normalised(&right));
            let near = distance(&quantised(&left), &quantised(&right));
            prop_assert!((near - (1.0 - exact_dot(&left, &right))).abs() < 0.03, "{near}");
        }

        #[test]
        fn every_instruction_set_counts_alike(left in prop::collection::vec(any::<i8>(), 0..900)) {
            let right: Vec<i8> = left.iter().rev().copied().collect();
            prop_assert_eq!(dot(&left, &right), dot_portable(&left, &right));
        }
    }
}
