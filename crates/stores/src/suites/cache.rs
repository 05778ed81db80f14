//! What every [`Cache`] must do.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use bytes::Bytes;
use contracts::{ApiError, ErrorKind};
use futures::future::{BoxFuture, join_all};

use crate::cache::Cache;

const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(60);

/// Runs the whole suite on an empty cache with room for a few kilobytes.
///
/// # Errors
/// Whatever a load that must not fail failed with.
pub async fn run(cache: &dyn Cache) -> Result<(), ApiError> {
    keeps_what_was_put(cache).await;
    forgets_in_time(cache).await;
    loads_once_and_keeps(cache).await?;
    one_load_serves_all(cache).await?;
    keeps_neither_nothing_nor_errors(cache).await?;
    another_takes_over(cache).await
}

/// A load that counts itself, takes a moment and gives `value`.
fn counted<'a>(count: &'a AtomicUsize, value: &'static str) -> BoxFuture<'a, Result<Option<Bytes>, ApiError>> {
    Box::pin(async move {
        count.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok(Some(Bytes::from_static(value.as_bytes())))
    })
}

/// A value comes back as it was, under its key only, until it is replaced or removed.
pub async fn keeps_what_was_put(cache: &dyn Cache) {
    cache.put("put:a", Bytes::from_static(b"one"), LONG).await;
    cache.put("put:b", Bytes::new(), LONG).await;
    assert_eq!(cache.get("put:a").await.as_deref(), Some(&b"one"[..]));
    assert_eq!(cache.get("put:b").await.as_deref(), Some(&b""[..]), "an empty value is a value");
    assert_eq!(cache.get("put:").await, None, "a prefix of a key is another key");
    cache.put("put:a", Bytes::from_static(b"two"), LONG).await;
    assert_eq!(cache.get("put:a").await.as_deref(), Some(&b"two"[..]));
    cache.remove("put:a").await;
    assert_eq!(cache.get("put:a").await, None);
    assert!(cache.get("put:b").await.is_some(), "removing one key leaves the others");
    cache.remove("put:never").await;
}

/// Each entry has its own time to live, which a new value starts anew.
pub async fn forgets_in_time(cache: &dyn Cache) {
    cache.put("ttl:short", Bytes::from_static(b"x"), SHORT).await;
    cache.put("ttl:long", Bytes::from_static(b"x"), LONG).await;
    cache.put("ttl:renewed", Bytes::from_static(b"x"), SHORT).await;
    cache.put("ttl:renewed", Bytes::from_static(b"y"), LONG).await;
    cache.put("ttl:shortened", Bytes::from_static(b"x"), LONG).await;
    cache.put("ttl:shortened", Bytes::from_static(b"y"), SHORT).await;
    cache.put("ttl:dropped", Bytes::from_static(b"x"), LONG).await;
    cache.put("ttl:dropped", Bytes::from_static(b"y"), Duration::ZERO).await;
    assert_eq!(cache.get("ttl:dropped").await, None, "a time to live of zero keeps nothing, not even what was there");
    tokio::time::sleep(SHORT * 3).await;
    assert_eq!(cache.get("ttl:short").await, None);
    assert_eq!(cache.get("ttl:shortened").await, None);
    assert!(cache.get("ttl:long").await.is_some());
    assert_eq!(cache.get("ttl:renewed").await.as_deref(), Some(&b"y"[..]));
}

/// What a load found is kept and served, also to `get`, until its time is over.
///
/// # Errors
/// What a load that must not fail failed with.
pub async fn loads_once_and_keeps(cache: &dyn Cache) -> Result<(), ApiError> {
    let count = AtomicUsize::new(0);
    for _ in 0..3 {
        let found = cache.get_or_load("load:once", LONG, counted(&count, "value")).await?;
        assert_eq!(found.as_deref(), Some(&b"value"[..]));
    }
    assert_eq!(count.load(Ordering::SeqCst), 1, "the second and third call were served from the cache");
    assert_eq!(cache.get("load:once").await.as_deref(), Some(&b"value"[..]));

    cache.get_or_load("load:short", SHORT, counted(&count, "first")).await?;
    tokio::time::sleep(SHORT * 3).await;
    let found = cache.get_or_load("load:short", SHORT, counted(&count, "second")).await?;
    assert_eq!(found.as_deref(), Some(&b"second"[..]), "an expired entry is loaded anew");
    Ok(())
}

/// Callers that miss the same key at the same time share one load; callers of other keys don't.
///
/// # Errors
/// What a load that must not fail failed with.
pub async fn one_load_serves_all(cache: &dyn Cache) -> Result<(), ApiError> {
    let (same, other) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let keys: Vec<String> = (0..8).map(|n| format!("flight:{n}")).collect();
    let of_one_key = (0..32).map(|_| cache.get_or_load("flight:same", LONG, counted(&same, "same")));
    let of_others = keys.iter().map(|key| cache.get_or_load(key, LONG, counted(&other, "other")));
    for found in join_all(of_one_key.chain(of_others)).await {
        assert!(found?.is_some());
    }
    assert_eq!(same.load(Ordering::SeqCst), 1, "32 callers of one key, one load");
    assert_eq!(other.load(Ordering::SeqCst), keys.len(), "one load a key");
    Ok(())
}

/// `None` and errors reach the caller and leave nothing behind.
///
/// # Errors
/// What a load that must not fail failed with.
pub async fn keeps_neither_nothing_nor_errors(cache: &dyn Cache) -> Result<(), ApiError> {
    let nothing = cache.get_or_load("none", LONG, Box::pin(async { Ok(None) })).await?;
    assert_eq!(nothing, None);
    assert_eq!(cache.get("none").await, None);

    let failing = || Box::pin(async { Err(ApiError::not_found("no_such_thing", "there is no such thing")) });
    for outcome in join_all((0..4).map(|_| cache.get_or_load("none", LONG, failing()))).await {
        let told = outcome.as_ref().map_err(|error| (error.kind, &*error.code));
        assert_eq!(told, Err((ErrorKind::NotFound, "no_such_thing")), "the load failed, so the call does");
    }
    let count = AtomicUsize::new(0);
    let found = cache.get_or_load("none", LONG, counted(&count, "now")).await?;
    assert_eq!(found.as_deref(), Some(&b"now"[..]), "a failure is not remembered");
    Ok(())
}

/// When the caller whose load runs goes away, the next one loads.
///
/// # Errors
/// What a load that must not fail failed with.
pub async fn another_takes_over(cache: &dyn Cache) -> Result<(), ApiError> {
    let count = AtomicUsize::new(0);
    let abandoned = cache.get_or_load("abandoned", LONG, Box::pin(std::future::pending()));
    let gone = tokio::time::timeout(Duration::from_millis(20), abandoned);
    let next = async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        cache.get_or_load("abandoned", LONG, counted(&count, "taken over")).await
    };
    let (gone, next) = tokio::join!(gone, next);
    assert!(gone.is_err(), "the first load never ends");
    assert_eq!(next?.as_deref(), Some(&b"taken over"[..]));
    assert_eq!(count.load(Ordering::SeqCst), 1);
    Ok(())
}
