//! Stores that live in this process: the cache, rate limits, and the vectors in one file, exact and led by a graph.

mod cache;
mod exact;
mod hnsw;
mod limits;
mod measure;

pub use cache::MemoryCache;
pub use exact::ExactVectors;
pub use hnsw::HnswVectors;
pub use limits::MemoryLimits;
pub use measure::{Class, Measured, measure, stored_vectors};
