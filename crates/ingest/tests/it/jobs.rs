//! Jobs: on their schedule, by hand, once each, and on from where they were stopped.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use contracts::{ApiError, Call, Caller, Credential, Event, Identity, ListQuery, Role, Subject};
use ingest::{Feed, Ingest, IngestConfig, JobStatus, Mapping, RunOptions, RunRequest};
use jiff::SignedDuration;
use stores::{Deeds, events};
use tokio_util::sync::CancellationToken;

use crate::setup::{Setup, setup};

pub const MAPPING: &str = "source = \"festival\"\ntype = \"movie\"\n[columns]\nkey = \"id\"\ntitle = \"name\"\n\
    [offer]\nplatform = \"mubi\"\nweb_url = \"https://example.org/\"\nuntil_column = \"until\"\n";

/// A node with this feed, over the setup's database and catalogue.
pub fn with_feed(s: &Setup, location: &str, mapping: Option<&str>) -> Ingest {
    let mapping_file = mapping.map(|text| s.file("mapping.toml", text).into());
    let location = Some(location.to_owned());
    let feed = Feed { location, mapping_file, ..Feed::default() };
    let config = IngestConfig {
        feeds: BTreeMap::from([("festival".to_owned(), feed)]),
        ..IngestConfig::new(s.folder.path().join("data"))
    };
    Ingest::new(s.db(), s.catalog.clone(), s.clock.clone(), testkit::rng(), config)
}

async fn expiring(s: &Setup) -> Vec<Event> {
    let events = events::read(&s.db(), 0, 1000).await.unwrap();
    events.into_iter().map(|(_, event)| event).filter(|event| event.kind == "offer.expiring").collect()
}

pub async fn offers_until(s: &Setup, days: &[(usize, &str)]) {
    let mut text = "id,name,until\n".to_owned();
    for (id, day) in days {
        text += &format!("{id},The Harbour {id},{day}\n");
    }
    let options = RunOptions { mapping: Some(Mapping::from_toml(MAPPING).unwrap()), ..RunOptions::default() };
    s.request(&RunRequest { location: s.file("offers.csv", text), options }).await.unwrap();
}

#[tokio::test]
async fn what_leaves_within_seven_days_is_announced_once() {
    let s = setup().await;
    // The clock stands at the first of January 2026.
    offers_until(&s, &[(1, "2026-01-03"), (2, "2026-01-09"), (3, "2025-12-31"), (4, "")]).await;
    let job = s.ingest.run_job(&s.call, "expiry_warnings", &s.stop, &|_| {}).await.unwrap();
    assert_eq!((job.status, job.done), (JobStatus::Waiting, 1), "the other titles are not looked at");
    assert_eq!(job.summary.as_deref(), Some("1 titles with an offer that ends within 7 days, 1 offers announced"));
    let said = expiring(&s).await;
    assert_eq!(said.len(), 1);
    assert_eq!(
        (&said[0].data["platform"], &said[0].data["expires_at"]),
        (&"mubi".into(), &"2026-01-03T00:00:00Z".into())
    );
    // What a notifier writes without asking for more: of what, where, on which terms, and where it leads.
    let told = ["title", "region", "availability_type", "web_url"].map(|field| said[0].data[field].as_str().unwrap());
    assert_eq!(told, ["The Harbour 1", "US", "subscription", "https://example.org/"]);
    s.ingest.run_job(&s.call, "expiry_warnings", &s.stop, &|_| {}).await.unwrap();
    assert_eq!(expiring(&s).await.len(), 1, "each once");
    s.clock.advance(SignedDuration::from_hours(24));
    s.ingest.run_job(&s.call, "expiry_warnings", &s.stop, &|_| {}).await.unwrap();
    assert_eq!(expiring(&s).await.len(), 2, "the next comes into sight");
}

