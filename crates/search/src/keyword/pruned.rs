//! The best titles of a search without scoring all that hold any of its words.
//!
//! MaxScore (H. Turtle and J. Flood, "Query evaluation: strategies and optimizations", IPM 1995) over the postings of each
//! word in each field: once there are as many titles as are asked for, a list whose most, with that of all lists that say
//! less, can't bring a title among them is only asked about titles that another list finds. The answer is the same.

use std::{cmp::Reverse, collections::BinaryHeap};

use tantivy::{
    DocAddress, DocId, Score, Searcher, SegmentReader, TERMINATED,
    columnar::Column,
    query::{EnableScoring, Scorer, Weight},
};

use super::{
    clause::{Clause, best_of},
    passing::{Passing, SegmentPassing},
    schema::popularity_of,
};
use crate::SearchError;

/// What the popularity, from 0 to 1, adds to a BM25 score: a static prior that decides between equals (Craswell et al.,
/// "Relevance weighting for query independent evidence", 2005).
pub(super) const POPULARITY_WEIGHT: Score = 0.5;
/// Scores that are nearer to each other than this are told apart by reckoning them whole.
const SLACK: Score = 1e-3;

/// A title that was found; the greater is the better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Hit {
    /// With what its popularity adds.
    pub score: Score,
    /// Decides between equals.
    pub key: u64,
    pub address: DocAddress,
}

impl Eq for Hit {}

impl Ord for Hit {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let by_score = self.score.total_cmp(&other.score).then(self.key.cmp(&other.key));
        by_score.then_with(|| other.address.cmp(&self.address))
    }
}

impl PartialOrd for Hit {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The best of what was found so far.
struct Best {
    limit: usize,
    hits: BinaryHeap<Reverse<Hit>>,
}

impl Best {
    fn offer(&mut self, hit: Hit) {
        if self.hits.len() < self.limit {
            self.hits.push(Reverse(hit));
        } else if let Some(mut worst) = self.hits.peek_mut().filter(|worst| hit > worst.0) {
            *worst = Reverse(hit);
        }
    }

    /// A title with less than this, without what its popularity adds, is none of them.
    fn least(&self) -> Score {
        match self.hits.peek() {
            Some(worst) if self.hits.len() == self.limit => worst.0.score - POPULARITY_WEIGHT - SLACK,
            _ => Score::NEG_INFINITY,
        }
    }
}

/// The best `limit` titles by the sum of `clauses` and a little popularity that pass, best first.
pub(super) fn best(
    searcher: &Searcher,
    clauses: &[Clause],
    passing: Option<&Passing>,
    limit: usize,
) -> Result<Vec<Hit>, SearchError> {
    let scoring = EnableScoring::enabled_from_searcher(searcher);
    let mut parts: Vec<(usize, Score, Box<dyn Weight>)> = Vec::new();
    for (clause, part) in clauses.iter().enumerate().flat_map(|(at, clause)| clause.parts.iter().map(move |p| (at, p)))
    {
        parts.push((clause, part.most, part.query.weight(scoring)?));
    }
    let mut best = Best { limit, hits: BinaryHeap::new() };
    let mut segments: Vec<(u32, &SegmentReader)> = (0..).zip(searcher.segment_readers()).collect();
    // What most titles are in tells soonest what is not worth looking at.
    segments.sort_by_key(|(_, reader)| Reverse(reader.max_doc()));
    for (ord, reader) in segments {
        let mut lists = Lists::of(&parts, reader)?;
        let passing = passing.map(|passing| passing.within(reader)).transpose()?;
        let popularity = reader.fast_fields().u64("browse").ok();
        lists.collect(Segment { ord, reader, passing, popularity }, &mut best);
    }
    Ok(best.hits.into_sorted_vec().into_iter().map(|Reverse(hit)| hit).collect())
}

/// What else is to be known of the titles of a segment.
struct Segment<'a> {
    ord: u32,
    reader: &'a SegmentReader,
    passing: Option<SegmentPassing>,
    popularity: Option<Column<u64>>,
}

impl Segment<'_> {
    fn has(&mut self, doc: DocId) -> bool {
        !self.reader.is_deleted(doc) && self.passing.as_mut().is_none_or(|passing| passing.passes(doc))
    }

    fn hit(&self, doc: DocId, score: Score) -> Hit {
        let key = self.popularity.as_ref().and_then(|column| column.first(doc)).unwrap_or(0);
        let score = score + POPULARITY_WEIGHT * popularity_of(key) as Score;
        Hit { score, key, address: DocAddress::new(self.ord, doc) }
    }
}

