//! What people ask: filters, facets, intents and suggestions over the whole service.

use contracts::{
    ContentId, Credit, CreditRole, ErrorKind, FacetField, SearchApi, SearchFilters, SearchRequest, SearchResponse,
    SuggestionKind,
};
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

#[tokio::test]
async fn names_are_completed_as_they_are_typed() {
    let world = World::with(films()).await;
    let running = world.start(false).await;
    let ask = async |prefix: &str, limit: usize| running.search.autocomplete(&call(), prefix, limit).await;
    let found = ask("matr", 10).await.unwrap();
    let texts: Vec<&str> = found.iter().map(|suggestion| suggestion.text.as_str()).collect();
    assert_eq!(texts, ["The Matrix", "The Matrix Reloaded"]);
    assert_eq!((found[0].kind, found[0].year), (SuggestionKind::Title, Some(1999)));
    assert_eq!(found[0].content_id, Some(running.ask("the matrix").await.results[0].content.id));
    assert_eq!(ask("pac", 10).await.unwrap()[0].kind, SuggestionKind::Person);
    assert_eq!(ask("sci", 10).await.unwrap()[0].text, "Science fiction");
    assert!(ask("", 10).await.unwrap().is_empty() && ask("🎬", 10).await.unwrap().is_empty());
    for limit in [0, 21] {
        assert_eq!(ask("m", limit).await.unwrap_err().code, "bad_limit");
    }
    assert_eq!(ask(&"x".repeat(2_001), 10).await.unwrap_err().code, "query_too_long");
    running.stop().await;
}

#[tokio::test]
async fn similar_titles_say_why() {
    let world = World::with(films()).await;
    let running = world.start(true).await;
    let heat = running.ask("heat").await.results[0].content.id;
    let found = running.search.similar(&call(), heat, None, 3).await.unwrap();
    assert_eq!((found.content_id, found.results.len()), (heat, 3));
    assert_eq!(found.results[0].content.title, "Scarface");
    assert_eq!(found.results[0].match_reasons[0], "Shares cast with “Heat”: Al Pacino");
    assert!(found.results[0].graph_score > 0.0 && found.results[0].vector_similarity > 0.0);
    assert!(found.results.iter().all(|result| result.content.id != heat));
    let here = running.search.similar(&call(), heat, "US".parse().ok(), 10).await.unwrap();
    assert_eq!(here.results.iter().map(|r| r.content.title.as_str()).collect::<Vec<_>>(), ["Scarface"]);
    let error = running.search.similar(&call(), ContentId(uuid::Uuid::from_u128(7)), None, 3).await.unwrap_err();
    assert_eq!((error.kind, &*error.code), (ErrorKind::NotFound, "unknown_content"));
    assert_eq!(running.search.similar(&call(), heat, None, 0).await.unwrap_err().code, "bad_limit");
    running.stop().await;
}

#[tokio::test]
async fn rows_to_look_around_in_come_from_facts() {
    let mut films = films();
    for (place, film) in films.iter_mut().enumerate() {
        film.rating = Some((7.0, 10 + 100 * place as u32));
        if place < 4 {
            film.credits = vec![Credit { name: "Agnès Varda".to_owned(), role: CreditRole::Director }];
        }
    }
    let added = |day: &str| Some(format!("2020-01-{day}T00:00:00Z").parse().unwrap());
    for (place, day) in [(0, "01"), (2, "03"), (3, "02")] {
        let mut offer = films[2].offers[0].clone();
        offer.available_from = added(day);
        films[place].offers = vec![offer];
    }
    let world = World::with(films).await;
    let running = world.start(false).await;
    let rows = running.search.discover(&call(), None).await.unwrap();
    let row = |id: &str| rows.iter().find(|row| row.id == id).unwrap_or_else(|| panic!("no {id}"));
    let titles = |id: &str| row(id).items.iter().map(|item| item.title.as_str()).collect::<Vec<_>>();
    assert_eq!(titles("added:netflix"), ["Heat", "Scarface", "The Matrix"], "the newest first");
    assert_eq!(titles("genre:crime"), ["The Wire", "Scarface", "Heat"], "the most votes first");
    assert_eq!(titles("decade:1990"), ["The Truman Show", "Heat", "The Matrix"]);
    assert_eq!(row("director:agnes varda").title, "Directed by Agnès Varda");
    assert!(rows.iter().all(|row| !row.reason.is_empty() && row.items.len() >= 3));
    let crime = running.search(&row("genre:crime").search).await;
    assert_eq!(crime.total_count, 3, "a row's search finds all of it");
    let here = running.search.discover(&call(), "DE".parse().ok()).await.unwrap();
    assert!(here.iter().all(|row| row.items.iter().all(|item| !item.availability.is_empty())));
    running.stop().await;
}
