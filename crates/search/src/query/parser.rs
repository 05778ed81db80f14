//! (pure) Reads a query from left to right, each word once: what it does not want, examples, years and lengths,
//! platforms, people, origins, genres, moods, kinds.

use contracts::{Correction, ParsedIntent, Wording};

use super::{
    Named,
    spelling::Spelling,
    vocabulary::{kind, year},
};
use crate::{
    SearchError,
    keyword::{Snapshot, TitleDoc, stop_word},
    text::{Word, join},
};

/// Words beyond this are text: no one names so much, and it bounds the look-ups.
const MAX_READ_WORDS: usize = 200;
/// The longest title looked for after "like", in words.
const MAX_TITLE_WORDS: usize = 10;
/// The most examples of one query.
const MAX_EXAMPLES: usize = 5;

/// Words before "like" that make it mean "similar to".
const LEADS: &[&str] = &["something", "anything", "stuff", "more", "one", "ones", "titles", "much"];
/// Words that end the name of an example that is not a whole title.
const ENDS: &[&str] =
    &["but", "with", "on", "from", "after", "before", "since", "starring", "only", "under", "without", "not", "no"];
/// Words that take back what follows.
pub(super) const NEGATIONS: &[&str] =
    &["not", "no", "non", "without", "isnt", "arent", "nothing", "except", "excluding", "minus", "nor"];
/// Words that ask politely and look for nothing.
const FILLERS: &[&str] = &[
    "best",
    "find",
    "give",
    "good",
    "great",
    "im",
    "looking",
    "me",
    "please",
    "recommend",
    "search",
    "show",
    "suggest",
    "top",
    "want",
    "watch",
];
/// Words that a question for a forgotten title begins with.
const QUESTION: &[&str] = &[
    "a", "am", "an", "called", "find", "for", "help", "i", "im", "is", "looking", "me", "movie", "name", "of", "old",
    "one", "remember", "s", "that", "the", "there", "this", "to", "trying", "was", "what", "whats", "which",
];
/// Words that the story of a forgotten title begins with.
const STORY_LEADS: &[&str] = &["where", "when", "in", "about", "whose", "who", "which", "that"];

/// What became of a word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// Left to search for.
    Text,
    /// Understood.
    Taken,
    /// Understood as a part of someone's name.
    Name,
    /// Understood, and still worth searching for.
    Light,
    /// Between quotes: searched for as it is.
    Quoted,
}

/// What the parser understood.
pub(super) struct Intent {
    pub parsed: ParsedIntent,
    pub like: Vec<TitleDoc>,
    pub named: Vec<Named>,
    pub text_words: Vec<String>,
    pub light_words: Vec<String>,
    /// What contradicts itself, as the question about it.
    pub contradiction: Option<Wording>,
    /// An example that no title fits, or fits only in part.
    pub vague_example: Option<String>,
    /// Whether it asks for a forgotten title by its story.
    pub question: bool,
}

