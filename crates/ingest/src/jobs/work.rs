//! Runs jobs: those whose time has come, and by hand.

use std::{sync::Arc, time::Duration};

use contracts::{ApiError, Call, ErrorKind, Permission, Result};
use stores::{Deed, Tx};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Definition, Job, Work, chain, store, store::Hold};
use crate::{Ingest, Progress, drive::Drive, run::RunStatus};

/// How often to look for jobs whose time has come.
const TICK: Duration = Duration::from_secs(5);
/// How often a running job says that it is alive: well within the time after which it is taken over.
const BEAT: Duration = Duration::from_secs(60);
/// The deadline of a job's own call; each call it makes has its own.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// What came of a job.
pub(super) struct Told {
    /// For people.
    pub summary: String,
    /// Whether the next run goes on where this one came to.
    pub goes_on: bool,
}

impl From<String> for Told {
    fn from(summary: String) -> Self {
        Self { summary, goes_on: false }
    }
}

impl Ingest {
    /// The jobs of this node, by name.
    ///
    /// # Errors
    /// `Unauthenticated` or `PermissionDenied` without `ingest:run:*`.
    pub async fn jobs(&self, call: &Call) -> Result<Vec<Job>> {
        call.require_permission(&Permission::RUN_INGEST)?;
        let mut jobs = Vec::new();
        for definition in self.definitions() {
            jobs.push(self.known(&definition).await?.job(&definition));
        }
        Ok(jobs)
    }

    /// One job.
    ///
    /// # Errors
    /// `Unauthenticated` or `PermissionDenied` without `ingest:run:*`, `NotFound`.
    pub async fn job(&self, call: &Call, name: &str) -> Result<Job> {
        call.require_permission(&Permission::RUN_INGEST)?;
        let definition = self.definition(name)?;
        Ok(self.known(&definition).await?.job(&definition))
    }

    /// Runs a job now, to its end or until `stop` is cancelled.
    ///
    /// # Errors
    /// `Unauthenticated` or `PermissionDenied` without `ingest:run:*`, `NotFound`, `Conflict` (`job_running`), and why it
    /// failed.
    pub async fn run_job(
        &self,
        call: &Call,
        name: &str,
        stop: &CancellationToken,
        on_progress: &(dyn Fn(&Progress) + Send + Sync),
    ) -> Result<Job> {
        call.require_permission(&Permission::RUN_INGEST)?;
        let definition = self.definition(name)?;
        let hold = self.claim(call, &definition).await?;
        self.work(call, &definition, &hold, stop, on_progress).await?;
        self.job(call, name).await
    }

    /// As [`Ingest::run_job`], but returns as soon as the job is taken; it goes on by itself.
    ///
    /// # Errors
    /// `Unauthenticated` or `PermissionDenied` without `ingest:run:*`, `NotFound`, `Conflict` (`job_running`).
    pub async fn start_job(self: &Arc<Self>, call: &Call, name: &str) -> Result<Job> {
        call.require_permission(&Permission::RUN_INGEST)?;
        let definition = self.definition(name)?;
        let hold = self.claim(call, &definition).await?;
        let (ingest, call_of_job) = (Arc::clone(self), call.clone());
        self.tasks.spawn(async move {
            // Its row says how it ended, and the log does.
            let _ = ingest.work(&call_of_job, &definition, &hold, &ingest.stop, &|_| {}).await;
        });
        self.job(call, name).await
    }

