//! The figures of the requirements, by role and route.

use super::*;
use crate::config::Flags;

fn config(toml: &str) -> Config {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("media-gateway.toml");
    std::fs::write(&path, toml).unwrap();
    Config::load(&Flags { config: Some(path), ..Flags::default() }).unwrap()
}

#[test]
fn roles_have_their_time_and_their_breaker() {
    let usual = config("");
    let cases = [(Role::Search, 2, 0.4, 10), (Role::Catalog, 3, 0.5, 20), (Role::Auth, 10, 0.5, 20)];
    for (role, seconds, error_share, min_requests) in cases.into_iter().chain([(Role::Ingest, 10, 0.5, 20)]) {
        let asked = upstream(role, &usual);
        assert_eq!(asked.attempt_timeout, Duration::from_secs(seconds), "{role}");
        let open_for = Duration::from_secs(30);
        assert_eq!(asked.breaker, BreakerConfig { error_share, min_requests, in_a_row: 5, open_for }, "{role}");
        assert_eq!((asked.tries, asked.hedge_after), (3, None), "{role}");
    }
    let hedged = config("[limits]\nhedge_after_ms = 80");
    assert_eq!(upstream(Role::Search, &hedged).hedge_after, Some(Duration::from_millis(80)));
}

#[test]
fn a_search_has_five_seconds_and_everything_else_ten() {
    for (toml, seconds, search) in [("", 10, 5), ("[limits]\nrequest_timeout_ms = 2000", 2, 2)] {
        let guard = public(&config(toml));
        assert_eq!(guard.timeout, Duration::from_secs(seconds), "{toml}");
        let own: Vec<_> = guard.route_timeouts.iter().map(|own| (own.route.as_str(), own.timeout)).collect();
        let routes = ["/api/v1/search", "/api/v1/content/search"];
        assert_eq!(own, routes.map(|route| (route, Duration::from_secs(search))), "{toml}");
    }
}

#[test]
fn calls_over_grpc_are_counted_by_the_routes_that_answer_the_same() {
    let rates = rates(&config("")).unwrap();
    let path = |service: &str, method: &str| format!("/{service}/{method}");
    let batch = path(rpc::CATALOG_SERVICE, "BatchGetContent");
    assert!(rates.costs.iter().any(|cost| cost.route == route_of(&batch) && cost.units == 5));
    let semantic = path(rpc::SEARCH_SERVICE, "VectorSearch");
    let quota = rates.overrides.iter().find(|own| own.route == route_of(&semantic)).unwrap();
    assert_eq!((quota.name, quota.units, quota.window), ("semantic", 50, Duration::from_secs(60)));
    let one = path(rpc::CATALOG_SERVICE, "GetContent");
    assert_eq!(route_of(&one), one);
    for (call, _) in CALLS {
        assert_eq!(rpc::method_of(call), call, "nobody answers it");
    }
}
