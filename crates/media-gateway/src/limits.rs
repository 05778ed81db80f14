//! The limits of each door, from the configuration and the requirements.

use std::time::Duration;

use axum::http::Method;
use gateway::{DeprecatedRoute, GuardConfig, Idempotency, IdempotentRoute, Origins, RouteTimeout};
use http_api::Deprecation;
use jiff::Timestamp;

use crate::{node::Common, services::Services};

const SEARCH: &str = "/api/v1/search";
/// How long a search may take.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(5);
/// 21 November 2026, the first release: the old spelling never was the recommended one.
const DEPRECATED_SINCE: Timestamp = Timestamp::constant(1_795_219_200, 0);

/// The limits of a door called `service`.
pub fn door(common: &Common, service: &str) -> GuardConfig {
    let limits = &common.config.limits;
    GuardConfig {
        timeout: Duration::from_millis(limits.request_timeout_ms),
        max_body_bytes: limits.max_body_bytes,
        max_in_flight: limits.max_in_flight,
        origins: Origins::new(limits.cors_origins.iter().map(String::as_str)),
        ..GuardConfig::new(service)
    }
}

/// The limits of the public door: search has a deadline of its own (G4), and one old spelling is on its way out.
pub fn public(common: &Common) -> GuardConfig {
    let mut config = door(common, "gateway");
    let timeout = config.timeout.min(SEARCH_TIMEOUT);
    config.route_timeouts = vec![RouteTimeout { route: SEARCH.to_owned(), timeout }];
    let deprecation = Deprecation { since: DEPRECATED_SINCE, sunset: None, successor: Some(SEARCH.to_owned()) };
    config.deprecated = vec![DeprecatedRoute { route: "/api/v1/content/search".to_owned(), deprecation }];
    config
}

/// The writes that can be sent again safely.
pub fn idempotency(services: &Services) -> Idempotency {
    let start_run =
        IdempotentRoute { method: Method::POST, route: "/api/v1/internal/ingest/runs".to_owned(), required: true };
    Idempotency::new(services.db.clone(), services.clock.clone(), services.rng.clone(), vec![start_run])
}
