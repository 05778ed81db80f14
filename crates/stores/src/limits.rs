//! The port to rate limits: buckets under a key, in this process or shared by several, and the pure rule they follow.

use std::{fmt, time::Duration};

use futures::future::{BoxFuture, Either, Ready};

/// How many buckets one key can have.
pub const MAX_SLOTS: usize = 8;

/// So many units within a window: a bucket that holds `units` and is filled evenly, from empty to full in `window`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    units: u32,
    window: Duration,
}

impl Quota {
    /// At least one unit, and a window of at least a microsecond for each.
    pub const fn new(units: u32, window: Duration) -> Self {
        let units = if units == 0 { 1 } else { units };
        let least = Duration::from_micros(units as u64);
        let window = if window.as_micros() < least.as_micros() { least } else { window };
        Self { units, window }
    }

    /// What the bucket holds.
    pub const fn units(self) -> u32 {
        self.units
    }

    /// How long it takes to fill.
    pub const fn window(self) -> Duration {
        self.window
    }

    /// Microseconds until one unit has flowed back, rounded up so that nobody gets more than the quota.
    pub fn interval(self) -> i64 {
        let micros = i64::try_from(self.window.as_micros()).unwrap_or(i64::MAX / 4);
        (micros + i64::from(self.units) - 1) / i64::from(self.units)
    }

    /// The same window with a share of the units, at least one.
    #[must_use]
    pub fn share(self, share: f64) -> Self {
        Self::new((f64::from(self.units) * share.clamp(0.0, 1.0)) as u32, self.window)
    }
}

/// One bucket of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Which of the key's buckets: below [`MAX_SLOTS`].
    pub slot: u8,
    /// What it holds.
    pub quota: Quota,
}

/// What became of a demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the units were taken: from every bucket, or from none.
    pub allowed: bool,
    /// The bucket that is nearest to its end, or the one that refuses for longest.
    pub slot: u8,
    /// Units left in that bucket.
    pub remaining: u32,
    /// Until that bucket is full; when refused, until it has enough.
    pub reset: Duration,
}

/// The shared store can't be reached.
#[derive(Clone, Debug)]
pub struct LimitsGone(pub String);

impl fmt::Display for LimitsGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store of rate limits does not answer: {}", self.0)
    }
}

impl std::error::Error for LimitsGone {}

/// The outcome of a demand: at once where the buckets are in this process, later else.
pub type Taking<'a> = Either<Ready<Result<Verdict, LimitsGone>>, BoxFuture<'a, Result<Verdict, LimitsGone>>>;

/// Buckets under keys. Forgetting one that is full loses nothing.
pub trait LimitStore: Send + Sync {
    /// Takes `cost` units from each bucket of `key` that `cells` name: from all of them, or from none.
    fn take<'a>(&'a self, key: &'a str, cells: &'a [Cell], cost: u32) -> Taking<'a>;
}

/// The generic cell rate algorithm (ITU-T I.371, annex A, in the virtual-scheduling form), over several buckets at once.
///
/// `tats` are the theoretical arrival times of the key's buckets in microseconds; one in the past means a full bucket.
/// They move when the demand is allowed and stay else. A time further ahead than a bucket can owe (the clock was set
/// back) counts as an empty bucket.
pub fn take(tats: &mut [i64; MAX_SLOTS], cells: &[Cell], cost: u32, now: i64) -> Verdict {
    let mut refused: Option<Verdict> = None;
    let mut tightest = Verdict { allowed: true, slot: 0, remaining: u32::MAX, reset: Duration::ZERO };
    let mut next = *tats;
    for cell in cells {
        let (interval, units) = (cell.quota.interval(), i64::from(cell.quota.units));
        let Some(tat) = next.get_mut(usize::from(cell.slot)) else { continue };
        let held = interval * units;
        let owed = (*tat - now).clamp(0, held);
        // More than a bucket ever holds is served by a full one.
        let after = owed + interval * i64::from(cost).min(units);
        if after > held {
            let remaining = u32::try_from((held - owed) / interval).unwrap_or(0);
            let verdict = Verdict { allowed: false, slot: cell.slot, remaining, reset: micros(after - held) };
            refused = Some(refused.filter(|other| other.reset >= verdict.reset).unwrap_or(verdict));
        } else {
            let remaining = u32::try_from((held - after) / interval).unwrap_or(0);
            if remaining < tightest.remaining {
                tightest = Verdict { allowed: true, slot: cell.slot, remaining, reset: micros(after) };
            }
            *tat = now + after;
        }
    }
    match refused {
        Some(verdict) => verdict,
        None => {
            *tats = next;
            tightest
        }
    }
}

fn micros(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

#[cfg(test)]
mod tests;
