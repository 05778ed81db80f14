//! The two indexes as targets of the follower: how each is filled, updated and rebuilt.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use contracts::{Content, ContentId, MAX_BATCH, Vector};
use stores::vectors::Point;

use crate::{
    SearchError,
    conditions::{TAGS_FORMAT, tags},
    derived::Derivation,
    keyword::KeywordIndex,
    passages::passages_of,
    vector::{Meaning, text_hash},
};

/// Titles that are embedded and written at a time: enough that texts of one length go together and every session is
/// busy to the end, few enough that a crash costs seconds.
const EMBED_BATCH: usize = 256;
/// The cursor of a vector index whose rebuild is not finished. The points in it are good: a rebuild that was cut off
/// goes on where it was, as texts whose hash is there are not embedded again.
const REBUILDING: i64 = -1;

/// An index that follows the event log.
#[async_trait]
pub(crate) trait Target: Send + Sync {
    /// Its name as a component: `keyword_index`, `vector_index`.
    fn name(&self) -> &'static str;

    /// How many titles or events it takes in at once: one that is slow takes few, so that it is seen to move.
    fn batch(&self) -> usize {
        MAX_BATCH
    }

    /// Where it stands in the log; `None` when it must be filled from the catalogue first.
    async fn cursor(&self) -> Result<Option<i64>, SearchError>;

    /// Begins to fill it anew; what it holds keeps answering.
    async fn begin(&self) -> Result<(), SearchError>;

    /// Takes titles in while it is being filled.
    async fn fill(&self, titles: Vec<Content>) -> Result<(), SearchError>;

    /// It is filled, and stands at `cursor`.
    async fn finish(&self, cursor: i64) -> Result<(), SearchError>;

    /// Takes changed titles in, forgets those that are gone and moves to `cursor`.
    async fn apply(&self, titles: Vec<Content>, gone: Vec<ContentId>, cursor: i64) -> Result<(), SearchError>;
}

/// The keyword index, and what is derived from it.
pub(crate) struct KeywordTarget {
    pub index: Arc<KeywordIndex>,
    pub derivation: Arc<Derivation>,
}

impl KeywordTarget {
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&KeywordIndex, &Derivation) -> Result<T, SearchError> + Send + 'static,
    ) -> Result<T, SearchError> {
        let (index, derivation) = (Arc::clone(&self.index), Arc::clone(&self.derivation));
        let done = tokio::task::spawn_blocking(move || work(&index, &derivation)).await;
        done.map_err(|_| SearchError::Worker("writing the keyword index"))?
    }
}

#[async_trait]
impl Target for KeywordTarget {
    fn name(&self) -> &'static str {
        "keyword_index"
    }

    async fn cursor(&self) -> Result<Option<i64>, SearchError> {
        self.blocking(|index, _| index.cursor()).await
    }

    async fn begin(&self) -> Result<(), SearchError> {
        self.blocking(|index, _| index.clear()).await
    }

    async fn fill(&self, titles: Vec<Content>) -> Result<(), SearchError> {
        self.blocking(move |index, _| index.add(&titles)).await
    }

    async fn finish(&self, cursor: i64) -> Result<(), SearchError> {
        self.blocking(move |_, derivation| derivation.finish(cursor)).await
    }

    async fn apply(&self, titles: Vec<Content>, gone: Vec<ContentId>, cursor: i64) -> Result<(), SearchError> {
        self.blocking(move |_, derivation| derivation.apply(&titles, &gone, cursor)).await
    }
}

/// In which format the tags of the vector index are. It keeps only what it is given, so that a file beside the keyword
/// index says so; while it is not there, all titles are taken in anew, and texts that are embedded are kept.
pub(crate) struct TagsFormat {
    file: PathBuf,
    current: AtomicBool,
}

impl TagsFormat {
    /// Looks at the file in `dir`.
    pub(crate) fn open(dir: &Path) -> Self {
        let file = dir.join("vector-tags");
        let written = fs::read_to_string(&file).unwrap_or_default();
        let current = AtomicBool::new(written.trim().parse() == Ok(TAGS_FORMAT));
        Self { file, current }
    }

    fn are_current(&self) -> bool {
        self.current.load(Ordering::SeqCst)
    }

    fn set_current(&self) -> Result<(), SearchError> {
        if !self.current.swap(true, Ordering::SeqCst) {
            fs::write(&self.file, TAGS_FORMAT.to_string())?;
        }
        Ok(())
    }
}

