//! Accounts: signing up, in and out, with a lock that grows, and the sessions of browsers.

use access::Revoked;
use contracts::{ApiError, Call, ErrorKind, Role, UserId};
use jiff::{SignedDuration, Timestamp};
use stores::{DbError, Tx};
use uuid::Uuid;

use crate::{
    Auth,
    audit::Entry,
    config::SESSION_TTL,
    factors::Entrance,
    grants::later,
    mail::Kind,
    model::{Session, User},
    sealing::subject_key,
    secret,
    store::{devices, grants, passkeys, people, sealing::Kind as Text, trust},
};

/// After how many failures an account is locked.
const FREE_FAILURES: u32 = 5;
/// How long it is locked then; twice as long for each failure more, up to an hour.
const FIRST_LOCK: SignedDuration = SignedDuration::from_secs(30);
const LONGEST_LOCK: SignedDuration = SignedDuration::from_hours(1);
/// How precisely it is known when a session was last used.
const SEEN: SignedDuration = SignedDuration::from_mins(5);
/// An address has an account.
const EXISTS: &str = "account_exists";
/// The most sessions that are listed.
pub(crate) const MAX_SESSIONS: u32 = 100;

/// A browser that has just signed in.
pub struct SignedIn {
    /// The session's id.
    pub id: Uuid,
    /// What its cookie holds.
    pub secret: String,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

impl Auth {
    /// Opens an account for somebody else, as `call` asks.
    ///
    /// # Errors
    /// `InvalidArgument` for an address or a password that won't do, `Conflict` when the address has an account.
    pub(crate) async fn create_account(
        &self,
        call: &Call,
        email: &str,
        password: &str,
        role: Role,
    ) -> Result<UserId, ApiError> {
        let account = self.with_password(email, password, role).await?;
        let tx = self.db.begin().await?;
        self.open_account(tx, &account, Entry::by_caller("account.created", call).to(account.id)).await
    }

    async fn with_password(&self, email: &str, password: &str, role: Role) -> Result<people::NewAccount, ApiError> {
        check_email(email)?;
        let password_hash = self.passwords.hash(password).await?;
        self.new_account(email, Some(password_hash), role)
    }

    /// Opens an account, asks for the mail that confirms its address, and commits; stated by `entry`.
    async fn open_account(&self, mut tx: Tx, account: &people::NewAccount, entry: Entry) -> Result<UserId, ApiError> {
        people::insert(&mut tx, account).await.map_err(taken)?;
        self.ask_mail(&mut tx, Kind::Verify, &account.email_blind).await?;
        self.state(tx, entry.with("role", account.role), &[]).await?;
        Ok(account.id)
    }

    /// What an account is made of: its address sealed under a key of its own.
    pub(crate) fn new_account(
        &self,
        email: &str,
        password_hash: Option<String>,
        role: Role,
    ) -> Result<people::NewAccount, ApiError> {
        let email = check_email(email)?;
        let (id, key) = (UserId(self.ids.next()), self.rng.bytes::<32>());
        Ok(people::NewAccount {
            id,
            email_blind: self.vault.blind(email),
            email_sealed: self.vault.seal_under(&key, "email", email.as_bytes())?,
            subject_key: self.vault.seal(&subject_key(id), &key)?,
            password_hash,
            role,
            at: self.clock.now(),
        })
    }

    /// Opens an account, and signs nobody in: the answer is the same for an address that has one. A mail to it says so.
    ///
    /// # Errors
    /// `InvalidArgument` for an address or a password that won't do; as [`Auth::admit_stranger`].
    pub(crate) async fn sign_up(&self, email: &str, password: &str) -> Result<(), ApiError> {
        let account = self.with_password(email, password, Role::BasicUser).await?;
        let mut tx = self.db.begin().await?;
        self.admit_stranger(&mut tx).await?;
        match self.open_account(tx, &account, Entry::by_user("account.created", account.id)).await {
            Ok(_) => Ok(()),
            Err(error) if error.code == EXISTS => {
                let mut tx = self.db.begin().await?;
                self.ask_mail(&mut tx, Kind::Known, &account.email_blind).await?;
                Ok(tx.commit().await?)
            }
            Err(error) => Err(error),
        }
    }

