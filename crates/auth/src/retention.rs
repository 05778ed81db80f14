//! How long things are kept once they are over, and what the audit log says of the schema under it.

use std::{sync::Arc, time::Duration};

use contracts::ApiError;
use jiff::{SignedDuration, Timestamp};

use crate::{
    Auth,
    audit::{Entry, hex},
    store::{clients, retention, trust},
};

/// How often it is looked for what is past its time.
const PAUSE: Duration = Duration::from_secs(60);

/// Each how many looks the log of the node says where the audit log ends: once an hour.
const HEADS: u64 = 60;

/// How long something that ended is kept: who it is about can see where they were signed in, and what was a theft can be
/// found out.
const KEEP_ENDED: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How long it is known how a client described itself, once nobody asks for it any more.
const KEEP_DESCRIBED: SignedDuration = SignedDuration::from_hours(24);
/// How long the entries of the audit log are at hand (A7).
const HOT: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How long they are kept (A7): two years.
const COLD: SignedDuration = SignedDuration::from_hours(731 * 24);
/// How many rows one transaction moves or forgets: others wait for it.
const BATCH: i64 = 1_000;
/// How many transactions of a kind one round makes: a log that grows by 2000 entries a second is kept up with.
pub(crate) const BATCHES: usize = 150;

/// Says that entries up to one were forgotten.
pub(crate) const FORGOTTEN: &str = "audit.forgotten";
/// Who does what nobody asked for.
const SYSTEM: &str = "system";

/// The worker that forgets. It has its own time: a backlog of months is no reason to let nobody in.
pub struct Retainer {
    auth: Arc<Auth>,
}

impl Retainer {
    /// Forgets what `auth` holds for too long.
    pub fn new(auth: Arc<Auth>) -> Self {
        Self { auth }
    }

    /// Works until dropped.
    pub async fn run(self) {
        for round in 0_u64.. {
            if round.is_multiple_of(HEADS) {
                self.tell_head().await;
            }
            if let Err(error) = self.round().await {
                tracing::warn!(%error, "what is past its time can't be forgotten; the next try is in a minute");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Says where the audit log ends, so that whoever keeps the lines of this node elsewhere can hold it to that.
    async fn tell_head(&self) {
        match self.auth.audit_head().await {
            Ok(Some(head)) => tracing::info!(%head, "the audit log ends here: keep it for `audit verify --head`"),
            Ok(None) => tracing::error!("the audit log is broken: what says where it ends is gone; ask `audit verify`"),
            Err(error) => tracing::warn!(%error, "nobody can say where the audit log ends; the next try is in an hour"),
        }
    }

    /// Looks once. What fails keeps nothing else from being forgotten.
    ///
    /// # Errors
    /// The first failure.
    pub async fn round(&self) -> Result<(), ApiError> {
        let auth = &self.auth;
        let now = auth.clock.now();
        let before = |keep: SignedDuration| now.checked_sub(keep).unwrap_or(now);
        let rounds = [
            trust::sweep(&auth.db, now, BATCH).await.map_err(ApiError::from),
            retention::sweep(&auth.db, before(KEEP_ENDED), BATCH).await.map_err(ApiError::from),
            clients::sweep(&auth.db, before(KEEP_DESCRIBED), BATCH).await.map_err(ApiError::from),
            auth.put_away(before(HOT)).await,
            auth.forget(before(COLD)).await,
        ];
        rounds.into_iter().collect()
    }
}

impl Auth {
    /// Puts entries of the audit log away that are no longer at hand.
    async fn put_away(&self, cut: Timestamp) -> Result<(), ApiError> {
        for _ in 0..BATCHES {
            if retention::put_away(&self.db, cut, BATCH).await? == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Forgets the entries that are past their time. The log says so, and its chain then begins with the last that was
    /// forgotten.
    async fn forget(&self, cut: Timestamp) -> Result<(), ApiError> {
        for _ in 0..BATCHES {
            let Some((tx, last)) = retention::forget(&self.db, cut, BATCH).await? else { break };
            let entry = Entry::by(FORGOTTEN, SYSTEM.to_owned()).to(last.position).with("hash", hex(&last.hash));
            self.state(tx, entry, &[]).await?;
        }
        Ok(())
    }

    /// States which changes of the schema the audit log has not told of yet.
    pub(crate) async fn state_schema(&self) -> Result<(), ApiError> {
        let (applied, told) = (self.db.applied_migrations().await?, retention::told(&self.db).await?);
        let news: Vec<_> = applied.into_iter().filter(|(version, _)| !told.contains(version)).collect();
        if news.is_empty() {
            return Ok(());
        }
        let (mut tx, mut names) = (self.db.begin().await?, Vec::new());
        for (version, name) in news {
            if retention::tell(&mut tx, version).await? {
                names.push(format!("{version:04}_{name}"));
            }
        }
        match names.last() {
            // Another process said so meanwhile.
            None => Ok(()),
            Some(last) => {
                let entry = Entry::by("schema.changed", SYSTEM.to_owned()).to(last);
                self.state(tx, entry.with("migrations", names.join(" ")), &[]).await
            }
        }
    }
}
