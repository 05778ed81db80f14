//! What is derived from the keyword index beside it, in memory: the graph, the names and the shelves.
//!
//! They are read off all titles at once, which takes a minute at a million, and follow each commit by what it changed
//! (see [`Changes`]): what was read stays as it is, and the changes lie over it. When they have become many, all titles
//! are read anew in the background, and the changes since go on over that. Answers are the same either way.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use contracts::{Content, ContentId};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    SearchError,
    changes::Changes,
    graph::Graph,
    keyword::{KeywordIndex, Snapshot, TitleDoc},
    shelves::Shelves,
    suggest::Suggester,
};

/// All titles are read anew when nothing changed for this long …
const QUIET: Duration = Duration::from_millis(300);
/// … or when this long has passed since there were too many changes. Also the pause after a failure.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// More changed titles than one in so many are too many, though some may always be, and never more than half of
/// [`MAX_CHANGES`]: the other half is for those that come while all titles are read.
const SHARE: usize = 100;
const ALWAYS_BORNE: usize = 500;
/// More changed titles than these are forgotten, and what is derived waits for the next reading. Each takes a few KB, and
/// all of them are joined at each commit.
const MAX_CHANGES: usize = 8_000;

/// What is read off titles.
#[derive(Default)]
pub(crate) struct Derived {
    pub graph: Graph,
    pub suggester: Suggester,
    pub shelves: Shelves,
}

impl Derived {
    /// Reads it off all titles, each given once.
    pub(crate) fn build(mut docs: Vec<TitleDoc>) -> Self {
        docs.sort_unstable_by_key(|doc| doc.id);
        Self { suggester: Suggester::build(&docs), shelves: Shelves::build(&docs), graph: Graph::build(docs) }
    }

    /// What it is after `changes` of the titles that it was read off; what was read is shared.
    pub(crate) fn after(&self, changes: &Changes) -> Self {
        Self {
            graph: self.graph.after(changes, |name| self.suggester.called(name)),
            suggester: self.suggester.after(changes),
            shelves: self.shelves.after(changes),
        }
    }
}

/// What was read off all titles, and what changed since.
#[derive(Default)]
struct Log {
    base: Arc<Derived>,
    /// How many commits the base has seen.
    version: u64,
    /// `None` when nobody knows, or too much did.
    since: Option<Changes>,
    /// While all titles are read anew: the commits that are read, and what changed since.
    coming: Option<(u64, Option<Changes>)>,
}

impl Log {
    /// What keeps track of changes.
    fn tracks(&mut self) -> impl Iterator<Item = &mut Option<Changes>> {
        std::iter::once(&mut self.since).chain(self.coming.as_mut().map(|(_, since)| since))
    }

    /// Takes in what these titles were and what they are, each of which may be none.
    fn record(&mut self, ids: &[ContentId], was: Vec<TitleDoc>, is: Vec<TitleDoc>) {
        let by_id = |docs: Vec<TitleDoc>| -> HashMap<ContentId, Arc<TitleDoc>> {
            docs.into_iter().map(|doc| (doc.id, Arc::new(doc))).collect()
        };
        let (was, is) = (by_id(was), by_id(is));
        for track in self.tracks() {
            if let Some(changes) = track {
                ids.iter().for_each(|id| changes.record(*id, was.get(id).cloned(), is.get(id).cloned()));
                if changes.len() > MAX_CHANGES {
                    *track = None;
                }
            }
        }
    }

    /// Nobody knows what changed.
    fn lose(&mut self) {
        self.tracks().for_each(|track| *track = None);
    }

    fn is_outgrown(&self) -> bool {
        let borne = (self.base.graph.len() / SHARE).clamp(ALWAYS_BORNE, MAX_CHANGES / 2);
        self.since.as_ref().is_none_or(|changes| changes.len() > borne)
    }
}

/// Titles, what they were and what they are, each of which may be none.
type Changed = (Vec<ContentId>, Vec<TitleDoc>, Vec<TitleDoc>);

