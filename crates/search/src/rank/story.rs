//! (pure) Long questions for something half remembered: what they tell, when it was, and what people remember at all.
//!
//! Nobody who asks "what was that film where …" gives a year as a condition: it is a guess, so it weighs and does not
//! filter. The constants were fitted on the training half of a set of such questions (`docs/measured`, questions that
//! people asked) and rounded; they are about films in general and know none of them.

use crate::{
    keyword::stop_word,
    text::{Word, words},
};

/// Words of asking rather than of what is asked for, folded and sorted.
const ASKING: &[&str] = &[
    "ago",
    "also",
    "anyone",
    "back",
    "believe",
    "bit",
    "called",
    "cant",
    "couldnt",
    "didnt",
    "dont",
    "early",
    "edit",
    "film",
    "films",
    "find",
    "forgot",
    "guess",
    "help",
    "id",
    "isnt",
    "ive",
    "just",
    "kid",
    "kind",
    "know",
    "late",
    "like",
    "looking",
    "lot",
    "main",
    "maybe",
    "memory",
    "mid",
    "might",
    "movie",
    "movies",
    "name",
    "old",
    "one",
    "please",
    "plot",
    "possibly",
    "pretty",
    "probably",
    "really",
    "recall",
    "remember",
    "remembered",
    "saw",
    "scene",
    "scenes",
    "see",
    "seen",
    "solved",
    "someone",
    "somewhere",
    "sure",
    "thank",
    "thanks",
    "thats",
    "thing",
    "things",
    "think",
    "thought",
    "time",
    "tip",
    "title",
    "tomt",
    "tongue",
    "trying",
    "vaguely",
    "wasnt",
    "watch",
    "watched",
    "watching",
    "would",
    "year",
    "years",
];
/// Whose age "in her 20s" tells, and not the film's.
const OWNERS: &[&str] = &["his", "her", "their", "my", "our", "your"];
/// How much more a word of the first line counts: people put the gist there.
const FIRST_LINE: f32 = 1.6;
/// The most eras of a question that count.
const MAX_ERAS: usize = 8;

/// A long question, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Story {
    /// The folded words that tell something, once each, in their order, and how much each counts: the root of how often
    /// it stands there, as one who repeats a word does not mean it twice as much.
    pub words: Vec<(String, f32)>,
    /// Which of the words are neighbours, by their places in `words`: with nothing but stop words between them.
    pub pairs: Vec<(usize, usize)>,
    /// Which of the words are written with a capital in the middle of a sentence, by their places: names, mostly.
    pub names: Vec<usize>,
    /// When it was, as the question has it.
    pub eras: Vec<Era>,
}

/// From one year to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Era {
    pub from: u16,
    pub to: u16,
}

/// How well a title is told of.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Told {
    pub year: Option<u16>,
    /// Words of what it is about.
    pub words: u32,
    /// What its genres add to the odds: the sum of their [`ASKED_FOR`].
    pub genres: f64,
}

impl Story {
    /// Reads a question; its first line, when there are more, is its gist.
    pub(crate) fn of(question: &str) -> Self {
        let texts = question.trim().split_once('\n').unwrap_or(("", question));
        let (gist, rest) = (words(texts.0), words(texts.1));
        let mut told: Vec<(String, f32, bool)> = Vec::new();
        let (mut pairs, mut names, mut before) = (Vec::new(), Vec::new(), None);
        for (in_gist, word) in gist.iter().map(|word| (true, word)).chain(rest.iter().map(|word| (false, word))) {
            if stop_word(&word.text) {
                continue;
            }
            if ASKING.binary_search(&word.text.as_str()).is_ok() {
                before = None;
                continue;
            }
            let known = told.iter().position(|(known, ..)| *known == word.text);
            let place = known.unwrap_or(told.len());
            match told.get_mut(place) {
                Some((_, count, _)) => *count += 1.0,
                None => told.push((word.text.clone(), 1.0, in_gist)),
            }
            pairs.extend(before.map(|before| (before, place)));
            names.extend(is_name(if in_gist { texts.0 } else { texts.1 }, word.from).then_some(place));
            before = Some(place);
        }
        pairs.sort_unstable();
        pairs.dedup();
        names.sort_unstable();
        names.dedup();
        let weigh =
            |(word, count, in_gist): (String, f32, bool)| (word, count.sqrt() * if in_gist { FIRST_LINE } else { 1.0 });
        let mut eras = eras(&gist);
        eras.extend(self::eras(&rest));
        eras.truncate(MAX_ERAS);
        Self { words: told.into_iter().map(weigh).collect(), pairs, names, eras }
    }

    /// What speaks for a title beside its words and meaning, in natural logarithms of odds: how often such titles are
    /// asked for, and how far it lies from when the question says it was.
    pub(crate) fn evidence(&self, told: &Told) -> f64 {
        remembered(told) + self.time(told)
    }

    /// The part of it that says how far a title lies from when the question says it was.
    pub(crate) fn time(&self, told: &Told) -> f64 {
        let distance: f64 =
            self.eras.iter().map(|era| told.year.map_or(ERA_UNKNOWN, |year| nearness(*era, year))).sum();
        ERA_SHARE * distance
    }
}

