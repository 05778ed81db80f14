//! The use-cases: a search, a search by vector, a search by graph.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use contracts::{
    ApiError, Call, Content, ContentId, MAX_PAGE_SIZE, MAX_QUERY_CHARS, MAX_RESULT_WINDOW, Region, Result, Scored,
    SearchApi, SearchFilters, SearchRequest, SearchResponse, SearchResult, VectorQuery, genres,
};
use stores::vectors::VectorFilter;

use crate::{
    Search, SearchError,
    keyword::{Popular, Snapshot},
    query::{self, Plan, QueryKind},
    rank::Fused,
    ranked::Found,
    reasons::reasons,
};

/// The most seeds of a search by graph.
const MAX_SEEDS: usize = 100;
/// The most values of one filter, and the longest of them in bytes.
const MAX_FILTER_VALUES: usize = 100;
const MAX_FILTER_BYTES: usize = 100;
/// The share of the time left that the sources may take; the rest is for fetching the page.
const SOURCES_SHARE: f64 = 0.8;

#[async_trait]
impl SearchApi for Search {
    async fn search(&self, call: &Call, request: &SearchRequest) -> Result<SearchResponse> {
        validate(request)?;
        let started = Instant::now();
        let budget = self.budget(call)?;
        let snapshot = self.keyword().snapshot();
        let plan = self.plan(request, snapshot.clone(), budget).await?;
        metrics::counter!("search_queries_total", "query_type" => plan.kind.as_str()).increment(1);
        let found = match plan.kind {
            QueryKind::Browse => {
                self.browse(&plan, snapshot, (request.page * request.page_size) as usize, budget).await?
            }
            _ => self.find(&plan, snapshot, budget).await?,
        };
        let results = self.page(call, request, &plan, &found.fused).await?;
        let elapsed = started.elapsed();
        metrics::histogram!("search_duration_seconds").record(elapsed.as_secs_f64());
        Ok(SearchResponse {
            results,
            total_count: found.total.min(u64::from(MAX_RESULT_WINDOW)),
            page: request.page,
            page_size: request.page_size,
            query_parsed: plan.parsed,
            degraded: found.degraded,
            search_time_ms: elapsed.as_secs_f64() * 1000.0,
        })
    }

    async fn vector_search(&self, call: &Call, query: &VectorQuery) -> Result<Vec<Scored>> {
        validate_filters(&query.filters)?;
        validate_limit(query.limit)?;
        let meaning = self.meaning().ok_or_else(no_model)?;
        let filter = query::conditions(&query.filters, query.region);
        let search = meaning.index.search(&query.embedding, query.limit, &filter);
        let hits = within(self.budget(call)?, async { Ok(search.await?) }).await;
        hits.map_err(ApiError::from)
    }

    async fn graph_search(
        &self,
        call: &Call,
        seeds: &[ContentId],
        filters: &SearchFilters,
        region: Option<Region>,
        limit: usize,
    ) -> Result<Vec<Scored>> {
        validate_filters(filters)?;
        validate_limit(limit)?;
        if seeds.len() > MAX_SEEDS {
            return Err(
                ApiError::invalid("too_many_seeds", format!("at most {MAX_SEEDS} seeds")).field("seeds", "too many")
            );
        }
        let (seeds, filter) = (seeds.to_vec(), query::conditions(filters, region));
        let near = self.near(self.keyword().snapshot(), seeds, Vec::new(), filter, limit);
        Ok(within(self.budget(call)?, near).await?)
    }
}

impl Search {
    /// The first titles that start with `prefix`, at most `limit`, folded, in alphabetical order.
    ///
    /// # Errors
    /// `InvalidArgument` when the prefix is too long; `Unavailable` when the index can't answer.
    pub async fn suggestions(&self, call: &Call, prefix: &str, limit: usize) -> Result<Vec<String>> {
        validate_query(prefix)?;
        let folded = crate::text::fold(prefix);
        if folded.is_empty() {
            return Ok(Vec::new());
        }
        let snapshot = self.keyword().snapshot();
        let limit = limit.min(10);
        let found = self.blocking("completing a title", move || snapshot.completions(&folded, limit));
        Ok(within(self.budget(call)?, found).await?)
    }

