//! Search over the real catalogue, SQLite and the embedded stores, with a deterministic embedder in place of a model.
#![allow(clippy::unwrap_used, reason = "a test stops where something is missing")]

mod asked;
mod counting;
mod following;
mod keeping;
mod personal;
mod reading;
mod world;

use std::{
    fs,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use axum::{body::Body, http::Request};
use contracts::{
    Content, ContentId, ContentType, ErrorKind, SearchApi, SearchFilters, SearchRequest, SearchResponse, VectorQuery,
    YearRange,
};
use serde_json::{Value, json};
use stores::events;
use testkit::call;
use world::{Faulty, HASTY, Running, World, films, record};

fn request(query: &str) -> SearchRequest {
    SearchRequest { query: query.to_owned(), ..SearchRequest::default() }
}

fn titles(response: &SearchResponse) -> Vec<String> {
    response.results.iter().map(|result| result.content.title.clone()).collect()
}

#[tokio::test]
async fn words_meaning_and_graph_answer_together() {
    let world = World::with(films()).await;
    let running = world.start(true).await;
    let found = running.ask("90s heist films with Al Pacino").await;
    assert_eq!(titles(&found)[0], "Heat");
    assert_eq!(found.query_parsed.people, ["Al Pacino"]);
    assert_eq!(found.query_parsed.year_range, Some(YearRange { from: Some(1990), to: Some(1999) }));
    assert!(found.results.iter().all(|result| (1990..=1999).contains(&result.content.release_year.unwrap())));
    let heat = &found.results[0];
    assert!(heat.keyword_score > 0.0 && heat.vector_similarity > 0.0 && heat.graph_score > 0.0);
    assert!(heat.match_reasons.contains(&"With Al Pacino".to_owned()), "{:?}", heat.match_reasons);
    assert!(heat.match_reasons.contains(&"From the 1990s".to_owned()), "{:?}", heat.match_reasons);
    assert!(found.degraded.is_empty() && found.search_time_ms > 0.0);

    let like = running.ask("movies like The Matrix").await;
    assert_eq!(titles(&like)[0], "The Matrix Reloaded");
    assert!(!titles(&like).contains(&"The Matrix".to_owned()), "an example is not its own neighbour");
    assert!(like.results[0].match_reasons[0].contains("The Matrix"), "{:?}", like.results[0].match_reasons);

    for (query, first) in [("the matrix", "The Matrix"), ("scarfase", "Scarface"), ("amelie", "Amélie"), ("it", "It")]
    {
        assert_eq!(titles(&running.ask(query).await)[0], first, "{query}");
    }
    running.stop().await;
}

#[tokio::test]
async fn filters_region_and_pages_hold() {
    let world = World::with(films()).await;
    let running = world.start(true).await;
    let with = |query: &str, filters: SearchFilters| SearchRequest { filters, ..request(query) };

    let on_netflix = SearchFilters { platforms: vec!["netflix".to_owned()], ..SearchFilters::default() };
    let found = running.search(&with("", on_netflix.clone())).await;
    let mut offered = titles(&found);
    offered.sort_unstable();
    assert_eq!((offered, found.total_count), (vec!["Heat".to_owned(), "Scarface".to_owned()], 2));
    let here = SearchRequest { region: "DE".parse().ok(), ..with("", on_netflix) };
    assert_eq!(titles(&running.search(&here).await), ["Heat"], "Scarface is offered in the US only");
    assert_eq!(titles(&running.ask("al pacino films on netflix").await).len(), 2);

    let series = SearchFilters { content_types: vec![ContentType::TvShow], ..SearchFilters::default() };
    assert_eq!(titles(&running.search(&with("", series)).await), ["The Wire"]);
    let years = Some(YearRange { from: Some(1998), to: Some(1999) });
    let found = running.search(&with("", SearchFilters { year_range: years, ..SearchFilters::default() })).await;
    assert_eq!(found.total_count, 2);
    let nowhere = SearchFilters { platforms: vec!["mubi".to_owned()], ..SearchFilters::default() };
    let found = running.search(&with("heat", nowhere)).await;
    assert_eq!((found.results.len(), found.total_count), (0, 0));

    let all = running.search(&SearchRequest { page_size: 100, ..request("") }).await;
    let mut paged = Vec::new();
    for page in 1..=6 {
        let found = running.search(&SearchRequest { page, page_size: 2, ..request("") }).await;
        assert_eq!(found.total_count, all.total_count);
        paged.extend(titles(&found));
    }
    assert_eq!(paged, titles(&all));
    let beyond = running.search(&SearchRequest { page: 50, ..request("heat") }).await;
    assert!(beyond.results.is_empty() && beyond.total_count > 0);
    running.stop().await;
}

#[tokio::test]
async fn bad_input_has_a_clear_answer() {
    let world = World::with(films()).await;
    let running = world.start(true).await;
    let genre = SearchFilters { genres: vec!["no_such_genre".to_owned()], ..SearchFilters::default() };
    let backwards = Some(YearRange { from: Some(2000), to: Some(1990) });
    let backwards = SearchFilters { year_range: backwards, ..SearchFilters::default() };
    let many = SearchFilters { platforms: vec!["x".to_owned(); 101], ..SearchFilters::default() };
    let table = [
        (request(&"x".repeat(1 << 20)), "query_too_long", "query"),
        (request(&"é".repeat(2_001)), "query_too_long", "query"),
        (SearchRequest { page: 0, ..request("") }, "bad_page", "page"),
        (SearchRequest { page_size: 0, ..request("") }, "bad_page_size", "page_size"),
        (SearchRequest { page_size: 101, ..request("") }, "bad_page_size", "page_size"),
        (SearchRequest { page: 51, ..request("") }, "page_too_far", "page"),
        (SearchRequest { page: u32::MAX, page_size: 100, ..request("") }, "page_too_far", "page"),
        (SearchRequest { filters: genre, ..request("") }, "unknown_genre", "filters.genres[0]"),
        (SearchRequest { filters: backwards, ..request("") }, "bad_year_range", "filters.year_range.from"),
        (SearchRequest { filters: many, ..request("") }, "filter_too_large", "filters.platforms"),
    ];
    for (request, code, field) in table {
        let error = running.search.search(&call(), &request).await.unwrap_err();
        assert_eq!((error.kind, &*error.code), (ErrorKind::InvalidArgument, code));
        assert_eq!(error.fields[0].field, field);
    }
    let all = running.ask("").await.total_count;
    for query in ["\u{0}\u{1}\u{7f}", " \t\n "] {
        assert_eq!(running.ask(query).await.total_count, all, "{query:?} is nothing but space");
    }
    assert_eq!(running.ask(&"🎬".repeat(500)).await.total_count, 0);
    assert!(running.ask("the of and").await.results.iter().any(|result| result.content.title == "The Matrix"));
    assert_eq!(titles(&running.ask("he\u{0}at").await).len(), titles(&running.ask("he at").await).len());
    assert!(!running.ask(&"матрица matrix 千と千尋 ".repeat(80)).await.results.is_empty());
    let wrong = VectorQuery { embedding: vec![1.0; 3], filters: SearchFilters::default(), region: None, limit: 5 };
    let error = running.search.vector_search(&call(), &wrong).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidArgument);
    running.stop().await;
}

