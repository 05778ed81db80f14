//! The language model that reads queries.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, bail};
use intent::IntentConfig;
use serde::Serialize;

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
    /// How long an answer may take before our own parser reads the query.
    #[config(env = "MEDIA_GATEWAY_INTENT_TIMEOUT_MS", default = 300)]
    pub timeout_ms: u64,
}

/// Whether the value of this key may not be shown.
pub fn is_secret(key: &str) -> bool {
    key == "intent.key"
}

impl Intent {
    /// What can be said without asking anybody.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.url.is_some() != self.model.is_some() {
            bail!("`intent.url` and `intent.model` belong together: set both, or neither");
        }
        if self.key.is_some() && self.key_file.is_some() {
            bail!("`intent.key` and `intent.key_file` are given: leave one out");
        }
        if !(50..=5_000).contains(&self.timeout_ms) {
            bail!("`intent.timeout_ms` must be from 50 to 5000, and is {}", self.timeout_ms);
        }
        Ok(())
    }

    /// How to reach the model; `None` where there is none.
    ///
    /// # Errors
    /// When the key file can't be read or is empty.
    pub fn settings(&self) -> anyhow::Result<Option<IntentConfig>> {
        let (Some(url), Some(model)) = (self.url.clone(), self.model.clone()) else { return Ok(None) };
        let key = match &self.key_file {
            None => self.key.clone(),
            Some(path) => {
                let text = std::fs::read_to_string(path);
                let text = text.with_context(|| format!("`intent.key_file` {} can't be read", path.display()))?;
                Some(text.trim().to_owned()).filter(|key| !key.is_empty()).context("`intent.key_file` is empty")?.into()
            }
        };
        Ok(Some(IntentConfig { url, model, key, timeout: Duration::from_millis(self.timeout_ms) }))
    }
}
