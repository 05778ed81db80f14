//! The provider as clients and browsers have it, over its routes, on both engines.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up should stop")]

mod accounts;
mod admin;
mod ages;
mod api;
mod atomic;
mod audit;
mod authenticator;
mod codes;
mod denials;
mod described;
mod devices;
mod elsewhere;
mod factors;
mod followed;
mod lifecycle;
mod mail;
mod orgs;
mod overdue;
mod passkeys;
mod privacy;
mod providers;
mod refreshing;
mod retention;
mod roles;
mod statements;
mod storm;
mod strict;
mod terms;
mod vault;
mod world;
