//! The catalogue over HTTP.

mod images;
mod offers;
mod reviews;
mod seasons;

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use contracts::{
    ApiError, AvailabilityType, Call, CatalogApi, Content, ContentId, ContentType, ExternalId, GenreCount, ListQuery,
    MAX_BATCH, Offer, Platform, Region, platforms,
};
use futures::{StreamExt as _, stream};
use http_api::{
    ApiJson, ApiPath, ApiQuery, CallOf, Cursors, HttpResult, OperatorOf, Page, Problems, entity, json_entity,
    page_limit,
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema, openapi::OpenApi};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{Catalog, service::hand_over};

/// The most titles of one `POST /api/v1/content/batch`.
const MAX_IDS: usize = 100;

/// The catalogue's routes.
pub fn routes(service: Arc<Catalog>) -> OpenApiRouter {
    router().with_state(service)
}

/// The documentation of the routes, for a gateway that reaches them in another process.
pub fn api() -> OpenApi {
    router().into_openapi()
}

fn router() -> OpenApiRouter<Arc<Catalog>> {
    OpenApiRouter::new()
        .routes(routes!(get_content))
        .routes(routes!(batch_get_content))
        .routes(routes!(get_availability))
        .routes(routes!(list_movies))
        .routes(routes!(list_tv_shows))
        .routes(routes!(lookup_content))
        .routes(routes!(list_platforms))
        .routes(routes!(list_platform_catalog))
        .routes(routes!(list_genres))
        .routes(routes!(list_movie_genres))
        .routes(routes!(list_tv_genres))
        .routes(routes!(export_catalog))
        .merge(images::router())
        .merge(offers::router())
        .merge(reviews::router())
        .merge(seasons::router())
}

/// One title.
///
/// In the language of `Accept-Language`, or the nearest we have. Answers 304 to an `If-None-Match` with its ETag.
#[utoipa::path(get, path = "/api/v1/content/{id}", tag = "content",
    params(("id" = ContentId, Path, description = "The title's id.")),
    responses((status = 200, body = Content), (status = 304, description = "Not modified."), Problems))]
async fn get_content(
    State(catalog): State<Arc<Catalog>>,
    CallOf(call): CallOf,
    ApiPath(id): ApiPath<ContentId>,
    headers: HeaderMap,
) -> HttpResult<Response> {
    let mut found = catalog.content_json(&call, id).await?;
    // What became part of another title is found there.
    if found.is_none()
        && let Some(into) = catalog.current(id).await?
    {
        found = catalog.content_json(&call, into).await?;
    }
    let body = found.ok_or_else(|| no_title(id))?;
    Ok(entity(&headers, body, "application/json"))
}

/// The titles to get.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BatchRequest {
    /// Their ids, at most 100.
    #[schema(min_items = 1, max_items = 100)]
    ids: Vec<ContentId>,
}

/// The titles that were found, and the ids that were not.
#[derive(Serialize, ToSchema)]
struct BatchResponse {
    /// In the order asked.
    items: Vec<Content>,
    /// In the order asked.
    missing: Vec<ContentId>,
}

/// Several titles at once.
#[utoipa::path(post, path = "/api/v1/content/batch", tag = "content", request_body = BatchRequest,
    responses((status = 200, body = BatchResponse), Problems))]
async fn batch_get_content(
    State(catalog): State<Arc<Catalog>>,
    CallOf(call): CallOf,
    ApiJson(request): ApiJson<BatchRequest>,
) -> HttpResult<Json<BatchResponse>> {
    let count = request.ids.len();
    if !(1..=MAX_IDS).contains(&count) {
        let detail = format!("`ids` has {count} entries, and a batch has 1 to {MAX_IDS}");
        let error = ApiError::invalid("bad_batch", detail).field("ids", format!("must have 1 to {MAX_IDS} entries"));
        return Err(error.into());
    }
    let mut found = catalog.found(&call, &request.ids).await?;
    let missing = request.ids.iter().copied().filter(|id| !found.contains_key(id)).collect();
    let items = hand_over(&mut found, &request.ids).into_iter().flatten().collect();
    Ok(Json(BatchResponse { items, missing }))
}

/// Where to look for offers.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AvailabilityQuery {
    /// Only offers in this region: an ISO 3166-1 alpha-2 or alpha-3 code.
    region: Option<Region>,
}

/// Where a title can be watched.
#[derive(Serialize, ToSchema)]
struct Availability {
    /// The title.
    content_id: ContentId,
    /// The region asked for; absent for all.
    region: Option<Region>,
    /// The offers.
    offers: Vec<Offer>,
}

