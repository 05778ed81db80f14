//! The certificate that a node shows other roles: whether they take it, and for how long yet.

use std::time::Duration;

use jiff::Timestamp;
use tls::Cause;

use super::{Check, State, check};
use crate::{cli::tls::LEFT, config::Config, peers};

/// What other roles make of this node's certificate at `now`; nothing where it has none. With less than [`LEFT`] of it left
/// somebody forgot to renew it.
pub(super) fn certificate(config: &Config, now: Timestamp) -> Option<Check> {
    let bad = |why: String, cause| {
        let found = format!("no other role takes it: {why}");
        check("certificate", State::Bad, found, fix(cause))
    };
    let files = match peers::files(config).transpose()? {
        Ok(files) => files,
        Err(error) => return Some(bad(error.to_string(), Cause::File)),
    };
    let at = |time: Timestamp| Duration::from_secs(u64::try_from(time.as_second()).unwrap_or_default());
    Some(match (tls::taken_at(&files, at(now)), tls::taken_at(&files, at(now) + LEFT)) {
        (Err((cause, why)), _) => bad(why, cause),
        (Ok(()), Err((cause, _))) => {
            check("certificate", State::Less, "it ends within 30 days: no role takes it then", fix(cause))
        }
        (Ok(()), Ok(())) => check("certificate", State::Good, "other roles take it, for 30 days and more", ""),
    })
}

fn fix(cause: Cause) -> &'static str {
    match cause {
        Cause::File => "name PEM files that belong together: `peers.certificate_file`, `key_file`, `authorities_file`",
        Cause::Time => {
            "renew it (`tls issue`), and replace the old files: a node that runs takes the new within a second"
        }
        Cause::Authority => "have it signed by one of `peers.authorities_file`, or add who signed it there, everywhere",
        Cause::Kind => "have one made that is for servers and for clients: a role is both to the others",
    }
}
