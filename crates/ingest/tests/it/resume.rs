//! Stopped, failed and killed runs go on to the same catalogue as an undisturbed one.

use std::{sync::atomic::Ordering, time::Duration};

use ingest::{RunRequest, RunStatus};
use tokio_util::sync::CancellationToken;

use crate::setup::{HEADER, films, gzip, ok, server, setup};

#[tokio::test]
async fn a_stopped_run_goes_on_with_the_same_batches() {
    let undisturbed = setup().await;
    let whole = undisturbed.run(&undisturbed.file("netflix_titles.csv", films(1100))).await.unwrap();
    let batches = undisturbed.catalog.batches.lock().unwrap().clone();
    assert_eq!(batches.len(), 3);

    for after in 1..=2 {
        let s = setup().await;
        let location = s.file("netflix_titles.csv", films(1100));
        let stop = CancellationToken::new();
        *s.catalog.stop.lock().unwrap() = Some((after, stop.clone()));
        let stopped = s.ingest.run(&s.call, &RunRequest::new(&location), &stop, &|_| {}).await.unwrap();
        assert_eq!((stopped.status, stopped.counts.rows_read), (RunStatus::Interrupted, 500 * after as u64));
        let rest = s.run(&location).await.unwrap();
        assert_eq!((rest.id, rest.status, rest.counts), (stopped.id, RunStatus::Done, whole.counts));
        assert_eq!(*s.catalog.batches.lock().unwrap(), batches, "the same calls");
        assert_eq!(s.rejected(&rest), undisturbed.rejected(&whole), "no reject twice");
        assert_eq!(s.export().await, undisturbed.export().await);
    }
}

#[tokio::test]
async fn a_packed_address_goes_on_where_it_was_stopped() {
    let body = gzip(films(1100));
    let address = server(ok(body.len(), &body), Duration::ZERO).await;
    let undisturbed = setup().await;
    let whole = undisturbed.run(&address).await.unwrap();
    let s = setup().await;
    let stop = CancellationToken::new();
    *s.catalog.stop.lock().unwrap() = Some((1, stop.clone()));
    let request = RunRequest::new(format!("{address}?token=first"));
    let stopped = s.ingest.run(&s.call, &request, &stop, &|_| {}).await.unwrap();
    assert_eq!((stopped.status, stopped.counts.rows_read), (RunStatus::Interrupted, 500));
    // A link that is signed anew leads to the same.
    let rest = s.run(&format!("{address}?token=second")).await.unwrap();
    assert_eq!((rest.id, rest.status, rest.counts), (stopped.id, RunStatus::Done, whole.counts));
    let batches = undisturbed.catalog.batches.lock().unwrap().clone();
    assert_eq!(*s.catalog.batches.lock().unwrap(), batches, "the same calls");
    assert_eq!(s.export().await, undisturbed.export().await);
    assert!(s.incoming().is_empty(), "what was fetched is gone");
}

#[tokio::test]
async fn a_catalogue_out_of_reach_is_tried_again_and_then_the_run_can_go_on() {
    let s = setup().await;
    let location = s.file("netflix_titles.csv", films(700));
    s.catalog.failures.store(3, Ordering::SeqCst);
    assert_eq!(s.run(&location).await.unwrap().status, RunStatus::Done, "three tries more are had");

    let other = s.file("hulu_titles.csv", films(700));
    s.catalog.failures.store(4, Ordering::SeqCst);
    let error = s.run(&other).await.unwrap_err();
    assert_eq!(error.code, "database_busy");
    let failed = s.ingest.list(&s.call, None, 10).await.unwrap().into_iter().find(|run| run.location == other).unwrap();
    assert_eq!((failed.status, failed.error.as_deref()), (RunStatus::Failed, Some("the catalogue can't be reached")));
    let done = s.run(&other).await.unwrap();
    assert_eq!((done.id, done.status, done.counts.rows_read, done.error), (failed.id, RunStatus::Done, 700, None));
}

#[tokio::test]
async fn a_killed_run_is_found_and_gone_on_with() {
    let s = setup().await;
    let location = s.file("netflix_titles.csv", films(1200));
    let stop = CancellationToken::new();
    *s.catalog.stop.lock().unwrap() = Some((1, stop.clone()));
    let stopped = s.ingest.run(&s.call, &RunRequest::new(&location), &stop, &|_| {}).await.unwrap();
    // What a kill between the catalogue's commit and the checkpoint leaves: more rejects than were counted, a file
    // half fetched, and the word "running".
    let rejected = s.ingest.rejected_file(stopped.id);
    let mut text = std::fs::read_to_string(&rejected).unwrap();
    text.push_str("{\"row\":510,\"line\":511,\"reason\":\"x\",\"raw\":\"\"}\n{\"row\":5");
    std::fs::write(&rejected, text).unwrap();
    let incoming = s.folder.path().join("data").join("incoming");
    std::fs::write(incoming.join("left"), "half").unwrap();
    assert_eq!(s.ingest.recover().await.unwrap(), 0, "it was stopped in order");

    let done = s.run(&location).await.unwrap();
    assert_eq!((done.id, done.counts.rows_read, done.counts.rejected), (stopped.id, 1200, 120));
    let rows: Vec<u64> = s.rejected(&done).iter().map(|reject| reject.row).collect();
    assert_eq!(rows, (1..=120).map(|n| n * 10).collect::<Vec<_>>());
    assert!(s.incoming().is_empty());
}

