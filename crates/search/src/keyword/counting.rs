//! Counts the tags and years of all documents that a query finds, in one pass over columns.

use std::collections::HashMap;

use tantivy::{
    DocId, Score, SegmentOrdinal, SegmentReader,
    collector::{Collector, SegmentCollector},
    columnar::{Column, StrColumn},
};

use crate::facets::Counts;

/// Collects [`Counts`].
pub(super) struct Counting;

/// The counts of one segment, by the place of a tag in the segment's own dictionary.
pub(super) struct SegmentCounting {
    tags: Option<StrColumn>,
    year: Option<Column<u64>>,
    by_ord: Vec<u64>,
    /// As long as the latest year needs.
    by_year: Vec<u64>,
    counts: Counts,
}

impl Collector for Counting {
    type Fruit = Counts;
    type Child = SegmentCounting;

    fn for_segment(&self, _: SegmentOrdinal, reader: &SegmentReader) -> tantivy::Result<SegmentCounting> {
        let columns = reader.fast_fields();
        let tags = columns.str("tags")?;
        let by_ord = vec![0; tags.as_ref().map_or(0, |tags| tags.dictionary().num_terms())];
        let year = columns.u64("year").ok();
        Ok(SegmentCounting { tags, year, by_ord, by_year: Vec::new(), counts: Counts::default() })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, segments: Vec<Counts>) -> tantivy::Result<Counts> {
        let mut all = Counts::default();
        for segment in segments {
            all.titles += segment.titles;
            for (tag, count) in segment.tags {
                *all.tags.entry(tag).or_default() += count;
            }
            for (year, count) in segment.years {
                *all.years.entry(year).or_default() += count;
            }
        }
        Ok(all)
    }
}

impl SegmentCollector for SegmentCounting {
    type Fruit = Counts;

    fn collect(&mut self, doc: DocId, _: Score) {
        self.counts.titles += 1;
        for ord in self.tags.iter().flat_map(|tags| tags.ords().values_for_doc(doc)) {
            if let Some(count) = self.by_ord.get_mut(ord as usize) {
                *count += 1;
            }
        }
        let year = self.year.as_ref().and_then(|year| year.first(doc));
        if let Some(year) = year.and_then(|year| u16::try_from(year).ok()).map(usize::from) {
            if year >= self.by_year.len() {
                self.by_year.resize(year + 1, 0);
            }
            self.by_year[year] += 1;
        }
    }

    fn harvest(mut self) -> Counts {
        let mut named = HashMap::new();
        let mut name = String::new();
        for (ord, count) in self.by_ord.iter().enumerate().filter(|(_, count)| **count > 0) {
            let read =
                self.tags.as_ref().is_some_and(|tags| matches!(tags.ord_to_str(ord as u64, &mut name), Ok(true)));
            if read {
                named.insert(name.clone(), *count);
            }
        }
        self.counts.tags = named;
        let years = (0..=u16::MAX).zip(&self.by_year).filter(|(_, count)| **count > 0);
        self.counts.years = years.map(|(year, count)| (year, *count)).collect();
        self.counts
    }
}
