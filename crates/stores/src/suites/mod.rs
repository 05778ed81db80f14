//! What every implementation of a port must do: one suite a port, run on each implementation's own tests.
//!
//! A suite panics with what it expected; what the store itself fails with it returns.

pub mod cache;
pub mod db;
pub mod events;
pub mod limits;
pub mod vectors;
