//! Titles and offers in the shape that clients of JustWatch write.

use contracts::{Credit, Region};
use jiff::civil::date;
use serde_json::json;

use super::*;

fn read(change: impl FnOnce(&mut Value)) -> Result<SourceRecord, RejectReason> {
    let mut title = json!({
        "entry_id": "tm77", "object_id": 77, "object_type": "MOVIE", "title": "The Glass Harbour",
        "url": "https://example.org/movie/glass-harbour", "release_year": 1999, "release_date": "1999-03-31",
        "runtime_minutes": 101, "short_description": "A pilot waits.", "genres": ["drm", "scf", "eur"],
        "imdb_id": "tt1234567", "tmdb_id": "862", "poster": "https://images.example.org/poster/1/s718/x.jpg",
        "backdrops": ["https://images.example.org/backdrop/2/s1920/x.jpg"], "age_certification": "PG-13",
        "scoring": { "imdb_score": 7.5, "imdb_votes": 120, "tmdb_score": null }, "interactions": null,
        "offers": [
            offer("FLATRATE", "HD", "Netflix", null()), offer("FLATRATE", "4K", "Netflix", null()),
            offer("RENT", "_4K", "Amazon Video", json!(4.99)), offer("RENT", "SD", "Amazon Video", json!(3.49)),
            offer("RENT", "SD", "Amazon Video", json!(2.99)),
            offer("CINEMA", "HD", "Some Cinema", json!(12)), offer("ADS", "CANVAS", "Rai Play", null()),
        ],
    });
    change(&mut title);
    let Value::Object(fields) = title else { panic!("an object") };
    let context =
        Context { service: None, region: Region::US, as_of: date(2024, 5, 1), as_of_stated: true, mapping: None };
    adapt(&RawRow::Json(fields), &context)
}

fn null() -> Value {
    Value::Null
}

fn offer(terms: &str, quality: &str, name: &str, price: Value) -> Value {
    json!({
        "id": format!("{terms}{quality}"), "monetization_type": terms, "presentation_type": quality,
        "price_string": null, "price_value": price, "price_currency": "USD", "type": "STANDARD",
        "package": { "id": "x", "package_id": 8, "name": name, "technical_name": "x", "short_name": "nfx" },
        "url": format!("https://example.org/watch/{quality}"), "element_count": 0, "available_to": "2024-06-30",
    })
}

#[test]
fn a_whole_title() {
    let record = read(|_| {}).unwrap();
    assert_eq!((record.source.as_str(), record.source_key.as_str()), ("justwatch", "tm77"));
    assert_eq!((record.release_year, record.release_date), (Some(1999), Some(date(1999, 3, 31))));
    assert_eq!((record.genres.join(" ").as_str(), record.runtime_minutes), ("drama science_fiction", Some(101)));
    let ids: Vec<_> = record.external_ids.iter().map(|id| format!("{}:{}", id.id_type, id.id_value)).collect();
    assert_eq!(ids, ["imdb:tt1234567", "tmdb_movie:862"]);
    assert_eq!(record.rating, Some((7.5, 120)));
    assert_eq!(record.images.iter().map(|image| image.width).collect::<Vec<_>>(), [Some(718), Some(1920)]);
    assert_eq!(record.ratings, [(Region::US, "mpa".to_owned(), "PG-13".to_owned())]);
    assert_eq!(record.credits, Vec::<Credit>::new());
}

#[test]
fn one_offer_for_each_platform_kind_and_quality_the_cheapest() {
    let record = read(|_| {}).unwrap();
    let offers: Vec<_> = record
        .offers
        .iter()
        .map(|offer| {
            let price = offer.price.as_ref().map(|price| format!("{} {}", price.amount, price.currency.code()));
            let quality = offer.quality.map_or("", VideoQuality::as_str);
            (offer.platform.as_str(), offer.availability_type.as_str(), quality, price)
        })
        .collect();
    assert_eq!(
        offers,
        [
            ("netflix", "subscription", "hd", None),
            ("netflix", "subscription", "uhd", None),
            ("prime_video", "rent", "uhd", Some("4.99 USD".to_owned())),
            ("prime_video", "rent", "sd", Some("2.99 USD".to_owned())),
            ("rai_play", "ads", "", None)
        ]
    );
    assert_eq!(record.offers[0].expires_at.unwrap().to_string(), "2024-07-01T00:00:00Z", "a day counts to its end");
    assert_eq!(record.offers[3].web_url, "https://example.org/watch/SD");
}

#[test]
fn what_is_no_title_or_wrong_is_said() {
    let reason = |change: fn(&mut Value)| read(change).unwrap_err().to_string();
    assert!(reason(|title| title["object_type"] = json!("SHOW_SEASON")).contains("no title of its own"));
    assert!(reason(|title| title["object_type"] = json!("GAME")).contains("object_type is \"GAME\""));
    assert_eq!(reason(|title| title["entry_id"] = Value::Null), "entry_id is missing");
    assert!(reason(|title| title["release_date"] = json!("soon")).contains("release_date is \"soon\""));
    assert_eq!(reason(|title| title["offers"][0]["url"] = Value::Null), "offers.url is missing");
    assert_eq!(reason(|title| title["offers"] = Value::Null), "offers is missing");
    let terms = "offers.monetization_type is missing";
    assert_eq!(reason(|title| title["offers"][0]["monetization_type"] = Value::Null), terms);
    let series = read(|title| {
        title["object_type"] = json!("SHOW");
        title["total_season_count"] = json!(4);
    });
    let series = series.unwrap();
    assert_eq!(series.season_count, Some(4));
    assert_eq!((series.content_type, series.external_ids[1].id_type.as_str()), (ContentType::TvShow, "tmdb_tv"));
}
