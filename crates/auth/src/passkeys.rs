//! Passkeys of people: adding one, signing in with it, giving it up. What is asked of a browser is stamped and not kept: each
//! stamp is good for some minutes, for its purpose, and once.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use contracts::{ApiError, ErrorKind, UserId};
use jiff::{SignedDuration, Timestamp};
use stores::{DbError, Tx};
use url::{Host, Url};
use uuid::Uuid;

use crate::{
    Auth,
    accounts::SignedIn,
    audit::Entry,
    grants::later,
    http::Params,
    mail, secret,
    store::{
        identities,
        passkeys::{self, Passkey},
        people,
        sealing::Kind,
        trust,
    },
    webauthn::{self, Asked},
};

/// How long a browser may take to answer (Web Authentication Level 3, section 15.1, recommends five minutes).
const ANSWER: SignedDuration = SignedDuration::from_mins(5);
/// The most passkeys of a person.
const MAX_PASSKEYS: i64 = 20;
/// What signing in is stamped for.
const SIGN_IN: &str = "passkey sign-in";
/// What whoever shows a suspended passkey is told.
const SUSPENDED: &str = "this passkey may have been copied, and is suspended: sign in another way and give it up";

/// Who asks: a passkey is for one domain.
pub(crate) struct Site {
    pub domain: String,
    pub origin: String,
}

/// What a page tells the browser to make a passkey with.
pub(crate) struct Making {
    pub site: Site,
    pub challenge: String,
    /// Names the account to the authenticator, and nothing to anybody else.
    pub handle: String,
    pub email: String,
    /// The passkeys that are there already: no authenticator makes a second.
    pub known: Vec<String>,
}

