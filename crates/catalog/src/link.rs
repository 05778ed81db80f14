//! Links the records of two sources: which of the one are the same person, film, series or episode as which of the
//! other. (pure)
//!
//! Three steps, as in Christen, *Data Matching* (2012): blocking (records that share a word rare enough to tell
//! something, or season, number and year), a typed comparison of each pair (a person is never a film), and a one-to-one
//! assignment, since a source describes a thing once. A name is compared by Soft TF-IDF (Cohen, Ravikumar and Fienberg
//! 2003): words weigh by how rare they are, and words that are spelled nearly alike count in part. Two partners that
//! are equally good are none: a wrong link costs more than a missing one.

mod assign;
mod weigh;

use std::collections::{BTreeSet, HashMap};

use crate::text::{person_key, same_person, title_key};
use assign::one_to_one;
use weigh::{Lexicon, Words};

/// The least score that is a link.
const LEAST_SCORE: f64 = 0.8;
/// How alike two names are that the rules of [`same_person`] hold for one.
const SAME_PERSON: f64 = 0.9;
/// The most records of a block that a word opens; a word of more says too little, and others open theirs.
const MAX_BLOCK: usize = 120;
/// How far apart two runtimes may be and still speak for one title, in minutes.
const SAME_RUNTIME: u16 = 5;

/// What a record describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Someone who made or played in something.
    Person,
    /// A film.
    Film,
    /// A series.
    Series,
    /// One season of a series.
    Season,
    /// One episode of a series.
    Episode,
    /// A film or a series: the record doesn't say.
    Work,
}

impl Kind {
    /// Whether records of these kinds can be of one thing.
    pub fn agrees(self, other: Self) -> bool {
        let work = |kind| matches!(kind, Self::Film | Self::Series | Self::Work);
        self == other || (self == Self::Work && work(other)) || (other == Self::Work && work(self))
    }
}

/// A record as it is compared. What the source doesn't say is absent.
#[derive(Clone, Debug)]
pub struct Entity {
    /// What it describes.
    pub kind: Kind,
    /// The title, or the person's name.
    pub name: String,
    /// The year it was first shown.
    pub year: Option<u16>,
    /// How long it runs, in minutes.
    pub runtime: Option<u16>,
    /// The number of the season.
    pub season: Option<u32>,
    /// The number of the episode in its season.
    pub episode: Option<u32>,
    /// When a person was born and died.
    pub life: (Option<u16>, Option<u16>),
    /// What a person does, the main thing first: `actor`, `writer`.
    pub roles: Vec<String>,
}

impl Entity {
    /// A record that says nothing but what it is called.
    pub fn named(kind: Kind, name: impl Into<String>) -> Self {
        let (year, runtime, season, episode) = (None, None, None, None);
        Self { kind, name: name.into(), year, runtime, season, episode, life: (None, None), roles: Vec::new() }
    }
}

/// Two records that describe the same thing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// The place of the one in the left list.
    pub left: usize,
    /// The place of the other in the right list.
    pub right: usize,
    /// How well they agree: 1 is an equal, telling name and nothing against it; other evidence takes it above or below.
    pub score: f64,
}

/// The links between two lists, each record in at most one, in the order of the left list.
pub fn link(left: &[Entity], right: &[Entity]) -> Vec<Link> {
    let lexicon = Lexicon::of(left.iter().chain(right).map(|entity| (entity.kind == Kind::Person, key(entity))));
    let prepare = |entities: &[Entity]| -> Vec<Words> {
        entities.iter().map(|entity| lexicon.words(entity.kind == Kind::Person, &key(entity))).collect()
    };
    let (left_words, right_words) = (prepare(left), prepare(right));
    let blocks = Blocks::of(right, &right_words);
    let mut pairs = Vec::new();
    for (at, (entity, words)) in left.iter().zip(&left_words).enumerate() {
        for other in blocks.candidates(entity, words) {
            let score = compare((entity, words), (&right[other], &right_words[other]), &lexicon);
            pairs.extend(score.filter(|score| *score >= LEAST_SCORE).map(|score| Link {
                left: at,
                right: other,
                score,
            }));
        }
    }
    one_to_one(pairs)
}

fn key(entity: &Entity) -> String {
    if entity.kind == Kind::Person { person_key(&entity.name) } else { title_key(&entity.name) }
}

/// Where the partners of a record may be.
#[derive(Default)]
struct Blocks {
    by_word: HashMap<(bool, u32), Vec<usize>>,
    by_name: HashMap<(bool, Vec<u32>), Vec<usize>>,
    by_place: HashMap<(u32, u32, u16), Vec<usize>>,
}

