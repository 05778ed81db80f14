//! Keys that seal keys: which secrets are held, which one seals, and how everything moves to a new one while the node
//! runs. A person's columns are sealed under the person's key, that one under a key of the deployment (envelopes, as
//! NIST SP 800-57 part 1 has them), so that a rotation touches one small value a person.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use contracts::{ApiError, Call, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stores::{Db, Rows, Tx};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Auth,
    admin::no_user,
    audit::Entry,
    config::SEAL_AGE,
    model::{Session, User},
    secret::{self, Head, INDEX, Vault, head_of},
    store::{
        passkeys::{self, Passkey},
        people,
        sealing::{self, Kind},
        trust,
    },
};

/// Why a node makes no secret: an operator hands them out.
const NOT_OURS: &str = "secret_not_ours";
/// The most secrets that are held: the one that seals and those before it (A6).
pub const MAX_SECRETS: usize = 10;
/// How much is put under another key in one transaction.
const BATCH: i64 = 100;
/// How many transactions one request of an operator makes.
const BATCHES: usize = 20;

/// Where the secrets of a deployment are: a file of the node's own, or what an operator hands to every node; in plain, or
/// sealed by a key of somebody else's.
#[async_trait]
pub trait KeyVault: Send + Sync {
    /// The secrets that are open, the newest first; one to [`MAX_SECRETS`].
    ///
    /// # Errors
    /// When they can't be read.
    fn secrets(&self) -> Result<Vec<[u8; 32]>, ApiError>;

    /// Opens those that came since, where they have to be opened. One that can't be now is left for later: those that are
    /// open stay.
    async fn refresh(&self) {}

    /// Puts a new one before the others, durably; the oldest goes when there are too many.
    ///
    /// # Errors
    /// `Conflict` with `secret_not_ours` where an operator hands them out; or when it can't be written.
    async fn add(&self, fresh: [u8; 32]) -> Result<(), ApiError>;
}

/// Secrets in memory.
pub(crate) struct Held(Mutex<Vec<[u8; 32]>>);

impl Held {
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        Self(Mutex::new(vec![secret]))
    }
}

#[async_trait]
impl KeyVault for Held {
    fn secrets(&self) -> Result<Vec<[u8; 32]>, ApiError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn add(&self, fresh: [u8; 32]) -> Result<(), ApiError> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert(0, fresh);
        held.truncate(MAX_SECRETS);
        Ok(())
    }
}

/// How sealing stands.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SealingView {
    /// The id of the key that seals.
    pub current: String,
    /// The ids of every key that this node holds.
    pub held: Vec<String>,
    /// What this request moved to the key that seals.
    pub moved: u64,
    /// How much is not sealed under it yet.
    pub pending: i64,
}

/// How far a walk over everything that is sealed has come.
pub(crate) struct Walk {
    stage: usize,
    after: Uuid,
    /// What was moved so far.
    pub moved: u64,
}

impl Walk {
    pub(crate) fn new() -> Self {
        Self { stage: 0, after: Uuid::nil(), moved: 0 }
    }
}

