//! The catalogue's use-cases.

use std::{
    collections::{BTreeSet, HashMap},
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use contracts::{
    AgeLimit, ApiError, Call, CatalogApi, Clock, Content, ContentId, Directory, Embedder, ExternalId, Ids,
    IngestOutcome, ListQuery, Locale, MAX_BATCH, Pictures, Result, Rng, Season, SourceRecord, Topic,
};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use stores::{
    Db, DbError, Deeds,
    cache::Cache,
    events::{self, Head},
};
use tracing::Instrument as _;

use crate::{ingest, store};

/// How long a rendered title is kept.
const CONTENT_TTL: Duration = Duration::from_secs(3_600);
/// How long an id's title is kept.
const ID_TTL: Duration = Duration::from_secs(24 * 3_600);
/// How long the counts of platforms and genres are kept, and the languages there are.
const DIRECTORY_TTL: Duration = Duration::from_secs(60);
/// How long the counts of what suits an age are kept: each age's are counted anew, over all titles.
const AGED_TTL: Duration = Duration::from_secs(3_600);
/// How long it waits when the event log can't be read.
const AGAIN: Duration = Duration::from_secs(1);
/// How many events are read at a time.
const FOLLOW_BATCH: usize = 500;

/// How many keys are forgotten at the same time.
const FORGET_BATCH: usize = 256;

const LOCALES: &str = "catalog:locales";
const DIRECTORY: &str = "catalog:directory";

/// The catalogue of titles over a database, with a cache in front.
pub struct Catalog {
    pub(crate) db: Db,
    cache: Arc<dyn Cache>,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    /// How often something was forgotten.
    forgotten: AtomicU64,
    pub(crate) pictures: Option<Arc<dyn Pictures>>,
    model: Option<Arc<dyn Embedder>>,
    pub(crate) deeds: Deeds,
}

impl Catalog {
    /// A catalogue whose tables are in `db`.
    pub fn new(db: Db, cache: Arc<dyn Cache>, clock: Clock, rng: Rng) -> Self {
        let ids = Ids::new(clock.clone(), rng);
        let (forgotten, deeds) = (AtomicU64::new(0), Deeds::default());
        Self { db, cache, clock, ids, forgotten, pictures: None, model: None, deeds }
    }

    /// With a sentence model, by which resolution compares overviews where nothing else decides.
    pub fn with_model(self, model: Arc<dyn Embedder>) -> Self {
        Self { model: Some(model), ..self }
    }

    /// States in `deeds` what operators decide, and what they write themselves.
    pub fn audited(self, deeds: Deeds) -> Self {
        Self { deeds, ..self }
    }

    /// What a change that a call makes is made with.
    pub(crate) fn scene<'a>(&'a self, call: &'a Call) -> ingest::Scene<'a> {
        ingest::Scene { clock: &self.clock, ids: &self.ids, call, deeds: &self.deeds }
    }

    /// One title as JSON, in the language of the call or the nearest it has: what `GET /api/v1/content/{id}` answers.
    /// Kept for an hour, and of many who ask at once one asks the database.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn content_json(&self, call: &Call, id: ContentId) -> Result<Option<Bytes>> {
        if call.ages().is_some() {
            // What is kept is for all.
            return self.found(call, &[id]).await?.remove(&id).map(|content| to_json(&content)).transpose();
        }
        let locale = self.known_locale(&call.locale).await?;
        let key = content_key(id, locale.as_str());
        if let Some(kept) = self.cache.get(&key).await {
            return Ok(Some(kept));
        }
        let load = async {
            let found = store::titles(&self.db, &[id], &locale.fallbacks()).await?.remove(&id);
            found.map(|content| to_json(&content)).transpose()
        };
        let before = self.forgotten.load(Ordering::SeqCst);
        let json = self.cache.get_or_load(&key, CONTENT_TTL, Box::pin(load)).await;
        // What was read while it changed, and put down after it was forgotten, must not stay.
        if self.forgotten.load(Ordering::SeqCst) != before {
            self.cache.remove(&key).await;
        }
        json
    }

    /// Titles by the ids they were asked for, which are older than their own where they became part of others. Whoever has
    /// an age limit is given none above it, as if there were none.
    pub(crate) async fn found(&self, call: &Call, ids: &[ContentId]) -> Result<HashMap<ContentId, Content>> {
        if ids.len() > MAX_BATCH {
            let detail = format!("at most {MAX_BATCH} titles at a time, {} were asked for", ids.len());
            return Err(ApiError::invalid("too_many_ids", detail).field("ids", "are too many"));
        }
        call.remaining(&self.clock)?;
        let locales = call.locale.fallbacks();
        let mut found = store::titles(&self.db, ids, &locales).await?;
        let gone: Vec<ContentId> = ids.iter().copied().filter(|id| !found.contains_key(id)).collect();
        if !gone.is_empty() {
            let merged = store::merged(&self.db, &gone).await?;
            let into: Vec<ContentId> = merged.iter().map(|(_, into)| *into).collect();
            let mut titles = store::titles(&self.db, &into, &locales).await?;
            let given = hand_over(&mut titles, &into);
            found.extend(merged.iter().zip(given).filter_map(|((id, _), title)| Some((*id, title?))));
        }
        if let Some(ages) = call.ages() {
            found.retain(|_, content| ages.suits(&content.ratings));
        }
        Ok(found)
    }

    /// The title that answers for an id, where the caller may see it.
    pub(crate) async fn shown(&self, call: &Call, id: ContentId) -> Result<Option<ContentId>> {
        let current = self.current(id).await?;
        match (current, call.ages()) {
            (Some(id), Some(_)) => Ok(self.found(call, &[id]).await?.contains_key(&id).then_some(id)),
            _ => Ok(current),
        }
    }

    /// Forgets cached titles that another process changed, until `shutdown` is ready. Only a cluster needs it: what
    /// this process changes it forgets itself.
    pub async fn follow(&self, head: Head, shutdown: impl Future<Output = ()> + Send) {
        tokio::select! {
            () = shutdown => {}
            () = self.forget_forever(head) => {}
        }
    }

    async fn forget_forever(&self, mut head: Head) {
        let mut after = None;
        loop {
            match self.forget_next(after).await {
                Ok(position) => {
                    after = Some(position);
                    head.changed().await;
                }
                Err(error) => {
                    tracing::warn!(%error, "the event log can't be read; cached titles may be old");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    /// Forgets the titles of the events after a position (of none at first) and says how far it has come.
    async fn forget_next(&self, after: Option<i64>) -> Result<i64, DbError> {
        let Some(mut after) = after else { return events::head(&self.db).await };
        loop {
            let (news, reached) =
                events::read_of(&self.db, &Topic::TITLES.map(Topic::as_str), after, FOLLOW_BATCH).await?;
            after = reached;
            if news.is_empty() {
                return Ok(after);
            }
            let titles: Vec<_> = news.iter().map(|(_, event)| event.key).collect();
            self.forget(&titles, &BTreeSet::new()).await?;
        }
    }

    /// Forgets what is kept of titles and ids.
    pub(crate) async fn forget(&self, titles: &[ContentId], ids: &BTreeSet<ExternalId>) -> Result<(), DbError> {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        let mut locales = store::locales(&self.db).await?;
        locales.extend(Locale::english().fallbacks());
        let mut keys: Vec<String> = ids.iter().map(id_key).collect();
        keys.extend(titles.iter().flat_map(|id| locales.iter().map(move |locale| content_key(*id, locale))));
        keys.extend([LOCALES, DIRECTORY].map(str::to_owned));
        for part in keys.chunks(FORGET_BATCH) {
            futures::future::join_all(part.iter().map(|key| self.cache.remove(key))).await;
        }
        Ok(())
    }

    /// Forgets what a batch changed: what was taken in is there, whether or not the cache could be told.
    async fn forget_taken(&self, taken: &ingest::Taken) {
        if taken.titles.is_empty() {
            return;
        }
        if let Err(error) = self.forget(&taken.titles, &taken.ids).await {
            tracing::warn!(%error, "the cache can't be told what changed; cached titles may be old");
        }
    }

    /// The nearest language that any title has: so few renderings are kept, and all of them can be forgotten.
    async fn known_locale(&self, asked: &Locale) -> Result<Locale> {
        let english = Locale::english();
        if *asked == english {
            return Ok(english);
        }
        let db = self.db.clone();
        let known: BTreeSet<String> =
            self.kept(LOCALES, DIRECTORY_TTL, async move { Ok(store::locales(&db).await?) }).await?;
        let nearest = asked.fallbacks().into_iter().find(|tag| known.contains(tag));
        Ok(nearest.and_then(|tag| tag.parse().ok()).unwrap_or(english))
    }

    /// A value that is kept as JSON for a while. It is loaded once for all who ask meanwhile, in a task of its own: what
    /// whoever asked first has no time for is there for the next, who would else begin anew.
    async fn kept<T, L>(&self, key: &str, ttl: Duration, load: L) -> Result<T>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        L: Future<Output = Result<T>> + Send + 'static,
    {
        let mut json = self.cache.get(key).await;
        if json.is_none() {
            let (cache, key) = (Arc::clone(&self.cache), key.to_owned());
            let load = async move { to_json(&load.await?).map(Some) };
            let task = async move { cache.get_or_load(&key, ttl, Box::pin(load)).await };
            let task = tokio::spawn(task.in_current_span());
            json = task.await.map_err(|_| ApiError::internal("a value could not be loaded"))??;
        }
        json.and_then(|json| serde_json::from_slice(&json).ok())
            .ok_or_else(|| ApiError::internal("a cached value can't be read"))
    }

    /// Platforms and genres with their titles: of all, or of those that suit an age, which may be an hour old.
    pub(crate) async fn counts(&self, ages: Option<AgeLimit>) -> Result<Directory> {
        let db = self.db.clone();
        let load = async move {
            let (platforms, genres) = (store::platforms(&db, ages).await?, store::genres(&db, ages).await?);
            Ok(Directory { platforms, genres })
        };
        let Some(AgeLimit { max_age, region }) = ages else { return self.kept(DIRECTORY, DIRECTORY_TTL, load).await };
        let region = region.map(|region| region.to_string()).unwrap_or_default();
        self.kept(&format!("{DIRECTORY}:{max_age}:{region}"), AGED_TTL, load).await
    }

    async fn owner(&self, id: &ExternalId) -> Result<Option<ContentId>> {
        let load = async { store::owner(&self.db, id).await?.map(|owner| to_json(&owner)).transpose() };
        let json = self.cache.get_or_load(&id_key(id), ID_TTL, Box::pin(load)).await?;
        Ok(json.and_then(|json| serde_json::from_slice(&json).ok()))
    }
}

/// The titles in the order asked; one that is asked for twice is copied, each other handed over.
pub(crate) fn hand_over(found: &mut HashMap<ContentId, Content>, ids: &[ContentId]) -> Vec<Option<Content>> {
    let mut left: HashMap<ContentId, usize> = HashMap::with_capacity(ids.len());
    ids.iter().for_each(|id| *left.entry(*id).or_default() += 1);
    let one = |id: &ContentId| {
        let again = left.get_mut(id).is_some_and(|left| {
            *left -= 1;
            *left > 0
        });
        if again { found.get(id).cloned() } else { found.remove(id) }
    };
    ids.iter().map(one).collect()
}

/// The number is raised with the shape of an answer, so that none is given that an earlier release kept.
fn content_key(id: ContentId, locale: &str) -> String {
    format!("content:2:{id}:{locale}")
}

fn id_key(id: &ExternalId) -> String {
    format!("external_id:{}:{}", id.id_type, id.id_value)
}

fn to_json<T: Serialize>(value: &T) -> Result<Bytes> {
    let json = serde_json::to_vec(value).map_err(|fault| {
        tracing::error!(%fault, "a value can't be written as JSON");
        ApiError::internal("the answer can't be written")
    })?;
    Ok(json.into())
}

#[async_trait]
impl CatalogApi for Catalog {
    async fn titles(&self, call: &Call, ids: &[ContentId]) -> Result<Vec<Content>> {
        let mut found = self.found(call, ids).await?;
        Ok(hand_over(&mut found, ids).into_iter().flatten().collect())
    }

    async fn resolve(&self, call: &Call, id: &ExternalId) -> Result<Option<Content>> {
        // Types are written in lower case; a platform's own are its id.
        let id = &ExternalId { id_type: id.id_type.trim().to_lowercase(), id_value: id.id_value.trim().to_owned() };
        for _ in 0..2 {
            let Some(owner) = self.owner(id).await? else { return Ok(None) };
            let title = self.titles(call, &[owner]).await?.into_iter().next();
            if title.as_ref().is_some_and(|title| title.external_ids.contains(id)) {
                return Ok(title);
            }
            // Another process moved the id to another title.
            self.cache.remove(&id_key(id)).await;
        }
        Ok(None)
    }

    async fn list(&self, call: &Call, query: &ListQuery) -> Result<Vec<Content>> {
        call.remaining(&self.clock)?;
        let ids = store::page(&self.db, query, call.ages(), query.limit.min(MAX_BATCH), self.clock.now()).await?;
        self.titles(call, &ids).await
    }

    async fn directory(&self, call: &Call) -> Result<Directory> {
        call.remaining(&self.clock)?;
        let mut directory = self.counts(call.ages()).await?;
        let fallbacks = call.locale.fallbacks();
        for genre in &mut directory.genres {
            if let Some(name) = contracts::genres::name_in(&genre.id, &fallbacks) {
                name.clone_into(&mut genre.name);
            }
        }
        Ok(directory)
    }

    async fn seasons(&self, call: &Call, id: ContentId) -> Result<Vec<Season>> {
        match self.shown(call, id).await? {
            Some(id) => self.seasons_of(call, id).await,
            None => Ok(Vec::new()),
        }
    }

    async fn withdraw(&self, call: &Call, sources: &[String], checked_before: Timestamp) -> Result<u64> {
        let scene = self.scene(call);
        let taken = ingest::withdraw(&self.db, &scene, sources, checked_before).await?;
        self.forget_taken(&taken).await;
        Ok(taken.titles.len() as u64)
    }

    async fn ingest(&self, call: &Call, records: &[SourceRecord]) -> Result<Vec<IngestOutcome>> {
        let scene = self.scene(call);
        let taken = ingest::ingest(&self.db, &scene, self.model.as_deref(), records).await?;
        self.forget_taken(&taken).await;
        Ok(taken.outcomes)
    }
}
