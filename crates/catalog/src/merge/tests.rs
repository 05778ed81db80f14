//! The fold: tables of precedence, and order-independence as a property.

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;

pub(super) fn record(source: &str, key: &str) -> SourceRecord {
    SourceRecord {
        source: source.to_owned(),
        source_key: key.to_owned(),
        content_type: ContentType::Movie,
        title: format!("{source} {key}"),
        original_title: None,
        locale: Locale::english(),
        overview: None,
        release_date: None,
        release_year: None,
        runtime_minutes: None,
        season_count: None,
        seasons: Vec::new(),
        translations: Vec::new(),
        genres: vec![],
        countries: vec![],
        languages: vec![],
        ratings: vec![],
        credits: vec![],
        external_ids: vec![],
        images: vec![],
        offers: vec![],
        rating: None,
    }
}

fn offer(platform: &str, confidence: f64, at: i64) -> contracts::SourceOffer {
    contracts::SourceOffer {
        platform: platform.to_owned(),
        region: Region::US,
        availability_type: AvailabilityType::Subscription,
        quality: None,
        price: None,
        deep_link: None,
        web_url: format!("https://example.com/{at}"),
        available_from: None,
        expires_at: None,
        checked_at: Timestamp::from_second(at).unwrap(),
        confidence,
    }
}

fn person(name: &str, role: CreditRole) -> Credit {
    Credit { name: name.to_owned(), role }
}

#[test]
fn facts_follow_the_precedence_of_sources() {
    let mut wikidata = record("wikidata", "Q1");
    let mut wikipedia = record("wikipedia", "W");
    let mut service = record("netflix", "s1");
    let mut sample = record(SAMPLE, "0");
    wikidata.title = "Amélie".to_owned();
    wikidata.runtime_minutes = Some(122);
    wikipedia.overview = Some("A shy waitress changes lives.".to_owned());
    wikipedia.release_year = Some(2001);
    service.overview = Some("Short.".to_owned());
    service.release_year = Some(2002);
    service.runtime_minutes = Some(129);
    service.genres = vec!["romance".to_owned(), "comedy".to_owned()];
    sample.overview = Some("A generated overview that is longer than all of the others.".to_owned());
    sample.offers = vec![offer("netflix", 0.5, 1)];
    let merged = fold(&[&sample, &service, &wikipedia, &wikidata]).unwrap();
    assert_eq!(merged.title, "Amélie");
    assert_eq!(merged.runtime_minutes, Some(122));
    assert_eq!(merged.release_year, Some(2001));
    assert_eq!(merged.overview.as_deref(), Some("A shy waitress changes lives."));
    assert_eq!(merged.genres.iter().collect::<Vec<_>>(), ["comedy", "romance"]);
    assert_eq!(merged.notes, ["netflix says 129 minutes, we say 122"]);
    assert_eq!(merged.offers[0].source, SAMPLE);
    assert_eq!(fold(&[]), None);
}

#[test]
fn lengths_more_than_five_minutes_apart_are_flagged() {
    let told = |other: u16| {
        let long = |source: &str, minutes| SourceRecord { runtime_minutes: Some(minutes), ..record(source, "1") };
        fold(&[&long("wikidata", 122), &long("netflix", other)]).unwrap().notes
    };
    assert_eq!((told(117), told(127)), (Vec::new(), Vec::new()));
    assert_eq!(told(128), ["netflix says 128 minutes, we say 122"]);
    assert_eq!(told(116), ["netflix says 116 minutes, we say 122"]);
}

