//! Whether documents pass conditions, asked of one after the other: for the few that were found nobody needs to know all
//! that pass, which grow with the catalogue.

use std::{
    collections::{HashMap, HashSet},
    ops::RangeInclusive,
};

use contracts::ContentId;
use stores::vectors::VectorFilter;
use tantivy::{
    DocId, DocSet as _, Searcher, SegmentReader, TERMINATED, Term,
    columnar::{Column, StrColumn},
    query::{EnableScoring, Scorer, Weight},
    schema::IndexRecordOption,
};

use super::{query, schema::Fields, snapshot::Snapshot};
use crate::{
    SearchError,
    conditions::{Conditions, Refused},
};

/// The bit of a tag that no title may have; the others are those of groups, of which a title has to have one each.
const REFUSED: u64 = 1 << 63;
/// The most groups that are read off the column; further ones are left to postings.
const MAX_GROUPS: usize = 63;
/// More tags than these are found in a pass over the dictionary rather than one by one.
const MAX_LOOKED_UP: usize = 8;

impl Snapshot {
    /// Those of `ids` that `conditions` let pass.
    pub(crate) fn passing(
        &self,
        ids: &[ContentId],
        conditions: &Conditions,
    ) -> Result<HashSet<ContentId>, SearchError> {
        let passing = Passing::of(&self.searcher, &self.fields, conditions)?;
        let ids = self.terms(ids);
        let mut found = HashSet::with_capacity(ids.len());
        for reader in self.searcher.segment_readers() {
            let titles = self.located(reader, &ids)?;
            if !titles.is_empty() {
                let mut passing = passing.within(reader)?;
                found.extend(titles.into_iter().filter(|(doc, _)| passing.passes(*doc)).map(|(_, id)| id));
            }
        }
        Ok(found)
    }

    /// By what [`Snapshot::located`] finds titles.
    pub(super) fn terms(&self, ids: &[ContentId]) -> Vec<(ContentId, Term)> {
        ids.iter().map(|id| (*id, Term::from_field_text(self.fields.id, &id.to_string()))).collect()
    }

    /// Those of the titles that a segment holds, in the order of its documents.
    pub(super) fn located(
        &self,
        reader: &SegmentReader,
        ids: &[(ContentId, Term)],
    ) -> Result<Vec<(DocId, ContentId)>, SearchError> {
        let index = reader.inverted_index(self.fields.id)?;
        let mut found = Vec::new();
        for (id, term) in ids {
            let Some(mut titles) = index.read_postings(term, IndexRecordOption::Basic)? else { continue };
            // A title that was written anew leaves its deleted forms behind.
            while titles.doc() != TERMINATED && reader.is_deleted(titles.doc()) {
                titles.advance();
            }
            if titles.doc() != TERMINATED {
                found.push((titles.doc(), *id));
            }
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }
}

/// Conditions, made ready for one snapshot.
pub(super) struct Passing {
    /// The bits of each tag that is named.
    tags: HashMap<String, u64>,
    /// The bits that the tags of a title must have between them.
    wanted: u64,
    years: Option<RangeInclusive<u64>>,
    /// What no column tells.
    rest: Option<Box<dyn Weight>>,
}

impl Passing {
    pub(super) fn of(searcher: &Searcher, fields: &Fields, conditions: &Conditions) -> Result<Self, SearchError> {
        let groups: Vec<&Vec<String>> = conditions.filter.any_of.iter().filter(|tags| !tags.is_empty()).collect();
        let (read, left) = groups.split_at(groups.len().min(MAX_GROUPS));
        let (mut tags, mut wanted): (HashMap<String, u64>, u64) = (HashMap::new(), 0);
        for (place, group) in read.iter().enumerate() {
            wanted |= 1 << place;
            group.iter().for_each(|tag| *tags.entry(tag.clone()).or_default() |= 1 << place);
        }
        conditions.none.tags.iter().for_each(|tag| *tags.entry(tag.clone()).or_default() |= REFUSED);
        let years = conditions.filter.years.filter(|years| years.from.is_some() || years.to.is_some());
        let rest = Conditions {
            filter: VectorFilter { any_of: left.iter().map(|group| (*group).clone()).collect(), years: None },
            none: Refused { tags: Vec::new(), ..conditions.none.clone() },
            people: conditions.people.clone(),
            phrases: conditions.phrases.clone(),
        };
        let rest = query::filtering(fields, &rest);
        Ok(Self {
            tags,
            wanted,
            years: years.map(|years| u64::from(years.from.unwrap_or(0))..=u64::from(years.to.unwrap_or(u16::MAX))),
            rest: rest.map(|query| query.weight(EnableScoring::disabled_from_searcher(searcher))).transpose()?,
        })
    }

