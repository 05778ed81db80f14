//! Search, as other processes may call it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Call, Content, ContentId, ContentType, Region, Result, TitleCard, Wording, words::words};

/// The longest query, in characters.
pub const MAX_QUERY_CHARS: usize = 2_000;
/// The most results on a page.
pub const MAX_PAGE_SIZE: u32 = 100;
/// The most suggestions of one answer.
pub const MAX_SUGGESTIONS: usize = 20;
/// `page × page_size` may not pass this: nobody reads further, and it bounds the work.
pub const MAX_RESULT_WINDOW: u32 = 1_000;

/// Years from and to, both included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct YearRange {
    /// The first year; open when absent.
    pub from: Option<u16>,
    /// The last year; open when absent.
    pub to: Option<u16>,
}

/// What a result must be. An absent or empty field asks nothing; the values of one field are alternatives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SearchFilters {
    /// Genre ids: all-of is not offered, any of these.
    pub genres: Vec<String>,
    /// Films or series.
    pub content_types: Vec<ContentType>,
    /// When it was first shown.
    pub year_range: Option<YearRange>,
    /// Has an offer on any of these platforms (in the request's region when that is given).
    pub platforms: Vec<String>,
    /// Has a credit of any of these people: whole names, in any case, with or without diacritics.
    pub people: Vec<String>,
    /// Any of these languages is spoken: BCP 47 tags (`ko`; of `ko-KR` the language counts) as in the `languages` facet, or English names.
    pub languages: Vec<String>,
    /// Has at least this mean rating, from 0 to 10, to one decimal; titles that nobody rated don't pass.
    #[schema(minimum = 0, maximum = 10)]
    pub min_rating: Option<f64>,
    /// Has at most this mean rating, from 0 to 10, to one decimal; titles that nobody rated don't pass.
    // Left out where it asks nothing: a node of an earlier release refuses a field that it does not know.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 10)]
    pub max_rating: Option<f64>,
    /// Runs at most this long; titles whose length is not known don't pass.
    #[schema(minimum = 1, maximum = 600)]
    pub max_runtime_minutes: Option<u16>,
}

words! {
    /// In which order results come; equals come by popularity. Any order but `relevance` lists what has everything that
    /// the query names (the people in the parts it gives them, the genres, each of the words), and of titles that are only
    /// like an example or a told story the nearest hundred.
    #[derive(Default)]
    SortOrder, "sort" {
        /// The best match first; without words the most popular.
        #[default]
        Relevance = "relevance",
        /// The most popular first: the most votes over all sources.
        Popular = "popular",
        /// What people search for by name these days first.
        Trending = "trending",
        /// The latest year of first showing first; titles of which it is not known last.
        Newest = "newest",
        /// What was added last first, on the platforms and in the region that are asked for; titles without a date last.
        RecentlyAdded = "recently_added",
    }
}

impl SortOrder {
    /// Whether the best match comes first.
    pub fn is_relevance(&self) -> bool {
        *self == Self::Relevance
    }
}

/// What results can be counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FacetField {
    /// Genre ids.
    Genres,
    /// Films or series.
    ContentTypes,
    /// The first year of each decade: `1990`.
    Decades,
    /// Platform ids (in the request's region when that is given).
    Platforms,
    /// Languages spoken, by their BCP 47 tags.
    Languages,
}

impl FacetField {
    /// Every field.
    pub const ALL: &[Self] = &[Self::Genres, Self::ContentTypes, Self::Decades, Self::Platforms, Self::Languages];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Genres => "genres",
            Self::ContentTypes => "content_types",
            Self::Decades => "decades",
            Self::Platforms => "platforms",
            Self::Languages => "languages",
        }
    }
}

/// One value of a facet, and how many of all matches have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FacetValue {
    /// What the filter takes: `science_fiction`, `netflix`, `1990`, `ko`.
    pub value: String,
    /// What a person reads: `Science fiction`.
    pub label: String,
    /// How many of all matches have it, not only those of the page.
    pub count: u64,
}

/// Counts by facet, each list by falling count.
pub type Facets = BTreeMap<FacetField, Vec<FacetValue>>;

/// A search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchRequest {
    /// What the person typed; with an empty query the filters alone decide and the popular come first.
    #[serde(default)]
    pub query: String,
    /// What the results must be.
    #[serde(default)]
    pub filters: SearchFilters,
    /// Where the person is; when given, only titles with an offer there.
    #[serde(default)]
    pub region: Option<Region>,
    /// In which order they come.
    #[serde(default, skip_serializing_if = "SortOrder::is_relevance")]
    pub sort: SortOrder,
    /// From 1.
    #[serde(default = "one")]
    pub page: u32,
    /// From 1 to [`MAX_PAGE_SIZE`].
    #[serde(default = "twenty")]
    pub page_size: u32,
    /// What to count all matches by; nothing by default.
    #[serde(default)]
    pub facets: Vec<FacetField>,
    /// An edited `query_parsed`, which then takes the place of reading the query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<ParsedIntent>,
}

