//! What the keyword index holds of a title, field by field.

use contracts::{Content, ContentId, CreditRole};
use serde::{Deserialize, Serialize};
use tantivy::{
    Index, TantivyDocument,
    schema::{FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions},
    tokenizer::{Language, Stemmer, TextAnalyzer},
};
use uuid::Uuid;

use crate::{
    conditions::tags,
    text::{FoldingTokenizer, fold},
};

/// The most characters of overview that are indexed, over all languages.
const MAX_OVERVIEW_CHARS: usize = 20_000;
/// The most people of a title that are indexed; the catalogue lists the important first.
const MAX_PEOPLE: usize = 60;

/// The fields of the index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields {
    /// The id as text: deletes and look-ups.
    pub id: Field,
    /// Titles in every language, stemmed.
    pub title: Field,
    /// The same, only folded.
    pub title_raw: Field,
    /// Each whole title, folded, as one term.
    pub title_exact: Field,
    /// Names, as words.
    pub people: Field,
    /// Each whole name, folded, as one term.
    pub people_exact: Field,
    /// Genre names, as words.
    pub genres: Field,
    /// What it is about, in every language, stemmed.
    pub overview: Field,
    /// `type:movie`, `genre:drama`, `offer:netflix:US`, …: see [`tags`].
    pub tags: Field,
    /// The year it was first shown.
    pub year: Field,
    /// The id's two halves, read without touching the stored document.
    pub id_high: Field,
    pub id_low: Field,
    /// See [`browse_key`].
    pub browse: Field,
    /// A [`TitleDoc`] as JSON.
    pub doc: Field,
}

/// The schema and its fields.
pub(crate) fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let words = |tokenizer: &str| {
        let indexing = TextFieldIndexing::default()
            .set_tokenizer(tokenizer)
            .set_index_option(IndexRecordOption::WithFreqsAndPositions);
        TextOptions::default().set_indexing_options(indexing)
    };
    let fields = Fields {
        id: schema.add_text_field("id", STRING),
        title: schema.add_text_field("title", words("stemmed")),
        title_raw: schema.add_text_field("title_raw", words("folded")),
        title_exact: schema.add_text_field("title_exact", STRING),
        people: schema.add_text_field("people", words("folded")),
        people_exact: schema.add_text_field("people_exact", STRING),
        genres: schema.add_text_field("genres", words("stemmed")),
        overview: schema.add_text_field("overview", words("stemmed")),
        tags: schema.add_text_field("tags", STRING | FAST),
        year: schema.add_u64_field("year", INDEXED | FAST),
        id_high: schema.add_u64_field("id_high", FAST),
        id_low: schema.add_u64_field("id_low", FAST),
        browse: schema.add_u64_field("browse", FAST),
        doc: schema.add_text_field("doc", STORED),
    };
    (schema.build(), fields)
}

/// Registers the tokenizers that the schema names.
pub(crate) fn register_tokenizers(index: &Index) {
    index.tokenizers().register("folded", FoldingTokenizer);
    index.tokenizers().register("stemmed", stemmer());
}

/// Folding, then the English stemmer (Porter 2).
pub(crate) fn stemmer() -> TextAnalyzer {
    TextAnalyzer::builder(FoldingTokenizer).filter(Stemmer::new(Language::English)).build()
}

/// What the index stores of a title: enough for reasons and for the graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TitleDoc {
    pub id: ContentId,
    pub title: String,
    pub year: Option<u16>,
    pub people: Vec<(String, CreditRole)>,
    pub genres: Vec<String>,
}

impl TitleDoc {
    pub(crate) fn of(content: &Content) -> Self {
        Self {
            id: content.id,
            title: content.title.clone(),
            year: content.release_year,
            people: content.credits.iter().take(MAX_PEOPLE).map(|c| (c.name.clone(), c.role)).collect(),
            genres: content.genres.clone(),
        }
    }
}

/// Orders titles when the words don't: the popularity in the upper 16 bits, then bits of the id, so that the order of
/// equally popular titles is the same in every replica and after every rebuild.
fn browse_key(content: &Content) -> u64 {
    let popularity = (content.popularity_score.clamp(0.0, 1.0) * f64::from(u16::MAX)).round() as u64;
    let id = content.id.0.as_u128() as u64;
    popularity << 48 | id >> 16
}

/// The popularity, from 0 to 1, that a browse key holds.
pub(crate) fn popularity_of(browse_key: u64) -> f64 {
    (browse_key >> 48) as f64 / f64::from(u16::MAX)
}

/// The halves of an id, and back.
pub(crate) fn halves(id: ContentId) -> (u64, u64) {
    id.0.as_u64_pair()
}

pub(crate) fn whole(high: u64, low: u64) -> ContentId {
    ContentId(Uuid::from_u64_pair(high, low))
}

/// A title as a document of the index.
pub(crate) fn document(fields: &Fields, content: &Content) -> serde_json::Result<TantivyDocument> {
    let mut doc = TantivyDocument::default();
    doc.add_text(fields.id, content.id.to_string());
    for (title, folded) in titles(content) {
        doc.add_text(fields.title, &title);
        doc.add_text(fields.title_raw, &title);
        doc.add_text(fields.title_exact, folded);
    }
    let mut names: Vec<&str> = content.credits.iter().take(MAX_PEOPLE).map(|credit| credit.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        doc.add_text(fields.people, name);
        doc.add_text(fields.people_exact, fold(name));
    }
    for genre in &content.genres {
        doc.add_text(fields.genres, contracts::genres::name(genre).unwrap_or(genre));
    }
    doc.add_text(fields.overview, overviews(content));
    for tag in tags(content) {
        doc.add_text(fields.tags, tag);
    }
    if let Some(year) = content.release_year {
        doc.add_u64(fields.year, u64::from(year));
    }
    let (high, low) = halves(content.id);
    doc.add_u64(fields.id_high, high);
    doc.add_u64(fields.id_low, low);
    doc.add_u64(fields.browse, browse_key(content));
    doc.add_text(fields.doc, serde_json::to_string(&TitleDoc::of(content))?);
    Ok(doc)
}

/// Every distinct title, with its folded form.
fn titles(content: &Content) -> Vec<(String, String)> {
    let all = std::iter::once(&content.title)
        .chain(&content.original_title)
        .chain(content.translations.iter().map(|translation| &translation.title));
    let mut titles: Vec<(String, String)> = Vec::new();
    for title in all {
        let folded = fold(title);
        if !folded.is_empty() && titles.iter().all(|(_, known)| *known != folded) {
            titles.push((title.clone(), folded));
        }
    }
    titles
}

/// Every distinct overview, one after the other, within the bound.
fn overviews(content: &Content) -> String {
    let mut seen: Vec<&str> = Vec::new();
    for overview in content.overview.iter().chain(content.translations.iter().filter_map(|t| t.overview.as_ref())) {
        if !seen.contains(&overview.as_str()) {
            seen.push(overview);
        }
    }
    seen.join("\n").chars().take(MAX_OVERVIEW_CHARS).collect()
}
