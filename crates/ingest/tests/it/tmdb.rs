//! TMDb, faked at the socket by the facts of its OpenAPI document: paths, parameters, and a bearer token. A request
//! that the document does not allow is answered 422, which no test here expects.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use contracts::{ContentType, Region};
use ingest::{ClientConfig, Ingest, IngestConfig, JobStatus, PlatformAdapter, ProviderError, Tmdb};
use serde_json::{Value, json};
use stores_embedded::MemoryCache;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::setup::{Setup, setup};

/// Paths of the document and the parameters that each takes.
const DOCUMENT: &[(&str, &[&str])] = &[
    ("/3/discover/movie", &["page", "watch_region", "with_watch_monetization_types", "sort_by", "include_adult"]),
    ("/3/discover/tv", &["page", "watch_region", "with_watch_monetization_types", "sort_by", "include_adult"]),
    ("/3/search/multi", &["query", "include_adult", "language", "page"]),
    ("/3/movie/{}", &["append_to_response", "language"]),
    ("/3/tv/{}", &["append_to_response", "language"]),
    ("/3/movie/{}/watch/providers", &[]),
    ("/3/tv/{}/watch/providers", &[]),
];

/// How the server misbehaves, one answer after the other; then it is well.
#[derive(Clone)]
enum Fault {
    Status(&'static str),
    Body(&'static str),
    /// Half of the body, then the end.
    Cut,
    Silent,
}

#[derive(Default)]
struct Server {
    asked: Mutex<Vec<String>>,
    faults: Mutex<Vec<Fault>>,
}

impl Server {
    fn fault(&self, faults: &[Fault]) {
        *self.faults.lock().unwrap() = faults.iter().rev().cloned().collect();
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn server() -> (Arc<Server>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = Arc::new(Server::default());
    let shared = server.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(answer(socket, shared.clone()));
        }
    });
    (server, address)
}

async fn answer(mut socket: TcpStream, server: Arc<Server>) {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if socket.read(&mut byte).await.unwrap_or(0) == 0 {
            return;
        }
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).unwrap();
    let target = head.split(' ').nth(1).unwrap().to_owned();
    server.asked.lock().unwrap().push(target.clone());
    let fault = server.faults.lock().unwrap().pop();
    let (status, body) = match (&fault, head.to_lowercase().contains("authorization: bearer good")) {
        (_, false) => ("401 Unauthorized", "{}".to_owned()),
        (Some(Fault::Status(status)), _) => (*status, "{}".to_owned()),
        (Some(Fault::Body(body)), _) => ("200 OK", (*body).to_owned()),
        (Some(Fault::Silent), _) => return tokio::time::sleep(Duration::from_secs(5)).await,
        _ => documented(&target),
    };
    let sent = if matches!(fault, Some(Fault::Cut)) { &body[..body.len() / 2] } else { &body };
    let text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{sent}", body.len());
    let _ = socket.write_all(text.as_bytes()).await;
}

/// The answer to a request that the document allows.
fn documented(target: &str) -> (&'static str, String) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    // The 3 of the version is no parameter.
    let part = |(at, part)| if at > 1 && str::parse::<u64>(part).is_ok() { "{}" } else { part };
    let shape: Vec<&str> = path.split('/').enumerate().map(part).collect();
    let Some((_, params)) = DOCUMENT.iter().find(|known| known.0 == shape.join("/")) else {
        return ("422 Unprocessable", format!("no path {path}"));
    };
    let names = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split('=').next().unwrap());
    if let Some(strange) = names.into_iter().find(|name| !params.contains(name)) {
        return ("422 Unprocessable", format!("no parameter {strange}"));
    }
    let body = match path {
        "/3/discover/movie" => json!({ "page": 1, "results": [{ "id": 11 }, { "id": 404 }], "total_pages": 1 }),
        "/3/discover/tv" => json!({ "page": 1, "results": [{ "id": 22 }], "total_pages": 1 }),
        "/3/search/multi" => {
            json!({ "results": [{ "id": 11, "media_type": "movie" }, { "id": 5, "media_type": "person" }] })
        }
        "/3/movie/11" => film(),
        "/3/tv/22" => json!({ "id": 22, "name": "Harbour Street", "first_air_date": "2004-01-02", "genres": [],
            "number_of_seasons": 7, "number_of_episodes": 70, "backdrop_path": "/b.jpg" }),
        "/3/movie/11/watch/providers" => json!({ "id": 11, "results": offers() }),
        _ => return ("404 Not Found", "{}".to_owned()),
    };
    ("200 OK", body.to_string())
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
        "origin_country": ["FR"], "spoken_languages": [{ "english_name": "French", "iso_639_1": "fr" }],
        "poster_path": "/p.jpg", "vote_average": 7.5, "vote_count": 120,
        "credits": {
            "cast": [{ "name": "Cy Day" }],
            "crew": [{ "name": "Ada Quill", "job": "Director" }, { "name": "Bo Finch", "job": "Catering" }],
        },
        "external_ids": { "imdb_id": "tt1234567", "wikidata_id": "Q77" },
        "release_dates": { "results": [
            { "iso_3166_1": "US", "release_dates": [{ "certification": "" }, { "certification": "PG-13" }] },
        ] },
        "watch/providers": { "results": offers() },
    })
}

fn tmdb(s: &Setup, base: &str, keys: &[&str]) -> Tmdb {
    let keys = keys.iter().map(|key| (*key).to_owned()).collect();
    let config = ClientConfig { base: base.parse().unwrap(), keys, rotate: false, timeout: Duration::from_millis(400) };
    Tmdb::new(config, Arc::new(MemoryCache::new(1 << 20)), s.clock.clone()).unwrap()
}

