//! The database's user of a process with some of the roles: whether it may do what those need, and no more.

use super::{Check, State, check};
use crate::{backends, config::Config, privileges};

/// The user; nothing on SQLite, nor where one process has every role and its user the database. Where nobody can tell, the
/// check of the database says why.
pub(super) async fn user(config: &Config) -> Option<Check> {
    if config.all_roles() {
        return None;
    }
    let user = backends::user(config).await.ok().flatten()?;
    let needed = privileges::needed(&config.roles());
    let fix = format!("as the database's owner: {}", backends::BY_OWNER);
    let check = |state: State, found: String, fix: String| {
        Some(check("database user", state, format!("{} {found}", user.name), fix))
    };
    if let Some(lacking) = backends::some(user.lacks(&needed)) {
        return check(State::Bad, format!("may not {lacking}"), fix);
    }
    // Who owns the tables may do everything with them.
    if !user.powers.is_empty() {
        return check(State::Less, format!("{}: a role needs none of this", user.powers.join(", ")), fix);
    }
    if let Some(more) = backends::some(user.exceeds(&needed)) {
        return check(State::Less, format!("may do more than its roles need: {more}"), fix);
    }
    check(State::Good, "may do what its roles need, and nothing more".to_owned(), String::new())
}

/// Whether a start leaves the schema as it is, because the user may not change it.
pub(super) async fn is_migrated_by_others(config: &Config) -> bool {
    backends::user(config).await.ok().flatten().is_some_and(|user| !user.migrates)
}
