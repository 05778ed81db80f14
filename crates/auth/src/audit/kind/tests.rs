//! Which action is of which kind: those of other contexts here, ours where each is shown to be stated.

use rstest::rstest;

use super::*;

#[rstest]
#[case("CREATE", &["ingest.started", "job.started", "records.ingested", "sample.started", "source.linked"])]
#[case("UPDATE", &["configuration.reloaded", "event.retried", "ingest.stopped", "job.stopped", "record.unmerged"])]
#[case("UPDATE", &["review.accepted", "review.rejected"])]
#[case("CREATE", &["database_user.created"])]
#[case("UPDATE", &["database_user.left", "database_user.password_changed", "database_user.settled"])]
#[case("DELETE", &["audit.forgotten", "event.discarded", "offers.withdrawn", "source.unlinked"])]
#[case("ACCESS_DENIED", &["access.denied", "access.denied_again", "access.denied_others"])]
fn what_others_do_is_of_a_kind(#[case] kind: &str, #[case] actions: &[&str]) {
    for action in actions {
        assert_eq!(serde_json::to_value(DeedKind::of(action)).unwrap(), kind, "{action}");
    }
}