    /// How long each source may take.
    pub(crate) fn budget(&self, call: &Call) -> Result<Duration> {
        Ok(call.remaining(&self.clock)?.mul_f64(SOURCES_SHARE).min(self.config.source_timeout))
    }

    pub(crate) async fn plan(&self, request: &SearchRequest, snapshot: Snapshot, budget: Duration) -> Result<Plan> {
        let (request, year) = (request.clone(), self.this_year());
        let plan = self.blocking("reading a query", move || query::plan(&request, &snapshot, year));
        Ok(within(budget, plan).await?)
    }

    fn this_year(&self) -> u16 {
        let now = self.clock.now().to_zoned(jiff::tz::TimeZone::UTC);
        u16::try_from(now.year()).unwrap_or(u16::MAX)
    }

    /// Only conditions: the popular come first.
    pub(crate) async fn browse(
        &self,
        plan: &Plan,
        snapshot: Snapshot,
        window: usize,
        budget: Duration,
    ) -> Result<Found> {
        let filter = plan.filter.clone();
        let popular = self.blocking("browsing", move || snapshot.popular(&filter, window));
        let Popular { hits, total } = within(budget, popular).await?;
        let blank =
            |hit: Scored| Fused { content_id: hit.content_id, score: hit.score, keyword: 0.0, vector: 0.0, graph: 0.0 };
        let fused = hits.into_iter().map(blank).collect();
        Ok(Found { lists: Vec::new(), fused, total, degraded: Vec::new() })
    }

    pub(crate) async fn near(
        &self,
        snapshot: Snapshot,
        seeds: Vec<ContentId>,
        names: Vec<String>,
        filter: VectorFilter,
        limit: usize,
    ) -> Result<Vec<Scored>, SearchError> {
        if seeds.is_empty() && names.is_empty() {
            return Ok(Vec::new());
        }
        let graph = self.graph();
        self.blocking("searching the graph", move || {
            if filter == VectorFilter::default() {
                return Ok(graph.near(&seeds, &names, limit, |_| true));
            }
            let passing = snapshot.matching(&filter)?;
            Ok(graph.near(&seeds, &names, limit, |id| passing.contains(id)))
        })
        .await
    }

    /// The titles of the page, in one call of the catalogue. One that is gone meanwhile is left out.
    async fn page(
        &self,
        call: &Call,
        request: &SearchRequest,
        plan: &Plan,
        fused: &[Fused],
    ) -> Result<Vec<SearchResult>> {
        let skip = ((request.page - 1) * request.page_size) as usize;
        let page: Vec<&Fused> = fused.iter().skip(skip).take(request.page_size as usize).collect();
        if page.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<ContentId> = page.iter().map(|title| title.content_id).collect();
        let titles = tokio::time::timeout(call.remaining(&self.clock)?, self.catalog.titles(call, &ids)).await;
        let mut titles = titles.map_err(|_| late())??;
        let mut results = Vec::with_capacity(page.len());
        for fused in page {
            if let Some(place) = titles.iter().position(|title| title.id == fused.content_id) {
                results.push(result(titles.swap_remove(place), plan, fused));
            }
        }
        Ok(results)
    }

    /// Runs work that blocks on a thread of its own, a bounded number at a time.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce() -> Result<T, SearchError> + Send + 'static,
    ) -> Result<T, SearchError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| SearchError::Worker(what))?;
        let work = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        });
        work.await.map_err(|_| SearchError::Worker(what))?
    }
}

