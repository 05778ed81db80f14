//! Clients that send a body slowly, or never to its end: with a length and in chunks, to a role here and to one elsewhere.

use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use futures::{future::join_all, stream};
use http::StatusCode;
use http_api::Budget;
use tokio::{
    net::tcp::{OwnedReadHalf, OwnedWriteHalf},
    time::{sleep, timeout},
};

use super::*;
use crate::UpstreamConfig;

/// How long such a client waits for us to close the connection: generous, because it measures nothing.
const PATIENCE: Duration = Duration::from_secs(20);
const HEAD: &str =
    "POST /v1/things HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\r\nContent-Type: application/json\r\n";

/// Begins a body, and goes on by a byte at a time or not at all.
async fn drip(mut write: OwnedWriteHalf, chunked: bool, goes_on: bool) {
    let (framing, byte) =
        if chunked { ("Transfer-Encoding: chunked", "1\r\n \r\n") } else { ("Content-Length: 1000", " ") };
    let begun = format!("{HEAD}{framing}\r\n\r\n{byte}");
    let mut sent = write.write_all(begun.as_bytes()).await;
    while sent.is_ok() {
        sleep(if goes_on { Duration::from_millis(20) } else { PATIENCE }).await;
        sent = write.write_all(byte.as_bytes()).await;
    }
}

/// All that is answered until the connection is closed.
async fn answered(mut read: OwnedReadHalf) -> String {
    let (mut answer, mut part) = (Vec::new(), [0; 4_096]);
    // A connection that is closed while bytes are on their way to it may end with an error.
    while let Ok(count @ 1..) = read.read(&mut part).await {
        answer.extend_from_slice(&part[..count]);
    }
    String::from_utf8(answer).unwrap()
}

async fn send_slowly(address: SocketAddr, chunked: bool, goes_on: bool) -> String {
    let (read, write) = TcpStream::connect(address).await.unwrap().into_split();
    let dripping = tokio::spawn(drip(write, chunked, goes_on));
    let answer = timeout(PATIENCE, answered(read)).await.expect("the connection is closed");
    dripping.abort();
    answer
}

#[rstest]
#[tokio::test]
async fn a_body_is_waited_for_as_long_as_any_answer(
    #[values(false, true)] chunked: bool,
    #[values(false, true)] goes_on: bool,
    #[values(false, true)] remote_role: bool,
) {
    // Six at once and no more; more also than the failures in a row after which a role is left alone.
    let timeout = Duration::from_millis(600);
    let config = GuardConfig { timeout, max_in_flight: 6, ..GuardConfig::new("gateway") };
    let gateway = if remote_role {
        let config_of_role = GuardConfig::new("things");
        let parts_of_role = RoleParts {
            routes: things(),
            health: Health::new(),
            frame: frame(),
            clients: None,
            config: config_of_role,
        };
        let asked = UpstreamConfig { attempt_timeout: timeout / 2, ..UpstreamConfig::default() };
        let remotes = vec![remote("things", listen(role(parts_of_role)).await, things()).asked(asked)];
        gateway(GatewayParts { local: odd(), remotes, config, ..parts() })
    } else {
        gateway(GatewayParts { config, ..parts() })
    };
    let address = listen(gateway.clone()).await;
    // Twice: the places are free again.
    for _ in 0..2 {
        for answer in join_all((0..6).map(|_| send_slowly(address, chunked, goes_on))).await {
            assert!(answer.starts_with("HTTP/1.1 504"), "{answer}");
            assert!(answer.contains("\"code\":\"deadline_exceeded\""), "{answer}");
        }
    }
    let operator = || Request::get("/v1/admin/breakers").header("authorization", "Bearer secret");
    let breakers = send(&gateway, operator(), "").await.json();
    assert_eq!(breakers.as_array().map(Vec::len), Some(usize::from(remote_role)), "{breakers}");
    let blamed = breakers.as_array().unwrap().iter().any(|role| role["failures"] != 0 || role["state"] != "closed");
    assert!(!blamed, "nobody holds it against the role: {breakers}");
    let whole = Request::post("/v1/things").header("content-type", "application/json");
    let whole = whole.header("authorization", "Bearer secret");
    assert_eq!(send(&gateway, whole, r#"{"name":"x"}"#).await.status, 200);
}

/// A role that fails after `answers_in`, and how often it was asked.
async fn failing_role(answers_in: Duration) -> (SocketAddr, Arc<AtomicU32>) {
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    let fail = move || async move {
        count.fetch_add(1, Ordering::SeqCst);
        sleep(answers_in).await;
        StatusCode::SERVICE_UNAVAILABLE
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(fail)).await });
    (address, asked)
}

#[rstest]
#[case::and_all_of_it_is_gone(100, 250, 504, 0)]
#[case::and_too_little_is_left_to_ask_again(1_500, 900, 503, 1)]
#[case::and_enough_is_left(10_000, 0, 503, 3)]
#[tokio::test]
async fn what_the_body_takes_is_of_the_requests_time(
    #[case] budget: u64,
    #[case] body_takes: u64,
    #[case] status: u16,
    #[case] asked_so_often: u32,
) {
    let (address, asked) = failing_role(Duration::from_millis(700)).await;
    let forward = Proxy::new(None).to(&remote("odd", address, odd()), &frame());
    let body = stream::once(async move {
        sleep(Duration::from_millis(body_takes)).await;
        Ok::<_, axum::Error>(Bytes::from_static(b"{}"))
    });
    // A search, which may be repeated; without the guard, which would end it anyway.
    let request = Request::post("/api/v1/search").extension(Budget(Duration::from_millis(budget)));
    let answer = forward.oneshot(request.body(Body::from_stream(body)).unwrap()).await.unwrap();
    assert_eq!((answer.status().as_u16(), asked.load(Ordering::SeqCst)), (status, asked_so_often));
}
