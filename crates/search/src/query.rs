//! (pure) The intent parser: from what a person typed to a plan of what to ask each source.
//!
//! Years, kinds and platforms become conditions: a person who says "on Netflix after 2015" wants nothing else, and every
//! title has them or not. Genres and people only raise what has them: sources disagree on genres and leave people out,
//! so that "heist films with Al Pacino" must still answer where a genre is missing. Filters given in the request win
//! over what the words say. The parser only reads the words and an immutable snapshot of the index, which knows the
//! titles and names there are.

mod parser;
mod vocabulary;

use contracts::{ParsedIntent, SearchFilters, SearchRequest, YearRange};

use crate::{
    SearchError,
    conditions::{Conditions, conditions},
    keyword::{KeywordQuery, Snapshot, TitleDoc},
    text::{Word, fold, join, words},
};
use parser::Parser;
pub(crate) use vocabulary::is_platform;

/// A longer question tells a story ("in 1995 I saw …"): its years and kinds are words, not conditions.
const MAX_COMMAND_WORDS: usize = 12;

/// What kind of query it is: the label of `search_queries_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueryKind {
    /// Only conditions: the popular come first.
    Browse,
    /// Words to look for.
    Text,
    /// Titles like others.
    Like,
    /// Titles with people.
    People,
}

impl QueryKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Browse => "browse",
            Self::Text => "text",
            Self::Like => "like",
            Self::People => "people",
        }
    }
}

/// What to ask the sources.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub kind: QueryKind,
    /// What the reply says we understood.
    pub parsed: ParsedIntent,
    /// What every result must be.
    pub filter: Conditions,
    /// What the keyword index is asked.
    pub keyword: KeywordQuery,
    /// The whole query, folded: a title that is called exactly this comes first.
    pub name: String,
    /// Titles that the query names as examples.
    pub like: Vec<TitleDoc>,
    /// The text to embed; `None` when there is none, or the examples' own vectors say it all.
    pub meaning: Option<String>,
}

/// Plans a search. `this_year` bounds which numbers are years.
///
/// # Errors
/// Only when the index behind the snapshot can't be read.
pub(crate) fn plan(request: &SearchRequest, snapshot: &Snapshot, this_year: u16) -> Result<Plan, SearchError> {
    let query: String = request.query.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let query = query.trim();
    let words = words(query);
    let name = join(&words);
    let story = words.len() > MAX_COMMAND_WORDS;
    let mut parser = Parser::new(query, &words, snapshot, this_year, !story);
    parser.read()?;
    let intent = parser.finish()?;
    let parsed = with_filters(intent.parsed, &request.filters);
    let keyword = KeywordQuery {
        words: intent.text_words,
        light_words: intent.genre_words,
        story,
        people: parsed.people.iter().map(|person| fold(person)).collect(),
        genres: parsed.genres.clone(),
    };
    let kind = kind_of(&parsed, &intent.like, query);
    Ok(Plan {
        kind,
        filter: filter(request, &parsed),
        meaning: meaning(query, &words, kind, &parsed),
        parsed,
        keyword,
        name,
        like: intent.like,
    })
}

/// Filters given in the request win over what the words say.
fn with_filters(mut parsed: ParsedIntent, filters: &SearchFilters) -> ParsedIntent {
    if !filters.genres.is_empty() {
        parsed.genres.clear();
    }
    if !filters.content_types.is_empty() {
        parsed.content_types.clear();
    }
    if filters.year_range.is_some_and(|years| years != YearRange::default()) {
        parsed.year_range = None;
    }
    if !filters.platforms.is_empty() {
        parsed.platforms.clear();
    }
    if !filters.people.is_empty() {
        parsed.people.clear();
    }
    parsed
}

fn kind_of(parsed: &ParsedIntent, like: &[TitleDoc], query: &str) -> QueryKind {
    let conditions = !parsed.content_types.is_empty() || parsed.year_range.is_some() || !parsed.platforms.is_empty();
    if !like.is_empty() {
        QueryKind::Like
    } else if !parsed.people.is_empty() {
        QueryKind::People
    } else if parsed.text.is_empty() && parsed.genres.is_empty() && (query.is_empty() || conditions) {
        QueryKind::Browse
    } else {
        QueryKind::Text
    }
}

/// What to embed: the query as it was typed, since a model reads sentences; with examples, only what is said beside them.
fn meaning(query: &str, words: &[Word], kind: QueryKind, parsed: &ParsedIntent) -> Option<String> {
    match kind {
        QueryKind::Browse => None,
        QueryKind::Like => {
            let genres = parsed.genres.iter().filter_map(|genre| contracts::genres::name(genre));
            let said: Vec<&str> = std::iter::once(parsed.text.as_str()).chain(genres).collect();
            Some(said.join(" ").trim().to_owned()).filter(|said| !said.is_empty())
        }
        QueryKind::Text | QueryKind::People => (!words.is_empty()).then(|| query.to_owned()),
    }
}

/// The conditions of the request and of the words.
fn filter(request: &SearchRequest, parsed: &ParsedIntent) -> Conditions {
    let mut filters = request.filters.clone();
    filters.content_types.extend(&parsed.content_types);
    filters.platforms.extend(parsed.platforms.iter().cloned());
    filters.year_range = filters.year_range.or(parsed.year_range);
    conditions(&filters, request.region)
}

#[cfg(test)]
mod tests;
