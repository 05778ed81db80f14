//! The vector index for many titles: the exact one, led by a graph that a worker keeps beside it.
//!
//! The graph is derived twice over. Rows it does not know as they are (all of them while it is being built) are
//! compared as the exact index compares them, so that an answer never waits for it and is never without what was just
//! written. It is written to a file of its own from time to time; what a crash or damage costs is put in again.

mod file;
mod graph;
mod kernel;
mod sketches;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use async_trait::async_trait;
use contracts::{ContentId, ModelInfo, Scored, Vector};
use stores::vectors::{Point, VectorError, VectorFilter, VectorIndex};

pub use self::{
    file::{Places, RowKey},
    graph::Graph,
};
use crate::exact::{ExactVectors, Index, Matrix, Rows, WORTH_A_GRAPH};

/// Rows that are put into the graph at a time: searches wait meanwhile, some milliseconds.
const CHUNK: usize = 32;
/// The graph is written when this many rows were put in since, or a twentieth of all, whichever is more.
const SAVE_AFTER: usize = 1_000;
/// Rows whose keys are read at a time when the graph is written: who writes vectors waits meanwhile, a millisecond or two.
const KEYS_AT_A_TIME: usize = 4_096;
/// How long the worker sleeps when nobody wakes it.
const NAP: Duration = Duration::from_secs(1);

/// Which vector the graph holds for each row, and the graph as bytes.
type Snapshot = (Vec<RowKey>, Vec<u8>);

/// The graph and what its worker needs to know.
pub struct Guide {
    graph: Graph,
    /// Rows put in since the graph was written.
    unsaved: AtomicUsize,
    /// How often every row was forgotten.
    cleared: AtomicUsize,
    stop: AtomicBool,
    /// Whether there is something to do.
    call: (Mutex<bool>, Condvar),
}

impl Guide {
    fn new(graph: Graph) -> Self {
        let call = (Mutex::new(true), Condvar::new());
        Self { graph, unsaved: AtomicUsize::new(0), cleared: AtomicUsize::new(0), stop: AtomicBool::new(false), call }
    }

    /// The graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Tells the worker that rows changed.
    pub fn wake(&self) {
        *self.call.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.call.1.notify_one();
    }

    /// Forgets every row.
    pub fn clear(&self) -> Result<(), VectorError> {
        self.cleared.fetch_add(1, Ordering::SeqCst);
        self.graph.clear()
    }

    fn sleep(&self) {
        let called = self.call.0.lock().unwrap_or_else(PoisonError::into_inner);
        let slept = self.call.1.wait_timeout_while(called, NAP, |called| !*called);
        *slept.unwrap_or_else(PoisonError::into_inner).0 = false;
    }
}

/// A [`VectorIndex`] that is as quick with many titles as with few. Cheap to clone; clones share the index. One process
/// opens a file at a time: whoever owns the folder sees to that.
#[derive(Clone)]
pub struct HnswVectors {
    exact: ExactVectors,
    /// Ends with the last clone.
    _worker: Arc<Worker>,
}

impl HnswVectors {
    /// Opens the index in the file at `path` and its graph beside it, or makes empty ones. Blocks while it reads; what
    /// the graph lacks is put in afterwards, in the background.
    ///
    /// # Errors
    /// As [`ExactVectors::open`]. The graph is never at fault: one that can't be used is built anew.
    pub fn open(path: &Path, model: ModelInfo) -> Result<Self, VectorError> {
        Self::open_worth(path, model, WORTH_A_GRAPH)
    }

    /// The same with a graph from `worth` vectors on.
    pub(crate) fn open_worth(path: &Path, model: ModelInfo, worth: usize) -> Result<Self, VectorError> {
        let graph_path = file::graph_path(path);
        let (rows, graph) = match load(&graph_path, model.dimension) {
            Some((places, graph)) => (Rows::expecting(model.dimension, Matrix::beside(path), places), graph),
            None => (Rows::over(model.dimension, Matrix::beside(path)), Graph::new(model.dimension)?),
        };
        let exact = ExactVectors::guided(path, model, rows, Guide::new(graph))?;
        let job = Job { index: Arc::clone(&exact.index), path: graph_path, worth };
        Ok(Self { exact, _worker: Arc::new(Worker::start(job)?) })
    }

    /// Whether the graph knows every vector as it is; it never does below the number that makes one worth while.
    pub fn is_settled(&self) -> bool {
        self.exact.index.read(|rows| rows.changed(1).is_empty())
    }
}

/// The graph that the file at `path` holds, and the rows it knows. What is wrong with it is said once and costs a build.
fn load(path: &Path, dimension: usize) -> Option<(Places, Graph)> {
    let bytes = fs::read(path).ok()?;
    let Some((keys, graph)) = file::read(&bytes, dimension) else {
        tracing::warn!(file = %path.display(), "the graph of vectors is damaged or of another release: it is built anew");
        return None;
    };
    let places = Places::new(&keys);
    match Graph::from_bytes(graph, dimension, places.rows()) {
        Ok(graph) => Some((places, graph)),
        Err(error) => {
            tracing::warn!(%error, file = %path.display(), "the graph of vectors can't be read: it is built anew");
            None
        }
    }
}

