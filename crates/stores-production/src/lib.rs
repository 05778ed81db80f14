//! Stores beside this process: the cache and rate limits in Valkey or Redis.

mod cache;
mod limits;
mod link;

pub use cache::RedisCache;
pub use limits::RedisLimits;
pub use link::{RedisLink, RedisUnreachable};
