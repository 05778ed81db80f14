//! How texts become the rectangles of numbers that a model takes. Pure.

/// The most texts in a batch.
pub const MAX_BATCH: usize = 32;

/// The most tokens in a batch, padding included: the runtime keeps the memory of the largest batch it has seen, and what
/// a batch needs should fit the processor's cache. Measured: four times as many cost a third more time a text.
const MAX_TOKENS: usize = 512;

/// The tokens of one text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// What the vocabulary calls each token.
    pub ids: Vec<u32>,
    /// Which segment each belongs to.
    pub types: Vec<u32>,
}

/// Which texts go together: at most [`MAX_BATCH`] of about the same length, so that little is padded, and at most
/// [`MAX_TOKENS`] tokens, unless one text alone has more.
pub fn plan(lengths: &[usize]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&text| lengths[text]);
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for text in order {
        match batches.last_mut() {
            // The texts come in the order of their length, so this one sets the width.
            Some(batch) if batch.len() < MAX_BATCH && (batch.len() + 1) * lengths[text] <= MAX_TOKENS => {
                batch.push(text)
            }
            _ => batches.push(vec![text]),
        }
    }
    batches
}

/// A batch as a model takes it: `texts × width` numbers in rows, the shorter texts padded on the right.
#[derive(Debug, PartialEq, Eq)]
pub struct Padded {
    /// How many texts.
    pub texts: usize,
    /// How many tokens a row holds: as many as the longest text.
    pub width: usize,
    /// Token ids; 0 in the padding.
    pub ids: Vec<i64>,
    /// 1 for a token, 0 for padding.
    pub mask: Vec<i64>,
    /// Segments; 0 in the padding.
    pub types: Vec<i64>,
}

/// Pads `texts` to the longest of them.
pub fn pad(texts: &[&Tokens]) -> Padded {
    let width = texts.iter().map(|text| text.ids.len()).max().unwrap_or(0);
    let rows = |of: fn(&Tokens) -> &[u32]| {
        let row = |text: &&Tokens| {
            let numbers = of(text).iter().copied().map(i64::from);
            numbers.chain(std::iter::repeat(0)).take(width).collect::<Vec<_>>()
        };
        texts.iter().flat_map(row).collect()
    };
    let mask = texts.iter().flat_map(|text| (0..width).map(|at| i64::from(at < text.ids.len()))).collect();
    Padded { texts: texts.len(), width, ids: rows(|text| &text.ids), mask, types: rows(|text| &text.types) }
}

/// The first `most` bytes of `text`, less where that would split a character.
pub fn head(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn long_texts_go_in_small_batches() {
        let batches = plan(&[256; 20]);
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [2; 10]);
        assert_eq!(plan(&[9_999]), [[0]]);
    }

    #[test]
    fn thirty_two_short_texts_go_together() {
        let batches = plan(&[4; 70]);
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [32, 32, 6]);
    }

    #[test]
    fn pads_on_the_right() {
        let long = Tokens { ids: vec![5, 6, 7], types: vec![0, 0, 1] };
        let short = Tokens { ids: vec![9], types: vec![1] };
        let padded = pad(&[&short, &long]);
        assert_eq!((padded.texts, padded.width), (2, 3));
        assert_eq!(padded.ids, [9, 0, 0, 5, 6, 7]);
        assert_eq!(padded.mask, [1, 0, 0, 1, 1, 1]);
        assert_eq!(padded.types, [1, 0, 0, 0, 0, 1]);
        assert_eq!(pad(&[&Tokens::default()]).ids, [0; 0]);
    }

    #[test]
    fn cuts_between_characters() {
        assert_eq!(head("grün", 3), "gr");
        assert_eq!(head("grün", 4), "grü");
        assert_eq!(head("grün", 99), "grün");
    }

    proptest! {
        #[test]
        fn a_plan_has_every_text_once_and_pads_little(lengths in prop::collection::vec(1_usize..256, 0..200)) {
            let plan = plan(&lengths);
            prop_assert!(plan.iter().all(|batch| (1..=MAX_BATCH).contains(&batch.len())));
            let tokens = |texts: usize, widest: usize| texts * lengths[widest];
            for batch in &plan {
                prop_assert!(tokens(batch.len(), batch[batch.len() - 1]) <= MAX_TOKENS);
            }
            for pair in plan.windows(2) {
                // A batch ends only where the next text would not have fitted.
                let full = pair[0].len() == MAX_BATCH || tokens(pair[0].len() + 1, pair[1][0]) > MAX_TOKENS;
                prop_assert!(full);
            }
            let flat: Vec<_> = plan.into_iter().flatten().collect();
            prop_assert!(flat.is_sorted_by_key(|&text| lengths[text]));
            let mut texts = flat;
            texts.sort_unstable();
            prop_assert!(texts.into_iter().eq(0..lengths.len()));
        }
    }
}
