//! (pure) Reads a query from left to right, each word once: examples, years, platforms, people, genres, kinds.

use contracts::{ContentType, ParsedIntent, YearRange};

use super::vocabulary::{decade, genre_ids, kind, platform, year};
use crate::{
    SearchError,
    keyword::{Snapshot, TitleDoc, stop_word},
    text::{Word, join},
};

/// Words beyond this are text: no one names so much, and it bounds the look-ups.
const MAX_READ_WORDS: usize = 200;
/// The longest title looked for after "like", in words.
const MAX_TITLE_WORDS: usize = 10;
/// The longest name, in words.
const MAX_NAME_WORDS: usize = 4;
/// The most examples of one query.
const MAX_EXAMPLES: usize = 5;

/// Words before "like" that make it mean "similar to".
const LEADS: &[&str] = &["something", "anything", "stuff", "more", "one", "ones", "titles", "much"];
/// Words that end the name of an example that is not a whole title.
const ENDS: &[&str] =
    &["but", "with", "on", "from", "after", "before", "since", "starring", "only", "under", "without"];
/// Words before a name that say it is one.
const NAME_LEADS: &[&str] = &["with", "by", "starring", "featuring", "from", "director", "actor", "actress"];
/// Words between names and what says that they are names: "directed by A and B".
const NAME_LINKS: &[&str] = &["directed", "written", "and", "or"];
/// Words that take a genre back.
const NEGATIONS: &[&str] = &["not", "no", "non", "without", "isnt", "nothing"];
/// Words that ask politely and look for nothing.
const FILLERS: &[&str] =
    &["best", "find", "give", "good", "great", "looking", "me", "please", "recommend", "show", "top", "want", "watch"];

/// What became of a word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// Left to search for.
    Text,
    /// Understood.
    Taken,
    /// Understood as a genre, and still worth searching for.
    Genre,
}

/// What the parser understood.
pub(super) struct Intent {
    pub parsed: ParsedIntent,
    pub like: Vec<TitleDoc>,
    pub text_words: Vec<String>,
    pub genre_words: Vec<String>,
}

