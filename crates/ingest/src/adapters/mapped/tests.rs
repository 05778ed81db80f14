//! An operator's own rows.

use std::sync::Arc;

use contracts::SourceRecord;
use jiff::civil::date;
use serde_json::json;

use super::*;

const MAPPING: &str = r#"
source = "festival"
list_separator = "|"
[columns]
key = "id"
title = "name"
original_title = "first_name"
type = "kind"
date = "shown"
runtime_minutes = "minutes"
genres = "genres"
countries = "made_in"
languages = "spoken"
directors = "crew.director"
seasons = "seasons"
poster = "poster"
backdrop = "still"
rating = "marks.mean"
votes = "marks.count"
[types]
film = "movie"
[ids]
imdb = "imdb"
[offer]
platform_column = "service"
web_url_column = "link"
terms_column = "terms"
price_column = "price"
currency = "EUR"
until_column = "until"
quality_column = "quality"
"#;

fn read(changes: Value) -> Result<SourceRecord, RejectReason> {
    adapted(changes).map(|adapted| adapted.record)
}

fn adapted(changes: Value) -> Result<Adapted, RejectReason> {
    let mut row = json!({
        "id": 7, "name": " The Glass  Harbour", "first_name": "Le port de verre", "kind": "film",
        "shown": "1999-03-31T20:00:00Z", "minutes": 101.0, "genres": "Drama|Sci-Fi|Nonsense", "made_in": "France|JP",
        "crew": { "director": ["Ada Quill", "Bo Finch"] }, "marks": { "mean": 7.5, "count": 12 }, "imdb": "tt1234567",
        "service": "Disney+", "link": "https://example.org/7", "terms": "rent", "price": "3.99", "until": "2024-06-30", "quality": "uhd",
        "spoken": "ko-KR|Cantonese|Nonsense|cn", "poster": "https://images.example.org/7.jpg", "still": "ftp://example.org/7.jpg", "seasons": 3,
    });
    for (name, value) in changes.as_object().unwrap() {
        row[name] = value.clone();
    }
    let Value::Object(fields) = row else { panic!("an object") };
    let mapping = Some(Arc::new(Mapping::from_toml(MAPPING).unwrap()));
    let region = "FR".parse().unwrap();
    let context = Context { service: None, region, as_of: date(2024, 5, 1), as_of_stated: true, mapping };
    adapt(&RawRow::Json(fields), &context)
}

#[test]
fn a_whole_row() {
    let record = read(json!({})).unwrap();
    assert_eq!((record.source.as_str(), record.source_key.as_str()), ("festival", "7"));
    assert_eq!((record.title.as_str(), record.content_type), ("The Glass Harbour", ContentType::Movie));
    assert_eq!((record.release_date, record.release_year), (Some(date(1999, 3, 31)), Some(1999)));
    assert_eq!((record.genres.join(" ").as_str(), record.runtime_minutes), ("drama science_fiction", Some(101)));
    assert_eq!(record.countries.iter().map(Region::as_str).collect::<Vec<_>>(), ["FR", "JP"]);
    assert_eq!(record.languages, Language::all_of(&["ko", "yue"]));
    assert_eq!(adapted(json!({})).unwrap().unread_languages, ["Nonsense"]);
    let people: Vec<_> = record.credits.iter().map(|c| format!("{} {}", c.role, c.name)).collect();
    assert_eq!(people, ["director Ada Quill", "director Bo Finch"]);
    assert_eq!(record.rating, Some((7.5, 12)));
    assert_eq!(record.images.iter().map(|image| image.kind.as_str()).collect::<Vec<_>>(), ["poster"]);
    assert_eq!(record.season_count, None, "a film has none");
    assert_eq!(read(json!({ "kind": "tv_show" })).unwrap().season_count, Some(3));
    let offer = &record.offers[0];
    assert_eq!((offer.platform.as_str(), offer.region.as_str()), ("disney_plus", "FR"));
    assert_eq!(offer.availability_type, AvailabilityType::Rent);
    assert_eq!(offer.quality, Some(contracts::VideoQuality::Uhd));
    assert_eq!(offer.price.as_ref().unwrap().amount.to_string(), "3.99");
    assert_eq!(offer.expires_at.unwrap().to_string(), "2024-06-30T00:00:00Z");
}

#[test]
fn what_is_wrong_is_said_in_our_words() {
    let table = [
        (json!({ "id": null }), "key is missing"),
        (json!({ "name": " " }), "title is missing"),
        (json!({ "kind": "book" }), "type is \"book\", which is not movie, tv_show or a word of the mapping's types"),
        (json!({ "shown": "last year" }), "date is \"last year\", which is not a date such as 2024-05-01"),
        (json!({ "shown": "1492-01-01" }), "year is 1492, outside 1870 to 2034"),
        (json!({ "minutes": "long" }), "runtime_minutes is \"long\", which is not a number of minutes"),
        (json!({ "quality": "sharp" }), "quality is \"sharp\", which is not sd, hd or uhd"),
        (json!({ "link": "javascript:x" }), "web_url is missing"),
        (json!({ "price": "-1" }), "price is \"-1\", which is not a price of at least 0"),
    ];
    for (change, expected) in table {
        assert_eq!(read(change).unwrap_err().to_string(), expected);
    }
    assert!(read(json!({ "service": null })).unwrap().offers.is_empty(), "a row without a platform has no offer");
}
