//! What a source says about a title, before it meets what the others say.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    AvailabilityType, ContentId, ContentType, Credit, Episode, ExternalId, Image, Language, Locale, Money, Region,
    Season, Translation, VideoQuality,
};

/// The most seasons of one title.
pub const MAX_SEASONS: usize = 200;
/// The most episodes of one title, of all its seasons.
pub const MAX_EPISODES: usize = 2_000;
/// The longest overview of a season or an episode, in characters.
pub const MAX_PART_OVERVIEW: usize = 2_000;
/// The longest name of a season or title of an episode, in characters.
pub const MAX_PART_NAME: usize = 500;

/// A season as a source knows it, with those of its episodes that it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceSeason {
    /// The season.
    pub season: Season,
    /// Its episodes, in no order; of all seasons together at most [`MAX_EPISODES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub episodes: Vec<Episode>,
}

/// An offer as a source states it; the catalogue adds where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceOffer {
    /// The platform's id.
    pub platform: String,
    /// Where it holds.
    pub region: Region,
    /// On which terms.
    pub availability_type: AvailabilityType,
    /// How sharp it is, where the source says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<VideoQuality>,
    /// What it costs.
    pub price: Option<Money>,
    /// Opens the title in the platform's app.
    pub deep_link: Option<String>,
    /// The platform's page on the web.
    pub web_url: String,
    /// Since when.
    pub available_from: Option<Timestamp>,
    /// Until when.
    pub expires_at: Option<Timestamp>,
    /// When the source was last known to say so.
    pub checked_at: Timestamp,
    /// How much the adapter believes it, from 0 to 1.
    pub confidence: f64,
}

/// One title as one source describes it, in our vocabulary. An adapter makes it; the catalogue resolves it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// The source: `wikidata`, `wikipedia`, `netflix`, …, or `sample` for what was generated.
    pub source: String,
    /// The source's own key for the record; the same key always means the same record.
    pub source_key: String,
    /// Film or series.
    pub content_type: ContentType,
    /// The title.
    pub title: String,
    /// The title in its first language, where the source tells it apart.
    pub original_title: Option<String>,
    /// The language of `title` and `overview`.
    pub locale: Locale,
    /// What it is about.
    pub overview: Option<String>,
    /// The day it was first shown.
    pub release_date: Option<Date>,
    /// The year it was first shown.
    pub release_year: Option<u16>,
    /// How long it runs.
    pub runtime_minutes: Option<u16>,
    /// How many seasons a series has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub season_count: Option<u16>,
    /// Seasons of a series with their episodes, in no order; at most [`MAX_SEASONS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seasons: Vec<SourceSeason>,
    /// Titles and overviews in other languages, at most one for each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub translations: Vec<Translation>,
    /// Genre ids of our taxonomy (`science_fiction`).
    pub genres: Vec<String>,
    /// Countries it was made in.
    pub countries: Vec<Region>,
    /// Languages spoken.
    #[serde(deserialize_with = "crate::language::known")]
    pub languages: Vec<Language>,
    /// Certificates: region, system, certificate.
    pub ratings: Vec<(Region, String, String)>,
    /// People, in the source's order.
    pub credits: Vec<Credit>,
    /// Ids elsewhere.
    pub external_ids: Vec<ExternalId>,
    /// Pictures.
    pub images: Vec<Image>,
    /// Where to watch it.
    pub offers: Vec<SourceOffer>,
    /// Mean rating from 0 to 10 and the number of votes.
    pub rating: Option<(f64, u32)>,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IngestAction {
    /// A new title.
    Created,
    /// A title that this source already described, and now describes otherwise.
    Updated,
    /// A title that other sources know too.
    Merged,
    /// Nothing new.
    Unchanged,
}

/// What became of a record, and how sure we are that it is that title.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct IngestOutcome {
    /// The title it belongs to.
    pub content_id: ContentId,
    /// What was done.
    pub action: IngestAction,
    /// From 0 to 1.
    pub entity_confidence: f64,
    /// Why, in words: `imdb id tt0133093`, `title, year, 3 people`.
    pub evidence: String,
}
