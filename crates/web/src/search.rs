//! The page of a search: the app's, and one that reads without script, with a page of results as links.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query, State},
    http::{HeaderMap, Uri},
    response::Response,
};
use contracts::{ErrorKind, SearchRequest, SearchResponse};
use fluent_bundle::FluentValue;
use http::StatusCode;
use http_api::CallOf;

use crate::{
    Web, asked,
    facts::line,
    language::Language,
    page::{Filling, plain_head},
    title::{fault, status_of},
};

/// The head of the app's page: who has no script goes on to the other one.
#[derive(Template)]
#[template(
    source = r#"{{ head|safe }}
<noscript><meta http-equiv="refresh" content="0;url=/search/plain?{{ query }}"></noscript>"#,
    ext = "html"
)]
struct Onward<'a> {
    head: &'a str,
    query: &'a str,
}

#[derive(Template)]
#[template(source = "<title>{{ name }} – {{ product }}</title>", ext = "html")]
struct Head<'a> {
    name: &'a str,
    product: &'a str,
}

/// A result: its id, the language of its title, its title, and what is known of it.
struct ResultLine {
    id: String,
    locale: String,
    title: String,
    facts: String,
}

/// A page of results.
#[derive(Template)]
#[template(path = "results.html")]
struct Results<'a> {
    words: &'a Language,
    q: &'a str,
    /// What the address asks for and is not there was left out.
    refused: bool,
    /// Of what nobody can read, a sentence.
    unread: Option<String>,
    count: String,
    lines: Vec<ResultLine>,
    /// The number before the first.
    before: u32,
    place: String,
    previous: Option<String>,
    next: Option<String>,
}

/// `/search`: the app, which asks the API.
pub async fn app(State(web): State<Arc<Web>>, uri: Uri, headers: HeaderMap) -> Response {
    let language = web.languages.of(&headers);
    let head = Onward { head: &plain_head(language), query: uri.query().unwrap_or_default() }.render().ok();
    web.shell.answer(&headers, language, &Filling { head, ..Filling::default() })
}

/// `/search/plain`: 400 and the results of the words alone for an address that asks for what is not there, and search's own
/// status where it does not answer.
pub async fn plain(State(web): State<Arc<Web>>, CallOf(mut call): CallOf, uri: Uri, headers: HeaderMap) -> Response {
    let language = web.languages.of(&headers);
    if let Ok(locale) = language.content_tag().parse() {
        call.locale = locale;
    }
    let Query(params) = Query::<Vec<(String, String)>>::try_from_uri(&uri).unwrap_or_default();
    let request = asked::request(&params);
    let (request, found) = match web.search.search(&call, &request).await {
        Err(error) if error.kind == ErrorKind::InvalidArgument => {
            let words = SearchRequest { query: request.query, ..SearchRequest::default() };
            let found = web.search.search(&call, &words).await;
            (words, found.map(|found| (found, true)))
        }
        found => (request, found.map(|found| (found, false))),
    };
    let filling = match found {
        Ok((found, refused)) => fill(&request, &params, &found, refused, language),
        Err(error) => {
            tracing::warn!(%error, "a page of results could not be filled");
            fault(status_of(&error), language)
        }
    };
    web.shell.answer(&headers, language, &filling)
}

/// What the address says that nobody can read.
fn unread(params: &[(String, String)], words: &Language) -> Option<String> {
    let values: Vec<String> =
        asked::unread(params).iter().map(|value| words.tell("quoted", &[("what", value.into())])).collect();
    (!values.is_empty()).then(|| words.tell("lost-unread", &[("what", words.list(&values).into())]))
}

/// How many have all that was asked for, and how many come near; as the app says it (`web/src/lib/count.svelte.ts`).
fn counted(found: &SearchResponse, words: &Language) -> Vec<String> {
    let capped = if found.total_count_is_capped { "yes" } else { "no" };
    let all: [(&str, FluentValue<'_>); 2] = [("count", found.total_count.into()), ("capped", capped.into())];
    match found.fitting_count {
        None if found.total_count > 0 => vec![words.tell("results-near", &all)],
        Some(fitting) if fitting < found.total_count => {
            vec![words.tell("results-fitting", &[("fitting", fitting.into())]), words.tell("results-besides", &all)]
        }
        fitting => {
            let count = fitting.unwrap_or_default();
            vec![words.tell("results-count", &[("count", count.into()), ("capped", "no".into())])]
        }
    }
}

/// The page; `refused` says that it holds the results of the words alone.
pub(crate) fn fill(
    request: &SearchRequest,
    params: &[(String, String)],
    found: &SearchResponse,
    refused: bool,
    words: &Language,
) -> Filling {
    let pages = u32::try_from(found.total_count).unwrap_or(u32::MAX).div_ceil(request.page_size);
    let to = |page: u32| {
        if refused {
            asked::address(&[("q".to_owned(), request.query.clone())], page)
        } else {
            asked::address(params, page)
        }
    };
    let heading = words.say("results-heading");
    let name = if request.query.is_empty() { heading } else { request.query.clone() };
    let of = |result: &contracts::SearchResult| ResultLine {
        id: result.content.id.to_string(),
        locale: result.content.locale.to_string(),
        title: result.content.title.clone(),
        facts: line(&result.content, words).join(" · "),
    };
    let page = Results {
        words,
        q: &request.query,
        refused,
        unread: unread(params, words),
        count: words.list(&counted(found, words)),
        lines: found.results.iter().map(of).collect(),
        before: (request.page - 1) * request.page_size,
        place: words.tell("results-page", &[("page", request.page.into()), ("pages", pages.max(1).into())]),
        previous: (request.page > 1).then(|| to(request.page - 1)),
        next: (request.page < pages).then(|| to(request.page + 1)),
    };
    let head = Head { name: &name, product: &words.say("product") }.render();
    let status = if refused { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    match (head, page.render()) {
        (Ok(head), Ok(body)) => Filling { status, head: Some(head), body },
        (Err(error), _) | (_, Err(error)) => {
            tracing::error!(%error, "a page of results can't be written");
            Filling::default()
        }
    }
}
