//! Who asks: the only file that builds a [`Caller`] from an HTTP request.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use contracts::{ApiError, Call, Caller, ErrorKind, Trace};
use http::{HeaderMap, header, request::Parts};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{
    Problem,
    frame::{Budget, Frame},
    language,
};

/// Extracts the [`Call`]: trace, deadline and language from the headers, the caller from the bearer token.
///
/// Fails with `bad_token` (401) for credentials that are not the operator's; without any the caller is anonymous.
pub struct CallOf(pub Call);

impl<S: Sync> FromRequestParts<S> for CallOf {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let frame = frame(parts)?;
        let trace = parts.extensions.get::<Trace>().copied().unwrap_or_else(|| Trace::start(&frame.rng));
        let budget = parts.extensions.get::<Budget>().map_or(frame.timeout, |budget| budget.0);
        let caller = caller(frame, &parts.headers)?;
        let mut call = Call::new(caller, trace, &frame.clock, budget);
        if let Some(locale) = language::preferred(&parts.headers) {
            call.locale = locale;
        }
        Ok(Self(call))
    }
}

/// The frame of this request.
pub(crate) fn frame(parts: &Parts) -> Result<&Arc<Frame>, Problem> {
    parts.extensions.get::<Arc<Frame>>().ok_or_else(|| {
        tracing::error!("a route was reached without http_api::frame_layer around it");
        Problem(ApiError::internal("the server is not set up correctly"))
    })
}

fn caller(frame: &Frame, headers: &HeaderMap) -> Result<Caller, ApiError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(Caller::Anonymous) };
    let token = value.to_str().ok().and_then(|text| text.split_once(' '));
    let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    match (token, &frame.operator_token) {
        (Some(token), Some(expected)) if !expected.is_empty() && same(token, expected) => Ok(Caller::Operator),
        _ => Err(ApiError::new(ErrorKind::Unauthenticated, "bad_token", "this token is not one that we know")),
    }
}

/// Compares digests in constant time, so that neither content nor length of the secret shows in the timing.
fn same(a: &str, b: &str) -> bool {
    Sha256::digest(a.as_bytes()).as_slice().ct_eq(Sha256::digest(b.as_bytes()).as_slice()).into()
}

#[cfg(test)]
mod tests;