#[test]
fn every_language_is_kept_and_english_is_shown() {
    let mut german = record("wikidata", "Q1");
    german.locale = "de".parse().unwrap();
    german.title = "Die fabelhafte Welt der Amelie".to_owned();
    german.original_title = Some("Le Fabuleux Destin d'Amélie Poulain".to_owned());
    let mut english = record("netflix", "s1");
    english.title = "Amelie".to_owned();
    let merged = fold(&[&german, &english]).unwrap();
    assert_eq!((merged.title.as_str(), merged.translations.len()), ("Amelie", 2));
    assert_eq!(merged.original_title.as_deref(), Some("Le Fabuleux Destin d'Amélie Poulain"));
    assert_eq!(fold(&[&german]).unwrap().title, "Die fabelhafte Welt der Amelie");
}

#[test]
fn people_are_named_once_in_the_order_of_the_richest_source() {
    let mut small = record("wikidata", "Q1");
    small.credits = vec![person("Al PACINO", CreditRole::Actor), person("Michael Mann", CreditRole::Director)];
    let mut large = record("netflix", "s1");
    large.credits = ["Robert De Niro", "Al Pacino", "Val Kilmer"].map(|name| person(name, CreditRole::Actor)).to_vec();
    let merged = fold(&[&small, &large]).unwrap();
    let names: Vec<_> = merged.credits.iter().map(|credit| credit.name.as_str()).collect();
    assert_eq!(names, ["Michael Mann", "Robert De Niro", "Al Pacino", "Val Kilmer"]);
}

#[test]
fn one_offer_for_each_platform_terms_and_source() {
    let mut a = record("netflix", "s1");
    a.offers = vec![offer("netflix", 0.9, 1), offer("hulu", 0.9, 1)];
    let mut again = record("netflix", "s2");
    again.offers = vec![offer("netflix", 0.5, 2)];
    let mut other = record("hulu", "h1");
    other.offers = vec![offer("hulu", 0.9, 1)];
    let offers = fold(&[&a, &again, &other]).unwrap().offers;
    let seen: Vec<_> = offers.iter().map(|o| (o.platform.as_str(), o.source.as_str(), o.web_url.as_str())).collect();
    let (one, two) = ("https://example.com/1", "https://example.com/2");
    assert_eq!(seen, [("hulu", "hulu", one), ("hulu", "netflix", one), ("netflix", "netflix", two)]);
}

/// Whose offer stands on which platform, where each of these sources told of three, so many seconds after the first.
fn standing(told: &[(&str, i64)]) -> Vec<String> {
    let record = |(source, at): &(&str, i64)| SourceRecord {
        offers: ["netflix", "new_service", "vudu"].map(|platform| offer(platform, 0.9, *at)).to_vec(),
        ..record(source, "t1")
    };
    let records: Vec<SourceRecord> = told.iter().map(record).collect();
    let offers = fold(&records.iter().collect::<Vec<_>>()).unwrap().offers;
    offers.iter().map(|own| format!("{} {}", own.platform, own.source)).collect()
}

#[test]
fn of_several_providers_the_first_of_a_platforms_chain_stands() {
    let (first, second, last) = (("streaming_availability", 0), ("watchmode", 0), ("tmdb", 0));
    // The first is not known to have Vudu, and a platform that is not in the directory has the whole chain.
    let all = ["netflix streaming_availability", "new_service streaming_availability", "vudu watchmode"];
    assert_eq!(standing(&[last, second, first]), all);
    assert_eq!(standing(&[first, second, last]), all);
    assert_eq!(standing(&[first, last])[2], "vudu tmdb");
    assert_eq!(standing(&[first])[2], "vudu streaming_availability", "who alone says so is believed");
    let beside = standing(&[("festival", 0), (SAMPLE, 0), second, last]);
    assert_eq!(beside[..3], ["netflix festival", "netflix sample", "netflix watchmode"], "no provider makes way");
    let elsewhere = contracts::SourceOffer { region: "DE".parse().unwrap(), ..offer("netflix", 0.9, 0) };
    let (mut here, mut there) = (record("streaming_availability", "t1"), record("tmdb", "movie/1"));
    (here.offers, there.offers) = (vec![offer("netflix", 0.9, 0)], vec![elsewhere]);
    assert_eq!(fold(&[&here, &there]).unwrap().offers.len(), 2, "each region for itself");
}