/// The vector index and the model that fills it.
pub(crate) struct VectorTarget {
    pub meaning: Meaning,
    /// Points in the index, for the progress bar.
    pub points: Arc<AtomicU64>,
    pub tags: Arc<TagsFormat>,
}

#[async_trait]
impl Target for VectorTarget {
    fn name(&self) -> &'static str {
        "vector_index"
    }

    fn batch(&self) -> usize {
        EMBED_BATCH
    }

    async fn cursor(&self) -> Result<Option<i64>, SearchError> {
        self.count().await?;
        if !self.tags.are_current() {
            return Ok(None);
        }
        Ok(self.meaning.index.cursor().await?.filter(|cursor| *cursor >= 0))
    }

    async fn begin(&self) -> Result<(), SearchError> {
        Ok(self.meaning.index.upsert(Vec::new(), REBUILDING).await?)
    }

    async fn fill(&self, titles: Vec<Content>) -> Result<(), SearchError> {
        self.write(&titles, REBUILDING).await
    }

    async fn finish(&self, cursor: i64) -> Result<(), SearchError> {
        self.meaning.index.upsert(Vec::new(), cursor).await?;
        self.tags.set_current()
    }

    async fn apply(&self, titles: Vec<Content>, gone: Vec<ContentId>, cursor: i64) -> Result<(), SearchError> {
        let now = self.meaning.index.cursor().await?.unwrap_or(REBUILDING);
        self.write(&titles, now).await?;
        if !gone.is_empty() {
            self.meaning.index.remove(&gone).await?;
        }
        // Only now: a crash before this repeats the batch, and what is written already is not embedded again.
        self.meaning.index.upsert(Vec::new(), cursor).await?;
        self.count().await
    }
}

impl VectorTarget {
    /// Writes titles in batches, embedding only the texts that changed, without moving the cursor.
    async fn write(&self, titles: &[Content], cursor: i64) -> Result<(), SearchError> {
        for batch in titles.chunks(EMBED_BATCH) {
            let ids: Vec<ContentId> = batch.iter().map(|title| title.id).collect();
            let texts: Vec<Vec<String>> = batch.iter().map(passages_of).collect();
            let hashes: Vec<u64> = texts.iter().map(|passages| text_hash(passages)).collect();
            let known = self.meaning.index.text_hashes(&ids).await?;
            let changed = |place: &usize| known.get(*place).copied().flatten() != Some(hashes[*place]);
            let passages = |place: usize| texts[place].iter().map(move |passage| (place, passage.clone()));
            let fresh: Vec<(usize, String)> = (0..batch.len()).filter(changed).flat_map(passages).collect();
            let (places, fresh): (Vec<usize>, Vec<String>) = fresh.into_iter().unzip();
            let mut vectors: HashMap<usize, Vec<Vector>> = HashMap::new();
            for (place, vector) in places.into_iter().zip(self.embed(&fresh).await?) {
                vectors.entry(place).or_default().extend(vector);
            }
            let points = batch.iter().enumerate().map(|(place, title)| Point {
                id: title.id,
                text_hash: hashes[place],
                vectors: vectors.remove(&place).unwrap_or_default(),
                tags: tags(title),
                year: title.release_year,
            });
            self.meaning.index.upsert(points.collect(), cursor).await?;
            self.count().await?;
        }
        Ok(())
    }

    /// One vector a text. When the model refuses a batch but works, the texts it refuses are passed over.
    async fn embed(&self, texts: &[String]) -> Result<Vec<Option<Vector>>, SearchError> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let embedder = &self.meaning.embedder;
        let failure = match embedder.embed(texts).await {
            Ok(vectors) if vectors.len() == texts.len() => return Ok(vectors.into_iter().map(Some).collect()),
            Ok(vectors) => contracts::EmbedError(format!("{} vectors for {} texts", vectors.len(), texts.len())),
            Err(error) => error,
        };
        if embedder.embed(&["A film.".to_owned()]).await.is_err() {
            return Err(failure.into());
        }
        let mut vectors = Vec::with_capacity(texts.len());
        for text in texts {
            let vector = embedder.embed(std::slice::from_ref(text)).await.ok().and_then(|mut vectors| vectors.pop());
            if vector.is_none() {
                metrics::counter!("search_skipped_titles_total", "index" => "vector").increment(1);
                tracing::warn!(error = %failure, "the model can't take the text of a title: it is passed over");
            }
            vectors.push(vector);
        }
        Ok(vectors)
    }

    async fn count(&self) -> Result<(), SearchError> {
        self.points.store(self.meaning.index.len().await? as u64, Ordering::SeqCst);
        Ok(())
    }
}
