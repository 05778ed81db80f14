//! The ranking of a search: asks the sources together and fuses what they find.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use contracts::{Call, ContentId, Degraded, Result, Scored, SearchRequest};

use crate::{
    Search, SearchError,
    conditions::Conditions,
    evidence::{keep_evident, keep_nearest, put_first},
    keyword::{Asked, Demand, Snapshot},
    query::{Plan, QueryKind},
    rank::{
        self, Fused, Judged, List, Source,
        rerank::{DEPTH, features, rerank},
        story::Story,
    },
    service::{no_model, within},
    validate::validate,
    vector::Meaning,
};

/// How many times deeper the sources look for a long question: its answer lies deep in each, and what is remembered
/// lifts it.
const STORY_DEPTH: usize = 3;
/// The share of the sources' time that a second look at a long question's titles has at least, where they took it all.
const SECOND_LOOK_SHARE: f64 = 0.1;

/// What the sources found together.
#[derive(Default)]
pub(crate) struct Found {
    /// Each source's own order.
    pub lists: Vec<List>,
    pub fused: Vec<Fused>,
    /// How many there are; more than are fused where a source had more to give.
    pub total: u64,
    /// What all of them have, where they are a part of a list that was not ranked.
    pub demand: Option<Demand>,
    /// What the words find, where that is more than was ranked.
    pub more: Option<Asked>,
    pub degraded: Vec<Degraded>,
    /// What the re-ranker saw.
    pub judged: Vec<Judged>,
}

/// What is said of titles beside the sources' lists.
struct Called {
    /// Titles that are called what was typed.
    named: Vec<Scored>,
    /// Titles that have all that was named, where several things were.
    complete: Option<HashSet<ContentId>>,
    /// The nearest in meaning without the filters of the request, where it has any.
    nearest: Option<Vec<Scored>>,
}

