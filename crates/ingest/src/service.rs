//! The use-cases: run an input, in the foreground or behind an HTTP request; look at runs.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use contracts::{ApiError, Call, CatalogApi, Clock, ErrorKind, Ids, Permission, Region, Result, Rng, RunId};
use jiff::{civil::Date, tz::TimeZone};
use stores::{Db, Deed, Deeds};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Feed, Format, Limits, Link, PlatformAdapter, Source, Webhook,
    drive::Drive,
    jobs,
    run::{Counts, Progress, Run, RunRequest, RunStatus, UnreadLanguages},
    store,
};

/// The longest location, in characters.
const MAX_LOCATION: usize = 4096;

/// How ingest works.
#[derive(Clone, Debug)]
pub struct IngestConfig {
    /// The data folder: what is fetched lies in `incoming/` while it is read, what is turned away in `rejected/`.
    pub folder: PathBuf,
    /// The bounds of an input.
    pub limits: Limits,
    /// How long the catalogue may take for one batch.
    pub batch_timeout: Duration,
    /// How often a batch is tried again when the catalogue can't be reached.
    pub retries: u32,
    /// How long to wait before the first of them; it doubles each time, up to 5 s.
    pub retry_delay: Duration,
    /// The most titles, to the end of a page, that one run of a job asks providers about; the next goes on behind them.
    pub max_asked: u64,
    /// Sources that jobs read anew, by name.
    pub feeds: BTreeMap<String, Feed>,
    /// Providers that jobs ask, by name, each with the region whose offers are wanted.
    pub providers: BTreeMap<String, (Arc<dyn PlatformAdapter>, Region)>,
    /// Sources that send messages, by name.
    pub webhooks: BTreeMap<String, Webhook>,
    /// Accounts that providers may be asked with, by the provider's name.
    pub links: BTreeMap<String, Arc<Link>>,
}

impl IngestConfig {
    /// The defaults, in this data folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            limits: Limits::default(),
            batch_timeout: Duration::from_secs(60),
            retries: 6,
            retry_delay: Duration::from_millis(200),
            // Some minutes at ten requests a second.
            max_asked: 5_000,
            feeds: BTreeMap::new(),
            providers: BTreeMap::new(),
            webhooks: BTreeMap::new(),
            links: BTreeMap::new(),
        }
    }
}

/// Reads inputs into the catalogue, one at a time.
pub struct Ingest {
    pub(crate) db: Db,
    pub(crate) catalog: Arc<dyn CatalogApi>,
    pub(crate) clock: Clock,
    pub(crate) config: IngestConfig,
    pub(crate) ids: Ids,
    pub(crate) rng: Rng,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    turn: Arc<Mutex<()>>,
    pub(crate) deeds: Deeds,
}

impl Ingest {
    /// Ingest into `catalog`, with its runs in `db`.
    pub fn new(db: Db, catalog: Arc<dyn CatalogApi>, clock: Clock, rng: Rng, config: IngestConfig) -> Self {
        let ids = Ids::new(clock.clone(), rng.clone());
        let (turn, tasks, stop) = (Arc::default(), TaskTracker::new(), CancellationToken::new());
        Self { db, catalog, clock, config, ids, rng, tasks, stop, turn, deeds: Deeds::default() }
    }

    /// States in `deeds` which runs and jobs operators begin and stop, and that they make up offers.
    pub fn audited(self, deeds: Deeds) -> Self {
        Self { deeds, ..self }
    }

    /// Says that runs and jobs which a kill left as running are interrupted. Call it once, by the only owner of the data.
    ///
    /// # Errors
    /// What the database says.
    pub async fn recover(&self) -> Result<u64> {
        jobs::interrupt_running(&self.db, self.clock.now()).await?;
        Ok(store::interrupt_running(&self.db).await?)
    }

    /// Reads an input to its end, or until `stop` is cancelled: then the batch in flight is finished and the run is
    /// `Interrupted`. An earlier run of the same input and options that did not end is gone on with. Only for the operator,
    /// whatever else somebody may run: the input is read with the node's rights, from its disk or network.
    ///
    /// # Errors
    /// `Unauthenticated` unless the operator asks, `Conflict` (`ingest_busy`) while another run is on, what is wrong
    /// with the input (see [`crate::InputError`]), what the catalogue says. The run then is `Failed` with the same
    /// sentence.
    pub async fn run(
        &self,
        call: &Call,
        request: &RunRequest,
        stop: &CancellationToken,
        on_progress: &(dyn Fn(&Progress) + Send + Sync),
    ) -> Result<Run> {
        call.require_operator()?;
        self.read(call, request, stop, on_progress).await
    }

    /// As [`Ingest::run`], where it is not the caller who says what is read: a feed of the configuration.
    pub(crate) async fn read(
        &self,
        call: &Call,
        request: &RunRequest,
        stop: &CancellationToken,
        on_progress: &(dyn Fn(&Progress) + Send + Sync),
    ) -> Result<Run> {
        let _turn = self.turn()?;
        let (run, source) = self.begin(call, request).await?;
        Drive { ingest: self, call, stop, on_progress }.run(run, &source).await
    }

