//! (pure) One order from several: fusion of the sources' lists.

pub(crate) mod rerank;
pub(crate) mod story;

use std::collections::BTreeMap;

use contracts::{ContentId, Scored};
pub use rerank::{FEATURES, Features, Judged};

/// How to fuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FusionMethod {
    /// Reciprocal rank fusion: `Σ weight / (k + rank)` (Cormack, Clarke and Büttcher, SIGIR 2009).
    Rrf,
    /// A convex combination of min–max normalised scores (Bruch, Gai and Ingber, TOIS 2023).
    Convex,
}

/// Which source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// BM25 over words.
    Keyword,
    /// Nearness of embeddings.
    Vector,
    /// Nearness in the graph of people and genres.
    Graph,
}

impl Source {
    /// Its name in replies and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keyword => "keyword",
            Self::Vector => "vector",
            Self::Graph => "graph",
        }
    }
}

/// How to fuse, and how much each source counts; a weight of 0 leaves the source out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FusionConfig {
    /// How to fuse.
    pub method: FusionMethod,
    /// The constant of reciprocal rank fusion.
    pub k: f64,
    /// The weight of [`Source::Keyword`].
    pub keyword: f64,
    /// The weight of [`Source::Vector`].
    pub vector: f64,
    /// The weight of [`Source::Graph`].
    pub graph: f64,
    /// The same for a query that names examples.
    pub example: ExampleWeights,
    /// The same for a long question, which tells a story.
    pub story: StoryWeights,
}

/// How much each source counts for a query that names examples: there it is what titles have in common that answers,
/// and the words beside it only colour it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExampleWeights {
    /// The weight of [`Source::Keyword`].
    pub keyword: f64,
    /// The weight of [`Source::Vector`].
    pub vector: f64,
    /// The weight of [`Source::Graph`].
    pub graph: f64,
}

/// How much each source counts for a long question.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StoryWeights {
    /// The weight of [`Source::Keyword`].
    pub keyword: f64,
    /// The weight of [`Source::Vector`].
    pub vector: f64,
    /// The weight of [`Source::Graph`].
    pub graph: f64,
    /// What one natural logarithm of odds adds to a fused score, beside words and meaning: when the question says it
    /// was, and what people remember.
    pub evidence: f64,
}

impl FusionConfig {
    /// The weight of a source; 0 where it is negative or no number.
    pub fn weight(&self, source: Source) -> f64 {
        let weight = match source {
            Source::Keyword => self.keyword,
            Source::Vector => self.vector,
            Source::Graph => self.graph,
        };
        if weight.is_finite() { weight.max(0.0) } else { 0.0 }
    }
}

impl FusionConfig {
    /// The weights for a query that names examples.
    pub fn by_example(self) -> Self {
        Self { keyword: self.example.keyword, vector: self.example.vector, graph: self.example.graph, ..self }
    }

    /// The weights for a long question.
    pub fn by_story(self) -> Self {
        Self { keyword: self.story.keyword, vector: self.story.vector, graph: self.story.graph, ..self }
    }
}

impl Default for FusionConfig {
    /// The convex combination: unlike ranks, it keeps how much better a title fits than the next (ADR 6).
    fn default() -> Self {
        let story = StoryWeights { keyword: 0.5, vector: 0.5, graph: 0.0, evidence: 0.1 };
        let example = ExampleWeights { keyword: 0.2, vector: 0.4, graph: 0.4 };
        Self { method: FusionMethod::Convex, k: 60.0, keyword: 0.7, vector: 0.2, graph: 0.1, example, story }
    }
}

/// What one source found, best first, each title once.
#[derive(Clone, Debug)]
pub struct List {
    /// Which source.
    pub source: Source,
    /// What it found.
    pub hits: Vec<Scored>,
}

/// A title with its place in the fused order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fused {
    /// The title.
    pub content_id: ContentId,
    /// From 0 to 1.
    pub score: f64,
    /// The keyword source's own score; 0 where it did not find the title.
    pub keyword: f64,
    /// The vector source's own score; 0 where it did not find the title.
    pub vector: f64,
    /// The graph source's own score; 0 where it did not find the title.
    pub graph: f64,
}

