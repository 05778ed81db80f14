//! What whoever asks likes: it moves titles for them and for nobody else, and an answer does without it where it must.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use contracts::{
    AgeLimit, ApiError, Call, Caller, ContentId, ContentType, Credential, FacetField, Identity, PersonalBoost, Region,
    Result, Role, SearchApi, SearchFilters, SearchRequest, SearchResponse, SourceRecord, Subject, UserId,
};
use testkit::call;
use uuid::Uuid;

use crate::{
    titles,
    world::{Faulty, HASTY, Running, World, films, record},
};

/// Somebody's only taste: one person, and the title they want to see first.
#[derive(Default)]
struct Taste {
    wanted: Mutex<Option<ContentId>>,
    broken: AtomicBool,
    slow: AtomicBool,
    short: AtomicBool,
}

const KNOWN: u128 = 7;
const UNKNOWN: u128 = 8;

#[async_trait]
impl PersonalBoost for Taste {
    fn knows(&self, call: &Call) -> bool {
        user(call) == Some(UserId(Uuid::from_u128(KNOWN)))
    }

    async fn factors(&self, call: &Call, titles: &[ContentId]) -> Result<Vec<f64>> {
        assert!(self.knows(call), "it is asked about others");
        if self.broken.load(Ordering::SeqCst) {
            return Err(ApiError::unavailable("no_taste", "it lost its taste"));
        }
        if self.slow.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_secs(30)).await;
        }
        let wanted = *self.wanted.lock().unwrap();
        let count = if self.short.load(Ordering::SeqCst) { 1 } else { titles.len() };
        let factor = |id: &ContentId| if Some(*id) == wanted { 1_000.0 } else { 1.0 };
        Ok(titles.iter().map(factor).take(count).collect())
    }
}

fn user(call: &Call) -> Option<UserId> {
    match &call.caller {
        Caller::Identified(identity) => identity.user(),
        _ => None,
    }
}

/// A call of the person with this number.
fn by(person: u128) -> Call {
    let identity = Identity {
        subject: Subject::User(UserId(Uuid::from_u128(person))),
        client: "app".to_owned(),
        org: None,
        role: Role::BasicUser,
        scopes: "read:content".parse().unwrap(),
        credential: Credential::ApiKey("key".to_owned()),
        ages: None,
    };
    Call { caller: Caller::Identified(Arc::new(identity)), ..call() }
}

/// A call of somebody who is shown what suits twelve years.
fn by_child() -> Call {
    let mut child = by(UNKNOWN);
    if let Caller::Identified(identity) = &mut child.caller {
        Arc::make_mut(identity).ages = Some(AgeLimit { max_age: 12, region: None });
    }
    child
}

/// A film that says for which age it is.
fn rated(number: u16, genres: &[&str], certificate: &str, votes: u32) -> SourceRecord {
    let film = record(&format!("Zeppelin {number}"), 1900 + number, ContentType::Movie, genres, &[], "");
    marked(film, certificate, votes)
}

fn marked(mut film: SourceRecord, certificate: &str, votes: u32) -> SourceRecord {
    film.ratings = vec![(Region::US, "mpa".to_owned(), certificate.to_owned())];
    film.rating = Some((8.0, votes));
    film
}

async fn ask(running: &Running, call: &Call, request: &SearchRequest) -> SearchResponse {
    let mut response = running.search.search(call, request).await.unwrap();
    for result in &mut response.results {
        // What was kept is read from text, and may differ in the last digit.
        let scores = [
            &mut result.relevance_score,
            &mut result.keyword_score,
            &mut result.vector_similarity,
            &mut result.graph_score,
        ];
        scores.into_iter().for_each(|score| *score = (*score * 1e9).round() / 1e9);
    }
    SearchResponse { search_time_ms: 0.0, ..response }
}

fn asks(query: &str) -> SearchRequest {
    SearchRequest { query: query.to_owned(), ..SearchRequest::default() }
}

