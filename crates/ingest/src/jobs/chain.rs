//! Asks providers about titles of the catalogue: where they can be watched now, and what is still missing of them.
//!
//! Where a title can be watched the providers are asked in their order, until one answers: one that is down costs the
//! freshness of its own offers and nothing else. Then those are asked that gave offers on platforms nobody has spoken of, and
//! the next ones where who gave an offer no longer does.

use std::{collections::BTreeSet, sync::Arc};

use contracts::{Content, ContentId, ListQuery, Region, Result, SourceRecord};
use uuid::Uuid;

use super::{
    store::{self, Hold},
    work::Told,
};
use crate::{
    Adapted, Context, Counts, PlatformAdapter, ProviderError,
    drive::Drive,
    portions::Weighed,
    providers::rank,
    run::{Phase, Progress, UnreadLanguages},
    validate,
};

/// Titles between two notes of how far it came.
const PAGE: usize = 100;

/// What providers are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Where titles can be watched now.
    Offers,
    /// What is missing of titles.
    Facts,
}

/// One provider and the region that it is asked about.
type Link = (Arc<dyn PlatformAdapter>, Region);

/// What came of one title.
#[derive(Default)]
struct Asked {
    told: Vec<Adapted>,
    /// Whether any provider answered, if only that it has no such title.
    answered: bool,
    failed: Option<ProviderError>,
    /// Why what was answered was not taken in.
    turned_away: Vec<String>,
}

impl Drive<'_> {
    /// Walks over the catalogue from `position` on, until its end or until enough titles were asked about. Where nobody
    /// answers any more, what was answered until then is taken in, and the next run goes on behind it: a day's quota may
    /// be less than a page. A run that came no further than the last leaves one title behind: it may be those here that
    /// the providers always fail at, which must not keep all that follow waiting forever.
    pub(super) async fn chain(&self, hold: &Hold, wanted: Wanted, position: Option<String>) -> Result<Option<Told>> {
        let chain = self.links(wanted);
        let (mut counts, mut asked, mut failing) = (Counts::default(), 0, BTreeSet::new());
        let (mut unanswered, mut resumed, mut unread) = (0, position.is_some(), UnreadLanguages::default());
        let mut after: Option<ContentId> = position.and_then(|id| id.parse().ok());
        loop {
            let query = ListQuery { after, limit: PAGE, ..ListQuery::default() };
            let page = self.ingest.catalog.list(&self.call_now(), &query).await?;
            let (mut records, mut answered, mut failure) = (Vec::new(), 0, None);
            for (at, title) in page.iter().enumerate() {
                if self.stop.is_cancelled() {
                    return Ok(None);
                }
                if let Some(found) = self.about(title, wanted, &chain).await {
                    asked += 1;
                    failing.extend(found.failed.as_ref().map(ToString::to_string));
                    failing.extend(found.turned_away);
                    first(&mut failing);
                    unanswered = if found.answered { 0 } else { unanswered + 1 };
                    failure = found.failed.filter(|error| !found.answered && !error.lets_others_go(unanswered));
                    if let Some(error) = &failure {
                        answered += usize::from(resumed && error.is_failure());
                        break;
                    }
                    for Adapted { record, unread_languages } in found.told {
                        unread.note(&unread_languages);
                        records.push(record);
                    }
                }
                if unanswered == 0 {
                    (answered, resumed) = (at + 1, false);
                }
            }
            let seen = if failure.is_some() { answered } else { page.len() };
            counts.rows_read += seen as u64;
            let Some(outcomes) = self.offer(&Weighed::new(records)).await? else { return Ok(None) };
            counts.add(&outcomes);
            (self.on_progress)(&Progress { phase: Phase::Reading, counts, bytes_read: 0, bytes_total: None });
            after = page[..seen].last().map(|last| last.id).or(after);
            // A run that ends at the very first title was there, too.
            if let Some(place) = after.or(failure.is_some().then_some(ContentId(Uuid::nil()))) {
                let mut tx = self.ingest.db.begin().await?;
                let now = self.ingest.clock.now();
                store::walked(&mut tx, hold, Some(&place.to_string()), now, seen).await?;
                tx.commit().await?;
            }
            if let Some(error) = failure {
                return Err(error.into());
            }
            resumed = false;
            let at_end = page.len() < PAGE;
            if at_end || asked >= self.ingest.config.max_asked {
                let summary = and(and(sentence(asked, &counts), unread.told()), failing);
                return Ok(Some(Told { summary, goes_on: !at_end }));
            }
        }
    }

    /// The providers that are asked, in their order.
    fn links(&self, wanted: Wanted) -> Vec<Link> {
        let all = self.ingest.config.providers.values();
        let mut links: Vec<Link> =
            all.filter(|link| wanted == Wanted::Facts || link.0.knows_offers()).cloned().collect();
        links.sort_by_key(|link| rank(link.0.source()));
        links
    }

    /// What the providers say of a title; `None` for one that nobody need be asked about.
    async fn about(&self, title: &Content, wanted: Wanted, chain: &[Link]) -> Option<Asked> {
        // Without an id nobody can be asked which title it is.
        if title.external_ids.is_empty() {
            return None;
        }
        match wanted {
            Wanted::Offers => Some(self.offers(title, chain).await),
            Wanted::Facts if lacks(title).is_empty() => None,
            Wanted::Facts => Some(self.facts(title, chain).await),
        }
    }

    async fn offers(&self, title: &Content, chain: &[Link]) -> Asked {
        let mut asked = Asked::default();
        let regions: BTreeSet<Region> = chain.iter().map(|link| link.1).collect();
        for region in regions {
            let before = asked.told.len();
            for link in chain.iter().filter(|link| link.1 == region) {
                if is_wanted(title, link, &asked.told[before..]) {
                    self.ask_one(title, link, Wanted::Offers, &mut asked).await;
                }
            }
        }
        asked
    }

    async fn facts(&self, title: &Content, chain: &[Link]) -> Asked {
        let (mut asked, mut missing) = (Asked::default(), lacks(title));
        for link in chain {
            if missing.is_empty() {
                break;
            }
            let before = asked.told.len();
            self.ask_one(title, link, Wanted::Facts, &mut asked).await;
            if let Some(adapted) = asked.told.get(before) {
                let known = missing.len();
                missing.retain(|fact| !has(&adapted.record, fact));
                // What adds nothing is not taken.
                asked.told.truncate(if missing.len() < known { before + 1 } else { before });
            }
        }
        asked
    }

    /// Asks one provider about a title.
    async fn ask_one(&self, title: &Content, (adapter, region): &Link, wanted: Wanted, asked: &mut Asked) {
        let answer = async {
            let Some(key) = adapter.locate(title, *region).await? else { return Ok(None) };
            match wanted {
                Wanted::Offers => adapter.refreshed(&key, *region).await.map(Some),
                Wanted::Facts => adapter.details(&key, *region).await.map(Some),
            }
        };
        let (source, id) = (adapter.source(), title.id);
        match answer.await {
            Ok(Some(adapted)) => {
                asked.answered = true;
                let as_of = self.ingest.today();
                let context = Context { service: None, region: *region, as_of, as_of_stated: true, mapping: None };
                match validate::check(&adapted.record, &context) {
                    Ok(()) => asked.told.push(adapted),
                    Err(reason) => {
                        tracing::warn!(source, %id, %reason, "what a provider says was turned away");
                        asked.turned_away.push(format!("{source}: {reason}"));
                    }
                }
            }
            Ok(None) => asked.answered = true,
            Err(error) if error.is_of_the_title() => {
                asked.answered = true;
                // Whoever answers so may have changed how it answers about all titles.
                if matches!(error, ProviderError::Unexpected { .. }) {
                    asked.turned_away.push(error.to_string());
                }
                tracing::debug!(source, %id, %error, "a provider had nothing to say of a title");
            }
            Err(error) => asked.failed = Some(error),
        }
    }
}

