//! (pure) Rows of titles to look around in, from what the catalogue holds: which rows there are, and what makes each.

use std::collections::BTreeMap;

use contracts::{
    ContentId, CreditRole, Region, SearchFilters, SearchRequest, SortOrder, Wording, YearRange, genres, platforms,
};

use crate::{
    conditions::{Conditions, conditions, credit},
    facets::Counts,
    shelves::Shelves,
    text::fold,
};

/// Titles of a row, and the fewest that make one.
pub(crate) const ROW_LENGTH: usize = 15;
pub(crate) const SHORTEST_ROW: usize = 3;
/// How many rows of each sort; with [`ROW_LENGTH`] they stay below what one call of the catalogue takes.
const MAX_SERVICES: usize = 8;
const MAX_GENRES: usize = 8;
const MAX_DECADES: usize = 5;

/// What a row shows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Items {
    /// The most popular titles that pass.
    Popular(Conditions),
    /// What the search of the row begins with, at most so many: those that a service says when it added.
    Added(usize),
    /// These.
    These(Vec<ContentId>),
}

/// A row before its titles are fetched.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub id: String,
    pub title: String,
    pub reason: String,
    pub about: Wording,
    pub search: SearchRequest,
    pub items: Items,
}

/// The row of what is searched for; everything that is here can be.
pub(crate) fn trending(ids: Vec<ContentId>, region: Option<Region>) -> Row {
    Row {
        id: "trending".to_owned(),
        title: "Searched for these days".to_owned(),
        reason: "What people searched for by name in the last three days".to_owned(),
        about: Wording::new("trending", []),
        search: SearchRequest { region, sort: SortOrder::Trending, ..SearchRequest::default() },
        items: Items::These(ids),
    }
}

/// The rows for `region`, from the counts of all that is offered there.
pub(crate) fn rows(shelves: &Shelves, counts: &Counts, region: Option<Region>) -> Vec<Row> {
    let words = ("Popular".to_owned(), "The most votes over all sources".to_owned());
    let mut rows = vec![popular("popular", words, Wording::new("popular", []), SearchFilters::default(), region)];
    for (platform, titles) in shelves.added.services(region).into_iter().take(MAX_SERVICES) {
        let name = platforms::name(platform);
        let filters = SearchFilters { platforms: vec![platform.to_owned()], ..SearchFilters::default() };
        rows.push(Row {
            id: format!("added:{platform}"),
            title: format!("Recently added on {name}"),
            reason: format!("The newest by the date on which {name} says it added them"),
            about: Wording::new("added", [("platform", platform.to_owned()), ("name", name.to_owned())]),
            search: SearchRequest { filters, region, sort: SortOrder::RecentlyAdded, ..SearchRequest::default() },
            items: Items::Added(titles.min(ROW_LENGTH)),
        });
    }
    rows.extend(by_genre(counts, region));
    rows.extend(by_decade(counts, region));
    rows.extend(shelves.directors.iter().map(|name| directed_by(name, region)));
    rows
}

fn popular(
    id: &str,
    (title, reason): (String, String),
    about: Wording,
    filters: SearchFilters,
    region: Option<Region>,
) -> Row {
    Row {
        id: id.to_owned(),
        title,
        reason,
        about,
        items: Items::Popular(conditions(&filters, region)),
        search: SearchRequest { filters, region, ..SearchRequest::default() },
    }
}

fn by_genre(counts: &Counts, region: Option<Region>) -> Vec<Row> {
    let held = counts.tags.iter().filter_map(|(tag, count)| Some((tag.strip_prefix("genre:")?, *count)));
    let mut held: Vec<(&str, u64)> = held.filter(|(_, count)| *count >= SHORTEST_ROW as u64).collect();
    held.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let row = |(id, count): (&str, u64)| {
        let name = genres::name(id).unwrap_or(id);
        let filters = SearchFilters { genres: vec![id.to_owned()], ..SearchFilters::default() };
        let words = (format!("Popular in {name}"), format!("The most votes of {count} titles in {name}"));
        let about = Wording::new("genre", [("genre", id.to_owned()), ("count", count.to_string())]);
        popular(&format!("genre:{id}"), words, about, filters, region)
    };
    held.into_iter().take(MAX_GENRES).map(row).collect()
}

