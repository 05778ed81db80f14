//! The numbers of facets: what is beside a value is what its filter brings.
//!
//! Values of one facet are alternatives. So a facet that a filter of the request is about is counted as if that filter was
//! not there: what each of its values brings by itself (ADR 30). Filters narrow what is found without them, and bring
//! nothing in: one search without any finds what all of these facets count.

use std::time::{Duration, Instant};

use contracts::{Call, ContentId, Degraded, FacetField, Facets, Result, SearchFilters, SearchRequest, YearRange};
use futures::{
    future::{BoxFuture, FutureExt as _},
    stream::{self, StreamExt as _},
};

use crate::{
    Search, SearchError,
    answers::{ANSWERS_FOR, Place},
    conditions::Conditions,
    facets::{Counts, facets, sort},
    keyword::Snapshot,
    languages,
    ordered::listed,
    query::{Plan, QueryKind},
    ranked::{Found, left_out},
    service::within,
};

/// How many more searches are made at once to count what they find: each takes as many threads as any search.
const AT_ONCE: usize = 2;
/// Of the time that is left, what the sources of such a search may take: what they found has to be counted too.
const FINDING_SHARE: f64 = 0.8;

/// A search that finds what these facets count, and perhaps more.
struct Wider {
    plan: Plan,
    /// As it would be asked for the first of them.
    request: SearchRequest,
    facets: Vec<Facet>,
}

/// A facet, what a title that it counts has to be beyond being found, and where its numbers are kept.
struct Facet {
    field: FacetField,
    among: Conditions,
    place: Option<Place>,
}

impl Search {
    /// Counts all that was found by the facets that were asked for. What fails or is late is left out, and the reason
    /// is given.
    pub(crate) async fn facets(
        &self,
        call: &Call,
        request: &SearchRequest,
        plan: &Plan,
        found: &Found,
        snapshot: Snapshot,
    ) -> (Facets, Vec<Degraded>) {
        if request.facets.is_empty() {
            return (Facets::new(), Vec::new());
        }
        let until = match self.budget(call) {
            Ok(budget) => Instant::now() + budget,
            Err(error) => return (Facets::new(), vec![left_out("facets", &SearchError::from(error))]),
        };
        // Few searches count; in the others it would be most of what they carry.
        Box::pin(self.count(call, request, plan, found, snapshot, until)).await
    }

    /// The numbers that are there by then, and what they lack.
    async fn count(
        &self,
        call: &Call,
        request: &SearchRequest,
        plan: &Plan,
        found: &Found,
        snapshot: Snapshot,
        until: Instant,
    ) -> (Facets, Vec<Degraded>) {
        let shown = by(until, async {
            let counts = self.counts(found, vec![Conditions::default()], snapshot.clone()).await?.pop();
            Ok::<_, SearchError>(facets(&counts.unwrap_or_default(), &request.facets, request.region))
        });
        let (shown, (wider, mut lacking)) =
            tokio::join!(shown, self.count_wider(call, request, plan, snapshot.clone(), until));
        let is_shown = shown.is_ok();
        let mut counted = shown.unwrap_or_else(|error| {
            lacking.push(left_out("facets", &error));
            Facets::new()
        });
        // Of what could be counted in neither way nothing is said, rather than that there is none.
        for (field, others) in wider.into_iter().filter(|(_, others)| is_shown || !others.is_empty()) {
            // What is ticked counts what is shown of it, also where it is asked for against what the words say.
            let (values, ticked) = (counted.entry(field).or_default(), ticked(&request.filters, field));
            values.retain(|value| ticked.contains(&value.value));
            let known: Vec<String> = values.iter().map(|value| value.value.clone()).collect();
            values.extend(others.into_iter().filter(|value| !known.contains(&value.value)));
            sort(values);
        }
        (counted, lacking)
    }

    /// The numbers of each facet that a filter is about, as if that filter was not there.
    async fn count_wider(
        &self,
        call: &Call,
        request: &SearchRequest,
        plan: &Plan,
        snapshot: Snapshot,
        until: Instant,
    ) -> (Facets, Vec<Degraded>) {
        let (mut counted, mut lacking, mut searches) = (Facets::new(), Vec::new(), Vec::new());
        for field in FacetField::ALL {
            let filters = without(&request.filters, *field).filter(|_| request.facets.contains(field));
            let Some(filters) = filters else { continue };
            let asked = SearchRequest { filters, facets: vec![*field], page: 1, page_size: 1, ..request.clone() };
            // What is kept is of the words as they are read when nothing is lacking.
            let words = serde_json::to_string(&asked).ok().filter(|_| self.lacks_nothing(&plan.lacking));
            let place = words.and_then(|words| self.place(call, "facet", &words));
            if let Some(place) = &place
                && let Some(kept) = self.kept::<Facets>(place).await
            {
                counted.extend(kept);
                continue;
            }
            let plan = plan.clone().narrowed(&asked.filters, asked.region).suiting(call);
            join(&mut searches, plan, asked, *field, place);
        }
        let counting = searches.into_iter().map(|wider| self.count_by(until, wider, snapshot.clone()).boxed());
        let counting: Vec<BoxFuture<'_, (Facets, Vec<Degraded>)>> = counting.collect();
        let mut counting = stream::iter(counting).buffered(AT_ONCE);
        while let Some((facets, lacks)) = counting.next().await {
            counted.extend(facets);
            lacking.extend(lacks);
        }
        (counted, lacking)
    }

