//! (pure) What a query names: platforms, people, genres, moods, kinds, origins, and what it does not want of them.

use contracts::{ContentType, CreditRole, Region};

use super::{
    Named,
    parser::{Mark, NEGATIONS, Parser, push},
    vocabulary::{Origin, genre_ids, is_thing, kind, mood, origin, platform},
};
use crate::{SearchError, keyword::stop_word, languages};

/// The longest name, in words.
const MAX_NAME_WORDS: usize = 4;
/// The longest genre or mood, in words.
const MAX_GENRE_WORDS: usize = 4;
/// The most words that are left out at once ("without a car chase").
const MAX_EXCLUDED_WORDS: usize = 2;
/// Words before a name that say it is one.
const NAME_LEADS: &[&str] =
    &["with", "by", "starring", "featuring", "from", "director", "actor", "actress", "stars", "star"];
/// Words between names and what says that they are names: "directed by A and B".
const NAME_LINKS: &[&str] = &["directed", "written", "and", "or"];
/// Words between a negation and what it denies.
const NEGATED_LINKS: &[&str] = &[
    "with",
    "by",
    "starring",
    "featuring",
    "a",
    "an",
    "any",
    "the",
    "too",
    "so",
    "very",
    "much",
    "directed",
    "in",
    "on",
    "from",
    "want",
    "like",
    "need",
    "anything",
    "something",
    "movies",
    "films",
];

