//! Refusals are in the audit log, and a flood of them does not fill it.

use std::{net::IpAddr, sync::Arc};

use auth::Denials;
use rstest::rstest;

use crate::world::World;

async fn log(world: &World) -> Vec<(String, String, String, serde_json::Value)> {
    let log = world.get_as("/api/v1/internal/auth/audit?limit=100", "operator").await.ok();
    let text = |entry: &serde_json::Value, name: &str| entry[name].as_str().unwrap().to_owned();
    let items = log["items"].as_array().unwrap().iter().filter(|one| text(one, "action").starts_with("access."));
    let detail = |entry: &serde_json::Value| {
        assert_eq!(entry["kind"], "ACCESS_DENIED");
        serde_json::from_str(&text(entry, "detail")).unwrap()
    };
    items.map(|one| (text(one, "action"), text(one, "actor"), text(one, "target"), detail(one))).collect()
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_refusal_is_stated_once_a_minute_with_how_often(#[case] engine: &str) {
    let world = World::open(engine).await;
    let denials = Denials::new(Arc::clone(&world.auth));
    let (stranger, from) = (testkit::call().caller, Some("198.51.100.77".parse::<IpAddr>().unwrap()));
    for _ in 0..1_000 {
        denials.note(&stranger, from, "GET /api/v1/admin/limits".into(), 401);
    }
    denials.note(&testkit::operator_call().caller, from, "PUT /x".into(), 403);
    denials.write(false).await.unwrap();
    denials.write(false).await.unwrap();
    let mut first = log(&world).await;
    first.sort_by(|a, b| a.1.cmp(&b.1));
    let (action, actor, target, detail) = &first[0];
    assert_eq!(
        (action.as_str(), actor.as_str(), target.as_str()),
        ("access.denied", "anonymous", "GET /api/v1/admin/limits")
    );
    assert_eq!(detail, &serde_json::json!({ "status": "401", "address": "198.51.100.x" }));
    assert_eq!((first.len(), first[1].1.as_str(), &first[1].3["address"]), (2, "operator", &serde_json::Value::Null));
    world.advance(60);
    denials.write(false).await.unwrap();
    let all = log(&world).await;
    assert_eq!((all.len(), all[2].0.as_str(), &all[2].3["times"]), (3, "access.denied_again", &"999".into()));
    assert!(world.get_as("/api/v1/internal/auth/audit/verdict", "operator").await.ok()["broken_at"].is_null());
}

#[tokio::test]
async fn a_flood_from_everywhere_is_bounded_and_counted() {
    let world = World::open("sqlite").await;
    let denials = Denials::new(Arc::clone(&world.auth));
    let stranger = testkit::call().caller;
    for n in 0..20_000_u32 {
        let [_, a, b, _] = n.to_be_bytes();
        let from = IpAddr::from([10, a, b, (n % 256) as u8]);
        denials.note(&stranger, Some(from), format!("GET /{}", n % 50), 401);
    }
    denials.write(true).await.unwrap();
    let count = |rows: &[(i64, i64)]| rows[0];
    let sql = "SELECT COUNT(*), COALESCE(SUM(CAST(COALESCE(detail ->> 'times', '1') AS INTEGER)), 0)
        FROM auth_audit WHERE action LIKE 'access.%'";
    let (entries, refusals) = count(&world.db.fetch_all(sql, stores::args![]).await.unwrap());
    assert!(entries <= 201, "{entries} entries");
    assert_eq!(refusals, 20_000, "none is left out");
}
