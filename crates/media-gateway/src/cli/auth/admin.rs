//! Administration: through the node that runs, or on the folder itself; the same requests either way.

use std::io::Read as _;

use anyhow::Context as _;
use auth::AuditMark;
use clap::{Args, Subcommand};
use contracts::{ApiError, Role};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use uuid::Uuid;

use crate::{
    cli::{
        Global,
        door::{Door, print},
        out,
        person::Person,
    },
    config::Config,
    secrets::{Purpose, SHORTEST},
    services::Means,
};

const USERS: &str = "/api/v1/internal/auth/users";
const CLIENTS: &str = "/api/v1/internal/auth/clients";
const KEYS: &str = "/api/v1/internal/auth/signing-keys";
const SEALING: &str = "/api/v1/internal/auth/sealing-keys";
const AUDIT: &str = "/api/v1/internal/auth/audit";

#[derive(Subcommand, Debug)]
pub enum UsersVerb {
    /// List the newest
    List,
    /// Open an account; the password is read from standard input
    Create {
        /// The address
        email: String,
        /// basic_user, premium_user, moderator or admin
        #[arg(long, default_value_t = Role::BasicUser)]
        role: Role,
    },
    /// Give somebody another role
    SetRole {
        /// The account: its id or its address
        person: Person,
        /// basic_user, premium_user, moderator or admin
        role: Role,
    },
    /// Close an account
    Disable {
        /// The account: its id or its address
        person: Person,
    },
    /// Open a closed account again
    Enable {
        /// The account: its id or its address
        person: Person,
    },
}

#[derive(Args, Debug)]
pub struct NewClientArgs {
    /// What people read
    name: String,
    /// Where codes are sent
    #[arg(long = "redirect-uri", value_name = "URL")]
    redirect_uris: Vec<String>,
    /// authorization_code, refresh_token, client_credentials or device_code
    #[arg(long = "grant", value_name = "GRANT", required = true)]
    grant_types: Vec<String>,
    /// What it may ask for, with spaces between
    #[arg(long, default_value = "openid read:content")]
    scopes: String,
    /// Make a secret for it
    #[arg(long)]
    confidential: bool,
    /// Bind its tokens to a key (DPoP)
    #[arg(long)]
    dpop_bound: bool,
    /// What it is when it stands for itself
    #[arg(long)]
    role: Option<Role>,
}

#[derive(Subcommand, Debug)]
pub enum ClientsVerb {
    /// List them
    List,
    /// Register one; its secret is printed this once
    Create(NewClientArgs),
    /// End one and every token it holds
    Disable {
        /// The client's id
        id: String,
    },
}

#[derive(Args, Debug)]
pub struct NewKeyArgs {
    /// The id of the client, which must have a role of its own
    client: String,
    /// What the key is for
    name: String,
    /// What it may do, with spaces between
    #[arg(long, default_value = "read:content")]
    scopes: String,
    /// After how many days it ends
    #[arg(long, value_name = "DAYS")]
    expires_in_days: Option<u32>,
}

#[derive(Subcommand, Debug)]
pub enum ServiceKeysVerb {
    /// List those of a client
    List {
        /// The client's id
        client: String,
    },
    /// Make one; it is printed this once
    Create(NewKeyArgs),
    /// End one
    End {
        /// The client's id
        client: String,
        /// The key's id
        key: Uuid,
    },
}

#[derive(Subcommand, Debug)]
pub enum KeysVerb {
    /// List those that verify
    List,
    /// Make new ones: published now, signing in ten minutes; and put what is sealed under a new key
    Rotate,
    /// Seal a secret for `auth.secret_file` with the key of `auth.kms_key`, and print the line
    ///
    /// The secret is read from standard input: one line of at least 32 characters.
    Seal {
        /// Make a secret of 256 bits in place of reading one
        #[arg(long)]
        fresh: bool,
    },
}

#[derive(Subcommand, Debug)]
pub enum SessionsVerb {
    /// List somebody's
    List {
        /// The account: its id or its address
        person: Person,
    },
    /// End every session and token of somebody
    End {
        /// The account: its id or its address
        person: Person,
    },
}

