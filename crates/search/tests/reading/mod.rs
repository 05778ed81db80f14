//! A language model that reads queries: what the answer is while it does not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use contracts::{
    Call, ContentType, FacetField, IntentError, IntentReader, ParsedBy, ParsedIntent, SearchApi, SearchFilters,
    SearchRequest, YearRange,
};
use jiff::ToSpan as _;
use testkit::call;

use crate::{
    titles,
    world::{HASTY, World, films},
};

/// Stands for a model beside us: it reads every query as the search for one word, or fails, or never answers.
#[derive(Default)]
struct Model {
    fails: AtomicBool,
    hangs: AtomicBool,
    asked: AtomicU32,
}

#[async_trait]
impl IntentReader for Model {
    fn model(&self) -> &str {
        "of-the-test"
    }

    async fn read(&self, query: &str) -> Result<ParsedIntent, IntentError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.fails.load(Ordering::SeqCst) {
            return Err(IntentError("it lost its tongue".to_owned()));
        }
        let word = query.split(' ').next_back().unwrap_or_default();
        Ok(ParsedIntent { text: word.to_owned(), confidence: 0.9, ..ParsedIntent::default() })
    }

    fn trouble(&self) -> Option<String> {
        None
    }
}

#[tokio::test]
async fn a_model_that_hangs_costs_a_moment_and_our_own_parser_reads() {
    let mut world = World::with(films()).await;
    let model = Arc::new(Model::default());
    world.intents = Some(model.clone());
    world.patience = HASTY;
    let running = world.start(true).await;
    let found = running.ask("please find heat").await;
    assert_eq!((found.parsed_by, titles(&found)[0].as_str()), (ParsedBy::Model, "Heat"));
    model.hangs.store(true, Ordering::SeqCst);
    let started = Instant::now();
    let found = running.ask("the matrix").await;
    assert!(started.elapsed() < 5 * HASTY, "it was waited for: {:?}", started.elapsed());
    assert_eq!((found.parsed_by, titles(&found)[0].as_str()), (ParsedBy::Offline, "The Matrix"));
    assert_eq!(found.degraded.iter().map(|part| part.source.as_str()).collect::<Vec<_>>(), ["intent_model"]);
    // Whoever has little time gives the model a part of that.
    let hurried = Call { deadline: world.clock.now() + 2.seconds(), ..call() };
    let request = SearchRequest { query: "scarface".to_owned(), ..SearchRequest::default() };
    let started = Instant::now();
    let found = running.search.search(&hurried, &request).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    assert_eq!(titles(&found)[0], "Scarface");
    model.hangs.store(false, Ordering::SeqCst);
    assert_eq!(running.ask("the matrix").await.parsed_by, ParsedBy::Model, "and what it missed was not kept");
    assert_eq!(model.asked.load(Ordering::SeqCst), 4);
    running.stop().await;
}

#[tokio::test]
async fn a_query_is_read_once_however_many_facets_are_counted_anew() {
    let mut world = World::with(films()).await;
    let model = Arc::new(Model::default());
    world.intents = Some(model.clone());
    let running = world.start(true).await;
    model.fails.store(true, Ordering::SeqCst);
    let ticked = SearchFilters {
        genres: vec!["crime".to_owned()],
        content_types: vec![ContentType::Movie],
        year_range: Some(YearRange { from: Some(1990), to: Some(1999) }),
        ..SearchFilters::default()
    };
    let of = |filters: SearchFilters, facets: &[FacetField]| SearchRequest {
        query: "films".to_owned(),
        filters,
        facets: facets.to_vec(),
        ..SearchRequest::default()
    };
    let found = running.search(&of(ticked.clone(), FacetField::ALL)).await;
    assert_eq!(model.asked.load(Ordering::SeqCst), 1, "three facets are counted as if they were not filtered");
    assert_eq!((found.parsed_by, titles(&found)), (ParsedBy::Offline, vec!["Heat".to_owned()]));
    assert_eq!(found.degraded.iter().map(|part| part.source.as_str()).collect::<Vec<_>>(), ["intent_model"]);
    let decades = found.facets[&FacetField::Decades].iter().map(|one| format!("{} {}", one.value, one.count));
    assert_eq!(decades.collect::<Vec<_>>(), ["1980 1", "1990 1"]);
    for (field, filters) in [
        (FacetField::Genres, SearchFilters { genres: Vec::new(), ..ticked.clone() }),
        (FacetField::ContentTypes, SearchFilters { content_types: Vec::new(), ..ticked.clone() }),
        (FacetField::Decades, SearchFilters { year_range: None, ..ticked }),
    ] {
        let alone = running.search(&of(filters, &[field])).await;
        assert_eq!(found.facets[&field], alone.facets[&field], "what each value brings by itself");
    }
    running.stop().await;
}
