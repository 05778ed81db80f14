//! (pure) What became of titles since all of them were read.

use std::{collections::BTreeMap, sync::Arc};

use contracts::ContentId;

use crate::keyword::TitleDoc;

/// A title as it was then and as it is now; `None` where there was none, or is none any more.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub was: Option<Arc<TitleDoc>>,
    pub is: Option<Arc<TitleDoc>>,
}

impl Change {
    /// Whether the title is as it was in `what` somebody looks at.
    pub(crate) fn keeps<'a, T: PartialEq>(&'a self, what: impl Fn(&'a TitleDoc) -> T) -> bool {
        self.was.as_deref().map(&what) == self.is.as_deref().map(&what)
    }
}

/// The titles that are not as they were. Who holds them bounds them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes(BTreeMap<ContentId, Change>);

impl Changes {
    /// Takes in that a title `was` so and `is` so now. One that is again what it was at first did not change.
    pub(crate) fn record(&mut self, id: ContentId, was: Option<Arc<TitleDoc>>, is: Option<Arc<TitleDoc>>) {
        let change = self.0.entry(id).or_insert_with(|| Change { was, is: None });
        change.is = is;
        if change.was == change.is {
            self.0.remove(&id);
        }
    }

    /// How many titles.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Every change, in the order of the ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ContentId, &Change)> {
        self.0.iter()
    }

    /// What no longer counts, with -1, and what counts now, with 1.
    pub(crate) fn counted(&self) -> impl Iterator<Item = (&TitleDoc, i32)> {
        self.0.values().flat_map(|change| {
            let was = change.was.iter().map(|doc| (&**doc, -1));
            was.chain(change.is.iter().map(|doc| (&**doc, 1)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{films, id};

    #[test]
    fn a_title_is_compared_with_what_it_was_at_first() {
        let as_film = |place: usize| Some(Arc::new(TitleDoc { id: id(1), ..TitleDoc::of(&films()[place]) }));
        let [first, second, third] = [0, 1, 2].map(as_film);
        let mut changes = Changes::default();
        changes.record(id(1), first.clone(), second.clone());
        changes.record(id(1), second.clone(), third.clone());
        let seen: Vec<_> = changes.counted().map(|(doc, by)| (doc.title.clone(), by)).collect();
        assert_eq!(seen, [("The Matrix".to_owned(), -1), ("Heat".to_owned(), 1)]);
        assert!(changes.iter().all(|(_, change)| change.keeps(|doc| doc.id) && !change.keeps(|doc| &doc.title)));
        changes.record(id(1), third.clone(), first);
        assert_eq!(changes.len(), 0, "it is as it was");
        changes.record(id(1), None, third.clone());
        changes.record(id(1), third, None);
        assert_eq!(changes.len(), 0, "it came and went");
        changes.record(id(1), second, None);
        assert!(changes.len() == 1 && !changes.iter().any(|(_, change)| change.keeps(|doc| doc.id)));
    }
}
