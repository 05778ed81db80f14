//! The rule, in tables and properties.

use proptest::prelude::*;

use super::*;

const SECOND: i64 = 1_000_000;

fn cell(slot: u8, units: u32, seconds: u64) -> Cell {
    Cell { slot, quota: Quota::new(units, Duration::from_secs(seconds)) }
}

#[test]
fn a_bucket_empties_and_fills() {
    let (cells, mut tats, now) = ([cell(0, 10, 2)], [0; MAX_SLOTS], 50 * SECOND);
    for left in (0..10).rev() {
        let verdict = take(&mut tats, &cells, 1, now);
        assert_eq!((verdict.allowed, verdict.remaining), (true, left));
    }
    let refused = take(&mut tats, &cells, 1, now);
    assert_eq!((refused.allowed, refused.remaining, refused.reset), (false, 0, Duration::from_millis(200)));
    assert!(!take(&mut tats, &cells, 1, now + 199_999).allowed);
    let verdict = take(&mut tats, &cells, 1, now + 200_000);
    assert_eq!((verdict.allowed, verdict.remaining, verdict.reset), (true, 0, Duration::from_secs(2)));
    assert_eq!(take(&mut tats, &cells, 1, now + 10 * SECOND).remaining, 9, "full again, and not fuller");
}

#[test]
fn all_buckets_give_or_none() {
    let (cells, mut tats) = ([cell(0, 10, 1), cell(3, 3, 60)], [0; MAX_SLOTS]);
    let left: Vec<_> = (0..3).map(|_| take(&mut tats, &cells, 1, 0)).map(|v| (v.slot, v.remaining)).collect();
    assert_eq!(left, [(3, 2), (3, 1), (3, 0)], "the bucket that is nearest to its end is told");
    let before = tats;
    let refused = take(&mut tats, &cells, 1, 0);
    assert_eq!((refused.allowed, refused.slot, refused.reset), (false, 3, Duration::from_secs(20)));
    assert_eq!(tats, before);
}

#[test]
fn dear_demands_take_more_and_the_dearest_take_a_full_bucket() {
    let (cells, mut tats) = ([cell(0, 10, 10)], [0; MAX_SLOTS]);
    assert_eq!(take(&mut tats, &cells, 4, 0).remaining, 6);
    assert_eq!(take(&mut tats, &cells, 100, 0).reset, Duration::from_secs(4));
    assert!(take(&mut tats, &cells, 100, 4 * SECOND).allowed);
}

#[test]
fn a_clock_that_was_set_back_costs_one_window() {
    let (cells, mut tats) = ([cell(0, 5, 5)], [0; MAX_SLOTS]);
    tats[0] = 1_000 * SECOND;
    assert_eq!(take(&mut tats, &cells, 1, 0).reset, Duration::from_secs(1));
}

#[test]
fn a_share_is_never_nothing() {
    let quota = Quota::new(5, Duration::from_secs(1));
    assert_eq!((quota.share(0.5).units(), quota.share(0.01).units(), quota.share(7.0).units()), (2, 1, 5));
}

proptest! {
    /// Between any two moments no more than a full bucket and what flowed in meanwhile is given, however it is asked.
    #[test]
    fn nobody_gets_more_than_the_quota(
        units in 1_u32..50,
        window in 1_u64..120,
        asked in prop::collection::vec((0_i64..3 * SECOND, 1_u32..5), 1..200),
    ) {
        let (cells, mut tats) = ([cell(0, units, window)], [0; MAX_SLOTS]);
        let (mut now, mut given) = (0, Vec::new());
        for (pause, cost) in asked {
            now += pause;
            if take(&mut tats, &cells, cost, now).allowed {
                given.push((now, i64::from(cost.min(units))));
            }
        }
        for first in 0..given.len() {
            let mut sum = 0;
            for (at, cost) in &given[first..] {
                sum += cost;
                let flowed = (at - given[first].0) / cells[0].quota.interval();
                prop_assert!(sum <= i64::from(units) + flowed, "{sum} > {units} + {flowed}");
            }
        }
    }

    /// Whoever waits as long as they were told is served.
    #[test]
    fn the_wait_is_long_enough_and_not_too_long(taken in 0_u32..40, cost in 1_u32..40, now in 0_i64..100 * SECOND) {
        let cells = [cell(0, 40, 30), cell(1, 60, 200)];
        let mut tats = [0; MAX_SLOTS];
        for _ in 0..taken {
            take(&mut tats, &cells, 1, now);
        }
        let verdict = take(&mut tats, &cells, cost, now);
        if !verdict.allowed {
            let later = now + i64::try_from(verdict.reset.as_micros()).unwrap();
            prop_assert!(!take(&mut tats.clone(), &cells, cost, later - 1).allowed);
            prop_assert!(take(&mut tats, &cells, cost, later).allowed);
        }
    }
}
