//! Providers that are asked over the network, with the operator's own keys: one file each, behind [`PlatformAdapter`].

mod client;
mod pacing;
mod tmdb;

use std::{fmt, time::Duration};

use async_trait::async_trait;
use contracts::{ApiError, ErrorKind, Region, SourceOffer, SourceRecord};
use jiff::Timestamp;

pub use client::ClientConfig;
pub(crate) use client::ProviderClient;
pub use tmdb::Tmdb;

/// How long answers are kept (C4).
pub(crate) const CATALOG_TTL: Duration = Duration::from_secs(6 * 3600);
pub(crate) const DETAILS_TTL: Duration = Duration::from_secs(24 * 3600);
pub(crate) const AVAILABILITY_TTL: Duration = Duration::from_secs(3600);

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
    #[error("{source_id} answered what its documentation does not describe: {cause}")]
    Unexpected { source_id: String, cause: String },
}

impl ProviderError {
    /// The stable name of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "provider_title_not_found",
            Self::KeyRefused { .. } => "provider_key_refused",
            Self::QuotaSpent { .. } => "provider_quota_spent",
            Self::LeftAlone { .. } => "provider_left_alone",
            Self::Failed { .. } => "provider_failed",
            Self::Unexpected { .. } => "provider_unexpected_answer",
        }
    }
}

impl From<ProviderError> for ApiError {
    fn from(error: ProviderError) -> Self {
        let kind = match &error {
            ProviderError::NotFound { .. } => ErrorKind::NotFound,
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

    /// A page of the titles that can be watched in a region; `cursor` is the `next` of the page before.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn catalog(&self, region: Region, cursor: Option<&str>) -> Result<Listed, ProviderError>;

    /// The keys of titles that people would mean by these words.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn search(&self, words: &str) -> Result<Vec<String>, ProviderError>;

    /// One title, with where it can be watched in a region.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn details(&self, key: &str, region: Region) -> Result<SourceRecord, ProviderError>;

    /// Where a title can be watched in a region now.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn availability(&self, key: &str, region: Region) -> Result<Vec<SourceOffer>, ProviderError>;
}
