//! One run from its input to its end.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use contracts::{ApiError, Call, ErrorKind, IngestOutcome, Region, Result, RunId, SourceRecord};
use jiff::{SignedDuration, Timestamp};
use stores::Deed;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    Context, Format, Ingest, InputError, Mapping, Source,
    formats::Spec,
    input::Input,
    pipeline::{self, AHEAD, Batch, Reading},
    platforms,
    portions::Weighed,
    rejects::{self, Rejects},
    run::{Counts, Phase, Progress, Run, RunStatus, UnreadLanguages},
    seasons::Gathered,
    store,
};

/// The longest wait between two tries of a batch.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(5);

/// How often a run says that it is alive: well within the time after which it is taken over.
const BEAT: Duration = Duration::from_secs(30);

/// What a run needs beside itself.
pub(crate) struct Drive<'a> {
    pub ingest: &'a Ingest,
    pub call: &'a Call,
    pub stop: &'a CancellationToken,
    pub on_progress: &'a (dyn Fn(&Progress) + Send + Sync),
}

/// How the work ended, when nothing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    Stopped,
}

impl Drive<'_> {
    /// Works, and notes how it ended.
    pub async fn run(&self, mut run: Run, source: &Source) -> Result<Run> {
        let (id, holder) = (run.id, run.holder);
        let end = tokio::select! {
            end = self.work(&mut run, source) => end,
            error = self.beat(id, holder) => Err(error),
        };
        let end = end.map_err(|error| run.counts.told_with(error));
        let now = self.ingest.clock.now();
        run.updated_at = now;
        match &end {
            Ok(End::Done) => (run.status, run.finished_at) = (RunStatus::Done, Some(now)),
            Ok(End::Stopped) => run.status = RunStatus::Interrupted,
            Err(error) => {
                run.status = RunStatus::Failed;
                run.error = Some(error.detail.clone());
                run.error_code = Some(error.code.to_string());
                run.error_status = Some(error.kind.row().http);
            }
        }
        let counts = run.counts;
        tracing::info!(id = %run.id, status = %run.status, rows = counts.rows_read, created = counts.created,
            updated = counts.updated, merged = counts.merged, unchanged = counts.unchanged,
            rejected = counts.rejected, unread_languages = run.unread_languages.count, "an ingest ended");
        let saved = store::save(&self.ingest.db, &run).await;
        // What went wrong first is what the caller must know.
        let end = end?;
        saved?;
        // Only the command that began it can stop it; where the node itself ends, nobody did.
        if end == End::Stopped && !self.ingest.stop.is_cancelled() {
            let id = run.id.to_string();
            let deed = Deed { call: self.call, action: "ingest.stopped", target: &id, detail: &[] };
            self.ingest.state(deed).await?;
        }
        Ok(run)
    }

    /// Says twice a minute that a run is alive; ends only when that can't be said.
    async fn beat(&self, id: RunId, holder: Uuid) -> ApiError {
        loop {
            tokio::time::sleep(BEAT).await;
            if let Err(error) = store::beat(&self.ingest.db, id, holder, self.ingest.clock.now()).await {
                return error;
            }
        }
    }

    async fn work(&self, run: &mut Run, source: &Source) -> Result<End> {
        let folder = self.ingest.config.folder.join("incoming");
        let incoming = apart(move || empty(folder)).await?;
        let input = match Input::open(self, run, source, &incoming).await {
            Ok(input) => input,
            Err(InputError::Stopped) => return Ok(End::Stopped),
            Err(error) => return Err(error.into()),
        };
        if run.fingerprint.as_ref() != Some(&input.fingerprint) {
            // Another file than the one an earlier try read: it is read from its start.
            (run.counts, run.unread_languages, run.as_of) = (Counts::default(), UnreadLanguages::default(), None);
            run.fingerprint = Some(input.fingerprint.clone());
        }
        let spec = input.format.spec();
        run.format = Some(input.format);
        let context = self.context(run, spec, source).await?;
        let taken = Arc::new(AtomicU64::new(0));
        let limits = &self.ingest.config.limits;
        let (rows, _unpacked) = input.rows(&context, &incoming, limits, taken.clone()).await?;
        let file = self.ingest.rejected_file(run.id);
        let (rejected, kept, files) = (run.counts.rejected, limits.max_kept_rejects, limits.max_kept_reject_files);
        let rejects = apart(move || {
            let rejects = Rejects::open(&file, rejected, kept)?;
            rejects::prune(&file, files)?;
            Ok(rejects)
        });
        let rejects = rejects.await?;
        store::save(&self.ingest.db, run).await?;
        let gathered = match self.gathered(&input, &context, &incoming).await {
            Err(InputError::Stopped) => return Ok(End::Stopped),
            gathered => gathered?,
        };
        let reading = Reading { rows, spec, context, gathered, skip: run.counts.rows_read };
        let total = input.size();
        self.take_over(run, reading, rejects, &|| (taken.load(Ordering::Relaxed), Some(total))).await
    }

    /// The seasons and episodes of an input whose rows may be any of the three: they are read before its titles.
    async fn gathered(
        &self,
        input: &Input,
        context: &Context,
        incoming: &Path,
    ) -> Result<Option<Gathered>, InputError> {
        if input.format != Format::Mapped || !context.mapping.as_deref().is_some_and(Mapping::keeps_parts) {
            return Ok(None);
        }
        let limits = &self.ingest.config.limits;
        let (rows, _unpacked) = input.rows(context, incoming, limits, Arc::default()).await?;
        let (context, stop) = (context.clone(), self.stop.clone());
        let gathered = tokio::task::spawn_blocking(move || pipeline::gather(rows, &context, &stop)).await;
        let broken = |error: tokio::task::JoinError| InputError::Unreadable {
            location: "the input".to_owned(),
            cause: error.to_string(),
        };
        gathered.map_err(broken)?.map(Some)
    }

    /// The same bytes say nothing new however often they are read: without a stated day, theirs is that of their first run.
    async fn context(&self, run: &mut Run, spec: &Spec, source: &Source) -> Result<Context> {
        let service = match spec.one_service {
            true => Some(platforms::choose(run.options.platform.as_deref(), &source.file_name())?),
            false => None,
        };
        let fingerprint = run.fingerprint.as_deref().unwrap_or_default();
        let as_of = match run.options.as_of.or(run.as_of) {
            Some(day) => day,
            None => {
                let first = store::first_as_of(&self.ingest.db, fingerprint, &run.options).await?;
                first.unwrap_or_else(|| self.ingest.today())
            }
        };
        run.as_of = Some(as_of);
        let region = run.options.region.unwrap_or(Region::US);
        let mapping = run.options.mapping.clone().map(Arc::new);
        Ok(Context { service, region, as_of, as_of_stated: run.options.as_of.is_some(), mapping })
    }

    /// Gives the catalogue batch after batch, and notes after each how far it came.
    async fn take_over(
        &self,
        run: &mut Run,
        reading: Reading,
        mut rejects: Rejects,
        bytes: &(dyn Fn() -> (u64, Option<u64>) + Send + Sync),
    ) -> Result<End> {
        let (sender, mut batches) = mpsc::channel(AHEAD);
        tokio::task::spawn_blocking(move || reading.read(&sender));
        loop {
            let batch = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(End::Stopped),
                batch = batches.recv() => batch,
            };
            let Some(batch) = batch else { return Ok(End::Done) };
            match self.one(run, batch?, rejects).await? {
                Some(open) => rejects = open,
                None => return Ok(End::Stopped),
            }
            let (bytes_read, bytes_total) = bytes();
            (self.on_progress)(&Progress { phase: Phase::Reading, counts: run.counts, bytes_read, bytes_total });
        }
    }

    /// One batch; gives the file of rejects back, or nothing when the run was stopped.
    async fn one(&self, run: &mut Run, batch: Batch, mut rejects: Rejects) -> Result<Option<Rejects>> {
        let Some(outcomes) = self.offer(&batch.records).await? else { return Ok(None) };
        let counts = &mut run.counts;
        counts.add(&outcomes);
        counts.unchanged += batch.repeated;
        counts.parts += batch.parts;
        counts.passed_by += batch.passed_by;
        counts.rejected += batch.rejects.len() as u64;
        counts.rows_read = counts.rows_read.max(batch.last_row);
        run.unread_languages.add(batch.unread_languages);
        if !batch.rejects.is_empty() {
            rejects = apart(move || rejects.add(&batch.rejects).map(|()| rejects)).await?;
        }
        run.updated_at = self.ingest.clock.now();
        store::save(&self.ingest.db, run).await?;
        Ok(Some(rejects))
    }

    /// Gives the catalogue a batch; `None` when the run was stopped while waiting to try again.
    pub async fn offer(&self, records: &Weighed) -> Result<Option<Vec<IngestOutcome>>> {
        let mut outcomes = Vec::with_capacity(records.records().len());
        for portion in records.portions() {
            match self.give(portion).await? {
                Some(more) => outcomes.extend(more),
                None => return Ok(None),
            }
        }
        Ok(Some(outcomes))
    }

    async fn give(&self, records: &[SourceRecord]) -> Result<Option<Vec<IngestOutcome>>> {
        let config = &self.ingest.config;
        let mut delay = config.retry_delay;
        let mut left = config.retries;
        loop {
            let error = match self.ingest.catalog.ingest(&self.call_now(), records).await {
                Ok(outcomes) if outcomes.len() == records.len() => return Ok(Some(outcomes)),
                Ok(_) => return Err(ApiError::internal("the catalogue did not answer for every record")),
                Err(error) if left > 0 && is_transient(error.kind) => error,
                Err(error) => return Err(error),
            };
            left -= 1;
            let wait = error.retry_after.unwrap_or(delay).max(delay).min(MAX_RETRY_DELAY);
            tracing::warn!(code = %error.code, left, "the catalogue could not take a batch; it is tried again");
            tokio::select! {
                () = self.stop.cancelled() => return Ok(None),
                () = tokio::time::sleep(wait) => {}
            }
            delay = (delay * 2).min(MAX_RETRY_DELAY);
        }
    }

    /// A run may take hours; each of its calls has its own time. They are the node's: who began it is stated with the run.
    pub fn call_now(&self) -> Call {
        let allowed =
            SignedDuration::try_from(self.ingest.config.batch_timeout).unwrap_or(SignedDuration::from_mins(1));
        let deadline = self.ingest.clock.now().checked_add(allowed).unwrap_or(Timestamp::MAX);
        Call { deadline, ..self.call.of_the_node() }
    }
}

fn is_transient(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unavailable | ErrorKind::TooManyRequests | ErrorKind::DeadlineExceeded)
}

/// The folder for what is fetched and unpacked, emptied of what a kill left there.
fn empty(folder: PathBuf) -> io::Result<PathBuf> {
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => std::fs::create_dir_all(&folder)?,
    }
    Ok(folder)
}

/// Does what waits for the disk on a thread of its own.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| ApiError::internal(format!("work on the disk broke off: {error}")))?.map_err(disk)
}

fn disk(error: io::Error) -> ApiError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => InputError::DiskFull.into(),
        _ => {
            tracing::error!(%error, "the data folder can't be used");
            ApiError::internal("the data folder can't be read or written")
        }
    }
}
