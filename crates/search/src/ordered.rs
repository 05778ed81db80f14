//! What a plan finds, in the order that is asked for: the best match first, or all that has what the query names sorted
//! by one fact of each title.

use std::{collections::HashMap, sync::Arc, time::Duration};

use contracts::{ContentId, Region, Result, SearchRequest, SortOrder};

use crate::{
    Search,
    derived::Derived,
    keyword::{Demand, Ordered, Rank, Snapshot},
    query::{Plan, QueryKind},
    rank::Fused,
    ranked::Found,
    service::within,
};

/// What is like an example, or like what a long question tells, has no words to be held to: so many of the nearest are
/// sorted.
const NEAREST: usize = 100;

impl Search {
    /// What the plan finds; of a list that needs no ranking the first `window`.
    pub(crate) async fn found(
        &self,
        plan: &Plan,
        request: &SearchRequest,
        snapshot: Snapshot,
        window: usize,
        budget: Duration,
    ) -> Result<Found> {
        match (listed(plan, request.sort), plan.kind, request.sort) {
            (Some(_), QueryKind::Browse, SortOrder::Relevance | SortOrder::Popular) => {
                self.browse(plan, snapshot, window, budget).await
            }
            (Some(demand), ..) => {
                let list = self.sorted(demand.clone(), self.rank(request, plan), snapshot, window, budget).await?;
                Ok(Found { fused: list.hits, total: list.total, demand: Some(demand), ..Found::default() })
            }
            (None, _, SortOrder::Relevance) => self.find(plan, snapshot, budget).await,
            (None, ..) => self.nearest(plan, request, snapshot, budget).await,
        }
    }

    /// Sorts the nearest of what the sources find.
    async fn nearest(
        &self,
        plan: &Plan,
        request: &SearchRequest,
        snapshot: Snapshot,
        budget: Duration,
    ) -> Result<Found> {
        let mut found = self.find(plan, snapshot.clone(), budget).await?;
        found.fused.truncate(NEAREST);
        let mut near: HashMap<ContentId, Fused> = found.fused.iter().map(|title| (title.content_id, *title)).collect();
        let these = Demand { ids: near.keys().copied().collect(), ..Demand::default() };
        found.fused = match these.ids.len() {
            0 => Vec::new(),
            many => {
                let list = self.sorted(these, self.rank(request, plan), snapshot, many, budget).await?;
                list.hits.iter().filter_map(|hit| near.remove(&hit.content_id)).collect()
            }
        };
        (found.total, found.more) = (found.fused.len() as u64, None);
        Ok(found)
    }

    async fn sorted(
        &self,
        demand: Demand,
        rank: Rank,
        snapshot: Snapshot,
        window: usize,
        budget: Duration,
    ) -> Result<Ordered> {
        let list = self.blocking("sorting", move || snapshot.ordered(&demand, rank, window));
        Ok(within(budget, list).await?)
    }

    /// What a title's place depends on before its popularity.
    fn rank(&self, request: &SearchRequest, plan: &Plan) -> Rank {
        match request.sort {
            SortOrder::Relevance | SortOrder::Popular => Rank::Popular,
            SortOrder::Newest => Rank::Newest,
            SortOrder::RecentlyAdded => {
                let asked: Vec<String> =
                    request.filters.platforms.iter().chain(&plan.parsed.platforms).cloned().collect();
                recently_added(&self.derived(), &asked, request.region)
            }
            SortOrder::Trending => {
                let places: HashMap<ContentId, u64> = self.trending.shown().iter().rev().copied().zip(1..).collect();
                Rank::By(Arc::new(move |id| places.get(id).copied().unwrap_or(0)))
            }
        }
    }
}

/// What all that the plan finds have, where it is a list that needs no ranking.
pub(crate) fn listed(plan: &Plan, sort: SortOrder) -> Option<Demand> {
    match (plan.kind, sort) {
        (QueryKind::Browse, SortOrder::Relevance | SortOrder::Popular) => {
            Some(Demand { conditions: vec![plan.filter.clone()], ..Demand::default() })
        }
        (_, SortOrder::Relevance) | (QueryKind::Like, _) => None,
        _ => (!plan.keyword.story).then(|| plan.demand()),
    }
}

/// By the date on which one of these services (any where there are none) added a title in this region.
pub(crate) fn recently_added(derived: &Arc<Derived>, platforms: &[String], region: Option<Region>) -> Rank {
    let (derived, platforms) = (Arc::clone(derived), platforms.to_vec());
    Rank::By(Arc::new(move |id| derived.shelves.added.last(id, &platforms, region)))
}
