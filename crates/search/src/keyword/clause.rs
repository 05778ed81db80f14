//! What scores are made of: clauses that add up, each the best of its parts, with the most that each can come to.

use tantivy::{
    Score, Searcher, Term,
    query::{
        Bm25Weight, BooleanQuery, BoostQuery, ConstScoreQuery, DisjunctionMaxQuery, Occur, PhraseQuery, Query,
        TermQuery,
    },
    schema::{Field, IndexRecordOption},
};

/// How much the second best field of a word adds to the best (Elasticsearch's `best_fields` with a tie breaker).
const TIE_BREAKER: Score = 0.2;
/// A text of nothing but one word: the greatest length that the index can tell, and a count beyond it by the eighth that
/// it may be wrong by.
const ENDLESS: (u8, u32) = (u8::MAX, 2_013_265_944 / 8 * 9);

/// Something to look for, with the most that it adds to a score.
pub(super) struct Part {
    pub query: Box<dyn Query>,
    pub most: Score,
}

impl Part {
    /// Adds the same to each title that it finds.
    pub(super) fn constant(query: Box<dyn Query>, score: Score) -> Self {
        Self { query: Box::new(ConstScoreQuery::new(query, score)), most: score }
    }

    /// A term, by BM25.
    pub(super) fn term(searcher: &Searcher, field: Field, text: &str) -> Self {
        Self::phrase(searcher, vec![Term::from_field_text(field, text)])
    }

    /// Terms of one field one after the other, at least one, by BM25.
    pub(super) fn phrase(searcher: &Searcher, terms: Vec<Term>) -> Self {
        let most = Bm25Weight::for_terms(searcher, &terms).map(|weight| weight.score(ENDLESS.0, ENDLESS.1));
        Self { query: phrase(terms), most: most.unwrap_or(Score::INFINITY) }
    }

    /// What nobody knows the most of.
    pub(super) fn unbounded(query: Box<dyn Query>) -> Self {
        Self { query, most: Score::INFINITY }
    }

    pub(super) fn boosted(self, weight: Score) -> Self {
        Self { query: Box::new(BoostQuery::new(self.query, weight)), most: self.most * weight }
    }
}

/// Terms of one field one after the other; at least one.
pub(super) fn phrase(terms: Vec<Term>) -> Box<dyn Query> {
    match <[Term; 1]>::try_from(terms) {
        Ok([single]) => Box::new(TermQuery::new(single, IndexRecordOption::WithFreqs)),
        Err(terms) => Box::new(PhraseQuery::new(terms)),
    }
}

/// Places where one thing is looked for: the best counts, and a share of the others.
pub(super) struct Clause {
    pub parts: Vec<Part>,
}

impl Clause {
    /// As a query of the engine.
    pub(super) fn query(self) -> Box<dyn Query> {
        let parts = self.parts.into_iter().map(|part| part.query).collect();
        Box::new(DisjunctionMaxQuery::with_tie_breaker(parts, TIE_BREAKER))
    }

    /// As a part of another clause.
    pub(super) fn part(self) -> Part {
        let most = best_of(self.parts.iter().map(|part| part.most));
        Part { query: self.query(), most }
    }

    pub(super) fn boosted(self, weight: Score) -> Self {
        Self { parts: self.parts.into_iter().map(|part| part.boosted(weight)).collect() }
    }
}

impl From<Part> for Clause {
    fn from(part: Part) -> Self {
        Self { parts: vec![part] }
    }
}

/// What has any of these, by the sum of what they say.
pub(super) fn any_of(clauses: Vec<Clause>) -> Box<dyn Query> {
    Box::new(BooleanQuery::new(clauses.into_iter().map(|clause| (Occur::Should, clause.query())).collect()))
}

/// The score of a clause whose parts have these, reckoned as the engine does.
pub(super) fn best_of(scores: impl Iterator<Item = Score>) -> Score {
    let (most, sum) = scores.fold((0.0, 0.0), |(most, sum), score| (Score::max(score, most), sum + score));
    most + (sum - most) * TIE_BREAKER
}