/// Fuses lists into one order, best first, equals by id. A source with weight 0 brings nothing in.
///
/// Scores are divided by what a title at the top of every list would have, so that they lie between 0 and 1. A score
/// that is not a number counts as the worst.
pub fn fuse(lists: &[List], config: &FusionConfig) -> Vec<Fused> {
    let mut titles: BTreeMap<ContentId, Fused> = BTreeMap::new();
    let mut best = 0.0;
    for list in lists {
        let weight = config.weight(list.source);
        if weight == 0.0 || list.hits.is_empty() {
            continue;
        }
        best += weight * top(config);
        let scale = Scale::of(&list.hits);
        for (index, hit) in list.hits.iter().enumerate() {
            let share = match config.method {
                FusionMethod::Rrf => 1.0 / (config.k.max(0.0) + index as f64 + 1.0),
                FusionMethod::Convex => scale.normal(hit.score),
            };
            let blank = Fused { content_id: hit.content_id, score: 0.0, keyword: 0.0, vector: 0.0, graph: 0.0 };
            let title = titles.entry(hit.content_id).or_insert(blank);
            title.score += weight * share;
            match list.source {
                Source::Keyword => title.keyword = hit.score,
                Source::Vector => title.vector = hit.score,
                Source::Graph => title.graph = hit.score,
            }
        }
    }
    let mut fused: Vec<Fused> = titles.into_values().collect();
    for title in &mut fused {
        title.score = if best > 0.0 { (title.score / best).clamp(0.0, 1.0) } else { 0.0 };
    }
    sort(&mut fused);
    fused
}

/// Puts the titles that are called exactly what was typed first: typing a title finds it. Their score, from 0 to 1
/// (popularity), decides among namesakes; one that no source found is added. Everything else keeps its order.
pub fn lift_named(fused: &mut Vec<Fused>, named: &[Scored]) {
    for title in fused.iter_mut() {
        title.score *= 0.98;
    }
    for name in named {
        let worth = 0.99 + 0.005 * name.score.clamp(0.0, 1.0);
        match fused.iter_mut().find(|title| title.content_id == name.content_id) {
            Some(title) => title.score = worth + 0.005 * title.score,
            None => {
                let content_id = name.content_id;
                fused.push(Fused { content_id, score: worth, keyword: 0.0, vector: 0.0, graph: 0.0 });
            }
        }
    }
    sort(fused);
}

/// What being found is worth when titles are weighed.
const LEAST_WORTH: f64 = 0.01;

/// Multiplies the scores of the first titles by `factors`, one each, and keeps all scores between 0 and 1. A factor that is
/// negative or no number counts as 1. Nothing changes where all are 1.
pub(crate) fn weigh(fused: &mut [Fused], factors: &[f64]) {
    let factor = |factor: &f64| if factor.is_finite() && *factor >= 0.0 { *factor } else { 1.0 };
    if factors.iter().map(factor).all(|factor| factor == 1.0) {
        return;
    }
    // The worst of a list has 0 by normalisation, which no factor would move.
    let factors = factors.iter().map(factor).chain(std::iter::repeat(1.0));
    for (title, by) in fused.iter_mut().zip(factors) {
        title.score = (title.score + LEAST_WORTH) * by;
    }
    let most = fused.iter().map(|title| title.score).fold(1.0, f64::max);
    for title in fused.iter_mut() {
        title.score /= most;
    }
    // Equals stay as they were found.
    fused.sort_by(|a, b| b.score.total_cmp(&a.score));
}

/// Adds what speaks for each title beside its sources (natural logarithms of odds) to its score, `weight` for each, and
/// spreads the scores anew from 0 to what the best had.
pub(crate) fn add_evidence(fused: &mut [Fused], weight: f64, evidence: impl Fn(&ContentId) -> f64) {
    let weight = if weight.is_finite() { weight.max(0.0) } else { 0.0 };
    if weight == 0.0 {
        return;
    }
    let best = fused.first().map_or(0.0, |title| title.score);
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    for title in fused.iter_mut() {
        title.score += weight * evidence(&title.content_id);
        (least, most) = (least.min(title.score), most.max(title.score));
    }
    let span = most - least;
    for title in fused.iter_mut() {
        title.score = if span > 0.0 { best * (title.score - least) / span } else { best };
    }
    sort(fused);
}

fn sort(fused: &mut [Fused]) {
    fused.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.content_id.cmp(&b.content_id)));
}

/// What the first of a list gets before weighting.
fn top(config: &FusionConfig) -> f64 {
    match config.method {
        FusionMethod::Rrf => 1.0 / (config.k.max(0.0) + 1.0),
        FusionMethod::Convex => 1.0,
    }
}

/// The least and the span of a list's scores.
struct Scale {
    least: f64,
    span: f64,
}

impl Scale {
    fn of(hits: &[Scored]) -> Self {
        let scores = || hits.iter().map(|hit| hit.score).filter(|score| score.is_finite());
        let least = scores().fold(f64::INFINITY, f64::min);
        let most = scores().fold(f64::NEG_INFINITY, f64::max);
        Self { least, span: most - least }
    }

    /// From 0 for the worst to 1 for the best; 1 where all are equal.
    fn normal(&self, score: f64) -> f64 {
        if !score.is_finite() {
            0.0
        } else if self.span > 0.0 {
            ((score - self.least) / self.span).clamp(0.0, 1.0)
        } else {
            1.0
        }
    }
}

#[cfg(test)]
mod tests;
