//! Terms that are spelt nearly like a word, from the dictionaries of the index.

use std::collections::BTreeMap;

use tantivy::{Searcher, Term, query::FuzzyTermQuery, schema::Field};

use crate::SearchError;

/// The most terms of one dictionary that a word stands for.
const MAX_TERMS: usize = 50;
/// Terms that are looked at before that; a short word has very many that are two slips away.
const MAX_LOOKED_AT: usize = 2_000;

/// How many slips of the pen a word may hold: none below five letters, since every third of those is another word, one
/// below nine, then two (Meilisearch's rule).
pub(crate) fn slips(word: &str) -> u8 {
    match word.chars().count() {
        0..5 => 0,
        5..9 => 1,
        _ => 2,
    }
}

/// A term and how many titles have it.
pub(super) struct Near {
    pub term: String,
    pub titles: u64,
}

/// The terms of `field` within `slips` (two letters changed about are one slip) of `word` that begin with its first
/// letter, the most frequent first. Nobody mistypes the first letter, and it keeps "heat" from being "meat".
pub(super) fn near(searcher: &Searcher, field: Field, word: &str, slips: u8) -> Result<Vec<Near>, SearchError> {
    let Some(first) = word.chars().next().filter(|_| slips > 0) else { return Ok(Vec::new()) };
    let automaton = FuzzyTermQuery::new(Term::from_field_text(field, word), slips, true).automaton()?;
    // Terms stand in the order of their letters: none with another first letter has to be walked through.
    let (from, next) = (first.to_string(), char::from_u32(u32::from(first) + 1).map(|next| next.to_string()));
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    for reader in searcher.segment_readers() {
        let inverted = reader.inverted_index(field)?;
        let terms = inverted.terms().search(&automaton).ge(from.as_bytes());
        let mut terms = match &next {
            Some(next) => terms.lt(next.as_bytes()).into_stream()?,
            None => terms.into_stream()?,
        };
        let mut looked_at = 0;
        while looked_at < MAX_LOOKED_AT && terms.advance() {
            looked_at += 1;
            let Ok(term) = std::str::from_utf8(terms.key()) else { continue };
            if !term.starts_with(first) {
                break;
            }
            *found.entry(term.to_owned()).or_default() += u64::from(terms.value().doc_freq);
        }
    }
    let mut near: Vec<Near> = found.into_iter().map(|(term, titles)| Near { term, titles }).collect();
    near.sort_by(|a, b| b.titles.cmp(&a.titles).then_with(|| a.term.cmp(&b.term)));
    near.truncate(MAX_TERMS);
    Ok(near)
}

/// Whether a term of `field` begins like this.
pub(super) fn begins(searcher: &Searcher, field: Field, prefix: &str) -> Result<bool, SearchError> {
    for reader in searcher.segment_readers() {
        let inverted = reader.inverted_index(field)?;
        let mut terms = inverted.terms().range().ge(prefix.as_bytes()).into_stream()?;
        if terms.advance() && terms.key().starts_with(prefix.as_bytes()) {
            return Ok(true);
        }
    }
    Ok(false)
}
