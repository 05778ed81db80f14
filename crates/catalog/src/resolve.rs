//! Entity resolution: which title a source's record describes, and why. (pure)
//!
//! Identifiers decide first, but not one alone against an unlike title of another decade with nobody in common: it is
//! a slip of one side, and a person is asked. Without a shared one, a title of the same kind and normalised name is the
//! same title by these rules, the first that holds; *people* are directors, actors and writers that both sides name.
//!
//! | rule | years | confidence |
//! |---|---|---|
//! | a director and an actor in common | ≤ 1 apart | 0.99, 0.98 a year apart |
//! | a director in common | ≤ 1 apart | 0.98, 0.97 |
//! | two people in common | ≤ 1 apart | 0.98, 0.97 |
//! | one person in common | the same | 0.96 |
//! | one person in common, who is half of the shorter list | 1 apart | 0.95 |
//! | series: three people in common (services give the year of the last season) | ≤ 15 apart | 0.95 |
//! | no people to compare, a distinctive title | the same | 0.93, 0.95 with the same runtime (± 5 min) |
//! | no people to compare, the same runtime (± 5 min) | the same | 0.91 |
//! | a director or two people in common | one unknown | 0.92 |
//!
//! | a director in common, and an actor or the runtime; one side leaves the subtitle out | the same | 0.93 |
//!
//! The stages are those of the specification: EIDR; the ids of IMDb, TMDb, Gracenote and the rest; title, year and
//! kind; and of what remains uncertain, what the two sides say the story is (`story`). What then remains waits for a
//! person (`review`).
//!
//! Evidence against it wins: directors named by both and none in common, unless two actors are; actors named by both
//! and nobody in common; films whose runtimes differ by more than 15 minutes, unless a director and two actors are in
//! common (a longer cut). A source describes a title once, so the rules never join two records of one source. Two
//! candidates that are equally good are none: a wrong title costs more than a double one.

mod story;

use std::collections::BTreeSet;

use contracts::{ContentId, ContentType, CreditRole, ExternalId, SourceRecord};

pub use story::{by_story, tells};

use crate::text::{block_key, distinctive, head_key, joined_key, person_key, same_person, title_key};

/// The kinds of id that mean the same title whoever states them, the most trusted first. A platform's own ids are not
/// among them: they name a listing, and a listing may hold two cuts.
const SHARED_IDS: [&str; 7] = ["eidr", "imdb", "tmdb_movie", "tmdb_tv", "gracenote", "wikidata", "wikipedia"];
/// The most names of a record's list that are compared.
const MAX_NAMES: usize = 40;
/// How far apart two sources may put a series: a service states the year of the season it has.
const SERIES_YEARS: u16 = 15;
/// How far apart two sources may put a film of one id under titles that are unlike: a country may show it years later.
const ID_YEARS: u16 = 10;

/// What resolution looks at, of one record or of all records of a title.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facets {
    types: BTreeSet<ContentType>,
    keys: BTreeSet<String>,
    /// The keys written as one word.
    joined: BTreeSet<String>,
    /// The keys without their subtitles.
    heads: BTreeSet<String>,
    /// What it is filed under: keys and heads without their spaces, and so the joined ones too.
    names: BTreeSet<String>,
    years: BTreeSet<u16>,
    runtimes: BTreeSet<u16>,
    directors: BTreeSet<String>,
    writers: BTreeSet<String>,
    actors: BTreeSet<String>,
    ids: BTreeSet<ExternalId>,
    sources: BTreeSet<String>,
}

impl Facets {
    /// The facets of one record.
    pub fn of(record: &SourceRecord) -> Self {
        let mut facets = Self::default();
        facets.add(record);
        facets
    }

    /// Adds what another record of the same title says.
    pub fn add(&mut self, record: &SourceRecord) {
        self.types.insert(record.content_type);
        for title in [Some(&record.title), record.original_title.as_ref()].into_iter().flatten() {
            let key = title_key(title);
            self.joined.extend(joined_key(&key));
            let head = head_key(title);
            self.names.extend([Some(&key), head.as_ref()].into_iter().flatten().map(|name| block_key(name)));
            self.heads.extend(head);
            self.keys.insert(key);
        }
        self.years.extend(year_of(record));
        self.runtimes.extend(record.runtime_minutes);
        // The bound is on a record's names, not on the title's, so that the order of the records makes no difference.
        let names = |role| {
            let credits = record.credits.iter().filter(move |credit| credit.role == role);
            credits.take(MAX_NAMES).map(|credit| person_key(&credit.name))
        };
        self.directors.extend(names(CreditRole::Director));
        self.writers.extend(names(CreditRole::Writer));
        self.actors.extend(names(CreditRole::Actor));
        self.ids.extend(shared_ids(record).cloned());
        self.sources.insert(record.source.clone());
    }

