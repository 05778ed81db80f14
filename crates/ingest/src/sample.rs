//! Offers made up for the demo, because a free catalogue of facts says nothing about where to watch.
//!
//! Everything here is `source: "sample"` and nothing else is. The same seed and the same title give the same offers.

use contracts::{
    AvailabilityType, Call, Content, ContentId, ListQuery, MAX_BATCH, Money, Region, Result, Rng, SourceOffer,
    SourceRecord, VideoQuality,
};
use iso_currency::Currency;
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use rust_decimal::Decimal;
use serde::Serialize;
use sha2::{Digest, Sha256};
use stores::Deed;
use tokio_util::sync::CancellationToken;

use crate::{
    Ingest, adapters,
    context::midnight,
    drive::Drive,
    platforms,
    portions::Weighed,
    run::{Counts, Phase, Progress},
};

/// The source of every offer that is made up.
pub const SAMPLE_SOURCE: &str = "sample";

/// How sure we are of a made-up offer; it says what it is by its source.
const CONFIDENCE: f64 = 0.5;

/// A service's share of the titles, in percent, where it is, and on which terms.
struct Share {
    platform: &'static str,
    percent: u64,
    terms: AvailabilityType,
    /// The regions it is in; all of [`MARKETS`] when empty.
    regions: &'static [&'static str],
}

const fn share(
    platform: &'static str,
    percent: u64,
    terms: AvailabilityType,
    regions: &'static [&'static str],
) -> Share {
    Share { platform, percent, terms, regions }
}

const SHARES: [Share; 13] = [
    share("netflix", 18, AvailabilityType::Subscription, &[]),
    share("prime_video", 22, AvailabilityType::Subscription, &[]),
    share("disney_plus", 8, AvailabilityType::Subscription, &[]),
    share("max", 9, AvailabilityType::Subscription, &["US", "BR"]),
    share("hulu", 8, AvailabilityType::Subscription, &["US", "JP"]),
    share("paramount_plus", 7, AvailabilityType::Subscription, &["US", "GB", "CA", "DE", "FR", "BR"]),
    share("peacock", 5, AvailabilityType::Subscription, &["US"]),
    share("apple_tv_plus", 3, AvailabilityType::Subscription, &[]),
    share("tubi", 14, AvailabilityType::Ads, &["US", "CA", "GB"]),
    share("prime_video", 40, AvailabilityType::Rent, &[]),
    share("prime_video", 34, AvailabilityType::Buy, &[]),
    share("apple_tv_plus", 38, AvailabilityType::Rent, &[]),
    share("apple_tv_plus", 36, AvailabilityType::Buy, &[]),
];

/// A region, its currency, and what renting and buying costs there, in hundredths.
struct Market {
    region: &'static str,
    currency: Currency,
    rent: i64,
    buy: i64,
}

const MARKETS: [Market; 7] = [
    Market { region: "US", currency: Currency::USD, rent: 399, buy: 999 },
    Market { region: "GB", currency: Currency::GBP, rent: 349, buy: 799 },
    Market { region: "CA", currency: Currency::CAD, rent: 499, buy: 1299 },
    Market { region: "DE", currency: Currency::EUR, rent: 399, buy: 999 },
    Market { region: "FR", currency: Currency::EUR, rent: 399, buy: 1199 },
    Market { region: "JP", currency: Currency::JPY, rent: 40_000, buy: 200_000 },
    Market { region: "BR", currency: Currency::BRL, rent: 1190, buy: 2990 },
];

/// What to make up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleRequest {
    /// Another seed gives other offers.
    pub seed: u64,
    /// The day on which they are said to be true. Fixed, so that making them up again changes nothing.
    pub as_of: Date,
}

impl Default for SampleRequest {
    fn default() -> Self {
        Self { seed: 42, as_of: Date::constant(2026, 1, 1) }
    }
}

/// What was made up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SampleReport {
    /// Titles looked at.
    pub titles: u64,
    /// Titles without an id elsewhere: nothing would tell their record apart, so they get no offers.
    pub without_id: u64,
    /// Offers made up.
    pub offers: u64,
    /// Whether all titles were reached.
    pub complete: bool,
    /// What became of the records.
    pub counts: Counts,
}

/// The record that gives a title its made-up offers: its identity and nothing else. `None` without an id elsewhere.
/// A title that no service took still has its record, with no offers, so that another seed can take offers back.
pub fn sample_record(content: &Content, request: &SampleRequest) -> Option<SourceRecord> {
    let id = content.external_ids.iter().find(|id| id.id_type == "imdb").or_else(|| content.external_ids.first())?;
    let key = if id.id_type == "imdb" { id.id_value.clone() } else { format!("{}:{}", id.id_type, id.id_value) };
    let mut record = adapters::blank(SAMPLE_SOURCE, key.clone(), content.content_type, content.title.clone());
    record.locale = content.locale.clone();
    record.release_year = content.release_year;
    record.external_ids.push(id.clone());
    record.offers = offers(&key, content.release_year, request);
    Some(record)
}

