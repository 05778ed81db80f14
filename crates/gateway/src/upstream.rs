//! How a role in another process is asked: within time, a few tries, a budget for more, and not at all while it fails.

use std::{
    future::Future,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use contracts::{ApiError, Clock, ErrorKind, Rng};
use futures::future::{Either, select};
use serde::Serialize;
use tokio::{
    sync::Semaphore,
    time::{sleep, timeout},
};
use tower::retry::budget::{Budget, TpsBudget};
use utoipa::ToSchema;

use crate::breaker::{Breaker, BreakerConfig, Stand};

/// Retries beside a fifth of the requests: enough for a role that is asked seldom.
const RETRIES_A_SECOND: u32 = 2;
const RETRY_SHARE: f32 = 0.2;
const BUDGET_MEMORY: Duration = Duration::from_secs(10);
/// The pause before the first retry is up to this, and doubles (full jitter, M. Brooker, 2015).
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// How a role is asked (G4).
#[derive(Clone, Copy, Debug)]
pub struct UpstreamConfig {
    /// How long one try may take until its answer begins; until it is whole, where it is small.
    pub attempt_timeout: Duration,
    /// Tries at most, the first one included.
    pub tries: u32,
    /// When to stop asking.
    pub breaker: BreakerConfig,
    /// Requests to the role at once; more are refused, so that one slow role does not hold every place.
    pub max_in_flight: usize,
    /// After how long without an answer a safe request is sent once more, and the first good answer taken (J. Dean and
    /// L. A. Barroso, The Tail at Scale, 2013); never where absent.
    pub hedge_after: Option<Duration>,
}

impl Default for UpstreamConfig {
    fn default() -> Self {
        Self {
            attempt_timeout: Duration::from_secs(3),
            tries: 3,
            breaker: BreakerConfig::new(0.5, 20),
            max_in_flight: 128,
            hedge_after: None,
        }
    }
}

/// What became of a try.
pub(crate) enum Outcome<T> {
    /// An answer to pass on.
    Good(T),
    /// A refusal under load, to pass on: it says nothing of how the role works, and another try would add to the load.
    Shed(T),
    /// An answer or a failure that counts against the role; with whether another try is safe.
    Bad { answer: Result<T, ApiError>, again: bool },
}

/// A role in another process, and what is known of how it answers.
pub(crate) struct Upstream {
    name: Arc<str>,
    config: UpstreamConfig,
    clock: Clock,
    rng: Rng,
    breaker: Mutex<Breaker>,
    places: Semaphore,
    budget: TpsBudget,
}

/// How a role in another process is, for the operator.
#[derive(Serialize, ToSchema)]
pub struct BreakerState {
    /// The role.
    pub upstream: String,
    /// `closed` (it is asked), `open` (it is not), or `trying`.
    pub state: String,
    /// Until the next request may try, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_in_ms: Option<u64>,
    /// Tries within the last ten seconds.
    pub requests: u32,
    /// Those of them that failed.
    pub failures: u32,
    /// Requests to it now.
    pub in_flight: usize,
    /// The most at once.
    pub max_in_flight: usize,
    /// How long one try may take.
    pub attempt_timeout_ms: u64,
    /// The share of failures that opens the breaker.
    pub opens_at_share: f64,
    /// Once so many requests were made.
    pub opens_at_requests: u32,
}

/// A try whose end says nothing of the role, or that nobody may wait for any more: dropped without an end, it tells the
/// breaker so.
struct Ticket<'a> {
    upstream: &'a Upstream,
    ended: bool,
}

impl Ticket<'_> {
    fn end(mut self, success: bool) {
        self.ended = true;
        self.upstream.record(Some(success));
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.upstream.record(None);
        }
    }
}

impl Upstream {
    pub(crate) fn new(name: Arc<str>, config: UpstreamConfig, clock: Clock, rng: Rng) -> Self {
        Self {
            name,
            config,
            clock,
            rng,
            breaker: Mutex::new(Breaker::new(config.breaker)),
            places: Semaphore::new(config.max_in_flight),
            budget: TpsBudget::new(BUDGET_MEMORY, RETRIES_A_SECOND, RETRY_SHARE),
        }
    }

