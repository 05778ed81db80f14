//! The titles that a batch of records touches, in memory: what resolution sees, and what has to be written. (pure)

use std::collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry};

use contracts::{ContentId, ContentType, ExternalId, IngestAction, IngestOutcome, SourceRecord};

use crate::{
    merge::{Merged, fold},
    resolve::{Candidate, Facets, Resolution, resolve},
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

/// Everything a batch reads and changes.
#[derive(Default)]
pub struct Batch {
    /// Records of this batch that are stored already.
    pub known: HashMap<Key, Stored>,
    /// Who has which id.
    pub owners: HashMap<ExternalId, ContentId>,
    titles: HashMap<ContentId, Title>,
    blocks: HashMap<(ContentType, String), BTreeSet<(u16, ContentId)>>,
    /// Titles that changed, in the order in which they first did.
    pub touched: Vec<ContentId>,
    /// Records to be stored.
    pub stored: Vec<(Key, Stored, String)>,
    /// Lines for the merge log.
    pub log: Vec<Logged>,
}

impl Batch {
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
        let Resolution { joined, apart } = resolve(&incoming.facets, &self.candidates(incoming));
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
                (IngestAction::Created, Stored { content_id: new_id(), digest, evidence, confidence: 1.0 })
            }
        }
    }

    /// The titles worth a comparison: those that have an id of the record, or its name about its year. In the order of
    /// what they look like, not of their random ids, so that a replay decides and logs alike.
    fn candidates(&self, incoming: &Incoming) -> Vec<Candidate<'_>> {
        let record = &incoming.record;
        let mut ids: BTreeSet<ContentId> =
            record.external_ids.iter().filter_map(|id| self.owners.get(id)).copied().collect();
        for key in incoming.facets.keys() {
            let block = self.blocks.get(&(record.content_type, key.to_owned()));
            let near = |(year, _): &&(u16, ContentId)| incoming.facets.near(record.content_type, *year);
            ids.extend(block.into_iter().flatten().filter(near).map(|(_, id)| *id));
        }
        let mut found: Vec<_> = ids.into_iter().filter_map(|id| Some((id, self.titles.get(&id)?))).collect();
        found.sort_by_cached_key(|(_, title)| title.key());
        found.into_iter().map(|(id, title)| Candidate { id, facets: &title.facets }).collect()
    }

    /// Makes a record part of a title, in place of what its source said before.
    fn apply(&mut self, id: ContentId, record: SourceRecord) {
        let title = self.titles.entry(id).or_default();
        if title.touched_by.is_none() {
            title.before = title.fold();
            self.touched.push(id);
        }
        title.touched_by = Some(record.source.clone());
        let claimed = record.external_ids.clone();
        let replaced = title.records.insert((record.source.clone(), record.source_key.clone()), record);
        let mut facets = Facets::default();
        title.records.values().for_each(|record| facets.add(record));
        title.facets = facets;
        self.claim(id, claimed, replaced.map(|old| old.external_ids).unwrap_or_default());
        self.file(id);
    }

    /// Gives a title the ids that its new record claims and nobody has, and takes those that none of its records claims
    /// any more. An id that another title has stays there: the first claim holds.
    fn claim(&mut self, id: ContentId, claimed: Vec<ExternalId>, former: Vec<ExternalId>) {
        let Some(title) = self.titles.get_mut(&id) else { return };
        for lost in former {
            let kept = title.records.values().any(|record| record.external_ids.contains(&lost));
            if !kept && self.owners.get(&lost) == Some(&id) {
                self.owners.remove(&lost);
                title.moved_ids.insert(lost);
            }
        }
        for wanted in claimed {
            if let Entry::Vacant(free) = self.owners.entry(wanted.clone()) {
                free.insert(id);
                title.moved_ids.insert(wanted);
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
