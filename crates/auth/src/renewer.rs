//! Lets new keys take over from those that sign and seal, and moves what is sealed to the one that seals.

use std::{sync::Arc, time::Duration};

use contracts::ApiError;
use tokio::time::sleep;

use crate::{Auth, sealing::Walk};

/// How often it is looked for keys that are past their time.
const PAUSE: Duration = Duration::from_secs(60);
/// The pause between two transactions that move what is sealed: others write as well.
const BETWEEN: Duration = Duration::from_millis(100);

/// The worker that renews keys. It has its own time: the key of somebody else's that seals may hang, and whoever follows
/// revocations can't wait for it.
pub struct Renewer {
    auth: Arc<Auth>,
}

impl Renewer {
    /// Renews the keys that `auth` signs and seals with.
    pub fn new(auth: Arc<Auth>) -> Self {
        Self { auth }
    }

    /// Works until dropped.
    pub async fn run(self) {
        loop {
            if let Err(error) = self.round().await {
                tracing::warn!(%error, "keys that are past their time can't be changed; the old ones go on");
            }
            sleep(PAUSE).await;
        }
    }

    /// Looks once. A rotation that nobody brought to its end, because the process was killed, goes on here.
    ///
    /// # Errors
    /// When new keys can't be made, kept or sealed, or the database can't be read.
    pub async fn round(&self) -> Result<(), ApiError> {
        let renewed = self.auth.renew().await;
        let mut walk = Walk::new();
        while self.auth.walk_sealed(&mut walk).await? {
            sleep(BETWEEN).await;
        }
        renewed
    }
}
