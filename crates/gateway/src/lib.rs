//! The door of a node: limits, identity of requests, documentation, health, and the way to roles in other processes.

mod admin;
mod body;
mod breaker;
mod cache;
mod compress;
mod connections;
mod cors;
mod crowd;
mod dead_letters;
mod decode;
mod docs;
mod guard;
mod head;
mod health;
mod idempotency;
mod limits;
mod measure;
mod node;
mod proxy;
mod shed;
mod upstream;
mod way;

pub use admin::{Reload, Reloaded, api};
pub use breaker::BreakerConfig;
pub use cache::ResponseCache;
pub use cors::Origins;
pub use dead_letters::dead_letters;
pub use docs::document_text;
pub use guard::{Admitted, Denial, DeprecatedRoute, GuardConfig, OnDenied, RouteTimeout};
pub use health::{Health, Readiness};
pub use idempotency::Idempotency;
pub use limits::{Limits, LimitsConfig, Networks, RouteCost, RouteQuota, Tier, TierQuotas, Tiers};
pub use node::{Gateway, GatewayParts, RoleParts, gateway, role};
pub use proxy::Remote;
pub use upstream::UpstreamConfig;
