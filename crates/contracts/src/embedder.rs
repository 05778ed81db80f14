//! Turns text into vectors: a provider outside this program, local or remote.

use async_trait::async_trait;

use crate::Vector;

/// Which model an embedder runs. An index names its model and refuses vectors of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelInfo {
    /// Its name, with what distinguishes its vectors: `all-MiniLM-L6-v2-int8`.
    pub name: String,
    /// Components of a vector.
    pub dimension: usize,
}

/// Why there is no vector.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the embedding model failed: {0}")]
pub struct EmbedError(pub String);

/// Embeds texts. Vectors come normalised to length 1.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// The model.
    fn model(&self) -> &ModelInfo;

    /// One vector a text, in order. A text longer than the model's window is cut.
    ///
    /// # Errors
    /// [`EmbedError`] when the model can't run.
    async fn embed(&self, texts: &[String]) -> Result<Vec<Vector>, EmbedError>;
}
