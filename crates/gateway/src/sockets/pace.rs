//! How much one person is told: at most [`MOST`] events within [`WINDOW`], over all of their sockets here. (pure)

use std::{collections::VecDeque, time::Duration};

use jiff::{SignedDuration, Timestamp};

/// Events within a window (G6).
pub(super) const MOST: usize = 100;
/// The window.
const WINDOW: SignedDuration = SignedDuration::from_secs(60);

/// When somebody was told something, as long as that matters.
#[derive(Default)]
pub(super) struct Pace(VecDeque<Timestamp>);

impl Pace {
    /// Whether there is room for one more event at `now`, which then takes it.
    pub(super) fn take(&mut self, now: Timestamp) -> bool {
        let room = self.wait(now).is_zero();
        if room {
            self.0.push_back(now);
        }
        room
    }

    /// How long it takes until there is room.
    pub(super) fn wait(&mut self, now: Timestamp) -> Duration {
        // A time to come was told before the clock was set back.
        while self.0.front().is_some_and(|told| now < *told || now.duration_since(*told) >= WINDOW) {
            self.0.pop_front();
        }
        let first = self.0.front().filter(|_| self.0.len() >= MOST);
        first.map_or(Duration::ZERO, |told| Duration::try_from(WINDOW - now.duration_since(*told)).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_minute_has_more_than_its_share() {
        let (mut pace, mut told) = (Pace::default(), Vec::new());
        let start = Timestamp::UNIX_EPOCH;
        // Some ask evenly, some all at once.
        for second in 0..300 {
            let now = start + Duration::from_secs(second);
            for _ in 0..if second % 7 == 0 { 90 } else { 1 } {
                let wait = pace.wait(now);
                let taken = pace.take(now);
                assert_eq!(taken, wait.is_zero());
                if taken {
                    told.push(now);
                } else {
                    assert!(!pace.take(now + wait - Duration::from_micros(1)) && wait <= Duration::from_secs(60));
                }
            }
        }
        for (index, from) in told.iter().enumerate() {
            let within = told[index..].iter().filter(|at| at.duration_since(*from) < WINDOW).count();
            assert!(within <= MOST, "{within} from {from} on");
        }
        assert!(told.len() > 4 * MOST, "what waits is told in time");
    }
}
