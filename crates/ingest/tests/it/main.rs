//! Ingest from end to end: real files, the real catalogue over SQLite, a local HTTP server. What keeps something in the
//! database runs over PostgreSQL too, in `postgres`.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up should stop")]

mod addresses;
mod bad_input;
mod bad_rows;
mod chain;
mod documents;
mod fake;
mod formats;
mod http;
mod jobs;
mod link;
mod mapped;
mod provided;
mod providers;
mod resume;
mod runs;
mod sample;
mod setup;
mod tables;
mod tmdb;
mod walks;
mod webhooks;

/// What [`setup`] sets a node up over.
async fn database() -> testkit::TestDb {
    testkit::sqlite().await
}
