//! What the keyword index can be asked, as it stood at one commit.

use std::{collections::HashSet, sync::Arc};

use contracts::{Call, ContentId, CreditRole, Scored};
use tantivy::{
    DocAddress, DocId, Order, Score, Searcher, SegmentReader, TantivyDocument, Term,
    collector::{Count, TopDocs},
    columnar::Column,
    query::{PhraseQuery, Query, TermSetQuery},
    schema::{Field, Value as _},
};

use super::{
    clause::{self, Clause, Part},
    ids::{IdColumns, Ids},
    nearby::{self, slips},
    passing::Passing,
    pruned::{self, Hit, POPULARITY_WEIGHT},
    query::{self, Demand, KeywordQuery},
    schema::{Fields, TitleDoc, popularity_of},
};
use crate::{
    SearchError,
    conditions::{Conditions, credit},
    facets::Counts,
    rank::Fused,
};

/// Titles that one name may stand for: remakes share it.
const MAX_NAMESAKES: usize = 16;

/// Names shorter than this, in letters, may hold one slip at most.
const SHORT_NAME: usize = 8;
/// How often overviews mention someone of one name for each credit; a word is mentioned more often.
const MENTIONS_OF_A_NAME: u64 = 20;

/// With more places to look at than these, most of which say little, nothing is gained by asking which can be left out.
const MAX_PARTS: usize = 128;

/// The index at one commit: an immutable value, cheap to clone.
#[derive(Clone)]
pub(crate) struct Snapshot {
    pub(super) searcher: Searcher,
    pub(super) fields: Fields,
    /// What a title has to be for its name to be known; `None` where all are.
    known: Option<Arc<Conditions>>,
}

/// What was looked for, and among what.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub query: KeywordQuery,
    pub conditions: Conditions,
}

/// A page's worth of the popular, and how many there are.
#[derive(Debug, Default)]
pub(crate) struct Popular {
    pub hits: Vec<Scored>,
    pub total: u64,
}

/// What a title's place in a sorted list depends on before its popularity.
#[derive(Clone)]
pub(crate) enum Rank {
    /// Nothing.
    Popular,
    /// The year it was first shown, the latest first.
    Newest,
    /// What this says of a title, the largest first.
    By(Arc<dyn Fn(&ContentId) -> u64 + Send + Sync>),
}

/// The first titles of a sorted list, and how many there are.
#[derive(Debug)]
pub(crate) struct Ordered {
    /// With how popular each is as its score.
    pub hits: Vec<Fused>,
    pub total: u64,
}

impl Snapshot {
    pub(super) fn new(searcher: Searcher, fields: Fields) -> Self {
        Self { searcher, fields, known: None }
    }

    /// The same, to read the words of whoever calls: where they have an age limit, no title above it is known by name.
    /// Only what reads names asks so; what is found and counted has [`Conditions::suiting`].
    pub(crate) fn suiting(&self, call: &Call) -> Self {
        let known = call.ages().map(|_| Arc::new(Conditions::default().suiting(call)));
        Self { known, ..self.clone() }
    }

    /// How many titles it holds.
    pub(crate) fn len(&self) -> u64 {
        self.searcher.num_docs()
    }

    /// The best `limit` titles by BM25 and a little popularity, best first.
    pub(crate) fn search(
        &self,
        query: &KeywordQuery,
        conditions: &Conditions,
        limit: usize,
    ) -> Result<Vec<Scored>, SearchError> {
        let clauses = query::clauses(&self.searcher, &self.fields, query);
        let parts: usize = clauses.iter().map(|clause| clause.parts.len()).sum();
        let hits = match (query.told.is_some() || parts > MAX_PARTS, clauses.is_empty()) {
            (_, true) => Vec::new(),
            (true, _) => self.best_of_all(clauses, conditions, limit)?,
            (false, _) => self.best(&clauses, conditions, limit)?,
        };
        self.scored(hits.into_iter().map(|hit| (f64::from(hit.score), hit.address)))
    }

    /// The best of many clauses, of which each says so little that all titles have to be looked at.
    pub(super) fn best_of_all(
        &self,
        clauses: Vec<Clause>,
        conditions: &Conditions,
        limit: usize,
    ) -> Result<Vec<Hit>, SearchError> {
        let collector = TopDocs::with_limit(limit.max(1)).tweak_score(|reader: &SegmentReader| {
            let browse = reader.fast_fields().u64("browse").ok();
            move |doc: DocId, score: Score| {
                let key = browse.as_ref().and_then(|column| column.first(doc)).unwrap_or(0);
                (score + POPULARITY_WEIGHT * popularity_of(key) as Score, key)
            }
        });
        let query = query::filtered(&self.fields, clause::any_of(clauses), conditions);
        let found = self.searcher.search(&*query, &collector)?;
        Ok(found.into_iter().map(|((score, key), address)| Hit { score, key, address }).collect())
    }

