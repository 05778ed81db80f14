//! What kind of deed an entry of the audit log is of.

use serde::Serialize;

/// The kinds of deeds that whoever audits asks for (A7). What an action is called says of which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeedKind {
    /// Something is there that was not.
    Create,
    /// Something of somebody was read.
    Read,
    /// Something is otherwise than it was.
    Update,
    /// Something is gone, or of no use any more.
    Delete,
    /// Migrations were applied.
    SchemaChanges,
    /// Somebody was refused.
    AccessDenied,
    /// Somebody signed in or out, showed who they are or failed to, or let a program in; what programs hold since then.
    Authentication,
}

impl DeedKind {
    /// The kind of an action, which is called `thing.verb`.
    pub(super) fn of(action: &str) -> Self {
        match action.split_once('.').unwrap_or((action, "")) {
            ("access", _) => Self::AccessDenied,
            ("schema", _) => Self::SchemaChanges,
            ("code" | "device" | "factor" | "family" | "session" | "sign_in" | "token", _)
            | ("account", "locked" | "signed_out")
            | ("consent", "denied" | "given")
            | ("passkey", "copied") => Self::Authentication,
            (_, "added" | "created" | "fetched" | "ingested" | "joined" | "linked" | "requested" | "started") => {
                Self::Create
            }
            (_, "exported" | "looked_up" | "read" | "reported") => Self::Read,
            (_, "discarded" | "ended" | "erased" | "forgotten" | "unlinked" | "withdrawn") => Self::Delete,
            _ => Self::Update,
        }
    }
}

#[cfg(test)]
mod tests;
