//! The SQL of jobs.

use contracts::{Content, Offer};
use jiff::{SignedDuration, Timestamp};
use stores::{Db, DbError, FromRow, Row, Tx, args};

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
pub(super) async fn claim(db: &Db, name: &str, now: Timestamp, next_at: Timestamp) -> Result<bool, DbError> {
    let sql = "UPDATE jobs SET status = 'running', started_at = $2, beat_at = $2, finished_at = NULL, next_at = $3,
            error = NULL, summary = NULL, done = CASE WHEN position IS NULL THEN 0 ELSE done END
        WHERE name = $1 AND (status <> 'running' OR beat_at < $4)";
    Ok(db.execute(sql, args![name, now, next_at, silent(now)]).await? == 1)
}

fn silent(now: Timestamp) -> Timestamp {
    now.checked_sub(SILENCE).unwrap_or(Timestamp::MIN)
}

/// Says that a run is alive.
pub(super) async fn beat(db: &Db, name: &str, now: Timestamp) -> Result<(), DbError> {
    db.execute("UPDATE jobs SET beat_at = $2 WHERE name = $1", args![name, now]).await.map(|_| ())
}

/// Notes how many rows a run has seen.
pub(super) async fn count(db: &Db, name: &str, done: u64) -> Result<(), DbError> {
    let done = i64::try_from(done).unwrap_or(i64::MAX);
    db.execute("UPDATE jobs SET done = $2 WHERE name = $1", args![name, done]).await.map(|_| ())
}

/// How soon a job that was stopped goes on.
const SOON: SignedDuration = SignedDuration::from_mins(1);

/// Notes how a run ended. `outcome` is what came of it, or why it failed; `None` when it was stopped. `goes_on` keeps
/// the position of one that came to its end for the next.
pub(super) async fn end(
    db: &Db,
    name: &str,
    now: Timestamp,
    outcome: Option<&Result<String, String>>,
    goes_on: bool,
) -> Result<(), DbError> {
    let (status, summary, error) = match outcome {
        Some(Ok(summary)) => (JobStatus::Waiting, Some(summary), None),
        Some(Err(error)) => (JobStatus::Failed, None, Some(error)),
        None => (JobStatus::Interrupted, None, None),
    };
    let sql = "UPDATE jobs SET status = $2, finished_at = $3, summary = $4, error = $5,
            position = CASE WHEN $2 = 'waiting' AND $7 = 0 THEN NULL ELSE position END,
            next_at = CASE WHEN $2 = 'interrupted' THEN $6 ELSE next_at END
        WHERE name = $1";
    let soon = now.checked_add(SOON).unwrap_or(now);
    db.execute(sql, args![name, status.as_str(), now, summary, error, soon, i64::from(goes_on)]).await.map(|_| ())
}

/// Jobs whose process was killed are interrupted, and their time has come.
pub(crate) async fn interrupt_running(db: &Db, now: Timestamp) -> Result<u64, DbError> {
    let sql = "UPDATE jobs SET status = 'interrupted', next_at = $1 WHERE status = 'running'";
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

/// Notes how far the walk is, in the transaction that announces.
pub(super) async fn walked(tx: &mut Tx, name: &str, position: &str, now: Timestamp, done: u64) -> Result<(), DbError> {
    let sql = "UPDATE jobs SET position = $2, beat_at = $3, done = $4 WHERE name = $1";
    tx.execute(sql, args![name, position, now, i64::try_from(done).unwrap_or(i64::MAX)]).await.map(|_| ())
}

/// Forgets announcements of offers that are long gone.
pub(super) async fn forget(db: &Db, now: Timestamp) -> Result<u64, DbError> {
    let before = now.checked_sub(SignedDuration::from_hours(30 * 24)).unwrap_or(Timestamp::MIN);
    db.execute("DELETE FROM expiry_warnings WHERE expires_at < $1", args![before]).await
}