pub async fn users(global: &Global, verb: &UsersVerb) -> anyhow::Result<()> {
    let (person, change) = match verb {
        UsersVerb::List => {
            let found = Door::once(global, "GET", USERS, None).await?;
            print(global, &found, &["id", "role", "created_at", "locked_until", "disabled_at"])?;
            return Ok(());
        }
        UsersVerb::Create { email, role } => {
            let mut password = String::new();
            std::io::stdin().take(4_096).read_to_string(&mut password)?;
            let body = json!({ "email": email, "password": password.trim_end_matches(['\r', '\n']), "role": role });
            let made = Door::once(global, "POST", USERS, Some(body)).await?;
            print(global, &made, &["id"])?;
            return Ok(());
        }
        UsersVerb::SetRole { person, role } => (person, json!({ "role": role })),
        UsersVerb::Disable { person } => (person, json!({ "disabled": true })),
        UsersVerb::Enable { person } => (person, json!({ "disabled": false })),
    };
    person.ask(global, "PATCH", |id| format!("{USERS}/{id}"), Some(change)).await.map(|_| ())
}

pub async fn clients(global: &Global, verb: &ClientsVerb) -> anyhow::Result<()> {
    match verb {
        ClientsVerb::List => {
            let found = Door::once(global, "GET", CLIENTS, None).await?;
            print(global, &found, &["id", "name", "grant_types", "scopes", "disabled_at"])?;
        }
        ClientsVerb::Create(new) => {
            let body = json!({ "name": new.name, "redirect_uris": new.redirect_uris, "grant_types": new.grant_types,
                "scopes": new.scopes, "confidential": new.confidential, "dpop_bound": new.dpop_bound, "role": new.role });
            let made = Door::once(global, "POST", CLIENTS, Some(body)).await?;
            print(global, &made, &["id", "secret"])?;
        }
        ClientsVerb::Disable { id } => {
            Door::once(global, "DELETE", &path_of(id), None).await?;
        }
    }
    Ok(())
}

/// Where a client is: its id may be an address, and what is no id is looked for as it was written.
fn path_of(client: &str) -> String {
    format!("{CLIENTS}/{}", utf8_percent_encode(client, NON_ALPHANUMERIC))
}

pub async fn service_keys(global: &Global, verb: &ServiceKeysVerb) -> anyhow::Result<()> {
    let keys = |client: &str| format!("{}/keys", path_of(client));
    match verb {
        ServiceKeysVerb::List { client } => {
            let found = Door::once(global, "GET", &keys(client), None).await?;
            print(global, &found, &["id", "name", "scopes", "created_at", "expires_at", "last_used_at"])?;
        }
        ServiceKeysVerb::Create(new) => {
            let body = json!({ "name": new.name, "scopes": new.scopes, "expires_in_days": new.expires_in_days });
            let made = Door::once(global, "POST", &keys(&new.client), Some(body)).await?;
            print(global, &made, &["id", "key"])?;
        }
        ServiceKeysVerb::End { client, key } => {
            Door::once(global, "DELETE", &format!("{}/{key}", keys(client)), None).await?;
        }
    }
    Ok(())
}

pub async fn keys(global: &Global, verb: &KeysVerb) -> anyhow::Result<()> {
    if let KeysVerb::Seal { fresh } = verb {
        return seal(global, *fresh).await;
    }
    let door = Door::auth(global).await?;
    let work = async {
        if matches!(verb, KeysVerb::Rotate) {
            door.call("POST", KEYS, None).await?;
            rotate_sealing(&door).await?;
        }
        let found = door.call("GET", KEYS, None).await?;
        print(global, &found, &["id", "algorithm", "signs_from", "verifies_until"])?;
        Ok(())
    };
    let result = work.await;
    door.close().await;
    result
}

/// Prints a secret as a sealed line. No folder is opened for it; what the configuration has at Google Cloud is fetched.
async fn seal(global: &Global, fresh: bool) -> anyhow::Result<()> {
    let means = Means::open(&Config::load(&global.flags())?).await?;
    let sealer = means.google.as_ref().and_then(|google| google.sealer());
    let sealer = sealer.context("name the key that seals in `auth.kms_key`")?;
    let mut secret = String::new();
    if fresh {
        secret = means.rng.bytes::<32>().iter().map(|byte| format!("{byte:02x}")).collect();
    } else {
        std::io::stdin().take(4_096).read_to_string(&mut secret)?;
    }
    let secret = secret.trim();
    anyhow::ensure!(
        secret.len() >= SHORTEST && secret.lines().count() == 1,
        "a secret is one line of at least {SHORTEST} characters"
    );
    out::line(&sealer.seal(Purpose::Given, secret.as_bytes()).await?)?;
    Ok(())
}