pub(super) struct Parser<'a> {
    query: &'a str,
    pub(super) words: &'a [Word],
    pub(super) marks: Vec<Mark>,
    pub(super) snapshot: &'a Snapshot,
    pub(super) this_year: u16,
    /// Short enough that years and kinds are conditions.
    command: bool,
    question: bool,
    /// A year stood by itself: it may belong to a title.
    pub(super) bare_year: bool,
    pub(super) parsed: ParsedIntent,
    pub(super) named: Vec<Named>,
    pub(super) contradiction: Option<Wording>,
    vague_example: Option<String>,
    like: Vec<TitleDoc>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(spelling: &'a Spelling, snapshot: &'a Snapshot, this_year: u16, command: bool) -> Self {
        let words = &spelling.words;
        let quoted = |word: &Word| spelling.quotes.iter().any(|quote| quote.contains(&word.from));
        let marks = words.iter().map(|word| if quoted(word) { Mark::Quoted } else { Mark::Text }).collect();
        let parsed = ParsedIntent { corrections: spelling.corrections.clone(), ..ParsedIntent::default() };
        Self {
            query: &spelling.query,
            words,
            marks,
            snapshot,
            this_year,
            command,
            question: false,
            bare_year: false,
            parsed,
            named: Vec::new(),
            contradiction: None,
            vague_example: None,
            like: Vec::new(),
        }
    }

    /// Reads the words; each reader says how many it took.
    pub(super) fn read(&mut self) -> Result<(), SearchError> {
        let mut at = self.read_question();
        while at < self.words.len().min(MAX_READ_WORDS) {
            at += if self.marks[at] == Mark::Text { self.read_at(at)?.max(1) } else { 1 };
        }
        if self.command {
            self.read_misspelt_people()?;
        }
        Ok(())
    }

    fn read_at(&mut self, at: usize) -> Result<usize, SearchError> {
        let mut taken = 0;
        if self.command {
            taken = self.read_runtime(at);
            if taken == 0 {
                taken = self.read_years(at);
            }
            if taken == 0 {
                taken = self.read_negation(at)?;
            }
        }
        if taken == 0 {
            taken = self.read_examples(at)?;
        }
        if taken == 0 && self.command {
            taken = self.read_platform(at);
        }
        if taken == 0 {
            taken = self.read_person(at)?;
        }
        if taken == 0 && self.command {
            taken = self.read_origin(at);
        }
        if taken == 0 {
            taken = self.read_genre(at);
        }
        if taken == 0 && self.command {
            taken = self.read_mood(at);
        }
        if taken == 0 && self.command {
            taken = self.read_kind(at);
        }
        Ok(taken)
    }

    /// "what was that film where …": what follows is a story, and the words before it say nothing.
    fn read_question(&mut self) -> usize {
        let lead = self.words.iter().take_while(|word| QUESTION.contains(&word.text.as_str())).count();
        let asks = self.words[..lead].iter().any(|word| {
            matches!(word.text.as_str(), "what" | "whats" | "which" | "name" | "that" | "remember" | "looking")
        });
        // "movie" is in the list itself, because "whats the movie" may go on with its story.
        let kind_at = match kind(self.at(lead)) {
            Some(_) => lead + 1,
            None => lead,
        };
        let after_kind = kind_at > 0 && kind(self.at(kind_at - 1)).is_some();
        let skip = usize::from(self.at(kind_at) == "called");
        if !asks || !after_kind || !STORY_LEADS.contains(&self.at(kind_at + skip)) {
            return 0;
        }
        (self.command, self.question) = (false, true);
        let which = usize::from((self.at(kind_at + skip), self.at(kind_at + skip + 1)) == ("in", "which"));
        self.take(0, kind_at + skip + 1 + which)
    }

    /// What is left is the text, unless the whole query is a title: then all of it is.
    pub(super) fn finish(mut self) -> Result<Intent, SearchError> {
        if self.is_title()? {
            for mark in self.marks.iter_mut().filter(|mark| **mark != Mark::Quoted) {
                *mark = Mark::Text;
            }
            let corrections = std::mem::take(&mut self.parsed.corrections);
            self.parsed = ParsedIntent { corrections, ..ParsedIntent::default() };
            (self.like, self.named) = (Vec::new(), Vec::new());
            (self.contradiction, self.vague_example, self.question) = (None, None, false);
        }
        let understood = self.marks.iter().any(|mark| !matches!(mark, Mark::Text | Mark::Quoted));
        let left: Vec<usize> = (0..self.words.len()).filter(|at| self.is_left(*at, understood)).collect();
        let empty = understood && left.iter().all(|at| self.marks[*at] == Mark::Text && stop_word(self.at(*at)));
        let left = if empty { Vec::new() } else { left };
        self.parsed.text = if understood { self.written(&left) } else { self.query.to_owned() };
        let light = (0..self.words.len()).filter(|at| self.marks[*at] == Mark::Light);
        let light_words = light.map(|at| self.at(at).to_owned()).collect();
        for title in &self.like {
            let name = self.told_apart(title)?;
            push(&mut self.parsed.like, &name);
        }
        self.settle_exclusions();
        Ok(Intent {
            text_words: left.iter().map(|at| self.at(*at).to_owned()).collect(),
            light_words,
            parsed: self.parsed,
            like: self.like,
            named: self.named,
            contradiction: self.contradiction,
            vague_example: self.vague_example,
            question: self.question,
        })
    }

    fn is_left(&self, at: usize, understood: bool) -> bool {
        match self.marks[at] {
            Mark::Text => !(understood && FILLERS.contains(&self.at(at))),
            Mark::Quoted => true,
            _ => false,
        }
    }

    /// Words as they were written, phrases with their quotes.
    fn written(&self, places: &[usize]) -> String {
        let mut text = String::new();
        for (index, at) in places.iter().enumerate() {
            let quoted = |at: Option<&usize>| at.is_some_and(|at| self.marks[*at] == Mark::Quoted);
            let before = index.checked_sub(1).and_then(|before| places.get(before));
            let opens = quoted(Some(at)) && !(quoted(before) && before.is_some_and(|before| self.joined(*before)));
            let closes = quoted(Some(at)) && !(quoted(places.get(index + 1)) && self.joined(*at));
            text.push_str(if text.is_empty() { "" } else { " " });
            text.push_str(if opens { "\"" } else { "" });
            text.push_str(self.words.get(*at).and_then(|word| self.query.get(word.from..word.to)).unwrap_or_default());
            text.push_str(if closes { "\"" } else { "" });
        }
        text
    }

    /// Whether a word and the next stand between the same quotes.
    fn joined(&self, at: usize) -> bool {
        self.gap(at).is_some_and(|gap| !gap.contains(['"', '“', '”']))
    }

    /// What is asked for and not wanted at once is not wanted.
    fn settle_exclusions(&mut self) {
        let exclude = &self.parsed.exclude;
        let genre = self.parsed.genres.iter().find(|genre| exclude.genres.contains(genre));
        let person = self.parsed.people.iter().find(|name| exclude.people.contains(name));
        let both = genre.map(|id| Wording::new("contradiction_genre", [("genre", id.clone())]));
        let both = both.or_else(|| person.map(|name| Wording::new("contradiction_person", [("name", name.clone())])));
        self.parsed.genres.retain(|genre| !exclude.genres.contains(genre));
        self.parsed.people.retain(|name| !exclude.people.contains(name));
        self.parsed.platforms.retain(|platform| !exclude.platforms.contains(platform));
        let people = &self.parsed.people;
        self.named.retain(|named| people.iter().any(|name| crate::text::fold(name) == named.name));
        self.contradiction = self.contradiction.take().or(both);
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
        let only_year = self.bare_year && self.words.len() == 1;
        if only_year {
            return Ok(self.snapshot.title_with(&[self.at(0)])?.is_some());
        }
        if !has_text || self.words.len() < 2 || !self.like.is_empty() || !self.parsed.people.is_empty() {
            return Ok(false);
        }
        let telling: Vec<&str> = self.words.iter().map(|w| w.text.as_str()).filter(|word| !stop_word(word)).collect();
        Ok(self.snapshot.title_with(&telling)?.is_some())
    }

    pub(super) fn correct(&mut self, from: &str, to: &str) {
        self.parsed.corrections.push(Correction { from: from.to_owned(), to: to.to_owned() });
    }

    pub(super) fn at(&self, index: usize) -> &'a str {
        self.words.get(index).map_or("", |word| word.text.as_str())
    }

    pub(super) fn before(&self, index: usize) -> &'a str {
        index.checked_sub(1).map_or("", |index| self.at(index))
    }

    pub(super) fn slice(&self, from: usize, count: usize) -> Option<Vec<&'a str>> {
        Some(self.words.get(from..from.checked_add(count)?)?.iter().map(|word| word.text.as_str()).collect())
    }

    /// What stands between a word and the next.
    pub(super) fn gap(&self, at: usize) -> Option<&'a str> {
        self.query.get(self.words.get(at)?.to..self.words.get(at + 1)?.from)
    }

    pub(super) fn take(&mut self, from: usize, count: usize) -> usize {
        for mark in self.marks.iter_mut().skip(from).take(count) {
            *mark = Mark::Taken;
        }
        count
    }

    /// Takes the connecting words directly before `index`.
    pub(super) fn take_before(&mut self, index: usize, connectors: &[&str]) {
        let mut index = index;
        while index > 0 && self.marks[index - 1] == Mark::Text && connectors.contains(&self.at(index - 1)) {
            index -= 1;
            self.marks[index] = Mark::Taken;
        }
    }

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
            self.vague_example = self.words.get(start..).map(join).filter(|rest| !rest.is_empty());
            return Ok(0);
        }
        self.take_before(at, LEADS);
        self.take_before(at, &["in", "the", "a"]);
        Ok(self.take(at, end - at))
    }

    /// The longest run of words from `from` that is a whole title, with or without its article; a year after it
    /// chooses among remakes.
    pub(super) fn whole_title(&self, from: usize) -> Result<Option<(TitleDoc, usize)>, SearchError> {
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
    fn part_of_title(&mut self, from: usize) -> Result<Option<(TitleDoc, usize)>, SearchError> {
        let rest = self.words.get(from..).unwrap_or_default().iter().take(MAX_TITLE_WORDS);
        let words: Vec<&str> = rest.map(|word| word.text.as_str()).take_while(|word| !ENDS.contains(word)).collect();
        let telling: Vec<&str> = words.iter().copied().filter(|word| !stop_word(word) && word.len() > 2).collect();
        let found = self.snapshot.title_with(&telling)?;
        if found.is_some() {
            self.vague_example = Some(words.join(" "));
        }
        Ok(found.map(|title| (title, words.len())))
    }

    /// A title's name, with its year where the name alone means another.
    pub(super) fn told_apart(&self, title: &TitleDoc) -> Result<String, SearchError> {
        let namesakes = self.snapshot.titles(&crate::text::fold(&title.title))?;
        Ok(match title.year {
            Some(year) if namesakes.len() > 1 => format!("{} ({year})", title.title),
            _ => title.title.clone(),
        })
    }
}

pub(super) fn push(list: &mut Vec<String>, value: &str) {
    if list.iter().all(|known| known != value) {
        list.push(value.to_owned());
    }
}
