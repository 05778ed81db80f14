//! (pure) The search that an address of the app asks for, read as the app reads it (`web/src/lib/search-state.ts`): what
//! it does not know, or what makes no sense, is left out. Where somebody is and what they pay for only their browser knows.

use contracts::{ContentType, MAX_QUERY_CHARS, ParsedIntent, SearchFilters, SearchRequest, SortOrder, YearRange};

use crate::distinct;

/// The most values of a list, and the most characters of a name, a language, an id and an edited intent.
const MAX_LIST: usize = 20;
const MAX_NAME_CHARS: usize = 200;
const MAX_LANGUAGE_CHARS: usize = 40;
const MAX_ID_CHARS: usize = 50;
const MAX_INTENT_CHARS: usize = 4_000;
/// Results of a page, and the last page that the API gives.
const PAGE_SIZE: u32 = 20;
const MAX_PAGE: f64 = 50.0;

/// What figures of an address are between.
const FIGURES: [(&str, f64, f64); 5] = [
    ("from", 1870.0, 2100.0),
    ("to", 1870.0, 2100.0),
    ("rating", 0.0, 10.0),
    ("max", 1.0, 600.0),
    ("page", 1.0, f64::MAX),
];
/// The most values that are said to be unreadable, and the most characters of each.
const MAX_SAID: usize = 5;
const MAX_SAID_CHARS: usize = 60;

/// What an address says that [`request`] leaves out; what other programs add to addresses is none of ours.
pub(crate) fn unread(params: &[(String, String)]) -> Vec<String> {
    let one = |name: &str| params.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim());
    let figures = FIGURES.iter().map(|(name, least, most)| (one(name), figure(one(name), *least, *most).is_some()));
    let sort = std::iter::once((one("sort"), one("sort").parse::<SortOrder>().is_ok()));
    let list = |name: &str, good: fn(&str) -> bool| {
        one(name).split(',').map(str::trim).map(move |word| (word, good(word))).collect::<Vec<_>>()
    };
    let intent = std::iter::once((one("intent"), serde_json::from_str::<ParsedIntent>(one("intent")).is_ok()));
    let lists = [list("genre", is_id), list("type", |word| word.parse::<ContentType>().is_ok()), list("on", is_id)];
    let all = figures.chain(sort).chain(lists.into_iter().flatten()).chain(intent);
    let left = all.filter(|(value, read)| !read && !value.is_empty()).take(MAX_SAID);
    left.map(|(value, _)| value.chars().take(MAX_SAID_CHARS).collect()).collect()
}

/// Reads the parameters of an address.
pub(crate) fn request(params: &[(String, String)]) -> SearchRequest {
    let all = |name: &'static str| params.iter().filter(move |(known, _)| known == name).map(|(_, value)| &**value);
    let one = |name| all(name).next().unwrap_or_default();
    let list = |name, good: fn(&str) -> bool| listed(one(name).split(',').map(str::trim).filter(|word| good(word)));
    let number = |name, least: f64, most: f64| figure(one(name), least, most);
    let whole = |name, least, most| number(name, least, most).map(|value| value.round() as u16);
    let (mut from, mut to) = (whole("from", 1870.0, 2100.0), whole("to", 1870.0, 2100.0));
    if let (Some(first), Some(last)) = (from, to)
        && first > last
    {
        (from, to) = (Some(last), Some(first));
    }
    let years = YearRange { from, to };
    let kinds = list("type", |kind| kind.parse::<ContentType>().is_ok());
    let intent = Some(one("intent")).filter(|text| text.chars().count() <= MAX_INTENT_CHARS);
    SearchRequest {
        query: one("q").chars().take(MAX_QUERY_CHARS).collect(),
        filters: SearchFilters {
            genres: list("genre", is_id),
            content_types: kinds.iter().filter_map(|kind| kind.parse().ok()).collect(),
            year_range: (years != YearRange::default()).then_some(years),
            platforms: list("on", is_id),
            people: listed(all("with").map(str::trim).filter(|name| fits(name, MAX_NAME_CHARS))),
            languages: list("lang", |word| fits(word, MAX_LANGUAGE_CHARS)),
            min_rating: number("rating", 0.0, 10.0),
            max_rating: None,
            max_runtime_minutes: whole("max", 1.0, 600.0),
        },
        sort: one("sort").parse().unwrap_or_default(),
        page: number("page", 1.0, f64::MAX).map_or(1, |page| page.round().min(MAX_PAGE) as u32),
        page_size: PAGE_SIZE,
        intent: intent.and_then(|text| serde_json::from_str::<ParsedIntent>(text).ok()),
        ..SearchRequest::default()
    }
}

/// A figure within its bounds.
fn figure(text: &str, least: f64, most: f64) -> Option<f64> {
    text.trim().parse().ok().filter(|value| (least..=most).contains(value))
}

/// The first of these, each once.
fn listed<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    distinct(words).take(MAX_LIST).map(str::to_owned).collect()
}

/// Whether it is something, no longer than that many characters, and all of it can be read.
fn fits(text: &str, most: usize) -> bool {
    !text.is_empty() && text.chars().count() <= most && !text.contains(char::is_control)
}

fn is_id(word: &str) -> bool {
    let plain = |letter: char| letter.is_lowercase() || letter.is_numeric() || letter == '_';
    fits(word, MAX_ID_CHARS) && word.chars().all(plain)
}

/// The address of a page of the same search.
pub(crate) fn address(params: &[(String, String)], page: u32) -> String {
    let same = params.iter().filter(|(name, _)| name != "page");
    let page = (page > 1).then(|| format!("page={page}"));
    let pairs = same.map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).chain(page);
    format!("/search/plain?{}", pairs.collect::<Vec<_>>().join("&"))
}

/// As a form writes it: every byte that is no letter or digit as its number.
fn escaped(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}
