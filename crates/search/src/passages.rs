//! (pure) The passages of a title that are embedded: everything that is known, and the story by itself.
//!
//! A person who half remembers a film tells its story and not who made it. An encyclopaedia says mostly the latter, so
//! that one vector of everything lies near the makers. With a second vector, of the story alone, more of such questions
//! find their film; see `docs/measured`, questions that people asked.

use contracts::{Content, CreditRole, genres};

/// The most people of a title that its text names; a model's window is short.
const MAX_PEOPLE: usize = 6;
/// The most characters of a passage: beyond any model's window.
const MAX_TEXT_CHARS: usize = 4_000;
/// A story that leaves out less than this share of everything needs no vector of its own.
const LEAST_LEFT_OUT: f64 = 0.15;
/// A sentence with one of these tells how a film was made or received, and not what happens in it.
const NO_STORY: &[&str] = &[
    "film stars",
    "it stars",
    "the cast",
    "box office",
    "released",
    "premiered",
    "grossed",
    "received",
    "reviews",
    "critics",
    "award",
    "nominated",
    "distributed",
    "screenplay",
    "was filmed",
    "was shot",
    "copyright",
    "preserved",
    "lost film",
    "budget",
];
/// What people do to a film, before "by".
const MADE: &[&str] =
    &["produced", "directed", "written", "cowritten", "scripted", "edited", "distributed", "released", "narrated"];
const PLAYED: &[&str] = &["starring", "stars", "featuring", "costarring"];
/// Short forms that end with a full stop inside a sentence.
const SHORT_FORMS: &[&str] =
    &["Dr", "Mr", "Mrs", "Ms", "St", "Jr", "Sr", "vs", "Lt", "Col", "Capt", "Sgt", "Gen", "No"];

/// What is embedded of a title, at least one passage.
pub(crate) fn passages_of(content: &Content) -> Vec<String> {
    let all = everything(content);
    match story(content) {
        Some(story) if (story.len() as f64) < all.len() as f64 * (1.0 - LEAST_LEFT_OUT) => vec![all, story],
        _ => vec![all],
    }
}

/// The telling parts first, since models cut long texts:
/// `The Matrix (1999). Action, Science fiction. Directed by Lana Wachowski. With Keanu Reeves, …. Overview`.
fn everything(content: &Content) -> String {
    let year = content.release_year.map(|year| format!(" ({year})")).unwrap_or_default();
    let mut text = format!("{}{year}.", content.title);
    push_sentence(&mut text, "", &genre_names(content));
    let names = |role: CreditRole| -> Vec<&str> {
        let credits = content.credits.iter().filter(|credit| credit.role == role);
        credits.take(MAX_PEOPLE).map(|credit| credit.name.as_str()).collect()
    };
    push_sentence(&mut text, "Directed by ", &names(CreditRole::Director));
    push_sentence(&mut text, "With ", &names(CreditRole::Actor));
    if let Some(overview) = &content.overview {
        text.push(' ');
        text.push_str(overview);
    }
    text.chars().take(MAX_TEXT_CHARS).collect()
}

/// Title, genres, and of the overview what happens. `None` without an overview.
fn story(content: &Content) -> Option<String> {
    let overview: String = content.overview.as_ref()?.chars().take(MAX_TEXT_CHARS).collect();
    let sentences = sentences(&overview);
    let tells = |sentence: &&&str| {
        let folded = sentence.to_lowercase();
        !NO_STORY.iter().any(|sign| folded.contains(sign))
    };
    let mut kept: Vec<String> = sentences.iter().map(|sentence| without_credits(sentence)).collect();
    let telling: Vec<String> = sentences.iter().filter(tells).map(|sentence| without_credits(sentence)).collect();
    if telling.is_empty() {
        kept.truncate(1);
    } else {
        kept = telling;
    }
    let mut text = format!("{}.", content.title);
    push_sentence(&mut text, "", &genre_names(content));
    for sentence in kept {
        text.push(' ');
        text.push_str(&sentence);
    }
    Some(text)
}

fn genre_names(content: &Content) -> Vec<&str> {
    content.genres.iter().map(|genre| genres::name(genre).unwrap_or(genre)).collect()
}

fn push_sentence(text: &mut String, lead: &str, names: &[&str]) {
    if !names.is_empty() {
        text.push(' ');
        text.push_str(lead);
        text.push_str(&names.join(", "));
        text.push('.');
    }
}

/// The sentences of a text: a full stop, exclamation or question mark before white space and a capital or a figure ends
/// one, except after an initial or a short form.
fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut from = 0;
    for (at, c) in text.char_indices() {
        if !matches!(c, '.' | '!' | '?') {
            continue;
        }
        let rest = &text[at + c.len_utf8()..];
        let next = rest.trim_start();
        let starts = next.chars().next().is_some_and(|c| c.is_uppercase() || c.is_numeric() || matches!(c, '"' | '\''));
        let last = text[from..at].rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
        let short = c == '.' && (last.chars().count() == 1 || SHORT_FORMS.contains(&last));
        if starts && next.len() < rest.len() && !short {
            found.push(text[from..at + c.len_utf8()].trim());
            from = at + c.len_utf8();
        }
    }
    let last = text[from..].trim();
    if !last.is_empty() {
        found.push(last);
    }
    found
}

/// A sentence without its "directed by …" and "starring …".
fn without_credits(sentence: &str) -> String {
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let mut kept: Vec<&str> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let skipped = credits_at(&words[at..]);
        if skipped == 0 {
            kept.push(words[at]);
            at += 1;
            continue;
        }
        while kept.last().is_some_and(|word| matches!(*word, "and" | "is" | "was")) {
            kept.pop();
        }
        at += skipped;
    }
    let text = kept.join(" ");
    format!("{}.", text.trim_end_matches([',', '.', ' ']))
}

/// How many words from here on say who made it: 0 when they don't.
fn credits_at(words: &[&str]) -> usize {
    let bare = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).replace('-', "").to_lowercase();
    let plays = words.first().is_some_and(|word| PLAYED.contains(&bare(word).as_str()));
    let makes = words.iter().position(|word| {
        let word = bare(word);
        word != "and" && !MADE.contains(&word.as_str())
    });
    let made = matches!(makes, Some(by) if by > 0 && bare(words[by]) == "by" && bare(words[0]) != "and");
    if !plays && !made {
        return 0;
    }
    let start = if made { makes.unwrap_or(0) + 1 } else { 1 };
    for at in start..words.len() {
        let (word, next) = (words[at], words.get(at + 1).copied().unwrap_or_default());
        let after_comma = words[at - 1].ends_with([',', ';']);
        let goes_on = match word {
            "about" | "who" | "based" => true,
            "as" => matches!(next, "a" | "an" | "the") || plays,
            "in" => matches!(next, "which" | "the"),
            "which" | "that" | "where" | "when" => after_comma,
            _ => false,
        };
        if goes_on {
            return at;
        }
    }
    words.len()
}

#[cfg(test)]
mod tests;
