//! A server on loopback that is right, slow, broken or lying.
#![allow(clippy::unwrap_used, reason = "a test stops where something is missing")]

use std::{sync::Arc, time::Instant};

use jiff::{SignedDuration, Timestamp};
use rstest::rstest;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc,
};

use super::*;

/// Answers every connection with `answer` after `delay`, and hands on what it was sent.
async fn server(answer: Vec<u8>, delay: Duration) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let (sent, received) = mpsc::channel(100);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (answer, sent) = (answer.clone(), sent.clone());
            tokio::spawn(async move {
                let mut request = String::new();
                let mut buffer = [0; 4096];
                while !request.ends_with("}]}") {
                    match stream.read(&mut buffer).await.unwrap_or(0) {
                        0 => return,
                        read => request.push_str(&String::from_utf8_lossy(&buffer[..read])),
                    }
                }
                let _ = sent.send(request).await;
                tokio::time::sleep(delay).await;
                let _ = stream.write_all(&answer).await;
            });
        }
    });
    (url, received)
}

fn http(status: &str, body: &str) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    format!("{head}{body}").into_bytes()
}

fn said(content: &str) -> Vec<u8> {
    let body = serde_json::json!({ "choices": [{ "message": { "role": "assistant", "content": content } }] });
    http("200 OK", &body.to_string())
}

fn clock() -> Clock {
    Clock::fixed(Timestamp::from_second(1_800_000_000).unwrap())
}

fn reader(url: &str, clock: &Clock) -> OpenAiIntents {
    within(Duration::from_secs(30), url, clock)
}

/// As [`reader`], where an answer may take as long as this.
fn within(timeout: Duration, url: &str, clock: &Clock) -> OpenAiIntents {
    let (model, key) = ("small".to_owned(), Some("secret".into()));
    let config = IntentConfig { url: url.to_owned(), model, key, timeout };
    OpenAiIntents::new(config, clock.clone()).unwrap()
}

