//! (pure) What changed in the graph since all titles were joined at once: other edges of a few titles, and of all that
//! they have or had.

use std::collections::{BTreeMap, HashMap};

use contracts::ContentId;

use super::{Edge, Joined, PART, SERIES_WEIGHT, series, series_key, shares};
use crate::{
    changes::{Change, Changes},
    keyword::TitleDoc,
};

/// What lies over the base. It holds the edges of what changed alone, so that it is as small as that.
#[derive(Default)]
pub(super) struct Over {
    /// Titles that are new or have something else, in the order of their ids; their rows come after those of the base.
    pub titles: Vec<ContentId>,
    /// What only such titles have; numbered after the nodes of the base.
    pub nodes: HashMap<u64, u32>,
    /// Rows of the base whose title is no more, or has a row here. Sorted.
    pub gone: Vec<u32>,
    /// The edges of those titles, and of others in the base whose series began or ended.
    pub of_title: HashMap<u32, Vec<Edge>>,
    /// What is different at nodes.
    pub of_node: HashMap<u32, Other>,
}

/// What is different at a node.
#[derive(Default)]
pub(super) struct Other {
    /// Rows of the base that have it no longer, or that have a row over it now. Sorted.
    pub gone: Vec<u32>,
    /// Those that have it now, in no order.
    pub new: Vec<Edge>,
}

impl Over {
    /// What `changes` of the titles in `base` come to. See [`super::Graph::after`].
    pub(super) fn of<'a>(
        base: &Joined,
        changes: &Changes,
        called: impl Fn(&str) -> BTreeMap<ContentId, &'a str>,
    ) -> Self {
        let has = |(_, change): &(&ContentId, &Change)| !change.keeps(|doc| (&doc.title, &doc.people, &doc.genres));
        let changed: Vec<(&ContentId, &Change)> = changes.iter().filter(has).collect();
        let parts = Parts::of(base, &changed);
        let mut over = Self::default();
        for row in changed.iter().filter_map(|(id, _)| base.row(id)) {
            over.gone.push(row);
            for edge in base.of_title.of(row) {
                over.of_node.entry(edge.to).or_default().gone.push(row);
            }
        }
        for doc in changed.iter().filter_map(|(_, change)| change.is.as_deref()) {
            over.add(base, doc, &parts);
        }
        for name in parts.begun() {
            over.begin(base, name, called(name));
        }
        for name in parts.ended() {
            over.end(base, name);
        }
        over.of_node.values_mut().for_each(|other| other.gone.sort_unstable());
        over
    }

    /// Whether the title in this row of the base is no more, or has a row here.
    pub(super) fn is_gone(&self, row: u32) -> bool {
        self.gone.binary_search(&row).is_ok()
    }

    /// A title as it is now.
    fn add(&mut self, base: &Joined, doc: &TitleDoc, parts: &Parts<'_>) {
        let row = (base.titles.len() + self.titles.len()) as u32;
        let series = series::member(&doc.title, series::cut(&doc.title), |name| parts.are_known(name));
        let nodes = &mut self.nodes;
        let edges = shares(doc, series.as_ref(), |key| {
            let new = (base.nodes.len() + nodes.len()) as u32;
            base.nodes.get(&key).copied().unwrap_or_else(|| *nodes.entry(key).or_insert(new))
        });
        for edge in &edges {
            self.of_node.entry(edge.to).or_default().new.push(Edge { to: row, ..*edge });
        }
        self.titles.push(doc.id);
        self.of_title.insert(row, edges);
    }

    /// A series has its first part: the titles of its name are of it too.
    fn begin(&mut self, base: &Joined, name: &str, called: BTreeMap<ContentId, &str>) {
        let Some(to) = self.nodes.get(&series_key(name)).copied() else { return };
        let whole = called.into_iter().filter(|(_, title)| series::cut(title).is_none());
        for row in whole.filter_map(|(id, _)| base.row(&id)) {
            if !self.is_gone(row) {
                let edge = Edge { to, weight: SERIES_WEIGHT, roles: 0 };
                self.edges(base, row).push(edge);
                self.of_node.entry(to).or_default().new.push(Edge { to: row, ..edge });
            }
        }
    }

    /// A series has no part any more: what has its name has nothing but that.
    fn end(&mut self, base: &Joined, name: &str) {
        let Some(node) = base.nodes.get(&series_key(name)).copied() else { return };
        for edge in base.of_node.of(node).iter().filter(|edge| edge.roles & PART == 0) {
            if !self.is_gone(edge.to) {
                self.edges(base, edge.to).retain(|own| own.to != node);
                self.of_node.entry(node).or_default().gone.push(edge.to);
            }
        }
    }

    /// The edges of a title in the base, to be changed.
    fn edges(&mut self, base: &Joined, row: u32) -> &mut Vec<Edge> {
        self.of_title.entry(row).or_insert_with(|| base.of_title.of(row).to_vec())
    }
}

/// How many titles say of themselves that they are parts of which series, where that is not as it was.
struct Parts<'a> {
    base: &'a Joined,
    /// By the folded name of the series: how many there were, and how many there are.
    counts: BTreeMap<String, (i64, i64)>,
}

impl<'a> Parts<'a> {
    fn of(base: &'a Joined, changed: &[(&ContentId, &Change)]) -> Self {
        let mut parts = Self { base, counts: BTreeMap::new() };
        for (_, change) in changed {
            for (doc, by) in [(&change.was, -1), (&change.is, 1)] {
                if let Some(name) = doc.as_ref().and_then(|doc| series::cut(&doc.title)) {
                    let before = parts.before(&name);
                    parts.counts.entry(name).or_insert((before, before)).1 += by;
                }
            }
        }
        parts
    }

    fn before(&self, name: &str) -> i64 {
        let node = self.base.nodes.get(&series_key(name));
        let edges = node.map_or(&[][..], |node| self.base.of_node.of(*node));
        edges.iter().filter(|edge| edge.roles & PART != 0).count() as i64
    }

    /// Whether there is a series of this folded name now.
    fn are_known(&self, name: &str) -> bool {
        match self.counts.get(name) {
            Some((_, now)) => *now > 0,
            None => self.base.nodes.contains_key(&series_key(name)),
        }
    }

    fn begun(&self) -> impl Iterator<Item = &str> {
        self.counts.iter().filter(|(_, (before, now))| *before == 0 && *now > 0).map(|(name, _)| name.as_str())
    }

    fn ended(&self) -> impl Iterator<Item = &str> {
        self.counts.iter().filter(|(_, (before, now))| *before > 0 && *now <= 0).map(|(name, _)| name.as_str())
    }
}
