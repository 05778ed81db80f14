//! What the operator sees of the door, and may tell it: limits, breakers, routes, and to read the configuration again.

use std::sync::{Arc, OnceLock};

use axum::{Json, extract::State};
use contracts::{ApiError, Call, ErrorKind};
use futures::future::BoxFuture;
use http_api::{CallOf, HttpResult, Problem, Problems};
use serde::Serialize;
use utoipa::{ToSchema, openapi::OpenApi};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    dead_letters,
    guard::Guard,
    limits::{Limits, LimitsConfig, Tier},
    sockets,
    upstream::{BreakerState, Upstream},
};

/// Reads the configuration again for whoever calls, and applies what can change while the node runs: all of it, or nothing.
pub type Reload = Arc<dyn Fn(Call) -> BoxFuture<'static, Result<Reloaded, ApiError>> + Send + Sync>;

/// What became of the settings that had changed, by their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Reloaded {
    /// Those that hold from now on.
    pub applied: Vec<String>,
    /// Those that hold as a whole only after a restart: they are not what the node started with.
    pub waiting: Vec<String>,
}

/// What the operator's routes look at. Set once the door stands.
pub(crate) struct Seen {
    pub(crate) guard: Guard,
    pub(crate) limits: Option<Arc<Limits>>,
    pub(crate) upstreams: Vec<Arc<Upstream>>,
    pub(crate) places: Places,
    pub(crate) reload: Option<Reload>,
}

type Cell = Arc<OnceLock<Seen>>;

/// Which process answers which route.
#[derive(Default)]
pub(crate) struct Places(Vec<(String, String, String)>);

impl Places {
    pub(crate) fn of(api: &OpenApi, place: &str) -> Self {
        let mut places = Self::default();
        places.add(api, place);
        places
    }

    /// Adds the operations of `api`, except those that are known.
    pub(crate) fn add(&mut self, api: &OpenApi, place: &str) {
        for (path, item) in &api.paths.paths {
            let operations = [
                ("GET", &item.get),
                ("POST", &item.post),
                ("PUT", &item.put),
                ("PATCH", &item.patch),
                ("DELETE", &item.delete),
            ];
            for (method, _) in operations.into_iter().filter(|(_, operation)| operation.is_some()) {
                if !self.0.iter().any(|(known, of, _)| known == method && of == path) {
                    self.0.push((method.to_owned(), path.clone(), place.to_owned()));
                }
            }
        }
    }
}

/// One bucket of a tier.
#[derive(Serialize, ToSchema)]
struct QuotaView {
    /// Whom it is for, or which route.
    scope: String,
    /// Units, at most at once.
    units: u32,
    /// Until an empty bucket is full.
    window_ms: u64,
}

/// The limits of the door.
#[derive(Serialize, ToSchema)]
struct LimitsView {
    /// Whether requests are counted.
    enabled: bool,
    /// Where: `local`, `shared`, `fallback` (shared, but the store does not answer), or `none`.
    place: String,
    /// The quotas by tier.
    quotas: Vec<QuotaView>,
    /// Quotas of single routes, beside the tier's.
    overrides: Vec<QuotaView>,
    /// Networks that may ask without limit.
    exempt: Vec<String>,
    /// Networks whose `X-Forwarded-For` is believed.
    trusted_proxies: Vec<String>,
    /// The share of the quotas that this process gives by itself while the shared store is gone.
    fallback_share: f64,
    /// Requests worked on now.
    in_flight: usize,
    /// The most that are taken at once; it follows how late answers are.
    concurrency_limit: usize,
}

/// A route of the door.
#[derive(Serialize, ToSchema)]
struct RouteView {
    /// The method.
    method: String,
    /// The template.
    path: String,
    /// `local`, or the role in another process that answers.
    upstream: String,
    /// What it costs, in units.
    cost: u32,
    /// How long it may take.
    timeout_ms: u64,
    /// Whether it is on its way out.
    deprecated: bool,
}

/// The operator's routes.
pub(crate) fn routes(seen: Cell) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(admin_limits))
        .routes(routes!(admin_breakers))
        .routes(routes!(admin_routes))
        .routes(routes!(admin_reload))
        .with_state(seen)
}

