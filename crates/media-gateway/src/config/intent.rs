//! The language model that reads queries.

use std::{path::PathBuf, time::Duration};

use anyhow::bail;
use contracts::SecretFiles;
use intent::IntentConfig;
use serde::Serialize;

use super::given::Given;

/// The longest that an answer may take: search gives its sources two seconds at most, and the model half of that.
const MAX_TIMEOUT_MS: u64 = 800;

/// A language model that reads queries in place of our own parser, over the OpenAI API. It is sent what people type and
/// nothing else about them; whatever it fails at, our own parser does.
#[derive(Clone, Debug, confique::Config)]
#[config(layer_attr(derive(Clone, Debug, Serialize)), layer_attr(serde(deny_unknown_fields)))]
pub struct Intent {
    /// The API's base address with its version, such as `http://127.0.0.1:11434/v1`. Without it nobody is asked.
    #[config(env = "MEDIA_GATEWAY_INTENT_URL")]
    pub url: Option<String>,
    /// The model's name there.
    #[config(env = "MEDIA_GATEWAY_INTENT_MODEL")]
    pub model: Option<String>,
    /// The key, where one is needed. Better kept in `key_file`.
    #[config(env = "MEDIA_GATEWAY_INTENT_KEY")]
    pub key: Option<String>,
    /// A file with the key.
    #[config(env = "MEDIA_GATEWAY_INTENT_KEY_FILE")]
    pub key_file: Option<PathBuf>,
    /// How long an answer may take before our own parser reads the query: at most 800, and 2/5 of `limits.request_timeout_ms`.
    #[config(env = "MEDIA_GATEWAY_INTENT_TIMEOUT_MS", default = 300)]
    pub timeout_ms: u64,
}

/// Whether the value of this key may not be shown.
pub fn is_secret(key: &str) -> bool {
    key == "intent.key"
}

impl Intent {
    /// What can be said without asking anybody.
    pub fn check(&self, request_timeout_ms: u64) -> anyhow::Result<()> {
        if self.url.is_some() != self.model.is_some() {
            bail!("`intent.url` and `intent.model` belong together: set both, or neither");
        }
        self.given_key().check()?;
        // Search waits for half of what its sources have: a model that hangs has to be given up before, and counted.
        let most = MAX_TIMEOUT_MS.min(request_timeout_ms * 2 / 5);
        if self.url.is_some() && !(50..=most).contains(&self.timeout_ms) {
            bail!(
                "`intent.timeout_ms` must be from 50 to 800 and at most 2/5 of `limits.request_timeout_ms`, so up to {most}, \
                 and is {}",
                self.timeout_ms
            );
        }
        Ok(())
    }

    fn given_key(&self) -> Given<'_> {
        Given { key: "intent.key", value: &self.key, file: &self.key_file }
    }

    /// How to reach the model; `None` where there is none.
    ///
    /// # Errors
    /// When the key file can't be read or is empty.
    pub fn settings(&self, files: &SecretFiles) -> anyhow::Result<Option<IntentConfig>> {
        let (Some(url), Some(model)) = (self.url.clone(), self.model.clone()) else { return Ok(None) };
        let key = self.given_key().secret(files)?;
        if self.key_file.is_some() && key.as_ref().is_some_and(|key| key.now().is_empty()) {
            bail!("`intent.key_file` is empty");
        }
        Ok(Some(IntentConfig { url, model, key, timeout: Duration::from_millis(self.timeout_ms) }))
    }
}
