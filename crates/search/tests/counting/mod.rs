//! The numbers of facets: what one says is what its filter brings, however a title was found.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use contracts::{
    ContentType, FacetField, FacetValue, Language, SearchFilters, SearchRequest, SearchResponse, SortOrder,
    SourceRecord, YearRange,
};
use testkit::{Watched, Watcher};
use tokio::sync::Barrier;

use crate::world::{Faulty, HASTY, Running, World, offered, record};

const FILMS: u64 = 200;
/// Fewer than there are: of meaning and graph only the nearest are found.
const DEPTH: usize = 40;

const SYLLABLES: &[&str] =
    &["ba", "ko", "lu", "mi", "ne", "po", "ra", "su", "ti", "vo", "wa", "xe", "ya", "zu", "da", "fe"];
const GENRES: &[&str] = &["crime", "drama", "comedy", "horror", "war", "romance"];
const DIRECTORS: &[&str] = &["Mara Quill", "Otis Fenn", "Ilse Brandt", "Teo Varga", "June Okoro"];
const LANGUAGES: &[&str] = &["en", "fr", "ko"];
const WORDS: &[&str] = &[
    "lantern", "harbour", "quarrel", "orchard", "engine", "violin", "glacier", "market", "letter", "bridge", "teacher",
    "soldier", "garden", "island", "painter", "doctor", "winter", "summer", "circus", "desert", "forest", "mirror",
    "window", "castle", "sailor", "farmer", "prison", "hotel", "train", "river", "tower", "valley", "wedding",
    "secret", "machine", "village", "dancer", "thief", "ghost", "brother", "sister", "father", "mother", "stranger",
    "museum", "library", "kitchen", "theatre", "airport", "station",
];

/// Films of the same few words, people and genres, drawn from their numbers.
fn films() -> Vec<SourceRecord> {
    let film = |number: u64| {
        let mut seed = number;
        let mut pick = |of: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % of
        };
        let (high, low) = (number as usize / SYLLABLES.len(), number as usize % SYLLABLES.len());
        let title = format!("{}{}ron", SYLLABLES[high].to_uppercase(), SYLLABLES[low]);
        let story: Vec<&str> = (0..8).map(|_| WORDS[pick(WORDS.len())]).collect();
        let genre = pick(GENRES.len());
        let genres = [GENRES[genre], GENRES[(genre + 1 + pick(GENRES.len() - 1)) % GENRES.len()]];
        let kind = if number % 7 == 3 { ContentType::TvShow } else { ContentType::Movie };
        let year = 1950 + pick(70) as u16;
        let people = [DIRECTORS[pick(DIRECTORS.len())], DIRECTORS[pick(DIRECTORS.len())]];
        let mut film = record(&title, year, kind, &genres, &people, &story.join(" "));
        film.languages = Language::all_of(&[LANGUAGES[pick(LANGUAGES.len())]]);
        if pick(3) == 0 { offered(film, &["US"]) } else { film }
    };
    (0..FILMS).map(film).collect()
}

fn ticked(field: FacetField, value: &str, filters: &SearchFilters) -> SearchFilters {
    let (mut filters, value) = (filters.clone(), value.to_owned());
    match field {
        FacetField::Genres => filters.genres = vec![value],
        FacetField::ContentTypes => filters.content_types = vec![value.parse().unwrap()],
        FacetField::Decades => {
            let from: u16 = value.parse().unwrap();
            filters.year_range = Some(YearRange { from: Some(from), to: Some(from + 9) });
        }
        FacetField::Platforms => filters.platforms = vec![value],
        FacetField::Languages => filters.languages = vec![value],
    }
    filters
}

/// Ticks each value of each facet, in place of those of the same one, and compares its number with what that brings; says
/// which there were.
async fn compare(running: &Running, request: &SearchRequest) -> Vec<(FacetField, FacetValue)> {
    let facets = running.search(request).await.facets.into_iter();
    let values = facets.flat_map(|(field, values)| values.into_iter().map(move |value| (field, value)));
    // More than a source brings in are counted, and not listed.
    let values: Vec<_> = values.filter(|(_, value)| value.count < DEPTH as u64).collect();
    for (field, value) in &values {
        let filters = ticked(*field, &value.value, &request.filters);
        let brought = running.search(&SearchRequest { filters, ..request.clone() }).await;
        assert!(brought.degraded.is_empty(), "{:?}", brought.degraded);
        let (number, listed) = (brought.total_count, brought.results.len() as u64);
        let what = format!("{:?} {:?}: {} {}", request.query, request.filters, field.as_str(), value.value);
        assert_eq!((number, listed), (value.count, value.count), "{what}");
    }
    values
}