    /// The numbers of a search that nobody is shown. Where it fails or is late, its facets have no values.
    async fn count_by(&self, until: Instant, wider: Wider, snapshot: Snapshot) -> (Facets, Vec<Degraded>) {
        let none: Facets = wider.facets.iter().map(|facet| (facet.field, Vec::new())).collect();
        let finding = until.saturating_duration_since(Instant::now()).mul_f64(FINDING_SHARE);
        let counted = by(until, self.count_anew(finding, wider, snapshot)).await;
        counted.unwrap_or_else(|error| (none, vec![left_out("facets", &error)]))
    }

    /// The numbers of such a search, and what it lacked.
    async fn count_anew(
        &self,
        finding: Duration,
        wider: Wider,
        snapshot: Snapshot,
    ) -> Result<(Facets, Vec<Degraded>), SearchError> {
        let found = match listed(&wider.plan, wider.request.sort) {
            Some(demand) => Found { demand: Some(demand), ..Found::default() },
            None => Box::pin(self.found(&wider.plan, &wider.request, snapshot.clone(), 1, finding)).await?,
        };
        let among = wider.facets.iter().map(|facet| facet.among.clone()).collect();
        let counts = self.counts(&found, among, snapshot).await?;
        let mut counted = Facets::new();
        for (facet, counts) in wider.facets.into_iter().zip(&counts) {
            let numbers = facets(counts, &[facet.field], wider.request.region);
            if let Some(place) = facet.place.filter(|_| self.lacks_nothing(&found.degraded)) {
                self.keep(place, &numbers, ANSWERS_FOR).await;
            }
            counted.extend(numbers);
        }
        Ok((counted, found.degraded))
    }

    /// Counts what was found: for each of `sets` what passes it.
    async fn counts(
        &self,
        found: &Found,
        sets: Vec<Conditions>,
        snapshot: Snapshot,
    ) -> Result<Vec<Counts>, SearchError> {
        if let Some(demand) = found.demand.clone() {
            return self.blocking("counting", move || snapshot.counts_of_all(&demand, &sets)).await;
        }
        let ids: Vec<ContentId> = found.fused.iter().map(|title| title.content_id).collect();
        let more = found.more.clone();
        self.blocking("counting", move || snapshot.counts_of(&ids, more.as_ref(), &sets)).await
    }
}

/// What `work` comes to, unless that takes longer than until then.
async fn by<T>(until: Instant, work: impl Future<Output = Result<T, SearchError>>) -> Result<T, SearchError> {
    within(until.saturating_duration_since(Instant::now()), work).await
}

/// Has a facet counted off a search that is made anyway, or off one more. What is ranked is found without filters, once for
/// all. A sorted list is narrowed by its filters first, which takes less time than to look at what they leave out; and the
/// nearest of a list that is cut off are others with each filter.
fn join(searches: &mut Vec<Wider>, plan: Plan, request: SearchRequest, field: FacetField, place: Option<Place>) {
    let ranked = plan.kind != QueryKind::Browse && request.sort.is_relevance();
    let (filter, scope) = match (ranked, &plan.scope) {
        (true, Some(scope)) => (scope.clone(), None),
        (_, scope) => (plan.filter.clone(), scope.clone()),
    };
    let facet = Facet { field, among: plan.filter.clone().beyond(&filter), place };
    match searches.iter_mut().find(|known| ranked && known.plan.filter == filter) {
        Some(known) => known.facets.push(facet),
        None => searches.push(Wider { plan: Plan { filter, scope, ..plan }, request, facets: vec![facet] }),
    }
}

/// The filters but the one that is about `field`; `None` where there is none.
fn without(filters: &SearchFilters, field: FacetField) -> Option<SearchFilters> {
    let mut rest = filters.clone();
    match field {
        FacetField::Genres => rest.genres.clear(),
        FacetField::ContentTypes => rest.content_types.clear(),
        FacetField::Decades => rest.year_range = None,
        FacetField::Platforms => rest.platforms.clear(),
        FacetField::Languages => rest.languages.clear(),
    }
    (rest != *filters).then_some(rest)
}

