//! What an operator does: accounts, clients, sessions, signing keys, organisations.

use access::Revoked;
use contracts::{ApiError, Call, OrgId, Role, Scope, Scopes, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Auth,
    api_keys::manager,
    audit::Entry,
    clients::DEVICE_GRANT,
    model::{Client, Session, User},
    redirect, secret,
    store::{clients, people, trust},
};

/// The most rows that a list shows.
const MAX_LIST: u32 = 500;

/// The account to open.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// The address.
    pub email: String,
    /// The first password; at least 12 characters.
    pub password: String,
    /// What they are.
    #[schema(value_type = String)]
    pub role: Role,
}

/// An account, as an operator sees it: without its address.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct UserView {
    /// Its id.
    pub id: UserId,
    /// What they are.
    #[schema(value_type = String)]
    pub role: Role,
    /// When it was opened.
    #[schema(value_type = String)]
    pub created_at: Timestamp,
    /// Until when nobody can sign in after too many failures.
    #[schema(value_type = Option<String>)]
    pub locked_until: Option<Timestamp>,
    /// Since when nobody may sign in.
    #[schema(value_type = Option<String>)]
    pub disabled_at: Option<Timestamp>,
}

/// The client to register.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewClient {
    /// What people read.
    pub name: String,
    /// Where codes are sent.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// `authorization_code`, `refresh_token`, `client_credentials`, `device_code`.
    pub grant_types: Vec<String>,
    /// What it may ask for: scopes with spaces between.
    #[schema(value_type = String)]
    pub scopes: Scopes,
    /// Whether it can keep a secret; one is made then.
    #[serde(default)]
    pub confidential: bool,
    /// Whether its tokens are always bound to a key (DPoP).
    #[serde(default)]
    pub dpop_bound: bool,
    /// What it is when it stands for itself: one of the service roles.
    #[schema(value_type = Option<String>)]
    pub role: Option<Role>,
}

/// A client.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ClientView {
    /// Its id.
    pub id: String,
    /// What people read.
    pub name: String,
    /// Its secret; shown this once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Where codes are sent.
    pub redirect_uris: Vec<String>,
    /// What it may use.
    pub grant_types: Vec<String>,
    /// What it may ask for.
    #[schema(value_type = String)]
    pub scopes: Scopes,
    /// Whether it is one of our own.
    pub own: bool,
    /// Since when it may do nothing.
    #[schema(value_type = Option<String>)]
    pub disabled_at: Option<Timestamp>,
}

/// A browser that is signed in.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SessionView {
    /// Its id.
    pub id: Uuid,
    /// What it calls itself.
    pub agent: String,
    /// When it signed in.
    #[schema(value_type = String)]
    pub created_at: Timestamp,
    /// When it was last used, to some minutes.
    #[schema(value_type = String)]
    pub last_seen_at: Timestamp,
}

/// A signing key.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SigningKeyView {
    /// Its id, the `kid` of what it signed.
    pub id: String,
    /// `RS256` or `ES256`.
    pub algorithm: String,
    /// When it was made.
    #[schema(value_type = String)]
    pub created_at: Timestamp,
    /// From when on it signs.
    #[schema(value_type = String)]
    pub signs_from: Timestamp,
    /// Until when it verifies, once another has taken over.
    #[schema(value_type = Option<String>)]
    pub verifies_until: Option<Timestamp>,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        let User { id, role, created_at, locked_until, disabled_at, .. } = user;
        Self { id, role, created_at, locked_until, disabled_at }
    }
}

impl From<Client> for ClientView {
    fn from(client: Client) -> Self {
        let Client { id, name, redirect_uris, grant_types, scopes, own, disabled_at, .. } = client;
        Self { id, name, secret: None, redirect_uris, grant_types, scopes, own, disabled_at }
    }
}

impl From<Session> for SessionView {
    fn from(session: Session) -> Self {
        let Session { id, agent, created_at, last_seen_at, .. } = session;
        Self { id, agent, created_at, last_seen_at }
    }
}

pub(crate) fn no_user() -> ApiError {
    ApiError::not_found("no_such_user", "there is no such account")
}

impl Auth {
    /// The newest accounts; for the operator.
    ///
    /// # Errors
    /// `Unauthenticated` or `PermissionDenied` for anybody else; so with everything below.
    pub async fn users(&self, call: &Call) -> contracts::Result<Vec<UserView>> {
        call.require_operator()?;
        Ok(people::list(&self.db, MAX_LIST).await?.into_iter().map(UserView::from).collect())
    }

    /// Opens an account.
    ///
    /// # Errors
    /// `InvalidArgument` for an address or password that won't do, `Conflict` when the address has an account.
    pub async fn create_user(&self, call: &Call, new: &NewUser) -> contracts::Result<UserView> {
        call.require_operator()?;
        if !Role::Admin.includes(new.role) || Role::ServiceAccount.includes(new.role) || new.role == Role::Guest {
            return Err(ApiError::invalid("bad_role", "a person is basic_user, premium_user, moderator or admin"));
        }
        let id = self.create_account(call, &new.email, &new.password, new.role).await?;
        people::by_id(&self.db, id).await?.map(UserView::from).ok_or_else(no_user)
    }