fn id(head: &[u8]) -> String {
    head.iter().skip(3).map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn subject_key(id: UserId) -> String {
    format!("subject key {id}")
}

/// Whether something is sealed in this database already: then a secret that is not there must not be made anew.
///
/// # Errors
/// When the database can't be read.
pub async fn has_sealed(db: &Db) -> Result<bool, ApiError> {
    if sealing::current(db).await?.is_some() {
        return Ok(true);
    }
    // From before keys had ids.
    let mut tx = db.begin().await?;
    Ok(sealing::any_signer(&mut tx).await?.is_some())
}

/// Whether a node with these secrets, the newest first, opens what it has to before it lets anybody in: what blind
/// indexes are made with, and the keys that sign. Reads, and writes nothing.
///
/// # Errors
/// When the database can't be read.
pub async fn opens_sealed(db: &Db, secrets: &[[u8; 32]], now: Timestamp) -> Result<bool, ApiError> {
    let (current, index) = (sealing::current(db).await?, sealing::index(db).await?);
    let signers = trust::keys(db, now).await?;
    let signers: Vec<_> = signers.into_iter().map(|key| (crate::keys::purpose(&key.id), key.private_sealed)).collect();
    Ok(secret::opens(secrets, current.as_deref(), index.as_deref(), &signers))
}

fn lost() -> ApiError {
    ApiError::internal("the key of a person can't be opened")
}

impl Auth {
    /// Opens the secrets that came since. For a worker: whoever reads them does not wait for it.
    pub async fn open_secrets(&self) {
        self.config.secrets.refresh().await;
    }

    /// Reads the secrets that are open again, and which of them seals. It waits for nobody but the database.
    pub(crate) async fn open_ring(&self) -> Result<(), ApiError> {
        self.follow_ring().await?.map_or(Ok(()), Err)
    }

    /// As [`Auth::open_ring`], for whoever goes on: where the secrets can't be taken as they are now, those from before stay
    /// while the one that seals is held. Gives why they can't, then.
    pub(crate) async fn follow_ring(&self) -> Result<Option<ApiError>, ApiError> {
        let (current, index) = (sealing::current(&self.db).await?, sealing::index(&self.db).await?);
        let secrets = self.config.secrets.secrets();
        match secrets.and_then(|secrets| self.vault.hold(&secrets, current.as_deref(), index.as_deref())) {
            Err(error) if current.as_deref() == Some(&self.vault.head()[..]) => Ok(Some(error)),
            taken => taken.map(|()| None),
        }
    }

    /// As [`Auth::open_ring`]; on a database that nobody has sealed under yet, or that is from before keys had ids, the
    /// first secret seals. What blind indexes were made with stays, under a key of its own.
    pub(crate) async fn settle_ring(&self) -> Result<(), ApiError> {
        let mut tx = self.db.begin().await?;
        let (secrets, current) = (self.config.secrets.secrets()?, sealing::lock_current(&mut tx).await?);
        self.vault.hold(&secrets, current.as_deref(), None)?;
        if current.is_none() {
            sealing::set_current(&mut tx, &self.vault.head(), self.clock.now()).await?;
        }
        if sealing::index(&self.db).await?.is_none() {
            let new = sealing::is_new(&mut tx).await?;
            let index = if new { self.rng.bytes() } else { self.original(&mut tx, &secrets).await? };
            sealing::insert_index(&mut tx, &self.vault.seal(INDEX, &index)?).await?;
        }
        tx.commit().await?;
        self.open_ring().await
    }

    /// Which secret a database from before keys had ids was written under: the one that opens what is in it.
    async fn original(&self, tx: &mut Tx, secrets: &[[u8; 32]]) -> Result<[u8; 32], ApiError> {
        let (id, sealed) = sealing::any_signer(tx).await?.unwrap_or_default();
        let opens =
            |secret: &&[u8; 32]| Vault::new(secret, self.rng.clone()).open(&crate::keys::purpose(&id), &sealed).is_ok();
        let first = secrets.first().ok_or_else(lost)?;
        Ok(*secrets.iter().find(opens).unwrap_or(first))
    }

    /// The key that what is a person's is sealed under; `None` once it is gone.
    pub(crate) fn person_key(&self, user: &User) -> Result<Option<[u8; 32]>, ApiError> {
        user.subject_key.as_deref().map(|sealed| self.open_subject_key(user.id, sealed)).transpose()
    }

    fn open_subject_key(&self, user: UserId, sealed: &[u8]) -> Result<[u8; 32], ApiError> {
        self.vault.open(&subject_key(user), sealed)?.try_into().map_err(|_| lost())
    }

    async fn key_of(&self, user: UserId) -> Result<Option<[u8; 32]>, ApiError> {
        Ok(people::by_id(&self.db, user).await?.map(|user| self.person_key(&user)).transpose()?.flatten())
    }

    /// Seals a text under a person's key.
    ///
    /// # Errors
    /// `NotFound` when the key is gone: nothing more is kept of somebody who was erased.
    pub(crate) async fn seal_for(&self, user: UserId, kind: Kind, text: &str) -> Result<Vec<u8>, ApiError> {
        let key = self.key_of(user).await?.ok_or_else(no_user)?;
        self.vault.seal_under(&key, kind.purpose(), text.as_bytes())
    }

    /// Opens texts of a person in their place; one from before they were sealed is as it is.
    pub(crate) async fn open_into<'a>(
        &self,
        user: UserId,
        kind: Kind,
        texts: impl Iterator<Item = (&'a mut String, Option<Vec<u8>>)> + Send,
    ) -> Result<(), ApiError> {
        let Some(key) = self.key_of(user).await? else { return Ok(()) };
        for (text, sealed) in texts {
            let Some(sealed) = sealed else { continue };
            let plain = secret::open(&key, kind.purpose(), &sealed).ok_or_else(lost)?;
            *text = String::from_utf8(plain).map_err(|_| lost())?;
        }
        Ok(())
    }

    /// The sessions of a person that are in force, the newest first.
    pub(crate) async fn sessions_of(&self, user: UserId) -> Result<Vec<Session>, ApiError> {
        let mut found = people::sessions(&self.db, user, self.clock.now(), crate::accounts::MAX_SESSIONS).await?;
        self.open_into(user, Kind::Agent, found.iter_mut().map(|one| (&mut one.agent, one.agent_sealed.take())))
            .await?;
        Ok(found)
    }

    /// The passkeys of a person.
    pub(crate) async fn passkeys_of(&self, user: UserId) -> Result<Vec<Passkey>, ApiError> {
        let mut found = passkeys::of(&self.db, user).await?;
        let names = found.iter_mut().map(|one| (&mut one.name, one.name_sealed.take()));
        self.open_into(user, Kind::PasskeyName, names).await?;
        Ok(found)
    }

    /// How sealing stands; for the operator.
    ///
    /// # Errors
    /// `Unauthenticated` or `PermissionDenied` for anybody else; so with everything below.
    pub async fn sealing(&self, call: &Call) -> contracts::Result<SealingView> {
        call.require_operator()?;
        self.open_ring().await?;
        self.sealing_view(0).await
    }

    async fn sealing_view(&self, moved: u64) -> Result<SealingView, ApiError> {
        let head = self.vault.head();
        let held = self.vault.heads().iter().map(|head| id(head)).collect();
        Ok(SealingView { current: id(&head), held, moved, pending: self.pending(&head).await? })
    }

    async fn pending(&self, head: &Head) -> Result<i64, ApiError> {
        Ok(sealing::pending(&mut self.db.begin().await?, head).await?)
    }

    /// Lets a new secret seal from now on. While something is still to be moved to the one that does, that goes first,
    /// and nothing changes: a rotation that was killed is taken up again and not begun anew.
    ///
    /// # Errors
    /// `Conflict` with `secret_not_ours` where an operator has to bring the new secret and has not yet.
    pub async fn rotate_sealing(&self, call: &Call) -> contracts::Result<SealingView> {
        call.require_operator()?;
        self.seal_anew(Entry::by_caller("sealing_key.rotated", call)).await?;
        self.sealing_view(0).await
    }

    /// As [`Auth::rotate_sealing`], when the key that seals is old enough and the node may make another. What is sealed is
    /// moved by the walk that the renewer begins each time.
    pub(crate) async fn seal_in_time(&self) -> Result<(), ApiError> {
        let (since, now) = (sealing::current_since(&self.db).await?, self.clock.now());
        if since.is_none_or(|since| now.duration_since(since) < SEAL_AGE) {
            return Ok(());
        }
        match self.seal_anew(Entry::by("sealing_key.rotated", "system".to_owned())).await {
            // It is the operator who hands them out.
            Err(error) if error.code == NOT_OURS => Ok(()),
            done => done,
        }
    }

    async fn seal_anew(&self, entry: Entry) -> Result<(), ApiError> {
        self.open_secrets().await;
        self.open_ring().await?;
        if self.pending(&self.vault.head()).await? > 0 {
            return Ok(());
        }
        let first = |secrets: &[[u8; 32]]| secrets.first().map(head_of).ok_or_else(lost);
        let mut newest = first(&self.config.secrets.secrets()?)?;
        if newest == self.vault.head() {
            self.config.secrets.add(self.rng.bytes()).await?;
            newest = first(&self.config.secrets.secrets()?)?;
        }
        let mut tx = self.db.begin().await?;
        sealing::lock_current(&mut tx).await?;
        sealing::set_current(&mut tx, &newest, self.clock.now()).await?;
        self.state(tx, entry.to(id(&newest)), &[self.changed()]).await?;
        self.open_ring().await
    }

    /// Moves some of what is sealed under older keys to the one that seals: ask again until nothing is pending.
    ///
    /// # Errors
    /// As for the others.
    pub async fn move_sealed(&self, call: &Call) -> contracts::Result<SealingView> {
        call.require_operator()?;
        self.open_secrets().await;
        self.open_ring().await?;
        let mut walk = Walk::new();
        for _ in 0..BATCHES {
            if !self.walk_sealed(&mut walk).await? {
                break;
            }
        }
        self.sealing_view(walk.moved).await
    }

    /// Moves the next batch, in a transaction of its own; says whether there may be more.
    pub(crate) async fn walk_sealed(&self, walk: &mut Walk) -> Result<bool, ApiError> {
        let head = self.vault.head();
        let mut tx = self.db.begin().await?;
        let last = match walk.stage {
            0 => self.move_signers(&mut tx, &head, walk).await?,
            1 => self.move_people(&mut tx, &head, walk).await?,
            2 => self.seal_plain(&mut tx, Kind::Agent, walk).await?,
            3 => self.seal_plain(&mut tx, Kind::KeyName, walk).await?,
            4 => self.seal_plain(&mut tx, Kind::PasskeyName, walk).await?,
            _ => return Ok(false),
        };
        tx.commit().await?;
        match last {
            Some(last) => walk.after = last,
            None => (walk.stage, walk.after) = (walk.stage + 1, Uuid::nil()),
        }
        Ok(walk.stage <= 4)
    }

    async fn move_signers(&self, tx: &mut Tx, head: &Head, walk: &mut Walk) -> Result<Option<Uuid>, ApiError> {
        for (id, sealed) in sealing::stale_signers(tx, head, BATCH).await? {
            let purpose = crate::keys::purpose(&id);
            let Some(plain) = readable(self.vault.open(&purpose, &sealed), &id) else { continue };
            walk.moved += sealing::rewrap_signer(tx, &id, &self.vault.seal(&purpose, &plain)?).await?;
        }
        if let Some(sealed) = sealing::stale_index(tx, head).await?
            && let Some(plain) = readable(self.vault.open(INDEX, &sealed), INDEX)
        {
            walk.moved += sealing::rewrap_index(tx, &self.vault.seal(INDEX, &plain)?).await?;
        }
        Ok(None)
    }

    async fn move_people(&self, tx: &mut Tx, head: &Head, walk: &mut Walk) -> Result<Option<Uuid>, ApiError> {
        let stale = sealing::stale(tx, head, walk.after, BATCH).await?;
        for old in &stale {
            let Some(key) = readable(self.open_subject_key(old.id, &old.subject_key), old.id) else { continue };
            let sealed = self.vault.seal(&subject_key(old.id), &key)?;
            walk.moved += sealing::rewrap(tx, old, &sealed).await?;
        }
        Ok(stale.last().map(|old| old.id.0))
    }

    async fn seal_plain(&self, tx: &mut Tx, kind: Kind, walk: &mut Walk) -> Result<Option<Uuid>, ApiError> {
        tx.sees(Rows::All).await?;
        let plain = sealing::plain(tx, kind, walk.after, BATCH).await?;
        for old in &plain {
            let sealed = match &old.subject_key {
                Some(key) => {
                    let Some(key) = readable(self.open_subject_key(old.user, key), old.user) else { continue };
                    Some(self.vault.seal_under(&key, kind.purpose(), old.text.as_bytes())?)
                }
                None => None,
            };
            walk.moved += sealing::set_sealed(tx, kind, old.id, sealed).await?;
        }
        Ok(plain.last().map(|old| old.id))
    }
}

/// What was opened. What can't be is left where it is, counts as pending, and holds up nothing else.
fn readable<T>(opened: Result<T, ApiError>, id: impl std::fmt::Display) -> Option<T> {
    opened.inspect_err(|error| tracing::error!(%id, %error, "what is sealed here can't be moved to the new key")).ok()
}

#[cfg(test)]
mod tests;
