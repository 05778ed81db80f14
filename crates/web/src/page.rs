//! The page that the app runs in: the built `index.html`, with room in its head and in its body.

use std::sync::Arc;

use axum::response::Response;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_api::entity;
use sha2::{Digest as _, Sha256};

/// Where the head of one page goes; it replaces the title between the marks.
const HEAD: (&str, &str) = ("<!--head-->", "<!--/head-->");
/// Where the text of one page goes.
const BODY: (&str, &str) = ("<!--page-->", "<!--/page-->");
/// The one script that runs before the first paint stands in the page itself.
const INLINE: (&str, &str) = ("<script>", "</script>");

/// What one page puts into the shell; nothing by default.
pub struct Filling {
    /// The status of the answer.
    pub status: StatusCode,
    /// HTML for the head: a title and links.
    pub head: Option<String>,
    /// HTML for the body.
    pub body: String,
}

impl Default for Filling {
    fn default() -> Self {
        Self { status: StatusCode::OK, head: None, body: String::new() }
    }
}

/// The built page, cut where something can be put in.
pub struct Shell {
    before: Arc<str>,
    head: Arc<str>,
    between: Arc<str>,
    after: Arc<str>,
    policy: HeaderValue,
}

impl Shell {
    /// Cuts the built page; `None` where it has not the marks.
    pub fn new(index: &Bytes) -> Option<Self> {
        let text = std::str::from_utf8(index).ok()?;
        let (before, rest) = text.split_once(HEAD.0)?;
        let (head, rest) = rest.split_once(HEAD.1)?;
        let (between, rest) = rest.split_once(BODY.0)?;
        let (_, after) = rest.split_once(BODY.1)?;
        let policy = policy(text)?;
        Some(Self { before: before.into(), head: head.into(), between: between.into(), after: after.into(), policy })
    }

    /// The page with `filling` in it; 304 when the client has it.
    pub fn answer(&self, headers: &HeaderMap, filling: &Filling) -> Response {
        let head = filling.head.as_deref().unwrap_or(&self.head);
        let text = [&self.before, head, &self.between, &filling.body, &self.after].concat();
        let mut response = entity(headers, text.into(), "text/html; charset=utf-8");
        if filling.status != StatusCode::OK {
            *response.status_mut() = filling.status;
        }
        let out = response.headers_mut();
        out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        // On a 304 too: a browser takes the headers of the newer answer.
        out.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        response
    }
}

/// Nothing from anywhere but here; no inline script but the one whose bytes are known; no inline style.
fn policy(page: &str) -> Option<HeaderValue> {
    let (_, rest) = page.split_once(INLINE.0)?;
    let (script, _) = rest.split_once(INLINE.1)?;
    let hash = BASE64_STANDARD.encode(Sha256::digest(script));
    let policy = format!(
        "default-src 'none'; script-src 'self' 'sha256-{hash}'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types svelte-trusted-html app"
    );
    HeaderValue::from_str(&policy).ok()
}
