//! (pure) What rows of titles are made from beyond counts: who directed what is popular, and when services added what.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use contracts::{ContentId, CreditRole, Region};

use crate::{changes::Changes, discover::ROW_LENGTH, graph::hash, keyword::TitleDoc};

/// How many directors get a row, and the fewest titles of one who does.
const MAX_DIRECTORS: usize = 4;
const FEWEST_DIRECTED: usize = 4;

/// What the rows are made from: all titles as they were read at once, and over that what changed since. Immutable once
/// built.
#[derive(Default)]
pub(crate) struct Shelves {
    base: Arc<Directed>,
    /// Directors, those first whose best titles are the most popular.
    pub directors: Vec<String>,
    /// When each service added what.
    pub added: Added,
}

impl Shelves {
    /// Reads them off the catalogue's titles.
    pub(crate) fn build(docs: &[TitleDoc]) -> Self {
        let (base, added) = (Arc::new(Directed::build(docs)), Added::build(docs));
        Self { directors: base.after(&Changes::default()), base, added }
    }

    /// The shelves after `changes` of the titles that they were built from.
    pub(crate) fn after(&self, changes: &Changes) -> Self {
        Self { base: Arc::clone(&self.base), directors: self.base.after(changes), added: self.added.after(changes) }
    }
}

/// When each service added a title where, in seconds of Unix time.
type Dates = Vec<(Arc<str>, Region, i64)>;
/// How many titles have a date on a service, in a region and (under `None`) anywhere.
type Places = HashMap<(Arc<str>, Option<Region>), usize>;

/// When services added which titles, as far as their sources say it.
#[derive(Default)]
pub(crate) struct Added {
    base: Arc<(HashMap<ContentId, Dates>, Places)>,
    /// The dates of those that changed since, also where they have none now.
    over: HashMap<ContentId, Dates>,
    titles: Places,
}

impl Added {
    fn build(docs: &[TitleDoc]) -> Self {
        let (mut dates, mut titles, mut services) = (HashMap::new(), Places::new(), HashSet::new());
        for doc in docs.iter().filter(|doc| !doc.added.is_empty()) {
            dates.insert(doc.id, dates_of(doc, &mut services));
            count(&mut titles, doc, &mut services, 1);
        }
        Self { titles: titles.clone(), base: Arc::new((dates, titles)), over: HashMap::new() }
    }

    fn after(&self, changes: &Changes) -> Self {
        let (mut over, mut titles, mut services) = (HashMap::new(), self.base.1.clone(), HashSet::new());
        for (id, change) in changes.iter().filter(|(_, change)| !change.keeps(|doc| &doc.added)) {
            over.insert(*id, change.is.as_ref().map_or_else(Vec::new, |doc| dates_of(doc, &mut services)));
        }
        for (doc, by) in changes.counted() {
            count(&mut titles, doc, &mut services, by as isize);
        }
        titles.retain(|_, titles| *titles > 0);
        Self { base: Arc::clone(&self.base), over, titles }
    }

    /// When a title was last added, on one of these services (on any where there are none) and in this region: larger is
    /// later, 0 is not known.
    pub(crate) fn last(&self, id: &ContentId, platforms: &[String], region: Option<Region>) -> u64 {
        let here = |(platform, place, _): &&(Arc<str>, Region, i64)| {
            (platforms.is_empty() || platforms.iter().any(|asked| **asked == **platform))
                && region.is_none_or(|region| region == *place)
        };
        let dates = self.over.get(id).or_else(|| self.base.0.get(id)).into_iter().flatten().filter(here);
        dates.map(|(_, _, second)| second.max(&0).unsigned_abs() + 1).max().unwrap_or(0)
    }

    /// The services with dates in a region, those with the most first.
    pub(crate) fn services(&self, region: Option<Region>) -> Vec<(&str, usize)> {
        let here = self.titles.iter().filter(|((_, place), _)| *place == region);
        let mut services: Vec<(&str, usize)> = here.map(|((platform, _), titles)| (&**platform, *titles)).collect();
        services.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        services
    }
}

/// The name of a service, shared by all titles of it.
fn shared(services: &mut HashSet<Arc<str>>, name: &str) -> Arc<str> {
    if let Some(known) = services.get(name) {
        return Arc::clone(known);
    }
    let new: Arc<str> = name.into();
    services.insert(Arc::clone(&new));
    new
}

fn dates_of(doc: &TitleDoc, services: &mut HashSet<Arc<str>>) -> Dates {
    doc.added.iter().map(|(platform, region, second)| (shared(services, platform), *region, *second)).collect()
}

