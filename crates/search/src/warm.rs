//! Warming up: what is likely to be asked first is asked before anybody does, so that nobody waits for cold pages.

use std::{sync::atomic::Ordering, time::Duration};

use contracts::{Call, SearchApi as _, SearchRequest};
use tokio_util::sync::CancellationToken;

use crate::Search;

/// How often it looks whether the indexes are ready.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The longest that warming up may take, and the most titles that are asked for by name.
const LONGEST: Duration = Duration::from_secs(10);
const MOST_NAMES: usize = 20;

impl Search {
    /// Whether what is likely to be asked was asked ahead, as far as there was time.
    pub fn is_warm(&self) -> bool {
        self.warm.load(Ordering::SeqCst)
    }

    /// Once the indexes hold all there is: asks for the page to look around in, for everything, and for the titles
    /// that people search for by name.
    pub(crate) async fn warm_up(&self, stop: &CancellationToken) {
        if !self.config.warm_up {
            return;
        }
        while self.settled_at().is_none() || !self.trending.is_ranked() {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
        let warmed = async { tokio::time::timeout(LONGEST, self.ask_likely()).await };
        match stop.run_until_cancelled(warmed).await {
            Some(Ok(answers)) => tracing::debug!(answers, "likely questions were answered ahead"),
            Some(Err(_)) => tracing::debug!("likely questions took too long to be answered ahead"),
            None => return,
        }
        self.warm.store(true, Ordering::SeqCst);
    }

    /// How many answers were made; one that fails is nobody's loss.
    async fn ask_likely(&self) -> usize {
        let call = Call::system(&self.clock, &self.rng, LONGEST);
        let mut answers = usize::from(self.discover(&call, None).await.is_ok());
        let popular = self.trending(&call, None, MOST_NAMES).await.unwrap_or_default();
        for query in std::iter::once(String::new()).chain(popular.into_iter().map(|title| title.title)) {
            let request = SearchRequest { query, ..SearchRequest::default() };
            answers += usize::from(self.answered(&call, &request).await.is_ok());
        }
        answers
    }
}
