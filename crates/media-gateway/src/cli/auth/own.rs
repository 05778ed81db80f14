//! What is a person's own: API keys and their age limit, with the tokens of this machine.

use clap::{Args, Subcommand, ValueEnum};
use contracts::Region;
use serde_json::json;
use uuid::Uuid;

use super::login;
use crate::cli::{Global, door::print};

const KEYS: &str = "/api/v1/auth/keys";
const AGES: &str = "/api/v1/auth/age-limit";

/// For whom a key is.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Kind {
    /// Programs of one's own
    User,
    /// A model's tools, which only read
    Mcp,
}

#[derive(Args, Debug)]
pub struct NewKeyArgs {
    /// What the key is for
    name: String,
    /// For whom it is
    #[arg(long, value_enum, default_value_t = Kind::User)]
    kind: Kind,
    /// What it may do, with spaces between
    #[arg(long, default_value = "read:content")]
    scopes: String,
    /// After how many days it ends
    #[arg(long, value_name = "DAYS")]
    expires_in_days: Option<u32>,
    #[command(flatten)]
    server: login::ServerArgs,
}

#[derive(Subcommand, Debug)]
pub enum ApiKeysVerb {
    /// List them
    List(login::ServerArgs),
    /// Make one; it is printed this once
    Create(NewKeyArgs),
    /// End one
    End {
        /// The key's id
        id: Uuid,
        #[command(flatten)]
        server: login::ServerArgs,
    },
}

pub async fn api_keys(global: &Global, verb: &ApiKeysVerb) -> anyhow::Result<()> {
    match verb {
        ApiKeysVerb::List(server) => {
            let found = login::ask(global, server, "GET", KEYS, None).await?;
            let fields = ["id", "kind", "name", "scopes", "created_at", "expires_at", "last_used_at"];
            print(global, &found, &fields)?;
        }
        ApiKeysVerb::Create(new) => {
            let kind = match new.kind {
                Kind::User => "user",
                Kind::Mcp => "mcp",
            };
            let NewKeyArgs { name, scopes, expires_in_days, server, .. } = new;
            let body = json!({ "name": name, "kind": kind, "scopes": scopes, "expires_in_days": expires_in_days });
            let made = login::ask(global, server, "POST", KEYS, Some(&body)).await?;
            print(global, &made, &["id", "key"])?;
        }
        ApiKeysVerb::End { id, server } => {
            login::ask(global, server, "DELETE", &format!("{KEYS}/{id}"), None).await?;
        }
    }
    Ok(())
}

#[derive(Subcommand, Debug)]
pub enum AgeLimitVerb {
    /// Say up to which
    Show(login::ServerArgs),
    /// See no titles above an age, nor any without a certificate
    Set {
        /// The age, from 0 to 21
        age: u16,
        /// Whose certificates count before all others: US, DE, …
        #[arg(long)]
        region: Option<Region>,
        #[command(flatten)]
        server: login::ServerArgs,
    },
    /// See titles of any age again
    End(login::ServerArgs),
}

pub async fn age_limit(global: &Global, verb: &AgeLimitVerb) -> anyhow::Result<()> {
    let limit = match verb {
        AgeLimitVerb::Show(server) => login::ask(global, server, "GET", AGES, None).await?,
        AgeLimitVerb::Set { age, region, server } => {
            let body = json!({ "max_age": age, "region": region });
            login::ask(global, server, "PUT", AGES, Some(&body)).await?
        }
        AgeLimitVerb::End(server) => {
            login::ask(global, server, "DELETE", AGES, None).await?;
            return Ok(());
        }
    };
    Ok(print(global, &limit, &["max_age", "region", "changed_at"])?)
}
