//! Failures in OAuth's own terms: the codes of RFC 6749 and its extensions.

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use contracts::{ApiError, ErrorKind, Scope, Scopes};
use serde::Serialize;
use stores::DbError;
use utoipa::ToSchema;

/// A failure as a client reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthError {
    /// The HTTP status.
    pub status: StatusCode,
    /// The code.
    pub error: &'static str,
    /// A sentence for whoever programs the client.
    pub description: String,
    /// After how long it is worth another try, where that is known.
    pub retry_after: Option<Duration>,
}

/// The body of a failure (RFC 6749, section 5.2).
#[derive(Serialize, ToSchema)]
pub(crate) struct OAuthErrorBody {
    /// The code.
    error: &'static str,
    /// A sentence.
    error_description: String,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $status:ident;)+) => {$(
        $(#[$doc])*
        pub fn $name(description: impl Into<String>) -> Self {
            let (status, description) = (StatusCode::$status, description.into());
            Self { status, error: stringify!($name), description, retry_after: None }
        }
    )+};
}

impl OAuthError {
    kinds! {
        /// The request is not well formed.
        invalid_request BAD_REQUEST;
        /// The client is not known, or did not prove who it is.
        invalid_client UNAUTHORIZED;
        /// The code or token is not good.
        invalid_grant BAD_REQUEST;
        /// The client may not do this.
        unauthorized_client BAD_REQUEST;
        /// There is no such grant here.
        unsupported_grant_type BAD_REQUEST;
        /// There is no such response type here.
        unsupported_response_type BAD_REQUEST;
        /// The scope is not known or not allowed.
        invalid_scope BAD_REQUEST;
        /// The resource is not known (RFC 8707).
        invalid_target BAD_REQUEST;
        /// The proof of possession is not good (RFC 9449).
        invalid_dpop_proof BAD_REQUEST;
        /// The person said no.
        access_denied BAD_REQUEST;
        /// The person has yet to answer (RFC 8628).
        authorization_pending BAD_REQUEST;
        /// The device asks too often (RFC 8628).
        slow_down BAD_REQUEST;
        /// The device waited too long (RFC 8628).
        expired_token BAD_REQUEST;
        /// The person must sign in, and may not be asked (OpenID Connect).
        login_required BAD_REQUEST;
        /// The person must consent, and may not be asked (OpenID Connect).
        consent_required BAD_REQUEST;
        /// Request objects are not supported (OpenID Connect).
        request_not_supported BAD_REQUEST;
        /// A fault of ours.
        server_error INTERNAL_SERVER_ERROR;
        /// Try again later.
        temporarily_unavailable SERVICE_UNAVAILABLE;
    }

    /// What was `asked` for goes beyond `most`, which is what `whose` says; or nothing was asked for that could be given.
    pub(crate) fn beyond(asked: &Scopes, most: &Scopes, whose: &str) -> Self {
        let beyond: Vec<_> = asked.iter().filter(|scope| !most.has(*scope)).map(Scope::as_str).collect();
        Self::invalid_scope(match beyond.is_empty() {
            true => format!("no scope was asked for that is of use within {whose}"),
            false => format!("the scope reaches beyond {whose}: {}", beyond.join(" ")),
        })
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let basic = self.error == "invalid_client";
        let body = OAuthErrorBody { error: self.error, error_description: self.description };
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(after) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
        }
        if basic {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(r#"Basic realm="media-gateway""#));
        }
        response
    }
}

impl From<ApiError> for OAuthError {
    fn from(error: ApiError) -> Self {
        let retry_after = error.retry_after;
        let told = match error.kind {
            ErrorKind::Unavailable => Self::temporarily_unavailable(error.detail),
            // By a 503 a gateway would take this role for broken.
            ErrorKind::TooManyRequests => {
                Self { status: StatusCode::TOO_MANY_REQUESTS, ..Self::temporarily_unavailable(error.detail) }
            }
            _ if error.code == "bad_dpop_proof" => Self::invalid_dpop_proof(error.detail),
            _ if error.code == "unknown_scope" => Self::invalid_scope(error.detail),
            _ if error.kind.row().http < 500 => Self::invalid_request(error.detail),
            _ => Self::server_error(error.detail),
        };
        Self { retry_after, ..told }
    }
}

impl From<DbError> for OAuthError {
    fn from(error: DbError) -> Self {
        ApiError::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_when_there_are_too_many_is_not_told_that_the_role_is_broken() {
        for (kind, status) in [(ErrorKind::TooManyRequests, 429), (ErrorKind::Unavailable, 503)] {
            let error = OAuthError::from(ApiError::new(kind, "busy", "try again"));
            assert_eq!((error.status.as_u16(), error.error), (status, "temporarily_unavailable"));
            assert!(!error.into_response().headers().contains_key(header::RETRY_AFTER));
            let later = ApiError::new(kind, "busy", "try again").retry_after(Duration::from_secs(2));
            assert_eq!(OAuthError::from(later).into_response().headers()[header::RETRY_AFTER], "2");
        }
    }
}
