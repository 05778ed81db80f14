//! (pure) From words, people and genres to one bounded query of the index.

use contracts::ContentId;
use tantivy::{
    Score, Searcher, Term,
    collector::Count,
    query::{
        AllQuery, BooleanQuery, ConstScoreQuery, FuzzyTermQuery, Occur, PhraseQuery, Query, RangeQuery, TermQuery,
        TermSetQuery,
    },
    schema::{Field, IndexRecordOption},
    tokenizer::TokenStream as _,
};

use super::{
    clause::{self, Clause, Part},
    nearby::{self, slips},
    schema::{Fields, stemmer},
    told::told,
};
use crate::{
    conditions::{Conditions, Refused, credit},
    query::{Named, synonyms},
    rank::story::Story,
};

/// The most distinct words of a query that are searched for; it bounds the clauses.
pub(super) const MAX_WORDS: usize = 96;
/// What a credit of a named person adds, and what it adds when it is the part that is meant; BM25 scores of a rare word
/// are about 10.
const PERSON_SCORE: Score = 12.0;
const ROLE_SCORE: Score = 6.0;
/// Fewer letters than these begin a word more often than they are one.
const SHORTEST_WORD: usize = 3;
/// A longer word is not two words written as one.
const MAX_PARTED_BYTES: usize = 24;

/// How much a word counts in the title, among the people, and elsewhere.
struct Weights {
    title: Score,
    people: Score,
    rest: Score,
}

/// In a short query a word in the title says more than the same word in the overview.
const SHORT: Weights = Weights { title: 2.0, people: 1.5, rest: 1.0 };
/// A story tells what happens; that one of its many words is in a title says little.
const STORY: Weights = Weights { title: 0.6, people: 0.6, rest: 1.0 };
/// A word that names a genre is not meant as a title: "funny" is not "Funny Face".
const LIGHT: Weights = Weights { title: 0.0, people: 0.0, rest: 1.0 };

/// Words that occur everywhere and say nothing by themselves.
const STOP_WORDS: &[&str] = &[
    "a",
    "about",
    "an",
    "and",
    "any",
    "are",
    "as",
    "at",
    "be",
    "been",
    "but",
    "by",
    "can",
    "do",
    "for",
    "from",
    "had",
    "has",
    "have",
    "he",
    "her",
    "his",
    "i",
    "if",
    "im",
    "in",
    "into",
    "is",
    "it",
    "its",
    "me",
    "my",
    "of",
    "on",
    "or",
    "she",
    "so",
    "some",
    "something",
    "that",
    "the",
    "their",
    "them",
    "then",
    "there",
    "they",
    "this",
    "to",
    "was",
    "were",
    "what",
    "when",
    "where",
    "which",
    "who",
    "with",
    "you",
    "your",
];

type Condition = (Occur, Box<dyn Query>);

/// What the keyword index is asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeywordQuery {
    /// Folded words.
    pub words: Vec<String>,
    /// Folded words that the plan also understood otherwise; they count half.
    pub light_words: Vec<String>,
    /// Whether it is a long question that tells a story.
    pub story: bool,
    /// The long question as it was read: where its words tell anything, they take the place of `words`.
    pub told: Option<Story>,
    /// Phrases in folded words: they add to what the words say, [`Conditions`] demand them.
    pub phrases: Vec<Vec<String>>,
    /// Whole names, folded, and what each did.
    pub people: Vec<Named>,
    /// What else brings a title forward.
    pub raised: Vec<Raised>,
}

/// What every title of a sorted list has; the default asks nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Demand {
    /// Passes each of these.
    pub conditions: Vec<Conditions>,
    /// Holds each of these folded words, as a search for them would find it; the last may be unfinished.
    pub words: Vec<String>,
    /// Is one of these, where there are any.
    pub ids: Vec<ContentId>,
}