/// The documentation of the door's own routes.
pub fn api() -> OpenApi {
    let mut api = routes(Cell::default()).into_openapi();
    api.merge(dead_letters::api());
    api.merge(sockets::api());
    api
}

fn look<'a>(seen: &'a Cell, call: &Call) -> Result<&'a Seen, Problem> {
    call.require_operator()?;
    seen.get().ok_or_else(|| Problem(ApiError::unavailable("starting", "the node is starting")))
}

/// Who may ask how much.
#[utoipa::path(get, path = "/api/v1/admin/limits", tag = "admin", security(("operator" = [])),
    responses((status = 200, body = LimitsView), Problems))]
async fn admin_limits(State(seen): State<Cell>, CallOf(call): CallOf) -> HttpResult<Json<LimitsView>> {
    let seen = look(&seen, &call)?;
    let (in_flight, concurrency_limit) = seen.guard.crowd();
    let (config, place) = match &seen.limits {
        Some(limits) => (limits.config(), limits.place()),
        None => (LimitsConfig { enabled: false, ..LimitsConfig::default() }, "none"),
    };
    Ok(Json(LimitsView {
        enabled: config.enabled,
        place: place.to_owned(),
        quotas: quotas(&config),
        overrides: config
            .overrides
            .iter()
            .map(|own| QuotaView { scope: own.route.clone(), units: own.units, window_ms: millis(own.window) })
            .collect(),
        exempt: config.exempt.texts(),
        trusted_proxies: config.trusted_proxies.texts(),
        fallback_share: config.fallback_share,
        in_flight,
        concurrency_limit,
    }))
}

fn quotas(config: &LimitsConfig) -> Vec<QuotaView> {
    Tier::ALL
        .into_iter()
        .flat_map(|tier| {
            let name = serde_json::to_value(tier).ok().and_then(|name| name.as_str().map(str::to_owned));
            config.cells_of(tier).into_iter().map(move |cell| QuotaView {
                scope: name.clone().unwrap_or_default(),
                units: cell.quota.units(),
                window_ms: millis(cell.quota.window()),
            })
        })
        .collect()
}

/// How the roles in other processes answer.
#[utoipa::path(get, path = "/api/v1/admin/breakers", tag = "admin", security(("operator" = [])),
    responses((status = 200, body = [BreakerState]), Problems))]
async fn admin_breakers(State(seen): State<Cell>, CallOf(call): CallOf) -> HttpResult<Json<Vec<BreakerState>>> {
    let seen = look(&seen, &call)?;
    Ok(Json(seen.upstreams.iter().map(|upstream| upstream.state()).collect()))
}

/// Which process answers which route, and within which bounds.
#[utoipa::path(get, path = "/api/v1/admin/routes", tag = "admin", security(("operator" = [])),
    responses((status = 200, body = [RouteView]), Problems))]
async fn admin_routes(State(seen): State<Cell>, CallOf(call): CallOf) -> HttpResult<Json<Vec<RouteView>>> {
    let seen = look(&seen, &call)?;
    let (config, limits) = (seen.guard.config(), seen.limits.as_ref().map(|limits| limits.config()));
    let route = |(method, path, upstream): &(String, String, String)| RouteView {
        method: method.clone(),
        path: path.clone(),
        upstream: upstream.clone(),
        cost: limits.as_ref().map_or(0, |limits| limits.cost(path, path)),
        timeout_ms: millis(config.budget(path)),
        deprecated: config.deprecated.iter().any(|old| old.route == *path),
    };
    Ok(Json(seen.places.0.iter().map(route).collect()))
}

/// Read the configuration again. Where it is wrong, what was true stays true.
#[utoipa::path(post, path = "/api/v1/admin/reload", tag = "admin", security(("operator" = [])),
    responses((status = 200, description = "The configuration was read again.", body = Reloaded), Problems))]
async fn admin_reload(State(seen): State<Cell>, CallOf(call): CallOf) -> HttpResult<Json<Reloaded>> {
    let seen = look(&seen, &call)?;
    let Some(reload) = &seen.reload else {
        return Err(ApiError::new(ErrorKind::NotImplemented, "no_configuration", "this node reads no file").into());
    };
    Ok(Json(reload(call).await?))
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
