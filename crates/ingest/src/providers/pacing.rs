//! (pure) When a provider may be asked: a rate with bursts (GCRA), so many a minute, a quota a day for each key, and a
//! breaker.
//!
//! The rate is the generic cell rate algorithm of ITU-T I.371: a request may come `burst` intervals early, and each
//! moves the time of the next. By itself it lets a burst come on top of what a minute may hold, and so would a bucket: the
//! minute is a window over the times of its requests. Five failures in a row open the breaker for a minute; then one
//! request goes through, and its outcome decides.

use contracts::Pace;
use jiff::{SignedDuration, Timestamp};

use crate::sources::Standing;

/// How many failures in a row open the breaker.
const FAILURES: u32 = 5;
/// How long it stays open.
const OPEN: SignedDuration = SignedDuration::from_secs(60);
const MINUTE: SignedDuration = SignedDuration::from_secs(60);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What a provider allows each key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// Requests a second in the long run.
    pub per_second: u32,
    /// Requests in any 60 seconds.
    pub per_minute: u32,
    /// Requests at once.
    pub burst: u32,
    /// Units a day; no end where absent.
    pub per_day: Option<u32>,
}

impl Allowance {
    /// 10 a second, 600 a minute, 20 at once (C4).
    pub const USUAL: Self = Self { per_second: 10, per_minute: 600, burst: 20, per_day: None };

    /// How far apart requests are in the long run.
    fn interval(&self) -> SignedDuration {
        SignedDuration::from_nanos(1_000_000_000 / i64::from(self.per_second.max(1)))
    }

    /// How early one may come.
    fn early(&self) -> SignedDuration {
        self.interval() * i32::try_from(self.burst.saturating_sub(1)).unwrap_or(0)
    }
}

/// Whether a request may go.
#[derive(Clone, PartialEq, Eq)]
// It holds a key: only tests show it.
#[cfg_attr(test, derive(Debug))]
pub(crate) enum Turn {
    /// Now, with this key.
    Go(String),
    /// After this long.
    Wait(SignedDuration),
    /// The quota of every key is used up until then.
    Spent(Timestamp),
    /// The breaker is open until then.
    Open(Timestamp),
}

/// The account of one provider.
#[derive(Clone)]
pub(crate) struct Pacing {
    allowance: Allowance,
    rotate: bool,
    keys: Vec<Key>,
    failures: u32,
    open_until: Option<Timestamp>,
    /// After the breaker was open, the time of the one request that tries.
    trying: Option<Timestamp>,
}

#[derive(Clone)]
struct Key {
    text: String,
    /// When the next request would be on time.
    due: Timestamp,
    /// When it was used within the last minute.
    minute: Pace,
    day: Timestamp,
    used: u32,
}

impl Pacing {
    /// An account with these keys, all of them used in turn only when `rotate` says so: a provider's terms may count
    /// the quota for each project, and then further keys are no more quota but a breach.
    pub fn new(allowance: Allowance, keys: Vec<String>, rotate: bool) -> Self {
        let mut new = Self { allowance, rotate, keys: Vec::new(), failures: 0, open_until: None, trying: None };
        new.renew(keys);
        new
    }

    /// The keys are these from now on, unless there are none. One that was there before goes on as it stands; one that is new
    /// was never used.
    pub fn renew(&mut self, keys: Vec<String>) {
        let used = if self.rotate { keys.len() } else { 1 };
        let same = self.keys.iter().map(|key| &key.text).eq(keys.iter().take(used));
        if keys.is_empty() || same {
            return;
        }
        let known = |text: String| {
            let known = self.keys.iter().find(|key| key.text == text).cloned();
            known.unwrap_or_else(|| Key::fresh(text))
        };
        let renewed: Vec<Key> = keys.into_iter().take(used).map(known).collect();
        self.keys = renewed;
    }