/// A title that has any of these tags gains `score`; BM25 scores of a rare word are about 10.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Raised {
    pub tags: Vec<String>,
    pub score: f32,
}

/// Whether a folded word says nothing by itself.
pub(crate) fn stop_word(word: &str) -> bool {
    STOP_WORDS.binary_search(&word).is_ok()
}

/// The scoring part; `None` when nothing is asked.
pub(super) fn scoring(searcher: &Searcher, fields: &Fields, query: &KeywordQuery) -> Option<Box<dyn Query>> {
    let clauses = clauses(searcher, fields, query);
    (!clauses.is_empty()).then(|| clause::any_of(clauses))
}

/// What scores are the sum of.
pub(super) fn clauses(searcher: &Searcher, fields: &Fields, query: &KeywordQuery) -> Vec<Clause> {
    let mut clauses: Vec<Clause> = query.told.iter().flat_map(|story| told(fields, &story.words)).collect();
    let words = if clauses.is_empty() { telling(&query.words) } else { Vec::new() };
    let weights = if query.story { STORY } else { SHORT };
    let last = query.words.last();
    for word in &words {
        let as_prefix = Some(*word) == last;
        clauses.push(word_clause(searcher, fields, word, &weights, as_prefix));
    }
    clauses.extend(query.phrases.iter().filter_map(|phrase| phrase_clause(searcher, fields, phrase)));
    for word in telling(&query.light_words).into_iter().filter(|word| !words.contains(word)) {
        clauses.push(word_clause(searcher, fields, word, &LIGHT, false).boosted(0.5));
    }
    let phrase: Vec<Term> =
        query.words.iter().take(MAX_WORDS).map(|word| Term::from_field_text(fields.title_raw, word)).collect();
    if phrase.len() > 1 && !query.story {
        clauses.push(Part::phrase(searcher, phrase).boosted(2.0).into());
    }
    for Named { name, role } in &query.people {
        clauses.push(Part::constant(term_query(fields.people_exact, name), PERSON_SCORE).into());
        if let Some(role) = role {
            let credited = term_query(fields.people_exact, &credit(*role, name));
            clauses.push(Part::constant(credited, ROLE_SCORE).into());
        }
    }
    clauses.extend(
        query.raised.iter().map(|raised| Part::constant(one_of(fields.tags, &raised.tags), raised.score).into()),
    );
    clauses
}

/// The titles that have all that is demanded; only words add to the score.
pub(super) fn demanded(searcher: &Searcher, fields: &Fields, demand: &Demand) -> Box<dyn Query> {
    let mut conditions: Vec<Box<dyn Query>> =
        demand.conditions.iter().filter_map(|one| filtering(fields, one)).collect();
    if !demand.ids.is_empty() {
        let ids: Vec<String> = demand.ids.iter().map(ContentId::to_string).collect();
        conditions.push(one_of(fields.id, &ids));
    }
    let last = demand.words.last();
    let words = telling(&demand.words)
        .into_iter()
        .map(|word| word_clause(searcher, fields, word, &SHORT, Some(word) == last).query());
    let unscored = conditions.into_iter().map(|one| Box::new(ConstScoreQuery::new(one, 0.0)) as Box<dyn Query>);
    let clauses: Vec<Condition> = unscored.chain(words).map(|clause| (Occur::Must, clause)).collect();
    if clauses.is_empty() { Box::new(AllQuery) } else { Box::new(BooleanQuery::new(clauses)) }
}

/// The words to search for: distinct, without those that say nothing unless all are such, within the bound.
fn telling(words: &[String]) -> Vec<&String> {
    let mut distinct: Vec<&String> = Vec::new();
    for word in words {
        if !distinct.contains(&word) {
            distinct.push(word);
        }
    }
    let telling: Vec<&String> = distinct.iter().copied().filter(|word| !stop_word(word)).collect();
    let mut chosen = if telling.is_empty() { distinct } else { telling };
    chosen.truncate(MAX_WORDS);
    chosen
}

