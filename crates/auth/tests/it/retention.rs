//! What is past its time goes: what ended long ago, and old entries of the audit log, whose chain stays whole.

use std::sync::Arc;

use auth::Retainer;
use rstest::rstest;
use serde_json::{Value, json};
use stores::{Rows, args};

use crate::{
    admin::own_token,
    world::{Browser, PASSWORD, World},
};

const DAY: i64 = 24 * 3_600;
const AUDIT: &str = "/api/v1/internal/auth/audit";

impl World {
    async fn count(&self, table: &str) -> i64 {
        self.db.fetch_one(format!("SELECT COUNT(*) FROM {table}"), args![]).await.unwrap()
    }

    async fn api_keys(&self) -> i64 {
        let mut tx = self.db.begin().await.unwrap();
        tx.sees(Rows::All).await.unwrap();
        tx.fetch_one("SELECT COUNT(*) FROM auth_api_keys", args![]).await.unwrap()
    }

    async fn verdict(&self) -> Value {
        self.get_as(&format!("{AUDIT}/verdict"), "operator").await.ok()
    }

    /// The verdict of whoever kept this entry elsewhere.
    async fn holding(&self, mark: &str) -> Value {
        self.get_as(&format!("{AUDIT}/verdict?head={mark}"), "operator").await.ok()
    }

    /// The whole log, a few entries at a time.
    async fn log(&self) -> Vec<Value> {
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let page = self.get_as(&format!("{AUDIT}?limit=7&after={after}"), "operator").await.ok();
            let items = page["items"].as_array().unwrap().clone();
            let Some(last) = items.last() else { return all };
            after = last["position"].as_i64().unwrap();
            all.extend(items);
        }
    }

    /// Forgets what is past its time.
    pub async fn forget(&self) {
        Retainer::new(Arc::clone(&self.auth)).round().await.unwrap();
    }

    /// Time passes, and what is past its time is forgotten.
    async fn days(&self, days: i64) {
        self.advance(days * DAY);
        self.renew().await;
        self.forget().await;
    }
}

