//! The exact vector index: every search compares with all vectors, which are mapped into memory; one file keeps them.
//!
//! It is the oracle that faster indexes are held against, and fast enough on its own for a national catalogue.

mod bits;
mod format;
mod led;
mod log;
mod matrix;
mod rows;
mod scan;

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError, RwLock},
    thread,
};

use async_trait::async_trait;
use contracts::{ContentId, ModelInfo, Scored, Vector};
use stores::vectors::{MAX_TAG_BYTES, MAX_TAGS, MAX_VECTORS, Point, VectorError, VectorFilter, VectorIndex};
use tokio::{sync::Semaphore, task::spawn_blocking};

pub(crate) use self::format::{Batch, Record};
use self::log::Log;
pub(crate) use self::{
    bits::Bits,
    led::{MIN_ROWS, WORTH_A_GRAPH, Way},
    matrix::Matrix,
    rows::Rows,
    scan::normalised,
};
use crate::hnsw::Guide;

/// The most different tags; each takes a bit a point.
const MAX_DIFFERENT_TAGS: usize = 65_536;
/// A file is not rewritten for less than this many dead bytes.
const SLACK: u64 = 64 << 10;
/// Points in a batch of a rewritten file: some megabytes.
const REWRITE_BATCH: usize = 1_000;

/// A [`VectorIndex`] that answers exactly. Cheap to clone; clones share the index. One process opens a file at a time:
/// whoever owns the folder sees to that.
#[derive(Clone)]
pub struct ExactVectors {
    pub(crate) index: Arc<Index>,
    /// As many scans at once as there are cores: more would only make each of them slower.
    scans: Arc<Semaphore>,
}

pub(crate) struct Index {
    model: ModelInfo,
    /// Taken before `rows` by whoever writes, so that file and memory change in the same order.
    log: Mutex<Log>,
    rows: RwLock<Rows>,
    /// What leads a search where comparing everything takes longer; the oracle has none.
    guide: Option<Guide>,
}

impl ExactVectors {
    /// Opens the index in the file at `path`, or makes an empty one when there is none. Blocks while it reads.
    ///
    /// # Errors
    /// [`VectorError::Corrupt`] and [`VectorError::OtherModel`]: [`ExactVectors::recreate`] starts anew.
    /// [`VectorError::Newer`], [`VectorError::StorageFull`] and [`VectorError::Io`]: the file was left as it is.
    /// [`VectorError::Invalid`] for a model whose dimension is not from 1 to 65 536.
    pub fn open(path: &Path, model: ModelInfo) -> Result<Self, VectorError> {
        let rows = Rows::over(model.dimension, Matrix::beside(path));
        let (log, rows) = read(path, &model, rows)?;
        Ok(Self::over(log, rows, model, None))
    }

    /// The same with a guide, and with rows that keep places free for what the guide knows.
    pub(crate) fn guided(path: &Path, model: ModelInfo, rows: Rows, guide: Guide) -> Result<Self, VectorError> {
        let (log, rows) = read(path, &model, rows)?;
        Ok(Self::over(log, rows, model, Some(guide)))
    }

    /// Puts an empty index in place of whatever the file at `path` holds, if there is one. Blocks while it writes.
    ///
    /// # Errors
    /// As [`ExactVectors::open`]; what was there is then still there.
    pub fn recreate(path: &Path, model: ModelInfo) -> Result<Self, VectorError> {
        let log = Log::create(path, &model, std::iter::empty())?;
        let rows = Rows::over(model.dimension, Matrix::beside(path));
        Ok(Self::over(log, rows, model, None))
    }

    fn over(log: Log, rows: Rows, model: ModelInfo, guide: Option<Guide>) -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let index = Index { model, log: Mutex::new(log), rows: RwLock::new(rows), guide };
        Self { index: Arc::new(index), scans: Arc::new(Semaphore::new(cores)) }
    }

    /// Runs `work` where it may block: on locks, on the file, or on the processor.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Index) -> Result<T, VectorError> + Send + 'static,
    ) -> Result<T, VectorError> {
        let index = Arc::clone(&self.index);
        let done = spawn_blocking(move || work(&index)).await;
        done.unwrap_or_else(|error| Err(VectorError::Io(format!("the task was lost: {error}"))))
    }
}