fn text(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

impl Auth {
    /// Where passkeys are for; `None` where the issuer is no domain, which browsers ask for.
    pub(crate) fn site(&self) -> Option<Site> {
        let url = Url::parse(&self.config.issuer).ok()?;
        let Some(Host::Domain(domain)) = url.host() else { return None };
        Some(Site { domain: domain.to_owned(), origin: url.origin().ascii_serialization() })
    }

    fn must_site(&self) -> Result<Site, ApiError> {
        let none = || ApiError::not_found("no_passkeys", "there are no passkeys at an address without a name");
        self.site().ok_or_else(none)
    }

    fn challenge(&self, purpose: &str) -> String {
        let until = later(self.clock.now(), ANSWER).as_second();
        let open = format!("{}.{until}", secret::fresh(&self.rng));
        text(format!("{open}.{}", self.vault.stamp(purpose, &open)).as_bytes())
    }

    /// The challenge that a browser answers, when it is one of ours, for this purpose and in time.
    fn challenge_answered(&self, purpose: &str, client_data: &[u8]) -> Option<Vec<u8>> {
        let challenge = webauthn::challenge_of(client_data)?;
        let (open, stamp) = std::str::from_utf8(&challenge).ok()?.rsplit_once('.')?;
        let until: i64 = open.rsplit_once('.')?.1.parse().ok()?;
        let good = self.vault.stamped(purpose, open, stamp) && self.clock.now().as_second() < until;
        good.then_some(challenge)
    }

    /// Takes the answer to a challenge once.
    async fn use_challenge(&self, challenge: &[u8]) -> Result<(), ApiError> {
        let until = later(self.clock.now(), ANSWER + ANSWER);
        let name = secret::hash(&format!("passkey challenge\n{}", text(challenge)));
        if trust::take_proof(&self.db, &name, until).await? { Ok(()) } else { Err(wrong("this was answered before")) }
    }

    /// What to ask a browser to sign in with.
    ///
    /// # Errors
    /// `NotFound` where there are no passkeys.
    pub(crate) fn passkey_asked(&self) -> Result<(Site, String), ApiError> {
        Ok((self.must_site()?, self.challenge(SIGN_IN)))
    }

    /// What to tell a browser to make a passkey with.
    ///
    /// # Errors
    /// `NotFound` where there are no passkeys.
    pub(crate) async fn passkey_making(&self, id: UserId) -> Result<Making, ApiError> {
        let user = self.person(id).await?;
        let known = passkeys::of(&self.db, id).await?.iter().map(|passkey| text(&passkey.credential_id)).collect();
        Ok(Making {
            site: self.must_site()?,
            challenge: self.challenge(&adding(id)),
            handle: text(id.0.as_bytes()),
            email: self.email(&user)?.unwrap_or_default(),
            known,
        })
    }

    /// Keeps a passkey that a browser made.
    ///
    /// # Errors
    /// `InvalidArgument` for one that is not as it was asked for, `Conflict` for one that is there or one too many.
    pub(crate) async fn add_passkey(&self, id: UserId, form: &Params) -> Result<(), ApiError> {
        let site = self.must_site()?;
        let (client_data, attestation) = (bytes(form, "client_data"), bytes(form, "attestation"));
        let challenge = self
            .challenge_answered(&adding(id), &client_data)
            .ok_or_else(|| invalid("it took too long: begin again"))?;
        let asked = Asked { rp: &site.domain, origin: &site.origin, challenge: &challenge };
        let made = webauthn::register(&asked, &client_data, &attestation).map_err(invalid)?;
        if !made.said.user_verified {
            return Err(invalid("the authenticator did not ask who you are"));
        }
        self.use_challenge(&challenge).await?;
        let name: String =
            form.get("name").unwrap_or("A passkey").chars().filter(|c| !c.is_control()).take(60).collect();
        let new = Passkey {
            id: self.ids.next(),
            credential_id: made.id,
            user: id,
            public_key: made.key,
            sign_count: made.said.count,
            backed_up: made.said.backed_up,
            name: String::new(),
            name_sealed: Some(self.seal_for(id, Kind::PasskeyName, &name).await?),
            created_at: self.clock.now(),
            last_used_at: None,
            suspended_at: None,
        };
        let mut tx = self.db.begin().await?;
        people::hold(&mut tx, id).await?;
        if passkeys::count(&mut tx, id).await? >= MAX_PASSKEYS {
            return Err(conflict("too_many_passkeys", "you have twenty passkeys: give one up first"));
        }
        passkeys::insert(&mut tx, &new).await.map_err(known)?;
        self.state(tx, Entry::by_user("passkey.added", id).to(new.id), &[]).await
    }

    /// Signs a browser in with a passkey, which stands for both factors: it asks its person who they are.
    ///
    /// # Errors
    /// `Unauthenticated` with `sign_in_failed`.
    pub(crate) async fn sign_in_with_passkey(&self, form: &Params, agent: &str) -> Result<SignedIn, ApiError> {
        let site = self.must_site()?;
        let [id, client_data, data, signature, handle] =
            ["credential", "client_data", "data", "signature", "handle"].map(|name| bytes(form, name));
        let challenge =
            self.challenge_answered(SIGN_IN, &client_data).ok_or_else(|| wrong("it took too long: begin again"))?;
        let unknown = || wrong("this passkey is not known here");
        let passkey = passkeys::get(&self.db, &id).await?.ok_or_else(unknown)?;
        if passkey.user.0.as_bytes() != handle.as_slice() {
            return Err(unknown());
        }
        let asked = Asked { rp: &site.domain, origin: &site.origin, challenge: &challenge };
        let said = webauthn::sign_in(&asked, &client_data, &data, &signature, &passkey.public_key).map_err(wrong)?;
        if !said.user_verified {
            return Err(wrong("the authenticator did not ask who you are"));
        }
        if passkey.suspended_at.is_some() {
            return Err(wrong(SUSPENDED));
        }
        self.use_challenge(&challenge).await?;
        let user = people::by_id(&self.db, passkey.user).await?.filter(|user| user.disabled_at.is_none());
        let user = user.ok_or_else(unknown)?;
        self.note_use(&passkey, said.count, said.backed_up, self.clock.now()).await?;
        let entry = Entry::by_user("session.created", user.id);
        self.open_session_as(&user, agent, Some(passkey.id), entry).await
    }

    /// Notes that a passkey was used. One whose count did not grow may have been copied, and signs nobody in.
    async fn note_use(&self, passkey: &Passkey, count: u32, backed_up: bool, now: Timestamp) -> Result<(), ApiError> {
        let mut tx = self.db.begin().await?;
        if passkeys::used(&mut tx, passkey.id, count, backed_up, now).await? {
            return Ok(tx.commit().await?);
        }
        self.suspend(tx, passkey, count, now).await?;
        Err(wrong(SUSPENDED))
    }

    /// Suspends a passkey whose count did not grow, and tells its person by mail. Two may have its key, and which one this
    /// was shows nowhere (Web Authentication Level 3, section 6.1.1): a copy may have signed in before, so everything ends.
    /// Not where it says 0: it has stopped to count, as one does that a provider syncs now.
    async fn suspend(&self, mut tx: Tx, passkey: &Passkey, count: u32, now: Timestamp) -> Result<(), ApiError> {
        let person = people::hold(&mut tx, passkey.user).await?.ok_or_else(|| wrong(SUSPENDED))?;
        // Given up meanwhile, or suspended by another use that came at once.
        if !passkeys::suspend(&mut tx, passkey.id, now).await? {
            return Ok(());
        }
        if let Some(email) = self.email(&person)? {
            self.ask_mail(&mut tx, mail::Kind::Copied, &self.vault.blind(&email)).await?;
        }
        let entry = Entry::by_user("passkey.copied", passkey.user).to(passkey.id);
        if count == 0 {
            return self.state(tx, entry, &[]).await;
        }
        let (what, event) = self.end_in(&mut tx, person.id).await?;
        self.state(tx, entry, &[event]).await?;
        self.learn(&[what]);
        Ok(())
    }

    /// Gives a passkey up, unless it is all that its person can sign in with.
    ///
    /// # Errors
    /// `NotFound` for another's, `Conflict` when it is all there is.
    pub(crate) async fn end_passkey(&self, user: UserId, id: Uuid) -> Result<(), ApiError> {
        let mut tx = self.db.begin().await?;
        people::hold(&mut tx, user).await?;
        if !passkeys::end(&mut tx, user, id).await? {
            return Err(ApiError::not_found("no_such_passkey", "you have no such passkey"));
        }
        self.keep_a_way_in(&mut tx, user).await?;
        self.state(tx, Entry::by_user("passkey.ended", user).to(id), &[]).await
    }

    /// Refuses what would leave a person without anything to sign in with.
    pub(crate) async fn keep_a_way_in(&self, tx: &mut Tx, user: UserId) -> Result<(), ApiError> {
        let password = people::hold(tx, user).await?.is_some_and(|person| person.password_hash.is_some());
        if password || identities::count(tx, user).await? > 0 || passkeys::usable(tx, user).await? > 0 {
            return Ok(());
        }
        Err(conflict("last_way_in", "it is all you can sign in with: choose a password first"))
    }
}

fn adding(id: UserId) -> String {
    format!("passkey for {id}")
}

/// A field of a form, which holds bytes; empty where it holds none.
fn bytes(form: &Params, name: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(form.get(name).unwrap_or_default()).unwrap_or_default()
}

fn wrong(why: &str) -> ApiError {
    ApiError::new(ErrorKind::Unauthenticated, "sign_in_failed", why)
}

fn invalid(why: &str) -> ApiError {
    ApiError::invalid("bad_passkey", why)
}

fn conflict(code: &'static str, detail: &str) -> ApiError {
    ApiError::new(ErrorKind::Conflict, code, detail)
}

fn known(error: DbError) -> ApiError {
    match error {
        DbError::Unique(_) => conflict("passkey_exists", "this passkey is known already"),
        other => other.into(),
    }
}
