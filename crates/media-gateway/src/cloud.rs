//! Google Cloud as a node uses it: secrets in place of files, asked for again and again, and the key that seals.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use anyhow::Context as _;
use cloud::{CloudConfig, Google, SecretVersion};
use contracts::{ApiError, Clock, Component, ComponentState, Rng, SecretFiles};

use crate::{
    config::{Config, cloud as settings},
    secrets::Sealer,
};

/// What was held against what, for whoever relies on it.
pub const UNVERIFIED: &str = "unverified: tested against a local server of the published shape, not against Google's";
/// How long each answer of Google's may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What of a node's configuration is at Google Cloud.
pub struct GoogleCloud {
    client: Arc<Google>,
    secrets: Vec<(PathBuf, SecretVersion)>,
    held: Arc<RwLock<BTreeMap<PathBuf, Held>>>,
    sealer: Option<Arc<Sealer>>,
    refresh: Duration,
}

/// A secret as it was last good.
struct Held {
    text: String,
    /// Whether no other could be had since; the log says why.
    trouble: bool,
}

impl GoogleCloud {
    /// Fetches every secret that the configuration has there; `None` where it has nothing there.
    ///
    /// # Errors
    /// `cloud_unavailable` when one can't be fetched; or when a name or an address is none.
    pub async fn open(config: &Config, clock: &Clock, rng: &Rng) -> anyhow::Result<Option<Arc<Self>>> {
        let (secrets, key) = (settings::secrets(config)?, settings::key(config)?);
        if secrets.is_empty() && key.is_none() {
            return Ok(None);
        }
        let urls = config.cloud.clone();
        let (metadata_url, kms_url, secrets_url) = (urls.metadata_url, urls.kms_url, urls.secrets_url);
        let settings = CloudConfig { metadata_url, kms_url, secrets_url, timeout: TIMEOUT };
        let client = Arc::new(Google::new(settings, clock.clone(), rng.clone()).context("`cloud`")?);
        let sealer = key.map(|key| Arc::new(Sealer::new(Arc::clone(&client), key, clock.clone())));
        let mut held = BTreeMap::new();
        for (path, version) in &secrets {
            let text = fetched(&client, version).await.map_err(|why| {
                ApiError::unavailable("cloud_unavailable", format!("{} can't be fetched: {why}", version.as_str()))
            })?;
            held.insert(path.clone(), Held { text, trouble: false });
        }
        let (held, refresh) = (Arc::new(RwLock::new(held)), Duration::from_secs(config.cloud.refresh_secs));
        Ok(Some(Arc::new(Self { client, secrets, held, sealer, refresh })))
    }

    /// What opens and seals under the key of the configuration, where it names one.
    pub fn sealer(&self) -> Option<&Arc<Sealer>> {
        self.sealer.as_ref()
    }

    /// Reads what is there from memory, and other files from the disk.
    pub fn files(&self) -> SecretFiles {
        let held = Arc::clone(&self.held);
        SecretFiles::by(move |path: &Path| {
            if settings::secret_at(path).is_none() {
                return std::fs::read_to_string(path);
            }
            let held = held.read().unwrap_or_else(PoisonError::into_inner);
            held.get(path).map(|held| held.text.clone()).ok_or_else(|| io::ErrorKind::NotFound.into())
        })
    }

    /// Asks for every secret again and again, until dropped. Of one that can't be had the last good stands.
    pub async fn keep(&self) {
        loop {
            tokio::time::sleep(self.refresh).await;
            for (path, version) in &self.secrets {
                let answer = fetched(&self.client, version).await;
                let mut all = self.held.write().unwrap_or_else(PoisonError::into_inner);
                let Some(held) = all.get_mut(path) else { continue };
                match answer {
                    Ok(text) => *held = Held { text, trouble: false },
                    Err(why) => {
                        // Said once, until it could be had again.
                        if !std::mem::replace(&mut held.trouble, true) {
                            tracing::warn!(secret = version.as_str(), why, "a secret can't be fetched again");
                        }
                    }
                }
            }
        }
    }

    /// How both services are, where they are used. Anybody may read it: what Google says is in the log only.
    pub fn components(&self) -> Vec<Component> {
        const STALE: &str = "a secret can't be fetched again: the one from before stands; the log says why";
        const SHUT: &str = "a sealed line can't be opened: what is open stays so; the log says why";
        let part = |name: &str, has_trouble: bool, what: &str| match has_trouble {
            true => Component::new(name, ComponentState::Degraded, what),
            false => Component::new(name, ComponentState::Ready, UNVERIFIED),
        };
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let stale = held.values().any(|held| held.trouble);
        let manager = (!held.is_empty()).then(|| part("secret_manager", stale, STALE));
        let keys = self.sealer.as_ref().map(|sealer| part("key_service", sealer.has_trouble(), SHUT));
        manager.into_iter().chain(keys).collect()
    }
}

/// The text of a secret, or why there is none.
async fn fetched(client: &Google, version: &SecretVersion) -> Result<String, String> {
    let bytes = client.access(version).await.map_err(|error| error.to_string())?;
    match String::from_utf8(bytes) {
        Ok(text) if !text.trim().is_empty() => Ok(text),
        Ok(_) => Err("it is empty".to_owned()),
        Err(_) => Err("it is no text".to_owned()),
    }
}
