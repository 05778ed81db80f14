//! The jobs that ask providers about titles that are there: who is asked, what it costs when one is down.

use std::{collections::BTreeMap, sync::Arc};

use contracts::{Content, Region};
use ingest::{
    ClientConfig, Ingest, IngestConfig, JobStatus, Mapping, PlatformAdapter, RunOptions, RunRequest,
    StreamingAvailability, Tmdb,
};
use jiff::SignedDuration;
use serde_json::json;
use stores_embedded::MemoryCache;

use crate::{
    documents::{JUSTWATCH, STREAMING_AVAILABILITY, WATCHMODE},
    fake::{Fault, Server, config, serve},
    setup::{Setup, setup},
    tmdb,
};

pub const MAPPING: &str = "source = \"archive\"\ntype = \"movie\"\n[columns]\nkey = \"id\"\ntitle = \"name\"\nyear = \"year\"\n\
    [ids]\nimdb = \"imdb\"\n";

/// A node with these providers, over the setup's database and catalogue, and a server for each.
async fn node(s: &Setup, names: &[&str]) -> (Ingest, Vec<Arc<Server>>) {
    let (mut providers, mut servers) = (BTreeMap::new(), Vec::new());
    for name in names {
        let cache = Arc::new(MemoryCache::new(1 << 20));
        let (server, adapter): (_, Arc<dyn PlatformAdapter>) = match *name {
            "tmdb" => {
                let (server, base) = serve(&tmdb::DOCUMENT).await;
                (server, Arc::new(Tmdb::new(config(&base, &["good"]), cache, s.clock.clone()).unwrap()))
            }
            "watchmode" => {
                let (server, base) = serve(&WATCHMODE).await;
                (server, Arc::new(ingest::Watchmode::new(config(&base, &["good"]), cache, s.clock.clone()).unwrap()))
            }
            "justwatch" => {
                let (server, base) = serve(&JUSTWATCH).await;
                (server, Arc::new(ingest::JustWatch::new(config(&base, &["good"]), cache, s.clock.clone()).unwrap()))
            }
            _ => {
                let (server, base) = serve(&STREAMING_AVAILABILITY).await;
                let own = StreamingAvailability::new(config(&base, &["good"]), cache, s.clock.clone()).unwrap();
                (server, Arc::new(own))
            }
        };
        providers.insert((*name).to_owned(), (adapter, Region::US));
        servers.push(server);
    }
    let config = IngestConfig { providers, ..IngestConfig::new(s.folder.path().join("data")) };
    (Ingest::new(s.db(), s.catalog.clone(), s.clock.clone(), testkit::rng(), config), servers)
}

/// A film that both providers know by its id, one that neither knows, and one without an id.
async fn films(s: &Setup) {
    let text =
        "id,name,year,imdb\n1,The Glass Harbour,1999,tt1234567\n2,Nobody's Film,1960,tt0000404\n3,Idless,1970,\n";
    let options = RunOptions { mapping: Some(Mapping::from_toml(MAPPING).unwrap()), ..RunOptions::default() };
    s.request(&RunRequest { location: s.file("films.csv", text), options }).await.unwrap();
}

async fn harbour(s: &Setup) -> Content {
    s.titles().await.into_iter().find(|title| title.title == "The Glass Harbour").unwrap()
}

/// Offers as `source platform checked-at-hour`.
async fn offers(s: &Setup) -> Vec<String> {
    let told = |offer: &contracts::Offer| {
        let at = offer.checked_at.to_string();
        format!("{} {} {}", offer.source, offer.platform, &at[11..16])
    };
    harbour(s).await.availability.iter().map(told).collect()
}

