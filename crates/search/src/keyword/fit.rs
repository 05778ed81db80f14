//! How titles that were found fit a story, read from the postings of the index.

use std::collections::HashMap;

use contracts::ContentId;
use tantivy::{
    DocId, DocSet as _, SegmentReader, Term,
    postings::{Postings as _, SegmentPostings},
    query::Bm25Weight,
    schema::{Field, IndexRecordOption},
};

use super::{
    query::{MAX_WORDS, stem},
    snapshot::Snapshot,
};
use crate::{
    SearchError,
    rank::{
        rerank::Match,
        story::{ASKED_FOR, Story, Told},
    },
};

/// How many words further a neighbour may stand: stop words come between.
const WINDOW: u32 = 3;

/// A word of a story, stemmed.
struct Sought {
    stem: String,
    /// How much it counts in the story.
    weight: f64,
    /// Its inverse document frequency in overviews.
    rarity: f64,
    /// Its score in an overview, as the index itself reckons it.
    score: Bm25Weight,
}

impl Snapshot {
    /// How these titles are told of; one that is not here is left out.
    pub(crate) fn told(&self, ids: &[ContentId]) -> Result<HashMap<ContentId, Told>, SearchError> {
        let mut found = HashMap::with_capacity(ids.len());
        let ids = self.terms(ids);
        for reader in self.searcher.segment_readers() {
            // There is no column where no title of the segment has a year.
            let years = reader.fast_fields().column_opt::<u64>("year")?;
            let lengths = reader.get_fieldnorms_reader(self.fields.overview)?;
            let tags = reader.fast_fields().str("tags")?;
            let mut asked_for: Vec<(u64, f64)> = Vec::new();
            for (genre, odds) in ASKED_FOR {
                let tag = |tags: &tantivy::columnar::StrColumn| tags.dictionary().term_ord(format!("genre:{genre}"));
                asked_for.extend(tags.as_ref().map(tag).transpose()?.flatten().map(|tag| (tag, *odds)));
            }
            for (doc, id) in self.located(reader, &ids)? {
                let held = tags.iter().flat_map(|tags| tags.ords().values_for_doc(doc));
                let odds = |tag: u64| asked_for.iter().find(|(known, _)| *known == tag).map(|(_, odds)| *odds);
                let year = years.as_ref().and_then(|years| years.first(doc));
                let year = year.and_then(|year| u16::try_from(year).ok());
                let genres = held.filter_map(odds).sum();
                found.insert(id, Told { year, words: lengths.fieldnorm(doc), genres });
            }
        }
        Ok(found)
    }

    /// How the words of `story` fit these titles; one that is not here is left out.
    pub(crate) fn fit(&self, story: &Story, ids: &[ContentId]) -> Result<HashMap<ContentId, Match>, SearchError> {
        let words = self.sought(story)?;
        let all: f64 = words.iter().map(|word| word.weight * word.rarity).sum();
        let mut found = HashMap::with_capacity(ids.len());
        let ids = self.terms(ids);
        for reader in self.searcher.segment_readers() {
            let titles = self.located(reader, &ids)?;
            let mut fits = vec![Match::default(); titles.len()];
            let mut places: Vec<HashMap<usize, Vec<u32>>> = Vec::with_capacity(words.len());
            let lengths = reader.get_fieldnorms_reader(self.fields.overview)?;
            for (place, word) in words.iter().enumerate() {
                let is_name = story.names.binary_search(&place).is_ok();
                let mut held = HashMap::new();
                visit(reader, self.fields.overview, word, &titles, |at, postings| {
                    let score = word.score.score(lengths.fieldnorm_id(titles[at].0), postings.term_freq());
                    fits[at].overview += word.weight * f64::from(score);
                    fits[at].covered += word.weight * word.rarity / all;
                    fits[at].names += if is_name { word.rarity } else { 0.0 };
                    fits[at].rarest = fits[at].rarest.max(word.rarity);
                    let mut positions = Vec::new();
                    postings.positions(&mut positions);
                    held.insert(at, positions);
                })?;
                places.push(held);
                visit(reader, self.fields.title, word, &titles, |at, _| fits[at].title += word.rarity)?;
                visit(reader, self.fields.genres, word, &titles, |at, _| fits[at].genres += word.rarity)?;
            }
            for (first, second) in &story.pairs {
                let (Some(one), Some(other)) = (places.get(*first), places.get(*second)) else { continue };
                let rarity = (words[*first].rarity + words[*second].rarity) / 2.0;
                for (at, positions) in one {
                    let near = other.get(at).is_some_and(|others| follows(positions, others));
                    fits[*at].pairs += if near { rarity } else { 0.0 };
                }
            }
            found.extend(titles.into_iter().map(|(_, id)| id).zip(fits));
        }
        Ok(found)
    }

