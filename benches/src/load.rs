//! A closed loop of load: a few kept-alive connections, each with one request at a time, bounded in time.
//!
//! Requests are bytes, made before their time is taken, and answers are read just far enough to know where they end, so
//! that one thread asks faster than two cores answer.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::LocalSet;

/// The largest answer that is read.
const MAX_ANSWER_BYTES: usize = 8 << 20;
/// An answer later than this is an error.
const PATIENCE: Duration = Duration::from_secs(30);

/// How much load.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// For how long.
    pub duration: Duration,
    /// Over how many connections.
    pub connections: usize,
}

/// What is asked, in this order, by whichever connection is free; a load ends when there is no more.
pub type Requests = Rc<RefCell<dyn Iterator<Item = Vec<u8>>>>;

/// What came of it.
pub struct Outcome {
    /// Microseconds of each answered request, in order.
    latencies: Vec<u32>,
    /// Requests that were refused because there was too much to do.
    pub refused: usize,
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// Bytes of the last answer's body.
    pub body_bytes: usize,
}

impl Outcome {
    /// Answers.
    pub fn count(&self) -> usize {
        self.latencies.len()
    }

    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.count() as f64 / self.elapsed.as_secs_f64()
    }

    /// Answers a second that took no longer than `objective`.
    pub fn goodput(&self, objective: Duration) -> f64 {
        let objective = u32::try_from(objective.as_micros()).unwrap_or(u32::MAX);
        let in_time = self.latencies.partition_point(|latency| *latency <= objective);
        in_time as f64 / self.elapsed.as_secs_f64()
    }

    /// A percentile in milliseconds; `share` from 0 to 1.
    pub fn percentile_ms(&self, share: f64) -> f64 {
        let index = ((self.count() - 1) as f64 * share).round() as usize;
        f64::from(self.latencies[index]) / 1000.0
    }
}

/// The bytes of a GET.
pub fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: application/json\r\n\r\n").into_bytes()
}

/// The bytes of a GET whose answer may not come from a cache on the way.
pub fn get_uncached(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncache-control: no-cache\r\n\r\n").into_bytes()
}

