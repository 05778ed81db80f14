//! What the use-cases share: stores, keys, and how something that was done is stated.

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
};

use access::{Live, Revoked, Snapshot, Verifier};
use contracts::{AgeLimit, ApiError, Clock, ContentId, Event, EventId, Ids, Rng, Trace, UserId};
use jiff::Timestamp;
use jsonwebtoken::jwk::JwkSet;
use serde_json::{Value, json};
use stores::{Db, Rows, Tx, events, personal::Consented};
use tokio::sync::{Mutex, Semaphore};
use uuid::Uuid;

use crate::{
    audit::{self, Entry},
    config::{ACCESS_TTL, AuthConfig},
    keys::Keys,
    metadata,
    password::Passwords,
    privacy::Overdue,
    providers::Known,
    rotations::Rotations,
    secret::Vault,
    store::{
        ages,
        snapshot::{self, KnownKey},
        trust,
    },
};

/// Events that say what was revoked.
pub(crate) const REVOKED: &str = "auth.revoked";
/// Events that say that keys or age limits changed: everything is taken anew where they don't name whose age limit.
pub(crate) const CHANGED: &str = "auth.changed";

/// Accounts, tokens, keys and clients.
pub struct Auth {
    pub(crate) db: Db,
    pub(crate) clock: Clock,
    pub(crate) rng: Rng,
    pub(crate) ids: Ids,
    pub(crate) config: AuthConfig,
    pub(crate) vault: Vault,
    pub(crate) passwords: Passwords,
    pub(crate) keys: Keys,
    pub(crate) rotations: Rotations,
    pub(crate) providers: Vec<Known>,
    /// Places for those who read how a client describes itself, of which nothing is known yet.
    pub(crate) documents: Semaphore,
    /// Places for those who read it of a client that is known: strangers take none of them.
    pub(crate) known_documents: Semaphore,
    pub(crate) verifier: Arc<Verifier>,
    /// What else keeps something of people, while they allow it.
    pub(crate) consented: Vec<Arc<dyn Consented>>,
    /// Erasures that should be done, when this process last looked.
    pub(crate) overdue: RwLock<Vec<Overdue>>,
    /// Had by whoever takes from the database what this process verifies with: what was read before a change must not take
    /// the place of what was read after it.
    taking: Mutex<()>,
}

impl Auth {
    /// On these stores. `verifier` is the one that the process' doors verify with.
    pub fn new(db: Db, clock: Clock, rng: Rng, config: AuthConfig, verifier: Arc<Verifier>) -> Self {
        Self {
            ids: Ids::new(clock.clone(), rng.clone()),
            vault: Vault::new(&config.master, rng.clone()),
            passwords: Passwords::new(rng.clone()),
            keys: Keys::default(),
            rotations: Rotations::new(db.clone()),
            providers: config.providers.iter().cloned().map(Known::new).collect(),
            documents: Semaphore::new(metadata::AT_ONCE),
            known_documents: Semaphore::new(metadata::AT_ONCE),
            db,
            clock,
            rng,
            config,
            verifier,
            consented: Vec::new(),
            overdue: RwLock::default(),
            taking: Mutex::default(),
        }
    }

    /// With the contexts that keep something of people while they allow it: what they keep is shown with the rest, and goes
    /// when it is no longer allowed.
    #[must_use]
    pub fn with_consented(self, consented: Vec<Arc<dyn Consented>>) -> Self {
        Self { consented, ..self }
    }

    /// What the process verifies with.
    pub fn verifier(&self) -> &Arc<Verifier> {
        &self.verifier
    }

    pub(crate) fn live(&self) -> &Arc<Live> {
        self.verifier.live()
    }

    /// Ends a transaction: states what was done in the audit log, appends the events, commits.
    pub(crate) async fn state(&self, mut tx: Tx, entry: Entry, events: &[Event]) -> Result<(), ApiError> {
        audit::write(&mut tx, entry, self.clock.now()).await?;
        events::append(&mut tx, events).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Notes that something is revoked, in the caller's transaction; gives the event to append. The process itself
    /// learns of it with [`Auth::learn`], after the commit.
    pub(crate) async fn revoke(&self, tx: &mut Tx, what: &Revoked) -> Result<Event, ApiError> {
        let (at, until) = self.revocation_times();
        trust::revoke(tx, what, at, until).await?;
        Ok(self.event(REVOKED, json!({ "what": what, "at": at, "until": until })))
    }

    /// What this process revoked is revoked here at once.
    pub(crate) fn learn(&self, all: &[Revoked]) {
        let (at, until) = self.revocation_times();
        for what in all {
            self.live().revoke(what.clone(), at, until);
        }
    }

    fn revocation_times(&self) -> (Timestamp, Timestamp) {
        let now = self.clock.now();
        (now, now.checked_add(ACCESS_TTL + ACCESS_TTL).unwrap_or(Timestamp::MAX))
    }

    /// An event that says that keys changed.
    pub(crate) fn changed(&self) -> Event {
        self.event(CHANGED, json!({}))
    }

    /// An event that says that a person's age limit changed, and nothing else. What it is now is not in it: the log is
    /// kept for longer than the limit.
    pub(crate) fn age_limit_changed(&self, person: UserId) -> Event {
        self.event(CHANGED, json!({ "age_limit_of": person }))
    }

    fn event(&self, kind: &str, data: Value) -> Event {
        Event {
            specversion: "1.0".to_owned(),
            id: EventId(self.ids.next()),
            source: "/auth".to_owned(),
            kind: kind.to_owned(),
            // Nobody's: who it is about is in the data, where it matters.
            key: ContentId(Uuid::nil()),
            time: self.clock.now(),
            traceparent: Trace::start(&self.rng).header(),
            data,
        }
    }

    /// Takes a whole new snapshot for this process: public keys, revocations, API keys and age limits.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn reload(&self) -> Result<(), ApiError> {
        let _taking = self.taking.lock().await;
        let now = self.clock.now();
        let revoked = trust::revocations(&self.db, now, access::MAX_REVOCATIONS).await?;
        let mut tx = self.db.begin().await?;
        tx.sees(Rows::All).await?;
        let api_keys = snapshot::api_keys(&mut tx, now, access::MAX_API_KEYS).await?;
        drop(tx);
        let services = snapshot::service_keys(&self.db, now, access::MAX_API_KEYS).await?;
        // Programs' keys first: there are few, and what is beyond the most is not known.
        let api_keys = services.into_iter().chain(api_keys).map(|KnownKey(id, record)| (id, record)).collect();
        let keys = snapshot::public_keys(&self.db, now).await?;
        let keys = keys.iter().filter_map(|key| serde_json::from_str(key).ok()).collect();
        let ages = ages::all(&self.db, access::MAX_AGE_LIMITS).await?;
        let ages = ages.into_iter().map(|row| (row.user, row.ages)).collect();
        self.live().replace(Snapshot { keys: JwkSet { keys }, revoked, api_keys, ages }, now);
        Ok(())
    }

    /// Takes people's age limits, as they are now, for this process: of a few hundred people at most, with one statement.
    ///
    /// # Errors
    /// When the database can't be read.
    pub(crate) async fn take_age_limits(&self, people: &[UserId]) -> Result<(), ApiError> {
        let _taking = self.taking.lock().await;
        let found = ages::of(&self.db, people).await?;
        let found: HashMap<UserId, AgeLimit> = found.into_iter().map(|row| (row.user, row.ages)).collect();
        for person in people {
            self.live().limit(*person, found.get(person).copied());
        }
        Ok(())
    }
}
