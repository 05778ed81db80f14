//! What every [`SearchApi`] must do.

use contracts::{
    Call, Clock, Content, ContentId, ContentType, ErrorKind, MAX_PAGE_SIZE, MAX_QUERY_CHARS, MAX_SUGGESTIONS,
    SearchApi, SearchFilters, SearchRequest, SearchResponse, SuggestionKind, VectorQuery, YearRange,
};

use super::{fails, system};

/// A search for `query`, 10 to a page.
pub fn request(query: &str) -> SearchRequest {
    SearchRequest { query: query.to_owned(), page_size: 10, ..SearchRequest::default() }
}

/// Runs everything over an index that holds at least one film which `known` finds by its words, where something is
/// searched for often enough to be trending.
pub async fn suite(api: &dyn SearchApi, known: &str, clock: &Clock) {
    let call = system(clock);
    let response = api.search(&call, &request(known)).await.unwrap();
    assert!(!response.results.is_empty(), "{known:?} finds nothing");
    assert_eq!((response.page, response.page_size), (1, 10));
    assert!(response.total_count >= response.results.len() as u64);
    let scores: Vec<_> = response.results.iter().map(|result| result.relevance_score).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b) && scores.iter().all(|s| (0.0..=1.0).contains(s)), "{scores:?}");
    assert!(!response.results[0].match_reasons.is_empty(), "a result says why it is there");

    filters_hold(api, known, clock).await;
    bounds_hold(api, clock).await;
    let first = &response.results[0].content;
    the_graph_leaves_out_its_seeds(api, first.id, clock).await;
    a_title_has_others_like_it(api, first.id, &call).await;
    names_are_completed(api, first, &call).await;
    rows_lead_to_searches(api, &call).await;
    what_is_searched_for_is_listed(api, &call).await;
}

/// The id of no title.
fn nobody() -> ContentId {
    "00000000-0000-0000-0000-000000000404".parse().unwrap()
}

async fn a_title_has_others_like_it(api: &dyn SearchApi, id: ContentId, call: &Call) {
    let like = api.similar(call, id, None, 5).await.unwrap();
    assert_eq!(like.content_id, id);
    assert!(!like.results.is_empty() && like.results.len() <= 5, "nothing is like it");
    assert!(like.results.iter().all(|result| result.content.id != id), "it is not like itself");
    assert_eq!(api.similar(call, id, None, 1).await.unwrap().results.len(), 1);
    let nowhere = api.similar(call, id, "AQ".parse().ok(), 5).await.unwrap();
    assert!(nowhere.results.is_empty(), "nobody offers anything there");
    fails(api.similar(call, nobody(), None, 5).await, ErrorKind::NotFound);
    for limit in [0, MAX_PAGE_SIZE as usize + 1] {
        fails(api.similar(call, id, None, limit).await, ErrorKind::InvalidArgument);
    }
}

async fn names_are_completed(api: &dyn SearchApi, known: &Content, call: &Call) {
    let prefix: String = known.title.chars().take(5).collect();
    let found = api.autocomplete(call, &prefix, MAX_SUGGESTIONS).await.unwrap();
    let named = found.iter().find(|suggestion| suggestion.content_id == Some(known.id));
    let named = named.unwrap_or_else(|| panic!("{prefix:?} does not lead to {:?}: {found:?}", known.title));
    assert_eq!((&named.text, named.kind, named.year), (&known.title, SuggestionKind::Title, known.release_year));
    assert_eq!(api.autocomplete(call, &prefix, 1).await.unwrap().len(), 1);
    assert!(api.autocomplete(call, "qqqqqq", 5).await.unwrap().is_empty());
    for limit in [0, MAX_SUGGESTIONS + 1] {
        fails(api.autocomplete(call, &prefix, limit).await, ErrorKind::InvalidArgument);
    }
    let long = "x".repeat(MAX_QUERY_CHARS + 1);
    fails(api.autocomplete(call, &long, 5).await, ErrorKind::InvalidArgument);
}

async fn rows_lead_to_searches(api: &dyn SearchApi, call: &Call) {
    let rows = api.discover(call, None).await.unwrap();
    assert!(!rows.is_empty(), "there is nothing to look around in");
    for row in &rows {
        assert!(!row.id.is_empty() && !row.title.is_empty() && !row.items.is_empty(), "{row:?}");
        let behind = api.search(call, &row.search).await.unwrap();
        let begins = behind.results.iter().map(|result| result.content.id).take(row.items.len());
        assert!(begins.eq(row.items.iter().map(|item| item.id)), "{} leads to another list", row.id);
    }
    let nowhere = api.discover(call, "AQ".parse().ok()).await.unwrap();
    assert!(nowhere.iter().flat_map(|row| &row.items).all(|card| card.offers.is_empty()), "{nowhere:?}");
}

