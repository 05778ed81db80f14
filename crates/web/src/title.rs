//! The page of a title from the server: its facts as HTML and as linked data, which the app takes over.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::HeaderMap,
    response::Response,
};
use contracts::{Call, Content, ContentId, ContentType, Directory, ErrorKind, Season};
use http::StatusCode;
use http_api::CallOf;

use crate::{
    Web,
    facts::Facts,
    language::Language,
    linked_data::{self, for_script},
    page::Filling,
    seasons::{SeasonLine, lines},
};

/// The head of a title's page.
#[derive(Template)]
#[template(path = "head.html")]
struct Head<'a> {
    facts: &'a Facts,
    /// JSON that stands in a script element.
    linked_data: String,
}

/// The body of a title's page.
#[derive(Template)]
#[template(path = "title.html")]
struct Body<'a> {
    facts: &'a Facts,
    words: &'a Language,
    /// Its seasons, by number.
    seasons: Vec<SeasonLine>,
    /// The title as the API gives it, so that the app need not ask.
    content: String,
    /// Likewise its seasons; absent where it can have none, or they are not known now.
    told: Option<String>,
}

/// What a page says where there is no title to show.
#[derive(Template)]
#[template(path = "missing.html")]
struct Missing<'a> {
    what: &'a str,
    lead: &'a str,
}

/// `/title/{id}`: 404 for a title that is not there, and the catalogue's own status where it does not answer; the app says
/// it to people.
pub async fn page(
    State(web): State<Arc<Web>>,
    CallOf(mut call): CallOf,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    let language = web.languages.of(&headers);
    if let Ok(locale) = language.content_tag().parse() {
        call.locale = locale;
    }
    // Mistyped escapes name no title.
    let id = id.map(|Path(id)| id).unwrap_or_default();
    let filling = match find(&web, &call, &id).await {
        Ok(Some((content, directory))) => {
            let seasons = seasons_of(&web, &call, &content).await;
            fill(&content, &directory, seasons.as_deref(), language)
        }
        Ok(None) => missing(StatusCode::NOT_FOUND, language, "title-missing", "title-missing-lead"),
        Err(status) => fault(status, language),
    };
    web.shell.answer(&headers, language, &filling)
}

/// A page without what was asked for, because nobody gave it: asked too often, too late, or not at all.
pub fn fault(status: StatusCode, language: &Language) -> Filling {
    let what = match status {
        StatusCode::TOO_MANY_REQUESTS => "fault-busy",
        StatusCode::GATEWAY_TIMEOUT => "fault-slow",
        _ => "fault-down",
    };
    missing(status, language, what, "fault-again")
}

/// The status of an error that is nobody's question.
pub fn status_of(error: &contracts::ApiError) -> StatusCode {
    StatusCode::from_u16(error.kind.row().http).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
}

/// A page without what was asked for, in words.
pub fn missing(status: StatusCode, language: &Language, what: &str, lead: &str) -> Filling {
    let body = Missing { what: &language.say(what), lead: &language.say(lead) }.render();
    Filling { status, body: body.unwrap_or_default(), ..Filling::default() }
}

async fn find(web: &Web, call: &Call, id: &str) -> Result<Option<(Content, Directory)>, StatusCode> {
    let Ok(id) = id.parse::<ContentId>() else { return Ok(None) };
    let unavailable = |error: contracts::ApiError| {
        if error.kind != ErrorKind::Cancelled {
            tracing::warn!(%error, "the page of a title could not be filled");
        }
        status_of(&error)
    };
    let Some(content) = web.catalog.titles(call, &[id]).await.map_err(unavailable)?.pop() else { return Ok(None) };
    let directory = web.catalog.directory(call).await.map_err(unavailable)?;
    Ok(Some((content, directory)))
}

/// The seasons of a series. A page is worth reading without them.
async fn seasons_of(web: &Web, call: &Call, content: &Content) -> Option<Vec<Season>> {
    if content.content_type == ContentType::Movie {
        return None;
    }
    let seasons = web.catalog.seasons(call, content.id).await;
    seasons.inspect_err(|error| tracing::warn!(%error, "the page of a series is written without its seasons")).ok()
}

pub(crate) fn fill(content: &Content, directory: &Directory, seasons: Option<&[Season]>, words: &Language) -> Filling {
    let facts = Facts::of(content, directory, words);
    let linked_data = for_script(&linked_data::of(content));
    let json = serde_json::to_value(content).map(|value| for_script(&value)).unwrap_or_default();
    let told = seasons.and_then(|seasons| serde_json::to_value(seasons).ok()).map(|value| for_script(&value));
    let seasons = lines(seasons.unwrap_or_default(), words);
    let head = Head { facts: &facts, linked_data }.render();
    let body = Body { facts: &facts, words, seasons, content: json, told }.render();
    match (head, body) {
        (Ok(head), Ok(body)) => Filling { head: Some(head), body, ..Filling::default() },
        (Err(error), _) | (_, Err(error)) => {
            tracing::error!(%error, "the page of a title can't be written");
            Filling::default()
        }
    }
}
