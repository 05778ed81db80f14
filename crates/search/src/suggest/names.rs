//! (pure) Names under all that they are found from: sorted keys, so that a prefix is a range of them. Ranges that hold
//! too many to walk through at each keystroke have their best kept apart.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use contracts::{ContentId, Suggestion, SuggestionKind};

use super::KEPT;
use crate::{keyword::TitleDoc, text::fold};

/// The words of a title that it is found from.
const MAX_STARTS: usize = 6;
/// More keys than this are not walked through at a keystroke: the best of their prefix are kept apart, up to this many
/// letters. No longer prefix is that crowded.
const MAX_WALKED: usize = 500;
const LONGEST_KEPT: usize = 16;
/// How many of the best are kept: half as many again as are asked for, as some of them may be gone meanwhile.
pub(super) const HELD: usize = KEPT + KEPT / 2;
/// What a name has beyond its own weight: nothing when it is found from a later word, something when it is from its
/// start, and the most when that is all that was typed.
const FITS: [f32; 3] = [0.0, 0.3, 0.3 + 2.0];

/// Someone or something with a name.
pub(super) struct Entry {
    pub text: Box<str>,
    about: About,
    weight: f32,
}

enum About {
    Title {
        id: ContentId,
        year: Option<u16>,
    },
    /// In how many titles they are.
    Person(u32),
    Genre,
}

impl Entry {
    pub(super) fn kind(&self) -> SuggestionKind {
        match self.about {
            About::Title { .. } => SuggestionKind::Title,
            About::Person(_) => SuggestionKind::Person,
            About::Genre => SuggestionKind::Genre,
        }
    }

    /// The title that it names.
    pub(super) fn id(&self) -> Option<ContentId> {
        match self.about {
            About::Title { id, .. } => Some(id),
            _ => None,
        }
    }

    /// The person that it names, and in how many titles they are.
    pub(super) fn person(&self) -> Option<(&str, u32)> {
        match self.about {
            About::Person(titles) => Some((&*self.text, titles)),
            _ => None,
        }
    }

    /// Decides between those that are as likely: titles by their ids, then people, then genres, by their folded names.
    /// Entries are added in this order.
    pub(super) fn place(&self) -> (SuggestionKind, Option<ContentId>, String) {
        let name = if self.id().is_some() { String::new() } else { fold(&self.text) };
        (self.kind(), self.id(), name)
    }

    pub(super) fn suggestion(&self) -> Suggestion {
        let year = match self.about {
            About::Title { year, .. } => year,
            _ => None,
        };
        Suggestion { text: self.text.to_string(), kind: self.kind(), content_id: self.id(), year }
    }
}

/// A folded name or the end of one.
struct Key {
    text: Range<usize>,
    entry: u32,
    from_start: bool,
}

/// An entry that begins as was typed; in the two lowest bits its place in [`FITS`], so that a better fit is the larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Match(u32);

impl Match {
    fn entry(self) -> u32 {
        self.0 >> 2
    }

    fn bonus(self) -> f32 {
        FITS[(self.0 & 3) as usize]
    }
}

/// Entries and their keys.
#[derive(Default)]
pub(super) struct Names {
    pub entries: Vec<Entry>,
    /// All keys' text, one after the other.
    texts: String,
    /// In the order of their text.
    keys: Vec<Key>,
    /// The best of a crowded prefix, at most [`HELD`] of them, best first.
    pub kept: HashMap<String, Vec<Match>>,
}

impl Names {
    pub(super) fn add_title(&mut self, doc: &TitleDoc) {
        let about = About::Title { id: doc.id, year: doc.year };
        let entry = self.add(&doc.title, about, 0.5 + doc.popularity());
        for title in std::iter::once(&doc.title).chain(&doc.other_titles) {
            self.add_starts(&fold(title), entry);
        }
    }

    /// Adds someone whose name is written in these ways, each in so many titles: the most usual is shown.
    pub(super) fn add_person(&mut self, folded: &str, spelt: &[(&str, u32)]) -> u32 {
        let titles = spelt.iter().map(|(_, titles)| titles).sum::<u32>();
        let usual = spelt.iter().max_by(|(a, more), (b, less)| more.cmp(less).then(b.cmp(a)));
        // From 0 for one title to about 1 for two hundred.
        let weight = (titles as f32).ln() / 200.0_f32.ln();
        let entry = self.add(usual.map_or(folded, |(name, _)| *name), About::Person(titles), weight);
        self.add_key(folded, entry, true);
        if let Some((_, last)) = folded.rsplit_once(' ') {
            self.add_key(last, entry, false);
        }
        entry
    }

    pub(super) fn add_genre(&mut self, name: &str) {
        let entry = self.add(name, About::Genre, 1.5);
        self.add_key(&fold(name), entry, true);
    }

    fn add(&mut self, text: &str, about: About, weight: f32) -> u32 {
        self.entries.push(Entry { text: text.into(), about, weight });
        (self.entries.len() - 1) as u32
    }

    fn add_starts(&mut self, folded: &str, entry: u32) {
        let starts = std::iter::once(0).chain(folded.match_indices(' ').map(|(at, _)| at + 1));
        let article = ["the ", "a ", "an "].into_iter().find(|article| folded.starts_with(article)).map_or(0, str::len);
        for at in starts.take(MAX_STARTS) {
            self.add_key(&folded[at..], entry, at == 0 || at == article);
        }
    }

