//! Everything that is kept of a person, for that person (GDPR, articles 15 and 20).

use std::collections::BTreeMap;

use contracts::{ApiError, Call, Purpose, Role, Scopes, UserId};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ConsentView, Receipt, privacy, whose};
use crate::{
    AgeLimitView, AuditEntry, Auth,
    audit::Entry,
    store::{export, factors, sealing::Kind},
};

/// Everything that is kept of a person; of each list the newest 1000.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonalData {
    /// Their id.
    pub person: UserId,
    /// When this was put together.
    #[schema(value_type = String)]
    pub exported_at: Timestamp,
    /// Their account.
    pub account: AccountData,
    /// How they sign in.
    pub sign_in: SignInData,
    /// Where they are and were signed in.
    pub sessions: Vec<SessionData>,
    /// Programs that they let in.
    pub applications: Vec<ApplicationData>,
    /// What programs hold, or held, in their name.
    pub grants: Vec<GrantData>,
    /// Their API keys, without the secrets, which nobody keeps.
    pub api_keys: Vec<KeyData>,
    /// Organisations that they belong to.
    pub organisations: Vec<MembershipData>,
    /// What they allow.
    pub consents: Vec<ConsentView>,
    /// All that is kept because they allow it.
    pub kept: Vec<KeptData>,
    /// How an erasure stands, where they asked for one.
    pub erasure: Option<Receipt>,
    /// What was done by them and to them; refreshes of tokens, which are many, are left out.
    pub audit: Vec<AuditEntry>,
    /// How many rows each table has of them: also those that hold nothing to read, such as hashes of codes.
    pub rows: BTreeMap<String, i64>,
}

/// What one part of the product keeps of a person while they allow it.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeptData {
    /// Which part.
    pub context: &'static str,
    /// What they allow it for.
    #[schema(value_type = String)]
    pub purpose: Purpose,
    /// All of it, the newest first.
    #[schema(value_type = Vec<Object>)]
    pub items: Vec<serde_json::Value>,
}

/// An account, for its person.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountData {
    /// The address; absent once it is erased.
    pub email: Option<String>,
    /// When it was shown to be theirs.
    #[schema(value_type = Option<String>)]
    pub email_verified_at: Option<Timestamp>,
    /// What they are.
    #[schema(value_type = String)]
    pub role: Role,
    /// When it was opened.
    #[schema(value_type = String)]
    pub created_at: Timestamp,
    /// Since when it is closed.
    #[schema(value_type = Option<String>)]
    pub disabled_at: Option<Timestamp>,
    /// Since when nothing of it may be sold or shared.
    #[schema(value_type = Option<String>)]
    pub opted_out_at: Option<Timestamp>,
    /// Up to which age they see titles, where they chose one.
    pub age_limit: Option<AgeLimitView>,
}

/// How a person signs in.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignInData {
    /// Whether they have a password; only its hash is kept.
    pub password: bool,
    /// Since when an authenticator is asked for.
    #[schema(value_type = Option<String>)]
    pub authenticator_since: Option<Timestamp>,
    /// Their passkeys.
    pub passkeys: Vec<PasskeyData>,
    /// Accounts elsewhere that open theirs.
    pub providers: Vec<ProviderData>,
}

/// A passkey.
#[derive(Debug, Serialize, ToSchema)]
pub struct PasskeyData {
    /// What they call it.
    pub name: String,
    #[serde(skip)]
    #[schema(ignore)]
    pub(crate) sealed: Option<Vec<u8>>,
    /// When it was added.
    #[schema(value_type = String)]
    pub created_at: Timestamp,
    /// When it was last used.
    #[schema(value_type = Option<String>)]
    pub last_used_at: Option<Timestamp>,
}

/// An account elsewhere; who they are there is kept as a keyed hash only.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProviderData {
    /// Where.
    pub provider: String,
    /// Since when it opens theirs.
    #[schema(value_type = String)]
    pub since: Timestamp,
}

/// A browser that is or was signed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionData {
    /// Its id.
    pub id: Uuid,
    /// What it calls itself.
    pub agent: String,
    #[serde(skip)]
    #[schema(ignore)]
    pub(crate) sealed: Option<Vec<u8>>,
    /// When it signed in.
    #[schema(value_type = String)]
    pub created_at: Timestamp,
    /// When it was last used, to some minutes.
    #[schema(value_type = String)]
    pub last_seen_at: Timestamp,
    /// Until when it is signed in.
    #[schema(value_type = String)]
    pub expires_at: Timestamp,
    /// When it was signed out before that.
    #[schema(value_type = Option<String>)]
    pub ended_at: Option<Timestamp>,
}

