//! Announces offers that end soon: an event for each, once, which is what a notifier tells people. Withdraws offers that
//! nobody confirms.

use contracts::{Content, ContentId, Event, EventId, ListQuery, MAX_BATCH, Offer, Result, Topic};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use stores::events;

use super::store::{self, Hold};
use crate::drive::Drive;

/// How long before its end an offer is announced.
const AHEAD: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long an offer stands that its provider does not confirm. A walk over a catalogue of a million titles takes eight
/// days, so that none goes only because its turn had not come.
const UNCONFIRMED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Whether an offer ends within [`AHEAD`] of `now` and has not ended.
fn ends_soon(offer: &Offer, now: Timestamp) -> bool {
    let until = now.checked_add(AHEAD).unwrap_or(Timestamp::MAX);
    offer.expires_at.is_some_and(|end| now < end && end <= until)
}

impl Drive<'_> {
    /// Walks over the titles with an offer that ends soon, from `position` on. Each page's announcements and the position are one transaction, so
    /// that a run that was killed announces nothing twice and leaves nothing out.
    pub(super) async fn expiry_warnings(&self, hold: &Hold, position: Option<String>) -> Result<Option<String>> {
        let (ingest, mut seen, mut warned) = (self.ingest, 0, 0_u64);
        let mut after: Option<ContentId> = position.and_then(|id| id.parse().ok());
        loop {
            if self.stop.is_cancelled() {
                return Ok(None);
            }
            let until = ingest.clock.now().checked_add(AHEAD).unwrap_or(Timestamp::MAX);
            let query = ListQuery { after, expires_by: Some(until), limit: MAX_BATCH, ..ListQuery::default() };
            let page = ingest.catalog.list(&self.call_now(), &query).await?;
            let Some(last) = page.last().map(|title| title.id) else { break };
            after = Some(last);
            seen += page.len() as u64;
            let now = ingest.clock.now();
            let mut tx = ingest.db.begin().await?;
            let mut said = Vec::new();
            for title in &page {
                for offer in title.availability.iter().filter(|offer| ends_soon(offer, now)) {
                    if store::warn(&mut tx, title, offer, now).await? {
                        said.push(self.expiring(title, offer, now));
                    }
                }
            }
            warned += said.len() as u64;
            events::append(&mut tx, &said).await?;
            store::walked(&mut tx, hold, Some(&last.to_string()), now, page.len()).await?;
            tx.commit().await?;
        }
        store::forget(&ingest.db, ingest.clock.now()).await?;
        Ok(Some(format!("{seen} titles with an offer that ends within 7 days, {warned} offers announced")))
    }

    /// Withdraws offers that their providers have not confirmed for [`UNCONFIRMED`]: of a title that a provider no longer
    /// has, or of one that stood in for another. What files say stays.
    pub(super) async fn withdrawals(&self, hold: &Hold) -> Result<Option<String>> {
        let ingest = self.ingest;
        let before = ingest.clock.now().checked_sub(UNCONFIRMED).unwrap_or(Timestamp::MIN);
        let knowing = ingest.config.providers.values().filter(|(adapter, _)| adapter.knows_offers());
        let sources: Vec<String> = knowing.map(|(adapter, _)| adapter.source().to_owned()).collect();
        let mut titles = 0;
        loop {
            if self.stop.is_cancelled() {
                return Ok(None);
            }
            match ingest.catalog.withdraw(&self.call_now(), &sources, before).await? {
                0 => break,
                some => titles += some,
            }
            store::count(&ingest.db, hold, titles).await?;
        }
        Ok(Some(format!("offers of {titles} titles withdrawn that were not confirmed for 30 days")))
    }

    fn expiring(&self, title: &Content, offer: &Offer, now: Timestamp) -> Event {
        let data = json!({
            "content_id": title.id,
            "title": title.title,
            "platform": offer.platform,
            "region": offer.region,
            "availability_type": offer.availability_type,
            "quality": offer.quality,
            "price": offer.price,
            "web_url": offer.web_url,
            "deep_link": offer.deep_link,
            "expires_at": offer.expires_at,
            "source": offer.source,
            "confidence": offer.confidence,
        });
        let id = EventId(self.ingest.ids.next());
        Event::new(id, "/ingest", Topic::OfferExpiring, title.id, now, self.call.trace, data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_days_ahead_and_not_what_is_gone() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let ends = |at: Option<&str>| {
            let mut offer: Offer = serde_json::from_value(json!({
                "platform": "netflix", "region": "US", "availability_type": "subscription", "price": null,
                "deep_link": null, "web_url": "https://www.netflix.com/", "available_from": null, "expires_at": at,
                "source": "test", "checked_at": "2026-01-01T00:00:00Z", "confidence": 0.9,
            }))
            .unwrap();
            offer.price = None;
            ends_soon(&offer, now)
        };
        assert!(ends(Some("2026-01-08T00:00:00Z")) && ends(Some("2026-01-01T00:00:01Z")));
        for other in [None, Some("2026-01-08T00:00:01Z"), Some("2026-01-01T00:00:00Z"), Some("2025-12-31T00:00:00Z")] {
            assert!(!ends(other), "{other:?}");
        }
    }
}
