//! The SQL of ingest: the table of its runs.

use contracts::{ApiError, ErrorKind, RunId};
use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::Serialize;
use stores::{Db, DbError, FromRow, Row, Tx, Value, args};
use uuid::Uuid;

use crate::run::{Counts, Run, RunOptions, RunStatus};

/// How long a running run may be silent before another process may take it over.
const SILENCE: SignedDuration = SignedDuration::from_mins(2);

const COLUMNS: &str = "id, location, options, format, fingerprint, as_of, status, rows_read, created, updated, merged,
    unchanged, rejected, parts, passed_by, error, error_code, error_status, started_at, updated_at, finished_at, holder,
    unread_languages";

impl FromRow for Run {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let format: Option<String> = row.get("format")?;
        Ok(Self {
            id: row.get("id")?,
            location: row.get("location")?,
            options: serde_json::from_str(&row.get::<String>("options")?)
                .map_err(|error| DbError::Value(format!("the options of a run can't be read: {error}")))?,
            format: format.map(|name| name.parse()).transpose()?,
            fingerprint: row.get("fingerprint")?,
            as_of: row.get("as_of")?,
            status: row.get::<String>("status")?.parse()?,
            counts: Counts {
                rows_read: row.get("rows_read")?,
                created: row.get("created")?,
                updated: row.get("updated")?,
                merged: row.get("merged")?,
                unchanged: row.get("unchanged")?,
                rejected: row.get("rejected")?,
                parts: row.get("parts")?,
                passed_by: row.get("passed_by")?,
            },
            unread_languages: serde_json::from_str(&row.get::<String>("unread_languages")?)
                .map_err(|error| DbError::Value(format!("the languages of a run can't be read: {error}")))?,
            error: row.get("error")?,
            error_code: row.get("error_code")?,
            error_status: row.get("error_status")?,
            started_at: row.get("started_at")?,
            updated_at: row.get("updated_at")?,
            finished_at: row.get("finished_at")?,
            holder: row.get::<Option<Uuid>>("holder")?.unwrap_or_default(),
        })
    }
}

/// Writes a run for its holder: what another process has taken over is no more written to.
///
/// # Errors
/// `run_taken_over`.
pub(crate) async fn save(db: &Db, run: &Run) -> Result<(), ApiError> {
    let sql = format!("{PUT} WHERE ingest_runs.holder = excluded.holder");
    kept(run.id, db.execute(sql, values(run)).await?)
}

/// Says that a run is alive.
///
/// # Errors
/// `run_taken_over`.
pub(crate) async fn beat(db: &Db, id: RunId, holder: Uuid, now: Timestamp) -> Result<(), ApiError> {
    let sql = "UPDATE ingest_runs SET beat_at = $3 WHERE id = $1 AND holder = $2";
    kept(id, db.execute(sql, args![id, holder, now]).await?)
}

fn kept(id: RunId, rows: u64) -> Result<(), ApiError> {
    if rows == 1 {
        return Ok(());
    }
    let detail = format!("the run {id} was taken over by another process, after it had been silent");
    Err(ApiError::new(ErrorKind::Conflict, "run_taken_over", detail))
}

/// Notes a new run, or one to go on with, as its holder's.
pub(crate) async fn put(tx: &mut Tx, run: &Run) -> Result<(), DbError> {
    tx.execute(PUT, values(run)).await.map(|_| ())
}

const PUT: &str =
    "INSERT INTO ingest_runs (id, location, options, format, fingerprint, as_of, status, rows_read, created,
        updated, merged, unchanged, rejected, passed_by, parts, error, error_code, error_status, started_at, updated_at,
        finished_at, holder, unread_languages, beat_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
        $20)
    ON CONFLICT (id) DO UPDATE SET format = excluded.format, fingerprint = excluded.fingerprint,
        as_of = excluded.as_of, status = excluded.status, rows_read = excluded.rows_read,
        created = excluded.created, updated = excluded.updated, merged = excluded.merged,
        unchanged = excluded.unchanged, rejected = excluded.rejected, passed_by = excluded.passed_by,
        parts = excluded.parts, unread_languages = excluded.unread_languages,
        error = excluded.error, error_code = excluded.error_code, error_status = excluded.error_status,
        updated_at = excluded.updated_at, finished_at = excluded.finished_at, holder = excluded.holder,
        beat_at = excluded.beat_at";