fn result(content: Content, plan: &Plan, fused: &Fused) -> SearchResult {
    SearchResult {
        match_reasons: reasons(&content, plan, fused),
        content,
        relevance_score: fused.score,
        vector_similarity: fused.vector,
        graph_score: fused.graph,
        keyword_score: fused.keyword,
    }
}

pub(crate) async fn within<T>(
    budget: Duration,
    work: impl Future<Output = Result<T, SearchError>>,
) -> Result<T, SearchError> {
    tokio::time::timeout(budget, work).await.map_err(|_| late())?
}

fn late() -> ApiError {
    ApiError::new(contracts::ErrorKind::DeadlineExceeded, "deadline_exceeded", "it did not answer in time")
}

pub(crate) fn no_model() -> ApiError {
    ApiError::unavailable("no_embedding_model", "there is no embedding model: searching by keyword and graph")
}

pub(crate) fn validate(request: &SearchRequest) -> Result<()> {
    validate_query(&request.query)?;
    if request.page == 0 {
        return Err(ApiError::invalid("bad_page", "pages are counted from 1").field("page", "must be at least 1"));
    }
    if request.page_size == 0 || request.page_size > MAX_PAGE_SIZE {
        let must = format!("must be from 1 to {MAX_PAGE_SIZE}");
        return Err(ApiError::invalid("bad_page_size", format!("the page size {must}")).field("page_size", must));
    }
    if request.page.checked_mul(request.page_size).is_none_or(|window| window > MAX_RESULT_WINDOW) {
        let must = format!("page × page_size may not pass {MAX_RESULT_WINDOW}");
        return Err(ApiError::invalid("page_too_far", must.clone()).field("page", must));
    }
    validate_filters(&request.filters)
}

fn validate_query(query: &str) -> Result<()> {
    // Bytes first: counting the characters of a megabyte is work that nobody should have done for them.
    if query.len() > MAX_QUERY_CHARS * 4 || query.chars().count() > MAX_QUERY_CHARS {
        let must = format!("must have at most {MAX_QUERY_CHARS} characters");
        return Err(ApiError::invalid("query_too_long", format!("the query {must}")).field("query", must));
    }
    Ok(())
}

fn validate_filters(filters: &SearchFilters) -> Result<()> {
    for genre in &filters.genres {
        if genres::name(genre).is_none() {
            let detail = format!("no genre is called {:?}", shown(genre));
            return Err(
                ApiError::invalid("unknown_genre", detail).field("filters.genres", "must be ids from /api/v1/genres")
            );
        }
    }
    for (field, values) in [("filters.genres", &filters.genres), ("filters.platforms", &filters.platforms)] {
        if values.len() > MAX_FILTER_VALUES || values.iter().any(|value| value.len() > MAX_FILTER_BYTES) {
            let must = format!("at most {MAX_FILTER_VALUES} values of at most {MAX_FILTER_BYTES} bytes");
            return Err(ApiError::invalid("filter_too_large", format!("a filter takes {must}")).field(field, must));
        }
    }
    if let Some(years) = filters.year_range
        && let (Some(from), Some(to)) = (years.from, years.to)
        && from > to
    {
        let detail = "the first year of the range is after the last";
        return Err(
            ApiError::invalid("bad_year_range", detail).field("filters.year_range.from", "must not be after `to`")
        );
    }
    if filters.content_types.len() > MAX_FILTER_VALUES {
        return Err(ApiError::invalid("filter_too_large", "too many kinds").field("filters.content_types", "too many"));
    }
    Ok(())
}

fn validate_limit(limit: usize) -> Result<()> {
    if (1..=MAX_RESULT_WINDOW as usize).contains(&limit) {
        return Ok(());
    }
    let must = format!("must be from 1 to {MAX_RESULT_WINDOW}");
    Err(ApiError::invalid("bad_limit", format!("the limit {must}")).field("limit", must))
}

/// The start of a value, for an error's sentence.
fn shown(value: &str) -> String {
    value.chars().take(40).collect()
}
