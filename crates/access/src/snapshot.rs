//! What verification knows at the moment: signing keys, revocations and API keys, each bounded, with its age.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use contracts::{AgeLimit, ApiError, Component, ComponentState, ErrorKind, UserId};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, jwk::JwkSet};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{api_key::ApiKeyRecord, look::Looks};

/// The most revocations that are remembered. Each ends when the last token that it concerns has expired anyway.
pub const MAX_REVOCATIONS: usize = 200_000;
/// The most API keys that a deployment can have.
pub const MAX_API_KEYS: usize = 100_000;
/// The most people who can have an age limit.
pub const MAX_AGE_LIMITS: usize = 200_000;
/// What the part of a node is called that verifies.
pub const VERIFICATION: &str = "verification";
/// The most signing keys that are looked at.
const MAX_KEYS: usize = 16;
/// A snapshot older than this proves nothing: verification fails closed.
const MAX_AGE: SignedDuration = SignedDuration::from_secs(15);

/// What was revoked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "id")]
pub enum Revoked {
    /// One access token, by its `jti`.
    Token(Uuid),
    /// Every token of one consent.
    Family(Uuid),
    /// Every token of one subject minted until then.
    Subject(String),
    /// Every token of one client minted until then.
    Client(String),
}

/// Everything that verification needs, as its owner knew it at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The public signing keys, with their ids.
    pub keys: JwkSet,
    /// What was revoked, when, and until when that matters.
    pub revoked: Vec<(Revoked, Timestamp, Timestamp)>,
    /// The API keys in force, by public id.
    pub api_keys: Vec<(String, ApiKeyRecord)>,
    /// Up to which age people see titles, of those who chose one.
    pub ages: Vec<(UserId, AgeLimit)>,
}

#[derive(Default)]
struct State {
    as_of: Option<Timestamp>,
    keys: HashMap<String, (Algorithm, DecodingKey)>,
    /// When it was revoked, and until when that matters.
    revoked: HashMap<Revoked, (Timestamp, Timestamp)>,
    api_keys: HashMap<String, ApiKeyRecord>,
    ages: HashMap<UserId, AgeLimit>,
    overflow: bool,
    /// Whether its keeper could not look when it last tried.
    missed: bool,
}

impl State {
    /// Why it proves nothing at `now`, where it does not.
    fn closed(&self, now: Timestamp) -> Option<String> {
        let Some(as_of) = self.as_of else { return Some("were never read".to_owned()) };
        let age = now.duration_since(as_of);
        if age > MAX_AGE {
            return Some(format!("were last read {} s ago", age.as_secs()));
        }
        self.overflow.then(|| "are more than can be held".to_owned())
    }
}

/// The snapshot that a process verifies with; its keeper changes it while others read.
#[derive(Default)]
pub struct Live {
    state: RwLock<State>,
    looks: Looks,
}

impl Live {
    /// When its keeper looks for what is new.
    pub fn looks(&self) -> &Looks {
        &self.looks
    }

    /// Takes a whole snapshot, made at `as_of`. What is known to be revoked stays so for its time: the snapshot may have been
    /// read before that.
    pub fn replace(&self, snapshot: Snapshot, as_of: Timestamp) {
        let keys = snapshot.keys.keys.iter().take(MAX_KEYS).filter_map(verifying_key).collect();
        let told = snapshot.revoked.into_iter().take(MAX_REVOCATIONS + 1);
        let mut revoked: HashMap<_, _> = told.map(|(what, at, until)| (what, (at, until))).collect();
        let too_many_ages = snapshot.ages.len() > MAX_AGE_LIMITS;
        let api_keys = snapshot.api_keys.into_iter().take(MAX_API_KEYS).collect();
        let ages = snapshot.ages.into_iter().take(MAX_AGE_LIMITS).collect();
        let mut state = self.write();
        for (what, (at, until)) in state.revoked.drain().filter(|(_, (_, until))| *until > as_of) {
            if revoked.len() > MAX_REVOCATIONS {
                break;
            }
            let known = revoked.entry(what).or_insert((at, until));
            *known = (known.0.max(at), known.1.max(until));
        }
        let overflow = revoked.len() > MAX_REVOCATIONS || too_many_ages;
        *state = State { as_of: Some(as_of), keys, revoked, api_keys, ages, overflow, missed: false };
    }

