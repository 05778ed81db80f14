//! Who may do what: scopes, roles, permissions, and the identity that a verified credential proves.

mod api;

use std::{borrow::Cow, collections::BTreeSet, fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use api::{AuthApi, DeviceSession, Validated};

use crate::{AgeLimit, ApiError, OrgId, UserId, words::words};

words! {
    /// What a client may be allowed to do for somebody (A3).
    Scope, "scope" {
        /// To learn who the person is (OpenID Connect).
        OpenId = "openid",
        /// To learn the person's address.
        Email = "email",
        /// To stay signed in while the person is away.
        OfflineAccess = "offline_access",
        /// To read the catalogue.
        ReadContent = "read:content",
        /// To read the person's lists, of which what they watched is one.
        ReadWatchlist = "read:watchlist",
        /// To read the person's settings.
        ReadPreferences = "read:preferences",
        /// To see the person's devices.
        ReadDevices = "read:devices",
        /// To change the person's lists, what they watched among them.
        WriteWatchlist = "write:watchlist",
        /// To change the person's settings.
        WritePreferences = "write:preferences",
        /// To start playback.
        WritePlayback = "write:playback",
        /// To control what plays; always asked for.
        PlaybackControl = "playback:control",
        /// To manage the person's account, keys and sessions: for clients of our own only.
        ManageAccount = "account:manage",
        /// To administer the node as far as the person's role goes; only those can give it whose role goes any way.
        AdminFull = "admin:full",
    }
}

words! {
    /// What somebody is here (A3). A role has the permissions of every role under it.
    Role, "role" {
        /// Somebody without an account.
        Guest = "guest",
        /// Somebody with an account.
        BasicUser = "basic_user",
        /// Somebody who pays.
        PremiumUser = "premium_user",
        /// Somebody who looks after the catalogue.
        Moderator = "moderator",
        /// Somebody who may do everything.
        Admin = "admin",
        /// A program that stands for itself.
        ServiceAccount = "service_account",
        /// A program that brings titles.
        IngestionService = "ingestion_service",
        /// A program that serves tools to models.
        McpServer = "mcp_server",
        /// A program that learns what people like.
        SonaEngine = "sona_engine",
    }
}

words! {
    /// What a person can allow their data to be used for. Nothing is allowed until they do, and they may take it back.
    Purpose, "purpose" {
        /// To keep what they watched (VPPA).
        History = "viewing_history",
        /// To recommend by what they watched and liked.
        Personalization = "personalization",
        /// To give it to somebody else.
        Sharing = "sharing",
    }
}

impl Purpose {
    /// What it means, for whoever decides.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::History => "Keep what I watch, for 90 days.",
            Self::Personalization => "Recommend titles by what I watched and liked.",
            Self::Sharing => "Give what is known of me to somebody else.",
        }
    }
}

impl Role {
    /// The roles directly under this one.
    fn under(self) -> &'static [Self] {
        match self {
            Self::Admin => &[Self::Moderator, Self::ServiceAccount],
            Self::Moderator => &[Self::PremiumUser],
            Self::PremiumUser => &[Self::BasicUser],
            Self::BasicUser | Self::IngestionService | Self::McpServer | Self::SonaEngine => &[Self::Guest],
            Self::ServiceAccount => &[Self::IngestionService, Self::McpServer, Self::SonaEngine],
            Self::Guest => &[],
        }
    }

    /// What this role adds to the roles under it, as `resource:action:scope`.
    fn adds(self) -> &'static [&'static str] {
        match self {
            Self::Guest => &["content:read:*"],
            Self::BasicUser => &[
                "watchlist:*:own",
                "preferences:*:own",
                "devices:*:own",
                "playback:*:own",
                "account:*:own",
                "keys:*:own",
            ],
            Self::PremiumUser | Self::ServiceAccount | Self::McpServer => &[],
            Self::Moderator => &["content:write:*", "content:curate:*"],
            Self::IngestionService => &["content:write:*", "ingest:run:*"],
            Self::SonaEngine => &["preferences:read:*"],
            Self::Admin => &["*:*:*"],
        }
    }

    /// Whether this role is `other` or stands above it.
    pub fn includes(self, other: Self) -> bool {
        self == other || self.under().iter().any(|role| role.includes(other))
    }

    /// Whether this role has a permission.
    pub fn may(self, wanted: &Permission) -> bool {
        let own = self.adds().iter().filter_map(|text| text.parse::<Permission>().ok());
        own.into_iter().any(|has| has.covers(wanted)) || self.under().iter().any(|role| role.may(wanted))
    }

    /// Whether this role changes anything that is not its own: only then is `admin:full` of use to it.
    pub fn administers(self) -> bool {
        let of_others = |has: Permission| has.scope == "*" && has.action != "read";
        self.adds().iter().filter_map(|text| text.parse::<Permission>().ok()).any(of_others)
            || self.under().iter().any(|role| role.administers())
    }
}

