//! What ingest keeps in the database, over PostgreSQL: the tests of `it` that depend on it, once more.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up should stop")]
#![allow(dead_code, reason = "some helpers are of tests that need no second engine")]

#[path = "../it/chain.rs"]
mod chain;
#[path = "../it/documents.rs"]
mod documents;
#[path = "../it/fake.rs"]
mod fake;
#[path = "../it/http.rs"]
mod http;
#[path = "../it/jobs.rs"]
mod jobs;
#[path = "../it/link.rs"]
mod link;
#[path = "../it/resume.rs"]
mod resume;
#[path = "../it/runs.rs"]
mod runs;
#[path = "../it/sample.rs"]
mod sample;
#[path = "../it/setup.rs"]
mod setup;
#[path = "../it/tmdb.rs"]
mod tmdb;
#[path = "../it/walks.rs"]
mod walks;
#[path = "../it/webhooks.rs"]
mod webhooks;

/// What [`setup`] sets a node up over.
async fn database() -> testkit::TestDb {
    testkit::postgres().await
}