impl<'a> Parser<'a> {
    pub(super) fn read_platform(&mut self, at: usize) -> usize {
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

    pub(super) fn read_person(&mut self, at: usize) -> Result<usize, SearchError> {
        let led = NAME_LEADS.contains(&self.before(at)) || self.words.len() == 1;
        let Some((name, count)) = self.person_at(at, led)? else { return Ok(0) };
        let role = self.role_before(at);
        self.name(&name, role);
        self.take_before(at, &[NAME_LEADS, NAME_LINKS].concat());
        self.take(at, count);
        self.marks[at..at + count].fill(Mark::Name);
        Ok(count)
    }

    /// Someone whose whole name stands at `at`, as written in the catalogue, and its words. A name of one word needs a
    /// word before it that says so.
    fn person_at(&self, at: usize, led: bool) -> Result<Option<(String, usize)>, SearchError> {
        for count in (1..=MAX_NAME_WORDS).rev() {
            let Some(words) = self.slice(at, count) else { continue };
            if (count == 1 && !led) || words.iter().all(|word| stop_word(word)) {
                continue;
            }
            let name = words.join(" ");
            // "with animals" is not with someone who calls themself Animals.
            if count == 1 && !self.snapshot.more_name_than_word(&name)? {
                continue;
            }
            if let Some(name) = self.snapshot.person(&name)? {
                return Ok(Some((name, count)));
            }
        }
        Ok(None)
    }

    /// What the words before a name say that the person did.
    fn role_before(&self, at: usize) -> Option<CreditRole> {
        let mut index = at;
        while let Some(before) = index.checked_sub(1).map(|before| self.at(before)) {
            match before {
                "by" if index >= 2 && self.at(index - 2) == "written" => return Some(CreditRole::Writer),
                "by" | "director" => return Some(CreditRole::Director),
                "with" | "starring" | "featuring" | "actor" | "actress" | "stars" | "star" => {
                    return Some(CreditRole::Actor);
                }
                // "directed by A and B": the word before the first name counts for all.
                _ if self.marks[index - 1] == Mark::Name || matches!(before, "and" | "or") => index -= 1,
                _ => return None,
            }
        }
        None
    }

    fn name(&mut self, name: &str, role: Option<CreditRole>) {
        push(&mut self.parsed.people, name);
        let name = crate::text::fold(name);
        if self.named.iter().all(|known| known.name != name) {
            self.named.push(Named { name, role });
        }
    }

    /// Names that are nearly someone's: after a word that says a name follows, or where nothing else is said.
    pub(super) fn read_misspelt_people(&mut self) -> Result<(), SearchError> {
        let mut at = 0;
        while at < self.words.len() {
            let run = self.marks[at..].iter().take_while(|mark| **mark == Mark::Text).count();
            let words: Vec<&str> = self.words[at..at + run].iter().map(|word| word.text.as_str()).collect();
            let lead = words.iter().rposition(|word| NAME_LEADS.contains(word)).map_or(0, |place| place + 1);
            let rest = &words[lead..];
            let plain = rest.iter().all(|word| !stop_word(word));
            let nothing_else = lead > 0 || run == self.words.len() || !self.parsed.content_types.is_empty();
            if (2..=3).contains(&rest.len()) && plain && nothing_else && self.snapshot.title_with(rest)?.is_none() {
                let written = rest.join(" ");
                if let Some(name) = self.snapshot.person_near(&written)? {
                    let role = self.role_before(at + lead);
                    self.correct(&written, &name);
                    self.name(&name, role);
                    self.take_before(at + lead, &[NAME_LEADS, NAME_LINKS].concat());
                    self.take(at + lead, rest.len());
                }
            }
            at += run.max(1);
        }
        Ok(())
    }

    pub(super) fn read_genre(&mut self, at: usize) -> usize {
        let Some((ids, count)) = self.genre_at(at) else { return 0 };
        for id in ids {
            push(&mut self.parsed.genres, id);
        }
        self.mark_light(at, count)
    }

    fn genre_at(&self, at: usize) -> Option<(Vec<&'static str>, usize)> {
        let found = |count| self.slice(at, count).map(|words| (genre_ids(&words), count));
        (1..=MAX_GENRE_WORDS).rev().filter_map(found).find(|(ids, _)| !ids.is_empty())
    }

    pub(super) fn read_mood(&mut self, at: usize) -> usize {
        let found = |count| self.slice(at, count).and_then(|words| mood(&words)).map(|id| (id, count));
        let Some((id, count)) = (1..=MAX_GENRE_WORDS).rev().find_map(found) else { return 0 };
        push(&mut self.parsed.moods, id);
        self.mark_light(at, count)
    }

    /// Understood, and the words are searched for all the same.
    fn mark_light(&mut self, at: usize, count: usize) -> usize {
        for mark in &mut self.marks[at..at + count] {
            *mark = Mark::Light;
        }
        self.take_before(at, &["for"]);
        count
    }

    pub(super) fn read_kind(&mut self, at: usize) -> usize {
        let Some((named, count)) = self.kind_at(at) else { return 0 };
        if !self.parsed.content_types.contains(&named) {
            self.parsed.content_types.push(named);
            self.parsed.content_types.sort_unstable_by_key(|kind: &ContentType| kind.as_str());
        }
        self.take(at, count)
    }

    fn kind_at(&self, at: usize) -> Option<(ContentType, usize)> {
        let (word, next) = (self.at(at), self.at(at + 1));
        let named = kind(word)?;
        let told = matches!((word, next), ("show" | "shows", "me" | "us" | "that" | "how") | ("series", "of"));
        if told || (word == "show" && self.before(at) == "to") {
            return None;
        }
        Some(match (word, kind(next)) {
            ("tv", Some(kind)) => (kind, 2),
            _ => (named, 1),
        })
    }

    /// "korean thrillers", "films from south korea", "in french".
    pub(super) fn read_origin(&mut self, at: usize) -> usize {
        let Some((origin, count)) = self.origin_at(at) else { return 0 };
        if let Ok(country) = origin.country.parse::<Region>()
            && !self.parsed.countries.contains(&country)
        {
            self.parsed.countries.push(country);
        }
        if !origin.language.is_empty() {
            push(&mut self.parsed.languages, origin.language);
        }
        self.mark_light(at, count);
        self.take_before(at, &["in", "from", "made", "language"]);
        count
    }

    fn origin_at(&self, at: usize) -> Option<(Origin, usize)> {
        for count in [3, 2, 1] {
            let Some(words) = self.slice(at, count) else { continue };
            let lead = self.before(at);
            if matches!(lead, "from" | "in")
                && let Some(origin) = origin(&words, true).filter(|_| lead == "from" || self.before_twice(at) == "made")
            {
                return Some((origin, count));
            }
            let Some(told) = origin(&words, false) else { continue };
            let next = self.at(at + count);
            let spoken = matches!(next, "language" | "speaking" | "spoken") || lead == "in";
            let language = languages::known(words[0]);
            if spoken && let Some(language) = language {
                let known = if told.language == language { told.language } else { "" };
                let taken = count + usize::from(lead != "in");
                return (!known.is_empty()).then_some((Origin { country: "", language: known }, taken));
            }
            if self.describes(at, count) {
                return Some((told, count));
            }
        }
        None
    }

    fn before_twice(&self, at: usize) -> &'a str {
        at.checked_sub(2).map_or("", |index| self.at(index))
    }

    /// Whether what follows is something that has an origin, so that "italian" is not the start of "The Italian Job".
    fn describes(&self, at: usize, count: usize) -> bool {
        let next = at + count;
        let ends = matches!(
            self.at(next),
            "" | "on" | "from" | "with" | "about" | "after" | "before" | "since" | "under" | "and" | "or" | "in"
        );
        let named = kind(self.at(next)).is_some() || self.genre_at(next).is_some() || self.years_at_or_mood(next);
        named
            || self.slice(next, 1).is_some_and(|words| origin(&words, false).is_some())
            || (ends && self.before(at) != "the")
    }

