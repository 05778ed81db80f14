//! TMDb, faked at the socket by the facts of its OpenAPI document. What one provider is tested for here holds for all:
//! they share the client.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use contracts::{ContentType, Region};
use ingest::{ClientConfig, Ingest, IngestConfig, JobStatus, PlatformAdapter, ProviderError, Tmdb};
use serde_json::{Value, json};
use stores_embedded::MemoryCache;

use crate::{
    fake::{Asked, Document, Fault, Key, Reply, config, hasty, serve},
    setup::{Setup, setup},
};

/// What we use of the document: paths, and the parameters that each takes.
pub static DOCUMENT: Document = Document {
    key: Key::Bearer,
    operations: &[
        ("GET", "/3/discover/movie", &[PAGE, REGION, TERMS, ADULT, FILMS_BY]),
        ("GET", "/3/discover/tv", &[PAGE, REGION, TERMS, ADULT, SERIES_BY]),
        ("GET", "/3/search/multi", &["query!", "include_adult", "language", "page"]),
        (
            "GET",
            "/3/find/{}",
            &[
                "external_source!=imdb_id|facebook_id|instagram_id|tvdb_id|tiktok_id|twitter_id|wikidata_id|youtube_id",
                "language",
            ],
        ),
        ("GET", "/3/movie/{}", &["append_to_response", "language"]),
        ("GET", "/3/tv/{}", &["append_to_response", "language"]),
        ("GET", "/3/tv/{}/season/{}", &["append_to_response", "language"]),
        ("GET", "/3/movie/{}/watch/providers", &[]),
        ("GET", "/3/tv/{}/watch/providers", &[]),
    ],
    answer,
};
/// Three pages of films and two of series, a title on each, of which it knows no more.
pub static LONG: Document = Document { key: Key::Bearer, operations: DOCUMENT.operations, answer: long };
const PAGE: &str = "page";
const REGION: &str = "watch_region";
const TERMS: &str = "with_watch_monetization_types";
const ADULT: &str = "include_adult";
const FILMS_BY: &str = "sort_by=original_title.asc|original_title.desc|popularity.asc|popularity.desc|revenue.asc|revenue.desc|\
    primary_release_date.asc|primary_release_date.desc|title.asc|title.desc|vote_average.asc|vote_average.desc|vote_count.asc|\
    vote_count.desc";
const SERIES_BY: &str = "sort_by=first_air_date.asc|first_air_date.desc|name.asc|name.desc|original_name.asc|original_name.desc|\
    popularity.asc|popularity.desc|vote_average.asc|vote_average.desc|vote_count.asc|vote_count.desc";

fn answer(asked: &Asked) -> Reply {
    let body = match asked.path.as_str() {
        "/3/discover/movie" => json!({ "page": 1, "results": [{ "id": 11 }, { "id": 404 }], "total_pages": 1 }),
        "/3/discover/tv" => json!({ "page": 1, "results": [{ "id": 22 }], "total_pages": 1 }),
        "/3/search/multi" => {
            json!({ "results": [{ "id": 11, "media_type": "movie" }, { "id": 5, "media_type": "person" }] })
        }
        "/3/find/tt1234567" => json!({ "movie_results": [{ "id": 11 }], "tv_results": [] }),
        "/3/movie/11" => film(),
        "/3/tv/22" => json!({ "id": 22, "name": "Harbour Street", "first_air_date": "2004-01-02", "genres": [],
            "number_of_seasons": 7, "number_of_episodes": 70, "backdrop_path": "/b.jpg",
            "watch/providers": { "results": {} } }),
        "/3/tv/33" => json!({ "id": 33, "name": "Salt Road", "genres": [], "number_of_seasons": 2, "seasons": [
            season(0, "Specials", "", 2), season(1, "Season 1", "2004-01-02", 2), season(2, "", "0000-00-00", 0),
        ], "watch/providers": { "results": {} } }),
        "/3/tv/33/season/1" => json!({ "season_number": 1, "name": "Season 1", "episodes": [
            { "episode_number": 1, "name": "Pilot", "overview": "A boat.", "air_date": "2004-01-02", "runtime": 51 },
            { "episode_number": 2, "name": "", "overview": "", "air_date": null, "runtime": null },
        ] }),
        "/3/movie/11/watch/providers" => json!({ "id": 11, "results": offers() }),
        _ => return Reply::missing(),
    };
    Reply::of(&body)
}

