//! Jobs that take long: they go on at the page where they were, and show meanwhile how far they are.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use contracts::{Content, Region};
use ingest::{
    ClientConfig, Ingest, IngestConfig, JobStatus, Mapping, PlatformAdapter, RunOptions, RunRequest,
    StreamingAvailability, Watchmode,
};
use jiff::SignedDuration;
use rstest::rstest;
use serde_json::{Value, json};
use stores_embedded::MemoryCache;
use tokio::sync::MutexGuard;
use tokio_util::sync::CancellationToken;

use crate::{
    chain,
    documents::{STREAMING_AVAILABILITY, WATCHMODE},
    fake::{Asked, Document, Fault, Key, Reply, Server, config, serve},
    http, jobs,
    setup::{Setup, setup},
    tmdb,
};

const JOBS: &str = "/api/v1/internal/jobs";
/// So many titles that a walk over them is three pages of a hundred, the last one short.
const TITLES: usize = 230;

/// Titles with IMDb ids that no provider knows: each is one question. Their ids in the order of a walk.
async fn many(s: &Setup) -> Vec<String> {
    let mut text = "id,name,year,imdb\n".to_owned();
    for n in 0..TITLES {
        text += &format!("{n},The Harbour Number {n},{},tt{}\n", 1950 + n % 70, 2_000_000 + n);
    }
    let options = RunOptions { mapping: Some(Mapping::from_toml(chain::MAPPING).unwrap()), ..RunOptions::default() };
    s.request(&RunRequest { location: s.file("films.csv", text), options }).await.unwrap();
    let imdb = |title: Content| title.external_ids.into_iter().find(|id| id.id_type == "imdb").unwrap().id_value;
    let ids: Vec<String> = s.titles().await.into_iter().map(imdb).collect();
    assert_eq!(ids.len(), TITLES);
    ids
}

fn with(s: &Setup, name: &str, adapter: Arc<dyn PlatformAdapter>, max_asked: u64) -> Arc<Ingest> {
    let providers = BTreeMap::from([(name.to_owned(), (adapter, Region::US))]);
    let config = IngestConfig { providers, max_asked, ..IngestConfig::new(s.folder.path().join("data")) };
    Arc::new(Ingest::new(s.db(), s.catalog.clone(), s.clock.clone(), testkit::rng(), config))
}

