//! What titles are worth to whoever asks: the hook between finding titles and cutting them into pages.

use async_trait::async_trait;

use crate::{Call, ContentId, Result};

/// Weighs what a search found by what the person who asks likes. Search itself knows nothing of anybody.
#[async_trait]
pub trait PersonalBoost: Send + Sync {
    /// Whether there is anything to say for this caller; answered from memory. Where there is not, the answer is
    /// everybody's and may be kept for all. `true` where that can't be told.
    fn knows(&self, call: &Call) -> bool;

    /// A factor for each of `titles`, in their order, that its relevance is multiplied by: 1 leaves it where it is, 0 puts
    /// it last.
    ///
    /// # Errors
    /// When there are none at the moment: the order then stays as it was found, and the answer says so.
    async fn factors(&self, call: &Call, titles: &[ContentId]) -> Result<Vec<f64>>;
}

/// Knows nobody and weighs all titles the same: what a search has while nobody recommends.
#[derive(Clone, Copy, Debug, Default)]
pub struct NeutralBoost;

#[async_trait]
impl PersonalBoost for NeutralBoost {
    fn knows(&self, _: &Call) -> bool {
        false
    }

    async fn factors(&self, _: &Call, titles: &[ContentId]) -> Result<Vec<f64>> {
        Ok(vec![1.0; titles.len()])
    }
}