/// Counts a title once for each place that it has a date in.
fn count(titles: &mut Places, doc: &TitleDoc, services: &mut HashSet<Arc<str>>, by: isize) {
    let mut places = HashSet::new();
    for (platform, region, _) in &doc.added {
        let name = shared(services, platform);
        places.extend([(Arc::clone(&name), Some(*region)), (name, None)]);
    }
    for place in places {
        let titles = titles.entry(place).or_default();
        *titles = titles.saturating_add_signed(by);
    }
}

/// Who directed what, by how popular that is (from 0 to 1).
#[derive(Default)]
struct Directed {
    /// Those with enough titles for a row and what their best come to, the most first.
    ranked: Vec<(String, f32)>,
    /// The hash of the name of each who directed a title, sorted, and beside it how popular that title is.
    names: Vec<u64>,
    popular: Vec<f32>,
}

impl Directed {
    fn build(docs: &[TitleDoc]) -> Self {
        let mut directed: BTreeMap<&str, Vec<f32>> = BTreeMap::new();
        for doc in docs {
            for name in directors(doc) {
                directed.entry(name).or_default().push(doc.popularity());
            }
        }
        let mut credits: Vec<(u64, f32)> = Vec::new();
        let mut ranked: Vec<(String, f32)> = Vec::new();
        for (name, popular) in directed {
            let name_hash = hash(name);
            credits.extend(popular.iter().map(|popular| (name_hash, *popular)));
            ranked.extend(worth(popular).map(|worth| (name.to_owned(), worth)));
        }
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        credits.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let (names, popular) = credits.into_iter().unzip();
        Self { ranked, names, popular }
    }

    /// How popular each title is that somebody directed.
    fn popular(&self, name: &str) -> Vec<f32> {
        let name = hash(name);
        let from = self.names.partition_point(|known| *known < name);
        let to = self.names.partition_point(|known| *known <= name);
        self.popular[from..to].to_vec()
    }

    /// Those who get a row after `changes`, the best first.
    fn after(&self, changes: &Changes) -> Vec<String> {
        let mut changed: BTreeMap<&str, Vec<f32>> = BTreeMap::new();
        for (doc, by) in changes.counted() {
            for name in directors(doc) {
                let popular = changed.entry(name).or_insert_with(|| self.popular(name));
                let place = popular.iter().position(|known| *known == doc.popularity());
                if by > 0 {
                    popular.push(doc.popularity());
                } else if let Some(place) = place {
                    popular.swap_remove(place);
                }
            }
        }
        let stay = self.ranked.iter().filter(|(name, _)| !changed.contains_key(name.as_str())).take(MAX_DIRECTORS);
        let mut best: Vec<(&str, f32)> = stay.map(|(name, worth)| (name.as_str(), *worth)).collect();
        best.extend(changed.iter().filter_map(|(name, popular)| Some((*name, worth(popular.clone())?))));
        best.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        best.into_iter().take(MAX_DIRECTORS).map(|(name, _)| name.to_owned()).collect()
    }
}

fn directors(doc: &TitleDoc) -> impl Iterator<Item = &str> {
    doc.people.iter().filter(|(_, role)| *role == CreditRole::Director).map(|(name, _)| name.as_str())
}

/// What the best of these titles come to, where they are enough for a row.
fn worth(mut popular: Vec<f32>) -> Option<f32> {
    popular.sort_unstable_by(|a, b| b.total_cmp(a));
    (popular.len() >= FEWEST_DIRECTED).then(|| popular.iter().take(ROW_LENGTH).sum())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixtures::{changes, film, histories, id};

    proptest! {
        #[test]
        fn what_changed_is_shelved_as_if_all_were_read_anew((before, after) in histories()) {
            let (followed, whole) = (Shelves::build(&before).after(&changes(&before, &after)), Shelves::build(&after));
            prop_assert_eq!(&followed.directors, &whole.directors);
            for region in [None, Some(Region::US), "DE".parse().ok()] {
                prop_assert_eq!(followed.added.services(region), whole.added.services(region));
                for id in (1..25).map(id) {
                    let last = |shelves: &Shelves| shelves.added.last(&id, &["hulu".to_owned()], region);
                    prop_assert_eq!(last(&followed), last(&whole));
                }
            }
        }
    }

    #[test]
    fn directors_come_and_go_with_their_titles() {
        let of = |name: &str, numbers: std::ops::RangeInclusive<u128>| -> Vec<TitleDoc> {
            numbers.map(|number| TitleDoc::of(&film(number, "Film", 2000, &[], &[name], ""))).collect()
        };
        let before = [of("Ann", 1..=5), of("Bo", 6..=9), of("Cy", 10..=12)].concat();
        let shelves = Shelves::build(&before);
        assert_eq!(shelves.directors, ["Ann", "Bo"]);
        let after = [of("Ann", 1..=5), of("Bo", 6..=8), of("Cy", 9..=14)].concat();
        assert_eq!(shelves.after(&changes(&before, &after)).directors, ["Cy", "Ann"]);
    }
}