/// Whether a provider is asked about a title's offers in its region after what others `told` of them there: if they told
/// nothing, or nothing of a platform that it gave an offer on; nor of one on which somebody gave an offer who answers without it
/// now. What it said itself of that platform, it may have said long ago.
fn is_wanted(title: &Content, (adapter, region): &Link, told: &[Adapted]) -> bool {
    let records = || told.iter().map(|adapted| &adapted.record);
    let spoken = |platform: &str| records().flat_map(|record| &record.offers).any(|offer| offer.platform == platform);
    let answers = |source: &str| source == adapter.source() || records().any(|record| record.source == source);
    let mut gave = title.availability.iter().filter(|own| own.region == *region && answers(&own.source));
    told.is_empty() || gave.any(|own| !spoken(&own.platform))
}

/// What a title could still be told of.
fn lacks(title: &Content) -> Vec<&'static str> {
    let table = [
        ("overview", title.overview.is_none()),
        ("runtime", title.runtime_minutes.is_none()),
        ("year", title.release_year.is_none()),
        ("genres", title.genres.is_empty()),
        ("people", title.credits.is_empty()),
        ("images", title.images.is_empty()),
        ("certificates", title.ratings.is_empty()),
    ];
    table.into_iter().filter(|row| row.1).map(|row| row.0).collect()
}

fn has(record: &SourceRecord, fact: &str) -> bool {
    match fact {
        "overview" => record.overview.is_some(),
        "runtime" => record.runtime_minutes.is_some(),
        "year" => record.release_year.is_some(),
        "genres" => !record.genres.is_empty(),
        "people" => !record.credits.is_empty(),
        "images" => !record.images.is_empty(),
        _ => !record.ratings.is_empty(),
    }
}

fn sentence(asked: u64, counts: &Counts) -> String {
    format!(
        "{asked} of {} titles asked about: {} updated, {} merged, {} unchanged",
        counts.rows_read, counts.updated, counts.merged, counts.unchanged
    )
}

/// Keeps the first three of the reasons by the alphabet: there may be one a title.
pub(super) fn first(reasons: &mut BTreeSet<String>) {
    while reasons.len() > 3 {
        reasons.pop_last();
    }
}

/// What became of rows, for people.
pub(super) fn of_rows(counts: &Counts) -> String {
    format!(
        "{} rows: {} created, {} merged, {} updated, {} unchanged, {} rejected",
        counts.rows_read, counts.created, counts.merged, counts.updated, counts.unchanged, counts.rejected
    )
}

/// What became of titles, and what else there is to say of them.
pub(super) fn and(told: String, more: impl IntoIterator<Item = String>) -> String {
    more.into_iter().fold(told, |told, more| format!("{told}; {more}"))
}