/// A permission, `resource:action:scope`: `content:read:*`. A star covers everything in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    resource: Cow<'static, str>,
    action: Cow<'static, str>,
    scope: Cow<'static, str>,
}

impl Permission {
    /// To write and withdraw records of titles.
    pub const WRITE_CONTENT: Self = Self::over_all("content", "write");
    /// To decide which records are one title: what programs that write them leave to people.
    pub const CURATE_CONTENT: Self = Self::over_all("content", "curate");
    /// To run the jobs that bring titles, and to see how they and the runs do.
    pub const RUN_INGEST: Self = Self::over_all("ingest", "run");
    /// Those that doors of ours ask for; every other door that writes for others is an administrator's.
    pub const ASKED: [Self; 3] = [Self::WRITE_CONTENT, Self::CURATE_CONTENT, Self::RUN_INGEST];

    const fn over_all(resource: &'static str, action: &'static str) -> Self {
        Self { resource: Cow::Borrowed(resource), action: Cow::Borrowed(action), scope: Cow::Borrowed("*") }
    }

    /// Whether whoever has this one has `wanted` too. `*` covers `own`.
    pub fn covers(&self, wanted: &Self) -> bool {
        let part = |has: &str, wants: &str| has == "*" || has == wants;
        part(&self.resource, &wanted.resource) && part(&self.action, &wanted.action) && part(&self.scope, &wanted.scope)
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.resource, self.action, self.scope)
    }
}

impl FromStr for Permission {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, ApiError> {
        let word = |part: &&str| {
            *part == "*" || (!part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
        };
        match text.split(':').filter(word).collect::<Vec<_>>()[..] {
            [resource, action, scope] if text.matches(':').count() == 2 => {
                let owned = |part: &str| Cow::<'static, str>::Owned(part.to_owned());
                Ok(Self { resource: owned(resource), action: owned(action), scope: owned(scope) })
            }
            _ => Err(ApiError::invalid("bad_permission", "a permission is written `resource:action:scope`")),
        }
    }
}

/// A set of scopes; written as OAuth does, words with spaces between.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// Every scope that an API knows.
    pub fn all() -> Self {
        Self(Scope::ALL.iter().copied().collect())
    }

    /// Whether this scope is among them.
    pub fn has(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// Whether `other` asks for nothing beyond these.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.is_subset(&self.0)
    }

