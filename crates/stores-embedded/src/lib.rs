//! Stores that live in this process: the cache, rate limits, and the exact vector index over one file.

mod cache;
mod exact;
mod limits;

pub use cache::MemoryCache;
pub use exact::ExactVectors;
pub use limits::MemoryLimits;
