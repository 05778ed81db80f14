//! What people search for by name these days: counts of titles that say nothing of anybody.
//!
//! A title is counted when it is the first result of a search whose whole query is its name, once a day for each who
//! asks: an account, else the network a request came from. Neither the words nor who asked are kept, only how often, a
//! title and hour; that somebody was counted today is a number in memory, drawn with a salt of that day. What was counted counts half after a day: exponential decay as of
//! G. Cormode, V. Shkapenyuk, D. Srivastava and B. Xu, "Forward Decay: A Practical Time Decay Model for Streaming
//! Systems", ICDE 2009.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use contracts::{
    Call, Caller, Content, ContentId, MAX_BATCH, Region, Result, Rng, SearchFilters, SearchRequest, SearchResponse,
    Subject,
};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::{
    Search,
    conditions::conditions,
    service::within,
    store::{self, Searched},
    text::fold,
};

/// How far back counts are looked at and kept.
pub(crate) const WINDOW_HOURS: i64 = 72;
/// After so many hours a search counts half.
const HALF_LIFE_HOURS: f64 = 24.0;
/// A title that was searched for less often is not shown: it could be one person, who counts once on each of the four
/// days that the window touches at most.
const FEWEST: u64 = 5;
/// The most pairs of somebody and a title that are remembered of a day; who comes later is not counted.
const MAX_SEEN: usize = 100_000;
/// The most titles that are ranked.
const MOST: usize = 500;
/// The most counts that wait to be written.
const MAX_PENDING: usize = 5_000;
/// How often counts are written.
const WRITE_EVERY: Duration = Duration::from_secs(5);
/// How often titles are ranked anew.
const RANK_EVERY: SignedDuration = SignedDuration::from_mins(5);

/// What was counted and is not written yet, and what is shown.
#[derive(Default)]
pub(crate) struct Trending {
    pending: Mutex<HashMap<(i64, ContentId), u64>>,
    seen: Mutex<Seen>,
    /// `None` until they were ranked for the first time.
    shown: RwLock<Option<Arc<Vec<ContentId>>>>,
}

/// Who was counted today, for which title: none of it can be read back.
#[derive(Default)]
struct Seen {
    day: i64,
    salt: [u8; 32],
    pairs: HashSet<u64>,
}

impl Seen {
    /// Whether `who` is new to this title today.
    fn is_new(&mut self, who: &str, id: ContentId, now: Timestamp, rng: &Rng) -> bool {
        let day = hour(now).div_euclid(24);
        if self.day != day {
            *self = Self { day, salt: rng.bytes(), pairs: HashSet::new() };
        }
        let mut digest = Sha256::new_with_prefix(self.salt);
        digest.update(id.0.as_bytes());
        digest.update(who);
        let mut first = [0; 8];
        first.copy_from_slice(&digest.finalize()[..8]);
        self.pairs.len() < MAX_SEEN && self.pairs.insert(u64::from_le_bytes(first))
    }
}

/// Whom a search counts for; `None` for the node itself. All who can't be told apart are one.
fn searcher(call: &Call) -> Option<String> {
    match &call.caller {
        Caller::System => None,
        Caller::Operator => Some("operator".to_owned()),
        Caller::Identified(identity) => Some(match &identity.subject {
            Subject::User(id) => format!("user {id}"),
            Subject::Service(id) => format!("service {id}"),
        }),
        Caller::Anonymous => Some(call.origin.map_or_else(String::new, |origin| format!("origin {origin}"))),
    }
}

impl Trending {
    /// Counts a search, if it was for a title by its name, this is its first page, and whoever asks was not counted for
    /// this title today.
    pub(crate) fn count(
        &self,
        call: &Call,
        request: &SearchRequest,
        response: &SearchResponse,
        now: Timestamp,
        rng: &Rng,
    ) {
        let Some(first) = response.results.first().filter(|_| request.page == 1) else { return };
        let Some(who) = searcher(call).filter(|_| is_called(&first.content, &fold(&request.query))) else { return };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.is_new(&who, first.content.id, now, rng) {
            drop(seen);
            self.add(Searched { hour: hour(now), id: first.content.id, searches: 1 });
        }
    }

