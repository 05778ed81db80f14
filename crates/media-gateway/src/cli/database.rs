//! `database`: the users of a database of PostgreSQL.

mod users;

use clap::Subcommand;

use super::Global;

#[derive(Subcommand, Debug)]
pub enum DatabaseVerb {
    /// Make a user for each process, who may do what its roles need and nothing more: as the owner, after `migrate`
    Users(users::UsersArgs),
}

pub async fn run(global: &Global, verb: &DatabaseVerb) -> anyhow::Result<()> {
    match verb {
        DatabaseVerb::Users(args) => users::run(global, args).await,
    }
}
