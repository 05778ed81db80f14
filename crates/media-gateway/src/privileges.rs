//! What each role does in the database: all that the database's user of a process with these roles may do (ADR 36).

use std::collections::BTreeSet;

use contracts::ApiError;
use stores::{
    Db,
    users::{Privilege, User, tables},
};

use crate::{config::Config, roles::Role, services::Wanted};

/// What the owner of a database does for processes whose users are others.
pub const BY_OWNER: &str = "run `media-gateway migrate`, then `media-gateway database users`";
/// What helps a command on a folder whose process does not run: it opens what every role has, and the process' user may
/// do less.
const BY_PROCESS: &str = "start the process of this folder, or run the command as the database's owner";

/// A table, what is done with it, and the columns with which that is done: all where none is named. Each is words with
/// spaces between.
type Need = (&'static str, &'static str, &'static str);

/// What each process does, whatever its roles: it looks how far the schema is, follows the log, verifies who calls, notes
/// when keys were used, and states in the audit log what operators did and who was refused.
const EVERYBODY: &[Need] = &[
    ("schema_migrations", "SELECT", ""),
    ("event_head", "SELECT", ""),
    ("events", "SELECT", ""),
    ("auth_signing_keys", "SELECT", "public signs_from verifies_until"),
    ("auth_revocations", "SELECT", ""),
    ("auth_age_limits", "SELECT", ""),
    ("auth_users", "SELECT", "id role disabled_at"),
    ("auth_clients", "SELECT", "id role disabled_at"),
    (
        "auth_api_keys",
        "SELECT",
        "public_id kind user_id org_id salt hash scopes created_at expires_at last_used_at revoked_at",
    ),
    ("auth_api_keys", "UPDATE", "last_used_at"),
    (
        "auth_service_keys",
        "SELECT",
        "id public_id client_id salt hash scopes created_at expires_at last_used_at revoked_at",
    ),
    ("auth_service_keys", "UPDATE", "last_used_at"),
    ("auth_audit", "INSERT", ""),
    ("auth_audit_head", "SELECT UPDATE", ""),
];

/// Whoever states events.
const STATES: &[Need] = &[("event_head", "UPDATE", ""), ("events", "INSERT", "")];

/// Whoever handles events in a group of consumers, which may fail on some.
const HANDLES: &[Need] = &[
    ("event_offsets", "SELECT INSERT UPDATE", ""),
    ("event_inbox", "SELECT INSERT", ""),
    ("event_redeliveries", "SELECT INSERT UPDATE DELETE", ""),
    ("event_dead_letters", "SELECT INSERT UPDATE", ""),
];

/// What a role does beside what everybody does, and beside all with the tables of its own context.
fn of(role: Role) -> &'static [&'static [Need]] {
    match role {
        // Shows people their history with the rest, and takes it away with their consent or themselves.
        Role::Auth => &[STATES, HANDLES, &[("playback_history", "SELECT DELETE", "")]],
        // Forgets old events.
        Role::Catalog => &[
            STATES,
            &[("events", "DELETE", ""), ("event_offsets", "SELECT", ""), ("event_inbox", "SELECT DELETE", "")],
        ],
        Role::Ingest => &[STATES],
        // Tells how far its indexes are.
        Role::Search => &[&[("event_offsets", "SELECT INSERT UPDATE", "")]],
        // Seals under people's keys, while they allow it.
        Role::Playback => &[
            STATES,
            HANDLES,
            &[("auth_users", "SELECT", "id subject_key"), ("auth_purposes", "SELECT", "user_id purpose granted")],
        ],
        // Offers what was put aside again, or drops it.
        Role::Gateway => &[&[("event_dead_letters", "SELECT DELETE", ""), ("event_redeliveries", "SELECT INSERT", "")]],
    }
}

/// Tables whose changed rows are to leave nothing behind: see [`stores::Db::scrub`].
pub const SCRUBBED: [&str; 2] = ["auth_users", "playback_history"];

/// What a process with these roles has to be allowed, and no more than that.
pub fn needed(roles: &BTreeSet<Role>) -> BTreeSet<Privilege> {
    let owned = tables().into_iter().filter(|(owner, _)| roles.iter().any(|role| role.as_str() == *owner));
    let own = owned.map(|(_, table)| (table, "SELECT INSERT UPDATE DELETE", ""));
    let others = roles.iter().flat_map(|role| of(*role)).flat_map(|needs| needs.iter());
    let all: BTreeSet<_> = EVERYBODY.iter().chain(others).copied().chain(own).flat_map(privileges).collect();
    let whole = |one: &Privilege| all.contains(&Privilege { column: None, ..one.clone() });
    all.iter().filter(|one| one.column.is_none() || !whole(one)).cloned().collect()
}

/// Asks whether a database that somebody else migrates is as what is wanted of it needs it, where its user is this.
///
/// # Errors
/// `schema_behind` and `database_user`, when it is not; or when it can't be asked.
pub async fn is_ready(config: &Config, wanted: Wanted, db: &Db, user: &User) -> anyhow::Result<()> {
    let missing = db.missing_migrations().await?;
    if let Some(last) = missing.last() {
        let detail = format!("the database is without `{last}`, which its user may not add; its owner: {BY_OWNER}");
        return Err(ApiError::unavailable("schema_behind", detail).into());
    }
    let (roles, help) = match wanted {
        Wanted::Roles => (config.roles(), format!("its owner: {BY_OWNER}")),
        Wanted::Everything => (Role::ALL.into_iter().collect(), BY_PROCESS.to_owned()),
    };
    let needed = needed(&roles);
    if let Some(lacking) = some(user.lacks(&needed)) {
        let detail = format!("the database's user {} may not {lacking}; {help}", user.name);
        return Err(ApiError::unavailable("database_user", detail).into());
    }
    Ok(())
}

/// The first of some privileges, and how many others there are; `None` where there are none.
pub fn some<'a>(mut privileges: impl Iterator<Item = &'a Privilege>) -> Option<String> {
    let first = privileges.next()?;
    Some(match privileges.count() {
        0 => first.to_string(),
        others => format!("{first}, and {others} more"),
    })
}

fn privileges((table, verbs, columns): Need) -> Vec<Privilege> {
    let columns: Vec<_> = match columns {
        "" => vec![None],
        names => names.split(' ').map(|name| Some(name.to_owned())).collect(),
    };
    let of = |verb: &str| {
        let (table, verb) = (table.to_owned(), verb.to_owned());
        columns.iter().map(move |column| Privilege { table: table.clone(), verb: verb.clone(), column: column.clone() })
    };
    verbs.split(' ').flat_map(of).collect()
}