/// One word in all fields, the best counting most, or what else is written for it.
fn word_clause(searcher: &Searcher, fields: &Fields, word: &str, weights: &Weights, as_prefix: bool) -> Clause {
    let mut parts = synonym_parts(searcher, fields, word, weights);
    if as_prefix && unfinished(searcher, fields, word) {
        parts.push(beginning(fields.title_raw, word, 1.0));
        return Clause { parts };
    }
    let stem = stem(word);
    let held = [
        (fields.title_raw, word, weights.title),
        (fields.title, stem.as_str(), weights.title),
        (fields.people, word, weights.people),
        (fields.genres, stem.as_str(), weights.rest),
        (fields.overview, stem.as_str(), weights.rest),
    ];
    if held.iter().any(|(field, word, _)| holds(searcher, *field, word)) {
        let told = held.into_iter().filter(|(_, _, weight)| *weight > 0.0);
        parts.extend(told.map(|(field, word, weight)| Part::term(searcher, field, word).boosted(weight)));
    } else {
        parts.extend(near_parts(searcher, fields, word, as_prefix));
    }
    Clause { parts }
}

/// Whether one or two letters are the beginning of words of titles rather than a word of one: whoever typed them goes on.
fn unfinished(searcher: &Searcher, fields: &Fields, word: &str) -> bool {
    word.chars().count() < SHORTEST_WORD
        && !holds(searcher, fields.title_raw, word)
        && nearby::begins(searcher, fields.title_raw, word).unwrap_or(false)
}

/// Titles or names with a word that begins so, all alike: the popular come first.
fn beginning(field: Field, word: &str, weight: Score) -> Part {
    let begins = FuzzyTermQuery::new_prefix(Term::from_field_text(field, word), 0, true);
    Part::constant(Box::new(begins), 3.0 * weight)
}

/// What else is written for a word, in titles and overviews; a little less than the word itself.
fn synonym_parts(searcher: &Searcher, fields: &Fields, word: &str, weights: &Weights) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for other in synonyms(word) {
        let words: Vec<String> = other.split(' ').map(str::to_owned).collect();
        if let [single] = words.as_slice() {
            parts.push(Part::term(searcher, fields.title_raw, single).boosted(0.8 * weights.title));
            parts.push(Part::term(searcher, fields.overview, &stem(single)).boosted(0.8 * weights.rest));
        } else {
            parts.extend(phrase_clause(searcher, fields, &words).map(|phrase| phrase.part().boosted(0.8)));
        }
    }
    parts
}

/// A phrase of folded words in a title, a name or an overview; `None` without words.
fn phrase_clause(searcher: &Searcher, fields: &Fields, words: &[String]) -> Option<Clause> {
    let parts: Vec<Part> = phrase_terms(fields, words).into_iter().map(|terms| Part::phrase(searcher, terms)).collect();
    (!parts.is_empty()).then_some(Clause { parts })
}

/// The same to ask whether it is there.
fn phrase_query(fields: &Fields, words: &[String]) -> Option<Box<dyn Query>> {
    let places = phrase_terms(fields, words).into_iter().map(|terms| (Occur::Should, clause::phrase(terms)));
    let places: Vec<Condition> = places.collect();
    (!places.is_empty()).then(|| Box::new(BooleanQuery::new(places)) as Box<dyn Query>)
}

/// The same to ask whether it is not there. At its end a phrase of the engine asserts, in debug builds, that nobody asks
/// about a title before; an exclusion does, and a union, even of one phrase twice, answers.
fn refused_phrase(fields: &Fields, words: &[String]) -> Option<Box<dyn Query>> {
    let twice = phrase_terms(fields, words).into_iter().flat_map(|terms| [terms.clone(), terms]);
    let places: Vec<Condition> = twice.map(|terms| (Occur::Should, clause::phrase(terms))).collect();
    (!places.is_empty()).then(|| Box::new(BooleanQuery::new(places)) as Box<dyn Query>)
}

