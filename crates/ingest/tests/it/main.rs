//! Ingest from end to end: real files, the real catalogue over SQLite, a local HTTP server.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up should stop")]

mod addresses;
mod bad_input;
mod chain;
mod documents;
mod fake;
mod http;
mod jobs;
mod mapped;
mod providers;
mod resume;
mod runs;
mod sample;
mod setup;
mod tables;
mod tmdb;
mod webhooks;
