//! Counts the tags and years of documents in one pass over columns: of all of them, or of those that pass conditions, of
//! several such sets at once.

use contracts::ContentId;
use tantivy::{
    DocId, SegmentReader,
    columnar::{Column, StrColumn},
    query::{EnableScoring, Query, Weight},
};

use super::{
    passing::{Passing, SegmentPassing},
    snapshot::Snapshot,
};
use crate::{SearchError, conditions::Conditions, facets::Counts};

impl Snapshot {
    /// Counts these titles, and beside them all that is found: for each of `sets` those that pass it.
    pub(super) fn counted(
        &self,
        ids: &[ContentId],
        found: Option<&dyn Query>,
        sets: &[Conditions],
    ) -> Result<Vec<Counts>, SearchError> {
        let passing = |conditions: &Conditions| match conditions.is_empty() {
            true => Ok(None),
            false => Passing::of(&self.searcher, &self.fields, conditions).map(Some),
        };
        let passing = sets.iter().map(passing).collect::<Result<Vec<_>, SearchError>>()?;
        let unscored = EnableScoring::disabled_from_searcher(&self.searcher);
        let found: Option<Box<dyn Weight>> = found.map(|query| query.weight(unscored)).transpose()?;
        let ids = self.terms(ids);
        let mut counts = vec![Counts::default(); sets.len()];
        for reader in self.searcher.segment_readers() {
            let mut counting = Counting::within(reader, &passing)?;
            // Both lists ascend, and what is on both is counted once.
            let mut these = self.located(reader, &ids)?.into_iter().map(|(doc, _)| doc).peekable();
            if let Some(found) = &found {
                found.for_each_no_score(reader, &mut |docs| {
                    for doc in docs.iter().copied().filter(|doc| !reader.is_deleted(*doc)) {
                        while let Some(earlier) = these.next_if(|this| *this < doc) {
                            counting.add(earlier);
                        }
                        these.next_if_eq(&doc);
                        counting.add(doc);
                    }
                })?;
            }
            these.for_each(|doc| counting.add(doc));
            counting.add_to(&mut counts)?;
        }
        Ok(counts)
    }
}

/// The counts of one segment, by the place of a tag in the segment's own dictionary.
struct Counting {
    tags: Option<StrColumn>,
    year: Option<Column<u64>>,
    sets: Vec<Set>,
}

/// Those of what is looked at that pass, or all of them.
struct Set {
    passing: Option<SegmentPassing>,
    titles: u64,
    by_ord: Vec<u64>,
    /// As long as the latest year needs.
    by_year: Vec<u64>,
}

impl Counting {
    fn within(reader: &SegmentReader, passing: &[Option<Passing>]) -> Result<Self, SearchError> {
        let columns = reader.fast_fields();
        let tags = columns.str("tags")?;
        let year = columns.u64("year").ok();
        let terms = tags.as_ref().map_or(0, |tags| tags.dictionary().num_terms());
        let mut sets = Vec::with_capacity(passing.len());
        for one in passing {
            let passing = one.as_ref().map(|one| one.within(reader)).transpose()?;
            sets.push(Set { passing, titles: 0, by_ord: vec![0; terms], by_year: Vec::new() });
        }
        Ok(Self { tags, year, sets })
    }

    /// Takes a document into account; none that comes before one that was.
    fn add(&mut self, doc: DocId) {
        for set in &mut self.sets {
            if set.passing.as_mut().is_none_or(|passing| passing.passes(doc)) {
                set.add(doc, self.tags.as_ref(), self.year.as_ref());
            }
        }
    }

    /// Adds what was counted to `counts`, of which there is one for each set.
    fn add_to(self, counts: &mut [Counts]) -> Result<(), SearchError> {
        for (set, counts) in self.sets.iter().zip(counts.iter_mut()) {
            counts.titles += set.titles;
            for (year, count) in (0..=u16::MAX).zip(&set.by_year).filter(|(_, count)| **count > 0) {
                *counts.years.entry(year).or_default() += count;
            }
        }
        let Some(tags) = &self.tags else { return Ok(()) };
        // Read from end to end: to find the name of one, each before it in its block is read.
        let mut names = tags.dictionary().stream()?;
        let mut ord = 0;
        while names.advance() {
            for (set, counts) in self.sets.iter().zip(counts.iter_mut()) {
                let count = set.by_ord.get(ord).copied().unwrap_or(0);
                if count > 0
                    && let Ok(name) = std::str::from_utf8(names.key())
                {
                    *counts.tags.entry(name.to_owned()).or_default() += count;
                }
            }
            ord += 1;
        }
        Ok(())
    }
}

impl Set {
    fn add(&mut self, doc: DocId, tags: Option<&StrColumn>, year: Option<&Column<u64>>) {
        self.titles += 1;
        for ord in tags.into_iter().flat_map(|tags| tags.ords().values_for_doc(doc)) {
            if let Some(count) = self.by_ord.get_mut(ord as usize) {
                *count += 1;
            }
        }
        let year = year.and_then(|year| year.first(doc)).and_then(|year| u16::try_from(year).ok());
        if let Some(year) = year.map(usize::from) {
            if year >= self.by_year.len() {
                self.by_year.resize(year + 1, 0);
            }
            self.by_year[year] += 1;
        }
    }
}