#[tokio::test]
async fn a_provider_that_is_down_for_an_hour_costs_its_freshness_and_nothing_else() {
    let s = setup().await;
    films(&s).await;
    let (node, servers) = node(&s, &["streaming_availability", "tmdb"]).await;
    node.run_due(&s.stop).await.unwrap();
    s.clock.advance(SignedDuration::from_hours(1));
    assert_eq!(node.run_due(&s.stop).await.unwrap(), 2, "availability and expiry warnings");
    let first = [
        "streaming_availability hbo_max_prime_video_channel 01:00",
        "streaming_availability netflix 01:00",
        "streaming_availability prime_video 01:00",
    ];
    assert_eq!(offers(&s).await, first, "the first of the chain that knows it");
    assert!(servers[1].asked().iter().all(|asked| asked.path.contains("tt0000404")), "the other is not asked about it");
    let facts = harbour(&s).await;

    servers[0].down(true);
    s.clock.advance(SignedDuration::from_hours(1));
    node.run_due(&s.stop).await.unwrap();
    let job = node.job(&s.call, "availability").await.unwrap();
    assert_eq!(job.status, JobStatus::Waiting, "{:?}", job.error);
    let told = job.summary.unwrap();
    assert!(told.contains("streaming_availability failed: it answered 503"), "{told}");
    let warned = node.job(&s.call, "expiry_warnings").await.unwrap();
    assert_eq!(warned.status, JobStatus::Waiting, "other work goes on");
    let second = ["tmdb apple_tv_plus 02:00", "tmdb disney_plus 02:00"];
    let mut expected = [&first[..], &second[..]].concat();
    expected.sort_by_key(|told| told.split(' ').nth(1).unwrap().to_owned());
    let mut found = offers(&s).await;
    found.sort_by_key(|told| told.split(' ').nth(1).unwrap().to_owned());
    assert_eq!(found, expected, "its offers are as old as they are; the next of the chain helps out");
    let now = harbour(&s).await;
    assert_eq!((&now.id, &now.title, now.release_year), (&facts.id, &facts.title, facts.release_year));
    assert_eq!(s.titles().await.len(), 3);

    servers[0].down(false);
    s.clock.advance(SignedDuration::from_hours(1));
    node.run_due(&s.stop).await.unwrap();
    let fresh = offers(&s).await;
    assert!(fresh.len() == 5 && fresh.iter().all(|offer| offer.ends_with("03:00")), "{fresh:?}");
}

/// Whatever their names' order: Streaming Availability, Watchmode, JustWatch (C4). What one said stands for a day.
#[tokio::test]
async fn the_chain_is_asked_in_its_order_as_far_as_somebody_answers() {
    let s = setup().await;
    films(&s).await;
    let names = ["streaming_availability", "watchmode", "justwatch"];
    let (node, servers) = node(&s, &names).await;
    let call = contracts::Call { deadline: jiff::Timestamp::MAX, ..s.call.clone() };
    for (hour, name) in names.iter().enumerate() {
        node.run_job(&call, "availability", &s.stop, &|_| {}).await.unwrap();
        let fresh = format!("{hour:02}:00");
        let told: Vec<String> = offers(&s).await.into_iter().filter(|offer| offer.ends_with(&fresh)).collect();
        let theirs = told.iter().filter(|offer| offer.starts_with(&format!("{name} "))).count();
        assert!(theirs > 0 && theirs == told.len(), "{hour}: {told:?}");
        servers[hour].down(true);
        s.clock.advance(SignedDuration::from_hours(25));
    }
}

#[tokio::test]
async fn who_is_down_for_a_day_makes_way_on_each_platform_until_it_is_back() {
    let s = setup().await;
    films(&s).await;
    let (node, servers) = node(&s, &["streaming_availability", "watchmode"]).await;
    let call = contracts::Call { deadline: jiff::Timestamp::MAX, ..s.call.clone() };
    let after = async |hours: i64, down: bool| {
        s.clock.advance(SignedDuration::from_hours(hours));
        servers[0].down(down);
        node.run_job(&call, "availability", &s.stop, &|_| {}).await.unwrap();
        let plain = |told: &String| told.rsplit_once(' ').unwrap().0.to_owned();
        let mut stands: Vec<String> = offers(&s).await.iter().map(plain).collect();
        stands.sort();
        stands
    };
    let others = ["streaming_availability hbo_max_prime_video_channel", "streaming_availability prime_video"];
    let (first, next) = ("streaming_availability netflix", "watchmode netflix");
    let both = [others[0], first, others[1], "watchmode appletv"];
    assert_eq!(after(0, true).await, ["watchmode appletv", next]);
    assert_eq!(after(1, false).await, both, "each platform has the first of its chain that has it");
    assert_eq!(after(23, true).await, both, "an hour or a day costs nothing but freshness");
    assert_eq!(after(1, true).await, [others[0], others[1], "watchmode appletv", next]);
    assert_eq!(after(1, false).await, both, "it is asked first, and again");
}