/// A search that asks for a thing and against it, how many titles it finds where that is certain, and what none of these
/// is.
type Contradiction = (Value, Option<u64>, fn(&Content) -> bool);

#[tokio::test]
async fn what_contradicts_itself_has_a_defined_answer() {
    let world = World::with(films()).await;
    let running = world.start(true).await;
    let of = |body: &Value| serde_json::from_value::<SearchRequest>(body.clone()).unwrap();
    let years = json!({ "from": 1990, "to": 1999 });
    let nineties = json!({ "query": "crime films after 2015", "filters": { "year_range": years } });
    let table: [Contradiction; 6] = [
        // What is not wanted wins over what is.
        (json!({ "intent": { "genres": ["horror"], "exclude": { "genres": ["horror"] } } }), None, |title| {
            title.genres.contains(&"horror".to_owned())
        }),
        (json!({ "intent": { "people": ["Al Pacino"], "exclude": { "people": ["Al Pacino"] } } }), None, |title| {
            title.credits.iter().any(|credit| credit.name == "Al Pacino")
        }),
        (json!({ "intent": { "platforms": ["netflix"], "exclude": { "platforms": ["netflix"] } } }), Some(0), |_| true),
        (json!({ "query": "crime films not on netflix", "filters": { "platforms": ["netflix"] } }), Some(0), |_| true),
        // A filter wins over the words.
        (json!({ "query": "films with al pacino", "filters": { "content_types": ["tv_show"] } }), None, |title| {
            title.content_type == ContentType::Movie
        }),
        (nineties.clone(), None, |title| !title.release_year.is_some_and(|year| (1990..=1999).contains(&year))),
    ];
    for (body, total, never) in &table {
        let started = Instant::now();
        let found = running.search(&of(body)).await;
        assert!(started.elapsed() < Duration::from_secs(15), "{body}: {:?}", started.elapsed());
        assert!(total.is_none_or(|total| found.total_count == total), "{body}: {}", found.total_count);
        assert!(!found.results.iter().any(|result| never(&result.content)), "{body}: {:?}", titles(&found));
    }
    assert!(titles(&running.search(&of(&nineties)).await).contains(&"Heat".to_owned()));
    let turned = json!({ "intent": { "text": "heat", "year_range": { "from": 2000, "to": 1990 } } });
    let error = running.search.search(&call(), &of(&turned)).await.unwrap_err();
    assert_eq!((&*error.code, &*error.fields[0].field), ("bad_year_range", "intent.year_range.from"));
    running.stop().await;
}

