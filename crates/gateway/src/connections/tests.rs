//! Connections over real sockets, to a role that answers as its paths say.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

use futures::future::join_all;
use http::{Method, header};
use http_body_util::BodyExt;
use hyper_util::client::legacy::connect::HttpConnector;
use rstest::rstest;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};

use super::*;

/// A role, and how many connections it was asked over.
struct Role {
    address: SocketAddr,
    opened: Arc<AtomicUsize>,
}

impl Role {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, opened) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&opened);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(answers(stream));
            }
        });
        Self { address, opened }
    }

    fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }

    fn connections(&self) -> Arc<Connections> {
        let mut plain = HttpConnector::new();
        plain.set_nodelay(true);
        let origin = format!("http://{}/", self.address).parse().unwrap();
        Arc::new(Connections::new(Way { plain, tls: None }, origin))
    }
}

fn answer(body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

/// Answers `/kind/what`, one request after the other, until the connection ends.
async fn answers(mut stream: TcpStream) {
    let mut seen = Vec::new();
    loop {
        let end = loop {
            match seen.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(end) => break end + 4,
                None if stream.read_buf(&mut seen).await.unwrap_or(0) == 0 => return,
                None => {}
            }
        };
        let head = String::from_utf8(seen.drain(..end).collect()).unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        while seen.len() < length {
            if stream.read_buf(&mut seen).await.unwrap_or(0) == 0 {
                return;
            }
        }
        seen.drain(..length);
        let path = head.split(' ').nth(1).unwrap();
        let (kind, what) = path[1..].split_once('/').unwrap();
        let said = match kind {
            "large" => answer(&vec![b'x'; what.parse().unwrap()]),
            "chunked" => {
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n".to_vec()
            }
            "empty" => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
            "cut" => b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_vec(),
            "more" => [answer(what.as_bytes()), answer(b"evil")].concat(),
            _ => answer(what.as_bytes()),
        };
        match kind {
            "slow" => sleep(Duration::from_millis(200)).await,
            "never" => std::future::pending().await,
            _ => {}
        }
        let _ = stream.write_all(&said).await;
        match kind {
            "later" => {
                sleep(Duration::from_millis(20)).await;
                let _ = stream.write_all(&answer(b"evil")).await;
            }
            "cut" => return,
            // Not before the answer was read.
            "close" => {
                sleep(Duration::from_millis(20)).await;
                return;
            }
            _ => {}
        }
    }
}

async fn ask(connections: &Arc<Connections>, method: Method, path: &str) -> Result<Bytes, NoAnswer> {
    let body = if method == Method::POST { Body::from("sent") } else { Body::empty() };
    let request = Request::builder().method(method).uri(path).header(header::HOST, "role").body(body).unwrap();
    let response = connections.ask(request).await?;
    response.into_body().collect().await.map(|body| body.to_bytes()).map_err(|error| NoAnswer::new(false, error))
}

/// What lies idle has done so for this much longer.
fn age(connections: &Connections, time: Duration) {
    for (since, _) in connections.lock().iter_mut() {
        *since -= time;
    }
}

/// Long enough for what the role does a moment later, in parts: whatever it did by one of them is noticed by the next.
async fn a_while() {
    for _ in 0..10 {
        sleep(Duration::from_millis(20)).await;
    }
}

async fn get(connections: &Arc<Connections>, path: &str) -> Bytes {
    ask(connections, Method::GET, path).await.unwrap()
}

#[tokio::test]
async fn one_connection_serves_one_request_after_the_other() {
    let role = Role::start().await;
    let connections = role.connections();
    for _ in 0..3 {
        assert_eq!(get(&connections, "/echo/a").await, "a");
        assert_eq!(ask(&connections, Method::POST, "/echo/b").await.unwrap(), "b");
        assert_eq!(get(&connections, "/empty/").await, "");
        // In several parts, held; and too large for that.
        assert_eq!(get(&connections, "/large/60000").await.len(), 60_000);
        assert_eq!(get(&connections, "/large/1000000").await.len(), 1_000_000);
        assert_eq!(get(&connections, "/chunked/").await, "onetwo");
    }
    assert_eq!(role.opened(), 1);
    assert_eq!(connections.lock().len(), 1);
}

