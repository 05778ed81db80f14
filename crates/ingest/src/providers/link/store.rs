//! Where links lie: a row a source, the same for every process, sealed by whoever holds the deployment's secret.

use std::{fmt, sync::Arc};

use contracts::{ApiError, Call, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stores::{Db, Deed, Deeds, Tx, args};

/// Seals bytes for a purpose.
pub type Seal = dyn Fn(&str, &[u8]) -> Result<Vec<u8>> + Send + Sync;

/// Opens what was sealed for a purpose, and says whether it should be sealed anew.
pub type Unseal = dyn Fn(&str, &[u8]) -> Result<(Vec<u8>, bool)> + Send + Sync;

/// The links of all sources.
#[derive(Clone)]
pub struct LinkStore {
    db: Db,
    seal: Arc<Seal>,
    unseal: Arc<Unseal>,
    deeds: Deeds,
}

impl fmt::Debug for LinkStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkStore")
    }
}

/// A link that was asked for and not yet answered.
#[derive(Serialize, Deserialize)]
pub(super) struct Pending {
    pub state: String,
    pub verifier: String,
    pub redirect_uri: String,
    pub until: Timestamp,
}

impl LinkStore {
    /// Links in `db`. Sealing and unsealing may wait for the disk.
    pub fn new(db: Db, seal: Arc<Seal>, unseal: Arc<Unseal>) -> Self {
        Self { db, seal, unseal, deeds: Deeds::default() }
    }

    /// States in `deeds` which links operators make and end.
    pub fn audited(self, deeds: Deeds) -> Self {
        Self { deeds, ..self }
    }

    /// The token of a source, where there is one; sealed anew where it was under an older secret.
    pub(super) async fn token(&self, source: &'static str, now: Timestamp) -> Result<Option<String>> {
        let sql = "SELECT token FROM ingest_links WHERE source = $1 AND token IS NOT NULL";
        let Some((sealed,)) = self.db.fetch_optional::<(Vec<u8>,)>(sql, args![source]).await? else { return Ok(None) };
        let (plain, old) = self.open(format!("link of {source}"), sealed).await?;
        let token = String::from_utf8(plain).map_err(|_| ApiError::internal("a link holds no token"))?;
        if old {
            self.keep(source, &token, now, None).await?;
        }
        Ok(Some(token))
    }

    /// Keeps a token, in place of another; `by` is who linked the source with it, where it is not the same link renewed.
    pub(super) async fn keep(
        &self,
        source: &'static str,
        token: &str,
        now: Timestamp,
        by: Option<&Call>,
    ) -> Result<()> {
        let sealed = self.sealed(format!("link of {source}"), token.as_bytes().to_vec()).await?;
        let sql = "INSERT INTO ingest_links (source, token, changed_at) VALUES ($1, $2, $3)
            ON CONFLICT (source) DO UPDATE SET token = excluded.token, changed_at = excluded.changed_at";
        let mut tx = self.db.begin().await?;
        tx.execute(sql, args![source, sealed, now]).await?;
        self.commit(tx, by, "source.linked", source).await
    }

    /// Notes what was asked for, in place of what was asked for before.
    pub(super) async fn begin(&self, source: &'static str, pending: &Pending, now: Timestamp) -> Result<()> {
        let plain = serde_json::to_vec(pending).map_err(|error| ApiError::internal(error.to_string()))?;
        let sealed = self.sealed(format!("answer to the link of {source}"), plain).await?;
        let sql = "INSERT INTO ingest_links (source, pending, changed_at) VALUES ($1, $2, $3)
            ON CONFLICT (source) DO UPDATE SET pending = excluded.pending, changed_at = excluded.changed_at";
        self.db.execute(sql, args![source, sealed, now]).await?;
        Ok(())
    }

    /// What was asked for under this state, and not too long ago: given once, to one of all processes.
    pub(super) async fn answered(&self, source: &'static str, state: &str, now: Timestamp) -> Result<Option<Pending>> {
        let sql = "SELECT pending FROM ingest_links WHERE source = $1 AND pending IS NOT NULL";
        let Some((sealed,)) = self.db.fetch_optional::<(Vec<u8>,)>(sql, args![source]).await? else { return Ok(None) };
        let (plain, _) = self.open(format!("answer to the link of {source}"), sealed.clone()).await?;
        let pending: Pending = serde_json::from_slice(&plain).map_err(|error| ApiError::internal(error.to_string()))?;
        if pending.state != state || pending.until <= now {
            return Ok(None);
        }
        let sql = "UPDATE ingest_links SET pending = NULL WHERE source = $1 AND pending = $2";
        Ok((self.db.execute(sql, args![source, sealed]).await? == 1).then_some(pending))
    }

    /// Forgets the token; what is asked for meanwhile stays. `by` is who ended the link, where the provider did not.
    pub(super) async fn forget(&self, source: &'static str, now: Timestamp, by: Option<&Call>) -> Result<()> {
        let sql = "UPDATE ingest_links SET token = NULL, changed_at = $2 WHERE source = $1";
        let mut tx = self.db.begin().await?;
        tx.execute(sql, args![source, now]).await?;
        self.commit(tx, by, "source.unlinked", source).await
    }

    /// Ends a transaction; what somebody did in it is stated first.
    async fn commit(&self, mut tx: Tx, by: Option<&Call>, action: &'static str, source: &str) -> Result<()> {
        if let Some(call) = by {
            self.deeds.state(&mut tx, Deed { call, action, target: source, detail: &[] }).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn sealed(&self, purpose: String, plain: Vec<u8>) -> Result<Vec<u8>> {
        let seal = Arc::clone(&self.seal);
        apart(move || seal(&purpose, &plain)).await
    }

    async fn open(&self, purpose: String, sealed: Vec<u8>) -> Result<(Vec<u8>, bool)> {
        let unseal = Arc::clone(&self.unseal);
        apart(move || unseal(&purpose, &sealed)).await
    }
}

/// Does what may wait for the disk on a thread of its own.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| ApiError::internal(format!("work on the disk broke off: {error}")))?
}
