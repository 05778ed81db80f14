//! Passwords: Argon2id on a pool of its own, so that signing in never starves what else the process does.

use std::{sync::Arc, time::Duration};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use contracts::{ApiError, ErrorKind, Rng};
use tokio::sync::Semaphore;

use crate::secret;

/// OWASP's first choice for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
/// How many are hashed at once, and how many may wait.
const AT_ONCE: usize = 2;
const WAITING: usize = 64;
/// The shortest and longest password, in characters.
const LENGTH: std::ops::RangeInclusive<usize> = 12..=256;

/// The pool.
#[derive(Clone)]
pub(crate) struct Passwords {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    rng: Rng,
}

impl Passwords {
    pub(crate) fn new(rng: Rng) -> Self {
        Self { running: Arc::new(Semaphore::new(AT_ONCE)), waiting: Arc::new(Semaphore::new(WAITING)), rng }
    }

    /// What is kept of a password: the PHC string.
    pub(crate) async fn hash(&self, password: &str) -> Result<String, ApiError> {
        check(password)?;
        let (password, salt) = (password.to_owned(), self.rng.bytes::<16>());
        self.run(move || Ok(phc(&salt, &derive(&password, &salt)?))).await
    }

    /// Whether the password is the one. Without a hash it takes as long and says no.
    pub(crate) async fn verify(&self, password: &str, kept: Option<&str>) -> Result<bool, ApiError> {
        let (password, kept) = (password.to_owned(), kept.and_then(read));
        self.run(move || {
            let (salt, expected) = kept.unwrap_or(([0; 16], [0; 32]));
            // A longer one is never right, and its hash would be a cheap way to keep us busy.
            let password = if password.len() > 4 * LENGTH.end() { String::new() } else { password };
            Ok(secret::same(&derive(&password, &salt)?, &expected) && kept.is_some())
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let _place = self.waiting.clone().try_acquire_owned().map_err(|_| busy())?;
        let _turn = self.running.clone().acquire_owned().await.map_err(|_| busy())?;
        tokio::task::spawn_blocking(work).await.map_err(|_| ApiError::internal("a password could not be hashed"))?
    }
}

/// Too many sign in. Not `Unavailable`: a gateway that hears that often asks this role for nothing any more.
pub(crate) fn busy() -> ApiError {
    let detail = "too many people sign in at once; try again";
    ApiError::new(ErrorKind::TooManyRequests, "signing_in_is_busy", detail).retry_after(Duration::from_secs(1))
}

/// Whether a password is long enough; nothing else makes one better (NIST SP 800-63B).
pub(crate) fn check(password: &str) -> Result<(), ApiError> {
    if LENGTH.contains(&password.chars().count()) {
        return Ok(());
    }
    let detail = format!("a password has {} to {} characters", LENGTH.start(), LENGTH.end());
    Err(ApiError::invalid("bad_password", detail.clone()).field("password", detail))
}

fn derive(password: &str, salt: &[u8; 16]) -> Result<[u8; 32], ApiError> {
    let failed = |_| ApiError::internal("a password could not be hashed");
    let params = Params::new(MEMORY_KIB, PASSES, 1, Some(32)).map_err(failed)?;
    let mut out = [0; 32];
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon.hash_password_into(password.as_bytes(), salt, &mut out).map_err(failed)?;
    Ok(out)
}

fn phc(salt: &[u8; 16], hash: &[u8; 32]) -> String {
    let (salt, hash) = (BASE64_STANDARD_NO_PAD.encode(salt), BASE64_STANDARD_NO_PAD.encode(hash));
    format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p=1${salt}${hash}")
}

fn read(kept: &str) -> Option<([u8; 16], [u8; 32])> {
    let mut parts = kept.strip_prefix(&format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p=1$"))?.split('$');
    let salt = BASE64_STANDARD_NO_PAD.decode(parts.next()?).ok()?.try_into().ok()?;
    let hash = BASE64_STANDARD_NO_PAD.decode(parts.next()?).ok()?.try_into().ok()?;
    Some((salt, hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_its_own_only() {
        let pool = Passwords::new(Rng::seeded(1));
        let kept = pool.hash("correct horse battery").await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && !kept.contains("horse"));
        assert!(pool.verify("correct horse battery", Some(&kept)).await.unwrap());
        assert!(!pool.verify("correct horse batterx", Some(&kept)).await.unwrap());
        assert!(!pool.verify("", None).await.unwrap());
        assert_ne!(pool.hash("correct horse battery").await.unwrap(), kept, "each has its own salt");
        assert_eq!(pool.hash("short").await.unwrap_err().code, "bad_password");
    }

    #[tokio::test]
    async fn who_finds_the_pool_full_is_told_at_once() {
        let pool = Passwords::new(Rng::seeded(1));
        let all = (0..WAITING + 3).map(|_| pool.verify("correct horse battery", None));
        let all = futures::future::join_all(all).await;
        let expected = (ErrorKind::TooManyRequests, Some(Duration::from_secs(1)));
        let told = |error: &ApiError| (error.kind, error.retry_after) == expected;
        let busy = all.iter().filter(|one| one.as_ref().is_err_and(told));
        assert_eq!((busy.count(), all.iter().filter(|one| one.is_ok()).count()), (3, WAITING));
    }
}