fn long(asked: &Asked) -> Reply {
    let pages = match asked.path.as_str() {
        "/3/discover/movie" => 3,
        "/3/discover/tv" => 2,
        _ => return Reply::missing(),
    };
    let page: u64 = asked.param("page").unwrap().parse().unwrap();
    Reply::of(&json!({ "page": page, "results": [{ "id": 100 + page }], "total_pages": pages }))
}

fn season(number: u16, name: &str, air_date: &str, episodes: u16) -> Value {
    json!({ "id": 500 + number, "season_number": number, "name": name, "overview": "", "poster_path": null,
        "air_date": air_date, "episode_count": episodes, "vote_average": 0 })
}

fn offers() -> Value {
    let provider = |name: &str| json!({ "provider_id": 1, "provider_name": name, "logo_path": "/x.jpg" });
    json!({ "US": {
        "link": "https://www.themoviedb.org/movie/11/watch?locale=US",
        "flatrate": [provider("Disney Plus"), provider("Disney Plus")], "rent": [provider("Apple TV")],
    } })
}

fn film() -> Value {
    json!({
        "id": 11, "title": "The Glass Harbour", "original_title": "Le port de verre", "overview": "A pilot waits.",
        "release_date": "1999-03-31", "runtime": 101, "genres": [{ "id": 878, "name": "Science Fiction" }],
        "origin_country": ["FR"], "spoken_languages": [
            { "english_name": "French", "iso_639_1": "fr" }, { "english_name": "Cantonese", "iso_639_1": "cn" },
            { "english_name": "Mandarin", "iso_639_1": "zh" }, { "english_name": "Dothraki", "iso_639_1": "qq" },
        ],
        "poster_path": "/p.jpg", "vote_average": 7.5, "vote_count": 120,
        "credits": {
            "cast": [{ "name": "Cy Day" }],
            "crew": [{ "name": "Ada Quill", "job": "Director" }, { "name": "Bo Finch", "job": "Catering" }],
        },
        "external_ids": { "imdb_id": "tt1234567", "wikidata_id": "Q77" },
        "release_dates": { "results": [
            { "iso_3166_1": "US", "release_dates": [{ "certification": "" }, { "certification": "PG-13" }] },
            { "iso_3166_1": "DE", "release_dates": [{ "certification": "12" }] },
            { "iso_3166_1": "AQ", "release_dates": [{ "certification": "P" }] },
        ] },
        "watch/providers": { "results": offers() },
    })
}

pub fn tmdb(s: &Setup, base: &str, keys: &[&str]) -> Tmdb {
    Tmdb::new(config(base, keys), Arc::new(MemoryCache::new(1 << 20)), s.clock.clone()).unwrap()
}

