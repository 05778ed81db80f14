//! Every provider, faked by its document: what is read of a title, what an adapter asks for, and every fault in turn.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use contracts::{ContentType, CreditRole, Region, Secret, SourceRecord};
use ingest::{
    ClientConfig, Gracenote, JustWatch, PlatformAdapter, ProviderError, StreamingAvailability, Tmdb, Watchmode, YouTube,
};
use jiff::SignedDuration;
use stores_embedded::MemoryCache;

use crate::{
    documents::{CHANNEL, GRACENOTE, JUSTWATCH, STREAMING_AVAILABILITY, WATCHMODE, YOUTUBE},
    fake::{Document, Fault, config, hasty, serve},
    setup::{Setup, setup},
    tmdb,
};

/// A provider under test: its document, how it is made, and its keys of the film that each of them knows.
struct Case {
    document: &'static Document,
    make: fn(ClientConfig, &Setup) -> Arc<dyn PlatformAdapter>,
    key: &'static str,
    missing: &'static str,
}

fn cache() -> Arc<MemoryCache> {
    Arc::new(MemoryCache::new(1 << 20))
}

fn cases() -> [Case; 6] {
    let case = |document, make, key, missing| Case { document, make, key, missing };
    [
        case(
            &STREAMING_AVAILABILITY,
            |c, s| Arc::new(StreamingAvailability::new(c, cache(), s.clock.clone()).unwrap()),
            "77",
            "404",
        ),
        case(&WATCHMODE, |c, s| Arc::new(Watchmode::new(c, cache(), s.clock.clone()).unwrap()), "345", "404"),
        case(&JUSTWATCH, |c, s| Arc::new(JustWatch::new(c, cache(), s.clock.clone()).unwrap()), "tm77", ""),
        case(
            &tmdb::DOCUMENT,
            |c, s| Arc::new(Tmdb::new(c, cache(), s.clock.clone()).unwrap()),
            "movie/11",
            "movie/404",
        ),
        case(
            &YOUTUBE,
            |c, s| Arc::new(YouTube::new(c, &[CHANNEL.to_owned()], cache(), s.clock.clone()).unwrap()),
            "film0000001",
            "nowhere0001",
        ),
        case(
            &GRACENOTE,
            |c, s| Arc::new(Gracenote::new(c, cache(), s.clock.clone()).unwrap()),
            "MV000000010000",
            "MV404",
        ),
    ]
}

fn offers(record: &SourceRecord) -> Vec<String> {
    let price = |record: &contracts::SourceOffer| record.price.as_ref().map(|price| price.amount.to_string());
    let told = |offer: &contracts::SourceOffer| {
        format!("{} {} {}", offer.platform, offer.availability_type, price(offer).unwrap_or_default())
    };
    record.offers.iter().map(|offer| told(offer).trim_end().to_owned()).collect()
}

#[tokio::test]
async fn every_provider_says_what_the_film_is() {
    let s = setup().await;
    for case in cases() {
        let (server, base) = serve(case.document).await;
        let adapter = (case.make)(config(&base, &["good"]), &s);
        let record = adapter.details(case.key, Region::US).await.unwrap().record;
        let source = adapter.source();
        assert_eq!((record.source.as_str(), record.source_key.as_str()), (source, case.key));
        assert_eq!(adapter.knows_offers(), contracts::OFFER_CHAIN.contains(&source), "{source}");
        assert_eq!((record.title.as_str(), record.release_year), ("The Glass Harbour", Some(1999)), "{source}");
        assert_eq!((record.content_type, record.runtime_minutes), (ContentType::Movie, Some(101)), "{source}");
        assert_eq!(record.overview.as_deref(), Some("A pilot waits."), "{source}");
        if !["youtube"].contains(&source) {
            assert_eq!(record.genres, ["science_fiction"], "{source}");
        }
        if !["youtube", "justwatch"].contains(&source) {
            let people: Vec<_> = record.credits.iter().map(|own| (own.role, own.name.as_str())).collect();
            assert_eq!(people, [(CreditRole::Director, "Ada Quill"), (CreditRole::Actor, "Cy Day")], "{source}");
        }
        if !["youtube", "gracenote"].contains(&source) {
            let ids: Vec<_> = record.external_ids.iter().map(|id| id.id_value.as_str()).collect();
            assert!(ids.contains(&"tt1234567") && ids.contains(&"11"), "{source}: {ids:?}");
        }
        assert_eq!(adapter.search("glass harbour", Region::US).await.unwrap(), [case.key], "{source}");
        let asked = server.asked().len();
        adapter.details(case.key, Region::US).await.unwrap();
        assert_eq!(server.asked().len(), asked, "{source}: an answer is kept for its time");
    }
}

