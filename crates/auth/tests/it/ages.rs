//! The age limit that a person sets in a browser is the one that programs with their token have, in every process.

use access::{Presented, Verifier};
use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use contracts::{Event, EventId};
use rstest::rstest;
use serde_json::{Value, json};
use stores::{args, events};

use crate::{
    admin::own_token,
    statements::Statements,
    world::{Browser, World},
};

const FORM: &str = "/account/age-limit";
const LIMIT: &str = "/api/v1/auth/age-limit";

#[tokio::test]
async fn an_age_limit_is_set_and_ended_in_a_browser_without_script() {
    let world = World::open("sqlite").await;
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let token = own_token(&world, &mut browser).await;
    let set = [("max_age", "13"), ("region", " usa ")];
    assert_eq!(browser.post(FORM, &set, &[]).await.status, StatusCode::FORBIDDEN, "not by a form of elsewhere");
    assert!(!browser.get("/account").await.text.contains("any age"), "no limit, nothing to end");
    let done = browser.submit("/account", FORM, &set).await;
    assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, "/account"));
    let limit = world.get_as(LIMIT, &token).await.ok();
    assert_eq!((&limit["max_age"], &limit["region"]), (&json!(13), &json!("US")));
    let page = browser.get("/account").await.text;
    assert!(page.contains(r#"value="13""#) && page.contains(r#"value="US""#) && page.contains("any age"), "{page}");

    for (fields, said) in [
        ([("max_age", "thirteen"), ("region", "")], "Say an age from 0 to 21."),
        ([("max_age", "22"), ("region", "")], "22 is no age of a certificate"),
        ([("max_age", "12"), ("region", "ZZ")], "no region is called"),
    ] {
        let refused = browser.submit("/account", FORM, &fields).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{fields:?}");
        assert!(refused.text.contains(said), "{said}: {}", refused.text);
    }
    assert_eq!(world.get_as(LIMIT, &token).await.ok(), limit, "what is refused changes nothing");
    let stranger = Browser::new(&world).submit("/login", FORM, &set).await;
    assert!(stranger.header("location").starts_with("/login?next="), "{:?}", stranger.headers);

    for _ in ["once", "twice"] {
        assert_eq!(browser.submit("/account", FORM, &[("end", "yes")]).await.status, StatusCode::SEE_OTHER);
        assert_eq!(world.get_as(LIMIT, &token).await.status, StatusCode::NOT_FOUND);
    }
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn another_process_takes_a_limit_that_changed_and_nothing_else(#[case] engine: &str) {
    let here = World::open(engine).await;
    let token = own_token(&here, &mut Browser::signed_up(&here, "ada@example.org").await).await;
    let (there, mut keeper) = here.other();
    keeper.step().await.unwrap();
    let seen = |by: &Verifier| by.verify(Presented::bearer(&token)).unwrap().ages.map(|ages| ages.max_age);
    let statements = Statements::default();
    let _counted = metrics::set_default_local_recorder(&statements);
    keeper.step().await.unwrap();
    let idle = statements.count();
    for age in [16, 10, 13] {
        here.json_as("PUT", LIMIT, &token, &json!({ "max_age": age })).await.ok();
        assert_eq!(seen(here.auth.verifier()), Some(age), "here at once");
        let before = statements.count();
        keeper.step().await.unwrap();
        // The one limit, and then that there are no more events.
        assert_eq!(statements.count() - before, idle + 3, "the snapshot is not read anew");
        assert_eq!(seen(&there), Some(age));
    }
    assert_eq!(here.json_as("DELETE", LIMIT, &token, &Value::Null).await.status, StatusCode::NO_CONTENT);
    keeper.step().await.unwrap();
    assert_eq!((seen(here.auth.verifier()), seen(&there)), (None, None));
}

/// Nobody is let in while this waits, so it may not ask once for each of a school's accounts.
#[rstest]
#[case("sqlite", 40)]
#[case("postgres", 40)]
#[case::too_many_for_a_list("sqlite", 600)]
#[tokio::test]
async fn limits_that_changed_together_are_taken_together(#[case] engine: &str, #[case] people: usize) {
    let here = World::open(engine).await;
    let token = own_token(&here, &mut Browser::signed_up(&here, "ada@example.org").await).await;
    let (there, mut keeper) = here.other();
    keeper.step().await.unwrap();
    here.json_as("PUT", LIMIT, &token, &json!({ "max_age": 9 })).await.ok();
    let (_, hers) = events::read(&here.db, 0, 1_000).await.unwrap().pop().unwrap();
    let ids = testkit::ids();
    let of_another = |_| Event { id: EventId(ids.next()), data: json!({ "age_limit_of": ids.next() }), ..hers.clone() };
    let others: Vec<Event> = (0..people).map(of_another).collect();
    let mut tx = here.db.begin().await.unwrap();
    events::append(&mut tx, &others).await.unwrap();
    tx.commit().await.unwrap();
    let statements = Statements::default();
    let _counted = metrics::set_default_local_recorder(&statements);
    keeper.step().await.unwrap();
    assert!(statements.count() < 30, "{} statements for {people} people", statements.count());
    assert_eq!(there.verify(Presented::bearer(&token)).unwrap().ages.map(|ages| ages.max_age), Some(9));
}

/// What was read of the log and could not be taken is not forgotten until the next minute.
#[tokio::test]
async fn a_limit_that_can_not_be_read_is_read_again() {
    let here = World::open("sqlite").await;
    let token = own_token(&here, &mut Browser::signed_up(&here, "ada@example.org").await).await;
    let (there, mut keeper) = here.other();
    keeper.step().await.unwrap();
    here.json_as("PUT", LIMIT, &token, &json!({ "max_age": 7 })).await.ok();
    here.db.execute("UPDATE auth_age_limits SET region = 'nowhere'", args![]).await.unwrap();
    keeper.step().await.unwrap_err();
    here.db.execute("UPDATE auth_age_limits SET region = NULL", args![]).await.unwrap();
    keeper.step().await.unwrap();
    assert_eq!(there.verify(Presented::bearer(&token)).unwrap().ages.map(|ages| ages.max_age), Some(7));
}

/// Two of a person's programs: who did not see what the other changed changes nothing.
#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_limit_that_changed_meanwhile_is_not_written_over(#[case] engine: &str) {
    let world = World::open(engine).await;
    let token = own_token(&world, &mut Browser::signed_up(&world, "ada@example.org").await).await;
    let send = async |method: &str, if_match: &str, max_age: u16| {
        let request = Request::builder().method(method).uri(LIMIT).header(header::IF_MATCH, if_match);
        let request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        let request = request.header(header::CONTENT_TYPE, "application/json");
        world.send(request.body(Body::from(json!({ "max_age": max_age }).to_string())).unwrap()).await
    };
    let now = async || world.get_as(LIMIT, &token).await;
    for stale in ["*", "\"anything\""] {
        assert_eq!(send("PUT", stale, 12).await.status, 412, "there is nothing that it could have seen");
    }
    let set = world.json_as("PUT", LIMIT, &token, &json!({ "max_age": 12 })).await;
    let seen = set.header("etag").to_owned();
    assert_eq!((set.status, now().await.header("etag")), (StatusCode::OK, seen.as_str()));

    world.advance(1);
    let other = send("PUT", &seen, 16).await;
    assert_eq!((other.status, other.header("etag") == seen), (StatusCode::OK, false), "{}", other.text);
    for (method, stale) in [("PUT", seen.clone()), ("DELETE", seen.clone()), ("PUT", format!("W/{seen}"))] {
        let refused = send(method, &stale, 18).await;
        assert_eq!((refused.status.as_u16(), &refused.json["code"]), (412, &json!("changed_meanwhile")), "{method}");
    }
    assert_eq!(now().await.ok()["max_age"], 16, "what is refused changes nothing");
    let several = format!("{seen}, {}", other.header("etag"));
    assert_eq!(send("PUT", &several, 18).await.status, 200);
    assert_eq!(send("PUT", "*", 21).await.ok()["max_age"], 21);
    let last = now().await.header("etag").to_owned();
    assert_eq!(send("DELETE", &last, 0).await.status, 204);
    assert_eq!(send("DELETE", &last, 0).await.status, 404);
}

/// Another program may change it at once: here by the very statement that comes before the commit.
#[rstest]
#[case::another("max_age = 21")]
#[case::unreadable("region = 'nowhere'")]
#[tokio::test]
async fn who_sets_a_limit_is_answered_with_that_one(#[case] meanwhile: &str) {
    let world = World::open("sqlite").await;
    let token = own_token(&world, &mut Browser::signed_up(&world, "ada@example.org").await).await;
    let changes = format!(
        "CREATE TRIGGER meanwhile AFTER INSERT ON auth_audit WHEN NEW.action = 'age_limit.set'
        BEGIN UPDATE auth_age_limits SET {meanwhile}; END"
    );
    world.db.execute(changes, args![]).await.unwrap();
    let set = world.json_as("PUT", LIMIT, &token, &json!({ "max_age": 12 })).await;
    let tag = set.header("etag").to_owned();
    assert_eq!(set.ok()["max_age"], 12);
    assert_ne!(world.get_as(LIMIT, &token).await.header("etag"), tag, "it is another's by now");
}