/// What is near in meaning, and what is so without the filters of the request, where it has any.
#[derive(Default)]
struct Meant {
    hits: Vec<Scored>,
    of_all: Option<Vec<Scored>>,
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
        let plan = self.plan(request, snapshot.suiting(call), budget).await?.suiting(call);
        let Found { lists, fused, mut degraded, judged, .. } =
            self.found(&plan, request, snapshot, self.config.depth, budget).await?;
        degraded.extend(plan.lacking);
        Ok(Ranked { lists, fused, degraded, judged })
    }

    /// Asks the sources together and fuses what they find. One that fails or is late is left out and named.
    pub(crate) async fn find(&self, plan: &Plan, snapshot: Snapshot, budget: Duration) -> Result<Found> {
        let started = Instant::now();
        let (mut answers, Called { named, complete, nearest }) = self.ask(plan, &snapshot, budget).await;
        answers.require_one()?;
        let examples = |id: &ContentId| plan.like.iter().any(|title| title.id == *id);
        let fusion = match (plan.kind, &plan.keyword.told) {
            (QueryKind::Like, _) => self.fusion().by_example(),
            (_, Some(_)) => self.fusion().by_story(),
            (_, None) => self.fusion(),
        };
        let mut fused = rank::fuse(&answers.lists, &fusion);
        fused.retain(|title| !examples(&title.content_id));
        if let Some(nearest) = &nearest {
            keep_nearest(&mut fused, nearest);
        }
        if !plan.keyword.story && plan.kind != QueryKind::Like {
            // A story is searched to the end of the list: what it remembers may be told in other words.
            let best = nearest.as_deref().or(answers.hits(Source::Vector)).and_then(|hits| hits.first());
            let best = best.map_or(0.0, |hit| hit.score);
            let left = budget.saturating_sub(started.elapsed());
            let known = self.words_known(plan, answers.hits(Source::Keyword), &snapshot, left).await;
            let known = known.unwrap_or_else(|error| {
                answers.degraded.push(left_out(Source::Keyword.as_str(), &error));
                false
            });
            keep_evident(&mut fused, best, known);
        }
        let cut = answers.hits(Source::Keyword).is_some_and(|hits| hits.len() >= self.depth(plan));
        let more = cut.then(|| all_words(plan));
        let mut judged = Vec::new();
        if let Some(story) = plan.keyword.told.clone().filter(|_| fusion.story.evidence > 0.0) {
            let left = budget.saturating_sub(started.elapsed()).max(budget.mul_f64(SECOND_LOOK_SHARE));
            let look = self.remember(story, snapshot, &mut fused, fusion.story.evidence, answers.farthest());
            match within(left, look).await {
                Ok(seen) => judged = seen,
                Err(error) => answers.degraded.push(left_out(Source::Keyword.as_str(), &error)),
            }
        }
        if let Some(complete) = complete {
            put_first(&mut fused, &complete);
        }
        rank::lift_named(&mut fused, &named);
        // What is near ends where it is far, or where a filter leaves no more of the nearest of all.
        let endless = nearest.is_none() && fused.len() >= self.config.depth;
        let cut = |list: &List| list.hits.len() >= self.config.depth && (list.source != Source::Vector || endless);
        let total = fused.len() as u64 + u64::from(answers.lists.iter().any(cut));
        let (lists, degraded) = (answers.lists, answers.degraded);
        Ok(Found { lists, fused, total, demand: None, more, degraded, judged })
    }

    /// How many titles each source brings in.
    fn depth(&self, plan: &Plan) -> usize {
        self.config.depth * if plan.keyword.told.is_some() { STORY_DEPTH } else { 1 }
    }

    /// Whether any title holds a word of the query, whatever the filters of the request; `hits` are those that pass them.
    async fn words_known(
        &self,
        plan: &Plan,
        hits: Option<&[Scored]>,
        snapshot: &Snapshot,
        left: Duration,
    ) -> Result<bool, SearchError> {
        match (hits, &plan.scope) {
            (Some([]), Some(scope)) => {
                let asked = Asked { query: plan.keyword.clone(), conditions: scope.clone() };
                let snapshot = snapshot.clone();
                let found = self.blocking("looking for the words", move || snapshot.finds(&asked));
                within(left, found).await
            }
            (hits, _) => Ok(hits.is_some_and(|hits| !hits.is_empty())),
        }
    }

    /// Asks every source at once, each within `budget`.
    async fn ask(&self, plan: &Plan, snapshot: &Snapshot, budget: Duration) -> (Answers, Called) {
        let depth = self.depth(plan);
        let keyword = {
            let (snapshot, query, filter) = (snapshot.clone(), plan.keyword.clone(), plan.filter.clone());
            let name = plan.name.clone();
            self.blocking("searching by keyword", move || {
                let exact = snapshot.called(&name, &filter)?;
                Ok((snapshot.search(&query, &filter, depth)?, exact))
            })
        };
        let (keyword, vector, graph, complete) = tokio::join!(
            within(budget, keyword),
            within(budget, self.by_meaning(plan, snapshot.clone(), depth)),
            within(budget, self.by_graph(plan, snapshot.clone(), depth)),
            within(budget, self.complete(plan, snapshot.clone()))
        );
        let mut answers = Answers::default();
        let (keyword, named) = match keyword {
            Ok((hits, named)) => (Ok(hits), named),
            Err(error) => (Err(error), Vec::new()),
        };
        let (vector, nearest) = match vector {
            Ok(Meant { hits, of_all }) => (Ok(hits), of_all),
            Err(error) => (Err(error), None),
        };
        answers.add(Source::Keyword, keyword);
        answers.add(Source::Vector, vector);
        answers.add(Source::Graph, graph);
        let complete = complete.unwrap_or_else(|error| {
            answers.degraded.push(left_out(Source::Keyword.as_str(), &error));
            None
        });
        (answers, Called { named, complete, nearest })
    }

    /// The titles that have all that the query names; `None` when it names one thing at most.
    async fn complete(&self, plan: &Plan, snapshot: Snapshot) -> Result<Option<HashSet<ContentId>>, SearchError> {
        if plan.named.len() < 2 {
            return Ok(None);
        }
        let named = Demand { conditions: plan.named.clone(), ..Demand::default() };
        Ok(Some(self.blocking("comparing what was named", move || snapshot.having(&named)).await?))
    }

    /// Puts forward what a long question's time, and people's memory, speak for, and looks at the first titles once more;
    /// says what it saw of them. `farthest` is the least similarity that was found. Where that fails or is cut off the
    /// order stays as far as it came.
    async fn remember(
        &self,
        story: Story,
        snapshot: Snapshot,
        fused: &mut [Fused],
        weight: f64,
        farthest: f64,
    ) -> Result<Vec<Judged>, SearchError> {
        let ids: Vec<ContentId> = fused.iter().map(|title| title.content_id).collect();
        let before = snapshot.clone();
        let told = self.blocking("weighing what is remembered", move || before.told(&ids)).await?;
        let of = |id: &ContentId| told.get(id).copied().unwrap_or_default();
        rank::add_evidence(fused, weight, |id| story.evidence(&of(id)));
        let first: Vec<ContentId> = fused.iter().take(DEPTH).map(|title| title.content_id).collect();
        let asked = story.clone();
        let fits = self.blocking("looking at the first titles", move || snapshot.fit(&asked, &first)).await?;
        let judge = |(title, place): (&Fused, usize)| {
            let fit = fits.get(&title.content_id).copied().unwrap_or_default();
            let features = features(title.vector.max(farthest), &fit, &story, &of(&title.content_id), place);
            Judged { content_id: title.content_id, features }
        };
        let judged: Vec<Judged> = fused.iter().zip(1..=DEPTH).map(judge).collect();
        rerank(fused, &judged);
        Ok(judged)
    }

    async fn by_meaning(&self, plan: &Plan, snapshot: Snapshot, depth: usize) -> Result<Meant, SearchError> {
        if plan.meaning.is_none() && plan.like.is_empty() {
            return Ok(Meant::default());
        }
        let meaning = self.meaning().ok_or_else(no_model)?;
        let Some(point) = meaning.point(plan.meaning.as_deref(), &plan.like).await? else {
            return Ok(Meant::default());
        };
        let hits = self.nearest_to(meaning, &point, &plan.filter, snapshot.clone(), depth);
        let Some(scope) = &plan.scope else { return Ok(Meant { hits: hits.await?, of_all: None }) };
        let (hits, of_all) = tokio::try_join!(hits, self.nearest_to(meaning, &point, scope, snapshot, depth))?;
        Ok(Meant { hits, of_all: Some(of_all) })
    }

    async fn nearest_to(
        &self,
        meaning: &Meaning,
        point: &[f32],
        conditions: &Conditions,
        snapshot: Snapshot,
        depth: usize,
    ) -> Result<Vec<Scored>, SearchError> {
        let hits = meaning.index.search(point, depth, &conditions.filter).await?;
        self.passing(hits, snapshot, conditions.beyond_tags()).await
    }

    /// What is near in the graph without the filters of the request, and passes them.
    async fn by_graph(&self, plan: &Plan, snapshot: Snapshot, depth: usize) -> Result<Vec<Scored>, SearchError> {
        let seeds: Vec<ContentId> = plan.like.iter().map(|title| title.id).collect();
        let (people, filter) = (plan.keyword.people.clone(), plan.filter.clone());
        let Some(scope) = plan.scope.clone() else { return self.near(snapshot, seeds, people, filter, depth).await };
        let near = self.near(snapshot.clone(), seeds, people, scope, depth).await?;
        self.passing(near, snapshot, filter).await
    }
}