#[tokio::test]
async fn without_a_model_words_and_graph_answer() {
    let world = World::with(films()).await;
    let running = world.start(false).await;
    let found = running.ask("heat").await;
    assert_eq!(titles(&found)[0], "Heat");
    assert_eq!(found.degraded[0].source, "vector");
    assert!(found.degraded[0].reason.contains("no embedding model"));
    assert_eq!(titles(&running.ask("movies like the matrix").await)[0], "The Matrix Reloaded");
    let components = running.search.components().await;
    let model = components.iter().find(|component| component.name == "embedding_model").unwrap();
    assert_eq!(model.state, contracts::ComponentState::Degraded);
    let query = VectorQuery { embedding: vec![1.0], filters: SearchFilters::default(), region: None, limit: 5 };
    assert_eq!(running.search.vector_search(&call(), &query).await.unwrap_err().kind, ErrorKind::Unavailable);
    running.stop().await;
}

#[tokio::test]
async fn a_broken_or_slow_model_is_left_out() {
    let mut world = World::with(films()).await;
    world.patience = HASTY;
    let running = world.start(true).await;
    world.model.broken.store(true, Ordering::SeqCst);
    let found = running.ask("robbers").await;
    assert_eq!((titles(&found)[0].as_str(), found.degraded[0].source.as_str()), ("Heat", "vector"));
    world.model.broken.store(false, Ordering::SeqCst);
    world.model.slow.store(true, Ordering::SeqCst);
    let started = Instant::now();
    let found = running.ask("hacker").await;
    let elapsed = started.elapsed();
    assert!(elapsed < 5 * HASTY, "a late source is not waited for");
    assert_eq!((titles(&found)[0].as_str(), found.degraded[0].source.as_str()), ("The Matrix", "vector"));
    // What the answer says it took is what it took: all the time that a source has.
    let (least, most) = (HASTY.as_secs_f64() * 1_000.0, elapsed.as_secs_f64() * 1_000.0);
    assert!((least..=most).contains(&found.search_time_ms), "{} ms", found.search_time_ms);
    world.model.slow.store(false, Ordering::SeqCst);
    let found = running.ask("hacker").await;
    assert!(found.degraded.is_empty());
    let kept = running.ask("hacker").await;
    assert!(kept.search_time_ms < least && kept.search_time_ms != found.search_time_ms, "{} ms", kept.search_time_ms);
    running.stop().await;
}

#[tokio::test]
async fn vectors_that_can_not_be_read_or_only_late_are_left_out() {
    let mut world = World::with(films()).await;
    world.patience = HASTY;
    let running = world.start(true).await;
    let heat = running.ask("heat").await.results[0].content.id;
    for (fault, told, query, first) in [
        (&world.disk.broken, "it can't answer at the moment", "robbers heist", "Heat"),
        (&world.disk.slow, "it did not answer in time", "hacker simulation", "The Matrix"),
    ] {
        fault.store(true, Ordering::SeqCst);
        let started = Instant::now();
        let found = running.ask(query).await;
        let like = running.search.similar(&call(), heat, None, 5).await.unwrap();
        assert!(started.elapsed() < 5 * HASTY, "{told}: {:?}", started.elapsed());
        for lacking in [&found.degraded, &like.degraded] {
            let lacking: Vec<_> = lacking.iter().map(|part| (part.source.as_str(), part.reason.as_str())).collect();
            assert_eq!(lacking, [("vector", told)]);
        }
        assert_eq!((titles(&found)[0].as_str(), found.results[0].vector_similarity), (first, 0.0));
        assert_eq!((like.results[0].content.title.as_str(), like.results[0].vector_similarity), ("Scarface", 0.0));
        fault.store(false, Ordering::SeqCst);
        assert!(running.ask(query).await.degraded.is_empty(), "{told}: it was kept");
    }
    running.stop().await;
}