#[tokio::test]
async fn a_filter_brings_what_its_number_says_however_it_was_found() {
    let mut world = World::with(films()).await;
    world.depth = DEPTH;
    let running = world.start(true).await;
    let (mut compared, mut by_meaning, mut second) = (0, 0, 0);
    for query in [
        "lantern",
        "a lantern in the harbour",
        "bakoron",
        "movies like Bakoron",
        "crime and a violin",
        "directed by Mara Quill",
        "french films with a castle",
        "films",
        "what was that film where somebody who had lost a lantern in the harbour began a quarrel about the orchard that \
         nobody wanted to sell to the doctor",
    ] {
        let facets = FacetField::ALL.to_vec();
        let request = SearchRequest { query: query.to_owned(), facets, page_size: 100, ..SearchRequest::default() };
        let found = running.search(&request).await;
        // Where as many are near as are looked at, there are more.
        assert_ne!(found.total_count, DEPTH as u64, "{query}: a bound is no number");
        let alone = found.results.iter().filter(|hit| hit.keyword_score == 0.0 && hit.vector_similarity > 0.0);
        by_meaning += alone.count();
        let values = compare(&running, &request).await;
        compared += values.len();
        // And once more among what a filter let through.
        let genre =
            values.iter().filter(|(field, _)| *field == FacetField::Genres).max_by_key(|(_, value)| value.count);
        if let Some((field, value)) = genre {
            let filters = ticked(*field, &value.value, &request.filters);
            let narrowed = SearchRequest { filters, ..request };
            let beside = compare(&running, &narrowed).await;
            let others = beside.iter().filter(|(field, other)| *field == FacetField::Genres && other != value);
            second += others.count();
            compared += beside.len();
        }
    }
    assert!(compared > 100 && by_meaning > 20, "{compared} numbers, {by_meaning} titles found by meaning alone");
    assert!(second > 20, "{second} numbers beside a value of the same facet");
    running.stop().await;
}

#[tokio::test]
async fn several_filters_at_once_bring_what_their_numbers_say() {
    let mut world = World::with(films()).await;
    world.depth = DEPTH;
    let running = world.start(true).await;
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let years = |from, to| Some(YearRange { from: Some(from), to: Some(to) });
    let sets = [
        SearchFilters { genres: texts(&["crime"]), year_range: years(1980, 1999), ..SearchFilters::default() },
        SearchFilters {
            genres: texts(&["crime", "war", "drama"]),
            content_types: vec![ContentType::Movie],
            languages: texts(&["English", "ko"]),
            ..SearchFilters::default()
        },
        SearchFilters {
            content_types: vec![ContentType::TvShow],
            year_range: years(1950, 1989),
            ..SearchFilters::default()
        },
        SearchFilters { platforms: texts(&["netflix"]), genres: texts(&["drama"]), ..SearchFilters::default() },
    ];
    let mut compared = 0;
    for (query, sort) in [
        ("lantern", SortOrder::Relevance),
        ("a lantern in the harbour", SortOrder::Relevance),
        ("movies like Bakoron", SortOrder::Relevance),
        ("directed by Mara Quill", SortOrder::Relevance),
        ("french films with a castle", SortOrder::Relevance),
        ("films", SortOrder::Relevance),
        ("", SortOrder::Newest),
    ] {
        for (at, filters) in sets.iter().enumerate() {
            let request = SearchRequest {
                query: query.to_owned(),
                filters: filters.clone(),
                region: if at == 3 { "US".parse().ok() } else { None },
                sort,
                facets: FacetField::ALL.to_vec(),
                page_size: 100,
                ..SearchRequest::default()
            };
            compared += compare(&running, &request).await.len();
        }
    }
    assert!(compared > 150, "{compared} numbers");
    running.stop().await;
}

#[tokio::test]
async fn values_of_one_facet_are_alternatives_and_counted_as_such() {
    let world = World::with(films()).await;
    let running = world.start(false).await;
    let facets = FacetField::ALL.to_vec();
    let ask = async |query: &str, filters: SearchFilters| {
        let request =
            SearchRequest { query: query.to_owned(), filters, facets: facets.clone(), ..SearchRequest::default() };
        running.search(&request).await
    };
    let count = |found: &SearchResponse, field: FacetField, value: &str| {
        found.facets[&field].iter().find(|one| one.value == value).map_or(0, |one| one.count)
    };
    let of = |genres: &[&str]| SearchFilters {
        genres: genres.iter().map(|genre| (*genre).to_owned()).collect(),
        ..SearchFilters::default()
    };
    let (none, one, two) =
        (ask("", of(&[])).await, ask("", of(&["crime"])).await, ask("", of(&["crime", "war"])).await);
    assert_eq!(one.facets[&FacetField::Genres], none.facets[&FacetField::Genres], "what each brings by itself");
    assert_eq!(two.facets[&FacetField::Genres], none.facets[&FacetField::Genres]);
    let (crime, war) = (count(&none, FacetField::Genres, "crime"), count(&none, FacetField::Genres, "war"));
    assert_eq!(one.total_count, crime);
    assert!(two.total_count > crime.max(war) && two.total_count <= crime + war, "{} {crime} {war}", two.total_count);
    let kinds = |found: &SearchResponse| ["movie", "tv_show"].map(|kind| count(found, FacetField::ContentTypes, kind));
    assert_eq!(kinds(&one).iter().sum::<u64>(), one.total_count, "other facets count what is shown");
    assert_eq!(kinds(&two).iter().sum::<u64>(), two.total_count);
    let series = SearchFilters { content_types: vec![ContentType::TvShow], ..SearchFilters::default() };
    let (plain, against) = (ask("", series.clone()).await, ask("films", series).await);
    assert_eq!(kinds(&plain), kinds(&none));
    assert_eq!(kinds(&against)[1], against.total_count, "a filter wins over the words, and its number says so");
    assert!(against.total_count > 0);
    let nineties = YearRange { from: Some(1990), to: Some(1999) };
    let decade = ask("", SearchFilters { year_range: Some(nineties), ..SearchFilters::default() }).await;
    assert_eq!(
        decade.facets[&FacetField::Decades],
        none.facets[&FacetField::Decades],
        "the others can still be chosen"
    );
    running.stop().await;
}

