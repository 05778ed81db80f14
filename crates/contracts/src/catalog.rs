//! The catalogue, as other processes may call it.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Call, Content, ContentId, ContentType, ExternalId, GenreCount, IngestOutcome, Platform, Region, Result, Season,
    SourceRecord,
};

/// The most ids, titles or records that one call takes or gives.
pub const MAX_BATCH: usize = 500;

/// The providers that say of any title where it can be watched, those that say most of an offer first: so they are asked.
/// The directory of platforms says which of them are believed of each, in this order.
pub const OFFER_CHAIN: &[&str] = &["streaming_availability", "watchmode", "justwatch", "tmdb"];

/// Which titles to list, in the order of their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Only this kind.
    pub content_type: Option<ContentType>,
    /// Only titles with an offer on this platform.
    pub platform: Option<String>,
    /// Only titles that suit this age, by the certificates of `region` or, where there are none, by all others.
    pub max_age: Option<u16>,
    /// Whose certificates count.
    pub region: Option<Region>,
    /// Only titles with an offer that has not ended and ends by this time.
    pub expires_by: Option<Timestamp>,
    /// Only titles after this one.
    pub after: Option<ContentId>,
    /// At most this many, and never more than [`MAX_BATCH`].
    pub limit: usize,
}

/// The platforms and genres that the catalogue has titles for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Directory {
    /// Platforms by id.
    pub platforms: Vec<Platform>,
    /// Genres by id.
    pub genres: Vec<GenreCount>,
}

/// The catalogue of titles.
#[async_trait]
pub trait CatalogApi: Send + Sync {
    /// The titles with these ids, in the order asked; an id that is not there is left out.
    ///
    /// # Errors
    /// `InvalidArgument` for more than [`MAX_BATCH`] ids.
    async fn titles(&self, call: &Call, ids: &[ContentId]) -> Result<Vec<Content>>;

    /// The title that has this id elsewhere.
    async fn resolve(&self, call: &Call, id: &ExternalId) -> Result<Option<Content>>;

    /// A page of titles in the order of their ids.
    async fn list(&self, call: &Call, query: &ListQuery) -> Result<Vec<Content>>;

    /// What platforms and genres there are.
    async fn directory(&self, call: &Call) -> Result<Directory>;

    /// The seasons of a series, by number and without their episodes; none for a title that has none or is not there.
    async fn seasons(&self, call: &Call, id: ContentId) -> Result<Vec<Season>>;

    /// Takes records in, all or none, resolves each to a title and says what became of it, in order.
    ///
    /// # Errors
    /// `Unauthenticated` or `PermissionDenied` unless the caller has `content:write:*`; `InvalidArgument` for more than
    /// [`MAX_BATCH`].
    async fn ingest(&self, call: &Call, records: &[SourceRecord]) -> Result<Vec<IngestOutcome>>;

    /// Withdraws the offers of these sources that none has confirmed since a time, of at most [`MAX_BATCH`] titles, with
    /// their events. Says of how many: 0 when there are no more.
    ///
    /// # Errors
    /// `Unauthenticated` or `PermissionDenied` unless the caller has `content:write:*`.
    async fn withdraw(&self, call: &Call, sources: &[String], checked_before: Timestamp) -> Result<u64>;
}