    /// As [`Ingest::run`], but returns as soon as the run is noted; it goes on by itself.
    ///
    /// # Errors
    /// As far as they show before the input is opened: `Unauthenticated`, `Conflict`, `InvalidArgument`.
    pub async fn start(self: &Arc<Self>, call: &Call, request: &RunRequest) -> Result<Run> {
        call.require_operator()?;
        let turn = self.turn()?;
        let (run, source) = self.begin(call, request).await?;
        let (ingest, call, begun) = (Arc::clone(self), call.clone(), run.clone());
        self.tasks.spawn(async move {
            let _turn = turn;
            let drive = Drive { ingest: &ingest, call: &call, stop: &ingest.stop, on_progress: &|_| {} };
            if let Err(error) = drive.run(run, &source).await {
                tracing::warn!(code = %error.code, "a run failed that was started over HTTP");
            }
        });
        Ok(begun)
    }

    /// The run with this id.
    ///
    /// # Errors
    /// `Unauthenticated` or `PermissionDenied` without `ingest:run:*`, `NotFound`.
    pub async fn get(&self, call: &Call, id: RunId) -> Result<Run> {
        call.require_permission(&Permission::RUN_INGEST)?;
        let run = store::get(&self.db, id).await?;
        run.ok_or_else(|| ApiError::not_found("run_not_found", format!("there is no run {id}")))
    }

    /// Runs, the latest first, from before `before` on.
    ///
    /// # Errors
    /// `Unauthenticated` or `PermissionDenied` without `ingest:run:*`.
    pub async fn list(&self, call: &Call, before: Option<RunId>, limit: u32) -> Result<Vec<Run>> {
        call.require_permission(&Permission::RUN_INGEST)?;
        Ok(store::list(&self.db, before, limit).await?)
    }

    /// Where the rows that a run turned away are: JSON Lines of [`crate::Reject`]. It may not be there.
    pub fn rejected_file(&self, id: RunId) -> PathBuf {
        self.config.folder.join("rejected").join(format!("{id}.jsonl"))
    }

    /// Stops runs that were started with [`Ingest::start`] after the batch they are at, and waits for them.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// One run at a time: two would only wait for each other at the catalogue's one writer.
    pub(crate) fn turn(&self) -> Result<OwnedMutexGuard<()>> {
        self.turn.clone().try_lock_owned().map_err(|_| {
            ApiError::new(ErrorKind::Conflict, "ingest_busy", "another ingest is running; ask again when it is done")
        })
    }

    pub(crate) fn today(&self) -> Date {
        self.clock.now().to_zoned(TimeZone::UTC).date()
    }

    /// Notes the run: a new one, or the one to go on with.
    async fn begin(&self, call: &Call, request: &RunRequest) -> Result<(Run, Source)> {
        if request.location.trim().is_empty() || request.location.chars().count() > MAX_LOCATION {
            let detail = format!("the location must have 1 to {MAX_LOCATION} characters");
            return Err(ApiError::invalid("bad_location", detail.clone()).field("location", detail));
        }
        if request.options.as_of.is_some_and(|day| day > self.today()) {
            return Err(
                ApiError::invalid("bad_as_of", "as_of is in the future").field("as_of", "must not be after today")
            );
        }
        if let Some(platform) = &request.options.platform {
            crate::platforms::choose(Some(platform), "")?;
        }
        if let Some(mapping) = &request.options.mapping {
            mapping.check()?;
            if request.options.format.is_some_and(|format| format != Format::Mapped) {
                let detail = "a mapping is for a file of no other format";
                return Err(ApiError::invalid("bad_mapping", detail).field("format", "must be left out"));
            }
        } else if request.options.format == Some(Format::Mapped) {
            let detail = "the format mapped needs a mapping of the columns";
            return Err(ApiError::invalid("bad_mapping", detail).field("mapping", "must be given"));
        }
        let source = Source::parse(&request.location)?;
        let location = source.shown();
        let now = self.clock.now();
        let holder = self.ids.next();
        let mut tx = self.db.begin().await?;
        // Of several processes that are asked for the same input at once, one gets it.
        tx.lock("ingest_runs").await?;
        let known = store::unfinished(&mut tx, &location, &request.options, now).await?;
        let run = match known {
            Some(run) => Run {
                status: RunStatus::Running,
                error: None,
                error_code: None,
                error_status: None,
                updated_at: now,
                finished_at: None,
                holder,
                ..run
            },
            None => Run {
                id: RunId(self.ids.next()),
                location,
                options: request.options.clone(),
                format: None,
                fingerprint: None,
                as_of: None,
                status: RunStatus::Running,
                counts: Counts::default(),
                unread_languages: UnreadLanguages::default(),
                error: None,
                error_code: None,
                error_status: None,
                started_at: now,
                updated_at: now,
                finished_at: None,
                holder,
            },
        };
        store::put(&mut tx, &run).await?;
        let id = run.id.to_string();
        self.deeds.state(&mut tx, Deed { call, action: "ingest.started", target: &id, detail: &[] }).await?;
        tx.commit().await?;
        Ok((run, source))
    }

    /// States a deed that nothing else is written with.
    pub(crate) async fn state(&self, deed: Deed<'_>) -> Result<()> {
        let mut tx = self.db.begin().await?;
        self.deeds.state(&mut tx, deed).await?;
        Ok(tx.commit().await?)
    }
}
