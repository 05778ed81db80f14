//! Rate limits in this process: a bounded map of buckets.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Mutex, PoisonError},
};

use contracts::Clock;
use futures::future::{Either, ready};
use stores::limits::{self, Cell, LimitStore, MAX_SLOTS, Taking, Verdict};

/// So many locks: two requests seldom wait for each other.
const SHARDS: usize = 16;

type Tats = [i64; MAX_SLOTS];
type Shard = Mutex<HashMap<Box<str>, Tats>>;

/// A [`LimitStore`] in memory.
///
/// When it is full, keys whose buckets have filled up again are forgotten, which loses nothing; then those that owe
/// least, so that who is being held back stays held back.
pub struct MemoryLimits {
    clock: Clock,
    hasher: RandomState,
    shards: [Shard; SHARDS],
    max_a_shard: usize,
}

impl MemoryLimits {
    /// Buckets for at most about `max_keys` keys, some 150 bytes each.
    pub fn new(clock: Clock, max_keys: usize) -> Self {
        let max_a_shard = (max_keys / SHARDS).max(8);
        Self { clock, hasher: RandomState::new(), shards: Default::default(), max_a_shard }
    }

    /// How many keys are kept.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }

    /// Whether no key is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn take_now(&self, key: &str, cells: &[Cell], cost: u32) -> Verdict {
        let now = self.clock.now().as_microsecond();
        let shard = &self.shards[self.hasher.hash_one(key) as usize % SHARDS];
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tats) = shard.get_mut(key) {
            return limits::take(tats, cells, cost, now);
        }
        if shard.len() >= self.max_a_shard {
            make_room(&mut shard, now, self.max_a_shard);
        }
        let mut tats = [0; MAX_SLOTS];
        let verdict = limits::take(&mut tats, cells, cost, now);
        shard.insert(key.into(), tats);
        verdict
    }
}

/// When all buckets of a key are full.
fn full_at(tats: &Tats) -> i64 {
    tats.iter().copied().max().unwrap_or(0)
}

/// Leaves at most seven eighths, so that the search for room is paid for by the insertions that follow.
fn make_room(shard: &mut HashMap<Box<str>, Tats>, now: i64, max: usize) {
    shard.retain(|_, tats| full_at(tats) > now);
    let keep = max * 7 / 8;
    if shard.len() > keep {
        let mut times: Vec<i64> = shard.values().map(full_at).collect();
        let excess = times.len() - keep;
        let (_, last, _) = times.select_nth_unstable(excess - 1);
        let (last, mut left) = (*last, excess);
        shard.retain(|_, tats| {
            let goes = left > 0 && full_at(tats) <= last;
            left -= usize::from(goes);
            !goes
        });
    }
}

impl LimitStore for MemoryLimits {
    fn take<'a>(&'a self, key: &'a str, cells: &'a [Cell], cost: u32) -> Taking<'a> {
        Either::Left(ready(Ok(self.take_now(key, cells, cost))))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::SignedDuration;
    use stores::limits::{LimitsGone, Quota};

    use super::*;

    #[tokio::test]
    async fn is_a_store_of_limits() -> Result<(), LimitsGone> {
        stores::suites::limits::run(&MemoryLimits::new(Clock::system(), 1_000)).await
    }

    #[test]
    fn strangers_can_not_push_out_who_is_held_back() {
        let clock = Clock::fixed("2026-01-01T00:00:00Z".parse().unwrap());
        let store = MemoryLimits::new(clock.clone(), 160);
        let cells = [Cell { slot: 0, quota: Quota::new(3, Duration::from_secs(60)) }];
        for _ in 0..3 {
            assert!(store.take_now("greedy", &cells, 1).allowed);
        }
        for n in 0..5_000 {
            store.take_now(&format!("stranger {n}"), &cells, 1);
        }
        assert!(store.len() <= 160, "{}", store.len());
        assert!(!store.take_now("greedy", &cells, 1).allowed);
        clock.advance(SignedDuration::from_mins(2));
        for n in 0..16 * 10 {
            store.take_now(&format!("later {n}"), &cells, 1);
        }
        assert!(store.len() <= 160, "{}", store.len());
        assert!(store.take_now("greedy", &cells, 1).allowed);
    }
}
