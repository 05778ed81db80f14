//! The database's user of a process with some of the roles: whether it may do what those need, and no more; and users that
//! no process needs.

use stores::users::User;

use super::{Check, State, check};
use crate::{
    backends,
    config::Config,
    privileges::{self, BY_OWNER},
};

/// That of this process, which nobody knows where the server can't be asked, and those that are left.
pub(super) async fn all(config: &Config, own: Option<User>) -> Vec<Check> {
    own.and_then(|own| user(config, &own)).into_iter().chain(left(config).await).collect()
}

/// The user; nothing where one process has every role and its user the database.
fn user(config: &Config, user: &User) -> Option<Check> {
    if config.all_roles() {
        return None;
    }
    let needed = privileges::needed(&config.roles());
    let fix = format!("as the database's owner: {BY_OWNER}");
    let check = |state: State, found: String, fix: String| {
        Some(check("database user", state, format!("{} {found}", user.name), fix))
    };
    if let Some(lacking) = privileges::some(user.lacks(&needed)) {
        return check(State::Bad, format!("may not {lacking}"), fix);
    }
    // Who owns the tables may do everything with them.
    if !user.powers.is_empty() {
        return check(State::Less, format!("{}: a role needs none of this", user.powers.join(", ")), fix);
    }
    if let Some(more) = privileges::some(user.exceeds(&needed)) {
        return check(State::Less, format!("may do more than its roles need: {more}"), fix);
    }
    check(State::Good, "may do what its roles need, and nothing more".to_owned(), String::new())
}

/// Those whom an earlier split of the roles left: they can do what they could. Where nobody can tell, the check of the
/// database says why.
async fn left(config: &Config) -> impl Iterator<Item = Check> {
    let left = backends::left_users(config).await.unwrap_or_default();
    left.into_iter().map(|(name, ending)| {
        let found = format!("{name} was made for a process, and is of none by the last `media-gateway database users`");
        let fix = format!("as the database's owner, say to the server: {ending}");
        check("users of the database", State::Less, found, fix)
    })
}
