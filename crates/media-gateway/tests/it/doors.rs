//! What the configuration and the release say of the public door: who may call it from a browser, and which way is old.

use serde_json::Value;

use crate::app::{App, Setup};

#[test]
fn browsers_call_from_the_origins_of_the_configuration_only() {
    let app = Setup::new().env("MEDIA_GATEWAY_CORS_ORIGINS", "https://one.example,https://two.example").start();
    for (origin, may) in
        [("https://one.example", true), ("https://two.example", true), ("https://three.example", false)]
    {
        let allowed = if may { origin } else { "" };
        let answer = app.send(app.request("GET", "/api/v1/platforms").header("origin", origin));
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, allowed));
        let asked = app.request("OPTIONS", "/api/v1/search").header("origin", origin);
        let asked = app.send(asked.header("access-control-request-method", "POST"));
        assert_eq!(asked.header("access-control-allow-origin"), allowed);
        assert_eq!(asked.header("access-control-allow-methods").contains("POST"), may, "{origin}");
    }
    let nobodys = App::start();
    let answer = nobodys.send(nobodys.request("GET", "/api/v1/platforms").header("origin", "https://one.example"));
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, ""), "nobody's, unless it is said");
}

#[test]
fn the_old_way_to_search_says_that_it_is_old_and_what_came_after_it() {
    let app = App::start();
    let (old, new) = (app.get("/api/v1/content/search?q=heat"), app.get("/api/v1/search?q=heat"));
    assert_eq!((old.status, old.header("deprecation")), (200, "@1795219200"));
    assert_eq!(old.header("link"), "</api/v1/search>; rel=\"successor-version\"");
    assert_eq!((new.status, new.header("deprecation"), new.header("link")), (200, "", ""));
    let document = app.get("/api/v1/openapi.json").ok();
    for (path, deprecated) in [("/api/v1/content/search", Value::Bool(true)), ("/api/v1/search", Value::Null)] {
        assert_eq!(document["paths"][path]["get"]["deprecated"], deprecated, "{path}");
    }
}