#[tokio::test]
async fn an_intent_is_read() {
    let content = r#" {"text": "heist", "genres": ["crime"], "year_range": {"from": 1990, "to": 1999},
        "people": null, "exclude": {"genres": ["horror"], "people": null}} "#;
    let (url, mut received) = server(said(content), Duration::ZERO).await;
    let intent = reader(&url, &clock()).read("90s heist films").await.unwrap();
    assert_eq!((intent.text.as_str(), intent.genres.as_slice()), ("heist", &["crime".to_owned()][..]));
    assert_eq!(intent.year_range.unwrap().from, Some(1990));
    assert_eq!(intent.exclude.genres, ["horror"]);
    let request = received.recv().await.unwrap();
    assert!(request.starts_with("POST /v1/chat/completions") && request.contains("90s heist films"), "{request}");
    assert!(request.contains("authorization: Bearer secret") && request.contains(r#""model":"small""#), "{request}");
}

#[rstest]
#[case::failing(http("500 Internal Server Error", "{}"), "status 500")]
#[case::moved(http("302 Found", "{}"), "status 302")]
#[case::html(http("200 OK", "<html>"), "chat API")]
#[case::cut_json(http("200 OK", r#"{"choices": [{"#), "chat API")]
#[case::no_choice(http("200 OK", r#"{"choices": []}"#), "answered nothing")]
#[case::prose(said("Here is your intent!"), "no intent")]
#[case::fenced(said("```json\n{}\n```"), "no intent")]
#[case::a_list(said("[]"), "no intent")]
#[case::an_invented_field(said(r#"{"text": "x", "colour": "red"}"#), "no intent")]
#[case::an_invented_exclusion(said(r#"{"exclude": {"colours": ["red"]}}"#), "no intent")]
#[case::words_for_years(said(r#"{"year_range": {"from": "the nineties"}}"#), "no intent")]
#[case::a_word_for_a_list(said(r#"{"genres": "crime"}"#), "no intent")]
#[case::endless(http("200 OK", &"x".repeat(MAX_ANSWER_BYTES + 10)), "too long")]
#[case::no_http(b"not http at all".to_vec(), "can't be reached")]
#[case::silence(Vec::new(), "can't be reached")]
#[tokio::test]
async fn what_is_broken_or_lies_is_an_error(#[case] answer: Vec<u8>, #[case] told: &str) {
    let (url, _received) = server(answer, Duration::ZERO).await;
    let error = reader(&url, &clock()).read("90s heist films").await.unwrap_err().to_string();
    assert!(error.contains(told) && !error.contains("127.0.0.1") && !error.contains("heist"), "{error}");
}

#[tokio::test]
async fn a_model_that_hangs_is_not_waited_for_and_then_left_alone() {
    let (url, mut received) = server(said("{}"), Duration::from_secs(60)).await;
    let reader = within(Duration::from_millis(500), &url, &clock());
    for asked in 1..=5 {
        assert!(reader.trouble().is_none(), "it is left alone after {asked}");
        let started = Instant::now();
        let error = reader.read("x").await.unwrap_err();
        assert!(error.0.contains("in time") && started.elapsed() < Duration::from_secs(20), "{error}");
    }
    assert!(reader.trouble().is_some());
    assert!(reader.read("x").await.unwrap_err().0.contains("left alone"));
    assert_eq!(std::iter::from_fn(|| received.try_recv().ok()).count(), 5, "nobody asked it again");
}

#[tokio::test]
async fn whoever_leaves_early_says_nothing_about_the_model() {
    let (url, _received) = server(said("{}"), Duration::from_secs(20)).await;
    let reader = reader(&url, &clock());
    for _ in 0..10 {
        assert!(tokio::time::timeout(Duration::from_millis(5), reader.read("x")).await.is_err());
    }
    assert!(reader.trouble().is_none(), "people who type on did not find it slow");
}

#[tokio::test]
async fn a_model_that_fails_is_left_alone_and_tried_again() {
    let (url, mut received) = server(http("500 Oh", "{}"), Duration::ZERO).await;
    let clock = clock();
    let reader = reader(&url, &clock);
    for _ in 0..10 {
        assert!(reader.read("x").await.is_err());
    }
    let mut asked = || std::iter::from_fn(|| received.try_recv().ok()).count();
    assert_eq!(asked(), 5);
    assert!(reader.trouble().is_some());
    clock.advance(SignedDuration::from_secs(30));
    assert!(reader.trouble().is_none());
    assert!(reader.read("x").await.is_err() && reader.read("x").await.is_err());
    assert_eq!(asked(), 1);
}

#[tokio::test]
async fn a_pause_that_the_model_asks_for_is_kept() {
    let answer =
        b"HTTP/1.1 429 Slow down\r\nretry-after: 20\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec();
    let (url, mut received) = server(answer, Duration::ZERO).await;
    let clock = clock();
    let reader = reader(&url, &clock);
    assert!(reader.read("x").await.unwrap_err().0.contains("429"));
    clock.advance(SignedDuration::from_secs(19));
    assert!(reader.read("x").await.unwrap_err().0.contains("left alone"));
    clock.advance(SignedDuration::from_secs(1));
    assert!(reader.read("x").await.is_err());
    assert_eq!(std::iter::from_fn(|| received.try_recv().ok()).count(), 2);
}

#[tokio::test]
async fn only_so_many_questions_are_asked_at_once() {
    let (url, _received) = server(said("{}"), Duration::from_secs(20)).await;
    let reader = Arc::new(within(Duration::from_secs(2), &url, &clock()));
    let asked: Vec<_> = (0..MAX_AT_ONCE + 3)
        .map(|_| {
            let reader = Arc::clone(&reader);
            tokio::spawn(async move { reader.read("x").await.unwrap_err().0 })
        })
        .collect();
    let mut busy = 0;
    for answer in asked {
        busy += usize::from(answer.await.unwrap().contains("enough to do"));
    }
    assert_eq!(busy, 3);
}

#[rstest]
#[case("nowhere")]
#[case("file:///etc/passwd")]
fn an_address_that_is_none_is_refused(#[case] url: &str) {
    let config =
        IntentConfig { url: url.to_owned(), model: "m".to_owned(), key: None, timeout: Duration::from_secs(1) };
    assert!(OpenAiIntents::new(config, clock()).is_err());
}
