//! Rate limits: who is asked for (tier and key), what a request costs, and where the buckets are.
//!
//! One cost model for every protocol: a request costs its route's units, and a call over another protocol on the same
//! port those of the route that answers the same ([`crate::Gateway::admit`]).

mod address;
mod plan;

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use contracts::{ApiError, Caller, Clock, Credential, ErrorKind, Identity, Role, Subject};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use stores::limits::{Cell, LimitStore, LimitsGone, Verdict};
use tokio::time::timeout;

pub use address::Networks;
pub use plan::{LimitsConfig, RouteCost, RouteQuota, TierQuotas, Tiers};

use plan::Plans;

/// How long the shared store may take: a limit must not cost more than most answers.
const STORE_PATIENCE: Duration = Duration::from_millis(100);
/// How long the local store stands in before the shared one is asked again.
const STORE_PAUSE_MICROS: i64 = 1_000_000;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// What a caller may use (G3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Nobody we know, by address.
    Anonymous,
    /// Somebody with an account.
    Free,
    /// Somebody who pays.
    Pro,
    /// A member of an organisation.
    Enterprise,
    /// Somebody's API key.
    UserKey,
    /// A program's API key.
    ServiceKey,
}

impl Tier {
    /// Every tier, in the order of its plans.
    pub const ALL: [Self; 6] =
        [Self::Anonymous, Self::Free, Self::Pro, Self::Enterprise, Self::UserKey, Self::ServiceKey];

    /// The tier of `caller`; none for the operator and the node itself, who have no limits.
    pub fn of(caller: &Caller) -> Option<Self> {
        match caller {
            Caller::Operator | Caller::System => None,
            Caller::Anonymous => Some(Self::Anonymous),
            Caller::Identified(identity) => Some(Self::of_identity(identity)),
        }
    }

    fn of_identity(identity: &Identity) -> Self {
        match (&identity.credential, &identity.subject) {
            (Credential::ApiKey(_), Subject::User(_)) => Self::UserKey,
            (Credential::ApiKey(_), Subject::Service(_)) => Self::ServiceKey,
            _ if identity.org.is_some() => Self::Enterprise,
            _ if identity.role.includes(Role::PremiumUser) => Self::Pro,
            _ if identity.role.includes(Role::BasicUser) => Self::Free,
            (_, Subject::Service(_)) => Self::Enterprise,
            _ => Self::Anonymous,
        }
    }
}

/// What a request takes, and from whose buckets.
pub(crate) struct Demand {
    plans: Arc<Plans>,
    plan: (usize, usize),
    key: String,
    cost: u32,
}

/// A verdict with the names that its headers need.
pub(crate) struct Taken {
    plans: Arc<Plans>,
    plan: (usize, usize),
    verdict: Verdict,
}

/// The limits of a door. What they allow can change while it is open.
pub struct Limits {
    plans: ArcSwap<Plans>,
    local: Arc<dyn LimitStore>,
    shared: Option<Arc<dyn LimitStore>>,
    clock: Clock,
    /// Until when the shared store is left alone, in microseconds.
    paused_until: AtomicI64,
}

impl Limits {
    /// Limits whose buckets are in `local`, or in `shared` as long as that answers.
    pub fn new(
        config: &LimitsConfig,
        local: Arc<dyn LimitStore>,
        shared: Option<Arc<dyn LimitStore>>,
        clock: Clock,
    ) -> Self {
        let plans = ArcSwap::from_pointee(Plans::new(config));
        Self { plans, local, shared, clock, paused_until: AtomicI64::new(0) }
    }

    /// From the next request on these limits hold; what was taken stays taken.
    pub fn set(&self, config: &LimitsConfig) {
        self.plans.store(Arc::new(Plans::new(config)));
    }

    /// What the limits are, for the operator.
    pub(crate) fn config(&self) -> LimitsConfig {
        self.plans.load().config().clone()
    }

