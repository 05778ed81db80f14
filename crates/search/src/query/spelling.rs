//! (pure) Words that no title knows, read as the nearest that one does, and phrases between quotes.

use std::ops::Range;

use contracts::Correction;

use crate::{
    SearchError,
    keyword::{Snapshot, slips, stop_word},
    text::{Word, words},
};

/// The most words of a query that are corrected; whoever mistypes more means something else.
const MAX_CORRECTIONS: usize = 4;
/// Digits that stand for letters in titles: "Se7en".
const LEET: &[(char, char)] = &[('0', 'o'), ('1', 'i'), ('3', 'e'), ('4', 'a'), ('5', 's'), ('7', 'v')];

/// A query with its words, its phrases and what was corrected in it.
#[derive(Debug, Default)]
pub(super) struct Spelling {
    pub query: String,
    pub words: Vec<Word>,
    /// Where phrases stand, in bytes, without their quotes.
    pub quotes: Vec<Range<usize>>,
    pub corrections: Vec<Correction>,
}

impl Spelling {
    /// As it is written.
    pub(super) fn as_written(query: &str) -> Self {
        Self { query: query.to_owned(), words: words(query), quotes: quotes(query), corrections: Vec::new() }
    }

    /// With the words corrected that neither a title nor a person nor an overview knows. What is quoted stays.
    pub(super) fn corrected(query: &str, snapshot: &Snapshot) -> Result<Self, SearchError> {
        let written = Self::as_written(query);
        let (mut fixed, mut end, mut corrections) = (String::new(), 0, Vec::new());
        for word in &written.words {
            let quoted = written.quotes.iter().any(|quote| quote.contains(&word.from));
            if quoted || stop_word(&word.text) || corrections.len() == MAX_CORRECTIONS {
                continue;
            }
            let Some(better) = better(&word.text, snapshot)? else { continue };
            fixed.push_str(query.get(end..word.from).unwrap_or_default());
            fixed.push_str(&better);
            end = word.to;
            corrections.push(Correction { from: word.text.clone(), to: better });
        }
        if corrections.is_empty() {
            return Ok(written);
        }
        fixed.push_str(query.get(end..).unwrap_or_default());
        Ok(Self { corrections, ..Self::as_written(&fixed) })
    }

    /// A word as it stands in the query; itself where it does not.
    pub(super) fn written<'a>(&'a self, word: &'a str) -> &'a str {
        let stands = self.words.iter().find(|known| known.text == word);
        stands.and_then(|known| self.query.get(known.from..known.to)).unwrap_or(word)
    }
}

fn better(word: &str, snapshot: &Snapshot) -> Result<Option<String>, SearchError> {
    if super::vocabulary::is_word(word) {
        return Ok(None);
    }
    if let Some(spelt) = without_digits(word) {
        let known = snapshot.in_titles(word)? || !snapshot.in_titles(&spelt)?;
        return Ok((!known).then_some(spelt));
    }
    if word.chars().any(|c| c.is_ascii_digit()) || snapshot.known_word(word)? {
        return Ok(None);
    }
    if slips(word) == 0 {
        return changed_about(word, snapshot);
    }
    snapshot.nearest_word(word)
}

/// A word too short for other slips in which two letters were typed in the wrong order: "wras".
fn changed_about(word: &str, snapshot: &Snapshot) -> Result<Option<String>, SearchError> {
    let letters: Vec<char> = word.chars().collect();
    if letters.len() < 4 {
        return Ok(None);
    }
    for at in 1..letters.len() - 1 {
        let mut changed = letters.clone();
        changed.swap(at, at + 1);
        let changed: String = changed.into_iter().collect();
        if changed != word && snapshot.in_titles(&changed)? {
            return Ok(Some(changed));
        }
    }
    Ok(None)
}

/// A word in which digits stand for letters, written with letters.
fn without_digits(word: &str) -> Option<String> {
    let letters = word.chars().filter(char::is_ascii_alphabetic).count();
    let digits = word.chars().filter(char::is_ascii_digit).count();
    if digits == 0 || letters < 2 || letters <= digits || !word.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let letter = |c: char| LEET.iter().find(|(digit, _)| *digit == c).map_or(c, |(_, letter)| *letter);
    Some(word.chars().map(letter).collect())
}

/// Where text stands between straight or curly double quotes; an open end quotes nothing.
fn quotes(query: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut open: Option<usize> = None;
    for (at, c) in query.char_indices().filter(|(_, c)| matches!(c, '"' | '“' | '”' | '„')) {
        match open.take() {
            Some(from) if query.get(from..at).is_some_and(|text| !words(text).is_empty()) => ranges.push(from..at),
            Some(_) => {}
            None => open = Some(at + c.len_utf8()),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn words_are_read_as_the_nearest_known() {
        let (_folder, snapshot) = fixtures::snapshot();
        let table = [
            ("the matirx", "the matrix"),
            ("scarfase", "scarface"),
            ("al pachino", "al pacino"),
            ("keanu reves", "keanu reeves"),
            ("AMELEI", "amelie"),
            ("he4t", "heat"),
            ("heat", "heat"),
            ("haet", "heat"),
            ("heta", "heat"),
            ("ti", "ti"),
            ("mars", "mars"),
            ("matr", "matr"),
            ("\"matirx\" matirx", "\"matirx\" matrix"),
            ("1917 2001", "1917 2001"),
            ("xqzzvw plkjhg", "xqzzvw plkjhg"),
            ("", ""),
        ];
        for (query, expected) in table {
            let fixed = Spelling::corrected(query, &snapshot).unwrap();
            assert_eq!(fixed.query, expected, "{query}");
            assert_eq!(fixed.corrections.is_empty(), query == expected, "{query}");
        }
        let many = Spelling::corrected(&"matirx ".repeat(10), &snapshot).unwrap();
        assert_eq!(many.corrections.len(), MAX_CORRECTIONS);
    }

    #[test]
    fn quotes_come_in_pairs() {
        let table: [(&str, &[&str]); 5] = [
            ("a \"b c\" d", &["b c"]),
            ("“b c” \"d\"", &["b c", "d"]),
            ("\"open", &[]),
            ("\"\" \"🎬\" x", &[]),
            ("", &[]),
        ];
        for (query, expected) in table {
            let found: Vec<&str> = quotes(query).into_iter().map(|range| &query[range]).collect();
            assert_eq!(found, expected, "{query}");
        }
    }
}