    /// The keys under which the title may be found, each with every year a source gives; 0 where none does.
    pub fn blocks(&self) -> impl Iterator<Item = (&str, u16)> {
        let years: Vec<u16> = if self.years.is_empty() { vec![0] } else { self.years.iter().copied().collect() };
        let filed = move |key| years.clone().into_iter().map(move |year| (key, year));
        self.names.iter().map(String::as_str).flat_map(filed)
    }

    /// The keys under which it is filed: the normalised titles, with and without their subtitles, written as one word.
    pub fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// How the names of two titles agree.
    fn likeness(&self, other: &Self) -> Option<Likeness> {
        let one_word =
            |one: &Self, two: &Self| !one.joined.is_disjoint(&two.keys) || !one.joined.is_disjoint(&two.joined);
        if !self.keys.is_disjoint(&other.keys) || one_word(self, other) || one_word(other, self) {
            return Some(Likeness::Same);
        }
        let shortened = !self.heads.is_disjoint(&other.keys) || !other.heads.is_disjoint(&self.keys);
        shortened.then_some(Likeness::Shortened)
    }

    /// Whether a title filed under `year` (0: unknown) is worth a comparison.
    pub fn near(&self, content_type: ContentType, year: u16) -> bool {
        let reach = if content_type == ContentType::TvShow { SERIES_YEARS } else { 1 };
        year == 0 || self.years.is_empty() || self.years.iter().any(|own| own.abs_diff(year) <= reach)
    }
}

/// How two names agree.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Likeness {
    /// They are the same, but for how they are written.
    Same,
    /// One leaves out the subtitle of the other.
    Shortened,
}

/// The year a record gives, from its date where it gives only that.
pub fn year_of(record: &SourceRecord) -> Option<u16> {
    record.release_year.or_else(|| record.release_date.and_then(|date| u16::try_from(date.year()).ok()))
}

/// The ids of a record that mean the same title whoever states them.
pub fn shared_ids(record: &SourceRecord) -> impl Iterator<Item = &ExternalId> {
    record.external_ids.iter().filter(|id| SHARED_IDS.contains(&id.id_type.as_str()))
}

/// A title that a record may describe.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its id.
    pub id: ContentId,
    /// What its sources say.
    pub facets: &'a Facets,
}

/// A decision: the title a record describes, or none, and the near misses.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resolution {
    /// The title, how sure we are and why; `None` for a new title.
    pub joined: Option<Match>,
    /// Titles that came near and why they are others.
    pub apart: Vec<(ContentId, String)>,
    /// Titles that it may be, for a person to decide: how likely, from 0 to 1, and what is known.
    pub uncertain: Vec<Match>,
}

/// A title, how sure we are that it is the one, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// The title.
    pub id: ContentId,
    /// From 0 to 1.
    pub confidence: f64,
    /// Why, in words.
    pub evidence: String,
    /// Why it is not certain; `None` for one that is.
    pub open: Option<Open>,
}

/// Why a match is not certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// Two titles have the same claim.
    Tied,
    /// Nothing speaks against it, and not enough for it.
    TooLittle,
    /// It may be a longer cut of it, or another film: no story tells.
    OtherLength,
}

impl Open {
    /// In words.
    fn as_str(self) -> &'static str {
        match self {
            Self::Tied => "another title is as good a match",
            Self::TooLittle => "too little else to go by",
            Self::OtherLength => "runtimes more than 5 minutes apart",
        }
    }
}

impl Match {
    /// What is known, and what is not.
    pub fn words(self) -> String {
        match self.open {
            Some(open) => format!("{}; {}", self.evidence, open.as_str()),
            None => self.evidence,
        }
    }
}