    /// Where the buckets are now: `local`, `shared`, or `fallback` while the shared store does not answer.
    pub(crate) fn place(&self) -> &'static str {
        match &self.shared {
            None => "local",
            Some(_) if self.paused() => "fallback",
            Some(_) => "shared",
        }
    }

    /// Whether this is the address of a proxy that is trusted.
    pub fn trusts(&self, ip: IpAddr) -> bool {
        self.plans.load().config().trusted_proxies.contain(ip)
    }

    /// The client's address: the connection's, or what the trusted proxies before it say.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        address::client(peer, headers, &self.plans.load().config().trusted_proxies)
    }

    /// What a request of `caller` from `client` to `endpoint` takes; `None` when it has no limit.
    pub(crate) fn demand(&self, caller: &Caller, client: IpAddr, endpoint: &str, path: &str) -> Option<Demand> {
        let plans = self.plans.load();
        let config = plans.config();
        let tier = Tier::of(caller).filter(|_| config.enabled)?;
        let cost = config.cost(endpoint, path);
        let exempt = matches!(caller, Caller::Anonymous) && config.exempt.contain(client);
        if cost == 0 || exempt {
            return None;
        }
        let plan = plans.find(tier, endpoint);
        Some(Demand { plans: Arc::clone(&plans), plan, key: key(caller, client), cost })
    }

    /// Takes what is demanded, for protocols whose answers have no headers of ours.
    ///
    /// # Errors
    /// `rate_limited` with the time to wait.
    pub(crate) async fn take(&self, demand: Demand) -> Result<(), ApiError> {
        let taken = self.settle(demand).await;
        if taken.allowed() { Ok(()) } else { Err(taken.refusal()) }
    }

    /// Takes what is demanded, from the shared store or, while that is gone, from a share of our own.
    pub(crate) async fn settle(&self, demand: Demand) -> Taken {
        let Demand { plans, plan, key, cost } = demand;
        let cells = &plans.plan(plan).cells;
        let shared = self.shared.as_ref().filter(|_| !self.paused());
        let verdict = match shared {
            Some(shared) => match timeout(STORE_PATIENCE, shared.take(&key, cells, cost)).await {
                Ok(Ok(verdict)) => verdict,
                Ok(Err(error)) => self.stand_in(&plans, &key, cells, cost, &error).await,
                Err(_) => self.stand_in(&plans, &key, cells, cost, &LimitsGone("it takes too long".to_owned())).await,
            },
            None if self.shared.is_some() => self.share(&plans, &key, cells, cost).await,
            None => self.local.take(&key, cells, cost).await.unwrap_or(OPEN),
        };
        if !verdict.allowed {
            metrics::counter!("rate_limited_total").increment(1);
        }
        Taken { plans, plan, verdict }
    }

    /// The shared store failed: it is left alone for a moment.
    async fn stand_in(&self, plans: &Plans, key: &str, cells: &[Cell], cost: u32, error: &LimitsGone) -> Verdict {
        let until = self.clock.now().as_microsecond() + STORE_PAUSE_MICROS;
        self.paused_until.store(until, Ordering::Relaxed);
        metrics::counter!("rate_limit_store_failures_total").increment(1);
        tracing::warn!(%error, "this process limits by itself until the shared store answers");
        self.share(plans, key, cells, cost).await
    }

    /// Local buckets with this process' share of the quotas.
    async fn share(&self, plans: &Plans, key: &str, cells: &[Cell], cost: u32) -> Verdict {
        metrics::counter!("rate_limit_fallbacks_total").increment(1);
        let share = plans.config().fallback_share;
        let cells: Vec<_> = cells.iter().map(|cell| Cell { quota: cell.quota.share(share), ..*cell }).collect();
        self.local.take(key, &cells, cost).await.unwrap_or(OPEN)
    }

    fn paused(&self) -> bool {
        let until = self.paused_until.load(Ordering::Relaxed);
        until != 0 && self.clock.now().as_microsecond() < until
    }
}

/// When not even the local store can tell, which it always can.
const OPEN: Verdict = Verdict { allowed: true, slot: 0, remaining: 0, reset: Duration::ZERO };

impl Taken {
    /// Whether the request may go on.
    pub(crate) fn allowed(&self) -> bool {
        self.verdict.allowed
    }

    /// `rate_limited`, with the time to wait.
    pub(crate) fn refusal(&self) -> ApiError {
        let name = self.plans.name(self.plan, self.verdict.slot);
        let detail = format!("the quota \"{name}\" is used up; try again in {} s", seconds(self.verdict.reset));
        ApiError::new(ErrorKind::TooManyRequests, "rate_limited", detail).retry_after(self.verdict.reset)
    }

    /// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10): every quota that applies, and the
    /// one that is nearest to its end, with `t` seconds until it is whole, or for a refusal until it has enough again,
    /// as `Retry-After` says too.
    pub(crate) fn mark(&self, headers: &mut HeaderMap) {
        let plan = self.plans.plan(self.plan);
        let name = self.plans.name(self.plan, self.verdict.slot);
        let (left, reset) = (self.verdict.remaining, seconds(self.verdict.reset));
        headers.insert(POLICY, plan.policy.clone());
        if let Ok(value) = HeaderValue::try_from(format!("\"{name}\";r={left};t={reset}")) {
            headers.insert(LIMIT, value);
        }
    }
}

/// Rounded up: a client that comes back too early is refused again.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// Whose buckets: the key's, the person's, the program's, or the address'.
fn key(caller: &Caller, client: IpAddr) -> String {
    match caller {
        Caller::Identified(identity) => match (&identity.credential, &identity.subject) {
            (Credential::ApiKey(id), _) => format!("key:{id}"),
            (_, Subject::User(id)) => format!("user:{id}"),
            (_, Subject::Service(id)) => format!("service:{id}"),
        },
        Caller::Anonymous | Caller::Operator | Caller::System => address::key(client),
    }
}

#[cfg(test)]
mod tests;
