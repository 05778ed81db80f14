//! A cache with somebody beside it, who notes, counts or holds up what goes through.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use contracts::ApiError;
use futures::future::BoxFuture;
use stores::cache::Cache;

/// What somebody does beside a cache: nothing, where a method is left out.
#[async_trait]
pub trait Watcher: Send + Sync {
    /// A value was asked for, and was there or not.
    fn asked(&self, _found: bool) {}

    /// A value is to be kept under `key` for `ttl`: by a put, or by a load unless it is there.
    async fn keeps(&self, _key: &str, _ttl: Duration) {}

    /// A load begins.
    async fn loads(&self) {}
}

/// What was to be kept, and for how long.
pub type Told = Mutex<Vec<(String, Duration)>>;

#[async_trait]
impl Watcher for Told {
    async fn keeps(&self, key: &str, ttl: Duration) {
        self.lock().unwrap().push((key.to_owned(), ttl));
    }
}

/// A cache with its watcher; everything goes through to the cache.
pub struct Watched<W> {
    cache: Arc<dyn Cache>,
    /// Who stands beside it.
    pub watcher: W,
}

impl<W: Watcher> Watched<W> {
    /// `cache` with `watcher` beside it.
    pub fn around(cache: Arc<dyn Cache>, watcher: W) -> Arc<Self> {
        Arc::new(Self { cache, watcher })
    }
}

#[async_trait]
impl<W: Watcher> Cache for Watched<W> {
    async fn get(&self, key: &str) -> Option<Bytes> {
        let found = self.cache.get(key).await;
        self.watcher.asked(found.is_some());
        found
    }

    async fn put(&self, key: &str, value: Bytes, ttl: Duration) {
        self.watcher.keeps(key, ttl).await;
        self.cache.put(key, value, ttl).await;
    }

    async fn remove(&self, key: &str) {
        self.cache.remove(key).await;
    }

    async fn get_or_load(
        &self,
        key: &str,
        ttl: Duration,
        load: BoxFuture<'_, Result<Option<Bytes>, ApiError>>,
    ) -> Result<Option<Bytes>, ApiError> {
        self.watcher.keeps(key, ttl).await;
        let load = async {
            self.watcher.loads().await;
            load.await
        };
        self.cache.get_or_load(key, ttl, Box::pin(load)).await
    }
}