/// An API key.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyData {
    /// Its id.
    pub id: Uuid,
    /// Names it in logs.
    pub public_id: String,
    /// What it is for.
    pub name: String,
    #[serde(skip)]
    #[schema(ignore)]
    pub(crate) sealed: Option<Vec<u8>>,
    /// What it may do.
    #[schema(value_type = String)]
    pub scopes: Scopes,
    /// When it was made.
    #[schema(value_type = String)]
    pub created_at: Timestamp,
    /// When it ends.
    #[schema(value_type = Option<String>)]
    pub expires_at: Option<Timestamp>,
    /// When it was last used.
    #[schema(value_type = Option<String>)]
    pub last_used_at: Option<Timestamp>,
    /// When it was ended before that.
    #[schema(value_type = Option<String>)]
    pub ended_at: Option<Timestamp>,
}

/// A program that a person let in.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApplicationData {
    /// Its client id.
    pub client: String,
    /// Its name.
    pub name: Option<String>,
    /// To what.
    #[schema(value_type = String)]
    pub scopes: Scopes,
    /// When.
    #[schema(value_type = String)]
    pub granted_at: Timestamp,
}

/// What a program holds in a person's name.
#[derive(Debug, Serialize, ToSchema)]
pub struct GrantData {
    /// Its client id.
    pub client: String,
    /// What it may do.
    #[schema(value_type = String)]
    pub scopes: Scopes,
    /// Since when.
    #[schema(value_type = String)]
    pub created_at: Timestamp,
    /// Until when.
    #[schema(value_type = String)]
    pub expires_at: Timestamp,
    /// When it was ended before that.
    #[schema(value_type = Option<String>)]
    pub ended_at: Option<Timestamp>,
}

/// An organisation that a person belongs to.
#[derive(Debug, Serialize, ToSchema)]
pub struct MembershipData {
    /// Its name.
    pub organisation: String,
    /// What they are there.
    pub role: String,
    /// Since when.
    #[schema(value_type = String)]
    pub since: Timestamp,
}

impl Auth {
    /// Everything that is kept of the caller, or of whom an operator names.
    ///
    /// # Errors
    /// `NotFound` when there is no such account; else as for the other requests.
    pub async fn personal_data(&self, call: &Call, named: Option<UserId>) -> contracts::Result<PersonalData> {
        self.data_of(whose(call, named)?, Entry::by_caller("privacy.exported", call)).await
    }

    /// As [`Auth::personal_data`], of somebody who is known already.
    pub(crate) async fn data_of(&self, id: UserId, entry: Entry) -> Result<PersonalData, ApiError> {
        let user = self.person(id).await?;
        let tx = self.db.begin().await?;
        self.state(tx, entry.to(id), &[]).await?;
        let erasure = match privacy::erasure_of(&self.db, id).await? {
            Some(erasure) => Some(self.receipt_of(erasure).await?),
            None => None,
        };
        let account = AccountData {
            email: self.email(&user)?,
            email_verified_at: user.email_verified_at,
            role: user.role,
            created_at: user.created_at,
            disabled_at: user.disabled_at,
            opted_out_at: privacy::opted_out(&self.db, id).await?,
            age_limit: self.age_limit_of(id).await?,
        };
        let sign_in = SignInData {
            password: user.password_hash.is_some(),
            authenticator_since: factors::get(&self.db, id).await?.and_then(|factor| factor.confirmed_at),
            passkeys: self.passkeys_kept(id).await?,
            providers: export::providers(&self.db, id).await?,
        };
        let rows = privacy::counts(&mut self.db.begin().await?, id).await?;
        let organisations = export::memberships(&mut self.db.begin().await?, id).await?;
        Ok(PersonalData {
            person: id,
            exported_at: self.clock.now(),
            account,
            sign_in,
            sessions: self.sessions_kept(id).await?,
            applications: export::applications(&self.db, id).await?,
            grants: export::grants(&self.db, id).await?,
            api_keys: self.api_keys_kept(id).await?,
            organisations,
            consents: self.consents_of(id).await?,
            kept: self.kept_of(id).await?,
            erasure,
            audit: export::audited(&self.db, id).await?,
            rows,
        })
    }

    async fn passkeys_kept(&self, id: UserId) -> contracts::Result<Vec<PasskeyData>> {
        let mut all = export::passkeys(&self.db, id).await?;
        self.open_into(id, Kind::PasskeyName, all.iter_mut().map(|one| (&mut one.name, one.sealed.take()))).await?;
        Ok(all)
    }

    async fn sessions_kept(&self, id: UserId) -> contracts::Result<Vec<SessionData>> {
        let mut all = export::sessions(&self.db, id).await?;
        self.open_into(id, Kind::Agent, all.iter_mut().map(|one| (&mut one.agent, one.sealed.take()))).await?;
        Ok(all)
    }

    async fn api_keys_kept(&self, id: UserId) -> contracts::Result<Vec<KeyData>> {
        let mut all = export::api_keys(&mut self.db.begin().await?, id).await?;
        self.open_into(id, Kind::KeyName, all.iter_mut().map(|one| (&mut one.name, one.sealed.take()))).await?;
        Ok(all)
    }
}
