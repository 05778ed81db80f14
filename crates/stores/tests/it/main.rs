//! The suites of `stores`, on SQLite and on PostgreSQL, and what only one of the two can show.

mod db;
mod foreign;
mod migrate;
mod suites;
