//! What the tests of search stand on: a catalogue of a few titles, and a search that follows it.

use std::{
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use catalog::Catalog;
use contracts::{
    ApiError, AvailabilityType, Call, Caller, CatalogApi, Clock, Content, ContentId, ContentType, Credit, CreditRole,
    Directory, EmbedError, Embedder, ExternalId, IngestOutcome, IntentReader, ListQuery, Locale, ModelInfo,
    NeutralBoost, PersonalBoost, Result, Scored, SearchApi, SearchRequest, SearchResponse, SourceOffer, SourceRecord,
    Trace, Vector,
};
use search::{Search, SearchConfig};
use stores::{
    cache::Cache,
    events::Head,
    vectors::{Point, VectorError, VectorFilter, VectorIndex},
};
use stores_embedded::ExactVectors;
use tempfile::TempDir;
use testkit::TestDb;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long a source may take where one is late: long enough for those that are not, on a busy machine too.
pub const HASTY: Duration = Duration::from_secs(2);

/// A catalogue in a database of its own, a model, and a folder for the indexes.
pub struct World {
    pub db: TestDb,
    pub folder: TempDir,
    pub model: Arc<HashingModel>,
    /// How the vectors can be read.
    pub disk: Arc<Disk>,
    /// The time of the searches that are started.
    pub clock: Clock,
    /// What they know of whoever asks.
    pub boost: Arc<dyn PersonalBoost>,
    /// How many titles each of their sources brings in.
    pub depth: usize,
    /// How long each of their sources may take.
    pub patience: Duration,
    /// Who reads queries for them.
    pub intents: Option<Arc<dyn IntentReader>>,
    /// Where they keep answers together; each has a place of its own where there is none.
    pub cache: Option<Arc<dyn Cache>>,
    catalog: Arc<Catalog>,
}

/// A search with its workers.
pub struct Running {
    pub search: Arc<Search>,
    stop: CancellationToken,
    workers: JoinHandle<()>,
}

impl World {
    pub async fn with(records: Vec<SourceRecord>) -> Self {
        Self::of_dimension(64, records).await
    }

    /// With a model of so many components.
    pub async fn of_dimension(dimension: usize, records: Vec<SourceRecord>) -> Self {
        let db = testkit::sqlite().await;
        let catalog = Arc::new(Catalog::new(db.db(), testkit::cache(), testkit::clock(), testkit::rng()));
        let (model, folder) = (Arc::new(HashingModel::new(dimension)), TempDir::new().unwrap());
        let (clock, boost) = (testkit::clock(), Arc::new(NeutralBoost));
        let (depth, patience, disk) = (SearchConfig::default().depth, Duration::from_secs(20), Arc::default());
        let (intents, cache) = (None, None);
        let world = Self { db, folder, model, disk, clock, boost, depth, patience, intents, cache, catalog };
        world.ingest(&records).await;
        world
    }

    pub async fn ingest(&self, records: &[SourceRecord]) -> Vec<ContentId> {
        let outcomes = self.catalog.ingest(&testkit::operator_call(), records).await.unwrap();
        outcomes.into_iter().map(|outcome| outcome.content_id).collect()
    }

    /// Answers every question about what is one title with yes: the one that raised it becomes part of the other.
    pub async fn join(&self) {
        let operator = testkit::operator_call();
        for question in self.catalog.reviews(&operator, "open", None, 100).await.unwrap() {
            self.catalog.decide(&operator, question.id, true).await.unwrap();
        }
    }

    /// A call by nobody we know that has 30 s, by the time as it is.
    pub fn call(&self) -> Call {
        Call::new(Caller::Anonymous, Trace::start(&testkit::rng()), &self.clock, Duration::from_secs(30))
    }

    pub fn vectors_file(&self) -> PathBuf {
        self.folder.path().join("vectors")
    }

    pub async fn start(&self, with_model: bool) -> Running {
        self.start_over(with_model, self.catalog.clone()).await
    }

    pub async fn start_over(&self, with_model: bool, catalog: Arc<dyn CatalogApi>) -> Running {
        let running = self.begin_over(with_model, catalog).await;
        running.search.wait_until_caught_up(Duration::from_secs(60)).await.unwrap();
        running
    }

    /// Starts and does not wait.
    pub async fn begin_over(&self, with_model: bool, catalog: Arc<dyn CatalogApi>) -> Running {
        self.begin(with_model, false, catalog).await
    }

    pub async fn begin(&self, with_model: bool, warm_up: bool, catalog: Arc<dyn CatalogApi>) -> Running {
        let vectors = with_model.then(|| {
            let index = ExactVectors::open(&self.vectors_file(), self.model.model().clone()).unwrap();
            Arc::new(OnDisk { index, disk: self.disk.clone() }) as Arc<dyn VectorIndex>
        });
        let embedder = with_model.then(|| self.model.clone() as Arc<dyn Embedder>);
        let search = Search::open(
            &self.folder.path().join("index"),
            self.db.db(),
            catalog,
            vectors,
            embedder,
            self.cache.clone().unwrap_or_else(testkit::cache),
            self.clock.clone(),
            testkit::rng(),
            SearchConfig { source_timeout: self.patience, depth: self.depth, warm_up, ..SearchConfig::default() },
        );
        let search = search.unwrap().with_boost(self.boost.clone()).with_intents(self.intents.clone());
        let (search, stop) = (Arc::new(search), CancellationToken::new());
        let workers = tokio::spawn({
            let (search, stop, head) = (search.clone(), stop.clone(), Head::watch(self.db.db()));
            async move { search.follow(head, stop).await }
        });
        Running { search, stop, workers }
    }
}

impl Running {
    pub async fn search(&self, request: &SearchRequest) -> SearchResponse {
        self.search.search(&testkit::call(), request).await.unwrap()
    }

    /// Asks from this many networks, each once.
    pub async fn ask_from(&self, networks: u64, query: &str) {
        for origin in 1..=networks {
            let call = Call { origin: Some(origin), ..testkit::call() };
            let request = SearchRequest { query: query.to_owned(), ..SearchRequest::default() };
            self.search.search(&call, &request).await.unwrap();
        }
    }

    pub async fn ask(&self, query: &str) -> SearchResponse {
        self.search(&SearchRequest { query: query.to_owned(), ..SearchRequest::default() }).await
    }

    /// Ends the workers wherever they are.
    pub async fn cut(self) {
        self.workers.abort();
        let _ = self.workers.await;
    }

    /// Stops the workers and lets go of the folder.
    pub async fn stop(self) {
        self.stop.cancel();
        self.workers.await.unwrap();
    }
}

/// Waits for as long as this is so.
async fn held(so: &AtomicBool) {
    while so.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Stands for a sentence model: each word adds a direction that its hash chooses, so that shared words mean nearness.
pub struct HashingModel {
    info: ModelInfo,
    /// Texts embedded so far.
    pub texts: AtomicU64,
    pub broken: AtomicBool,
    pub slow: AtomicBool,
}

impl HashingModel {
    fn new(dimension: usize) -> Self {
        let info = ModelInfo { name: "hashing-test".to_owned(), dimension };
        Self { info, texts: AtomicU64::new(0), broken: AtomicBool::new(false), slow: AtomicBool::new(false) }
    }

    fn vector(&self, text: &str) -> Vector {
        let mut vector = vec![0.0_f32; self.info.dimension];
        for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(word);
            vector[(hash % self.info.dimension as u64) as usize] += if hash & 64 == 0 { 1.0 } else { -1.0 };
        }
        vector[0] += 0.01;
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        vector.iter().map(|x| x / length).collect()
    }
}

#[async_trait]
impl Embedder for HashingModel {
    fn model(&self) -> &ModelInfo {
        &self.info
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Vector>, EmbedError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(EmbedError("it is broken".to_owned()));
        }
        held(&self.slow).await;
        self.texts.fetch_add(texts.len() as u64, Ordering::SeqCst);
        Ok(texts.iter().map(|text| self.vector(text)).collect())
    }
}