/// The bytes of a POST of JSON.
pub fn post(path: &str, body: &str) -> Vec<u8> {
    let head = format!("POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n");
    format!("{head}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// One request and its body, over a connection of its own.
///
/// # Errors
/// No connection, or an answer other than 200.
pub async fn once(address: SocketAddr, request: &[u8]) -> Result<Vec<u8>> {
    match Connection::open(address, 0).await?.ask(request).await? {
        Some(body) => Ok(body),
        None => bail!("the server has too much to do"),
    }
}

/// Sends the requests in turn, round and round, until the time is over.
///
/// # Errors
/// The first answer that is not 200: a failing server is not measured.
pub async fn run(address: SocketAddr, load: Load, requests: Vec<Vec<u8>>) -> Result<Outcome> {
    if requests.is_empty() {
        bail!("nothing to ask");
    }
    let round: Requests = Rc::new(RefCell::new((0..).map(move |at: usize| requests[at % requests.len()].clone())));
    let outcome = overload(address, load, &round).await?;
    if outcome.refused > 0 {
        bail!("{} requests were refused", outcome.refused);
    }
    Ok(outcome)
}

/// As [`run`], for more than the server can do: what it refuses with 503 is counted, and asked again a moment later.
/// Each request is answered once at the most; the time is over early when they run out.
///
/// # Errors
/// The first answer that is neither 200 nor 503, or no answer at all.
pub async fn overload(address: SocketAddr, load: Load, requests: &Requests) -> Result<Outcome> {
    let started = Instant::now();
    let ask = async || {
        let tasks: Vec<_> = (0..load.connections)
            .map(|lane| tokio::task::spawn_local(lane_of(lane, address, load, Rc::clone(requests), started)))
            .collect();
        let mut all = Lane::default();
        for task in tasks {
            let mut lane = task.await??;
            all.latencies.append(&mut lane.latencies);
            all.refused += lane.refused;
            all.body_bytes = all.body_bytes.max(lane.body_bytes);
        }
        anyhow::Ok(all)
    };
    let Lane { mut latencies, refused, body_bytes } = LocalSet::new().run_until(ask()).await?;
    latencies.sort_unstable();
    if latencies.is_empty() {
        bail!("no request was answered: none came in time, or none was left to ask")
    }
    Ok(Outcome { latencies, refused, elapsed: started.elapsed(), body_bytes })
}

/// What one connection saw.
#[derive(Default)]
struct Lane {
    latencies: Vec<u32>,
    refused: usize,
    body_bytes: usize,
}

/// How long a client waits that was told to come back later.
const REFUSED_PAUSE: Duration = Duration::from_millis(20);

async fn lane_of(lane: usize, address: SocketAddr, load: Load, requests: Requests, started: Instant) -> Result<Lane> {
    let mut connection = Connection::open(address, lane).await?;
    let mut seen = Lane::default();
    let mut refused = None;
    while started.elapsed() < load.duration {
        let Some(request) = refused.take().or_else(|| requests.borrow_mut().next()) else { break };
        let sent = Instant::now();
        match connection.ask(&request).await? {
            Some(body) => {
                seen.body_bytes = body.len();
                seen.latencies.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
            }
            None => {
                seen.refused += 1;
                refused = Some(request);
                tokio::time::sleep(REFUSED_PAUSE).await;
            }
        }
    }
    Ok(seen)
}

struct Connection {
    stream: TcpStream,
    /// Reused for every answer.
    buffer: Vec<u8>,
}

impl Connection {
    /// Each of many connections comes from an address of its own, as clients do: quotas are an address's.
    async fn open(address: SocketAddr, client: usize) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        let own = Ipv4Addr::new(127, 0, 1, u8::try_from(client % 250)? + 1);
        socket.bind((own, 0).into())?;
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(64 << 10) })
    }

    /// The body of an answer; `None` when the server has too much to do.
    async fn ask(&mut self, request: &[u8]) -> Result<Option<Vec<u8>>> {
        tokio::time::timeout(PATIENCE, self.exchange(request)).await.context("no answer in 30 seconds")?
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<Option<Vec<u8>>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            self.more().await?;
        };
        let text = String::from_utf8_lossy(&self.buffer[..head]).to_ascii_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.context("the answer has no content-length")?.trim().parse()?;
        while self.buffer.len() < head + length {
            self.more().await?;
        }
        let body = &self.buffer[head..head + length];
        if text.starts_with("http/1.1 503") {
            return Ok(None);
        }
        if !text.starts_with("http/1.1 200") {
            let status = text.lines().next().unwrap_or_default();
            bail!("{status}: {}", String::from_utf8_lossy(&body[..body.len().min(300)]));
        }
        Ok(Some(body.to_vec()))
    }

    async fn more(&mut self) -> Result<()> {
        if self.buffer.len() > MAX_ANSWER_BYTES {
            bail!("the answer is larger than {MAX_ANSWER_BYTES} bytes");
        }
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => bail!("the server closed the connection"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::{get as on_get, post as on_post};

    use super::*;

    async fn server() -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router =
            Router::new().route("/", on_get(async || "hello")).route("/echo", on_post(async |body: String| body));
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    #[tokio::test]
    async fn every_answer_is_counted_and_timed() {
        let load = Load { duration: Duration::from_millis(200), connections: 3 };
        let outcome = run(server().await, load, vec![get("/"), post("/echo", "hello")]).await.unwrap();
        assert!(outcome.count() > 30 && outcome.rate() > 100.0, "{}", outcome.count());
        assert_eq!(outcome.body_bytes, 5);
        assert!(outcome.percentile_ms(0.5) > 0.0 && outcome.percentile_ms(0.5) <= outcome.percentile_ms(1.0));
        assert!(outcome.percentile_ms(1.0) < 200.0);
    }

    #[tokio::test]
    async fn a_load_ends_when_all_was_asked_once() {
        let (server, load) = (server().await, Load { duration: Duration::from_secs(20), connections: 3 });
        let few: Requests = Rc::new(RefCell::new((0..20).map(|at| post("/echo", &format!("question {at}")))));
        let outcome = overload(server, load, &few).await.unwrap();
        assert!(outcome.count() == 20 && outcome.elapsed < load.duration, "{}", outcome.count());
        assert!(overload(server, load, &few).await.is_err(), "nothing is left for the next load");
    }

    #[tokio::test]
    async fn a_failing_server_is_not_measured() {
        let load = Load { duration: Duration::from_millis(50), connections: 1 };
        let error = run(server().await, load, vec![get("/nothing")]).await.err().unwrap().to_string();
        assert!(error.contains("404"), "{error}");
        assert!(run(server().await, load, Vec::new()).await.is_err());
    }

    #[tokio::test]
    async fn a_body_comes_back_whole() {
        let long = "words ".repeat(50_000);
        assert_eq!(once(server().await, &post("/echo", &long)).await.unwrap(), long.as_bytes());
    }
}
