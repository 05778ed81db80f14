//! Why an index can't be opened or written, and what that means to a caller.

use contracts::{ApiError, EmbedError, ErrorKind};
use stores::{DbError, vectors::VectorError};
use tantivy::TantivyError;

/// A fault of one of the indexes, or of what they follow.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The index was written by a newer release.
    #[error(
        "the keyword index was written by a newer release (format {found}, this one reads {known}): use that release, or delete the folder to rebuild it"
    )]
    Newer {
        /// The format found.
        found: u32,
        /// The newest this release reads.
        known: u32,
    },
    /// Another process holds the index.
    #[error("the keyword index is in use by another process")]
    Locked,
    /// The disk is full.
    #[error("the disk is full")]
    StorageFull,
    /// The keyword index failed.
    #[error("the keyword index failed: {0}")]
    Keyword(String),
    /// The vector index failed.
    #[error("the vector index failed: {0}")]
    Vectors(#[from] VectorError),
    /// The model failed.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// The event log can't be read.
    #[error("the event log can't be read: {0}")]
    Events(#[from] DbError),
    /// The catalogue did not answer.
    #[error("the catalogue did not answer: {0}")]
    Catalog(#[from] ApiError),
    /// A worker thread died; the cause was logged there.
    #[error("a worker died while it was {0}")]
    Worker(&'static str),
}

impl From<TantivyError> for SearchError {
    fn from(error: TantivyError) -> Self {
        match error {
            TantivyError::LockFailure(..) => Self::Locked,
            TantivyError::IoError(io) if io.kind() == std::io::ErrorKind::StorageFull => Self::StorageFull,
            other => Self::Keyword(other.to_string()),
        }
    }
}

impl From<std::io::Error> for SearchError {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::StorageFull {
            Self::StorageFull
        } else {
            Self::Keyword(error.to_string())
        }
    }
}

impl From<SearchError> for ApiError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Catalog(error) => error,
            SearchError::Events(error) => error.into(),
            SearchError::StorageFull => Self::new(ErrorKind::StorageFull, "storage_full", error.to_string()),
            SearchError::Newer { .. } => Self::new(ErrorKind::PreconditionFailed, "newer_index", error.to_string()),
            SearchError::Locked => Self::unavailable("index_locked", error.to_string()),
            SearchError::Vectors(error @ VectorError::Invalid(_)) => error.into(),
            SearchError::Keyword(_) | SearchError::Vectors(_) | SearchError::Embed(_) | SearchError::Worker(_) => {
                tracing::error!(%error, "an index failed");
                Self::unavailable("index_failed", "the search index can't answer at the moment")
            }
        }
    }
}