impl Default for SearchRequest {
    /// Everything, the first page.
    fn default() -> Self {
        Self {
            query: String::new(),
            filters: SearchFilters::default(),
            region: None,
            sort: SortOrder::default(),
            page: one(),
            page_size: twenty(),
            facets: Vec::new(),
            intent: None,
        }
    }
}

fn one() -> u32 {
    1
}

fn twenty() -> u32 {
    20
}

/// What we took the query to mean; sent back as `intent`, with what the person changed, it takes the place of reading
/// the query.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ParsedIntent {
    /// The words that are left to search for; a phrase in quotes must be there as it is.
    pub text: String,
    /// Titles the query names as examples ("like …"), as found in the catalogue; with the year where several share it.
    pub like: Vec<String>,
    /// People the query names; their titles come first.
    pub people: Vec<String>,
    /// Genres it asks for; what has them comes first.
    pub genres: Vec<String>,
    /// Moods it asks for, such as `relaxing`: they stand for genres, which come first.
    pub moods: Vec<String>,
    /// Kinds it asks for.
    pub content_types: Vec<ContentType>,
    /// Years it asks for.
    pub year_range: Option<YearRange>,
    /// Platforms it asks for.
    pub platforms: Vec<String>,
    /// Languages it asks for, as BCP 47 tags.
    pub languages: Vec<String>,
    /// Countries it asks for. Of languages and countries any one is enough, and a title of which neither is known may
    /// still be found by what else it has.
    pub countries: Vec<Region>,
    /// The longest running time it asks for.
    pub max_runtime_minutes: Option<u16>,
    /// What it does not want.
    pub exclude: Exclusions,
    /// What was read as something else than it was written.
    pub corrections: Vec<Correction>,
    /// How sure we are, from 0 to 1.
    pub confidence: f64,
    /// What to ask the person, where the confidence is below 0.7.
    pub clarification: Option<String>,
    /// The same as data, for whoever asks it in another language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub question: Option<Wording>,
}

/// Who read the query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParsedBy {
    /// This program's own parser.
    #[default]
    Offline,
    /// The language model that the operator configured.
    Model,
    /// Nobody: the request brought its intent along.
    Request,
}

impl ParsedBy {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Model => "model",
            Self::Request => "request",
        }
    }
}

/// What results must not be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Exclusions {
    /// Has none of these genres.
    pub genres: Vec<String>,
    /// Has no credit of these people.
    pub people: Vec<String>,
    /// Is none of these titles.
    pub like: Vec<String>,
    /// Has none of these words in its titles or its overview.
    pub text: Vec<String>,
    /// Is not offered on these platforms.
    pub platforms: Vec<String>,
    /// Is not in these languages.
    pub languages: Vec<String>,
    /// Was not made in these countries.
    pub countries: Vec<Region>,
}

/// A word or name that was read as another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    /// As it was written.
    pub from: String,
    /// As it was read.
    pub to: String,
}

/// A source of results that could not answer, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Degraded {
    /// `keyword`, `vector` or `graph`; `intent_model` where this program read the query in its place; `personal` where the
    /// order is everybody's; `facets` where nothing was counted.
    pub source: String,
    /// Why, as a sentence.
    pub reason: String,
}

/// One result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SearchResult {
    /// The title.
    pub content: Content,
    /// The fused score, from 0 to 1; comparable within one answer only. How popular it is where no match was ranked.
    pub relevance_score: f64,
    /// Why it is here, in words.
    pub match_reasons: Vec<String>,
    /// The same as data, in the same order.
    #[serde(default)]
    pub reasons: Vec<Wording>,
    /// Cosine similarity of query and title, from -1 to 1; 0 when the vectors did not find it.
    pub vector_similarity: f64,
    /// Closeness in the graph of people and genres, from 0 to 1; 0 when the graph did not find it.
    pub graph_score: f64,
    /// BM25 score; 0 when the words did not find it.
    pub keyword_score: f64,
}

