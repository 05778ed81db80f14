//! The titles that a batch of records touches, in memory: what resolution sees, and what has to be written. (pure)

use std::collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry};

use contracts::{ContentId, ContentType, ExternalId, IngestAction, IngestOutcome, SourceRecord};

use crate::{
    merge::{Merged, fold},
    resolve::{Candidate, Facets, Match, Resolution, by_story, resolve},
    stories::Stories,
};

/// The most near misses that are kept for a record.
const MAX_APART: usize = 3;

/// A record's identity: its source and the source's key.
pub type Key = (String, String);

/// A record as it is stored, with how it came to its title.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The title.
    pub content_id: ContentId,
    /// Of the record's JSON.
    pub digest: String,
    /// Why it is that title.
    pub evidence: String,
    /// How sure we are.
    pub confidence: f64,
}

/// A record about to be taken in, with what is computed of it once.
pub struct Incoming {
    /// The record.
    pub record: SourceRecord,
    /// Its JSON, as it is stored.
    pub json: String,
    /// The digest of the JSON.
    pub digest: String,
    /// What resolution looks at.
    pub facets: Facets,
}

impl Incoming {
    /// The record's identity.
    pub fn key(&self) -> Key {
        (self.record.source.clone(), self.record.source_key.clone())
    }
}

/// A title with the records of it.
#[derive(Default)]
pub struct Title {
    records: BTreeMap<Key, SourceRecord>,
    facets: Facets,
    /// What it was before this batch; `None` for one that the batch creates.
    pub before: Option<Merged>,
    /// The last source of the batch that said something about it; `None` while none has.
    pub touched_by: Option<String>,
    /// Ids that it had and has no more, or has now and had not.
    pub moved_ids: BTreeSet<ExternalId>,
}

impl Title {
    /// What it is now.
    pub fn fold(&self) -> Option<Merged> {
        fold(&self.records.values().collect::<Vec<_>>())
    }

    fn refresh(&mut self) {
        let mut facets = Facets::default();
        self.records.values().for_each(|record| facets.add(record));
        self.facets = facets;
    }

    /// The first of its records, which stands for it.
    pub fn key(&self) -> Key {
        self.records.keys().next().cloned().unwrap_or_default()
    }

    /// The kinds its sources give it; more than one is a contradiction among them.
    pub fn types(&self) -> BTreeSet<ContentType> {
        self.records.values().map(|record| record.content_type).collect()
    }

    /// Where resolution will look for it.
    pub fn facets(&self) -> &Facets {
        &self.facets
    }
}

/// One line of the merge log.
#[derive(Debug)]
pub struct Logged {
    /// The record.
    pub key: Key,
    /// The title it joined, or did not.
    pub content_id: ContentId,
    /// `joined`, `kept_apart` or `note`.
    pub verdict: &'static str,
    /// Why.
    pub evidence: String,
    /// How sure we are.
    pub confidence: f64,
}

/// A question for a person: whether a record's title is also another one.
#[derive(Debug)]
pub struct Doubt {
    /// `uncertain` or `id_conflict`.
    pub kind: &'static str,
    /// The record.
    pub key: Key,
    /// The title it was given.
    pub content_id: ContentId,
    /// The title it may be.
    pub other_id: ContentId,
    /// What is known.
    pub evidence: String,
    /// How likely, from 0 to 1.
    pub confidence: f64,
}

/// Everything a batch reads and changes.
#[derive(Default)]
pub struct Batch {
    /// Records of this batch that are stored already.
    pub known: HashMap<Key, Stored>,
    /// Who has which id.
    pub owners: HashMap<ExternalId, ContentId>,
    /// What is known of the overviews that are compared.
    pub stories: Stories,
    titles: HashMap<ContentId, Title>,
    blocks: HashMap<(ContentType, String), BTreeSet<(u16, ContentId)>>,
    /// Titles that changed, in the order in which they first did.
    pub touched: Vec<ContentId>,
    /// Records to be stored.
    pub stored: Vec<(Key, Stored, String)>,
    /// Lines for the merge log.
    pub log: Vec<Logged>,
    /// Questions for a person.
    pub doubts: Vec<Doubt>,
}

impl Batch {
    /// Nothing but what is known of overviews.
    pub fn knowing(stories: Stories) -> Self {
        Self { stories, ..Self::default() }
    }