#[tokio::test]
async fn a_file_that_changed_is_read_from_its_start() {
    let s = setup().await;
    let location = s.file("netflix_titles.csv", films(1200));
    let stop = CancellationToken::new();
    *s.catalog.stop.lock().unwrap() = Some((1, stop.clone()));
    let stopped = s.ingest.run(&s.call, &RunRequest::new(&location), &stop, &|_| {}).await.unwrap();
    s.file("netflix_titles.csv", films(1300));
    let done = s.run(&location).await.unwrap();
    assert_eq!((done.id, done.counts.rows_read), (stopped.id, 1300));
    assert_eq!(done.counts.unchanged, 450, "what the first try took over");
    assert_ne!(done.fingerprint, stopped.fingerprint);
}

#[tokio::test]
async fn a_repaired_file_can_be_read_after_a_failure() {
    let s = setup().await;
    let whole = gzip(films(20));
    let location = s.file("netflix_titles.csv.gz", &whole[..50]);
    assert_eq!(s.run(&location).await.unwrap_err().code, "broken_gzip");
    s.file("netflix_titles.csv.gz", &whole);
    assert_eq!(s.run(&location).await.unwrap().counts.rows_read, 20);
}

#[tokio::test]
async fn an_array_cut_short_fails_after_what_could_be_read() {
    let s = setup().await;
    let element = "{\"title\":\"A\",\"year\":1931,\"cast\":[],\"genres\":[],\"href\":\"A\"}";
    let location = s.file("films.json", format!("[{element},\n{{\"title\":"));
    let error = s.run(&location).await.unwrap_err();
    assert_eq!(
        (error.code.as_ref(), error.detail.as_str()),
        (
            "input_cut_short",
            "the file ends in the middle, at line 2: it is cut short; rows read before that: 2, taken in: 1"
        )
    );
    assert_eq!(s.titles().await.len(), 1);
    let run = s.ingest.list(&s.call, None, 1).await.unwrap().remove(0);
    assert_eq!((run.counts.created, run.counts.rejected), (1, 1), "as its report has it");
    assert_eq!(run.error, Some(error.detail));
}

#[tokio::test]
async fn a_table_cut_short_within_quotes_fails_after_what_could_be_read() {
    let s = setup().await;
    let row = |id: u32| format!("s{id},Movie,Film {id},,,,,2001,PG,90 min,Dramas,\"A map, and a key.\"\n");
    let whole = format!("{HEADER}\n{}{}", row(1), row(2));
    let location = s.file("netflix_titles.csv", &whole[..whole.len() - 8]);
    let error = s.run(&location).await.unwrap_err();
    assert_eq!(
        (error.code.as_ref(), error.detail.as_str()),
        (
            "input_cut_short",
            "the file ends in the middle, at line 3: it is cut short; rows read before that: 2, taken in: 1"
        )
    );
    assert_eq!(s.titles().await.len(), 1);
    let run = s.ingest.list(&s.call, None, 1).await.unwrap().remove(0);
    let rejects = s.rejected(&run);
    assert_eq!((run.counts.created, run.counts.rejected, rejects.len()), (1, 1, 1));
    assert!(rejects[0].raw.ends_with("\"A map, and"), "{}", rejects[0].raw);
}

#[tokio::test]
async fn shutdown_stops_what_runs_behind_a_request() {
    let s = setup().await;
    let location = s.file("netflix_titles.csv", films(5000));
    let run = s.ingest.start(&s.call, &RunRequest::new(&location)).await.unwrap();
    assert_eq!(run.status, RunStatus::Running);
    s.ingest.shutdown().await;
    let run = s.ingest.get(&s.call, run.id).await.unwrap();
    assert_eq!(run.status, RunStatus::Interrupted);
    assert_eq!(run.counts.rows_read % 500, 0);
}

#[tokio::test]
async fn a_run_of_another_process_is_left_alone_until_it_is_silent() {
    let s = setup().await;
    let location = s.file("netflix_titles.csv", films(700));
    let gate = s.catalog.gate.lock().await;
    let (first, call, asked) = (s.ingest.clone(), s.call.clone(), RunRequest::new(&location));
    let slow = tokio::spawn(async move { first.run(&call, &asked, &CancellationToken::new(), &|_| {}).await });
    let runs = async || s.ingest.list(&s.call, None, 10).await.unwrap();
    while runs().await.is_empty() {
        tokio::task::yield_now().await;
    }
    let other = s.other();
    let ask = async || {
        let call = contracts::Call { deadline: jiff::Timestamp::MAX, ..s.call.clone() };
        other.run(&call, &RunRequest::new(&location), &s.stop, &|_| {}).await
    };
    assert_eq!(ask().await.unwrap_err().code, "ingest_busy", "it runs there");
    s.clock.advance(jiff::SignedDuration::from_mins(3));
    let taken = ask().await.unwrap();
    assert_eq!((taken.status, taken.counts.rows_read, taken.counts.created), (RunStatus::Done, 700, 630));
    drop(gate);
    let error = slow.await.unwrap().unwrap_err();
    assert_eq!(error.code, "run_taken_over", "{error}");
    let left = runs().await;
    assert_eq!((left.len(), left[0].status, left[0].counts), (1, RunStatus::Done, taken.counts), "nothing of it moved");
}
