//! Titles like one, and rows of titles: what is found without a question.

use std::{collections::HashMap, sync::Arc};

use contracts::{
    ApiError, Call, ContentId, DiscoverRow, MAX_BATCH, ParsedIntent, Region, Result, SearchFilters, SearchRequest,
    SimilarResponse, TitleCard,
};

use crate::{
    Search, SearchError,
    conditions::conditions,
    derived::Derived,
    discover::{self, Items, ROW_LENGTH, Row, SHORTEST_ROW},
    keyword::{Demand, Snapshot, TitleDoc},
    ordered,
    query::{Plan, QueryKind},
    rank::Fused,
    service::{named_once, within},
};

impl Search {
    /// As [`contracts::SearchApi::similar`]: the same sources and fusion as a query that names one example.
    pub(crate) async fn titles_like(
        &self,
        call: &Call,
        id: ContentId,
        region: Option<Region>,
        limit: usize,
    ) -> Result<SimilarResponse> {
        let unknown = || ApiError::not_found("unknown_content", format!("the catalogue has no title {id}"));
        let seed = self.titles(call, &[id]).await?.pop().ok_or_else(unknown)?;
        let said = ParsedIntent { like: vec![seed.title.clone()], ..ParsedIntent::default() };
        let plan = Plan { like: vec![TitleDoc::of(&seed)], ..Plan::of(QueryKind::Like, said) };
        let plan = plan.narrowed(&SearchFilters::default(), region).suiting(call);
        let mut found = self.find(&plan, self.keyword().snapshot(), self.budget(call)?).await?;
        found.fused.truncate(limit);
        let results = self.page(call, &plan, &found.fused).await?;
        let degraded = named_once(found.degraded.into_iter().chain(self.unfilled()));
        Ok(SimilarResponse { content_id: id, results, degraded })
    }

    /// As [`contracts::SearchApi::discover`]. Rows that have become too short are left out.
    pub(crate) async fn filled_rows(&self, call: &Call, region: Option<Region>) -> Result<Vec<DiscoverRow>> {
        let (derived, snapshot, caller) = (self.derived(), self.keyword().snapshot(), call.clone());
        let rows = self.blocking("making rows", move || {
            // Where nobody offers anything, all there is is shown, but for the rows of services.
            let offered = match region {
                Some(region) => snapshot.has_tag(&format!("region:{region}"))?,
                None => true,
            };
            let there = region.filter(|_| offered);
            let counts = snapshot.counts(&conditions(&SearchFilters::default(), there).suiting(&caller))?;
            let mut rows = discover::rows(&derived.shelves, &counts, there);
            rows.retain(|row| offered || row.search.filters.platforms.is_empty());
            let filled = rows.into_iter().map(|row| Ok((ids_of(&row, &caller, &snapshot, &derived)?, row)));
            Ok((filled.collect::<Result<Vec<_>, SearchError>>()?, there))
        });
        let (mut rows, there) = within(self.budget(call)?, rows).await?;
        let trending = self.trending_ids(call, there, ROW_LENGTH).await?;
        if trending.len() >= SHORTEST_ROW {
            rows.insert(0, (trending.clone(), discover::trending(trending, there)));
        }
        let mut ids: Vec<ContentId> = rows.iter().flat_map(|(ids, _)| ids.iter().copied()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.truncate(MAX_BATCH);
        let titles = self.titles(call, &ids).await?;
        let cards: HashMap<_, _> = titles.iter().map(|title| (title.id, TitleCard::of(title, region))).collect();
        let filled = rows.into_iter().map(|(ids, row)| DiscoverRow {
            id: row.id,
            title: row.title,
            reason: row.reason,
            about: row.about,
            search: row.search,
            items: ids.iter().filter_map(|id| cards.get(id)).cloned().collect(),
        });
        Ok(filled.filter(|row| row.items.len() >= SHORTEST_ROW).collect())
    }
}

fn ids_of(row: &Row, call: &Call, snapshot: &Snapshot, derived: &Arc<Derived>) -> Result<Vec<ContentId>, SearchError> {
    let ids = |hits: Vec<Fused>| hits.into_iter().map(|hit| hit.content_id).collect();
    Ok(match &row.items {
        Items::These(ids) => ids.clone(),
        Items::Popular(conditions) => {
            let conditions = conditions.clone().suiting(call);
            snapshot.popular(&conditions, ROW_LENGTH)?.hits.into_iter().map(|hit| hit.content_id).collect()
        }
        Items::Added(most) => {
            let SearchRequest { filters, region, .. } = &row.search;
            let rank = ordered::recently_added(derived, &filters.platforms, *region);
            let all = Demand { conditions: vec![conditions(filters, *region).suiting(call)], ..Demand::default() };
            ids(snapshot.ordered(&all, rank, *most)?.hits)
        }
    })
}