async fn sign_in<'a>(world: &'a World, email: &str) -> Browser<'a> {
    let mut browser = Browser::new(world);
    let answer = browser.submit("/login", "/login", &[("email", email), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    browser
}

/// An entry as whoever keeps it elsewhere writes it down.
fn mark(entry: &Value) -> String {
    format!("{}:{}", entry["position"], entry["hash"].as_str().unwrap())
}

fn positions(log: &[Value]) -> Vec<i64> {
    log.iter().map(|entry| entry["position"].as_i64().unwrap()).collect()
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn the_audit_log_is_whole_across_what_is_put_away_and_forgotten(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (client, _) = world.client(false, false).await;
    Browser::signed_up(&world, "ada@example.org").await.tokens(&client, "read:content").await;
    let before = world.log().await;
    world.days(89).await;
    assert_eq!(world.count("auth_audit_cold").await, 0);
    let mut browser = sign_in(&world, "ada@example.org").await;
    world.days(2).await;
    assert_eq!(world.count("auth_audit_cold").await, i64::try_from(before.len()).unwrap());
    let log = world.log().await;
    assert_eq!(log[..before.len()], before[..], "nothing of it changed on its way");
    assert_eq!(positions(&log), (1..=i64::try_from(log.len()).unwrap()).collect::<Vec<_>>());
    let head = mark(&log[log.len() - 1]);
    let whole = json!({ "entries": log.len(), "forgotten": 0, "broken_at": null, "head": head, "holds": null });
    assert_eq!(world.verdict().await, whole);
    // A person is shown also what was put away.
    let token = own_token(&world, &mut browser).await;
    let data = world.get_as("/api/v1/gdpr/data-export", &token).await.ok();
    assert!(data["audit"].as_array().unwrap().iter().any(|entry| entry["action"] == "account.created"), "{data}");
    for (table, position) in [("auth_audit_cold", 2), ("auth_audit", before.len() + 1)] {
        let touch = |by| format!("UPDATE {table} SET actor = {by} WHERE position = {position}");
        world.db.execute(touch("actor || 'x'"), args![]).await.unwrap();
        assert_eq!(world.verdict().await["broken_at"], position, "{table}");
        world.db.execute(touch("SUBSTR(actor, 1, LENGTH(actor) - 1)"), args![]).await.unwrap();
        assert!(world.verdict().await["broken_at"].is_null(), "{table}");
    }

    // Two years after the first entries, and not yet after the others.
    world.days(731 - 90).await;
    let kept = world.log().await;
    let gone = i64::try_from(before.len()).unwrap();
    assert_eq!(positions(&kept)[0], gone + 1);
    assert_eq!(kept[0], log[before.len()]);
    let verdict = world.verdict().await;
    assert_eq!((&verdict["forgotten"], &verdict["broken_at"]), (&json!(gone), &Value::Null));
    assert_eq!(verdict["entries"], kept.len());
    assert_eq!(kept.last().unwrap()["action"], "audit.forgotten");
    let holds = async |entry: &Value| world.holding(&mark(entry)).await["holds"].clone();
    let known = [&log[before.len() - 2], &log[before.len() - 1], &log[before.len()]];
    assert_eq!([holds(known[0]).await, holds(known[1]).await, holds(known[2]).await], [false, true, true]);
    // Who cuts off more than was said, or begins the chain elsewhere, is found out.
    let (last, hash) = (gone + 1, kept[0]["hash"].as_str().unwrap());
    let hash: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&hash[at * 2..at * 2 + 2], 16).unwrap()).collect();
    world.db.execute("DELETE FROM auth_audit_cold WHERE position = $1", args![last]).await.unwrap();
    assert_eq!(world.verdict().await["broken_at"], last);
    let sql = "UPDATE auth_audit_anchor SET position = $1, hash = $2";
    world.db.execute(sql, args![last, hash]).await.unwrap();
    assert_eq!(world.verdict().await["broken_at"], last + 1, "the log does not say so");
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn whoever_keeps_the_newest_entry_elsewhere_sees_that_the_end_was_cut_off(#[case] engine: &str) {
    let world = World::open(engine).await;
    Browser::signed_up(&world, "ada@example.org").await;
    let log = world.log().await;
    let [.., before, newest] = &log[..] else { panic!("{log:?}") };
    let (before, newest) = (mark(before), mark(newest));
    assert_eq!(world.verdict().await["head"], newest.as_str());
    sign_in(&world, "ada@example.org").await;
    assert_eq!(world.holding(&newest).await["holds"], true, "others came after it");

    let last = i64::try_from(log.len() - 1).unwrap();
    for statement in [
        "DELETE FROM auth_audit WHERE position > $1",
        "UPDATE auth_audit_head SET hash = (SELECT hash FROM auth_audit WHERE position = $1)",
        "UPDATE auth_audit_head SET position = $1",
    ] {
        world.db.execute(statement, args![last]).await.unwrap();
    }
    let verdict = world.holding(&newest).await;
    assert_eq!((&verdict["broken_at"], &verdict["holds"]), (&Value::Null, &json!(false)), "{verdict}");
    assert_eq!((&verdict["head"], world.holding(&before).await["holds"].clone()), (&json!(before), json!(true)));
    sign_in(&world, "ada@example.org").await;
    assert_eq!(world.log().await.len(), log.len(), "another stands in its place");
    let verdict = world.holding(&newest).await;
    assert_eq!((&verdict["broken_at"], &verdict["holds"]), (&Value::Null, &json!(false)), "{verdict}");

    let short = &newest[..newest.len() - 1];
    for wrong in ["", "7", "7:", short, &format!("{short}x"), &newest.replace(':', "-"), &format!("-{newest}")] {
        let answer = world.get_as(&format!("{AUDIT}/verdict?head={wrong}"), "operator").await;
        assert_eq!((answer.status.as_u16(), &answer.json["code"]), (400, &json!("bad_audit_mark")), "{wrong}");
    }
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_log_without_what_says_where_it_ends_is_broken(#[case] engine: &str) {
    let world = World::open(engine).await;
    Browser::signed_up(&world, "ada@example.org").await;
    let log = world.log().await;
    let newest = mark(&log[log.len() - 1]);
    let broken = |entries: usize, holds: bool| {
        let at = entries + 1;
        json!({ "entries": entries, "forgotten": 0, "broken_at": at, "head": null, "holds": holds })
    };
    world.db.execute("DELETE FROM auth_audit_head", args![]).await.unwrap();
    assert_eq!(world.holding(&newest).await, broken(log.len(), true), "what is there holds together");
    // Nothing was forgotten yet, so that this says nothing either.
    for table in ["auth_audit", "auth_audit_anchor"] {
        world.db.execute(format!("DELETE FROM {table}"), args![]).await.unwrap();
        assert_eq!(world.holding(&newest).await, broken(0, false), "{table}");
    }
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn what_ended_long_ago_goes(#[case] engine: &str) {
    let world = World::open(engine).await;
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let token = own_token(&world, &mut browser).await;
    let key = |days: Value| json!({ "name": "x", "scopes": "read:content", "expires_in_days": days });
    for days in [json!(1), json!(3650), Value::Null] {
        world.json_as("POST", "/api/v1/auth/keys", &token, &key(days)).await.ok();
    }
    world.json_as("POST", "/api/v1/internal/auth/signing-keys", "operator", &Value::Null).await.ok();
    assert_eq!(world.api_keys().await, 3);
    // A session ends after 14 days, a family after 90, its tokens after 7, the key after 1, the old signing keys today.
    world.days(89).await;
    assert_eq!((world.count("auth_sessions").await, world.count("auth_families").await), (1, 1));
    assert_eq!((world.count("auth_refresh_tokens").await, world.count("auth_signing_keys").await), (0, 4));
    world.days(3).await;
    assert_eq!(world.count("auth_signing_keys").await, 2, "only those that sign");
    assert_eq!(world.api_keys().await, 2, "those that have not ended, one of which never does");
    sign_in(&world, "ada@example.org").await;
    world.days(13).await;
    let ids = "SELECT COUNT(*) FROM auth_sessions WHERE created_at > $1";
    let young = testkit::start() + jiff::SignedDuration::from_hours(24);
    assert_eq!(world.count("auth_sessions").await, 1, "the old one is gone");
    assert_eq!(world.db.fetch_one::<i64>(ids, args![young]).await.unwrap(), 1, "the young one is not");
    world.days(74).await;
    assert_eq!(world.count("auth_families").await, 1);
    world.days(3).await;
    assert_eq!(world.count("auth_families").await, 0);
    assert_eq!(world.count("auth_users").await, 1);
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_change_of_the_schema_is_an_entry(#[case] engine: &str) {
    let world = World::open(engine).await;
    let changes = async |world: &World| -> Vec<String> {
        let entries = world.log().await.into_iter().filter(|entry| entry["action"] == "schema.changed");
        entries
            .map(|entry| {
                let detail: Value = serde_json::from_str(entry["detail"].as_str().unwrap()).unwrap();
                detail["migrations"].as_str().unwrap().to_owned()
            })
            .collect()
    };
    let first = changes(&world).await;
    assert_eq!(first.len(), 1);
    let applied = world.db.applied_migrations().await.unwrap();
    let names: Vec<_> = applied.iter().map(|(version, name)| format!("{version:04}_{name}")).collect();
    assert_eq!(first[0], names.join(" "));
    world.auth.seed().await.unwrap();
    assert_eq!(changes(&world).await.len(), 1, "it is said once");
    // As if that one came only now.
    world.db.execute("DELETE FROM auth_schema_entries WHERE version = 43", args![]).await.unwrap();
    world.auth.seed().await.unwrap();
    assert_eq!(changes(&world).await[1..], ["0043_auth_retention"]);
}

/// Who lets people in waits for nothing that takes long, and what takes long is brought to its end.
#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_backlog_is_forgotten_in_one_round_and_holds_nobody_up(#[case] engine: &str) {
    let world = World::open(engine).await;
    Browser::signed_up(&world, "ada@example.org").await;
    let at = world.clock.now();
    let mut tx = world.db.begin().await.unwrap();
    let rows = (0..3_500).map(|n: i64| args![format!("proof {n}").as_bytes(), at]).collect();
    tx.insert_many("INSERT INTO auth_proofs (name, expires_at)", "", rows).await.unwrap();
    tx.commit().await.unwrap();
    world.advance(91 * DAY);
    world.keeper().step().await.unwrap();
    assert_eq!((world.count("auth_proofs").await, world.count("auth_audit_cold").await), (3_500, 0));
    world.forget().await;
    assert_eq!(world.count("auth_proofs").await, 0);
    assert!(world.count("auth_audit_cold").await > 0);
}
