//! The answers that are kept: the same question over the same indexes has the same answer.

use std::time::Duration;

use contracts::{Call, Degraded, SearchRequest, SortOrder};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::{Search, rank::Source};

/// How long an answer is kept (Q5). Its key holds the position of the indexes, so that it is never older than they are.
pub(crate) const ANSWERS_FOR: Duration = Duration::from_secs(30 * 60);
/// How long the rows to look around in are kept, most of which are of what is popular (Q5).
pub(crate) const ROWS_FOR: Duration = Duration::from_secs(60 * 60);

/// An answer with the end of its time, by the clock that all else goes by.
#[derive(Serialize, Deserialize)]
struct Kept<T> {
    until: Timestamp,
    answer: T,
}

/// Where an answer is kept, and the position of the indexes that it holds for.
pub(crate) struct Place {
    key: String,
    position: i64,
}

impl Search {
    /// Where the answer to `request` is kept; `None` while an index is behind the others, when answers still change.
    pub(crate) fn place_of(&self, call: &Call, request: &SearchRequest) -> Option<Place> {
        // What people search for changes while the indexes stand still.
        let shown = (request.sort == SortOrder::Trending).then(|| self.trending.shown());
        self.place(call, "search", &format!("{} {shown:?}", serde_json::to_string(request).ok()?))
    }

    /// Where an answer of some sort is kept, whose question is `asked`.
    pub(crate) fn place(&self, call: &Call, sort: &str, asked: &str) -> Option<Place> {
        let position = self.settled_at()?;
        let (fusion, locale, year) = (self.fusion(), call.locale.as_str(), self.this_year());
        let reader = self.intents.as_ref().map(|reader| reader.model());
        let model = self.meaning().map(|meaning| &meaning.embedder.model().name);
        // What suits an age is kept for all who have chosen that age.
        let ages = call.ages();
        let asked = format!("{position}\n{fusion:?}\n{reader:?}\n{model:?}\n{locale}\n{year}\n{ages:?}\n{asked}");
        let digest = Sha256::digest(asked.as_bytes());
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Place { key: format!("{sort}:{hex}"), position })
    }

    /// Whether an answer is as good as it will be, with what it lacks: one without what failed or was late is not kept.
    /// Without a model of meaning nothing comes back by itself, and the answers of a node that has one are kept elsewhere.
    pub(crate) fn lacks_nothing(&self, lacking: &[Degraded]) -> bool {
        let lasting = self.meaning().is_none().then(|| Source::Vector.as_str());
        lacking.iter().all(|lacks| Some(lacks.source.as_str()) == lasting)
    }

    /// The answer that is kept there.
    pub(crate) async fn kept<T: DeserializeOwned>(&self, place: &Place) -> Option<T> {
        let kept = self.cache.get(&place.key).await.and_then(|bytes| serde_json::from_slice::<Kept<T>>(&bytes).ok());
        let found = kept.filter(|kept| self.clock.now() < kept.until).map(|kept| kept.answer);
        let outcome = if found.is_some() { "hit" } else { "miss" };
        metrics::counter!("search_cache_lookups_total", "outcome" => outcome).increment(1);
        found
    }

    /// Keeps an answer for `time`, unless the indexes moved while it was made.
    pub(crate) async fn keep<T: Serialize>(&self, place: Place, answer: &T, time: Duration) {
        if self.settled_at() == Some(place.position)
            && let Ok(until) = self.clock.now().checked_add(time)
            && let Ok(bytes) = serde_json::to_vec(&Kept { until, answer })
        {
            self.cache.put(&place.key, bytes.into(), time).await;
        }
    }
}
