//! Administration: through the node that runs, or on the folder itself; the same requests either way.

use std::io::Read as _;

use axum::{Router, body::Body, http::Request};
use clap::{Args, Subcommand};
use contracts::{ApiError, ErrorKind, Role, UserId};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use crate::{
    cli::{Global, out},
    config::Config,
    folder::{Folder, Opened},
    node,
    owner::OwnerClient,
    roles,
    services::{Services, Wanted},
};

const USERS: &str = "/api/v1/internal/auth/users";
const CLIENTS: &str = "/api/v1/internal/auth/clients";
const KEYS: &str = "/api/v1/internal/auth/signing-keys";
const SEALING: &str = "/api/v1/internal/auth/sealing-keys";
const AUDIT: &str = "/api/v1/internal/auth/audit";
/// The most of an answer that is read.
const MAX_ANSWER: usize = 16 << 20;

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
        /// The account
        id: UserId,
        /// basic_user, premium_user, moderator or admin
        role: Role,
    },
    /// Close an account
    Disable {
        /// The account
        id: UserId,
    },
    /// Open a closed account again
    Enable {
        /// The account
        id: UserId,
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
        /// The client
        id: String,
    },
}

#[derive(Args, Debug)]
pub struct NewKeyArgs {
    /// The client, which must have a role of its own
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
        /// The client
        client: String,
    },
    /// Make one; it is printed this once
    Create(NewKeyArgs),
    /// End one
    End {
        /// The client
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
}

#[derive(Subcommand, Debug)]
pub enum SessionsVerb {
    /// List somebody's
    List {
        /// The account
        user: UserId,
    },
    /// End every session and token of somebody
    End {
        /// The account
        user: UserId,
    },
}

/// Where requests go.
pub enum Door {
    /// To the node that owns the folder.
    Node(OwnerClient),
    /// To the same routes in this process, on the folder that no node has.
    Here { services: Box<Services>, router: Router, folder: Box<Folder> },
}

impl Door {
    async fn open(global: &Global) -> anyhow::Result<Self> {
        Self::of(global, roles::Role::Auth, |services| auth::routes(services.auth.clone())).await
    }

    /// The door of `role`: the node's, or one to these routes.
    pub async fn of(
        global: &Global,
        role: roles::Role,
        routes: impl FnOnce(&Services) -> OpenApiRouter,
    ) -> anyhow::Result<Self> {
        let config = Config::load(&global.flags())?;
        match Services::folder(&config)? {
            Opened::Theirs(owner) => Ok(Self::Node(OwnerClient::new(owner, role)?)),
            Opened::Ours(folder) => {
                let services = Box::new(Services::open(&config, &folder, Wanted::Everything).await?);
                let frame = node::frame(&config, &folder, &services)?;
                let (router, _) = routes(&services).split_for_parts();
                let router = router.layer(http_api::frame_layer(frame.into()));
                Ok(Self::Here { router, folder: Box::new(folder), services })
            }
        }
    }

    /// Asks for the answer's JSON, null where it has none.
    pub async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let (router, token) = match self {
            Self::Node(owner) => return owner.call(method, path, body).await,
            Self::Here { router, folder, .. } => (router, folder.token()),
        };
        let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"));
        let request = request.header("content-type", "application/json");
        let request = request.body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))?;
        let response = router.clone().oneshot(request).await?;
        let status = response.status().as_u16();
        let bytes = axum::body::to_bytes(response.into_body(), MAX_ANSWER).await?;
        let json: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        if status < 400 {
            return Ok(json);
        }
        let text = |name: &str| json[name].as_str().unwrap_or("unreadable_answer").to_owned();
        Err(ApiError::new(ErrorKind::from_http(status), text("code"), text("detail")).into())
    }

    /// Asks once and closes what was opened.
    pub async fn once(global: &Global, method: &str, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let door = Self::open(global).await?;
        let answer = door.call(method, path, body.as_ref()).await;
        door.close().await;
        answer
    }

    /// Closes what was opened.
    pub async fn close(self) {
        if let Self::Here { services, .. } = self {
            services.close().await;
        }
    }
}

/// Prints items, one a line: as JSON, or the named fields.
///
/// # Errors
/// As [`out::line`].
pub fn print(global: &Global, answer: &Value, fields: &[&str]) -> Result<(), ApiError> {
    let one = [answer.clone()];
    for item in answer["items"].as_array().map_or(&one[..], Vec::as_slice) {
        if global.json || fields.is_empty() {
            out::line(&item.to_string())?;
            continue;
        }
        let text = |name: &&str| match &item[*name] {
            Value::String(text) => text.clone(),
            Value::Null => "-".to_owned(),
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
            other => other.to_string(),
        };
        out::line(&fields.iter().map(text).collect::<Vec<_>>().join("  "))?;
    }
    Ok(())
}

pub async fn users(global: &Global, verb: &UsersVerb) -> anyhow::Result<()> {
    let change = |id: &UserId, body: Value| (format!("{USERS}/{id}"), body);
    let (path, body) = match verb {
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
        UsersVerb::SetRole { id, role } => change(id, json!({ "role": role })),
        UsersVerb::Disable { id } => change(id, json!({ "disabled": true })),
        UsersVerb::Enable { id } => change(id, json!({ "disabled": false })),
    };
    Door::once(global, "PATCH", &path, Some(body)).await.map(|_| ())
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
            Door::once(global, "DELETE", &format!("{CLIENTS}/{id}"), None).await?;
        }
    }
    Ok(())
}

pub async fn service_keys(global: &Global, verb: &ServiceKeysVerb) -> anyhow::Result<()> {
    let keys = |client: &str| format!("{CLIENTS}/{client}/keys");
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
    let door = Door::open(global).await?;
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
    match verb {
        SessionsVerb::List { user } => {
            let found = Door::once(global, "GET", &format!("{USERS}/{user}/sessions"), None).await?;
            print(global, &found, &["id", "created_at", "last_seen_at", "agent"])?;
        }
        SessionsVerb::End { user } => {
            Door::once(global, "DELETE", &format!("{USERS}/{user}/sessions"), None).await?;
        }
    }
    Ok(())
}

pub async fn verify_audit(global: &Global) -> anyhow::Result<()> {
    let verdict = Door::once(global, "GET", &format!("{AUDIT}/verdict"), None).await?;
    if let Some(at) = verdict["broken_at"].as_i64() {
        anyhow::bail!("the audit log is broken at entry {at}: it was changed, or one before it is missing");
    }
    let before = match verdict["forgotten"].as_i64() {
        Some(forgotten) if forgotten > 0 => format!("; {forgotten} before them are past their two years"),
        _ => String::new(),
    };
    println!("{} entries, unbroken{before}", verdict["entries"]);
    Ok(())
}

pub async fn export_audit(global: &Global) -> anyhow::Result<()> {
    let door = Door::open(global).await?;
    let exported = export_through(&door, global).await;
    door.close().await;
    exported
}

async fn export_through(door: &Door, global: &Global) -> anyhow::Result<()> {
    let mut after = 0;
    loop {
        let page = door.call("GET", &format!("{AUDIT}?limit=100&after={after}"), None).await?;
        let Some(last) = page["items"].as_array().and_then(|items| items.last()) else { return Ok(()) };
        after = last["position"].as_i64().unwrap_or(i64::MAX);
        print(global, &page, &[])?;
    }
}
