//! A language model that reads queries: what the answer is while it does not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use contracts::{Call, IntentError, IntentReader, ParsedBy, ParsedIntent, SearchApi, SearchRequest};
use jiff::ToSpan as _;
use testkit::call;

use crate::{
    titles,
    world::{World, films},
};

/// Stands for a model beside us: it reads every query as the search for one word, or never answers.
#[derive(Default)]
struct Model {
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
    let running = world.start(true).await;
    let found = running.ask("please find heat").await;
    assert_eq!((found.parsed_by, titles(&found)[0].as_str()), (ParsedBy::Model, "Heat"));
    model.hangs.store(true, Ordering::SeqCst);
    let started = Instant::now();
    let found = running.ask("the matrix").await;
    assert!(started.elapsed() < Duration::from_secs(2), "it was waited for: {:?}", started.elapsed());
    assert_eq!((found.parsed_by, titles(&found)[0].as_str()), (ParsedBy::Offline, "The Matrix"));
    assert_eq!(found.degraded.iter().map(|part| part.source.as_str()).collect::<Vec<_>>(), ["intent_model"]);
    // Whoever has little time gives the model a part of that.
    let hurried = Call { deadline: world.clock.now() + 400.milliseconds(), ..call() };
    let request = SearchRequest { query: "scarface".to_owned(), ..SearchRequest::default() };
    let started = Instant::now();
    let found = running.search.search(&hurried, &request).await.unwrap();
    assert!(started.elapsed() < Duration::from_millis(1_500), "{:?}", started.elapsed());
    assert_eq!(titles(&found)[0], "Scarface");
    model.hangs.store(false, Ordering::SeqCst);
    assert_eq!(running.ask("the matrix").await.parsed_by, ParsedBy::Model, "and what it missed was not kept");
    assert_eq!(model.asked.load(Ordering::SeqCst), 4);
    running.stop().await;
}
