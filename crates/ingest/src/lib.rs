//! Ingest: reads files of sources, row by row and bounded, and hands them to the catalogue.
//!
//! [`Ingest`] runs one input at a time: it fetches and checks it whole, finds its format by its content, turns rows into
//! records ([`Format`] lists the adapters), gives the catalogue batches, and notes after each how far it came, so that a
//! run that was stopped or killed goes on where it was. What a row is turned away for is kept beside the data.

mod adapters;
mod certificates;
mod context;
mod countries;
mod drive;
mod error;
mod external_ids;
mod feeds;
mod formats;
mod http;
mod input;
mod jobs;
mod limits;
mod links;
mod mapping;
mod open;
mod pipeline;
mod platforms;
mod portions;
mod providers;
mod rejects;
mod row;
mod rows;
mod run;
mod sample;
mod seasons;
mod service;
mod source;
mod sources;
mod store;
mod text;
mod validate;
mod webhooks;

pub use adapters::Adapted;
pub use context::Context;
pub use error::InputError;
pub use feeds::Feed;
pub use formats::{Format, reads_along};
pub use http::{api, routes};
pub use jobs::{Job, JobStatus};
pub use limits::Limits;
pub use links::{BeginLink, BegunLink, FinishLink, LinkView};
pub use mapping::{Columns, Mapping, OfferMapping};
pub use open::{Inspection, Opened};
pub use platforms::Service;
pub use providers::{
    ClientConfig, Gracenote, JustWatch, Known, Link, LinkConfig, LinkStore, Listed, PlatformAdapter, ProviderError,
    StreamingAvailability, Tmdb, Watchmode, YouTube, providers,
};
pub use rejects::Reject;
pub use row::{RawRow, RejectReason};
pub use rows::Row;
pub use run::{Counts, Phase, Progress, Run, RunOptions, RunRequest, RunStatus, UnreadLanguages};
pub use sample::{SAMPLE_SOURCE, SampleReport, SampleRequest, sample_record};
pub use service::{Ingest, IngestConfig};
pub use source::Source;
pub use sources::{SourceState, Standing};
pub use webhooks::{Received, Secret, Signed, Webhook};