    /// Puts in a record of a title that is stored already.
    pub fn load(&mut self, id: ContentId, record: SourceRecord) {
        let title = self.titles.entry(id).or_default();
        title.facets.add(&record);
        title.records.insert((record.source.clone(), record.source_key.clone()), record);
    }

    /// To be called when everything is loaded.
    pub fn loaded(&mut self) {
        let ids: Vec<_> = self.titles.keys().copied().collect();
        ids.into_iter().for_each(|id| self.file(id));
    }

    /// The title with this id, of those loaded or created.
    pub fn title(&self, id: ContentId) -> Option<&Title> {
        self.titles.get(&id)
    }

    /// Takes one record in. `new_id` makes an id for a title that is not there yet.
    pub fn take(&mut self, incoming: Incoming, new_id: impl FnOnce() -> ContentId) -> IngestOutcome {
        let key = incoming.key();
        let (action, stored) = match self.known.get(&key) {
            Some(known) if known.digest == incoming.digest => return outcome(IngestAction::Unchanged, known),
            Some(known) => (IngestAction::Updated, Stored { digest: incoming.digest.clone(), ..known.clone() }),
            None => self.place(&incoming, new_id),
        };
        let outcome = outcome(action, &stored);
        self.known.insert(key.clone(), stored.clone());
        self.stored.push((key, stored, incoming.json));
        self.apply(outcome.content_id, incoming.record);
        outcome
    }

    /// Decides which title a record that is not known yet describes.
    fn place(&mut self, incoming: &Incoming, new_id: impl FnOnce() -> ContentId) -> (IngestAction, Stored) {
        let found = resolve(&incoming.facets, &self.candidates(incoming));
        let Self { titles, stories, .. } = self;
        let Resolution { joined, apart, uncertain } = by_story(found, |id| {
            let theirs = titles.get(&id).into_iter().flat_map(|title| title.records.values());
            stories.likeness(&incoming.record, theirs)
        });
        for (content_id, evidence) in apart.into_iter().take(MAX_APART) {
            let key = incoming.key();
            self.log.push(Logged { key, content_id, verdict: "kept_apart", evidence, confidence: 0.0 });
        }
        let digest = incoming.digest.clone();
        match joined {
            Some(found) => {
                let (content_id, evidence, confidence) = (found.id, found.evidence, found.confidence);
                let key = incoming.key();
                self.log.push(Logged { key, content_id, verdict: "joined", evidence: evidence.clone(), confidence });
                (IngestAction::Merged, Stored { content_id, digest, evidence, confidence })
            }
            None => {
                let evidence = "the first source to describe it".to_owned();
                let content_id = new_id();
                let doubt = |other: Match| {
                    let (key, kind) = (incoming.key(), "uncertain");
                    let (other_id, confidence, evidence) = (other.id, other.confidence, other.words());
                    Doubt { kind, key, content_id, other_id, evidence, confidence }
                };
                self.doubts.extend(uncertain.into_iter().take(MAX_APART).map(doubt));
                (IngestAction::Created, Stored { content_id, digest, evidence, confidence: 1.0 })
            }
        }
    }

