//! Follows the event log: what keeps an index as the catalogue is, whatever happened to either.
//!
//! The cursor lives in the index and moves with its content, so that a crash at any moment repeats a batch at most. An
//! index that was never filled, or that the log no longer reaches back to, is filled from the catalogue: the head of
//! the log is noted first, so that what changes meanwhile is followed afterwards.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use contracts::{ApiError, Call, CatalogApi, Clock, Content, ContentId, ErrorKind, ListQuery, Rng, Topic};
use stores::{
    Db,
    events::{self, Head},
};
use tokio_util::sync::CancellationToken;

use crate::{SearchError, index::Target};

/// How often, in seconds, a place that only other events moved is written down: before the log forgets what is there.
const PASS_EVERY: i64 = 3_600;
/// The first and the longest pause after a failure.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
/// How long one call of the catalogue may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a single title that the catalogue can't give is asked for before it is passed over.
const MAX_ATTEMPTS: u32 = 5;

/// How far a follower has come; shared with whoever shows it.
#[derive(Debug)]
pub(crate) struct Progress {
    /// How far in the log the index holds all there is; negative until it is known and the index is filled.
    pub cursor: AtomicI64,
    /// The position that is written in the index: that of the last change, else one up to `cursor`.
    pub written: AtomicI64,
    /// When it was last moved without a change, or the follower began, in seconds of Unix time.
    passed_at: AtomicI64,
    /// The newest event when the follower last looked.
    pub head: AtomicI64,
    /// Whether the index is being filled from the catalogue.
    pub filling: AtomicBool,
    /// Titles taken in since the fill began.
    pub filled: AtomicU64,
    /// Titles passed over since the start.
    pub skipped: AtomicU64,
    /// Why the last step failed; empty when it did not.
    failure: Mutex<String>,
}

impl Progress {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            cursor: AtomicI64::new(-1),
            written: AtomicI64::new(-1),
            passed_at: AtomicI64::new(0),
            head: AtomicI64::new(0),
            filling: AtomicBool::new(false),
            filled: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            failure: Mutex::new(String::new()),
        })
    }

    /// Why the last step failed, as a sentence.
    pub(crate) fn failure(&self) -> Option<String> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        (!failure.is_empty()).then(|| failure.clone())
    }

    /// Events that the index has yet to follow.
    pub(crate) fn lag(&self) -> i64 {
        (self.head.load(Ordering::SeqCst) - self.cursor.load(Ordering::SeqCst).max(0)).max(0)
    }

    /// Whether the index holds everything up to `head`.
    pub(crate) fn reached(&self, head: i64) -> bool {
        self.cursor.load(Ordering::SeqCst) >= head && !self.filling.load(Ordering::SeqCst)
    }

    fn fail(&self, failure: String) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }
}

/// What one step came to.
#[derive(PartialEq)]
enum Step {
    Idle,
    Moved,
}

/// One index, the log it follows and the catalogue it asks.
pub(crate) struct Follower<T> {
    pub target: T,
    pub events: Db,
    pub catalog: Arc<dyn CatalogApi>,
    pub clock: Clock,
    pub rng: Rng,
    pub progress: Arc<Progress>,
}

