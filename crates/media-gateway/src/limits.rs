//! The limits of each door, from the configuration and the requirements.

use std::{sync::Arc, time::Duration};

use contracts::ApiError;
use gateway::{
    BreakerConfig, DeprecatedRoute, GuardConfig, Limits, LimitsConfig, Networks, Origins, RouteCost, RouteQuota,
    RouteTimeout, TierQuotas, Tiers, UpstreamConfig,
};
use http_api::Deprecation;
use jiff::Timestamp;
use stores_embedded::MemoryLimits;

use crate::{
    backends,
    config::{Config, Profile, RateLimits},
    roles::Role,
    services::Services,
};

const SEARCH: &str = "/api/v1/search";
/// Its old spelling.
const OLD_SEARCH: &str = "/api/v1/content/search";
/// How long a search may take.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(5);
/// 21 November 2026, the first release: the old spelling never was the recommended one.
const DEPRECATED_SINCE: Timestamp = Timestamp::constant(1_795_219_200, 0);

/// Routes that cost something other than one unit: whoever watches the node or reads its documentation or the app's
/// pages and pictures is not counted; a batch, and a history that is opened whole for each page, is as dear as a few
/// requests.
const COSTS: [(&str, u32); 14] = [
    ("/livez", 0),
    ("/readyz", 0),
    ("/startupz", 0),
    ("/docs", 0),
    ("/docs/", 0),
    ("/docs/{*file}", 0),
    ("/openapi.json", 0),
    ("/api/v1/openapi.json", 0),
    ("/", 0),
    ("/search", 0),
    ("/offline", 0),
    ("/api/v1/images/{id}/{kind}", 0),
    ("/api/v1/content/batch", 5),
    ("/api/v1/user/history", 5),
];
/// The app's files.
const FILES: &str = "/{*path}";

/// Requests a minute to routes that have a quota of their own (G3).
const OWN: [(&str, &str, u32); 2] =
    [("/api/v1/search/semantic", "semantic", 50), ("/api/v1/recommendations/for-you", "for_you", 20)];

/// Calls over gRPC that cost what a route does; the others cost one unit.
const CALLS: [(&str, &str); 2] = [
    ("/media_gateway.v1.CatalogService/BatchGetContent", "/api/v1/content/batch"),
    ("/media_gateway.v1.SearchService/VectorSearch", "/api/v1/search/semantic"),
];

/// The route by whose cost and quota a call over gRPC is counted: `path` itself, at one unit, where there is none.
pub fn route_of(path: &str) -> &str {
    CALLS.iter().find(|(call, _)| *call == path).map_or(path, |&(_, route)| route)
}

/// The limits of a door called `service`.
pub fn door(config: &Config, service: &str) -> GuardConfig {
    let limits = &config.limits;
    GuardConfig {
        timeout: Duration::from_millis(limits.request_timeout_ms),
        max_body_bytes: limits.max_body_bytes,
        max_in_flight: limits.max_in_flight,
        origins: Origins::new(limits.cors_origins.iter().map(String::as_str)),
        ..GuardConfig::new(service)
    }
}

/// The limits of the public door: search has a deadline of its own (G4), and one old spelling is on its way out.
pub fn public(config: &Config) -> GuardConfig {
    let mut guard = door(config, "gateway");
    let timeout = guard.timeout.min(SEARCH_TIMEOUT);
    guard.route_timeouts = [SEARCH, OLD_SEARCH].map(|route| RouteTimeout { route: route.to_owned(), timeout }).into();
    let deprecation = Deprecation { since: DEPRECATED_SINCE, sunset: None, successor: Some(SEARCH.to_owned()) };
    guard.deprecated = vec![DeprecatedRoute { route: OLD_SEARCH.to_owned(), deprecation }];
    guard
}

/// The bounds of a role's listener, reloaded: the gateway's are the public ones.
pub fn of(config: &Config, role: Role) -> GuardConfig {
    if role == Role::Gateway { public(config) } else { door(config, role.as_str()) }
}

