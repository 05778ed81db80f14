//! The suites of `Db` and of the event log, over both engines.

use std::time::Duration;

use stores::{DbConfig, DbError, suites};

/// One test an engine for each function of a suite.
macro_rules! on_both {
    ($($suite:ident::$test:ident;)+) => {
        mod sqlite {$(
            #[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                let db = testkit::sqlite().await;
                super::suites::$suite::$test(&db).await.unwrap();
            }
        )+}

        mod postgres {$(
            #[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                let db = testkit::postgres().await;
                super::suites::$suite::$test(&db).await.unwrap();
            }
        )+}
    };
}

on_both! {
    db::values_come_back_as_they_went_in;
    db::values_sort_and_compare_alike;
    db::what_does_not_fit_is_refused;
    db::a_dropped_transaction_leaves_nothing;
    db::a_failed_transaction_keeps_nothing;
    db::concurrent_writers_wait;
    db::many_rows_go_in;
    events::events_come_back_in_order;
    events::positions_appear_in_order;
    events::the_head_is_watched;
    events::groups_follow_their_topics;
    events::an_event_has_its_effect_once;
    events::a_poison_event_is_put_aside;
    events::an_outage_is_not_the_events_fault;
    events::trimming_waits_for_the_slowest;
}

fn hasty() -> DbConfig {
    // What is done in no time has to be, on a busy machine too.
    DbConfig { statement_timeout: Duration::from_secs(2), ..testkit::fast() }
}

#[tokio::test]
async fn slow_statements_are_stopped_on_sqlite() {
    let db = testkit::sqlite().await;
    suites::db::slow_statements_are_stopped(&db.reopen(&hasty()).await).await.unwrap();
}

#[tokio::test]
async fn slow_statements_are_stopped_on_postgres() {
    let db = testkit::postgres().await;
    suites::db::slow_statements_are_stopped(&db.reopen(&hasty()).await).await.unwrap();
}

#[tokio::test]
async fn connections_have_a_bound_on_postgres() {
    let test = testkit::postgres().await;
    // It is also how long connecting may take, and giving one back.
    let two = DbConfig { max_connections: 2, acquire_timeout: Duration::from_secs(3), ..testkit::fast() };
    let db = test.reopen(&two).await;
    let (one, _other) = (db.begin().await.unwrap(), db.begin().await.unwrap());
    let third = db.begin().await;
    assert!(matches!(third, Err(DbError::Locked)), "whoever comes third waits, and not for ever");
    drop(one);
    db.ping().await.unwrap();
}
