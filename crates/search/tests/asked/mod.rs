//! What people ask: filters, facets, intents and suggestions over the whole service.

use contracts::{ErrorKind, FacetField, SearchApi, SearchFilters, SearchRequest, SearchResponse};
use testkit::call;

use crate::{
    titles,
    world::{World, films},
};

#[tokio::test]
async fn facets_count_all_matches_and_new_filters_hold() {
    let mut films = films();
    films[2].runtime_minutes = Some(170);
    films[2].languages = vec!["English".to_owned()];
    films[5].runtime_minutes = Some(122);
    films[5].languages = vec!["French".to_owned()];
    films[2].rating = Some((8.3, 100));
    films[5].rating = Some((8.2, 100));
    let world = World::with(films).await;
    let running = world.start(true).await;
    let all = SearchRequest { facets: FacetField::ALL.to_vec(), page_size: 1, ..SearchRequest::default() };
    let found = running.search(&all).await;
    let count = |found: &SearchResponse, field: FacetField, value: &str| {
        found.facets[&field].iter().find(|facet| facet.value == value).map(|facet| (facet.label.clone(), facet.count))
    };
    let of = |label: &str, count: u64| Some((label.to_owned(), count));
    assert_eq!((found.results.len(), found.total_count, found.total_count_is_capped), (1, 9, false));
    assert_eq!(count(&found, FacetField::Genres, "crime"), of("Crime", 3), "over all matches, not the page");
    assert_eq!(count(&found, FacetField::ContentTypes, "tv_show"), of("Series", 1));
    assert_eq!(count(&found, FacetField::Decades, "1990"), of("1990s", 3));
    assert_eq!(count(&found, FacetField::Platforms, "netflix"), of("Netflix", 2));
    assert_eq!(count(&found, FacetField::Languages, "fr"), of("French", 1));
    let here = running.search(&SearchRequest { region: "DE".parse().ok(), ..all.clone() }).await;
    assert_eq!(count(&here, FacetField::Platforms, "netflix"), of("Netflix", 1));
    let pacino = running.search(&SearchRequest { query: "al pacino".to_owned(), ..all.clone() }).await;
    let crime: u64 = count(&pacino, FacetField::Genres, "crime").unwrap().1;
    assert!(crime >= 2 && crime <= pacino.total_count, "{:?}", pacino.facets);
    assert!(running.ask("heat").await.facets.is_empty(), "nothing is counted that nobody asked for");

    let with = |query: &str, filters: SearchFilters| SearchRequest { query: query.to_owned(), filters, ..all.clone() };
    let none = SearchFilters::default;
    let table = [
        ("", SearchFilters { people: vec!["AL PACINO".to_owned()], ..none() }, vec!["Heat", "Scarface"]),
        ("robbers", SearchFilters { people: vec!["al pacino".to_owned()], ..none() }, vec!["Heat", "Scarface"]),
        ("", SearchFilters { languages: vec!["fr".to_owned()], ..none() }, vec!["Amélie"]),
        ("a waitress", SearchFilters { languages: vec!["French".to_owned()], ..none() }, vec!["Amélie"]),
        ("", SearchFilters { min_rating: Some(8.3), ..none() }, vec!["Heat"]),
        ("life", SearchFilters { max_runtime_minutes: Some(122), ..none() }, vec!["Amélie"]),
    ];
    for (query, filters, expected) in table {
        let found = running.search(&SearchRequest { page_size: 20, ..with(query, filters.clone()) }).await;
        let mut found = titles(&found);
        found.sort_unstable();
        assert_eq!(found, expected, "{query} {filters:?}");
    }
    let refused = [
        (SearchFilters { platforms: vec!["netflx".to_owned()], ..none() }, "unknown_platform"),
        (SearchFilters { languages: vec!["klingonese".to_owned()], ..none() }, "unknown_language"),
        (SearchFilters { people: vec!["🎬".to_owned()], ..none() }, "bad_person"),
        (SearchFilters { min_rating: Some(f64::NAN), ..none() }, "bad_rating"),
        (SearchFilters { max_runtime_minutes: Some(0), ..none() }, "bad_runtime"),
    ];
    for (filters, code) in refused {
        let error = running.search.search(&call(), &with("", filters)).await.unwrap_err();
        assert_eq!((error.kind, &*error.code), (ErrorKind::InvalidArgument, code));
    }
    running.stop().await;
}