/// The terms of a phrase in each field that may hold it.
fn phrase_terms(fields: &Fields, words: &[String]) -> Vec<Vec<Term>> {
    let terms = |field: Field| -> Vec<Term> {
        let text = |word: &String| if field == fields.overview { stem(word) } else { word.clone() };
        words.iter().take(MAX_WORDS).map(|word| Term::from_field_text(field, &text(word))).collect()
    };
    let places = [fields.title_raw, fields.people, fields.overview].map(terms);
    places.into_iter().filter(|terms| !terms.is_empty()).collect()
}

fn holds(searcher: &Searcher, field: Field, word: &str) -> bool {
    searcher.doc_freq(&Term::from_field_text(field, word)).is_ok_and(|count| count > 0)
}

/// For a word that the index does not know: two words written as one, what starts with it (the last word may not be
/// finished), and what is a slip of the pen away. Titles come before people: "matrx" is The Matrix rather than the Marx
/// Brothers.
fn near_parts(searcher: &Searcher, fields: &Fields, word: &str, as_prefix: bool) -> Vec<Part> {
    let mut near: Vec<Part> = Vec::new();
    if let Some((first, second)) = parts(searcher, fields, word) {
        let phrase = [first, second].map(|word| Term::from_field_text(fields.title_raw, word));
        near.push(Part::phrase(searcher, phrase.to_vec()));
    }
    let length = word.chars().count();
    for (field, weight, shortest) in [(fields.title_raw, 1.0, SHORTEST_WORD), (fields.people, 0.6, 5)] {
        if as_prefix && length >= shortest {
            near.push(beginning(field, word, weight));
        }
        near.extend(nearly(searcher, field, word, slips(word), 4.0 * weight));
    }
    near.extend(nearly(searcher, fields.overview, &stem(word), slips(word).min(1), 1.0));
    near
}

/// Terms that are nearly `word`, each alike.
fn nearly(searcher: &Searcher, field: Field, word: &str, slips: u8, score: Score) -> Option<Part> {
    let near = nearby::near(searcher, field, word, slips).unwrap_or_default();
    let terms: Vec<Term> = near.iter().map(|near| Term::from_field_text(field, &near.term)).collect();
    (!terms.is_empty()).then(|| Part::constant(Box::new(TermSetQuery::new(terms)), score))
}

/// The two words of titles, of at least three letters each, that a word may be: "spiderman" is "spider man".
pub(super) fn parts<'a>(searcher: &Searcher, fields: &Fields, word: &'a str) -> Option<(&'a str, &'a str)> {
    let length = if word.len() <= MAX_PARTED_BYTES { word.len() } else { 0 };
    let mut parted = (3..=length.saturating_sub(3)).filter_map(|at| word.split_at_checked(at));
    parted.find(|(first, second)| {
        let both = holds(searcher, fields.title_raw, first) && holds(searcher, fields.title_raw, second);
        let phrase = || [first, second].map(|word| Term::from_field_text(fields.title_raw, word)).to_vec();
        both && searcher.search(&PhraseQuery::new(phrase()), &Count).is_ok_and(|titles| titles > 0)
    })
}

