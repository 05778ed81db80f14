//! The door of a node: limits, identity of requests, documentation, health, and the way to roles in other processes.

mod body;
mod compress;
mod cors;
mod docs;
mod guard;
mod head;
mod health;
mod idempotency;
mod measure;
mod node;
mod proxy;

pub use cors::Origins;
pub use docs::document_text;
pub use guard::{DeprecatedRoute, GuardConfig, RouteTimeout};
pub use health::{Health, Readiness};
pub use idempotency::{Idempotency, IdempotentRoute};
pub use node::{Gateway, GatewayParts, RoleParts, gateway, role};
pub use proxy::Remote;
