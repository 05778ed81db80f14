//! The catalogue of a streaming service, row by row.

use std::sync::Arc;

use jiff::civil::date;

use super::*;
use crate::platforms;

const ROW: [&str; 12] = [
    "s7",
    "Movie",
    "\u{200b}The Glass  Harbour",
    "Ada Quill, Bo Finch",
    "Cy Day, Di Moss, Cy Day",
    ", United States, West Germany, Atlantis",
    " September 5, 2021",
    "2019",
    "PG-13",
    "101 min",
    "Sci-Fi & Fantasy, Movies, Independent Movies",
    "A pilot\nwaits.",
];

fn read_for(service: &str, changes: &[(&str, &str)]) -> Result<SourceRecord, RejectReason> {
    let mut values: Vec<Option<String>> = ROW.iter().map(|value| Some((*value).to_owned())).collect();
    for (name, value) in changes {
        values[COLUMNS.iter().position(|column| column == name).unwrap()] = Some((*value).to_owned());
    }
    let columns: Arc<[String]> = COLUMNS.iter().map(|column| (*column).to_owned()).collect();
    let context = Context {
        service: platforms::by_id(service),
        region: "CA".parse().unwrap(),
        as_of: date(2021, 10, 1),
        as_of_stated: true,
        mapping: None,
    };
    adapt(&RawRow::Fields { columns, values }, &context)
}

fn read(changes: &[(&str, &str)]) -> Result<SourceRecord, RejectReason> {
    read_for("netflix", changes)
}

#[test]
fn a_whole_row() {
    let record = read(&[]).unwrap();
    assert_eq!(record.source, "netflix");
    assert_eq!(record.source_key, "s7/movie/2019/The Glass Harbour");
    assert_eq!((record.title.as_str(), record.content_type), ("The Glass Harbour", ContentType::Movie));
    assert_eq!((record.release_year, record.runtime_minutes), (Some(2019), Some(101)));
    assert_eq!(record.overview.as_deref(), Some("A pilot waits."));
    assert_eq!(record.genres, ["fantasy", "science_fiction", "independent"]);
    assert_eq!(record.countries.iter().map(Region::as_str).collect::<Vec<_>>(), ["US", "DE"]);
    let people: Vec<_> = record.credits.iter().map(|c| format!("{} {}", c.role, c.name)).collect();
    assert_eq!(people, ["director Ada Quill", "director Bo Finch", "actor Cy Day", "actor Di Moss"]);
    assert_eq!(record.ratings, [(Region::US, "mpa".to_owned(), "PG-13".to_owned())]);
    assert!(record.external_ids.is_empty(), "a row number is no id");
    assert_eq!(record.locale.as_str(), "en");
}

#[test]
fn its_offer() {
    let offer = &read(&[]).unwrap().offers[0];
    assert_eq!((offer.platform.as_str(), offer.region.as_str()), ("netflix", "CA"));
    assert_eq!(offer.availability_type, AvailabilityType::Subscription);
    assert_eq!(offer.available_from.unwrap().to_string(), "2021-09-05T00:00:00Z");
    assert_eq!(offer.checked_at.to_string(), "2021-10-01T00:00:00Z");
    assert_eq!((offer.confidence, offer.deep_link.as_deref()), (0.9, None));
    assert_eq!(offer.web_url, "https://www.netflix.com/");
    assert_eq!(read(&[("date_added", "")]).unwrap().offers[0].available_from, None);
}

#[test]
fn certificates_have_a_system() {
    type Case = (&'static str, &'static str, Option<(&'static str, &'static str, &'static str)>);
    let table: &[Case] = &[
        ("netflix", "TV-MA", Some(("US", "tvpg", "TV-MA"))),
        ("netflix", "R", Some(("US", "mpa", "R"))),
        ("prime_video", "13+", Some(("CA", "prime_video", "13+"))),
        ("prime_video", "AGES_18_", Some(("CA", "prime_video", "18+"))),
        ("prime_video", "16", Some(("CA", "prime_video", "16+"))),
        ("prime_video", "ALL_AGES", Some(("CA", "prime_video", "ALL"))),
        ("hulu", "NR", None),
        ("hulu", "UNRATED", None),
        ("hulu", "NOT_RATE", None),
        ("hulu", "", None),
    ];
    for (service, mark, expected) in table {
        let ratings = read_for(service, &[("rating", mark)]).unwrap().ratings;
        let found = ratings.first().map(|(region, system, mark)| (region.as_str(), system.as_str(), mark.as_str()));
        assert_eq!(found, *expected, "{mark}");
    }
}

#[test]
fn durations_are_found_where_they_were_put() {
    type Case = (&'static [(&'static str, &'static str)], Option<u16>, Option<u16>, usize);
    let table: &[Case] = &[
        (&[("duration", ""), ("rating", "74 min")], Some(74), None, 0),
        (&[("duration", "90 min"), ("rating", "74 min")], Some(90), None, 0),
        (&[("duration", "2 Seasons"), ("type", "TV Show")], None, Some(2), 1),
        (&[("duration", "1 Season"), ("type", "TV Show")], None, Some(1), 1),
        (&[("duration", "0 Seasons"), ("type", "TV Show")], None, None, 1),
        (&[("duration", "2 Seasons")], None, None, 1),
        (&[("duration", ""), ("rating", "12 Seasons"), ("type", "TV Show")], None, Some(12), 0),
        (&[("duration", "90 min"), ("type", "TV Show")], None, None, 1),
        (&[("duration", "0 min")], None, None, 1),
        (&[("duration", "")], None, None, 1),
    ];
    for (changes, minutes, seasons, ratings) in table {
        let record = read(changes).unwrap();
        let found = (record.runtime_minutes, record.season_count, record.ratings.len());
        assert_eq!(found, (*minutes, *seasons, *ratings), "{changes:?}");
    }
}

#[test]
fn what_is_turned_away() {
    let table: &[(&str, &str, &str)] = &[
        ("show_id", "", "show_id is missing"),
        ("title", "\u{200b} ", "title is missing"),
        ("type", "", "type is missing"),
        ("type", "Podcast", "type is \"Podcast\", which is not Movie or TV Show"),
        ("release_year", "1492", "release_year is 1492, outside 1870 to 2031"),
        ("release_year", "2032", "release_year is 2032, outside 1870 to 2031"),
        ("release_year", "n/a", "release_year is \"n/a\", which is not a year"),
        ("date_added", "October 2, 2021", "date_added is 2021-10-02, after 2021-10-01, the day this was known"),
        ("date_added", "soon", "date_added is \"soon\", which is not a date such as September 25, 2021"),
    ];
    for (field, value, reason) in table {
        assert_eq!(read(&[(field, value)]).unwrap_err().to_string(), *reason);
    }
}