/// The answer to a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SearchResponse {
    /// The page.
    pub results: Vec<SearchResult>,
    /// How many there are in all, up to [`MAX_RESULT_WINDOW`].
    pub total_count: u64,
    /// Whether there are more than `total_count`, which then is a lower bound.
    pub total_count_is_capped: bool,
    /// How many titles have all that is asked for: the people in the parts that the words give them, the genres, each of the
    /// words, and the filters. The others only come near. Absent where that can't be said (an example, a told story, an
    /// origin that is not known of every title), where a ranked list was asked for without `facets`, and where it was not
    /// counted in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fitting_count: Option<u64>,
    /// Which page this is.
    pub page: u32,
    /// How many a page holds.
    pub page_size: u32,
    /// What we took the query to mean.
    pub query_parsed: ParsedIntent,
    /// Who read the query.
    #[serde(default)]
    pub parsed_by: ParsedBy,
    /// Sources that could not answer; empty when all did.
    pub degraded: Vec<Degraded>,
    /// How many of all matches have what, for the facets that were asked for. A facet that a filter of the request is
    /// about is counted without that filter: what each of its values brings by itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, Vec<FacetValue>>)]
    pub facets: Facets,
    /// How long it took.
    pub search_time_ms: f64,
}

/// Titles like one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SimilarResponse {
    /// The title that they are like.
    pub content_id: ContentId,
    /// The nearest first, without the title itself.
    pub results: Vec<SearchResult>,
    /// Sources that could not answer; empty when all did.
    pub degraded: Vec<Degraded>,
}

/// What a suggestion names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuggestionKind {
    /// A title.
    Title,
    /// Someone with a credit.
    Person,
    /// A genre.
    Genre,
}

/// What someone who types may mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Suggestion {
    /// As it is written in the catalogue.
    pub text: String,
    /// What it names.
    pub kind: SuggestionKind,
    /// The title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_id: Option<ContentId>,
    /// The title's year, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub year: Option<u16>,
}

/// A row of titles to look around in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DiscoverRow {
    /// Its name for programs: `genre:crime`, `decade:1990`, `director:michael mann`, `added:netflix`.
    pub id: String,
    /// What a person reads above it.
    pub title: String,
    /// Why these titles, in plain words.
    pub reason: String,
    /// Name and reason as data: `trending`, `popular`, `added`, `genre`, `decade` or `director`.
    #[serde(default)]
    pub about: Wording,
    /// The search that shows all that the row is taken from.
    pub search: SearchRequest,
    /// The titles, the first of the row first.
    pub items: Vec<TitleCard>,
}

/// A title and how well one source thinks it fits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Scored {
    /// The title.
    pub content_id: ContentId,
    /// The source's own score.
    pub score: f64,
}

/// A point in the space of an embedding model.
pub type Vector = Vec<f32>;

/// A search by vector alone.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorQuery {
    /// The query's embedding, of the dimension the index has.
    pub embedding: Vector,
    /// What the results must be.
    pub filters: SearchFilters,
    /// Only titles with an offer here.
    pub region: Option<Region>,
    /// At most this many, up to [`MAX_RESULT_WINDOW`].
    pub limit: usize,
}

/// Finds titles.
#[async_trait]
pub trait SearchApi: Send + Sync {
    /// Answers a search.
    ///
    /// # Errors
    /// `InvalidArgument` when a bound is passed; `Unavailable` when no source could answer.
    async fn search(&self, call: &Call, request: &SearchRequest) -> Result<SearchResponse>;

    /// The nearest titles to a vector, best first.
    ///
    /// # Errors
    /// `InvalidArgument` when the dimension is not the index's; `Unavailable` without a vector index.
    async fn vector_search(&self, call: &Call, query: &VectorQuery) -> Result<Vec<Scored>>;

    /// The titles nearest to `seeds` in the graph of people and genres, best first, without the seeds.
    async fn graph_search(
        &self,
        call: &Call,
        seeds: &[ContentId],
        filters: &SearchFilters,
        region: Option<Region>,
        limit: usize,
    ) -> Result<Vec<Scored>>;

    /// The titles like this one, by meaning and by the people and genres they share, at most `limit`, from 1 to
    /// [`MAX_PAGE_SIZE`]; with a region, only those with an offer there.
    ///
    /// # Errors
    /// `NotFound` for a title that the catalogue does not have.
    async fn similar(
        &self,
        call: &Call,
        id: ContentId,
        region: Option<Region>,
        limit: usize,
    ) -> Result<SimilarResponse>;

    /// Titles, people and genres with a word that starts with what was typed, at most `limit`, from 1 to
    /// [`MAX_SUGGESTIONS`], the likely first.
    async fn autocomplete(&self, call: &Call, prefix: &str, limit: usize) -> Result<Vec<Suggestion>>;

    /// Rows of titles to look around in, from facts alone: nothing in them is about the person who asks.
    async fn discover(&self, call: &Call, region: Option<Region>) -> Result<Vec<DiscoverRow>>;

    /// The titles that people search for by name these days, at most `limit`, from 1 to [`MAX_PAGE_SIZE`], the most
    /// searched for first; empty where nothing was searched for often enough. With a region, only those with an offer
    /// there.
    async fn trending(&self, call: &Call, region: Option<Region>, limit: usize) -> Result<Vec<Content>>;
}
