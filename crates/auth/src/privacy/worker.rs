//! Erases what is due, and gathers what the contexts answer.

use std::{convert::Infallible, sync::Arc, time::Duration};

use contracts::{ApiError, Mailer, Topic};
use futures::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use stores::events::Group;
use uuid::Uuid;

use crate::{
    Auth,
    privacy::overdue,
    store::privacy::{self, Erasure},
};

/// How often it looks: an erasure is done within 72 hours of its end (A8), and in fact within seconds.
const PAUSE: Duration = Duration::from_secs(1);
/// How much it does at a time.
const BATCH: u32 = 20;
/// How often it looks for what is overdue.
const OVERDUE: SignedDuration = SignedDuration::from_secs(10);

/// The worker.
pub struct Eraser {
    auth: Arc<Auth>,
    mailer: Arc<dyn Mailer>,
    /// Whether files may still show what was erased: so at the start too, after a kill.
    traces: bool,
    /// When it looked for what is overdue.
    looked_at: Option<Timestamp>,
}

impl Eraser {
    /// For the accounts of `auth`, whose mail `mailer` takes.
    pub fn new(auth: Arc<Auth>, mailer: Arc<dyn Mailer>) -> Self {
        Self { auth, mailer, traces: true, looked_at: None }
    }

    /// Erases until dropped.
    pub async fn run(mut self) {
        loop {
            let Err(error) = self.look().await;
            tracing::warn!(%error, "accounts can't be erased; the next try is in a second");
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn look(&mut self) -> Result<Infallible, ApiError> {
        let group = self.group().await?;
        loop {
            self.step(&group).await?;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Looks once, as [`Eraser::run`] does again and again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn once(&mut self) -> Result<(), ApiError> {
        let group = self.group().await?;
        self.step(&group).await
    }

    async fn step(&mut self, group: &Group) -> Result<(), ApiError> {
        let done = self.erase_and_gather(group).await;
        // Also where that failed: something may be overdue because it does.
        self.look_for_overdue().await.and(done)
    }

    async fn look_for_overdue(&mut self) -> Result<(), ApiError> {
        let now = self.auth.clock.now();
        if self.looked_at.is_none_or(|at| now.duration_since(at) >= OVERDUE) {
            self.auth.note_overdue(overdue(&self.auth.db, now).await?);
            self.looked_at = Some(now);
        }
        Ok(())
    }

    async fn erase_and_gather(&mut self, group: &Group) -> Result<(), ApiError> {
        self.erase_due().await?;
        // No receipt says `erased` while a file may still show the key: but for a minute or so where only the server itself may
        // vacuum (ADR 36).
        if self.traces && !self.auth.db.scrub("auth_users").await? {
            return Ok(());
        }
        self.traces = false;
        loop {
            let auth = Arc::clone(&self.auth);
            let noted = group.deliver(BATCH as usize, move |tx, event| {
                let auth = Arc::clone(&auth);
                async move { auth.note_answer(tx, event).await }.boxed()
            });
            if noted.await? == 0 {
                return Ok(());
            }
        }
    }

    /// Erases all that is due. One that fails holds up none of the others, also when many do.
    async fn erase_due(&mut self) -> Result<(), ApiError> {
        let (now, mut after) = (self.auth.clock.now(), (Timestamp::UNIX_EPOCH, Uuid::nil()));
        loop {
            let due = privacy::due(&self.auth.db, now, after, BATCH).await?;
            let Some(last) = due.last() else { return Ok(()) };
            after = (last.due_at, last.id);
            for erasure in &due {
                match self.erase(erasure).await {
                    Ok(()) => self.traces = true,
                    Err(error) => tracing::warn!(receipt = %erasure.id, %error, "an account can't be erased yet"),
                }
            }
        }
    }

    /// Mail first: once the key is gone nobody can say whose it was.
    async fn erase(&self, erasure: &Erasure) -> Result<(), ApiError> {
        let person = self.auth.person(erasure.user).await?;
        if let Some(address) = self.auth.email(&person)? {
            let failed =
                |why| ApiError::unavailable("mail_is_left", format!("mail to them can't be taken back: {why}"));
            self.mailer.forget(&address).await.map_err(failed)?;
        }
        self.auth.shred(erasure).await
    }

    async fn group(&self) -> Result<Group, ApiError> {
        Ok(Group::join(&self.auth.db, "auth-receipts", &[Topic::PersonForgotten], &self.auth.clock).await?)
    }
}
