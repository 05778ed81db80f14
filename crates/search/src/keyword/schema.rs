//! What the keyword index holds of a title, field by field.

use contracts::{Content, ContentId, CreditRole, Region};
use serde::{Deserialize, Serialize};
use tantivy::{
    Index, TantivyDocument,
    schema::{FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions},
    tokenizer::{Language, Stemmer, TextAnalyzer},
};
use uuid::Uuid;

use crate::{
    conditions::{credit, tags},
    text::{FoldingTokenizer, fold},
};

/// The most characters of overview that are indexed, over all languages.
const MAX_OVERVIEW_CHARS: usize = 20_000;
/// The most people of a title that are indexed; the catalogue lists the important first.
const MAX_PEOPLE: usize = 60;
/// The most other titles, and dates on which services added it, that are stored of a title.
const MAX_OTHER_TITLES: usize = 8;
const MAX_ADDED: usize = 100;

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
    /// Each whole name, folded, as one term, and once more with what the person did: see [`credit`].
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

/// The fields of another schema that has all of ours, as they are.
pub(crate) fn fields_of(other: &Schema) -> Option<Fields> {
    let (ours, _) = schema();
    let of = |name: &str| {
        let (field, known) = (other.get_field(name).ok()?, ours.get_field(name).ok()?);
        let same = other.get_field_entry(field).field_type() == ours.get_field_entry(known).field_type();
        same.then_some(field)
    };
    Some(Fields {
        id: of("id")?,
        title: of("title")?,
        title_raw: of("title_raw")?,
        title_exact: of("title_exact")?,
        people: of("people")?,
        people_exact: of("people_exact")?,
        genres: of("genres")?,
        overview: of("overview")?,
        tags: of("tags")?,
        year: of("year")?,
        id_high: of("id_high")?,
        id_low: of("id_low")?,
        browse: of("browse")?,
        doc: of("doc")?,
    })
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

/// What the index stores of a title: enough for reasons, the graph, suggestions and rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TitleDoc {
    pub id: ContentId,
    pub title: String,
    /// What else it is called.
    pub other_titles: Vec<String>,
    pub year: Option<u16>,
    pub people: Vec<(String, CreditRole)>,
    pub genres: Vec<String>,
    /// See [`weight`].
    pub weight: u16,
    /// Where it was added, and when, in seconds of Unix time.
    pub added: Vec<(String, Region, i64)>,
}

impl TitleDoc {
    pub(crate) fn of(content: &Content) -> Self {
        let others = titles(content).into_iter().map(|(title, _)| title).filter(|title| *title != content.title);
        let offers = content.availability.iter();
        let added = offers.filter_map(|o| Some((o.platform.clone(), o.region, o.available_from?.as_second())));
        Self {
            id: content.id,
            title: content.title.clone(),
            other_titles: others.take(MAX_OTHER_TITLES).collect(),
            year: content.release_year,
            people: content.credits.iter().take(MAX_PEOPLE).map(|c| (c.name.clone(), c.role)).collect(),
            genres: content.genres.clone(),
            weight: weight(content),
            added: added.take(MAX_ADDED).collect(),
        }
    }

    /// How popular it is, from 0 to 1, below 0.5 where nobody voted.
    pub(crate) fn popularity(&self) -> f32 {
        f32::from(self.weight) / f32::from(u16::MAX)
    }
}

/// The popularity in 16 bits: the upper half of the range is for titles that somebody rated, since a guess must not come
/// before what is known.
fn weight(content: &Content) -> u16 {
    let half = (content.popularity_score.clamp(0.0, 1.0) * f64::from(u16::MAX >> 1)).round() as u16;
    if content.vote_count > 0 { half | 1 << 15 } else { half }
}

/// Orders titles when the words don't: the [`weight`] in the upper 16 bits, then bits of the id, so that the order of
/// equally popular titles is the same in every replica and after every rebuild.
fn browse_key(content: &Content) -> u64 {
    let id = content.id.0.as_u128() as u64;
    u64::from(weight(content)) << 48 | id >> 16
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
    let mut credits: Vec<String> =
        content.credits.iter().take(MAX_PEOPLE).map(|c| credit(c.role, &fold(&c.name))).collect();
    credits.sort_unstable();
    credits.dedup();
    for credit in credits {
        doc.add_text(fields.people_exact, credit);
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