async fn what_is_searched_for_is_listed(api: &dyn SearchApi, call: &Call) {
    let listed = api.trending(call, None, MAX_PAGE_SIZE as usize).await.unwrap();
    assert!(!listed.is_empty(), "nothing is searched for");
    let first = api.trending(call, None, 1).await.unwrap();
    assert_eq!(first, listed[..1], "a limit cuts off the end");
    assert!(api.trending(call, "AQ".parse().ok(), 5).await.unwrap().is_empty(), "nobody offers anything there");
    for limit in [0, MAX_PAGE_SIZE as usize + 1] {
        fails(api.trending(call, None, limit).await, ErrorKind::InvalidArgument);
    }
}

async fn filters_hold(api: &dyn SearchApi, known: &str, clock: &Clock) {
    let call = system(clock);
    let years = YearRange { from: Some(2999), to: None };
    let never = SearchFilters { year_range: Some(years), ..SearchFilters::default() };
    let none = api.search(&call, &SearchRequest { filters: never, ..request(known) }).await.unwrap();
    assert_eq!((none.results.len(), none.total_count), (0, 0), "nothing was shown first in 2999");
    let films = SearchFilters { content_types: vec![ContentType::Movie], ..SearchFilters::default() };
    let films = api.search(&call, &SearchRequest { filters: films, ..request(known) }).await.unwrap();
    assert!(!films.results.is_empty(), "{known:?} names a film");
    assert!(films.results.iter().all(|result| result.content.content_type == ContentType::Movie));
}

async fn bounds_hold(api: &dyn SearchApi, clock: &Clock) {
    let call = system(clock);
    let refused = [
        request(&"x".repeat(MAX_QUERY_CHARS + 1)),
        SearchRequest { page: 0, ..request("x") },
        SearchRequest { page_size: 0, ..request("x") },
        SearchRequest { page_size: MAX_PAGE_SIZE + 1, ..request("x") },
        SearchRequest { page: u32::MAX, page_size: MAX_PAGE_SIZE, ..request("x") },
    ];
    for request in refused {
        let error = fails(api.search(&call, &request).await, ErrorKind::InvalidArgument);
        assert!(!error.fields.is_empty(), "{error} names no field");
    }
}

async fn the_graph_leaves_out_its_seeds(api: &dyn SearchApi, seed: ContentId, clock: &Clock) {
    let filters = SearchFilters::default();
    let near = api.graph_search(&system(clock), &[seed], &filters, None, 5).await.unwrap();
    assert!(near.len() <= 5 && near.iter().all(|scored| scored.content_id != seed), "{near:?}");
    assert!(near.iter().map(|scored| scored.score).is_sorted_by(|a, b| a >= b), "{near:?}");
}

/// The same questions to two searches that hold the same, such as a service and its client.
pub async fn agree(near: &dyn SearchApi, far: &dyn SearchApi, queries: &[&str], clock: &Clock) {
    let call = system(clock);
    for query in queries {
        let (mine, theirs) = (near.search(&call, &request(query)).await, far.search(&call, &request(query)).await);
        let (mine, theirs) = (timeless(mine.unwrap()), timeless(theirs.unwrap()));
        assert!(!mine.results.is_empty(), "{query:?} finds nothing, which proves nothing");
        assert_eq!(theirs, mine, "{query:?}");
        let seeds = [mine.results[0].content.id];
        let filters = SearchFilters::default();
        let near = near.graph_search(&call, &seeds, &filters, None, 5).await;
        let far = far.graph_search(&call, &seeds, &filters, None, 5).await;
        assert_eq!(format!("{far:?}"), format!("{near:?}"), "{query:?}");
    }
    let mine = near.search(&call, &request(queries[0])).await.unwrap();
    for seed in [mine.results[0].content.id, nobody()] {
        let (near, far) = (near.similar(&call, seed, None, 5).await, far.similar(&call, seed, None, 5).await);
        assert_eq!(format!("{far:?}"), format!("{near:?}"));
    }
    for prefix in [&mine.results[0].content.title[..3], "qqqqqq", ""] {
        let (near, far) = (near.autocomplete(&call, prefix, 9).await, far.autocomplete(&call, prefix, 9).await);
        assert_eq!(format!("{far:?}"), format!("{near:?}"), "{prefix:?}");
    }
    for region in [None, "US".parse().ok()] {
        let (mine, theirs) = (near.discover(&call, region).await, far.discover(&call, region).await);
        assert_eq!(format!("{theirs:?}"), format!("{mine:?}"), "{region:?}");
        let (mine, theirs) = (near.trending(&call, region, 9).await, far.trending(&call, region, 9).await);
        assert_eq!(format!("{theirs:?}"), format!("{mine:?}"), "{region:?}");
    }
    // Of a dimension that no index has, so that both refuse, in the same words.
    let wrong = VectorQuery { embedding: vec![0.5; 3], filters: SearchFilters::default(), region: None, limit: 5 };
    let (near, far) = (near.vector_search(&call, &wrong).await, far.vector_search(&call, &wrong).await);
    assert_eq!(format!("{far:?}"), format!("{near:?}"));
}

/// Without the time it took, which differs.
fn timeless(response: SearchResponse) -> SearchResponse {
    SearchResponse { search_time_ms: 0.0, ..response }
}
