//! What a problem says in its headers.

use std::time::Duration;

use super::*;

#[test]
fn headers_of_a_problem() {
    let busy = ApiError::unavailable("busy", "too much to do").retry_after(Duration::from_millis(1_200));
    let response = Problem(busy).into_response();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "2");
    assert_eq!(response.headers()["content-type"], PROBLEM_JSON);
    assert!(!response.headers().contains_key("www-authenticate"));
    let unknown = Problem(ApiError::new(ErrorKind::Unauthenticated, "bad_token", "no")).into_response();
    assert_eq!(unknown.status(), 401);
    assert!(unknown.headers()["www-authenticate"].to_str().unwrap().contains("invalid_token"));
    let denied = |code: &'static str| Problem(ApiError::new(ErrorKind::PermissionDenied, code, "no")).into_response();
    let challenge = denied("insufficient_scope").headers()["www-authenticate"].clone();
    assert!(challenge.to_str().unwrap().contains("error=\"insufficient_scope\""));
    let role = denied("insufficient_role");
    assert!(role.status() == 403 && !role.headers().contains_key("www-authenticate"), "no other token would help");
}

#[test]
fn every_kind_has_its_status() {
    for row in &ErrorKind::TABLE {
        let response = Problem(ApiError::new(row.kind, "x", "y")).into_response();
        assert_eq!(response.status().as_u16(), row.http);
    }
}
