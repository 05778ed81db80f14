//! Refreshes that go to the disk together: whoever comes while a transaction is on its way shares the next one.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use contracts::{ApiError, ErrorKind};
use jiff::Timestamp;
use stores::Db;
use tokio::sync::oneshot;

use crate::{
    audit::{self, Entry},
    config::REFRESH_TTL,
    model::Grant,
    store::grants,
};

/// The most that one transaction takes.
const BATCH: usize = 32;
/// The most that wait for one; whoever comes then comes again.
const MOST: usize = 1_024;

/// A refresh token that is to be used up, and what follows it.
pub(crate) struct Rotation {
    pub token_hash: Vec<u8>,
    pub next_hash: Vec<u8>,
    /// What was answered, sealed under the token that is used up.
    pub reply_sealed: Vec<u8>,
    pub grant: Grant,
    pub at: Timestamp,
}

type Waiting = (Rotation, oneshot::Sender<Result<bool, ApiError>>);

/// Those that wait, and the one task that writes them while there are any.
pub(crate) struct Rotations(Arc<Inner>);

struct Inner {
    db: Db,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// Whether somebody writes.
    writes: bool,
}

impl Rotations {
    pub(crate) fn new(db: Db) -> Self {
        Self(Arc::new(Inner { db, queue: Mutex::default() }))
    }

    /// Uses a token up, durably; says whether it was still there to use. What was begun is brought to its end also when
    /// nobody waits for it any more.
    pub(crate) async fn rotate(&self, rotation: Rotation) -> Result<bool, ApiError> {
        let (tell, told) = oneshot::channel();
        {
            let mut queue = self.0.queue();
            if queue.waiting.len() >= MOST {
                let detail = "too many refreshes wait; try again";
                let busy = ApiError::new(ErrorKind::TooManyRequests, "too_many_refreshes", detail);
                return Err(busy.retry_after(Duration::from_secs(1)));
            }
            queue.waiting.push_back((rotation, tell));
            if !std::mem::replace(&mut queue.writes, true) {
                tokio::spawn(Writing { inner: Arc::clone(&self.0), done: false }.run());
            }
        }
        told.await.unwrap_or_else(|_| Err(ApiError::internal("a refresh was not written")))
    }
}

impl Inner {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next that are written together; none, and nobody writes any more.
    fn next(&self) -> Vec<Waiting> {
        let mut queue = self.queue();
        let count = queue.waiting.len().min(BATCH);
        queue.writes = count > 0;
        queue.waiting.drain(..count).collect()
    }

    /// Writes them in one transaction; gives the hashes of the tokens that were used up by it. Of two with one token the
    /// first counts.
    async fn write(&self, batch: &[Waiting]) -> Result<HashSet<Vec<u8>>, ApiError> {
        // In the order of their hashes, so that processes that use the same tokens up seldom wait for each other both ways round: the
        // engine may take the rows in another one.
        let mut all: BTreeMap<&[u8], &Rotation> = BTreeMap::new();
        for (rotation, _) in batch {
            all.entry(&rotation.token_hash).or_insert(rotation);
        }
        let all: Vec<_> = all.into_values().collect();
        let mut tx = self.db.begin().await?;
        let used: HashSet<_> = grants::use_refreshes(&mut tx, &all).await?.into_iter().collect();
        let all: Vec<_> = all.into_iter().filter(|one| used.contains(&one.token_hash)).collect();
        if all.is_empty() {
            return Ok(used);
        }
        grants::insert_refreshes(&mut tx, &all, REFRESH_TTL).await?;
        audit::write_all(&mut tx, all.iter().map(|one| (one.entry(), one.at)).collect()).await?;
        tx.commit().await?;
        Ok(used)
    }
}

impl Inner {
    /// Writes each alone, after they failed together: who did nothing wrong has no part in what one of them failed by.
    async fn write_each(&self, batch: Vec<Waiting>) {
        for waiting in batch {
            let written = self.write(std::slice::from_ref(&waiting)).await;
            let _ = waiting.1.send(written.map(|used| !used.is_empty()));
        }
    }
}

impl Rotation {
    fn entry(&self) -> Entry {
        let Grant { user, client_id, family, .. } = &self.grant;
        Entry::by_user("token.refreshed", *user).to(client_id).with("family", family)
    }
}

/// The task that writes. Should it end half-way, the next to come begins another.
struct Writing {
    inner: Arc<Inner>,
    /// Whether it ended because nobody waited.
    done: bool,
}

impl Writing {
    async fn run(mut self) {
        loop {
            let batch = self.inner.next();
            if batch.is_empty() {
                self.done = true;
                return;
            }
            let mut written = self.inner.write(&batch).await;
            // Not while the database is away: each would wait for it.
            let failed = |error: &ApiError| matches!(error.kind, ErrorKind::Internal | ErrorKind::Conflict);
            if batch.len() > 1 && written.as_ref().is_err_and(failed) {
                self.inner.write_each(batch).await;
                continue;
            }
            for (rotation, tell) in batch {
                let used =
                    written.as_mut().map(|used| used.remove(&rotation.token_hash)).map_err(|error| error.clone());
                // Whoever asked may be gone; a lost reply is kept for them.
                let _ = tell.send(used);
            }
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if !self.done {
            self.inner.queue().writes = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use contracts::{Scopes, UserId};
    use uuid::Uuid;

    use super::*;

    fn unknown() -> Rotation {
        let grant = Grant {
            family: Uuid::nil(),
            client_id: "client".to_owned(),
            user: UserId(Uuid::nil()),
            session: None,
            scopes: Scopes::default(),
            resources: Vec::new(),
            org: None,
            jkt: None,
            authenticated_at: testkit::start(),
        };
        Rotation { token_hash: vec![0], next_hash: vec![1], reply_sealed: vec![2], grant, at: testkit::start() }
    }

    #[tokio::test]
    async fn who_finds_too_many_waiting_is_told_at_once() {
        let db = testkit::sqlite().await;
        let rotations = Rotations::new(db.db());
        let all = futures::future::join_all((0..MOST + 3).map(|_| rotations.rotate(unknown()))).await;
        let busy = all.iter().filter(|one| one.as_ref().is_err_and(|error| error.kind == ErrorKind::TooManyRequests));
        assert_eq!(busy.count(), 3);
        let unused = all.iter().filter(|one| one.as_ref().is_ok_and(|used| !used));
        assert_eq!(unused.count(), MOST, "nobody has such a token");
    }
}