/// A node with one provider, and its server. With each question a tenth of a second passes: it may be asked no faster.
async fn node(s: &Setup, max_asked: u64) -> (Arc<Ingest>, Arc<Server>) {
    let (server, base) = serve(&STREAMING_AVAILABILITY).await;
    let cache = Arc::new(MemoryCache::new(1 << 20));
    let adapter = StreamingAvailability::new(config(&base, &["good"]), cache, s.clock.clone()).unwrap();
    let (clock, asked) = (s.clock.clone(), server.clone());
    tokio::spawn(async move {
        let mut seen = 0;
        loop {
            let now = asked.asked().len();
            for _ in seen..now {
                clock.advance(SignedDuration::from_millis(100));
            }
            seen = now;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    (with(s, "streaming_availability", Arc::new(adapter), max_asked), server)
}

/// What a provider was asked for after its first `from` questions; what is asked again at once counts once.
fn paths(server: &Server, from: usize) -> Vec<String> {
    let mut paths: Vec<String> = server.asked().into_iter().skip(from).map(|asked| asked.path).collect();
    paths.dedup();
    paths
}

fn about(ids: &[String]) -> Vec<String> {
    ids.iter().map(|id| format!("/shows/{id}")).collect()
}

/// A fault after so many answers.
fn after(answers: usize, fault: &[Fault]) -> Vec<Fault> {
    [&vec![Fault::None; answers][..], fault].concat()
}

async fn until(so: impl Fn() -> bool) {
    for _ in 0..30_000 {
        if so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("it does not come to that");
}

#[rstest]
#[case::availability("availability")]
#[case::enrichment("enrichment")]
#[tokio::test]
async fn a_walk_goes_on_where_it_was_after_a_fault_and_at_its_page_after_a_kill(#[case] job: &str) {
    let s = setup().await;
    let ids = many(&s).await;
    let (node, server) = node(&s, 5_000).await;

    // In the middle of the second page the key is taken no more.
    server.fault(&after(104, &[Fault::Status("403 Forbidden")]));
    let error = node.run_job(&s.call, job, &s.stop, &|_| {}).await.unwrap_err();
    assert_eq!((error.code.as_ref(), paths(&server, 0)), ("provider_key_refused", about(&ids[..105])));
    let failed = node.job(&s.call, job).await.unwrap();
    assert_eq!((failed.status, failed.done), (JobStatus::Failed, 104));

    // A page from there on, and in the middle of the last the process is gone.
    server.fault(&after(110, &[Fault::Silent, Fault::Silent, Fault::Silent]));
    let (gone, call, name) = (node.clone(), s.call.clone(), job.to_owned());
    let gone = tokio::spawn(async move { gone.run_job(&call, &name, &CancellationToken::new(), &|_| {}).await });
    until(|| server.asked().len() >= 105 + 111).await;
    let running = node.job(&s.call, job).await.unwrap();
    assert_eq!((running.status, running.done), (JobStatus::Running, 204), "it counts on");
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    assert_eq!(paths(&server, 105), about(&ids[104..215]));

    // Whoever starts then does the last page alone.
    server.fault(&[]);
    let before = server.asked().len();
    node.recover().await.unwrap();
    assert_eq!(node.run_due(&s.stop).await.unwrap(), 1, "its time has come");
    assert_eq!(paths(&server, before), about(&ids[204..]));
    let done = node.job(&s.call, job).await.unwrap();
    assert_eq!((done.status, done.done), (JobStatus::Waiting, TITLES as u64));
}

/// At two neighbours it always fails, and the breaker opens before the third is asked about.
#[rstest]
#[case::at_the_beginning(0)]
#[case::in_the_middle(104)]
#[tokio::test]
async fn titles_that_a_provider_always_fails_at_keep_the_walk_waiting_for_some_runs_only(#[case] well: usize) {
    let s = setup().await;
    let ids = many(&s).await;
    let (node, server) = node(&s, 5_000).await;
    let oops = Fault::Status("500 Oops");
    // The breaker lets one question through.
    for (faults, part, done) in [
        (after(well, &vec![oops.clone(); 5]), &ids[..well + 2], well),
        (vec![oops.clone()], &ids[well..well + 1], well + 1),
        (vec![oops], &ids[well + 1..well + 2], well + 2),
    ] {
        server.fault(&faults);
        let before = server.asked().len();
        let error = node.run_job(&s.call, "availability", &s.stop, &|_| {}).await.unwrap_err();
        assert_eq!((error.code.as_ref(), paths(&server, before)), ("provider_left_alone", about(part)));
        assert_eq!(node.job(&s.call, "availability").await.unwrap().done, done as u64);
        s.clock.advance(SignedDuration::from_mins(1));
    }
    let before = server.asked().len();
    let job = node.run_job(&s.call, "availability", &s.stop, &|_| {}).await.unwrap();
    assert_eq!((paths(&server, before), job.done), (about(&ids[well + 2..]), TITLES as u64));
}

#[tokio::test]
async fn a_run_asks_about_so_many_titles_and_the_next_goes_on_behind_them() {
    let s = setup().await;
    let ids = many(&s).await;
    let (node, server) = node(&s, 100).await;
    for part in [&ids[..100], &ids[100..200], &ids[200..], &ids[..100]] {
        let before = server.asked().len();
        let job = node.run_job(&s.call, "availability", &s.stop, &|_| {}).await.unwrap();
        assert_eq!((paths(&server, before), job.done), (about(part), part.len() as u64));
    }
}

#[tokio::test]
async fn a_list_goes_on_at_the_page_that_could_not_be_read() {
    let s = setup().await;
    let (server, base) = serve(&tmdb::DOCUMENT).await;
    // Each is another process: it does not know what the one before was answered.
    let node = || with(&s, "tmdb", Arc::new(tmdb::tmdb(&s, &base, &["good"])), 5_000);
    server.fault(&after(3, &[Fault::Status("403 Forbidden")]));
    let error = node().run_job(&s.call, "refresh_tmdb", &s.stop, &|_| {}).await.unwrap_err();
    assert_eq!(error.code, "provider_key_refused");
    assert_eq!(paths(&server, 0), ["/3/discover/movie", "/3/movie/11", "/3/movie/404", "/3/discover/tv"]);
    let node = node();
    let failed = node.job(&s.call, "refresh_tmdb").await.unwrap();
    assert_eq!((failed.status, failed.done), (JobStatus::Failed, 2));
    let job = node.run_job(&s.call, "refresh_tmdb", &s.stop, &|_| {}).await.unwrap();
    assert_eq!(paths(&server, 4), ["/3/discover/tv", "/3/tv/22"], "the second page alone");
    assert_eq!((job.status, job.done, s.titles().await.len()), (JobStatus::Waiting, 3, 2));
}

#[tokio::test]
async fn a_list_begins_anew_where_its_place_is_none_any_more() {
    let s = setup().await;
    let (server, base) = serve(&STREAMING_AVAILABILITY).await;
    let node = || {
        let cache = Arc::new(MemoryCache::new(1 << 20));
        let adapter = StreamingAvailability::new(config(&base, &["good"]), cache, s.clock.clone()).unwrap();
        with(&s, "streaming_availability", Arc::new(adapter), 5_000)
    };
    let job = "refresh_streaming_availability";
    server.fault(&after(1, &[Fault::Status("403 Forbidden")]));
    let error = node().run_job(&s.call, job, &s.stop, &|_| {}).await.unwrap_err();
    assert_eq!(error.code, "provider_key_refused");
    // It knows the place no more.
    server.fault(&[Fault::Status("400 Bad Request")]);
    let done = node().run_job(&s.call, job, &s.stop, &|_| {}).await.unwrap();
    let pages: Vec<Option<String>> = server
        .asked()
        .iter()
        .filter(|asked| asked.path == "/shows/search/filters")
        .map(|asked| asked.param("cursor").map(str::to_owned))
        .collect();
    let second = Some("a&b:2".to_owned());
    assert_eq!(pages, [None, second.clone(), second.clone(), None, second]);
    assert_eq!((done.status, done.done, s.titles().await.len()), (JobStatus::Waiting, 2, 2));
}

/// The pages of lists that a provider was asked for after its first `from` questions: `movie 1`.
fn pages(server: &Server, from: usize) -> Vec<String> {
    let asked = server.asked();
    let page = |asked: &Asked| Some(format!("{} {}", asked.path.strip_prefix("/3/discover/")?, asked.param("page")?));
    asked[from..].iter().filter_map(page).collect()
}

#[tokio::test]
async fn films_and_series_have_their_share_of_a_run_and_the_next_goes_on() {
    let s = setup().await;
    let (server, base) = serve(&tmdb::LONG).await;
    let node = with(&s, "tmdb", Arc::new(tmdb::tmdb(&s, &base, &["good"])), 2);
    let call = contracts::Call { deadline: jiff::Timestamp::MAX, ..s.call.clone() };
    for part in [&["movie 1", "tv 1"][..], &["movie 2", "tv 2"], &["movie 3"], &["movie 1", "tv 1"]] {
        let before = server.asked().len();
        let job = node.run_job(&call, "refresh_tmdb", &s.stop, &|_| {}).await.unwrap();
        assert_eq!(pages(&server, before), part);
        assert_eq!(job.done, part.len() as u64);
        // Until then its answers are kept.
        s.clock.advance(SignedDuration::from_hours(6));
    }
}

#[tokio::test]
async fn a_list_whose_place_was_forgotten_is_read_from_its_beginning() {
    let s = setup().await;
    let (server, base) = serve(&tmdb::LONG).await;
    let node = with(&s, "tmdb", Arc::new(tmdb::tmdb(&s, &base, &["good"])), 2);
    let call = contracts::Call { deadline: jiff::Timestamp::MAX, ..s.call.clone() };
    node.run_job(&call, "refresh_tmdb", &s.stop, &|_| {}).await.unwrap();
    s.clock.advance(SignedDuration::from_hours(6));
    let before = server.asked().len();
    server.fault(&[Fault::Status("400 Bad Request")]);
    let job = node.run_job(&call, "refresh_tmdb", &s.stop, &|_| {}).await.unwrap();
    assert_eq!(pages(&server, before), ["movie 2", "movie 1", "tv 1"]);
    assert_eq!(job.status, JobStatus::Waiting);
}

#[tokio::test]
async fn a_list_begins_anew_at_most_once_a_run() {
    let s = setup().await;
    let (server, base) = serve(&tmdb::LONG).await;
    let node = |most| with(&s, "tmdb", Arc::new(tmdb::tmdb(&s, &base, &["good"])), most);
    node(2).run_job(&s.call, "refresh_tmdb", &s.stop, &|_| {}).await.unwrap();
    let before = server.asked().len();
    // Where the run before ended, and again when this one comes there from the beginning: each page has one title.
    let bad = Fault::Status("400 Bad Request");
    server.fault(&[bad.clone(), Fault::None, Fault::None, Fault::None, Fault::None, bad]);
    let error = node(5_000).run_job(&s.call, "refresh_tmdb", &s.stop, &|_| {}).await.unwrap_err();
    assert_eq!(error.code, "provider_unexpected_answer");
    assert_eq!(pages(&server, before), ["movie 2", "movie 1", "tv 1", "movie 2"]);
}

/// One page of five films.
static FIVE: Document = Document { key: Key::Query("apiKey"), operations: WATCHMODE.operations, answer: five };

fn five(asked: &Asked) -> Reply {
    if asked.path == "/list-titles" {
        let titles: Vec<Value> = (1..=5).map(|id| json!({ "id": id })).collect();
        return Reply::of(&json!({ "titles": titles, "page": 1, "total_pages": 1 }));
    }
    let id: usize = asked.path.split('/').nth(2).unwrap().parse().unwrap();
    let title = ["Glass", "Salt", "Ember", "Tide", "Lantern"][id - 1];
    Reply::of(&json!({ "id": id, "type": "movie", "title": title, "year": 1960 + id, "sources": [] }))
}

/// A node that reads their list, with so many units a day.
async fn lister(s: &Setup, daily_quota: Option<u32>) -> (Arc<Ingest>, Arc<Server>) {
    let (server, base) = serve(&FIVE).await;
    let config = ClientConfig { daily_quota, ..config(&base, &["good"]) };
    let adapter = Watchmode::new(config, Arc::new(MemoryCache::new(1 << 20)), s.clock.clone()).unwrap();
    (with(s, "watchmode", Arc::new(adapter), 5_000), server)
}

/// Which of them it was asked about after its first `from` questions; what is asked again at once counts once.
fn films(server: &Server, from: usize) -> Vec<String> {
    let film = |path: &String| Some(path.strip_prefix("/title/")?.strip_suffix("/details")?.to_owned());
    paths(server, from).iter().filter_map(film).collect()
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[tokio::test]
async fn a_list_is_read_on_within_its_page_when_a_day_has_fewer_units_than_that() {
    let s = setup().await;
    // One for the page, three for each of two films.
    let (node, server) = lister(&s, Some(7)).await;
    for (day, of_the_day) in [["1", "2"], ["3", "4"]].iter().enumerate() {
        let before = server.asked().len();
        let error = node.run_job(&s.call, "refresh_watchmode", &s.stop, &|_| {}).await.unwrap_err();
        assert_eq!(error.code, "provider_quota_spent");
        assert_eq!(films(&server, before), *of_the_day);
        let job = node.job(&s.call, "refresh_watchmode").await.unwrap();
        assert_eq!((job.status, job.done), (JobStatus::Failed, 2 * (day as u64 + 1)));
        s.clock.advance(SignedDuration::from_hours(24));
    }
    let before = server.asked().len();
    let job = node.run_job(&s.call, "refresh_watchmode", &s.stop, &|_| {}).await.unwrap();
    assert_eq!((films(&server, before), job.status, job.done), (owned(&["5"]), JobStatus::Waiting, 5));
    assert_eq!(s.titles().await.len(), 5);
}

#[tokio::test]
async fn titles_that_a_provider_always_fails_at_keep_its_list_waiting_for_some_runs_only() {
    let s = setup().await;
    let (node, server) = lister(&s, None).await;
    let oops = Fault::Status("500 Oops");
    for (faults, part, done) in [
        (after(2, &vec![oops.clone(); 5]), &["1", "2", "3"][..], 1),
        (vec![oops.clone()], &["2"][..], 2),
        (vec![oops], &["3"][..], 3),
    ] {
        server.fault(&faults);
        let before = server.asked().len();
        let error = node.run_job(&s.call, "refresh_watchmode", &s.stop, &|_| {}).await.unwrap_err();
        assert_eq!((error.code.as_ref(), films(&server, before)), ("provider_left_alone", owned(part)));
        assert_eq!(node.job(&s.call, "refresh_watchmode").await.unwrap().done, done);
        s.clock.advance(SignedDuration::from_mins(1));
    }
    let before = server.asked().len();
    let job = node.run_job(&s.call, "refresh_watchmode", &s.stop, &|_| {}).await.unwrap();
    assert_eq!((films(&server, before), job.done), (owned(&["4", "5"]), 5));
}

/// Lets through what waits at the gate of the catalogue, and is at the gate before the next.
async fn one_more<'a>(s: &'a Setup, gate: MutexGuard<'a, ()>) -> MutexGuard<'a, ()> {
    let (gate, ()) = tokio::join!(biased; s.catalog.gate.lock(), async move { drop(gate) });
    gate
}

/// Waits until the route of a job says so.
async fn shows(app: &Router, job: &str, status: &str, done: u64) {
    let mut told = Value::Null;
    for _ in 0..3_000 {
        told = http::send(app, http::get(&format!("{JOBS}/{job}"))).await.2;
        if (&told["status"], &told["done"]) == (&json!(status), &json!(done)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("not {status} with {done}: {told}");
}

/// Runs a job, holds it up whenever it turns to the catalogue, and looks how far it is by then; and where it ended.
async fn is_seen(s: &Setup, node: Arc<Ingest>, job: &str, steps: &[u64], end: u64) {
    let app = http::framed(s, node);
    let asked = || s.catalog.asked.load(Ordering::SeqCst);
    let (before, mut gate) = (asked(), s.catalog.gate.lock().await);
    let run = Request::post(format!("{JOBS}/{job}/runs")).header(header::AUTHORIZATION, "Bearer secret");
    assert_eq!(http::send(&app, run.body(Body::empty()).unwrap()).await.0, StatusCode::ACCEPTED);
    for (step, done) in steps.iter().enumerate() {
        until(|| asked() > before + step).await;
        shows(&app, job, "running", *done).await;
        gate = one_more(s, gate).await;
    }
    drop(gate);
    shows(&app, job, "waiting", end).await;
}

#[tokio::test]
async fn how_far_a_walk_is_is_seen_while_it_runs() {
    let s = setup().await;
    let days: Vec<(usize, &str)> = (1..=700).map(|id| (id, "2026-01-03")).collect();
    jobs::offers_until(&s, &days).await;
    is_seen(&s, s.ingest.clone(), "expiry_warnings", &[0, 500, 700], 700).await;
}

#[tokio::test]
async fn how_far_a_feed_is_read_is_seen_while_it_is() {
    let s = setup().await;
    let rows: String = (1..=1_200).map(|id| format!("{id},The Harbour {id},\n")).collect();
    let location = s.file("films.csv", format!("id,name,until\n{rows}"));
    let node = Arc::new(jobs::with_feed(&s, &location, Some(jobs::MAPPING)));
    is_seen(&s, node, "refresh_festival", &[0, 500, 1_000], 1_200).await;
}