#[tokio::test]
async fn a_stopped_job_goes_on_where_it_was() {
    let s = setup().await;
    let days: Vec<(usize, &str)> = (1..=700).map(|id| (id, "2026-01-03")).collect();
    offers_until(&s, &days).await;
    let stopped = CancellationToken::new();
    stopped.cancel();
    let job = s.ingest.run_job(&s.call, "expiry_warnings", &stopped, &|_| {}).await.unwrap();
    assert_eq!((job.status, job.done), (JobStatus::Interrupted, 0));
    // What a kill after the first page leaves.
    let page = s.catalog_page(&ListQuery { limit: 500, ..ListQuery::default() }).await;
    let last = page.last().unwrap().id.to_string();
    let sql = "UPDATE jobs SET status = 'running', position = $1, done = 500";
    s.db().execute(sql, stores::args![last]).await.unwrap();
    s.ingest.recover().await.unwrap();
    assert_eq!(s.ingest.run_due(&s.stop).await.unwrap(), 1, "its time has come");
    assert_eq!(expiring(&s).await.len(), 200, "the rest");
    assert_eq!(s.ingest.job(&s.call, "expiry_warnings").await.unwrap().done, 700, "it counts on");
    assert_eq!(s.ingest.run_due(&s.stop).await.unwrap(), 0);
}

#[tokio::test]
async fn a_feed_is_read_on_its_schedule() {
    let s = setup().await;
    let location = s.file("films.csv", "id,name,until\n1,Glass,\n");
    let node = with_feed(&s, &location, Some(MAPPING));
    assert_eq!(node.run_due(&s.stop).await.unwrap(), 0, "not before its time");
    s.clock.advance(SignedDuration::from_hours(6));
    assert_eq!(node.run_due(&s.stop).await.unwrap(), 2);
    assert_eq!(s.titles().await.len(), 1);
    let job = node.job(&s.call, "refresh_festival").await.unwrap();
    assert_eq!(
        (job.status, job.done, job.next_at.to_string().as_str()),
        (JobStatus::Waiting, 1, "2026-01-01T12:00:00Z")
    );
    s.file("films.csv", "id,name,until\n1,Glass,\n2,Salt,\n");
    s.clock.advance(SignedDuration::from_hours(6));
    node.run_due(&s.stop).await.unwrap();
    assert_eq!(s.titles().await.len(), 2, "read anew");
}

#[tokio::test]
async fn a_job_tells_the_languages_that_it_could_not_read() {
    let s = setup().await;
    let mapping = MAPPING.replace("[offer]", "languages = \"spoken\"\n[offer]");
    let rows = "id,name,until,spoken\n1,Glass,,\"Korean, Klingonese\"\n2,Salt,,Elvish\n";
    let node = with_feed(&s, &s.file("films.csv", rows), Some(&mapping));
    let job = node.run_job(&s.call, "refresh_festival", &s.stop, &|_| {}).await.unwrap();
    let told = "2 rows: 2 created, 0 merged, 0 updated, 0 unchanged, 0 rejected; \
        languages that can't be read, and were left out: 2, such as Klingonese, Elvish";
    assert_eq!(job.summary.as_deref(), Some(told));
}

#[tokio::test]
async fn a_program_runs_the_jobs_of_the_configuration_and_names_no_input() {
    let s = setup().await;
    let location = s.file("films.csv", "id,name,until\n1,Glass,\n");
    let node = Arc::new(with_feed(&s, &location, Some(MAPPING)));
    let of = |role| {
        let (subject, client) = (Subject::Service("importer".to_owned()), "importer".to_owned());
        let (scopes, credential) = ("admin:full".parse().unwrap(), Credential::ApiKey("key".to_owned()));
        let identity = Identity { subject, client, org: None, role, scopes, credential, ages: None };
        Call { caller: Caller::Identified(Arc::new(identity)), ..s.call.clone() }
    };
    let program = of(Role::IngestionService);
    let job = node.run_job(&program, "refresh_festival", &s.stop, &|_| {}).await.unwrap();
    assert_eq!((job.status, job.done, s.titles().await.len()), (JobStatus::Waiting, 1, 1));
    let runs = node.list(&program, None, 10).await.unwrap();
    assert_eq!(node.get(&program, runs[0].id).await.unwrap().location, location);
    // What it named would be read with the node's rights.
    let own = RunRequest::new(&location);
    let named =
        [node.run(&program, &own, &s.stop, &|_| {}).await.unwrap_err(), node.start(&program, &own).await.unwrap_err()];
    assert!(named.iter().all(|error| error.code == "insufficient_role"), "{named:?}");
    let moderator = of(Role::Moderator);
    let others = [
        node.jobs(&moderator).await.unwrap_err(),
        node.job(&moderator, "refresh_festival").await.unwrap_err(),
        node.run_job(&moderator, "refresh_festival", &s.stop, &|_| {}).await.unwrap_err(),
        node.start_job(&moderator, "refresh_festival").await.unwrap_err(),
        node.list(&moderator, None, 10).await.unwrap_err(),
        node.get(&moderator, runs[0].id).await.unwrap_err(),
    ];
    assert!(others.iter().all(|error| error.code == "insufficient_role"), "{others:?}");
}

