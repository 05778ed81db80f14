//! When to stop asking somebody who fails: a circuit breaker, as a pure state machine over given times.
//!
//! The pattern is that of M. Nygard, "Release It!" (2007), chapter 5, with a window of one-second buckets.

use std::time::Duration;

const BUCKETS: usize = 10;
const BUCKET_MICROS: i64 = 1_000_000;

/// When a breaker opens, and for how long (G4).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerConfig {
    /// The share of failures, from 0 to 1, at which it opens …
    pub error_share: f64,
    /// … once so many requests were made within ten seconds.
    pub min_requests: u32,
    /// It opens after so many failures in a row, whatever their share.
    pub in_a_row: u32,
    /// How long it stays open before one request may try.
    pub open_for: Duration,
}

impl BreakerConfig {
    /// Opens for 30 s at `error_share` over `min_requests` in 10 s, or after 5 failures in a row.
    pub const fn new(error_share: f64, min_requests: u32) -> Self {
        Self { error_share, min_requests, in_a_row: 5, open_for: Duration::from_secs(30) }
    }
}

/// How a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    /// Requests pass.
    Closed,
    /// Requests are refused until then, in microseconds.
    Open { until: i64 },
    /// One request tries; the others are refused.
    Trying,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    second: i64,
    requests: u32,
    failures: u32,
}

/// The state.
#[derive(Clone, Debug)]
pub(crate) struct Breaker {
    config: BreakerConfig,
    stand: Stand,
    buckets: [Bucket; BUCKETS],
    in_a_row: u32,
}

impl Breaker {
    pub(crate) fn new(config: BreakerConfig) -> Self {
        Self { config, stand: Stand::Closed, buckets: Default::default(), in_a_row: 0 }
    }

    /// Whether a request may be made now.
    ///
    /// # Errors
    /// How long to wait.
    pub(crate) fn admit(&mut self, now: i64) -> Result<(), Duration> {
        match self.stand {
            Stand::Closed => Ok(()),
            Stand::Open { until } if now >= until => {
                self.stand = Stand::Trying;
                Ok(())
            }
            Stand::Open { until } => Err(Duration::from_micros(u64::try_from(until - now).unwrap_or(0))),
            Stand::Trying => Err(Duration::from_secs(1)),
        }
    }

    /// What became of a request that was admitted: `None` when nobody waited for its end, or when that says nothing.
    pub(crate) fn record(&mut self, success: Option<bool>, now: i64) {
        match (self.stand, success) {
            (Stand::Trying, Some(true)) => *self = Self::new(self.config),
            (Stand::Trying, Some(false)) => self.open(now),
            // Another one may try.
            (Stand::Trying, None) => self.stand = Stand::Open { until: now },
            (Stand::Closed, Some(success)) => self.count(success, now),
            // An answer from before it opened.
            (Stand::Open { .. }, _) | (Stand::Closed, None) => {}
        }
    }

    fn count(&mut self, success: bool, now: i64) {
        let second = now.div_euclid(BUCKET_MICROS);
        let bucket = &mut self.buckets[second.rem_euclid(BUCKETS as i64) as usize];
        if bucket.second != second {
            *bucket = Bucket { second, ..Bucket::default() };
        }
        bucket.requests += 1;
        bucket.failures += u32::from(!success);
        self.in_a_row = if success { 0 } else { self.in_a_row + 1 };
        let (requests, failures) = self.recent(now);
        let share = f64::from(failures) / f64::from(requests.max(1));
        let failing = requests >= self.config.min_requests && share >= self.config.error_share;
        if !success && (failing || self.in_a_row >= self.config.in_a_row) {
            self.open(now);
        }
    }

    fn open(&mut self, now: i64) {
        let pause = i64::try_from(self.config.open_for.as_micros()).unwrap_or(i64::MAX / 2);
        *self = Self { stand: Stand::Open { until: now + pause }, ..Self::new(self.config) };
    }

    /// Requests and failures of the last ten seconds.
    pub(crate) fn recent(&self, now: i64) -> (u32, u32) {
        let oldest = now.div_euclid(BUCKET_MICROS) - BUCKETS as i64 + 1;
        let recent = self.buckets.iter().filter(|bucket| bucket.second >= oldest);
        recent.fold((0, 0), |(requests, failures), bucket| (requests + bucket.requests, failures + bucket.failures))
    }

    pub(crate) fn stand(&self) -> Stand {
        self.stand
    }
}

#[cfg(test)]
mod tests;
