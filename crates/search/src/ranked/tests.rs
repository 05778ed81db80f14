//! What an answer does without: a source that fails, and one that is late.

use std::sync::atomic::Ordering;

use contracts::{ContentType, ErrorKind, FacetField, SearchApi as _, SearchFilters};
use testkit::call;

use super::*;
use crate::fixtures::id;
use world::{HASTY, World, films};

/// The catalogue and the model of the tests of the whole service.
#[allow(dead_code, reason = "those tests use the rest of it")]
#[path = "../../tests/world/mod.rs"]
mod world;

type Answer = Result<Vec<Scored>, SearchError>;

fn hits() -> Answer {
    Ok(vec![Scored { content_id: id(1), score: 1.0 }])
}

fn broken() -> Answer {
    Err(SearchError::Keyword("a file can't be read".to_owned()))
}

/// The sources that answered and those that are named as missing; or why there is no answer.
fn of(keyword: Answer, vector: Answer, graph: Answer) -> Result<(Vec<Source>, Vec<String>), ErrorKind> {
    let mut answers = Answers::default();
    answers.add(Source::Keyword, keyword);
    answers.add(Source::Vector, vector);
    answers.add(Source::Graph, graph);
    answers.require_one().map_err(|error| error.kind)?;
    let missing = answers.degraded.into_iter().map(|part| part.source).collect();
    Ok((answers.lists.iter().map(|list| list.source).collect(), missing))
}

#[test]
fn any_one_source_can_be_left_out() {
    use Source::{Graph, Keyword, Vector};
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(of(hits(), hits(), hits()), Ok((vec![Keyword, Vector, Graph], vec![])));
    assert_eq!(of(broken(), hits(), hits()), Ok((vec![Vector, Graph], named(&["keyword"]))));
    assert_eq!(of(hits(), broken(), hits()), Ok((vec![Keyword, Graph], named(&["vector"]))));
    assert_eq!(of(hits(), hits(), broken()), Ok((vec![Keyword, Vector], named(&["graph"]))));
    assert_eq!(of(broken(), hits(), broken()), Ok((vec![Vector], named(&["keyword", "graph"]))));
    assert_eq!(
        of(broken(), Ok(vec![]), broken()),
        Ok((vec![Vector], named(&["keyword", "graph"]))),
        "it found nothing"
    );
    // The graph alone knows nothing of what was typed.
    assert_eq!(of(broken(), broken(), hits()), Err(ErrorKind::Unavailable));
    assert_eq!(of(broken(), broken(), broken()), Err(ErrorKind::Unavailable));
}

#[test]
fn the_reason_of_a_fault_is_no_secret_of_the_disk() {
    let told = left_out("keyword", &broken().unwrap_err());
    assert_eq!((told.source.as_str(), told.reason.as_str()), ("keyword", "it can't answer at the moment"));
}

/// Asks while nobody gets a turn at the words and the graph.
#[tokio::test]
async fn without_the_words_meaning_answers_in_time() {
    let mut world = World::with(films()).await;
    world.patience = HASTY;
    let running = world.start(true).await;
    let search = &running.search;
    let ask = async |query: &str, filters: SearchFilters| {
        let facets = vec![FacetField::Genres];
        let request = SearchRequest { query: query.to_owned(), filters, facets, ..SearchRequest::default() };
        search.search(&call(), &request).await
    };
    let turns = search.permits.clone().acquire_many_owned(search.config.concurrency as u32).await.unwrap();
    let crime = SearchFilters { genres: vec!["crime".to_owned()], ..SearchFilters::default() };
    let started = Instant::now();
    let found = ask("a detective hunts robbers planning one last heist", crime.clone()).await.unwrap();
    assert!(started.elapsed() < 6 * HASTY, "{:?}", started.elapsed());
    let first = &found.results[0];
    assert_eq!(first.content.title, "Heat");
    assert!(first.vector_similarity > 0.5 && first.keyword_score == 0.0 && first.graph_score == 0.0);
    assert!(found.results.iter().all(|result| result.content.genres.contains(&"crime".to_owned())), "filters hold");
    let missing: Vec<&str> = found.degraded.iter().map(|part| part.source.as_str()).collect();
    assert_eq!(missing, ["keyword", "facets"], "nothing was asked of the graph");
    assert!(found.facets.is_empty());
    // Only the words know what fits conditions alone.
    assert_eq!(ask("", crime.clone()).await.unwrap_err().kind, ErrorKind::DeadlineExceeded);
    drop(turns);
    let found = ask("a detective hunts robbers planning one last heist", crime).await.unwrap();
    assert!(found.degraded.is_empty() && found.results[0].keyword_score > 0.0, "{:?}", found.degraded);
    assert!(!found.facets.is_empty());
    running.stop().await;
}