/// The offers of a title, decided by nothing but the seed, its key and its year.
fn offers(key: &str, year: Option<u16>, request: &SampleRequest) -> Vec<SourceOffer> {
    let rng = rng_for(key, request.seed);
    let recent = year.is_some_and(|year| i32::from(year) + 2 >= i32::from(request.as_of.year()));
    let mut offers = Vec::new();
    for share in &SHARES {
        // Drawn once for all regions: a service that has a title mostly has it wherever it is.
        let has_it = rng.below(100) < share.percent;
        for market in &MARKETS {
            let there = rng.below(100) < 75;
            let (price_step, days) = (rng.below(3), rng.below(1500));
            let leaves = (rng.below(12) == 0).then(|| 400 + rng.below(1000));
            let sold_here = share.regions.is_empty() || share.regions.contains(&market.region);
            if !(has_it && there && sold_here) {
                continue;
            }
            offers.extend(offer(
                share,
                market,
                (quality(share, recent), price(share, market, price_step, recent)),
                (days, leaves),
                request.as_of,
            ));
        }
    }
    offers
}

fn offer(
    share: &Share,
    market: &Market,
    (quality, price): (VideoQuality, Option<Money>),
    (days, leaves): (u64, Option<u64>),
    as_of: Date,
) -> Option<SourceOffer> {
    let service = platforms::by_id(share.platform)?;
    Some(SourceOffer {
        platform: share.platform.to_owned(),
        region: market.region.parse::<Region>().ok()?,
        availability_type: share.terms,
        quality: Some(quality),
        price,
        deep_link: None,
        web_url: service.home_url.to_owned(),
        available_from: day(as_of, -i64::try_from(days).ok()?),
        expires_at: leaves.and_then(|days| day(as_of, i64::try_from(days).ok()?)),
        checked_at: midnight(as_of),
        confidence: CONFIDENCE,
    })
}

/// How sharp it is: what is new and in a subscription in ultra-high definition, all else in high definition.
fn quality(share: &Share, recent: bool) -> VideoQuality {
    let sharpest = recent && share.terms == AvailabilityType::Subscription;
    if sharpest { VideoQuality::Uhd } else { VideoQuality::Hd }
}

/// What renting or buying costs: the market's price, a step or two more, half as much again for what is new.
fn price(share: &Share, market: &Market, step: u64, recent: bool) -> Option<Money> {
    let base = match share.terms {
        AvailabilityType::Rent => market.rent,
        AvailabilityType::Buy => market.buy,
        _ => return None,
    };
    let steps = i64::try_from(step).ok()? + if recent { 2 } else { 0 };
    let whole = market.currency == Currency::JPY;
    // A step is a quarter of the price, rounded down to whole units; the cents of the base stay ("3.99", "4.99").
    let amount = base + steps * (base / 4 / 100).max(1) * 100;
    let amount = if whole { Decimal::from(amount / 100) } else { Decimal::new(amount, 2) };
    Some(Money { amount, currency: market.currency })
}

fn day(from: Date, days: i64) -> Option<Timestamp> {
    let day = from.checked_add(days.days()).ok()?;
    TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()
}

fn rng_for(key: &str, seed: u64) -> Rng {
    let digest = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(key.as_bytes()).finalize();
    Rng::seeded(digest.iter().take(8).fold(0, |value, byte| (value << 8) | u64::from(*byte)))
}

impl Ingest {
    /// Makes up offers for every title of the catalogue that has an id elsewhere. Doing it again with the same request
    /// changes nothing; with another seed the offers change.
    ///
    /// # Errors
    /// `Unauthenticated` unless the operator asks, `Conflict` while a run is on, what the catalogue says.
    pub async fn sample(
        &self,
        call: &Call,
        request: &SampleRequest,
        stop: &CancellationToken,
        on_progress: &(dyn Fn(&Progress) + Send + Sync),
    ) -> Result<SampleReport> {
        call.require_operator()?;
        let _turn = self.turn()?;
        let seed = request.seed.to_string();
        let deed = Deed { call, action: "sample.started", target: SAMPLE_SOURCE, detail: &[("seed", &seed)] };
        self.state(deed).await?;
        let drive = Drive { ingest: self, call, stop, on_progress };
        let mut report = SampleReport::default();
        let mut after: Option<ContentId> = None;
        while !stop.is_cancelled() {
            let query = ListQuery { after, limit: MAX_BATCH, ..ListQuery::default() };
            let page = self.catalog.list(&drive.call_now(), &query).await?;
            let Some(last) = page.last() else {
                report.complete = true;
                break;
            };
            after = Some(last.id);
            let records = Weighed::new(page.iter().filter_map(|content| sample_record(content, request)).collect());
            let Some(outcomes) = drive.offer(&records).await? else { break };
            let records = records.records();
            report.titles += page.len() as u64;
            report.without_id += (page.len() - records.len()) as u64;
            report.offers += records.iter().map(|record| record.offers.len() as u64).sum::<u64>();
            report.counts.rows_read += records.len() as u64;
            report.counts.add(&outcomes);
            let counts = report.counts;
            on_progress(&Progress { phase: Phase::Reading, counts, bytes_read: 0, bytes_total: None });
        }
        Ok(report)
    }
}

#[cfg(test)]
mod tests;
