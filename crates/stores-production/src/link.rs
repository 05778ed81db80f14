//! The connection to Valkey or Redis: one, shared, made again when it breaks, and left alone for a moment when it can't be.

use std::{
    fmt,
    future::Future,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use contracts::{Clock, Secret};
use redis::{
    Client, ConnectionInfo, ErrorKind, RedisError, RedisResult, TlsCertificates,
    aio::{ConnectionManager, ConnectionManagerConfig},
};

/// How long one command may take: what is asked here is asked to save time.
const COMMAND_TIMEOUT: Duration = Duration::from_millis(250);
/// How many times as long connecting may take.
const CONNECT_TIMES: u32 = 2;
/// How long nobody asks after a failure.
const PAUSE_MICROS: i64 = 500_000;
/// Commands under way at once.
const MAX_IN_FLIGHT: usize = 1_024;

/// A shared connection. Cheap to clone.
#[derive(Clone)]
pub struct RedisLink {
    server: ConnectionInfo,
    password: Option<Secret>,
    /// How long one command may take.
    patience: Duration,
    held: Arc<RwLock<Held>>,
    clock: Clock,
    paused_until: Arc<AtomicI64>,
}

/// A connection, and which one it is: it shows the password of its beginning whenever it is made again.
struct Held {
    manager: ConnectionManager,
    generation: u64,
}

impl Held {
    fn open(
        server: &ConnectionInfo,
        password: Option<&Secret>,
        patience: Duration,
        generation: u64,
    ) -> RedisResult<Self> {
        let mut server = server.clone();
        if let Some(password) = password {
            let settings = server.redis_settings().clone().set_password(password.now());
            server = server.set_redis_settings(settings);
        }
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(patience))
            .set_connection_timeout(Some(CONNECT_TIMES * patience))
            .set_number_of_retries(1)
            .set_concurrency_limit(MAX_IN_FLIGHT);
        let manager = ConnectionManager::new_lazy_with_config(Client::open(server)?, config)?;
        Ok(Self { manager, generation })
    }
}

/// The server does not answer, or not as it should.
#[derive(Debug)]
pub struct RedisUnreachable(String);

impl fmt::Display for RedisUnreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RedisUnreachable {}

impl From<RedisError> for RedisUnreachable {
    fn from(error: RedisError) -> Self {
        Self(format!("the Redis server fails: {}", cause(&error)))
    }
}

impl RedisLink {
    /// A link to the server at `url`, connected when it is first used: `redis://…`, or `rediss://…` over TLS, where the
    /// server's certificate is to be of one of `authorities` (PEM), or of one that the system believes. `password` stands
    /// in place of the one in `url`; another counts from the next connection on, and the one that stands is kept.
    ///
    /// # Errors
    /// When `url` is not an address, or `authorities` are none or not asked for.
    pub fn open(
        url: &str,
        authorities: Option<Vec<u8>>,
        password: Option<Secret>,
        clock: Clock,
    ) -> Result<Self, RedisUnreachable> {
        Self::open_within(COMMAND_TIMEOUT, url, authorities, password, clock)
    }

    /// As [`RedisLink::open`], where one command may take as long as this.
    pub(crate) fn open_within(
        patience: Duration,
        url: &str,
        authorities: Option<Vec<u8>>,
        password: Option<Secret>,
        clock: Clock,
    ) -> Result<Self, RedisUnreachable> {
        let client = match authorities {
            Some(pem) => Client::build_with_tls(url, TlsCertificates { client_tls: None, root_cert: Some(pem) })?,
            None => Client::open(url)?,
        };
        let server = client.get_connection_info().clone();
        let held = Arc::new(RwLock::new(Held::open(&server, password.as_ref(), patience, 0)?));
        Ok(Self { server, password, patience, held, clock, paused_until: Arc::default() })
    }

    /// Whether the server answers.
    ///
    /// # Errors
    /// Why not.
    pub async fn ping(&self) -> Result<(), RedisUnreachable> {
        let (mut manager, generation) = self.manager();
        let outcome = redis::cmd("PING").query_async::<()>(&mut manager).await;
        if let Err(error) = &outcome {
            self.renew(error, generation);
        }
        Ok(outcome?)
    }

    fn manager(&self) -> (ConnectionManager, u64) {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        (held.manager.clone(), held.generation)
    }

    /// Begins anew, with the password as it is now, where the connection of this `generation` was refused with its own: a
    /// manager never asks again after that. Of all whom that befell the first does, and the others find what it made.
    fn renew(&self, error: &RedisError, generation: u64) {
        if !is_refusal(error) {
            return;
        }
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if held.generation == generation
            && let Ok(fresh) = Held::open(&self.server, self.password.as_ref(), self.patience, generation + 1)
        {
            *held = fresh;
        }
    }

    /// The time, in microseconds.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now().as_microsecond()
    }

    /// Asks the server with `ask`; not at all for a moment after it failed.
    pub(crate) async fn ask<T, A, F>(&self, ask: A) -> Result<T, RedisUnreachable>
    where
        A: FnOnce(ConnectionManager) -> F,
        F: Future<Output = RedisResult<T>>,
    {
        if self.now() < self.paused_until.load(Ordering::Relaxed) {
            return Err(RedisUnreachable("the Redis server failed a moment ago".to_owned()));
        }
        let (manager, generation) = self.manager();
        let outcome = ask(manager).await;
        if let Err(error) = &outcome {
            self.renew(error, generation);
            self.paused_until.store(self.now() + PAUSE_MICROS, Ordering::Relaxed);
            metrics::counter!("redis_failures_total").increment(1);
            tracing::warn!(cause = cause(error), "the Redis server does not answer as it should");
        }
        Ok(outcome?)
    }
}

/// Why it fails, in the words of the system or the first sentence of the server. Without the address, which may hold a
/// password, and without what follows `ERR`: a server that does not know a command repeats what came with it.
fn cause(error: &RedisError) -> String {
    let words = error.detail().and_then(|words| words.split(['.', '\r', '\n']).next());
    match (error.code(), words) {
        (Some(code), Some(words)) if code != "ERR" => format!("{code} {words}"),
        (Some(code), _) => code.to_owned(),
        (None, _) if error.is_io_error() => error.to_string(),
        (None, _) => error.category().to_owned(),
    }
}

/// Whether the server did not take the password; over its third protocol it says so in its own words.
fn is_refusal(error: &RedisError) -> bool {
    error.kind() == ErrorKind::AuthenticationFailed || error.code() == Some("WRONGPASS")
}
