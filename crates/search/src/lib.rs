//! Search: a keyword index, embeddings and a graph that follow the catalogue's events, fused into one answer.
//!
//! Nothing here is the truth: every index can be deleted and is rebuilt from the catalogue.

#[cfg(test)]
extern crate self as search;

mod answers;
mod changes;
mod conditions;
mod counted;
mod derived;
mod discover;
mod error;
mod evidence;
mod facets;
#[cfg(test)]
mod fixtures;
mod follow;
mod graph;
mod heard;
mod http;
mod index;
mod keyword;
mod languages;
mod ordered;
mod passages;
mod personal;
mod query;
mod rank;
mod ranked;
mod reasons;
mod replica;
mod service;
mod shelves;
mod similar;
mod store;
mod suggest;
mod text;
mod trending;
mod validate;
mod vector;
mod warm;

pub use error::SearchError;
pub use http::{IndexProgress, api, routes};
pub use keyword::inspect;
pub use rank::{
    ExampleWeights, FEATURES, Features, Fused, FusionConfig, FusionMethod, Judged, List, Source, StoryWeights, fuse,
};
pub use ranked::Ranked;
pub use replica::{Progress, Search, SearchConfig};
