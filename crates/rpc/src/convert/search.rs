//! The values of `search.proto`.

use contracts::{
    ApiError, ContentType, Correction, Degraded, DiscoverRow, Exclusions, FacetField, FacetValue, Facets, ParsedBy,
    ParsedIntent, Region, Result, Scored, SearchFilters, SearchRequest, SearchResponse, SearchResult, SimilarResponse,
    SortOrder, Suggestion, SuggestionKind, VectorQuery, YearRange,
};

use super::{
    common::{all, id, region, same_words, small, word},
    list, maybe, required, words,
};
use crate::pb;

/// The page size of a search that names none, as over HTTP.
const PAGE_SIZE: u32 = 20;

/// A region that may be there.
pub fn maybe_region(text: Option<String>) -> Result<Option<Region>> {
    text.map(|text| region("region", &text)).transpose()
}

/// Filters; a message without them asks nothing.
pub fn filters(message: Option<pb::SearchFilters>) -> Result<SearchFilters> {
    Ok(maybe("filters", message)?.unwrap_or_default())
}

/// A limit: one past what this machine can count is as good as none.
pub fn limit(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

fn kinds(kinds: Vec<ContentType>) -> Vec<i32> {
    kinds.into_iter().map(|kind| pb::ContentType::from(kind).into()).collect()
}

fn read_kinds(numbers: Vec<i32>) -> Result<Vec<ContentType>> {
    let read = numbers.into_iter().enumerate();
    read.map(|(index, number)| word::<pb::ContentType, _>(&format!("content_types[{index}]"), number)).collect()
}

same_words! {
    FacetField { Genres, ContentTypes, Decades, Platforms, Languages }
    SuggestionKind { Title, Person, Genre }
    ParsedBy { Offline, Model, Request }
    SortOrder { Relevance, Popular, Trending, Newest, RecentlyAdded }
}

fn facets(facets: Facets) -> Vec<pb::Facet> {
    let value = |v: FacetValue| pb::FacetValue { value: v.value, label: v.label, count: v.count };
    let facet = |(field, values): (FacetField, Vec<FacetValue>)| pb::Facet {
        field: pb::FacetField::from(field).into(),
        values: values.into_iter().map(value).collect(),
    };
    facets.into_iter().map(facet).collect()
}

fn read_facets(facets: Vec<pb::Facet>) -> Result<Facets> {
    let value = |v: pb::FacetValue| FacetValue { value: v.value, label: v.label, count: v.count };
    let facet = |(index, facet): (usize, pb::Facet)| {
        let field = word::<pb::FacetField, _>(&format!("facets[{index}].field"), facet.field)?;
        Ok((field, facet.values.into_iter().map(value).collect()))
    };
    facets.into_iter().enumerate().map(facet).collect()
}

fn facet_fields(numbers: Vec<i32>) -> Result<Vec<FacetField>> {
    let read = numbers.into_iter().enumerate();
    read.map(|(index, number)| word::<pb::FacetField, _>(&format!("facets[{index}]"), number)).collect()
}

impl From<YearRange> for pb::YearRange {
    fn from(range: YearRange) -> Self {
        Self { from: range.from.map(Into::into), to: range.to.map(Into::into) }
    }
}

impl TryFrom<pb::YearRange> for YearRange {
    type Error = ApiError;

    fn try_from(range: pb::YearRange) -> Result<Self> {
        Ok(Self { from: small("from", range.from)?, to: small("to", range.to)? })
    }
}

impl From<SearchFilters> for pb::SearchFilters {
    fn from(filters: SearchFilters) -> Self {
        Self {
            genres: filters.genres,
            content_types: kinds(filters.content_types),
            year_range: filters.year_range.map(Into::into),
            platforms: filters.platforms,
            people: filters.people,
            languages: filters.languages,
            min_rating: filters.min_rating,
            max_rating: filters.max_rating,
            max_runtime_minutes: filters.max_runtime_minutes.map(Into::into),
        }
    }
}

impl TryFrom<pb::SearchFilters> for SearchFilters {
    type Error = ApiError;

    fn try_from(filters: pb::SearchFilters) -> Result<Self> {
        Ok(Self {
            genres: filters.genres,
            content_types: read_kinds(filters.content_types)?,
            year_range: maybe("year_range", filters.year_range)?,
            platforms: filters.platforms,
            people: filters.people,
            languages: filters.languages,
            min_rating: filters.min_rating,
            max_rating: filters.max_rating,
            max_runtime_minutes: small("max_runtime_minutes", filters.max_runtime_minutes)?,
        })
    }
}

impl From<SearchRequest> for pb::SearchContentRequest {
    fn from(request: SearchRequest) -> Self {
        Self {
            query: request.query,
            filters: Some(request.filters.into()),
            region: request.region.map(Into::into),
            page: Some(request.page),
            page_size: Some(request.page_size),
            facets: request.facets.into_iter().map(|field| pb::FacetField::from(field).into()).collect(),
            intent: request.intent.map(Into::into),
            sort: pb::SortOrder::from(request.sort).into(),
        }
    }
}

/// An order; one that is not said is that of the best match.
fn sort(number: i32) -> Result<SortOrder> {
    match number {
        0 => Ok(SortOrder::default()),
        number => word::<pb::SortOrder, _>("sort", number),
    }
}

impl TryFrom<pb::SearchContentRequest> for SearchRequest {
    type Error = ApiError;

    fn try_from(request: pb::SearchContentRequest) -> Result<Self> {
        Ok(Self {
            query: request.query,
            filters: filters(request.filters)?,
            region: maybe_region(request.region)?,
            page: request.page.unwrap_or(1),
            page_size: request.page_size.unwrap_or(PAGE_SIZE),
            facets: facet_fields(request.facets)?,
            intent: maybe("intent", request.intent)?,
            sort: sort(request.sort)?,
        })
    }
}

impl From<ParsedIntent> for pb::ParsedIntent {
    fn from(intent: ParsedIntent) -> Self {
        let correction = |c: Correction| pb::Correction { from: c.from, to: c.to };
        Self {
            text: intent.text,
            like: intent.like,
            people: intent.people,
            genres: intent.genres,
            moods: intent.moods,
            content_types: kinds(intent.content_types),
            year_range: intent.year_range.map(Into::into),
            platforms: intent.platforms,
            languages: intent.languages,
            countries: all(intent.countries),
            max_runtime_minutes: intent.max_runtime_minutes.map(Into::into),
            exclude: Some(intent.exclude.into()),
            corrections: intent.corrections.into_iter().map(correction).collect(),
            confidence: intent.confidence,
            clarification: intent.clarification,
            question: intent.question.map(Into::into),
        }
    }
}

impl TryFrom<pb::ParsedIntent> for ParsedIntent {
    type Error = ApiError;

    fn try_from(intent: pb::ParsedIntent) -> Result<Self> {
        let correction = |c: pb::Correction| Correction { from: c.from, to: c.to };
        Ok(Self {
            text: intent.text,
            like: intent.like,
            people: intent.people,
            genres: intent.genres,
            moods: intent.moods,
            content_types: read_kinds(intent.content_types)?,
            year_range: maybe("year_range", intent.year_range)?,
            platforms: intent.platforms,
            languages: intent.languages,
            countries: words("countries", &intent.countries, region)?,
            max_runtime_minutes: small("max_runtime_minutes", intent.max_runtime_minutes)?,
            exclude: maybe("exclude", intent.exclude)?.unwrap_or_default(),
            corrections: intent.corrections.into_iter().map(correction).collect(),
            confidence: intent.confidence,
            clarification: intent.clarification,
            question: intent.question.map(Into::into),
        })
    }
}

impl From<Exclusions> for pb::Exclusions {
    fn from(exclude: Exclusions) -> Self {
        Self {
            genres: exclude.genres,
            people: exclude.people,
            like: exclude.like,
            text: exclude.text,
            platforms: exclude.platforms,
            languages: exclude.languages,
            countries: all(exclude.countries),
        }
    }
}

impl TryFrom<pb::Exclusions> for Exclusions {
    type Error = ApiError;

    fn try_from(exclude: pb::Exclusions) -> Result<Self> {
        Ok(Self {
            genres: exclude.genres,
            people: exclude.people,
            like: exclude.like,
            text: exclude.text,
            platforms: exclude.platforms,
            languages: exclude.languages,
            countries: words("countries", &exclude.countries, region)?,
        })
    }
}

impl From<SearchResult> for pb::SearchResult {
    fn from(result: SearchResult) -> Self {
        Self {
            content: Some(result.content.into()),
            relevance_score: result.relevance_score,
            match_reasons: result.match_reasons,
            reasons: all(result.reasons),
            vector_similarity: result.vector_similarity,
            graph_score: result.graph_score,
            keyword_score: result.keyword_score,
        }
    }
}

impl TryFrom<pb::SearchResult> for SearchResult {
    type Error = ApiError;

    fn try_from(result: pb::SearchResult) -> Result<Self> {
        Ok(Self {
            content: required("content", result.content)?,
            relevance_score: result.relevance_score,
            match_reasons: result.match_reasons,
            reasons: all(result.reasons),
            vector_similarity: result.vector_similarity,
            graph_score: result.graph_score,
            keyword_score: result.keyword_score,
        })
    }
}

impl From<SearchResponse> for pb::SearchContentResponse {
    fn from(response: SearchResponse) -> Self {
        Self {
            results: all(response.results),
            total_count: response.total_count,
            page: response.page,
            page_size: response.page_size,
            query_parsed: Some(response.query_parsed.into()),
            parsed_by: pb::ParsedBy::from(response.parsed_by).into(),
            degraded: response.degraded.into_iter().map(Into::into).collect(),
            search_time_ms: response.search_time_ms,
            total_count_is_capped: response.total_count_is_capped,
            fitting_count: response.fitting_count,
            facets: facets(response.facets),
        }
    }
}

impl TryFrom<pb::SearchContentResponse> for SearchResponse {
    type Error = ApiError;

    fn try_from(response: pb::SearchContentResponse) -> Result<Self> {
        Ok(Self {
            results: list("results", response.results)?,
            total_count: response.total_count,
            page: response.page,
            page_size: response.page_size,
            query_parsed: required("query_parsed", response.query_parsed)?,
            // A process of an earlier release has only one parser.
            parsed_by: word::<pb::ParsedBy, _>("parsed_by", response.parsed_by).unwrap_or_default(),
            degraded: response.degraded.into_iter().map(Into::into).collect(),
            search_time_ms: response.search_time_ms,
            total_count_is_capped: response.total_count_is_capped,
            fitting_count: response.fitting_count,
            facets: read_facets(response.facets)?,
        })
    }
}

impl From<Degraded> for pb::Degraded {
    fn from(d: Degraded) -> Self {
        Self { source: d.source, reason: d.reason }
    }
}

impl From<pb::Degraded> for Degraded {
    fn from(d: pb::Degraded) -> Self {
        Self { source: d.source, reason: d.reason }
    }
}

impl From<SimilarResponse> for pb::SimilarContentResponse {
    fn from(similar: SimilarResponse) -> Self {
        Self {
            content_id: similar.content_id.to_string(),
            results: all(similar.results),
            degraded: all(similar.degraded),
        }
    }
}

impl TryFrom<pb::SimilarContentResponse> for SimilarResponse {
    type Error = ApiError;

    fn try_from(similar: pb::SimilarContentResponse) -> Result<Self> {
        Ok(Self {
            content_id: id("content_id", &similar.content_id)?,
            results: list("results", similar.results)?,
            degraded: all(similar.degraded),
        })
    }
}

impl From<Suggestion> for pb::Suggestion {
    fn from(suggestion: Suggestion) -> Self {
        Self {
            text: suggestion.text,
            kind: pb::SuggestionKind::from(suggestion.kind).into(),
            content_id: suggestion.content_id.map(|id| id.to_string()),
            year: suggestion.year.map(Into::into),
        }
    }
}

impl TryFrom<pb::Suggestion> for Suggestion {
    type Error = ApiError;

    fn try_from(suggestion: pb::Suggestion) -> Result<Self> {
        Ok(Self {
            text: suggestion.text,
            kind: word::<pb::SuggestionKind, _>("kind", suggestion.kind)?,
            content_id: suggestion.content_id.map(|text| id("content_id", &text)).transpose()?,
            year: small("year", suggestion.year)?,
        })
    }
}

impl From<DiscoverRow> for pb::DiscoverRow {
    fn from(row: DiscoverRow) -> Self {
        Self {
            id: row.id,
            title: row.title,
            reason: row.reason,
            about: Some(row.about.into()),
            search: Some(row.search.into()),
            items: all(row.items),
        }
    }
}

impl TryFrom<pb::DiscoverRow> for DiscoverRow {
    type Error = ApiError;

    fn try_from(row: pb::DiscoverRow) -> Result<Self> {
        Ok(Self {
            id: row.id,
            title: row.title,
            reason: row.reason,
            about: row.about.unwrap_or_default().into(),
            search: required("search", row.search)?,
            items: list("items", row.items)?,
        })
    }
}

impl From<Scored> for pb::ScoredContent {
    fn from(scored: Scored) -> Self {
        Self { content_id: scored.content_id.to_string(), score: scored.score }
    }
}

impl TryFrom<pb::ScoredContent> for Scored {
    type Error = ApiError;

    fn try_from(scored: pb::ScoredContent) -> Result<Self> {
        Ok(Self { content_id: id("content_id", &scored.content_id)?, score: scored.score })
    }
}

impl From<VectorQuery> for pb::VectorSearchRequest {
    fn from(query: VectorQuery) -> Self {
        Self {
            embedding: query.embedding,
            filters: Some(query.filters.into()),
            region: query.region.map(Into::into),
            limit: query.limit as u64,
        }
    }
}

impl TryFrom<pb::VectorSearchRequest> for VectorQuery {
    type Error = ApiError;

    fn try_from(query: pb::VectorSearchRequest) -> Result<Self> {
        Ok(Self {
            embedding: query.embedding,
            filters: filters(query.filters)?,
            region: maybe_region(query.region)?,
            limit: limit(query.limit),
        })
    }
}
