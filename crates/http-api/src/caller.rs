//! Who asks: the only file that builds a [`Caller`] from an HTTP request.

use std::sync::Arc;

use access::{Presented, Proof, Verifier};
use axum::extract::FromRequestParts;
use contracts::{ApiError, Call, Caller, ErrorKind, Identity, Permission, Trace};
use http::{HeaderMap, HeaderValue, Method, Uri, header, request::Parts};
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
        let frame = Arc::clone(frame(parts)?);
        let trace = parts.extensions.get::<Trace>().copied().unwrap_or_else(|| Trace::start(&frame.rng));
        let budget = parts.extensions.get::<Budget>().map_or(frame.timeout, |budget| budget.0);
        let known = parts.extensions.get::<Identified>().map(|known| known.0.clone());
        let mut known = known.unwrap_or_else(|| caller(&frame, &parts.method, &parts.uri, &parts.headers));
        if known.is_err() && is_found(&frame, &parts.headers).await {
            known = caller(&frame, &parts.method, &parts.uri, &parts.headers);
            parts.extensions.insert(Identified(known.clone()));
        }
        let mut call = Call::new(known?, trace, &frame.clock, budget);
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
            /// Fails as [`CallOf`] does, with `operator_required` (401), and with `insufficient_scope` or
            /// `insufficient_role` (403).
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

/// Extracts the [`Call`] of a connection that outlives its request, and what it was opened with: a token may end before the
/// connection does.
///
/// Fails as [`CallOf`] does.
pub struct StandingCall {
    /// Who connected, until [`StandingCall::renewed`].
    pub call: Call,
    frame: Arc<Frame>,
    /// Empty where nothing was shown, which never holds.
    token: String,
}

impl<S: Sync> FromRequestParts<S> for StandingCall {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let CallOf(call) = CallOf::from_request_parts(parts, state).await?;
        let shown = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = shown.and_then(|text| text.split_once(' ')).map_or("", |(_, token)| token.trim()).to_owned();
        Ok(Self { call, frame: Arc::clone(frame(parts)?), token })
    }
}

impl StandingCall {
    /// Whether what was shown still holds: as for a request that shows it now.
    ///
    /// # Errors
    /// `Unauthenticated` with `bad_token` once it has ended or was revoked; `Unavailable` when nobody can tell.
    pub fn holds(&self) -> Result<(), ApiError> {
        self.verifier()?.holds(&self.token)
    }

    /// The same connection under a newer token or key of the same subject and organisation. One that is bound to a key can't
    /// be shown here: its proof is of a request.
    ///
    /// # Errors
    /// As for a request that shows it; `PermissionDenied` with `other_subject` for somebody else's.
    pub fn renewed(&self, token: &str) -> Result<Self, ApiError> {
        let identity = self.verifier()?.verify(Presented::bearer(token))?;
        let same = |known: &Identity| known.subject == identity.subject && known.org == identity.org;
        if !matches!(&self.call.caller, Caller::Identified(known) if same(known)) {
            let detail = "this token is somebody else's: open a connection of its own";
            return Err(ApiError::new(ErrorKind::PermissionDenied, "other_subject", detail));
        }
        let call = Call { caller: Caller::Identified(identity), ..self.call.clone() };
        Ok(Self { call, frame: Arc::clone(&self.frame), token: token.to_owned() })
    }

    fn verifier(&self) -> Result<&Arc<Verifier>, ApiError> {
        self.frame.access.as_ref().ok_or_else(unknown)
    }
}

/// A request extension: what came of verifying the request's credentials. Verified once: a proof may be shown once.
#[derive(Clone)]
struct Identified(Result<Caller, ApiError>);

/// Who asks, for the door: nobody we know when the credentials are not good, which the extractor then refuses.
pub fn identify<B>(frame: &Frame, request: &mut http::Request<B>) -> Caller {
    from_protocols(request.headers_mut());
    if !request.headers().contains_key(header::AUTHORIZATION) {
        return Caller::Anonymous;
    }
    let identified = caller(frame, request.method(), request.uri(), request.headers());
    let known = identified.clone().unwrap_or(Caller::Anonymous);
    request.extensions_mut().insert(Identified(identified));
    known
}

/// The subprotocol of a WebSocket behind whose name a page puts its token.
pub const BEARER: &str = "bearer";

/// Whether a request asks to become a WebSocket.
pub fn asks_for_socket(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// A page can't set headers of a WebSocket, but names its protocols: `bearer, TOKEN` then says what `Authorization: Bearer
/// TOKEN` does, and only the first word is left of it. An address would say it too, and end up in logs.
fn from_protocols(headers: &mut HeaderMap) {
    if headers.contains_key(header::AUTHORIZATION) || !asks_for_socket(headers) {
        return;
    }
    let offered = headers.get(header::SEC_WEBSOCKET_PROTOCOL).and_then(|value| value.to_str().ok());
    let Some((BEARER, token)) = offered.and_then(|text| text.split_once(',')) else { return };
    let Ok(mut shown) = HeaderValue::try_from(format!("Bearer {}", token.trim())) else { return };
    shown.set_sensitive(true);
    headers.insert(header::AUTHORIZATION, shown);
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(BEARER));
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

/// Whether credentials that were refused are of a key that was looked for and found.
async fn is_found(frame: &Frame, headers: &HeaderMap) -> bool {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match (&frame.access, shown.and_then(|text| text.split_once(' '))) {
        (Some(verifier), Some((_, token))) => verifier.finds(token.trim()).await,
        _ => false,
    }
}

fn unknown() -> ApiError {
    ApiError::new(ErrorKind::Unauthenticated, "bad_token", "this token is not one that we know")
}

/// Compares digests in constant time, so that neither content nor length of the secret shows in the timing.
fn same(a: &str, b: &str) -> bool {
    Sha256::digest(a.as_bytes()).as_slice().ct_eq(Sha256::digest(b.as_bytes()).as_slice()).into()
}

#[cfg(test)]
mod tests;
