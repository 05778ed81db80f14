//! What a context owes the people it holds something of: to give it to them, and to leave nothing of it once they are
//! erased. An erasure is an event that every such context answers with an event of its own.

use std::{convert::Infallible, sync::Arc, time::Duration};

use contracts::{ApiError, Clock, ContentId, Event, EventId, Ids, Purpose, Topic, Trace, UserId};
use futures::FutureExt as _;
use serde::{Deserialize, Serialize};

use crate::{
    db::{Db, Tx},
    error::DbError,
    events::{self, Group},
};

/// The contexts that hold something of people. A test compares this with the columns of every table, and an erasure is
/// done when all of these have answered.
pub const CONTEXTS: &[&str] = &["auth", "playback"];

/// How often a context looks for people who were erased.
const PAUSE: Duration = Duration::from_millis(500);
/// How many erasures it looks at together.
const BATCH: usize = 20;

/// A context that holds something of people.
#[async_trait::async_trait]
pub trait Personal: Send + Sync {
    /// Its name, one of [`CONTEXTS`].
    fn context(&self) -> &'static str;

    /// Takes away everything about a person, in the caller's transaction; says how many rows. The same a second time
    /// changes nothing.
    ///
    /// # Errors
    /// When the database fails; it is then asked again.
    async fn erase(&self, tx: &mut Tx, person: UserId) -> Result<u64, ApiError>;
}

/// A context that keeps something of people only while they allow it. Once they take that back, all of it goes in the
/// transaction that says so, by [`Personal::erase`].
#[async_trait::async_trait]
pub trait Consented: Personal {
    /// What they have to allow.
    fn purpose(&self) -> Purpose;

    /// All that is kept of a person, for that person; `keys` opens it.
    ///
    /// # Errors
    /// When the database fails, or something can't be opened.
    async fn export(&self, db: &Db, person: UserId, keys: &dyn PersonKeys) -> Result<Vec<serde_json::Value>, ApiError>;
}

/// A person's key, opened: whose it is, and what seals. It is the same for as long as they are there.
pub struct PersonKey {
    /// Whose.
    pub person: UserId,
    /// The key.
    pub key: [u8; 32],
}

/// What such a context asks of the one that has the accounts: what people allow, and their keys.
#[async_trait::async_trait]
pub trait PersonKeys: Send + Sync {
    /// A person's key, to seal under. Before a transaction: the secrets that it is sealed under are not in the database.
    ///
    /// # Errors
    /// `NotFound` once their key is gone.
    async fn key(&self, person: UserId) -> Result<PersonKey, ApiError>;

    /// Seals something under a person's key. The transaction holds the person from here on: whoever takes the purpose back,
    /// or erases them, waits for its end.
    ///
    /// # Errors
    /// `PermissionDenied` with `consent_required` while they don't allow the purpose; `NotFound` once their key is gone.
    async fn seal(&self, tx: &mut Tx, key: &PersonKey, purpose: Purpose, plain: &[u8]) -> Result<Vec<u8>, ApiError>;

    /// Opens what was sealed under a person's key for this purpose, in its order; `None` for what can't be opened. On SQLite,
    /// not while a transaction is open.
    ///
    /// # Errors
    /// `NotFound` once their key is gone.
    async fn open(
        &self,
        person: UserId,
        purpose: Purpose,
        sealed: &[Vec<u8>],
    ) -> Result<Vec<Option<Vec<u8>>>, ApiError>;
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The person.
    pub person: UserId,
    /// The context that answers.
    pub context: String,
    /// How many rows are gone.
    pub rows: u64,
}

/// The event that a person is erased.
pub fn erased(ids: &Ids, clock: &Clock, trace: Trace, person: UserId) -> Event {
    let data = serde_json::json!({ "person": person });
    Event::new(EventId(ids.next()), "/auth", Topic::PersonErased, key(person), clock.now(), trace, data)
}

/// Events of a person come in their order, like those of a title.
fn key(person: UserId) -> ContentId {
    ContentId(person.0)
}

/// Answers for one context, for ever.
pub struct Answering(Arc<Inner>);

struct Inner {
    personal: Arc<dyn Personal>,
    db: Db,
    clock: Clock,
    ids: Ids,
}

impl Answering {
    /// For `personal`.
    pub fn new(personal: Arc<dyn Personal>, db: Db, clock: Clock, ids: Ids) -> Self {
        Self(Arc::new(Inner { personal, db, clock, ids }))
    }

    /// Answers until dropped. What fails is tried again, and then waits for a person to decide.
    pub async fn run(self) {
        loop {
            let Err(error) = self.follow().await;
            tracing::warn!(%error, context = self.0.personal.context(), "erasures can't be answered");
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn follow(&self) -> Result<Infallible, DbError> {
        let group = self.group().await?;
        loop {
            self.answer(&group).await?;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Answers what is there, as [`Answering::run`] does again and again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn step(&self) -> Result<(), DbError> {
        self.answer(&self.group().await?).await
    }

    async fn group(&self) -> Result<Group, DbError> {
        let name = format!("{}-erasures", self.0.personal.context());
        Group::join(&self.0.db, &name, &[Topic::PersonErased], &self.0.clock).await
    }

    async fn answer(&self, group: &Group) -> Result<(), DbError> {
        loop {
            let inner = Arc::clone(&self.0);
            let answered = group.deliver(BATCH, move |tx, event| {
                let inner = Arc::clone(&inner);
                async move { inner.answer(tx, event).await }.boxed()
            });
            if answered.await? == 0 {
                return Ok(());
            }
        }
    }
}

impl Inner {
    async fn answer(&self, tx: &mut Tx, event: &Event) -> Result<(), ApiError> {
        let (person, context) = (UserId(event.key.0), self.personal.context().to_owned());
        let rows = self.personal.erase(tx, person).await?;
        let source = format!("/{context}");
        let data = serde_json::to_value(Answer { person, context, rows })
            .map_err(|_| ApiError::internal("an answer can't be written"))?;
        let trace = Trace::parse(&event.traceparent).unwrap_or(Trace { trace_id: 1, span_id: 1 });
        let (id, now) = (EventId(self.ids.next()), self.clock.now());
        let answer = Event::new(id, &source, Topic::PersonForgotten, event.key, now, trace, data);
        Ok(events::append(tx, &[answer]).await?)
    }
}