/// Whether the word that begins there has a capital and small letters after it, and stands in the middle of a sentence.
fn is_name(text: &str, from: usize) -> bool {
    let (Some(before), Some(after)) = (text.get(..from), text.get(from..)) else { return false };
    let mut letters = after.chars();
    let capital = letters.next().is_some_and(char::is_uppercase);
    let goes_on = before.strip_suffix(' ').is_some_and(|said| said.ends_with(|c: char| c.is_lowercase() || c == ','));
    capital && goes_on && letters.take(2).filter(|c| c.is_lowercase()).count() == 2
}

/// What an era says about a title without a year, between near and far.
const ERA_UNKNOWN: f64 = -2.0;
/// Several eras of one question are not independent of each other, nor of what is remembered.
const ERA_SHARE: f64 = 0.6;
/// How fast belief falls with the years between: people are off by some, and say the year they saw it.
const ERA_YEARS: f64 = 3.0;
/// The share of eras that are plainly wrong, or speak of when the story is set.
const ERA_WRONG: f64 = 0.01;

/// `ln` of how likely someone who means a title of `year` says `era`, up to a constant: 0 inside.
fn nearness(era: Era, year: u16) -> f64 {
    let slack = if era.from == era.to { 2 } else { 1 };
    let beyond = era.from.saturating_sub(slack).saturating_sub(year).max(year.saturating_sub(era.to + slack));
    ((ERA_WRONG + (-f64::from(beyond) / ERA_YEARS).exp()) / (ERA_WRONG + 1.0)).ln()
}

/// `ln` of the odds that a title of these years is asked for, from which the line between them is drawn. Most of
/// what people half remember was shown in their life. What is newest was least forgotten when the questions were
/// asked, which says nothing of today: the last value holds for all later years.
const REMEMBERED: &[(u16, f64)] = &[
    (1905, -5.0),
    (1925, -3.0),
    (1935, -0.2),
    (1945, 0.5),
    (1955, 1.4),
    (1965, 2.3),
    (1975, 2.6),
    (1985, 3.6),
    (1995, 3.9),
    (2005, 4.1),
    (2015, 3.6),
];
/// For a title without a year.
const YEAR_UNKNOWN: f64 = 1.4;
/// Of what is known widely more is told.
const PER_LN_WORDS: f64 = 0.35;
/// Of what nothing is told, no story can be found.
const NOTHING_TOLD: f64 = -4.5;

/// Genres that are asked for more or less often than others of their years, by id: `ln` of the odds, from a logistic
/// regression over the catalogue of which titles the questions ask for.
pub(crate) const ASKED_FOR: &[(&str, f64)] = &[
    ("science_fiction", 1.0),
    ("fantasy", 0.6),
    ("thriller", 0.6),
    ("horror", 0.5),
    ("war", 0.5),
    ("teen", 0.4),
    ("supernatural", 0.3),
    ("western", -0.3),
    ("short", -0.3),
    ("history", -0.4),
    ("sports", -0.6),
    ("animation", -0.7),
    ("documentary", -1.0),
];

/// How often such titles are asked for, whatever the question says: a natural logarithm of odds.
pub(crate) fn remembered(told: &Told) -> f64 {
    let by_year = told.year.map_or(YEAR_UNKNOWN, |year| {
        let after = REMEMBERED.partition_point(|(knot, _)| *knot <= year);
        match (after.checked_sub(1).and_then(|at| REMEMBERED.get(at)), REMEMBERED.get(after)) {
            (Some((from, low)), Some((to, high))) => low + (high - low) * f64::from(year - from) / f64::from(to - from),
            (Some((_, value)), None) | (None, Some((_, value))) => *value,
            (None, None) => 0.0,
        }
    });
    let by_words = if told.words == 0 { NOTHING_TOLD } else { PER_LN_WORDS * f64::from(told.words).ln_1p() };
    by_year + by_words + told.genres
}

/// The years and decades that words name: "1995", "80s", "1980's", "early 2000s", "the nineties".
fn eras(words: &[Word]) -> Vec<Era> {
    let at = |place: usize| words.get(place).map_or("", |word| word.text.as_str());
    let mut eras = Vec::new();
    for place in 0..words.len() {
        let word = at(place);
        if let Some(year) = four_digits(word) {
            eras.push(Era { from: year, to: year });
            continue;
        }
        let before = [place.checked_sub(1).map_or("", at), place.checked_sub(2).map_or("", at)];
        let age = !word.starts_with(['1', '2']) && before.iter().any(|word| OWNERS.contains(word));
        let Some(decade) = decade(word).filter(|_| !age) else { continue };
        let (from, to) = match before[0] {
            "early" => (0, 4),
            "mid" => (3, 7),
            "late" => (5, 9),
            _ => (0, 9),
        };
        eras.push(Era { from: decade + from, to: decade + to });
    }
    eras
}

fn four_digits(word: &str) -> Option<u16> {
    let year = word.parse().ok().filter(|_| word.len() == 4)?;
    (1920..=2029).contains(&year).then_some(year)
}

/// `1980s`, `80s`, `eighties` → 1980. Two digits below 50 are ages more often than decades.
fn decade(word: &str) -> Option<u16> {
    const NAMED: &[(&str, u16)] =
        &[("fifties", 1950), ("sixties", 1960), ("seventies", 1970), ("eighties", 1980), ("nineties", 1990)];
    if let Some((_, decade)) = NAMED.iter().find(|(name, _)| *name == word) {
        return Some(*decade);
    }
    let number: u16 = word.strip_suffix("0s")?.parse().ok()?;
    match (number, word.len()) {
        (5..=9, 3) => Some(1900 + number * 10),
        (0, 3) => Some(2000),
        (190..=202, 5) => Some(number * 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