#[tokio::test]
async fn offers_are_those_of_the_region() {
    let s = setup().await;
    let expected: [(&str, &[&str], &[&str]); 5] = [
        (
            "streaming_availability",
            &["netflix subscription", "prime_video rent 3.99", "hbo_max_prime_video_channel subscription"],
            &[],
        ),
        ("watchmode", &["netflix subscription", "appletv rent"], &[]),
        (
            "justwatch",
            &["netflix subscription", "prime_video rent 3.99"],
            &["netflix subscription", "prime_video rent 3.99"],
        ),
        ("tmdb", &["disney_plus subscription", "apple_tv_plus rent"], &[]),
        ("youtube", &["youtube free"], &[]),
    ];
    for case in cases().iter().take(5) {
        let (_, base) = serve(case.document).await;
        let adapter = (case.make)(config(&base, &["good"]), &s);
        let (_, here, there) = expected.iter().find(|known| known.0 == adapter.source()).unwrap();
        let record = adapter.refreshed(case.key, Region::US).await.unwrap().record;
        assert_eq!(offers(&record), *here, "{}", adapter.source());
        assert_eq!(adapter.availability(case.key, Region::US).await.unwrap(), record.offers);
        let germany = adapter.details(case.key, "DE".parse().unwrap()).await.unwrap().record;
        assert_eq!(offers(&germany), *there, "{}", adapter.source());
    }
}

