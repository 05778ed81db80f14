//! Collects the ids of all documents that a query finds, off their columns.

use contracts::ContentId;
use tantivy::{
    DocId, Score, SegmentOrdinal, SegmentReader,
    collector::{Collector, SegmentCollector},
    columnar::Column,
};

use super::schema::whole;

/// The two columns that hold the ids of a segment.
pub(super) struct IdColumns {
    high: Column<u64>,
    low: Column<u64>,
}

impl IdColumns {
    pub(super) fn of(reader: &SegmentReader) -> tantivy::Result<Self> {
        let columns = reader.fast_fields();
        Ok(Self { high: columns.u64("id_high")?, low: columns.u64("id_low")? })
    }

    pub(super) fn id(&self, doc: DocId) -> Option<ContentId> {
        Some(whole(self.high.first(doc)?, self.low.first(doc)?))
    }
}

/// Collects ids, in no order.
pub(super) struct Ids;

/// The ids of one segment.
pub(super) struct SegmentIds {
    columns: IdColumns,
    ids: Vec<ContentId>,
}

impl Collector for Ids {
    type Fruit = Vec<ContentId>;
    type Child = SegmentIds;

    fn for_segment(&self, _: SegmentOrdinal, reader: &SegmentReader) -> tantivy::Result<SegmentIds> {
        Ok(SegmentIds { columns: IdColumns::of(reader)?, ids: Vec::new() })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, segments: Vec<Vec<ContentId>>) -> tantivy::Result<Vec<ContentId>> {
        Ok(segments.concat())
    }
}

impl SegmentCollector for SegmentIds {
    type Fruit = Vec<ContentId>;

    fn collect(&mut self, doc: DocId, _: Score) {
        self.ids.extend(self.columns.id(doc));
    }

    fn harvest(self) -> Vec<ContentId> {
        self.ids
    }
}