    /// The same of few clauses.
    pub(super) fn best(
        &self,
        clauses: &[Clause],
        conditions: &Conditions,
        limit: usize,
    ) -> Result<Vec<Hit>, SearchError> {
        let passing = match conditions.is_empty() {
            true => None,
            false => Some(Passing::of(&self.searcher, &self.fields, conditions)?),
        };
        pruned::best(&self.searcher, clauses, passing.as_ref(), limit.max(1))
    }

    /// The titles that are called this (folded), with or without the article, the popular first; the score is the
    /// popularity.
    pub(crate) fn called(&self, folded: &str, conditions: &Conditions) -> Result<Vec<Scored>, SearchError> {
        if folded.is_empty() {
            return Ok(Vec::new());
        }
        let bare = folded.strip_prefix("the ").unwrap_or(folded);
        let names =
            [bare.to_owned(), format!("the {bare}")].map(|name| Term::from_field_text(self.fields.title_exact, &name));
        // All alike, so that popularity decides.
        let named = Part::constant(Box::new(TermSetQuery::new(names)), 0.0);
        let hits = self.best(&[named.into()], conditions, MAX_NAMESAKES)?;
        self.scored(hits.into_iter().map(|hit| (popularity_of(hit.key), hit.address)))
    }

    /// The most popular titles that `conditions` let pass, and how many they let pass.
    pub(crate) fn popular(&self, conditions: &Conditions, limit: usize) -> Result<Popular, SearchError> {
        self.popular_of(&*query::everything(&self.fields, conditions), limit)
    }

    /// The first of the titles that have all that is demanded, by `rank` and then the popular first.
    pub(crate) fn ordered(&self, demand: &Demand, rank: Rank, limit: usize) -> Result<Ordered, SearchError> {
        let top = TopDocs::with_limit(limit.max(1)).tweak_score(move |reader: &SegmentReader| {
            let (columns, ids, rank) = (reader.fast_fields(), IdColumns::of(reader).ok(), rank.clone());
            let (browse, year) = (columns.u64("browse").ok(), columns.u64("year").ok());
            move |doc: DocId, score: Score| {
                let first = |column: &Option<Column<u64>>| column.as_ref().and_then(|column| column.first(doc));
                let key = match &rank {
                    Rank::Popular => None,
                    Rank::Newest => first(&year),
                    Rank::By(of) => ids.as_ref().and_then(|ids| ids.id(doc)).map(|id| of(&id)),
                };
                (key.unwrap_or(0), first(&browse).unwrap_or(0), score)
            }
        });
        let query = query::demanded(&self.searcher, &self.fields, demand);
        let (found, total) = self.searcher.search(&*query, &(top, Count))?;
        let words: Vec<f64> = found.iter().map(|((_, _, score), _)| f64::from(*score)).collect();
        let titles = self.scored(found.into_iter().map(|((_, key, _), address)| (popularity_of(key), address)))?;
        let hits = titles.into_iter().zip(words).map(|(title, words)| Fused {
            content_id: title.content_id,
            score: title.score,
            keyword: if demand.words.is_empty() { 0.0 } else { words },
            vector: 0.0,
            graph: 0.0,
        });
        Ok(Ordered { hits: hits.collect(), total: total as u64 })
    }

    /// Counts all titles that have what is demanded: for each of `sets` those that pass it.
    pub(crate) fn counts_of_all(&self, demand: &Demand, sets: &[Conditions]) -> Result<Vec<Counts>, SearchError> {
        self.counted(&[], Some(&*query::demanded(&self.searcher, &self.fields, demand)), sets)
    }

    /// How many titles have what is demanded.
    pub(crate) fn count_of_all(&self, demand: &Demand) -> Result<u64, SearchError> {
        Ok(self.searcher.search(&*query::demanded(&self.searcher, &self.fields, demand), &Count)? as u64)
    }

    /// Counts all titles that `conditions` let pass.
    pub(crate) fn counts(&self, conditions: &Conditions) -> Result<Counts, SearchError> {
        let all = query::everything(&self.fields, conditions);
        Ok(self.counted(&[], Some(&*all), &[Conditions::default()])?.pop().unwrap_or_default())
    }

    /// Counts these titles, and beside them all that a query finds: for each of `sets` those that pass it.
    pub(crate) fn counts_of(
        &self,
        ids: &[ContentId],
        beside: Option<&Asked>,
        sets: &[Conditions],
    ) -> Result<Vec<Counts>, SearchError> {
        let found = beside.and_then(|asked| self.all_of(asked));
        self.counted(ids, found.as_deref(), sets)
    }

