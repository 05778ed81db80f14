//! The ranking of a search: asks the sources together and fuses what they find.

use std::{collections::HashSet, time::Duration};

use contracts::{Call, ContentId, Degraded, Result, Scored, SearchRequest};

use crate::{
    Search, SearchError,
    evidence::{keep_evident, put_first},
    keyword::Snapshot,
    query::{Plan, QueryKind},
    rank::{
        self, Fused, Judged, List, Source,
        rerank::{DEPTH, features, rerank},
        story::Story,
    },
    service::{no_model, within},
    validate::validate,
};

/// How many times deeper the sources look for a long question: its answer lies deep in each, and what is remembered
/// lifts it.
const STORY_DEPTH: usize = 3;

/// What the sources found together.
pub(crate) struct Found {
    /// Each source's own order.
    pub lists: Vec<List>,
    pub fused: Vec<Fused>,
    /// How many there are; more than are fused where a source had more to give.
    pub total: u64,
    pub degraded: Vec<Degraded>,
    /// What the re-ranker saw.
    pub judged: Vec<Judged>,
}

/// A search's order, and that of each source alone: what an evaluation compares.
#[derive(Clone, Debug)]
pub struct Ranked {
    /// Each source's own order, best first; a source that was not asked or found nothing may be missing.
    pub lists: Vec<List>,
    /// The fused order, as [`contracts::SearchApi::search`] gives it page by page.
    pub fused: Vec<Fused>,
    /// Sources that could not answer.
    pub degraded: Vec<Degraded>,
    /// What the re-ranker of long questions saw of the first titles, in the order of fusion: its weights are fitted on this.
    pub judged: Vec<Judged>,
}

impl Search {
    /// The order in which [`contracts::SearchApi::search`] answers, before it is cut into pages. The page that is asked
    /// for plays no part.
    ///
    /// # Errors
    /// As [`contracts::SearchApi::search`].
    pub async fn ranked(&self, call: &Call, request: &SearchRequest) -> Result<Ranked> {
        validate(request)?;
        let budget = self.budget(call)?;
        let snapshot = self.keyword().snapshot();
        let (plan, unheard) = self.plan(request, snapshot.clone(), budget).await?;
        let Found { lists, fused, mut degraded, judged, .. } = match plan.kind {
            QueryKind::Browse => self.browse(&plan, snapshot, self.config.depth, budget).await?,
            _ => self.find(&plan, snapshot, budget).await?,
        };
        degraded.extend(unheard);
        Ok(Ranked { lists, fused, degraded, judged })
    }

    /// Asks the sources together and fuses what they find. One that fails or is late is left out and named.
    pub(crate) async fn find(&self, plan: &Plan, snapshot: Snapshot, budget: Duration) -> Result<Found> {
        let named = (plan.name.clone(), plan.filter.clone());
        let depth = self.config.depth * if plan.keyword.told.is_some() { STORY_DEPTH } else { 1 };
        let keyword = {
            let (snapshot, query, filter) = (snapshot.clone(), plan.keyword.clone(), plan.filter.clone());
            self.blocking("searching by keyword", move || {
                let exact = snapshot.called(&named.0, &named.1)?;
                Ok((snapshot.search(&query, &filter, depth)?, exact))
            })
        };
        let counted = snapshot.clone();
        let seeds: Vec<ContentId> = plan.like.iter().map(|title| title.id).collect();
        let graph = self.near(snapshot.clone(), seeds, plan.keyword.people.clone(), plan.filter.clone(), depth);
        let (keyword, vector, graph) = tokio::join!(
            within(budget, keyword),
            within(budget, self.by_meaning(plan, snapshot.clone(), depth)),
            within(budget, graph)
        );
        let complete = self.complete(plan, counted, budget).await?;
        let mut answers = Answers::default();
        let (keyword, named) = match keyword {
            Ok((hits, named)) => (Ok(hits), named),
            Err(error) => (Err(error), Vec::new()),
        };
        answers.add(Source::Keyword, keyword);
        answers.add(Source::Vector, vector);
        answers.add(Source::Graph, graph);
        answers.require_one()?;
        let examples = |id: &ContentId| plan.like.iter().any(|title| title.id == *id);
        let fusion = match (plan.kind, &plan.keyword.told) {
            (QueryKind::Like, _) => self.fusion().by_example(),
            (_, Some(_)) => self.fusion().by_story(),
            (_, None) => self.fusion(),
        };
        let mut fused = rank::fuse(&answers.lists, &fusion);
        fused.retain(|title| !examples(&title.content_id));
        if !plan.keyword.story && plan.kind != QueryKind::Like {
            // A story is searched to the end of the list: what it remembers may be told in other words.
            let hits = |list: &List| list.source == Source::Keyword && !list.hits.is_empty();
            keep_evident(&mut fused, answers.lists.iter().any(hits));
        }
        let mut judged = Vec::new();
        if let Some(story) = plan.keyword.told.clone().filter(|_| fusion.story.evidence > 0.0) {
            let farthest = answers.farthest();
            judged = self.remember(story, snapshot, &mut fused, fusion.story.evidence, farthest).await;
        }
        if let Some(complete) = complete {
            put_first(&mut fused, &complete);
        }
        rank::lift_named(&mut fused, &named);
        let cut = |list: &List| list.source != Source::Vector && list.hits.len() >= self.config.depth;
        let more = u64::from(answers.lists.iter().any(cut));
        let (lists, degraded) = (answers.lists, answers.degraded);
        Ok(Found { total: fused.len() as u64 + more, lists, fused, degraded, judged })
    }

