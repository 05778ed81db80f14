//! The use-cases: a search, a search by vector, a search by graph.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use contracts::{
    ApiError, Call, Content, ContentId, Degraded, DiscoverRow, ErrorKind, MAX_PAGE_SIZE, MAX_RESULT_WINDOW,
    MAX_SUGGESTIONS, Region, Result, Scored, SearchApi, SearchFilters, SearchRequest, SearchResponse, SearchResult,
    SimilarResponse, Suggestion, VectorQuery,
};

use crate::{
    Search, SearchError,
    answers::{ANSWERS_FOR, ROWS_FOR},
    conditions::{Conditions, conditions},
    heard::unheard,
    keyword::{Demand, Popular, Snapshot},
    query::{self, Named, Plan, QueryKind},
    rank::{Fused, Source},
    ranked::{Found, left_out},
    reasons::{english, reasons},
    suggest::KEPT,
    text::fold,
    validate::{validate, validate_filters, validate_known, validate_limit, validate_query, validate_up_to},
};

/// The most seeds of a search by graph.
const MAX_SEEDS: usize = 100;
/// The share of the time left that the sources may take; the rest is for fetching the page.
const SOURCES_SHARE: f64 = 0.8;
/// The share of the sources' time that reading the query may take, beside what a language model takes of it.
const READING_SHARE: f64 = 0.5;

#[async_trait]
impl SearchApi for Search {
    async fn search(&self, call: &Call, request: &SearchRequest) -> Result<SearchResponse> {
        let started = Instant::now();
        let mut response = self.answered(call, request).await?;
        self.trending.count(call, request, &response, self.clock.now(), &self.rng);
        let elapsed = started.elapsed();
        metrics::histogram!("search_duration_seconds").record(elapsed.as_secs_f64());
        response.search_time_ms = elapsed.as_secs_f64() * 1000.0;
        Ok(response)
    }

    async fn vector_search(&self, call: &Call, query: &VectorQuery) -> Result<Vec<Scored>> {
        validate_filters(&query.filters)?;
        validate_limit(query.limit)?;
        let meaning = self.meaning().ok_or_else(no_model)?;
        let filter = conditions(&query.filters, query.region).suiting(call);
        let search = async {
            let hits = meaning.index.search(&query.embedding, query.limit, &filter.filter).await?;
            self.passing(hits, self.keyword().snapshot(), filter.beyond_tags()).await
        };
        Ok(within(self.budget(call)?, search).await?)
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
        let (seeds, filter) = (seeds.to_vec(), conditions(filters, region).suiting(call));
        let near = self.near(self.keyword().snapshot(), seeds, Vec::new(), filter, limit);
        Ok(within(self.budget(call)?, near).await?)
    }

    async fn similar(
        &self,
        call: &Call,
        id: ContentId,
        region: Option<Region>,
        limit: usize,
    ) -> Result<SimilarResponse> {
        validate_up_to(limit, MAX_PAGE_SIZE as usize)?;
        self.titles_like(call, id, region, limit).await
    }

    async fn autocomplete(&self, call: &Call, prefix: &str, limit: usize) -> Result<Vec<Suggestion>> {
        validate_query(prefix)?;
        validate_up_to(limit, MAX_SUGGESTIONS)?;
        let (derived, prefix) = (self.derived(), fold(prefix));
        let (snapshot, suits) = (self.keyword().snapshot(), Conditions::default().suiting(call));
        let found = self.blocking("completing a name", move || {
            if suits.is_empty() {
                return Ok(derived.suggester.complete(&prefix, limit));
            }
            let mut found = derived.suggester.complete(&prefix, KEPT);
            let titles: Vec<ContentId> = found.iter().filter_map(|one| one.content_id).collect();
            let passing = snapshot.passing(&titles, &suits)?;
            found.retain(|one| one.content_id.is_none_or(|id| passing.contains(&id)));
            found.truncate(limit);
            Ok(found)
        });
        Ok(within(self.budget(call)?, found).await?)
    }

    async fn discover(&self, call: &Call, region: Option<Region>) -> Result<Vec<DiscoverRow>> {
        let place = self.place(call, "discover", &format!("{region:?} {:?}", self.trending.shown()));
        if let Some(place) = &place
            && let Some(rows) = self.kept(place).await
        {
            return Ok(rows);
        }
        let rows = self.filled_rows(call, region).await?;
        if let Some(place) = place {
            self.keep(place, &rows, ROWS_FOR).await;
        }
        Ok(rows)
    }

    async fn trending(&self, call: &Call, region: Option<Region>, limit: usize) -> Result<Vec<Content>> {
        validate_up_to(limit, MAX_PAGE_SIZE as usize)?;
        self.trending_titles(call, region, limit).await
    }
}