    fn add(&self, searched: Searched) {
        let mut pending = self.pending();
        let there = pending.len() < MAX_PENDING || pending.contains_key(&(searched.hour, searched.id));
        if there {
            *pending.entry((searched.hour, searched.id)).or_default() += searched.searches;
        }
    }

    fn take(&self) -> Vec<Searched> {
        let pending = std::mem::take(&mut *self.pending());
        pending.into_iter().map(|((hour, id), searches)| Searched { hour, id, searches }).collect()
    }

    /// The titles, the most searched for first.
    pub(crate) fn shown(&self) -> Arc<Vec<ContentId>> {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default()
    }

    /// Whether they were ranked yet.
    pub(crate) fn is_ranked(&self) -> bool {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn show(&self, titles: Vec<ContentId>) {
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(titles));
    }

    fn pending(&self) -> MutexGuard<'_, HashMap<(i64, ContentId), u64>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_called(content: &Content, name: &str) -> bool {
    let names = content.original_title.iter().chain(content.translations.iter().map(|translated| &translated.title));
    !name.is_empty() && std::iter::once(&content.title).chain(names).any(|title| fold(title) == name)
}

fn hour(now: Timestamp) -> i64 {
    now.as_second().div_euclid(3_600)
}

/// (pure) The titles that were searched for often enough, by their decayed counts.
fn ranked(counts: &[Searched], now: i64) -> Vec<ContentId> {
    let mut titles: HashMap<ContentId, (u64, f64)> = HashMap::new();
    for count in counts {
        let (searches, score) = titles.entry(count.id).or_default();
        *searches += count.searches;
        *score += count.searches as f64 * 0.5_f64.powf((now - count.hour).max(0) as f64 / HALF_LIFE_HOURS);
    }
    let mut titles: Vec<(ContentId, f64)> = titles
        .into_iter()
        .filter(|(_, (searches, _))| *searches >= FEWEST)
        .map(|(id, (_, score))| (id, score))
        .collect();
    titles.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    titles.truncate(MOST);
    titles.into_iter().map(|(id, _)| id).collect()
}

impl Search {
    /// As [`contracts::SearchApi::trending`].
    pub(crate) async fn trending_titles(
        &self,
        call: &Call,
        region: Option<Region>,
        limit: usize,
    ) -> Result<Vec<Content>> {
        let ids = self.trending_ids(call, region, limit).await?;
        let titles = self.titles(call, &ids).await?;
        Ok(ids.iter().filter_map(|id| titles.iter().find(|title| title.id == *id)).cloned().collect())
    }

    pub(crate) async fn trending_ids(
        &self,
        call: &Call,
        region: Option<Region>,
        limit: usize,
    ) -> Result<Vec<ContentId>> {
        let (shown, snapshot) = (self.trending.shown(), self.keyword().snapshot());
        if shown.is_empty() {
            return Ok(Vec::new());
        }
        let limit = limit.min(MAX_BATCH);
        let suits = conditions(&SearchFilters::default(), region).suiting(call);
        let here = self.blocking("ranking what is searched for", move || {
            let there = snapshot.passing(&shown, &suits)?;
            Ok(shown.iter().filter(|id| there.contains(id)).take(limit).copied().collect())
        });
        Ok(within(self.budget(call)?, here).await?)
    }

