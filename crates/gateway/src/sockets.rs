//! WebSockets: whoever is signed in hears at once when titles change. They end at the gateway, in the process that
//! people reach: the event log says in every process what changed, so nothing has to be passed on from another role.

mod protocol;
mod session;

use std::{
    collections::{HashMap, hash_map::Entry},
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    extract::{
        State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    response::Response,
};
use contracts::{ApiError, Caller, Clock, ContentId, ErrorKind, Pace, Scope, Subject, Topic};
use http_api::{BEARER, HttpResult, ProblemBody, Problems, StandingCall};
use jiff::SignedDuration;
use stores::{
    Db, DbError,
    events::{self, Head},
};
use tokio::{sync::broadcast, time::sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::limits::Limits;
use session::Session;

/// What its messages cost is what a request to it costs.
const ROUTE: &str = "/api/v1/ws";
/// How many events one person is told of at most, over all of their sockets here, within the window (G6).
const MOST: usize = 100;
const WINDOW: SignedDuration = SignedDuration::from_secs(60);
/// What is told of as `content:updated`.
const TOPICS: [Topic; 3] = [Topic::ContentIngested, Topic::ContentUpdated, Topic::AvailabilityChanged];
/// How many events are read at a time, and how many such parts a socket may be behind.
const BATCH: usize = 500;
const BEHIND: usize = 64;
/// How long it waits when the event log can't be read.
const AGAIN: Duration = Duration::from_secs(1);
/// The largest frame that is read at all, in bytes: of a larger one the header.
const MAX_FRAME: usize = 64 * 1_024;
/// What a socket reads and writes at a time, in bytes; two thousand have this at once.
const BUFFER: usize = 4 * 1_024;

/// The bounds of sockets.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// How often it is asked whether a token still holds: a revocation shows within a second (A5).
    check: Duration,
    /// How often a client is asked whether it is still there.
    ping: Duration,
    /// How long a client may take to take in one message.
    patience: Duration,
    /// Sockets at once.
    sockets: usize,
    /// Sockets of one person or program.
    each: usize,
    /// Sockets from one network, whoever has them: one that was upgraded counts no more among its client's connections.
    of_a_network: usize,
}

const BOUNDS: Bounds = Bounds {
    check: Duration::from_millis(250),
    ping: Duration::from_secs(25),
    patience: Duration::from_secs(10),
    sockets: 2_000,
    each: 10,
    of_a_network: 500,
};

/// Titles that changed, with where in the log they did so last.
type Changes = HashMap<ContentId, i64>;

/// The sockets of a process.
pub struct Sockets {
    db: Db,
    clock: Clock,
    limits: Option<Arc<Limits>>,
    bounds: Bounds,
    news: broadcast::Sender<Arc<Changes>>,
    people: Mutex<People>,
    shutdown: CancellationToken,
    open: TaskTracker,
}

#[derive(Default)]
struct People {
    all: HashMap<Subject, Person>,
    /// How many each network has, where it has any.
    networks: HashMap<u64, usize>,
    sockets: usize,
}

/// Somebody who has sockets, or had until lately.
#[derive(Default)]
struct Person {
    sockets: usize,
    /// When they were told of something.
    told: Pace,
}

impl Sockets {
    /// None yet. Their messages take from the buckets of `limits`; at `shutdown` they say goodbye, and `open` is waited for.
    pub fn new(
        db: Db,
        clock: Clock,
        limits: Option<Arc<Limits>>,
        shutdown: CancellationToken,
        open: TaskTracker,
    ) -> Self {
        let (news, people) = (broadcast::Sender::new(BEHIND), Mutex::default());
        Self { db, clock, limits, bounds: BOUNDS, news, people, shutdown, open }
    }

    /// Tells of what comes in the log after a position, until dropped. One follower is enough for a process.
    pub async fn follow(self: Arc<Self>, mut after: i64, mut head: Head) {
        loop {
            match self.pass_on(after).await {
                Ok(reached) => {
                    after = reached;
                    head.changed().await;
                }
                Err(error) => {
                    tracing::warn!(%error, "the event log can't be read; sockets hear of changes later");
                    sleep(AGAIN).await;
                }
            }
        }
    }

    /// Tells of what came after a position; where it has come to.
    async fn pass_on(&self, mut after: i64) -> Result<i64, DbError> {
        // In this order: who connects after the look is told of what comes after it.
        let now = events::head(&self.db).await?;
        if self.news.receiver_count() == 0 {
            return Ok(now.max(after));
        }
        loop {
            let (news, reached) = events::read_of(&self.db, &TOPICS.map(Topic::as_str), after, BATCH).await?;
            after = reached;
            if news.is_empty() {
                return Ok(after);
            }
            // In the order of the log: the last one stays.
            let changes: Changes = news.iter().map(|(position, event)| (event.key, *position)).collect();
            // Whoever was there has left meanwhile, if this fails.
            let _ = self.news.send(Arc::new(changes));
        }
    }

    /// A place for one more socket of `subject`.
    ///
    /// # Errors
    /// `too_many_sockets`: `TooManyRequests` where they or their network have too many, `Unavailable` where all have.
    fn join(self: &Arc<Self>, subject: Subject, network: Option<u64>) -> Result<Seat, ApiError> {
        let mut guard = self.people();
        let people = &mut *guard;
        let Bounds { sockets, each, of_a_network, .. } = self.bounds;
        let refused = |kind: ErrorKind, detail: String| {
            Err(ApiError::new(kind, "too_many_sockets", detail).retry_after(Duration::from_secs(5)))
        };
        if people.sockets >= sockets {
            return refused(ErrorKind::Unavailable, "too many connections are open; try again soon".to_owned());
        }
        let open_there = |network| people.networks.get(&network).copied().unwrap_or(0);
        if network.map_or(0, open_there) >= of_a_network {
            return refused(ErrorKind::TooManyRequests, "too many connections are open from your network".to_owned());
        }
        if people.all.len() >= 2 * sockets {
            people.all.retain(|_, person| person.sockets > 0);
        }
        let person = people.all.entry(subject.clone()).or_default();
        if person.sockets >= each {
            return refused(ErrorKind::TooManyRequests, format!("you have {each} connections; close one first"));
        }
        person.sockets += 1;
        people.sockets += 1;
        if let Some(network) = network {
            *people.networks.entry(network).or_default() += 1;
        }
        Ok(Seat { hub: Arc::clone(self), subject, network })
    }

    /// Takes what a message costs from the buckets of whoever sent it.
    async fn pay(&self, caller: &Caller) -> Result<(), ApiError> {
        let Some(limits) = &self.limits else { return Ok(()) };
        // Whoever is known is counted by who they are, wherever they are.
        match limits.demand(caller, Ipv4Addr::UNSPECIFIED.into(), ROUTE, ROUTE) {
            Some(demand) => limits.take(demand).await,
            None => Ok(()),
        }
    }

    fn people(&self) -> MutexGuard<'_, People> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among the sockets, given back when dropped.
struct Seat {
    hub: Arc<Sockets>,
    subject: Subject,
    network: Option<u64>,
}

impl Seat {
    /// How long it takes until its person may be told of one more event.
    fn wait(&self) -> Duration {
        let now = self.hub.clock.now();
        let wait = self.hub.people().all.get_mut(&self.subject).map(|person| person.told.wait(now, MOST, WINDOW));
        wait.and_then(|wait| Duration::try_from(wait).ok()).unwrap_or_default()
    }

    /// Whether its person may be told of one more event now, which is then told.
    fn take(&self) -> bool {
        let now = self.hub.clock.now();
        self.hub.people().all.get_mut(&self.subject).is_some_and(|person| person.told.take(now, MOST, WINDOW))
    }
}

impl Drop for Seat {
    /// The pace stays: coming again is no way to hear more.
    fn drop(&mut self) {
        let mut guard = self.hub.people();
        let people = &mut *guard;
        people.sockets = people.sockets.saturating_sub(1);
        if let Some(person) = people.all.get_mut(&self.subject) {
            person.sockets = person.sockets.saturating_sub(1);
        }
        if let Some(network) = self.network
            && let Entry::Occupied(mut open) = people.networks.entry(network)
        {
            *open.get_mut() -= 1;
            if *open.get() == 0 {
                open.remove();
            }
        }
    }
}

/// The route to `sockets`.
pub fn sockets(sockets: Arc<Sockets>) -> OpenApiRouter {
    router().with_state(sockets)
}

/// Its documentation.
pub(crate) fn api() -> OpenApi {
    router().into_openapi()
}

fn router() -> OpenApiRouter<Arc<Sockets>> {
    OpenApiRouter::new().routes(routes!(connect_socket))
}

/// Hear over a WebSocket when titles change.
///
/// Send `{"type": "subscribe", "content_ids": […]}` with up to 100 titles a connection (`unsubscribe` takes them back): when one
/// changes you hear `{"event": "content:updated", "content_id": …, "position": …}`, with a position that grows; ask for the title to
/// see what is new. That is at most 100 times in 60 s over all your connections; what changes beyond is told of later, once a title.
/// A page, which can't send `Authorization`, names two subprotocols, `bearer` and its token, and is of an origin that may call, of
/// the node's own or, on this machine, of the address it calls.
/// Before the token ends send `{"type": "refresh", "token": …}`. Each message costs what a request does; what can't be done is
/// answered `{"event": "error", "code": …, "detail": …}`. The server asks every 25 s (ping) whether you are there. It closes with
/// 1001 when it stops, 1002 for what is no WebSocket, 1003 for what is no text, 1008 for what it does not understand, 1009 for
/// more than 16 KiB, 1013 when you read too slowly or tokens can't be checked, 4401 when the token has ended or was revoked.
#[utoipa::path(get, path = "/api/v1/ws", tag = "content", security(("oauth" = ["read:content"])),
    responses((status = 101, description = "The connection is a WebSocket now."),
        (status = 426, description = "This is no request for a WebSocket over HTTP/1.1.", body = ProblemBody,
            content_type = "application/problem+json"), Problems))]
async fn connect_socket(
    State(sockets): State<Arc<Sockets>>,
    standing: StandingCall,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> HttpResult<Response> {
    let subject = standing.call.identity(Scope::ReadContent)?.subject.clone();
    let Ok(upgrade) = upgrade else {
        let detail = "this path speaks WebSocket over HTTP/1.1: connect with such a client";
        return Err(ApiError::new(ErrorKind::UpgradeRequired, "upgrade_required", detail).into());
    };
    let session = Session::new(sockets.join(subject, standing.call.origin)?, standing);
    let upgrade = upgrade.protocols([BEARER]).max_message_size(MAX_FRAME).max_frame_size(MAX_FRAME);
    let upgrade = upgrade.read_buffer_size(BUFFER).write_buffer_size(0).max_write_buffer_size(MAX_FRAME);
    Ok(upgrade.on_upgrade(move |socket| session.run(socket)))
}

#[cfg(test)]
mod tests;
