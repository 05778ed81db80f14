//! What the contexts agree on: ids, values, events, errors and one trait per service that another process may call.
//!
//! Nothing here does I/O, and nothing here depends on another crate of the workspace.

mod address;
mod auth;
mod boost;
mod call;
mod card;
mod catalog;
mod clock;
mod content;
mod embedder;
mod error;
mod event;
pub mod genres;
mod health;
mod id;
mod intent;
mod language;
mod mail;
mod pace;
mod picture;
mod place;
pub mod platforms;
mod ratings;
mod rng;
mod search;
mod secret;
mod source;
mod words;

pub use address::{is_confidential, is_loopback_number, is_public, is_this_machine};
pub use auth::{
    AuthApi, Credential, DeviceSession, Identity, Permission, Purpose, Role, Scope, Scopes, Subject, Validated,
};
pub use boost::{NeutralBoost, PersonalBoost};
pub use call::{Call, Caller, Trace, person_required};
pub use card::{CardOffer, TitleCard, Wording};
pub use catalog::{CatalogApi, Directory, ListQuery, MAX_BATCH, OFFER_CHAIN};
pub use clock::Clock;
pub use content::{
    AvailabilityType, Content, ContentRating, ContentType, Credit, CreditRole, Episode, ExternalId, GenreCount, Image,
    Money, Offer, Platform, Season, Translation, VideoQuality,
};
pub use embedder::{EmbedError, Embedder, ModelInfo};
pub use error::{ApiError, ErrorKind, FieldError, Result};
pub use event::{Event, PARTITIONS, Topic};
pub use health::{Component, ComponentState};
pub use id::{ContentId, EventId, Ids, OrgId, RunId, UserId};
pub use intent::{IntentError, IntentReader};
pub use language::Language;
pub use mail::{Mail, MailError, Mailer};
pub use pace::Pace;
pub use picture::{PICTURE_WIDTHS, Picture, PictureError, Pictures, picture_version};
pub use place::{Locale, Region};
pub use ratings::{AgeLimit, MAX_AGE, min_age};
pub use rng::Rng;
pub use search::{
    Correction, Degraded, DiscoverRow, Exclusions, FacetField, FacetValue, Facets, MAX_PAGE_SIZE, MAX_QUERY_CHARS,
    MAX_RESULT_WINDOW, MAX_SUGGESTIONS, ParsedBy, ParsedIntent, Scored, SearchApi, SearchFilters, SearchRequest,
    SearchResponse, SearchResult, SimilarResponse, SortOrder, Suggestion, SuggestionKind, Vector, VectorQuery,
    YearRange,
};
pub use secret::{Secret, SecretFiles};
pub use source::{
    IngestAction, IngestOutcome, MAX_EPISODES, MAX_PART_NAME, MAX_PART_OVERVIEW, MAX_SEASONS, SourceOffer,
    SourceRecord, SourceSeason,
};
