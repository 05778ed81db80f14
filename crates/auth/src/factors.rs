//! The second factor: an authenticator, and backup codes for when it is lost. Who has one signs in in two steps.

use contracts::{ApiError, ErrorKind, Rng, UserId};
use jiff::SignedDuration;

use crate::{
    Auth,
    accounts::{SignedIn, locked},
    admin::no_user,
    audit::Entry,
    model::User,
    secret,
    store::{factors, people},
    totp,
};

/// How long somebody may take from the password to the second factor.
const HALF: SignedDuration = SignedDuration::from_mins(5);
/// What the half of a sign-in is stamped for.
const PURPOSE: &str = "second factor";
/// What the password is stamped for that was shown before it.
const FIRST: &str = "first factor";
/// What the secret is sealed for.
const SECRET: &str = "authenticator";
const BACKUP_CODES: usize = 10;
/// Digits that can't be taken for each other; 12 of them have 60 bits.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CODE_DIGITS: usize = 12;

/// What comes of the right password.
pub enum Entrance {
    /// The browser is signed in.
    In(SignedIn),
    /// The second factor is asked for; what the browser shows beside it.
    Half(String),
}

/// What a person types into their authenticator.
pub(crate) struct Enrolment {
    /// The secret, in base 32.
    pub secret: String,
    /// The same as an address that an authenticator opens.
    pub address: String,
}

impl Auth {
    /// Whether a person has a second factor.
    pub(crate) async fn has_factor(&self, user: UserId) -> Result<bool, ApiError> {
        Ok(factors::get(&self.db, user).await?.is_some_and(|factor| factor.confirmed_at.is_some()))
    }

    /// What a browser shows while its person looks for the second factor. It is of the password that they have now.
    pub(crate) fn half(&self, user: &User) -> String {
        let until = self.clock.now().as_second() + HALF.as_secs();
        let first = self.vault.stamp(FIRST, user.password_hash.as_deref().unwrap_or_default());
        let text = format!("{}.{until}.{first}", user.id);
        format!("{text}.{}", self.vault.stamp(PURPOSE, &text))
    }

    /// Whose half it is, as they are now; nobody's once they have another password.
    async fn of_half(&self, half: &str) -> Result<Option<User>, ApiError> {
        let Some((id, first)) = self.read_half(half) else { return Ok(None) };
        let user = people::by_id(&self.db, id).await?;
        let same = |user: &User| self.vault.stamped(FIRST, user.password_hash.as_deref().unwrap_or_default(), first);
        Ok(user.filter(same))
    }