impl Index {
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Rows) -> T) -> T {
        work(&self.rows.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn change<T>(&self, work: impl FnOnce(&mut Rows) -> T) -> T {
        work(&mut self.rows.write().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn guide(&self) -> Option<&Guide> {
        self.guide.as_ref()
    }

    fn wake(&self) {
        if let Some(guide) = &self.guide {
            guide.wake();
        }
    }

    /// Makes `batch` durable, then visible.
    fn write(&self, batch: Batch) -> Result<(), VectorError> {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.append(&batch)?;
        self.change(|rows| rows.apply(batch));
        if log.is_worn(self.read(Rows::live_bytes), SLACK) {
            self.rewrite(&mut log);
        }
        self.wake();
        Ok(())
    }

    /// Writes what lives into a new file. The old one stays good, so failing at it fails nobody.
    fn rewrite(&self, log: &mut Log) {
        match self.read(|rows| Log::create(log.path(), &self.model, rows.batches(REWRITE_BATCH))) {
            Ok(fresh) => *log = fresh,
            Err(error) => {
                log.be_patient();
                tracing::warn!(%error, "the vector index could not be made smaller");
            }
        }
    }

    fn upsert(&self, points: Vec<Point>, cursor: i64) -> Result<(), VectorError> {
        let points = points.into_iter().map(|point| self.checked(point)).collect::<Result<Vec<_>, _>>()?;
        if self.read(|rows| rows.tags_with(&points)) > MAX_DIFFERENT_TAGS {
            let most = format!("it holds at most {MAX_DIFFERENT_TAGS} different tags");
            return Err(VectorError::Invalid(most));
        }
        let records = points.into_iter().map(Record::Put).collect();
        self.write(Batch { cursor: Some(cursor), records })
    }

    /// `point` as it is kept: its vectors normalised, its tags sorted and each there once.
    fn checked(&self, mut point: Point) -> Result<Point, VectorError> {
        if point.vectors.len() > MAX_VECTORS {
            return Err(VectorError::Invalid(format!("a point has at most {MAX_VECTORS} vectors")));
        }
        for vector in &mut point.vectors {
            *vector = self.checked_vector(vector)?;
        }
        if point.tags.len() > MAX_TAGS {
            return Err(VectorError::Invalid(format!("a point has at most {MAX_TAGS} tags")));
        }
        if !point.tags.iter().all(|tag| (1..=MAX_TAG_BYTES).contains(&tag.len())) {
            return Err(VectorError::Invalid(format!("a tag has from 1 to {MAX_TAG_BYTES} bytes")));
        }
        point.tags.sort_unstable();
        point.tags.dedup();
        Ok(point)
    }

    fn checked_vector(&self, vector: &[f32]) -> Result<Vector, VectorError> {
        let (wanted, found) = (self.model.dimension, vector.len());
        if found != wanted {
            return Err(VectorError::Invalid(format!("a vector has {wanted} components, not {found}")));
        }
        if !vector.iter().all(|x| x.is_finite()) {
            return Err(VectorError::Invalid("a component of a vector is not a finite number".to_owned()));
        }
        Ok(normalised(vector))
    }

    fn clear(&self) -> Result<(), VectorError> {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        *log = Log::create(log.path(), &self.model, std::iter::empty())?;
        self.change(Rows::clear);
        if let Some(guide) = &self.guide {
            guide.clear()?;
        }
        Ok(())
    }
}

/// What the file at `path` holds, and of which model, without opening the index.
pub(crate) fn stored(path: &Path) -> Result<(ModelInfo, Rows), VectorError> {
    let model = log::model(path)?;
    let mut rows = Rows::over(model.dimension, Matrix::in_memory());
    log::replay(path, &model, |batch| rows.apply(batch))?;
    Ok((model, rows))
}

/// Reads the file into `rows`, and brings it to the newest format.
fn read(path: &Path, model: &ModelInfo, mut rows: Rows) -> Result<(Log, Rows), VectorError> {
    let mut log = Log::open(path, model, |batch| rows.apply(batch))?;
    rows.expect_no_more();
    if log.is_old() {
        log = Log::create(path, model, rows.batches(REWRITE_BATCH))?;
    }
    Ok((log, rows))
}

#[async_trait]
impl VectorIndex for ExactVectors {
    fn model(&self) -> &ModelInfo {
        &self.index.model
    }

    async fn upsert(&self, points: Vec<Point>, cursor: i64) -> Result<(), VectorError> {
        self.blocking(move |index| index.upsert(points, cursor)).await
    }

    async fn remove(&self, ids: &[ContentId]) -> Result<(), VectorError> {
        if ids.is_empty() {
            return Ok(());
        }
        let records = ids.iter().copied().map(Record::Remove).collect();
        self.blocking(move |index| index.write(Batch { cursor: None, records })).await
    }

    async fn cursor(&self) -> Result<Option<i64>, VectorError> {
        self.blocking(|index| Ok(index.read(Rows::cursor))).await
    }

    async fn text_hashes(&self, ids: &[ContentId]) -> Result<Vec<Option<u64>>, VectorError> {
        let ids = ids.to_vec();
        self.blocking(move |index| Ok(index.read(|rows| ids.iter().map(|&id| rows.text_hash(id)).collect()))).await
    }

    async fn vectors(&self, id: ContentId) -> Result<Vec<Vector>, VectorError> {
        self.blocking(move |index| Ok(index.read(|rows| rows.vectors(id)))).await
    }

    async fn search(&self, vector: &[f32], limit: usize, filter: &VectorFilter) -> Result<Vec<Scored>, VectorError> {
        let query = self.index.checked_vector(vector)?;
        let filter = filter.clone();
        // Goes with the scan, which ends when it ends, even when the caller has left.
        let turn = Arc::clone(&self.scans).acquire_owned().await;
        self.blocking(move |index| {
            let graph = index.guide.as_ref().map(Guide::graph);
            let found = index.read(|rows| rows.search(&query, limit, &filter, graph));
            drop(turn);
            Ok(found)
        })
        .await
    }

    async fn len(&self) -> Result<usize, VectorError> {
        self.blocking(|index| Ok(index.read(Rows::len))).await
    }

    async fn clear(&self) -> Result<(), VectorError> {
        self.blocking(Index::clear).await
    }
}

#[cfg(test)]
mod tests;