fn values(run: &Run) -> Vec<Value> {
    let counts = &run.counts;
    args![
        run.id,
        &run.location,
        json_text(&run.options),
        run.format.map(crate::Format::as_str),
        run.fingerprint.as_ref(),
        run.as_of,
        run.status.as_str(),
        signed(counts.rows_read),
        signed(counts.created),
        signed(counts.updated),
        signed(counts.merged),
        signed(counts.unchanged),
        signed(counts.rejected),
        signed(counts.passed_by),
        signed(counts.parts),
        run.error.as_ref(),
        run.error_code.as_ref(),
        run.error_status,
        run.started_at,
        run.updated_at,
        run.finished_at,
        run.holder,
        json_text(&run.unread_languages),
    ]
}

/// The run with this id.
pub(crate) async fn get(db: &Db, id: RunId) -> Result<Option<Run>, DbError> {
    db.fetch_optional(format!("SELECT {COLUMNS} FROM ingest_runs WHERE id = $1"), args![id]).await
}

/// Runs, the latest first, from before `before` on.
pub(crate) async fn list(db: &Db, before: Option<RunId>, limit: u32) -> Result<Vec<Run>, DbError> {
    let condition = if before.is_some() { "WHERE id < $2" } else { "" };
    let mut args = args![limit];
    args.extend(before.map(Into::into));
    db.fetch_all(format!("SELECT {COLUMNS} FROM ingest_runs {condition} ORDER BY id DESC LIMIT $1"), args).await
}

/// The latest run of this input with these options that did not come to its end. Nobody else may have it: the lock on
/// the runs must be held until it is put down again.
///
/// # Errors
/// `ingest_busy` while another process runs it.
pub(crate) async fn unfinished(
    tx: &mut Tx,
    location: &str,
    options: &RunOptions,
    now: Timestamp,
) -> Result<Option<Run>, ApiError> {
    let sql = format!(
        "SELECT {COLUMNS}, beat_at FROM ingest_runs WHERE location = $1 AND options = $2 AND status <> 'done'
        ORDER BY id DESC LIMIT 1"
    );
    let found: Option<Beating> = tx.fetch_optional(sql, args![location, json_text(options)]).await?;
    let Some(Beating(run, beat_at)) = found else { return Ok(None) };
    let silent = now.checked_sub(SILENCE).unwrap_or(Timestamp::MIN);
    if run.status == RunStatus::Running && beat_at.is_some_and(|at| at >= silent) {
        let detail = format!("another process reads this input: run {}; ask again when it is done", run.id);
        return Err(ApiError::new(ErrorKind::Conflict, "ingest_busy", detail));
    }
    Ok(Some(run))
}

/// A run and when it last said that it is alive.
struct Beating(Run, Option<Timestamp>);

impl FromRow for Beating {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self(Run::from_row(row)?, row.get("beat_at")?))
    }
}

/// The day that the first run of the same bytes with the same options was for.
pub(crate) async fn first_as_of(db: &Db, fingerprint: &str, options: &RunOptions) -> Result<Option<Date>, DbError> {
    let sql = "SELECT as_of FROM ingest_runs WHERE fingerprint = $1 AND options = $2 AND as_of IS NOT NULL
        ORDER BY id LIMIT 1";
    db.fetch_optional(sql, args![fingerprint, json_text(options)]).await
}

/// Runs whose process was killed are interrupted; says how many.
pub(crate) async fn interrupt_running(db: &Db) -> Result<u64, DbError> {
    let sql = "UPDATE ingest_runs SET status = 'interrupted', holder = NULL WHERE status = 'running'";
    db.execute(sql, args![]).await
}

/// The same value always gives the same text, by which options are found again: the order of a struct's fields is fixed.
fn json_text(plain: &impl Serialize) -> String {
    serde_json::to_string(plain).unwrap_or_default()
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
