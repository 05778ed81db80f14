//! The routes of search.

use std::sync::Arc;

use axum::{Json, extract::State};
use contracts::{
    ApiError, Call, Content, ContentId, ContentType, DiscoverRow, MAX_SUGGESTIONS, Region, SearchApi, SearchFilters,
    SearchRequest, SearchResponse, SimilarResponse, SortOrder, Suggestion, SuggestionKind, YearRange,
};
use http_api::{ApiJson, ApiPath, ApiQuery, CallOf, HttpResult, NoQuery};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema, openapi::OpenApi};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{Search, replica::Progress, trending::WINDOW_HOURS};

/// The most titles of `/api/v1/search/suggestions`.
const MAX_TITLES: usize = 10;

/// The routes, with full paths.
pub fn routes(service: Arc<Search>) -> OpenApiRouter {
    router().with_state(service)
}

/// The documentation of the routes, for a gateway that reaches them in another process.
pub fn api() -> OpenApi {
    router().into_openapi()
}

fn router() -> OpenApiRouter<Arc<Search>> {
    OpenApiRouter::new()
        .routes(routes!(search, search_by_query))
        .routes(routes!(content_search))
        .routes(routes!(search_suggestions))
        .routes(routes!(autocomplete))
        .routes(routes!(trending))
        .routes(routes!(get_similar))
        .routes(routes!(discover))
        .routes(routes!(get_index_progress))
}

/// A search as query parameters. A list is written with commas: `genre=drama,crime`.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct SearchParams {
    /// What the person typed.
    #[param(max_length = 2000)]
    q: String,
    /// `movie`, `tv_show`, or both with a comma.
    #[serde(rename = "type")]
    content_type: String,
    /// Genre ids.
    genre: String,
    /// Platform ids.
    platform: String,
    /// Only titles with an offer here, as ISO 3166-1 alpha-2 or alpha-3.
    #[param(value_type = Option<String>)]
    region: Option<Region>,
    /// Not before this year.
    year_from: Option<u16>,
    /// Not after this year.
    year_to: Option<u16>,
    /// Whole names, in any case.
    person: String,
    /// BCP 47 tags, such as `ko`, or English names.
    language: String,
    /// From 0 to 10.
    #[param(minimum = 0, maximum = 10)]
    min_rating: Option<f64>,
    /// From 0 to 10; not below `min_rating`.
    #[param(minimum = 0, maximum = 10)]
    max_rating: Option<f64>,
    /// From 1 to 600 minutes.
    #[param(minimum = 1, maximum = 600)]
    max_runtime: Option<u16>,
    /// In which order they come; `relevance` where not given.
    #[param(value_type = Option<SortOrder>)]
    sort: Option<String>,
    /// From 1; `page` × `page_size` may not pass 1000.
    #[param(minimum = 1)]
    page: Option<u32>,
    /// From 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    page_size: Option<u32>,
}

impl SearchParams {
    fn request(self) -> Result<SearchRequest, ApiError> {
        let years = YearRange { from: self.year_from, to: self.year_to };
        let filters = SearchFilters {
            genres: list(&self.genre),
            content_types: list(&self.content_type)
                .iter()
                .map(|kind| kind.parse())
                .collect::<Result<Vec<ContentType>, _>>()?,
            year_range: (years != YearRange::default()).then_some(years),
            platforms: list(&self.platform),
            people: list(&self.person),
            languages: list(&self.language),
            min_rating: self.min_rating,
            max_rating: self.max_rating,
            max_runtime_minutes: self.max_runtime,
        };
        let (page, page_size) = (self.page.unwrap_or(1), self.page_size.unwrap_or(20));
        let sort = self.sort.map(|word| word.parse()).transpose()?.unwrap_or_default();
        Ok(SearchRequest {
            query: self.q,
            filters,
            region: self.region,
            sort,
            page,
            page_size,
            ..SearchRequest::default()
        })
    }
}

/// The values of a list written with commas; none for an empty one.
fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned).collect()
}

/// What was typed so far.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SuggestionParams {
    /// The start of a title.
    #[param(max_length = 2000)]
    q: String,
}

/// Titles that start with what was typed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Suggestions {
    /// At most ten, as they are written, the likely first.
    suggestions: Vec<String>,
}

/// What was typed so far, and how many suggestions to make of it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AutocompleteParams {
    /// The start of a name.
    #[param(max_length = 2000)]
    q: String,
    /// From 1 to 20; 10 where not given.
    #[param(minimum = 1, maximum = 20)]
    limit: Option<usize>,
}

/// Titles, people and genres.
#[derive(Debug, Serialize, ToSchema)]
pub struct Autocompletion {
    /// The likely first.
    suggestions: Vec<Suggestion>,
}

/// How many titles, and where they are offered.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SimilarParams {
    /// From 1 to 100; 20 where not given.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
    /// Only titles with an offer here, as ISO 3166-1 alpha-2 or alpha-3.
    #[param(value_type = Option<String>)]
    region: Option<Region>,
}

