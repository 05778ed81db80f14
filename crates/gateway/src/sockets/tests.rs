//! Sockets over a wire with little room, at a clock that stands still.

use access::{ApiKeyRecord, KeyKind, Live, NewKey, Revoked, Snapshot, Verifier, VerifierConfig};
use axum::Router;
use contracts::{Event, EventId, Ids, Rng, Role, Trace};
use futures::{SinkExt as _, StreamExt as _};
use http_api::{Frame, frame_layer};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use rstest::rstest;
use serde_json::{Value, json};
use testkit::TestDb;
use tokio::{
    io::{DuplexStream, duplex},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest as _,
        protocol::frame::{
            Frame as FrameOf,
            coding::{Data, OpCode},
        },
    },
};

use super::*;

const ISSUER: &str = "https://media.example";
/// How long something may take that happens at once.
const SOON: Duration = Duration::from_secs(60);
/// How long is waited for what must not happen.
const NEVER: Duration = Duration::from_millis(200);

struct World {
    db: TestDb,
    hub: Arc<Sockets>,
    live: Arc<Live>,
    clock: Clock,
    ids: Ids,
    /// Two keys of one person and one of another.
    keys: [String; 3],
    /// What is kept of them.
    kept: [(String, ApiKeyRecord); 3],
    router: Router,
}

fn uuid(number: usize) -> String {
    format!("01900000-0000-7000-8000-{number:012}")
}

fn person(number: usize) -> Subject {
    Subject::User(uuid(number).parse().unwrap())
}

fn title(number: usize) -> ContentId {
    uuid(number).parse().unwrap()
}

/// A key of `subject` that may read the catalogue, and what is kept of it.
fn key(subject: Subject, rng: &Rng, clock: &Clock) -> (String, (String, ApiKeyRecord)) {
    let made = NewKey::generate(KeyKind::User, rng);
    let record = ApiKeyRecord {
        kind: KeyKind::User,
        salt: made.salt,
        hash: made.hash,
        subject,
        role: Role::BasicUser,
        org: None,
        scopes: [Scope::ReadContent].into_iter().collect(),
        created_at: clock.now(),
        expires_at: None,
    };
    (made.key, (made.public_id, record))
}

impl World {
    async fn new(bounds: Bounds) -> Self {
        let (db, clock, rng) = (testkit::sqlite().await, testkit::clock(), testkit::rng());
        let [(one, kept_one), (again, kept_again), (two, kept_two)] =
            [1, 1, 2].map(|number| key(person(number), &rng, &clock));
        let live = Arc::new(Live::default());
        let config = VerifierConfig { issuer: ISSUER.to_owned(), audience: ISSUER.to_owned() };
        let frame = Frame {
            clock: clock.clone(),
            rng,
            timeout: SOON,
            operator_token: None,
            access: Some(Arc::new(Verifier::new(config, clock.clone(), Arc::clone(&live)))),
            cursor_key: [0; 32],
        };
        let hub = Sockets::new(db.db(), clock.clone(), None, CancellationToken::new(), TaskTracker::new());
        let hub = Arc::new(Sockets { bounds, ..hub });
        let after = events::head(&db).await.unwrap();
        tokio::spawn(Arc::clone(&hub).follow(after, db.head()));
        let (router, _) = sockets(Arc::clone(&hub)).split_for_parts();
        let router = router.layer(frame_layer(Arc::new(frame)));
        let (keys, kept) = ([one, again, two], [kept_one, kept_again, kept_two]);
        let world = Self { db, hub, live, clock, ids: testkit::ids(), keys, kept, router };
        world.keep(&[0, 1, 2]);
        world
    }

    /// From now on there are these keys.
    fn keep(&self, keys: &[usize]) {
        let api_keys = keys.iter().map(|key| self.kept[*key].clone()).collect();
        self.live.replace(Snapshot { api_keys, ..Snapshot::default() }, self.clock.now());
    }