#[tokio::test]
async fn where_the_first_no_longer_has_a_title_the_next_is_asked_about_it_at_once() {
    let s = setup().await;
    films(&s).await;
    let (node, servers) = node(&s, &["streaming_availability", "watchmode"]).await;
    let call = contracts::Call { deadline: jiff::Timestamp::MAX, ..s.call.clone() };
    node.run_job(&call, "availability", &s.stop, &|_| {}).await.unwrap();
    assert!(offers(&s).await.iter().all(|offer| offer.starts_with("streaming_availability ")), "the first has all");
    s.clock.advance(SignedDuration::from_hours(1));
    let left = json!({ "service": { "name": "Prime Video" }, "type": "rent", "link": "https://example.org/prime/77" });
    let show = json!({ "id": "77", "showType": "movie", "title": "The Glass Harbour", "releaseYear": 1999,
        "imdbId": "tt1234567", "streamingOptions": { "us": [left] } });
    let body: &'static str = show.to_string().leak();
    servers[0].fault(&vec![Fault::Body(body); 2]);
    node.run_job(&call, "availability", &s.stop, &|_| {}).await.unwrap();
    let mut now = offers(&s).await;
    now.sort();
    assert_eq!(now, ["streaming_availability prime_video 01:00", "watchmode appletv 01:00", "watchmode netflix 01:00"]);
}

#[tokio::test]
async fn when_the_only_provider_is_down_the_job_fails_and_nothing_changes() {
    let s = setup().await;
    films(&s).await;
    let (node, servers) = node(&s, &["streaming_availability"]).await;
    node.run_job(&s.call, "availability", &s.stop, &|_| {}).await.unwrap();
    let before = s.export().await;
    servers[0].down(true);
    s.clock.advance(SignedDuration::from_hours(1));
    node.run_due(&s.stop).await.unwrap();
    let job = node.job(&s.call, "availability").await.unwrap();
    assert_eq!((job.status, job.next_at.to_string().as_str()), (JobStatus::Failed, "2026-01-01T02:00:00Z"));
    assert_eq!(s.export().await, before);
    servers[0].down(false);
    s.clock.advance(SignedDuration::from_hours(1));
    node.run_due(&s.stop).await.unwrap();
    assert_eq!(node.job(&s.call, "availability").await.unwrap().status, JobStatus::Waiting);
    assert!(offers(&s).await.iter().all(|offer| offer.ends_with("02:00")));
}

#[tokio::test]
async fn a_provider_that_changes_its_fields_or_answers_html_costs_its_freshness_and_says_why() {
    let s = setup().await;
    films(&s).await;
    let (node, servers) = node(&s, &["streaming_availability"]).await;
    let call = contracts::Call { deadline: jiff::Timestamp::MAX, ..s.call.clone() };
    let next_hour = async |faults: &[Fault]| {
        servers[0].fault(faults);
        let done = node.run_job(&call, "availability", &s.stop, &|_| {}).await;
        s.clock.advance(SignedDuration::from_hours(1));
        done.map(|job| job.summary.unwrap())
    };
    let well = "2 of 3 titles asked about: 0 updated, 1 merged, 0 unchanged";
    assert_eq!(next_hour(&[]).await.unwrap(), well, "that it has no such title is nothing to tell of");
    let before = s.export().await;
    let stated = async || stores::events::read(&s.db(), 0, 1_000).await.unwrap().len();
    let news = stated().await;
    assert_eq!(offers(&s).await.len(), 3);
    let told = next_hour(&vec![Fault::Renamed("streamingOptions"); 2]).await.unwrap();
    let why = "streaming_availability answered what its documentation does not describe: \
        what an answer must have is missing";
    assert_eq!(told, format!("2 of 3 titles asked about: 0 updated, 0 merged, 0 unchanged; {why}"));
    let error = next_hour(&vec![Fault::Body("<html>busy</html>"); 6]).await.unwrap_err();
    assert_eq!(error.code, "provider_left_alone");
    assert_eq!(s.export().await, before, "nobody said that an offer is gone");
    assert!(offers(&s).await.iter().all(|offer| offer.ends_with("00:00")));
    next_hour(&[]).await.unwrap();
    assert!(offers(&s).await.iter().all(|offer| offer.ends_with("03:00")));
    assert_eq!(stated().await, news, "nor is it news that it still says the same");
}