/// Where the titles are offered.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DiscoverParams {
    /// Only titles with an offer here, as ISO 3166-1 alpha-2 or alpha-3.
    #[param(value_type = Option<String>)]
    region: Option<Region>,
    /// How many rows to leave out at the start; 0 where not given.
    #[param(minimum = 0, maximum = 100)]
    from: Option<usize>,
    /// How many rows, from 1 to 100; all where not given.
    #[param(minimum = 1, maximum = 100)]
    rows: Option<usize>,
}

/// The most rows that can be asked for or left out.
const MAX_ROWS: usize = 100;

/// Rows of titles to look around in.
#[derive(Debug, Serialize, ToSchema)]
pub struct Discovery {
    /// In the order to show them.
    rows: Vec<DiscoverRow>,
    /// How many rows there are in all.
    total: usize,
}

/// Search the catalogue.
#[utoipa::path(post, path = "/api/v1/search", tag = "search", request_body = SearchRequest,
    responses((status = 200, description = "The page of results.", body = SearchResponse)))]
async fn search(
    State(service): State<Arc<Search>>,
    CallOf(call): CallOf,
    ApiJson(request): ApiJson<SearchRequest>,
) -> HttpResult<Json<SearchResponse>> {
    Ok(Json(service.search(&call, &request).await?))
}

/// Search the catalogue, with the question in the address.
#[utoipa::path(get, path = "/api/v1/search", tag = "search", params(SearchParams),
    responses((status = 200, description = "The page of results.", body = SearchResponse)))]
async fn search_by_query(
    State(service): State<Arc<Search>>,
    CallOf(call): CallOf,
    ApiQuery(params): ApiQuery<SearchParams>,
) -> HttpResult<Json<SearchResponse>> {
    Ok(Json(by_query(&service, &call, params).await?))
}

/// The same under its first name.
#[utoipa::path(get, path = "/api/v1/content/search", tag = "search", params(SearchParams),
    responses((status = 200, description = "The page of results.", body = SearchResponse)))]
async fn content_search(
    State(service): State<Arc<Search>>,
    CallOf(call): CallOf,
    ApiQuery(params): ApiQuery<SearchParams>,
) -> HttpResult<Json<SearchResponse>> {
    Ok(Json(by_query(&service, &call, params).await?))
}

async fn by_query(service: &Search, call: &Call, params: SearchParams) -> Result<SearchResponse, ApiError> {
    let answer = async { service.search(call, &params.request()?).await };
    answer.await.map_err(named_as_parameters)
}

/// Names the fields of a search as the query string does.
fn named_as_parameters(mut error: ApiError) -> ApiError {
    for fault in &mut error.fields {
        let parameter = match fault.field.split('[').next().unwrap_or_default() {
            "query" => "q",
            "content_type" | "filters.content_types" => "type",
            "filters.genres" => "genre",
            "filters.platforms" => "platform",
            "filters.year_range.from" => "year_from",
            "filters.people" => "person",
            "filters.languages" => "language",
            "filters.min_rating" => "min_rating",
            "filters.max_rating" => "max_rating",
            "filters.max_runtime_minutes" => "max_runtime",
            _ => continue,
        };
        parameter.clone_into(&mut fault.field);
    }
    error
}

/// Titles that start with what was typed.
#[utoipa::path(get, path = "/api/v1/search/suggestions", tag = "search", params(SuggestionParams),
    responses((status = 200, description = "At most ten titles.", body = Suggestions)))]
async fn search_suggestions(
    State(service): State<Arc<Search>>,
    CallOf(call): CallOf,
    ApiQuery(params): ApiQuery<SuggestionParams>,
) -> HttpResult<Json<Suggestions>> {
    let found = service.autocomplete(&call, &params.q, MAX_SUGGESTIONS).await?;
    let titles = found.into_iter().filter(|suggestion| suggestion.kind == SuggestionKind::Title);
    let mut suggestions: Vec<String> = titles.map(|suggestion| suggestion.text).collect();
    suggestions.dedup();
    suggestions.truncate(MAX_TITLES);
    Ok(Json(Suggestions { suggestions }))
}

/// Titles, people and genres by a prefix of their names.
#[utoipa::path(get, path = "/api/v1/search/autocomplete", tag = "search", params(AutocompleteParams),
    responses((status = 200, description = "The likely first.", body = Autocompletion)))]
async fn autocomplete(
    State(service): State<Arc<Search>>,
    CallOf(call): CallOf,
    ApiQuery(params): ApiQuery<AutocompleteParams>,
) -> HttpResult<Json<Autocompletion>> {
    let suggestions = service.autocomplete(&call, &params.q, params.limit.unwrap_or(10)).await;
    Ok(Json(Autocompletion { suggestions: suggestions.map_err(named_as_parameters)? }))
}

