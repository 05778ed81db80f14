//! Inputs that are fetched, from a server on this machine that behaves well and badly.

use std::time::Duration;

use ingest::{Limits, RunStatus};

use crate::setup::{films, gzip, ok, server, setup, setup_with};

#[tokio::test]
async fn an_address_is_fetched_and_read() {
    let s = setup().await;
    let body = gzip(films(700));
    let address = server(ok(body.len(), &body), Duration::ZERO).await;
    let run = s.run(&format!("{address}?token=secret")).await.unwrap();
    assert_eq!((run.status, run.counts.rows_read), (RunStatus::Done, 700));
    assert_eq!(run.location, address, "what may be secret is not kept");
    assert!(s.incoming().is_empty(), "what was fetched is gone");
}

#[tokio::test]
async fn servers_that_fail_give_one_clear_error() {
    let s = setup_with(Limits { read_timeout: Duration::from_secs(1), ..Limits::default() }).await;
    let body = gzip(films(700));
    let half = &body[..body.len() / 2];
    let moved = |to: &str| {
        format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").into_bytes()
    };
    let cases = [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(), 0, "answered 404".to_owned()),
        (ok(body.len(), half), 0, format!("the connection ended after {} bytes", half.len())),
        (ok(body.len(), half), 60, format!("it fell silent after {} bytes", half.len())),
        (Vec::new(), 60, "it took too long to answer".to_owned()),
        (moved("/netflix_titles.csv.gz"), 0, "too many redirects".to_owned()),
        (b"this is no HTTP".to_vec(), 0, "could not be fetched".to_owned()),
    ];
    for (answer, silence, expected) in cases {
        let error = s.run(&server(answer, Duration::from_secs(silence)).await).await.unwrap_err();
        assert_eq!(error.code, "fetch_failed", "{error}");
        assert!(error.detail.contains(&expected), "{} should say {expected}", error.detail);
        assert!(s.incoming().is_empty());
    }
    let error = s.run("http://127.0.0.1:1/netflix_titles.csv").await.unwrap_err();
    assert_eq!(error.code, "fetch_failed", "{error}");
    assert!(s.export().await.is_empty());
}

#[tokio::test]
async fn a_body_has_a_bound_whether_it_says_its_size_or_not() {
    let s = setup_with(Limits { max_input_bytes: 1000, ..Limits::default() }).await;
    let body = vec![b'x'; 5000];
    let silent = [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".as_slice(), &body].concat();
    for answer in [ok(body.len(), &body), silent] {
        let error = s.run(&server(answer, Duration::ZERO).await).await.unwrap_err();
        assert_eq!(
            (error.code.as_ref(), error.detail.as_str()),
            ("input_too_large", "the file is larger than 1000 bytes, the most that is taken")
        );
    }
}

#[tokio::test]
async fn fetching_can_be_stopped() {
    let s = setup_with(Limits::default()).await;
    let address = server(ok(100, b"x"), Duration::from_secs(60)).await;
    let stop = s.stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stop.cancel();
    });
    assert_eq!(s.run(&address).await.unwrap().status, RunStatus::Interrupted);
}
