//! (pure) One file a format: from a row of a source to a record in our vocabulary.

pub(crate) mod imdb;
pub(crate) mod justwatch_json;
pub(crate) mod mapped;
pub(crate) mod movielens;
pub(crate) mod streaming_csv;
pub(crate) mod wikidata_db;
pub(crate) mod wikipedia_json;

use contracts::{ContentType, Credit, CreditRole, Locale, SourceRecord, genres};

/// A title as its source tells it, and what of that can't be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Adapted {
    /// The title.
    pub record: SourceRecord,
    /// Languages that the source names and that can't be read, as it spells them, each once: the title is without them.
    pub unread_languages: Vec<String>,
}

impl From<SourceRecord> for Adapted {
    /// A title of which everything could be read.
    fn from(record: SourceRecord) -> Self {
        Self { record, unread_languages: Vec::new() }
    }
}

/// A record with nothing in it but what every adapter must give.
pub(crate) fn blank(source: &str, source_key: String, content_type: ContentType, title: String) -> SourceRecord {
    SourceRecord {
        source: source.to_owned(),
        source_key,
        content_type,
        title,
        original_title: None,
        locale: Locale::english(),
        overview: None,
        release_date: None,
        release_year: None,
        runtime_minutes: None,
        season_count: None,
        seasons: Vec::new(),
        translations: Vec::new(),
        genres: Vec::new(),
        countries: Vec::new(),
        languages: Vec::new(),
        ratings: Vec::new(),
        credits: Vec::new(),
        external_ids: Vec::new(),
        images: Vec::new(),
        offers: Vec::new(),
        rating: None,
    }
}

/// Whether it is an id of a title in IMDb.
pub(crate) fn is_imdb_title(id: &str) -> bool {
    id.strip_prefix("tt")
        .is_some_and(|digits| (7..=10).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// People in one role.
fn credits(names: Vec<String>, role: CreditRole) -> impl Iterator<Item = Credit> {
    names.into_iter().map(move |name| Credit { name, role })
}

/// The ids of the genres that a source's words stand for, each once, in order; words we don't know say nothing.
pub(crate) fn genre_ids(words: &[String]) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for id in words.iter().flat_map(|word| genres::canonical(word)) {
        if !ids.iter().any(|known| known == id) {
            ids.push(id.to_owned());
        }
    }
    ids
}