    /// The role's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Asks with `ask`, again where that is safe, allowed by the budget, and there is time left of `time`. Nobody
    /// knows what became of a try that was late: it is repeated only where the whole request is `safe`.
    ///
    /// # Errors
    /// `upstream_unavailable` while the breaker is open, `upstream_busy` when too many wait for the role,
    /// `upstream_timeout`, or what the last try failed with.
    pub(crate) async fn call<T, A, F>(&self, time: Duration, safe: bool, mut ask: A) -> Result<T, ApiError>
    where
        A: FnMut() -> F,
        F: Future<Output = Outcome<T>>,
    {
        let began = Instant::now();
        let _place = self.places.try_acquire().map_err(|_| {
            let detail = format!("too many requests wait for the {} service", self.name);
            ApiError::unavailable("upstream_busy", detail).retry_after(Duration::from_secs(1))
        })?;
        self.budget.deposit();
        let mut tries = 1;
        loop {
            self.admit()?;
            let ticket = Ticket { upstream: self, ended: false };
            let outcome = timeout(self.config.attempt_timeout, self.attempt(safe, &mut ask)).await;
            let outcome = outcome.unwrap_or_else(|_| Outcome::Bad { answer: Err(self.late()), again: safe });
            let (answer, again) = match outcome {
                Outcome::Good(answer) => {
                    ticket.end(true);
                    return Ok(answer);
                }
                // Its ticket has no end.
                Outcome::Shed(answer) => return Ok(answer),
                Outcome::Bad { answer, again } => (answer, again),
            };
            ticket.end(false);
            let pause = self.pause(tries);
            if !again || tries >= self.config.tries || began.elapsed() + pause >= time || !self.budget.withdraw() {
                return answer;
            }
            metrics::counter!("upstream_retries_total", "upstream" => self.name.to_string()).increment(1);
            sleep(pause).await;
            tries += 1;
        }
    }

    /// One try; a safe one that is slow is made twice at once, where that is wanted and the budget has room.
    async fn attempt<T, A, F>(&self, safe: bool, ask: &mut A) -> Outcome<T>
    where
        A: FnMut() -> F,
        F: Future<Output = Outcome<T>>,
    {
        let mut first = pin!(ask());
        let Some(after) = self.config.hedge_after.filter(|_| safe) else { return first.await };
        if let Ok(outcome) = timeout(after, first.as_mut()).await {
            return outcome;
        }
        // The role has two of it then.
        let Ok(_place) = self.places.try_acquire() else { return first.await };
        if !self.budget.withdraw() {
            return first.await;
        }
        metrics::counter!("upstream_hedges_total", "upstream" => self.name.to_string()).increment(1);
        let second = pin!(ask());
        let (Either::Left((outcome, other)) | Either::Right((outcome, other))) = select(first, second).await;
        if matches!(outcome, Outcome::Good(_)) { outcome } else { other.await }
    }

    fn admit(&self) -> Result<(), ApiError> {
        let admitted = self.lock().admit(self.clock.now().as_microsecond());
        admitted.map_err(|wait| {
            metrics::counter!("upstream_refused_total", "upstream" => self.name.to_string()).increment(1);
            let detail = format!("the {} service fails and is not asked now", self.name);
            ApiError::unavailable("upstream_unavailable", detail).retry_after(wait)
        })
    }

    fn record(&self, success: Option<bool>) {
        let mut breaker = self.lock();
        let before = breaker.stand();
        breaker.record(success, self.clock.now().as_microsecond());
        match (before, breaker.stand()) {
            (Stand::Closed | Stand::Trying, Stand::Open { .. }) if success.is_some() => {
                tracing::warn!(role = %self.name, "a role fails and is not asked for a while");
                metrics::counter!("upstream_breaker_opened_total", "upstream" => self.name.to_string()).increment(1);
            }
            (Stand::Trying, Stand::Closed) => tracing::info!(role = %self.name, "a role answers again"),
            _ => {}
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn late(&self) -> ApiError {
        let (name, ms) = (&self.name, self.config.attempt_timeout.as_millis());
        let detail = format!("the {name} service did not answer within {ms} ms");
        ApiError::new(ErrorKind::DeadlineExceeded, "upstream_timeout", detail).retry_after(Duration::from_secs(1))
    }

    fn pause(&self, tries: u32) -> Duration {
        let most = FIRST_PAUSE * 2_u32.pow(tries.min(8) - 1);
        Duration::from_micros(self.rng.below(u64::try_from(most.as_micros()).unwrap_or(0)))
    }

    /// How it is.
    pub(crate) fn state(&self) -> BreakerState {
        let now = self.clock.now().as_microsecond();
        let breaker = self.lock();
        let (requests, failures) = breaker.recent(now);
        let (state, wait) = match breaker.stand() {
            Stand::Closed => ("closed", None),
            Stand::Trying => ("trying", None),
            Stand::Open { until } => ("open", Some(u64::try_from((until - now) / 1_000).unwrap_or(0))),
        };
        BreakerState {
            upstream: self.name.to_string(),
            state: state.to_owned(),
            retry_in_ms: wait,
            requests,
            failures,
            in_flight: self.config.max_in_flight - self.places.available_permits(),
            max_in_flight: self.config.max_in_flight,
            attempt_timeout_ms: u64::try_from(self.config.attempt_timeout.as_millis()).unwrap_or(u64::MAX),
            opens_at_share: self.config.breaker.error_share,
            opens_at_requests: self.config.breaker.min_requests,
        }
    }
}

#[cfg(test)]
mod tests;