impl Blocks {
    fn of(entities: &[Entity], words: &[Words]) -> Self {
        let mut blocks = Self::default();
        for (at, (entity, words)) in entities.iter().zip(words).enumerate() {
            let person = entity.kind == Kind::Person;
            for word in words.ids() {
                blocks.by_word.entry((person, word)).or_default().push(at);
            }
            blocks.by_name.entry((person, words.ids().collect())).or_default().push(at);
            if let Some(place) = place(entity) {
                blocks.by_place.entry(place).or_default().push(at);
            }
        }
        blocks
    }

    /// Records with the same name and those that share a word or a place, in order; whatever the block, bounded.
    fn candidates(&self, entity: &Entity, words: &Words) -> BTreeSet<usize> {
        let person = entity.kind == Kind::Person;
        let by_word = words.ids().filter_map(|word| self.by_word.get(&(person, word)));
        let by_place = place(entity).and_then(|place| self.by_place.get(&place));
        let telling = by_word.chain(by_place).filter(|block| block.len() <= MAX_BLOCK);
        let equal = self.by_name.get(&(person, words.ids().collect())).filter(|_| words.ids().next().is_some());
        telling.flatten().chain(equal.into_iter().flatten().take(MAX_BLOCK)).copied().collect()
    }
}

/// Season, number and year of an episode.
fn place(entity: &Entity) -> Option<(u32, u32, u16)> {
    (entity.kind == Kind::Episode).then(|| Some((entity.season?, entity.episode?, entity.year?))).flatten()
}

/// How well two records agree, or `None` where something speaks against it.
fn compare(a: (&Entity, &Words), b: (&Entity, &Words), lexicon: &Lexicon) -> Option<f64> {
    let ((one, one_words), (other, other_words)) = (a, b);
    if !one.kind.agrees(other.kind) {
        return None;
    }
    let mut name = lexicon.similarity(one_words, other_words);
    // A name of common words only ("Pilot") is a weak one, however equal.
    let weak = 1.0 - lexicon.information(one_words.ids(), one.kind == Kind::Person);
    if one.kind == Kind::Person {
        // A middle name more, or a letter less.
        if name < SAME_PERSON && same_person(one_words.key(), other_words.key()) {
            name = SAME_PERSON;
        }
        return Some(name - 0.1 * weak + lives(one, other)? + professions(one, other));
    }
    Some(name - 0.2 * weak + years(one, other)? + places(one, other)? + runtimes(one, other))
}

fn lives(one: &Entity, other: &Entity) -> Option<f64> {
    let clash = |a: Option<u16>, b: Option<u16>| a.zip(b).is_some_and(|(a, b)| a.abs_diff(b) > 1);
    let same = |a: Option<u16>, b: Option<u16>| a.zip(b).is_some_and(|(a, b)| a == b);
    let (born, died) = ((one.life.0, other.life.0), (one.life.1, other.life.1));
    let against = clash(born.0, born.1) || clash(died.0, died.1);
    (!against).then_some(if same(born.0, born.1) { 0.1 } else { 0.0 })
}

fn professions(one: &Entity, other: &Entity) -> f64 {
    if one.roles.is_empty() || other.roles.is_empty() {
        return 0.0;
    }
    let main = one.roles.first() == other.roles.first();
    let shared = one.roles.iter().any(|role| other.roles.contains(role));
    if main {
        0.05
    } else if shared {
        0.02
    } else {
        -0.1
    }
}

fn years(one: &Entity, other: &Entity) -> Option<f64> {
    let Some(gap) = one.year.zip(other.year).map(|(a, b)| a.abs_diff(b)) else { return Some(0.0) };
    let series = one.kind == Kind::Series || other.kind == Kind::Series;
    match gap {
        0 => Some(0.1),
        1 => Some(0.02),
        2..=5 if series => Some(-0.1),
        2..=3 => Some(-0.2),
        _ => Some(-0.35),
    }
}

/// Sources number episodes differently, so that a difference is no proof; of films nothing is numbered.
fn places(one: &Entity, other: &Entity) -> Option<f64> {
    if one.kind != Kind::Episode && one.kind != Kind::Season {
        return Some(0.0);
    }
    let season = one.season.zip(other.season).map(|(a, b)| a == b);
    let episode = one.episode.zip(other.episode).map(|(a, b)| a == b);
    match (season, episode) {
        (Some(true), Some(true)) => Some(0.2),
        (Some(false), Some(false)) => Some(-0.3),
        (Some(false), _) | (_, Some(false)) => Some(-0.1),
        _ => Some(0.0),
    }
}

fn runtimes(one: &Entity, other: &Entity) -> f64 {
    match one.runtime.zip(other.runtime).map(|(a, b)| a.abs_diff(b)) {
        Some(gap) if gap <= SAME_RUNTIME => 0.05,
        Some(gap) if gap > 3 * SAME_RUNTIME => -0.05,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests;