    /// The same for the documents of one segment.
    pub(super) fn within(&self, reader: &SegmentReader) -> Result<SegmentPassing, SearchError> {
        let columns = reader.fast_fields();
        let tags = if self.tags.is_empty() { None } else { columns.str("tags")? };
        let bits = tags.as_ref().map(|tags| self.bits(tags)).transpose()?.unwrap_or_default();
        // Where no title of the segment has a year there is no column either.
        let years = match &self.years {
            Some(years) => Some((columns.column_opt("year")?, years.clone())),
            None => None,
        };
        let rest = self.rest.as_ref().map(|rest| rest.scorer(reader, 1.0)).transpose()?;
        Ok(SegmentPassing { tags, bits, wanted: self.wanted, years, rest })
    }

    /// The bits of each tag by its place in the segment's own dictionary.
    fn bits(&self, column: &StrColumn) -> Result<Vec<u64>, SearchError> {
        let dictionary = column.dictionary();
        let mut bits = vec![0; dictionary.num_terms()];
        if self.tags.len() <= MAX_LOOKED_UP {
            for (tag, meant) in &self.tags {
                if let Some(bits) = dictionary.term_ord(tag)?.and_then(|ord| bits.get_mut(ord as usize)) {
                    *bits = *meant;
                }
            }
            return Ok(bits);
        }
        let mut all = dictionary.stream()?;
        for bits in &mut bits {
            if !all.advance() {
                break;
            }
            let tag = std::str::from_utf8(all.key()).ok();
            *bits = tag.and_then(|tag| self.tags.get(tag)).copied().unwrap_or(0);
        }
        Ok(bits)
    }
}

/// [`Passing`] within one segment.
pub(super) struct SegmentPassing {
    tags: Option<StrColumn>,
    bits: Vec<u64>,
    wanted: u64,
    years: Option<(Option<Column<u64>>, RangeInclusive<u64>)>,
    rest: Option<Box<dyn Scorer>>,
}

impl SegmentPassing {
    /// Whether a document passes; none that comes before one that was asked about.
    pub(super) fn passes(&mut self, doc: DocId) -> bool {
        if let Some((column, years)) = &self.years
            && !column.as_ref().and_then(|year| year.first(doc)).is_some_and(|year| years.contains(&year))
        {
            return false;
        }
        let mut held = 0;
        for ord in self.tags.iter().flat_map(|tags| tags.ords().values_for_doc(doc)) {
            held |= self.bits.get(ord as usize).copied().unwrap_or(0);
        }
        if held & REFUSED != 0 || held & self.wanted != self.wanted {
            return false;
        }
        self.rest.as_mut().is_none_or(|rest| {
            let at = rest.doc();
            doc == if at < doc { rest.seek(doc) } else { at }
        })
    }
}

#[cfg(test)]
mod tests {
    use contracts::{Content, YearRange};
    use proptest::{prelude::*, sample::select};

    use super::*;
    use crate::{
        conditions::{credit, tags},
        facets::Counts,
        fixtures::{film, films, id, index},
        keyword::{Asked, KeywordIndex, KeywordQuery},
        text::{fold, words},
    };

    /// Several segments, titles that were written anew and one that is gone.
    fn segments() -> (tempfile::TempDir, KeywordIndex, Vec<Content>) {
        let (folder, index) = index();
        let mut undated = film(15, "Undated", 1, &["crime"], &["Al Pacino"], "A hacker learns.");
        undated.release_year = None;
        index.apply(std::slice::from_ref(&undated), &[], 8).unwrap();
        index.apply(&films()[2..5], &[id(11)], 9).unwrap();
        let mut titles = films();
        titles.push(undated);
        titles.retain(|title| title.id != id(11));
        (folder, index, titles)
    }

    fn conditions() -> impl Strategy<Value = Conditions> {
        const TAGS: &[&str] =
            &["type:movie", "genre:crime", "genre:drama", "genre:comedy", "genre:action", "genre:war", "genre:no"];
        let texts = |from: &'static [&'static str], most: usize| {
            prop::collection::vec(select(from).prop_map(str::to_owned), 0..=most)
        };
        let phrases = || {
            let phrase = select(&["a hacker learns", "crew of robbers", "al pacino", "matrix", "no such words"][..]);
            let words = |phrase: &str| phrase.split(' ').map(str::to_owned).collect::<Vec<_>>();
            prop::collection::vec(phrase.prop_map(words), 0..2)
        };
        let year = || prop::option::of(1950_u16..2020);
        let people = texts(&["al pacino", "actor:al pacino", "keanu reeves", "nobody"], 2);
        let groups = prop::collection::vec(texts(TAGS, 12), 0..3);
        let refused = (texts(TAGS, 1), texts(&["al pacino", "jim carrey"], 1), prop::option::of(1_u128..15), phrases());
        let asked = (groups, prop::option::of((year(), year())), people, phrases(), refused);
        asked.prop_map(|(any_of, years, people, phrases, (tags, refused, title, told))| Conditions {
            filter: VectorFilter { any_of, years: years.map(|(from, to)| YearRange { from, to }) },
            people,
            phrases,
            none: Refused {
                tags,
                people: refused,
                ids: title.map(|number| id(number).to_string()).into_iter().collect(),
                phrases: told,
            },
        })
    }

