//! The node as its users have it: one test binary over the real program.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up should stop")]

mod administering;
mod app;
mod asked;
mod compat;
mod curation;
mod dead_letters;
mod demo;
mod disk;
mod eval;
mod faults;
mod fixtures;
mod grpc;
mod identities;
mod intent;
mod journey;
mod limits;
mod mail;
mod maximum_age;
mod meaning;
mod mutual;
mod operations;
mod privacy;
mod readme;
mod rebuilding;
mod refreshing;
mod refusals;
mod resume;
mod sealing;
mod seasons;
mod signing_in;
mod snapshots;
mod sources;
mod split;
mod weights;
mod wire;
