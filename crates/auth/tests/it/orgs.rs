//! Rows of an organisation are seen by those who name it: by row security on PostgreSQL, by views on SQLite.

use contracts::OrgId;
use rstest::rstest;
use serde_json::{Value, json};
use stores::{DbError, Rows, args};
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
    assert!(!world.db.is_above_row_security().await.unwrap());
    let (here, ada) = with_key(&world, "ada@example.org", Some("Here")).await;
    let (there, cy) = with_key(&world, "cy@example.org", Some("There")).await;
    let (_, eve) = with_key(&world, "eve@example.org", None).await;
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