#[tokio::test]
async fn what_was_closed_as_it_lay_there_costs_no_request() {
    let role = Role::start().await;
    let connections = role.connections();
    join_all((0..5).map(|_| get(&connections, "/close/a"))).await;
    a_while().await;
    assert_eq!((role.opened(), connections.lock().len()), (5, 5), "nobody has looked at them yet");
    // It is not safe to repeat, and nothing of it was sent.
    assert_eq!(ask(&connections, Method::POST, "/echo/b").await.unwrap(), "b");
    assert_eq!((role.opened(), connections.lock().len()), (6, 1));
}

/// What a role sends unasked, at once or later, is never the answer to the next request.
#[rstest]
#[case("/more/a")]
#[case("/later/a")]
#[tokio::test]
async fn nobody_is_given_what_they_did_not_ask_for(#[case] path: &str) {
    let role = Role::start().await;
    let connections = role.connections();
    assert_eq!(get(&connections, path).await, "a");
    a_while().await;
    assert_eq!(get(&connections, "/echo/b").await, "b");
    assert_eq!(role.opened(), 2);
}

#[tokio::test]
async fn who_gives_up_takes_the_connection_with_them() {
    let role = Role::start().await;
    let connections = role.connections();
    assert_eq!(get(&connections, "/echo/a").await, "a");
    assert!(timeout(Duration::from_millis(50), get(&connections, "/never/b")).await.is_err());
    assert_eq!(connections.lock().len(), 0);
    assert_eq!(get(&connections, "/echo/c").await, "c");
    // A large answer that nobody reads to its end, too.
    let request = Request::get("/large/10000000").header(header::HOST, "role").body(Body::empty()).unwrap();
    drop(connections.ask(request).await.unwrap());
    assert_eq!(connections.lock().len(), 0);
    assert_eq!(get(&connections, "/echo/d").await, "d");
    assert_eq!(role.opened(), 3);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_none() {
    let role = Role::start().await;
    let connections = role.connections();
    assert!(!ask(&connections, Method::GET, "/cut/").await.unwrap_err().unsent);
    let nobody = Role { address: "127.0.0.1:1".parse().unwrap(), ..role };
    assert!(ask(&nobody.connections(), Method::GET, "/echo/a").await.unwrap_err().unsent);
}

#[tokio::test]
async fn what_lies_idle_is_bounded_in_number_and_time() {
    let role = Role::start().await;
    let connections = role.connections();
    join_all((0..MAX_IDLE + 20).map(|_| get(&connections, "/slow/a"))).await;
    assert_eq!((role.opened(), connections.lock().len()), (MAX_IDLE + 20, MAX_IDLE));
    age(&connections, IDLE_TIMEOUT);
    assert_eq!(get(&connections, "/echo/b").await, "b");
    assert_eq!((role.opened(), connections.lock().len()), (MAX_IDLE + 21, 1));
}

#[tokio::test]
async fn one_that_lay_idle_for_too_long_is_not_used() {
    let role = Role::start().await;
    let connections = role.connections();
    assert_eq!(get(&connections, "/echo/a").await, "a");
    for (time, opened) in [(IDLE_TIMEOUT / 2, 1), (IDLE_TIMEOUT, 2)] {
        age(&connections, time);
        assert_eq!(get(&connections, "/echo/b").await, "b");
        assert_eq!(role.opened(), opened, "after {time:?}");
    }
}

/// Many at once over two threads, some of whom leave before their answer: everybody else is given their own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_reach_whoever_asked() {
    let role = Role::start().await;
    let connections = role.connections();
    let tasks = (0..16).map(|task| {
        let connections = Arc::clone(&connections);
        tokio::spawn(async move {
            for turn in 0..100 {
                let what = format!("{task}-{turn}");
                if (task + turn) % 9 == 0 {
                    let never = format!("/never/{what}");
                    assert!(timeout(Duration::from_millis(1), get(&connections, &never)).await.is_err());
                } else {
                    assert_eq!(get(&connections, &format!("/echo/{what}")).await, what);
                }
            }
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
    assert!(connections.lock().len() <= 16);
}