    /// Signs a browser in, or asks for the second factor of whoever has one. Whether an address has an account does not
    /// show in the answer or its time.
    ///
    /// # Errors
    /// `Unauthenticated` with `sign_in_failed`; `TooManyRequests` when too many sign in.
    pub async fn sign_in(&self, email: &str, password: &str, agent: &str) -> Result<Entrance, ApiError> {
        self.sign_in_to("", email, password, agent).await
    }

    /// As [`Auth::sign_in`], on the way to confirming an address with the code of a mail, which lets in also where
    /// addresses are confirmed first.
    pub(crate) async fn sign_in_to(
        &self,
        code: &str,
        email: &str,
        password: &str,
        agent: &str,
    ) -> Result<Entrance, ApiError> {
        let wrong = || wrong(self.config.confirm_first);
        let (user, now) = (people::by_blind(&self.db, &self.vault.blind(email)).await?, self.clock.now());
        let open = user.as_ref().filter(|user| user.disabled_at.is_none() && !locked(user, now));
        let right = self.passwords.verify(password, open.and_then(|user| user.password_hash.as_deref())).await?;
        match (user, right) {
            (Some(user), true) if !self.is_confirmed(&user, code).await? => Err(wrong()),
            (Some(user), true) => {
                let half = self.has_factor(user.id).await?;
                let mut tx = self.db.begin().await?;
                let held = self.hold_shown(&mut tx, &user, now).await?.ok_or_else(wrong)?;
                // Failures are forgotten once both factors were shown: each factor alone can be tried no more often.
                if half {
                    return Ok(Entrance::Half(self.half(&held)));
                }
                if held.failed_attempts > 0 {
                    people::failed(&mut tx, user.id, 0, None).await?;
                }
                tx.commit().await?;
                self.open_session(&held, agent).await.map(Entrance::In)
            }
            (Some(user), false) => {
                self.note_wrong(user.id, now).await?;
                Err(wrong())
            }
            (None, _) => Err(wrong()),
        }
    }

    /// Holds whoever showed their password. Nobody, where the account was locked meanwhile or has another password: many
    /// guesses at once are no more than the same one after the other.
    async fn hold_shown(&self, tx: &mut Tx, user: &User, now: Timestamp) -> Result<Option<User>, ApiError> {
        let held = people::hold(tx, user.id).await?;
        Ok(held.filter(|held| !locked(held, now) && held.password_hash == user.password_hash))
    }

    /// Counts a wrong password of somebody.
    async fn note_wrong(&self, user: UserId, now: Timestamp) -> Result<(), ApiError> {
        let mut tx = self.db.begin().await?;
        match people::hold(&mut tx, user).await? {
            Some(user) => self.note_failure(tx, &user, now).await,
            None => Ok(()),
        }
    }

    /// Whether somebody's address is confirmed, or is about to be, where it must.
    async fn is_confirmed(&self, user: &User, code: &str) -> Result<bool, ApiError> {
        let settled = !self.config.confirm_first || user.email_verified_at.is_some();
        Ok(settled || self.code_owner(Kind::Verify, code).await? == Some(user.id))
    }

    /// Counts a failure of somebody whom `tx` holds, and commits. While the account is locked nothing is counted, so that
    /// nobody can keep it locked for ever.
    pub(crate) async fn note_failure(&self, mut tx: Tx, user: &User, now: Timestamp) -> Result<(), ApiError> {
        if locked(user, now) {
            return Ok(());
        }
        let attempts = user.failed_attempts.saturating_add(1);
        let lock = lock_after(attempts);
        people::failed(&mut tx, user.id, attempts, lock.map(|lock| later(now, lock))).await?;
        let action = if lock.is_some() { "account.locked" } else { "sign_in.failed" };
        self.state(tx, Entry::by_user(action, user.id).with("attempts", attempts), &[]).await
    }

