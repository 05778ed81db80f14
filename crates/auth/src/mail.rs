//! What a person does by mail: showing that an address is theirs, and choosing a new password. The answers are the same
//! whether an address has an account or not.

use contracts::{ApiError, ErrorKind, UserId};
use jiff::SignedDuration;
use stores::Tx;

use crate::{
    Auth,
    audit::Entry,
    grants::later,
    model::User,
    password, secret,
    store::{factors, identities, mail, passkeys, people},
};

/// How long nobody can ask for another mail of a kind to an address.
pub(crate) const PAUSE: SignedDuration = SignedDuration::from_mins(2);
/// The most mails that are asked for at a time, those that were done within [`PAUSE`] among them, before strangers must wait.
const MAX_ASKED: i64 = 10_000;

/// What a mail is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Shows that an address is its person's.
    Verify,
    /// Lets its reader choose a new password.
    Reset,
    /// Says that the password was changed.
    Changed,
    /// Says, to whoever wanted to sign up, that there is an account.
    Known,
    /// Says that an account is to be erased, and how to keep it.
    Erasing,
    /// Says that a passkey may have been copied.
    Copied,
}

impl Kind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Reset => "reset",
            Self::Changed => "changed",
            Self::Known => "known",
            Self::Erasing => "erasing",
            Self::Copied => "copied",
        }
    }

    pub(crate) fn of(text: &str) -> Option<Self> {
        let all = [Self::Verify, Self::Reset, Self::Changed, Self::Known, Self::Erasing, Self::Copied];
        all.into_iter().find(|kind| kind.as_str() == text)
    }

    /// How long the code of such a mail is good; `None` where it has none.
    pub(crate) const fn lasts(self) -> Option<SignedDuration> {
        match self {
            Self::Verify => Some(SignedDuration::from_hours(24)),
            Self::Reset => Some(SignedDuration::from_mins(30)),
            Self::Changed | Self::Known | Self::Erasing | Self::Copied => None,
        }
    }
}

impl Auth {
    /// Lets strangers ask for a mail, in the transaction that does, as long as there are not too many. Ask this before
    /// anything that shows whether an address has an account.
    ///
    /// # Errors
    /// `TooManyRequests` when too many are asked for: not `Unavailable`, as strangers would make a gateway ask this role for
    /// nothing any more.
    pub(crate) async fn admit_stranger(&self, tx: &mut Tx) -> Result<(), ApiError> {
        if mail::count(tx).await? >= MAX_ASKED {
            let detail = "too many mails are on their way; try again later";
            return Err(ApiError::new(ErrorKind::TooManyRequests, "mail_is_busy", detail));
        }
        Ok(())
    }

    /// Asks for a mail to an address, in the caller's transaction.
    ///
    /// # Errors
    /// When it can't be written.
    pub(crate) async fn ask_mail(&self, tx: &mut Tx, kind: Kind, email_blind: &[u8]) -> Result<(), ApiError> {
        let now = self.clock.now();
        let before = now.checked_sub(PAUSE).unwrap_or(now);
        Ok(mail::ask(tx, kind.as_str(), email_blind, now, before).await?)
    }

    /// Asks for a mail to choose a new password with, if the address has an account. Whether it has shows nowhere: it is
    /// looked up when the mail is written.
    ///
    /// # Errors
    /// As [`Auth::admit_stranger`].
    pub(crate) async fn ask_reset(&self, email: &str) -> Result<(), ApiError> {
        let mut tx = self.db.begin().await?;
        self.admit_stranger(&mut tx).await?;
        self.ask_mail(&mut tx, Kind::Reset, &self.vault.blind(email)).await?;
        Ok(tx.commit().await?)
    }

    /// Asks for a mail that shows that the address of an account is its person's.
    ///
    /// # Errors
    /// As [`Auth::ask_mail`].
    pub(crate) async fn ask_verification(&self, id: UserId) -> Result<(), ApiError> {
        let Some(user) = people::by_id(&self.db, id).await? else { return Ok(()) };
        let Some(email) = self.email(&user)?.filter(|_| user.email_verified_at.is_none()) else { return Ok(()) };
        let mut tx = self.db.begin().await?;
        self.ask_mail(&mut tx, Kind::Verify, &self.vault.blind(&email)).await?;
        Ok(tx.commit().await?)
    }

