//! Tiers, keys, costs, headers, and what happens while the shared store is gone.

use std::sync::Mutex;

use contracts::{Clock, OrgId, Scopes, UserId};
use futures::{FutureExt, future::Either};
use jiff::SignedDuration;
use stores::limits::Taking;
use stores_embedded::MemoryLimits;

use super::*;

fn limits(config: &LimitsConfig, clock: &Clock, shared: Option<Arc<dyn LimitStore>>) -> Limits {
    Limits::new(config, Arc::new(MemoryLimits::new(clock.clone(), 1_000)), shared, clock.clone())
}

fn identified(role: Role, credential: Credential, subject: Subject) -> Caller {
    let (client, org, scopes) = (String::new(), None, Scopes::default());
    Caller::Identified(Arc::new(Identity { subject, client, org, role, scopes, credential, ages: None }))
}

fn token() -> Credential {
    let token = serde_json::json!({ "token": {
        "id": "01936f5e-0000-7000-8000-000000000002", "family": null, "expires_at": "2027-01-01T00:00:00Z" } });
    serde_json::from_value(token).unwrap()
}

/// A person for each role.
fn person(role: Role) -> Subject {
    let id = serde_json::from_value::<UserId>(format!("01936f5e-0000-7000-8000-{:012}", role as u8).into());
    Subject::User(id.unwrap())
}

fn program() -> Subject {
    Subject::Service("batch".to_owned())
}

fn somebody(role: Role) -> Caller {
    identified(role, token(), person(role))
}

/// Somebody who acts for an organisation.
fn member(role: Role) -> Caller {
    let org = serde_json::from_value::<OrgId>("01936f5e-0000-7000-8000-000000000003".into()).unwrap();
    let (client, scopes, credential) = (String::new(), Scopes::default(), token());
    let subject = person(role);
    Caller::Identified(Arc::new(Identity { subject, client, org: Some(org), role, scopes, credential, ages: None }))
}

fn key_of(role: Role, id: &str, subject: Subject) -> Caller {
    identified(role, Credential::ApiKey(id.to_owned()), subject)
}

const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

async fn ask(limits: &Limits, caller: &Caller, endpoint: &str) -> Option<(bool, String, String)> {
    let demand = limits.demand(caller, CLIENT, endpoint, endpoint)?;
    let taken = limits.settle(demand).await;
    let mut headers = HeaderMap::new();
    taken.mark(&mut headers);
    let text = |name| headers[name].to_str().unwrap().to_owned();
    Some((taken.allowed(), text("ratelimit-policy"), text("ratelimit")))
}

#[tokio::test]
async fn each_tier_has_its_windows() {
    let (clock, config) = (testkit::clock(), LimitsConfig::default());
    let limits = limits(&config, &clock, None);
    let edge = "\"edge\";q=1000;w=60";
    // 200 a second fill a bucket of 500 in 2.5 s.
    let enterprise = "\"second\";q=500;w=3, \"minute\";q=5000;w=60, \"hour\";q=50000;w=3600".to_owned();
    let anonymous = format!("\"second\";q=10;w=2, \"minute\";q=100;w=60, \"hour\";q=1000;w=3600, {edge}");
    for (caller, burst, policy) in [
        (Caller::Anonymous, 10, anonymous.clone()),
        (somebody(Role::Guest), 10, anonymous),
        (somebody(Role::BasicUser), 20, "\"second\";q=20;w=2, \"minute\";q=200;w=60, \"hour\";q=2000;w=3600".into()),
        (
            somebody(Role::PremiumUser),
            100,
            "\"second\";q=100;w=2, \"minute\";q=1000;w=60, \"hour\";q=10000;w=3600".into(),
        ),
        (member(Role::Moderator), 500, enterprise.clone()),
        (identified(Role::IngestionService, token(), program()), 500, enterprise),
        (key_of(Role::BasicUser, "mg_user_1", person(Role::BasicUser)), 1_000, "\"quarter\";q=1000;w=900".into()),
        (key_of(Role::ServiceAccount, "mg_svc_1", program()), 10_000, "\"quarter\";q=10000;w=900".into()),
    ] {
        for left in (0..burst).rev() {
            let (allowed, said, limit) = ask(&limits, &caller, "/x").await.unwrap();
            assert!(allowed, "{caller:?} after {}", burst - left);
            assert_eq!(said, policy);
            assert!(limit.contains(&format!(";r={left};")), "{limit}");
        }
        let (allowed, _, limit) = ask(&limits, &caller, "/x").await.unwrap();
        assert!(!allowed && limit.ends_with(";r=0;t=1"), "{caller:?}: {limit}");
    }
    for unlimited in [Caller::Operator, Caller::System] {
        assert!(ask(&limits, &unlimited, "/x").await.is_none());
    }
}

#[tokio::test]
async fn the_edge_holds_whatever_the_tier_allows() {
    let anonymous = TierQuotas::new(1_000, 1_000, 1_000, 1_000);
    let config =
        LimitsConfig { tiers: Tiers { anonymous, ..Tiers::default() }, edge_per_minute: 5, ..LimitsConfig::default() };
    let limits = limits(&config, &testkit::clock(), None);
    for left in (0..5).rev() {
        let (allowed, _, limit) = ask(&limits, &Caller::Anonymous, "/x").await.unwrap();
        assert!(allowed && limit.starts_with(&format!("\"edge\";r={left};")), "{limit}");
    }
    let (allowed, _, limit) = ask(&limits, &Caller::Anonymous, "/x").await.unwrap();
    assert_eq!((allowed, &*limit), (false, "\"edge\";r=0;t=12"));
    assert!(ask(&limits, &somebody(Role::BasicUser), "/x").await.unwrap().0, "strangers only");
}