/// The thread that keeps the graph; it ends with the index.
struct Worker {
    index: Arc<Index>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    fn start(job: Job) -> Result<Self, VectorError> {
        let index = Arc::clone(&job.index);
        let thread = thread::Builder::new().name("vector-graph".to_owned()).spawn(move || job.run());
        let thread = thread.map_err(|error| VectorError::Io(format!("no thread for the graph of vectors: {error}")))?;
        Ok(Self { index, thread: Some(thread) })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(guide) = self.index.guide() {
            guide.stop.store(true, Ordering::SeqCst);
            guide.wake();
        }
        if let Some(thread) = self.thread.take() {
            // A worker that panicked has said so already.
            let _ = thread.join();
        }
    }
}

struct Job {
    index: Arc<Index>,
    path: PathBuf,
    worth: usize,
}

impl Job {
    fn run(&self) {
        let Some(guide) = self.index.guide() else { return };
        while !guide.stop.load(Ordering::SeqCst) {
            match self.step(guide) {
                Ok(true) => {}
                Ok(false) => {
                    self.save(guide);
                    guide.sleep();
                }
                Err(error) => {
                    tracing::warn!(%error, "the graph of vectors can't be kept; it is built anew");
                    let _ = guide.clear();
                    self.index.change(Rows::change_all);
                    guide.sleep();
                }
            }
        }
    }

    /// Puts some rows into the graph; whether there were any.
    fn step(&self, guide: &Guide) -> Result<bool, VectorError> {
        // All but one of the cores: the others answer searches.
        let threads = thread::available_parallelism().map_or(1, usize::from).saturating_sub(1).max(1);
        let cleared = guide.cleared.load(Ordering::SeqCst);
        let changed = self.index.read(|rows| {
            let wanted = rows.vectors_len() >= self.worth || guide.graph.len() > 0;
            if wanted { rows.changed(CHUNK * threads) } else { Vec::new() }
        });
        if changed.is_empty() {
            return Ok(false);
        }
        if guide.graph.len() == 0 {
            guide.graph.centre_on(self.index.read(Rows::mean));
        }
        guide.graph.put(&changed, threads)?;
        self.index.change(|rows| {
            // Cleared meanwhile, the graph knows none of them, though the same vectors may be in the same rows again.
            if guide.cleared.load(Ordering::SeqCst) == cleared {
                rows.settle(&changed);
            }
        });
        guide.unsaved.fetch_add(changed.len(), Ordering::SeqCst);
        Ok(true)
    }

    /// Writes the graph when that is due. Without the file the next start only builds it again.
    fn save(&self, guide: &Guide) {
        let unsaved = guide.unsaved.load(Ordering::SeqCst);
        let due = self.index.read(|rows| SAVE_AFTER.min(self.worth).max(rows.vectors_len() / 20));
        if unsaved == 0 || unsaved < due {
            return;
        }
        let written = self.snapshot(guide).map_err(|error| error.to_string()).and_then(|found| match found {
            Some((keys, graph)) => {
                let dimension = self.index.read(Rows::dimension);
                file::write(&self.path, dimension, &keys, &graph).map_err(|error| error.to_string())
            }
            None => Ok(()),
        });
        if let Err(error) = written {
            tracing::warn!(error, "the graph of vectors could not be written: the next start builds it again");
        }
        guide.unsaved.store(0, Ordering::SeqCst);
    }

    /// The graph as bytes, and which vector it holds for each row; `None` when it was cleared meanwhile.
    ///
    /// Only this thread puts rows into the graph, so that it stays as it is while the keys are read part by part: a row
    /// that changes between two parts counts as changed, or had its key read as the graph still has it.
    fn snapshot(&self, guide: &Guide) -> Result<Option<Snapshot>, VectorError> {
        let cleared = guide.cleared.load(Ordering::SeqCst);
        let mut keys = Vec::new();
        loop {
            let part = self.index.read(|rows| rows.keys(keys.len(), KEYS_AT_A_TIME));
            if part.is_empty() {
                break;
            }
            keys.extend(part);
        }
        let graph = guide.graph.to_bytes()?;
        Ok((cleared == guide.cleared.load(Ordering::SeqCst)).then_some((keys, graph)))
    }
}

#[async_trait]
impl VectorIndex for HnswVectors {
    fn model(&self) -> &ModelInfo {
        self.exact.model()
    }

    async fn upsert(&self, points: Vec<Point>, cursor: i64) -> Result<(), VectorError> {
        self.exact.upsert(points, cursor).await
    }

    async fn remove(&self, ids: &[ContentId]) -> Result<(), VectorError> {
        self.exact.remove(ids).await
    }

    async fn cursor(&self) -> Result<Option<i64>, VectorError> {
        self.exact.cursor().await
    }

    async fn text_hashes(&self, ids: &[ContentId]) -> Result<Vec<Option<u64>>, VectorError> {
        self.exact.text_hashes(ids).await
    }

    async fn vectors(&self, id: ContentId) -> Result<Vec<Vector>, VectorError> {
        self.exact.vectors(id).await
    }

    async fn search(&self, vector: &[f32], limit: usize, filter: &VectorFilter) -> Result<Vec<Scored>, VectorError> {
        self.exact.search(vector, limit, filter).await
    }

    async fn len(&self) -> Result<usize, VectorError> {
        self.exact.len().await
    }

    async fn clear(&self) -> Result<(), VectorError> {
        self.exact.clear().await
    }
}

#[cfg(test)]
mod tests;
