//! The files of the built app: from the binary in a release build, from `web/dist` in a debug build.

use std::{borrow::Cow, sync::Arc};

use axum::{
    body::Body,
    extract::{Path, Request, State, rejection::PathRejection},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_api::{entity, no_such_route};
use rust_embed::RustEmbed;

use crate::{Web, title};

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
struct Dist;

/// The names below `assets/` carry a hash of what is in them.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Everything else is asked for again, and answered 304 when it is the same.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
/// A worker has the policy of its own script: without this one it could ask nobody.
const WORKER_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; connect-src 'self'");

/// The bytes of a file.
pub fn get(path: &str) -> Option<Bytes> {
    Some(match Dist::get(path)?.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    })
}

/// What the build wrote down of each language, English first.
pub fn locales() -> Option<Vec<Bytes>> {
    let all = Dist::iter().filter(|path| path.starts_with("locales/") && !path.ends_with("en.json"));
    std::iter::once(get("locales/en.json")).chain(all.map(|path| get(&path))).collect()
}

/// The names of the app's scripts.
pub fn scripts() -> Vec<String> {
    let all = Dist::iter().filter_map(|path| path.strip_prefix("assets/").map(str::to_owned));
    all.filter(|name| kind(name) == Some("text/javascript; charset=utf-8")).collect()
}

/// A file of the app; 404 as a page for whoever reads pages, and as a problem for everyone else.
pub async fn file(
    State(web): State<Arc<Web>>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    // Mistyped escapes name no file.
    let path = path.map_or_else(|_| request.uri().path().trim_start_matches('/').to_owned(), |Path(path)| path);
    match kind(&path).and_then(|kind| serve(&path, kind, request.headers())) {
        Some(response) => response,
        None if reads_pages(&path, request.headers()) => {
            let language = web.languages.of(request.headers());
            let nothing = title::missing(StatusCode::NOT_FOUND, language, "fault-gone", "fault-gone-do");
            web.shell.answer(request.headers(), language, &nothing)
        }
        None => no_such_route(request).await.into_response(),
    }
}

/// The media type of what the build makes; other files are not served.
fn kind(path: &str) -> Option<&'static str> {
    Some(match path.rsplit_once('.')?.1 {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webmanifest" => "application/manifest+json",
        _ => return None,
    })
}

fn serve(path: &str, kind: &'static str, headers: &HeaderMap) -> Option<Response> {
    let plain = get(path)?;
    let (body, encoding) = encoded(path, headers).map_or((plain, None), |(body, name)| (body, Some(name)));
    let mut response: Response<Body> = entity(headers, body, kind);
    let out = response.headers_mut();
    out.insert(header::CACHE_CONTROL, if path.starts_with("assets/") { FOR_EVER } else { ASK_AGAIN });
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if path == "sw.js" {
        out.insert(header::CONTENT_SECURITY_POLICY, WORKER_POLICY);
    }
    if let Some(encoding) = encoding {
        out.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Some(response)
}

/// The smallest form of a file that the client takes; the build made them.
fn encoded(path: &str, headers: &HeaderMap) -> Option<(Bytes, &'static str)> {
    let accepted = headers.get(header::ACCEPT_ENCODING)?.to_str().ok()?;
    form(accepted).find_map(|(name, end)| Some((get(&format!("{path}{end}"))?, name)))
}

/// The forms that an `Accept-Encoding` takes, the smallest first, with the ends of their files' names.
pub fn form(accepted: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let takes = |name: &str| {
        let mut ranges = accepted.split(',').map(|range| range.split(';').map(str::trim));
        ranges.any(|mut parts| parts.next() == Some(name) && parts.next() != Some("q=0"))
    };
    [("br", ".br"), ("gzip", ".gz")].into_iter().filter(move |(name, _)| takes(name))
}

/// Whether a person is looking: their browser asks for HTML first. What lies below `api` is for programs.
fn reads_pages(path: &str, headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    accept.starts_with("text/html") && !path.starts_with("api/") && !path.starts_with("assets/")
}