    /// Whether it has any title to find.
    pub(crate) fn finds(&self, asked: &Asked) -> Result<bool, SearchError> {
        let Some(all) = self.all_of(asked) else { return Ok(false) };
        Ok(self.searcher.search(&*all, &Count)? > 0)
    }

    fn all_of(&self, Asked { query, conditions }: &Asked) -> Option<Box<dyn Query>> {
        let scoring = query::scoring(&self.searcher, &self.fields, query)?;
        Some(query::filtered(&self.fields, scoring, conditions))
    }

    /// Whether any title has this tag.
    pub(crate) fn has_tag(&self, tag: &str) -> Result<bool, SearchError> {
        self.holds(self.fields.tags, tag)
    }

    /// Every title that has all that is demanded.
    pub(crate) fn having(&self, demand: &Demand) -> Result<HashSet<ContentId>, SearchError> {
        let found = self.searcher.search(&*query::demanded(&self.searcher, &self.fields, demand), &Ids)?;
        Ok(found.into_iter().collect())
    }

    /// The known titles that are called exactly this (folded), the popular first, as stored.
    pub(crate) fn titles(&self, folded: &str) -> Result<Vec<TitleDoc>, SearchError> {
        self.known(query::term_query(self.fields.title_exact, folded), MAX_NAMESAKES)
    }

    /// The most popular known title that holds all of these folded words.
    pub(crate) fn title_with(&self, words: &[&str]) -> Result<Option<TitleDoc>, SearchError> {
        if words.is_empty() {
            return Ok(None);
        }
        Ok(self.known(query::all_in_title(&self.fields, words), 1)?.pop())
    }

    /// The name, as written, of the person whose folded name this is.
    pub(crate) fn person(&self, folded: &str) -> Result<Option<String>, SearchError> {
        if !self.holds(self.fields.people_exact, folded)? {
            return Ok(None);
        }
        let found = self.stored(&*query::term_query(self.fields.people_exact, folded), 1)?;
        let people = found.into_iter().flat_map(|title| title.people);
        Ok(people.map(|(name, _)| name).find(|name| crate::text::fold(name) == folded))
    }

    /// The name, as written, of the most frequent person whose folded name is nearly this: one slip away, or two when a
    /// part of the name is right.
    pub(crate) fn person_near(&self, folded: &str) -> Result<Option<String>, SearchError> {
        let parts: Vec<&str> = folded.split(' ').collect();
        for distance in 1..=if folded.chars().count() < SHORT_NAME { slips(folded) } else { 2 } {
            let near = nearby::near(&self.searcher, self.fields.people_exact, folded, distance)?;
            let fits = |term: &str| distance == 1 || term.split(' ').any(|part| parts.contains(&part));
            if let Some(near) = near.into_iter().find(|near| !near.term.contains(':') && fits(&near.term)) {
                return self.person(&near.term);
            }
        }
        Ok(None)
    }

    /// Whether a folded word is known as someone's whole name rather than as a word of overviews.
    pub(crate) fn more_name_than_word(&self, word: &str) -> Result<bool, SearchError> {
        let credits = self.searcher.doc_freq(&Term::from_field_text(self.fields.people_exact, word))?;
        let told = self.searcher.doc_freq(&Term::from_field_text(self.fields.overview, &query::stem(word)))?;
        Ok(told <= credits.saturating_mul(MENTIONS_OF_A_NAME))
    }

    /// What a person (folded) did most.
    pub(crate) fn role_of(&self, folded: &str) -> Result<Option<CreditRole>, SearchError> {
        let mut most: Option<(u64, CreditRole)> = None;
        for role in [CreditRole::Actor, CreditRole::Director, CreditRole::Writer] {
            let term = Term::from_field_text(self.fields.people_exact, &credit(role, folded));
            let titles = self.searcher.doc_freq(&term)?;
            if titles > most.map_or(0, |(most, _)| most) {
                most = Some((titles, role));
            }
        }
        Ok(most.map(|(_, role)| role))
    }

    /// Whether a known title holds this folded word.
    pub(crate) fn in_titles(&self, word: &str) -> Result<bool, SearchError> {
        match self.known {
            None => self.holds(self.fields.title_raw, word),
            Some(_) => Ok(self.title_with(&[word])?.is_some()),
        }
    }

    /// Whether a title holds these folded words one after the other.
    pub(crate) fn title_phrase(&self, words: &[&str]) -> Result<bool, SearchError> {
        for word in words {
            if !self.holds(self.fields.title_raw, word)? {
                return Ok(false);
            }
        }
        let terms: Vec<Term> = words.iter().map(|word| Term::from_field_text(self.fields.title_raw, word)).collect();
        Ok(terms.len() > 1 && self.searcher.search(&PhraseQuery::new(terms), &Count)? > 0)
    }

