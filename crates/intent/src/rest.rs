//! (pure) When to leave a model alone: after failures in a row, and for as long as it asks.
//!
//! The circuit breaker of M. Nygard, "Release It!" (2007), chapter 5, over given times.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// So many failures in a row open it.
const IN_A_ROW: u32 = 5;
/// How long it is left alone then.
const REST: Duration = Duration::from_secs(30);
/// The longest pause that a model may ask for.
const MAX_REST: Duration = Duration::from_secs(300);

/// The state of the breaker.
#[derive(Debug, Default)]
pub(crate) struct Rest {
    in_a_row: u32,
    until: Option<Timestamp>,
}

impl Rest {
    /// Whether the model may be asked now. After a rest one question tries, and the others wait for `patience`, in
    /// which that one is answered or lost.
    pub(crate) fn admit(&mut self, now: Timestamp, patience: Duration) -> bool {
        match self.until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                self.until = Some(after(now, patience));
                true
            }
        }
    }

    /// It answered as it should.
    pub(crate) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// It failed, and perhaps asked for a pause.
    pub(crate) fn failed(&mut self, now: Timestamp, asked: Option<Duration>) {
        self.in_a_row = self.in_a_row.saturating_add(1);
        if let Some(pause) = asked {
            self.until = Some(after(now, pause.min(MAX_REST)));
        } else if self.in_a_row >= IN_A_ROW {
            self.until = Some(after(now, REST));
        }
    }

    /// Whether it is left alone now.
    pub(crate) fn rests(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

fn after(now: Timestamp, pause: Duration) -> Timestamp {
    SignedDuration::try_from(pause).ok().and_then(|pause| now.checked_add(pause).ok()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(1);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn broken() -> Rest {
        let mut rest = Rest::default();
        (0..IN_A_ROW).for_each(|_| {
            assert!(rest.admit(at(0), PATIENCE));
            rest.failed(at(0), None);
        });
        rest
    }

    #[test]
    fn failures_in_a_row_open_it_and_one_question_tries() {
        let mut rest = broken();
        assert!(!rest.admit(at(29), PATIENCE) && rest.rests(at(29)));
        assert!(rest.admit(at(30), PATIENCE));
        assert!(!rest.admit(at(30), PATIENCE), "two try at once");
        rest.failed(at(30), None);
        assert!(!rest.admit(at(59), PATIENCE));
        assert!(rest.admit(at(60), PATIENCE));
        rest.succeeded();
        assert!(rest.admit(at(60), PATIENCE) && rest.admit(at(60), PATIENCE));
    }

    #[test]
    fn a_question_that_is_lost_does_not_close_the_door_for_ever() {
        let mut rest = broken();
        assert!(rest.admit(at(30), PATIENCE));
        assert!(rest.admit(at(31), PATIENCE));
    }

    #[test]
    fn a_success_between_failures_keeps_it_closed() {
        let mut rest = Rest::default();
        for _ in 0..20 {
            rest.failed(at(0), None);
            rest.succeeded();
        }
        assert!(rest.admit(at(0), PATIENCE));
    }

    #[test]
    fn a_pause_that_is_asked_for_is_kept_and_bounded() {
        let mut rest = Rest::default();
        rest.failed(at(0), Some(Duration::from_secs(7)));
        assert!(!rest.admit(at(6), PATIENCE));
        assert!(rest.admit(at(7), PATIENCE));
        rest.failed(at(7), Some(Duration::MAX));
        assert!(!rest.admit(at(306), PATIENCE));
        assert!(rest.admit(at(307), PATIENCE));
    }
}
