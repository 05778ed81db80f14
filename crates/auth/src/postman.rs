//! Writes the mail that was asked for and hands it over: a few at a time, again after a while where that fails, and not for
//! ever.

use std::{sync::Arc, time::Duration};

use contracts::{ApiError, Mail, MailError, Mailer};
use futures::{StreamExt, stream};
use jiff::SignedDuration;

use crate::{
    Auth,
    grants::later,
    mail::{Kind, PAUSE},
    store::{
        mail::{self, Line},
        people,
    },
};

/// How often it looks.
const LOOK: Duration = Duration::from_secs(1);
/// How many it takes at a time, and hands over at once.
const BATCH: u32 = 50;
const AT_ONCE: usize = 4;
/// How long after a try comes the next; longer than any mailer takes.
const RETRIES: [SignedDuration; 5] = [
    SignedDuration::from_mins(2),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(15),
    SignedDuration::from_hours(1),
    SignedDuration::from_hours(4),
];
/// How often what is over is forgotten, and how much of it at a time.
const SWEEPS: SignedDuration = SignedDuration::from_mins(1);
const SWEEP: i64 = 5_000;

/// The worker.
pub struct Postman {
    auth: Arc<Auth>,
    mailer: Arc<dyn Mailer>,
}

impl Postman {
    /// Hands the mail of `auth` to `mailer`.
    pub fn new(auth: Arc<Auth>, mailer: Arc<dyn Mailer>) -> Self {
        Self { auth, mailer }
    }

    /// Works until dropped. What it was doing then is done again.
    pub async fn run(self) {
        let mut swept = None;
        loop {
            let now = self.auth.clock.now();
            if swept.is_none_or(|at| now.duration_since(at) >= SWEEPS) {
                swept = Some(now);
                let old = now.checked_sub(PAUSE).unwrap_or(now);
                if let Err(error) = mail::sweep(&self.auth.db, now, old, SWEEP).await {
                    tracing::warn!(%error, "old mail can't be forgotten");
                }
            }
            if let Err(error) = self.step().await {
                tracing::warn!(%error, "the mail that is due can't be read");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Looks once, and tries what is due.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn step(&self) -> Result<(), ApiError> {
        let due = mail::due(&self.auth.db, self.auth.clock.now(), BATCH).await?;
        let tries =
            stream::iter(due).map(|line: Line| async move { self.deliver(&line).await }).buffer_unordered(AT_ONCE);
        let results: Vec<Result<(), ApiError>> = tries.collect().await;
        results.into_iter().collect()
    }

    async fn deliver(&self, line: &Line) -> Result<(), ApiError> {
        let auth = &self.auth;
        let tried = line.attempts as usize;
        let pause = RETRIES.get(tried).or(RETRIES.last()).copied().unwrap_or(PAUSE);
        if !mail::take(&auth.db, line, later(auth.clock.now(), pause)).await? {
            return Ok(());
        }
        let kind = line.kind.as_str();
        if let Some(mail) = auth.write_mail(line).await? {
            match self.mailer.send(&mail).await {
                Ok(()) => {}
                Err(MailError::Later(why)) if tried < RETRIES.len() => {
                    tracing::info!(kind, why, "a mail was not sent; there will be another try");
                    return Ok(());
                }
                Err(error) => tracing::warn!(kind, %error, "a mail was given up"),
            }
        }
        Ok(mail::done(&auth.db, line, auth.clock.now()).await?)
    }
}

impl Auth {
    /// The mail of a line; `None` where there is nobody to write to, or nothing to say any more.
    async fn write_mail(&self, line: &Line) -> Result<Option<Mail>, ApiError> {
        let user = people::by_blind(&self.db, &line.email_blind).await?.filter(|user| user.disabled_at.is_none());
        let (Some(user), Some(kind)) = (user, Kind::of(&line.kind)) else { return Ok(None) };
        let Some(to) = self.email(&user)? else { return Ok(None) };
        if kind == Kind::Verify && user.email_verified_at.is_some() {
            return Ok(None);
        }
        let kind = match kind {
            // Who lost the first mail signs up again. To be told to sign in, which takes a confirmed address, would lead nowhere.
            Kind::Known if self.config.confirm_first && user.email_verified_at.is_none() => Kind::Verify,
            kind => kind,
        };
        let due = if kind == Kind::Erasing { self.erased_from(user.id).await? } else { None };
        if kind == Kind::Erasing && due.is_none() {
            return Ok(None);
        }
        let code = self.mail_code(kind, user.id).await?;
        let day = due.map(|due| due.strftime("%Y-%m-%d").to_string()).unwrap_or_default();
        let (subject, text) = words(kind, &self.config.issuer, &code, &day);
        let (id, at) = (self.ids.next(), self.clock.now());
        Ok(Some(Mail { id, at, to, subject: subject.to_owned(), text }))
    }
}

/// Subject and text; `day` is when an account is erased.
fn words(kind: Kind, issuer: &str, code: &str, day: &str) -> (&'static str, String) {
    match kind {
        Kind::Verify => (
            "Is this your address?",
            format!(
                "Somebody opened an account at {issuer} with this address.\n\n\
                 If that was you, confirm within a day that the address is yours:\n\n{issuer}/verify?code={code}\n\n\
                 If it was not, there is nothing to do.\n"
            ),
        ),
        Kind::Reset => (
            "Choose a new password",
            format!(
                "Somebody asked for a new password for your account at {issuer}.\n\n\
                 If that was you, choose one within half an hour:\n\n{issuer}/reset?code={code}\n\n\
                 If it was not, there is nothing to do: your password stays as it is.\n"
            ),
        ),
        Kind::Changed => (
            "Your password was changed",
            format!(
                "The password of your account at {issuer} was changed, and you were signed out everywhere.\n\n\
                 If that was not you, choose another at once:\n\n{issuer}/forgot\n"
            ),
        ),
        Kind::Known => (
            "You have an account already",
            format!(
                "Somebody wanted to open an account at {issuer} with this address, which has one already.\n\n\
                 If that was you, sign in:\n\n{issuer}/login\n\nor choose a new password:\n\n{issuer}/forgot\n\n\
                 If it was not, there is nothing to do: your account stays as it is.\n"
            ),
        ),
        Kind::Erasing => (
            "Your account will be erased",
            format!(
                "Somebody asked for your account at {issuer} to be erased with everything that is kept of you. That \
                 happens on {day}.\n\nIf that was you, there is nothing to do.\n\n\
                 If it was not, or you have changed your mind, sign in and keep it:\n\n{issuer}/account\n"
            ),
        ),
        Kind::Copied => (
            "A passkey of yours may have been copied",
            format!(
                "A passkey of your account at {issuer} was used in a way that looks as if somebody had a copy of it. \
                 It signs nobody in any more, and you may have been signed out.\n\n\
                 Sign in another way, give it up, and add it anew if it is yours:\n\n{issuer}/account\n\n\
                 If there is no other way, choose a password:\n\n{issuer}/forgot\n"
            ),
        ),
    }
}