    /// Writes what was counted and ranks what was written, until told to stop; then once more.
    pub(crate) async fn keep_trending(&self, stop: &CancellationToken) {
        let mut ranked_at = None;
        while !stop.is_cancelled() {
            self.write_counts().await;
            let now = self.clock.now();
            if ranked_at.is_none_or(|at| now.duration_since(at) >= RANK_EVERY) {
                match store::since(&self.events, hour(now) - WINDOW_HOURS).await {
                    Ok(counts) => {
                        self.trending.show(ranked(&counts, hour(now)));
                        ranked_at = Some(now);
                    }
                    Err(error) => tracing::warn!(%error, "what is searched for can't be read; it tries again"),
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(WRITE_EVERY) => {}
            }
        }
        self.write_counts().await;
    }

    async fn write_counts(&self) {
        let counts = self.trending.take();
        if counts.is_empty() {
            return;
        }
        let oldest = hour(self.clock.now()) - WINDOW_HOURS;
        if let Err(error) = store::add(&self.events, &counts, oldest).await {
            tracing::warn!(%error, "what is searched for can't be written; it tries again");
            counts.into_iter().for_each(|count| self.trending.add(count));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{film, id};

    fn searched(hour: i64, number: u128, searches: u64) -> Searched {
        Searched { hour, id: id(number), searches }
    }

    #[test]
    fn what_is_searched_for_now_comes_before_what_was() {
        let counts = [searched(100, 1, 40), searched(172, 2, 12), searched(171, 2, 3), searched(148, 3, 20)];
        assert_eq!(ranked(&counts, 172), [id(2), id(3), id(1)]);
        assert_eq!(ranked(&counts, 100), [id(1), id(3), id(2)], "a clock that was set back");
    }

    #[test]
    fn what_few_searched_for_is_not_shown() {
        assert_eq!(
            ranked(&[searched(5, 1, 4), searched(5, 2, 5), searched(4, 3, 3), searched(5, 3, 2)], 5),
            [id(2), id(3)]
        );
        assert!(ranked(&[], 5).is_empty());
    }

    #[test]
    fn a_title_is_named_by_any_of_its_names() {
        let mut amelie = film(8, "Amélie", 2001, &[], &[], "");
        amelie.original_title = Some("Le Fabuleux Destin d'Amélie Poulain".to_owned());
        for name in ["amelie", "AMÉLIE", "le fabuleux destin d'amelie poulain"] {
            assert!(is_called(&amelie, &fold(name)), "{name}");
        }
        for other in ["", "!", "amelie 2001", "films like amelie"] {
            assert!(!is_called(&amelie, &fold(other)), "{other}");
        }
    }

    #[test]
    fn nobody_counts_twice_a_day() {
        let (mut seen, rng, noon) = (Seen::default(), testkit::rng(), testkit::start());
        let day = |days: i64| noon + SignedDuration::from_hours(24 * days);
        assert!(seen.is_new("origin 1", id(1), noon, &rng) && !seen.is_new("origin 1", id(1), noon, &rng));
        assert!(seen.is_new("origin 2", id(1), noon, &rng) && seen.is_new("origin 1", id(2), noon, &rng));
        let before = seen.pairs.clone();
        let counted = (1..=3).filter(|days| seen.is_new("origin 1", id(1), day(*days), &rng)).count();
        assert!((counted as u64 + 1) < FEWEST, "one person is too few, whenever they ask within the window");
        assert!(seen.pairs.is_disjoint(&before), "another day, another salt");
        assert!(
            (0..MAX_SEEN + 50).filter(|who| seen.is_new(&who.to_string(), id(3), day(9), &rng)).count() <= MAX_SEEN
        );
        assert_eq!(seen.pairs.len(), MAX_SEEN);
    }

    #[test]
    fn who_asks_is_told_apart_as_far_as_can_be() {
        let anonymous = testkit::call();
        let from = |origin| searcher(&Call { origin: Some(origin), ..anonymous.clone() });
        assert!(from(1) == from(1) && from(1) != from(2) && from(1) != searcher(&anonymous));
        assert_eq!(searcher(&anonymous), searcher(&anonymous), "all whom nobody knows are one");
        assert_eq!(searcher(&Call { caller: Caller::System, ..anonymous }), None);
    }

    #[test]
    fn what_waits_is_bounded() {
        let trending = Trending::default();
        (0..6_000).for_each(|number| trending.add(searched(1, number, 1)));
        trending.add(searched(1, 0, 1));
        let taken = trending.take();
        assert_eq!(taken.len(), MAX_PENDING);
        assert_eq!(taken.iter().find(|count| count.id == id(0)).unwrap().searches, 2);
        assert!(trending.take().is_empty());
    }
}
