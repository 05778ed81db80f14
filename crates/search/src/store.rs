//! The SQL of search: how often titles were searched for by name.

use std::collections::BTreeSet;

use contracts::ContentId;
use stores::{Db, DbError, FromRow, Row, args};

/// The most titles that are kept of one hour.
const MAX_AN_HOUR: i64 = 500;

/// How often a title was searched for in an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Searched {
    /// Hours since 1970.
    pub hour: i64,
    pub id: ContentId,
    pub searches: u64,
}

impl FromRow for Searched {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self { hour: row.get("hour")?, id: row.get("content_id")?, searches: row.get("searches")? })
    }
}

/// Adds `counts` to what is there, and forgets what is older than `oldest` and beyond the most of an hour.
pub(crate) async fn add(db: &Db, counts: &[Searched], oldest: i64) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    for count in counts {
        let sql = "INSERT INTO title_searches (hour, content_id, searches) VALUES ($1, $2, $3)
            ON CONFLICT (hour, content_id) DO UPDATE SET searches = title_searches.searches + excluded.searches";
        tx.execute(sql, args![count.hour, count.id, i64::try_from(count.searches).unwrap_or(i64::MAX)]).await?;
    }
    for hour in counts.iter().map(|count| count.hour).collect::<BTreeSet<_>>() {
        let sql = "DELETE FROM title_searches WHERE hour = $1 AND content_id NOT IN (
            SELECT content_id FROM title_searches WHERE hour = $1 ORDER BY searches DESC, content_id LIMIT $2)";
        tx.execute(sql, args![hour, MAX_AN_HOUR]).await?;
    }
    tx.execute("DELETE FROM title_searches WHERE hour < $1", args![oldest]).await?;
    tx.commit().await
}

/// Everything since the hour `oldest`.
pub(crate) async fn since(db: &Db, oldest: i64) -> Result<Vec<Searched>, DbError> {
    let sql = "SELECT hour, content_id, searches FROM title_searches WHERE hour >= $1";
    db.fetch_all(sql, args![oldest]).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::id;

    async fn counts_add_up_within_bounds(db: &Db) {
        let searched = |hour, number, searches| Searched { hour, id: id(number), searches };
        add(db, &[searched(10, 1, 2), searched(11, 1, 1)], 0).await.unwrap();
        add(db, &[searched(10, 1, 3), searched(11, 2, 4)], 0).await.unwrap();
        let mut all = since(db, 0).await.unwrap();
        all.sort_by_key(|row| (row.hour, row.id));
        assert_eq!(all, [searched(10, 1, 5), searched(11, 1, 1), searched(11, 2, 4)]);
        assert_eq!(since(db, 11).await.unwrap().len(), 2);

        let crowd: Vec<Searched> = (0..600).map(|number| searched(20, number, 1 + number as u64)).collect();
        add(db, &crowd, 11).await.unwrap();
        let all = since(db, 0).await.unwrap();
        assert!(all.iter().all(|row| row.hour >= 11), "what is old is forgotten");
        let kept: Vec<u64> = all.iter().filter(|row| row.hour == 20).map(|row| row.searches).collect();
        assert_eq!((kept.len(), kept.iter().min()), (500, Some(&101)), "the most searched for stay");
    }

    #[tokio::test]
    async fn counts_add_up_within_bounds_on_sqlite() {
        counts_add_up_within_bounds(&testkit::sqlite().await.db()).await;
    }

    #[tokio::test]
    async fn counts_add_up_within_bounds_on_postgres() {
        counts_add_up_within_bounds(&testkit::postgres().await.db()).await;
    }
}
