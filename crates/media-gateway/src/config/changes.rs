//! What becomes of settings that have changed when a node that runs reads its configuration again.

use std::collections::{BTreeMap, BTreeSet};

use gateway::Reloaded;
use serde_json::Value;

/// Every key that has a value, with it.
pub type Settings = BTreeMap<String, Value>;

/// What a node takes over while it runs: these keys, and all below those that end in a dot. A longest time for requests is
/// not among them: the door takes it over, and what was made at the start goes by the old one. Of `limits.max_in_flight` only
/// how many connections one client may have goes by the old one, where that is more than a quarter of all.
pub const LIVE: [&str; 6] =
    ["limits.cors_origins", "limits.max_body_bytes", "limits.max_in_flight", "log.level", "rate_limits.", "search."];
/// Of those, what only a start reads.
const AT_START: &str = "rate_limits.max_keys";

/// What a reading of the configuration changes, for a node that `started` with one and goes by what it has `held` since.
pub fn reloaded(started: &Settings, held: &Settings, read: &Settings) -> Reloaded {
    Reloaded {
        applied: differing(held, read).filter(|key| is_live(key)).cloned().collect(),
        waiting: differing(started, read).filter(|key| !is_live(key)).cloned().collect(),
    }
}

fn differing<'a>(old: &'a Settings, new: &'a Settings) -> impl Iterator<Item = &'a String> {
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    keys.into_iter().filter(move |key| old.get(*key) != new.get(*key))
}

fn is_live(key: &str) -> bool {
    let below = |live: &&str| key == *live || (live.ends_with('.') && key.starts_with(*live));
    key != AT_START && LIVE.iter().any(below)
}