/// A disk that can't be read, or takes its time, when it is told to.
#[derive(Default)]
pub struct Disk {
    pub broken: AtomicBool,
    pub slow: AtomicBool,
}

/// The real vectors on such a disk.
struct OnDisk {
    index: ExactVectors,
    disk: Arc<Disk>,
}

#[async_trait]
impl VectorIndex for OnDisk {
    fn model(&self) -> &ModelInfo {
        self.index.model()
    }

    async fn upsert(&self, points: Vec<Point>, cursor: i64) -> Result<(), VectorError> {
        self.index.upsert(points, cursor).await
    }

    async fn remove(&self, ids: &[ContentId]) -> Result<(), VectorError> {
        self.index.remove(ids).await
    }

    async fn cursor(&self) -> Result<Option<i64>, VectorError> {
        self.index.cursor().await
    }

    async fn text_hashes(&self, ids: &[ContentId]) -> Result<Vec<Option<u64>>, VectorError> {
        self.index.text_hashes(ids).await
    }

    async fn vectors(&self, id: ContentId) -> Result<Vec<Vector>, VectorError> {
        self.index.vectors(id).await
    }

    async fn search(&self, vector: &[f32], limit: usize, filter: &VectorFilter) -> Result<Vec<Scored>, VectorError> {
        if self.disk.broken.load(Ordering::SeqCst) {
            return Err(VectorError::Io("a sector can't be read".to_owned()));
        }
        held(&self.disk.slow).await;
        self.index.search(vector, limit, filter).await
    }

