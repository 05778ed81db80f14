//! What tests are built from: a clock that stands still, a seeded generator, calls, and databases that are migrated,
//! empty and gone afterwards. A development dependency only.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up should stop")]

mod db;
mod google;
mod onnx;
mod watched;

use std::{sync::Arc, time::Duration};

use contracts::{Call, Caller, Clock, Ids, Rng, Trace};
use jiff::Timestamp;
use stores::cache::Cache;
use stores_embedded::MemoryCache;

pub use db::{POSTGRES, POSTGRES_ROOT, TestDb, fast, postgres, postgres_alone, postgres_owned, sqlite};
pub use google::{GOOGLE_KEY, Google, OTHER_GOOGLE_KEY, Odd};
pub use onnx::sentence_model;
pub use watched::{Told, Watched, Watcher};

/// When every test takes place: 2026-01-01T00:00:00Z.
pub fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// A clock that stands still at [`start`] until it is moved.
pub fn clock() -> Clock {
    Clock::fixed(start())
}

/// A generator with the same sequence in every test.
pub fn rng() -> Rng {
    Rng::seeded(1)
}

/// Ids from [`clock`] and [`rng`].
pub fn ids() -> Ids {
    Ids::new(clock(), rng())
}

/// An empty cache of 8 MiB in this process.
pub fn cache() -> Arc<dyn Cache> {
    Arc::new(MemoryCache::new(8 * 1024 * 1024))
}

/// A call by nobody we know, with 30 s to answer by [`clock`].
pub fn call() -> Call {
    Call::new(Caller::Anonymous, Trace::start(&rng()), &clock(), Duration::from_secs(30))
}

/// A call by the operator of the node.
pub fn operator_call() -> Call {
    Call { caller: Caller::Operator, ..call() }
}
