//! API keys: people make, list and end their own.

use access::{KeyKind, NewKey};
use contracts::{ApiError, Call, Credential, ErrorKind, Scope, Scopes, UserId, person_required};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use stores::Rows;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Auth,
    audit::Entry,
    grants::later,
    store::{
        grants,
        keys::Key,
        people,
        sealing::Kind,
        trust::{self, ApiKeyRow},
    },
};

/// The most keys that a person has at once.
const MAX_KEYS: usize = 50;
const MAX_DAYS: u32 = 3_650;

/// The key to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// What it is for, in a person's words.
    #[schema(min_length = 1, max_length = 80)]
    pub(crate) name: String,
    /// What it may do: scopes with spaces between, at most those of whoever it is made for.
    #[schema(value_type = String, example = "read:content")]
    pub(crate) scopes: Scopes,
    /// After how many days it ends; never where absent.
    #[schema(minimum = 1, maximum = 3650)]
    pub(crate) expires_in_days: Option<u32>,
    /// `user` for a person's programs, which is also what is meant where it is absent, `mcp` for a model's tools, which only
    /// read; a client's are `service`.
    #[schema(value_type = Option<String>, example = "user")]
    pub(crate) kind: Option<KeyKind>,
}

impl NewApiKey {
    /// Its name, and when it ends; of a kind, for somebody who may do `most`.
    fn checked(&self, kind: KeyKind, most: &Scopes, now: Timestamp) -> Result<(&str, Option<Timestamp>), ApiError> {
        if self.kind.is_some_and(|asked| asked != kind) {
            return Err(ApiError::invalid("bad_kind", "a person's key is `user` or `mcp`, a client's is `service`")
                .field("kind", "must be of those that are made here"));
        }
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > 80 || name.contains(char::is_control) {
            return Err(ApiError::invalid("bad_name", "a key has a name of 1 to 80 characters")
                .field("name", "must have 1 to 80 characters"));
        }
        let reach = most.and(&kind.reach());
        if self.scopes.is_empty() || !reach.covers(&self.scopes) {
            return Err(ApiError::invalid(
                "bad_scopes",
                "a key reaches no further than its kind and whoever it is for",
            )
            .field("scopes", format!("must be among: {reach}")));
        }
        if self.expires_in_days.is_some_and(|days| days == 0 || days > MAX_DAYS) {
            return Err(ApiError::invalid("bad_expiry", "a key ends after 1 to 3650 days")
                .field("expires_in_days", "must be from 1 to 3650"));
        }
        Ok((name, self.expires_in_days.map(|days| later(now, SignedDuration::from_hours(24 * i64::from(days))))))
    }
}

/// A key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiKeyView {
    /// Its id.
    pub id: Uuid,
    /// `user`, `mcp` or `service`.
    #[schema(value_type = String)]
    pub kind: KeyKind,
    /// Names it in logs.
    pub public_id: String,
    /// What it is for.
    pub name: String,
    /// What it may do.
    #[schema(value_type = String)]
    pub scopes: Scopes,
    /// When it was made.
    #[schema(value_type = String)]
    pub created_at: Timestamp,
    /// When it ends.
    #[schema(value_type = Option<String>)]
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the second or so.
    #[schema(value_type = Option<String>)]
    pub last_used_at: Option<Timestamp>,
}

/// A key that was just made: its secret is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedApiKey {
    /// The key itself.
    pub key: String,
    /// What is known of it.
    #[serde(flatten)]
    pub view: ApiKeyView,
}

impl From<&Key> for ApiKeyView {
    fn from(key: &Key) -> Self {
        Self {
            id: key.id,
            kind: key.kind,
            public_id: key.public_id.clone(),
            name: key.name.clone(),
            scopes: key.scopes.clone(),
            created_at: key.created_at,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
        }
    }
}

/// The person who manages their account with a token; a key can't make or end keys.
pub(crate) fn manager(call: &Call) -> Result<(&contracts::Identity, UserId), ApiError> {
    let (who, user) = call.person(Scope::ManageAccount)?;
    match who.credential {
        Credential::Token { .. } => Ok((who, user)),
        Credential::ApiKey(_) => Err(person_required()),
    }
}