    /// A socket under one of the keys, or the status it is refused with.
    async fn connect(&self, key: usize) -> Result<Socket, u16> {
        let (near, far) = duplex(1_024);
        let service = TowerToHyperService::new(self.router.clone());
        tokio::spawn(async move {
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(far), service);
            let _ = connection.with_upgrades().await;
        });
        let mut request = "ws://node/api/v1/ws".into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {}", self.keys[key]).parse().unwrap());
        match client_async(request, near).await {
            Ok((socket, _)) => Ok(Socket(socket)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Some titles change, in one transaction; where in the log the last did.
    async fn change(&self, titles: impl IntoIterator<Item = usize>) -> i64 {
        let event = |number| {
            let (id, trace) = (EventId(self.ids.next()), Trace { trace_id: 1, span_id: 1 });
            Event::new(id, "/catalog", Topic::ContentUpdated, title(number), self.clock.now(), trace, json!({}))
        };
        let all: Vec<_> = titles.into_iter().map(event).collect();
        let mut tx = self.db.begin().await.unwrap();
        events::append(&mut tx, &all).await.unwrap();
        tx.commit().await.unwrap();
        events::head(&self.db).await.unwrap()
    }

    /// Time passes, and those who verify know that nothing has changed.
    fn pass(&self, time: SignedDuration) {
        self.clock.advance(time);
        self.live.touch(self.clock.now());
    }
}

struct Socket(WebSocketStream<DuplexStream>);

impl Socket {
    async fn say(&mut self, json: &Value) {
        self.0.send(Message::text(json.to_string())).await.unwrap();
    }

    /// Follows the titles of these numbers too.
    async fn follow(&mut self, titles: impl IntoIterator<Item = usize>) -> Value {
        let ids: Vec<_> = titles.into_iter().map(title).collect();
        self.say(&json!({ "type": "subscribe", "content_ids": ids })).await;
        self.hear().await
    }

    /// What it is told next; `closed` with the code at its end, and `null` where that comes without one.
    async fn hear(&mut self) -> Value {
        timeout(SOON, self.next()).await.unwrap_or_else(|_| panic!("nothing is heard"))
    }

    async fn next(&mut self) -> Value {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(text.as_str()).unwrap(),
                Some(Ok(Message::Close(frame))) => {
                    return json!({ "closed": frame.map(|frame| u16::from(frame.code)) });
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return json!({ "closed": null }),
            }
        }
    }

    /// It is told that something is refused, and then nothing more.
    async fn ends(&mut self, code: &str, closed: u16) {
        let error = self.hear().await;
        assert_eq!((&error["event"], &error["code"]), (&json!("error"), &json!(code)), "{error}");
        assert_eq!(self.hear().await, json!({ "closed": closed }));
    }
}

#[tokio::test]
async fn one_hears_what_one_follows() {
    let world = World::new(BOUNDS).await;
    let (mut one, mut other) = (world.connect(0).await.unwrap(), world.connect(2).await.unwrap());
    assert_eq!(one.follow([1, 2, 2]).await, json!({ "event": "subscribed", "titles": 2 }));
    assert_eq!(other.follow([3]).await, json!({ "event": "subscribed", "titles": 1 }));
    let last = world.change([9, 2, 3]).await;
    let updated =
        |number, position| json!({ "event": "content:updated", "content_id": title(number), "position": position });
    assert_eq!(one.hear().await, updated(2, last - 1));
    assert_eq!(other.hear().await, updated(3, last));
    one.say(&json!({ "type": "unsubscribe", "content_ids": [title(2)] })).await;
    assert_eq!(one.hear().await, json!({ "event": "subscribed", "titles": 1 }));
    let last = world.change([2, 1]).await;
    assert_eq!(one.hear().await, updated(1, last), "and nothing of the other");
}

#[tokio::test]
async fn beyond_the_pace_a_title_is_told_of_once() {
    let world = World::new(Bounds { check: Duration::from_millis(20), ..BOUNDS }).await;
    let mut sockets = [world.connect(0).await.unwrap(), world.connect(1).await.unwrap()];
    let most = MOST;
    // Half of what the person may hear on each connection.
    for (socket, titles) in sockets.iter_mut().zip([0..most / 2, most / 2..most]) {
        socket.follow(titles).await;
    }
    world.change(0..most).await;
    for socket in &mut sockets {
        for _ in 0..most / 2 {
            assert_eq!(socket.hear().await["event"], "content:updated");
        }
    }
    // Once another was told of all, nobody is yet to hear of them but by their own pace.
    let mut other = world.connect(2).await.unwrap();
    other.follow([7, 8]).await;
    world.change([7]).await;
    world.change([8]).await;
    let last = world.change([7]).await;
    while other.hear().await["position"] != last {}
    let early = timeout(NEVER, sockets[0].next()).await;
    assert!(early.is_err(), "{early:?}");
    world.pass(SignedDuration::from_secs(60));
    let told = [sockets[0].hear().await, sockets[0].hear().await];
    let told = told.map(|told| (told["content_id"].clone(), told["position"].as_i64().unwrap()));
    assert_eq!(told, [(json!(title(8)), last - 1), (json!(title(7)), last)]);
}

#[tokio::test]
async fn who_does_not_read_is_let_go() {
    let world = World::new(Bounds { patience: NEVER * 2, ..BOUNDS }).await;
    let mut socket = world.connect(0).await.unwrap();
    // The answers are more than the wire holds; the messages are not, beside what was read of them.
    for _ in 0..40 {
        socket.say(&json!({ "type": "unsubscribe", "content_ids": [] })).await;
    }
    sleep(NEVER * 5).await;
    let ending = loop {
        let told = socket.hear().await;
        if told["event"] != "subscribed" {
            break told;
        }
    };
    assert_eq!(ending, json!({ "closed": 1013 }));
}

#[tokio::test]
async fn who_does_not_answer_a_ping_is_gone() {
    let world = World::new(Bounds { ping: NEVER * 2, ..BOUNDS }).await;
    let (mut there, mut gone) = (world.connect(0).await.unwrap(), world.connect(2).await.unwrap());
    // Whoever is polled answers.
    let early = timeout(NEVER * 7, there.next()).await;
    assert!(early.is_err(), "{early:?}");
    assert_eq!(gone.hear().await, json!({ "closed": null }));
    there.follow([1]).await;
}

#[rstest]
#[case(true, "bad_token", 4401)]
#[case(false, "auth_unavailable", 1013)]
#[tokio::test]
async fn a_socket_ends_with_what_it_was_opened_with(#[case] revoked: bool, #[case] code: &str, #[case] closed: u16) {
    let world = World::new(Bounds { check: Duration::from_millis(20), ..BOUNDS }).await;
    let (mut ended, mut other) = (world.connect(0).await.unwrap(), world.connect(2).await.unwrap());
    if revoked {
        let now = world.clock.now();
        world.live.revoke(Revoked::Subject(person(1).to_string()), now, now + SOON);
    } else {
        world.clock.advance(SignedDuration::from_secs(16));
    }
    ended.ends(code, closed).await;
    if revoked {
        other.follow([1]).await;
        assert_eq!(world.connect(0).await.err(), Some(401));
    } else {
        other.ends(code, closed).await;
    }
}

#[tokio::test]
async fn a_newer_token_counts_where_it_is_the_same_persons() {
    let world = World::new(Bounds { check: Duration::from_millis(20), ..BOUNDS }).await;
    let mut socket = world.connect(0).await.unwrap();
    for (token, code) in [("nothing", "bad_token"), (world.keys[2].as_str(), "other_subject")] {
        socket.say(&json!({ "type": "refresh", "token": token })).await;
        assert_eq!(socket.hear().await["code"], code);
    }
    socket.say(&json!({ "type": "refresh", "token": world.keys[1] })).await;
    assert_eq!(socket.hear().await, json!({ "event": "refreshed" }));
    // What was shown first is there no more; what was shown last is.
    world.keep(&[1, 2]);
    assert_eq!(world.connect(0).await.err(), Some(401));
    sleep(NEVER).await;
    socket.follow([1]).await;
    world.keep(&[2]);
    socket.ends("bad_token", 4401).await;
}

#[rstest]
#[case(Message::text("hello"), "bad_message", 1008)]
#[case(Message::text(r#"{"type":"subscribe","content_ids":["1"]}"#), "bad_message", 1008)]
#[case(Message::binary(b"{}".to_vec()), "bad_message", 1003)]
#[case(Message::text(" ".repeat(protocol::MAX_MESSAGE + 1)), "message_too_large", 1009)]
#[tokio::test]
async fn what_is_no_message_is_told_so_and_ends(#[case] message: Message, #[case] code: &str, #[case] closed: u16) {
    let world = World::new(BOUNDS).await;
    let mut socket = world.connect(0).await.unwrap();
    socket.0.send(message).await.unwrap();
    socket.ends(code, closed).await;
}

/// RFC 6455, section 7.4.1: 1009, and not the 1002 of what is no WebSocket.
#[rstest]
#[case::of_one_frame(vec![whole(MAX_FRAME + 1)])]
#[case::of_several(vec![part(Data::Text, MAX_FRAME), part(Data::Continue, 1)])]
#[tokio::test]
async fn what_is_beyond_all_bounds_is_told_so_and_ends(#[case] message: Vec<Message>) {
    let world = World::new(BOUNDS).await;
    let mut socket = world.connect(0).await.unwrap();
    for frame in message {
        // The node hangs up in the middle of it.
        if socket.0.send(frame).await.is_err() {
            break;
        }
    }
    socket.ends("message_too_large", 1009).await;
}

/// A message of one frame, of so many blanks.
fn whole(blanks: usize) -> Message {
    Message::text(" ".repeat(blanks))
}

/// A frame of a message that goes on.
fn part(data: Data, blanks: usize) -> Message {
    Message::Frame(FrameOf::message(" ".repeat(blanks), OpCode::Data(data), false))
}

#[tokio::test]
async fn what_is_no_websocket_ends_without_a_word() {
    let world = World::new(BOUNDS).await;
    let mut socket = world.connect(0).await.unwrap();
    // Goes on with a message that nobody began.
    socket.0.send(part(Data::Continue, 1)).await.unwrap();
    assert_eq!(socket.hear().await, json!({ "closed": 1002 }));
}

#[tokio::test]
async fn a_socket_follows_so_many_titles_and_no_more() {
    let world = World::new(BOUNDS).await;
    let mut socket = world.connect(0).await.unwrap();
    assert_eq!(socket.follow(0..100).await["titles"], 100);
    assert_eq!(socket.follow([99]).await["titles"], 100);
    assert_eq!(socket.follow([99, 100]).await["code"], "too_many_subscriptions");
    let last = world.change([100, 99]).await;
    assert_eq!(socket.hear().await["position"], last);
}

#[tokio::test]
async fn there_are_so_many_sockets_and_no_more() {
    let world = World::new(Bounds { each: 2, sockets: 3, ..BOUNDS }).await;
    let mut open = vec![world.connect(0).await.unwrap(), world.connect(1).await.unwrap()];
    assert_eq!(world.connect(0).await.err(), Some(429));
    open.push(world.connect(2).await.unwrap());
    assert_eq!(world.connect(2).await.err(), Some(503));
    open.pop().unwrap().0.close(None).await.unwrap();
    let again = async {
        while world.connect(2).await.is_err() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, again).await.unwrap();
}

#[tokio::test]
async fn a_network_has_so_many_sockets_and_no_more() {
    let world = World::new(Bounds { of_a_network: 1, ..BOUNDS }).await;
    let join = |number, network| world.hub.join(person(number), Some(network));
    let first = join(1, 7).unwrap();
    assert_eq!(join(2, 7).err().map(|error| error.kind), Some(ErrorKind::TooManyRequests));
    let _other = join(2, 8).unwrap();
    drop(first);
    let _again = join(2, 7).unwrap();
}

#[tokio::test]
async fn a_node_that_stops_says_so_and_waits() {
    let world = World::new(BOUNDS).await;
    let mut socket = world.connect(0).await.unwrap();
    socket.follow([1]).await;
    world.hub.open.close();
    assert_eq!(world.hub.open.len(), 1);
    world.hub.shutdown.cancel();
    assert_eq!(socket.hear().await, json!({ "closed": 1001 }));
    drop(socket);
    timeout(SOON, world.hub.open.wait()).await.unwrap();
}