/// The values of `field` that the filters ask for.
fn ticked(filters: &SearchFilters, field: FacetField) -> Vec<String> {
    match field {
        FacetField::Genres => filters.genres.clone(),
        FacetField::ContentTypes => filters.content_types.iter().map(ToString::to_string).collect(),
        FacetField::Decades => filters.year_range.and_then(decade).into_iter().collect(),
        FacetField::Platforms => filters.platforms.clone(),
        FacetField::Languages => filters.languages.iter().map(|language| languages::code(language)).collect(),
    }
}

/// The decade that a range of years is.
fn decade(years: YearRange) -> Option<String> {
    let from = years.from.filter(|from| from.is_multiple_of(10))?;
    (years.to == Some(from + 9)).then(|| from.to_string())
}

#[cfg(test)]
mod tests {
    use contracts::{ContentType, ParsedIntent, SortOrder};

    use super::*;
    use crate::conditions::conditions;

    /// The conditions of each search that is made, with the facets that it is counted for, and what these are counted among.
    fn searches(
        said: &ParsedIntent,
        kind: QueryKind,
        request: &SearchRequest,
    ) -> Vec<(Conditions, Vec<(FacetField, Conditions)>)> {
        let mut searches = Vec::new();
        for field in FacetField::ALL {
            let Some(filters) = without(&request.filters, *field) else { continue };
            let plan = Plan::of(kind, said.clone()).narrowed(&filters, None);
            join(&mut searches, plan, SearchRequest { filters, ..request.clone() }, *field, None);
        }
        let facets = |facets: Vec<Facet>| facets.into_iter().map(|facet| (facet.field, facet.among)).collect();
        searches.into_iter().map(|search| (search.plan.filter, facets(search.facets))).collect()
    }

    #[test]
    fn facets_are_counted_off_as_few_searches_as_find_what_they_count() {
        let nineties = YearRange { from: Some(1990), to: Some(1999) };
        let (crime, series) = (vec!["crime".to_owned()], vec![ContentType::TvShow]);
        let filters = SearchFilters { genres: crime, year_range: Some(nineties), ..SearchFilters::default() };
        let of = |filters: &SearchFilters| conditions(filters, None);
        let genres = of(&SearchFilters { year_range: None, ..filters.clone() });
        let decades = of(&SearchFilters { genres: Vec::new(), ..filters.clone() });
        let request = SearchRequest { filters: filters.clone(), ..SearchRequest::default() };
        let said = ParsedIntent::default();
        let narrowed = vec![(FacetField::Genres, decades.clone()), (FacetField::Decades, genres.clone())];
        let one = vec![(Conditions::default(), narrowed)];
        assert_eq!(searches(&said, QueryKind::Text, &request), one, "both are counted off the one without filters");
        // A list is found as quickly with its filters, which then leave nothing out.
        let each = |conditions: Conditions, field| (conditions, vec![(field, Conditions::default())]);
        let listed = vec![each(decades, FacetField::Genres), each(genres, FacetField::Decades)];
        assert_eq!(searches(&said, QueryKind::Browse, &request), listed);
        let newest = SearchRequest { sort: SortOrder::Newest, ..request.clone() };
        assert_eq!(searches(&said, QueryKind::Like, &newest), listed);
        // Series, where the words say films: only without that filter do the words hold.
        let against = SearchFilters { content_types: series, ..filters };
        let films = ParsedIntent { content_types: vec![ContentType::Movie], ..ParsedIntent::default() };
        let found = searches(&films, QueryKind::Text, &SearchRequest { filters: against, ..request });
        let told: Vec<(bool, usize)> = found.iter().map(|(all, facets)| (all.is_empty(), facets.len())).collect();
        assert_eq!(told, [(true, 2), (false, 1)], "{found:?}");
    }

    #[test]
    fn a_filter_is_about_its_own_facet() {
        let years = |from, to| Some(YearRange { from: Some(from), to: Some(to) });
        let filters = SearchFilters {
            genres: vec!["crime".to_owned()],
            year_range: years(1990, 1999),
            languages: vec!["French".to_owned(), "ko".to_owned()],
            ..SearchFilters::default()
        };
        let told = |field: FacetField| (ticked(&filters, field), without(&filters, field));
        assert_eq!(told(FacetField::Genres).0, ["crime"]);
        assert_eq!(told(FacetField::Decades).0, ["1990"]);
        assert_eq!(told(FacetField::Languages).0, ["fr", "ko"]);
        assert_eq!((told(FacetField::Platforms), told(FacetField::ContentTypes)), ((vec![], None), (vec![], None)));
        let rest = told(FacetField::Decades).1.unwrap();
        assert_eq!((rest.year_range, &rest.genres), (None, &filters.genres));
        for range in [years(1990, 2009), years(1991, 2000), None] {
            let filters = SearchFilters { year_range: range, ..SearchFilters::default() };
            assert!(ticked(&filters, FacetField::Decades).is_empty(), "{range:?}");
        }
    }
}