    /// The titles worth a comparison: those that have an id of the record, or its name about its year. In the order of
    /// what they look like, not of their random ids, so that a replay decides and logs alike.
    fn candidates(&self, incoming: &Incoming) -> Vec<Candidate<'_>> {
        let record = &incoming.record;
        let mut ids: BTreeSet<ContentId> =
            record.external_ids.iter().filter_map(|id| self.owners.get(id)).copied().collect();
        for key in incoming.facets.names() {
            let block = self.blocks.get(&(record.content_type, key.clone()));
            let near = |(year, _): &&(u16, ContentId)| incoming.facets.near(record.content_type, *year);
            ids.extend(block.into_iter().flatten().filter(near).map(|(_, id)| *id));
        }
        let mut found: Vec<_> = ids.into_iter().filter_map(|id| Some((id, self.titles.get(&id)?))).collect();
        found.sort_by_cached_key(|(_, title)| title.key());
        found.into_iter().map(|(id, title)| Candidate { id, facets: &title.facets }).collect()
    }

    /// Makes a record part of a title, in place of what its source said before.
    fn apply(&mut self, id: ContentId, record: SourceRecord) {
        self.touch(id, &record.source);
        let Some(title) = self.titles.get_mut(&id) else { return };
        let key = (record.source.clone(), record.source_key.clone());
        let claimed = record.external_ids.clone();
        let replaced = title.records.insert(key.clone(), record);
        title.refresh();
        self.release(id, replaced.map(|old| old.external_ids).unwrap_or_default());
        self.claim(id, &key, claimed);
        self.file(id);
    }

    /// Moves a record from its title to another, which may be new, and says why. Returns whether it was there.
    pub fn relocate(&mut self, key: &Key, to: ContentId, verdict: &'static str, evidence: &str) -> bool {
        let Some(stored) = self.known.get(key).cloned() else { return false };
        let from = stored.content_id;
        self.touch(from, &key.0);
        let Some(record) = self.titles.get_mut(&from).and_then(|title| title.records.remove(key)) else { return false };
        let Ok(json) = serde_json::to_string(&record) else { return false };
        if let Some(title) = self.titles.get_mut(&from) {
            title.refresh();
        }
        self.release(from, record.external_ids.clone());
        let (evidence, confidence) = (evidence.to_owned(), 1.0);
        let log = |content_id| Logged { key: key.clone(), content_id, verdict, evidence: evidence.clone(), confidence };
        self.log.extend([log(from), log(to)]);
        let stored = Stored { content_id: to, evidence, confidence, ..stored };
        self.known.insert(key.clone(), stored.clone());
        self.stored.push((key.clone(), stored, json));
        self.apply(to, record);
        true
    }

    /// The records of a title.
    pub fn records(&self, id: ContentId) -> Vec<Key> {
        self.titles.get(&id).map(|title| title.records.keys().cloned().collect()).unwrap_or_default()
    }

    /// Every id that a record of the titles claims.
    pub fn claimed(&self) -> BTreeSet<ExternalId> {
        let records = self.titles.values().flat_map(|title| title.records.values());
        records.flat_map(|record| record.external_ids.iter().cloned()).collect()
    }

    /// Titles that have no records any more.
    pub fn emptied(&self) -> impl Iterator<Item = ContentId> + '_ {
        let empty = |id: &&ContentId| self.titles.get(id).is_some_and(|title| title.records.is_empty());
        self.touched.iter().filter(empty).copied()
    }

    /// Notes what a title was before its first change.
    fn touch(&mut self, id: ContentId, source: &str) {
        let title = self.titles.entry(id).or_default();
        if title.touched_by.is_none() {
            title.before = title.fold();
            self.touched.push(id);
        }
        title.touched_by = Some(source.to_owned());
    }

    /// Takes from a title the ids that none of its records claims any more.
    fn release(&mut self, id: ContentId, former: Vec<ExternalId>) {
        let Some(title) = self.titles.get_mut(&id) else { return };
        for lost in former {
            let kept = title.records.values().any(|record| record.external_ids.contains(&lost));
            if !kept && self.owners.get(&lost) == Some(&id) {
                self.owners.remove(&lost);
                title.moved_ids.insert(lost);
            }
        }
    }

    /// Gives a title the ids that its new record claims and nobody has. An id that another title has stays there, and a
    /// person is asked: the first claim holds.
    fn claim(&mut self, id: ContentId, key: &Key, claimed: Vec<ExternalId>) {
        let Some(title) = self.titles.get_mut(&id) else { return };
        for wanted in claimed {
            match self.owners.entry(wanted) {
                Entry::Vacant(free) => {
                    title.moved_ids.insert(free.key().clone());
                    free.insert(id);
                }
                Entry::Occupied(taken) if *taken.get() != id => {
                    let ExternalId { id_type, id_value } = taken.key();
                    let evidence = format!("both claim the {id_type} id {id_value}; the first has it");
                    let (key, other_id) = (key.clone(), *taken.get());
                    let kind = "id_conflict";
                    self.doubts.push(Doubt { kind, key, content_id: id, other_id, evidence, confidence: 0.5 });
                }
                Entry::Occupied(_) => {}
            }
        }
    }

    /// Files a title under its names. A name it no longer has may stay until the batch ends: resolution compares
    /// facets, so that a stale entry costs a comparison and decides nothing.
    fn file(&mut self, id: ContentId) {
        let Some(title) = self.titles.get(&id) else { return };
        for content_type in title.types() {
            for (key, year) in title.facets.blocks() {
                self.blocks.entry((content_type, key.to_owned())).or_default().insert((year, id));
            }
        }
    }
}

fn outcome(action: IngestAction, stored: &Stored) -> IngestOutcome {
    IngestOutcome {
        content_id: stored.content_id,
        action,
        entity_confidence: stored.confidence,
        evidence: stored.evidence.clone(),
    }
}