/// Titles like one.
///
/// By meaning and by the people and genres they share, each with its reasons.
#[utoipa::path(get, path = "/api/v1/content/{id}/similar", tag = "search",
    params(("id" = ContentId, Path, description = "The title's id."), SimilarParams),
    responses((status = 200, description = "The nearest first.", body = SimilarResponse)))]
async fn get_similar(
    State(service): State<Arc<Search>>,
    CallOf(call): CallOf,
    ApiPath(id): ApiPath<ContentId>,
    ApiQuery(params): ApiQuery<SimilarParams>,
) -> HttpResult<Json<SimilarResponse>> {
    Ok(Json(service.similar(&call, id, params.region, params.limit.unwrap_or(20)).await?))
}

/// What people search for by name these days.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrendingTitles {
    /// The most searched for first; empty where nothing was searched for often enough.
    results: Vec<Content>,
    /// How far back is looked at.
    window_hours: i64,
}

/// Titles that people search for by name these days.
///
/// Counted by title and hour, never by person; what was searched for a day ago counts half.
#[utoipa::path(get, path = "/api/v1/search/trending", tag = "search", params(SimilarParams),
    responses((status = 200, description = "The most searched for first.", body = TrendingTitles)))]
async fn trending(
    State(service): State<Arc<Search>>,
    CallOf(call): CallOf,
    ApiQuery(params): ApiQuery<SimilarParams>,
) -> HttpResult<Json<TrendingTitles>> {
    let results = service.trending(&call, params.region, params.limit.unwrap_or(20)).await?;
    Ok(Json(TrendingTitles { results, window_hours: WINDOW_HOURS }))
}

/// Rows of titles to look around in.
///
/// From facts of the catalogue alone; nothing in them is about the person who asks.
#[utoipa::path(get, path = "/api/v1/discover", tag = "search", params(DiscoverParams),
    responses((status = 200, description = "The rows, in the order to show them.", body = Discovery)))]
async fn discover(
    State(service): State<Arc<Search>>,
    CallOf(call): CallOf,
    ApiQuery(params): ApiQuery<DiscoverParams>,
) -> HttpResult<Json<Discovery>> {
    let (from, most) = (params.from.unwrap_or(0), params.rows.unwrap_or(MAX_ROWS));
    if from > MAX_ROWS || !(1..=MAX_ROWS).contains(&most) {
        let error = ApiError::invalid("bad_rows", format!("{most} rows from {from} on can't be asked for"));
        return Err(error.field("rows", format!("must be from 1 to {MAX_ROWS}, and `from` at most that")).into());
    }
    let rows = service.discover(&call, params.region).await?;
    let total = rows.len();
    Ok(Json(Discovery { rows: rows.into_iter().skip(from).take(most).collect(), total }))
}

/// How far this node's indexes are behind the catalogue, for the operator.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct IndexProgress {
    /// Whether they hold everything that the event log says by now.
    pub caught_up: bool,
    /// How far they are.
    #[serde(flatten)]
    pub progress: Progress,
}

/// How far the indexes are.
#[utoipa::path(get, path = "/api/v1/internal/search/progress", tag = "search", security(("operator" = [])),
    responses((status = 200, description = "Asked now.", body = IndexProgress)))]
async fn get_index_progress(
    State(service): State<Arc<Search>>,
    CallOf(call): CallOf,
    NoQuery: NoQuery,
) -> HttpResult<Json<IndexProgress>> {
    call.require_operator()?;
    let caught_up = service.caught_up().await.map_err(ApiError::from)?;
    Ok(Json(IndexProgress { caught_up, progress: service.progress() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_become_a_request() {
        let params = SearchParams {
            q: "heist".to_owned(),
            content_type: "movie,tv_show".to_owned(),
            genre: " drama, ,crime ".to_owned(),
            year_from: Some(1990),
            ..SearchParams::default()
        };
        let request = params.request().unwrap();
        assert_eq!(request.filters.genres, ["drama", "crime"]);
        assert_eq!(request.filters.content_types, [ContentType::Movie, ContentType::TvShow]);
        assert_eq!(request.filters.year_range, Some(YearRange { from: Some(1990), to: None }));
        assert_eq!((request.page, request.page_size), (1, 20));
        assert_eq!(request.sort, SortOrder::Relevance);
        let newest = SearchParams { sort: Some("newest".to_owned()), ..SearchParams::default() };
        assert_eq!(newest.request().unwrap().sort, SortOrder::Newest);
        let bad = SearchParams { sort: Some("hot".to_owned()), ..SearchParams::default() }.request().unwrap_err();
        assert_eq!((&*bad.code, &*bad.fields[0].field), ("unknown_sort", "sort"));
        let bad = SearchParams { content_type: "game".to_owned(), ..SearchParams::default() };
        assert_eq!(bad.request().unwrap_err().code, "unknown_content_type");
        assert_eq!(SearchParams::default().request().unwrap().filters, SearchFilters::default());
    }
}