impl Auth {
    /// A new key of a kind, for somebody who may do `most`: what is kept of it, and the key itself.
    ///
    /// # Errors
    /// `InvalidArgument` for a key that can't be.
    pub(crate) fn new_key(&self, new: &NewApiKey, kind: KeyKind, most: &Scopes) -> Result<(Key, String), ApiError> {
        let now = self.clock.now();
        let (name, expires_at) = new.checked(kind, most, now)?;
        let NewKey { key, public_id, salt, hash } = NewKey::generate(kind, &self.rng);
        let kept = Key {
            id: self.ids.next(),
            public_id,
            kind,
            name: name.to_owned(),
            salt,
            hash,
            scopes: new.scopes.clone(),
            created_at: now,
            expires_at,
            last_used_at: None,
        };
        Ok((kept, key))
    }

    /// Makes a key for whoever calls.
    ///
    /// # Errors
    /// `Unauthenticated` or `PermissionDenied` without a person's token that may; `InvalidArgument` for a key that
    /// can't be; `Conflict` with too many keys.
    pub async fn create_api_key(&self, call: &Call, new: &NewApiKey) -> contracts::Result<CreatedApiKey> {
        let (who, user) = manager(call)?;
        let kind = if new.kind == Some(KeyKind::Mcp) { KeyKind::Mcp } else { KeyKind::User };
        let (key, shown) = self.new_key(new, kind, &who.scopes)?;
        let name_sealed = Some(self.seal_for(user, Kind::KeyName, &key.name).await?);
        let mut tx = self.db.begin().await?;
        // Whoever ends everything of theirs comes before this or after it: a token that ended leaves no key behind, also
        // where a process has not heard of its end yet.
        people::hold(&mut tx, user).await?;
        if let Credential::Token { family: Some(family), .. } = who.credential
            && grants::has_ended(&mut tx, family).await?
        {
            return Err(ApiError::new(ErrorKind::Unauthenticated, "bad_token", "this token was revoked"));
        }
        tx.sees(Rows::Of(who.org)).await?;
        if trust::api_keys(&mut tx, user, key.created_at, MAX_KEYS).await?.len() >= MAX_KEYS {
            return Err(ApiError::new(ErrorKind::Conflict, "too_many_keys", "end a key before you make another"));
        }
        let view = ApiKeyView::from(&key);
        trust::insert_api_key(&mut tx, &ApiKeyRow { key, user, org: who.org, name_sealed }).await?;
        let entry = Entry::by_caller("api_key.created", call).to(view.id).with("kind", kind.as_str());
        let entry = entry.with("scope", &view.scopes);
        self.state(tx, entry, &[self.changed()]).await?;
        self.reload().await?;
        Ok(CreatedApiKey { key: shown, view })
    }

    /// The keys of whoever calls.
    ///
    /// # Errors
    /// As for making one.
    pub async fn api_keys(&self, call: &Call) -> contracts::Result<Vec<ApiKeyView>> {
        let (who, user) = manager(call)?;
        let mut tx = self.db.begin().await?;
        tx.sees(Rows::Of(who.org)).await?;
        let mut rows = trust::api_keys(&mut tx, user, self.clock.now(), MAX_KEYS).await?;
        drop(tx);
        self.open_into(user, Kind::KeyName, rows.iter_mut().map(|row| (&mut row.key.name, row.name_sealed.take())))
            .await?;
        Ok(rows.iter().map(|row| ApiKeyView::from(&row.key)).collect())
    }

    /// Ends a key of whoever calls.
    ///
    /// # Errors
    /// `NotFound` when it is not theirs or has ended; else as for making one.
    pub async fn end_api_key(&self, call: &Call, id: Uuid) -> contracts::Result<()> {
        let (who, user) = manager(call)?;
        let mut tx = self.db.begin().await?;
        tx.sees(Rows::Of(who.org)).await?;
        if !trust::end_api_key(&mut tx, user, id, self.clock.now()).await? {
            return Err(ApiError::not_found("no_such_key", "you have no such key"));
        }
        self.state(tx, Entry::by_caller("api_key.ended", call).to(id), &[self.changed()]).await?;
        self.reload().await
    }
}
