//! (pure) Re-ranks the first titles of a long question's list by all that is known of how each fits.
//!
//! Fusion sees one number of each source. Of the few titles at its top more can be looked at: which part of a title the
//! words are in, how many of them, and whether neighbours are still neighbours. A linear model weighs it, as Fuhr's
//! ("Optimum polynomial retrieval functions", TOIS 1989); its weights maximise the likelihood that the answer is the one
//! chosen among the candidates (the softmax of ListNet: Cao et al., "Learning to rank", ICML 2007).

use contracts::ContentId;

use super::{
    Fused,
    story::{Story, Told, remembered},
};

/// How many titles are looked at: deeper ones hardly reach a first page, and each costs time.
pub(crate) const DEPTH: usize = 100;

/// How a title fits the words of a long question, part by part.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Match {
    /// BM25 of the overview.
    pub overview: f64,
    /// The share, from 0 to 1, of the words, each as rare as it is, that the overview holds.
    pub covered: f64,
    /// The same as a sum for neighbours of the question that stand near each other in the overview, in their order
    /// (the ordered windows of Metzler and Croft, SIGIR 2005).
    pub pairs: f64,
    /// The rarity (inverse document frequency) of the words that are in the title, added up.
    pub title: f64,
    /// The same for the names of its genres.
    pub genres: f64,
    /// The rarity of the question's names that the overview holds, added up.
    pub names: f64,
    /// That of the rarest of its words that the overview holds: one telling word says more than many that are common.
    pub rarest: f64,
}

/// What the model weighs, in the order of its weights.
pub const FEATURES: [&str; 11] =
    ["meaning", "overview", "covered", "pairs", "title", "genres", "time", "remembered", "place", "names", "rarest"];

/// One value for each of [`FEATURES`].
pub type Features = [f64; FEATURES.len()];

/// Fitted on the 2 155 answerable questions of a training set and rounded: `docs/measured/fit_reranker.py` and, beside
/// it, the questions that people asked. That a word of the title speaks against it is no slip: who knows one does not
/// ask for the title.
const WEIGHTS: Features = [9.1, 0.026, 4.5, 0.09, -0.09, 0.13, 0.47, 0.33, -0.36, 0.08, 0.22];

/// What is known of a title: how near it is in meaning, how it fits the words, its time, how often such are asked for,
/// and the natural logarithm of its place in the fused list, counted from 1.
pub(crate) fn features(meaning: f64, fit: &Match, story: &Story, told: &Told, place: usize) -> Features {
    let (place, time) = ((place.max(1) as f64).ln(), story.time(told));
    let Match { overview, covered, pairs, title, genres, names, rarest } = *fit;
    [meaning, overview, covered, pairs, title, genres, time, remembered(told), place, names, rarest]
}

/// Puts the first titles, of which this was seen in their order, in the order of the model. They share out the scores
/// they had, so that what comes after them stays after them; of equals the former order decides.
pub(crate) fn rerank(fused: &mut [Fused], seen: &[Judged]) {
    let depth = fused.len().min(seen.len());
    let head = &mut fused[..depth];
    let scores: Vec<f64> = head.iter().map(|title| title.score).collect();
    let mut judged: Vec<(f64, Fused)> = seen.iter().map(|seen| worth(&seen.features)).zip(head.to_vec()).collect();
    judged.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (place, ((_, title), score)) in head.iter_mut().zip(judged.into_iter().zip(scores)) {
        *place = Fused { score, ..title };
    }
}

/// The log-odds of a title against the others, up to a constant; what is no number counts nothing.
fn worth(features: &Features) -> f64 {
    let share = |(weight, feature): (&f64, &f64)| if feature.is_finite() { weight * feature } else { 0.0 };
    WEIGHTS.iter().zip(features).map(share).sum()
}

/// What was seen of a title, for those who fit the weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// The title.
    pub content_id: ContentId,
    /// Its value for each of [`FEATURES`].
    pub features: Features,
}

#[cfg(test)]
mod tests;
