//! The indexes while they follow: rebuilt without a gap in the answers, behind and saying so, warm after a start.

use std::{
    fs,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use contracts::{
    ComponentState, ContentId, ContentType, Degraded, ExternalId, SearchApi, SearchFilters, SearchRequest, SourceRecord,
};
use search::Source;
use stores::args;
use testkit::call;

use crate::{
    titles,
    world::{Faulty, Running, World, films, record},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// What the parts of this name say of themselves.
async fn said(running: &Running, name: &str) -> String {
    let parts = running.search.components().await;
    parts.iter().filter(|part| part.name == name).map(|part| part.detail.clone()).collect()
}

#[tokio::test]
async fn a_rebuild_leaves_no_gap_in_the_answers() {
    let world = World::with(films()).await;
    world.start(true).await.stop().await;
    for title in ["Solaris", "Stalker"] {
        world.ingest(&[record(title, 1979, ContentType::Movie, &["science_fiction"], &[], "")]).await;
    }
    // The log no longer reaches back to where the indexes stand: all of both is filled anew.
    let gone = "DELETE FROM events WHERE position < (SELECT position FROM event_head)";
    world.db.execute(gone, args![]).await.unwrap();
    let faulty = Faulty::around(&world);
    faulty.stalled.store(true, Ordering::SeqCst);
    let running = world.begin_over(true, faulty.clone()).await;
    let since = Instant::now();
    for index in ["keyword_index", "vector_index"] {
        while !said(&running, index).await.contains("being filled") {
            assert!(since.elapsed() < PATIENCE, "{index} is not rebuilt");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let (mut meanwhile, mut afterwards) = (0, 0);
    while !running.search.caught_up().await.unwrap() {
        assert!(since.elapsed() < PATIENCE, "the rebuild does not end");
        let found = running.ask("robbers heist").await;
        assert_eq!(titles(&found)[0], "Heat", "after {meanwhile} answers");
        // For a moment the words know two titles that are yet to be embedded.
        let whole = |source: &Degraded| source.source == "vector" && source.reason.contains("9 of 11 titles");
        assert!(found.degraded.iter().all(|source| meanwhile == 50 && whole(source)), "{:?}", found.degraded);
        assert!(found.results[0].keyword_score > 0.0 && found.results[0].vector_similarity > 0.0, "both answer");
        if meanwhile < 50 {
            meanwhile += 1;
        } else {
            faulty.stalled.store(false, Ordering::SeqCst);
            afterwards += 1;
        }
    }
    assert!(meanwhile == 50 && afterwards > 0);
    assert_eq!(titles(&running.ask("solaris").await)[0], "Solaris");
    assert_eq!(titles(&running.ask("robbers heist").await)[0], "Heat");
    running.stop().await;
}

/// Makes the keyword index of `world` one of an earlier format.
fn age(world: &World) {
    let meta = world.folder.path().join("index/keyword/meta.json");
    let written = fs::read_to_string(&meta).unwrap();
    let aged = written.replacen("\\\"format\\\":", "\\\"format\\\":0,\\\"was\\\":", 1);
    assert_ne!(aged, written);
    fs::write(&meta, aged).unwrap();
}

#[tokio::test]
async fn an_index_of_an_older_format_answers_until_the_new_one_is_whole() {
    let world = World::with(films()).await;
    world.start(false).await.stop().await;
    age(&world);
    world.ingest(&[record("Solaris", 1972, ContentType::Movie, &[], &[], "")]).await;
    let faulty = Faulty::around(&world);
    faulty.stalled.store(true, Ordering::SeqCst);
    // Twice: the first time the process goes down as it stands, in the middle of the rebuild.
    for _ in 0..2 {
        let running = world.begin_over(false, faulty.clone()).await;
        let since = Instant::now();
        while !said(&running, "graph").await.contains("9 titles joined") {
            assert!(since.elapsed() < PATIENCE, "{}", said(&running, "graph").await);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let keyword = running.search.components().await.into_iter().find(|part| part.name == "keyword_index").unwrap();
        assert!(keyword.detail.starts_with("9 titles in an older format; being filled"), "{}", keyword.detail);
        assert_eq!(keyword.state, ComponentState::Degraded, "it serves");
        for (query, first) in [("robbers heist", "Heat"), ("movies like the matrix", "The Matrix Reloaded")] {
            assert_eq!(titles(&running.ask(query).await)[0], first, "{query}");
        }
        assert!(titles(&running.ask("solaris").await).is_empty(), "it is as old as it says");
        running.cut().await;
    }
    faulty.stalled.store(false, Ordering::SeqCst);
    let running = world.start_over(false, faulty).await;
    for (query, first) in [("robbers heist", "Heat"), ("solaris", "Solaris")] {
        assert_eq!(titles(&running.ask(query).await)[0], first, "{query}");
    }
    assert_eq!(said(&running, "keyword_index").await, "10 titles");
    running.stop().await;
}

#[tokio::test]
async fn an_answer_without_a_filled_index_says_so() {
    let world = World::with(films()).await;
    let faulty = Faulty::around(&world);
    faulty.stalled.store(true, Ordering::SeqCst);
    let running = world.begin_over(false, faulty.clone()).await;
    for query in ["heat", ""] {
        let found = running.ask(query).await;
        let keyword = found.degraded.iter().find(|source| source.source == "keyword").unwrap();
        assert!(found.results.is_empty() && keyword.reason.contains("being filled"), "{}", keyword.reason);
    }
    faulty.stalled.store(false, Ordering::SeqCst);
    running.search.wait_until_caught_up(PATIENCE).await.unwrap();
    let found = running.ask("heat").await;
    assert!(titles(&found)[0] == "Heat" && found.degraded.iter().all(|source| source.source != "keyword"));
    running.stop().await;
}

#[tokio::test]
async fn an_index_that_is_behind_says_by_how_much() {
    let world = World::with(films()).await;
    let faulty = Faulty::around(&world);
    let running = world.start_over(true, faulty.clone()).await;
    assert_eq!(running.search.progress().lag, 0);
    faulty.failures.store(u32::MAX, Ordering::SeqCst);
    world.ingest(&[record("Solaris", 1972, ContentType::Movie, &[], &[], "")]).await;
    let since = Instant::now();
    while !said(&running, "keyword_index").await.contains("can't follow the catalogue") {
        assert!(since.elapsed() < PATIENCE, "{}", said(&running, "keyword_index").await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let told = said(&running, "keyword_index").await;
    assert!(told.contains("events behind") && running.search.progress().lag > 0, "{told}");
    assert!(!running.search.caught_up().await.unwrap());
    faulty.failures.store(0, Ordering::SeqCst);
    running.search.wait_until_caught_up(PATIENCE).await.unwrap();
    assert_eq!(running.search.progress().lag, 0);
    running.stop().await;
}

#[tokio::test]
async fn what_is_likely_is_asked_ahead() {
    let world = World::with(films()).await;
    let running = world.start(false).await;
    running.ask_from(5, "Scarface").await;
    running.stop().await;
    let faulty = Faulty::around(&world);
    let running = world.begin(true, true, faulty.clone()).await;
    let since = Instant::now();
    let asked = async |query: &str| {
        // Whatever is not kept can't be answered.
        faulty.failures.store(u32::MAX, Ordering::SeqCst);
        let request = SearchRequest { query: query.to_owned(), ..SearchRequest::default() };
        let kept = running.search.search(&call(), &request).await.is_ok();
        faulty.failures.store(0, Ordering::SeqCst);
        kept
    };
    while !running.search.is_warm() {
        assert!(since.elapsed() < PATIENCE, "nobody asked ahead");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(asked("Scarface").await && asked("").await && !asked("heat").await);
    running.stop().await;
}

#[tokio::test]
async fn an_index_that_is_filled_anew_says_how_far_it_is() {
    let world = World::with(films()).await;
    world.start(true).await.stop().await;
    // As an older release left it: the vectors are good, what is written beside them is not.
    std::fs::remove_file(world.folder.path().join("index/vector-tags")).unwrap();
    let catalog = Faulty::around(&world);
    catalog.stalled.store(true, Ordering::SeqCst);
    let running = world.begin_over(true, catalog.clone()).await;
    let since = Instant::now();
    while running.search.progress().indexed > 0 {
        assert!(since.elapsed() < PATIENCE, "it says that everything is taken in");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(titles(&running.ask("scarface").await)[0], "Scarface", "what is there keeps answering");
    catalog.stalled.store(false, Ordering::SeqCst);
    running.search.wait_until_caught_up(PATIENCE).await.unwrap();
    assert_eq!(running.search.progress().indexed, films().len() as u64);
    running.stop().await;
}

#[tokio::test]
async fn an_answer_without_its_vectors_says_so() {
    let world = World::with(films()).await;
    let running = world.start(true).await;
    let whole = running.ask("robbers heist").await;
    assert!(whole.degraded.is_empty() && whole.results[0].vector_similarity > 0.0);
    running.stop().await;
    fs::remove_file(world.vectors_file()).unwrap();
    let faulty = Faulty::around(&world);
    faulty.stalled.store(true, Ordering::SeqCst);
    let running = world.begin_over(true, faulty.clone()).await;
    let since = Instant::now();
    while !said(&running, "vector_index").await.contains("being filled") {
        assert!(since.elapsed() < PATIENCE, "{}", said(&running, "vector_index").await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let found = running.ask("robbers heist").await;
    let vector = found.degraded.iter().find(|source| source.source == "vector").expect("the vectors are missing");
    assert!(vector.reason.contains("0 of 9 titles are embedded"), "{}", vector.reason);
    assert_eq!((titles(&found)[0].as_str(), found.results[0].vector_similarity), ("Heat", 0.0), "the words answer");
    let like = running.search.similar(&call(), found.results[0].content.id, None, 5).await.unwrap();
    assert!(like.degraded.iter().any(|source| source.source == "vector"), "{:?}", like.degraded);
    faulty.stalled.store(false, Ordering::SeqCst);
    running.search.wait_until_caught_up(PATIENCE).await.unwrap();
    let found = running.ask("robbers heist").await;
    assert!(found.degraded.is_empty() && found.results[0].vector_similarity > 0.0, "and what lacked was not kept");
    running.stop().await;
}

#[tokio::test]
async fn titles_that_wait_to_be_embedded_are_told_of() {
    let world = World::with(films()).await;
    let running = world.start(true).await;
    world.model.slow.store(true, Ordering::SeqCst);
    world.ingest(&[record("Solaris", 1972, ContentType::Movie, &[], &[], "A voyage.")]).await;
    let since = Instant::now();
    let lacking = loop {
        // By its name alone: nothing has to be embedded for a look around.
        let found = running.ask("").await;
        if let Some(lacking) = found.degraded.into_iter().next() {
            break lacking;
        }
        assert!(since.elapsed() < PATIENCE, "nobody says so");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert!(lacking.source == "vector" && lacking.reason.contains("9 of 10"), "{lacking:?}");
    world.model.slow.store(false, Ordering::SeqCst);
    running.search.wait_until_caught_up(PATIENCE).await.unwrap();
    assert!(running.ask("").await.degraded.is_empty());
    running.stop().await;
}

/// What a source alone says of a title; `None` where it does not find it.
async fn score(running: &Running, query: &str, source: Source, id: ContentId) -> Option<f64> {
    let request = SearchRequest { query: query.to_owned(), ..SearchRequest::default() };
    let ranked = running.search.ranked(&call(), &request).await.unwrap();
    let list = ranked.lists.into_iter().find(|list| list.source == source)?;
    list.hits.into_iter().find(|hit| hit.content_id == id).map(|hit| hit.score)
}

#[tokio::test]
async fn a_title_that_changed_is_found_by_what_it_is_now() {
    // Without the heist: that is a crime too, which the film stays.
    const WAS: &str = "a crew of robbers planning";
    const IS: &str = "a submarine dives below the ice cap";
    let world = World::with(films()).await;
    let running = world.start(true).await;
    let heat = running.ask("heat").await.results[0].content.id;
    let words = async |query: &str| score(&running, query, Source::Keyword, heat).await.is_some();
    let near = async |query: &str| score(&running, query, Source::Vector, heat).await.unwrap_or_default();
    assert!(words(WAS).await && !words(IS).await);
    let before = (near(WAS).await, near(IS).await);
    let embedded = || world.model.texts.load(Ordering::SeqCst);
    let mut told = films().into_iter().find(|film| film.title == "Heat").unwrap();
    told.overview = Some("A submarine dives below the ice cap.".to_owned());
    let texts = embedded();
    assert_eq!(world.ingest(std::slice::from_ref(&told)).await, [heat]);
    running.search.wait_until_caught_up(PATIENCE).await.unwrap();
    assert_eq!(embedded() - texts, 2, "the facts and the story of the one title");
    assert!(!words(WAS).await && words(IS).await);
    let after = (near(WAS).await, near(IS).await);
    assert!(after.0 < before.0 - 0.2 && after.1 > before.1 + 0.2, "from {before:?} to {after:?}");
    let texts = embedded();
    told.offers.clear();
    world.ingest(&[told]).await;
    running.search.wait_until_caught_up(PATIENCE).await.unwrap();
    assert_eq!(embedded(), texts, "where it is offered is no part of its texts");
    running.stop().await;
}

#[tokio::test]
async fn what_is_followed_shows_everywhere_at_once() {
    let world = World::with(films()).await;
    let running = world.start(true).await;
    let heat = running.ask("heat").await.results[0].content.id;
    let named = async |name: &str| running.search.autocomplete(&call(), name, 5).await.unwrap().len();
    // In the words, the vectors and the graph.
    let shown = async |id: ContentId| {
        let listed = async |source: Source| score(&running, "a voyage to a lake", source, id).await.is_some();
        let near = running.search.graph_search(&call(), &[heat], &SearchFilters::default(), None, 20).await.unwrap();
        (listed(Source::Keyword).await, listed(Source::Vector).await, near.iter().any(|hit| hit.content_id == id))
    };
    // Nobody waits for anything but that the indexes say that they have followed.
    for (person, is_near) in [("Michael Mann", true), ("Ada Wren", false), ("Al Pacino", true)] {
        let told = record("Solaris", 1972, ContentType::Movie, &[], &[person], "A voyage to a lake.");
        let id = world.ingest(&[told]).await[0];
        running.search.wait_until_caught_up(PATIENCE).await.unwrap();
        assert_eq!(shown(id).await, (true, true, is_near), "{person}");
        assert_eq!((named("solaris").await, named(person).await), (1, 1), "{person}");
    }
    assert_eq!(named("ada wren").await, 0, "they have no title any more");
    running.stop().await;
}

/// One film as two sources tell of it, which share an id and not the other, so that a person has to say it is one.
fn told_twice() -> [SourceRecord; 2] {
    let film = |title: &str, imdb: &str, overview: &str| {
        let mut film = record(title, 1990, ContentType::Movie, &["drama"], &["Ada Wren"], overview);
        let id = |(id_type, id_value): (&str, &str)| ExternalId {
            id_type: id_type.to_owned(),
            id_value: id_value.to_owned(),
        };
        film.external_ids = [("imdb", imdb), ("tmdb_movie", "7")].map(id).to_vec();
        film
    };
    let english = film("The Ferryman", "tt1", "Smugglers cross a lake at night.");
    let mut german = film("Der Fährmann", "tt2", "Schmuggler fahren nachts über einen See.");
    (german.source, german.locale) = ("hulu".to_owned(), "de".parse().unwrap());
    [english, german]
}

#[tokio::test]
async fn a_title_that_became_part_of_another_is_found_nowhere() {
    let world = World::with(films()).await;
    let ids = world.ingest(&told_twice()).await;
    let (kept, gone) = (ids[0], ids[1]);
    let running = world.start(true).await;
    // In the words, the vectors, the graph and the names.
    let held = async |id: ContentId, beside: ContentId| {
        let listed = async |source: Source| score(&running, "der fährmann", source, id).await.is_some();
        let near = running.search.graph_search(&call(), &[beside], &SearchFilters::default(), None, 20).await.unwrap();
        let names = running.search.autocomplete(&call(), "der fä", 5).await.unwrap();
        let named: Vec<ContentId> = names.iter().filter_map(|name| name.content_id).collect();
        let in_graph = near.iter().any(|hit| hit.content_id == id);
        (listed(Source::Keyword).await, listed(Source::Vector).await, in_graph, named)
    };
    assert_ne!(kept, gone);
    assert_eq!(held(gone, kept).await, (true, true, true, vec![gone]));
    world.join().await;
    running.search.wait_until_caught_up(PATIENCE).await.unwrap();
    assert_eq!(held(gone, kept).await, (false, false, false, vec![kept]), "its name leads to the one it is part of");
    for query in ["the ferryman", "der fährmann"] {
        let found = running.ask(query).await;
        assert_eq!((found.results[0].content.id, found.total_count), (kept, found.results.len() as u64), "{query}");
    }
    // The one that is left stands in each of them once.
    let each =
        [("keyword_index", "10 titles"), ("vector_index", "10 of 10 titles embedded"), ("graph", "10 titles joined")];
    for (index, told) in each {
        assert_eq!(said(&running, index).await, told);
    }
    running.stop().await;
}
