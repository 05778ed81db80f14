//! Secrets that a key of Google Cloud KMS sealed: opened once, and held in memory.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use cloud::{CryptoKey, Google};
use contracts::Clock;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// What a sealed line begins with; the rest is base64.
pub const MARK: &str = "kms:";
/// How long a running node waits for the key at most, once to open and once to seal.
pub const PATIENCE: Duration = Duration::from_secs(3);
/// How long a line that could not be opened is left alone.
const REST: SignedDuration = SignedDuration::from_secs(30);
/// How long what was opened is held once its line is gone: a file that is being written may lack it for a moment.
const KEPT: SignedDuration = SignedDuration::from_secs(60);

/// What a line is sealed for: it opens for nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// `auth.key` in the data folder: 32 bytes.
    Own,
    /// A line of `auth.secret_file`: a text.
    Given,
}

impl Purpose {
    fn data(self) -> &'static [u8] {
        match self {
            Self::Own => b"media-gateway auth.key",
            Self::Given => b"media-gateway auth.secret_file",
        }
    }
}

/// A line, as it lies in a file.
pub type Line = (Purpose, String);

enum Held {
    /// What it holds, and when it was last there.
    Open {
        plain: Vec<u8>,
        there: Timestamp,
    },
    Shut {
        until: Timestamp,
    },
}

impl Held {
    /// Until when nobody asks about it again.
    fn stays(&self) -> Timestamp {
        match self {
            Self::Open { .. } => Timestamp::MAX,
            Self::Shut { until } => *until,
        }
    }
}

/// The key, and what it opened.
pub struct Sealer {
    google: Arc<Google>,
    key: CryptoKey,
    clock: Clock,
    held: Mutex<BTreeMap<Line, Held>>,
}

impl Sealer {
    /// Over this key.
    pub fn new(google: Arc<Google>, key: CryptoKey, clock: Clock) -> Self {
        Self { google, key, clock, held: Mutex::default() }
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<Line, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hold(&self, line: Line, plain: Vec<u8>) {
        self.held().insert(line, Held::Open { plain, there: self.clock.now() });
    }

    /// Lets go what is not among these lines any more.
    fn let_go(&self, lines: &[Line]) {
        let now = self.clock.now();
        self.held().retain(|line, held| match held {
            Held::Open { there, .. } if lines.contains(line) => {
                *there = now;
                true
            }
            Held::Open { there, .. } => now.duration_since(*there) < KEPT,
            Held::Shut { .. } => lines.contains(line),
        });
    }

    /// What a line holds, if it was opened.
    pub fn opened(&self, line: &Line) -> Option<Vec<u8>> {
        match self.held().get(line)? {
            Held::Open { plain, .. } => Some(plain.clone()),
            Held::Shut { .. } => None,
        }
    }

    /// Opens a line, unless it is open.
    ///
    /// # Errors
    /// When it is no base64, or the key does not open it.
    pub async fn open(&self, line: &Line) -> anyhow::Result<()> {
        if self.opened(line).is_none() {
            let plain = self.decrypted(line).await?;
            self.hold(line.clone(), plain);
        }
        Ok(())
    }

    async fn decrypted(&self, (purpose, text): &Line) -> anyhow::Result<Vec<u8>> {
        let sealed = BASE64_STANDARD.decode(text.strip_prefix(MARK).unwrap_or_default());
        let sealed = sealed.with_context(|| format!("what follows `{MARK}` is no base64"))?;
        Ok(self.google.decrypt(&self.key, purpose.data(), &sealed).await?)
    }

    /// Holds these lines, and others for a minute more. One that can't be opened now is tried again half a minute later.
    pub async fn follow(&self, lines: &[Line]) {
        let end = Instant::now() + PATIENCE;
        self.let_go(lines);
        for line in lines {
            let (now, before) = (self.clock.now(), self.held().get(line).map(Held::stays));
            if before.is_some_and(|until| now < until) {
                continue;
            }
            let why = match tokio::time::timeout_at(end, self.open(line)).await {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => format!("{error:#}"),
                Err(_) => "it takes too long".to_owned(),
            };
            if before.is_none() {
                tracing::warn!(why, "a sealed secret that is new can't be opened yet");
            }
            let until = now.checked_add(REST).unwrap_or(Timestamp::MAX);
            self.held().insert(line.clone(), Held::Shut { until });
        }
    }

    /// Seals `plain` as a line that is open from then on. It is opened again before it counts: who may seal under a key
    /// may not always open.
    ///
    /// # Errors
    /// When the key can't be used for one or the other.
    pub async fn seal(&self, purpose: Purpose, plain: &[u8]) -> anyhow::Result<String> {
        let sealed = self.google.encrypt(&self.key, purpose.data(), plain).await?;
        let line = (purpose, format!("{MARK}{}", BASE64_STANDARD.encode(sealed)));
        let opened = self.decrypted(&line).await.context("what was sealed can't be opened again")?;
        ensure!(opened == plain, "what was sealed opens as something else");
        self.hold(line.clone(), opened);
        Ok(line.1)
    }

    /// Whether a line could not be opened; the log says why.
    pub fn has_trouble(&self) -> bool {
        self.held().values().any(|held| matches!(held, Held::Shut { .. }))
    }
}

#[cfg(test)]
mod tests {
    use cloud::CloudConfig;
    use contracts::Rng;

    use super::*;

    #[tokio::test]
    async fn what_is_open_stays_so_while_its_line_is_gone_for_a_moment() {
        let (server, clock) = (testkit::Google::start(), testkit::clock());
        let [metadata_url, kms_url, secrets_url] = [(); 3].map(|()| server.url().to_owned());
        let config = CloudConfig { metadata_url, kms_url, secrets_url, timeout: Duration::from_secs(5) };
        let google = Arc::new(Google::new(config, clock.clone(), Rng::seeded(1)).unwrap());
        let sealer = Sealer::new(google, CryptoKey::parse(testkit::GOOGLE_KEY).unwrap(), clock.clone());
        let line = (Purpose::Own, sealer.seal(Purpose::Own, &[1; 32]).await.unwrap());
        let (there, none) = (std::slice::from_ref(&line), &[] as &[Line]);
        for (seconds, lines, open) in [(59, none, true), (2, there, true), (59, none, true), (1, none, false)] {
            clock.advance(SignedDuration::from_secs(seconds));
            sealer.follow(lines).await;
            assert_eq!(sealer.opened(&line).is_some(), open, "after {seconds} more with {}", lines.len());
        }
        sealer.follow(there).await;
        assert!(sealer.opened(&line).is_some(), "it is opened anew");
    }
}