/// What names several things, and a long question, which is looked at twice, do without what is late.
#[tokio::test]
async fn what_is_compared_and_remembered_may_be_late() {
    /// So long that a machine which stands still for seconds is not taken for one that waits twice.
    const LATE: Duration = Duration::from_secs(3);
    let world = World::with(films()).await;
    let running = world.start(true).await;
    let search = &running.search;
    for query in [
        "90s crime films with Al Pacino",
        "what was that film where a detective hunts some robbers who are planning one last heist, I think it was from the \
         1990s and there was a famous actor in it that everybody knows?",
    ] {
        let request = SearchRequest { query: query.to_owned(), ..SearchRequest::default() };
        let plan = search.plan(&request, search.keyword().snapshot(), Duration::from_secs(20)).await.unwrap();
        assert!(plan.lacking.is_empty() && (plan.named.len() > 1 || plan.keyword.told.is_some()), "{query}");
        let turns = search.permits.clone().acquire_many_owned(search.config.concurrency as u32).await.unwrap();
        world.model.slow.store(true, Ordering::SeqCst);
        let started = Instant::now();
        let none = search.find(&plan, search.keyword().snapshot(), LATE).await.err();
        // Words and meaning are waited for side by side as well.
        assert_eq!(none.map(|error| error.kind), Some(ErrorKind::DeadlineExceeded), "{query}");
        assert!(started.elapsed() < 2 * LATE, "{query}: {:?}", started.elapsed());
        world.model.slow.store(false, Ordering::SeqCst);
        let started = Instant::now();
        let found = search.find(&plan, search.keyword().snapshot(), LATE).await.unwrap();
        // Words, graph and what is named are asked at once: three that are late cost the time of one.
        assert!(started.elapsed() < 2 * LATE, "{query}: {:?}", started.elapsed());
        drop(turns);
        let answered = |source: Source| found.lists.iter().any(|list| list.source == source);
        assert!(answered(Source::Vector) && !answered(Source::Keyword) && found.judged.is_empty(), "{query}");
        assert!(found.degraded.iter().filter(|part| part.source == "keyword").count() > 1, "{query}: it and its part");
        let whole = search.find(&plan, search.keyword().snapshot(), Duration::from_secs(20)).await.unwrap();
        assert!(whole.degraded.is_empty(), "{query}: {:?}", whole.degraded);
    }
    running.stop().await;
}

/// A film holds the word, and no series: whether anything does is looked up without the filter.
#[tokio::test]
async fn words_that_nobody_could_look_for_are_not_unknown() {
    let world = World::with(films()).await;
    let running = world.start(true).await;
    let search = &running.search;
    let filters = SearchFilters { content_types: vec![ContentType::TvShow], ..SearchFilters::default() };
    let request = SearchRequest { query: "robbers".to_owned(), filters, ..SearchRequest::default() };
    let snapshot = search.keyword().snapshot();
    let plan = search.plan(&request, snapshot.clone(), Duration::from_secs(20)).await.unwrap();
    let turns = search.permits.clone().acquire_many_owned(search.config.concurrency as u32).await.unwrap();
    assert!(search.words_known(&plan, Some(&[]), &snapshot, Duration::from_millis(100)).await.is_err());
    drop(turns);
    assert!(search.words_known(&plan, Some(&[]), &snapshot, Duration::from_secs(20)).await.unwrap());
    running.stop().await;
}
