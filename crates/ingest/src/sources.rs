//! The sources of the configuration, and how those that are asked are doing: for the operator.

use std::sync::Arc;

use axum::{Json, extract::State};
use contracts::{Call, Region};
use http_api::{CallOf, HttpResult};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::Ingest;

/// The breaker and the quota of a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Standing {
    /// `closed`: it is asked; `open`: it failed and is left alone; `half_open`: one request tries.
    #[schema(value_type = String)]
    pub breaker: &'static str,
    /// Failures in a row.
    pub failures: u32,
    /// Until when it is left alone.
    #[schema(value_type = Option<String>)]
    pub open_until: Option<Timestamp>,
    /// How many keys are used.
    pub keys: usize,
    /// Units of the quota that were used in its day, over all keys; absent where there is no quota, or the provider said that
    /// it is spent.
    pub used_today: Option<u64>,
    /// Units a day and key; no end where absent.
    pub per_day: Option<u32>,
}

/// One source of the configuration.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SourceState {
    /// Its name, as in the configuration.
    pub name: String,
    /// `provider`: asked over its API; `feed`: read anew by a job; `webhook`: sends by itself.
    #[schema(value_type = String)]
    pub kind: &'static str,
    /// The region whose offers are wanted.
    #[schema(value_type = Option<String>)]
    pub region: Option<Region>,
    /// How a provider is doing, since this process started.
    pub standing: Option<Standing>,
}

impl Ingest {
    /// The sources of the configuration, by name; for the operator.
    ///
    /// # Errors
    /// `Unauthenticated` or `PermissionDenied` for anybody else.
    pub fn sources(&self, call: &Call) -> contracts::Result<Vec<SourceState>> {
        call.require_operator()?;
        let now = self.clock.now();
        let plain = |kind| move |name: &String| SourceState { name: name.clone(), kind, region: None, standing: None };
        let provider = |(name, (adapter, region)): (&String, &(Arc<dyn crate::PlatformAdapter>, Region))| SourceState {
            region: Some(*region),
            standing: Some(adapter.standing(now)),
            ..plain("provider")(name)
        };
        let mut all: Vec<_> = self.config.providers.iter().map(provider).collect();
        all.extend(self.config.feeds.keys().map(plain("feed")));
        all.extend(self.config.webhooks.keys().map(plain("webhook")));
        all.sort_by(|a, b| (&a.name, a.kind).cmp(&(&b.name, b.kind)));
        Ok(all)
    }
}

pub(crate) fn router() -> OpenApiRouter<Arc<Ingest>> {
    OpenApiRouter::new().routes(routes!(admin_sources))
}

/// The sources of the configuration, with the breaker and the quota of each provider.
#[utoipa::path(get, path = "/api/v1/admin/sources", tag = "administration", security(("operator" = [])),
    responses((status = 200, body = [SourceState])))]
async fn admin_sources(State(ingest): State<Arc<Ingest>>, CallOf(call): CallOf) -> HttpResult<Json<Vec<SourceState>>> {
    Ok(Json(ingest.sources(&call)?))
}
