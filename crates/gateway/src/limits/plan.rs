//! From the numbers of the configuration to the buckets of each tier and route.

use std::time::Duration;

use http::HeaderValue;
use stores::limits::{Cell, MAX_SLOTS, Quota};

use super::{Networks, Tier};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const QUARTER: Duration = Duration::from_secs(900);

/// The names of the buckets that every route shares; those of single routes come after them.
const NAMES: [&str; 5] = ["second", "minute", "hour", "edge", "quarter"];

/// The windows of a tier. The bucket of the second holds the burst and fills at the rate; the others hold what their
/// window allows, so that who was away may use it at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TierQuotas {
    /// Requests a second, lastingly.
    pub per_second: u32,
    /// Requests at once.
    pub burst: u32,
    /// Requests a minute.
    pub per_minute: u32,
    /// Requests an hour.
    pub per_hour: u32,
}

impl TierQuotas {
    /// A tier's numbers.
    pub const fn new(per_second: u32, burst: u32, per_minute: u32, per_hour: u32) -> Self {
        Self { per_second, burst, per_minute, per_hour }
    }

    fn cells(&self) -> [Cell; 3] {
        let burst = SECOND.mul_f64(f64::from(self.burst.max(1)) / f64::from(self.per_second.max(1)));
        let quotas = [(self.burst, burst), (self.per_minute, MINUTE), (self.per_hour, HOUR)];
        let mut slot = 0;
        quotas.map(|(units, window)| {
            slot += 1;
            Cell { slot: slot - 1, quota: Quota::new(units, window) }
        })
    }
}

/// The tiers of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as `Tier`'s variants")]
pub struct Tiers {
    pub anonymous: TierQuotas,
    pub free: TierQuotas,
    pub pro: TierQuotas,
    pub enterprise: TierQuotas,
}

impl Default for Tiers {
    /// The numbers of G3.
    fn default() -> Self {
        Self {
            anonymous: TierQuotas::new(5, 10, 100, 1_000),
            free: TierQuotas::new(10, 20, 200, 2_000),
            pro: TierQuotas::new(50, 100, 1_000, 10_000),
            enterprise: TierQuotas::new(200, 500, 5_000, 50_000),
        }
    }
}

/// A route with a quota of its own beside the tier's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteQuota {
    /// The route's template.
    pub route: String,
    /// The quota's name in headers and answers.
    pub name: &'static str,
    /// Requests in the window.
    pub units: u32,
    /// The window.
    pub window: Duration,
}

/// A route that costs something other than one unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteCost {
    /// The route's template.
    pub route: String,
    /// The units; 0 has no limit.
    pub units: u32,
}

/// The numbers of a door's limits.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitsConfig {
    /// Whether there are limits at all.
    pub enabled: bool,
    /// The tiers of people.
    pub tiers: Tiers,
    /// What one address may ask a minute without saying who it is, whatever the anonymous tier allows.
    pub edge_per_minute: u32,
    /// What somebody's API key may ask in 15 minutes.
    pub user_key_per_quarter: u32,
    /// What a program's API key may ask in 15 minutes.
    pub service_key_per_quarter: u32,
    /// Routes with a quota of their own: three at most.
    pub overrides: Vec<RouteQuota>,
    /// What routes cost.
    pub costs: Vec<RouteCost>,
    /// A catch-all route that serves files: free, except under `/api/`.
    pub files: Option<String>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Networks,
    /// Addresses that may ask without limit and without saying who they are.
    pub exempt: Networks,
    /// The share of a quota that this process gives by itself while the shared store is gone: one over the number of
    /// processes keeps the sum.
    pub fallback_share: f64,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            tiers: Tiers::default(),
            edge_per_minute: 1_000,
            user_key_per_quarter: 1_000,
            service_key_per_quarter: 10_000,
            overrides: Vec::new(),
            costs: Vec::new(),
            files: None,
            trusted_proxies: Networks::default(),
            exempt: Networks::default(),
            fallback_share: 0.5,
        }
    }
}

