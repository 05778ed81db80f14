//! What other contexts keep of people while those allow it: sealed under the person's key, shown to them with the rest, and
//! gone with the consent.

use async_trait::async_trait;
use contracts::{ApiError, ErrorKind, Purpose, UserId};
use stores::{
    Tx,
    personal::{PersonKey, PersonKeys},
};

use super::{export::KeptData, privacy};
use crate::{Auth, admin::no_user, sealing::subject_key, secret, store::people};

/// Apart from what accounts are sealed for.
fn named(purpose: Purpose) -> String {
    format!("kept for {purpose}")
}

#[async_trait]
impl PersonKeys for Auth {
    /// In whatever process: those without the auth role hold no ring that follows rotations.
    async fn key(&self, person: UserId) -> Result<PersonKey, ApiError> {
        let sealed = people::subject_key(&self.db, person).await?.ok_or_else(no_user)?;
        let plain = self.own_vault()?.open(&subject_key(person), &sealed)?;
        let key: [u8; 32] = plain.try_into().map_err(|_| ApiError::internal("the key of a person can't be opened"))?;
        Ok(PersonKey { person, key })
    }

    async fn seal(&self, tx: &mut Tx, key: &PersonKey, purpose: Purpose, plain: &[u8]) -> Result<Vec<u8>, ApiError> {
        // Erased since the key was read: it may seal nothing any more.
        if !people::hold_with_key(tx, key.person).await? {
            return Err(no_user());
        }
        if !privacy::allows(tx, key.person, purpose).await? {
            let detail = format!("this is kept only of who allows it: `PUT /api/v1/privacy/consents/{purpose}`");
            return Err(ApiError::new(ErrorKind::PermissionDenied, "consent_required", detail));
        }
        self.vault.seal_under(&key.key, &named(purpose), plain)
    }

    async fn open(
        &self,
        person: UserId,
        purpose: Purpose,
        sealed: &[Vec<u8>],
    ) -> Result<Vec<Option<Vec<u8>>>, ApiError> {
        let (key, purpose) = (self.key(person).await?.key, named(purpose));
        Ok(sealed.iter().map(|sealed| secret::open(&key, &purpose, sealed)).collect())
    }
}

impl Auth {
    /// Takes away what was kept for a purpose that somebody no longer allows, in the transaction that says so.
    pub(super) async fn withdraw(&self, tx: &mut Tx, person: UserId, purpose: Purpose) -> Result<(), ApiError> {
        for context in &self.consented {
            if context.purpose() == purpose {
                context.erase(tx, person).await?;
            }
        }
        Ok(())
    }

    /// All that is kept of a person because they allow it.
    pub(super) async fn kept_of(&self, person: UserId) -> Result<Vec<KeptData>, ApiError> {
        let mut all = Vec::new();
        for context in &self.consented {
            let items = context.export(&self.db, person, self).await?;
            all.push(KeptData { context: context.context(), purpose: context.purpose(), items });
        }
        Ok(all)
    }
}