/// What a result must be; `None` when anything may be.
pub(super) fn filtering(fields: &Fields, conditions: &Conditions) -> Option<Box<dyn Query>> {
    let mut clauses: Vec<Condition> = Vec::new();
    for tags in conditions.filter.any_of.iter().filter(|tags| !tags.is_empty()) {
        clauses.push((Occur::Must, one_of(fields.tags, tags)));
    }
    if !conditions.people.is_empty() {
        clauses.push((Occur::Must, one_of(fields.people_exact, &conditions.people)));
    }
    for phrase in &conditions.phrases {
        clauses.extend(phrase_query(fields, phrase).map(|phrase| (Occur::Must, phrase)));
    }
    clauses.extend(refusals(fields, &conditions.none).into_iter().map(|refused| (Occur::MustNot, refused)));
    if let Some(years) = conditions.filter.years.filter(|years| years.from.is_some() || years.to.is_some()) {
        use std::ops::Bound::Included;
        let year = |year: u16| Included(Term::from_field_u64(fields.year, u64::from(year)));
        let (from, to) = (years.from.unwrap_or(0), years.to.unwrap_or(u16::MAX));
        clauses.push((Occur::Must, Box::new(RangeQuery::new(year(from), year(to)))));
    }
    if clauses.is_empty() {
        return None;
    }
    if clauses.iter().all(|(occur, _)| *occur == Occur::MustNot) {
        clauses.push((Occur::Must, Box::new(AllQuery)));
    }
    Some(Box::new(BooleanQuery::new(clauses)))
}

/// What a result must not be.
fn refusals(fields: &Fields, none: &Refused) -> Vec<Box<dyn Query>> {
    let mut refused: Vec<Box<dyn Query>> = Vec::new();
    for (field, texts) in [(fields.tags, &none.tags), (fields.people_exact, &none.people), (fields.id, &none.ids)] {
        if !texts.is_empty() {
            refused.push(one_of(field, texts));
        }
    }
    refused.extend(none.phrases.iter().filter_map(|phrase| refused_phrase(fields, phrase)));
    refused
}

/// A set of terms is read from end to end; a single one only where it is asked about.
fn one_of(field: Field, texts: &[String]) -> Box<dyn Query> {
    let term = |text: &String| Term::from_field_text(field, text);
    match texts {
        [single] => Box::new(TermQuery::new(term(single), IndexRecordOption::Basic)),
        _ => Box::new(TermSetQuery::new(texts.iter().map(term))),
    }
}

/// `scoring` among what `conditions` let pass; they add nothing to the score.
pub(super) fn filtered(fields: &Fields, scoring: Box<dyn Query>, conditions: &Conditions) -> Box<dyn Query> {
    match filtering(fields, conditions) {
        None => scoring,
        Some(filter) => Box::new(BooleanQuery::new(vec![
            (Occur::Must, scoring),
            (Occur::Must, Box::new(ConstScoreQuery::new(filter, 0.0))),
        ])),
    }
}

/// Everything that `conditions` let pass.
pub(super) fn everything(fields: &Fields, conditions: &Conditions) -> Box<dyn Query> {
    filtering(fields, conditions).unwrap_or_else(|| Box::new(AllQuery))
}

/// Titles that hold all of these folded words.
pub(super) fn all_in_title(fields: &Fields, words: &[&str]) -> Box<dyn Query> {
    let words = words.iter().take(MAX_WORDS);
    let clauses = words.map(|word| (Occur::Must, term_query(fields.title_raw, word) as Box<dyn Query>)).collect();
    Box::new(BooleanQuery::new(clauses))
}

pub(super) fn term_query(field: Field, text: &str) -> Box<TermQuery> {
    Box::new(TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::WithFreqs))
}

/// The stem of a folded word.
pub(super) fn stem(word: &str) -> String {
    let mut analyzer = stemmer();
    let mut tokens = analyzer.token_stream(word);
    if tokens.advance() { tokens.token().text.clone() } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stop_words_are_sorted_for_the_binary_search() {
        assert!(STOP_WORDS.is_sorted());
        assert!(stop_word("the") && !stop_word("matrix"));
    }

    #[test]
    fn only_stop_words_are_searched_for_as_they_are() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(telling(&words("the of the")), ["the", "of"]);
        assert_eq!(telling(&words("the matrix of the matrix")), ["matrix"]);
        let many: Vec<String> = (0..500).map(|n| n.to_string()).collect();
        assert_eq!(telling(&many).len(), MAX_WORDS);
    }
}