impl Search {
    /// Answers a search, from what is kept where it is.
    pub(crate) async fn answered(&self, call: &Call, request: &SearchRequest) -> Result<SearchResponse> {
        validate(request)?;
        let place = if self.is_personal(call) { None } else { self.place_of(call, request) };
        if let Some(place) = &place
            && let Some(kept) = self.kept::<SearchResponse>(place).await
        {
            return Ok(kept);
        }
        let response = self.answer(call, request).await?;
        if let Some(place) = place.filter(|_| self.lacks_nothing(&response.degraded)) {
            self.keep(place, &response, ANSWERS_FOR).await;
        }
        Ok(response)
    }

    /// Answers a search that is not kept.
    async fn answer(&self, call: &Call, request: &SearchRequest) -> Result<SearchResponse> {
        let snapshot = self.keyword().snapshot();
        let plan = self.plan(request, snapshot.suiting(call), self.budget(call)?).await?.suiting(call);
        metrics::counter!("search_queries_total", "query_type" => plan.kind.as_str()).increment(1);
        let counted = snapshot.clone();
        let budget = self.budget(call)?;
        // What is weighed anew has to be whole first.
        let last = if self.is_personal(call) { MAX_RESULT_WINDOW } else { request.page * request.page_size };
        let mut found = self.found(&plan, request, snapshot, last as usize, budget).await?;
        // Who asks for an order gets it.
        let unweighed = if request.sort.is_relevance() { self.weigh(call, &mut found.fused).await } else { None };
        let (results, (facets, mut uncounted), fitting) = tokio::try_join!(
            self.page(call, &plan, window(&found.fused, request)),
            async { Ok(self.facets(call, request, &plan, &found, counted.clone()).await) },
            async { Ok(self.fitting(call, request, &plan, &found, counted.clone()).await) }
        )?;
        let fitting_count = fitting.unwrap_or_else(|error| {
            uncounted.push(left_out("facets", &error));
            None
        });
        Ok(SearchResponse {
            results,
            total_count: found.total.min(u64::from(MAX_RESULT_WINDOW)),
            total_count_is_capped: found.total > u64::from(MAX_RESULT_WINDOW),
            fitting_count,
            page: request.page,
            page_size: request.page_size,
            query_parsed: plan.parsed,
            parsed_by: plan.parsed_by,
            degraded: named_once(
                plan.lacking.into_iter().chain(found.degraded).chain(self.unfilled()).chain(unweighed).chain(uncounted),
            ),
            facets,
            search_time_ms: 0.0,
        })
    }

    /// How long each source may take.
    pub(crate) fn budget(&self, call: &Call) -> Result<Duration> {
        Ok(call.remaining(&self.clock)?.mul_f64(SOURCES_SHARE).min(self.config.source_timeout))
    }

    /// Reads the query with the names that `snapshot` knows ([`Snapshot::suiting`]); what is found is for nobody in
    /// particular ([`Plan::suiting`]).
    pub(crate) async fn plan(&self, request: &SearchRequest, snapshot: Snapshot, budget: Duration) -> Result<Plan> {
        let mut lacking = Vec::new();
        let said = self.heard(request, budget).await.unwrap_or_else(|reason| {
            lacking.push(unheard(reason));
            None
        });
        let (asked, year) = (request.clone(), self.this_year());
        let plan = self.blocking("reading a query", move || {
            // An index that is still empty knows no platforms either.
            if snapshot.len() > 0 {
                validate_known(&asked.filters, |tag| snapshot.has_tag(tag))?;
            }
            query::plan(&asked, said.as_ref(), &snapshot, year)
        });
        let plan = match within(budget.mul_f64(READING_SHARE), plan).await {
            Ok(plan) => plan,
            Err(SearchError::Catalog(error)) if error.kind == ErrorKind::InvalidArgument => return Err(error),
            Err(error) => {
                let left_out = left_out(Source::Keyword.as_str(), &error);
                lacking.push(left_out);
                query::unread(request).ok_or(error)?
            }
        };
        lacking.extend(plan.doubt.map(unheard));
        if self.intents.is_some() {
            metrics::counter!("search_queries_read_total", "by" => plan.parsed_by.as_str()).increment(1);
        }
        Ok(Plan { lacking, ..plan })
    }

    pub(crate) fn this_year(&self) -> u16 {
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
        let demand = Some(Demand { conditions: vec![plan.filter.clone()], ..Demand::default() });
        Ok(Found { fused, total, demand, ..Found::default() })
    }