#[tokio::test]
async fn a_title_with_its_offers() {
    let s = setup().await;
    let (server, base) = server().await;
    let tmdb = tmdb(&s, &base, &["good"]);
    let record = tmdb.details("movie/11", Region::US).await.unwrap();
    assert_eq!((record.source.as_str(), record.title.as_str()), ("tmdb", "The Glass Harbour"));
    assert_eq!(
        (record.content_type, record.release_year, record.runtime_minutes),
        (ContentType::Movie, Some(1999), Some(101))
    );
    let ids: Vec<_> = record.external_ids.iter().map(|id| format!("{}:{}", id.id_type, id.id_value)).collect();
    assert_eq!(ids, ["tmdb_movie:11", "imdb:tt1234567", "wikidata:Q77"]);
    let people: Vec<_> = record.credits.iter().map(|c| format!("{} {}", c.role, c.name)).collect();
    assert_eq!(people, ["director Ada Quill", "actor Cy Day"]);
    assert_eq!(record.ratings[0].2, "PG-13");
    let offers: Vec<_> =
        record.offers.iter().map(|offer| (offer.platform.as_str(), offer.availability_type.as_str())).collect();
    assert_eq!(offers, [("disney_plus", "subscription"), ("apple_tv_plus", "rent")]);
    assert_eq!(record.offers, tmdb.availability("movie/11", Region::US).await.unwrap());
    let series = tmdb.details("tv/22", Region::US).await.unwrap();
    assert_eq!((series.season_count, record.season_count), (Some(7), None));
    let pictures: Vec<_> =
        [&record, &series].iter().flat_map(|r| &r.images).map(|i| (i.kind.as_str(), i.url.as_str())).collect();
    let host = "https://image.tmdb.org/t/p";
    assert_eq!(pictures, [("poster", &*format!("{host}/w780/p.jpg")), ("backdrop", &*format!("{host}/w1280/b.jpg"))]);
    assert!(tmdb.availability("movie/11", "DE".parse().unwrap()).await.unwrap().is_empty());
    assert_eq!(tmdb.search("glass harbour").await.unwrap(), ["movie/11"]);
    let before = server.asked().len();
    tmdb.details("movie/11", Region::US).await.unwrap();
    assert_eq!(server.asked().len(), before, "an answer is kept for its time");
}

#[tokio::test]
async fn faults_pass_or_are_named() {
    let s = setup().await;
    let (server, base) = server().await;
    let passing: [&[Fault]; 4] = [
        &[Fault::Status("503 Service Unavailable"), Fault::Status("500 Oops")],
        &[Fault::Cut],
        &[Fault::Silent],
        &[Fault::Body("<html>busy</html>"), Fault::Body("{\"title\":")],
    ];
    for faults in passing {
        server.fault(faults);
        tmdb(&s, &base, &["good"]).details("movie/11", Region::US).await.unwrap();
        assert!(server.faults.lock().unwrap().is_empty());
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
}

#[tokio::test]
async fn a_pause_that_is_asked_for_is_kept() {
    let s = setup().await;
    let (server, base) = server().await;
    let tmdb = tmdb(&s, &base, &["good"]);
    server.fault(&[Fault::Status("429 Too Many Requests\r\nRetry-After: 1")]);
    let clock = s.clock.clone();
    let (record, ()) = tokio::join!(tmdb.details("movie/11", Region::US), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(server.asked().len(), 1);
        clock.advance(jiff::SignedDuration::from_secs(1));
    });
    record.unwrap();
    s.clock.advance(jiff::SignedDuration::from_secs(10));
    server.fault(&[Fault::Status("429 Too Many Requests\r\nRetry-After: 3600")]);
    let error = tmdb.details("tv/22", Region::US).await.unwrap_err();
    assert_eq!(error.to_string(), "tmdb failed: it asked to be left alone for 3600 s");
}

#[tokio::test]
async fn a_provider_that_is_down_is_left_alone_for_a_minute() {
    let s = setup().await;
    let (server, base) = server().await;
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

#[tokio::test]
async fn a_job_reads_what_it_lists_and_goes_on_after_a_fault() {
    let s = setup().await;
    let (server, base) = server().await;
    let adapter: Arc<dyn PlatformAdapter> = Arc::new(tmdb(&s, &base, &["good"]));
    let config = IngestConfig {
        providers: BTreeMap::from([("tmdb".to_owned(), (adapter, Region::US))]),
        ..IngestConfig::new(s.folder.path().join("data"))
    };
    let node = Ingest::new(s.db(), s.catalog.clone(), s.clock.clone(), testkit::rng(), config);
    server.fault(&[Fault::Status("500 Oops"), Fault::Status("500 Oops"), Fault::Status("500 Oops")]);
    let error = node.run_job(&s.call, "refresh_tmdb", &s.stop, &|_| {}).await.unwrap_err();
    assert_eq!(error.code, "provider_failed");
    assert!(s.titles().await.is_empty());
    let job = node.run_job(&s.call, "refresh_tmdb", &s.stop, &|_| {}).await.unwrap();
    assert_eq!(job.status, JobStatus::Waiting);
    assert_eq!(job.summary.as_deref(), Some("3 rows: 2 created, 0 merged, 0 updated, 0 unchanged, 1 rejected"));
    let titles = s.titles().await;
    assert_eq!(titles.len(), 2);
    let film = titles.iter().find(|title| title.content_type == ContentType::Movie).unwrap();
    assert_eq!((film.availability.len(), film.availability[0].source.as_str()), (2, "tmdb"));
}
