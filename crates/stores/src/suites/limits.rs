//! What every [`LimitStore`] must do.

use std::time::{Duration, Instant};

use futures::future::join_all;

use crate::limits::{Cell, LimitStore, LimitsGone, Quota};

const MINUTE: Duration = Duration::from_secs(60);
/// So long that nothing flows back while a test runs, however busy the machine is.
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Runs the whole suite on a store without buckets.
///
/// # Errors
/// When the store does not answer.
pub async fn run(store: &dyn LimitStore) -> Result<(), LimitsGone> {
    empties_and_refuses(store).await?;
    gives_from_all_or_none(store).await?;
    fills_with_time(store).await?;
    crowds_get_no_more(store).await
}

fn cell(slot: u8, units: u32, window: Duration) -> Cell {
    Cell { slot, quota: Quota::new(units, window) }
}

/// A bucket gives what it holds, then tells how long to wait; other keys have their own.
///
/// # Errors
/// When the store does not answer.
pub async fn empties_and_refuses(store: &dyn LimitStore) -> Result<(), LimitsGone> {
    let cells = [cell(2, 5, DAY)];
    let (each, slack) = (DAY / 5, DAY / 10);
    for left in (0..5).rev() {
        let verdict = store.take("limits:a", &cells, 1).await?;
        assert_eq!((verdict.allowed, verdict.slot, verdict.remaining), (true, 2, left));
        let filled = each * (5 - left);
        assert!(verdict.reset <= filled && verdict.reset > filled - slack, "{verdict:?}");
    }
    let refused = store.take("limits:a", &cells, 1).await?;
    assert_eq!((refused.allowed, refused.slot, refused.remaining), (false, 2, 0));
    assert!(refused.reset <= each && refused.reset > each - slack, "{refused:?}");
    assert_eq!(store.take("limits:b", &cells, 3).await?.remaining, 2, "another key, and three units at once");
    Ok(())
}

/// A demand that one bucket refuses takes nothing from the others.
///
/// # Errors
/// When the store does not answer.
pub async fn gives_from_all_or_none(store: &dyn LimitStore) -> Result<(), LimitsGone> {
    let cells = [cell(0, 100, DAY), cell(1, 2, DAY)];
    for _ in 0..5 {
        store.take("limits:all", &cells, 1).await?;
    }
    let wide = store.take("limits:all", &cells[..1], 1).await?;
    assert_eq!((wide.slot, wide.remaining), (0, 97), "two were given, and this one");
    Ok(())
}

/// What was taken flows back.
///
/// # Errors
/// When the store does not answer.
pub async fn fills_with_time(store: &dyn LimitStore) -> Result<(), LimitsGone> {
    let cells = [cell(0, 4, Duration::from_secs(2))];
    let began = Instant::now();
    for _ in 0..4 {
        assert!(store.take("limits:time", &cells, 1).await?.allowed);
    }
    let refused = store.take("limits:time", &cells, 1).await?;
    // On a machine that stood still for half a second meanwhile nothing would be proved.
    assert!(!refused.allowed || began.elapsed() > Duration::from_millis(500));
    tokio::time::sleep(refused.reset + Duration::from_millis(20)).await;
    assert!(store.take("limits:time", &cells, 1).await?.allowed);
    Ok(())
}

/// However many ask at once, no more is given than there is.
///
/// # Errors
/// When the store does not answer.
pub async fn crowds_get_no_more(store: &dyn LimitStore) -> Result<(), LimitsGone> {
    let cells = [cell(0, 20, DAY), cell(1, 1_000, MINUTE)];
    let verdicts = join_all((0..60).map(|_| store.take("limits:crowd", &cells, 1))).await;
    let allowed = verdicts.into_iter().collect::<Result<Vec<_>, _>>()?.iter().filter(|v| v.allowed).count();
    assert_eq!(allowed, 20);
    Ok(())
}