fn by_decade(counts: &Counts, region: Option<Region>) -> Vec<Row> {
    let mut decades: BTreeMap<u16, u64> = BTreeMap::new();
    for (year, count) in &counts.years {
        *decades.entry(year - year % 10).or_default() += count;
    }
    let row = |(decade, count): (u16, u64)| {
        let years = YearRange { from: Some(decade), to: Some(decade + 9) };
        let filters = SearchFilters { year_range: Some(years), ..SearchFilters::default() };
        let words =
            (format!("Popular from the {decade}s"), format!("The most votes of {count} titles from the {decade}s"));
        let about = Wording::new("decade", [("decade", decade.to_string()), ("count", count.to_string())]);
        popular(&format!("decade:{decade}"), words, about, filters, region)
    };
    let long = decades.into_iter().rev().filter(|(_, count)| *count >= SHORTEST_ROW as u64);
    long.take(MAX_DECADES).map(row).collect()
}

fn directed_by(name: &str, region: Option<Region>) -> Row {
    let folded = fold(name);
    let everywhere = conditions(&SearchFilters::default(), region);
    Row {
        id: format!("director:{folded}"),
        title: format!("Directed by {name}"),
        reason: format!("{name} directed them; the most votes first"),
        about: Wording::new("director", [("name", name.to_owned())]),
        search: SearchRequest {
            query: format!("directed by {name}"),
            region,
            sort: SortOrder::Popular,
            ..SearchRequest::default()
        },
        items: Items::Popular(Conditions { people: vec![credit(CreditRole::Director, &folded)], ..everywhere }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fixtures, keyword::TitleDoc};

    fn docs() -> Vec<TitleDoc> {
        let mut docs: Vec<TitleDoc> = fixtures::films().iter().map(TitleDoc::of).collect();
        let us: Region = "US".parse().unwrap();
        let de: Region = "DE".parse().unwrap();
        for (place, doc) in docs.iter_mut().enumerate() {
            doc.added = vec![("netflix".to_owned(), if place % 2 == 0 { us } else { de }, place as i64)];
        }
        for doc in &mut docs[..4] {
            doc.people = vec![("Agnès Varda".to_owned(), CreditRole::Director)];
        }
        docs
    }

    #[test]
    fn rows_come_from_what_is_held() {
        let counts = Counts {
            titles: 14,
            tags: [("genre:crime".to_owned(), 9), ("genre:war".to_owned(), 2), ("type:movie".to_owned(), 14)].into(),
            years: [(1989, 2), (1990, 2), (1999, 3), (2003, 9)].into(),
        };
        let shelves = Shelves::build(&docs());
        let of = |region: Option<Region>| rows(&shelves, &counts, region);
        let rows = of(None);
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        let expected =
            ["popular", "added:netflix", "genre:crime", "decade:2000", "decade:1990", "director:agnes varda"];
        assert_eq!(ids, expected, "two titles make no row");
        assert_eq!(rows[1].title, "Recently added on Netflix");
        assert!(rows.iter().all(|row| !row.reason.is_empty() && row.search.page == 1));
        assert_eq!((&rows[1].items, rows[1].search.sort), (&Items::Added(14), SortOrder::RecentlyAdded));
        let here = of("DE".parse().ok());
        assert_eq!(here[1].items, Items::Added(7), "one of two was added there");
        assert!(here.iter().all(|row| row.search.region.is_some()));
    }

    #[test]
    fn the_last_date_counts_on_the_services_and_in_the_place_that_are_asked_for() {
        let mut docs = docs();
        let de: Region = "DE".parse().unwrap();
        docs[0].added = vec![("hulu".to_owned(), Region::US, 5), ("hulu".to_owned(), de, 9), ("max".to_owned(), de, 7)];
        docs[1].added = Vec::new();
        docs[2].added = vec![("hulu".to_owned(), Region::US, -4)];
        let added = Shelves::build(&docs).added;
        let last = |doc: usize, platforms: &[&str], region: Option<Region>| {
            let platforms: Vec<String> = platforms.iter().map(|id| (*id).to_owned()).collect();
            added.last(&docs[doc].id, &platforms, region)
        };
        assert_eq!((last(0, &[], None), last(0, &["hulu"], Some(Region::US)), last(0, &["max"], None)), (10, 6, 8));
        assert_eq!((last(0, &["max"], Some(Region::US)), last(1, &[], None)), (0, 0), "not known");
        assert_eq!(last(2, &[], None), 1, "before 1970 is known, and long ago");
        let services = added.services(None);
        assert_eq!(services[..2], [("netflix", 11), ("hulu", 2)], "a title counts once: {services:?}");
    }
}
