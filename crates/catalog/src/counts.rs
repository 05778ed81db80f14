//! How many titles each platform and each genre has: kept as titles are written, since counting them all takes seconds
//! once there are a million; and counted anew once a day, since an earlier release that still runs beside this one writes
//! titles and keeps no counts.

use std::time::Duration;

use contracts::ContentId;
use stores::{Db, DbError, Tx, Value, args};

use crate::{
    Catalog,
    load::{MAX_LIST, in_list},
};

/// How often everything is counted anew.
const RECOUNT: Duration = Duration::from_secs(24 * 3_600);

/// What is counted: how the statements begin, up to where they say of which titles, and how they end. By its sign a count
/// is added to what is there, or taken from it.
fn statements(sign: &str) -> [(String, &'static str); 2] {
    let platforms = format!(
        "INSERT INTO platform_counts (platform, titles)
        SELECT platform, {sign}COUNT(DISTINCT content_id) FROM platform_availability"
    );
    let genres = format!(
        "INSERT INTO genre_counts (genre, content_type, titles)
        SELECT g.genre, c.content_type, {sign}COUNT(*) FROM genres g JOIN content c ON c.id = g.content_id"
    );
    let by_platform = " GROUP BY platform
        ON CONFLICT (platform) DO UPDATE SET titles = platform_counts.titles + excluded.titles";
    let by_genre = " GROUP BY g.genre, c.content_type
        ON CONFLICT (genre, content_type) DO UPDATE SET titles = genre_counts.titles + excluded.titles";
    [(platforms, by_platform), (genres, by_genre)]
}

impl Catalog {
    /// Counts the titles of platforms and genres anew, now and once a day, until it is dropped. Where it fails, the next
    /// day tries again.
    pub async fn keep_counts(&self) {
        let mut daily = tokio::time::interval(RECOUNT);
        loop {
            daily.tick().await;
            if let Err(error) = recount(&self.db).await {
                tracing::warn!(%error, "the titles of platforms and genres can't be counted; the next try is in a day");
            }
        }
    }
}

/// Counts everything anew, behind the catalogue's lock, so that nobody writes titles meanwhile. Platforms and genres that
/// have no title any more are forgotten: their ids are whatever sources call them.
async fn recount(db: &Db) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    tx.lock("catalog").await?;
    tx.execute("DELETE FROM platform_counts", args![]).await?;
    tx.execute("DELETE FROM genre_counts", args![]).await?;
    for (head, tail) in statements("+") {
        tx.execute(format!("{head}{tail}"), args![]).await?;
    }
    tx.commit().await
}

/// Takes titles out of the counts, as they are written so far: to be called before they change, as [`put_in`] is after.
/// What is counted is what is written, by whichever release; what one that keeps no counts writes later is only seen when
/// everything is counted anew.
pub async fn take_out(tx: &mut Tx, ids: &[ContentId]) -> Result<(), DbError> {
    add(tx, "-", ids).await
}

/// Puts titles into the counts, as they are written now. One that is gone does not count.
pub async fn put_in(tx: &mut Tx, ids: &[ContentId]) -> Result<(), DbError> {
    add(tx, "+", ids).await
}

/// Whoever writes titles has the catalogue's lock, so that nobody waits for these few rows.
async fn add(tx: &mut Tx, sign: &str, ids: &[ContentId]) -> Result<(), DbError> {
    for (head, tail) in statements(sign) {
        let head = format!("{head} WHERE content_id IN");
        for part in ids.chunks(MAX_LIST) {
            let list = part.iter().copied().map(Value::from).collect();
            let (sql, args) = in_list(&head, tail, vec![], list);
            tx.execute(sql, args).await?;
        }
    }
    Ok(())
}