    async fn len(&self) -> Result<usize, VectorError> {
        self.index.len().await
    }

    async fn clear(&self) -> Result<(), VectorError> {
        self.index.clear().await
    }
}

/// The real catalogue behind a connection that fails when it is told to.
pub struct Faulty {
    catalog: Arc<Catalog>,
    /// How many of the next calls fail.
    pub failures: AtomicU32,
    /// Whether lists and the directory are held back until it is not.
    pub stalled: AtomicBool,
    /// The title that makes any call fail that asks for it.
    pub poison: Mutex<Option<ContentId>>,
}

impl Faulty {
    pub fn around(world: &World) -> Arc<Self> {
        let (failures, stalled) = (AtomicU32::new(0), AtomicBool::new(false));
        Arc::new(Self { catalog: world.catalog.clone(), failures, stalled, poison: Mutex::new(None) })
    }

    fn fail(&self) -> Result<()> {
        let left = self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_ok() { Err(ApiError::unavailable("no_catalogue", "the line is cut")) } else { Ok(()) }
    }
}

#[async_trait]
impl CatalogApi for Faulty {
    async fn titles(&self, call: &Call, ids: &[ContentId]) -> Result<Vec<Content>> {
        self.fail()?;
        let poison = *self.poison.lock().unwrap();
        if poison.is_some_and(|poison| ids.contains(&poison)) {
            return Err(ApiError::internal("a row can't be read"));
        }
        self.catalog.titles(call, ids).await
    }

    async fn resolve(&self, call: &Call, id: &ExternalId) -> Result<Option<Content>> {
        self.catalog.resolve(call, id).await
    }

    async fn list(&self, call: &Call, query: &ListQuery) -> Result<Vec<Content>> {
        held(&self.stalled).await;
        self.fail()?;
        self.catalog.list(call, query).await
    }

    async fn directory(&self, call: &Call) -> Result<Directory> {
        held(&self.stalled).await;
        self.catalog.directory(call).await
    }

