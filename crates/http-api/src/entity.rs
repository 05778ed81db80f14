//! Representations with a strong entity tag, and conditional requests (RFC 9110, section 13).

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use contracts::{ApiError, ErrorKind};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::HttpResult;

/// How long anyone may keep a representation before asking again (G9).
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("public, max-age=30");
/// Who has an age limit is answered in their own way, which nobody else may be given from a cache, nor they everybody's.
const VARY: HeaderValue = HeaderValue::from_static("accept-language, authorization");
/// What the gateway adds to the tag of a compressed representation, which has other bytes.
const GZIP_SUFFIX: &str = "-gzip";

/// A representation with a strong ETag; 304 when `If-None-Match` names it.
pub fn entity(headers: &HeaderMap, body: Bytes, content_type: &'static str) -> Response {
    let tag = tag(&body);
    let unchanged = any_names(headers, &tag);
    let mut response = Response::new(if unchanged { Body::empty() } else { Body::from(body) });
    let out = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        out.insert(header::ETAG, tag);
    }
    out.insert(header::CACHE_CONTROL, CACHE_CONTROL);
    out.insert(header::VARY, VARY);
    if unchanged {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        out.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    response
}

/// A value as a JSON representation with a strong ETag.
///
/// # Errors
/// `Internal` when the value can't be written as JSON.
pub fn json_entity<T: Serialize>(headers: &HeaderMap, value: &T) -> HttpResult<Response> {
    Ok(entity(headers, json(value)?.into(), "application/json").into_response())
}

/// What is somebody's own and theirs to change, as JSON: with the strong ETag that a change of it names ([`if_match`]), and
/// for no shared cache. It is small, and always sent.
///
/// # Errors
/// As [`json_entity`].
pub fn own_entity<T: Serialize>(value: &T) -> HttpResult<Response> {
    let body = json(value)?;
    let tag = [(header::ETAG, tag(&body))];
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "private, no-cache")];
    Ok((tag, headers, body).into_response())
}

/// Refuses a change of what is not as its caller saw it any more (RFC 9110, section 13.1.1): `If-Match` names the tag of
/// what there is, or is `*` for whatever there is. Without the header every change is taken.
///
/// # Errors
/// `PreconditionFailed` with `changed_meanwhile`; `Internal` as [`json_entity`].
pub fn if_match<T: Serialize>(headers: &HeaderMap, current: Option<&T>) -> Result<(), ApiError> {
    if !headers.contains_key(header::IF_MATCH) {
        return Ok(());
    }
    let tag = current.map(json).transpose()?.map(|body| tag(&body));
    let named = |tag: &str| headers.get_all(header::IF_MATCH).iter().any(|value| names(value, tag, true));
    if tag.as_deref().is_some_and(named) {
        return Ok(());
    }
    let detail = "it is not as you saw it any more: read it again, and decide anew";
    Err(ApiError::new(ErrorKind::PreconditionFailed, "changed_meanwhile", detail))
}

fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, ApiError> {
    serde_json::to_vec(value).map_err(|fault| {
        tracing::error!(%fault, "an answer can't be written as JSON");
        ApiError::internal("the answer can't be written")
    })
}

/// Whether a request's `If-None-Match` names the representation with this tag: the client has it.
pub fn none_match(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    tag.to_str().is_ok_and(|tag| any_names(headers, tag))
}

fn any_names(headers: &HeaderMap, tag: &str) -> bool {
    headers.get_all(header::IF_NONE_MATCH).iter().any(|value| names(value, tag, false))
}

/// The first 128 bits of the SHA-256 of the bytes, quoted.
fn tag(body: &[u8]) -> String {
    format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(body)[..16]))
}

/// Whether a condition names `tag`: lists and `*`; what is marked as weak only where `strong` does not ask for more. The
/// tag of the compressed form always does: what it stands for is the same, and a client may have seen no other.
fn names(value: &HeaderValue, tag: &str, strong: bool) -> bool {
    let Ok(list) = value.to_str() else { return false };
    list.split(',').map(str::trim).any(|candidate| {
        let opaque = candidate.strip_prefix("W/").filter(|_| !strong).unwrap_or(candidate);
        let plain = opaque.strip_suffix('"').and_then(|rest| rest.strip_suffix(GZIP_SUFFIX));
        candidate == "*" || opaque == tag || plain.is_some_and(|plain| Some(plain) == tag.strip_suffix('"'))
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn ask(if_none_match: &str) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, if_none_match.parse().unwrap());
        entity(&headers, Bytes::from_static(b"{}"), "application/json")
    }

    #[rstest]
    #[case("*", 304)]
    #[case("\"other\"", 200)]
    #[case("{tag}", 304)]
    #[case("W/{tag}", 304)]
    #[case("\"a\", {tag} , \"b\"", 304)]
    #[case("{gzip}", 304)]
    #[case("W/{gzip}", 304)]
    #[case("nonsense", 200)]
    fn conditions(#[case] header: &str, #[case] status: u16) {
        let tag = tag(b"{}");
        let header = header.replace("{tag}", &tag).replace("{gzip}", &format!("{}-gzip\"", &tag[..tag.len() - 1]));
        let response = ask(&header);
        assert_eq!(response.status().as_u16(), status, "{header}");
        assert_eq!(response.headers()[header::ETAG], tag.as_str());
        assert_eq!(response.headers().contains_key(header::CONTENT_TYPE), status == 200);
    }

    #[rstest]
    #[case(None, true, true)]
    #[case(Some("*"), true, false)]
    #[case(Some("{tag}"), true, false)]
    #[case(Some("\"a\", {tag}"), true, false)]
    #[case(Some("{gzip}"), true, false)]
    #[case(Some("W/{tag}"), false, false)]
    #[case(Some("\"other\""), false, false)]
    #[case(Some("nonsense"), false, false)]
    fn changes(#[case] header: Option<&str>, #[case] of_this: bool, #[case] of_nothing: bool) {
        let own = own_entity(&1).unwrap();
        assert_eq!(own.headers()[header::CACHE_CONTROL], "private, no-cache");
        assert_eq!(own.headers()[header::CONTENT_TYPE], "application/json");
        let tag = own.headers()[header::ETAG].to_str().unwrap().to_owned();
        let gzip = format!("{}-gzip\"", &tag[..tag.len() - 1]);
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            let value = header.replace("{tag}", &tag).replace("{gzip}", &gzip);
            headers.insert(header::IF_MATCH, value.parse().unwrap());
        }
        let taken = |current: Option<&i32>| match if_match(&headers, current) {
            Ok(()) => true,
            Err(error) => {
                assert_eq!((error.kind, &*error.code), (ErrorKind::PreconditionFailed, "changed_meanwhile"));
                false
            }
        };
        assert_eq!((taken(Some(&1)), taken(None)), (of_this, of_nothing));
        assert_eq!(taken(Some(&2)), header.is_none_or(|header| header == "*"));
    }

    #[test]
    fn other_bytes_have_another_tag() {
        assert_ne!(tag(b"a"), tag(b"b"));
        assert_eq!(tag(b"a"), tag(b"a"));
    }
}
