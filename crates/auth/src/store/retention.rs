//! What is kept no longer: rows that ended long ago, and old entries of the audit log.

use jiff::Timestamp;
use stores::{Db, DbError, Rows, Tx, args};

use crate::{audit::COLUMNS, retention::BATCHES};

/// Whoever moves or forgets entries does so alone.
const LOCK: &str = "auth audit retention";

/// Where the chain of the entries that are kept begins: the position and hash of the last that was forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Anchor {
    pub position: i64,
    pub hash: Vec<u8>,
}

/// It; that of a log of which nothing was forgotten where what says so is gone, so that what was forgotten is missing.
pub(crate) async fn anchor(db: &Db) -> Result<Anchor, DbError> {
    let sql = "SELECT position, hash FROM auth_audit_anchor";
    let found: Option<(i64, Vec<u8>)> = db.fetch_optional(sql, args![]).await?;
    let (position, hash) = found.unwrap_or_else(|| (0, vec![0; 32]));
    Ok(Anchor { position, hash })
}

/// Runs each of `statements`, which forgets at most `$2` rows of before `$1`, until little is left. What fails keeps none of
/// the others from being run.
pub(crate) async fn in_batches(
    db: &Db,
    statements: &[&'static str],
    cut: Timestamp,
    limit: i64,
) -> Result<(), DbError> {
    let mut failed = Ok(());
    for &statement in statements {
        failed = failed.and(exhaust(db, statement, cut, limit).await);
    }
    failed
}

/// Each batch is a transaction, which sees every row.
async fn exhaust(db: &Db, statement: &'static str, cut: Timestamp, limit: i64) -> Result<(), DbError> {
    for _ in 0..BATCHES {
        let mut tx = db.begin().await?;
        tx.sees(Rows::All).await?;
        let gone = tx.execute(statement, args![cut, limit]).await?;
        tx.commit().await?;
        if gone < limit.unsigned_abs() {
            break;
        }
    }
    Ok(())
}

/// Forgets what had ended before `cut`, at most `limit` rows at a time. What ends early, because somebody ended it, is kept
/// as long as if nobody had.
pub(crate) async fn sweep(db: &Db, cut: Timestamp, limit: i64) -> Result<(), DbError> {
    let statements = [
        "DELETE FROM auth_sessions WHERE id IN (SELECT id FROM auth_sessions WHERE expires_at < $1 LIMIT $2)",
        // Its tokens have ended before it, and go first.
        "DELETE FROM auth_families WHERE id IN (SELECT f.id FROM auth_families f WHERE f.expires_at < $1
            AND NOT EXISTS (SELECT 1 FROM auth_refresh_tokens r WHERE r.family_id = f.id) LIMIT $2)",
        "DELETE FROM auth_service_keys WHERE id IN
            (SELECT id FROM auth_service_keys WHERE revoked_at < $1 OR expires_at < $1 LIMIT $2)",
        "DELETE FROM auth_signing_keys WHERE id IN (SELECT id FROM auth_signing_keys WHERE verifies_until < $1 LIMIT $2)",
        "DELETE FROM auth_api_keys WHERE id IN
            (SELECT id FROM auth_api_keys WHERE revoked_at < $1 OR expires_at < $1 LIMIT $2)",
    ];
    in_batches(db, &statements, cut, limit).await
}

/// Whether the oldest entry of a table was stated before `cut`: asked without a turn to write.
async fn has_old(db: &Db, table: &str, cut: Timestamp) -> Result<bool, DbError> {
    let sql = format!("SELECT stated_at FROM {table} ORDER BY position LIMIT 1");
    Ok(db.fetch_optional::<Timestamp>(sql, args![]).await?.is_some_and(|at| at < cut))
}

/// The last of the oldest entries of a table up to the first that was not stated before `cut`, at most `limit`.
async fn last_old(tx: &mut Tx, table: &str, cut: Timestamp, limit: i64) -> Result<Option<(Anchor, u64)>, DbError> {
    let sql = format!("SELECT position, stated_at, hash FROM {table} ORDER BY position LIMIT $1");
    let rows: Vec<(i64, Timestamp, Vec<u8>)> = tx.fetch_all(sql, args![limit]).await?;
    let old = rows.into_iter().take_while(|(_, at, _)| *at < cut);
    Ok(old.fold(None, |found: Option<(Anchor, u64)>, (position, _, hash)| {
        Some((Anchor { position, hash }, found.map_or(1, |(_, count)| count + 1)))
    }))
}

/// Puts the oldest entries away that were stated before `cut`, at most `limit`; says how many.
pub(crate) async fn put_away(db: &Db, cut: Timestamp, limit: i64) -> Result<u64, DbError> {
    if !has_old(db, "auth_audit", cut).await? {
        return Ok(0);
    }
    let mut tx = db.begin().await?;
    tx.lock(LOCK).await?;
    let Some((last, count)) = last_old(&mut tx, "auth_audit", cut, limit).await? else { return Ok(0) };
    let sql = format!("INSERT INTO auth_audit_cold ({COLUMNS}) SELECT {COLUMNS} FROM auth_audit WHERE position <= $1");
    tx.execute(sql, args![last.position]).await?;
    tx.execute("DELETE FROM auth_audit WHERE position <= $1", args![last.position]).await?;
    tx.commit().await?;
    Ok(count)
}

/// A transaction that has forgotten the oldest entries, of those put away, that were stated before `cut`, at most
/// `limit`: it is yet to be said, and committed. `None` where there is none.
pub(crate) async fn forget(db: &Db, cut: Timestamp, limit: i64) -> Result<Option<(Tx, Anchor)>, DbError> {
    if !has_old(db, "auth_audit_cold", cut).await? {
        return Ok(None);
    }
    let mut tx = db.begin().await?;
    tx.lock(LOCK).await?;
    let Some((last, _)) = last_old(&mut tx, "auth_audit_cold", cut, limit).await? else { return Ok(None) };
    tx.execute("DELETE FROM auth_audit_cold WHERE position <= $1", args![last.position]).await?;
    let sql = "UPDATE auth_audit_anchor SET position = $1, hash = $2 WHERE only_row = 1";
    tx.execute(sql, args![last.position, last.hash.as_slice()]).await?;
    Ok(Some((tx, last)))
}

/// The migrations that the audit log has told of.
pub(crate) async fn told(db: &Db) -> Result<Vec<i64>, DbError> {
    db.fetch_all("SELECT version FROM auth_schema_entries", args![]).await
}

/// Notes that the audit log tells of a migration; says whether nobody did so before.
pub(crate) async fn tell(tx: &mut Tx, version: i64) -> Result<bool, DbError> {
    let sql = "INSERT INTO auth_schema_entries (version) VALUES ($1) ON CONFLICT (version) DO NOTHING";
    Ok(tx.execute(sql, args![version]).await? == 1)
}
