//! `auth`: signs this machine in, and administers accounts, clients, sessions and keys.

pub mod admin;
mod login;
mod own;

use auth::AuditMark;
use clap::Subcommand;

use super::Global;

#[derive(Subcommand, Debug)]
pub enum AuthVerb {
    /// Sign in at a Media Gateway, with a code that you confirm in a browser
    Login(login::LoginArgs),
    /// Sign out, and end the tokens of this machine
    Logout(login::ServerArgs),
    /// Say who is signed in
    Whoami(login::ServerArgs),
    /// Your own API keys
    ApiKeys {
        #[command(subcommand)]
        verb: own::ApiKeysVerb,
    },
    /// Up to which age you see titles
    AgeLimit {
        #[command(subcommand)]
        verb: own::AgeLimitVerb,
    },
    /// Accounts of this node
    Users {
        #[command(subcommand)]
        verb: admin::UsersVerb,
    },
    /// Clients of this node
    Clients {
        #[command(subcommand)]
        verb: admin::ClientsVerb,
    },
    /// API keys of clients that stand for themselves
    ServiceKeys {
        #[command(subcommand)]
        verb: admin::ServiceKeysVerb,
    },
    /// Signing keys of this node
    Keys {
        #[command(subcommand)]
        verb: admin::KeysVerb,
    },
    /// Where somebody is signed in
    Sessions {
        #[command(subcommand)]
        verb: admin::SessionsVerb,
    },
}

#[derive(Subcommand, Debug)]
pub enum AuditVerb {
    /// Check that no entry was changed or left out
    ///
    /// Prints the newest as `head POSITION:HASH`. Keep it where nobody who can write to the database can change it:
    /// without it nobody can tell that the newest entries were cut off.
    Verify {
        /// Fail unless the log still holds this entry: the exit code is 3 then, and 1 where the chain is broken
        #[arg(long, value_name = "POSITION:HASH")]
        head: Option<AuditMark>,
    },
    /// Print the entries, one a line, as JSON
    ///
    /// Says on standard error which is the newest, as `audit verify` does.
    Export,
}

pub async fn run(global: &Global, verb: &AuthVerb) -> anyhow::Result<()> {
    match verb {
        AuthVerb::Login(args) => login::login(global, args).await,
        AuthVerb::Logout(args) => login::logout(global, args).await,
        AuthVerb::Whoami(args) => login::whoami(global, args).await,
        AuthVerb::ApiKeys { verb } => own::api_keys(global, verb).await,
        AuthVerb::AgeLimit { verb } => own::age_limit(global, verb).await,
        AuthVerb::Users { verb } => admin::users(global, verb).await,
        AuthVerb::Clients { verb } => admin::clients(global, verb).await,
        AuthVerb::ServiceKeys { verb } => admin::service_keys(global, verb).await,
        AuthVerb::Keys { verb } => admin::keys(global, verb).await,
        AuthVerb::Sessions { verb } => admin::sessions(global, verb).await,
    }
}

pub async fn audit(global: &Global, verb: &AuditVerb) -> anyhow::Result<()> {
    match verb {
        AuditVerb::Verify { head } => admin::verify_audit(global, head.as_ref()).await,
        AuditVerb::Export => admin::export_audit(global).await,
    }
}