/// Decides which of `candidates` the record with these facets describes.
///
/// The order of the candidates makes no difference.
pub fn resolve(record: &Facets, candidates: &[Candidate<'_>]) -> Resolution {
    let (mut apart, mut uncertain) = (Vec::new(), Vec::new());
    let mut by_id: Vec<(usize, Match)> = Vec::new();
    let mut by_rule: Vec<Match> = Vec::new();
    for candidate in candidates {
        let shared = SHARED_IDS.iter().enumerate().find_map(|(rank, kind)| {
            record.ids.intersection(&candidate.facets.ids).find(|id| id.id_type == *kind).map(|id| (rank, id))
        });
        if let Some(reason) = contradiction(record, candidate.facets) {
            apart.push((candidate.id, reason));
        } else if let Some((rank, id)) = shared {
            let evidence = format!("{} id {}", id.id_type, id.id_value);
            match slip(record, candidate.facets) {
                Some(reason) => apart.push((candidate.id, format!("{evidence}, but {reason}"))),
                None => by_id.push((rank, Match { id: candidate.id, confidence: 1.0, evidence, open: None })),
            }
        } else if let Some(likeness) = record.likeness(candidate.facets) {
            let id = candidate.id;
            match compare(record, candidate.facets, likeness) {
                Verdict::Same(confidence, evidence) => by_rule.push(Match { id, confidence, evidence, open: None }),
                Verdict::Uncertain(confidence, evidence, open) => {
                    uncertain.push(Match { id, confidence, evidence, open: Some(open) });
                }
                Verdict::Other(reason) => apart.push((candidate.id, reason)),
            }
        }
    }
    by_id.sort_by_key(|(rank, _)| *rank);
    by_rule.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let tied = by_rule.len() > 1 && by_rule[0].confidence == by_rule[1].confidence;
    let joined = match by_id.into_iter().next() {
        Some((_, found)) => Some(found),
        None if tied => {
            uncertain.extend(by_rule.into_iter().map(|tie| Match { open: Some(Open::Tied), ..tie }));
            None
        }
        None => by_rule.into_iter().next(),
    };
    if joined.is_some() {
        uncertain.clear();
    }
    Resolution { joined, apart, uncertain }
}

/// Why the two can't be the same title, whatever else they share: another kind, or two ids of one kind.
fn contradiction(record: &Facets, other: &Facets) -> Option<String> {
    if record.types.is_disjoint(&other.types) {
        return Some("one is a film and the other a series".to_owned());
    }
    SHARED_IDS.iter().find_map(|kind| {
        let of = |facets: &'_ Facets| -> BTreeSet<String> {
            facets.ids.iter().filter(|id| id.id_type == *kind).map(|id| id.id_value.clone()).collect()
        };
        let (ours, theirs) = (of(record), of(other));
        let conflict = !ours.is_empty() && !theirs.is_empty() && ours.is_disjoint(&theirs);
        conflict.then(|| format!("different {kind} ids"))
    })
}

/// Why the one id that both have is more likely a slip of one side: nothing else agrees, and the years are far apart.
fn slip(record: &Facets, other: &Facets) -> Option<String> {
    let reach = if record.types.contains(&ContentType::TvShow) { SERIES_YEARS } else { ID_YEARS };
    let gap = nearest(&record.years, &other.years).filter(|gap| *gap > reach)?;
    let agrees = record.likeness(other).is_some()
        || common(&record.people(), &other.people()) > 0
        || record.ids.intersection(&other.ids).count() > 1;
    (!agrees).then(|| format!("unlike titles, {gap} years apart"))
}

/// What two sides say of the people and the length.
struct Evidence {
    directors: usize,
    actors: usize,
    /// People in common in any role: a documentary's director is often also its cast.
    people: usize,
    /// How long the shorter of the two lists of people is.
    shorter: usize,
    directors_clash: bool,
    actors_clash: bool,
    /// Minutes between the nearest runtimes.
    runtime_gap: Option<u16>,
    /// Years between the nearest years.
    year_gap: Option<u16>,
}

impl Evidence {
    fn of(a: &Facets, b: &Facets) -> Self {
        let directors = common(&a.directors, &b.directors);
        let actors = common(&a.actors, &b.actors);
        let (ours, theirs) = (a.people(), b.people());
        let clash = |a: &BTreeSet<String>, b: &BTreeSet<String>, n| !a.is_empty() && !b.is_empty() && n == 0;
        Self {
            directors,
            actors,
            people: common(&ours, &theirs),
            shorter: ours.len().min(theirs.len()),
            directors_clash: clash(&a.directors, &b.directors, directors),
            actors_clash: clash(&a.actors, &b.actors, actors),
            runtime_gap: nearest(&a.runtimes, &b.runtimes),
            year_gap: nearest(&a.years, &b.years),
        }
    }

    fn same_runtime(&self) -> bool {
        self.runtime_gap.is_some_and(|gap| gap <= 5)
    }

    /// Why it is another title, if something speaks against it.
    fn against(&self, series: bool) -> Option<String> {
        if self.directors_clash && self.actors < 2 {
            return Some("same title, other directors".to_owned());
        }
        if self.actors_clash && self.people == 0 {
            return Some("same title, other people".to_owned());
        }
        let longer_cut = self.directors > 0 && self.actors >= 2;
        match self.runtime_gap {
            Some(gap) if gap > 15 && !series && !longer_cut => {
                Some(format!("same title, runtimes {gap} minutes apart"))
            }
            _ => None,
        }
    }

