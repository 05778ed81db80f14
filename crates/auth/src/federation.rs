//! Signing in with an account elsewhere, and linking one. An account elsewhere opens one here where its owner linked it, or
//! where both sides have verified the same address: else who signs up first with another's address would share theirs.

use contracts::{ApiError, ErrorKind, Role, UserId};
use jiff::SignedDuration;
use stores::DbError;

use crate::{
    Auth, Entrance,
    accounts::taken,
    audit::Entry,
    grants::later,
    model::{Session, User},
    password::busy,
    providers::{Known, Person, Trip},
    secret,
    store::{
        identities::{self, Away},
        people,
    },
};

/// How long somebody may stay at a provider.
pub(crate) const AWAY: SignedDuration = SignedDuration::from_mins(10);

/// The most people who are at providers at a time.
const MAX_AWAY: i64 = 10_000;

/// Somebody who is sent to a provider.
pub(crate) struct Departure {
    /// Where to.
    pub address: String,
    /// What their browser keeps until they are back.
    pub state: String,
}

/// Somebody who came back.
pub(crate) enum Return {
    /// Signed in, or asked for the second factor; and where they go then.
    Entered(Entrance, String),
    /// The account elsewhere opens theirs from now on.
    Linked,
}

impl Auth {
    /// The provider of this name.
    ///
    /// # Errors
    /// `NotFound` where the configuration has none.
    pub(crate) fn provider(&self, id: &str) -> Result<&Known, ApiError> {
        let missing = || ApiError::not_found("no_such_provider", "nobody signs in with that here");
        self.providers.iter().find(|known| known.config.provider.id() == id).ok_or_else(missing)
    }

