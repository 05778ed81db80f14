//! `Search`: the indexes of this replica, the workers that keep them up to date, and how they are.

use std::{
    path::Path,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use contracts::{
    ApiError, CatalogApi, Clock, Component, ComponentState, Degraded, Embedder, IntentReader, NeutralBoost,
    PersonalBoost, Rng, Topic,
};
use serde::{Deserialize, Serialize};
use stores::{
    Db,
    cache::Cache,
    events::{self, Group, Head},
    vectors::VectorIndex,
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use crate::{
    FusionConfig, SearchError,
    derived::{Derivation, Derived},
    follow::{self, Follower},
    index::{KeywordTarget, TagsFormat, VectorTarget},
    keyword::KeywordIndex,
    rank::Source,
    trending::Trending,
    vector::Meaning,
};

/// How often the place in the log is written down for others to see.
const OFFSETS_EVERY: Duration = Duration::from_secs(5);
/// While the vectors follow, one title in so many may lack its own before answers say so.
const TOLERATED: u64 = 100;
/// How often a waiting command looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How search behaves.
#[derive(Clone, Debug)]
pub struct SearchConfig {
    /// How the sources' lists become one.
    pub fusion: FusionConfig,
    /// How long a source may take before it is left out.
    pub source_timeout: Duration,
    /// How many titles each source brings in.
    pub depth: usize,
    /// How many searches use a thread at a time; the others wait.
    pub concurrency: usize,
    /// Whether what is likely to be asked is asked ahead, once the indexes are ready.
    pub warm_up: bool,
    /// Names this replica in the consumer group `content-indexer:<replica>`.
    pub replica: String,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self {
            fusion: FusionConfig::default(),
            source_timeout: Duration::from_secs(2),
            depth: 1_000,
            concurrency: 32,
            warm_up: false,
            replica: "local".to_owned(),
        }
    }
}

/// How far the indexes are, for a progress bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    /// Titles that every index has: with a model, those that are embedded, or those taken in so far while the vector
    /// index is being filled.
    pub indexed: u64,
    /// Titles that the keyword index has, or those taken in so far while it is being filled.
    pub total: u64,
    /// Events that the slowest index has yet to follow.
    pub lag: u64,
    /// Whether the graph and the names are being read off the keyword index, which takes a minute at a million titles.
    #[serde(default)]
    pub joining: bool,
}

/// Search over this replica's own indexes; implements [`contracts::SearchApi`].
pub struct Search {
    pub(crate) catalog: Arc<dyn CatalogApi>,
    pub(crate) clock: Clock,
    pub(crate) config: SearchConfig,
    /// Takes the place of `config.fusion`, because it can change while the node runs.
    fusion: RwLock<FusionConfig>,
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) trending: Trending,
    pub(crate) warm: AtomicBool,
    pub(crate) events: Db,
    pub(crate) rng: Rng,
    keyword: Arc<KeywordIndex>,
    keyword_progress: Arc<follow::Progress>,
    meaning: Option<Meaning>,
    vector_progress: Arc<follow::Progress>,
    points: Arc<AtomicU64>,
    tags: Arc<TagsFormat>,
    /// Reads queries in place of our own parser.
    pub(crate) intents: Option<Arc<dyn IntentReader>>,
    /// Weighs what was found for whoever asks.
    pub(crate) boost: Arc<dyn PersonalBoost>,
    /// Keeps answers.
    pub(crate) cache: Arc<dyn Cache>,
    derivation: Arc<Derivation>,
}

