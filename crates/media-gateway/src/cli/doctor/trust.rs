//! What roles believe: the token that they show each other, and what tokens of people are checked by.

use contracts::{Component, ComponentState, SecretFiles};

use super::{Check, State, check};
use crate::{
    config::{Config, cloud},
    peers,
};

/// Whether a start could use the roles' token; nothing where there is none, or a node asks for it elsewhere. One that runs
/// goes on with the last that it could use.
pub(super) fn token(config: &Config) -> Option<Check> {
    const NAME: &str = "peer token";
    const FIX: &str = "mend the file: a node that runs goes on with what was in it before, and none starts with it";
    let path = config.peers.token_file.as_deref().filter(|path| cloud::secret_at(path).is_none())?;
    Some(match peers::token(config, &SecretFiles::default()) {
        Ok(_) => check(NAME, State::Good, format!("{} can be used", path.display()), ""),
        Err(error) => check(NAME, State::Bad, format!("{error:#}"), FIX),
    })
}

/// What helps a part of a node that runs, where that is for these to say.
pub(super) fn fix(part: &Component) -> Option<&'static str> {
    const READ: &str = "have its database answer, and let its user read what `database users` grants: the node's log \
        says what it can't read";
    const SHOW: &str = "give both nodes a `peers.token_file` with the same first line: it counts within a second";
    match part.state {
        ComponentState::Degraded | ComponentState::Down if part.name == access::VERIFICATION => Some(READ),
        ComponentState::Degraded if part.name.ends_with("_peer") => Some(SHOW),
        _ => None,
    }
}
