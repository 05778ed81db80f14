//! Ingest from end to end: real files, the real catalogue over SQLite, a local HTTP server.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up should stop")]

mod addresses;
mod bad_input;
mod http;
mod jobs;
mod mapped;
mod resume;
mod runs;
mod sample;
mod setup;
mod tables;
mod tmdb;
