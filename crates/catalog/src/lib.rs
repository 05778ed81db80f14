//! The catalogue: every title once, however many sources know it.
//!
//! Its principle: a title is a pure fold of its source records. `source_records` is the truth; the other tables are
//! projections of it. A record is resolved to a title once (`resolve`), folded with the title's other records
//! (`merge`), and what differs is written with its events in one transaction (`ingest`, `project`).

mod batch;
mod counts;
mod export;
mod http;
mod ingest;
pub mod link;
mod load;
mod merge;
mod offers;
mod pictures;
mod project;
mod quality;
mod resolve;
mod review;
mod seasons;
mod service;
mod stated;
mod store;
mod stories;
mod text;
mod validate;

pub use http::{api, routes};
pub use review::{History, Review, Unmerged};
pub use service::Catalog;
pub use text::{person_key, title_key};

#[cfg(test)]
mod tests;