/// Where a title can be watched.
#[utoipa::path(get, path = "/api/v1/content/{id}/availability", tag = "content",
    params(("id" = ContentId, Path, description = "The title's id."), AvailabilityQuery),
    responses((status = 200, body = Availability), (status = 304, description = "Not modified."), Problems))]
async fn get_availability(
    State(catalog): State<Arc<Catalog>>,
    CallOf(call): CallOf,
    ApiPath(id): ApiPath<ContentId>,
    ApiQuery(query): ApiQuery<AvailabilityQuery>,
    headers: HeaderMap,
) -> HttpResult<Response> {
    let content = catalog.titles(&call, &[id]).await?.pop().ok_or_else(|| no_title(id))?;
    let mut offers = content.availability;
    offers.retain(|offer| query.region.is_none_or(|region| offer.region == region));
    json_entity(&headers, &Availability { content_id: content.id, region: query.region, offers })
}

/// Which page of a list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PageQuery {
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many titles, from 1 to 100; 20 where not given.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// Only titles that suit this age, from 0 to 21: certified for it in `region`, or where there is no certificate
    /// there, by every other. Titles without any are left out.
    #[param(minimum = 0, maximum = 21)]
    age_appropriate: Option<u16>,
    /// Whose certificates count: an ISO 3166-1 alpha-2 or alpha-3 code. Needs `age_appropriate`.
    region: Option<Region>,
}

/// All films.
#[utoipa::path(get, path = "/api/v1/content/movies", tag = "content", params(PageQuery),
    responses((status = 200, body = Page<Content>), (status = 304, description = "Not modified."), Problems))]
async fn list_movies(
    State(catalog): State<Arc<Catalog>>,
    CallOf(call): CallOf,
    cursors: Cursors,
    ApiQuery(query): ApiQuery<PageQuery>,
    headers: HeaderMap,
) -> HttpResult<Response> {
    let list = ListQuery { content_type: Some(ContentType::Movie), ..ListQuery::default() };
    page(&catalog, &call, &cursors, &headers, "movies", list, query).await
}

/// All series.
#[utoipa::path(get, path = "/api/v1/content/tv", tag = "content", params(PageQuery),
    responses((status = 200, body = Page<Content>), (status = 304, description = "Not modified."), Problems))]
async fn list_tv_shows(
    State(catalog): State<Arc<Catalog>>,
    CallOf(call): CallOf,
    cursors: Cursors,
    ApiQuery(query): ApiQuery<PageQuery>,
    headers: HeaderMap,
) -> HttpResult<Response> {
    let list = ListQuery { content_type: Some(ContentType::TvShow), ..ListQuery::default() };
    page(&catalog, &call, &cursors, &headers, "tv", list, query).await
}

/// Someone else's id of a title.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LookupQuery {
    /// Whose id: `imdb`, `eidr`, `tmdb_movie`, `tmdb_tv`, `gracenote`, `wikidata`, `wikipedia`, or a platform's own.
    #[param(max_length = 50)]
    id_type: String,
    /// The id.
    #[param(max_length = 255)]
    id_value: String,
}

/// The title that has an id elsewhere.
#[utoipa::path(get, path = "/api/v1/content/lookup", tag = "content", params(LookupQuery),
    responses((status = 200, body = Content), (status = 304, description = "Not modified."), Problems))]
async fn lookup_content(
    State(catalog): State<Arc<Catalog>>,
    CallOf(call): CallOf,
    ApiQuery(query): ApiQuery<LookupQuery>,
    headers: HeaderMap,
) -> HttpResult<Response> {
    for (field, text, most) in [("id_type", &query.id_type, 50), ("id_value", &query.id_value, 255)] {
        if text.is_empty() || text.len() > most || text.contains('\0') {
            let error = ApiError::invalid("bad_id", format!("`{field}` must have 1 to {most} characters"));
            return Err(error.field(field, format!("must have 1 to {most} characters")).into());
        }
    }
    let id = ExternalId { id_type: query.id_type, id_value: query.id_value };
    let found = catalog.resolve(&call, &id).await?;
    let found = found.ok_or_else(|| ApiError::not_found("unknown_id", "no title of the catalogue has this id"))?;
    json_entity(&headers, &found)
}

/// Which platforms.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PlatformQuery {
    /// Only those in this region: an ISO 3166-1 alpha-2 or alpha-3 code.
    region: Option<Region>,
    /// Only those that the catalogue has titles for.
    #[serde(default)]
    with_titles: bool,
}

