//! What tests are built from: a clock that stands still, a seeded generator, calls, and databases that are migrated,
//! empty and gone afterwards. A development dependency only.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up should stop")]

mod db;

use std::time::Duration;

use contracts::{Call, Caller, Clock, Ids, Rng, Trace};
use jiff::Timestamp;

pub use db::{POSTGRES, TestDb, fast, postgres, sqlite};

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

/// A call by nobody we know, with 30 s to answer by [`clock`].
pub fn call() -> Call {
    Call::new(Caller::Anonymous, Trace::start(&rng()), &clock(), Duration::from_secs(30))
}

/// A call by the operator of the node.
pub fn operator_call() -> Call {
    Call { caller: Caller::Operator, ..call() }
}