#[tokio::test]
async fn a_feed_that_is_another_than_it_was_fails_and_changes_nothing_until_it_is_itself_again() {
    let s = setup().await;
    let location = s.file("films.csv", "id,name,until\n1,Glass,\n");
    let node = with_feed(&s, &location, Some(MAPPING));
    node.run_job(&s.call, "refresh_festival", &s.stop, &|_| {}).await.unwrap();
    let before = s.export().await;
    for (text, missing) in [
        (
            "<!DOCTYPE html>\n<html><body>We have moved, sorry.</body></html>\n",
            "missing id, name; its columns are <!DOCTYPE html>",
        ),
        ("id,title,until\n1,Glass,\n2,Salt,\n", "missing name; its columns are id, title, until"),
    ] {
        s.clock.advance(SignedDuration::from_secs(1));
        s.file("films.csv", text);
        let error = node.run_job(&s.call, "refresh_festival", &s.stop, &|_| {}).await.unwrap_err();
        assert_eq!((error.code.as_ref(), error.detail.ends_with(missing)), ("wrong_header", true), "{}", error.detail);
        let job = node.job(&s.call, "refresh_festival").await.unwrap();
        assert_eq!((job.status, job.error), (JobStatus::Failed, Some(error.detail)));
        assert_eq!(s.export().await, before);
    }
    s.clock.advance(SignedDuration::from_secs(1));
    s.file("films.csv", "id,name,until\n1,Glass,\n2,Salt,\n");
    node.run_job(&s.call, "refresh_festival", &s.stop, &|_| {}).await.unwrap();
    assert_eq!(s.titles().await.len(), 2);
}

#[tokio::test]
async fn what_fails_says_why_and_comes_back() {
    let s = setup().await;
    let node = with_feed(&s, "/nowhere/films.csv", None);
    let error = node.run_job(&s.call, "refresh_festival", &s.stop, &|_| {}).await.unwrap_err();
    assert_eq!(error.code, "input_not_found");
    let job = node.job(&s.call, "refresh_festival").await.unwrap();
    assert_eq!((job.status, job.error.as_deref()), (JobStatus::Failed, Some("/nowhere/films.csv is not there")));
    s.clock.advance(SignedDuration::from_hours(6));
    assert_eq!(node.run_due(&s.stop).await.unwrap(), 1, "it is tried again");
    let strange = node.job(&s.call, "nonsense").await.unwrap_err();
    assert_eq!(strange.code, "job_not_found");
    assert_eq!(node.jobs(&testkit::call()).await.unwrap_err().code, "operator_required");
}

#[tokio::test]
async fn a_running_job_is_not_run_twice_until_it_is_silent() {
    let s = setup().await;
    s.ingest.jobs(&s.call).await.unwrap();
    let sql = "UPDATE jobs SET status = 'running', beat_at = $1";
    s.db().execute(sql, stores::args![s.clock.now()]).await.unwrap();
    let error = s.ingest.run_job(&s.call, "expiry_warnings", &s.stop, &|_| {}).await.unwrap_err();
    assert_eq!(error.code, "job_running");
    s.clock.advance(SignedDuration::from_mins(11));
    let job = s.ingest.run_job(&s.call, "expiry_warnings", &s.stop, &|_| {}).await.unwrap();
    assert_eq!(job.status, JobStatus::Waiting);
}

