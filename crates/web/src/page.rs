//! The page that the app runs in: the built `index.html`, with room in its head and in its body.

use std::{borrow::Cow, sync::Arc};

use axum::response::{IntoResponse as _, Response};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_api::entity;
use sha2::{Digest as _, Sha256};

use crate::language::Language;

const HTML: &str = "text/html; charset=utf-8";
/// The language of the page.
const LANGUAGE: &str = "<html lang=\"en\">";
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
    /// HTML for the body, which the app takes the place of; nothing says that the app needs script.
    pub body: String,
}

impl Default for Filling {
    fn default() -> Self {
        Self { status: StatusCode::OK, head: None, body: String::new() }
    }
}

/// The built page, cut where something can be put in.
pub struct Shell {
    start: Arc<str>,
    before: Arc<str>,
    between: Arc<str>,
    after: Arc<str>,
    /// The names of the app's scripts.
    scripts: Vec<String>,
    policy: HeaderValue,
}

impl Shell {
    /// Cuts the built page, whose app consists of `scripts`; `None` where it has not the marks.
    pub fn new(index: &Bytes, scripts: Vec<String>) -> Option<Self> {
        let text = std::str::from_utf8(index).ok()?;
        let (start, rest) = text.split_once(LANGUAGE)?;
        let (before, rest) = rest.split_once(HEAD.0)?;
        let (_, rest) = rest.split_once(HEAD.1)?;
        let (between, rest) = rest.split_once(BODY.0)?;
        let (_, after) = rest.split_once(BODY.1)?;
        let policy = policy(text)?;
        let [start, before, between, after] = [start, before, between, after].map(Arc::from);
        Some(Self { start, before, between, after, scripts, policy })
    }

    /// The page in a language, with `filling` in it; 304 when the client has it.
    pub fn answer(&self, headers: &HeaderMap, language: &Language, filling: &Filling) -> Response {
        let html = format!("<html lang=\"{}\" dir=\"{}\">", language.tag, language.dir);
        let head = filling.head.as_deref().map_or_else(|| plain_head(language), Cow::Borrowed);
        let body =
            if filling.body.is_empty() { Cow::Owned(needs_script(language)) } else { Cow::Borrowed(&*filling.body) };
        let words = self.words(&language.tag).unwrap_or_default();
        let text = [&*self.start, &html, &self.before, &head, &words, &self.between, &body, &self.after].concat();
        let (mut response, keeping) = if filling.status == StatusCode::OK {
            (entity(headers, text.into(), HTML), "no-cache")
        } else {
            // Nobody keeps a failure, so that it is always said whole.
            ((filling.status, [(header::CONTENT_TYPE, HTML)], text).into_response(), "no-store")
        };
        let out = response.headers_mut();
        out.insert(header::CACHE_CONTROL, HeaderValue::from_static(keeping));
        out.insert(header::VARY, HeaderValue::from_static("accept-language, cookie"));
        // On a 304 too: a browser takes the headers of the newer answer.
        out.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        response
    }

    /// The app can say nothing before it has the words of a language, which but for English are a script of their own: the
    /// page asks for it together with the app, not the app after itself.
    fn words(&self, tag: &str) -> Option<String> {
        let script =
            self.scripts.iter().find(|name| name.strip_prefix(tag).is_some_and(|rest| rest.starts_with('-')))?;
        Some(format!("<link rel=\"modulepreload\" href=\"/assets/{script}\">"))
    }
}

/// The head of the app's own pages. Words of ours carry no markup.
pub(crate) fn plain_head(language: &Language) -> Cow<'static, str> {
    let (title, description) = (language.say("product"), language.say("description"));
    format!("<title>{title}</title>\n<meta name=\"description\" content=\"{description}\">").into()
}

/// What the app's own pages say without it: where one can search all the same.
fn needs_script(language: &Language) -> String {
    let [needs, label, search] = ["needs-script", "search-label", "search-do"].map(|id| language.say(id));
    format!(
        "<noscript><main class=\"page plain results\"><h1>{}</h1><p>{needs}</p><form action=\"/search/plain\" role=\"search\">\
         <label for=\"plain-q\">{label}</label> <input id=\"plain-q\" name=\"q\" type=\"search\" maxlength=\"2000\"> \
         <button class=\"button\">{search}</button></form></main></noscript>",
        language.say("product")
    )
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