#[tokio::test]
async fn the_longer_windows_hold_whoever_never_bursts() {
    let (clock, config) = (testkit::clock(), LimitsConfig::default());
    let limits = limits(&config, &clock, None);
    let mut given = 0;
    for _ in 0..3_600 * 4 {
        given += u32::from(ask(&limits, &Caller::Anonymous, "/x").await.unwrap().0);
        clock.advance(SignedDuration::from_millis(250));
    }
    assert!((1_990..=2_000).contains(&given), "{given}: what the hour holds, and what flows in within it");
}

#[tokio::test]
async fn routes_have_costs_and_quotas_of_their_own() {
    let own = RouteQuota { route: "/semantic".into(), name: "semantic", units: 3, window: Duration::from_secs(60) };
    let cost = |route: &str, units| RouteCost { route: route.to_owned(), units };
    let costs = vec![cost("/batch", 4), cost("/livez", 0)];
    let files = Some("/{*path}".to_owned());
    let config = LimitsConfig { overrides: vec![own], costs, files, ..LimitsConfig::default() };
    let (clock, caller) = (testkit::clock(), Caller::Anonymous);
    let limits = limits(&config, &clock, None);
    assert!(ask(&limits, &caller, "/livez").await.is_none());
    assert_eq!(config.cost("/{*path}", "/app.js"), 0);
    assert_eq!(config.cost("/{*path}", "/api/v1/nothing"), 1);
    assert_eq!(ask(&limits, &caller, "/batch").await.unwrap().2, "\"second\";r=6;t=1");
    for left in (0..3).rev() {
        let (allowed, policy, limit) = ask(&limits, &caller, "/semantic").await.unwrap();
        assert!(allowed && policy.ends_with("\"semantic\";q=3;w=60"), "{policy}");
        assert!(limit.starts_with(&format!("\"semantic\";r={left};")), "{limit}");
    }
    assert_eq!(ask(&limits, &caller, "/semantic").await.unwrap().2, "\"semantic\";r=0;t=20");
    assert!(ask(&limits, &caller, "/other").await.unwrap().0, "other routes go on");
    let batch = || limits.demand(&caller, CLIENT, "/batch", "/batch").unwrap();
    let refused = limits.take(batch()).await.unwrap_err();
    assert_eq!((&*refused.code, refused.retry_after), ("rate_limited", Some(Duration::from_millis(400))));
    clock.advance(SignedDuration::from_millis(400));
    limits.take(batch()).await.unwrap();
}

#[tokio::test]
async fn exempt_addresses_and_new_numbers() {
    let clock = testkit::clock();
    let exempt = Networks::parse(["192.0.2.0/24"]).unwrap();
    let limits = limits(&LimitsConfig { exempt, ..LimitsConfig::default() }, &clock, None);
    assert!(ask(&limits, &Caller::Anonymous, "/x").await.is_none());
    assert!(ask(&limits, &somebody(Role::BasicUser), "/x").await.is_some(), "who says who they are is counted");
    let anonymous = TierQuotas::new(1, 2, 100, 1_000);
    limits.set(&LimitsConfig { tiers: Tiers { anonymous, ..Tiers::default() }, ..LimitsConfig::default() });
    assert_eq!(ask(&limits, &Caller::Anonymous, "/x").await.unwrap().2, "\"second\";r=1;t=1");
    limits.set(&LimitsConfig { enabled: false, ..LimitsConfig::default() });
    assert!(ask(&limits, &Caller::Anonymous, "/x").await.is_none());
}

/// A shared store that answers, fails or hangs.
struct Shared(Mutex<(&'static str, u32)>);

impl LimitStore for Shared {
    fn take<'a>(&'a self, _: &'a str, _: &'a [Cell], _: u32) -> Taking<'a> {
        let mut state = self.0.lock().unwrap();
        state.1 += 1;
        Either::Right(match state.0 {
            "fails" => async { Err(LimitsGone("gone".to_owned())) }.boxed(),
            "hangs" => std::future::pending().boxed(),
            _ => async { Ok(OPEN) }.boxed(),
        })
    }
}

#[tokio::test]
async fn without_the_shared_store_each_process_gives_its_share() {
    for how in ["fails", "hangs"] {
        let (clock, shared) = (testkit::clock(), Arc::new(Shared(Mutex::new(("answers", 0)))));
        let limits = limits(&LimitsConfig::default(), &clock, Some(Arc::clone(&shared) as _));
        for _ in 0..50 {
            assert!(ask(&limits, &Caller::Anonymous, "/x").await.unwrap().0, "the shared store allows it");
        }
        assert_eq!((limits.place(), shared.0.lock().unwrap().1), ("shared", 50));
        *shared.0.lock().unwrap() = (how, 0);
        let mut given = 0;
        for _ in 0..20 {
            given += u32::from(ask(&limits, &Caller::Anonymous, "/x").await.unwrap().0);
        }
        assert_eq!((given, limits.place()), (5, "fallback"), "half of a burst of ten");
        assert_eq!(shared.0.lock().unwrap().1, 1, "it is left alone for a moment");
        *shared.0.lock().unwrap() = ("answers", 0);
        clock.advance(SignedDuration::from_millis(1_100));
        assert!(ask(&limits, &Caller::Anonymous, "/x").await.unwrap().0);
        assert_eq!(limits.place(), "shared");
    }
}
