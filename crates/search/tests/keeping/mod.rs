//! What is kept, and for how long, by a clock that the test moves.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use contracts::{ContentType, SearchApi, SearchFilters, SearchRequest};
use jiff::SignedDuration;

use crate::{
    titles,
    world::{Faulty, Running, World, films},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Whether `asked` is answered though the catalogue fails, which is to say from what is kept.
async fn is_kept(faulty: &Faulty, asked: impl Future<Output = bool>) -> bool {
    faulty.failures.store(u32::MAX, Ordering::SeqCst);
    let kept = asked.await;
    faulty.failures.store(0, Ordering::SeqCst);
    kept
}

#[tokio::test]
async fn answers_are_kept_for_half_an_hour_and_rows_for_an_hour() {
    let world = World::with(films()).await;
    let faulty = Faulty::around(&world);
    let running = world.start_over(true, faulty.clone()).await;
    let request = SearchRequest { query: "robbers heist".to_owned(), ..SearchRequest::default() };
    let searched = async || running.search.search(&world.call(), &request).await.is_ok();
    let looked = async || running.search.discover(&world.call(), None).await.is_ok();
    assert!(!is_kept(&faulty, searched()).await && !is_kept(&faulty, looked()).await, "nobody asked yet");
    assert!(searched().await && looked().await);
    // Minutes, and whether answers and rows are still kept then.
    let mut now = 0;
    for (minute, answer, row) in
        [(0, true, true), (29, true, true), (31, false, true), (59, false, true), (61, false, false)]
    {
        world.clock.advance(SignedDuration::from_mins(minute - now));
        now = minute;
        assert_eq!(is_kept(&faulty, searched()).await, answer, "an answer after {minute} minutes");
        assert_eq!(is_kept(&faulty, looked()).await, row, "rows after {minute} minutes");
    }
    assert!(searched().await && is_kept(&faulty, searched()).await, "asked anew, it is kept again");
    running.stop().await;
}

#[tokio::test]
async fn without_a_model_answers_are_kept_with_the_reason_and_for_such_alone() {
    let mut world = World::with(films()).await;
    world.cache = Some(testkit::cache());
    let faulty = Faulty::around(&world);
    let without = world.start_over(false, faulty.clone()).await;
    let request = SearchRequest { query: "robbers heist".to_owned(), ..SearchRequest::default() };
    let made = without.search.search(&world.call(), &request).await.unwrap();
    assert_eq!(made.degraded.iter().map(|lacks| lacks.source.as_str()).collect::<Vec<_>>(), ["vector"]);
    faulty.failures.store(u32::MAX, Ordering::SeqCst);
    let kept = without.search.search(&world.call(), &request).await.unwrap();
    assert_eq!((&kept.degraded, titles(&kept)), (&made.degraded, titles(&made)), "and says why");
    faulty.failures.store(0, Ordering::SeqCst);
    without.stop().await;
    let with = world.start_over(true, faulty.clone()).await;
    let whole = with.search.search(&world.call(), &request).await.unwrap();
    assert!(whole.degraded.is_empty() && whole.results[0].vector_similarity > 0.0, "a model has come");
    with.stop().await;
}

#[tokio::test]
async fn a_question_is_embedded_once_whatever_it_is_filtered_by() {
    let world = World::with(films()).await;
    let running = world.start(true).await;
    let ask = async |query: &str, filters: SearchFilters| {
        running.search(&SearchRequest { query: query.to_owned(), filters, ..SearchRequest::default() }).await
    };
    let before = world.model.texts.load(Ordering::SeqCst);
    let films = SearchFilters { content_types: vec![ContentType::Movie], ..SearchFilters::default() };
    let series = SearchFilters { content_types: vec![ContentType::TvShow], ..SearchFilters::default() };
    let (one, other) = (ask("dealers of a city", films).await, ask("dealers of a city", series).await);
    assert_eq!(titles(&other), ["The Wire"]);
    assert!(!titles(&one).contains(&"The Wire".to_owned()) && other.results[0].vector_similarity > 0.0);
    assert_eq!(world.model.texts.load(Ordering::SeqCst) - before, 1, "one text, two searches");
    ask("dealers of a town", SearchFilters::default()).await;
    assert_eq!(world.model.texts.load(Ordering::SeqCst) - before, 2);
    running.stop().await;
}

#[tokio::test]
async fn what_is_searched_for_is_ranked_every_five_minutes() {
    let world = World::with(films()).await;
    let running = world.start(false).await;
    let shown = async |running: &Running| {
        let shown = running.search.trending(&world.call(), None, 10).await.unwrap();
        shown.into_iter().map(|title| title.title).collect::<Vec<_>>()
    };
    let until = async |wanted: &[&str]| {
        let since = Instant::now();
        while shown(&running).await != wanted {
            assert!(since.elapsed() < PATIENCE, "{wanted:?} is not shown, but {:?}", shown(&running).await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    running.ask_from(6, "Scarface").await;
    world.clock.advance(SignedDuration::from_secs(299));
    // Long enough that the worker wrote what it had, and looked at the clock.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(shown(&running).await.is_empty(), "it was ranked before its time");
    world.clock.advance(SignedDuration::from_secs(1));
    until(&["Scarface"]).await;
    for origin in 1..=8 {
        let call = contracts::Call { origin: Some(origin), ..world.call() };
        let request = SearchRequest { query: "heat".to_owned(), ..SearchRequest::default() };
        running.search.search(&call, &request).await.unwrap();
    }
    world.clock.advance(SignedDuration::from_mins(5));
    until(&["Heat", "Scarface"]).await;
    running.stop().await;
}