impl LimitsConfig {
    /// The buckets of a tier.
    pub(crate) fn cells_of(&self, tier: Tier) -> Vec<Cell> {
        cells(self, tier)
    }

    /// What a request to the route `endpoint` costs.
    pub(crate) fn cost(&self, endpoint: &str, path: &str) -> u32 {
        if self.files.as_deref() == Some(endpoint) {
            return u32::from(path.starts_with("/api/"));
        }
        self.costs.iter().find(|cost| cost.route == endpoint).map_or(1, |cost| cost.units)
    }
}

/// The buckets that a request takes from.
pub(super) struct Plan {
    pub(super) cells: Vec<Cell>,
    /// `RateLimit-Policy`.
    pub(super) policy: HeaderValue,
}

/// Every tier's plan, for routes in general and for each route with a quota of its own.
pub(super) struct Plans {
    config: LimitsConfig,
    /// By tier, then by override: 0 is none.
    plans: Vec<Vec<Plan>>,
}

impl Plans {
    pub(super) fn new(config: &LimitsConfig) -> Self {
        let mut config = config.clone();
        config.overrides.truncate(MAX_SLOTS - NAMES.len());
        let plans = Tier::ALL.map(|tier| {
            let cells = cells(&config, tier);
            let own = config.overrides.iter().enumerate().map(|(index, own)| {
                let slot = (NAMES.len() + index) as u8;
                let cell = Cell { slot, quota: Quota::new(own.units, own.window) };
                [&cells[..], &[cell]].concat()
            });
            std::iter::once(cells.clone()).chain(own).map(|cells| plan(&config, cells)).collect()
        });
        Self { plans: plans.into(), config }
    }

    pub(super) fn config(&self) -> &LimitsConfig {
        &self.config
    }

    /// The plan of a tier on a route.
    pub(super) fn find(&self, tier: Tier, endpoint: &str) -> (usize, usize) {
        let own = self.config.overrides.iter().position(|own| own.route == endpoint);
        (tier as usize, own.map_or(0, |index| index + 1))
    }

    pub(super) fn plan(&self, (tier, own): (usize, usize)) -> &Plan {
        &self.plans[tier][own]
    }

    /// The name of a bucket of a plan.
    pub(super) fn name(&self, (_, own): (usize, usize), slot: u8) -> &'static str {
        let named = own.checked_sub(1).and_then(|index| self.config.overrides.get(index));
        NAMES.get(usize::from(slot)).copied().or(named.map(|own| own.name)).unwrap_or("default")
    }
}

fn cells(config: &LimitsConfig, tier: Tier) -> Vec<Cell> {
    let key = |units| vec![Cell { slot: 4, quota: Quota::new(units, QUARTER) }];
    match tier {
        Tier::Anonymous => {
            let edge = Cell { slot: 3, quota: Quota::new(config.edge_per_minute, MINUTE) };
            [&config.tiers.anonymous.cells()[..], &[edge]].concat()
        }
        Tier::Free => config.tiers.free.cells().to_vec(),
        Tier::Pro => config.tiers.pro.cells().to_vec(),
        Tier::Enterprise => config.tiers.enterprise.cells().to_vec(),
        Tier::UserKey => key(config.user_key_per_quarter),
        Tier::ServiceKey => key(config.service_key_per_quarter),
    }
}

fn plan(config: &LimitsConfig, cells: Vec<Cell>) -> Plan {
    let policies: Vec<_> = cells
        .iter()
        .map(|cell| {
            let slot = usize::from(cell.slot);
            let named = slot.checked_sub(NAMES.len()).and_then(|index| config.overrides.get(index));
            let name = NAMES.get(slot).copied().or(named.map(|own| own.name)).unwrap_or("default");
            // Rounded up, which promises no more than there is.
            format!("\"{name}\";q={};w={}", cell.quota.units(), super::seconds(cell.quota.window()))
        })
        .collect();
    let policy = HeaderValue::try_from(policies.join(", ")).unwrap_or(HeaderValue::from_static("\"default\";q=1"));
    Plan { cells, policy }
}
