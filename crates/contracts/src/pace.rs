//! No more than so many within any span of time, over the times of the last ones. (pure)

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

/// When something was done, as long as that matters. Whoever notes nothing without asking has at most as many times here as there
/// may be within the span.
#[derive(Clone, Debug, Default)]
pub struct Pace(VecDeque<Timestamp>);

impl Pace {
    /// How long it takes until there is room for one more, where at most `most` may come within `span`; no time at all while there
    /// is room.
    pub fn wait(&mut self, now: Timestamp, most: usize, span: SignedDuration) -> SignedDuration {
        // A time to come was noted before the clock was set back.
        while self.0.front().is_some_and(|first| now < *first || now.duration_since(*first) >= span) {
            self.0.pop_front();
        }
        let first = self.0.front().filter(|_| self.0.len() >= most);
        first.map_or(SignedDuration::ZERO, |first| span - now.duration_since(*first))
    }

    /// Notes one more.
    pub fn note(&mut self, now: Timestamp) {
        self.0.push_back(now);
    }

    /// Whether there is room for one more, which then takes it.
    pub fn take(&mut self, now: Timestamp, most: usize, span: SignedDuration) -> bool {
        let room = self.wait(now, most, span).is_zero();
        if room {
            self.note(now);
        }
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 100;
    const MINUTE: SignedDuration = SignedDuration::from_secs(60);

    #[test]
    fn no_minute_has_more_than_its_share() {
        let (mut pace, mut told) = (Pace::default(), Vec::new());
        // Some ask evenly, some all at once.
        for second in 0..300 {
            let now = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second);
            for _ in 0..if second % 7 == 0 { 90 } else { 1 } {
                let wait = pace.wait(now, MOST, MINUTE);
                let taken = pace.take(now, MOST, MINUTE);
                assert_eq!(taken, wait.is_zero());
                if taken {
                    told.push(now);
                } else {
                    let early = now + wait - SignedDuration::from_micros(1);
                    assert!(!pace.take(early, MOST, MINUTE) && wait <= MINUTE);
                }
            }
        }
        for (index, from) in told.iter().enumerate() {
            let within = told[index..].iter().filter(|at| at.duration_since(*from) < MINUTE).count();
            assert!(within <= MOST, "{within} from {from} on");
        }
        assert!(told.len() > 4 * MOST, "what waits is told in time");
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nobody_waiting() {
        let (mut pace, later) = (Pace::default(), Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1));
        assert!(pace.take(later, 1, MINUTE) && !pace.take(later, 1, MINUTE));
        assert!(pace.take(Timestamp::UNIX_EPOCH, 1, MINUTE));
    }
}