    /// Asks for a turn that costs `units` of the day's quota. A turn that is given is taken.
    pub fn ask(&mut self, now: Timestamp, units: u32) -> Turn {
        if let Some(until) = self.open_until {
            if now < until {
                return Turn::Open(until);
            }
            // One tries; when it says nothing for as long as the breaker was open, another does.
            if let Some(since) = self.trying.and_then(|since| later(since, OPEN))
                && now < since
            {
                return Turn::Open(since);
            }
            self.trying = Some(now);
        }
        let (interval, early) = (self.allowance.interval(), self.allowance.early());
        let most = self.allowance.per_minute as usize;
        let (mut soonest, mut renewed) = (None, None);
        for key in &mut self.keys {
            if let Some(end) = key.spent(now, units, self.allowance.per_day) {
                renewed = Some(renewed.map_or(end, |other: Timestamp| other.min(end)));
                continue;
            }
            let due = key.due.max(now);
            let wait = (due.duration_since(now) - early).max(key.minute.wait(now, most, MINUTE));
            if wait <= SignedDuration::ZERO {
                key.due = later(due, interval).unwrap_or(Timestamp::MAX);
                key.minute.note(now);
                key.used += units;
                return Turn::Go(key.text.clone());
            }
            soonest = Some(soonest.map_or(wait, |other: SignedDuration| other.min(wait)));
        }
        match (soonest, renewed) {
            (Some(wait), _) => Turn::Wait(wait),
            (None, Some(end)) => Turn::Spent(end),
            (None, None) => Turn::Wait(interval),
        }
    }

    /// How it stands.
    pub fn standing(&self, now: Timestamp) -> Standing {
        let breaker = match (self.open_until, self.trying) {
            (None, _) => "closed",
            (Some(_), Some(_)) => "half_open",
            (Some(_), None) => "open",
        };
        let today = |key: &&Key| later(key.day, DAY).is_some_and(|end| end > now);
        let used: Vec<_> = self.keys.iter().filter(today).map(|key| key.used).collect();
        let per_day = self.allowance.per_day.filter(|most| *most < u32::MAX - 1);
        let known = per_day.is_some() && !used.contains(&u32::MAX);
        Standing {
            breaker,
            failures: self.failures,
            open_until: self.open_until,
            keys: self.keys.len(),
            used_today: known.then(|| used.iter().map(|units| u64::from(*units)).sum()),
            per_day,
        }
    }

    /// The provider answered as it should, whatever it said of the title.
    pub fn succeeded(&mut self) {
        (self.failures, self.open_until, self.trying) = (0, None, None);
    }

    /// It failed: no answer, an answer that breaks off, a fault of its own, or one that can't be read.
    pub fn failed(&mut self, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES {
            (self.open_until, self.trying) = (later(now, OPEN), None);
        }
    }

    /// It says that the quota of this key is used up for the day, whatever we counted.
    pub fn spent(&mut self, now: Timestamp, key: &str) {
        for key in self.known_as(key) {
            (key.day, key.used) = (now, u32::MAX);
        }
        self.allowance.per_day.get_or_insert(u32::MAX - 1);
    }

    /// It asked to be left alone with this key for a while.
    pub fn limited(&mut self, now: Timestamp, key: &str, pause: SignedDuration) {
        // Whatever it says: no key rests longer than a quota of a day would have it.
        let rest = pause.min(DAY) + self.allowance.early();
        let Some(until) = later(now, rest) else { return };
        for key in self.known_as(key) {
            key.due = key.due.max(until);
        }
    }

    /// The key of that text, as often as it is named; none once it is gone.
    fn known_as<'a>(&'a mut self, text: &'a str) -> impl Iterator<Item = &'a mut Key> {
        self.keys.iter_mut().filter(move |key| key.text == text)
    }
}

impl Key {
    fn fresh(text: String) -> Self {
        Self { text, due: Timestamp::MIN, minute: Pace::default(), day: Timestamp::MIN, used: 0 }
    }