#[tokio::test]
async fn where_nobody_recommends_all_are_answered_alike() {
    let world = World::with(films()).await;
    let faulty = Faulty::around(&world);
    let running = world.start_over(true, faulty.clone()).await;
    for query in ["crime films", "movies like the matrix", "a city of dealers", ""] {
        let found = ask(&running, &by(KNOWN), &asks(query)).await;
        assert!(found.results.len() > 1 && found.degraded.is_empty(), "{query}");
        faulty.failures.store(1, Ordering::SeqCst);
        assert_eq!(ask(&running, &call(), &asks(query)).await, found, "{query}");
        assert_eq!(faulty.failures.swap(0, Ordering::SeqCst), 1, "what is kept is for all: {query}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_taste_moves_a_title_for_whoever_has_it() {
    let mut world = World::with(films()).await;
    let taste = Arc::new(Taste::default());
    world.boost = taste.clone();
    let running = world.start(true).await;
    for query in ["crime films", ""] {
        let everybodys = ask(&running, &call(), &asks(query)).await;
        let last = everybodys.results.last().unwrap();
        assert!(everybodys.results.len() > 2 && everybodys.results[0].content.id != last.content.id);
        *taste.wanted.lock().unwrap() = Some(last.content.id);
        let own = ask(&running, &by(KNOWN), &asks(query)).await;
        assert_eq!(own.results[0].content.id, last.content.id, "{query}: {:?}", titles(&own));
        assert!(own.results.iter().all(|result| (0.0..=1.0).contains(&result.relevance_score)), "{query}");
        let others = |answer: &SearchResponse| {
            titles(answer).into_iter().filter(|title| *title != last.content.title).collect::<Vec<_>>()
        };
        assert_eq!((others(&own), own.total_count), (others(&everybodys), everybodys.total_count), "{query}");
        // Page by page it is the same order, though a page is cut only then.
        let mut paged = Vec::new();
        for page in 1..=own.results.len() as u32 {
            paged
                .extend(titles(&ask(&running, &by(KNOWN), &SearchRequest { page, page_size: 1, ..asks(query) }).await));
        }
        assert_eq!(paged, titles(&own), "{query}");
        for other in [call(), by(UNKNOWN), testkit::operator_call()] {
            assert_eq!(ask(&running, &other, &asks(query)).await, everybodys, "{query}");
        }
        *taste.wanted.lock().unwrap() = None;
        assert_eq!(ask(&running, &by(KNOWN), &asks(query)).await, everybodys, "{query}: their answer was kept");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_taste_that_is_late_or_broken_is_left_out_and_named() {
    let mut world = World::with(films()).await;
    let taste = Arc::new(Taste::default());
    world.boost = taste.clone();
    world.patience = HASTY;
    let running = world.start(true).await;
    let everybodys = ask(&running, &call(), &asks("crime films")).await;
    let last = everybodys.results.last().unwrap().content.id;
    *taste.wanted.lock().unwrap() = Some(last);
    for (fault, told) in [(&taste.broken, "lost its taste"), (&taste.slow, "in time"), (&taste.short, "1 titles of")] {
        fault.store(true, Ordering::SeqCst);
        let started = Instant::now();
        let found = ask(&running, &by(KNOWN), &asks("crime films")).await;
        assert!(started.elapsed() < 5 * HASTY, "{told}: it was waited for");
        assert_eq!(found.results, everybodys.results, "{told}");
        let [left_out] = found.degraded.as_slice() else { panic!("{told}: {:?}", found.degraded) };
        assert!(left_out.source == "personal" && left_out.reason.contains(told), "{left_out:?}");
        fault.store(false, Ordering::SeqCst);
        let found = ask(&running, &by(KNOWN), &asks("crime films")).await;
        assert!(found.degraded.is_empty() && found.results[0].content.id == last, "{told}: it was kept");
    }
    assert_eq!(ask(&running, &call(), &asks("crime films")).await, everybodys, "and nobody else heard of it");
    running.stop().await;
}

#[tokio::test]
async fn names_that_suit_an_age_are_completed_behind_many_that_do_not() {
    let mut films: Vec<_> = (1..=60).map(|number| rated(number, &[], "R", 90_000)).collect();
    films.push(rated(70, &[], "PG", 10));
    let world = World::with(films).await;
    let running = world.start(false).await;
    let complete = async |call: &Call| {
        let found = running.search.autocomplete(call, "zepp", 5).await.unwrap();
        found.into_iter().map(|one| one.text).collect::<Vec<_>>()
    };
    let everybody = complete(&by(UNKNOWN)).await;
    assert!(everybody.len() == 5 && !everybody.contains(&"Zeppelin 70".to_owned()), "{everybody:?}");
    assert_eq!(complete(&by_child()).await, ["Zeppelin 70"]);
    running.stop().await;
}

#[tokio::test]
async fn what_does_not_suit_an_age_is_not_counted_beside_what_is_ticked() {
    let kinds = [("crime", "PG"), ("crime", "R"), ("war", "PG"), ("war", "R"), ("horror", "R")];
    let films = (1..).step_by(10).zip(kinds).map(|(number, (genre, mark))| rated(number, &[genre], mark, 10));
    let world = World::with(films.collect()).await;
    let running = world.start(false).await;
    for query in ["", "zeppelin"] {
        let filters = SearchFilters { genres: vec!["crime".to_owned()], ..SearchFilters::default() };
        let request = SearchRequest { filters, facets: vec![FacetField::Genres], ..asks(query) };
        let counted = async |call: &Call| {
            let found = ask(&running, call, &request).await;
            let genres = found.facets[&FacetField::Genres].iter();
            genres.map(|genre| format!("{} {}", genre.value, genre.count)).collect::<Vec<_>>()
        };
        assert_eq!(counted(&by(UNKNOWN)).await, ["crime 2", "war 2", "horror 1"], "{query}");
        assert_eq!(counted(&by_child()).await, ["crime 1", "war 1"], "{query}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_title_above_an_age_is_not_named_to_whoever_asks_for_titles_like_it() {
    let films = [
        ("The Squid and the Whale", "R", 90_000),
        ("Squid Songs", "PG", 10),
        ("El Camino: A Breaking Bad Movie", "R", 80_000),
        ("Whalebone", "R", 70_000),
        ("A Quiet Road", "PG", 20),
    ];
    let films = films.map(|(title, mark, votes)| {
        let film = record(title, 2005, ContentType::Movie, &["crime"], &["Ann Lee"], "");
        marked(film, mark, votes)
    });
    let world = World::with(films.into()).await;
    let running = world.start(false).await;
    let table: [(&str, &str, &[&str], &str); 3] = [
        ("movies like squid", "The Squid and the Whale", &["Squid Songs"], "part_of_example"),
        ("movies like breaking bad", "El Camino: A Breaking Bad Movie", &[], "unknown_example"),
        ("movies like whalebone", "Whalebone", &[], "unknown_example"),
    ];
    for (query, hidden, like, code) in table {
        let everybodys = ask(&running, &by(UNKNOWN), &asks(query)).await;
        assert_eq!(everybodys.query_parsed.like, [hidden]);
        let reasons = |found: &SearchResponse| format!("{:?}", found.results);
        assert!(reasons(&everybodys).contains(&format!("“{hidden}”")), "{query}: {everybodys:?}");
        let asked = everybodys.query_parsed.clarification.as_deref().unwrap_or_default();
        assert_eq!(asked.contains(hidden), hidden != "Whalebone", "a whole name is not asked about: {asked}");

        let own = ask(&running, &by_child(), &asks(query)).await;
        assert_eq!(own.query_parsed.like, like, "{query}");
        assert_eq!(own.query_parsed.question.as_ref().map(|question| question.code.as_str()), Some(code), "{query}");
        assert!(!format!("{own:?}").contains(hidden), "{query}: {own:?}");
        assert_eq!(ask(&running, &by(UNKNOWN), &asks(query)).await, everybodys, "what a child asked is kept for all");
    }
    // Nor is a slip read as its name.
    let read = async |call: &Call| ask(&running, call, &asks("whalebnoe")).await.query_parsed.corrections.len();
    assert_eq!((read(&by(UNKNOWN)).await, read(&by_child()).await), (1, 0));
    running.stop().await;
}