    /// Takes one revocation of the moment `at`, which matters until `until`.
    pub fn revoke(&self, what: Revoked, at: Timestamp, until: Timestamp) {
        let mut state = self.write();
        if state.revoked.len() >= MAX_REVOCATIONS {
            state.revoked.retain(|_, (_, until)| *until > at);
        }
        if state.revoked.len() >= MAX_REVOCATIONS {
            state.overflow = true;
            return;
        }
        let known = state.revoked.entry(what).or_insert((at, until));
        *known = (known.0.max(at), known.1.max(until));
    }

    /// Takes up to which age one person sees titles, as they chose it last; `None` where they chose nothing.
    pub fn limit(&self, person: UserId, ages: Option<AgeLimit>) {
        let mut state = self.write();
        let Some(ages) = ages else {
            state.ages.remove(&person);
            return;
        };
        if state.ages.len() >= MAX_AGE_LIMITS && !state.ages.contains_key(&person) {
            state.overflow = true;
            return;
        }
        state.ages.insert(person, ages);
    }

    /// Says that the snapshot was found to be whole at `as_of`.
    pub fn touch(&self, as_of: Timestamp) {
        let mut state = self.write();
        state.as_of = state.as_of.map(|known| known.max(as_of));
        state.missed = false;
    }

    /// Says that its keeper could not look: the snapshot grows old.
    pub fn missed(&self) {
        self.write().missed = true;
    }

    /// How verification is at `now`, as a part of a node: degraded while the snapshot grows old, and down while nobody
    /// is let through.
    pub fn part(&self, now: Timestamp) -> Component {
        let state = self.read();
        let (how, detail) = match (state.closed(now), state.as_of.filter(|_| state.missed)) {
            (Some(why), _) => (ComponentState::Down, format!("keys and revocations {why}: no token or key is taken")),
            (None, Some(as_of)) => {
                let (age, most) = (now.duration_since(as_of).as_secs(), MAX_AGE.as_secs());
                let until = format!("those of {age} s ago count until they are {most} s old");
                (ComponentState::Degraded, format!("keys and revocations can't be read: {until}"))
            }
            (None, None) => (ComponentState::Ready, String::new()),
        };
        Component::new(VERIFICATION, how, detail)
    }

    /// Whether the snapshot can be relied on.
    ///
    /// # Errors
    /// `Unavailable` when it is too old, was never taken, or could not hold everything: nothing is let through then.
    pub fn fresh(&self, now: Timestamp) -> Result<(), ApiError> {
        if self.read().closed(now).is_none() {
            return Ok(());
        }
        let detail = "tokens can't be checked at the moment";
        Err(ApiError::new(ErrorKind::Unavailable, "auth_unavailable", detail)
            .retry_after(std::time::Duration::from_secs(1)))
    }

    /// The key with this id.
    pub(crate) fn key(&self, kid: &str) -> Option<(Algorithm, DecodingKey)> {
        self.read().keys.get(kid).cloned()
    }

    /// Whether something minted at `minted` is revoked by any of these.
    pub(crate) fn is_revoked(&self, any: &[Revoked], minted: Timestamp) -> bool {
        let state = self.read();
        any.iter().any(|what| match (what, state.revoked.get(what)) {
            (_, None) => false,
            (Revoked::Token(_) | Revoked::Family(_), Some(_)) => true,
            (Revoked::Subject(_) | Revoked::Client(_), Some((at, _))) => minted <= *at,
        })
    }

    /// The API key with this public id.
    pub(crate) fn api_key(&self, id: &str) -> Option<ApiKeyRecord> {
        self.read().api_keys.get(id).cloned()
    }

    /// Up to which age a person sees titles, where they chose one.
    pub(crate) fn ages(&self, person: UserId) -> Option<AgeLimit> {
        self.read().ages.get(&person).copied()
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A key for signatures of the two algorithms that we mint with; others are passed over.
fn verifying_key(jwk: &jsonwebtoken::jwk::Jwk) -> Option<(String, (Algorithm, DecodingKey))> {
    let algorithm = match jwk.common.key_algorithm?.to_string().as_str() {
        "RS256" => Algorithm::RS256,
        "ES256" => Algorithm::ES256,
        _ => return None,
    };
    Some((jwk.common.key_id.clone()?, (algorithm, DecodingKey::from_jwk(jwk).ok()?)))
}
