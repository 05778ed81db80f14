//! The port to a vector index: the nearest titles to a point, among those that pass a filter.

use async_trait::async_trait;
use contracts::{ApiError, ContentId, ErrorKind, ModelInfo, Scored, Vector, YearRange};

/// The longest tag, in bytes.
pub const MAX_TAG_BYTES: usize = 255;
/// The most tags of one point.
pub const MAX_TAGS: usize = 4_096;
/// The most vectors of one point.
pub const MAX_VECTORS: usize = 8;

/// A title to put into the index, in place of what was there under its id.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The title.
    pub id: ContentId,
    /// A hash of the text that `vectors` were made from. Ignored when there are none: the one there stays with its
    /// vectors.
    pub text_hash: u64,
    /// The embeddings, such as one of the facts and one of each part of the plot: at most [`MAX_VECTORS`], of any
    /// length: the index normalises them. An empty list keeps the vectors that are there and changes tags and year
    /// only; a point that is not there is then passed over.
    pub vectors: Vec<Vector>,
    /// What a filter may ask for, such as `type:movie`, `genre:drama`, `offer:netflix:US`: at most [`MAX_TAGS`], each
    /// of 1 to [`MAX_TAG_BYTES`] bytes. Order and repetition don't matter.
    pub tags: Vec<String>,
    /// The year it was first shown.
    pub year: Option<u16>,
}

/// What the results of a search must be. The default asks nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VectorFilter {
    /// For each of these lists, the point has at least one of its tags. An empty list asks nothing.
    pub any_of: Vec<Vec<String>>,
    /// The point's year lies in this range; a point without a year passes only where both ends are open.
    pub years: Option<YearRange>,
}

/// Why an index did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VectorError {
    /// What is stored is damaged. The index must be built anew.
    #[error("the vector index is damaged: {0}")]
    Corrupt(String),
    /// What is stored holds vectors of another model. The index must be built anew.
    #[error("the vector index holds vectors of {found}, not of {wanted}")]
    OtherModel {
        /// The model that was asked for, with its dimension.
        wanted: String,
        /// The model that is there, with its dimension.
        found: String,
    },
    /// What is stored was written by a later release. It is left as it is.
    #[error("the vector index has format {found}; this release reads up to format {known}")]
    Newer {
        /// The format that is there.
        found: u32,
        /// The last format this release knows.
        known: u32,
    },
    /// A point or a query is not what this index can take; nothing was changed.
    #[error("the vector index can't take this: {0}")]
    Invalid(String),
    /// There is no room. What was there before is still there.
    #[error("no room is left for the vector index: {0}")]
    StorageFull(String),
    /// The store could not be read or written.
    #[error("the vector index can't be read or written: {0}")]
    Io(String),
}

impl From<VectorError> for ApiError {
    fn from(error: VectorError) -> Self {
        // The others may name a file of the server, so their sentence stays in the log of whoever handles the error.
        match error {
            VectorError::Invalid(_) => Self::invalid("bad_vector", error.to_string()),
            VectorError::StorageFull(_) => {
                Self::new(ErrorKind::StorageFull, "storage_full", "no room is left for the vector index")
            }
            _ => Self::unavailable("vector_index_unavailable", "the vector index can't answer now"),
        }
    }
}

/// Finds the nearest titles by cosine similarity.
///
/// A follower of the event log keeps it up to date: it upserts what changed together with its place in the log (the
/// cursor), so that after a crash it goes on from exactly what the index holds. The catalogue stays the truth: an
/// index can always be cleared and built anew.
#[async_trait]
pub trait VectorIndex: Send + Sync {
    /// The model whose vectors this index holds.
    fn model(&self) -> &ModelInfo;

    /// Puts `points` in, in order (a later one of the same id wins), and moves the cursor to `cursor`: all of it or
    /// nothing. It is durable when this returns.
    ///
    /// # Errors
    /// [`VectorError::Invalid`] for a vector of another dimension or with a component that is not finite, or when a
    /// bound of [`Point`] is passed; [`VectorError::StorageFull`]; [`VectorError::Io`].
    async fn upsert(&self, points: Vec<Point>, cursor: i64) -> Result<(), VectorError>;

    /// Takes the points out that are there. It is durable when this returns.
    ///
    /// # Errors
    /// [`VectorError::StorageFull`]; [`VectorError::Io`].
    async fn remove(&self, ids: &[ContentId]) -> Result<(), VectorError>;

    /// The cursor of the last upsert; `None` on an index that never had one or was cleared.
    async fn cursor(&self) -> Result<Option<i64>, VectorError>;

    /// For each id the text hash of its vectors, `None` where the index does not have it.
    async fn text_hashes(&self, ids: &[ContentId]) -> Result<Vec<Option<u64>>, VectorError>;

    /// The normalised vectors of one title, in the order they were put in; empty when the index does not have it.
    async fn vectors(&self, id: ContentId) -> Result<Vec<Vector>, VectorError>;

    /// The `limit` nearest points to `vector` (of any length) that pass `filter`, nearest first, the smaller id first
    /// among equals. A score is the cosine similarity to the nearest of the point's vectors, from -1 to 1; with a zero
    /// vector on either side it is 0.
    ///
    /// # Errors
    /// [`VectorError::Invalid`] for a vector of another dimension or with a component that is not finite;
    /// [`VectorError::Io`].
    async fn search(&self, vector: &[f32], limit: usize, filter: &VectorFilter) -> Result<Vec<Scored>, VectorError>;

    /// How many points there are.
    async fn len(&self) -> Result<usize, VectorError>;

    /// Whether there is no point.
    async fn is_empty(&self) -> Result<bool, VectorError> {
        Ok(self.len().await? == 0)
    }

    /// Takes everything out, the cursor too.
    ///
    /// # Errors
    /// [`VectorError::StorageFull`]; [`VectorError::Io`].
    async fn clear(&self) -> Result<(), VectorError>;
}