#[tokio::test]
async fn numbers_do_not_wait_for_the_directory() {
    let world = World::with(films()).await;
    let faulty = Faulty::around(&world);
    let running = world.start_over(false, faulty.clone()).await;
    // Over a large catalogue it takes longer than a search may.
    faulty.stalled.store(true, Ordering::SeqCst);
    let platforms = vec!["netflix".to_owned()];
    let filters = SearchFilters { platforms, ..SearchFilters::default() };
    for filters in [SearchFilters::default(), filters] {
        let facets = vec![FacetField::Platforms];
        let found = running.search(&SearchRequest { filters, facets, ..SearchRequest::default() }).await;
        assert!(found.degraded.iter().all(|lacks| lacks.source != "facets"), "{:?}", found.degraded);
        let names = found.facets[&FacetField::Platforms].iter().map(|value| value.label.as_str());
        assert_eq!(names.collect::<Vec<_>>(), ["Netflix"]);
    }
    faulty.stalled.store(false, Ordering::SeqCst);
    running.stop().await;
}

/// The numbers of a facet are taken only while those of another one are given.
struct InPairs {
    pair: Barrier,
    taken: AtomicUsize,
}

#[async_trait]
impl Watcher for InPairs {
    async fn keeps(&self, key: &str, _: Duration) {
        if key.starts_with("facet:") {
            self.pair.wait().await;
            self.taken.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[tokio::test]
async fn facets_of_a_sorted_list_do_not_wait_for_each_other() {
    let mut world = World::with(films()).await;
    let pairs = InPairs { pair: Barrier::new(2), taken: AtomicUsize::new(0) };
    let cache = Watched::around(testkit::cache(), pairs);
    world.cache = Some(cache.clone());
    let running = world.start(false).await;
    let filters = SearchFilters {
        genres: vec!["crime".to_owned()],
        content_types: vec![ContentType::Movie],
        ..SearchFilters::default()
    };
    let (facets, sort) = (FacetField::ALL.to_vec(), SortOrder::Newest);
    let found = running.search(&SearchRequest { filters, facets, sort, ..SearchRequest::default() }).await;
    assert!(found.degraded.iter().all(|lacks| lacks.source != "facets"), "{:?}", found.degraded);
    assert_eq!(cache.watcher.taken.load(Ordering::SeqCst), 2);
    running.stop().await;
}

#[tokio::test]
async fn what_was_counted_is_shown_where_the_rest_is_late() {
    let mut world = World::with(films()).await;
    world.patience = HASTY;
    let running = world.start(true).await;
    let filters = SearchFilters { genres: vec!["crime".to_owned()], ..SearchFilters::default() };
    let (query, facets) = ("a lantern in the harbour".to_owned(), FacetField::ALL.to_vec());
    let request = SearchRequest { query, filters, facets, ..SearchRequest::default() };
    world.disk.slow.store(true, Ordering::SeqCst);
    let late = running.search(&request).await;
    assert!(late.degraded.iter().any(|lacks| lacks.source == "vector"), "{:?}", late.degraded);
    for field in [FacetField::ContentTypes, FacetField::Decades, FacetField::Languages] {
        assert!(!late.facets[&field].is_empty(), "{}", field.as_str());
    }
    let genres: Vec<&str> = late.facets[&FacetField::Genres].iter().map(|value| value.value.as_str()).collect();
    assert!(genres.contains(&"crime"), "what is ticked counts what is shown: {genres:?}");
    world.disk.slow.store(false, Ordering::SeqCst);
    let whole = running.search(&request).await;
    assert!(whole.degraded.is_empty() && whole.facets[&FacetField::Genres].len() > 1, "{:?}", whole.degraded);
    running.stop().await;
}