#[tokio::test]
async fn a_title_with_its_offers() {
    let s = setup().await;
    let (server, base) = serve(&DOCUMENT).await;
    let tmdb = tmdb(&s, &base, &["good"]);
    let adapted = tmdb.details("movie/11", Region::US).await.unwrap();
    assert_eq!(adapted.unread_languages, ["qq"]);
    let record = adapted.record;
    assert_eq!((record.source.as_str(), record.title.as_str()), ("tmdb", "The Glass Harbour"));
    assert_eq!(
        (record.content_type, record.release_year, record.runtime_minutes),
        (ContentType::Movie, Some(1999), Some(101))
    );
    let ids: Vec<_> = record.external_ids.iter().map(|id| format!("{}:{}", id.id_type, id.id_value)).collect();
    assert_eq!(ids, ["tmdb_movie:11", "imdb:tt1234567", "wikidata:Q77"]);
    let people: Vec<_> = record.credits.iter().map(|c| format!("{} {}", c.role, c.name)).collect();
    assert_eq!(people, ["director Ada Quill", "actor Cy Day"]);
    let languages: Vec<_> = record.languages.iter().map(|language| language.as_str()).collect();
    assert_eq!(languages, ["fr", "yue", "zh"], "BCP 47 knows no cn");
    let mut ratings: Vec<_> = record.ratings.iter().map(|(region, by, mark)| format!("{region} {by} {mark}")).collect();
    ratings.sort_unstable();
    assert_eq!(ratings, ["DE fsk 12", "US mpa PG-13"], "of every region whose board we know");
    let offers: Vec<_> =
        record.offers.iter().map(|offer| (offer.platform.as_str(), offer.availability_type.as_str())).collect();
    assert_eq!(offers, [("disney_plus", "subscription"), ("apple_tv_plus", "rent")]);
    assert_eq!(record.offers, tmdb.availability("movie/11", Region::US).await.unwrap());
    let series = tmdb.details("tv/22", Region::US).await.unwrap().record;
    assert_eq!((series.season_count, record.season_count), (Some(7), None));
    let pictures: Vec<_> =
        [&record, &series].iter().flat_map(|r| &r.images).map(|i| (i.kind.as_str(), i.url.as_str())).collect();
    let host = "https://image.tmdb.org/t/p";
    assert_eq!(pictures, [("poster", &*format!("{host}/w780/p.jpg")), ("backdrop", &*format!("{host}/w1280/b.jpg"))]);
    assert!(tmdb.availability("movie/11", "DE".parse().unwrap()).await.unwrap().is_empty());
    assert_eq!(tmdb.search("glass harbour", Region::US).await.unwrap(), ["movie/11"]);
    let before = server.asked().len();
    tmdb.details("movie/11", Region::US).await.unwrap();
    assert_eq!(server.asked().len(), before, "an answer is kept for its time");
}

#[tokio::test]
async fn a_place_in_its_films_that_an_earlier_release_kept_leads_to_its_series_too() {
    let s = setup().await;
    let (_server, base) = serve(&LONG).await;
    let tmdb = tmdb(&s, &base, &["good"]);
    let (mut cursor, mut keys) = (Some("movie/2".to_owned()), Vec::new());
    while let Some(place) = cursor {
        let listed = tmdb.catalog(Region::US, Some(&place)).await.unwrap();
        keys.extend(listed.keys);
        cursor = listed.next;
    }
    assert_eq!(keys, ["movie/102", "tv/101", "movie/103", "tv/102"]);
}

#[tokio::test]
async fn a_series_has_its_seasons_and_their_episodes() {
    let s = setup().await;
    let (server, base) = serve(&DOCUMENT).await;
    let record = tmdb(&s, &base, &["good"]).details("tv/33", Region::US).await.unwrap().record;
    let told: Vec<_> = record.seasons.iter().map(|told| serde_json::to_value(told).unwrap()).collect();
    let expected = [
        json!({ "season": { "number": 0, "name": "Specials", "episode_count": 2 } }),
        json!({ "season": { "number": 1, "name": "Season 1", "air_date": "2004-01-02", "episode_count": 2 }, "episodes": [
            { "number": 1, "title": "Pilot", "overview": "A boat.", "air_date": "2004-01-02", "runtime_minutes": 51 },
            { "number": 2 },
        ] }),
        json!({ "season": { "number": 2 } }),
    ];
    assert_eq!(told, expected, "a season that it does not have after all has no episodes");
    let asked: Vec<_> = server.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(asked, ["/3/tv/33", "/3/tv/33/season/1", "/3/tv/33/season/0"], "the newest first, and none without");
    // What can't be read does not say that a season has no episodes any more.
    let series = "{\"id\":33,\"name\":\"Salt Road\",\"watch/providers\":{\"results\":{}},\
        \"seasons\":[{\"season_number\":1,\"episode_count\":2}]}";
    server.fault(&[Fault::Body(series), Fault::Body("{\"id\":501}")]);
    let error = tmdb(&s, &base, &["good"]).details("tv/33", Region::US).await.unwrap_err();
    assert_eq!(error.code(), "provider_unexpected_answer");
}