    /// Gives a person another role; what they hold ends, because it says the old one.
    ///
    /// # Errors
    /// `NotFound` when there is no such account.
    pub async fn set_role(&self, call: &Call, user: UserId, role: Role) -> contracts::Result<()> {
        call.require_operator()?;
        if Role::ServiceAccount.includes(role) {
            return Err(ApiError::invalid("bad_role", "a person is basic_user, premium_user, moderator or admin"));
        }
        let mut tx = self.db.begin().await?;
        if !people::set_role(&mut tx, user, role).await? {
            return Err(no_user());
        }
        let (what, event) = self.end_in(&mut tx, user).await?;
        let entry = Entry::by_caller("account.role_set", call).to(user).with("role", role);
        self.state(tx, entry, &[event, self.changed()]).await?;
        self.learn(&[what]);
        self.reload().await
    }

    /// Closes an account, with everything its person holds, or opens it again.
    ///
    /// # Errors
    /// `NotFound` when there is no such account.
    pub async fn set_disabled(&self, call: &Call, user: UserId, disabled: bool) -> contracts::Result<()> {
        call.require_operator()?;
        let mut tx = self.db.begin().await?;
        if !people::set_disabled(&mut tx, user, disabled.then(|| self.clock.now())).await? {
            return Err(no_user());
        }
        let action = if disabled { "account.disabled" } else { "account.enabled" };
        let (what, event) = self.end_in(&mut tx, user).await?;
        self.state(tx, Entry::by_caller(action, call).to(user), &[event, self.changed()]).await?;
        self.learn(&[what]);
        self.reload().await
    }

    /// Ends every session and token of a person.
    ///
    /// # Errors
    /// `NotFound` when there is no such account.
    pub async fn end_user_sessions(&self, call: &Call, user: UserId) -> contracts::Result<()> {
        call.require_operator()?;
        people::by_id(&self.db, user).await?.ok_or_else(no_user)?;
        self.end_everything(user, Entry::by_caller("account.signed_out", call).to(user)).await
    }

    /// The sessions of a person. It is stated who looked: what a browser calls itself is the person's.
    ///
    /// # Errors
    /// `NotFound` when there is no such account.
    pub async fn user_sessions(&self, call: &Call, user: UserId) -> contracts::Result<Vec<SessionView>> {
        call.require_operator()?;
        people::by_id(&self.db, user).await?.ok_or_else(no_user)?;
        let found = self.sessions_of(user).await?;
        let tx = self.db.begin().await?;
        self.state(tx, Entry::by_caller("sessions.read", call).to(user), &[]).await?;
        Ok(found.into_iter().map(SessionView::from).collect())
    }

    /// The sessions of whoever calls.
    ///
    /// # Errors
    /// Without a person's token that may manage the account.
    pub async fn own_sessions(&self, call: &Call) -> contracts::Result<Vec<SessionView>> {
        let (_, user) = manager(call)?;
        let found = self.sessions_of(user).await?;
        Ok(found.into_iter().map(SessionView::from).collect())
    }

    /// Ends a session of whoever calls.
    ///
    /// # Errors
    /// `NotFound` when it is not theirs.
    pub async fn end_own_session(&self, call: &Call, session: Uuid) -> contracts::Result<()> {
        let (_, user) = manager(call)?;
        if self.end_session(user, session).await? {
            return Ok(());
        }
        Err(ApiError::not_found("no_such_session", "you have no such session"))
    }

    /// The clients.
    ///
    /// # Errors
    /// As for accounts.
    pub async fn clients(&self, call: &Call) -> contracts::Result<Vec<ClientView>> {
        call.require_operator()?;
        Ok(clients::list(&self.db, MAX_LIST).await?.into_iter().map(ClientView::from).collect())
    }

    /// Registers a client.
    ///
    /// # Errors
    /// `InvalidArgument`, naming the field, for one that can't be.
    pub async fn create_client(&self, call: &Call, new: &NewClient) -> contracts::Result<ClientView> {
        call.require_operator()?;
        let secret = new.confidential.then(|| secret::fresh(&self.rng));
        let client = Client {
            id: self.ids.next().to_string(),
            secret_hash: secret.as_deref().map(secret::hash),
            created_at: self.clock.now(),
            ..checked(new)?
        };
        let mut tx = self.db.begin().await?;
        clients::save(&mut tx, &client).await?;
        self.state(tx, Entry::by_caller("client.created", call).to(&client.id), &[]).await?;
        Ok(ClientView { secret, ..ClientView::from(client) })
    }

    /// Ends a client and every token it holds.
    ///
    /// # Errors
    /// `NotFound` when there is no such client.
    pub async fn end_client(&self, call: &Call, id: &str) -> contracts::Result<()> {
        call.require_operator()?;
        let mut tx = self.db.begin().await?;
        if !clients::disable(&mut tx, id, self.clock.now()).await? {
            return Err(ApiError::not_found("no_such_client", format!("no client has the id {id:?}")));
        }
        let what = Revoked::Client(id.to_owned());
        let event = self.revoke(&mut tx, &what).await?;
        self.state(tx, Entry::by_caller("client.disabled", call).to(id), &[event, self.changed()]).await?;
        self.learn(&[what]);
        self.reload().await
    }