    /// When a day's quota begins anew, if `units` no longer fit into this one.
    fn spent(&mut self, now: Timestamp, units: u32, per_day: Option<u32>) -> Option<Timestamp> {
        let most = per_day?;
        let end = later(self.day, DAY);
        if end.is_none_or(|end| end <= now) {
            (self.day, self.used) = (now, 0);
        }
        if self.used.saturating_add(units) <= most { None } else { later(self.day, DAY) }
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Option<Timestamp> {
    at.checked_add(by).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn start() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    fn after(millis: i64) -> Timestamp {
        start().checked_add(SignedDuration::from_millis(millis)).unwrap()
    }

    fn key(n: usize) -> String {
        format!("key {n}")
    }

    fn keys(count: usize) -> Vec<String> {
        (0..count).map(key).collect()
    }

    /// A turn with the key of this number.
    fn go(n: usize) -> Turn {
        Turn::Go(key(n))
    }

    #[test]
    fn twenty_at_once_then_ten_a_second() {
        let mut pacing = Pacing::new(Allowance::USUAL, keys(1), false);
        for n in 0..20 {
            assert_eq!(pacing.ask(start(), 1), go(0), "{n}");
        }
        assert_eq!(pacing.ask(start(), 1), Turn::Wait(SignedDuration::from_millis(100)));
        assert_eq!(pacing.ask(after(100), 1), go(0));
        assert_eq!(pacing.ask(after(100), 1), Turn::Wait(SignedDuration::from_millis(100)));
        let later = (2..600).filter(|tenth| pacing.ask(after(tenth * 100), 1) == go(0)).count();
        assert_eq!(21 + later, 600, "600 a minute, those at once with them");
        assert_eq!(pacing.ask(after(59_999), 1), Turn::Wait(SignedDuration::from_millis(1)));
        assert_eq!(pacing.ask(after(60_000), 1), go(0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// However one comes, mostly sooner than one may and now and then after a rest: who waits as long as told goes,
        /// and no minute ever holds more than 600.
        #[test]
        fn no_sixty_seconds_hold_more_than_600(
            pauses in prop::collection::vec(prop_oneof![400 => 0_i64..80, 1 => 0_i64..20_000], 700..1_400)
        ) {
            let (mut pacing, mut now, mut gone) = (Pacing::new(Allowance::USUAL, keys(1), false), start(), Vec::new());
            for pause in pauses {
                now = later(now, SignedDuration::from_millis(pause)).unwrap();
                let turn = match pacing.ask(now, 1) {
                    Turn::Wait(wait) => {
                        now = later(now, wait).unwrap();
                        pacing.ask(now, 1)
                    }
                    turn => turn,
                };
                prop_assert_eq!(turn, go(0));
                gone.push(now);
            }
            for (most, within) in [(600, MINUTE), (30, SignedDuration::from_secs(1))] {
                for span in gone.windows(most + 1) {
                    let time = span[most].duration_since(span[0]);
                    prop_assert!(time >= within, "{} in {time}", most + 1);
                }
            }
        }
    }

    #[test]
    fn keys_are_used_in_turn_only_when_that_is_enabled() {
        let allowance = Allowance { per_day: Some(2), ..Allowance::USUAL };
        let renewed = start().checked_add(DAY).unwrap();
        let mut one = Pacing::new(allowance, keys(5), false);
        let turns: Vec<_> = (0..3).map(|_| one.ask(start(), 1)).collect();
        assert_eq!(turns, [go(0), go(0), Turn::Spent(renewed)]);
        let mut five = Pacing::new(allowance, keys(5), true);
        let turns: Vec<_> = (0..11).map(|_| five.ask(start(), 1)).collect();
        assert_eq!(turns[..4], [go(0), go(0), go(1), go(1)]);
        assert_eq!(turns[10], Turn::Spent(renewed));
        assert_eq!(five.ask(renewed, 1), go(0), "a new day");
        assert_eq!(one.ask(start(), 3), Turn::Spent(renewed), "what costs more than a day never goes");
    }

    #[test]
    fn a_provider_that_says_the_day_is_over_is_believed() {
        let mut pacing = Pacing::new(Allowance::USUAL, keys(2), true);
        assert_eq!(pacing.ask(start(), 1), go(0));
        pacing.spent(start(), &key(0));
        assert_eq!(pacing.ask(start(), 1), go(1));
        pacing.spent(after(1_000), &key(1));
        let renewed = start().checked_add(DAY).unwrap();
        assert_eq!(pacing.ask(after(2_000), 1), Turn::Spent(renewed));
        assert_eq!(pacing.ask(renewed, 1), go(0));
    }

    #[test]
    fn five_failures_are_left_alone_for_a_minute() {
        let mut pacing = Pacing::new(Allowance::USUAL, keys(1), false);
        for _ in 0..4 {
            pacing.failed(start());
        }
        assert_eq!(pacing.ask(start(), 1), go(0));
        pacing.failed(start());
        assert_eq!(pacing.ask(after(59_999), 1), Turn::Open(after(60_000)));
        assert_eq!(pacing.ask(after(60_000), 1), go(0), "one tries");
        assert_eq!(pacing.ask(after(60_001), 1), Turn::Open(after(120_000)), "the others wait for it");
        pacing.failed(after(60_002));
        assert_eq!(pacing.ask(after(61_000), 1), Turn::Open(after(120_002)));
        assert_eq!(pacing.ask(after(120_002), 1), go(0));
        pacing.succeeded();
        assert_eq!(pacing.ask(after(120_003), 1), go(0));
    }

    #[test]
    fn a_provider_that_asks_for_a_pause_gets_it() {
        let mut pacing = Pacing::new(Allowance::USUAL, keys(2), true);
        assert_eq!(pacing.ask(start(), 1), go(0));
        pacing.limited(start(), &key(0), SignedDuration::from_secs(7));
        assert_eq!(pacing.ask(start(), 1), go(1), "the other key was not asked to wait");
        pacing.limited(start(), &key(1), SignedDuration::from_secs(9));
        assert_eq!(pacing.ask(start(), 1), Turn::Wait(SignedDuration::from_secs(7)));
        assert_eq!(pacing.ask(after(7_000), 1), go(0));
    }

    /// Who asked with a key hears of it when the keys may be others.
    #[test]
    fn what_is_said_of_a_key_counts_for_that_one_wherever_it_stands() {
        let mut pacing = Pacing::new(Allowance { per_day: Some(2), ..Allowance::USUAL }, keys(3), true);
        assert_eq!(pacing.ask(start(), 1), go(0));
        pacing.renew(vec![key(7), key(0), key(1)]);
        pacing.spent(start(), &key(0));
        pacing.spent(start(), &key(2));
        let turns: Vec<_> = (0..4).map(|_| pacing.ask(start(), 1)).collect();
        assert_eq!(turns, [go(7), go(7), go(1), go(1)], "one that is new was never used; what is gone is nobody's");
        pacing.renew(Vec::new());
        assert!(matches!(pacing.ask(start(), 1), Turn::Spent(_)), "without keys they are as they were");
        pacing.renew(vec![key(8), key(1)]);
        pacing.limited(start(), &key(8), SignedDuration::from_secs(7));
        assert_eq!(pacing.ask(start(), 1), Turn::Wait(SignedDuration::from_secs(7)));
        let mut one = Pacing::new(Allowance::USUAL, keys(2), false);
        one.renew(vec![key(1), key(0)]);
        assert_eq!((one.ask(start(), 1), one.standing(start()).keys), (go(1), 1), "the first alone");
    }

    #[test]
    fn it_says_how_it_stands() {
        let free = Pacing::new(Allowance { per_day: None, ..Allowance::USUAL }, keys(2), true).standing(start());
        assert_eq!((free.used_today, free.per_day), (None, None));
        let mut pacing = Pacing::new(Allowance { per_day: Some(100), ..Allowance::USUAL }, keys(2), true);
        assert_eq!((pacing.standing(start()).breaker, pacing.standing(start()).used_today), ("closed", Some(0)));
        pacing.ask(start(), 3);
        assert_eq!((pacing.standing(start()).used_today, pacing.standing(start()).per_day), (Some(3), Some(100)));
        for _ in 0..5 {
            pacing.failed(start());
        }
        let open = pacing.standing(start());
        assert_eq!((open.breaker, open.failures, open.open_until), ("open", 5, Some(after(60_000))));
        pacing.ask(after(60_000), 1);
        assert_eq!(pacing.standing(after(60_000)).breaker, "half_open");
        pacing.succeeded();
        assert_eq!(pacing.standing(after(60_000)).breaker, "closed");
        pacing.spent(after(60_000), &key(0));
        assert_eq!(pacing.standing(after(60_000)).used_today, None);
        assert_eq!(pacing.standing(after(60_000 + 25 * 3_600_000)).used_today, Some(0));
    }
}
