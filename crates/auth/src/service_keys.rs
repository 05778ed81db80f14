//! Keys of programs that stand for themselves: operators make, list and end them.

use access::{KeyKind, NewKey};
use contracts::{ApiError, Call, ErrorKind};
use uuid::Uuid;

use crate::{
    ApiKeyView, Auth, CreatedApiKey, NewApiKey,
    audit::Entry,
    store::{
        clients,
        service_keys::{self, ServiceKeyRow},
    },
};

/// The most keys that a client has at once.
const MAX_KEYS: usize = 50;

impl From<&ServiceKeyRow> for ApiKeyView {
    fn from(row: &ServiceKeyRow) -> Self {
        Self {
            id: row.id,
            kind: KeyKind::Service,
            public_id: row.public_id.clone(),
            name: row.name.clone(),
            scopes: row.scopes.clone(),
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
        }
    }
}

fn no_client() -> ApiError {
    ApiError::not_found("no_such_client", "there is no such client that stands for itself")
}

impl Auth {
    /// Makes a key for a client that stands for itself; for the operator.
    ///
    /// # Errors
    /// `Unauthenticated` or `PermissionDenied` for anybody else; `NotFound` when there is no such client;
    /// `InvalidArgument` for a key that can't be; `Conflict` with too many keys.
    pub async fn create_service_key(
        &self,
        call: &Call,
        client: &str,
        new: &NewApiKey,
    ) -> contracts::Result<CreatedApiKey> {
        call.require_operator()?;
        let client = clients::get(&self.db, client).await?.filter(|client| client.disabled_at.is_none());
        let client = client.ok_or_else(no_client)?;
        let role = client.role.ok_or_else(no_client)?;
        let now = self.clock.now();
        let (name, expires_at) = new.checked(KeyKind::Service, &client.scopes, now)?;
        if service_keys::in_force(&self.db, Some(&client.id), now, MAX_KEYS).await?.len() >= MAX_KEYS {
            return Err(ApiError::new(ErrorKind::Conflict, "too_many_keys", "end a key before you make another"));
        }
        let made = NewKey::generate(KeyKind::Service, &self.rng);
        let row = ServiceKeyRow {
            id: self.ids.next(),
            public_id: made.public_id,
            client: client.id,
            name: name.to_owned(),
            salt: made.salt,
            hash: made.hash,
            scopes: new.scopes.clone(),
            created_at: now,
            expires_at,
            last_used_at: None,
            role,
        };
        let mut tx = self.db.begin().await?;
        service_keys::insert(&mut tx, &row).await?;
        let entry = Entry::by_caller("service_key.created", call).to(row.id).with("client", &row.client);
        self.state(tx, entry.with("scope", &row.scopes), &[self.changed()]).await?;
        self.reload().await?;
        Ok(CreatedApiKey { key: made.key, view: ApiKeyView::from(&row) })
    }

    /// The keys of a client that stands for itself; for the operator.
    ///
    /// # Errors
    /// As for making one.
    pub async fn service_keys(&self, call: &Call, client: &str) -> contracts::Result<Vec<ApiKeyView>> {
        call.require_operator()?;
        clients::get(&self.db, client).await?.filter(|client| client.role.is_some()).ok_or_else(no_client)?;
        let rows = service_keys::in_force(&self.db, Some(client), self.clock.now(), MAX_KEYS).await?;
        Ok(rows.iter().map(ApiKeyView::from).collect())
    }

    /// Ends a key of a client; for the operator.
    ///
    /// # Errors
    /// `NotFound` when it is not the client's or has ended; else as for making one.
    pub async fn end_service_key(&self, call: &Call, client: &str, id: Uuid) -> contracts::Result<()> {
        call.require_operator()?;
        let mut tx = self.db.begin().await?;
        if !service_keys::end(&mut tx, client, id, self.clock.now()).await? {
            return Err(ApiError::not_found("no_such_key", "the client has no such key"));
        }
        self.state(tx, Entry::by_caller("service_key.ended", call).to(id), &[self.changed()]).await?;
        self.reload().await
    }
}
