//! Keys of programs that stand for themselves: operators make, list and end them.

use access::KeyKind;
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

/// No client that stands for itself has this id, which may be the name of one.
fn no_client(id: &str) -> ApiError {
    ApiError::not_found("no_such_client", format!("no client that stands for itself has the id {id:?}"))
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
        let found = clients::get(&self.db, client).await?.filter(|client| client.disabled_at.is_none());
        let client = found.ok_or_else(|| no_client(client))?;
        let role = client.role.ok_or_else(|| no_client(&client.id))?;
        let (key, shown) = self.new_key(new, KeyKind::Service, &client.scopes.clone().within(role))?;
        if service_keys::in_force(&self.db, &client.id, key.created_at, MAX_KEYS).await?.len() >= MAX_KEYS {
            return Err(ApiError::new(ErrorKind::Conflict, "too_many_keys", "end a key before you make another"));
        }
        let view = ApiKeyView::from(&key);
        let mut tx = self.db.begin().await?;
        let row = ServiceKeyRow { key, client: client.id };
        service_keys::insert(&mut tx, &row).await?;
        let entry = Entry::by_caller("service_key.created", call).to(view.id).with("client", &row.client);
        self.state(tx, entry.with("scope", &view.scopes), &[self.changed()]).await?;
        self.reload().await?;
        Ok(CreatedApiKey { key: shown, view })
    }

    /// The keys of a client that stands for itself; for the operator.
    ///
    /// # Errors
    /// As for making one.
    pub async fn service_keys(&self, call: &Call, client: &str) -> contracts::Result<Vec<ApiKeyView>> {
        call.require_operator()?;
        let found = clients::get(&self.db, client).await?.filter(|client| client.role.is_some());
        found.ok_or_else(|| no_client(client))?;
        let rows = service_keys::in_force(&self.db, client, self.clock.now(), MAX_KEYS).await?;
        Ok(rows.iter().map(|row| ApiKeyView::from(&row.key)).collect())
    }

    /// Ends a key of a client; for the operator.
    ///
    /// # Errors
    /// `NotFound` when it is not the client's or has ended; else as for making one.
    pub async fn end_service_key(&self, call: &Call, client: &str, id: Uuid) -> contracts::Result<()> {
        call.require_operator()?;
        let mut tx = self.db.begin().await?;
        if !service_keys::end(&mut tx, client, id, self.clock.now()).await? {
            let detail = format!("the client {client:?} has no key {id}");
            return Err(ApiError::not_found("no_such_key", detail));
        }
        self.state(tx, Entry::by_caller("service_key.ended", call).to(id), &[self.changed()]).await?;
        self.reload().await
    }
}
