//! Keeps the process' snapshot fresh: follows the event log, so that a revocation by any process is seen here within a
//! second. What takes long is others': while this waits, nobody is let in.

use std::{collections::HashSet, sync::Arc, time::Duration};

use access::Revoked;
use contracts::{ApiError, UserId};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use stores::events::{self, Head};
use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    Auth,
    service::{CHANGED, REVOKED},
};

/// How long it waits for events at most, so that what it holds is known to be fresh.
const PAUSE: Duration = Duration::from_secs(1);
/// How far apart two looks begin at least, of which the second was asked for: keys are easily made up.
const APART: Duration = Duration::from_millis(250);
/// How often it takes everything anew, whatever the events say.
const WHOLE: SignedDuration = SignedDuration::from_secs(60);
/// How many events it reads at a time.
const BATCH: usize = 500;
/// Of how many people it takes the age limits by themselves; where more have changed, it takes everything anew.
const FEW: usize = 500;

/// The worker.
pub struct Keeper {
    auth: Arc<Auth>,
    signs: bool,
    /// Whether the secrets can't be taken as they are, which was said.
    astray: bool,
    position: i64,
    whole_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Revocation {
    what: Revoked,
    at: Timestamp,
    until: Timestamp,
}

/// What changed: one person's age limit, or anything.
#[derive(Default, Deserialize)]
struct Change {
    age_limit_of: Option<UserId>,
}

impl Keeper {
    /// Keeps the snapshot that `auth` verifies with; and the keys that it signs and seals with, where it `signs`.
    pub fn new(auth: Arc<Auth>, signs: bool) -> Self {
        Self { auth, signs, astray: false, position: 0, whole_at: None }
    }

    /// Keeps it until dropped; `head` wakes it, and so does whoever is shown a key that is not in it.
    pub async fn run(mut self, mut head: Head) {
        let live = Arc::clone(self.auth.live());
        loop {
            let (began, look) = (Instant::now(), live.looks().begin());
            if let Err(error) = self.step().await {
                // Verification closes by itself when this goes on.
                tracing::warn!(%error, "keys and revocations can't be read");
            }
            live.looks().end(look);
            let asked = async {
                sleep_until(began + APART).await;
                live.looks().asked().await;
            };
            tokio::select! {
                () = head.changed() => {}
                () = asked => {}
                () = sleep(PAUSE) => {}
            }
        }
    }

    /// Looks once.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn step(&mut self) -> Result<(), ApiError> {
        self.look().await.inspect_err(|_| self.auth.live().missed())
    }

    async fn look(&mut self) -> Result<(), ApiError> {
        let now = self.auth.clock.now();
        // A step that fails may have read of what it did not take: the next then takes everything.
        let mut whole_at = self.whole_at.take();
        if whole_at.is_none_or(|at| now.duration_since(at) >= WHOLE) {
            // The head first: what happens meanwhile is read again, which changes nothing.
            self.position = events::head(&self.auth.db).await?;
            self.take().await?;
            whole_at = Some(now);
        }
        self.follow().await?;
        self.whole_at = whole_at;
        self.auth.live().touch(now);
        Ok(())
    }

    /// Takes what the log says since it was last read.
    async fn follow(&mut self) -> Result<(), ApiError> {
        let (mut whole, mut limited) = (false, HashSet::new());
        loop {
            let (news, reached) = events::read_of(&self.auth.db, &[CHANGED, REVOKED], self.position, BATCH).await?;
            self.position = reached;
            if news.is_empty() {
                break;
            }
            for (_, event) in &news {
                if event.kind == CHANGED {
                    let Change { age_limit_of } = Change::deserialize(&event.data).unwrap_or_default();
                    whole |= age_limit_of.is_none();
                    limited.extend(age_limit_of);
                } else if let Ok(Revocation { what, at, until }) = Revocation::deserialize(&event.data) {
                    self.auth.live().revoke(what, at, until);
                }
            }
        }
        if whole || limited.len() > FEW {
            return self.take().await;
        }
        if limited.is_empty() {
            return Ok(());
        }
        self.auth.take_age_limits(&Vec::from_iter(limited)).await
    }

    /// Takes everything anew.
    async fn take(&mut self) -> Result<(), ApiError> {
        if self.signs {
            let wrong = self.auth.follow_ring().await?;
            self.tell(wrong.as_ref());
            self.auth.load_keys().await?;
        }
        self.auth.reload().await
    }

    /// Says that the secrets can't be taken as they are, or can be again; nothing where that was said.
    fn tell(&mut self, wrong: Option<&ApiError>) {
        match wrong {
            Some(error) if !self.astray => {
                tracing::warn!(%error, "what seals can't be used now: what is open goes on, but no node would start");
            }
            None if self.astray => tracing::info!("what seals can be used again"),
            _ => {}
        }
        self.astray = wrong.is_some();
    }
}
