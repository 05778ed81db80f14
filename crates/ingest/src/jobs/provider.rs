//! Reads what a provider lists, page by page, into the catalogue.

use std::{collections::BTreeSet, sync::Arc};

use contracts::{Region, Result, SourceRecord};

use super::{
    chain::{self, and},
    store::{self, Hold},
    work::Told,
};
use crate::{
    Context, Counts, PlatformAdapter, ProviderError,
    drive::Drive,
    portions::Weighed,
    run::{Phase, Progress, UnreadLanguages},
    validate,
};

/// How far a run is in a provider's list.
#[derive(Debug, Default)]
struct Walk {
    /// The page that it is at; `None` for the first.
    cursor: Option<String>,
    /// How many titles of that page are behind it.
    seen: usize,
    /// At how many titles in a row the provider failed.
    failed: u32,
    /// Whether it is still where an earlier run ended.
    resumed: bool,
}

impl Walk {
    /// From where an earlier run ended, or from the beginning of the list.
    fn at(position: Option<String>) -> Self {
        let Some(position) = position else { return Self::default() };
        let within = position.rsplit_once('\n');
        let within = within.and_then(|(cursor, seen)| Some((cursor.to_owned(), seen.parse::<usize>().ok()?)));
        let (cursor, seen) = within.unwrap_or((position, 0));
        Self { cursor: Some(cursor).filter(|cursor| !cursor.is_empty()), seen, failed: 0, resumed: true }
    }

    /// Where it is, to be kept: the page as the provider calls it and, in a line of its own, how many of its titles
    /// were seen; not which was the last, as that may be on another page the next day.
    fn place(&self) -> String {
        format!("{}\n{}", self.cursor.as_deref().unwrap_or_default(), self.seen)
    }
}

/// What came of a page.
#[derive(Default)]
struct Page {
    records: Vec<SourceRecord>,
    /// The languages of these that can't be read.
    unread: UnreadLanguages,
    /// Why titles were turned away, one for each.
    rejected: Vec<String>,
    /// Why the run ends within it.
    failure: Option<ProviderError>,
}

impl Drive<'_> {
    /// Reads the list from `position` on, until its end or until enough titles were asked about, and notes after each
    /// page how far it came. A title that can't be read is left out and counted; a provider that can't be reached ends
    /// the run. What was told until then is taken in, and the next goes on behind it, as a day's quota may be less than
    /// a page; or it begins anew where that place is none any more.
    pub(super) async fn provider(
        &self,
        hold: &Hold,
        adapter: &Arc<dyn PlatformAdapter>,
        region: Region,
        position: Option<String>,
    ) -> Result<Option<Told>> {
        let context = Context { service: None, region, as_of: self.ingest.today(), as_of_stated: true, mapping: None };
        let (mut walk, mut counts, mut asked) = (Walk::at(position), Counts::default(), 0);
        let (mut reasons, mut unread) = (BTreeSet::new(), UnreadLanguages::default());
        loop {
            let told = adapter.catalog(region, walk.cursor.as_deref()).await;
            let listed = match told {
                // A provider may have forgotten the place where an earlier run was.
                Err(error) if walk.resumed && walk.cursor.is_some() && error.is_of_the_title() => {
                    tracing::warn!(source = adapter.source(), %error, "a list is read from its beginning again");
                    store::count(&self.ingest.db, hold, 0).await?;
                    walk = Walk::default();
                    adapter.catalog(region, None).await?
                }
                listed => listed?,
            };
            let before = walk.seen;
            let Some(page) = self.page(adapter, &context, &listed.keys, &mut walk).await else { return Ok(None) };
            let Some(outcomes) = self.offer(&Weighed::new(page.records)).await? else { return Ok(None) };
            let seen = walk.seen.saturating_sub(before);
            counts.rows_read += seen as u64;
            counts.rejected += page.rejected.len() as u64;
            reasons.extend(page.rejected);
            chain::first(&mut reasons);
            counts.add(&outcomes);
            unread.add(page.unread);
            (self.on_progress)(&Progress { phase: Phase::Reading, counts, bytes_read: 0, bytes_total: None });
            let next = if page.failure.is_some() { Some(walk.place()) } else { listed.next.clone() };
            let mut tx = self.ingest.db.begin().await?;
            store::walked(&mut tx, hold, next.as_deref(), self.ingest.clock.now(), seen).await?;
            tx.commit().await?;
            if let Some(error) = page.failure {
                return Err(error.into());
            }
            walk = Walk { cursor: listed.next, failed: walk.failed, ..Walk::default() };
            // A page without titles was a question too.
            asked += (seen as u64).max(1);
            if walk.cursor.is_none() || asked >= self.ingest.config.max_asked {
                let summary = and(and(chain::of_rows(&counts), unread.told()), reasons);
                return Ok(Some(Told { summary, goes_on: walk.cursor.is_some() }));
            }
        }
    }

    /// Asks about the titles of a page that are not behind the run yet. `None` when it was stopped meanwhile.
    async fn page(
        &self,
        adapter: &Arc<dyn PlatformAdapter>,
        context: &Context,
        keys: &[String],
        walk: &mut Walk,
    ) -> Option<Page> {
        let mut page = Page::default();
        for (at, key) in keys.iter().enumerate().skip(walk.seen) {
            if self.stop.is_cancelled() {
                return None;
            }
            let read = adapter.details(key, context.region).await;
            walk.failed = if matches!(read, Err(ProviderError::Failed { .. })) { walk.failed + 1 } else { 0 };
            match read {
                Ok(adapted) => match validate::check(&adapted.record, context) {
                    Ok(()) => {
                        page.unread.note(&adapted.unread_languages);
                        page.records.push(adapted.record);
                    }
                    Err(reason) => {
                        tracing::warn!(source = adapter.source(), key, %reason, "a title was turned away");
                        page.rejected.push(format!("{}: {reason}", adapter.source()));
                    }
                },
                Err(error) if error.lets_others_go(walk.failed) => {
                    tracing::warn!(source = adapter.source(), key, %error, "a title was turned away");
                    page.rejected.push(error.to_string());
                }
                Err(error) => {
                    // It may be the titles here that it always fails at: a run that came no further than the last leaves
                    // one of them behind, so that they keep what follows waiting for some runs, and not forever.
                    walk.seen += usize::from(walk.resumed && error.is_failure());
                    page.failure = Some(error);
                    return Some(page);
                }
            }
            // A provider that fails may do so at all that follow: until it answers again they are not behind the run.
            if walk.failed == 0 {
                (walk.seen, walk.resumed) = (at + 1, false);
            }
        }
        walk.seen = keys.len();
        Some(page)
    }
}
