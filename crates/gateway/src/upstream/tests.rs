//! Tries, budgets, places and the breaker around them.

use std::sync::atomic::{AtomicU32, Ordering};

use jiff::SignedDuration;

use super::*;

fn upstream(clock: &Clock, config: UpstreamConfig) -> Upstream {
    Upstream::new("things".into(), config, clock.clone(), testkit::rng())
}

fn bad(again: bool) -> Outcome<u32> {
    Outcome::Bad { answer: Err(ApiError::unavailable("upstream_unavailable", "no")), again }
}

const LONG: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_safe_request_is_tried_thrice_and_others_once() {
    let fresh = || upstream(&testkit::clock(), UpstreamConfig::default());
    for (again, tries) in [(true, 3), (false, 1)] {
        let upstream = fresh();
        let asked = AtomicU32::new(0);
        let ask = || async {
            asked.fetch_add(1, Ordering::SeqCst);
            bad(again)
        };
        assert!(upstream.call(LONG, true, ask).await.is_err());
        assert_eq!(asked.load(Ordering::SeqCst), tries);
    }
    let asked = AtomicU32::new(0);
    let second = || async { if asked.fetch_add(1, Ordering::SeqCst) == 0 { bad(true) } else { Outcome::Good(7) } };
    let upstream = fresh();
    assert_eq!(upstream.call(LONG, true, second).await.ok(), Some(7));
    let hurried = upstream.call(Duration::ZERO, true, || async { bad(true) }).await;
    assert!(hurried.is_err());
    assert_eq!(upstream.state().failures, 1 + 1, "without time left there is no second try");
}

#[tokio::test]
async fn retries_have_a_budget() {
    let never_opens = BreakerConfig { error_share: 2.0, in_a_row: u32::MAX, ..BreakerConfig::new(0.5, 20) };
    let upstream = upstream(&testkit::clock(), UpstreamConfig { breaker: never_opens, ..UpstreamConfig::default() });
    let asked = AtomicU32::new(0);
    for _ in 0..100 {
        let ask = || async {
            asked.fetch_add(1, Ordering::SeqCst);
            bad(true)
        };
        assert!(upstream.call(LONG, true, ask).await.is_err());
    }
    let asked = asked.load(Ordering::SeqCst);
    assert!((110..=150).contains(&asked), "{asked}: a fifth of the requests and two a second for ten seconds");
}

#[tokio::test]
async fn a_role_that_fails_is_left_alone() {
    let clock = testkit::clock();
    let upstream = upstream(&clock, UpstreamConfig { tries: 1, ..UpstreamConfig::default() });
    for _ in 0..5 {
        assert!(upstream.call(LONG, true, || async { bad(false) }).await.is_err());
    }
    let refused = upstream.call(LONG, true, || async { Outcome::Good(1) }).await.unwrap_err();
    assert_eq!((&*refused.code, refused.retry_after), ("upstream_unavailable", Some(Duration::from_secs(30))));
    assert_eq!(upstream.state().state, "open");
    clock.advance(SignedDuration::from_secs(30));
    assert_eq!(upstream.call(LONG, true, || async { Outcome::Good(1) }).await.ok(), Some(1));
    assert_eq!(upstream.state().state, "closed");
}

#[tokio::test]
async fn what_is_shed_is_passed_on_and_says_nothing_of_the_role() {
    let clock = testkit::clock();
    let upstream = upstream(&clock, UpstreamConfig { tries: 3, ..UpstreamConfig::default() });
    let asked = AtomicU32::new(0);
    let shed = || async { Outcome::Shed(asked.fetch_add(1, Ordering::SeqCst)) };
    for n in 0..30 {
        assert_eq!(upstream.call(LONG, true, shed).await.ok(), Some(n), "each is sent once");
    }
    assert_eq!((upstream.state().state.as_str(), upstream.state().requests), ("closed", 0));
    for _ in 0..4 {
        assert!(upstream.call(LONG, true, || async { bad(false) }).await.is_err());
    }
    assert!(upstream.call(LONG, true, shed).await.is_ok());
    assert!(upstream.call(LONG, true, || async { bad(false) }).await.is_err());
    assert_eq!(upstream.state().state, "open", "five failures in a row, whatever was shed between them");
    clock.advance(SignedDuration::from_secs(30));
    assert!(upstream.call(LONG, true, shed).await.is_ok());
    assert_eq!(upstream.state().state, "open", "nobody knows yet, and the next may try");
    assert_eq!(upstream.call(LONG, true, || async { Outcome::Good(1) }).await.ok(), Some(1));
    assert_eq!(upstream.state().state, "closed");
}

#[tokio::test]
async fn slow_tries_end_and_places_are_few() {
    let config = UpstreamConfig {
        attempt_timeout: Duration::from_millis(30),
        tries: 1,
        max_in_flight: 1,
        ..UpstreamConfig::default()
    };
    let upstream = upstream(&testkit::clock(), config);
    let (slow, crowded) = tokio::join!(
        upstream.call(LONG, true, std::future::pending::<Outcome<u32>>),
        upstream.call(LONG, true, || async { Outcome::Good(1) })
    );
    assert_eq!(slow.unwrap_err().code, "upstream_timeout");
    assert_eq!(crowded.unwrap_err().code, "upstream_busy");
    assert_eq!((upstream.state().in_flight, upstream.state().failures), (0, 1));
}

