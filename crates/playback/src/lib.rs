//! What people watched, as they say it: kept only while they allow that, sealed under their key, and without their name
//! once it is 90 days old.
//!
//! [`Playback`] has the use-cases; [`Histories`] gives it all to its person and takes it all away. Devices and sessions of
//! playback will live here too; there are none yet.

mod error;
mod history;
mod http;
mod personal;
mod retention;
mod service;
mod store;

pub use history::{HistoryEntry, NewHistoryEntry};
pub use http::{api, routes};
pub use personal::Histories;
pub use service::Playback;

/// The tables that hold something of people: each is emptied of them by an erasure.
pub fn personal_tables() -> Vec<&'static str> {
    vec![store::HISTORY]
}
