//! Stores that live in this process: the cache, and the exact vector index over one file.

mod cache;
mod exact;

pub use cache::MemoryCache;
pub use exact::ExactVectors;
