//! Writes down when API keys and keys of services were last used.

use std::{sync::Arc, time::Duration};

use contracts::ApiError;
use stores::Rows;
use tokio::time::sleep;

use crate::{
    Auth,
    store::{service_keys, trust},
};

/// The pause between two rounds. A key that is used again within one is written once.
const PAUSE: Duration = Duration::from_secs(1);

/// The worker that writes them down. It has its own time: a disk that stands still holds it up, and whoever follows
/// revocations can't wait for that.
pub struct Uses {
    auth: Arc<Auth>,
}

impl Uses {
    /// Writes down the uses that `auth` verified.
    pub fn new(auth: Arc<Auth>) -> Self {
        Self { auth }
    }

    /// Works until dropped.
    pub async fn run(self) {
        loop {
            if let Err(error) = self.round().await {
                tracing::warn!(%error, "which keys were used can't be written down");
            }
            sleep(PAUSE).await;
        }
    }

    /// Writes down the uses since the last round. Those of one that fails are lost, and the next use of a key tells.
    ///
    /// # Errors
    /// When the database can't be written.
    pub async fn round(&self) -> Result<(), ApiError> {
        let uses = self.auth.verifier.take_uses();
        if uses.is_empty() {
            return Ok(());
        }
        let mut tx = self.auth.db.begin().await?;
        tx.sees(Rows::All).await?;
        for (key, at) in uses {
            trust::api_key_used(&mut tx, &key, at).await?;
            service_keys::used(&mut tx, &key, at).await?;
        }
        Ok(tx.commit().await?)
    }
}
