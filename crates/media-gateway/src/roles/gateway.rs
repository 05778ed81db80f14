//! The gateway role: one door for the roles of this process and the way to the others.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::http::Method;
use gateway::{
    DeprecatedRoute, GatewayParts, GuardConfig, Idempotency, IdempotentRoute, Remote, RoleParts, RouteTimeout,
};
use http_api::Deprecation;
use jiff::Timestamp;
use utoipa_axum::router::OpenApiRouter;

use super::Role;
use crate::{node::Common, services::Services};

pub use gateway::Gateway as Door;

const SEARCH: &str = "/api/v1/search";
/// How long a search may take.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(5);
/// 21 November 2026, the first release: the old spelling never was the recommended one.
const DEPRECATED_SINCE: Timestamp = Timestamp::constant(1_795_219_200, 0);

/// The public door.
pub fn door(services: &Services, common: &Common) -> anyhow::Result<Door> {
    let (mut local, mut remotes) = (OpenApiRouter::new(), Vec::new());
    for role in Role::ALL {
        match role.routes(services) {
            Some(routes) => local = local.merge(routes),
            None => remotes.extend(remote(role, common)?),
        }
    }
    Ok(gateway::gateway(GatewayParts {
        local,
        remotes,
        health: Arc::clone(&common.health),
        frame: Arc::clone(&common.frame),
        idempotency: Some(idempotency(services)),
        config: guard(common),
    }))
}

/// The limits of the public door: search has a deadline of its own (G4), and one old spelling is on its way out.
fn guard(common: &Common) -> GuardConfig {
    let mut config = common.guard("gateway");
    let timeout = config.timeout.min(SEARCH_TIMEOUT);
    config.route_timeouts = vec![RouteTimeout { route: SEARCH.to_owned(), timeout }];
    let deprecation = Deprecation { since: DEPRECATED_SINCE, sunset: None, successor: Some(SEARCH.to_owned()) };
    config.deprecated = vec![DeprecatedRoute { route: "/api/v1/content/search".to_owned(), deprecation }];
    config
}

/// The writes that can be sent again safely.
fn idempotency(services: &Services) -> Idempotency {
    let start_run =
        IdempotentRoute { method: Method::POST, route: "/api/v1/internal/ingest/runs".to_owned(), required: true };
    Idempotency::new(services.db.clone(), services.clock.clone(), services.rng.clone(), vec![start_run])
}

/// The door of another role's port.
pub fn role_door(role: Role, routes: OpenApiRouter, common: &Common) -> Door {
    gateway::role(RoleParts {
        routes,
        health: Arc::clone(&common.health),
        frame: Arc::clone(&common.frame),
        config: common.guard(role.as_str()),
    })
}

fn remote(role: Role, common: &Common) -> anyhow::Result<Option<Remote>> {
    let (Some(url), Some(api)) = (role.peer(&common.config), role.api()) else { return Ok(None) };
    let base = url.parse().with_context(|| format!("`peers.{role}` is not an address: {url:?}"))?;
    Ok(Some(Remote::new(role.as_str(), &base, api)?))
}
