//! Extractors whose failures are problems.

use std::fmt;

use axum::{
    extract::{
        FromRequest, FromRequestParts, Path, Query, RawPathParams, Request,
        path::ErrorKind as PathFault,
        rejection::{BytesRejection, FailedToBufferBody, PathRejection},
    },
    http::{HeaderMap, header, request::Parts},
};
use bytes::Bytes;
use contracts::{ApiError, ErrorKind};
use serde::de::{DeserializeOwned, value::Error as QueryFault};

use crate::{Problem, rejection};

/// A JSON body.
///
/// Fails with `unsupported_media_type` or `unsupported_content_encoding` (415), `body_too_large` (413), `bad_json`, `unknown_field`, `missing_field`,
/// `duplicate_field`, `invalid_field` or the code of the value that refused itself.
pub struct ApiJson<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for ApiJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = json_bytes(request, state).await?;
        Ok(Self(from_json(&bytes)?))
    }
}

/// A JSON body, byte by byte, for whoever must see it as it was sent.
///
/// Fails as [`ApiJson`] does before it reads.
pub struct ApiBytes(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for ApiBytes {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Ok(Self(json_bytes(request, state).await?))
    }
}

async fn json_bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    if !is_json(request.headers()) {
        let detail = "the body must be sent with `Content-Type: application/json`";
        return Err(ApiError::new(ErrorKind::UnsupportedMediaType, "unsupported_media_type", detail).into());
    }
    if request.headers().get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        let detail = "the body must be sent without a Content-Encoding";
        return Err(ApiError::new(ErrorKind::UnsupportedMediaType, "unsupported_content_encoding", detail).into());
    }
    Ok(Bytes::from_request(request, state).await.map_err(|refusal| body_error(&refusal))?)
}

fn is_json(headers: &HeaderMap) -> bool {
    let essence = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = essence.and_then(|value| value.split(';').next()).map(|value| value.trim().to_ascii_lowercase());
    essence.is_some_and(|value| {
        value == "application/json" || (value.starts_with("application/") && value.ends_with("+json"))
    })
}

/// What a body fails with once it is longer than allowed; whoever reads it answers [`BodyTooLarge::api_error`].
#[derive(Clone, Copy, Debug)]
pub struct BodyTooLarge;

impl BodyTooLarge {
    /// `body_too_large` (413).
    pub fn api_error() -> ApiError {
        ApiError::new(ErrorKind::PayloadTooLarge, "body_too_large", "the body is larger than this server takes")
    }
}

impl fmt::Display for BodyTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body is larger than allowed")
    }
}

impl std::error::Error for BodyTooLarge {}

fn body_error(refusal: &BytesRejection) -> ApiError {
    match refusal {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => BodyTooLarge::api_error(),
        _ if rejection::cause::<BodyTooLarge>(refusal).is_some() => BodyTooLarge::api_error(),
        _ => ApiError::invalid("bad_body", "the body ended before it was whole"),
    }
}

fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    // serde would read a list as the fields in their order, and an empty one as all their defaults.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        let error = ApiError::invalid("invalid_field", "the body must be a JSON object, not a list");
        return Err(error.field("body", "must be an object"));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|fault| {
        let (path, inner) = (fault.path().to_string(), fault.inner());
        if inner.is_data() {
            rejection::field_error(&path, &inner.to_string(), "invalid_field")
        } else {
            ApiError::invalid("bad_json", format!("the body is not JSON: {inner}"))
        }
    })?;
    json.end().map_err(|fault| ApiError::invalid("bad_json", format!("something follows the JSON value: {fault}")))?;
    Ok(value)
}

/// A query string.
///
/// Fails with `unknown_field`, `missing_field`, `duplicate_field`, `invalid_parameter`, `bad_encoding` or the value's own
/// code.
pub struct ApiQuery<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for ApiQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        decodable(parts.uri.query().unwrap_or_default())?;
        let Query(value) = Query::try_from_uri(&parts.uri).map_err(|refusal| {
            let fault = rejection::cause::<serde_path_to_error::Error<QueryFault>>(&refusal);
            let (path, message) =
                fault.map_or((".".to_owned(), refusal.body_text()), |f| (f.path().to_string(), f.inner().to_string()));
            rejection::field_error(&path, &message, "invalid_parameter")
        })?;
        Ok(Self(value))
    }
}

/// Refuses what percent-decodes to something other than UTF-8: the parser would put signs in its place that nobody
/// typed.
fn decodable(query: &str) -> Result<(), ApiError> {
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        for text in [name, value] {
            if percent_encoding::percent_decode_str(text).decode_utf8().is_err() {
                let shown: String = name.chars().take(40).collect();
                let error = ApiError::invalid("bad_encoding", format!("`{shown}` is not UTF-8"));
                return Err(error.field(shown, "must be percent-encoded UTF-8"));
            }
        }
    }
    Ok(())
}

/// An address without a query string. Fails with `unknown_field`, naming the first parameter.
#[derive(Clone, Copy, Debug)]
pub struct NoQuery;

impl<S: Sync> FromRequestParts<S> for NoQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Nothing {}
        ApiQuery::<Nothing>::from_request_parts(parts, state).await.map(|_| Self)
    }
}

/// The parameters in the path. Fails with `invalid_path`, naming the parameter.
pub struct ApiPath<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for ApiPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(refusal)) => {
                let names = RawPathParams::from_request_parts(parts, state).await.ok();
                let only = names.and_then(|names| names.iter().next().map(|(name, _)| name.to_owned()));
                let field = at(refusal.kind()).map(str::to_owned).or(only).unwrap_or_else(|| "path".to_owned());
                let error = rejection::field_error(&field, &refusal.kind().to_string(), "invalid_path");
                Err(error.into())
            }
            Err(refusal) => {
                tracing::error!(%refusal, "a handler asks for path parameters that its route does not have");
                Err(ApiError::internal("the server is not set up correctly").into())
            }
        }
    }
}

fn at(fault: &PathFault) -> Option<&str> {
    match fault {
        PathFault::ParseErrorAtKey { key, .. }
        | PathFault::DeserializeError { key, .. }
        | PathFault::InvalidUtf8InPathParam { key } => Some(key),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