    /// Whose a code of a mail is, while it is good.
    pub(crate) async fn code_owner(&self, kind: Kind, code: &str) -> Result<Option<UserId>, ApiError> {
        Ok(mail::owner(&self.db, &secret::hash(code), kind.as_str(), self.clock.now()).await?)
    }

    /// Notes that an address is its person's. They are signed in: who reads a mail that somebody else's account asked for
    /// can't be made to vouch for that account.
    ///
    /// # Errors
    /// `NotFound` for a code that is not good, or not this person's.
    pub(crate) async fn verify_email(&self, id: UserId, code: &str) -> Result<(), ApiError> {
        let mut tx = self.db.begin().await?;
        let now = self.clock.now();
        if !mail::use_code(&mut tx, &secret::hash(code), id, Kind::Verify.as_str(), now).await? {
            return Err(bad_link());
        }
        people::set_verified(&mut tx, id, now).await?;
        self.state(tx, Entry::by_user("email.verified", id), &[]).await
    }

    /// Gives whoever has the code of a mail a new password, and ends everything that was signed in before.
    ///
    /// # Errors
    /// `InvalidArgument` for a password that won't do, `NotFound` for a code that is not good.
    pub(crate) async fn reset_password(&self, code: &str, new: &str) -> Result<(), ApiError> {
        password::check(new)?;
        let (code_hash, reset) = (secret::hash(code), Kind::Reset.as_str());
        let id = self.code_owner(Kind::Reset, code).await?.ok_or_else(bad_link)?;
        let password_hash = self.passwords.hash(new).await?;
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let user = people::hold(&mut tx, id).await?.filter(|user| user.disabled_at.is_none()).ok_or_else(bad_link)?;
        if !mail::use_code(&mut tx, &code_hash, id, reset, now).await? {
            return Err(bad_link());
        }
        if user.email_verified_at.is_none() {
            self.drop_ways_in(&mut tx, id).await?;
        }
        people::set_password(&mut tx, id, &password_hash).await?;
        people::set_verified(&mut tx, id, now).await?;
        self.follow_change(&mut tx, &user).await?;
        let (what, event) = self.end_in(&mut tx, id).await?;
        self.state(tx, Entry::by_user("password.reset", id), &[event]).await?;
        self.learn(&[what]);
        Ok(())
    }

    /// Whoever had the account had not shown that the address is theirs: what they can sign in with goes.
    async fn drop_ways_in(&self, tx: &mut Tx, id: UserId) -> Result<(), ApiError> {
        factors::end(tx, id).await?;
        identities::end_all(tx, id).await?;
        passkeys::end_all(tx, id).await?;
        Ok(())
    }

    /// What follows from another password, however it came: a mail says that it was changed.
    pub(crate) async fn follow_change(&self, tx: &mut Tx, user: &User) -> Result<(), ApiError> {
        match self.email(user)? {
            Some(email) => self.ask_mail(tx, Kind::Changed, &self.vault.blind(&email)).await,
            None => Ok(()),
        }
    }

    /// A code for a mail to this person, kept as its hash; nothing for a mail without.
    pub(crate) async fn mail_code(&self, kind: Kind, id: UserId) -> Result<String, ApiError> {
        let Some(lasts) = kind.lasts() else { return Ok(String::new()) };
        let code = secret::fresh(&self.rng);
        let mut tx = self.db.begin().await?;
        let ends = later(self.clock.now(), lasts);
        mail::insert_code(&mut tx, &secret::hash(&code), id, kind.as_str(), ends).await?;
        tx.commit().await?;
        Ok(code)
    }
}

fn bad_link() -> ApiError {
    ApiError::not_found("bad_link", "this link is not good any more: it was used, or is too old; ask for another")
}
