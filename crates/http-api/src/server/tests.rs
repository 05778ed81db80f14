//! The server over real sockets.

use std::time::Instant;

use axum::{Router, extract::Extension, routing::get};
use rstest::rstest;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Notify,
    task::JoinHandle,
};

use super::*;

/// How long a test waits for what happens at once.
const PATIENCE: Duration = Duration::from_secs(30);

struct Running {
    address: SocketAddr,
    /// A request that takes a while has begun.
    begun: Arc<Notify>,
    shutdown: CancellationToken,
    task: JoinHandle<io::Result<usize>>,
}

async fn start(config: ServerConfig) -> Running {
    let begun = Arc::new(Notify::new());
    let slow = |millis: u64| {
        let begun = Arc::clone(&begun);
        move || {
            begun.notify_one();
            async move {
                sleep(Duration::from_millis(millis)).await;
                "done"
            }
        }
    };
    let router = Router::new()
        .route("/", get(|Extension(Peer(peer)): Extension<Peer>| async move { peer.ip().to_string() }))
        .route("/slow", get(slow(300)))
        .route("/endless", get(slow(600_000)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, shutdown) = (listener.local_addr().unwrap(), CancellationToken::new());
    let task = tokio::spawn(serve(listener, router, config, shutdown.clone()));
    Running { address, begun, shutdown, task }
}

fn impatient() -> ServerConfig {
    ServerConfig {
        header_read_timeout: Duration::from_millis(200),
        drain: Duration::from_millis(600),
        ping: (Duration::from_millis(100), Duration::from_millis(100)),
        ..ServerConfig::default()
    }
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("the server never closed");
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    read_all(&mut stream).await
}

#[tokio::test]
async fn answers_with_the_peer() {
    let server = start(ServerConfig::default()).await;
    let answer = ask(server.address, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("127.0.0.1"), "{answer}");
    assert!(!answer.to_lowercase().contains("server:"), "{answer}");
}

/// Slow clients of every kind: silent, stuck in the request line, in the headers, in the preface of HTTP/2, and idle.
#[rstest]
#[case("")]
#[case("G")]
#[case("GET / HTTP/1.1\r\nHost: x\r\nX-Slow: aaaaaaaaa")]
#[case("PRI * HTTP/2.0\r\n")]
// The whole preface and empty settings, and no answer to a ping.
#[case("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")]
#[case("GET / HTTP/1.1\r\nHost: x\r\n\r\n")]
#[tokio::test]
async fn slow_clients_are_let_go(#[case] sent: &str) {
    let server = start(impatient()).await;
    let began = Instant::now();
    ask(server.address, sent).await;
    // Who is as patient as usual lets nobody go in less than ten seconds.
    assert!(began.elapsed() < Duration::from_secs(8), "took {:?}", began.elapsed());
}

/// The same slow head is served by a patient server: it is the timeout that ends it above.
#[tokio::test]
async fn a_patient_server_waits() {
    let server = start(ServerConfig { header_read_timeout: Duration::from_secs(5), ..impatient() }).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").await.unwrap();
    sleep(Duration::from_millis(500)).await;
    stream.write_all(b"Connection: close\r\n\r\n").await.unwrap();
    assert!(read_all(&mut stream).await.starts_with("HTTP/1.1 200"));
}

#[rstest]
#[case("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /slow HTTP/1.1\r\nHost: x\r\n\r\n")]
#[case("Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd")]
#[case("Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n")]
#[tokio::test]
async fn ambiguous_framing_never_smuggles_a_second_request(#[case] rest: &str) {
    let server = start(impatient()).await;
    let answer = ask(server.address, &format!("GET / HTTP/1.1\r\nHost: x\r\n{rest}")).await;
    assert!(!answer.contains("done"), "a second request was answered: {answer}");
    assert!(answer.matches("HTTP/1.1").count() <= 1, "{answer}");
}

#[tokio::test]
async fn a_head_beyond_every_bound_is_refused() {
    let server = start(ServerConfig::default()).await;
    let huge = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Big: {}\r\n\r\n", "a".repeat(100_000));
    assert!(ask(server.address, &huge).await.starts_with("HTTP/1.1 431"));
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(200));
    assert!(ask(server.address, &many).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn a_drain_finishes_what_is_in_flight_and_takes_nothing_new() {
    let server = start(ServerConfig { drain: PATIENCE, ..ServerConfig::default() }).await;
    let request = tokio::spawn(ask(server.address, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"));
    server.begun.notified().await;
    server.shutdown.cancel();
    let answer = request.await.unwrap();
    assert!(answer.ends_with("done"), "{answer}");
    assert_eq!(server.task.await.unwrap().unwrap(), 0);
    assert!(TcpStream::connect(server.address).await.is_err(), "still listening");
}

#[tokio::test]
async fn a_drain_has_a_bound() {
    let server = start(ServerConfig { drain: Duration::from_millis(100), ..ServerConfig::default() }).await;
    let request = tokio::spawn(ask(server.address, "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n"));
    server.begun.notified().await;
    server.shutdown.cancel();
    assert_eq!(server.task.await.unwrap().unwrap(), 1);
    assert_eq!(request.await.unwrap(), "", "cut off without an answer");
}

#[tokio::test]
async fn one_client_does_not_take_every_place() {
    let once = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let proxies = Proxies::new(|ip| ip.is_loopback());
    for (proxies, served) in [(Proxies::default(), false), (proxies, true)] {
        let config = ServerConfig { max_connections_per_client: 2, proxies, ..ServerConfig::default() };
        let server = start(config).await;
        let connect = || TcpStream::connect(server.address);
        let held = [connect().await.unwrap(), connect().await.unwrap()];
        let mut third = connect().await.unwrap();
        let _ = third.write_all(once.as_bytes()).await;
        assert_eq!(read_all(&mut third).await.starts_with("HTTP/1.1 200"), served);
        drop(held);
        let since = Instant::now();
        while !ask(server.address, once).await.starts_with("HTTP/1.1 200") {
            assert!(since.elapsed() < PATIENCE, "who has left makes room");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn connections_beyond_the_bound_wait_their_turn() {
    let server = start(ServerConfig { max_connections: 1, ..impatient() }).await;
    let began = Instant::now();
    let idle = TcpStream::connect(server.address).await.unwrap();
    sleep(Duration::from_millis(50)).await;
    let answer = ask(server.address, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(began.elapsed() >= Duration::from_millis(190), "did not wait for the idle one to be let go");
    drop(idle);
}