#[tokio::test]
async fn an_offer_says_when_it_ends_and_where_it_leads() {
    let s = setup().await;
    let (server, base) = serve(&STREAMING_AVAILABILITY).await;
    let own = StreamingAvailability::new(config(&base, &["good"]), cache(), s.clock.clone()).unwrap();
    let record = own.details("77", Region::US).await.unwrap().record;
    let netflix = &record.offers[0];
    assert_eq!(netflix.expires_at.unwrap().to_string(), "2026-01-08T00:00:00Z");
    assert_eq!(netflix.available_from.unwrap().to_string(), "2023-11-14T22:13:20Z");
    assert_eq!(
        (netflix.web_url.as_str(), netflix.deep_link.as_deref()),
        ("https://example.org/netflix/77", Some("https://example.org/netflix/watch/77"))
    );
    assert_eq!(netflix.checked_at, s.clock.now());
    s.clock.advance(SignedDuration::from_mins(50));
    let kept = own.availability("77", Region::US).await.unwrap();
    assert_eq!((kept[0].checked_at, server.asked().len()), (netflix.checked_at, 1), "a kept answer is as old as it is");
    s.clock.advance(SignedDuration::from_mins(10));
    let anew = own.availability("77", Region::US).await.unwrap();
    assert_eq!((anew[0].checked_at, server.asked().len()), (s.clock.now(), 2), "an hour for offers");
    own.details("77", Region::US).await.unwrap();
    s.clock.advance(SignedDuration::from_mins(31));
    own.refreshed("77", Region::US).await.unwrap();
    assert_eq!(server.asked().len(), 3, "the hourly job is not content with what is half an hour old");
    s.clock.advance(SignedDuration::from_hours(22));
    own.details("77", Region::US).await.unwrap();
    assert_eq!(server.asked().len(), 3, "a day for the rest");
    s.clock.advance(SignedDuration::from_hours(1));
    own.details("77", Region::US).await.unwrap();
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn lists_are_read_page_by_page_and_titles_of_lists_are_not_asked_for_again() {
    let s = setup().await;
    let (server, base) = serve(&STREAMING_AVAILABILITY).await;
    let own = StreamingAvailability::new(config(&base, &["good"]), cache(), s.clock.clone()).unwrap();
    let first = own.catalog(Region::US, None).await.unwrap();
    assert_eq!((first.keys.join(" "), first.next.as_deref()), ("77".to_owned(), Some("a&b:2")));
    let second = own.catalog(Region::US, first.next.as_deref()).await.unwrap();
    assert_eq!((second.keys.join(" "), second.next), ("88".to_owned(), None));
    assert_eq!(own.details("77", Region::US).await.unwrap().record.title, "The Glass Harbour");
    assert_eq!(server.asked().len(), 2);
    let series = own.details("88", Region::US).await.unwrap().record;
    assert_eq!((series.content_type, offers(&series)), (ContentType::TvShow, vec!["tubi free".to_owned()]));
    assert_eq!(server.asked().len(), 3, "the episodes of a series are not in a list");
    let (_, base) = serve(&YOUTUBE).await;
    let tube = YouTube::new(config(&base, &["good"]), &[CHANNEL.to_owned()], cache(), s.clock.clone()).unwrap();
    let first = tube.catalog(Region::US, None).await.unwrap();
    let second = tube.catalog(Region::US, first.next.as_deref()).await.unwrap();
    assert_eq!((first.keys.len(), second.keys.len(), second.next), (2, 1, None));
    for (key, why) in [("short000001", "shorter than 40 minutes"), ("noyear00001", "says no year")] {
        let error = tube.details(key, Region::US).await.unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

/// What each calls the list of its titles, and the pages of it.
const LISTS: [(&str, &str, &[&str]); 5] = [
    ("streaming_availability", "shows", &["77", "88"]),
    ("watchmode", "titles", &["345"]),
    ("justwatch", "edges", &["tm77", ""]),
    ("tmdb", "results", &["movie/11 movie/404", "tv/22"]),
    ("youtube", "items", &["film0000001 short000001", "noyear00001"]),
];

#[tokio::test]
async fn every_provider_lists_its_titles_to_the_end() {
    let s = setup().await;
    for case in cases() {
        let (server, base) = serve(case.document).await;
        let adapter = (case.make)(config(&base, &["good"]), &s);
        let Some(&(source, field, pages)) = LISTS.iter().find(|known| known.0 == adapter.source()) else {
            assert!(!adapter.lists(), "{}", adapter.source());
            let error = adapter.catalog(Region::US, None).await.unwrap_err();
            assert_eq!(error.code(), "provider_not_offered", "{}", adapter.source());
            continue;
        };
        server.fault(&[Fault::Renamed(field)]);
        let error = adapter.catalog(Region::US, None).await.unwrap_err();
        assert_eq!(error.code(), "provider_unexpected_answer", "{source}: what is no list is not an empty one");
        let (mut cursor, mut listed) = (None::<String>, Vec::new());
        while listed.len() <= pages.len() {
            let page = adapter.catalog(Region::US, cursor.as_deref()).await.unwrap();
            listed.push(page.keys.join(" "));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(listed, pages, "{source}");
    }
}

#[tokio::test]
async fn a_sentence_in_place_of_a_link_is_none() {
    let s = setup().await;
    let (_, base) = serve(&WATCHMODE).await;
    let own = Watchmode::new(config(&base, &["good"]), cache(), s.clock.clone()).unwrap();
    let found = own.availability("345", Region::US).await.unwrap();
    let links: Vec<_> = found.iter().map(|offer| offer.deep_link.as_deref()).collect();
    assert_eq!(links, [None, Some("https://example.org/app/345")]);
}

#[tokio::test]
async fn a_list_is_kept_for_six_hours() {
    let s = setup().await;
    let (server, base) = serve(&STREAMING_AVAILABILITY).await;
    let own = StreamingAvailability::new(config(&base, &["good"]), cache(), s.clock.clone()).unwrap();
    let first = own.catalog(Region::US, None).await.unwrap();
    for (minutes, asked) in [(359, 1), (1, 2)] {
        s.clock.advance(SignedDuration::from_mins(minutes));
        assert_eq!(own.catalog(Region::US, None).await.unwrap(), first);
        assert_eq!(server.asked().len(), asked, "{minutes} minutes later");
    }
}

#[tokio::test]
async fn every_provider_survives_every_fault() {
    let s = setup().await;
    // Each waits for its own server: together they take no longer than the slowest.
    futures::future::join_all(cases().iter().map(|case| survives(&s, case))).await;
}

async fn survives(s: &Setup, case: &Case) {
    let (server, base) = serve(case.document).await;
    let passing: [&[Fault]; 7] = [
        &[Fault::Status("503 Service Unavailable"), Fault::Status("500 Oops")],
        &[Fault::Status("429 Too Many Requests\r\nRetry-After: 0")],
        &[Fault::Status("429 Too Many Requests\r\nRetry-After: Thu, 01 Jan 1970 00:00:00 GMT")],
        &[Fault::Cut],
        &[Fault::Silent],
        &[Fault::Body("<html>busy</html>")],
        &[Fault::Body("{\"title\":")],
    ];
    for faults in passing {
        server.fault(faults);
        let made: fn(&str, &[&str]) -> ClientConfig = if matches!(faults, [Fault::Silent]) { hasty } else { config };
        let adapter = (case.make)(made(&base, &["good"]), s);
        let adapted = adapter.details(case.key, Region::US).await;
        assert_eq!(adapted.unwrap().record.title, "The Glass Harbour", "{}", adapter.source());
        assert!(server.is_well());
    }
    let named = async |faults: &[Fault], key: &str, secret: &str| {
        server.fault(faults);
        (case.make)(config(&base, &[secret]), s).details(key, Region::US).await.unwrap_err().code()
    };
    // Fields that were renamed, and an answer of another kind, are no titles: never half of one.
    for strange in ["{}", "[]", "{\"data\":{\"node\":{\"nom\":\"x\"}},\"items\":[{\"nom\":\"x\"}]}", "7"] {
        let code = named(&[Fault::Body(strange)], case.key, "good").await;
        assert!(["provider_unexpected_answer", "provider_title_not_found"].contains(&code), "{strange}: {code}");
    }
    assert_eq!(named(&[], case.key, "bad").await, "provider_key_refused");
    let html = vec![Fault::Body("<html>"); 3];
    assert_eq!(named(&html, case.key, "good").await, "provider_failed");
    let limited = vec![Fault::Status("429 Too Many Requests\r\nRetry-After: 3600"); 3];
    assert_eq!(named(&limited, case.key, "good").await, "provider_failed");
    server.fault(&[]);
    if !case.missing.is_empty() {
        assert_eq!(named(&[], case.missing, "good").await, "provider_title_not_found");
    }
}

/// What tells of offers, as each provider calls it.
const OF_OFFERS: [(&str, &[&str]); 5] = [
    ("streaming_availability", &["streamingOptions", "service", "type", "link"]),
    ("watchmode", &["sources", "name", "type", "region"]),
    ("justwatch", &["offers", "monetizationType", "package", "clearName"]),
    ("tmdb", &["watch/providers", "results", "provider_name", "link"]),
    ("youtube", &["status", "privacyStatus", "uploadStatus"]),
];

/// An answer without offers ends those that were told before: what can't be read must not.
#[tokio::test]
async fn offers_that_can_not_be_read_are_not_gone() {
    let s = setup().await;
    for case in cases().iter().take(5) {
        let (server, base) = serve(case.document).await;
        let make = || (case.make)(config(&base, &["good"]), &s);
        let (source, fields) = OF_OFFERS.iter().find(|known| known.0 == make().source()).unwrap();
        for &field in *fields {
            let adapter = make();
            server.fault(&[Fault::Renamed(field)]);
            let told = adapter.refreshed(case.key, Region::US).await;
            let code = told.map(|adapted| offers(&adapted.record)).map_err(|error| error.code());
            assert_eq!(code, Err("provider_unexpected_answer"), "{source}: {field} renamed");
            let again = adapter.refreshed(case.key, Region::US).await;
            let again = again.map(|adapted| adapted.record.offers.is_empty()).map_err(|error| error.to_string());
            assert_eq!(again, Ok(false), "{source}: what could not be read is not kept for a day: {field}");
        }
    }
}

#[tokio::test]
async fn a_day_has_its_units_and_further_keys_are_used_only_when_asked() {
    let s = setup().await;
    let (server, base) = serve(&YOUTUBE).await;
    let make = |rotate: bool| {
        let config = ClientConfig { rotate, daily_quota: Some(101), ..config(&base, &["good1", "good2"]) };
        YouTube::new(config, &[CHANNEL.to_owned()], cache(), s.clock.clone()).unwrap()
    };
    let one = make(false);
    one.search("harbour", Region::US).await.unwrap();
    one.details("film0000001", Region::US).await.unwrap();
    let error = one.search("street", Region::US).await.unwrap_err();
    assert!(matches!(error, ProviderError::QuotaSpent { .. }), "{error}: a search costs a hundred");
    s.clock.advance(SignedDuration::from_hours(24));
    one.search("street", Region::US).await.unwrap();
    let both = make(true);
    both.search("harbour", Region::US).await.unwrap();
    both.search("street", Region::US).await.unwrap();
    let usual = YouTube::new(config(&base, &["good"]), &[CHANNEL.to_owned()], cache(), s.clock.clone()).unwrap();
    assert_eq!(usual.standing(s.clock.now()).per_day, Some(10_000), "where the operator says nothing else");
    let keys: Vec<_> = server.asked().iter().map(|asked| asked.key.clone()).collect();
    assert_eq!(keys, ["good1", "good1", "good1", "good1", "good2"]);
    // The provider counts too: when it says that the day is over, it is.
    server.fault(&[Fault::Refusal("403 Forbidden", "{\"error\":{\"errors\":[{\"reason\":\"quotaExceeded\"}]}}")]);
    let fresh = make(true);
    fresh.details("film0000001", Region::US).await.unwrap();
    assert_eq!(server.asked().last().unwrap().key, "good2", "the next key");
}

#[tokio::test]
async fn a_title_is_found_by_its_ids_alone() {
    let s = setup().await;
    let (_, base) = serve(&JUSTWATCH).await;
    let justwatch = JustWatch::new(config(&base, &["good"]), cache(), s.clock.clone()).unwrap();
    let (_, base) = serve(&tmdb::DOCUMENT).await;
    let tmdb = Tmdb::new(config(&base, &["good"]), cache(), s.clock.clone()).unwrap();
    let (_, base) = serve(&WATCHMODE).await;
    let watchmode = Watchmode::new(config(&base, &["good"]), cache(), s.clock.clone()).unwrap();
    let adapters: [(&dyn PlatformAdapter, &str); 3] =
        [(&justwatch, "tm77"), (&tmdb, "movie/11"), (&watchmode, "tt1234567")];
    let known = s.film("The Glass Harbour", Some("tt1234567"));
    let namesake = s.film("The Glass Harbour", Some("tt9999999"));
    let nameless = s.film("The Glass Harbour", None);
    for (adapter, key) in adapters {
        assert_eq!(adapter.locate(&known, Region::US).await.unwrap().as_deref(), Some(key));
        if adapter.source() == "justwatch" {
            assert_eq!(adapter.locate(&namesake, Region::US).await.unwrap(), None, "another film of that name");
        }
        assert_eq!(adapter.locate(&nameless, Region::US).await.unwrap(), None, "a name alone is no proof");
    }
}

#[tokio::test]
async fn slow_answers_are_not_waited_for() {
    let s = setup().await;
    let (server, base) = serve(&WATCHMODE).await;
    server.fault(&vec![Fault::Silent; 3]);
    let config = ClientConfig { timeout: Duration::from_millis(50), ..config(&base, &["good"]) };
    let error = Watchmode::new(config, cache(), s.clock.clone()).unwrap().details("345", Region::US).await.unwrap_err();
    assert_eq!(error.to_string(), "watchmode failed: it took too long to answer");
    assert!(!format!("{error:?}").contains("good"), "a key never shows");
}

/// Seasons and episodes of a record, a line each.
fn parts(record: &SourceRecord) -> Vec<String> {
    let mut told = Vec::new();
    for own in &record.seasons {
        let season = &own.season;
        told.push(format!("{} {:?} {:?} {:?}", season.number, season.name, season.air_year, season.episode_count));
        for episode in &own.episodes {
            let (title, overview) = (episode.title.as_deref(), episode.overview.as_deref());
            told.push(format!("{}x{} {title:?} {overview:?}", season.number, episode.number));
        }
    }
    told
}

#[tokio::test]
async fn a_series_of_streaming_availability_has_its_seasons_and_episodes() {
    let s = setup().await;
    let (server, base) = serve(&STREAMING_AVAILABILITY).await;
    let own = StreamingAvailability::new(config(&base, &["good"]), cache(), s.clock.clone()).unwrap();
    let first = own.details("88", Region::US).await.unwrap().record;
    let expected = [
        "1 None Some(2004) None",
        "1x1 Some(\"Pilot\") Some(\"A boat.\")",
        "1x2 None None",
        // Its second episode calls itself the seventh: then no place in the list is a number.
        "2 None Some(2005) None",
        // No season is of 1492.
        "3 None None None",
    ];
    assert_eq!(parts(&first), expected);
    // Hours later its offers are asked for without the episodes, which stay.
    s.clock.advance(SignedDuration::from_hours(3));
    let later = own.refreshed("88", Region::US).await.unwrap().record;
    assert_eq!(later.seasons, first.seasons);
    assert_eq!(later.offers[0].checked_at, s.clock.now());
    let asked: Vec<_> =
        server.asked().iter().map(|asked| asked.param("series_granularity").unwrap().to_owned()).collect();
    assert_eq!(asked, ["episode", "show"]);
}

#[tokio::test]
async fn a_series_of_watchmode_has_its_seasons_and_episodes() {
    let s = setup().await;
    let (server, base) = serve(&WATCHMODE).await;
    let own = Watchmode::new(config(&base, &["good"]), cache(), s.clock.clone()).unwrap();
    let series = own.details("678", Region::US).await.unwrap().record;
    let expected = [
        "1 Some(\"Season 1\") None Some(2)",
        "1x2 Some(\"Low Tide\") None",
        "1x1 Some(\"Pilot\") Some(\"A boat.\")",
        "2 Some(\"The Flood\") None Some(1)",
    ];
    assert_eq!(parts(&series), expected);
    assert_eq!(series.seasons[0].season.air_date.unwrap().to_string(), "2004-01-02");
    assert_eq!(series.seasons[1].season.air_date, None, "no title is of 1492");
    let asked: Vec<_> = server.asked().iter().map(|asked| asked.path.clone()).collect();
    assert_eq!(asked, ["/title/678/details", "/title/678/seasons", "/title/678/episodes"]);
    own.details("678", Region::US).await.unwrap();
    assert_eq!(server.asked().len(), 3, "once a day");
    let film = own.details("345", Region::US).await.unwrap().record;
    assert_eq!((film.seasons.len(), server.asked().len()), (0, 4), "a film is not asked for its seasons");
    // A list that it does not have costs the episodes and nothing else; one that can't be read does not say that there are none.
    let whole = Fault::Body("{\"id\":678,\"title\":\"Harbour Street\",\"type\":\"tv_series\",\"sources\":[]}");
    s.clock.advance(SignedDuration::from_hours(25));
    server.fault(&[whole.clone(), Fault::Status("404 Not Found")]);
    assert_eq!(own.details("678", Region::US).await.unwrap().record.seasons, []);
    s.clock.advance(SignedDuration::from_hours(25));
    server.fault(&[whole, Fault::Body("{\"seasons\":2}")]);
    assert_eq!(own.details("678", Region::US).await.unwrap_err().code(), "provider_unexpected_answer");
}

#[tokio::test]
async fn a_key_that_changed_is_shown_from_the_next_request_on() {
    let s = setup().await;
    let (server, base) = serve(&YOUTUBE).await;
    let file = Arc::new(Mutex::new("good1\n".to_owned()));
    let read = Arc::clone(&file);
    let keys = Secret::live(move || read.lock().unwrap().clone());
    let make = |rotate: bool| {
        let keys = keys.clone();
        let config = ClientConfig { keys, rotate, daily_quota: Some(101), ..config(&base, &[]) };
        YouTube::new(config, &[CHANNEL.to_owned()], cache(), s.clock.clone()).unwrap()
    };
    let (one, all) = (make(false), make(true));
    for provider in [&one, &all] {
        provider.search("harbour", Region::US).await.unwrap();
        assert!(matches!(provider.search("street", Region::US).await, Err(ProviderError::QuotaSpent { .. })));
    }
    *file.lock().unwrap() = "good2\ngood1\n".to_owned();
    for provider in [&one, &all] {
        provider.search("street", Region::US).await.unwrap();
    }
    // What was used of a key that stays is not forgotten: one unit is left of each.
    all.refreshed("film0000001", Region::US).await.unwrap();
    all.catalog(Region::US, None).await.unwrap();
    assert!(matches!(all.search("rain", Region::US).await, Err(ProviderError::QuotaSpent { .. })));
    let shown: Vec<_> = server.asked().iter().map(|asked| asked.key.clone()).collect();
    assert_eq!(shown, ["good1", "good1", "good2", "good2", "good2", "good1"]);
    // While there is none, those from before count.
    file.lock().unwrap().clear();
    one.refreshed("film0000001", Region::US).await.unwrap();
    assert_eq!(server.asked().last().unwrap().key, "good2");
}