    /// Whose half it is, and the stamp of the password that they showed.
    fn read_half<'a>(&self, half: &'a str) -> Option<(UserId, &'a str)> {
        let (text, _) = half.rsplit_once('.').filter(|(text, stamp)| self.vault.stamped(PURPOSE, text, stamp))?;
        let (user, rest) = text.split_once('.')?;
        let (until, first) = rest.split_once('.')?;
        let in_time = until.parse::<i64>().is_ok_and(|until| self.clock.now().as_second() < until);
        user.parse().ok().filter(|_| in_time).map(|user| (user, first))
    }

    /// Signs a browser in that has shown the password, with a code of the authenticator or a backup code. Failures count
    /// as those of the password do.
    ///
    /// # Errors
    /// `Unauthenticated` with `sign_in_failed`.
    pub(crate) async fn sign_in_with(&self, half: &str, code: &str, agent: &str) -> Result<SignedIn, ApiError> {
        let user = self.of_half(half).await?.ok_or_else(wrong)?;
        if !self.shows(user.id, code).await? {
            return Err(wrong());
        }
        self.open_session(&user, agent).await
    }

    /// Whether somebody shows their second factor. What is right is used up, what is wrong counts as a failure to sign in;
    /// one try of a person waits for another, so that no two are made on one count.
    async fn shows(&self, id: UserId, code: &str) -> Result<bool, ApiError> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let user = people::hold(&mut tx, id).await?.filter(|user| user.disabled_at.is_none() && !locked(user, now));
        let Some(user) = user else { return Ok(false) };
        let Some(factor) = factors::of(&mut tx, id).await?.filter(|factor| factor.confirmed_at.is_some()) else {
            return Ok(false);
        };
        let step = totp::step_of(&self.secret_of(&user, &factor)?, code, now, factor.last_step);
        let right = match step {
            Some(step) => factors::use_step(&mut tx, id, step).await?,
            None => factors::use_code(&mut tx, id, &backup_hash(id, code), now).await?,
        };
        if !right {
            self.note_failure(tx, &user, now).await?;
            return Ok(false);
        }
        people::failed(&mut tx, id, 0, None).await?;
        let kind = if step.is_some() { "authenticator" } else { "backup code" };
        self.state(tx, Entry::by_user("factor.shown", id).with("kind", kind), &[]).await?;
        Ok(true)
    }

    fn secret_of(&self, user: &User, factor: &factors::Factor) -> Result<Vec<u8>, ApiError> {
        let key = self.person_key(user)?;
        let secret = key.and_then(|key| secret::open(&key, SECRET, &factor.secret_sealed));
        secret.ok_or_else(|| ApiError::internal("the secret of an authenticator can't be opened"))
    }

    /// The account of this id.
    pub(crate) async fn person(&self, id: UserId) -> Result<User, ApiError> {
        people::by_id(&self.db, id).await?.ok_or_else(no_user)
    }

    /// Begins with an authenticator, which counts once a code of it was shown.
    ///
    /// # Errors
    /// `Conflict` when there is one.
    pub(crate) async fn begin_factor(&self, id: UserId) -> Result<Enrolment, ApiError> {
        let user = self.person(id).await?;
        let secret = self.rng.bytes::<{ totp::SECRET }>();
        let key = self.person_key(&user)?.ok_or_else(|| ApiError::internal("the account has no key"))?;
        let sealed = self.vault.seal_under(&key, SECRET, &secret)?;
        let mut tx = self.db.begin().await?;
        if !factors::begin(&mut tx, id, &sealed, self.clock.now()).await? {
            return Err(ApiError::new(ErrorKind::Conflict, "factor_exists", "there is an authenticator already"));
        }
        self.state(tx, Entry::by_user("factor.begun", id), &[]).await?;
        let text = totp::base32(&secret);
        let account = self.email(&user)?.unwrap_or_default();
        Ok(Enrolment { address: totp::address(&text, "Media Gateway", &account), secret: text })
    }

    /// Counts the authenticator from now on, when `code` is one of it; gives the backup codes, this once.
    ///
    /// # Errors
    /// `InvalidArgument` for a wrong code.
    pub(crate) async fn confirm_factor(&self, id: UserId, code: &str) -> Result<Vec<String>, ApiError> {
        let user = self.person(id).await?;
        let factor = factors::get(&self.db, id).await?.ok_or_else(wrong_code)?;
        let step = totp::step_of(&self.secret_of(&user, &factor)?, code, self.clock.now(), factor.last_step);
        let step = step.ok_or_else(wrong_code)?;
        let codes: Vec<_> = (0..BACKUP_CODES).map(|_| backup_code(&self.rng)).collect();
        let mut tx = self.db.begin().await?;
        let fresh =
            factors::use_step(&mut tx, id, step).await? && factors::confirm(&mut tx, id, self.clock.now()).await?;
        if !fresh {
            return Err(wrong_code());
        }
        for code in &codes {
            factors::insert_code(&mut tx, id, &backup_hash(id, code)).await?;
        }
        self.state(tx, Entry::by_user("factor.confirmed", id), &[]).await?;
        Ok(codes)
    }

    /// Takes the second factor away, from whoever shows it.
    ///
    /// # Errors
    /// `InvalidArgument` for a wrong code.
    pub(crate) async fn end_factor(&self, id: UserId, code: &str) -> Result<(), ApiError> {
        if !self.shows(id, code).await? {
            return Err(wrong_code());
        }
        let mut tx = self.db.begin().await?;
        factors::end(&mut tx, id).await?;
        self.state(tx, Entry::by_user("factor.ended", id), &[]).await
    }
}

fn wrong() -> ApiError {
    let detail = "the code is wrong or was used, or you took too long: try again, or sign in anew";
    ApiError::new(ErrorKind::Unauthenticated, "sign_in_failed", detail)
}

fn wrong_code() -> ApiError {
    ApiError::invalid("bad_code", "that is not a code of the authenticator, or it was used: wait for the next one")
}

/// Twelve digits, with dashes to read them by.
fn backup_code(rng: &Rng) -> String {
    let digits: String = (0..CODE_DIGITS).map(|_| char::from(DIGITS[rng.below(32) as usize])).collect();
    format!("{}-{}-{}", &digits[..4], &digits[4..8], &digits[8..])
}

/// However it is typed: case, spaces and dashes don't matter.
fn backup_hash(user: UserId, code: &str) -> Vec<u8> {
    let digits: String = code.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
    secret::hash(&format!("backup code {user} {}", digits.to_ascii_uppercase()))
}
