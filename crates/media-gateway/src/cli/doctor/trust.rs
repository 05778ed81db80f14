//! What roles believe: the token that they show each other, and what tokens of people are checked by.

use contracts::{Component, ComponentState};

use super::{Check, State, check};
use crate::config::Config;

/// Where the roles' token is, if there is one; what a start could not use is told where that is found out.
pub(super) fn token(config: &Config) -> Option<Check> {
    let path = config.peers.token_file.as_deref()?;
    Some(check("peer token", State::Good, format!("{} is shown to other roles", path.display()), ""))
}

/// What helps a part of a node that runs, where that is for these to say.
pub(super) fn fix(part: &Component) -> Option<&'static str> {
    const READ: &str = "have its database answer, and let its user read what `database users` grants: the node's log \
        says what it can't read";
    // It may be on its way, or miss for ever what it needs: only it can tell.
    const LOOK: &str = "wait a moment; where it stays so, that node's own `doctor` and its log say what it misses";
    const SHOW: &str = "give both nodes a `peers.token_file` with the same first line: it counts within a second";
    match part.state {
        ComponentState::Degraded | ComponentState::Down if part.name == access::VERIFICATION => Some(READ),
        ComponentState::Starting if part.name.ends_with("_peer") => Some(LOOK),
        ComponentState::Degraded if part.name.ends_with("_peer") => Some(SHOW),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_that_does_not_serve_yet_is_asked_why_and_a_part_of_this_node_is_waited_for() {
        let starting = |name| fix(&Component::new(name, ComponentState::Starting, ""));
        assert!(starting("search_peer").is_some_and(|fix| fix.contains("that node's own `doctor`")));
        assert_eq!(starting("search"), None);
    }
}
