//! Who asks: the only file that builds a [`Caller`] from an HTTP request.

use std::sync::Arc;

use access::{Presented, Proof};
use axum::extract::FromRequestParts;
use contracts::{ApiError, Call, Caller, ErrorKind, Permission, Trace};
use http::{HeaderMap, Method, Uri, header, request::Parts};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{
    Problem,
    frame::{Budget, Client, Frame},
    language,
};

/// Extracts the [`Call`]: trace, deadline and language from the headers, the caller from the bearer token.
///
/// Fails with `bad_token` or `bad_dpop_proof` (401) for credentials that are nobody's; without any the caller is
/// anonymous.
pub struct CallOf(pub Call);

impl<S: Sync> FromRequestParts<S> for CallOf {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let frame = frame(parts)?;
        let trace = parts.extensions.get::<Trace>().copied().unwrap_or_else(|| Trace::start(&frame.rng));
        let budget = parts.extensions.get::<Budget>().map_or(frame.timeout, |budget| budget.0);
        let known = parts.extensions.get::<Identified>().map(|known| known.0.clone());
        let caller = known.unwrap_or_else(|| caller(frame, &parts.method, &parts.uri, &parts.headers))?;
        let mut call = Call::new(caller, trace, &frame.clock, budget);
        if let Some(locale) = language::preferred(&parts.headers) {
            call.locale = locale;
        }
        call.origin = parts.extensions.get::<Client>().map(|client| frame.origin(client.0));
        Ok(Self(call))
    }
}

/// Extractors of the [`Call`] of whom a door is for: a stranger hears that before anything is said of what they sent. Put
/// one before whatever reads a path, a query or a body.
macro_rules! doors {
    ($($(#[$doc:meta])* $name:ident, |$call:ident| $may:expr;)+) => {
        $(
            $(#[$doc])*
            ///
            /// Fails as [`CallOf`] does, with `operator_required` (401), and with `insufficient_scope` (403).
            pub struct $name(pub Call);

            impl<S: Sync> FromRequestParts<S> for $name {
                type Rejection = Problem;

                async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
                    let CallOf($call) = CallOf::from_request_parts(parts, state).await?;
                    $may.map_err(Problem)?;
                    Ok(Self($call))
                }
            }
        )+
    };
}

doors! {
    /// The [`Call`] of the operator or an administrator.
    OperatorOf, |call| call.require_operator();
    /// The [`Call`] of whoever decides which records are one title.
    CuratorOf, |call| call.require_permission(&Permission::CURATE_CONTENT);
    /// The [`Call`] of whoever runs what brings titles.
    RunnerOf, |call| call.require_permission(&Permission::RUN_INGEST);
}

/// A request extension: what came of verifying the request's credentials. Verified once: a proof may be shown once.
#[derive(Clone)]
struct Identified(Result<Caller, ApiError>);

/// Who asks, for the door: nobody we know when the credentials are not good, which the extractor then refuses.
pub fn identify<B>(frame: &Frame, request: &mut http::Request<B>) -> Caller {
    if !request.headers().contains_key(header::AUTHORIZATION) {
        return Caller::Anonymous;
    }
    let identified = caller(frame, request.method(), request.uri(), request.headers());
    let known = identified.clone().unwrap_or(Caller::Anonymous);
    request.extensions_mut().insert(Identified(identified));
    known
}

/// The frame of this request.
pub(crate) fn frame(parts: &Parts) -> Result<&Arc<Frame>, Problem> {
    parts.extensions.get::<Arc<Frame>>().ok_or_else(|| {
        tracing::error!("a route was reached without http_api::frame_layer around it");
        Problem(ApiError::internal("the server is not set up correctly"))
    })
}

/// Verifies the request's credentials: the operator's token, or the token or key of somebody with an account.
fn caller(frame: &Frame, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Caller, ApiError> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = all.next() else { return Ok(Caller::Anonymous) };
    let unknown = || ApiError::new(ErrorKind::Unauthenticated, "bad_token", "this token is not one that we know");
    let shown = value.to_str().ok().filter(|_| all.next().is_none()).and_then(|text| text.split_once(' '));
    let (scheme, token) = shown.map(|(scheme, token)| (scheme, token.trim())).ok_or_else(unknown)?;
    let (bearer, dpop) = (scheme.eq_ignore_ascii_case("bearer"), scheme.eq_ignore_ascii_case("dpop"));
    if !bearer && !dpop {
        return Err(unknown());
    }
    let operator = frame.operator_token.as_deref().filter(|expected| bearer && !expected.is_empty());
    if operator.is_some_and(|expected| same(token, expected)) {
        return Ok(Caller::Operator);
    }
    let verifier = frame.access.as_ref().ok_or_else(unknown)?;
    let mut proofs = headers.get_all("dpop").iter();
    let proof = proofs.next().filter(|_| proofs.next().is_none()).and_then(|proof| proof.to_str().ok());
    let proof = proof.map(|jwt| Proof { jwt, method: method.as_str(), path: uri.path() });
    verifier.verify(Presented { token, dpop, proof }).map(Caller::Identified)
}

/// Compares digests in constant time, so that neither content nor length of the secret shows in the timing.
fn same(a: &str, b: &str) -> bool {
    Sha256::digest(a.as_bytes()).as_slice().ct_eq(Sha256::digest(b.as_bytes()).as_slice()).into()
}

#[cfg(test)]
mod tests;
