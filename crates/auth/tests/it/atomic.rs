//! A code, a device code and a refresh token are used up in one transaction with what comes of them: when its last
//! write fails nothing has happened, and the same one is good again.

use rstest::rstest;
use serde_json::Value;
use stores::args;

use crate::{
    devices,
    world::{Browser, CALLBACK, VERIFIER, World},
};

/// How the audit log takes no entry of an action any more, and how it takes it again.
fn poison(engine: &str, action: &str) -> (Vec<String>, &'static str) {
    if engine == "sqlite" {
        let make = format!(
            "CREATE TRIGGER poison BEFORE INSERT ON auth_audit WHEN NEW.action = '{action}'
            BEGIN SELECT RAISE(ABORT, 'poison'); END"
        );
        return (vec![make], "DROP TRIGGER poison");
    }
    let fails = "CREATE OR REPLACE FUNCTION poison() RETURNS TRIGGER LANGUAGE plpgsql
        AS $$ BEGIN RAISE EXCEPTION 'poison'; END $$";
    let make = format!(
        "CREATE TRIGGER poison BEFORE INSERT ON auth_audit FOR EACH ROW WHEN (NEW.action = '{action}')
        EXECUTE FUNCTION poison()"
    );
    (vec![fails.to_owned(), make], "DROP TRIGGER poison ON auth_audit")
}

/// How many families and refresh tokens there are.
async fn kept(world: &World) -> (i64, i64) {
    let sql = "SELECT (SELECT COUNT(*) FROM auth_families), (SELECT COUNT(*) FROM auth_refresh_tokens)";
    world.db.fetch_one(sql, args![]).await.unwrap()
}

/// Asks for tokens while `action` can't be stated, and once more when it can: what is then answered.
async fn twice(world: &World, engine: &str, action: &str, form: &[(&str, &str)]) -> Value {
    let (before, (make, end)) = (kept(world).await, poison(engine, action));
    for statement in make {
        world.db.execute(statement, args![]).await.unwrap();
    }
    let failed = world.form("/oauth/token", form).await;
    assert_eq!(failed.status, 500, "{}", failed.text);
    assert_eq!(kept(world).await, before, "nothing of it is kept");
    world.db.execute(end, args![]).await.unwrap();
    // A device may not ask again at once.
    world.advance(6);
    world.form("/oauth/token", form).await.ok()
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn what_is_used_up_in_vain_is_not_used_up(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (client, _) = world.client(false, false).await;
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let code = browser.code(&client, "read:content").await;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", &client),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let reply = twice(&world, engine, "token.issued", &form).await;
    assert_eq!(kept(&world).await, (1, 1));

    let token = reply["refresh_token"].as_str().unwrap();
    let form = [("grant_type", "refresh_token"), ("client_id", &client), ("refresh_token", token)];
    twice(&world, engine, "token.refreshed", &form).await;
    assert_eq!(kept(&world).await, (1, 2));

    let (device, code) = devices::begin(&world, &client).await;
    let allow = [("decision", "allow"), ("user_code", code.as_str())];
    assert_eq!(browser.submit(&format!("/device?user_code={code}"), "/device", &allow).await.status, 200);
    let form = [("grant_type", "device_code"), ("client_id", &client), ("device_code", &device)];
    twice(&world, engine, "token.issued", &form).await;
    assert_eq!(kept(&world).await, (2, 3));
}