/// A streaming service of the directory.
#[derive(Serialize, ToSchema)]
#[schema(as = Platform)]
struct Listed {
    /// Its id: `netflix`.
    id: String,
    /// Its name: `Netflix`.
    name: String,
    /// Its home page; empty where we know only that titles are there.
    home_url: String,
    /// Who else names the domain of the home page as the service's, such as `yt_dlp` or `v2fly`; absent where it is from
    /// general knowledge.
    home_url_source: Option<String>,
    /// On which terms it offers titles, from general knowledge; empty where not known.
    offers: Vec<AvailabilityType>,
    /// Those of them that an offer was seen on at `source`.
    offers_seen: Vec<AvailabilityType>,
    /// The address of its own search, with `{title}` where the words go; absent where its scheme is not known.
    #[schema(example = "https://www.netflix.com/search?q={title}")]
    search_template: Option<String>,
    /// Where it can be watched; empty where not known.
    regions: Vec<Region>,
    /// How many titles the catalogue knows there.
    title_count: u64,
    /// Who says so: `tmdb`, or `catalogue` for one that only our sources name.
    source: String,
    /// When it was read there.
    #[schema(value_type = Option<String>, format = Date)]
    read_on: Option<Date>,
    /// The providers that are believed of its offers, the first of them first; where one has told nothing for a day, the next.
    source_chain: Vec<String>,
}

/// The streaming services, by id.
#[utoipa::path(get, path = "/api/v1/platforms", tag = "platforms", params(PlatformQuery),
    responses((status = 200, body = Page<Listed>), Problems))]
async fn list_platforms(
    State(catalog): State<Arc<Catalog>>,
    CallOf(call): CallOf,
    ApiQuery(query): ApiQuery<PlatformQuery>,
    headers: HeaderMap,
) -> HttpResult<Response> {
    let ours = catalog.directory(&call).await?.platforms;
    let count = |id: &str| ours.iter().find(|own| own.id == id).map_or(0, |own| own.title_count);
    let mut items: Vec<_> = platforms::all().iter().map(|service| listed(service, count(service.id))).collect();
    items.extend(ours.iter().filter(|own| platforms::find(&own.id).is_none()).cloned().map(only_ours));
    items.retain(|one| query.region.is_none_or(|region| one.regions.contains(&region)));
    items.retain(|one| !query.with_titles || one.title_count > 0);
    items.sort_by(|a, b| a.id.cmp(&b.id));
    json_entity(&headers, &Page { items, next_cursor: None })
}

fn listed(service: &platforms::Service, title_count: u64) -> Listed {
    Listed {
        id: service.id.to_owned(),
        name: service.name.to_owned(),
        home_url: service.home_url.to_owned(),
        home_url_source: service.home_source.map(str::to_owned),
        offers: service.kinds.clone(),
        offers_seen: service.kinds_seen.clone(),
        search_template: service.search_template.map(str::to_owned),
        regions: service.regions.clone(),
        title_count,
        source: service.source.to_owned(),
        read_on: Some(service.read_on),
        source_chain: chain(service.id),
    }
}

fn chain(id: &str) -> Vec<String> {
    platforms::chain(id).iter().map(|provider| (*provider).to_owned()).collect()
}

/// A platform that only our sources name.
fn only_ours(own: Platform) -> Listed {
    let Platform { id, name, home_url, title_count } = own;
    let source_chain = chain(&id);
    Listed {
        id,
        name,
        home_url,
        home_url_source: None,
        offers: Vec::new(),
        offers_seen: Vec::new(),
        search_template: None,
        regions: Vec::new(),
        title_count,
        source: "catalogue".to_owned(),
        read_on: None,
        source_chain,
    }
}

/// The titles of one platform.
#[utoipa::path(get, path = "/api/v1/platforms/{id}/catalog", tag = "platforms",
    params(("id" = String, Path, description = "The platform's id, such as `netflix`."), PageQuery),
    responses((status = 200, body = Page<Content>), (status = 304, description = "Not modified."), Problems))]
async fn list_platform_catalog(
    State(catalog): State<Arc<Catalog>>,
    CallOf(call): CallOf,
    cursors: Cursors,
    ApiPath(id): ApiPath<String>,
    ApiQuery(query): ApiQuery<PageQuery>,
    headers: HeaderMap,
) -> HttpResult<Response> {
    let known = platforms::find(&id).is_some()
        || catalog.counts(None).await?.platforms.iter().any(|platform| platform.id == id);
    if !known {
        let error = ApiError::not_found("unknown_platform", "the catalogue knows no platform with this id");
        return Err(error.into());
    }
    let scope = format!("platform:{id}");
    let list = ListQuery { platform: Some(id), ..ListQuery::default() };
    page(&catalog, &call, &cursors, &headers, &scope, list, query).await
}

/// No parameters: whatever is given is unknown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// The genres that the catalogue has titles for.
#[utoipa::path(get, path = "/api/v1/genres", tag = "genres",
    responses((status = 200, body = Page<GenreCount>), Problems))]
