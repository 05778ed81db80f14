//! Seasons and episodes as they are asked for. (the SQL of it is here)

use std::collections::HashMap;

use contracts::{Call, ContentId, Episode, MAX_EPISODES, MAX_SEASONS, Result, Season, SourceSeason};
use stores::{Db, DbError, FromRow, Row, args};

use crate::{Catalog, store};

struct SeasonRow(ContentId, Season);

impl FromRow for SeasonRow {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let season = Season {
            number: row.get("season_number")?,
            name: row.get("name")?,
            overview: row.get("overview")?,
            air_date: row.get("air_date")?,
            air_year: row.get("air_year")?,
            episode_count: row.get("episode_count")?,
        };
        Ok(Self(row.get("content_id")?, season))
    }
}

struct EpisodeRow(ContentId, u16, Episode);

impl FromRow for EpisodeRow {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let episode = Episode {
            number: row.get("episode_number")?,
            title: row.get("title")?,
            overview: row.get("overview")?,
            air_date: row.get("air_date")?,
            runtime_minutes: row.get("runtime_minutes")?,
        };
        Ok(Self(row.get("content_id")?, row.get("season_number")?, episode))
    }
}

impl Catalog {
    /// The seasons of a title by number, at most [`MAX_SEASONS`]; none for one that is not there.
    ///
    /// # Errors
    /// When the database can't be read.
    pub(crate) async fn seasons_of(&self, call: &Call, id: ContentId) -> Result<Vec<Season>> {
        call.remaining(&self.clock)?;
        let sql = "SELECT * FROM seasons WHERE content_id = $1 ORDER BY season_number LIMIT $2";
        let rows: Vec<SeasonRow> = self.db.fetch_all(sql, args![id, most(MAX_SEASONS)]).await?;
        Ok(rows.into_iter().map(|row| row.1).collect())
    }

    /// A season with its episodes by number, at most [`MAX_EPISODES`]; `None` where the title has no such season.
    ///
    /// # Errors
    /// When the database can't be read.
    pub(crate) async fn season(&self, call: &Call, id: ContentId, number: u16) -> Result<Option<SourceSeason>> {
        call.remaining(&self.clock)?;
        let sql = "SELECT * FROM seasons WHERE content_id = $1 AND season_number = $2";
        let Some(SeasonRow(_, season)) = self.db.fetch_optional(sql, args![id, number]).await? else { return Ok(None) };
        let sql =
            "SELECT * FROM episodes WHERE content_id = $1 AND season_number = $2 ORDER BY episode_number LIMIT $3";
        let rows: Vec<EpisodeRow> = self.db.fetch_all(sql, args![id, number, most(MAX_EPISODES)]).await?;
        Ok(Some(SourceSeason { season, episodes: rows.into_iter().map(|row| row.2).collect() }))
    }
}

fn most(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The seasons of some titles with their episodes, both by number. At most [`crate::load::MAX_LIST`] ids.
pub async fn whole(db: &Db, ids: &[ContentId]) -> Result<HashMap<ContentId, Vec<SourceSeason>>, DbError> {
    let mut found: HashMap<ContentId, Vec<SourceSeason>> = HashMap::new();
    let head = "SELECT * FROM seasons WHERE content_id IN";
    for SeasonRow(id, season) in store::fetch(db, head, " ORDER BY content_id, season_number", ids).await? {
        found.entry(id).or_default().push(SourceSeason { season, episodes: Vec::new() });
    }
    if found.is_empty() {
        return Ok(found);
    }
    let head = "SELECT * FROM episodes WHERE content_id IN";
    let tail = " ORDER BY content_id, season_number, episode_number";
    for EpisodeRow(id, number, episode) in store::fetch(db, head, tail, ids).await? {
        let mut seasons = found.entry(id).or_default().iter_mut();
        if let Some(told) = seasons.find(|told| told.season.number == number) {
            told.episodes.push(episode);
        }
    }
    Ok(found)
}
