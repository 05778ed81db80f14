//! How many titles each platform and each genre has: kept as titles are written, since counting them all takes seconds
//! once there are a million.

use contracts::ContentId;
use stores::{DbError, Tx, Value};

use crate::load::{MAX_LIST, in_list};

const BY_PLATFORM: &str = " GROUP BY platform
    ON CONFLICT (platform) DO UPDATE SET titles = platform_counts.titles + excluded.titles";
const BY_GENRE: &str = " GROUP BY g.genre, c.content_type
    ON CONFLICT (genre, content_type) DO UPDATE SET titles = genre_counts.titles + excluded.titles";

/// Takes titles out of the counts, as they are written so far: to be called before they change, as [`put_in`] is after.
/// What is counted is what is written, whatever an earlier release made of the same records.
pub async fn take_out(tx: &mut Tx, ids: &[ContentId]) -> Result<(), DbError> {
    add(tx, "-", ids).await
}

/// Puts titles into the counts, as they are written now. One that is gone does not count.
pub async fn put_in(tx: &mut Tx, ids: &[ContentId]) -> Result<(), DbError> {
    add(tx, "+", ids).await
}

/// Whoever writes titles has the catalogue's lock, so that nobody waits for these few rows.
async fn add(tx: &mut Tx, sign: &str, ids: &[ContentId]) -> Result<(), DbError> {
    let platforms = format!(
        "INSERT INTO platform_counts (platform, titles)
        SELECT platform, {sign}COUNT(DISTINCT content_id) FROM platform_availability WHERE content_id IN"
    );
    let genres = format!(
        "INSERT INTO genre_counts (genre, content_type, titles)
        SELECT g.genre, c.content_type, {sign}COUNT(*) FROM genres g JOIN content c ON c.id = g.content_id
        WHERE g.content_id IN"
    );
    for part in ids.chunks(MAX_LIST) {
        for (head, tail) in [(&platforms, BY_PLATFORM), (&genres, BY_GENRE)] {
            let list = part.iter().copied().map(Value::from).collect();
            let (sql, args) = in_list(head, tail, vec![], list);
            tx.execute(sql, args).await?;
        }
    }
    Ok(())
}
