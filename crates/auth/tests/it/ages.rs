//! The age limit that a person sets in a browser is the one that programs with their token have.

use axum::http::StatusCode;
use serde_json::json;

use crate::{
    admin::own_token,
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