    /// The signing keys.
    ///
    /// # Errors
    /// As for accounts.
    pub async fn signing_keys(&self, call: &Call) -> contracts::Result<Vec<SigningKeyView>> {
        call.require_operator()?;
        self.ensure_keys().await?;
        let rows = trust::keys(&self.db, self.clock.now()).await?;
        let view = |row: trust::KeyRow| {
            let trust::KeyRow { id, algorithm, created_at, signs_from, verifies_until, .. } = row;
            SigningKeyView { id, algorithm, created_at, signs_from, verifies_until }
        };
        Ok(rows.into_iter().map(view).collect())
    }

    /// Makes new signing keys; gives their ids.
    ///
    /// # Errors
    /// As for accounts.
    pub async fn rotate_keys(&self, call: &Call) -> contracts::Result<Vec<String>> {
        call.require_operator()?;
        self.rotate(Entry::by_caller("keys.rotated", call)).await
    }

    /// Founds an organisation.
    ///
    /// # Errors
    /// As for accounts.
    pub async fn create_org(&self, call: &Call, name: &str) -> contracts::Result<OrgId> {
        call.require_operator()?;
        if name.trim().is_empty() || name.chars().count() > 80 {
            return Err(ApiError::invalid("bad_name", "an organisation has a name of 1 to 80 characters"));
        }
        let id = OrgId(self.ids.next());
        let mut tx = self.db.begin().await?;
        people::insert_org(&mut tx, id, name.trim(), self.clock.now()).await?;
        self.state(tx, Entry::by_caller("org.created", call).to(id), &[]).await?;
        Ok(id)
    }

    /// Makes a person a member of an organisation; tokens minted from then on say so.
    ///
    /// # Errors
    /// `NotFound` when either does not exist, `Conflict` when they are a member.
    pub async fn join_org(&self, call: &Call, org: OrgId, user: UserId) -> contracts::Result<()> {
        call.require_operator()?;
        let mut tx = self.db.begin().await?;
        people::join(&mut tx, org, user, "member", self.clock.now()).await.map_err(|error| match error {
            stores::DbError::Constraint(_) => ApiError::not_found("no_such_member", "no such account or organisation"),
            other => other.into(),
        })?;
        self.state(tx, Entry::by_caller("org.joined", call).to(user).with("org", org), &[]).await
    }
}

/// A client from what was asked for, without id, secret and time.
fn checked(new: &NewClient) -> contracts::Result<Client> {
    let wrong = |field: &str, why: &str| {
        Err(ApiError::invalid("bad_client", format!("a client's `{field}`: {why}")).field(field, why))
    };
    if new.name.trim().is_empty() || new.name.chars().count() > 80 {
        return wrong("name", "must have 1 to 80 characters");
    }
    for address in &new.redirect_uris {
        if let Err(why) = redirect::check(address) {
            return wrong("redirect_uris", &format!("{address:?} {why}"));
        }
    }
    let long = |grant: &String| if grant == "device_code" { DEVICE_GRANT.to_owned() } else { grant.clone() };
    let grant_types: Vec<_> = new.grant_types.iter().map(long).collect();
    let known = ["authorization_code", "refresh_token", "client_credentials", DEVICE_GRANT];
    let strange = grant_types.iter().find(|grant| !known.contains(&grant.as_str()));
    if grant_types.is_empty() || strange.is_some() {
        let strange = strange.map_or_else(String::new, |grant| format!("{grant:?} is none: "));
        let must = "must be authorization_code, refresh_token, client_credentials or device_code";
        return wrong("grant_types", &format!("{strange}{must}"));
    }
    let service = new.role.is_none_or(|role| Role::ServiceAccount.includes(role));
    let alone = grant_types.iter().any(|grant| grant == "client_credentials");
    if !service || (alone && (new.role.is_none() || !new.confidential)) {
        return wrong("role", "a client that stands for itself keeps a secret and has a service role");
    }
    if new.scopes.has(Scope::ManageAccount) {
        return wrong("scopes", "`account:manage` is for clients of our own");
    }
    if new.scopes.has(Scope::AdminFull) && !new.confidential {
        return wrong("scopes", "`admin:full` is for clients that keep a secret");
    }
    if new.redirect_uris.is_empty() && grant_types.iter().any(|grant| grant == "authorization_code") {
        return wrong("redirect_uris", "must have an address for the codes of the grant `authorization_code`");
    }
    Ok(Client {
        id: String::new(),
        name: new.name.trim().to_owned(),
        secret_hash: None,
        redirect_uris: new.redirect_uris.clone(),
        grant_types,
        scopes: new.scopes.clone(),
        own: false,
        bound: new.dpop_bound,
        role: new.role,
        refresh_in_cookie: false,
        metadata_until: None,
        created_at: Timestamp::UNIX_EPOCH,
        disabled_at: None,
    })
}