impl<T: Target> Follower<T> {
    /// Follows until told to stop; a batch that is begun is finished first.
    pub(crate) async fn run(&self, mut head: Head, stop: &CancellationToken) {
        self.progress.passed_at.store(self.clock.now().as_second(), Ordering::SeqCst);
        let mut pause = PAUSES.0;
        while !stop.is_cancelled() {
            let failed = match self.step(stop).await {
                Ok(step) => {
                    self.progress.fail(String::new());
                    pause = PAUSES.0;
                    if step == Step::Moved {
                        continue;
                    }
                    None
                }
                Err(error) => {
                    tracing::warn!(index = self.target.name(), %error, pause_ms = pause.as_millis() as u64,
                        "an index can't follow the catalogue; it tries again");
                    self.progress.fail(error.to_string());
                    let wait = pause;
                    pause = (pause * 2).min(PAUSES.1);
                    Some(wait)
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = head.changed(), if failed.is_none() => {}
                () = tokio::time::sleep(failed.unwrap_or_default()), if failed.is_some() => {}
            }
        }
    }

    async fn step(&self, stop: &CancellationToken) -> Result<Step, SearchError> {
        let head = events::head(&self.events).await?;
        self.progress.head.store(head, Ordering::SeqCst);
        let cursor = match self.target.cursor().await? {
            // A cursor beyond the head is of another log: the database was restored or replaced.
            Some(cursor) if cursor <= head => cursor,
            _ => return self.refill(stop).await,
        };
        self.progress.written.store(cursor, Ordering::SeqCst);
        // Other events than of titles move the index nowhere: how far there were only such is known to this process.
        let from = cursor.max(self.progress.cursor.load(Ordering::SeqCst));
        if from > head {
            return self.refill(stop).await;
        }
        self.stand_at(from);
        if from == head {
            return Ok(Step::Idle);
        }
        let (batch, reached) =
            events::read_of(&self.events, &Topic::TITLES.map(Topic::as_str), from, self.target.batch()).await?;
        if events::oldest(&self.events).await?.is_some_and(|oldest| oldest > from + 1) {
            return self.refill(stop).await;
        }
        if batch.is_empty() {
            return self.pass(cursor, reached).await;
        }
        let ids: BTreeSet<ContentId> = batch.iter().map(|(_, event)| event.key).collect();
        let ids: Vec<ContentId> = ids.into_iter().collect();
        let (titles, gone) = self.fetch(&ids).await?;
        self.target.apply(titles, gone, reached).await?;
        self.progress.written.store(reached, Ordering::SeqCst);
        self.stand_at(reached);
        Ok(Step::Moved)
    }

    /// Moves past events that are not about titles.
    async fn pass(&self, written: i64, reached: i64) -> Result<Step, SearchError> {
        let now = self.clock.now().as_second();
        if reached > written && now - self.progress.passed_at.load(Ordering::SeqCst) >= PASS_EVERY {
            self.target.apply(Vec::new(), Vec::new(), reached).await?;
            self.progress.written.store(reached, Ordering::SeqCst);
            self.progress.passed_at.store(now, Ordering::SeqCst);
        }
        self.stand_at(reached);
        Ok(Step::Moved)
    }

    fn filling(&self, filling: bool) {
        self.progress.filling.store(filling, Ordering::SeqCst);
        let gauge = metrics::gauge!("search_index_filling", "index" => self.target.name());
        gauge.set(if filling { 1.0 } else { 0.0 });
    }

    fn stand_at(&self, cursor: i64) {
        self.progress.cursor.store(cursor, Ordering::SeqCst);
        metrics::gauge!("search_index_lag_events", "index" => self.target.name()).set(self.progress.lag() as f64);
    }

    /// Fills the index from the catalogue.
    async fn refill(&self, stop: &CancellationToken) -> Result<Step, SearchError> {
        let head = events::head(&self.events).await?;
        self.progress.filled.store(0, Ordering::SeqCst);
        self.filling(true);
        tracing::info!(index = self.target.name(), "an index is being filled from the catalogue");
        self.target.begin().await?;
        let mut query = ListQuery { limit: self.target.batch(), ..ListQuery::default() };
        loop {
            if stop.is_cancelled() {
                return Ok(Step::Idle);
            }
            let page = self.page(&query).await?;
            let Some(last) = page.last().map(|title| title.id) else { break };
            query.after = Some(last);
            let count = page.len() as u64;
            self.target.fill(page).await?;
            self.progress.filled.fetch_add(count, Ordering::SeqCst);
        }
        self.target.finish(head).await?;
        self.progress.written.store(head, Ordering::SeqCst);
        self.filling(false);
        self.stand_at(head);
        let titles = self.progress.filled.load(Ordering::SeqCst);
        tracing::info!(index = self.target.name(), titles, "an index is filled");
        Ok(Step::Moved)
    }

    /// A page of the catalogue, tried a few times so that one lost call does not begin a long fill anew.
    async fn page(&self, query: &ListQuery) -> Result<Vec<Content>, SearchError> {
        let mut pause = PAUSES.0;
        for _ in 1..MAX_ATTEMPTS {
            match self.catalog.list(&self.call(), query).await {
                Ok(page) => return Ok(page),
                Err(error) => tracing::debug!(%error, "a page of the catalogue is missing; it is asked for again"),
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        Ok(self.catalog.list(&self.call(), query).await?)
    }

    /// The titles that are there, and the ids of those that are not.
    ///
    /// A title that alone makes the catalogue fail is passed over, so that it can't hold up all others for ever.
    async fn fetch(&self, ids: &[ContentId]) -> Result<(Vec<Content>, Vec<ContentId>), SearchError> {
        let error = match self.catalog.titles(&self.call(), ids).await {
            Ok(mut titles) => {
                // For a title that became part of another the catalogue gives that one, which has its own event: where
                // both are asked for, it comes twice.
                let mut asked: BTreeSet<ContentId> = ids.iter().copied().collect();
                titles.retain(|title| asked.remove(&title.id));
                let gone = missing(ids, &titles);
                return Ok((titles, gone));
            }
            Err(error) if passing(&error) => return Err(error.into()),
            Err(error) => error,
        };
        let (mut titles, mut gone, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        for id in ids {
            match self.fetch_one(*id, ids.len() == 1).await {
                Ok(Some(title)) if title.id == *id => titles.push(title),
                Ok(_) => gone.push(*id),
                Err(error) if passing(&error) => return Err(error.into()),
                Err(error) => failed.push((*id, error)),
            }
        }
        if failed.len() == ids.len() && ids.len() > 1 {
            return Err(error.into());
        }
        for (id, error) in failed {
            self.progress.skipped.fetch_add(1, Ordering::SeqCst);
            metrics::counter!("search_skipped_titles_total", "index" => self.target.name()).increment(1);
            tracing::error!(%id, %error, "the catalogue can't give a title: the index passes over it");
        }
        Ok((titles, gone))
    }

    /// One title; `again` when there is no other that could tell a bad title from a bad catalogue.
    async fn fetch_one(&self, id: ContentId, again: bool) -> Result<Option<Content>, ApiError> {
        let mut pause = PAUSES.0;
        for _ in 1..if again { MAX_ATTEMPTS } else { 1 } {
            if let Ok(titles) = self.catalog.titles(&self.call(), &[id]).await {
                return Ok(titles.into_iter().next());
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        Ok(self.catalog.titles(&self.call(), &[id]).await?.into_iter().next())
    }

    fn call(&self) -> Call {
        Call::system(&self.clock, &self.rng, CALL_TIMEOUT)
    }
}

/// Whether a failure passes by itself, so that trying again is all there is to do.
fn passing(error: &ApiError) -> bool {
    matches!(
        error.kind,
        ErrorKind::Unavailable
            | ErrorKind::DeadlineExceeded
            | ErrorKind::TooManyRequests
            | ErrorKind::Cancelled
            | ErrorKind::BadGateway
            | ErrorKind::StorageFull
    )
}

/// The ids, in order, that no title has.
fn missing(ids: &[ContentId], titles: &[Content]) -> Vec<ContentId> {
    let there: BTreeSet<ContentId> = titles.iter().map(|title| title.id).collect();
    ids.iter().copied().filter(|id| !there.contains(id)).collect()
}
