//! How many requests a node works on at once: a limit that follows how late its answers are, and gives way by priority.
//!
//! The limit follows additive increase and multiplicative decrease (Chiu and Jain, "Analysis of the increase and decrease
//! algorithms for congestion avoidance", 1989), with latency as its signal, as in Netflix's concurrency-limits (2018). How far it
//! decreases follows how late answers are: at the rate that a full node has, what waits and how long it waits are
//! proportional (Little, "A proof for the queuing formula L = λW", 1961).

use std::time::Duration;

/// How long one look at the latencies takes.
const WINDOW_MICROS: i64 = 100_000;
/// Answers below which a window says nothing.
const MIN_SAMPLES: u32 = 20;
/// The share of late answers that is borne.
const LATE_SHARE: f64 = 0.01;
/// The share of the objective from which an answer counts as late: the limit turns back before the objective is missed.
const HEADROOM: f64 = 0.6;
/// The least and the most of the limit that is left after a window with late answers.
const DECREASE: (f64, f64) = (0.5, 0.9);
/// The share of the limit that a window without late answers adds; one at least.
const INCREASE: f64 = 0.02;
/// The most objectives for which nothing is recorded after a window with late answers, however late they were.
const SETTLING: u32 = 10;
/// Fewer than this starve the cores.
const LEAST: f64 = 16.0;

/// Who goes first when there is too much to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    /// Nobody we know.
    Low,
    /// Somebody who said who they are.
    Normal,
    /// The operator.
    High,
    /// Whoever watches the node: always.
    Vital,
}

impl Priority {
    /// Its name as a label.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Vital => "vital",
        }
    }

    /// The share of the limit that this priority may fill: what is left over stays free for those above.
    fn share(self) -> f64 {
        match self {
            Self::Low => 0.8,
            Self::Normal => 0.95,
            Self::High | Self::Vital => 1.0,
        }
    }
}

/// The limit, and what it follows.
#[derive(Clone, Debug)]
pub(crate) struct Shed {
    most: f64,
    limit: f64,
    /// When the window ends, in microseconds.
    window_end: i64,
    /// Until when answers of an earlier limit come in, in microseconds.
    settled: i64,
    samples: u32,
    late: u32,
    /// How long the late ones took together.
    late_took: Duration,
    peak: usize,
}

impl Shed {
    /// A limit that starts at `most` and never exceeds it.
    pub(crate) fn new(most: usize) -> Self {
        let most = (most as f64).max(1.0);
        Self { most, limit: most, window_end: 0, settled: 0, samples: 0, late: 0, late_took: Duration::ZERO, peak: 0 }
    }

    /// Another most.
    pub(crate) fn set_most(&mut self, most: usize) {
        self.most = (most as f64).max(1.0);
        self.limit = self.limit.min(self.most).max(LEAST.min(self.most));
    }

    /// Whether one more may be begun beside `in_flight` others.
    pub(crate) fn admits(&self, priority: Priority, in_flight: usize) -> bool {
        priority == Priority::Vital || (in_flight as f64) < (self.limit * priority.share()).max(1.0)
    }

    /// An answer that took `took`, where `objective` is in time, with `in_flight` others beside it.
    pub(crate) fn record(&mut self, took: Duration, objective: Duration, in_flight: usize, now: i64) {
        if now < self.settled {
            return;
        }
        self.samples += 1;
        let in_time = objective.mul_f64(HEADROOM);
        if took > in_time {
            self.late += 1;
            self.late_took += took;
        }
        self.peak = self.peak.max(in_flight);
        if now < self.window_end || (self.samples < MIN_SAMPLES && self.window_end != 0) {
            return;
        }
        if f64::from(self.late) > f64::from(self.samples) * LATE_SHARE && self.samples >= MIN_SAMPLES {
            // From what there really was: a limit nobody came near would take long to bite.
            let felt = self.limit.min(self.peak as f64 / Priority::Low.share() + 1.0);
            let took = self.late_took / self.late.max(1);
            let left = (in_time.as_secs_f64() / took.as_secs_f64()).clamp(DECREASE.0, DECREASE.1);
            self.limit = (felt * left).max(LEAST.min(self.most));
            // What was let in before is late too, and says nothing about the new limit.
            let settling = took.clamp(objective, objective * SETTLING);
            self.settled = now + i64::try_from(settling.as_micros()).unwrap_or(WINDOW_MICROS);
        } else if self.peak as f64 * 2.0 > self.limit {
            self.limit = (self.limit + (self.limit * INCREASE).max(1.0)).min(self.most);
        }
        let window_end = now.max(self.settled) + WINDOW_MICROS;
        *self = Self { window_end, samples: 0, late: 0, late_took: Duration::ZERO, peak: 0, ..self.clone() };
    }

    /// The limit now.
    pub(crate) fn limit(&self) -> usize {
        self.limit as usize
    }
}

#[cfg(test)]
mod tests;
