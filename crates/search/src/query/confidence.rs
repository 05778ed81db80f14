//! (pure) How sure we are of what we understood, and what to ask when we are not.

use contracts::{Wording, genres};

use super::{parser::Intent, spelling::Spelling, vocabulary::synonyms};
use crate::{
    SearchError,
    keyword::{Snapshot, TitleDoc, stop_word},
    text::shortened,
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

/// Sets the confidence, from 0 to 1, and below [`SURE`] a question.
pub(super) fn judge(intent: &mut Intent, spelling: &Spelling, snapshot: &Snapshot) -> Result<(), SearchError> {
    let (confidence, question) = confidence(intent, spelling, snapshot)?;
    intent.parsed.confidence = confidence;
    intent.parsed.clarification = question.as_ref().map(english);
    intent.parsed.question = question;
    Ok(())
}

fn confidence(
    intent: &Intent,
    spelling: &Spelling,
    snapshot: &Snapshot,
) -> Result<(f64, Option<Wording>), SearchError> {
    let parsed = &intent.parsed;
    let all_words: Vec<String> = spelling.words.iter().map(|word| word.text.clone()).collect();
    if all_words.is_empty() {
        return Ok((NOTHING_SAID, Some(Wording::new("nothing_said", []))));
    }
    let mut doubts: Vec<(f64, Wording)> = Vec::new();
    doubts.extend(intent.contradiction.clone().map(|both| (CONTRADICTION, both)));
    match (&intent.vague_example, intent.like.first()) {
        (Some(example), None) => {
            doubts.push((UNKNOWN_EXAMPLE, Wording::new("unknown_example", [("title", example.clone())])));
        }
        (Some(_), Some(title)) => {
            doubts.push((PART_OF_EXAMPLE, Wording::new("part_of_example", [("title", title.title.clone())])));
        }
        _ => {}
    }
    for title in intent.like.iter().filter(|_| intent.vague_example.is_none()) {
        // A year that was said has told them apart.
        let said = title.year.is_some_and(|year| all_words.contains(&year.to_string()));
        let namesakes = if said { Vec::new() } else { snapshot.titles(&crate::text::fold(&title.title))? };
        if let [first, second, ..] = namesakes.as_slice() {
            doubts.push((NAMESAKES, which_of(title, first.year, second.year)));
        }
    }
    if !parsed.corrections.is_empty() {
        let read: Vec<&str> = parsed.corrections.iter().map(|correction| correction.to.as_str()).collect();
        let left = CORRECTED.powi(i32::try_from(read.len()).unwrap_or(i32::MAX));
        doubts.push((left, Wording::new("corrected", [("words", read.join(" "))])));
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

/// Which of two titles of one name is meant, by their years where these tell them apart.
fn which_of(title: &TitleDoc, first: Option<u16>, second: Option<u16>) -> Wording {
    let name = ("title", title.title.clone());
    match (first, second) {
        (Some(first), Some(second)) if first != second => {
            Wording::new("namesakes", [name, ("first", first.to_string()), ("second", second.to_string())])
        }
        (Some(year), None) | (None, Some(year)) => {
            Wording::new("namesakes_undated", [name, ("year", year.to_string())])
        }
        _ => Wording::new("namesakes_alike", [name]),
    }
}

/// How many of the words that are left anyone knows.
fn doubt_of_words(
    intent: &Intent,
    spelling: &Spelling,
    snapshot: &Snapshot,
) -> Result<Option<(f64, Wording)>, SearchError> {
    let telling: Vec<&String> = intent.text_words.iter().filter(|word| !stop_word(word)).collect();
    if telling.is_empty() {
        let only = !intent.text_words.is_empty();
        return Ok(only.then(|| (ONLY_STOP_WORDS, Wording::new("only_stop_words", []))));
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
    let question = Wording::new("unknown_words", [("words", written.join(" "))]);
    Ok(Some((NO_WORD_KNOWN + (1.0 - NO_WORD_KNOWN) * known, question)))
}

/// A question in English.
fn english(question: &Wording) -> String {
    let arg = |name: &str| question.arg(name);
    let title = || shortened(arg("title"));
    match question.code.as_str() {
        "contradiction_genre" => {
            let name = genres::name(arg("genre")).unwrap_or(arg("genre"));
            format!("Your words ask for {name} and against it. Which do you mean?")
        }
        "contradiction_person" => {
            format!("Your words ask for {} and against it. Which do you mean?", arg("name"))
        }
        "contradiction_years" => "Your words ask for years that exclude each other. Which do you mean?".to_owned(),
        "unknown_example" => format!("No title here is called “{}”. Which one do you mean?", title()),
        "part_of_example" => format!("Do you mean “{}”?", title()),
        "namesakes" => format!("Which “{}” do you mean: {} or {}?", title(), arg("first"), arg("second")),
        "namesakes_undated" => {
            format!("Which “{}” do you mean: {} or the undated one?", title(), arg("year"))
        }
        "namesakes_alike" => format!("More than one title here is called “{}”. Which one do you mean?", title()),
        "corrected" => format!("Did you mean “{}”?", arg("words")),
        "only_stop_words" => "Can you say more about what you would like to watch?".to_owned(),
        "unknown_words" => format!("Nothing here knows “{}”. Can you say it in other words?", arg("words")),
        _ => "What would you like to watch? Name a title, a person or a genre.".to_owned(),
    }
}