#[test]
fn who_has_said_nothing_for_a_day_makes_way() {
    let day = 24 * 60 * 60;
    let netflix = |told: &[(&str, i64)]| standing(told)[0].clone();
    assert_eq!(netflix(&[("streaming_availability", 0), ("tmdb", day - 1)]), "netflix streaming_availability");
    assert_eq!(netflix(&[("streaming_availability", 0), ("tmdb", day)]), "netflix tmdb");
    assert_eq!(netflix(&[("streaming_availability", 0), ("watchmode", 1), ("tmdb", day)]), "netflix watchmode");
    assert_eq!(netflix(&[("streaming_availability", day), ("tmdb", day)]), "netflix streaming_availability");
}

#[test]
fn what_is_a_day_older_than_the_last_word_of_an_earlier_provider_does_not_stand() {
    let day = 24 * 60 * 60;
    // The first of the chain told of the title so many seconds after the second, and of another platform.
    let stands = |platform: &str, region: &str, after: i64| {
        let (mut first, mut second) = (record("streaming_availability", "t1"), record("watchmode", "t1"));
        first.offers = vec![contracts::SourceOffer { region: region.parse().unwrap(), ..offer("hulu", 0.9, after) }];
        second.offers = vec![offer(platform, 0.9, 0)];
        fold(&[&first, &second]).unwrap().offers.iter().any(|own| own.source == "watchmode")
    };
    assert!(stands("netflix", "US", day - 1), "it may be on both");
    assert!(!stands("netflix", "US", day), "who has Netflix spoke of the title without it");
    assert!(stands("netflix", "DE", day), "elsewhere");
    assert!(stands("vudu", "US", day) && stands("new_service", "US", day), "who is not known to have it");
}

#[test]
fn an_offer_in_another_quality_is_another_offer() {
    let mut source = record("justwatch", "tm1");
    let sharp = |quality| contracts::SourceOffer { quality, ..offer("netflix", 0.9, 1) };
    source.offers = vec![sharp(Some(VideoQuality::Uhd)), sharp(Some(VideoQuality::Sd)), sharp(None)];
    let offers = fold(&[&source]).unwrap().offers;
    let seen: Vec<_> = offers.iter().map(|offer| offer.quality).collect();
    assert_eq!(seen, [None, Some(VideoQuality::Sd), Some(VideoQuality::Uhd)]);
}

#[test]
fn a_series_has_as_many_seasons_as_any_source_knows() {
    let seasons = |source: &str, count| {
        let content_type = ContentType::TvShow;
        SourceRecord { season_count: count, content_type, ..record(source, "1") }
    };
    let (few, many, none) = (seasons("hulu", Some(2)), seasons("netflix", Some(5)), seasons("tmdb", None));
    let made_up = seasons(SAMPLE, Some(9));
    assert_eq!(fold(&[&few, &many, &none, &made_up]).unwrap().season_count, Some(5));
    assert_eq!(fold(&[&none]).unwrap().season_count, None);
    let film = SourceRecord { content_type: ContentType::Movie, ..few };
    assert_eq!(fold(&[&film]).unwrap().season_count, None);
}

#[test]
fn ratings_are_weighted_by_votes() {
    let (mut a, mut b, mut none) = (record("a", "1"), record("b", "1"), record("c", "1"));
    a.rating = Some((8.0, 300));
    b.rating = Some((4.0, 100));
    none.rating = Some((1.0, 0));
    let merged = fold(&[&a, &b, &none]).unwrap();
    assert_eq!((merged.average_rating, merged.vote_count), (7.0, 400));
    assert_eq!(fold(&[&none]).unwrap().average_rating, 0.0);
}