    pub(crate) async fn near(
        &self,
        snapshot: Snapshot,
        seeds: Vec<ContentId>,
        names: Vec<Named>,
        filter: Conditions,
        limit: usize,
    ) -> Result<Vec<Scored>, SearchError> {
        if seeds.is_empty() && names.is_empty() {
            return Ok(Vec::new());
        }
        let derived = self.derived();
        self.blocking("searching the graph", move || {
            derived.graph.near(&seeds, &names, limit, |some| match filter.is_empty() {
                true => Ok(()),
                false => keep_passing(some, &snapshot, &filter),
            })
        })
        .await
    }

    /// Those of the hits that pass; where nothing has to, all of them, without waiting for a turn.
    pub(crate) async fn passing(
        &self,
        mut hits: Vec<Scored>,
        snapshot: Snapshot,
        filter: Conditions,
    ) -> Result<Vec<Scored>, SearchError> {
        if hits.is_empty() || filter.is_empty() {
            return Ok(hits);
        }
        self.blocking("filtering", move || keep_passing(&mut hits, &snapshot, &filter).map(|()| hits)).await
    }

    /// How many titles have all that is asked for, where anything is to be counted and a title has that or has it not:
    /// nobody can say so of what is like an example or a told story, or where the origin of some titles is not known.
    async fn fitting(
        &self,
        call: &Call,
        request: &SearchRequest,
        plan: &Plan,
        found: &Found,
        snapshot: Snapshot,
    ) -> Result<Option<u64>, SearchError> {
        if found.demand.is_some() {
            return Ok(Some(found.total));
        }
        let anywhere = plan.parsed.languages.is_empty() && plan.parsed.countries.is_empty();
        if request.facets.is_empty() || plan.kind == QueryKind::Like || plan.keyword.story || !anywhere {
            return Ok(None);
        }
        let demand = plan.demand();
        let counting = self.blocking("counting what fits", move || snapshot.count_of_all(&demand));
        within(self.budget(call)?, counting).await.map(Some)
    }

    /// The titles of the page, in one call of the catalogue. One that is gone meanwhile is left out.
    pub(crate) async fn page(&self, call: &Call, plan: &Plan, page: &[Fused]) -> Result<Vec<SearchResult>> {
        let ids: Vec<ContentId> = page.iter().map(|title| title.content_id).collect();
        let mut titles = self.titles(call, &ids).await?;
        let mut results = Vec::with_capacity(page.len());
        for fused in page {
            if let Some(place) = titles.iter().position(|title| title.id == fused.content_id) {
                results.push(result(titles.swap_remove(place), plan, fused));
            }
        }
        Ok(results)
    }

    /// Titles from the catalogue, within the call's time.
    pub(crate) async fn titles(&self, call: &Call, ids: &[ContentId]) -> Result<Vec<Content>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        tokio::time::timeout(call.remaining(&self.clock)?, self.catalog.titles(call, ids)).await.map_err(|_| late())?
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

/// Drops what does not pass.
fn keep_passing(hits: &mut Vec<Scored>, snapshot: &Snapshot, filter: &Conditions) -> Result<(), SearchError> {
    let ids: Vec<ContentId> = hits.iter().map(|hit| hit.content_id).collect();
    let passing = snapshot.passing(&ids, filter)?;
    hits.retain(|hit| passing.contains(&hit.content_id));
    Ok(())
}

/// What the page that is asked for holds; nothing far past the end.
fn window<'a>(fused: &'a [Fused], request: &SearchRequest) -> &'a [Fused] {
    let from = ((request.page - 1) * request.page_size) as usize;
    let rest = fused.get(from..).unwrap_or_default();
    &rest[..rest.len().min(request.page_size as usize)]
}

fn result(content: Content, plan: &Plan, fused: &Fused) -> SearchResult {
    let reasons = reasons(&content, plan, fused);
    SearchResult {
        match_reasons: reasons.iter().map(english).collect(),
        reasons,
        content,
        relevance_score: fused.score,
        vector_similarity: fused.vector,
        graph_score: fused.graph,
        keyword_score: fused.keyword,
    }
}

/// Each source once, with the first reason that was given.
pub(crate) fn named_once(all: impl Iterator<Item = Degraded>) -> Vec<Degraded> {
    let mut named: Vec<Degraded> = Vec::new();
    for one in all {
        if !named.iter().any(|known| known.source == one.source) {
            named.push(one);
        }
    }
    named
}

pub(crate) async fn within<T>(
    budget: Duration,
    work: impl Future<Output = Result<T, SearchError>>,
) -> Result<T, SearchError> {
    tokio::time::timeout(budget, work).await.map_err(|_| late())?
}

fn late() -> ApiError {
    ApiError::new(ErrorKind::DeadlineExceeded, "deadline_exceeded", "it did not answer in time")
}

pub(crate) fn no_model() -> ApiError {
    ApiError::unavailable("no_embedding_model", "there is no embedding model: searching by keyword and graph")
}
