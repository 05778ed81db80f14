//! Reads what a provider lists, page by page, into the catalogue.

use std::sync::Arc;

use contracts::{Region, Result};

use super::{
    store::{self, Hold},
    work::Told,
};
use crate::{
    Context, Counts, PlatformAdapter, ProviderError,
    drive::Drive,
    run::{Phase, Progress},
    validate,
};

impl Drive<'_> {
    /// Reads the pages from `position` on, until the end of the list or until enough titles were asked about, and notes
    /// after each how far it came. A title that can't be read is left out and counted; a provider that can't be reached
    /// ends the run. The next goes on there, or begins anew where that place is none any more.
    pub(super) async fn provider(
        &self,
        hold: &Hold,
        adapter: &Arc<dyn PlatformAdapter>,
        region: Region,
        position: Option<String>,
    ) -> Result<Option<Told>> {
        let context = Context { service: None, region, as_of: self.ingest.today(), as_of_stated: true, mapping: None };
        let (mut cursor, mut counts, mut asked, mut failed) = (position.clone(), Counts::default(), 0, 0);
        loop {
            let listed = match adapter.catalog(region, cursor.as_deref()).await {
                // A provider may have forgotten the place where an earlier run was.
                Err(error) if cursor.is_some() && cursor == position && error.is_of_the_title() => {
                    tracing::warn!(source = adapter.source(), %error, "a list is read from its beginning again");
                    store::count(&self.ingest.db, hold, 0).await?;
                    adapter.catalog(region, None).await?
                }
                listed => listed?,
            };
            let (mut records, mut failure) = (Vec::new(), None);
            for key in &listed.keys {
                if self.stop.is_cancelled() {
                    return Ok(None);
                }
                let read = adapter.details(key, region).await;
                failed = if matches!(read, Err(ProviderError::Failed { .. })) { failed + 1 } else { 0 };
                match read {
                    Ok(record) => match validate::check(&record, &context) {
                        Ok(()) => records.push(record),
                        Err(reason) => {
                            tracing::warn!(source = adapter.source(), key, %reason, "a title was turned away");
                            counts.rejected += 1;
                        }
                    },
                    Err(error) if error.lets_others_go(failed) => {
                        tracing::warn!(source = adapter.source(), key, %error, "a title was turned away");
                        counts.rejected += 1;
                    }
                    Err(error) => {
                        failure = Some(error);
                        break;
                    }
                }
            }
            let Some(outcomes) = self.offer(&records).await? else { return Ok(None) };
            // What it told before that was not asked in vain.
            if let Some(error) = failure {
                return Err(error.into());
            }
            counts.rows_read += listed.keys.len() as u64;
            counts.add(&outcomes);
            (self.on_progress)(&Progress { phase: Phase::Reading, counts, bytes_read: 0, bytes_total: None });
            let (next, now) = (listed.next.as_deref(), self.ingest.clock.now());
            let mut tx = self.ingest.db.begin().await?;
            store::walked(&mut tx, hold, next, now, listed.keys.len()).await?;
            tx.commit().await?;
            cursor = listed.next;
            // A page without titles was a question too.
            asked += (listed.keys.len() as u64).max(1);
            if cursor.is_none() || asked >= self.ingest.config.max_asked {
                let summary = super::expiry::sentence(&counts);
                return Ok(Some(Told { summary, goes_on: cursor.is_some() }));
            }
        }
    }
}
