//! Offers that are made up: always the same, plausible, and marked.

use contracts::{ContentType, ExternalId, Locale};
use jiff::civil::date;

use super::*;

fn title(ids: &[(&str, &str)], year: u16) -> Content {
    Content {
        id: ContentId("0192f0c1-0000-7000-8000-000000000001".parse().unwrap()),
        content_type: ContentType::Movie,
        title: "The Glass Harbour".to_owned(),
        original_title: None,
        overview: Some("A pilot waits.".to_owned()),
        locale: Locale::english(),
        release_date: None,
        release_year: Some(year),
        runtime_minutes: Some(101),
        season_count: None,
        genres: vec!["drama".to_owned()],
        countries: Vec::new(),
        languages: Vec::new(),
        ratings: Default::default(),
        credits: Vec::new(),
        availability: Vec::new(),
        images: Vec::new(),
        external_ids: ids
            .iter()
            .map(|(kind, value)| ExternalId { id_type: (*kind).to_owned(), id_value: (*value).to_owned() })
            .collect(),
        translations: Vec::new(),
        average_rating: 0.0,
        vote_count: 0,
        popularity_score: 0.5,
        last_updated: midnight(date(2026, 1, 1)),
    }
}

fn sample(id: &str, year: u16, seed: u64) -> SourceRecord {
    sample_record(&title(&[("imdb", id)], year), &SampleRequest { seed, ..SampleRequest::default() }).unwrap()
}

fn many() -> Vec<SourceRecord> {
    (0..2000).map(|n| sample(&format!("tt{n:07}"), 1990 + n % 30, 42)).collect()
}

#[test]
fn the_record_says_who_it_is_and_nothing_more() {
    let record = sample("tt0000007", 1999, 42);
    assert_eq!((record.source.as_str(), record.source_key.as_str()), ("sample", "tt0000007"));
    assert_eq!((record.title.as_str(), record.release_year), ("The Glass Harbour", Some(1999)));
    assert_eq!(record.external_ids[0].id_value, "tt0000007");
    assert!(record.overview.is_none() && record.genres.is_empty() && record.runtime_minutes.is_none());
    let by_page = sample_record(&title(&[("wikipedia", "Page"), ("imdb", "tt1")], 1999), &SampleRequest::default());
    assert_eq!(by_page.unwrap().source_key, "tt1");
    let by_page = sample_record(&title(&[("wikipedia", "Page")], 1999), &SampleRequest::default()).unwrap();
    assert_eq!(by_page.source_key, "wikipedia:Page");
    assert!(sample_record(&title(&[], 1999), &SampleRequest::default()).is_none());
}

#[test]
fn a_seed_and_a_title_decide() {
    let differ = (0..50).filter(|n| {
        let id = format!("tt{n:07}");
        assert_eq!(sample(&id, 1999, 1), sample(&id, 1999, 1));
        sample(&id, 1999, 1).offers != sample(&id, 1999, 2).offers
    });
    assert!(differ.count() > 40);
    assert_ne!(sample("tt0000001", 1999, 1).offers, sample("tt0000002", 1999, 1).offers);
}

#[test]
fn the_shares_are_about_what_they_say() {
    let records = many();
    let share_of = |platform: &str, terms, region: &str| {
        let has = |record: &&SourceRecord| {
            record.offers.iter().any(|offer| {
                offer.platform == platform && offer.availability_type == terms && offer.region.as_str() == region
            })
        };
        records.iter().filter(has).count() * 100 / records.len()
    };
    assert!((11..=16).contains(&share_of("netflix", AvailabilityType::Subscription, "US")), "18 % × 75 %");
    assert!((26..=34).contains(&share_of("prime_video", AvailabilityType::Rent, "DE")), "40 % × 75 %");
    assert_eq!(share_of("hulu", AvailabilityType::Subscription, "FR"), 0, "Hulu is not there");
    let nowhere = records.iter().filter(|record| record.offers.is_empty()).count() * 100 / records.len();
    assert!((1..=20).contains(&nowhere), "{nowhere} % are nowhere");
}

#[test]
fn what_is_paid_has_a_price_in_the_money_of_the_place() {
    let records = many();
    for offer in records.iter().flat_map(|record| &record.offers) {
        let paid = matches!(offer.availability_type, AvailabilityType::Rent | AvailabilityType::Buy);
        assert_eq!(offer.price.is_some(), paid);
        if let Some(price) = &offer.price {
            let market = MARKETS.iter().find(|market| market.region == offer.region.as_str()).unwrap();
            assert_eq!(price.currency, market.currency);
            let base = if offer.availability_type == AvailabilityType::Rent { market.rent } else { market.buy };
            let base = Decimal::new(base, 2);
            assert!(price.amount >= base && price.amount <= base * Decimal::from(3), "{price:?}");
        }
        assert_eq!(offer.checked_at.to_string(), "2026-01-01T00:00:00Z");
        assert!(offer.available_from.unwrap() <= offer.checked_at);
        assert!(offer.expires_at.is_none_or(|at| at > offer.checked_at));
        assert!(offer.deep_link.is_none() && offer.confidence == 0.5);
    }
    let mean = |year| {
        let records: Vec<_> = (0..300).map(|n| sample(&format!("tt{n:07}"), year, 42)).collect();
        let offers = records.iter().flat_map(|record| &record.offers);
        let buys: Vec<Decimal> = offers
            .filter(|offer| offer.availability_type == AvailabilityType::Buy && offer.region == Region::US)
            .filter_map(|offer| offer.price.as_ref().map(|price| price.amount))
            .collect();
        buys.iter().sum::<Decimal>() / Decimal::from(buys.len())
    };
    assert!(mean(2026) > mean(1990), "what is new costs more");
}
