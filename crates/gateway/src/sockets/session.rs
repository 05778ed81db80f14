//! One socket, from its first message to its last.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error as _,
    sync::Arc,
    time::Duration,
};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use contracts::{ApiError, ContentId, Scope};
use http_api::StandingCall;
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, timeout},
};
use tokio_tungstenite::tungstenite;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::{
    Changes, Seat,
    protocol::{Ask, Ending, MAX_TITLES, NOT_TEXT, Say},
};

/// How long the last words may take, and the client to say that it heard them.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a socket knows. All of it is bounded: what waits to be told is of the titles that it follows, each once.
pub(super) struct Session {
    seat: Seat,
    standing: StandingCall,
    news: broadcast::Receiver<Arc<Changes>>,
    /// The titles that it follows.
    titles: BTreeSet<ContentId>,
    /// Those of them that changed and were not told of yet, with where in the log they changed last.
    waiting: BTreeMap<ContentId, i64>,
    /// Whether anything came since the last ping.
    heard: bool,
    /// The node waits for this before it is gone.
    _open: TaskTrackerToken,
}

/// What comes next.
enum Turn {
    Leave,
    Check,
    Ping,
    News(Result<Arc<Changes>, RecvError>),
    Room,
    Said(Option<Result<Message, axum::Error>>),
}

impl Session {
    /// A socket that follows nothing yet.
    pub(super) fn new(seat: Seat, standing: StandingCall) -> Self {
        let (news, open) = (seat.hub.news.subscribe(), seat.hub.open.token());
        Self { seat, standing, news, titles: BTreeSet::new(), waiting: BTreeMap::new(), heard: true, _open: open }
    }

    /// Serves the socket to its end.
    pub(super) async fn run(mut self, mut socket: WebSocket) {
        let ending = self.attend(&mut socket).await;
        let _ = timeout(FAREWELL, farewell(&mut socket, &ending)).await;
    }

    async fn attend(&mut self, socket: &mut WebSocket) -> Ending {
        let bounds = self.seat.hub.bounds;
        let (mut check, mut ping) = (every(bounds.check), every(bounds.ping));
        let shutdown = self.seat.hub.shutdown.clone();
        loop {
            let room = if self.waiting.is_empty() { Duration::ZERO } else { self.seat.wait() };
            // In this order: whoever says a lot hears all the same, and is turned away in time.
            let turn = tokio::select! {
                biased;
                () = shutdown.cancelled() => Turn::Leave,
                _ = check.tick() => Turn::Check,
                _ = ping.tick() => Turn::Ping,
                news = self.news.recv() => Turn::News(news),
                () = sleep(room), if !self.waiting.is_empty() => Turn::Room,
                said = socket.recv() => Turn::Said(said),
            };
            let done = match turn {
                Turn::Leave => Err(Ending::Leaving),
                Turn::Check => self.standing.holds().map_err(Ending::unproved),
                Turn::Ping => self.ping(socket).await,
                Turn::News(Ok(changes)) => {
                    self.note(&changes);
                    Ok(())
                }
                // It was held up for so long that others' changes were passed over.
                Turn::News(Err(_)) => Err(Ending::Slow),
                Turn::Room => self.tell(socket).await,
                Turn::Said(said) => self.hear(socket, said).await,
            };
            if let Err(ending) = done {
                return ending;
            }
        }
    }

    /// Asks whether the client is still there; it is gone where nothing came since this was asked last.
    async fn ping(&mut self, socket: &mut WebSocket) -> Result<(), Ending> {
        if !std::mem::take(&mut self.heard) {
            return Err(Ending::Gone);
        }
        self.send(socket, Message::Ping(Bytes::new())).await
    }

    /// Remembers what changed of the titles that it follows.
    fn note(&mut self, changes: &Changes) {
        for title in &self.titles {
            if let Some(position) = changes.get(title) {
                let last = self.waiting.entry(*title).or_insert(*position);
                *last = (*last).max(*position);
            }
        }
    }

    /// Tells of what changed first, if the person's pace allows. One a turn: who reads slowly is checked no less often. What
    /// waits until then is told of once, however often it changes.
    async fn tell(&mut self, socket: &mut WebSocket) -> Result<(), Ending> {
        let first = self.waiting.iter().min_by_key(|(_, position)| **position);
        let Some((&content_id, &position)) = first.filter(|_| self.seat.take()) else { return Ok(()) };
        self.waiting.remove(&content_id);
        self.say(socket, &Say::Updated { content_id, position }).await
    }

