//! The numbers of facets: what is beside a value is what its filter brings.
//!
//! Values of one facet are alternatives. So a facet that a filter of the request is about is counted as if that filter was
//! not there: what each of its values brings by itself (ADR 30).

use contracts::{Call, ContentId, Degraded, FacetField, Facets, Result, SearchFilters, SearchRequest, YearRange};
use futures::future::try_join_all;

use crate::{
    Search, SearchError,
    answers::ANSWERS_FOR,
    conditions::Conditions,
    facets::{facets, sort},
    keyword::Snapshot,
    languages,
    query::Plan,
    ranked::{Found, left_out},
    service::within,
};

impl Search {
    /// Counts all that was found by the facets that were asked for. Where that fails or is late there are none, and the
    /// reason is given.
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
        let counting = async { within(self.budget(call)?, self.count(call, request, plan, found, snapshot)).await };
        counting.await.unwrap_or_else(|error| (Facets::new(), vec![left_out("facets", &error)]))
    }

    /// The numbers, and what they lack. No facet waits for another: there are as many as there are facets at most.
    async fn count(
        &self,
        call: &Call,
        request: &SearchRequest,
        plan: &Plan,
        found: &Found,
        snapshot: Snapshot,
    ) -> Result<(Facets, Vec<Degraded>), SearchError> {
        let asked = FacetField::ALL.iter().filter(|field| request.facets.contains(field));
        let wider = asked.filter_map(|field| {
            let filters = without(&request.filters, *field)?;
            Some(SearchRequest { filters, facets: vec![*field], page: 1, page_size: 1, ..request.clone() })
        });
        let wider: Vec<SearchRequest> = wider.collect();
        let anew = wider.iter().map(|one| self.count_anew(call, one, plan, snapshot.clone()));
        let (mut counted, anew) = tokio::try_join!(self.tally(request, found, snapshot.clone()), try_join_all(anew))?;
        let mut lacking = Vec::new();
        for (facets, lacks) in anew {
            for (field, others) in facets {
                // What is ticked counts what is shown of it, also where it is asked for against what the words say.
                let (values, ticked) = (counted.entry(field).or_default(), ticked(&request.filters, field));
                values.retain(|value| ticked.contains(&value.value));
                let known: Vec<String> = values.iter().map(|value| value.value.clone()).collect();
                values.extend(others.into_iter().filter(|value| !known.contains(&value.value)));
                sort(values);
            }
            lacking.extend(lacks);
        }
        Ok((counted, lacking))
    }

    /// The numbers of another search, which nobody is shown: of the same words, as `plan` read them.
    async fn count_anew(
        &self,
        call: &Call,
        request: &SearchRequest,
        plan: &Plan,
        snapshot: Snapshot,
    ) -> Result<(Facets, Vec<Degraded>), SearchError> {
        // What is kept is of the words as they are read when nothing is lacking.
        let asked = serde_json::to_string(request).ok().filter(|_| self.lacks_nothing(&plan.lacking));
        let place = asked.and_then(|asked| self.place(call, "facet", &asked));
        if let Some(place) = &place
            && let Some(kept) = self.kept(place).await
        {
            return Ok((kept, Vec::new()));
        }
        let plan = plan.clone().narrowed(&request.filters, request.region).suiting(call);
        let found = self.found(&plan, request, snapshot.clone(), 1, self.budget(call)?).await?;
        let counted = self.tally(request, &found, snapshot).await?;
        if let Some(place) = place.filter(|_| self.lacks_nothing(&found.degraded)) {
            self.keep(place, &counted, ANSWERS_FOR).await;
        }
        Ok((counted, found.degraded))
    }

    /// Counts what was found.
    async fn tally(&self, request: &SearchRequest, found: &Found, snapshot: Snapshot) -> Result<Facets, SearchError> {
        let counts = if let Some(demand) = found.demand.clone() {
            self.blocking("counting", move || snapshot.counts_of_all(&demand)).await?
        } else {
            let ids: Vec<ContentId> = found.fused.iter().map(|title| title.content_id).collect();
            let more = found.more.clone();
            let all = [Conditions::default()];
            let counts = self.blocking("counting", move || snapshot.counts_of(&ids, more.as_ref(), &all));
            counts.await?.pop().unwrap_or_default()
        };
        Ok(facets(&counts, &request.facets, request.region))
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
    use super::*;

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
