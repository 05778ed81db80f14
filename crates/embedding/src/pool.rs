//! How the numbers a model gives become one vector a text. Pure.

/// The mean of each text's token vectors, without the padding, at length 1.
///
/// `hidden` has `texts × width × dimension` numbers and `mask` `texts × width`, as in [`crate::batch::Padded`]. This
/// is how the sentence-transformers models were trained (Reimers and Gurevych, 2019).
pub fn mean(hidden: &[f32], mask: &[i64], width: usize, dimension: usize) -> Vec<Vec<f32>> {
    let texts = hidden.chunks_exact(width * dimension).zip(mask.chunks_exact(width));
    texts.map(|(hidden, mask)| normalised(mean_of_one(hidden, mask, dimension))).collect()
}

fn mean_of_one(hidden: &[f32], mask: &[i64], dimension: usize) -> Vec<f32> {
    let mut sum = vec![0.0; dimension];
    let tokens = hidden.chunks_exact(dimension).zip(mask).filter(|(_, mask)| **mask != 0);
    let mut count = 0.0_f32;
    for (token, _) in tokens {
        count += 1.0;
        sum.iter_mut().zip(token).for_each(|(sum, x)| *sum += x);
    }
    sum.iter_mut().for_each(|sum| *sum /= count.max(1.0));
    sum
}

/// `vector` at length 1; one of zeros stays as it is.
pub fn normalised(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x = (f64::from(*x) / length) as f32);
    }
    vector
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_leaves_the_padding_out() {
        // Two texts of two tokens in two dimensions; the second text's second token is padding.
        let hidden = [1.0, 0.0, 5.0, 8.0, 0.0, 2.0, 99.0, 99.0];
        let vectors = mean(&hidden, &[1, 1, 1, 0], 2, 2);
        assert_eq!(vectors, [[0.6, 0.8], [0.0, 1.0]]);
    }

    #[test]
    fn a_text_of_padding_only_is_zeros() {
        assert_eq!(mean(&[3.0, 4.0], &[0], 1, 2), [[0.0, 0.0]]);
    }

    #[test]
    fn the_length_is_one() {
        assert_eq!(normalised(vec![-3.0, 4.0]), [-0.6, 0.8]);
        assert_eq!(normalised(vec![0.0; 3]), [0.0; 3]);
        let tiny = normalised(vec![f32::MIN_POSITIVE; 4]);
        assert_eq!(tiny, [0.5; 4]);
    }
}
