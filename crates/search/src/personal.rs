//! What titles are worth to whoever asks: weighed between finding and paging, and nobody else's business.

use contracts::{ApiError, Call, Caller, ContentId, Degraded, MAX_RESULT_WINDOW, Result};

use crate::{
    Search,
    rank::{self, Fused},
    ranked::left_out,
};

/// The share of a source's time that weighing may take.
const SHARE: f64 = 0.25;

impl Search {
    /// Whether the answer is this caller's own: then it is neither kept nor taken from what is kept, which is for all.
    pub(crate) fn is_personal(&self, call: &Call) -> bool {
        matches!(call.caller, Caller::Identified(_)) && self.boost.knows(call)
    }

    /// Orders what can be shown by what the caller likes. Where that fails or is late the order stays, and the reason is
    /// given.
    pub(crate) async fn weigh(&self, call: &Call, fused: &mut [Fused]) -> Option<Degraded> {
        if !self.is_personal(call) || fused.is_empty() {
            return None;
        }
        let titles: Vec<ContentId> =
            fused.iter().take(MAX_RESULT_WINDOW as usize).map(|title| title.content_id).collect();
        match self.factors(call, &titles).await {
            Ok(factors) => {
                rank::weigh(fused, &factors);
                None
            }
            Err(error) => Some(left_out("personal", &error.into())),
        }
    }

    async fn factors(&self, call: &Call, titles: &[ContentId]) -> Result<Vec<f64>> {
        let late = |_| ApiError::unavailable("boost_late", "it did not answer in time");
        let budget = self.budget(call)?.mul_f64(SHARE);
        let factors = tokio::time::timeout(budget, self.boost.factors(call, titles)).await.map_err(late)??;
        if factors.len() == titles.len() {
            Ok(factors)
        } else {
            let detail = format!("it weighed {} titles of {}", factors.len(), titles.len());
            Err(ApiError::unavailable("boost_wrong", detail))
        }
    }
}
