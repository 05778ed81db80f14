//! Clients that describe themselves, where many do: those of one origin, and hosts that say nothing, leave room for others.

use std::{
    future::pending,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::http::StatusCode;
use futures::{FutureExt as _, future::join_all};
use rstest::rstest;
use serde_json::json;
use stores::args;
use tokio::time::sleep;

use crate::{
    admin::{document, http},
    world::{Answer, Browser, CALLBACK, World, request},
};

const HOUR: i64 = 3_600;
/// Of how many clients the documents are read at once.
const PLACES: usize = 32;
/// Whose name leads nowhere, for as long as one waits.
const SILENT: &str = "https://silent.example";

/// The origin of a client whose document is served at `/app.json`, and the client's id.
async fn described() -> (String, String) {
    let app = |at: &str| json!({ "client_id": format!("{at}/app.json"), "redirect_uris": [CALLBACK] });
    let origin = document(move |at| http("200 OK", "", &app(at).to_string())).await;
    let id = format!("{origin}/app.json");
    (origin, id)
}

/// Where a browser is sent that comes with a request of this client.
async fn ask(world: &World, id: &str) -> Answer {
    Browser::new(world).get(&request(id, "read:content", &[])).await
}

/// Asserts that the client is taken: the browser goes on to sign in.
async fn taken(world: &World, id: &str, why: &str) {
    let answer = ask(world, id).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{why}: {}", answer.text);
}

/// Asserts that there is no room for the client.
async fn crowded(world: &World, id: &str) {
    let answer = ask(world, id).await;
    assert!(answer.status == StatusCode::BAD_REQUEST && answer.text.contains("too many others"), "{}", answer.text);
}

/// As if this origin had as many clients, each known for as long as `like` is.
async fn more(world: &World, origin: &str, count: usize, like: &str) {
    let copy = format!(
        "INSERT INTO auth_clients (id, name, redirect_uris, grant_types, scopes, own, bound, refresh_in_cookie,
            metadata_until, created_at)
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
        SELECT '{origin}/' || n.i, c.name, c.redirect_uris, c.grant_types, c.scopes, c.own, c.bound,
            c.refresh_in_cookie, c.metadata_until, c.created_at FROM n, auth_clients c WHERE c.id = $1"
    );
    world.db.execute(copy, args![like]).await.unwrap();
}

/// How many clients need no second look by now.
async fn in_force(world: &World) -> i64 {
    let sql = "SELECT COUNT(*) FROM auth_clients WHERE metadata_until > $1";
    world.db.fetch_one(sql, args![world.clock.now()]).await.unwrap()
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn an_origin_full_of_clients_leaves_room_for_others(#[case] engine: &str) {
    let world = World::open(engine).await;
    let ((_, known), (full, last), (_, new)) = (described().await, described().await, described().await);
    taken(&world, &known, "the first of its origin").await;
    more(&world, &full, 49, &known).await;
    taken(&world, &last, "the fiftieth of its origin").await;
    crowded(&world, &format!("{full}/another.json")).await;
    taken(&world, &last, "who is known stays so").await;
    taken(&world, &new, "another origin's").await;
    world.advance(HOUR + 1);
    taken(&world, &known, "one that is known is read again").await;
    assert_eq!(in_force(&world).await, 1);
}

/// What comes of `then` while clients of [`SILENT`] with these names hold places, which `asked` counts.
async fn beside<T>(world: &World, asked: &AtomicUsize, names: &str, then: impl Future<Output = T>) -> T {
    let all = asked.load(Ordering::SeqCst) + PLACES;
    let ids: Vec<_> = (1..=PLACES).map(|n| format!("{SILENT}{names}/{n}")).collect();
    let silent = join_all(ids.iter().map(|id| ask(world, id)));
    let then = async {
        while asked.load(Ordering::SeqCst) < all {
            sleep(Duration::from_millis(5)).await;
        }
        then.await
    };
    tokio::select! {
        answers = silent => panic!("they did not wait: {answers:?}"),
        done = then => done,
    }
}

#[tokio::test]
async fn hosts_that_say_nothing_keep_out_nobody_who_is_known() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let world = World::told(testkit::sqlite().await, move |config| {
        config.lookup = Arc::new(move |_: String, _: u16| {
            count.fetch_add(1, Ordering::SeqCst);
            pending::<io::Result<Vec<SocketAddr>>>().boxed()
        });
    });
    let world = world.await;
    let ((_, known), (_, new)) = (described().await, described().await);
    taken(&world, &known, "nobody waits yet").await;
    more(&world, SILENT, PLACES, &known).await;

    world.advance(HOUR + 1);
    let strangers = beside(&world, &asked, "/new", async {
        crowded(&world, &new).await;
        taken(&world, &known, "strangers have none of its places").await;
    });
    strangers.await;
    assert_eq!(in_force(&world).await, 1, "it was read again");

    world.advance(HOUR + 1);
    let crowd = beside(&world, &asked, "", async {
        taken(&world, &known, "it stands as it was").await;
        assert_eq!(in_force(&world).await, 0, "it was not read again");
        taken(&world, &new, "those who are known have no place of a stranger's").await;
    });
    crowd.await;

    world.advance(24 * HOUR);
    beside(&world, &asked, "", crowded(&world, &known)).await;
}

/// Whoever is about to be forgotten when they are disabled is not.
#[tokio::test]
async fn a_client_that_is_disabled_while_others_are_forgotten_stays_so() {
    let world = World::open("postgres").await;
    let (_, id) = described().await;
    taken(&world, &id, "nothing is known of it yet").await;
    world.advance(26 * HOUR);
    let mut disabling = world.db.begin().await.unwrap();
    let sql = "UPDATE auth_clients SET disabled_at = $2 WHERE id = $1";
    assert_eq!(disabling.execute(sql, args![id.as_str(), world.clock.now()]).await.unwrap(), 1);
    let disable = async {
        let waiting = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()
            AND wait_event_type = 'Lock' AND query LIKE 'DELETE FROM auth_clients%'";
        let since = Instant::now();
        while world.db.fetch_one::<i64>(waiting, args![]).await.unwrap() == 0 {
            assert!(since.elapsed() < Duration::from_secs(60), "nobody waits for who disables");
            sleep(Duration::from_millis(5)).await;
        }
        disabling.commit().await.unwrap();
    };
    tokio::join!(world.forget(), disable);
    let kept = "SELECT COUNT(*) FROM auth_clients WHERE id = $1 AND disabled_at IS NOT NULL";
    assert_eq!(world.db.fetch_one::<i64>(kept, args![id.as_str()]).await.unwrap(), 1);
}