    async fn hear(&mut self, socket: &mut WebSocket, said: Option<Result<Message, axum::Error>>) -> Result<(), Ending> {
        self.heard = true;
        match said {
            Some(Ok(Message::Text(text))) => self.answer(socket, &text).await,
            // It is answered by itself; but nobody makes us do so for nothing.
            Some(Ok(Message::Ping(_))) => match self.pay().await {
                Ok(()) => Ok(()),
                Err(error) => self.say(socket, &Say::error(&error)).await,
            },
            Some(Ok(Message::Pong(_))) => self.pay().await.or(Ok(())),
            Some(Ok(Message::Binary(_))) => Err(Ending::no_message(NOT_TEXT)),
            Some(Ok(Message::Close(_))) | None => Err(Ending::Gone),
            Some(Err(error)) if is_too_large(&error) => Err(Ending::too_large()),
            Some(Err(_)) => Err(Ending::Unreadable),
        }
    }

    /// Does what a message asks for.
    async fn answer(&mut self, socket: &mut WebSocket, text: &str) -> Result<(), Ending> {
        if let Err(error) = self.pay().await {
            return self.say(socket, &Say::error(&error)).await;
        }
        let done = match Ask::read(text)? {
            Ask::Subscribe { content_ids } => self.subscribe(content_ids),
            Ask::Unsubscribe { content_ids } => Ok(self.unsubscribe(&content_ids)),
            Ask::Refresh { token } => self.refresh(&token),
        };
        match done {
            Ok(said) => self.say(socket, &said).await,
            Err(error) => self.say(socket, &Say::error(&error)).await,
        }
    }

    /// A message costs what a request does.
    async fn pay(&self) -> Result<(), ApiError> {
        self.seat.hub.pay(&self.standing.call.caller).await
    }

    fn subscribe(&mut self, content_ids: Vec<ContentId>) -> Result<Say<'static>, ApiError> {
        let more: BTreeSet<_> = content_ids.into_iter().filter(|id| !self.titles.contains(id)).collect();
        let titles = self.titles.len() + more.len();
        if titles > MAX_TITLES {
            let detail =
                format!("these would be {titles} titles, and a socket follows {MAX_TITLES}; it follows no more");
            return Err(ApiError::invalid("too_many_subscriptions", detail));
        }
        self.titles.extend(more);
        Ok(Say::Subscribed { titles })
    }

    fn unsubscribe(&mut self, content_ids: &[ContentId]) -> Say<'static> {
        for id in content_ids {
            self.titles.remove(id);
            self.waiting.remove(id);
        }
        Say::Subscribed { titles: self.titles.len() }
    }

    /// Goes on under a newer token; where that is not good, under the one there is.
    fn refresh(&mut self, token: &str) -> Result<Say<'static>, ApiError> {
        let renewed = self.standing.renewed(token)?;
        renewed.call.identity(Scope::ReadContent)?;
        self.standing = renewed;
        Ok(Say::Refreshed)
    }

    async fn say(&self, socket: &mut WebSocket, say: &Say<'_>) -> Result<(), Ending> {
        self.send(socket, Message::text(say.text())).await
    }

    /// Sends one message, and waits until the client's side has taken it: there is no queue behind it.
    async fn send(&self, socket: &mut WebSocket, message: Message) -> Result<(), Ending> {
        match timeout(self.seat.hub.bounds.patience, socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Ending::Gone),
            Err(_) => Err(Ending::Slow),
        }
    }
}

/// Whether a frame is beyond all bounds: by its header alone, for no more of it is read.
fn is_too_large(error: &axum::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<tungstenite::Error>());
    matches!(cause, Some(tungstenite::Error::Capacity(_)))
}

/// Says why it ends, and reads on until the client has heard it: what is closed with something unread may never arrive.
async fn farewell(socket: &mut WebSocket, ending: &Ending) -> Result<(), axum::Error> {
    if let Ending::Refused(error, _) = ending {
        socket.send(Message::text(Say::error(error).text())).await?;
    }
    if let Some((code, reason)) = ending.frame() {
        socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await?;
    }
    while let Some(Ok(_)) = socket.recv().await {}
    Ok(())
}

/// From one `period` on, and never two at once.
fn every(period: Duration) -> Interval {
    let mut interval = interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