/// All that the words of a plan find; an example is none of it.
fn all_words(plan: &Plan) -> Asked {
    let mut conditions = plan.filter.clone();
    conditions.none.ids.extend(plan.like.iter().map(|title| title.id.to_string()));
    Asked { query: plan.keyword.clone(), conditions }
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
                self.degraded.push(left_out(source.as_str(), &error));
                self.failure = Some(error);
            }
        }
    }

    /// What a source found; `None` where it could not answer.
    fn hits(&self, source: Source) -> Option<&[Scored]> {
        self.lists.iter().find(|list| list.source == source).map(|list| list.hits.as_slice())
    }

    /// The least similarity that the vectors found: what they did not find is no nearer.
    fn farthest(&self) -> f64 {
        self.hits(Source::Vector).and_then(<[Scored]>::last).map_or(0.0, |hit| hit.score)
    }

    /// An answer needs the words or the meaning: the graph alone knows nothing of what was typed.
    fn require_one(&mut self) -> Result<()> {
        match self.failure.take() {
            Some(error) if self.lists.iter().all(|list| list.source == Source::Graph) => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// What the answer says of a part that failed or was late.
pub(crate) fn left_out(source: &'static str, error: &SearchError) -> Degraded {
    metrics::counter!("search_source_failures_total", "source" => source).increment(1);
    let reason = match error {
        SearchError::Catalog(error) => error.detail.clone(),
        other => {
            tracing::warn!(source, error = %other, "a part of the answer failed");
            "it can't answer at the moment".to_owned()
        }
    };
    Degraded { source: source.to_owned(), reason }
}

#[cfg(test)]
mod tests;
