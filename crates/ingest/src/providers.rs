//! Providers that are asked over the network, with the operator's own keys: one file each, behind [`PlatformAdapter`].

mod client;
mod gracenote;
mod justwatch;
mod known;
mod link;
mod pacing;
mod parts;
mod streaming_availability;
mod tmdb;
mod watchmode;
mod youtube;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use contracts::{ApiError, Clock, Content, ErrorKind, Region, SourceOffer};
use jiff::Timestamp;
use stores::cache::Cache;

use crate::adapters::Adapted;

pub use client::ClientConfig;
pub(crate) use client::{Answer, ProviderClient, Request};
pub use gracenote::Gracenote;
pub use justwatch::JustWatch;
pub use known::{Known, all as providers};
pub(crate) use known::{find as known, rank};
pub use link::{Link, LinkConfig, LinkStore};
pub use streaming_availability::StreamingAvailability;
pub use tmdb::Tmdb;
pub use watchmode::Watchmode;
pub use youtube::YouTube;

/// How old a kept answer may be (C4).
pub(crate) const CATALOG_TTL: Duration = Duration::from_secs(6 * 3600);
pub(crate) const DETAILS_TTL: Duration = Duration::from_secs(24 * 3600);
pub(crate) const AVAILABILITY_TTL: Duration = Duration::from_secs(3600);
/// The job that refreshes offers each hour is not content with its own answers of an hour ago.
pub(crate) const FRESH_TTL: Duration = Duration::from_secs(1800);

/// Why a provider did not answer as it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each variant's sentence says what it is")]
pub enum ProviderError {
    #[error("{source_id} has no such title")]
    NotFound { source_id: String },
    #[error("{source_id} does not take the key: it answered {status}")]
    KeyRefused { source_id: String, status: u16 },
    #[error("the quota of {source_id} is used up until {until}")]
    QuotaSpent { source_id: String, until: Timestamp },
    #[error("{source_id} failed repeatedly and is left alone until {until}")]
    LeftAlone { source_id: String, until: Timestamp },
    #[error("{source_id} failed: {cause}")]
    Failed { source_id: String, cause: String },
    #[error("{source_id} does not offer {what}")]
    NotOffered { source_id: String, what: &'static str },
    #[error("{source_id} answered what its documentation does not describe: {cause}")]
    Unexpected { source_id: String, cause: String },
}

/// At so many titles in a row it is the provider that fails, and not they.
const MAX_FAILED: u32 = 5;

impl ProviderError {
    /// The stable name of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "provider_title_not_found",
            Self::KeyRefused { .. } => "provider_key_refused",
            Self::QuotaSpent { .. } => "provider_quota_spent",
            Self::LeftAlone { .. } => "provider_left_alone",
            Self::Failed { .. } => "provider_failed",
            Self::NotOffered { .. } => "provider_not_offered",
            Self::Unexpected { .. } => "provider_unexpected_answer",
        }
    }

    /// Whether it is about the title, and the provider is well: another title may go.
    pub(crate) fn is_of_the_title(&self) -> bool {
        matches!(self, Self::NotFound { .. } | Self::NotOffered { .. } | Self::Unexpected { .. })
    }

    /// Whether the provider failed, or did and is left alone: which may be about one title alone.
    pub(crate) fn is_failure(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::LeftAlone { .. })
    }

    /// Whether another title may go all the same, when this is the `failed`th in a row that the provider failed at: it
    /// may be about that title alone, which must not keep all behind it waiting forever.
    pub(crate) fn lets_others_go(&self, failed: u32) -> bool {
        self.is_of_the_title() || (matches!(self, Self::Failed { .. }) && failed < MAX_FAILED)
    }
}

impl From<ProviderError> for ApiError {
    fn from(error: ProviderError) -> Self {
        let kind = match &error {
            ProviderError::NotFound { .. } | ProviderError::NotOffered { .. } => ErrorKind::NotFound,
            ProviderError::QuotaSpent { .. } => ErrorKind::TooManyRequests,
            ProviderError::LeftAlone { .. } => ErrorKind::Unavailable,
            ProviderError::KeyRefused { .. } | ProviderError::Failed { .. } | ProviderError::Unexpected { .. } => {
                ErrorKind::BadGateway
            }
        };
        Self::new(kind, error.code(), error.to_string())
    }
}

/// A page of what a provider lists: the keys of titles, and where the next page is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Keys that [`PlatformAdapter::details`] takes.
    pub keys: Vec<String>,
    /// What to ask for next; `None` at the end.
    pub next: Option<String>,
}

/// A provider of titles and offers.
#[async_trait]
pub trait PlatformAdapter: Send + Sync + fmt::Debug {
    /// The source that its records are of.
    fn source(&self) -> &'static str;

    /// Its breaker and its quota.
    fn standing(&self, now: Timestamp) -> crate::Standing;

    /// Whether it can list what is watched in a region: then a job reads its catalogue.
    fn lists(&self) -> bool {
        true
    }

    /// Whether it says where any title of the catalogue can be watched: then it has a place in the chain.
    fn knows_offers(&self) -> bool {
        true
    }

    /// A page of the titles that can be watched in a region; `cursor` is the `next` of the page before.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn catalog(&self, region: Region, cursor: Option<&str>) -> Result<Listed, ProviderError>;

    /// The keys of titles that people would mean by these words.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn search(&self, words: &str, region: Region) -> Result<Vec<String>, ProviderError>;

    /// One title, with where it can be watched in a region.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn details(&self, key: &str, region: Region) -> Result<Adapted, ProviderError>;

    /// Where a title can be watched in a region now.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn availability(&self, key: &str, region: Region) -> Result<Vec<SourceOffer>, ProviderError>;

    /// The key of a title of the catalogue, found by its ids: never by its name alone. `None` when it has none here.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn locate(&self, title: &Content, region: Region) -> Result<Option<String>, ProviderError>;

    /// As [`PlatformAdapter::details`], with offers that were asked for within half an hour.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn refreshed(&self, key: &str, region: Region) -> Result<Adapted, ProviderError>;
}

/// The adapter of a provider. `channels` are those whose films YouTube gives.
///
/// # Errors
/// `Failed` without a key, or without a channel where one is needed.
pub(crate) fn adapter(
    known: &'static Known,
    config: ClientConfig,
    channels: &[String],
    cache: Arc<dyn Cache>,
    clock: Clock,
) -> Result<Arc<dyn PlatformAdapter>, ProviderError> {
    Ok(match known.name {
        "streaming_availability" => Arc::new(StreamingAvailability::new(config, cache, clock)?),
        "watchmode" => Arc::new(Watchmode::new(config, cache, clock)?),
        "justwatch" => Arc::new(JustWatch::new(config, cache, clock)?),
        "youtube" => Arc::new(YouTube::new(config, channels, cache, clock)?),
        "gracenote" => Arc::new(Gracenote::new(config, cache, clock)?),
        _ => Arc::new(Tmdb::new(config, cache, clock)?),
    })
}