#[tokio::test]
async fn vectors_of_768_components_answer_and_outlive_a_restart() {
    let world = World::of_dimension(768, films()).await;
    world.start(true).await.stop().await;
    let embedded = world.model.texts.load(Ordering::SeqCst);
    let running = world.start(true).await;
    assert_eq!(world.model.texts.load(Ordering::SeqCst), embedded, "nothing is embedded twice");
    let found = running.ask("robbers planning one last heist").await;
    assert!(found.degraded.is_empty() && titles(&found)[0] == "Heat" && found.results[0].vector_similarity > 0.5);
    let wide = |dimension| VectorQuery {
        embedding: vec![1.0; dimension],
        filters: SearchFilters::default(),
        region: None,
        limit: 3,
    };
    assert_eq!(running.search.vector_search(&call(), &wide(768)).await.unwrap().len(), 3);
    let narrow = running.search.vector_search(&call(), &wide(384)).await.unwrap_err();
    assert_eq!(narrow.kind, ErrorKind::InvalidArgument);
    running.stop().await;
}

/// Waits until it is seen.
async fn until(what: &str, seen: impl AsyncFn() -> bool) {
    let since = Instant::now();
    while !seen().await {
        assert!(since.elapsed() < Duration::from_secs(60), "{what} are not seen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How long a new title takes to be found by its words, its story, its name, and beside another of its director's.
async fn is_found(world: &World, running: &Running, beside: ContentId, name: &str, story: &str) -> Duration {
    let (since, head) = (Instant::now(), events::head(&world.db).await.unwrap());
    world.ingest(&[record(name, 2004, ContentType::Movie, &["crime"], &["Michael Mann"], story)]).await;
    assert!(events::head(&world.db).await.unwrap() > head);
    let beginning: Vec<&str> = story.split(' ').take(5).collect();
    let (word, question) = (name.to_lowercase(), beginning.join(" ").to_lowercase());
    until("the words", async || titles(&running.ask(&word).await).first().is_some_and(|title| title == name)).await;
    until("the vectors", async || {
        let found = running.ask(&question).await;
        found.results.first().is_some_and(|it| it.content.title == name && it.vector_similarity > 0.0)
    })
    .await;
    until("the names", async || {
        let names = running.search.autocomplete(&call(), &word[..5], 5).await.unwrap();
        names.iter().any(|found| found.text == name)
    })
    .await;
    until("the graph", async || {
        let like = running.search.similar(&call(), beside, None, 10).await.unwrap();
        like.results.iter().any(|it| it.content.title == name && it.graph_score > 0.0)
    })
    .await;
    since.elapsed()
}

#[tokio::test]
async fn changes_are_found_within_two_seconds() {
    let world = World::with(films()).await;
    let running = world.start(true).await;
    let heat = running.ask("heat").await.results[0].content.id;
    let embedded = world.model.texts.load(Ordering::SeqCst);
    let new = [
        ("Collateral", "A cabbie chauffeurs a stranger through the night."),
        ("Quillmark", "A safecracker borrows a bulldozer during the storm."),
        ("Harrowgate", "A profiler forges a postcard before the trial."),
    ];
    let mut took = Vec::new();
    for (name, story) in new {
        took.push(is_found(&world, &running, heat, name, story).await);
    }
    // One may meet a disk that is busy; that none of them is in time is no disk's doing.
    assert!(took.iter().any(|took| *took < Duration::from_secs(2)), "{took:?}");
    running.search.wait_until_caught_up(Duration::from_secs(60)).await.unwrap();
    let texts = world.model.texts.load(Ordering::SeqCst) - embedded;
    assert_eq!(texts, 3 * 4, "the facts and the story of each new title, and two questions");
    let (progress, all) = (running.search.progress(), (films().len() + new.len()) as u64);
    assert_eq!((progress.indexed, progress.total, progress.lag), (all, all, 0));
    running.stop().await;
}

/// What a set of questions finds, to compare indexes by.
async fn answers(running: &world::Running) -> Vec<(String, Vec<String>)> {
    let mut answers = Vec::new();
    for query in ["heat", "movies like the matrix", "al pacino", "a clown haunts a town", "solaris", "comedies", ""] {
        answers.push((query.to_owned(), titles(&running.ask(query).await)));
    }
    answers
}

#[tokio::test]
async fn a_kill_between_the_two_commits_changes_no_answer() {
    let world = World::with(films()).await;
    world.start(true).await.stop().await;
    let vectors = world.vectors_file();
    let before = fs::read(&vectors).unwrap();
    world.ingest(&[record("Solaris", 1972, ContentType::Movie, &["science_fiction"], &["Andrei Tarkovsky"], "")]).await;
    let running = world.start(true).await;
    let expected = answers(&running).await;
    running.stop().await;
    // The keyword index committed, and the vector index did not: it is as it was before the event.
    fs::write(&vectors, before).unwrap();
    let running = world.start(true).await;
    assert_eq!(answers(&running).await, expected);
    running.stop().await;
}

#[tokio::test]
async fn a_lost_or_damaged_index_is_rebuilt_to_the_same_answers() {
    let world = World::with(films()).await;
    let running = world.start(true).await;
    let expected = answers(&running).await;
    running.stop().await;
    let meta = world.folder.path().join("index/keyword/meta.json");
    fs::write(&meta, "not json").unwrap();
    let running = world.start(true).await;
    assert_eq!(answers(&running).await, expected);
    running.stop().await;
    fs::remove_dir_all(world.folder.path().join("index")).unwrap();
    fs::remove_file(world.vectors_file()).unwrap();
    let running = world.start(true).await;
    assert_eq!(answers(&running).await, expected);
    running.stop().await;
}

#[tokio::test]
async fn an_index_that_the_log_no_longer_reaches_is_filled_anew() {
    let world = World::with(films()).await;
    world.start(true).await.stop().await;
    world.ingest(&[record("Solaris", 1972, ContentType::Movie, &["science_fiction"], &[], "")]).await;
    world.ingest(&[record("Stalker", 1979, ContentType::Movie, &["science_fiction"], &[], "")]).await;
    let gone = "DELETE FROM events WHERE position < (SELECT position FROM event_head)";
    world.db.execute(gone, stores::args![]).await.unwrap();
    let embedded = world.model.texts.load(Ordering::SeqCst);
    let running = world.start(true).await;
    assert_eq!(world.model.texts.load(Ordering::SeqCst) - embedded, 2, "only the new texts are embedded");
    assert_eq!(titles(&running.ask("solaris").await)[0], "Solaris");
    assert_eq!(titles(&running.ask("stalker").await)[0], "Stalker");
    running.stop().await;
}

#[tokio::test]
async fn a_failing_catalogue_is_waited_for_and_a_poisonous_title_passed_over() {
    let world = World::with(films()).await;
    let faulty = Faulty::around(&world);
    faulty.failures.store(3, Ordering::SeqCst);
    let running = world.start_over(true, faulty.clone()).await;
    assert_eq!(titles(&running.ask("heat").await)[0], "Heat");
    let ids = world
        .ingest(&[
            record("Poison", 1999, ContentType::Movie, &[], &[], ""),
            record("Solaris", 1972, ContentType::Movie, &[], &[], ""),
        ])
        .await;
    *faulty.poison.lock().unwrap() = Some(ids[0]);
    running.search.wait_until_caught_up(Duration::from_secs(60)).await.unwrap();
    *faulty.poison.lock().unwrap() = None;
    assert_eq!(titles(&running.ask("solaris").await)[0], "Solaris");
    running.stop().await;
}

#[tokio::test]
async fn seeds_lead_to_their_neighbours_within_the_filters() {
    let world = World::with(films()).await;
    let running = world.start(false).await;
    let heat = running.ask("heat").await.results[0].content.id;
    let filters = SearchFilters::default();
    let near = running.search.graph_search(&call(), &[heat], &filters, None, 10).await.unwrap();
    assert!(!near.is_empty() && near.iter().all(|hit| hit.content_id != heat));
    let series = SearchFilters { content_types: vec![ContentType::TvShow], ..filters.clone() };
    let series = running.search.graph_search(&call(), &[heat], &series, None, 10).await.unwrap();
    assert_eq!(series.len(), 1, "The Wire shares the genre");
    assert!(running.search.graph_search(&call(), &[heat; 101], &filters, None, 10).await.is_err());
    assert!(running.search.graph_search(&call(), &[heat], &filters, None, 0).await.is_err());
    running.stop().await;
}

#[tokio::test]
async fn the_routes_answer_and_refuse() {
    let mut world = World::with(films()).await;
    world.patience = HASTY;
    let running = world.start(true).await;
    let frame = http_api::Frame {
        clock: testkit::clock(),
        rng: testkit::rng(),
        timeout: Duration::from_secs(5),
        operator_token: None,
        access: None,
        cursor_key: [0; 32],
    };
    let (router, _) = search::routes(running.search.clone()).split_for_parts();
    let router = router.layer(http_api::frame_layer(frame.into()));
    let post = |body: &str| {
        let request = Request::post("/api/v1/search").header("content-type", "application/json");
        request.body(Body::from(body.to_owned())).unwrap()
    };
    let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    let table = [
        (post(r#"{"query": "the matrix"}"#), 200, "\"title\":\"The Matrix\""),
        (get("/api/v1/search?q=the%20matrix&type=movie&year_from=1999&page_size=1"), 200, "\"page_size\":1"),
        (get("/api/v1/content/search?q=wire&type=tv_show"), 200, "The Wire"),
        (get("/api/v1/search/suggestions?q=matr"), 200, r#"["The Matrix","The Matrix Reloaded"]"#),
        (get("/api/v1/search/autocomplete?q=matr&limit=1"), 200, r#""text":"The Matrix","kind":"title""#),
        (get("/api/v1/discover"), 200, r#""id":"genre:crime""#),
        (get("/api/v1/discover?from=1&rows=1"), 200, r#""rows":[{"id":"genre:"#),
        (get("/api/v1/discover?rows=0"), 400, "bad_rows"),
        (get("/api/v1/discover?from=101"), 400, "bad_rows"),
        (get("/api/v1/discover?region=XX"), 400, "unknown_region"),
        (get("/api/v1/content/00000000-0000-0000-0000-000000000007/similar"), 404, "unknown_content"),
        (get("/api/v1/content/nothing/similar"), 400, "invalid_path"),
        (get("/api/v1/search?q=%FF%FE"), 400, "bad_encoding"),
        (get("/api/v1/search?q=x&platform=netflx"), 400, r#""field":"platform""#),
        (get("/api/v1/search?q=x&language=klingonese"), 400, "unknown_language"),
        (get("/api/v1/search?q=x&language=ko%00"), 400, "unknown_language"),
        (get("/api/v1/search?q=x&genre=drama%00"), 400, "unknown_genre"),
        (get("/api/v1/search?q=x&platform=netflix%00"), 400, "unknown_platform"),
        (get("/api/v1/search?q=x&person=al%00pacino"), 400, r#""field":"person""#),
        (get("/api/v1/search?q=x&type=movie%00"), 400, "unknown_content_type"),
        (post("[]"), 400, "invalid_field"),
        (post(r#"{"intent": {"text": "heat", "colour": 1}}"#), 400, "unknown_field"),
        (post(r#"{"intent": {"like": ["Zyzzyx"]}}"#), 400, "unknown_title"),
        (post(r#"{"intent": {"moods": ["purple"]}}"#), 400, "unknown_mood"),
        (post(r#"{"intent": {"exclude": {"genres": ["purple"]}}}"#), 400, "intent.exclude.genres"),
        (post(r#"{"query": "x", "colour": 1}"#), 400, "unknown_field"),
        (post(r#"{"query": "x", "region": "XX"}"#), 400, "unknown_region"),
        (post(r#"{"page": 99, "page_size": 99}"#), 400, "page_too_far"),
        (get("/api/v1/search?q=x&type=game"), 400, "unknown_content_type"),
        (get("/api/v1/search?q=x&colour=1"), 400, "unknown_field"),
    ];
    for (request, status, part) in table {
        let asked = request.uri().to_string();
        let response = tower::ServiceExt::oneshot(router.clone(), request).await.unwrap();
        let answered = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert_eq!(answered, status, "{asked}: {body}");
        assert!(body.contains(part), "{asked}: {body}");
    }
    // A source that is late is left out, and the answer over HTTP says so in time.
    world.model.slow.store(true, Ordering::SeqCst);
    let started = Instant::now();
    let response = tower::ServiceExt::oneshot(router, post(r#"{"query": "a simulation of the world"}"#)).await.unwrap();
    assert!(response.status() == 200 && started.elapsed() < 5 * HASTY);
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let found: SearchResponse = serde_json::from_slice(&body).unwrap();
    assert_eq!((titles(&found)[0].as_str(), found.degraded[0].source.as_str()), ("The Matrix", "vector"));
    running.stop().await;
}
