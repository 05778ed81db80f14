//! [`ApiError`] ⇄ [`Status`]: kind, code, detail, fields and retry-after survive the way, in the details that
//! `google.rpc.Status` defines (`ErrorInfo`, `BadRequest`, `RetryInfo`).

use std::{collections::HashMap, error::Error as _};

use contracts::{ApiError, ErrorKind, FieldError};
use tonic::{Code, Status, TimeoutExpired};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::auth::BAD_PEER_TOKEN;

/// Who states the error, in `ErrorInfo`.
const DOMAIN: &str = "media-gateway";
/// The key of `ErrorInfo.metadata` that holds the kind's title.
const KIND: &str = "kind";
/// An error travels in HTTP/2 headers, of which some peers take no more than 16 KiB in all: the detail, sent twice
/// (percent-encoded and in base64), and the fields keep within that.
const MAX_DETAIL_BYTES: usize = 2 * 1024;
const MAX_FIELD_BYTES: usize = 3 * 1024;

/// The status that carries `error`. A detail past 2 KiB is cut, and fields past 3 KiB are left out.
pub fn to_status(error: &ApiError) -> Status {
    let mut details = ErrorDetails::new();
    let kind = HashMap::from([(KIND.to_owned(), error.kind.row().title.to_owned())]);
    details.set_error_info(error.code.clone(), DOMAIN, kind);
    let mut room = MAX_FIELD_BYTES;
    for FieldError { field, message } in &error.fields {
        let Some(left) = room.checked_sub(field.len() + message.len()) else { break };
        room = left;
        details.add_bad_request_violation(field.clone(), message.clone());
    }
    if let Some(after) = error.retry_after {
        details.set_retry_info(Some(after));
    }
    Status::with_error_details(Code::from_i32(error.kind.row().grpc), cut(&error.detail), details)
}

fn cut(detail: &str) -> String {
    if detail.len() <= MAX_DETAIL_BYTES {
        return detail.to_owned();
    }
    let end = detail.floor_char_boundary(MAX_DETAIL_BYTES - '…'.len_utf8());
    format!("{}…", &detail[..end])
}

/// The error that `status`, answered by the role called `role` or by the way to it, carries.
pub fn from_status(status: &Status, role: &str) -> ApiError {
    stated(status).unwrap_or_else(|| inferred(status, role))
}

/// What a service of ours stated.
fn stated(status: &Status) -> Option<ApiError> {
    let details = status.check_error_details().ok()?;
    let info = details.error_info().filter(|info| info.domain == DOMAIN)?;
    let kind = ErrorKind::from_title(info.metadata.get(KIND)?)?;
    let violations = details.bad_request().map(|bad| bad.field_violations.as_slice()).unwrap_or_default();
    let fields = violations.iter().map(|v| FieldError { field: v.field.clone(), message: v.description.clone() });
    Some(ApiError {
        fields: fields.collect(),
        retry_after: details.retry_info().and_then(|info| info.retry_delay),
        ..ApiError::new(kind, info.reason.clone(), status.message())
    })
}

/// Whether nobody took the call. A role that took it and states that another role is missing is reached.
pub fn unreachable(status: &Status) -> bool {
    // A status that has a cause was made here, not there; these are what tonic makes of a broken connection.
    let broken = matches!(status.code(), Code::Unknown | Code::Internal | Code::Cancelled) && status.source().is_some();
    (broken || status.code() == Code::Unavailable) && !timed_out(status) && stated(status).is_none()
}

/// Whether the role that was asked does not take who asks for one of its deployment. It did nothing then.
pub fn refused(status: &Status) -> bool {
    stated(status).is_some_and(|error| error.kind == ErrorKind::Unauthenticated && error.code == BAD_PEER_TOKEN)
}

/// What a status means that tonic, HTTP/2 or another server made.
fn inferred(status: &Status, role: &str) -> ApiError {
    if timed_out(status) {
        return deadline_exceeded();
    }
    if unreachable(status) {
        return peer_unavailable(role);
    }
    let (kind, code) = match status.code() {
        Code::DeadlineExceeded => return deadline_exceeded(),
        Code::InvalidArgument => (ErrorKind::InvalidArgument, "invalid_argument"),
        Code::Unauthenticated => (ErrorKind::Unauthenticated, "unauthenticated"),
        Code::PermissionDenied => (ErrorKind::PermissionDenied, "permission_denied"),
        Code::NotFound => (ErrorKind::NotFound, "not_found"),
        Code::AlreadyExists | Code::Aborted => (ErrorKind::Conflict, "conflict"),
        Code::FailedPrecondition => (ErrorKind::PreconditionFailed, "precondition_failed"),
        Code::OutOfRange => (ErrorKind::PayloadTooLarge, "message_too_large"),
        Code::ResourceExhausted => (ErrorKind::TooManyRequests, "peer_overloaded"),
        Code::Cancelled => (ErrorKind::Cancelled, "cancelled"),
        Code::Unimplemented => (ErrorKind::NotImplemented, "peer_unimplemented"),
        Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss | Code::Unavailable => {
            (ErrorKind::BadGateway, "peer_failed")
        }
    };
    let what = kind.row().title.to_lowercase();
    ApiError::new(kind, code, format!("the {role} role could not take or answer the call: {what}"))
}

fn timed_out(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.is::<TimeoutExpired>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The time of the call is over.
pub fn deadline_exceeded() -> ApiError {
    // In the words of `Call::remaining`, so that a late answer reads the same wherever it was noticed.
    ApiError::new(ErrorKind::DeadlineExceeded, "deadline_exceeded", "the time allowed for this call is over")
}

/// The role called `role` can't be reached.
pub fn peer_unavailable(role: &str) -> ApiError {
    let detail = format!("the {role} role does not answer; it may be starting or down");
    ApiError::unavailable("peer_unavailable", detail)
}

/// The role called `role` does not take this node for one of its deployment: nothing that who called could mend.
pub fn peer_refused(role: &str) -> ApiError {
    ApiError::unavailable("peer_refused", format!("the {role} role does not let this node in; its operator has to"))
}

#[cfg(test)]
mod tests;