/// Where one part is in a segment.
struct List {
    scorer: Box<dyn Scorer>,
    /// Where it stands.
    doc: DocId,
    most: Score,
    /// Which part it is of.
    place: usize,
}

/// The lists of a segment, that which says least first.
struct Lists {
    lists: Vec<List>,
    /// The most that each list and those before it come to together.
    sums: Vec<Score>,
    /// Of each part its clause, and what it says of the title that is being looked at.
    clauses: Vec<usize>,
    scores: Vec<Score>,
}

impl Lists {
    fn of(parts: &[(usize, Score, Box<dyn Weight>)], reader: &SegmentReader) -> Result<Self, SearchError> {
        let mut lists = Vec::new();
        for (place, (_, most, weight)) in parts.iter().enumerate() {
            let scorer = weight.scorer(reader, 1.0)?;
            let doc = scorer.doc();
            if doc != TERMINATED {
                lists.push(List { scorer, doc, most: *most, place });
            }
        }
        lists.sort_by(|a, b| a.most.total_cmp(&b.most));
        let clauses: Vec<usize> = parts.iter().map(|(clause, ..)| *clause).collect();
        let mut met = vec![0.0; parts.len()];
        let mut sums = Vec::with_capacity(lists.len());
        for list in &lists {
            met[list.place] = list.most;
            sums.push(total(&clauses, &met));
        }
        Ok(Self { lists, sums, scores: vec![0.0; clauses.len()], clauses })
    }

    /// Offers each title that may be among the best.
    fn collect(&mut self, mut segment: Segment, best: &mut Best) {
        let mut least = best.least();
        // The first list that can bring a title among the best with those before it.
        let mut first = self.sums.partition_point(|sum| *sum < least);
        while let Some(doc) = self.lists[first..].iter().map(|list| list.doc).min().filter(|doc| *doc != TERMINATED) {
            if let Some(score) = self.score(doc, first, least, &mut segment) {
                best.offer(segment.hit(doc, score));
                least = best.least();
                first = self.sums.partition_point(|sum| *sum < least);
            }
            for list in self.lists[first..].iter_mut().filter(|list| list.doc == doc) {
                list.doc = list.scorer.advance();
            }
        }
    }

    /// The score of a title that one of the lists from `first` on stands at; `None` where it is less than `least` or the
    /// title does not pass.
    fn score(&mut self, doc: DocId, first: usize, least: Score, segment: &mut Segment) -> Option<Score> {
        self.scores.fill(0.0);
        let mut most = first.checked_sub(1).map_or(0.0, |last| self.sums[last]);
        for list in self.lists[first..].iter_mut().filter(|list| list.doc == doc) {
            let score = list.scorer.score();
            self.scores[list.place] = score;
            most += score;
        }
        // The parts of a clause come to no more than their sum.
        if most < least || !segment.has(doc) {
            return None;
        }
        let mut score = total(&self.clauses, &self.scores);
        for at in (0..first).rev() {
            if score + self.sums[at] < least {
                return None;
            }
            let list = &mut self.lists[at];
            if list.doc < doc {
                list.doc = list.scorer.seek(doc);
            }
            if list.doc == doc {
                self.scores[list.place] = list.scorer.score();
                score = total(&self.clauses, &self.scores);
            }
        }
        Some(score)
    }
}

/// What all parts say together, of which these are the clauses: parts of a clause stand side by side.
fn total(clauses: &[usize], scores: &[Score]) -> Score {
    let (mut sum, mut from) = (0.0, 0);
    for parts in clauses.chunk_by(|one, other| one == other) {
        sum += best_of(scores[from..from + parts.len()].iter().copied());
        from += parts.len();
    }
    sum
}

#[cfg(test)]
mod tests {
    use contracts::CreditRole;
    use proptest::{prelude::*, sample::select};
    use stores::vectors::VectorFilter;

    use crate::{
        conditions::Conditions,
        fixtures::film,
        keyword::{KeywordIndex, KeywordQuery, Raised, query::clauses},
        query::Named,
    };

    /// The earlier a word, the more titles hold it.
    const WORDS: &[&str] = &[
        "night", "train", "love", "house", "river", "war", "king", "letter", "garden", "violin", "glacier", "orchard",
        "quarrel", "sextant",
    ];
    const GENRES: &[&str] = &["drama", "comedy", "horror"];
    const PEOPLE: &[&str] = &["Ann Love", "Bo River", "Cy Train"];