/// Keeps [`Derived`] as the keyword index is. Whoever writes to that does so here.
pub(crate) struct Derivation {
    index: Arc<KeywordIndex>,
    /// Held while a commit is made and recorded, and while a reading of all titles begins: a commit is then either in
    /// what is read or among the changes since.
    writing: Mutex<()>,
    log: Mutex<Log>,
    /// Counts the commits; also says when all titles were read anew.
    commits: watch::Sender<u64>,
    /// What answers, and how many commits it has seen.
    current: RwLock<(u64, Arc<Derived>)>,
    reading: AtomicBool,
}

impl Derivation {
    /// Of an index as it is; nothing is read before [`Derivation::follow`].
    pub(crate) fn of(index: Arc<KeywordIndex>) -> Self {
        Self {
            index,
            writing: Mutex::default(),
            log: Mutex::default(),
            commits: watch::Sender::new(1),
            current: RwLock::default(),
            reading: AtomicBool::new(false),
        }
    }

    /// What answers now.
    pub(crate) fn current(&self) -> Arc<Derived> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).1)
    }

    /// How many commits that has seen; none until all titles were read once.
    pub(crate) fn version(&self) -> u64 {
        self.current.read().unwrap_or_else(PoisonError::into_inner).0
    }

    /// Whether that is all of them.
    pub(crate) fn is_current(&self) -> bool {
        self.version() == *self.commits.borrow()
    }

    /// Whether what answers waits until all titles are read.
    pub(crate) fn is_joining(&self) -> bool {
        self.reading.load(Ordering::SeqCst) && !self.is_current()
    }

    /// As [`KeywordIndex::apply`]. Blocks.
    pub(crate) fn apply(&self, titles: &[Content], gone: &[ContentId], cursor: i64) -> Result<(), SearchError> {
        let ids: Vec<ContentId> = titles.iter().map(|title| title.id).chain(gone.iter().copied()).collect();
        if ids.is_empty() {
            return self.index.apply(&[], &[], cursor);
        }
        let _writing = self.writing();
        let is_tracked = self.log().tracks().any(|track| track.is_some());
        let was = if is_tracked { self.index.snapshot().these(&ids).ok() } else { None };
        let done = self.index.apply(titles, gone, cursor);
        let changed = was.map(|was| (ids, was, titles.iter().map(TitleDoc::of).collect()));
        self.committed(changed, done)
    }

    /// Ends the filling of the whole index, which then stands at `cursor`. Blocks.
    pub(crate) fn finish(&self, cursor: i64) -> Result<(), SearchError> {
        let _writing = self.writing();
        self.committed(None, self.index.apply(&[], &[], cursor))
    }

    /// Takes in a commit that changed these titles, from what they were to what they are. Where that is not known, nor
    /// what a commit left that failed, nobody knows what changed.
    fn committed(&self, changed: Option<Changed>, done: Result<(), SearchError>) -> Result<(), SearchError> {
        let mut log = self.log();
        match changed.filter(|_| done.is_ok()) {
            Some((ids, was, is)) => log.record(&ids, was, is),
            None => log.lose(),
        }
        if done.is_ok() {
            self.commits.send_modify(|commits| *commits += 1);
        }
        done
    }

    /// Follows the commits until told to stop.
    pub(crate) async fn follow(self: &Arc<Self>, stop: &CancellationToken) {
        tokio::join!(self.keep_up(Self::bring_up, stop), self.keep_base(stop));
    }

    /// Answers by what each commit left, and by what was read anew, as `bring_up` has it.
    async fn keep_up(self: &Arc<Self>, bring_up: fn(&Self), stop: &CancellationToken) {
        let mut commits = self.commits.subscribe();
        while !stop.is_cancelled() {
            let this = Arc::clone(self);
            let done = tokio::task::spawn_blocking(move || bring_up(&this)).await;
            if done.is_err() {
                tracing::error!("what changed can't be joined with what is there: all titles are read anew");
                // The same changes over the same titles would come to the same.
                self.log().lose();
                self.commits.send_modify(|_| {});
                commits.mark_unchanged();
            }
            tokio::select! {
                () = stop.cancelled() => {}
                _ = commits.changed() => {}
                () = tokio::time::sleep(LONGEST_WAIT), if done.is_err() => {}
            }
        }
    }

    /// Reads all titles whenever nobody knows what changed, or too much did.
    async fn keep_base(self: &Arc<Self>, stop: &CancellationToken) {
        let mut commits = self.commits.subscribe();
        let mut failed = false;
        while !stop.is_cancelled() {
            if !self.is_outgrown() {
                tokio::select! {
                    () = stop.cancelled() => return,
                    _ = commits.changed() => {}
                }
                if self.is_outgrown() {
                    settle(&mut commits, stop).await;
                }
                continue;
            }
            // One that failed is tried again, and nobody should wait for that.
            self.reading.store(!failed, Ordering::SeqCst);
            let read = self.read_all().await;
            self.reading.store(false, Ordering::SeqCst);
            failed = read.is_err();
            if let Err(error) = read {
                tracing::error!(%error, "the graph can't be built; it tries again");
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(LONGEST_WAIT) => {}
                }
            }
        }
    }

    async fn read_all(self: &Arc<Self>) -> Result<(), SearchError> {
        let this = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || this.read(this.begin())).await;
        let read = read.unwrap_or(Err(SearchError::Worker("building the graph")));
        if read.is_err() {
            self.log().coming = None;
        }
        read
    }

    /// All titles to read; from now on it is kept track of what changes in them.
    fn begin(&self) -> Snapshot {
        let _writing = self.writing();
        let commits = *self.commits.borrow();
        self.log().coming = Some((commits, Some(Changes::default())));
        self.index.snapshot()
    }

    /// Reads all titles, beside what answers meanwhile.
    fn read(&self, snapshot: Snapshot) -> Result<(), SearchError> {
        let mut docs = Vec::new();
        snapshot.for_each(|doc| docs.push(doc))?;
        drop(snapshot);
        let base = Arc::new(Derived::build(docs));
        let mut log = self.log();
        let coming = log.coming.take();
        if let Some((version, since)) = coming {
            *log = Log { base, version, since, coming: None };
        }
        drop(log);
        self.commits.send_modify(|_| {});
        Ok(())
    }

    /// Answers by all that is known. Where nobody knows what changed since all titles were read, that is what was read,
    /// unless more has been seen already.
    fn bring_up(&self) {
        let (version, base, since) = {
            let log = self.log();
            let version = if log.since.is_some() { *self.commits.borrow() } else { log.version };
            (version, Arc::clone(&log.base), log.since.clone())
        };
        self.measure();
        if version < self.version() {
            return;
        }
        let derived = since.map_or_else(|| Arc::clone(&base), |changes| Arc::new(base.after(&changes)));
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let former = std::mem::replace(&mut *current, (version, derived));
        drop(current);
        self.measure();
        // It may be the last to hold what was read of a million titles: nobody waits for that to be freed.
        drop(former);
    }

    /// Tells how many commits of the keyword index what answers is behind.
    fn measure(&self) {
        let behind = self.commits.borrow().saturating_sub(self.version());
        metrics::gauge!("search_index_lag_commits", "index" => "graph").set(behind as f64);
    }

    fn is_outgrown(&self) -> bool {
        self.log().is_outgrown()
    }

    fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until the commits pause.
async fn settle(commits: &mut watch::Receiver<u64>, stop: &CancellationToken) {
    let started = Instant::now();
    while started.elapsed() < LONGEST_WAIT {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = commits.changed() => {}
            () = tokio::time::sleep(QUIET) => return,
        }
    }
}

#[cfg(test)]
mod tests;