#[test]
fn a_series_starts_when_its_first_season_does() {
    let (mut a, mut b) = (record("amazon", "1"), record("netflix", "1"));
    (a.content_type, a.release_year) = (ContentType::TvShow, Some(2013));
    (b.content_type, b.release_year) = (ContentType::TvShow, Some(2008));
    assert_eq!(fold(&[&a, &b]).unwrap().release_year, Some(2008));
}

#[test]
fn a_date_belongs_to_the_year() {
    let (mut a, mut b) = (record("wikidata", "1"), record("netflix", "1"));
    a.release_year = Some(1999);
    b.release_date = Some("1998-03-31".parse().unwrap());
    assert_eq!(fold(&[&a, &b]).unwrap().release_date, None);
    b.release_date = Some("1999-03-31".parse().unwrap());
    assert_eq!(fold(&[&a, &b]).unwrap().release_date, b.release_date);
}

#[test]
fn popularity_grows_with_what_is_known() {
    assert_eq!(popularity(0, 1, 1), 0.5);
    assert_eq!(popularity(0, 0, 0), 0.5);
    assert!(popularity(0, 3, 4) > 0.5);
    assert!(popularity(10, 1, 1) < 0.5);
    assert!(popularity(500_000, 1, 1) > 0.9);
    assert!(popularity(u32::MAX, 99, 999) <= 1.0);
}

fn arbitrary() -> impl Strategy<Value = SourceRecord> {
    let source = prop::sample::select(vec!["wikidata", "wikipedia", "netflix", "tmdb", "watchmode", SAMPLE]);
    let locale = prop::sample::select(vec!["en", "de", "und", "pt-br"]);
    let names = prop::collection::vec(("[A-C] [a-c]", 0..3_usize), 0..6);
    let genres = prop::collection::vec("[a-d]", 0..3);
    let year = prop::option::of(1990..1995_u16);
    let overview = prop::option::of("[a-z ]{0,8}");
    let rating = prop::option::of((0..100_u32, 0..50_u32));
    (source, 0..4_u8, locale, names, genres, year, overview, rating).prop_map(
        |(source, key, locale, names, genres, year, overview, rating)| {
            let mut record = record(source, &key.to_string());
            record.locale = locale.parse().unwrap();
            let roles = [CreditRole::Director, CreditRole::Writer, CreditRole::Actor];
            record.credits = names.into_iter().map(|(name, role)| person(&name, roles[role])).collect();
            record.genres = genres;
            record.release_year = year;
            record.overview = overview;
            record.rating = rating.map(|(mean, votes)| (f64::from(mean) / 10.0, votes));
            record.offers = vec![offer(source, 0.5, i64::from(key)), offer("vudu", 0.5, 50_000 * i64::from(key))];
            record
        },
    )
}

proptest! {
    #[test]
    fn the_order_of_arrival_makes_no_difference(records in prop::collection::vec(arbitrary(), 1..8), turn in 0..8_usize) {
        // The store holds one record for each source and key.
        let unique: BTreeMap<_, _> = records.iter().map(|r| ((&r.source, &r.source_key), r)).collect();
        let forward: Vec<_> = unique.values().copied().collect();
        let mut other: Vec<_> = forward.iter().rev().copied().collect();
        let turn = turn % other.len();
        other.rotate_left(turn);
        let merged = fold(&forward);
        prop_assert_eq!(&merged, &fold(&other));
        let merged = merged.unwrap();
        for record in &forward {
            prop_assert!(record.genres.iter().all(|genre| merged.genres.contains(genre)));
            prop_assert!(merged.translations.contains_key(&record.locale));
        }
        let provided = |own: &&Offer| own.platform == "vudu" && ["tmdb", "watchmode"].contains(&own.source.as_str());
        prop_assert!(merged.offers.iter().filter(provided).count() <= 1);
        prop_assert!((0.0..=1.0).contains(&merged.popularity_score));
        prop_assert!((0.0..=10.0).contains(&merged.average_rating));
    }
}