    /// Runs the jobs whose time has come, one after the other, until `shutdown`.
    pub async fn follow_jobs(&self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
            }
            if let Err(error) = self.run_due(&shutdown).await {
                tracing::warn!(code = %error.code, "jobs could not be looked for; the next try is in 5 s");
            }
        }
    }

    /// Runs the jobs whose time has come; says how many.
    ///
    /// # Errors
    /// What the database says. A job that fails is no error of this.
    pub async fn run_due(&self, stop: &CancellationToken) -> Result<usize> {
        let now = self.clock.now();
        let definitions = self.definitions();
        for definition in &definitions {
            store::note(&self.db, &definition.name, definition.next(now)?).await?;
        }
        let mut run = 0;
        for name in store::due(&self.db, now).await? {
            // A job of a source that the configuration no longer has waits for it to come back.
            let Some(definition) = definitions.iter().find(|definition| definition.name == name) else { continue };
            if stop.is_cancelled() {
                break;
            }
            let call = Call::system(&self.clock, &self.rng, PATIENCE);
            let Ok(hold) = self.claim(&call, definition).await else { continue };
            let _ = self.work(&call, definition, &hold, stop, &|_| {}).await;
            run += 1;
        }
        Ok(run)
    }

    fn definitions(&self) -> Vec<Definition> {
        Definition::all(self.config.feeds.keys(), &self.config.providers)
    }

    fn definition(&self, name: &str) -> Result<Definition> {
        let found = self.definitions().into_iter().find(|definition| definition.name == name);
        found.ok_or_else(|| ApiError::not_found("job_not_found", format!("there is no job {name:?}")))
    }

    async fn known(&self, definition: &Definition) -> Result<store::JobRow> {
        store::note(&self.db, &definition.name, definition.next(self.clock.now())?).await?;
        let row = store::get(&self.db, &definition.name).await?;
        row.ok_or_else(|| ApiError::internal("a job that was noted is gone"))
    }

    async fn claim(&self, call: &Call, definition: &Definition) -> Result<Hold> {
        let now = self.clock.now();
        store::note(&self.db, &definition.name, definition.next(now)?).await?;
        let hold = Hold { name: definition.name.clone(), holder: self.ids.next() };
        let mut tx = self.db.begin().await?;
        if !store::claim(&mut tx, &hold, now, definition.next(now)?).await? {
            let detail = format!("the job {} runs already", definition.name);
            return Err(ApiError::new(ErrorKind::Conflict, "job_running", detail));
        }
        self.stated(&mut tx, call, "job.started", &hold).await?;
        tx.commit().await?;
        Ok(hold)
    }

    /// States what somebody did with a job; what the schedule did is nobody's deed.
    async fn stated(&self, tx: &mut Tx, call: &Call, action: &'static str, hold: &Hold) -> Result<()> {
        let run = hold.holder.to_string();
        self.deeds.state(tx, Deed { call, action, target: &hold.name, detail: &[("run", &run)] }).await
    }

    /// Does the work of a job that was taken, and notes how it ended.
    async fn work(
        &self,
        call: &Call,
        definition: &Definition,
        hold: &Hold,
        stop: &CancellationToken,
        on_progress: &(dyn Fn(&Progress) + Send + Sync),
    ) -> Result<()> {
        let name = &definition.name;
        tracing::info!(job = name, "a job began");
        let drive = Drive { ingest: self, call, stop, on_progress };
        let position = store::get(&self.db, name).await?.and_then(|row| row.position);
        let told = |summary: Option<String>| summary.map(Told::from);
        let doing = async {
            match &definition.work {
                Work::ExpiryWarnings => drive.expiry_warnings(hold, position).await.map(told),
                Work::Withdrawals => drive.withdrawals(hold).await.map(told),
                Work::Ask(wanted) => drive.chain(hold, *wanted, position).await,
                Work::Provider(source) => match self.config.providers.get(source) {
                    Some((adapter, region)) => drive.provider(hold, adapter, *region, position).await,
                    None => Err(ApiError::internal("a provider is gone")),
                },
                Work::Refresh(feed) => self.refresh(call, hold, feed, stop, on_progress).await.map(told),
            }
        };
        let outcome: Result<Option<Told>> = tokio::select! {
            outcome = doing => outcome,
            error = self.beat(hold) => Err(error),
        };
        if outcome.as_ref().is_err_and(|error| error.code == "job_taken_over") {
            tracing::warn!(job = name, "a job that was silent for too long goes on in another process");
            return outcome.map(|_| ());
        }
        let goes_on = matches!(&outcome, Ok(Some(told)) if told.goes_on);
        let end = match &outcome {
            Ok(Some(told)) => Some(Ok(told.summary.clone())),
            Ok(None) => None,
            // Somebody reads a file by hand: its turn comes.
            Err(error) if error.code == "ingest_busy" => None,
            Err(error) => Some(Err(error.detail.clone())),
        };
        store::end(&self.db, hold, self.clock.now(), end.as_ref(), goes_on).await?;
        match &end {
            Some(Ok(summary)) => tracing::info!(job = name, summary, "a job came to its end"),
            Some(Err(error)) => tracing::warn!(job = name, error, "a job failed; it runs again at its time"),
            None => tracing::info!(job = name, "a job was stopped; it goes on at the next start"),
        }
        // The job has ended, whether or not that can be stated. Only the command that began it can stop it, so the call is
        // also that of who stopped it; where the node itself ends, nobody did.
        if end.is_none() && stop.is_cancelled() && !self.stop.is_cancelled() {
            let mut tx = self.db.begin().await?;
            self.stated(&mut tx, call, "job.stopped", hold).await?;
            tx.commit().await?;
        }
        outcome.map(|_| ())
    }

    /// Says once a minute that a job is alive; ends only when that can't be said.
    async fn beat(&self, hold: &Hold) -> ApiError {
        loop {
            tokio::time::sleep(BEAT).await;
            if let Err(error) = store::beat(&self.db, hold, self.clock.now()).await {
                return error;
            }
        }
    }

    async fn refresh(
        &self,
        call: &Call,
        hold: &Hold,
        feed: &str,
        stop: &CancellationToken,
        on_progress: &(dyn Fn(&Progress) + Send + Sync),
    ) -> Result<Option<String>> {
        let feed = self.config.feeds.get(feed).ok_or_else(|| ApiError::internal("a feed is gone"))?;
        let request = feed.request()?;
        let (seen, mut news) = watch::channel(0);
        let reading = async move {
            let note = move |progress: &Progress| {
                seen.send_replace(progress.counts.rows_read);
                on_progress(progress);
            };
            self.read(call, &request, stop, &note).await
        };
        // Ends with the reading, which drops the other end.
        let noting = async {
            while news.changed().await.is_ok() {
                let rows = *news.borrow_and_update();
                store::count(&self.db, hold, rows).await?;
            }
            Ok::<_, ApiError>(())
        };
        let (run, ()) = tokio::try_join!(reading, noting)?;
        let told = || chain::and(chain::of_rows(&run.counts), run.unread_languages.told());
        Ok((run.status == RunStatus::Done).then(told))
    }
}
