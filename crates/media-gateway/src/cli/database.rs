//! `database`: the users of a database of PostgreSQL.

mod password;
mod users;

use std::time::Duration;

use clap::Subcommand;
use contracts::{Call, Caller, Clock, Rng, Trace};

use super::Global;

/// How long it may take to state what was done.
const TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Subcommand, Debug)]
pub enum DatabaseVerb {
    /// Make another password for the user of `database.url`, and put it into `database.password_file`
    ///
    /// Nodes that have the file take it with their next connection, without a restart; those of another machine once they
    /// are handed the file. The server knows one password at a time, so that none from before is kept. Killed half-way,
    /// nobody is locked out, and the next run ends what was begun.
    Password,
    /// Make a user for each process, who may do what its roles need and nothing more: as the owner, after `migrate`
    Users(users::UsersArgs),
}

pub async fn run(global: &Global, verb: &DatabaseVerb) -> anyhow::Result<()> {
    match verb {
        DatabaseVerb::Password => password::run(global).await,
        DatabaseVerb::Users(args) => users::run(global, args).await,
    }
}

/// By whom the audit log has what is done here: whoever has a say over the database has one over the node.
fn operator(clock: &Clock) -> Call {
    Call::new(Caller::Operator, Trace::start(&Rng::system()), clock, TIMEOUT)
}