/// Puts everything that is sealed under a new key, or goes on with what another began.
async fn rotate_sealing(door: &Door) -> anyhow::Result<()> {
    match door.call("POST", SEALING, None).await {
        Err(error) if error.downcast_ref::<ApiError>().is_some_and(|error| error.code == "secret_not_ours") => {
            eprintln!("note: the key that seals stays: {error}");
            return Ok(());
        }
        answer => answer?,
    };
    loop {
        let view = door.call("POST", &format!("{SEALING}/moves"), None).await?;
        let (moved, pending) = (view["moved"].as_u64(), view["pending"].as_i64());
        eprintln!("sealed under {}: {} moved, {} to go", view["current"], view["moved"], view["pending"]);
        match (moved, pending) {
            (_, Some(0)) => return Ok(()),
            (Some(0), _) => anyhow::bail!("what is left can't be opened: the node's log names it"),
            _ => {}
        }
    }
}

pub async fn sessions(global: &Global, verb: &SessionsVerb) -> anyhow::Result<()> {
    let path = |id| format!("{USERS}/{id}/sessions");
    match verb {
        SessionsVerb::List { person } => {
            let found = person.ask(global, "GET", path, None).await?;
            print(global, &found, &["id", "created_at", "last_seen_at", "agent"])?;
        }
        SessionsVerb::End { person } => {
            person.ask(global, "DELETE", path, None).await?;
        }
    }
    Ok(())
}

pub async fn verify_audit(global: &Global, mark: Option<&AuditMark>) -> anyhow::Result<()> {
    let asked = mark.map_or_else(String::new, |mark| format!("?head={mark}"));
    let verdict = Door::once(global, "GET", &format!("{AUDIT}/verdict{asked}"), None).await?;
    if global.json {
        // What it found, whichever it is; the exit code tells as well.
        out::line(&verdict.to_string())?;
    }
    if let Some(at) = verdict["broken_at"].as_i64() {
        if verdict["head"].is_null() {
            anyhow::bail!("the audit log is broken: its head is gone, and entries from {at} on may be gone or changed");
        }
        anyhow::bail!("the audit log is broken at entry {at}: it was changed, or one before it is missing");
    }
    let before = match verdict["forgotten"].as_i64() {
        Some(forgotten) if forgotten > 0 => format!("; {forgotten} before them are past their two years"),
        _ => String::new(),
    };
    if let (Some(mark), Some(false)) = (mark, verdict["holds"].as_bool()) {
        let position = mark.position;
        let detail = if Some(position) < verdict["forgotten"].as_i64() {
            format!("entry {position} is past its two years: verify with one that came later")
        } else {
            format!("the audit log does not hold entry {position} any more: its end was cut off or written anew")
        };
        return Err(ApiError::not_found("audit_entry_gone", detail).into());
    }
    if !global.json {
        out::line(&format!("{} entries, unbroken{before}", verdict["entries"]))?;
        out::line(&format!("head {}", verdict["head"].as_str().unwrap_or_default()))?;
    }
    Ok(())
}

pub async fn export_audit(global: &Global) -> anyhow::Result<()> {
    let door = Door::auth(global).await?;
    let exported = export_through(&door, global).await;
    door.close().await;
    exported
}

async fn export_through(door: &Door, global: &Global) -> anyhow::Result<()> {
    let (mut after, mut head) = (0, None);
    loop {
        let page = door.call("GET", &format!("{AUDIT}?limit=100&after={after}"), None).await?;
        let Some(last) = page["items"].as_array().and_then(|items| items.last()) else { break };
        after = last["position"].as_i64().unwrap_or(i64::MAX);
        head = last["hash"].as_str().map(|hash| format!("{after}:{hash}"));
        print(global, &page, &[])?;
    }
    if let Some(head) = head {
        eprintln!("head {head}");
    }
    Ok(())
}
