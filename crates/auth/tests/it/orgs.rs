//! Rows of an organisation are seen by those who name it: by row security on PostgreSQL, by views on SQLite.

use contracts::{ErrorKind, OrgId};
use rstest::rstest;
use serde_json::{Value, json};
use stores::{
    DbError, Rows, args,
    users::{ABOVE, User},
};
use uuid::Uuid;

use crate::{
    admin::own_token,
    world::{Browser, World, claims},
};

const KEYS: &str = "/api/v1/auth/keys";

/// Somebody in an organisation of their own, or in none, with a key there: the organisation and a token.
async fn with_key(world: &World, email: &str, org: Option<&str>) -> (Option<OrgId>, String) {
    let mut browser = Browser::signed_up(world, email).await;
    let id = claims(&own_token(world, &mut browser).await)["sub"].as_str().unwrap().parse().unwrap();
    let org = match org {
        Some(name) => {
            let org = world.auth.create_org(&testkit::operator_call(), name).await.unwrap();
            world.auth.join_org(&testkit::operator_call(), org, id).await.unwrap();
            Some(org)
        }
        None => None,
    };
    let token = own_token(world, &mut browser).await;
    world.json_as("POST", KEYS, &token, &json!({ "name": email, "scopes": "read:content" })).await.ok();
    (org, token)
}

