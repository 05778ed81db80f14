//! Errors survive their way through a status, and statuses of others are understood.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// Through the headers a status travels in.
fn travel(error: &ApiError) -> ApiError {
    let mut headers = http::HeaderMap::new();
    to_status(error).add_header(&mut headers).unwrap();
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    assert!(bytes < 16 * 1024, "{bytes} bytes of headers");
    from_status(&Status::from_header_map(&headers).unwrap(), "catalog")
}

fn kinds() -> impl Strategy<Value = ErrorKind> {
    (0..ErrorKind::TABLE.len()).prop_map(|index| ErrorKind::TABLE[index].kind)
}

fn errors() -> impl Strategy<Value = ApiError> {
    let fields = proptest::collection::vec((".{0,20}", ".{0,40}"), 0..4);
    let after = proptest::option::of((0..100_000_000u64, 0..1_000_000_000u32));
    (kinds(), "[a-z_]{0,20}", ".{0,200}", fields, after).prop_map(|(kind, code, detail, fields, after)| ApiError {
        fields: fields.into_iter().map(|(field, message)| FieldError { field, message }).collect(),
        retry_after: after.map(|(secs, nanos)| Duration::new(secs, nanos)),
        ..ApiError::new(kind, code, detail)
    })
}

proptest! {
    #[test]
    fn every_error_survives(error in errors()) {
        prop_assert_eq!(format!("{:?}", travel(&error)), format!("{error:?}"));
    }

    #[test]
    fn the_longest_error_fits(detail in ".{0,9000}", field in ".{0,3000}") {
        let error = ApiError::invalid("too_long", detail).field("a", "b").field("c", field);
        let far = travel(&error);
        prop_assert_eq!(far.kind, error.kind);
        prop_assert_eq!(&far.fields[0], &error.fields[0]);
        let kept = far.detail.strip_suffix('…').unwrap_or(&far.detail);
        prop_assert!(error.detail.starts_with(kept) && (kept.len() > 2000 || far.detail == error.detail));
    }
}

#[test]
fn the_code_is_the_tables() {
    for row in &ErrorKind::TABLE {
        let error = ApiError::new(row.kind, "some_code", "Some detail.");
        assert_eq!(i32::from(to_status(&error).code()), row.grpc);
        assert_eq!(travel(&error).kind, row.kind);
    }
}

#[test]
fn the_statuses_of_others_are_understood() {
    let cases = [
        (Status::unavailable("tcp connect error"), ErrorKind::Unavailable, "peer_unavailable"),
        (Status::unimplemented(""), ErrorKind::NotImplemented, "peer_unimplemented"),
        (Status::out_of_range("decoded message length too large"), ErrorKind::PayloadTooLarge, "message_too_large"),
        (Status::deadline_exceeded(""), ErrorKind::DeadlineExceeded, "deadline_exceeded"),
        (Status::unknown("?"), ErrorKind::BadGateway, "peer_failed"),
        (Status::internal("panicked at /secret/path"), ErrorKind::BadGateway, "peer_failed"),
    ];
    for (status, kind, code) in cases {
        let error = from_status(&status, "catalog");
        assert_eq!((error.kind, &*error.code), (kind, code));
        assert!(code == "deadline_exceeded" || error.detail.contains("catalog role"), "{}", error.detail);
        assert!(!error.detail.contains("/secret"), "{}", error.detail);
    }
}

#[test]
fn a_cut_connection_is_an_unavailable_peer() {
    let status = Status::from_error(Box::new(std::io::Error::from(std::io::ErrorKind::ConnectionReset)));
    assert!(unreachable(&status));
    assert_eq!(from_status(&status, "search").code, "peer_unavailable");
}

#[test]
fn a_role_that_states_an_error_was_reached() {
    assert!(!unreachable(&to_status(&peer_unavailable("catalog"))));
    assert!(!unreachable(&Status::internal("bug")));
}
