//! The frame of a call ⇄ gRPC metadata.

use std::time::Duration;

use contracts::{ApiError, Call, Caller, Clock, ErrorKind, Locale, OrgId, Region, Result, Rng, Trace};
use http::{HeaderMap, header::ACCEPT_LANGUAGE};
use tonic::{
    Request,
    metadata::{Ascii, MetadataMap, MetadataValue},
};

use crate::auth::{self, CALLER_HEADER};

const TRACEPARENT: &str = "traceparent";
const REGION: &str = "x-region";
const ORG: &str = "x-org";
const TIMEOUT: &str = "grpc-timeout";

/// How long a call may take on the server.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// When the client sets no `grpc-timeout`.
    pub default: Duration,
    /// However much the client asks for.
    pub most: Duration,
}

/// A request that carries `message` in the frame of `call`, to be answered within `left`.
///
/// # Errors
/// `Internal` when the frame does not fit into metadata, which its types rule out.
pub fn request<T>(
    call: &Call,
    left: Duration,
    bearer: Option<&MetadataValue<Ascii>>,
    message: T,
) -> Result<Request<T>> {
    let mut request = Request::new(message);
    request.set_timeout(left);
    let metadata = request.metadata_mut();
    put(metadata, TRACEPARENT, &call.trace.header())?;
    put(metadata, ACCEPT_LANGUAGE.as_str(), call.locale.as_str())?;
    if let Some(region) = call.region {
        put(metadata, REGION, region.as_str())?;
    }
    if let Some(org) = call.org {
        put(metadata, ORG, &org.to_string())?;
    }
    if let Some(bearer) = bearer {
        metadata.insert("authorization", bearer.clone());
        put(metadata, CALLER_HEADER, &auth::word(&call.caller))?;
    }
    Ok(request)
}

fn put(metadata: &mut MetadataMap, key: &'static str, value: &str) -> Result<()> {
    let value = value.parse().map_err(|_| ApiError::internal(format!("{key} is not printable ASCII")))?;
    metadata.insert(key, value);
    Ok(())
}

/// The frame that the headers of a request of `caller` describe. What is missing gets its default: a new trace, English,
/// the server's own time allowance.
///
/// # Errors
/// `Unauthenticated` for an unproved organisation, `InvalidArgument` for a bad region, organisation or timeout.
pub fn read(headers: &HeaderMap, caller: Caller, allowance: Allowance, clock: &Clock, rng: &Rng) -> Result<Call> {
    let trace = text(headers, TRACEPARENT).and_then(Trace::parse).unwrap_or_else(|| Trace::start(rng));
    let timeout = match text(headers, TIMEOUT) {
        Some(header) => {
            timeout(header).ok_or_else(|| bad(TIMEOUT, "must be at most 8 digits and one of H M S m u n"))?
        }
        None => allowance.default,
    };
    let org = org(headers, &caller)?;
    let region = text(headers, REGION).map(str::parse::<Region>).transpose()?;
    let locale = text(headers, ACCEPT_LANGUAGE.as_str()).map(first_language).unwrap_or_default();
    let call = Call::new(caller, trace, clock, timeout.min(allowance.most));
    Ok(Call { org, region, locale, ..call })
}

/// Whether the client set itself less time than it has here.
pub fn hurries(headers: &HeaderMap, allowance: Allowance) -> bool {
    text(headers, TIMEOUT).and_then(timeout).is_some_and(|chosen| chosen < allowance.most)
}

/// An organisation is only believed from someone who proved who they are: data is kept apart by it.
fn org(headers: &HeaderMap, caller: &Caller) -> Result<Option<OrgId>> {
    let Some(org) = text(headers, ORG) else { return Ok(None) };
    let proved = headers.contains_key(http::header::AUTHORIZATION);
    if !proved && *caller == Caller::Anonymous {
        let detail = "an organisation can't be named without a token";
        return Err(ApiError::new(ErrorKind::Unauthenticated, "org_unproved", detail));
    }
    org.parse().map(Some).map_err(|_| bad(ORG, "must be a UUID"))
}

/// The first language of an `Accept-Language` that is one; weights are for those who send several in disorder.
fn first_language(header: &str) -> Locale {
    let tags = header.split(',').take(16).map(|part| part.split(';').next().unwrap_or_default());
    tags.filter_map(|tag| tag.parse().ok()).next().unwrap_or_default()
}

/// Reads a `grpc-timeout`: up to 8 digits and a unit (gRPC over HTTP/2, "Requests").
fn timeout(header: &str) -> Option<Duration> {
    let (digits, unit) = header.split_at_checked(header.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn bad(name: &str, message: &str) -> ApiError {
    ApiError::invalid("bad_metadata", format!("the metadata {name} {message}")).field(name, message)
}

#[cfg(test)]
mod tests;