    /// What both have.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).copied().collect())
    }

    /// What either has.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).copied().collect())
    }

    /// Without one.
    #[must_use]
    pub fn without(mut self, scope: Scope) -> Self {
        self.0.remove(&scope);
        self
    }

    /// What of them is of use to somebody of this role.
    #[must_use]
    pub fn within(self, role: Role) -> Self {
        if role.administers() { self } else { self.without(Scope::AdminFull) }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Scope> + '_ {
        self.0.iter().copied()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<T: IntoIterator<Item = Scope>>(scopes: T) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.0.iter().enumerate() {
            write!(f, "{}{scope}", if index == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

impl FromStr for Scopes {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, ApiError> {
        text.split(' ').filter(|word| !word.is_empty()).map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl Serialize for Scopes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Whom a credential stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A person.
    User(UserId),
    /// A program, by its client id.
    Service(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => id.fmt(f),
            Self::Service(client) => f.write_str(client),
        }
    }
}

/// What proved an identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Credential {
    /// An access token.
    Token {
        /// Its `jti`.
        id: Uuid,
        /// The family of tokens that came out of one consent.
        family: Option<Uuid>,
        /// When it ends.
        expires_at: Timestamp,
    },
    /// An API key, by its public id.
    ApiKey(String),
}

/// Somebody whose credential was verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Whom it stands for.
    pub subject: Subject,
    /// The client that holds it; empty for a person's API key.
    pub client: String,
    /// The organisation it acts in.
    pub org: Option<OrgId>,
    /// What the subject is.
    pub role: Role,
    /// What the client may do for the subject.
    pub scopes: Scopes,
    /// What proved it.
    pub credential: Credential,
    /// The highest age of titles that the person sees, where they chose one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ages: Option<AgeLimit>,
}

impl Identity {
    /// The person; `None` for a program.
    pub fn user(&self) -> Option<UserId> {
        match self.subject {
            Subject::User(id) => Some(id),
            Subject::Service(_) => None,
        }
    }

    /// Whether both the client and the subject may administer the node.
    pub fn is_admin(&self) -> bool {
        self.scopes.has(Scope::AdminFull) && self.role == Role::Admin
    }

    /// Whether both the client and the subject may do this for others: the scope says that the client does what the
    /// subject's role allows, and the role says what that is.
    pub fn may(&self, wanted: &Permission) -> bool {
        self.scopes.has(Scope::AdminFull) && self.role.may(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A3: admin → moderator → premium_user → basic_user → guest, and service_account → its three kinds.
    #[test]
    fn roles_stand_above_each_other() {
        const PEOPLE: &[Role] = &[Role::PremiumUser, Role::BasicUser, Role::Guest];
        const PROGRAMS: &[Role] = &[Role::IngestionService, Role::McpServer, Role::SonaEngine, Role::Guest];
        let under: [(Role, &[Role]); 9] = [
            (Role::Admin, Role::ALL),
            (Role::Moderator, PEOPLE),
            (Role::PremiumUser, &PEOPLE[1..]),
            (Role::BasicUser, &PEOPLE[2..]),
            (Role::Guest, &[]),
            (Role::ServiceAccount, PROGRAMS),
            (Role::IngestionService, &[Role::Guest]),
            (Role::McpServer, &[Role::Guest]),
            (Role::SonaEngine, &[Role::Guest]),
        ];
        for (role, under) in under {
            for other in Role::ALL.iter().copied() {
                let above = role == other || under.contains(&other);
                assert_eq!(role.includes(other), above, "{role} {other}");
            }
        }
    }

    #[test]
    fn a_role_has_the_permissions_of_those_under_it() {
        for (role, permission, may) in [
            (Role::Guest, "content:read:own", true),
            (Role::Guest, "watchlist:read:own", false),
            (Role::PremiumUser, "watchlist:write:own", true),
            (Role::PremiumUser, "watchlist:write:*", false),
            (Role::Moderator, "content:write:*", true),
            (Role::Moderator, "content:curate:*", true),
            (Role::Moderator, "ingest:run:*", false),
            (Role::PremiumUser, "content:write:*", false),
            (Role::IngestionService, "content:write:*", true),
            (Role::IngestionService, "content:curate:*", false),
            (Role::Moderator, "users:write:*", false),
            (Role::Admin, "users:write:*", true),
            (Role::IngestionService, "ingest:run:*", true),
            (Role::McpServer, "ingest:run:*", false),
        ] {
            assert_eq!(role.may(&permission.parse().unwrap()), may, "{role} {permission}");
        }
        assert_eq!("watchlist:*:own".parse::<Permission>().unwrap().to_string(), "watchlist:*:own");
        for wrong in ["", "a", "a:b", "a:b:c:d", "a::c", "A:b:c", "a:b:"] {
            assert!(wrong.parse::<Permission>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_roles_that_write_for_others_have_any_use_of_the_scope_that_administers() {
        let those = [Role::Moderator, Role::Admin, Role::ServiceAccount, Role::IngestionService];
        for role in Role::ALL.iter().copied() {
            assert_eq!(Scopes::all().within(role).has(Scope::AdminFull), those.contains(&role), "{role}");
            assert_eq!(Scopes::all().within(role).without(Scope::AdminFull), Scopes::all().without(Scope::AdminFull));
        }
    }

    #[test]
    fn permissions_that_are_asked_for_are_written_as_they_are_read() {
        for asked in Permission::ASKED {
            assert_eq!(asked.to_string().parse::<Permission>().unwrap(), asked);
        }
    }

    #[test]
    fn scopes_are_read_as_they_are_written() {
        let scopes: Scopes = "write:watchlist openid  read:content".parse().unwrap();
        assert_eq!(scopes.to_string(), "openid read:content write:watchlist");
        assert!(Scopes::all().covers(&scopes) && !scopes.covers(&Scopes::all()));
        assert_eq!("openid nonsense".parse::<Scopes>().unwrap_err().code, "unknown_scope");
    }
}
