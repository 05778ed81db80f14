//! After 90 days an entry is nobody's any more (A8): it becomes a count of its title and month, and is forgotten.

use std::time::Duration;

use contracts::{ApiError, ErrorKind, UserId};
use jiff::{ToSpan, civil::Date};

use crate::{
    Playback,
    history::Watched,
    service::{PURPOSE, day},
    store::{self, Sealed},
};

/// How often it is looked for what is past its time. Days are what it goes by.
const PAUSE: Duration = Duration::from_secs(15 * 60);
/// For how many days an entry is its person's, at most: it is told by the day on which it was kept.
const KEEP_DAYS: i64 = 90;
/// How many people are looked at together.
const BATCH: u32 = 500;

impl Playback {
    /// Takes people's names off what is past its time, for ever. Several processes may: each entry is counted by the one
    /// that forgets it.
    pub async fn keep_to_time(&self) {
        loop {
            if let Err(error) = self.anonymise().await {
                tracing::warn!(%error, "viewing history that is past its time can't be made anonymous yet");
            }
            // What was taken away is to be gone from the files too: the person's key still opens it.
            if let Err(error) = self.db.scrub(store::HISTORY).await {
                tracing::warn!(%error, "viewing history that is gone can't be taken out of the files yet");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Looks once. What fails for one person holds up none of those who are looked at with them.
    ///
    /// # Errors
    /// When the database fails: the last failure.
    pub async fn anonymise(&self) -> contracts::Result<()> {
        let until = day(self.clock.now()).saturating_sub(KEEP_DAYS.days());
        loop {
            let people = store::people_of(&self.db, until, BATCH).await?;
            let more = people.len() == BATCH as usize;
            let mut done = Ok(());
            for person in people {
                done = self.let_go(person, until).await.and(done);
            }
            done?;
            if !more {
                return Ok(());
            }
        }
    }

    async fn let_go(&self, person: UserId, until: Date) -> Result<(), ApiError> {
        let old = store::old(&self.db, person, until).await?;
        let watched = self.readable(person, &old).await?;
        let mut tx = self.db.begin().await?;
        store::hold(&mut tx, person).await?;
        for ((id, _), watched) in old.iter().zip(watched) {
            let gone = store::remove(&mut tx, person, *id).await?;
            if let Some(watched) = watched.filter(|_| gone) {
                store::counted(&mut tx, watched.content_id, watched.month()).await?;
            }
        }
        Ok(tx.commit().await?)
    }

    /// What can be read of it. The rest is not counted, and forgotten all the same: people were promised that.
    async fn readable(&self, person: UserId, old: &[Sealed]) -> Result<Vec<Option<Watched>>, ApiError> {
        let sealed: Vec<Vec<u8>> = old.iter().map(|(_, sealed)| sealed.clone()).collect();
        match self.keys.open(person, PURPOSE, &sealed).await {
            Ok(plain) => Ok(plain.into_iter().map(|plain| Watched::read(&plain?).ok()).collect()),
            // Nobody can tell for the moment: it is looked at again in a while.
            Err(error) if error.kind == ErrorKind::Unavailable => Err(error),
            Err(error) => {
                tracing::warn!(%error, entries = old.len(), "viewing history that is past its time can't be counted");
                Ok(vec![None; old.len()])
            }
        }
    }
}