/// The catalogue refuses a batch as a whole: one title must not keep a page of a list out, now and at every next try.
#[tokio::test]
async fn a_title_that_can_not_be_taken_in_is_turned_away_alone() {
    let s = setup().await;
    let (node, servers) = node(&s, &["streaming_availability"]).await;
    let show = |id: &str, title: &str, link: &str| {
        let offer = json!({ "service": { "name": "Netflix" }, "type": "subscription", "link": link });
        json!({ "id": id, "showType": "movie", "title": title, "releaseYear": 1999, "tmdbId": "movie/",
            "streamingOptions": { "us": [offer] } })
    };
    let far = format!("https://example.org/{}", "x".repeat(2_000));
    let mut early = show("4", "Too Early", "https://example.org/4");
    early["releaseYear"] = json!(1492);
    let shows = [
        early,
        show("1", "Glass", "https://example.org/1"),
        show("2", "Salt", &far),
        show("3", "Ember", "https://example.org/\u{0}3"),
    ];
    let page = json!({ "shows": shows, "hasMore": false }).to_string();
    servers[0].fault(&[Fault::Body(page.leak())]);
    let done = node.run_job(&s.call, "refresh_streaming_availability", &s.stop, &|_| {}).await.unwrap();
    let told = "4 rows: 2 created, 0 merged, 0 updated, 0 unchanged, 2 rejected; \
        streaming_availability: address of an offer has 2020 characters, more than 2000; \
        streaming_availability: release year is 1492, outside 1870 to 2036";
    assert_eq!((done.status, done.summary.as_deref()), (JobStatus::Waiting, Some(told)), "{:?}", done.error);
    let mut titles: Vec<String> = s.titles().await.into_iter().map(|title| title.title).collect();
    titles.sort_unstable();
    assert_eq!(titles, ["Ember", "Glass"]);
}

#[tokio::test]
async fn a_title_that_a_provider_fails_at_keeps_no_other_from_being_asked_about() {
    let s = setup().await;
    films(&s).await;
    let (node, servers) = node(&s, &["streaming_availability"]).await;
    servers[0].fault(&vec![Fault::Status("500 Oops"); 3]);
    let job = node.run_job(&s.call, "availability", &s.stop, &|_| {}).await.unwrap();
    let told = job.summary.unwrap();
    assert!(told.starts_with("2 of 3 titles asked about: "), "{told}");
    assert!(told.contains("; streaming_availability failed: it answered 500"), "{told}");
    let mut asked: Vec<String> = servers[0].asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(asked.len(), 4, "three times about the one, once about the other: {asked:?}");
    asked.dedup();
    assert_eq!(asked.len(), 2);
}

/// A day may have fewer units than a page has titles.
#[tokio::test]
async fn what_was_answered_before_the_quota_was_spent_is_taken_in_and_the_next_day_goes_on_there() {
    let s = setup().await;
    films(&s).await;
    let (server, base) = serve(&STREAMING_AVAILABILITY).await;
    let own = ClientConfig { daily_quota: Some(1), ..config(&base, &["good"]) };
    let own = StreamingAvailability::new(own, Arc::new(MemoryCache::new(1 << 20)), s.clock.clone()).unwrap();
    let own: Arc<dyn PlatformAdapter> = Arc::new(own);
    let config = IngestConfig {
        providers: BTreeMap::from([("streaming_availability".to_owned(), (own, Region::US))]),
        ..IngestConfig::new(s.folder.path().join("data"))
    };
    let node = Ingest::new(s.db(), s.catalog.clone(), s.clock.clone(), testkit::rng(), config);
    let error = node.run_job(&s.call, "availability", &s.stop, &|_| {}).await.unwrap_err();
    assert_eq!((error.code.as_ref(), server.asked().len()), ("provider_quota_spent", 1));
    s.clock.advance(SignedDuration::from_hours(24));
    let job = node.run_job(&s.call, "availability", &s.stop, &|_| {}).await.unwrap();
    assert_eq!(job.status, JobStatus::Waiting);
    let mut asked: Vec<String> = server.asked().into_iter().map(|asked| asked.path).collect();
    asked.sort_unstable();
    assert_eq!(asked, ["/shows/tt0000404", "/shows/tt1234567"], "each once");
    assert_eq!(offers(&s).await.len(), 3, "whichever was first");
}