impl Search {
    /// Opens the keyword index under `dir`; one that is broken or older is moved aside and filled anew by
    /// [`Search::follow`]. Blocks for as long as that takes.
    ///
    /// # Errors
    /// [`SearchError::Newer`], [`SearchError::Locked`], [`SearchError::StorageFull`], or another fault of the folder.
    #[allow(clippy::too_many_arguments, reason = "each is a part of its own, and it is called in one place")]
    pub fn open(
        dir: &Path,
        events: Db,
        catalog: Arc<dyn CatalogApi>,
        vectors: Option<Arc<dyn VectorIndex>>,
        embedder: Option<Arc<dyn Embedder>>,
        cache: Arc<dyn Cache>,
        clock: Clock,
        rng: Rng,
        config: SearchConfig,
    ) -> Result<Self, SearchError> {
        let keyword = Arc::new(KeywordIndex::open(&dir.join("keyword"))?);
        let meaning = match (vectors, embedder) {
            (Some(index), Some(embedder)) if index.model() == embedder.model() => {
                Some(Meaning { index, embedder, cache: Arc::clone(&cache) })
            }
            (Some(index), Some(embedder)) => {
                let (index, model) = (&index.model().name, &embedder.model().name);
                tracing::error!(index, model, "the vector index is of another model: searching by keyword and graph");
                None
            }
            _ => None,
        };
        Ok(Self {
            catalog,
            clock,
            permits: Arc::new(Semaphore::new(config.concurrency.max(1))),
            fusion: RwLock::new(config.fusion),
            config,
            trending: Trending::default(),
            warm: AtomicBool::new(false),
            events,
            rng,
            derivation: Arc::new(Derivation::of(Arc::clone(&keyword))),
            keyword,
            keyword_progress: follow::Progress::new(),
            meaning,
            vector_progress: follow::Progress::new(),
            points: Arc::default(),
            tags: Arc::new(TagsFormat::open(dir)),
            intents: None,
            boost: Arc::new(NeutralBoost),
            cache,
        })
    }

    /// With a model that reads queries; what it can't read, or can't be believed in, our own parser reads.
    #[must_use]
    pub fn with_intents(mut self, intents: Option<Arc<dyn IntentReader>>) -> Self {
        self.intents = intents;
        self
    }

    /// With somebody who knows what callers like; without, all callers are the same.
    #[must_use]
    pub fn with_boost(mut self, boost: Arc<dyn PersonalBoost>) -> Self {
        self.boost = boost;
        self
    }

    /// Keeps the indexes as the catalogue is, whenever `head` moves, until told to stop; what is begun is finished first.
    pub async fn follow(&self, head: Head, stop: CancellationToken) {
        let keyword = self.follower(
            KeywordTarget { index: Arc::clone(&self.keyword), derivation: Arc::clone(&self.derivation) },
            &self.keyword_progress,
        );
        let vector = self.meaning.clone().map(|meaning| {
            let target = VectorTarget { meaning, points: Arc::clone(&self.points), tags: Arc::clone(&self.tags) };
            self.follower(target, &self.vector_progress)
        });
        let vectors = async {
            if let Some(vector) = &vector {
                vector.run(head.clone(), &stop).await;
            }
        };
        let derived = async { tokio::join!(self.derivation.follow(&stop), self.keep_offsets(&stop)) };
        tokio::join!(
            keyword.run(head.clone(), &stop),
            vectors,
            derived,
            self.keep_trending(&stop),
            self.warm_up(&stop)
        );
    }

    /// Whether the indexes and the graph hold everything that the log says by now.
    ///
    /// # Errors
    /// When the log can't be read.
    pub async fn caught_up(&self) -> Result<bool, SearchError> {
        let head = events::head(&self.events).await?;
        Ok(self.stands_at(head))
    }

    /// Whether the words and the graph hold everything that the log says by now, however far the vectors are.
    ///
    /// # Errors
    /// When the log can't be read, or why the words can't follow it.
    pub async fn words_caught_up(&self) -> Result<bool, ApiError> {
        let head = events::head(&self.events).await?;
        match self.keyword_progress.failure() {
            Some(why) => Err(ApiError::unavailable("index_stuck", why)),
            None => Ok(self.words_stand_at(head)),
        }
    }