    async fn seasons(&self, call: &Call, id: ContentId) -> Result<Vec<contracts::Season>> {
        self.catalog.seasons(call, id).await
    }

    async fn ingest(&self, call: &Call, records: &[SourceRecord]) -> Result<Vec<IngestOutcome>> {
        self.catalog.ingest(call, records).await
    }

    async fn withdraw(&self, call: &Call, sources: &[String], checked_before: jiff::Timestamp) -> Result<u64> {
        self.catalog.withdraw(call, sources, checked_before).await
    }
}

/// A record: the first of the people directed, the others acted.
pub fn record(
    title: &str,
    year: u16,
    content_type: ContentType,
    genres: &[&str],
    people: &[&str],
    overview: &str,
) -> SourceRecord {
    let role = |place: usize| if place == 0 { CreditRole::Director } else { CreditRole::Actor };
    let credits = people.iter().enumerate().map(|(place, name)| Credit { name: (*name).to_owned(), role: role(place) });
    SourceRecord {
        source: "wikidata".to_owned(),
        source_key: format!("{title} {year}"),
        content_type,
        title: title.to_owned(),
        original_title: None,
        locale: Locale::english(),
        overview: (!overview.is_empty()).then(|| overview.to_owned()),
        release_date: None,
        release_year: Some(year),
        runtime_minutes: None,
        season_count: None,
        seasons: Vec::new(),
        translations: Vec::new(),
        genres: genres.iter().map(|genre| (*genre).to_owned()).collect(),
        countries: vec![],
        languages: vec![],
        ratings: vec![],
        credits: credits.collect(),
        external_ids: vec![],
        images: vec![],
        offers: vec![],
        rating: None,
    }
}

pub fn offered(mut record: SourceRecord, regions: &[&str]) -> SourceRecord {
    let offer = |region: &&str| SourceOffer {
        platform: "netflix".to_owned(),
        region: region.parse().unwrap(),
        availability_type: AvailabilityType::Subscription,
        quality: None,
        price: None,
        deep_link: None,
        web_url: "https://www.netflix.com/title/1".to_owned(),
        available_from: None,
        expires_at: None,
        checked_at: testkit::start(),
        confidence: 1.0,
    };
    record.offers = regions.iter().map(offer).collect();
    record
}

/// The titles of the tests.
pub fn films() -> Vec<SourceRecord> {
    let movie = ContentType::Movie;
    let matrix = ["Lana Wachowski", "Keanu Reeves", "Carrie-Anne Moss"];
    let pacino = ["Michael Mann", "Al Pacino", "Robert De Niro"];
    let science_fiction = ["science_fiction", "action"];
    vec![
        record("The Matrix", 1999, movie, &science_fiction, &matrix, "A hacker learns that the world is a simulation."),
        record("The Matrix Reloaded", 2003, movie, &science_fiction, &matrix, "Machines dig towards the last city."),
        offered(
            record("Heat", 1995, movie, &["crime"], &pacino, "A detective hunts robbers planning one last heist."),
            &["US", "DE"],
        ),
        offered(
            record(
                "Scarface",
                1983,
                movie,
                &["crime"],
                &["Brian De Palma", "Al Pacino"],
                "A refugee builds an empire.",
            ),
            &["US"],
        ),
        record(
            "The Truman Show",
            1998,
            movie,
            &["comedy"],
            &["Peter Weir", "Jim Carrey"],
            "A man lives on television.",
        ),
        record("Amélie", 2001, movie, &["romance", "comedy"], &["Jean-Pierre Jeunet"], "A waitress changes lives."),
        record("It", 2017, movie, &["horror"], &["Andy Muschietti"], "A clown haunts a town."),
        record("1917", 2019, movie, &["war"], &["Sam Mendes"], "Two soldiers cross no man's land."),
        record("The Wire", 2002, ContentType::TvShow, &["crime"], &["David Simon"], "Police and dealers of a city."),
    ]
}