#[tokio::test]
async fn faults_pass_or_are_named() {
    let s = setup().await;
    let (server, base) = serve(&DOCUMENT).await;
    let passing: [&[Fault]; 4] = [
        &[Fault::Status("503 Service Unavailable"), Fault::Status("500 Oops")],
        &[Fault::Cut],
        &[Fault::Silent],
        &[Fault::Body("<html>busy</html>"), Fault::Body("{\"title\":")],
    ];
    for faults in passing {
        server.fault(faults);
        let made: fn(&str, &[&str]) -> ClientConfig = if matches!(faults, [Fault::Silent]) { hasty } else { config };
        let cache = Arc::new(MemoryCache::new(1 << 20));
        let tmdb = Tmdb::new(made(&base, &["good"]), cache, s.clock.clone()).unwrap();
        tmdb.details("movie/11", Region::US).await.unwrap();
        assert!(server.is_well());
        s.clock.advance(jiff::SignedDuration::from_secs(60));
    }
    let named = async |faults: &[Fault], key: &str, keys: &[&str]| {
        server.fault(faults);
        tmdb(&s, &base, keys).details(key, Region::US).await.unwrap_err()
    };
    assert_eq!(named(&[], "movie/404", &["good"]).await.code(), "provider_title_not_found");
    assert_eq!(named(&[], "movie/11", &["bad"]).await.code(), "provider_key_refused");
    assert_eq!(named(&[], "shelf/11", &["good"]).await.code(), "provider_unexpected_answer");
    assert_eq!(named(&[Fault::Body("{}")], "movie/11", &["good"]).await.code(), "provider_unexpected_answer");
    let html = [Fault::Body("<html>"), Fault::Body("<html>"), Fault::Body("<html>")];
    let error = named(&html, "movie/11", &["good"]).await;
    assert_eq!(error.to_string(), "tmdb failed: it answered HTML");
    server.fault(&[Fault::Body("x".repeat(9 << 20).leak())]);
    let error = tmdb(&s, &base, &["good"]).details("movie/11", Region::US).await.unwrap_err().to_string();
    assert!(error.ends_with("does not describe: more than 8388608 bytes"), "{error}");
}

#[tokio::test]
async fn a_pause_that_is_asked_for_is_kept() {
    let s = setup().await;
    let (server, base) = serve(&DOCUMENT).await;
    let tmdb = tmdb(&s, &base, &["good"]);
    server.fault(&[Fault::Status("429 Too Many Requests\r\nRetry-After: 1")]);
    let clock = s.clock.clone();
    let (record, ()) = tokio::join!(tmdb.details("movie/11", Region::US), async {
        while server.asked().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(server.asked().len(), 1);
        clock.advance(jiff::SignedDuration::from_secs(1));
    });
    record.unwrap();
    s.clock.advance(jiff::SignedDuration::from_secs(10));
    server.fault(&[Fault::Status("429 Too Many Requests\r\nRetry-After: 3600")]);
    let error = tmdb.details("tv/22", Region::US).await.unwrap_err();
    assert_eq!(error.to_string(), "tmdb failed: it asked to be left alone for 3600 s");
    let tmdb = self::tmdb(&s, &base, &["good"]);
    server.fault(&[Fault::Status("429 Too Many Requests\r\nRetry-After: Thu, 01 Jan 2026 02:00:11 GMT")]);
    let error = tmdb.details("tv/22", Region::US).await.unwrap_err();
    assert_eq!(error.to_string(), "tmdb failed: it asked to be left alone for 7200 s", "until a moment");
}

