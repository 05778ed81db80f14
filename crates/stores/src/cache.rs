//! The port to a cache: bytes under a key for a while, in this process or beside it.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use contracts::ApiError;
use futures::future::BoxFuture;

/// Keeps answers for a while. Losing an entry at any moment is allowed, so a cache has no errors of its own: one that
/// can't be reached answers as if it were empty.
#[async_trait]
pub trait Cache: Send + Sync {
    /// What is kept under `key`, when it is there and has not expired.
    async fn get(&self, key: &str) -> Option<Bytes>;

    /// Keeps `value` under `key` for `ttl`, in place of what was there. A `ttl` of zero keeps nothing.
    async fn put(&self, key: &str, value: Bytes, ttl: Duration);

    /// Forgets `key`. Where the cache can't be reached, what was kept until then is not given later either.
    async fn remove(&self, key: &str);

    /// What is kept under `key`, or else what `load` finds, which is then kept for `ttl`.
    ///
    /// Of the callers that miss `key` at the same time one runs its `load` and all get its outcome; when that caller
    /// goes away, another one's `load` takes over. `Ok(None)` and errors are handed to all of them and not kept.
    ///
    /// A `put` or `remove` while a load runs does not stop its outcome from being kept: where that would be stale, put
    /// a version into the key or choose a short `ttl`.
    ///
    /// # Errors
    /// Whatever `load` fails with.
    async fn get_or_load(
        &self,
        key: &str,
        ttl: Duration,
        load: BoxFuture<'_, Result<Option<Bytes>, ApiError>>,
    ) -> Result<Option<Bytes>, ApiError>;
}