    /// Waits until the indexes hold everything that the log says when this is called. [`Search::follow`] must run.
    ///
    /// # Errors
    /// `DeadlineExceeded` when that takes longer than `timeout`; or when the log can't be read.
    pub async fn wait_until_caught_up(&self, timeout: Duration) -> Result<(), ApiError> {
        let head = events::head(&self.events).await?;
        let started = Instant::now();
        while !self.stands_at(head) {
            if started.elapsed() > timeout {
                let detail = "the search index did not catch up with the catalogue in time";
                return Err(ApiError::new(contracts::ErrorKind::DeadlineExceeded, "index_behind", detail));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// The position of what the indexes hold, when all of them hold the same: answers are then the same until it moves,
    /// which what is not about titles does not make it.
    pub(crate) fn settled_at(&self) -> Option<i64> {
        let position = self.slowest(|progress| progress.written.load(Ordering::SeqCst));
        (position >= 0 && self.stands_at(self.keyword_progress.cursor.load(Ordering::SeqCst))).then_some(position)
    }

    fn stands_at(&self, head: i64) -> bool {
        self.words_stand_at(head) && (self.meaning.is_none() || self.vector_progress.reached(head))
    }

    fn words_stand_at(&self, head: i64) -> bool {
        self.keyword_progress.reached(head) && self.derivation.is_current()
    }

    /// The titles that answers come from: those that the words know, and those of them that are embedded.
    fn held(&self) -> (u64, u64) {
        (self.keyword.snapshot().len(), self.points.load(Ordering::SeqCst))
    }

    /// How far the indexes are.
    pub fn progress(&self) -> Progress {
        let filling = self.keyword_progress.filling.load(Ordering::SeqCst);
        let (titles, embedded) = self.held();
        let total = if filling { self.keyword_progress.filled.load(Ordering::SeqCst).max(titles) } else { titles };
        let vectors = &self.vector_progress;
        let indexed = match &self.meaning {
            Some(_) if vectors.filling.load(Ordering::SeqCst) => vectors.filled.load(Ordering::SeqCst).min(total),
            Some(_) => embedded.min(total),
            None => titles,
        };
        let vector_lag = if self.meaning.is_some() { vectors.lag() } else { 0 };
        let lag = self.keyword_progress.lag().max(vector_lag).unsigned_abs();
        Progress { indexed, total, lag, joining: self.derivation.is_joining() }
    }

    /// What an answer lacks while an index is being filled or catches up: the first keyword index holds but a part of the
    /// titles, or many titles are not embedded. Titles that the model refused are passed over, and nobody waits for them.
    pub(crate) fn unfilled(&self) -> Vec<Degraded> {
        let mut lacking = Vec::new();
        let mut lacks = |source: Source, reason: String| {
            lacking.push(Degraded { source: source.as_str().to_owned(), reason });
        };
        if !self.keyword.is_filled() {
            lacks(Source::Keyword, "it is being filled from the catalogue: titles are missing".to_owned());
        }
        let vectors = &self.vector_progress;
        if self.meaning.is_some() && (vectors.filling.load(Ordering::SeqCst) || vectors.lag() > 0) {
            let (titles, embedded) = self.held();
            if titles.saturating_sub(embedded) > titles / TOLERATED {
                lacks(Source::Vector, format!("it is being filled: {embedded} of {titles} titles are embedded"));
            }
        }
        lacking
    }

    /// How the parts are: `keyword_index`, `vector_index`, `embedding_model`, `graph`.
    pub async fn components(&self) -> Vec<Component> {
        let (titles, embedded) = self.held();
        let former = if self.keyword.is_former() { " in an older format" } else { "" };
        let keyword = component("keyword_index", &self.keyword_progress, titles, &format!("{titles} titles{former}"));
        let model = match &self.meaning {
            Some(meaning) => {
                Component::new("embedding_model", ComponentState::Ready, meaning.embedder.model().name.clone())
            }
            None => {
                let detail = "no embedding model: searching by keyword and graph";
                Component::new("embedding_model", ComponentState::Degraded, detail)
            }
        };
        let vector = match &self.meaning {
            Some(_) => {
                let holds = format!("{embedded} of {titles} titles embedded");
                component("vector_index", &self.vector_progress, embedded, &holds)
            }
            None => Component::new("vector_index", ComponentState::Degraded, "not in use without an embedding model"),
        };
        let state = if self.derivation.version() == 0 { ComponentState::Starting } else { ComponentState::Ready };
        let behind = if self.derivation.is_current() { "" } else { ", a little behind the keyword index" };
        let graph = Component::new("graph", state, format!("{} titles joined{behind}", self.derived().graph.len()));
        let mut components = vec![keyword, vector, model, graph];
        components.extend(self.intents.as_ref().map(|reader| match reader.trouble() {
            None => Component::new("intent_model", ComponentState::Ready, reader.model().to_owned()),
            Some(trouble) => {
                let detail = format!("{trouble}: our own parser reads queries");
                Component::new("intent_model", ComponentState::Degraded, detail)
            }
        }));
        components
    }

    /// Fuses like this from now on.
    pub fn set_fusion(&self, fusion: FusionConfig) {
        *self.fusion.write().unwrap_or_else(PoisonError::into_inner) = fusion;
    }

    pub(crate) fn fusion(&self) -> FusionConfig {
        *self.fusion.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn keyword(&self) -> &KeywordIndex {
        &self.keyword
    }

    pub(crate) fn meaning(&self) -> Option<&Meaning> {
        self.meaning.as_ref()
    }

    pub(crate) fn derived(&self) -> Arc<Derived> {
        self.derivation.current()
    }

    fn follower<T>(&self, target: T, progress: &Arc<follow::Progress>) -> Follower<T> {
        Follower {
            target,
            events: self.events.clone(),
            catalog: Arc::clone(&self.catalog),
            clock: self.clock.clone(),
            rng: self.rng.clone(),
            progress: Arc::clone(progress),
        }
    }

    /// Writes down where the slowest index stands, so that lag and retention can be read from the log's own tables.
    async fn keep_offsets(&self, stop: &CancellationToken) {
        let name = format!("content-indexer:{}", self.config.replica);
        let mut written = -1;
        while !stop.is_cancelled() {
            let stands = self.slowest(|progress| progress.cursor.load(Ordering::SeqCst));
            if stands > written {
                match write_offset(&self.events, &name, &self.clock, stands).await {
                    Ok(()) => written = stands,
                    Err(error) => tracing::warn!(%error, "the index's place in the log can't be written down"),
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(OFFSETS_EVERY) => {}
            }
        }
    }

    fn slowest(&self, place: impl Fn(&follow::Progress) -> i64) -> i64 {
        let keyword = place(&self.keyword_progress);
        if self.meaning.is_some() { keyword.min(place(&self.vector_progress)) } else { keyword }
    }
}

async fn write_offset(db: &Db, name: &str, clock: &Clock, position: i64) -> Result<(), SearchError> {
    let group = Group::join(db, name, &Topic::TITLES, clock).await?;
    Ok(group.skip_to(position).await?)
}

/// How an index is that answers from `answering` titles.
fn component(name: &str, progress: &follow::Progress, answering: u64, holds: &str) -> Component {
    if let Some(failure) = progress.failure() {
        return Component::new(
            name,
            ComponentState::Degraded,
            format!("{holds}, {} events behind; it can't follow the catalogue: {failure}", progress.lag()),
        );
    }
    if progress.filling.load(Ordering::SeqCst) || progress.cursor.load(Ordering::SeqCst) < 0 {
        let filled = progress.filled.load(Ordering::SeqCst);
        // What was there answers meanwhile: nobody has to wait for this replica.
        let state = if answering > 0 { ComponentState::Degraded } else { ComponentState::Starting };
        return Component::new(name, state, format!("{holds}; being filled, {filled} so far"));
    }
    let skipped = progress.skipped.load(Ordering::SeqCst);
    let skipped = if skipped > 0 { format!(", {skipped} passed over") } else { String::new() };
    let detail = match progress.lag() {
        0 => format!("{holds}{skipped}"),
        lag => format!("{holds}{skipped}, {lag} events behind"),
    };
    Component::new(name, ComponentState::Ready, detail)
}
