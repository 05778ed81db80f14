//! (pure) How sure we are of what we understood, and what to ask when we are not.

use super::{parser::Intent, spelling::Spelling, vocabulary::synonyms};
use crate::{
    SearchError,
    keyword::{Snapshot, stop_word},
};

/// Below this a clarification is offered (Q2).
pub(super) const SURE: f64 = 0.7;

/// What each doubt leaves of the confidence. They are judgements, not measurements: what they decide is only whether a
/// question is asked beside the results.
const NOTHING_SAID: f64 = 0.1;
const ONLY_STOP_WORDS: f64 = 0.4;
const CONTRADICTION: f64 = 0.5;
const UNKNOWN_EXAMPLE: f64 = 0.4;
const PART_OF_EXAMPLE: f64 = 0.65;
const NAMESAKES: f64 = 0.65;
const CORRECTED: f64 = 0.85;
const NO_WORD_KNOWN: f64 = 0.3;

/// The confidence, from 0 to 1, and a question below [`SURE`].
pub(super) fn confidence(
    intent: &Intent,
    spelling: &Spelling,
    snapshot: &Snapshot,
) -> Result<(f64, Option<String>), SearchError> {
    let parsed = &intent.parsed;
    let all_words: Vec<String> = spelling.words.iter().map(|word| word.text.clone()).collect();
    if all_words.is_empty() {
        return Ok((NOTHING_SAID, Some("What would you like to watch? Name a title, a person or a genre.".to_owned())));
    }
    let mut doubts: Vec<(f64, String)> = Vec::new();
    if let Some(both) = &intent.contradiction {
        doubts.push((CONTRADICTION, format!("Your words ask for {both}. Which do you mean?")));
    }
    match (&intent.vague_example, intent.like.first()) {
        (Some(example), None) => {
            doubts.push((UNKNOWN_EXAMPLE, format!("No title here is called “{example}”. Which one do you mean?")));
        }
        (Some(_), Some(title)) => doubts.push((PART_OF_EXAMPLE, format!("Do you mean “{}”?", title.title))),
        _ => {}
    }
    for title in intent.like.iter().filter(|_| intent.vague_example.is_none()) {
        // A year that was said has told them apart.
        let said = title.year.is_some_and(|year| all_words.contains(&year.to_string()));
        let namesakes = if said { Vec::new() } else { snapshot.titles(&crate::text::fold(&title.title))? };
        if let [first, second, ..] = namesakes.as_slice() {
            let dated = |year: Option<u16>| year.map_or_else(|| "the undated one".to_owned(), |year| year.to_string());
            let question =
                format!("Which “{}” do you mean: {} or {}?", title.title, dated(first.year), dated(second.year));
            doubts.push((NAMESAKES, question));
        }
    }
    if !parsed.corrections.is_empty() {
        let read: Vec<String> = parsed.corrections.iter().map(|c| format!("“{}”", c.to)).collect();
        let left = CORRECTED.powi(i32::try_from(read.len()).unwrap_or(i32::MAX));
        doubts.push((left, format!("Did you mean {}?", read.join(" and "))));
    }
    // "It" says little, unless it is a title.
    if snapshot.titles(&all_words.join(" "))?.is_empty() {
        doubts.extend(doubt_of_words(intent, spelling, snapshot)?);
    }
    let confidence = doubts.iter().map(|(left, _)| left).product::<f64>();
    let worst = doubts.into_iter().min_by(|a, b| a.0.total_cmp(&b.0));
    let question = worst.map(|(_, question)| question).filter(|_| confidence < SURE);
    Ok(((confidence * 100.0).round() / 100.0, question))
}

/// How many of the words that are left anyone knows.
fn doubt_of_words(
    intent: &Intent,
    spelling: &Spelling,
    snapshot: &Snapshot,
) -> Result<Option<(f64, String)>, SearchError> {
    let telling: Vec<&String> = intent.text_words.iter().filter(|word| !stop_word(word)).collect();
    if telling.is_empty() {
        let only = !intent.text_words.is_empty();
        return Ok(only.then(|| (ONLY_STOP_WORDS, "Can you say more about what you would like to watch?".to_owned())));
    }
    let mut unknown: Vec<&str> = Vec::new();
    for word in &telling {
        if synonyms(word).next().is_none() && !snapshot.known_word(word)? {
            unknown.push(word);
        }
    }
    if unknown.is_empty() {
        return Ok(None);
    }
    let known = 1.0 - unknown.len() as f64 / telling.len() as f64;
    unknown.truncate(3);
    // As it was written, in its own script.
    let written: Vec<&str> = unknown.into_iter().map(|word| spelling.written(word)).collect();
    let question = format!("Nothing here knows “{}”. Can you say it in other words?", written.join(" "));
    Ok(Some((NO_WORD_KNOWN + (1.0 - NO_WORD_KNOWN) * known, question)))
}