async fn list_genres(
    State(catalog): State<Arc<Catalog>>,
    CallOf(call): CallOf,
    ApiQuery(Nothing {}): ApiQuery<Nothing>,
    headers: HeaderMap,
) -> HttpResult<Response> {
    genres(&catalog, &call, &headers, |_| true).await
}

/// The genres that the catalogue has films for.
#[utoipa::path(get, path = "/api/v1/genres/movies", tag = "genres",
    responses((status = 200, body = Page<GenreCount>), Problems))]
async fn list_movie_genres(
    State(catalog): State<Arc<Catalog>>,
    CallOf(call): CallOf,
    ApiQuery(Nothing {}): ApiQuery<Nothing>,
    headers: HeaderMap,
) -> HttpResult<Response> {
    genres(&catalog, &call, &headers, |genre| genre.movie_count > 0).await
}

/// The genres that the catalogue has series for.
#[utoipa::path(get, path = "/api/v1/genres/tv", tag = "genres",
    responses((status = 200, body = Page<GenreCount>), Problems))]
async fn list_tv_genres(
    State(catalog): State<Arc<Catalog>>,
    CallOf(call): CallOf,
    ApiQuery(Nothing {}): ApiQuery<Nothing>,
    headers: HeaderMap,
) -> HttpResult<Response> {
    genres(&catalog, &call, &headers, |genre| genre.tv_show_count > 0).await
}

async fn genres(
    catalog: &Catalog,
    call: &Call,
    headers: &HeaderMap,
    keep: fn(&GenreCount) -> bool,
) -> HttpResult<Response> {
    let mut items = catalog.directory(call).await?.genres;
    items.retain(keep);
    json_entity(headers, &Page { items, next_cursor: None })
}

/// One page of a list: one title more than asked tells whether there is a next.
async fn page(
    catalog: &Catalog,
    call: &Call,
    cursors: &Cursors,
    headers: &HeaderMap,
    scope: &str,
    mut list: ListQuery,
    query: PageQuery,
) -> HttpResult<Response> {
    let limit = page_limit(query.limit)? as usize;
    let scope = &age(scope, &query)?;
    (list.max_age, list.region) = (query.age_appropriate, query.region);
    list.after = query.cursor.map(|cursor| cursors.verify(scope, &cursor)).transpose()?;
    list.limit = limit + 1;
    let items = catalog.list(call, &list).await?;
    json_entity(headers, &Page::cut(items, limit, (cursors, scope), |last| last.id)?)
}

/// The scope of a list's cursors: a cursor of one age is of no use in the list of another.
fn age(scope: &str, query: &PageQuery) -> Result<String, ApiError> {
    match (query.age_appropriate, query.region) {
        (None, None) => Ok(scope.to_owned()),
        (None, Some(_)) => Err(ApiError::invalid("region_without_age", "`region` says whose certificates count")
            .field("region", "needs `age_appropriate`")),
        (Some(age), _) if age > 21 => Err(ApiError::invalid("bad_age", format!("{age} is no age of a certificate"))
            .field("age_appropriate", "must be from 0 to 21")),
        (Some(age), region) => Ok(format!("{scope}:{age}:{}", region.map(|code| code.to_string()).unwrap_or_default())),
    }
}

/// The whole catalogue, one title a line, in an order and form that can be compared.
///
/// Without our own ids and the times at which we did something. An answer that breaks off is not whole.
#[utoipa::path(get, path = "/api/v1/internal/catalog/export", tag = "content", security(("operator" = [])),
    responses((status = 200, description = "JSON Lines.", content_type = "application/x-ndjson", body = String), Problems))]
async fn export_catalog(State(catalog): State<Arc<Catalog>>, OperatorOf(call): OperatorOf) -> HttpResult<Response> {
    let mut order = catalog.export_order().await?.into_iter();
    let parts = std::iter::from_fn(move || {
        let part: Vec<_> = order.by_ref().take(MAX_BATCH).collect();
        (!part.is_empty()).then_some(part)
    });
    let lines = stream::iter(parts).then(move |part| {
        let (catalog, call) = (Arc::clone(&catalog), call.clone());
        async move { catalog.export_lines(&call, &part).await }
    });
    let mut response = Response::new(Body::from_stream(lines));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    Ok(response)
}

/// The title that an id means now: its own, or the one that it became part of.
async fn current(catalog: &Catalog, call: &Call, id: ContentId) -> contracts::Result<ContentId> {
    catalog.shown(call, id).await?.ok_or_else(|| no_title(id))
}

fn no_title(id: ContentId) -> ApiError {
    ApiError::not_found("unknown_content", format!("the catalogue has no title {id}"))
}