#[tokio::test]
async fn a_provider_that_is_down_is_left_alone_for_a_minute() {
    let s = setup().await;
    let (server, base) = serve(&DOCUMENT).await;
    let tmdb = tmdb(&s, &base, &["good"]);
    let down: Vec<Fault> = (0..5).map(|_| Fault::Status("500 Oops")).collect();
    server.fault(&down);
    assert_eq!(tmdb.details("movie/11", Region::US).await.unwrap_err().code(), "provider_failed");
    let error = tmdb.details("movie/11", Region::US).await.unwrap_err();
    assert!(matches!(error, ProviderError::LeftAlone { .. }), "{error}");
    let asked = server.asked().len();
    assert_eq!(asked, 5);
    tmdb.details("movie/11", Region::US).await.unwrap_err();
    assert_eq!(server.asked().len(), asked, "nobody is sent there");
    s.clock.advance(jiff::SignedDuration::from_secs(60));
    tmdb.details("movie/11", Region::US).await.unwrap();
}

/// A node that has it as its provider.
fn node(s: &Setup, base: &str) -> Ingest {
    let adapter: Arc<dyn PlatformAdapter> = Arc::new(tmdb(s, base, &["good"]));
    let config = IngestConfig {
        providers: BTreeMap::from([("tmdb".to_owned(), (adapter, Region::US))]),
        ..IngestConfig::new(s.folder.path().join("data"))
    };
    Ingest::new(s.db(), s.catalog.clone(), s.clock.clone(), testkit::rng(), config)
}

#[tokio::test]
async fn a_title_that_it_fails_at_keeps_no_other_of_its_list_out() {
    let s = setup().await;
    let (server, base) = serve(&DOCUMENT).await;
    let oops = Fault::Status("500 Oops");
    server.fault(&[Fault::None, oops.clone(), oops.clone(), oops]);
    let job = node(&s, &base).run_job(&s.call, "refresh_tmdb", &s.stop, &|_| {}).await.unwrap();
    assert_eq!(job.status, JobStatus::Waiting);
    let told = "3 rows: 1 created, 0 merged, 0 updated, 0 unchanged, 2 rejected; \
        tmdb failed: it answered 500 Internal Server Error; tmdb has no such title";
    assert_eq!(job.summary.as_deref(), Some(told));
    assert_eq!(s.titles().await[0].title, "Harbour Street");
}

#[tokio::test]
async fn what_was_told_before_a_list_broke_off_is_taken_in() {
    let s = setup().await;
    let (server, base) = serve(&DOCUMENT).await;
    server.fault(&[Fault::None, Fault::None, Fault::Status("403 Forbidden")]);
    let error = node(&s, &base).run_job(&s.call, "refresh_tmdb", &s.stop, &|_| {}).await.unwrap_err();
    assert_eq!(error.code, "provider_key_refused");
    assert_eq!(s.titles().await.into_iter().map(|title| title.title).collect::<Vec<_>>(), ["The Glass Harbour"]);
}

#[tokio::test]
async fn a_job_reads_what_it_lists_and_goes_on_after_a_fault() {
    let s = setup().await;
    let (server, base) = serve(&DOCUMENT).await;
    let node = node(&s, &base);
    server.fault(&[Fault::Status("500 Oops"), Fault::Status("500 Oops"), Fault::Status("500 Oops")]);
    let error = node.run_job(&s.call, "refresh_tmdb", &s.stop, &|_| {}).await.unwrap_err();
    assert_eq!(error.code, "provider_failed");
    assert!(s.titles().await.is_empty());
    let job = node.run_job(&s.call, "refresh_tmdb", &s.stop, &|_| {}).await.unwrap();
    assert_eq!(job.status, JobStatus::Waiting);
    let told = "3 rows: 2 created, 0 merged, 0 updated, 0 unchanged, 1 rejected; \
        languages that can't be read, and were left out: 1, such as qq; tmdb has no such title";
    assert_eq!(job.summary.as_deref(), Some(told));
    let titles = s.titles().await;
    assert_eq!(titles.len(), 2);
    let film = titles.iter().find(|title| title.content_type == ContentType::Movie).unwrap();
    assert_eq!((film.availability.len(), film.availability[0].source.as_str()), (2, "tmdb"));
}