pub(super) struct Parser<'a> {
    query: &'a str,
    words: &'a [Word],
    marks: Vec<Mark>,
    snapshot: &'a Snapshot,
    this_year: u16,
    /// Short enough that years and kinds are conditions.
    command: bool,
    /// A year stood by itself: it may belong to a title.
    bare_year: bool,
    parsed: ParsedIntent,
    like: Vec<TitleDoc>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(
        query: &'a str,
        words: &'a [Word],
        snapshot: &'a Snapshot,
        this_year: u16,
        command: bool,
    ) -> Self {
        let marks = vec![Mark::Text; words.len()];
        let (parsed, like) = (ParsedIntent::default(), Vec::new());
        Self { query, words, marks, snapshot, this_year, command, bare_year: false, parsed, like }
    }

    /// Reads the words; each reader says how many it took.
    pub(super) fn read(&mut self) -> Result<(), SearchError> {
        let mut at = 0;
        while at < self.words.len().min(MAX_READ_WORDS) {
            let mut taken = self.read_examples(at)?;
            if taken == 0 && self.command {
                taken = self.read_years(at);
            }
            if taken == 0 {
                taken = self.read_platform(at);
            }
            if taken == 0 {
                taken = self.read_person(at)?;
            }
            if taken == 0 {
                taken = self.read_genre(at);
            }
            if taken == 0 && self.command {
                taken = self.read_kind(at);
            }
            at += taken.max(1);
        }
        Ok(())
    }

    /// What is left is the text, unless the whole query is a title: then all of it is.
    pub(super) fn finish(mut self) -> Result<Intent, SearchError> {
        if self.is_title()? {
            self.marks.fill(Mark::Text);
            (self.parsed, self.like) = (ParsedIntent::default(), Vec::new());
        }
        let understood = self.marks.iter().any(|mark| *mark != Mark::Text);
        let left = |(word, mark): &(&'a Word, &Mark)| {
            **mark == Mark::Text && !(understood && FILLERS.contains(&word.text.as_str()))
        };
        let mut text: Vec<&Word> = self.words.iter().zip(&self.marks).filter(left).map(|(word, _)| word).collect();
        if understood && text.iter().all(|word| stop_word(&word.text)) {
            text.clear();
        }
        self.parsed.text = if understood {
            let slices: Vec<&str> = text.iter().filter_map(|word| self.query.get(word.from..word.to)).collect();
            slices.join(" ")
        } else {
            self.query.to_owned()
        };
        let genres = self.words.iter().zip(&self.marks).filter(|(_, mark)| **mark == Mark::Genre);
        self.parsed.like = self.like.iter().map(|title| title.title.clone()).collect();
        Ok(Intent {
            text_words: text.iter().map(|word| word.text.clone()).collect(),
            genre_words: genres.map(|(word, _)| word.text.clone()).collect(),
            parsed: self.parsed,
            like: self.like,
        })
    }

    /// Whether the query is the name of a title after all: "The Truman Show", "2001 space odyssey", "1917".
    fn is_title(&self) -> Result<bool, SearchError> {
        if self.words.is_empty() || self.marks.iter().all(|mark| *mark == Mark::Text) {
            return Ok(false);
        }
        let text = |(word, mark): (&Word, &Mark)| *mark == Mark::Text && !stop_word(&word.text);
        let has_text = self.words.iter().zip(&self.marks).any(text);
        let named = !self.parsed.genres.is_empty() || !self.parsed.people.is_empty();
        let era = self.parsed.year_range.is_some() && !self.bare_year;
        let perhaps = has_text || self.bare_year || !(named || era);
        if perhaps && !self.snapshot.titles(&join(self.words))?.is_empty() {
            return Ok(true);
        }
        if !has_text || self.words.len() < 2 || !self.like.is_empty() || !self.parsed.people.is_empty() {
            return Ok(false);
        }
        let telling: Vec<&str> = self.words.iter().map(|w| w.text.as_str()).filter(|word| !stop_word(word)).collect();
        Ok(self.snapshot.title_with(&telling)?.is_some())
    }

    fn at(&self, index: usize) -> &'a str {
        self.words.get(index).map_or("", |word| word.text.as_str())
    }

    fn before(&self, index: usize) -> &'a str {
        index.checked_sub(1).map_or("", |index| self.at(index))
    }

    fn slice(&self, from: usize, count: usize) -> Option<Vec<&'a str>> {
        Some(self.words.get(from..from.checked_add(count)?)?.iter().map(|word| word.text.as_str()).collect())
    }

    fn take(&mut self, from: usize, count: usize) -> usize {
        for mark in self.marks.iter_mut().skip(from).take(count) {
            *mark = Mark::Taken;
        }
        count
    }

    /// Takes the connecting words directly before `index`.
    fn take_before(&mut self, index: usize, connectors: &[&str]) {
        let mut index = index;
        while index > 0 && self.marks[index - 1] == Mark::Text && connectors.contains(&self.at(index - 1)) {
            index -= 1;
            self.marks[index] = Mark::Taken;
        }
    }

    // ---- examples -------------------------------------------------------------------------------------------------

    fn read_examples(&mut self, at: usize) -> Result<usize, SearchError> {
        let lead = self.before(at);
        let start = match (self.at(at), self.at(at + 1)) {
            ("like", _) if at == 0 || LEADS.contains(&lead) || kind(lead).is_some() => at + 1,
            ("similar", "to") | ("vein" | "style", "of") => at + 2,
            _ => return Ok(0),
        };
        let mut end = start;
        while self.like.len() < MAX_EXAMPLES {
            let first = end == start;
            let from = if !first && matches!(self.at(end), "and" | "or") { end + 1 } else { end };
            let found = match self.whole_title(from)? {
                None if first => self.part_of_title(from)?,
                found => found,
            };
            let Some((title, count)) = found else { break };
            if self.like.iter().all(|known| known.id != title.id) {
                self.like.push(title);
            }
            end = from + count;
        }
        if end == start {
            return Ok(0);
        }
        self.take_before(at, LEADS);
        self.take_before(at, &["in", "the", "a"]);
        Ok(self.take(at, end - at))
    }

    /// The longest run of words from `from` that is a whole title, with or without its article; a year after it
    /// chooses among remakes.
    fn whole_title(&self, from: usize) -> Result<Option<(TitleDoc, usize)>, SearchError> {
        for count in (1..=MAX_TITLE_WORDS).rev() {
            let Some(words) = self.slice(from, count) else { continue };
            let name = words.join(" ");
            let mut found = self.snapshot.titles(&name)?;
            if found.is_empty() {
                let other = name.strip_prefix("the ").map_or_else(|| format!("the {name}"), str::to_owned);
                found = self.snapshot.titles(&other)?;
            }
            if found.is_empty() || (count == 1 && ENDS.contains(&words[0])) {
                continue;
            }
            let wanted = year(self.at(from + count), self.this_year);
            let dated = found.iter().position(|title| wanted.is_some() && title.year == wanted);
            let taken = count + usize::from(dated.is_some());
            return Ok(Some((found.swap_remove(dated.unwrap_or(0)), taken)));
        }
        Ok(None)
    }

    /// The most popular title that holds the words up to the next connecting one.
    fn part_of_title(&self, from: usize) -> Result<Option<(TitleDoc, usize)>, SearchError> {
        let rest = self.words.get(from..).unwrap_or_default().iter().take(MAX_TITLE_WORDS);
        let words: Vec<&str> = rest.map(|word| word.text.as_str()).take_while(|word| !ENDS.contains(word)).collect();
        let telling: Vec<&str> = words.iter().copied().filter(|word| !stop_word(word) && word.len() > 2).collect();
        Ok(self.snapshot.title_with(&telling)?.map(|title| (title, words.len())))
    }

    // ---- years ----------------------------------------------------------------------------------------------------

    fn read_years(&mut self, at: usize) -> usize {
        let Some((years, taken)) = self.years_at(at) else { return 0 };
        let years = match self.parsed.year_range {
            None => years,
            Some(known) => meet(known, years),
        };
        if matches!((years.from, years.to), (Some(from), Some(to)) if from > to) {
            return 0;
        }
        self.parsed.year_range = Some(years);
        let lead = self.before(at);
        self.bare_year |= taken == 1 && year(self.at(at), self.this_year).is_some() && !matches!(lead, "in" | "from");
        self.take_before(at, &["the", "early", "late", "in", "from", "of", "year", "years"]);
        self.take(at, taken)
    }

    /// The years that the words from `at` name, and how many words that takes.
    fn years_at(&self, at: usize) -> Option<(YearRange, usize)> {
        let year_at = |index: usize| year(self.at(index), self.this_year);
        match self.at(at) {
            "between" | "from" => {
                let (from, to) = (year_at(at + 1)?, year_at(at + 3)?);
                let joined = matches!(self.at(at + 2), "and" | "to" | "until" | "till");
                (joined && from <= to).then_some((range(Some(from), Some(to)), 4))
            }
            "after" | "since" | "post" => {
                let (years, taken) = self.point(at + 1)?;
                let from = if self.at(at) == "since" { years.from } else { years.to.map(|year| year + 1) };
                Some((range(from, None), taken + 1))
            }
            "before" | "until" | "pre" => {
                let (years, taken) = self.point(at + 1)?;
                let to = if self.at(at) == "until" { years.to } else { years.from.map(|year| year - 1) };
                Some((range(None, to), taken + 1))
            }
            _ => self.span(at),
        }
    }

    /// A year or a decade, perhaps after an article.
    fn point(&self, at: usize) -> Option<(YearRange, usize)> {
        let skip = usize::from(self.at(at) == "the");
        let word = self.at(at + skip);
        let single = year(word, self.this_year).map(|year| range(Some(year), Some(year)));
        single.or_else(|| decade(word)).map(|years| (years, skip + 1))
    }

    /// `1990-1995`, `1990 to 1995`, `late 90s`, `90s`, `1995`.
    fn span(&self, at: usize) -> Option<(YearRange, usize)> {
        if let Some(from) = year(self.at(at), self.this_year) {
            let (second, taken) = if self.at(at + 1) == "to" { (at + 2, 3) } else { (at + 1, 2) };
            let to = year(self.at(second), self.this_year).filter(|to| from <= *to);
            let joined = taken == 3 || self.gap(at).is_some_and(|gap| gap.contains(['-', '–']));
            return Some(match to {
                Some(to) if joined => (range(Some(from), Some(to)), taken),
                _ if matches!(self.at(at + 1), "onward" | "onwards") => (range(Some(from), None), 2),
                _ => (range(Some(from), Some(from)), 1),
            });
        }
        let mut years = decade(self.at(at))?;
        match self.before(at) {
            "early" => years.to = years.from.map(|first| first + 4),
            "late" => years.from = years.from.map(|first| first + 5),
            _ => {}
        }
        Some((years, 1))
    }

    /// What stands between a word and the next.
    fn gap(&self, at: usize) -> Option<&'a str> {
        self.query.get(self.words.get(at)?.to..self.words.get(at + 1)?.from)
    }

    // ---- platforms, people, genres, kinds --------------------------------------------------------------------------

    fn read_platform(&mut self, at: usize) -> usize {
        let words: Vec<&str> = self.words[at..].iter().take(3).map(|word| word.text.as_str()).collect();
        let led = matches!(self.before(at), "on" | "via");
        match platform(&words) {
            Some((id, count, clear)) if clear || led => {
                push(&mut self.parsed.platforms, id);
                self.take_before(at, &["on", "via", "from"]);
                self.take(at, count)
            }
            _ => 0,
        }
    }

    fn read_person(&mut self, at: usize) -> Result<usize, SearchError> {
        let lead = self.before(at);
        let led = NAME_LEADS.contains(&lead) || self.words.len() == 1;
        for count in (1..=MAX_NAME_WORDS).rev() {
            let Some(words) = self.slice(at, count) else { continue };
            if (count == 1 && !led) || words.iter().all(|word| stop_word(word)) {
                continue;
            }
            if let Some(name) = self.snapshot.person(&words.join(" "))? {
                push(&mut self.parsed.people, &name);
                self.take_before(at, &[NAME_LEADS, NAME_LINKS].concat());
                return Ok(self.take(at, count));
            }
        }
        Ok(0)
    }

    fn read_genre(&mut self, at: usize) -> usize {
        for count in (1..=3).rev() {
            let Some(words) = self.slice(at, count) else { continue };
            let ids = genre_ids(&words);
            if ids.is_empty() {
                continue;
            }
            if NEGATIONS.contains(&self.before(at)) {
                self.take_before(at, NEGATIONS);
                return self.take(at, count);
            }
            for id in ids {
                push(&mut self.parsed.genres, id);
            }
            for mark in &mut self.marks[at..at + count] {
                *mark = Mark::Genre;
            }
            return count;
        }
        0
    }

    fn read_kind(&mut self, at: usize) -> usize {
        let (word, next) = (self.at(at), self.at(at + 1));
        let Some(named) = kind(word) else { return 0 };
        let told = matches!((word, next), ("show" | "shows", "me" | "us" | "that" | "how") | ("series", "of"));
        if told || (word == "show" && self.before(at) == "to") {
            return 0;
        }
        let (named, count) = match (word, kind(next)) {
            ("tv", Some(kind)) => (kind, 2),
            _ => (named, 1),
        };
        if !self.parsed.content_types.contains(&named) {
            self.parsed.content_types.push(named);
            self.parsed.content_types.sort_unstable_by_key(|kind: &ContentType| kind.as_str());
        }
        self.take(at, count)
    }
}

fn range(from: Option<u16>, to: Option<u16>) -> YearRange {
    YearRange { from, to }
}

/// The years that are in both.
fn meet(a: YearRange, b: YearRange) -> YearRange {
    let to = match (a.to, b.to) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    range(a.from.max(b.from), to)
}

fn push(list: &mut Vec<String>, value: &str) {
    if list.iter().all(|known| known != value) {
        list.push(value.to_owned());
    }
}
