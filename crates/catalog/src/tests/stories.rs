//! Titles that only their overviews tell apart, with a model that counts words.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use contracts::{EmbedError, Embedder, ModelInfo, Vector};
use rstest::rstest;

use super::*;

/// A vector of how often each of a few words occurs: enough to tell stories apart, and it says what it was asked.
struct Words {
    info: ModelInfo,
    asked: AtomicUsize,
    broken: bool,
    /// How long it takes for a text.
    slow: Duration,
}

const WORDS: [&str; 12] =
    ["keeper", "lighthouse", "letter", "harbour", "storm", "island", "robot", "station", "orbit", "war", "crew", "sun"];

#[async_trait]
impl Embedder for Words {
    fn model(&self) -> &ModelInfo {
        &self.info
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Vector>, EmbedError> {
        self.asked.fetch_add(texts.len(), Ordering::SeqCst);
        tokio::time::sleep(self.slow).await;
        if self.broken {
            return Err(EmbedError("of the test".to_owned()));
        }
        let one = |text: &String| {
            let text = text.to_lowercase();
            let counts = WORDS.map(|word| text.matches(word).count() as f32);
            let length = counts.iter().map(|count| count * count).sum::<f32>().sqrt().max(1e-6);
            counts.iter().map(|count| count / length).collect()
        };
        Ok(texts.iter().map(one).collect())
    }
}

async fn bench(engine: &str, broken: bool) -> (Bench, Arc<Words>) {
    bench_with(engine, broken, Duration::ZERO).await
}

async fn bench_with(engine: &str, broken: bool, slow: Duration) -> (Bench, Arc<Words>) {
    let bench = Bench::open(engine).await;
    let info = ModelInfo { name: "words-of-the-test".to_owned(), dimension: WORDS.len() };
    let model = Arc::new(Words { info, asked: AtomicUsize::new(0), broken, slow });
    let catalog = Catalog::new(bench.db(), Arc::clone(&bench.cache), bench.clock.clone(), testkit::rng());
    (Bench { catalog: Arc::new(catalog.with_model(model.clone())), ..bench }, model)
}

const KEEPER: &str = "The keeper of a lighthouse finds a letter in the harbour after a storm.";
const RETOLD: &str = "In the harbour of an island a letter reaches the lighthouse and its keeper in a storm.";
const ROBOT: &str = "A robot and its crew fight a war on a station in orbit of the sun.";

fn wind(source: &str, overview: Option<&str>) -> SourceRecord {
    SourceRecord { overview: overview.map(str::to_owned), ..film(source, "w", "Wind", 2019) }
}

async fn questions(bench: &Bench) -> Vec<String> {
    let open = bench.catalog.reviews(&operator_call(), "open", None, 100).await.unwrap();
    open.into_iter().map(|review| review.evidence).collect()
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn the_story_decides_what_names_leave_open(#[case] engine: &str) {
    let (bench, model) = bench(engine, false).await;
    let first = bench.ingest(&[wind("netflix", Some(KEEPER))]).await;
    assert_eq!(model.asked.load(Ordering::SeqCst), 0, "nothing is uncertain yet");
    let outcomes = bench.ingest(&[wind("hulu", Some(RETOLD)), wind("disney_plus", Some(ROBOT))]).await;
    assert_eq!(actions(&outcomes), [IngestAction::Merged, IngestAction::Created]);
    assert_eq!(outcomes[0].content_id, first[0].content_id);
    assert_eq!(outcomes[0].evidence, "title, year, overviews alike .91");
    assert_eq!(questions(&bench).await, Vec::<String>::new());
    let log = bench.catalog.history(&call(), first[0].content_id).await.unwrap().unwrap().log;
    let mut told: Vec<_> =
        log.iter().map(|line| format!("{} {} {}", line.verdict, line.source, line.evidence)).collect();
    // The clock stands still, so that lines of one batch are in no order.
    told.sort();
    let expected =
        ["joined hulu title, year, overviews alike .91", "kept_apart disney_plus title, year, overviews unlike .00"];
    assert_eq!(told, expected);
    // What is known keeps its title, whatever is said of it later, and the model is not asked again.
    let asked = model.asked.load(Ordering::SeqCst);
    let again = bench.ingest(&[wind("hulu", Some(ROBOT))]).await;
    assert_eq!((again[0].content_id, model.asked.load(Ordering::SeqCst)), (first[0].content_id, asked));
}

#[rstest]
#[case::nobody_tells(None, None, false)]
#[case::one_tells(Some(KEEPER), None, false)]
#[case::too_short(Some("Keeper of a lighthouse."), Some("Keeper of a lighthouse."), false)]
#[case::the_model_fails(Some(KEEPER), Some(RETOLD), true)]
#[tokio::test]
async fn without_two_stories_a_person_is_asked(
    #[case] one: Option<&str>,
    #[case] other: Option<&str>,
    #[case] broken: bool,
) {
    let (bench, model) = bench("sqlite", broken).await;
    let outcomes = [bench.ingest(&[wind("netflix", one)]).await, bench.ingest(&[wind("hulu", other)]).await].concat();
    assert_eq!(actions(&outcomes), [IngestAction::Created, IngestAction::Created]);
    assert_eq!(questions(&bench).await, ["title, year; too little else to go by"]);
    assert_eq!(model.asked.load(Ordering::SeqCst) > 0, broken);
}

#[tokio::test]
async fn a_story_in_another_language_is_no_evidence() {
    let (bench, model) = bench("sqlite", false).await;
    let french = SourceRecord { locale: "fr".parse().unwrap(), ..wind("hulu", Some(ROBOT)) };
    bench.ingest(&[wind("netflix", Some(KEEPER))]).await;
    assert_eq!(actions(&bench.ingest(&[french]).await), [IngestAction::Created]);
    assert_eq!((questions(&bench).await.len(), model.asked.load(Ordering::SeqCst)), (1, 0));
}

#[tokio::test]
async fn no_story_joins_what_is_typed_apart() {
    let (bench, _) = bench("sqlite", false).await;
    let base = wind("netflix", Some(KEEPER));
    bench.ingest(std::slice::from_ref(&base)).await;
    let other = |key: &str| SourceRecord { source_key: key.to_owned(), ..wind("hulu", Some(KEEPER)) };
    let directed = |mut record: SourceRecord, name: &str| {
        record.credits = vec![Credit { name: name.to_owned(), role: CreditRole::Director }];
        record
    };
    let apart = [
        SourceRecord { content_type: ContentType::TvShow, ..other("series") },
        SourceRecord { release_year: Some(2022), ..other("later") },
        SourceRecord { release_year: Some(2020), ..other("next year") },
        SourceRecord { source: "netflix".to_owned(), ..other("listed twice") },
    ];
    for record in apart {
        let key = record.source_key.clone();
        assert_eq!(actions(&bench.ingest(&[record]).await), [IngestAction::Created], "{key}");
    }
    let salt =
        |record: SourceRecord| SourceRecord { title: "Salt".to_owned(), source_key: "salt".to_owned(), ..record };
    bench.ingest(&[directed(salt(base), "Ada Quill")]).await;
    let rival = directed(salt(other("salt")), "Bo Finch");
    assert_eq!(actions(&bench.ingest(&[rival]).await), [IngestAction::Created], "another director");
}

#[tokio::test]
async fn titles_of_one_batch_are_compared_too() {
    let (bench, _) = bench("sqlite", false).await;
    let mixed = [wind("netflix", Some(KEEPER)), wind("hulu", Some(RETOLD)), wind("max", Some(KEEPER))];
    let outcomes = bench.ingest(&mixed).await;
    assert_eq!(actions(&outcomes), [IngestAction::Created, IngestAction::Merged, IngestAction::Merged]);
    assert_eq!(bench.count("content").await, 1);
}

/// Each round makes some titles known better, and those unlock the next: a batch of one name may want more rounds than there are.
#[tokio::test]
async fn a_batch_with_more_namesakes_than_rounds_is_taken_in() {
    let (bench, _) = bench("sqlite", false).await;
    let told = |number: usize| {
        let overview = format!("{KEEPER} It is told for the time number {number}.");
        let source = if number.is_multiple_of(2) { "netflix" } else { "hulu" };
        SourceRecord { source_key: format!("w{number}"), ..wind(source, Some(&overview)) }
    };
    let outcomes = bench.ingest(&(0..200).map(told).collect::<Vec<_>>()).await;
    assert_eq!(outcomes.len(), 200);
    assert_eq!(outcomes[1].action, IngestAction::Merged, "what was embedded decides");
    assert_eq!(bench.count("source_records").await, 200);
}

#[tokio::test]
async fn a_model_that_takes_too_long_is_not_waited_for() {
    let (bench, model) = bench_with("sqlite", false, Duration::from_secs(600)).await;
    bench.ingest(&[wind("netflix", Some(KEEPER))]).await;
    let deadline = bench.clock.now().checked_add(jiff::SignedDuration::from_millis(400)).unwrap();
    let call = Call { deadline, ..operator_call() };
    let outcomes = bench.catalog.ingest(&call, &[wind("hulu", Some(RETOLD))]).await.unwrap();
    assert_eq!((actions(&outcomes), model.asked.load(Ordering::SeqCst)), (vec![IngestAction::Created], 2));
    assert_eq!(questions(&bench).await, ["title, year; too little else to go by"], "a person is asked instead");
}