    /// Opens a session of `user`, as they were when they showed who they are.
    ///
    /// # Errors
    /// `Unauthenticated` with `sign_in_failed` where the account was closed or has another password since then.
    pub(crate) async fn open_session(&self, user: &User, agent: &str) -> Result<SignedIn, ApiError> {
        self.open_session_as(user, agent, None, Entry::by_user("session.created", user.id)).await
    }

    /// As [`Auth::open_session`], by a `passkey` that has to be good still where it was one, and stated by `entry` once it
    /// says which.
    pub(crate) async fn open_session_as(
        &self,
        was: &User,
        agent: &str,
        passkey: Option<Uuid>,
        entry: Entry,
    ) -> Result<SignedIn, ApiError> {
        let (user, now, secret) = (was.id, self.clock.now(), secret::fresh(&self.rng));
        let agent: String = agent.chars().filter(|c| !c.is_control()).take(200).collect();
        let (id, agent_sealed) = (self.ids.next(), Some(self.seal_for(user, Text::Agent, &agent).await?));
        let agent = String::new();
        let session =
            Session { id, user, agent, agent_sealed, authenticated_at: now, created_at: now, last_seen_at: now };
        let mut tx = self.db.begin().await?;
        // Another password, or a passkey that was copied, ends the sessions that are there: one that is opened after it
        // would outlive it.
        let held = people::hold(&mut tx, user).await?;
        let same = |held: &User| held.disabled_at.is_none() && held.password_hash == was.password_hash;
        held.filter(same).ok_or_else(|| wrong(false))?;
        if let Some(passkey) = passkey
            && !passkeys::is_usable(&mut tx, passkey).await?
        {
            return Err(wrong(false));
        }
        let expires_at = later(now, SESSION_TTL);
        people::insert_session(&mut tx, &session, &secret::hash(&secret), expires_at).await?;
        self.state(tx, entry.to(id), &[]).await?;
        Ok(SignedIn { id, secret, expires_at })
    }

    /// The session of a cookie, if it is in force.
    pub(crate) async fn session(&self, secret: &str) -> Result<Option<Session>, ApiError> {
        let now = self.clock.now();
        let session = people::session(&self.db, &secret::hash(secret), now).await?;
        if let Some(session) = session.as_ref().filter(|session| now.duration_since(session.last_seen_at) > SEEN) {
            people::seen(&self.db, session.id, now).await?;
        }
        Ok(session)
    }

    /// Ends a session of a person, with every token that came out of it.
    pub(crate) async fn end_session(&self, user: UserId, session: Uuid) -> Result<bool, ApiError> {
        self.end_session_as(user, session, Entry::by_user("session.ended", user).to(session)).await
    }

    /// As [`Auth::end_session`], stated by `entry`.
    pub(crate) async fn end_session_as(&self, user: UserId, session: Uuid, entry: Entry) -> Result<bool, ApiError> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        people::hold(&mut tx, user).await?;
        if !people::end_session(&mut tx, user, session, now).await? {
            return Ok(false);
        }
        let families = grants::end_families(&mut tx, user, Some(session), "session ended", now).await?;
        let all: Vec<_> = families.into_iter().map(Revoked::Family).collect();
        let mut events = Vec::with_capacity(all.len());
        for what in &all {
            events.push(self.revoke(&mut tx, what).await?);
        }
        self.state(tx, entry, &events).await?;
        self.learn(&all);
        Ok(true)
    }

    /// Ends every session and token of a person.
    pub(crate) async fn end_everything(&self, user: UserId, entry: Entry) -> Result<(), ApiError> {
        let mut tx = self.db.begin().await?;
        let (what, event) = self.end_in(&mut tx, user).await?;
        self.state(tx, entry, &[event]).await?;
        self.learn(&[what]);
        Ok(())
    }