    /// The same, told from the titles themselves.
    fn passes(title: &Content, conditions: &Conditions) -> bool {
        let (tags, none) = (tags(title), &conditions.none);
        let tagged = |group: &[String]| group.iter().any(|tag| tags.contains(tag));
        let people: Vec<String> =
            title.credits.iter().flat_map(|c| [fold(&c.name), credit(c.role, &fold(&c.name))]).collect();
        let known = |names: &[String]| names.iter().any(|name| people.contains(name));
        let folded = |text: &str| words(text).into_iter().map(|word| word.text).collect::<Vec<_>>();
        let holds = |text: &str, phrase: &[String]| folded(text).windows(phrase.len()).any(|some| some == phrase);
        let told = |phrase: &Vec<String>| {
            let stems = |words: Vec<String>| words.iter().map(|word| query::stem(word)).collect::<Vec<_>>();
            let overview = stems(folded(title.overview.as_deref().unwrap_or_default())).join(" ");
            holds(&title.title, phrase)
                || title.credits.iter().any(|credit| holds(&credit.name, phrase))
                || format!(" {overview} ").contains(&format!(" {} ", stems(phrase.clone()).join(" ")))
        };
        let years = conditions.filter.years.filter(|years| *years != YearRange::default());
        let dated = years.is_none_or(|years| {
            let range = years.from.unwrap_or(0)..=years.to.unwrap_or(u16::MAX);
            title.release_year.is_some_and(|year| range.contains(&year))
        });
        conditions.filter.any_of.iter().all(|group| group.is_empty() || tagged(group))
            && (conditions.people.is_empty() || known(&conditions.people))
            && conditions.phrases.iter().all(told)
            && dated
            && !(tagged(&none.tags) || known(&none.people) || none.phrases.iter().any(told))
            && !none.ids.contains(&title.id.to_string())
    }

    #[test]
    fn what_passes_one_by_one_is_what_fits_the_conditions() {
        let (_folder, index, titles) = segments();
        let snapshot = index.snapshot();
        let all: Vec<ContentId> = (0..20).map(id).collect();
        proptest!(|(one in conditions())| {
            let fit = titles.iter().filter(|title| passes(title, &one)).map(|title| title.id);
            prop_assert_eq!(snapshot.passing(&all, &one).unwrap(), fit.collect::<HashSet<_>>(), "{:?}", one);
        });
    }

    /// Counted title by title.
    fn counted<'a>(titles: impl Iterator<Item = &'a Content>) -> Counts {
        let mut counts = Counts::default();
        for title in titles {
            counts.titles += 1;
            tags(title).into_iter().for_each(|tag| *counts.tags.entry(tag).or_default() += 1);
            title.release_year.into_iter().for_each(|year| *counts.years.entry(year).or_default() += 1);
        }
        counts
    }

    #[test]
    fn what_passes_is_counted_in_each_set_by_itself() {
        let (_folder, index, titles) = segments();
        let snapshot = index.snapshot();
        let word = || prop::option::of(select(&["matrix", "crew", "pacino", "comedy", "nowhere"][..]));
        let numbers = || prop::collection::vec(0_u128..20, 0..9);
        let sets = || prop::collection::vec(conditions(), 1..4);
        proptest!(|(word in word(), numbers in numbers(), sets in sets())| {
            let ids: Vec<ContentId> = numbers.into_iter().map(id).collect();
            let asked = word.map(|word| Asked {
                query: KeywordQuery { words: vec![word.to_owned()], ..KeywordQuery::default() },
                conditions: Conditions::default(),
            });
            let found = asked.as_ref().map(|asked| snapshot.search(&asked.query, &asked.conditions, 100).unwrap());
            let found: Vec<ContentId> = found.into_iter().flatten().map(|hit| hit.content_id).chain(ids.clone()).collect();
            let told = snapshot.counts_of(&ids, asked.as_ref(), &sets).unwrap();
            let naive = sets.iter().map(|set| {
                counted(titles.iter().filter(|title| found.contains(&title.id) && passes(title, set)))
            });
            prop_assert_eq!(told, naive.collect::<Vec<_>>(), "{:?} {:?} {:?}", word, ids, sets);
        });
    }

    #[test]
    fn a_title_without_a_year_lies_in_no_range() {
        let (_folder, index, _) = segments();
        let years = YearRange { from: None, to: Some(2100) };
        let dated =
            Conditions { filter: VectorFilter { any_of: Vec::new(), years: Some(years) }, ..Conditions::default() };
        let passing = index.snapshot().passing(&[id(1), id(15), id(11), id(99)], &dated).unwrap();
        assert_eq!(passing, [id(1)].into(), "nor is one that is gone");
        let told = index.snapshot().told(&[id(15)]).unwrap();
        assert_eq!(told[&id(15)].year, None, "a segment may hold no year at all");
    }
}
