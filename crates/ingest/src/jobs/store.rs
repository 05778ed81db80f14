//! The SQL of jobs.

use contracts::{ApiError, Content, ErrorKind, Offer};
use jiff::{SignedDuration, Timestamp};
use stores::{Db, DbError, FromRow, Row, Tx, args};
use uuid::Uuid;

use super::{Definition, Job, JobStatus, SILENCE};

/// What is stored of a job.
pub(super) struct JobRow {
    pub name: String,
    status: JobStatus,
    next_at: Timestamp,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    done: u64,
    summary: Option<String>,
    error: Option<String>,
    /// Where a run that was stopped goes on.
    pub position: Option<String>,
}

impl FromRow for JobRow {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            name: row.get("name")?,
            status: JobStatus::parse(&row.get::<String>("status")?)?,
            next_at: row.get("next_at")?,
            started_at: row.get("started_at")?,
            finished_at: row.get("finished_at")?,
            done: row.get("done")?,
            summary: row.get("summary")?,
            error: row.get("error")?,
            position: row.get("position")?,
        })
    }
}

impl JobRow {
    pub fn job(self, definition: &Definition) -> Job {
        Job {
            name: self.name,
            about: definition.about.clone(),
            schedule: definition.schedule.to_owned(),
            status: self.status,
            next_at: self.next_at,
            started_at: self.started_at,
            finished_at: self.finished_at,
            done: self.done,
            summary: self.summary,
            error: self.error,
        }
    }
}

/// A job that this process has: no other writes to its row, unless it is silent for too long and taken over. Then this
/// one's writes are in vain.
#[derive(Clone, Debug)]
pub(crate) struct Hold {
    pub name: String,
    /// The id of this one time that it runs.
    pub holder: Uuid,
}

impl Hold {
    /// What a write that met no row of ours means.
    fn kept(&self, rows: u64) -> Result<(), ApiError> {
        if rows == 1 {
            return Ok(());
        }
        let detail = format!("the job {} was taken over by another process, after it had been silent", self.name);
        Err(ApiError::new(ErrorKind::Conflict, "job_taken_over", detail))
    }
}

const COLUMNS: &str = "name, status, next_at, started_at, finished_at, done, summary, error, position";

/// Notes a job that is not known yet, for its first time.
pub(super) async fn note(db: &Db, name: &str, next_at: Timestamp) -> Result<(), DbError> {
    let sql = "INSERT INTO jobs (name, status, next_at) VALUES ($1, 'waiting', $2) ON CONFLICT (name) DO NOTHING";
    db.execute(sql, args![name, next_at]).await.map(|_| ())
}

pub(super) async fn get(db: &Db, name: &str) -> Result<Option<JobRow>, DbError> {
    db.fetch_optional(format!("SELECT {COLUMNS} FROM jobs WHERE name = $1"), args![name]).await
}

/// The names of the jobs whose time has come and that nobody runs.
pub(super) async fn due(db: &Db, now: Timestamp) -> Result<Vec<String>, DbError> {
    let sql = "SELECT name FROM jobs WHERE next_at <= $1 AND (status <> 'running' OR beat_at < $2) ORDER BY next_at";
    db.fetch_all(sql, args![now, silent(now)]).await
}

/// Takes a job, if nobody has it; `next_at` is when it comes back. A run that was stopped keeps its count.
pub(super) async fn claim(tx: &mut Tx, hold: &Hold, now: Timestamp, next_at: Timestamp) -> Result<bool, DbError> {
    let sql = "UPDATE jobs SET status = 'running', started_at = $2, beat_at = $2, finished_at = NULL, next_at = $3,
            error = NULL, summary = NULL, done = CASE WHEN position IS NULL OR status = 'waiting' THEN 0 ELSE done END, holder = $5
        WHERE name = $1 AND (status <> 'running' OR beat_at < $4)";
    Ok(tx.execute(sql, args![&hold.name, now, next_at, silent(now), hold.holder]).await? == 1)
}

fn silent(now: Timestamp) -> Timestamp {
    now.checked_sub(SILENCE).unwrap_or(Timestamp::MIN)
}