    /// Ends every session, token and key of a person, in the caller's transaction.
    pub(crate) async fn end_in(&self, tx: &mut Tx, user: UserId) -> Result<(Revoked, contracts::Event), ApiError> {
        let now = self.clock.now();
        people::hold(tx, user).await?;
        people::end_sessions(tx, user, now).await?;
        devices::end_allowed(tx, user).await?;
        grants::end_families(tx, user, None, "everything ended", now).await?;
        // Now, and not only as long as the revocation is remembered.
        trust::end_api_keys(tx, user, now).await?;
        let what = Revoked::Subject(user.to_string());
        let event = self.revoke(tx, &what).await?;
        Ok((what, event))
    }

    /// Gives a person a new password, when they know the old one, and ends everything that was signed in with it.
    pub(crate) async fn change_password(&self, user: UserId, old: &str, new: &str) -> Result<(), ApiError> {
        let (now, detail) = (self.clock.now(), "that is not the password of this account, or it is locked for a while");
        let wrong = || ApiError::invalid("bad_password", detail);
        let person = people::by_id(&self.db, user).await?.ok_or_else(wrong)?;
        let kept = person.password_hash.as_deref();
        if !self.passwords.verify(old, kept.filter(|_| !locked(&person, now))).await? {
            if kept.is_some() {
                self.note_wrong(user, now).await?;
            }
            return Err(wrong());
        }
        let hash = self.passwords.hash(new).await?;
        let mut tx = self.db.begin().await?;
        self.hold_shown(&mut tx, &person, now).await?.ok_or_else(wrong)?;
        people::set_password(&mut tx, user, &hash).await?;
        self.follow_change(&mut tx, &person).await?;
        let (what, event) = self.end_in(&mut tx, user).await?;
        self.state(tx, Entry::by_user("password.changed", user), &[event]).await?;
        self.learn(&[what]);
        Ok(())
    }

    /// The address of an account; `None` once its key is gone.
    pub(crate) fn email(&self, user: &User) -> Result<Option<String>, ApiError> {
        let (Some(sealed), Some(key)) = (&user.email_sealed, self.person_key(user)?) else { return Ok(None) };
        let lost = || ApiError::internal("an address can't be opened");
        let plain = secret::open(&key, "email", sealed).ok_or_else(lost)?;
        String::from_utf8(plain).map(Some).map_err(|_| lost())
    }
}

/// Whether nobody can sign in for the moment.
pub(crate) fn locked(user: &User, now: Timestamp) -> bool {
    user.locked_until.is_some_and(|until| now < until)
}

/// How long an account is locked after so many failures in a row.
fn lock_after(failures: u32) -> Option<SignedDuration> {
    let over = failures.checked_sub(FREE_FAILURES)?;
    Some(FIRST_LOCK.checked_mul(1 << over.min(16)).unwrap_or(LONGEST_LOCK).min(LONGEST_LOCK))
}

/// An address that mail could be sent to, as far as its shape tells.
fn check_email(email: &str) -> Result<&str, ApiError> {
    let email = email.trim();
    let sane = email.split_once('@').is_some_and(|(local, domain)| {
        let domain_ok = domain.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte >= 0x80)
        });
        !local.is_empty() && domain_ok && domain.contains('.')
    });
    if sane && email.len() <= 254 && !email.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Ok(email);
    }
    Err(ApiError::invalid("bad_email", "that is not an email address").field("email", "is not an email address"))
}

pub(crate) fn taken(error: DbError) -> ApiError {
    match error {
        DbError::Unique(_) => {
            ApiError::new(ErrorKind::Conflict, EXISTS, "this address has an account already: sign in")
        }
        other => other.into(),
    }
}

