//! (pure) Whether what a language model made of a query can be believed, and as what.
//!
//! Its answer passes what an intent in a request has to pass, and more: a model may take words for something else than
//! the person wrote, but it may not bring words, services or titles of its own.

use std::collections::BTreeSet;

use contracts::{ParsedIntent, SearchFilters};

use super::{Intent, confidence, given, read, spelling::Spelling};
use crate::{
    SearchError,
    keyword::Snapshot,
    text::{fold, words},
    validate::{validate_intent, validate_known},
};

/// Why it is not believed, as sentences that hold nothing of what it said.
const NO_INTENT: &str = "its answer breaks the bounds of an intent";
const NOTHING: &str = "it understood nothing of the query";
const UNKNOWN: &str = "it named what the catalogue does not have";
const OWN_WORDS: &str = "it brought words that the query does not have";
const OWN_PLATFORM: &str = "it named a service that the query does not";

/// What `said` means for `query`, or why it is not believed.
pub(super) fn believed(
    query: &str,
    said: &ParsedIntent,
    snapshot: &Snapshot,
    this_year: u16,
) -> Result<Result<Intent, &'static str>, SearchError> {
    if validate_intent(said).is_err() || !(0.0..=1.0).contains(&said.confidence) {
        return Ok(Err(NO_INTENT));
    }
    let meant =
        ParsedIntent { confidence: 0.0, clarification: None, question: None, corrections: Vec::new(), ..said.clone() };
    if meant == ParsedIntent::default() {
        return Ok(Err(NOTHING));
    }
    if !all_known(said, snapshot)? {
        return Ok(Err(UNKNOWN));
    }
    let written: BTreeSet<String> = words(query).into_iter().map(|word| word.text).collect();
    let is_written = |text: &String| words(text).iter().all(|word| written.contains(&word.text));
    if !is_written(&said.text) || !said.exclude.text.iter().all(is_written) {
        return Ok(Err(OWN_WORDS));
    }
    let ours = read(query, snapshot, this_year)?.1.parsed;
    let is_named = |platform: &String| {
        let read = ours.platforms.contains(platform) || ours.exclude.platforms.contains(platform);
        read || platform.split('_').all(|word| written.contains(word))
    };
    if !said.platforms.iter().chain(&said.exclude.platforms).all(is_named) {
        return Ok(Err(OWN_PLATFORM));
    }
    let mut intent = match given(&meant, snapshot, this_year) {
        Ok((_, intent)) => intent,
        // A title that nobody knows.
        Err(SearchError::Catalog(_)) => return Ok(Err(UNKNOWN)),
        Err(error) => return Err(error),
    };
    // How sure it says it is tells little; how much of it the catalogue knows tells more.
    let spelling = Spelling::as_written(query);
    confidence::judge(&mut intent, &spelling, snapshot)?;
    Ok(Ok(intent))
}

/// Whether its platforms, languages and people are ones that exist here.
fn all_known(said: &ParsedIntent, snapshot: &Snapshot) -> Result<bool, SearchError> {
    let both = |wanted: &[String], denied: &[String]| wanted.iter().chain(denied).cloned().collect::<Vec<_>>();
    let named = SearchFilters {
        platforms: both(&said.platforms, &said.exclude.platforms),
        languages: both(&said.languages, &said.exclude.languages),
        ..SearchFilters::default()
    };
    match validate_known(&named, |tag| snapshot.has_tag(tag)) {
        Ok(()) => {}
        Err(SearchError::Catalog(_)) => return Ok(false),
        Err(error) => return Err(error),
    }
    for person in both(&said.people, &said.exclude.people) {
        if snapshot.person(&fold(&person))?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}
