//! Reads what a person asks for out of their words: a provider outside this program.

use async_trait::async_trait;

use crate::ParsedIntent;

/// Why there is no intent, as a sentence without a word of the query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct IntentError(pub String);

/// Reads queries in place of our own parser. What it says is not to be trusted: search holds it against the query and
/// the catalogue, and reads the query itself where it can't be believed.
#[async_trait]
pub trait IntentReader: Send + Sync {
    /// The model's name: what it read is not taken for another's.
    fn model(&self) -> &str;

    /// What `query` asks for, within the reader's own time.
    ///
    /// # Errors
    /// [`IntentError`] when it is slow, broken, says something else than an intent, or is left alone for a while.
    async fn read(&self, query: &str) -> Result<ParsedIntent, IntentError>;

    /// Why it is left alone at the moment, if it is.
    fn trouble(&self) -> Option<String>;
}
