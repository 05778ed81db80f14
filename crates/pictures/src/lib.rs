//! Pictures of titles, out of this node: fetched from named hosts within bounds, scaled to a ladder of widths, and kept
//! in memory for a while. A browser that opens the app asks nobody else.

mod fetch;
mod hosts;
mod scale;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use contracts::{Picture, PictureError, Pictures};
use moka::{Expiry, future::Cache};
use tokio::sync::Semaphore;

pub use hosts::Hosts;

use fetch::Fetch;
use scale::Ladder;

/// How long a picture is kept, and how long it is remembered that there is none.
const KEEP: Duration = Duration::from_secs(24 * 3600);
const KEEP_FAULT: Duration = Duration::from_secs(300);
/// What a fault weighs in the cache, in bytes.
const FAULT_WEIGHT: u32 = 256;
/// How many pictures are fetched, and how many are scaled, at the same time.
const FETCHES: usize = 6;
const SCALERS: usize = 2;

type Outcome = Result<Arc<Ladder>, PictureError>;

/// Fetches, scales and keeps pictures.
pub struct HostedPictures {
    hosts: Hosts,
    fetch: Fetch,
    kept: Cache<String, Outcome>,
    fetching: Semaphore,
    scaling: Arc<Semaphore>,
}

impl HostedPictures {
    /// Pictures from these hosts, of which at most `max_bytes` are kept; an answer may take `timeout`.
    ///
    /// # Errors
    /// A sentence when no request can ever be made.
    pub fn new(hosts: Hosts, max_bytes: u64, timeout: Duration) -> Result<Self, String> {
        let weight = |url: &String, outcome: &Outcome| {
            let bytes = outcome.as_ref().map_or(FAULT_WEIGHT, |ladder| ladder.bytes());
            bytes.saturating_add(u32::try_from(url.len()).unwrap_or(u32::MAX))
        };
        let kept = Cache::builder().max_capacity(max_bytes).weigher(weight).expire_after(ByOutcome).build();
        let fetch = Fetch::new(timeout)?;
        let (fetching, scaling) = (Semaphore::new(FETCHES), Arc::new(Semaphore::new(SCALERS)));
        Ok(Self { hosts, fetch, kept, fetching, scaling })
    }

    async fn load(&self, url: &str) -> Outcome {
        let loaded = self.fetch_and_scale(url).await;
        if let Err(error) = &loaded {
            tracing::info!(%error, "a picture can't be shown");
        }
        loaded
    }

    async fn fetch_and_scale(&self, url: &str) -> Outcome {
        let (url, guarded) = self.hosts.find(url).ok_or(PictureError::NotAllowed)?;
        let closed = |_| PictureError::Failed("this node is stopping");
        let bytes = {
            let _permit = self.fetching.acquire().await.map_err(closed)?;
            self.fetch.bytes(url, guarded).await?
        };
        let permit = Arc::clone(&self.scaling).acquire_owned().await.map_err(closed)?;
        let scaled = tokio::task::spawn_blocking(move || {
            let ladder = scale::ladder(&bytes);
            drop(permit);
            ladder
        });
        let ladder = scaled.await.map_err(|_| PictureError::Unusable("reading it failed"))?;
        ladder.map(Arc::new)
    }
}

#[async_trait]
impl Pictures for HostedPictures {
    fn takes(&self, url: &str) -> bool {
        self.hosts.find(url).is_some()
    }

    /// Of those who want a picture that is not there one fetches it, and all get what comes of it.
    async fn picture(&self, url: &str, width: u32) -> Result<Picture, PictureError> {
        if !self.takes(url) {
            return Err(PictureError::NotAllowed);
        }
        let ladder = self.kept.get_with_by_ref(url, self.load(url)).await?;
        Ok(ladder.at(width))
    }
}

/// Faults pass sooner than pictures.
struct ByOutcome;

impl Expiry<String, Outcome> for ByOutcome {
    fn expire_after_create(&self, _: &String, outcome: &Outcome, _: Instant) -> Option<Duration> {
        Some(if outcome.is_ok() { KEEP } else { KEEP_FAULT })
    }
}