    fn trip<'a>(&self, known: &Known, state: &'a str) -> Trip<'a> {
        let id = known.config.provider.id();
        Trip {
            redirect_uri: format!("{}/login/{id}/callback", self.config.issuer),
            state,
            nonce: self.vault.stamp("provider nonce", state),
            verifier: self.vault.stamp("provider verifier", state),
        }
    }

    /// Sends somebody to a provider: to sign in, or to link the account there to `user`.
    ///
    /// # Errors
    /// `NotFound` for an unknown provider, `TooManyRequests` when too many people are at providers, `FailedDependency` when
    /// it can't be reached, `Unauthenticated` when it can't be believed.
    pub(crate) async fn depart(&self, id: &str, next: String, user: Option<UserId>) -> Result<Departure, ApiError> {
        let (known, now, state) = (self.provider(id)?, self.clock.now(), secret::fresh(&self.rng));
        if identities::absent(&self.db).await? >= MAX_AWAY {
            return Err(busy());
        }
        let address = known.address(&self.trip(known, &state), now).await?;
        let away = Away { next, user };
        identities::leave(&self.db, &secret::hash(&state), id, &away, later(now, AWAY)).await?;
        Ok(Departure { address, state })
    }

    /// Takes somebody back with the provider's code. `kept` is what their browser kept: without it somebody else's return
    /// could be pushed on them.
    ///
    /// # Errors
    /// `PermissionDenied` for a return that is not theirs, not of now or not the first; `FailedDependency` when the provider
    /// can't be reached; `Unauthenticated` when it can't be believed; `Conflict` when the account there opens none here.
    pub(crate) async fn come_back(
        &self,
        id: &str,
        kept: Option<&str>,
        shown: (&str, &str),
        session: Option<&Session>,
        agent: &str,
    ) -> Result<Return, ApiError> {
        let (known, now) = (self.provider(id)?, self.clock.now());
        let (state, code) = shown;
        if !kept.is_some_and(|kept| secret::same(kept.as_bytes(), state.as_bytes())) {
            return Err(not_theirs());
        }
        let mut tx = self.db.begin().await?;
        let away = identities::come_back(&mut tx, &secret::hash(state), id, now).await?;
        tx.commit().await?;
        let away = away.ok_or_else(not_theirs)?;
        if away.user.is_some() && away.user != session.map(|session| session.user) {
            return Err(not_theirs());
        }
        let person = known.person(&self.trip(known, state), code, now).await?;
        let tag = self.vault.stamp(&format!("identity {id}"), &person.subject);
        match away.user {
            Some(user) => {
                self.link(user, id, &tag).await?;
                Ok(Return::Linked)
            }
            None => Ok(Return::Entered(self.enter(id, &tag, person, agent).await?, away.next)),
        }
    }

    /// Whoever comes back signs in: to the account that is linked, or the one with the same verified address, or a new one.
    async fn enter(&self, id: &str, tag: &str, person: Person, agent: &str) -> Result<Entrance, ApiError> {
        let user = match identities::owner(&self.db, id, tag).await? {
            Some(user) => user,
            None => self.join(id, tag, person).await?,
        };
        let closed =
            || ApiError::new(ErrorKind::Unauthenticated, "sign_in_failed", "this account can't be signed in to");
        let user = people::by_id(&self.db, user).await?.filter(|user| user.disabled_at.is_none());
        let user = user.ok_or_else(closed)?;
        if self.has_factor(user.id).await? {
            return Ok(Entrance::Half(self.half(&user)));
        }
        self.open_session(&user, agent).await.map(Entrance::In)
    }

    async fn join(&self, id: &str, tag: &str, person: Person) -> Result<UserId, ApiError> {
        let without = || refused("no_verified_address", "the provider has not verified an address of yours");
        let email = person.email.ok_or_else(without)?;
        match people::by_blind(&self.db, &self.vault.blind(&email)).await? {
            Some(User { id: user, email_verified_at: Some(_), .. }) => {
                self.link(user, id, tag).await?;
                Ok(user)
            }
            Some(_) => Err(refused(
                "address_not_confirmed",
                "an account here has your address, but nobody has confirmed it: sign in with its password and confirm it, or \
                 choose a new password",
            )),
            None => {
                let account = self.new_account(&email, None, Role::BasicUser)?;
                let mut tx = self.db.begin().await?;
                people::insert(&mut tx, &account).await.map_err(taken)?;
                people::set_verified(&mut tx, account.id, account.at).await?;
                identities::insert(&mut tx, id, tag, account.id, account.at).await.map_err(linked)?;
                let entry = Entry::by_user("account.created", account.id).with("provider", id);
                self.state(tx, entry.with("role", account.role), &[]).await?;
                Ok(account.id)
            }
        }
    }

    async fn link(&self, user: UserId, id: &str, tag: &str) -> Result<(), ApiError> {
        let mut tx = self.db.begin().await?;
        identities::insert(&mut tx, id, tag, user, self.clock.now()).await.map_err(linked)?;
        self.state(tx, Entry::by_user("identity.linked", user).with("provider", id), &[]).await
    }

    /// Unlinks a provider, unless it is all that its person can sign in with.
    ///
    /// # Errors
    /// `NotFound` when it is not linked, `Conflict` when it is all there is.
    pub(crate) async fn unlink(&self, user: UserId, id: &str) -> Result<(), ApiError> {
        let mut tx = self.db.begin().await?;
        people::hold(&mut tx, user).await?;
        if !identities::end(&mut tx, user, id).await? {
            return Err(ApiError::not_found("not_linked", "that is not linked to your account"));
        }
        self.keep_a_way_in(&mut tx, user).await?;
        self.state(tx, Entry::by_user("identity.unlinked", user).with("provider", id), &[]).await
    }
}

fn not_theirs() -> ApiError {
    let detail = "this sign-in was not begun in this browser, took too long or was ended already: begin again";
    ApiError::new(ErrorKind::PermissionDenied, "sign_in_not_begun", detail)
}

fn refused(code: &'static str, detail: &str) -> ApiError {
    ApiError::new(ErrorKind::Conflict, code, detail)
}

fn linked(error: DbError) -> ApiError {
    match error {
        DbError::Unique(_) => refused("linked_already", "it is linked already, to this account or to another"),
        other => other.into(),
    }
}