    /// Some hundred titles in three segments, one of them with titles that were written anew.
    fn index() -> (tempfile::TempDir, KeywordIndex) {
        let mut seed = 7_u64;
        let mut draw = move |of: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % of
        };
        let mut title = |number: u128| {
            let mut words = |most: usize| {
                let length = 1 + draw(most);
                (0..length).map(|_| WORDS[draw(WORDS.len()) * draw(WORDS.len()) / WORDS.len()]).collect::<Vec<_>>()
            };
            let (name, story) = (words(3).join(" "), words(30).join(" "));
            let (genre, person) = (GENRES[draw(GENRES.len())], PEOPLE[draw(PEOPLE.len())]);
            let mut film = film(number, &name, 1950 + draw(70) as u16, &[genre], &["Di Other", person], &story);
            film.popularity_score = draw(100) as f64 / 100.0;
            film
        };
        let folder = tempfile::TempDir::new().unwrap();
        let index = KeywordIndex::open(folder.path()).unwrap();
        for (cursor, numbers) in [0..500_u128, 500..640, 600..700].into_iter().enumerate() {
            index.apply(&numbers.map(&mut title).collect::<Vec<_>>(), &[], cursor as i64).unwrap();
        }
        (folder, index)
    }

    fn asked() -> impl Strategy<Value = KeywordQuery> {
        let words = |most: usize| prop::collection::vec(select(WORDS).prop_map(str::to_owned), 0..most);
        let typed = prop::option::of(select(&["ki", "nigt", "seks", "zzzz", "the", "nighttrain"][..]));
        let person = prop::option::of((select(PEOPLE), prop::option::of(Just(CreditRole::Actor))));
        let raised = prop::option::of(select(GENRES));
        (words(5), typed, words(2), words(3), person, raised).prop_map(
            |(mut words, typed, light, phrase, person, raised)| {
                words.extend(typed.map(str::to_owned));
                let raised = raised.map(|genre| Raised { tags: vec![format!("genre:{genre}")], score: 2.0 });
                KeywordQuery {
                    words,
                    light_words: light,
                    phrases: Some(phrase).filter(|phrase| !phrase.is_empty()).into_iter().collect(),
                    people: person.map(|(name, role)| Named { name: name.to_lowercase(), role }).into_iter().collect(),
                    raised: raised.into_iter().collect(),
                    ..KeywordQuery::default()
                }
            },
        )
    }

    #[test]
    fn the_best_are_those_of_all() {
        let (_folder, index) = index();
        let snapshot = index.snapshot();
        let cases = (asked(), prop::option::of(select(GENRES)), select(&[1_usize, 3, 20, 300][..]));
        let left_out = std::cell::Cell::new(0_usize);
        proptest!(|((query, genre, limit) in cases)| {
            let tags = genre.map(|genre| vec![format!("genre:{genre}")]);
            let filter = VectorFilter { any_of: tags.into_iter().collect(), years: None };
            let conditions = Conditions { filter, ..Conditions::default() };
            let clauses = || clauses(&snapshot.searcher, &snapshot.fields, &query);
            if clauses().is_empty() {
                return Ok(());
            }
            let found = snapshot.best(&clauses(), &conditions, limit).unwrap();
            let expected = snapshot.best_of_all(clauses(), &conditions, limit).unwrap();
            prop_assert_eq!(&found, &expected);
            let all = snapshot.best_of_all(clauses(), &conditions, 1_000).unwrap();
            left_out.set(left_out.get() + all.len() - found.len());
        });
        assert!(left_out.get() > 1_000, "the best of many: {}", left_out.get());
    }

    #[test]
    fn no_part_says_more_than_its_most() {
        let (_folder, index) = index();
        let snapshot = index.snapshot();
        proptest!(|(query in asked())| {
            for clause in clauses(&snapshot.searcher, &snapshot.fields, &query) {
                for part in clause.parts {
                    let most = part.most;
                    let found = snapshot.best_of_all(vec![part.into()], &Conditions::default(), 1).unwrap();
                    // With what popularity adds, which is at most half.
                    prop_assert!(found.iter().all(|hit| hit.score <= most + super::POPULARITY_WEIGHT), "{found:?} {most}");
                }
            }
        });
    }
}
