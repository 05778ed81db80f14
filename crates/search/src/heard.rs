//! What a language model makes of a query, where the operator has one.

use std::time::Duration;

use contracts::{Degraded, ParsedIntent, SearchRequest};
use sha2::{Digest, Sha256};

use crate::Search;

/// How long a reading is kept, so that the pages of one search are of one mind.
const KEPT_FOR: Duration = Duration::from_secs(30 * 60);
/// The share of the sources' time that the model may take. Its own timeout is shorter (the configuration sees to that), so
/// that a model that hangs is counted as failing; this holds for callers who are in a hurry.
const SHARE: f64 = 0.5;

impl Search {
    /// The model's reading, which is yet to be believed; `None` where nobody has to be asked.
    ///
    /// # Errors
    /// Why there is none, as a sentence without a word of the query.
    pub(crate) async fn heard(
        &self,
        request: &SearchRequest,
        budget: Duration,
    ) -> Result<Option<ParsedIntent>, String> {
        let Some(reader) = self.intents.as_ref().filter(|_| request.intent.is_none()) else { return Ok(None) };
        let query = request.query.trim();
        if query.is_empty() {
            return Ok(None);
        }
        let digest = Sha256::digest(format!("{}\n{query}", reader.model()).as_bytes());
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let key = format!("intent:{hex}");
        if let Some(bytes) = self.cache.get(&key).await
            && let Ok(intent) = serde_json::from_slice(&bytes)
        {
            return Ok(Some(intent));
        }
        let asked = tokio::time::timeout(budget.mul_f64(SHARE), reader.read(query)).await;
        let intent = match asked {
            Ok(Ok(intent)) => intent,
            Ok(Err(error)) => return Err(error.0),
            Err(_) => return Err("it did not answer in time".to_owned()),
        };
        if let Ok(bytes) = serde_json::to_vec(&intent) {
            self.cache.put(&key, bytes.into(), KEPT_FOR).await;
        }
        Ok(Some(intent))
    }
}

/// What the answer says when this program read the query in the model's place.
pub(crate) fn unheard(reason: impl Into<String>) -> Degraded {
    Degraded { source: "intent_model".to_owned(), reason: reason.into() }
}