    /// The rule for a title whose subtitle one side leaves out: sequels share such names, and people, but not the year.
    fn rule_of_shortened(&self, series: bool) -> Option<f64> {
        let more = self.actors > 0 || self.same_runtime();
        (!series && self.year_gap == Some(0) && self.directors > 0 && more).then_some(0.93)
    }

    /// What was found, in words.
    fn words(&self, likeness: Likeness) -> String {
        let title = if likeness == Likeness::Same { "title" } else { "title without subtitle" };
        let mut words = vec![title.to_owned()];
        words.extend(self.year_gap.map(|gap| if gap == 0 { "year".to_owned() } else { format!("year within {gap}") }));
        words.extend((self.directors > 0).then(|| "director".to_owned()));
        words.extend((self.people > 0).then(|| plural(self.people)));
        words.extend(self.same_runtime().then(|| "runtime".to_owned()));
        words.join(", ")
    }

    /// The first rule of the table that holds.
    fn rule(&self, series: bool, distinctive: bool) -> Option<f64> {
        let strong = self.directors > 0 || self.people >= 2;
        let near = |same, next| if self.year_gap == Some(0) { same } else { next };
        match self.year_gap {
            None => strong.then_some(0.92),
            Some(gap) if gap > 1 => (series && self.people >= 3 && gap <= SERIES_YEARS).then_some(0.95),
            Some(_) if self.directors > 0 && self.actors > 0 => Some(near(0.99, 0.98)),
            Some(_) if strong => Some(near(0.98, 0.97)),
            Some(0) if self.people == 1 => Some(0.96),
            Some(_) if self.people == 1 => (self.shorter <= 2).then_some(0.95),
            Some(0) if distinctive => Some(if self.same_runtime() && !series { 0.95 } else { 0.93 }),
            Some(0) => (self.same_runtime() && !series).then_some(0.91),
            Some(_) => None,
        }
    }
}

/// What a comparison came to, and why.
enum Verdict {
    /// One title: how sure.
    Same(f64, String),
    /// It may be: how likely, what is known, and why that is not enough.
    Uncertain(f64, String, Open),
    /// Another one.
    Other(String),
}

/// Whether two sides with a name in common are one title.
fn compare(record: &Facets, other: &Facets, likeness: Likeness) -> Verdict {
    if let Some(source) = record.sources.intersection(&other.sources).next() {
        return Verdict::Other(format!("{source} lists both"));
    }
    let series = record.types.contains(&ContentType::TvShow);
    let found = Evidence::of(record, other);
    if let Some(reason) = found.against(series) {
        return Verdict::Other(reason);
    }
    let rare = record.keys.intersection(&other.keys).any(|key| distinctive(key));
    let rule = match likeness {
        Likeness::Same => found.rule(series, rare),
        Likeness::Shortened => found.rule_of_shortened(series),
    };
    let evidence = found.words(likeness);
    match (rule, found.year_gap) {
        (Some(confidence), _) => Verdict::Same(confidence, evidence),
        (None, Some(gap)) if gap > 1 => Verdict::Other(format!("same title, {gap} years apart")),
        // Half of a shortened title is a name like any other: it takes a person in common to be worth a look.
        (None, Some(0)) if likeness == Likeness::Same || found.people > 0 => {
            let other_length = !series && found.runtime_gap.is_some() && !found.same_runtime();
            Verdict::Uncertain(0.5, evidence, if other_length { Open::OtherLength } else { Open::TooLittle })
        }
        _ => Verdict::Other(format!("same title, {}", Open::TooLittle.as_str())),
    }
}

impl Facets {
    fn people(&self) -> BTreeSet<String> {
        self.directors.iter().chain(&self.writers).chain(&self.actors).cloned().collect()
    }
}

fn plural(people: usize) -> String {
    if people == 1 { "1 person".to_owned() } else { format!("{people} people") }
}

/// How many names of the shorter list the longer one has.
fn common(a: &BTreeSet<String>, b: &BTreeSet<String>) -> usize {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let found = |name: &&String| long.contains(*name) || long.iter().any(|other| same_person(name, other));
    short.iter().filter(found).count()
}

/// The smallest distance between a number of one set and one of the other.
fn nearest(a: &BTreeSet<u16>, b: &BTreeSet<u16>) -> Option<u16> {
    a.iter().flat_map(|x| b.iter().map(move |y| x.abs_diff(*y))).min()
}

#[cfg(test)]
mod tests;
