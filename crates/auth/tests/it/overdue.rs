//! Erasures that are not done in time: whoever asks how a node is hears of them until they are.

use contracts::ComponentState::{self, Degraded, Ready};
use rstest::rstest;
use serde_json::Value;
use stores::args;

use crate::{
    admin::own_token,
    privacy::{answering, eraser},
    world::{Browser, World},
};

const NOW: &str = "/api/v1/gdpr/delete-account?waive_grace=true";
/// How long an erasure may take after its end, in seconds.
const ALLOWED: i64 = 72 * 3600;

/// What a node says once its eraser has looked.
async fn told(world: &World) -> (ComponentState, String) {
    let outbox = tempfile::tempdir().unwrap();
    eraser(world, outbox.path()).once().await.unwrap();
    let part = world.auth.erasures_part();
    assert_eq!(part.name, auth::ERASURES);
    let beside = auth::overdue(&world.db, world.clock.now()).await.unwrap();
    assert_eq!(auth::erasures_part(&beside), part, "without a node it is told the same");
    (part.state, part.detail)
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn an_erasure_that_is_overdue_is_told_of_until_it_is_done(#[case] engine: &str) {
    let world = World::open(engine).await;
    for email in ["ada@example.org", "eve@example.org"] {
        let token = own_token(&world, &mut Browser::signed_up(&world, email).await).await;
        world.json_as("DELETE", NOW, &token, &Value::Null).await.ok();
    }
    // Nobody can say to which address mail of theirs went.
    let people: Vec<(uuid::Uuid, Vec<u8>)> =
        world.db.fetch_all("SELECT id, email_sealed FROM auth_users", args![]).await.unwrap();
    world.db.execute("UPDATE auth_users SET email_sealed = $1", args![&b"nonsense"[..]]).await.unwrap();
    let well = (Ready, "none is overdue".to_owned());
    assert_eq!(told(&world).await, well);
    world.advance(ALLOWED);
    assert_eq!(told(&world).await, well, "not yet");
    world.advance(1);
    let waits = |whom: &str| format!("72 hours after their end these wait: {whom}");
    assert_eq!(told(&world).await, (Degraded, waits("2 for a key to be destroyed, since 2026-01-04T00:00:00Z")));

    for (id, sealed) in people {
        let sql = "UPDATE auth_users SET email_sealed = $2 WHERE id = $1";
        world.db.execute(sql, args![id, sealed.as_slice()]).await.unwrap();
    }
    let [accounts, histories] = answering(&world);
    let answer = |context: &str| format!("2 for `{context}` to answer, since 2026-01-04T00:00:00Z");
    let both = waits(&format!("{}; {}", answer("auth"), answer("playback")));
    assert_eq!(told(&world).await, (Degraded, both), "the keys are gone");
    accounts.step().await.unwrap();
    assert_eq!(told(&world).await, (Degraded, waits(&answer("playback"))));
    histories.step().await.unwrap();
    assert_eq!(told(&world).await, well, "mended");
}

#[tokio::test]
async fn an_erasure_that_was_called_off_is_never_overdue() {
    let world = World::open("sqlite").await;
    let token = own_token(&world, &mut Browser::signed_up(&world, "ada@example.org").await).await;
    world.json_as("DELETE", NOW, &token, &Value::Null).await.ok();
    assert!(world.json_as("DELETE", "/api/v1/privacy/erasure", &token, &Value::Null).await.status.is_success());
    world.advance(2 * ALLOWED);
    assert_eq!(told(&world).await.0, Ready);
}
