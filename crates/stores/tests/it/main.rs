//! The suites of `stores`, on SQLite and on PostgreSQL, and what only one of the two can show.
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod db;
mod foreign;
mod migrate;
mod password;
mod suites;