#[tokio::test]
async fn enrichment_asks_until_nothing_is_missing() {
    let s = setup().await;
    films(&s).await;
    let (node, servers) = node(&s, &["streaming_availability", "tmdb"]).await;
    let job = node.run_job(&s.call, "enrichment", &s.stop, &|_| {}).await.unwrap();
    let told = "2 of 3 titles asked about: 0 updated, 2 merged, 0 unchanged; \
        languages that can't be read, and were left out: 1, such as qq";
    assert_eq!(job.summary.as_deref(), Some(told));
    let film = harbour(&s).await;
    assert_eq!((film.overview.as_deref(), film.runtime_minutes), (Some("A pilot waits."), Some(101)));
    assert_eq!(film.ratings[&Region::US].certificate, "PG-13", "only the second provider has certificates");
    let asked = servers[0].asked().len() + servers[1].asked().len();
    s.clock.advance(SignedDuration::from_hours(24));
    let again = node.run_job(&s.call, "enrichment", &s.stop, &|_| {}).await.unwrap();
    assert_eq!(again.summary.as_deref(), Some("1 of 3 titles asked about: 0 updated, 0 merged, 0 unchanged"));
    let more = servers[0].asked().len() + servers[1].asked().len() - asked;
    assert!(more <= 2, "{more}: what is complete is not asked about");
}

#[tokio::test]
async fn jobs_are_there_where_their_providers_are() {
    let s = setup().await;
    let names = async |node: &Ingest| -> Vec<String> {
        node.jobs(&s.call).await.unwrap().into_iter().map(|job| format!("{} {}", job.name, job.schedule)).collect()
    };
    assert_eq!(names(&s.ingest).await, ["expiry_warnings */15 * * * *"]);
    let (node, _) = node(&s, &["tmdb"]).await;
    assert_eq!(
        names(&node).await,
        [
            "refresh_tmdb 0 */6 * * *",
            "availability 0 * * * *",
            "withdrawals 30 2 * * *",
            "enrichment 0 3 * * *",
            "expiry_warnings */15 * * * *"
        ]
    );
}

#[tokio::test]
async fn what_a_provider_no_longer_has_is_withdrawn_with_an_event() {
    let s = setup().await;
    films(&s).await;
    let (node, servers) = node(&s, &["streaming_availability", "tmdb"]).await;
    let run = async |job: &str| {
        let call = contracts::Call { deadline: jiff::Timestamp::MAX, ..s.call.clone() };
        node.run_job(&call, job, &s.stop, &|_| {}).await.unwrap().summary.unwrap()
    };
    run("availability").await;
    assert_eq!(offers(&s).await.len(), 3);
    s.clock.advance(SignedDuration::from_hours(29 * 24));
    assert_eq!(run("withdrawals").await, "offers of 0 titles withdrawn that were not confirmed for 30 days");
    s.clock.advance(SignedDuration::from_hours(2 * 24));
    // It has the title no more, and the next of the chain knows other offers.
    servers[0].fault(&vec![Fault::Status("404 Not Found"); 8]);
    run("availability").await;
    assert_eq!(offers(&s).await.len(), 5);
    assert_eq!(run("withdrawals").await, "offers of 1 titles withdrawn that were not confirmed for 30 days");
    let left = offers(&s).await;
    assert!(left.len() == 2 && left.iter().all(|offer| offer.starts_with("tmdb ")), "{left:?}");
    let events = stores::events::read(&s.db(), 0, 1_000).await.unwrap();
    let (_, last) = events.last().unwrap();
    let gone: Vec<_> = last.data["removed"].as_array().unwrap().iter().map(|place| place["platform"].clone()).collect();
    assert_eq!(last.kind, "availability.changed");
    assert_eq!(gone, ["hbo_max_prime_video_channel", "netflix", "prime_video"]);
    assert_eq!(run("withdrawals").await, "offers of 0 titles withdrawn that were not confirmed for 30 days");
    assert!(harbour(&s).await.overview.is_some(), "what it said of the title stays");
}