fn wrong(confirm_first: bool) -> ApiError {
    let detail = if confirm_first {
        "address or password are wrong, the address is not confirmed yet, or the account is locked for a while"
    } else {
        "address or password are wrong, or the account is locked for a while"
    };
    ApiError::new(ErrorKind::Unauthenticated, "sign_in_failed", detail)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use access::{Live, Verifier, VerifierConfig};
    use rstest::rstest;

    use super::*;
    use crate::{AuthConfig, store::passkeys::Passkey};

    const OLD: &str = "correct horse battery";

    /// An authorization server, and the database that goes with it when it is dropped.
    struct World {
        auth: Auth,
        _db: testkit::TestDb,
    }

    async fn world(engine: &str) -> World {
        let db = if engine == "postgres" { testkit::postgres().await } else { testkit::sqlite().await };
        let (clock, config) = (testkit::clock(), AuthConfig::new("https://media.example", [7; 32]));
        let expected = VerifierConfig { issuer: String::new(), audience: String::new() };
        let verifier = Arc::new(Verifier::new(expected, clock.clone(), Arc::new(Live::default())));
        let auth = Auth::new(db.db(), clock, contracts::Rng::system(), config, verifier);
        auth.seed().await.unwrap();
        World { auth, _db: db }
    }

    /// What was signed in with a password ends with it, also what is on its way in.
    #[rstest]
    #[case("sqlite")]
    #[case("postgres")]
    #[tokio::test]
    async fn who_has_shown_a_password_that_is_none_any_more_stays_out(#[case] engine: &str) {
        const NEW: &str = "another horse battery";
        let World { auth, .. } = &world(engine).await;
        let call = testkit::operator_call();
        let ada = auth.create_account(&call, "ada@example.org", OLD, Role::BasicUser).await.unwrap();
        let before = auth.person(ada).await.unwrap();
        auth.open_session(&before, "in time").await.unwrap();
        auth.change_password(ada, OLD, NEW).await.unwrap();
        let late = auth.open_session(&before, "too late").await.err().unwrap();
        assert_eq!(late.code, "sign_in_failed");
        assert!(auth.sessions_of(ada).await.unwrap().is_empty());
        auth.open_session(&auth.person(ada).await.unwrap(), "with the new one").await.unwrap();
        assert_eq!(auth.sessions_of(ada).await.unwrap().len(), 1);
    }

    /// A copied passkey ends everything, also what is on its way in.
    #[rstest]
    #[case("sqlite")]
    #[case("postgres")]
    #[tokio::test]
    async fn who_has_shown_a_passkey_that_is_suspended_meanwhile_stays_out(#[case] engine: &str) {
        let World { auth, .. } = &world(engine).await;
        let call = testkit::operator_call();
        let ada = auth.create_account(&call, "ada@example.org", OLD, Role::BasicUser).await.unwrap();
        let (person, now) = (auth.person(ada).await.unwrap(), auth.clock.now());
        let shown = Passkey {
            id: auth.ids.next(),
            credential_id: vec![1],
            user: ada,
            public_key: vec![2],
            sign_count: 1,
            backed_up: false,
            name: String::new(),
            name_sealed: None,
            created_at: now,
            last_used_at: None,
            suspended_at: None,
        };
        let mut tx = auth.db.begin().await.unwrap();
        passkeys::insert(&mut tx, &shown).await.unwrap();
        tx.commit().await.unwrap();
        let enter = async || {
            let entry = Entry::by_user("session.created", ada);
            auth.open_session_as(&person, "a browser", Some(shown.id), entry).await
        };
        enter().await.unwrap();
        let mut tx = auth.db.begin().await.unwrap();
        assert!(passkeys::suspend(&mut tx, shown.id, now).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(enter().await.err().unwrap().code, "sign_in_failed");
        assert_eq!(auth.sessions_of(ada).await.unwrap().len(), 1);
    }

    #[test]
    fn locks_begin_late_and_grow_up_to_an_hour() {
        let seconds = |failures| lock_after(failures).map(|lock| lock.as_secs());
        assert_eq!([4, 5, 6, 7].map(seconds), [None, Some(30), Some(60), Some(120)]);
        assert_eq!([12, 100, u32::MAX].map(seconds), [Some(3600), Some(3600), Some(3600)]);
    }

    #[test]
    fn addresses_have_a_shape() {
        for good in ["ada@example.org", " a+b@x.co ", "é@bücher.example"] {
            assert!(check_email(good).is_ok(), "{good}");
        }
        for bad in ["", "ada", "@x.org", "a@", "a@b", "a b@x.org", "a@x..org", "a@x.org\r\nbcc:b@x.org", "a@@x.org"] {
            assert!(check_email(bad).is_err(), "{bad}");
        }
    }
}
