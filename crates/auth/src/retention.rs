//! How long things are kept once they are over, and what the audit log says of the schema under it.

use contracts::ApiError;
use jiff::SignedDuration;

use crate::{
    Auth,
    audit::{Entry, hex},
    store::retention,
};

/// How long something that ended is kept: who it is about can see where they were signed in, and what was a theft can be
/// found out.
const KEEP_ENDED: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How long the entries of the audit log are at hand (A7).
const HOT: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How long they are kept (A7): two years.
const COLD: SignedDuration = SignedDuration::from_hours(731 * 24);
/// How many rows one transaction moves or forgets: others wait for it.
const BATCH: i64 = 1_000;
/// How many transactions one round makes: a log that grows by 2000 entries a second is kept up with.
const BATCHES: usize = 150;

/// Says that entries up to one were forgotten.
pub(crate) const FORGOTTEN: &str = "audit.forgotten";
/// Who does what nobody asked for.
const SYSTEM: &str = "system";

impl Auth {
    /// Forgets what ended long ago, puts entries of the audit log away that are no longer at hand, and forgets those that
    /// are past their time. The log says so, and its chain then begins with the last that was forgotten.
    pub(crate) async fn retain(&self) -> Result<(), ApiError> {
        let now = self.clock.now();
        let before = |keep: SignedDuration| now.checked_sub(keep).unwrap_or(now);
        retention::sweep(&self.db, before(KEEP_ENDED), BATCH).await?;
        for _ in 0..BATCHES {
            if retention::put_away(&self.db, before(HOT), BATCH).await? == 0 {
                break;
            }
        }
        for _ in 0..BATCHES {
            let Some((tx, last)) = retention::forget(&self.db, before(COLD), BATCH).await? else { break };
            self.state(
                tx,
                Entry::by(FORGOTTEN, SYSTEM.to_owned()).to(last.position).with("hash", hex(&last.hash)),
                &[],
            )
            .await?;
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
