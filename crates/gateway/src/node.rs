//! Puts the parts together: the gateway of a node, or the listener of a role alone.

use std::{
    convert::Infallible,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use axum::{Router, body::Body, extract::Request, response::Response, routing::future::RouteFuture};
use contracts::{ApiError, Caller};
use futures::future::BoxFuture;
use http::{Uri, uri::PathAndQuery};
use http_api::{Frame, with_fallbacks};
use tower::Service;
use utoipa::openapi::{Deprecated, OpenApi};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    admin::{self, Places, Reload, Seen},
    cache::ResponseCache,
    docs,
    guard::{Admitted, Fittings, Guard, GuardConfig, OnDenied},
    health::{self, Health},
    idempotency::Idempotency,
    limits::Limits,
    proxy::{Proxy, Remote},
};

/// What a gateway is made of.
pub struct GatewayParts {
    /// The routes of the roles in this process.
    pub local: OpenApiRouter,
    /// Certificates for roles at `https://…`.
    pub tls: Option<Arc<tls::Mutual>>,
    /// The roles in other processes.
    pub remotes: Vec<Remote>,
    /// How the node is.
    pub health: Arc<Health>,
    /// Clock, randomness and keys.
    pub frame: Arc<Frame>,
    /// The store behind `Idempotency-Key`, for the writes whose documentation has the header.
    pub idempotency: Option<Idempotency>,
    /// Who may ask how much; nobody is counted without.
    pub limits: Option<Arc<Limits>>,
    /// Answers kept for a moment.
    pub cache: Option<Arc<ResponseCache>>,
    /// Hears of requests that are refused for who makes them.
    pub denied: Option<OnDenied>,
    /// Reads the configuration again, when the operator asks.
    pub reload: Option<Reload>,
    /// The bounds.
    pub config: GuardConfig,
}

/// What the listener of a role alone is made of.
pub struct RoleParts {
    /// The role's routes.
    pub routes: OpenApiRouter,
    /// How the node is.
    pub health: Arc<Health>,
    /// Clock, randomness and keys.
    pub frame: Arc<Frame>,
    /// Whose word about a client's address counts: nobody's without.
    pub clients: Option<Arc<Limits>>,
    /// The limits.
    pub config: GuardConfig,
}

/// A finished door; serve it with `http_api::server::serve`, or mount it under a router as its fallback service.
#[derive(Clone)]
pub struct Gateway {
    router: Router,
    guard: Guard,
}

/// The gateway: local routes, a proxy for the remote ones, one document for all of them, and health.
pub fn gateway(parts: GatewayParts) -> Gateway {
    let GatewayParts { local, tls, remotes, health, frame, idempotency, limits, cache, denied, reload, config } = parts;
    let seen = Arc::new(OnceLock::new());
    let mut places = Places::of(local.get_openapi(), "local");
    let (mut router, mut document) = local.merge(admin::routes(Arc::clone(&seen))).split_for_parts();
    places.add(&admin::api(), "local");
    let (proxy, mut upstreams) = (Proxy::new(tls), Vec::new());
    for remote in remotes {
        let forward = proxy.to(&remote, &frame);
        health.register(remote.name(), false, forward.probe());
        for (path, item) in remote.api.paths.paths.iter().filter(|(path, _)| !has(&document, path)) {
            router = router.route_service(path, forward.for_path(item));
        }
        places.add(&remote.api, remote.name());
        upstreams.push(forward.upstream());
        document.merge(remote.api);
    }
    for old in &config.deprecated {
        deprecate(&mut document, &old.route);
    }
    let idempotency = idempotency.map(|keys| keys.documented(&document));
    let router = router.merge(docs::routes(document)).merge(health::routes(health));
    let (clients, behind) = (limits.clone(), false);
    let fittings = Fittings { denied, frame, idempotency, limits: limits.clone(), clients, cache, behind };
    let gateway = finish(router, fittings, config);
    let guard = gateway.guard.clone();
    // Set once: the cell was made above.
    let _ = seen.set(Seen { guard, limits, upstreams, places, reload });
    gateway
}

/// The listener of one role, which a gateway in another process calls: the same limits, no documentation.
pub fn role(parts: RoleParts) -> Gateway {
    let router = Router::from(parts.routes).merge(health::routes(parts.health));
    let RoleParts { frame, clients, config, .. } = parts;
    let fittings =
        Fittings { denied: None, frame, idempotency: None, limits: None, clients, cache: None, behind: true };
    finish(router, fittings, config)
}

/// Marks the operations of a path as deprecated.
fn deprecate(document: &mut OpenApi, path: &str) {
    let Some(item) = document.paths.paths.get_mut(path) else { return };
    let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
    for operation in operations.into_iter().flatten() {
        operation.deprecated = Some(Deprecated::True);
    }
}

fn has(document: &OpenApi, path: &str) -> bool {
    document.paths.paths.contains_key(path)
}

fn finish(router: Router, fittings: Fittings, config: GuardConfig) -> Gateway {
    let guard = Guard::new(fittings, config);
    Gateway { router: with_fallbacks(router).layer(guard.clone()), guard }
}

impl Gateway {
    /// From the next request on these bounds hold. The name of the service stays.
    pub fn set(&self, config: GuardConfig) {
        self.guard.set(config);
    }

    /// Lets in a call that comes over another protocol on the same port: it costs what a request to `route` costs, takes
    /// from the same buckets, and gives way by the same priorities.
    ///
    /// # Errors
    /// `rate_limited` and `overloaded`, with the time to wait.
    pub fn admit(
        &self,
        caller: &Caller,
        request: &Request,
        route: &str,
    ) -> BoxFuture<'static, Result<Admitted, ApiError>> {
        self.guard.admit(caller, request, route)
    }
}

impl Service<Request> for Gateway {
    type Response = Response;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request<Body>>::poll_ready(&mut self.router, cx)
    }

    /// Rewrites the alias before anything is routed.
    fn call(&mut self, mut request: Request) -> Self::Future {
        if let Some(uri) = unalias(request.uri()) {
            *request.uri_mut() = uri;
        }
        self.router.call(request)
    }
}

/// `/v1/…` is `/api/v1/…`.
fn unalias(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    if path != "/v1" && !path.starts_with("/v1/") {
        return None;
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(format!("/api{}", uri.path_and_query()?)).ok();
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests;