    fn years_at_or_mood(&self, at: usize) -> bool {
        let moody = self.slice(at, 1).is_some_and(|words| mood(&words).is_some());
        moody
            || super::vocabulary::decade(self.at(at)).is_some()
            || matches!(self.at(at), "cinema" | "new" | "language" | "speaking")
    }

    /// "not horror", "without vampires or zombies", "not with X", "nothing scary", "not like Saw".
    pub(super) fn read_negation(&mut self, at: usize) -> Result<usize, SearchError> {
        let first = match (self.at(at), self.at(at + 1)) {
            ("dont" | "doesnt" | "didnt", "want" | "like" | "need") => at + 2,
            ("other", "than") => at + 2,
            // "no longer than", "not before": what follows is read with it.
            (_, "longer" | "more" | "older" | "newer" | "before" | "after") => return Ok(0),
            (word, _) if NEGATIONS.contains(&word) => at + 1,
            _ => return Ok(0),
        };
        let (mut end, mut led) = (first, false);
        loop {
            let skip = (end..self.words.len()).take_while(|index| NEGATED_LINKS.contains(&self.at(*index))).count();
            led |= (end..end + skip).any(|index| NAME_LEADS.contains(&self.at(index)));
            let taken = match self.read_denied(end + skip, end, led)? {
                0 if skip > 0 => self.read_denied(end, end, led)?,
                0 => 0,
                taken => skip + taken,
            };
            if taken == 0 {
                break;
            }
            end += taken;
            let again =
                matches!(self.at(end), "or" | "and" | "nor") || self.gap(end - 1).is_some_and(|gap| gap.contains(','));
            if !again || self.at(end).is_empty() {
                break;
            }
            end += usize::from(matches!(self.at(end), "or" | "and" | "nor"));
        }
        if end == first {
            return Ok(0);
        }
        self.take_before(at, &["but", "and", "thats", "that", "is", "are", "its", "i", "do", "just", "please"]);
        Ok(self.take(at, end - at))
    }

    /// One thing that is not wanted, at `at`; `from` is where the words between it and the negation begin, and `led` says
    /// whether a name is to be expected.
    fn read_denied(&mut self, at: usize, from: usize, led: bool) -> Result<usize, SearchError> {
        if at >= self.words.len() {
            return Ok(0);
        }
        if let Some((name, count)) = self.person_at(at, led)? {
            push(&mut self.parsed.exclude.people, &name);
            return Ok(count);
        }
        if at > from
            && matches!(self.at(at - 1), "like")
            && let Some((title, count)) = self.whole_title(at)?
        {
            let name = self.told_apart(&title)?;
            push(&mut self.parsed.exclude.like, &name);
            return Ok(count);
        }
        let thing = |count: usize| self.slice(at, count).is_some_and(|words| is_thing(&words));
        if let Some((ids, count)) = self.genre_at(at).filter(|(_, count)| !thing(*count)) {
            for id in ids {
                push(&mut self.parsed.exclude.genres, id);
            }
            return Ok(count);
        }
        let words: Vec<&str> = self.words[at..].iter().take(3).map(|word| word.text.as_str()).collect();
        if let Some((id, count, _)) = platform(&words) {
            push(&mut self.parsed.exclude.platforms, id);
            return Ok(count);
        }
        if let Some((origin, count)) = self.origin_at(at) {
            self.deny_origin(origin);
            return Ok(count);
        }
        if let Some((denied, count)) = self.kind_at(at) {
            self.parsed.content_types = ContentType::ALL.iter().copied().filter(|kind| *kind != denied).collect();
            return Ok(count);
        }
        // "No Time to Die" denies nothing.
        if self.snapshot.title_phrase(&[self.before(from), self.at(from)])? {
            return Ok(0);
        }
        if let Some((title, count)) = self.whole_title(at)?.filter(|(_, count)| *count > 1) {
            let name = self.told_apart(&title)?;
            push(&mut self.parsed.exclude.like, &name);
            return Ok(count);
        }
        Ok(self.deny_words(at))
    }

    fn deny_origin(&mut self, origin: Origin) {
        if let Ok(country) = origin.country.parse() {
            self.parsed.exclude.countries.push(country);
        }
        if !origin.language.is_empty() {
            push(&mut self.parsed.exclude.languages, origin.language);
        }
    }

    /// Words of which nothing is known but that they are not wanted.
    fn deny_words(&mut self, at: usize) -> usize {
        let ends = |word: &str| stop_word(word) || NEGATIONS.contains(&word) || kind(word).is_some();
        let words = self.words[at..].iter().take(MAX_EXCLUDED_WORDS).take_while(|word| !ends(&word.text));
        let words: Vec<&str> = words.map(|word| word.text.as_str()).collect();
        // What is excluded together has to stand together: "no car chase".
        if !words.is_empty() {
            push(&mut self.parsed.exclude.text, &words.join(" "));
        }
        words.len()
    }
}