/// Who may ask how much.
///
/// # Errors
/// What is wrong with the numbers or networks.
pub fn rates(config: &Config) -> Result<LimitsConfig, ApiError> {
    let rates = &config.rate_limits;
    // Whoever reaches an embedded node over loopback sits at its machine: it is theirs. In production nothing is exempt
    // unless it is said, because a proxy on the same machine comes over loopback too.
    let local = || match config.profile {
        Profile::Embedded => vec!["127.0.0.0/8".to_owned(), "::1".to_owned()],
        Profile::Production => Vec::new(),
    };
    let exempt = rates.exempt.clone().unwrap_or_else(local);
    let networks = |texts: &[String]| Networks::parse(texts.iter().map(String::as_str).filter(|text| !text.is_empty()));
    let minute = Duration::from_secs(60);
    let own = |(route, name, units): (&str, _, _)| RouteQuota { route: route.to_owned(), name, units, window: minute };
    Ok(LimitsConfig {
        enabled: rates.enabled,
        tiers: tiers(rates)?,
        edge_per_minute: rates.edge_per_minute,
        user_key_per_quarter: rates.user_key_per_15_minutes,
        service_key_per_quarter: rates.service_key_per_15_minutes,
        overrides: OWN.map(own).into(),
        costs: COSTS.map(|(route, units)| RouteCost { route: route.to_owned(), units }).into(),
        files: Some(FILES.to_owned()),
        trusted_proxies: networks(&rates.trusted_proxies)?,
        exempt: networks(&exempt)?,
        fallback_share: rates.fallback_share,
    })
}

fn tiers(rates: &RateLimits) -> Result<Tiers, ApiError> {
    let tier = |name: &str, numbers: &[u32]| match numbers {
        [per_second, burst, per_minute, per_hour] if numbers.iter().all(|number| (1..=1_000_000).contains(number)) => {
            Ok(TierQuotas::new(*per_second, *burst, *per_minute, *per_hour))
        }
        _ => Err(ApiError::invalid(
            "bad_rate_limit",
            format!(
                "`rate_limits.{name}` must be four numbers from 1 to 1000000: a second, at once, a minute, an hour"
            ),
        )),
    };
    Ok(Tiers {
        anonymous: tier("anonymous", &rates.anonymous)?,
        free: tier("free", &rates.free)?,
        pro: tier("pro", &rates.pro)?,
        enterprise: tier("enterprise", &rates.enterprise)?,
    })
}

/// The buckets: in this process, and shared where there is a store for them.
///
/// # Errors
/// As [`rates`], and when the shared store's address is none.
pub fn limits(config: &Config, services: &Services) -> anyhow::Result<Arc<Limits>> {
    let local = Arc::new(MemoryLimits::new(services.means.clock.clone(), config.rate_limits.max_keys));
    let shared = backends::shared_limits(config, &services.means.clock, &services.means.files)?;
    Ok(Arc::new(Limits::new(&rates(config)?, local, shared, services.means.clock.clone())))
}

/// How a role in another process is asked (G4).
pub fn upstream(role: Role, config: &Config) -> UpstreamConfig {
    let (seconds, breaker) = match role {
        Role::Search => (2, BreakerConfig::new(0.4, 10)),
        // A run of ingest is begun within a transaction; the export streams after its first row. Accounts wait for whom
        // people sign in with.
        Role::Ingest | Role::Auth => (10, BreakerConfig::new(0.5, 20)),
        _ => (3, BreakerConfig::new(0.5, 20)),
    };
    let hedge_after = config.limits.hedge_after_ms.map(Duration::from_millis);
    UpstreamConfig { attempt_timeout: Duration::from_secs(seconds), breaker, hedge_after, ..UpstreamConfig::default() }
}

#[cfg(test)]
mod tests;