    fn sought(&self, story: &Story) -> Result<Vec<Sought>, SearchError> {
        let titles = self.searcher.num_docs() as f64;
        let words = story.words.iter().take(MAX_WORDS).map(|(word, weight)| {
            let stem = stem(word);
            let term = Term::from_field_text(self.fields.overview, &stem);
            let held = self.searcher.doc_freq(&term)? as f64;
            let rarity = (1.0 + (titles - held + 0.5).max(0.0) / (held + 0.5)).ln();
            let score = Bm25Weight::for_terms(&self.searcher, &[term])?;
            Ok(Sought { stem, weight: f64::from(*weight), rarity, score })
        });
        words.collect()
    }
}

/// Calls `seen` for the place of each of `titles` (in the order of their documents) whose `field` holds the word.
fn visit(
    reader: &SegmentReader,
    field: Field,
    word: &Sought,
    titles: &[(DocId, ContentId)],
    mut seen: impl FnMut(usize, &mut SegmentPostings),
) -> Result<(), SearchError> {
    let index = reader.inverted_index(field)?;
    let term = Term::from_field_text(field, &word.stem);
    let Some(mut postings) = index.read_postings(&term, IndexRecordOption::WithFreqsAndPositions)? else {
        return Ok(());
    };
    for (at, (doc, _)) in titles.iter().enumerate() {
        if postings.doc() < *doc {
            postings.seek(*doc);
        }
        if postings.doc() == *doc {
            seen(at, &mut postings);
        }
    }
    Ok(())
}

/// Whether any of `others` stands at most [`WINDOW`] words after any of `places`; both ascend.
fn follows(places: &[u32], others: &[u32]) -> bool {
    let next = |place: &u32| others.get(others.partition_point(|other| other <= place));
    places.iter().any(|place| next(place).is_some_and(|other| other - place <= WINDOW))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{id, snapshot};

    #[test]
    fn each_part_of_a_title_is_looked_at() {
        let (_folder, snapshot) = snapshot();
        let fit = |question: &str, number: u128| {
            let fits = snapshot.fit(&Story::of(question), &[id(number), id(99)]).unwrap();
            assert_eq!(fits.len(), 1, "who is not here is left out");
            fits[&id(number)]
        };
        let all = fit("a detective hunts robbers before one last heist", 3);
        assert!(all.overview > 0.0 && all.title == 0.0 && all.genres == 0.0, "{all:?}");
        let some = fit("a detective hunts zebras", 3);
        assert!(some.overview < all.overview && some.covered < all.covered && all.covered <= 1.0 + 1e-9);
        assert!(fit("detective hunts", 3).pairs > 0.0, "neighbours");
        assert_eq!(fit("hunts detective", 3).pairs, 0.0, "not in this order");
        assert_eq!(fit("detective robbers", 3).pairs, 0.0, "too far from each other");
        let elsewhere = fit("a crime in the heat", 3);
        assert!(elsewhere.title > 0.0 && elsewhere.genres > 0.0 && elsewhere.overview == 0.0, "{elsewhere:?}");
        assert_eq!(fit("zebras", 3), Match::default());
        assert!(fit("two people", 13).rarest < fit("two musicians", 13).rarest);
        assert_eq!(fit("a detective hunts", 3).names, 0.0, "no name");
        let named = fit("where some Detective hunts", 3);
        assert!(named.names > 0.0 && named.names <= named.rarest, "{named:?}");
    }

    #[test]
    fn neighbours_follow_within_the_window() {
        assert!(follows(&[1, 9], &[4]) && follows(&[5], &[1, 8]));
        assert!(!follows(&[1], &[5]) && !follows(&[4], &[4]) && !follows(&[4], &[1]) && !follows(&[], &[1]));
    }
}
