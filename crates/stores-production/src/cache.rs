//! The cache in Valkey or Redis, shared by every process of a deployment.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use contracts::ApiError;
use futures::future::BoxFuture;
use moka::future;
use redis::AsyncCommands;
use stores::cache::Cache;

use crate::RedisLink;

/// Loads that run at once are shared within this process; so many keys at once are more than any process loads.
const MAX_LOADS: u64 = 10_000;
/// A caller that leaves before it could drop the value it loaded leaves it for no longer than this.
const LEFT_BEHIND: Duration = Duration::from_secs(1);
/// How far the clocks of processes that share a server may be apart.
const APART_MICROS: i64 = 5_000_000;

/// A [`Cache`] in Redis. A server that can't be reached is an empty cache: its callers load.
///
/// What it was told to forget meanwhile would be there again with the server. So each value stands behind the moment
/// at which it was kept, and a process that could not forget something believes nothing of that kind from before that:
/// nothing whose key begins with the same word, up to its first colon. The others of the deployment were told to forget
/// it as well, and know by themselves whether they could. One that starts only then knows of nothing, and may give what
/// is old for as long as it was to be kept.
///
/// Counts `cache_hits_total` and `cache_misses_total`.
#[derive(Clone)]
pub struct RedisCache {
    link: RedisLink,
    prefix: String,
    loads: future::Cache<String, Bytes>,
    /// What was kept until then is not believed, in microseconds, by the first word of its key: there are few.
    doubted: Arc<RwLock<HashMap<String, i64>>>,
}

/// Why a load left nothing to keep.
enum Nothing {
    Found,
    Failed(ApiError),
}

impl RedisCache {
    /// Keys stand under `prefix`, so that several deployments can share a server.
    pub fn new(link: RedisLink, prefix: &str) -> Self {
        let loads = future::Cache::builder().max_capacity(MAX_LOADS).time_to_live(LEFT_BEHIND).build();
        Self { link, prefix: prefix.to_owned(), loads, doubted: Arc::default() }
    }

    fn name(&self, key: &str) -> String {
        format!("{}kept:{key}", self.prefix)
    }

    async fn look(&self, key: &str) -> Option<Bytes> {
        let name = self.name(key);
        let found = self.link.ask(async |mut redis| redis.get::<_, Option<Vec<u8>>>(name).await).await;
        let kept = Bytes::from(found.ok().flatten()?);
        let at = i64::from_be_bytes(*kept.first_chunk()?);
        let doubted = self.doubted.read().unwrap_or_else(PoisonError::into_inner).get(word(key)).copied();
        doubted.is_none_or(|until| at > until).then(|| kept.slice(size_of_val(&at)..))
    }

    fn doubt(&self, key: &str) {
        let until = self.link.now() + APART_MICROS;
        let mut doubted = self.doubted.write().unwrap_or_else(PoisonError::into_inner);
        let known = doubted.entry(word(key).to_owned()).or_insert(until);
        *known = until.max(*known);
    }
}

/// Of what kind a key is: `content` of `content:2:…`. Those without a colon are one kind.
fn word(key: &str) -> &str {
    key.split_once(':').map_or("", |(word, _)| word)
}

fn count(hit: bool) {
    let name = if hit { "cache_hits_total" } else { "cache_misses_total" };
    metrics::counter!(name).increment(1);
}

#[async_trait]
impl Cache for RedisCache {
    async fn get(&self, key: &str) -> Option<Bytes> {
        let found = self.look(key).await;
        count(found.is_some());
        found
    }

    async fn put(&self, key: &str, value: Bytes, ttl: Duration) {
        let Ok(millis) = u64::try_from(ttl.as_millis()) else { return };
        if millis == 0 {
            return self.remove(key).await;
        }
        let name = self.name(key);
        let value = [&self.link.now().to_be_bytes()[..], &value[..]].concat();
        // A value that could not be kept is one that was lost.
        let _ = self.link.ask(async |mut redis| redis.pset_ex::<_, _, ()>(name, &value[..], millis).await).await;
    }

    async fn remove(&self, key: &str) {
        let name = self.name(key);
        if self.link.ask(async |mut redis| redis.del::<_, ()>(name).await).await.is_err() {
            self.doubt(key);
        }
    }

    async fn get_or_load(
        &self,
        key: &str,
        ttl: Duration,
        load: BoxFuture<'_, Result<Option<Bytes>, ApiError>>,
    ) -> Result<Option<Bytes>, ApiError> {
        if let Some(found) = self.look(key).await {
            count(true);
            return Ok(Some(found));
        }
        let mut loaded = false;
        let load = async {
            loaded = true;
            let value = load.await.map_err(Nothing::Failed)?.ok_or(Nothing::Found)?;
            self.put(key, value.clone(), ttl).await;
            Ok(value)
        };
        let outcome = self.loads.try_get_with_by_ref(key, load).await;
        // Only what is under way is shared here; what is kept is kept there.
        self.loads.invalidate(key).await;
        count(!loaded);
        match outcome {
            Ok(value) => Ok(Some(value)),
            Err(nothing) => match &*nothing {
                Nothing::Found => Ok(None),
                Nothing::Failed(error) => Err(error.clone()),
            },
        }
    }
}
