//! Up to which age people see titles.

use contracts::{AgeLimit, Region, UserId};
use jiff::Timestamp;
use stores::{Db, DbError, FromRow, Row, Sql, Tx, Value, args, sql::placeholders};

/// A limit, and since when it holds for whom.
pub(crate) struct AgeRow {
    pub user: UserId,
    pub ages: AgeLimit,
    pub changed_at: Timestamp,
}

impl FromRow for AgeRow {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let region = row.get::<Option<String>>("region")?.map(|code| code.parse::<Region>()).transpose()?;
        Ok(Self {
            user: row.get("user_id").map(UserId)?,
            ages: AgeLimit { max_age: row.get("max_age")?, region },
            changed_at: row.get("changed_at")?,
        })
    }
}

const ROW: &str = "SELECT user_id, max_age, region, changed_at FROM auth_age_limits";

pub(crate) async fn get(db: &Db, user: UserId) -> Result<Option<AgeRow>, DbError> {
    db.fetch_optional(format!("{ROW} WHERE user_id = $1"), args![user.0]).await
}

/// As [`get`], in the caller's transaction.
pub(crate) async fn held(tx: &mut Tx, user: UserId) -> Result<Option<AgeRow>, DbError> {
    tx.fetch_optional(format!("{ROW} WHERE user_id = $1"), args![user.0]).await
}

/// Theirs, in no order; of those who have one.
pub(crate) async fn of(db: &Db, people: &[UserId]) -> Result<Vec<AgeRow>, DbError> {
    let sql = Sql::from(format!("{ROW} WHERE user_id IN {}", placeholders(1, people.len())));
    let sql = if people.len() > 1 { sql.once() } else { sql };
    db.fetch_all(sql, people.iter().map(|person| Value::from(person.0)).collect()).await
}

/// Everybody's. One more than `limit` when there are more.
pub(crate) async fn all(db: &Db, limit: usize) -> Result<Vec<AgeRow>, DbError> {
    db.fetch_all(format!("{ROW} LIMIT $1"), args![i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)]).await
}

/// How many others have one; whoever asks is the only one to set one until the transaction ends.
pub(crate) async fn others(tx: &mut Tx, user: UserId) -> Result<i64, DbError> {
    tx.lock("auth age limits").await?;
    tx.fetch_one("SELECT COUNT(*) FROM auth_age_limits WHERE user_id <> $1", args![user.0]).await
}

pub(crate) async fn set(tx: &mut Tx, user: UserId, ages: AgeLimit, at: Timestamp) -> Result<(), DbError> {
    let sql = "INSERT INTO auth_age_limits (user_id, max_age, region, changed_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (user_id) DO UPDATE SET max_age = excluded.max_age, region = excluded.region,
            changed_at = excluded.changed_at";
    tx.execute(sql, args![user.0, ages.max_age, ages.region, at]).await.map(|_| ())
}

pub(crate) async fn end(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    tx.execute("DELETE FROM auth_age_limits WHERE user_id = $1", args![user.0]).await.map(|_| ())
}