#[tokio::test]
async fn who_was_silent_for_too_long_does_not_end_the_job_of_another() {
    let s = setup().await;
    offers_until(&s, &[(1, "2026-01-03")]).await;
    let gate = s.catalog.gate.lock().await;
    let (first, call) = (s.ingest.clone(), s.call.clone());
    let slow = tokio::spawn(async move { first.run_job(&call, "expiry_warnings", &Default::default(), &|_| {}).await });
    while s.ingest.job(&s.call, "expiry_warnings").await.unwrap().status != JobStatus::Running {
        tokio::task::yield_now().await;
    }
    s.clock.advance(SignedDuration::from_mins(11));
    let call = contracts::Call { deadline: jiff::Timestamp::MAX, ..s.call.clone() };
    let other = s.other();
    let taken = other.run_job(&call, "expiry_warnings", &s.stop, &|_| {}).await.unwrap();
    assert_eq!((taken.status, taken.done), (JobStatus::Waiting, 1));
    // It is the second one's turn again when the first comes back to life.
    s.db().execute("UPDATE jobs SET status = 'running', done = 7", stores::args![]).await.unwrap();
    drop(gate);
    let error = slow.await.unwrap().unwrap_err();
    assert_eq!(error.code, "job_taken_over", "{error}");
    let job = other.job(&call, "expiry_warnings").await.unwrap();
    assert_eq!(
        (job.status, job.done, job.started_at),
        (JobStatus::Running, 7, taken.started_at),
        "nothing of it moved"
    );
    assert_eq!(expiring(&s).await.len(), 1, "each once");
}

#[tokio::test]
async fn who_runs_and_stops_a_job_is_stated_and_the_schedule_is_nobody() {
    let s = setup().await;
    offers_until(&s, &[(1, "2026-01-03")]).await;
    let said = Arc::<Mutex<Vec<String>>>::default();
    let heard = Arc::clone(&said);
    let deeds = Deeds::by(move |_, deed| {
        heard.lock().unwrap().push(format!("{} {}", deed.action, deed.target));
        Box::pin(async { Ok(()) })
    });
    let node = s.other().audited(deeds);
    assert_eq!(node.run_due(&s.stop).await.unwrap(), 0, "not before its time");
    s.clock.advance(SignedDuration::from_mins(15));
    assert_eq!(node.run_due(&s.stop).await.unwrap(), 1);
    assert!(said.lock().unwrap().is_empty(), "nobody did");
    let stopped = CancellationToken::new();
    stopped.cancel();
    node.run_job(&s.call, "expiry_warnings", &stopped, &|_| {}).await.unwrap();
    node.run_job(&s.call, "expiry_warnings", &s.stop, &|_| {}).await.unwrap();
    let started = "job.started expiry_warnings";
    assert_eq!(*said.lock().unwrap(), [started, "job.stopped expiry_warnings", started]);
}

#[tokio::test]
async fn a_job_that_was_stopped_has_ended_also_where_that_can_not_be_stated() {
    let s = setup().await;
    offers_until(&s, &[(1, "2026-01-03")]).await;
    let deeds = Deeds::by(|_, deed| {
        let full = ApiError::unavailable("database_busy", "the audit log can't be written");
        let stated = if deed.action == "job.stopped" { Err(full) } else { Ok(()) };
        Box::pin(async move { stated })
    });
    let (node, stopped) = (s.other().audited(deeds), CancellationToken::new());
    stopped.cancel();
    let error = node.run_job(&s.call, "expiry_warnings", &stopped, &|_| {}).await.unwrap_err();
    assert_eq!(error.code, "database_busy", "who stops it is told");
    let job = node.job(&s.call, "expiry_warnings").await.unwrap();
    assert_eq!(job.status, JobStatus::Interrupted);
    let job = node.run_job(&s.call, "expiry_warnings", &s.stop, &|_| {}).await.unwrap();
    assert_eq!((job.status, job.done), (JobStatus::Waiting, 1), "nothing holds it");
}
