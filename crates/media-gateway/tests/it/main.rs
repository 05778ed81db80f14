//! The node as its users have it: one test binary over the real program.

mod app;
mod journey;