async fn seen(world: &World, rows: Option<Rows>) -> i64 {
    let mut tx = world.db.begin().await.unwrap();
    if let Some(rows) = rows {
        tx.sees(rows).await.unwrap();
    }
    tx.fetch_one("SELECT COUNT(*) FROM auth_api_keys", args![]).await.unwrap()
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn who_names_no_organisation_sees_none_of_its_rows(#[case] engine: &str) {
    let world = World::open(engine).await;
    let is_above = |user: User| user.powers.contains(&ABOVE);
    assert!(!world.db.user().await.unwrap().is_some_and(is_above));
    let (here, ada) = with_key(&world, "ada@example.org", Some("Here")).await;
    let (there, cy) = with_key(&world, "cy@example.org", Some("There")).await;
    let (_, eve) = with_key(&world, "eve@example.org", None).await;
    let named = [&ada, &cy, &eve].map(|token| claims(token)["org"].clone());
    assert_eq!(named, [json!(here), json!(there), Value::Null], "a token names the organisation of its person");
    for _ in 0..2 {
        let outside: i64 = world.db.fetch_one("SELECT COUNT(*) FROM auth_api_keys", args![]).await.unwrap();
        assert_eq!((outside, seen(&world, None).await), (0, 0), "nothing, whoever saw everything before");
        assert_eq!(seen(&world, Some(Rows::All)).await, 3);
    }
    // Their own and those of no organisation, which the statement's own condition keeps to their person.
    assert_eq!(seen(&world, Some(Rows::Of(here))).await, 2);
    assert_eq!(seen(&world, Some(Rows::Of(None))).await, 1);
    for token in [&ada, &cy, &eve] {
        assert_eq!(world.get_as(KEYS, token).await.ok()["items"].as_array().unwrap().len(), 1);
    }

    // Nor can a row of another organisation be changed, taken away or put there.
    let mut tx = world.db.begin().await.unwrap();
    tx.sees(Rows::Of(here)).await.unwrap();
    let org: Uuid = there.unwrap().0;
    let touched = tx.execute("UPDATE auth_api_keys SET revoked_at = created_at WHERE org_id = $1", args![org]).await;
    assert_eq!(touched.unwrap(), 0);
    tx.execute("DELETE FROM auth_api_keys WHERE org_id = $1", args![org]).await.unwrap();
    tx.commit().await.unwrap();
    let sql = "INSERT INTO auth_api_keys (id, public_id, kind, user_id, org_id, name, salt, hash, scopes, created_at)
        SELECT $1, 'x', kind, user_id, $2, name, salt, hash, scopes, created_at FROM auth_api_keys LIMIT 1";
    let mut tx = world.db.begin().await.unwrap();
    tx.sees(Rows::Of(here)).await.unwrap();
    let put = tx.execute(sql, args![Uuid::from_u128(1), org]).await;
    assert!(matches!(&put, Err(error) if !matches!(error, DbError::NoRow)), "{put:?}");
    drop(tx);
    assert_eq!(seen(&world, Some(Rows::Of(there))).await, 2);
    assert_eq!(world.get_as(KEYS, &cy).await.ok()["items"][0]["name"], json!("cy@example.org"));

    let all = world.get_as(KEYS, &ada).await.ok();
    let one = format!("{KEYS}/{}", all["items"][0]["id"].as_str().unwrap());
    assert_eq!(world.json_as("DELETE", &one, &cy, &Value::Null).await.status, 404);
    assert_eq!(world.json_as("DELETE", &one, &ada, &Value::Null).await.status, 204);
    assert_eq!(world.json_as("DELETE", &one, &ada, &Value::Null).await.status, 404, "once");
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn organisations_and_who_belongs_to_them_are_seen_by_their_own(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (here, ada) = with_key(&world, "ada@example.org", Some("Here")).await;
    let (there, _) = with_key(&world, "cy@example.org", Some("There")).await;
    let (here, there) = (here.unwrap(), there.unwrap());
    for table in ["auth_orgs", "auth_memberships"] {
        let count = format!("SELECT COUNT(*) FROM {table}");
        assert_eq!(world.db.fetch_one::<i64>(count.clone(), args![]).await.unwrap(), 0, "{table}: outside of one");
        let all = [(Rows::All, 2), (Rows::Of(Some(here)), 1), (Rows::Of(Some(there)), 1), (Rows::Of(None), 0)];
        for (rows, expected) in all {
            let mut tx = world.db.begin().await.unwrap();
            assert_eq!(tx.fetch_one::<i64>(count.clone(), args![]).await.unwrap(), 0, "{table}: unsaid");
            tx.sees(rows).await.unwrap();
            assert_eq!(tx.fetch_one::<i64>(count.clone(), args![]).await.unwrap(), expected, "{table}: {rows:?}");
        }
    }
    // Nobody is put into another organisation, or taken out of it.
    let person: Uuid = claims(&ada)["sub"].as_str().unwrap().parse().unwrap();
    let put = "INSERT INTO auth_memberships (org_id, user_id, role, created_at)
        SELECT $1, user_id, role, created_at FROM auth_memberships WHERE user_id = $2";
    let mut tx = world.db.begin().await.unwrap();
    tx.sees(Rows::Of(Some(here))).await.unwrap();
    assert!(tx.execute(put, args![there, person]).await.is_err());
    drop(tx);
    let mut tx = world.db.begin().await.unwrap();
    tx.sees(Rows::Of(Some(here))).await.unwrap();
    tx.execute("DELETE FROM auth_memberships WHERE org_id = $1", args![there]).await.unwrap();
    tx.sees(Rows::All).await.unwrap();
    let left: i64 = tx.fetch_one("SELECT COUNT(*) FROM auth_memberships", args![]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(left, 2);
    // Who belongs already, and an organisation that is none, are told apart as before.
    let join = async |org: OrgId| {
        let joined = world.auth.join_org(&testkit::operator_call(), org, contracts::UserId(person)).await;
        joined.unwrap_err().kind
    };
    assert_eq!(join(here).await, ErrorKind::Conflict);
    assert_eq!(join(OrgId(Uuid::from_u128(7))).await, ErrorKind::NotFound);
}

/// Found by a secret that its holder shows, before anybody knows of which organisation they are.
const BY_SECRET: [&str; 3] = ["auth_codes", "auth_device_codes", "auth_families"];

/// A table that is made with an organisation in it is guarded, or it is named above and says why.
#[rstest]
#[case(
    "sqlite",
    "SELECT t.name, EXISTS (SELECT 1 FROM sqlite_master v WHERE v.type = 'view' AND v.name || '_rows' = t.name
        AND v.sql LIKE '%FROM row_scope %') FROM sqlite_master t
    WHERE t.type = 'table' AND EXISTS (SELECT 1 FROM pragma_table_info(t.name) c WHERE c.name = 'org_id') ORDER BY 1"
)]
#[case(
    "postgres",
    "SELECT CAST(c.relname AS TEXT), CASE WHEN c.relrowsecurity AND c.relforcerowsecurity
        AND EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid) THEN 1 ELSE 0 END
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::REGNAMESPACE AND a.attname = 'org_id' ORDER BY 1"
)]
#[tokio::test]
async fn every_table_with_an_organisation_is_guarded(#[case] engine: &str, #[case] tables: &'static str) {
    let world = World::open(engine).await;
    let all: Vec<(String, i64)> = world.db.fetch_all(tables, args![]).await.unwrap();
    let (guarded, open): (Vec<_>, Vec<_>) = all.iter().partition(|(_, guarded)| *guarded == 1);
    let names = |all: Vec<&(String, i64)>| -> Vec<String> {
        all.iter().map(|(name, _)| name.trim_end_matches("_rows").to_owned()).collect()
    };
    assert_eq!(names(guarded), ["auth_api_keys", "auth_memberships"]);
    assert_eq!(names(open), BY_SECRET);
}