    /// Whether a title, a person or an overview knows this folded word, or a word that starts with it, or it is two
    /// known words written as one.
    pub(crate) fn known_word(&self, word: &str) -> Result<bool, SearchError> {
        let stem = query::stem(word);
        for (field, text) in [
            (self.fields.title_raw, word),
            (self.fields.people, word),
            (self.fields.overview, stem.as_str()),
            (self.fields.genres, stem.as_str()),
        ] {
            if self.holds(field, text)? {
                return Ok(true);
            }
        }
        let starts = nearby::begins(&self.searcher, self.fields.title_raw, word)?;
        Ok(starts || query::parts(&self.searcher, &self.fields, word).is_some())
    }

    /// The word of a known title, else of a name, that is spelt most like this one and most frequent.
    pub(crate) fn nearest_word(&self, word: &str) -> Result<Option<String>, SearchError> {
        for distance in 1..=slips(word) {
            for near in nearby::near(&self.searcher, self.fields.title_raw, word, distance)? {
                if self.in_titles(&near.term)? {
                    return Ok(Some(near.term));
                }
            }
            let names = nearby::near(&self.searcher, self.fields.people, word, distance)?;
            if let Some(near) = names.into_iter().next() {
                return Ok(Some(near.term));
            }
        }
        Ok(None)
    }

    /// Those of these titles that it holds, as stored, in no order.
    pub(crate) fn these(&self, ids: &[ContentId]) -> Result<Vec<TitleDoc>, SearchError> {
        let terms = self.terms(ids).into_iter().map(|(_, term)| term);
        self.stored(&TermSetQuery::new(terms), ids.len().max(1))
    }

    /// Every stored title, in no order.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(TitleDoc)) -> Result<(), SearchError> {
        for reader in self.searcher.segment_readers() {
            let store = reader.get_store_reader(1)?;
            for document in store.iter::<TantivyDocument>(reader.alive_bitset()) {
                visit(self.read(&document?)?);
            }
        }
        Ok(())
    }

    fn holds(&self, field: Field, text: &str) -> Result<bool, SearchError> {
        Ok(self.searcher.doc_freq(&Term::from_field_text(field, text))? > 0)
    }

    fn popular_of(&self, query: &dyn Query, limit: usize) -> Result<Popular, SearchError> {
        let top = TopDocs::with_limit(limit.max(1)).order_by_fast_field::<u64>("browse", Order::Desc);
        let (found, total) = self.searcher.search(query, &(top, Count))?;
        let found = found.into_iter().map(|(key, address)| (popularity_of(key.unwrap_or(0)), address));
        let hits = self.scored(found)?;
        Ok(Popular { hits, total: total as u64 })
    }

    /// The first of the known titles that `query` finds.
    fn known(&self, query: Box<dyn Query>, limit: usize) -> Result<Vec<TitleDoc>, SearchError> {
        match &self.known {
            Some(known) => self.stored(&*query::filtered(&self.fields, query, known), limit),
            None => self.stored(&*query, limit),
        }
    }

    fn stored(&self, query: &dyn Query, limit: usize) -> Result<Vec<TitleDoc>, SearchError> {
        let top = TopDocs::with_limit(limit).order_by_fast_field::<u64>("browse", Order::Desc);
        let found = self.searcher.search(query, &top)?;
        found.into_iter().map(|(_, address)| self.read(&self.searcher.doc::<TantivyDocument>(address)?)).collect()
    }

    fn read(&self, document: &TantivyDocument) -> Result<TitleDoc, SearchError> {
        let json = document.get_first(self.fields.doc).and_then(|value| value.as_str()).unwrap_or_default();
        serde_json::from_str(json).map_err(|error| SearchError::Keyword(format!("a stored title is damaged: {error}")))
    }

    /// Reads the ids of documents, in their order.
    fn scored(&self, found: impl Iterator<Item = (f64, DocAddress)>) -> Result<Vec<Scored>, SearchError> {
        let segments = self.searcher.segment_readers().iter();
        let columns = segments.map(IdColumns::of).collect::<tantivy::Result<Vec<_>>>()?;
        let hit = |(score, address): (f64, DocAddress)| {
            let id = columns.get(address.segment_ord as usize).and_then(|columns| columns.id(address.doc_id));
            let content_id = id.ok_or_else(|| SearchError::Keyword("a document has no id".to_owned()))?;
            Ok(Scored { content_id, score })
        };
        found.map(hit).collect()
    }
}