/// Says that a run is alive.
pub(super) async fn beat(db: &Db, hold: &Hold, now: Timestamp) -> Result<(), ApiError> {
    let sql = "UPDATE jobs SET beat_at = $3 WHERE name = $1 AND holder = $2";
    hold.kept(db.execute(sql, args![&hold.name, hold.holder, now]).await?)
}

/// Notes how many rows a run has seen.
pub(super) async fn count(db: &Db, hold: &Hold, done: u64) -> Result<(), ApiError> {
    let sql = "UPDATE jobs SET done = $3 WHERE name = $1 AND holder = $2";
    let done = i64::try_from(done).unwrap_or(i64::MAX);
    hold.kept(db.execute(sql, args![&hold.name, hold.holder, done]).await?)
}

/// How soon a job that was stopped goes on.
const SOON: SignedDuration = SignedDuration::from_mins(1);

/// Notes how a run ended. `outcome` is what came of it, or why it failed; `None` when it was stopped. `goes_on` keeps
/// the position of one that came to its end for the next.
pub(super) async fn end(
    db: &Db,
    hold: &Hold,
    now: Timestamp,
    outcome: Option<&Result<String, String>>,
    goes_on: bool,
) -> Result<(), ApiError> {
    let (status, summary, error) = match outcome {
        Some(Ok(summary)) => (JobStatus::Waiting, Some(summary), None),
        Some(Err(error)) => (JobStatus::Failed, None, Some(error)),
        None => (JobStatus::Interrupted, None, None),
    };
    let sql = "UPDATE jobs SET status = $2, finished_at = $3, summary = $4, error = $5,
            position = CASE WHEN $2 = 'waiting' AND $7 = 0 THEN NULL ELSE position END,
            next_at = CASE WHEN $2 = 'interrupted' THEN $6 ELSE next_at END
        WHERE name = $1 AND holder = $8";
    let soon = now.checked_add(SOON).unwrap_or(now);
    let goes_on = i64::from(goes_on);
    let args = args![&hold.name, status.as_str(), now, summary, error, soon, goes_on, hold.holder];
    hold.kept(db.execute(sql, args).await?)
}

/// Jobs whose process was killed are interrupted, and their time has come.
pub(crate) async fn interrupt_running(db: &Db, now: Timestamp) -> Result<u64, DbError> {
    let sql = "UPDATE jobs SET status = 'interrupted', next_at = $1, holder = NULL WHERE status = 'running'";
    db.execute(sql, args![now]).await
}

/// Notes that an offer was announced; false when it was before.
pub(super) async fn warn(tx: &mut Tx, title: &Content, offer: &Offer, now: Timestamp) -> Result<bool, DbError> {
    let sql = "INSERT INTO expiry_warnings (content_id, platform, region, availability_type, expires_at, warned_at)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    let terms = offer.availability_type.as_str();
    let args = args![title.id, &offer.platform, offer.region, terms, offer.expires_at, now];
    Ok(tx.execute(sql, args).await? == 1)
}

/// Notes that a walk has seen a page of so many, in the transaction of what it did there, and where the next page is,
/// unless that was the last. A run that goes on counts on.
pub(super) async fn walked(
    tx: &mut Tx,
    hold: &Hold,
    next: Option<&str>,
    now: Timestamp,
    page: usize,
) -> Result<(), ApiError> {
    let sql = "UPDATE jobs SET position = COALESCE($3, position), beat_at = $4, done = done + $5
        WHERE name = $1 AND holder = $2";
    let page = i64::try_from(page).unwrap_or(i64::MAX);
    hold.kept(tx.execute(sql, args![&hold.name, hold.holder, next, now, page]).await?)
}

/// Forgets announcements of offers that are long gone.
pub(super) async fn forget(db: &Db, now: Timestamp) -> Result<u64, DbError> {
    let before = now.checked_sub(SignedDuration::from_hours(30 * 24)).unwrap_or(Timestamp::MIN);
    db.execute("DELETE FROM expiry_warnings WHERE expires_at < $1", args![before]).await
}