#[tokio::test]
async fn a_late_try_is_repeated_only_where_that_is_safe() {
    let config = UpstreamConfig { attempt_timeout: Duration::from_millis(10), ..UpstreamConfig::default() };
    for (safe, tries) in [(true, 3), (false, 1)] {
        let upstream = upstream(&testkit::clock(), config);
        let asked = AtomicU32::new(0);
        let ask = || {
            asked.fetch_add(1, Ordering::SeqCst);
            std::future::pending::<Outcome<u32>>()
        };
        assert_eq!(upstream.call(LONG, safe, ask).await.unwrap_err().code, "upstream_timeout");
        assert_eq!(asked.load(Ordering::SeqCst), tries, "safe: {safe}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_while_its_request_tries_lets_another_try() {
    let clock = testkit::clock();
    let upstream = upstream(&clock, UpstreamConfig { tries: 1, ..UpstreamConfig::default() });
    for _ in 0..5 {
        assert!(upstream.call(LONG, true, || async { bad(false) }).await.is_err());
    }
    clock.advance(SignedDuration::from_secs(31));
    let left = upstream.call(LONG, true, std::future::pending::<Outcome<u32>>);
    assert!(timeout(Duration::from_millis(20), left).await.is_err());
    assert_eq!(upstream.call(LONG, true, || async { Outcome::Good(1) }).await.ok(), Some(1));
}

/// What answers at once the `good`th time it is asked, and never before.
async fn slow_until(good: u32, asked: &AtomicU32) -> Outcome<u32> {
    let asked = asked.fetch_add(1, Ordering::SeqCst) + 1;
    if asked < good {
        std::future::pending::<()>().await;
    }
    Outcome::Good(asked)
}

#[tokio::test]
async fn a_slow_read_is_sent_twice_where_that_is_wanted_and_never_else() {
    let config = UpstreamConfig { attempt_timeout: Duration::from_millis(100), tries: 1, ..UpstreamConfig::default() };
    let hedged = UpstreamConfig { hedge_after: Some(Duration::from_millis(5)), ..config };
    for (config, safe, answer, times) in [(config, true, None, 1), (hedged, true, Some(2), 2), (hedged, false, None, 1)]
    {
        let (upstream, asked) = (upstream(&testkit::clock(), config), AtomicU32::new(0));
        assert_eq!(upstream.call(LONG, safe, || slow_until(2, &asked)).await.ok(), answer, "{config:?}, {safe}");
        assert_eq!((asked.load(Ordering::SeqCst), upstream.state().requests), (times, 1), "{config:?}, {safe}");
    }
    // A second that fails is no answer while the first may still give one.
    let (upstream, asked) = (upstream(&testkit::clock(), hedged), AtomicU32::new(0));
    let second_fails = || async {
        if asked.fetch_add(1, Ordering::SeqCst) > 0 {
            return bad(true);
        }
        sleep(Duration::from_millis(30)).await;
        Outcome::Good(1)
    };
    assert_eq!(upstream.call(LONG, true, second_fails).await.ok(), Some(1));
    // Nor is one that is shed.
    let (upstream, asked) = (self::upstream(&testkit::clock(), hedged), AtomicU32::new(0));
    let second_is_shed = || async {
        if asked.fetch_add(1, Ordering::SeqCst) > 0 {
            return Outcome::Shed(2);
        }
        sleep(Duration::from_millis(30)).await;
        Outcome::Good(1)
    };
    assert_eq!(upstream.call(LONG, true, second_is_shed).await.ok(), Some(1));
    // It takes a place of its own.
    let alone = UpstreamConfig { max_in_flight: 1, ..hedged };
    let (upstream, asked) = (self::upstream(&testkit::clock(), alone), AtomicU32::new(0));
    assert!(upstream.call(LONG, true, || slow_until(2, &asked)).await.is_err());
    assert_eq!((asked.load(Ordering::SeqCst), upstream.state().in_flight), (1, 0));
    // And it takes from the budget of retries.
    let never_opens = BreakerConfig { error_share: 2.0, in_a_row: u32::MAX, ..BreakerConfig::new(0.5, 20) };
    let hedged = UpstreamConfig { hedge_after: Some(Duration::ZERO), breaker: never_opens, ..hedged };
    let hedged = UpstreamConfig { attempt_timeout: Duration::from_millis(10), ..hedged };
    let (upstream, asked) = (self::upstream(&testkit::clock(), hedged), AtomicU32::new(0));
    for _ in 0..60 {
        assert!(upstream.call(LONG, true, || slow_until(u32::MAX, &asked)).await.is_err());
    }
    let asked = asked.load(Ordering::SeqCst);
    assert!((60 + 10..60 + 50).contains(&asked), "{asked}");
}
