//! The cache in this process, on moka: bounded by bytes, each entry with its own time to live.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use contracts::ApiError;
use futures::future::BoxFuture;
use moka::{Expiry, future};
use stores::cache::Cache;

/// What moka keeps beside key and value, roughly: without it a million empty values would weigh nothing.
const ENTRY_OVERHEAD: usize = 160;

/// A [`Cache`] in memory. Cheap to clone; clones share the entries.
///
/// Counts `cache_hits_total` and `cache_misses_total`.
#[derive(Clone)]
pub struct MemoryCache(future::Cache<String, Kept>);

#[derive(Clone)]
struct Kept {
    value: Bytes,
    ttl: Duration,
}

/// Why a load left nothing to keep.
enum Nothing {
    Found,
    Failed(ApiError),
}

struct OwnTtl;

impl Expiry<String, Kept> for OwnTtl {
    fn expire_after_create(&self, _: &String, kept: &Kept, _: Instant) -> Option<Duration> {
        Some(kept.ttl)
    }

    fn expire_after_update(&self, _: &String, kept: &Kept, _: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(kept.ttl)
    }
}

impl MemoryCache {
    /// An empty cache that holds about `max_bytes` of keys, values and their bookkeeping. When it is full the entries
    /// that are used least often make room (the TinyLFU policy of moka); one that would not fit alone is not kept.
    pub fn new(max_bytes: u64) -> Self {
        let entries = future::Cache::builder()
            .name("memory")
            .max_capacity(max_bytes)
            .weigher(|key: &String, kept: &Kept| {
                u32::try_from(key.len() + kept.value.len() + ENTRY_OVERHEAD).unwrap_or(u32::MAX)
            })
            .expire_after(OwnTtl)
            .build();
        Self(entries)
    }
}

fn count(hit: bool) {
    let name = if hit { "cache_hits_total" } else { "cache_misses_total" };
    metrics::counter!(name).increment(1);
}

#[async_trait]
impl Cache for MemoryCache {
    async fn get(&self, key: &str) -> Option<Bytes> {
        let kept = self.0.get(key).await;
        count(kept.is_some());
        kept.map(|kept| kept.value)
    }

    async fn put(&self, key: &str, value: Bytes, ttl: Duration) {
        if ttl.is_zero() {
            return self.remove(key).await;
        }
        // A small slice of a large buffer would keep all of it alive, past what was weighed.
        self.0.insert(key.to_owned(), Kept { value: Bytes::copy_from_slice(&value), ttl }).await;
    }

    async fn remove(&self, key: &str) {
        self.0.invalidate(key).await;
    }

    async fn get_or_load(
        &self,
        key: &str,
        ttl: Duration,
        load: BoxFuture<'_, Result<Option<Bytes>, ApiError>>,
    ) -> Result<Option<Bytes>, ApiError> {
        let mut loaded = false;
        let load = async {
            loaded = true;
            let value = load.await.map_err(Nothing::Failed)?.ok_or(Nothing::Found)?;
            Ok(Kept { value: Bytes::copy_from_slice(&value), ttl })
        };
        let outcome = self.0.try_get_with_by_ref(key, load).await;
        count(!loaded);
        match outcome {
            Ok(kept) => Ok(Some(kept.value)),
            Err(nothing) => match &*nothing {
                Nothing::Found => Ok(None),
                Nothing::Failed(error) => Err(error.clone()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    #[tokio::test]
    async fn is_a_cache() -> Result<(), ApiError> {
        stores::suites::cache::run(&MemoryCache::new(64 << 10)).await
    }

    #[tokio::test]
    async fn stays_within_its_bytes() {
        let cache = MemoryCache::new(64 << 10);
        for n in 0..1_000 {
            cache.put(&format!("key:{n}"), Bytes::from(vec![0; 1_000]), LONG).await;
        }
        cache.0.run_pending_tasks().await;
        assert!(cache.0.weighted_size() <= 64 << 10, "{} bytes", cache.0.weighted_size());
        assert!(cache.0.entry_count() >= 40, "most of the room is used: {} entries", cache.0.entry_count());
        for n in 0..1_000 {
            cache.put(&format!("empty:{n}"), Bytes::new(), LONG).await;
        }
        cache.0.run_pending_tasks().await;
        assert!(cache.0.weighted_size() <= 64 << 10, "entries without a value weigh too");

        cache.put("huge", Bytes::from(vec![0; 65 << 10]), LONG).await;
        cache.0.run_pending_tasks().await;
        assert_eq!(cache.get("huge").await, None, "what would not fit alone is not kept");
    }

    #[tokio::test]
    async fn a_slice_does_not_keep_its_buffer() {
        let cache = MemoryCache::new(1 << 20);
        let buffer = Bytes::from(vec![7; 100_000]);
        cache.put("slice", buffer.slice(..10), LONG).await;
        assert!(buffer.is_unique(), "the cache keeps ten bytes, not the buffer they came from");
    }
}
