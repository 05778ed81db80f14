//! The SQL of the context, a file for each thing it is about.

pub(crate) mod ages;
pub(crate) mod clients;
pub(crate) mod devices;
pub(crate) mod export;
pub(crate) mod factors;
pub(crate) mod grants;
pub(crate) mod identities;
pub(crate) mod keys;
pub(crate) mod mail;
pub(crate) mod passkeys;
pub(crate) mod people;
pub(crate) mod privacy;
pub(crate) mod retention;
pub(crate) mod sealing;
pub(crate) mod service_keys;
pub(crate) mod snapshot;
pub(crate) mod trust;