    fn add_key(&mut self, text: &str, entry: u32, from_start: bool) {
        if !text.is_empty() {
            let from = self.texts.len();
            self.texts.push_str(text);
            self.keys.push(Key { text: from..self.texts.len(), entry, from_start });
        }
    }

    /// Once everything is added.
    pub(super) fn sort(&mut self) {
        let texts = &self.texts;
        self.keys
            .sort_unstable_by(|a, b| texts[a.text.clone()].cmp(&texts[b.text.clone()]).then(a.entry.cmp(&b.entry)));
    }

    /// Keeps the best of each crowded prefix apart; a few thousand names need none of it.
    pub(super) fn keep_crowded(&mut self) {
        let best = |prefix: String| {
            let best = self.best(&prefix, HELD, &HashSet::new());
            (prefix, best)
        };
        self.kept = self.crowded(MAX_WALKED).into_iter().map(best).collect();
    }

    /// The prefixes, up to [`LONGEST_KEPT`] letters, that more than so many keys begin with.
    pub(super) fn crowded(&self, keys: usize) -> Vec<String> {
        let mut crowded = Vec::new();
        for letters in 1..=LONGEST_KEPT {
            let mut run: (&str, usize) = ("", 0);
            for key in &self.keys {
                let text = self.text(key);
                let Some((end, last)) = text.char_indices().nth(letters - 1) else { continue };
                let prefix = &text[..end + last.len_utf8()];
                run = if run.0 == prefix { (prefix, run.1 + 1) } else { (prefix, 1) };
                if run.1 == keys + 1 {
                    crowded.push(prefix.to_owned());
                }
            }
        }
        crowded
    }

    /// The best that begin with `prefix`, with their weights, best first, at most `limit` and without what is `gone`:
    /// those that are `kept` of it where they are enough, shown with others `beside` them (see [`Names::still`]).
    pub(super) fn begin(
        &self,
        prefix: &str,
        limit: usize,
        gone: &HashSet<u32>,
        kept: Option<&[Match]>,
        beside: &[(f32, &Entry)],
    ) -> Vec<(f32, &Entry)> {
        let still = kept.and_then(|kept| self.still(kept, limit, gone, beside));
        let best = still.unwrap_or_else(|| self.best(prefix, limit, gone));
        best.into_iter().map(|found| (self.weight(found), &self.entries[found.entry() as usize])).collect()
    }

    /// Those that were `kept` of a crowded prefix and are not `gone`, at most `limit`; `None` where one that was not
    /// kept may be among the first `limit` of them and of those `beside` them.
    pub(super) fn still(
        &self,
        kept: &[Match],
        limit: usize,
        gone: &HashSet<u32>,
        beside: &[(f32, &Entry)],
    ) -> Option<Vec<Match>> {
        let there = kept.iter().copied().filter(|found| !gone.contains(&found.entry()));
        let there: Vec<Match> = there.take(limit).collect();
        // Fewer than are held are all. None of the others comes before the last that is held.
        let last = kept.last().filter(|_| kept.len() >= HELD).map(|last| self.weight(*last));
        let before = last.map_or(limit, |last| beside.iter().filter(|(weight, _)| *weight > last).count());
        (there.len() + before >= limit).then_some(there)
    }

    /// The best that begin with `prefix`, found by walking through all that do.
    pub(super) fn best(&self, prefix: &str, limit: usize, gone: &HashSet<u32>) -> Vec<Match> {
        if prefix.is_empty() || limit == 0 {
            return Vec::new();
        }
        let mut found: HashMap<u32, Match> = HashMap::new();
        for key in self.from(prefix).take_while(|key| self.text(key).starts_with(prefix)) {
            if !gone.contains(&key.entry) {
                let whole = u32::from(key.text.len() == prefix.len());
                let fit = if key.from_start { 1 + whole } else { 0 };
                let fitting = Match(key.entry << 2 | fit);
                let known = found.entry(key.entry).or_insert(fitting);
                *known = fitting.max(*known);
            }
        }
        let mut best: Vec<Match> = found.into_values().collect();
        let order = |a: &Match, b: &Match| self.weight(*b).total_cmp(&self.weight(*a)).then(a.entry().cmp(&b.entry()));
        if best.len() > limit {
            best.select_nth_unstable_by(limit - 1, order);
            best.truncate(limit);
        }
        best.sort_unstable_by(order);
        best
    }

    /// What is found from its start under exactly this.
    pub(super) fn named(&self, folded: &str) -> impl Iterator<Item = (u32, &Entry)> {
        let keys = self.from(folded).take_while(move |key| self.text(key) == folded);
        keys.filter(|key| key.from_start).map(move |key| (key.entry, &self.entries[key.entry as usize]))
    }

    /// The keys from the first that is not before `text`.
    fn from(&self, text: &str) -> std::slice::Iter<'_, Key> {
        self.keys[self.keys.partition_point(|key| self.text(key) < text)..].iter()
    }

    fn text(&self, key: &Key) -> &str {
        &self.texts[key.text.clone()]
    }

    fn weight(&self, found: Match) -> f32 {
        self.entries[found.entry() as usize].weight + found.bonus()
    }
}