    /// The titles that have all that the query names; `None` when it names one thing at most.
    async fn complete(
        &self,
        plan: &Plan,
        snapshot: Snapshot,
        budget: Duration,
    ) -> Result<Option<HashSet<ContentId>>, SearchError> {
        let wanted = plan.named.clone();
        if wanted.len() < 2 {
            return Ok(None);
        }
        let intersect = self.blocking("comparing what was named", move || {
            let mut sets = wanted.iter().map(|one| snapshot.matching(one)).collect::<Result<Vec<_>, _>>()?;
            let mut all = sets.pop().unwrap_or_default();
            all.retain(|id| sets.iter().all(|set| set.contains(id)));
            Ok(Some(all))
        });
        within(budget, intersect).await
    }

    /// Puts forward what a long question's time, and people's memory, speak for, and looks at the first titles once more;
    /// says what it saw of them. `farthest` is the least similarity that was found. Without the index the order stays.
    async fn remember(
        &self,
        story: Story,
        snapshot: Snapshot,
        fused: &mut [Fused],
        weight: f64,
        farthest: f64,
    ) -> Vec<Judged> {
        let ids: Vec<ContentId> = fused.iter().map(|title| title.content_id).collect();
        let before = snapshot.clone();
        let told = match self.blocking("weighing what is remembered", move || before.told(&ids)).await {
            Ok(told) => told,
            Err(error) => {
                tracing::warn!(%error, "what is told of titles can't be read: time and memory don't count");
                return Vec::new();
            }
        };
        let of = |id: &ContentId| told.get(id).copied().unwrap_or_default();
        rank::add_evidence(fused, weight, |id| story.evidence(&of(id)));
        let first: Vec<ContentId> = fused.iter().take(DEPTH).map(|title| title.content_id).collect();
        let asked = story.clone();
        let fits = match self.blocking("looking at the first titles", move || snapshot.fit(&asked, &first)).await {
            Ok(fits) => fits,
            Err(error) => {
                tracing::warn!(%error, "the postings of the first titles can't be read: they stay as they are");
                return Vec::new();
            }
        };
        let judge = |(title, place): (&Fused, usize)| {
            let fit = fits.get(&title.content_id).copied().unwrap_or_default();
            let features = features(title.vector.max(farthest), &fit, &story, &of(&title.content_id), place);
            Judged { content_id: title.content_id, features }
        };
        let judged: Vec<Judged> = fused.iter().zip(1..=DEPTH).map(judge).collect();
        rerank(fused, &judged);
        judged
    }

    async fn by_meaning(&self, plan: &Plan, snapshot: Snapshot, depth: usize) -> Result<Vec<Scored>, SearchError> {
        if plan.meaning.is_none() && plan.like.is_empty() {
            return Ok(Vec::new());
        }
        let meaning = self.meaning().ok_or_else(no_model)?;
        let Some(point) = meaning.point(plan.meaning.as_deref(), &plan.like).await? else { return Ok(Vec::new()) };
        let hits = meaning.index.search(&point, depth, &plan.filter.filter).await?;
        self.only_passing(hits, snapshot, &plan.filter).await
    }
}

/// The sources' lists, and which of them are missing.
#[derive(Default)]
struct Answers {
    lists: Vec<List>,
    degraded: Vec<Degraded>,
    failure: Option<SearchError>,
}

impl Answers {
    fn add(&mut self, source: Source, answer: Result<Vec<Scored>, SearchError>) {
        match answer {
            Ok(hits) => self.lists.push(List { source, hits }),
            Err(error) => {
                metrics::counter!("search_source_failures_total", "source" => source.as_str()).increment(1);
                let reason = match &error {
                    SearchError::Catalog(error) => error.detail.clone(),
                    other => {
                        tracing::warn!(source = source.as_str(), error = %other, "a source of results failed");
                        "it can't answer at the moment".to_owned()
                    }
                };
                self.degraded.push(Degraded { source: source.as_str().to_owned(), reason });
                self.failure = Some(error);
            }
        }
    }

    /// The least similarity that the vectors found: what they did not find is no nearer.
    fn farthest(&self) -> f64 {
        let vectors = self.lists.iter().find(|list| list.source == Source::Vector);
        vectors.and_then(|list| list.hits.last()).map_or(0.0, |hit| hit.score)
    }

    /// An answer needs the words or the meaning: the graph alone knows nothing of what was typed.
    fn require_one(&mut self) -> Result<()> {
        match self.failure.take() {
            Some(error) if self.lists.iter().all(|list| list.source == Source::Graph) => Err(error.into()),
            _ => Ok(()),
        }
    }
}
