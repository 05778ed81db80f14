//! (pure) How good an order is when one answer is right, and how sure we can be of it.

use contracts::Rng;
use serde::Serialize;

/// How often the questions are drawn anew for an interval.
const DRAWS: usize = 2_000;

/// Means over questions with one right answer each. The JSON of `eval search` holds exactly these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Metrics {
    /// The share of questions whose answer is first.
    pub success_at_1: f64,
    /// … among the first 10.
    pub success_at_10: f64,
    /// … among the first 100.
    pub success_at_100: f64,
    /// … among the first 1000.
    pub success_at_1000: f64,
    /// Mean reciprocal rank; an answer that is not among the first 1000 counts 0.
    pub mrr: f64,
    /// Normalised discounted cumulative gain at 10 (Järvelin and Kekäläinen, TOIS 2002): with one right answer,
    /// `1 / log₂(1 + rank)` where it is among the first 10.
    pub ndcg_at_10: f64,
}

impl Metrics {
    /// The names of the columns, in the order of [`Metrics::values`].
    pub const NAMES: [&str; 6] = ["success@1", "@10", "@100", "@1000", "MRR", "nDCG@10"];

    /// Over the rank of each question's answer, counted from 1; `None` where it was not found. No question: all 0.
    pub fn of(ranks: &[Option<usize>]) -> Self {
        Self::mean_of(ranks.iter())
    }

    /// The values in the order of [`Metrics::NAMES`].
    pub fn values(&self) -> [f64; 6] {
        [self.success_at_1, self.success_at_10, self.success_at_100, self.success_at_1000, self.mrr, self.ndcg_at_10]
    }

    fn mean_of<'a>(ranks: impl ExactSizeIterator<Item = &'a Option<usize>>) -> Self {
        let count = ranks.len().max(1) as f64;
        let mut sum = Self::default();
        for rank in ranks.filter_map(|rank| rank.filter(|rank| (1..=1000).contains(rank))) {
            let within = |depth: usize| f64::from(u8::from(rank <= depth));
            sum.success_at_1 += within(1) / count;
            sum.success_at_10 += within(10) / count;
            sum.success_at_100 += within(100) / count;
            sum.success_at_1000 += within(1000) / count;
            sum.mrr += 1.0 / rank as f64 / count;
            sum.ndcg_at_10 += within(10) / (1.0 + rank as f64).log2() / count;
        }
        sum
    }
}

/// The middle 95 % of what chance gives.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// For each metric the 95 % interval of its value over `ranks`: a percentile bootstrap over questions (Efron, 1979).
pub fn interval(ranks: &[Option<usize>], rng: &Rng) -> [Interval; 6] {
    bootstrap(ranks.len(), rng, |draw| Metrics::mean_of(draw.iter().map(|place| &ranks[*place])).values())
}

/// For each metric the 95 % interval of `ours` minus `theirs`, over the same draws of questions for both: paired, so
/// that a question that is hard for both does not blur the difference. Both must rank the same questions.
pub fn difference(ours: &[Option<usize>], theirs: &[Option<usize>], rng: &Rng) -> [Interval; 6] {
    bootstrap(ours.len().min(theirs.len()), rng, |draw| {
        let ours = Metrics::mean_of(draw.iter().map(|place| &ours[*place])).values();
        let theirs = Metrics::mean_of(draw.iter().map(|place| &theirs[*place])).values();
        std::array::from_fn(|metric| ours[metric] - theirs[metric])
    })
}

fn bootstrap(questions: usize, rng: &Rng, measure: impl Fn(&[usize]) -> [f64; 6]) -> [Interval; 6] {
    if questions == 0 {
        return Default::default();
    }
    let mut draw = vec![0; questions];
    let mut found: [Vec<f64>; 6] = Default::default();
    for _ in 0..DRAWS {
        draw.iter_mut().for_each(|place| *place = rng.below(questions as u64) as usize);
        found.iter_mut().zip(measure(&draw)).for_each(|(values, value)| values.push(value));
    }
    found.map(|mut values| {
        values.sort_by(f64::total_cmp);
        let cut = DRAWS / 40;
        Interval { low: values[cut], high: values[DRAWS - 1 - cut] }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_those_of_the_definitions() {
        let metrics = Metrics::of(&[Some(1), Some(3), Some(40), None]);
        let expected = Metrics {
            success_at_1: 0.25,
            success_at_10: 0.5,
            success_at_100: 0.75,
            success_at_1000: 0.75,
            mrr: (1.0 + 1.0 / 3.0 + 1.0 / 40.0) / 4.0,
            ndcg_at_10: (1.0 + 0.5) / 4.0,
        };
        for (value, expected) in metrics.values().into_iter().zip(expected.values()) {
            assert!((value - expected).abs() < 1e-12, "{metrics:?}");
        }
    }

    #[test]
    fn what_lies_too_deep_is_not_found() {
        assert_eq!(Metrics::of(&[Some(1001), None]), Metrics::default());
        assert_eq!(Metrics::of(&[]), Metrics::default());
        assert!(Metrics::of(&[Some(1000)]).success_at_1000 > 0.99);
    }

    #[test]
    fn intervals_hold_the_value_and_repeat_with_the_seed() {
        let ranks: Vec<_> = (0..200).map(|place| (place % 5 == 0).then_some(1 + place % 3)).collect();
        let (values, found) = (Metrics::of(&ranks).values(), interval(&ranks, &Rng::seeded(1)));
        for (value, interval) in values.into_iter().zip(found) {
            assert!(interval.low <= value && value <= interval.high && interval.low < interval.high || value == 0.0);
        }
        assert_eq!(found, interval(&ranks, &Rng::seeded(1)));
        // The binomial's own 95 %: .2 ± 1.96 √(.2 · .8 / 200).
        assert!((found[1].low - 0.145).abs() < 0.02 && (found[1].high - 0.255).abs() < 0.02, "{found:?}");
    }

    #[test]
    fn a_paired_difference_is_sharper_than_two_intervals() {
        let theirs: Vec<_> = (0..300).map(|place| (place % 2 == 0).then_some(5)).collect();
        let ours: Vec<_> = (0..300).map(|place| (place % 2 == 0 || place % 20 == 1).then_some(5)).collect();
        let gain = difference(&ours, &theirs, &Rng::seeded(2))[1];
        assert!(gain.low > 0.0 && gain.high < 0.1, "{gain:?}");
        let alone = (interval(&ours, &Rng::seeded(3))[1], interval(&theirs, &Rng::seeded(3))[1]);
        assert!(alone.0.low < alone.1.high, "apart, they can't be told");
        assert_eq!(difference(&ours, &ours, &Rng::seeded(4)), [Interval::default(); 6]);
        assert_eq!(difference(&[], &[], &Rng::seeded(4)), [Interval::default(); 6]);
    }
}
