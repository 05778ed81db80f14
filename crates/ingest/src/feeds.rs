//! Sources that the configuration names: read again and again, by jobs.

use std::{path::PathBuf, sync::Arc, time::Duration};

use contracts::{Clock, Region};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use stores::cache::Cache;

use crate::{ClientConfig, Format, InputError, Mapping, PlatformAdapter, RunOptions, RunRequest, Source, Tmdb};

/// The providers that we know, and where their APIs are.
const PROVIDERS: &[(&str, &str)] = &[("tmdb", "https://api.themoviedb.org")];
/// How long a provider may take for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A source of the configuration, `[sources.NAME]`, that is read anew every six hours: a file or address, or, where it
/// is called as a provider that we know, that provider with the operator's key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    /// A path on the node's own disk, or an http(s) address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// A file with the keys of a provider, one a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// Whether all keys are used, each for its own quota: a provider's terms may not allow it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rotate_keys: bool,
    /// Where the provider's API is, when it is reached by another way than its own address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The format; found by the content where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// Whose catalogue it is, where the format is one service's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Where its offers hold; the United States where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// A TOML file that says which column is what, for a file of your own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapping_file: Option<PathBuf>,
}

impl Feed {
    /// Holds a feed to what shows before it is read; `name` is what the configuration calls it.
    ///
    /// # Errors
    /// `BadAddress`, or `Mapping` for a name that is none.
    pub fn check(&self, name: &str) -> Result<(), InputError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if name.is_empty() || name.len() > 40 || !name.chars().all(plain) {
            return Err(InputError::FeedName(name.to_owned()));
        }
        match (&self.location, &self.key_file) {
            (Some(location), None) => Source::parse(location).map(|_| ()),
            (None, Some(_)) if PROVIDERS.iter().any(|known| known.0 == name) => Ok(()),
            (None, Some(_)) => Err(InputError::Feed {
                name: name.to_owned(),
                what: format!("no provider is called so; known are {}", known_names()),
            }),
            _ => {
                let what = "give either a `location`, or a provider's `key_file`".to_owned();
                Err(InputError::Feed { name: name.to_owned(), what })
            }
        }
    }

    /// The provider of this name, with the keys of its file; `None` for a file or address.
    ///
    /// # Errors
    /// `Feed` for a key file that can't be read or holds none, or an address that is none.
    pub fn provider(
        &self,
        name: &str,
        cache: Arc<dyn Cache>,
        clock: Clock,
    ) -> Result<Option<Arc<dyn PlatformAdapter>>, InputError> {
        let Some(path) = &self.key_file else { return Ok(None) };
        let fail = |what: String| InputError::Feed { name: name.to_owned(), what };
        let known = PROVIDERS.iter().find(|known| known.0 == name);
        let (_, own_base) =
            known.ok_or_else(|| fail(format!("no provider is called so; known are {}", known_names())))?;
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| fail(format!("its key file {} can't be read: {error}", path.display())))?;
        let keys: Vec<String> = text.lines().map(str::trim).filter(|key| !key.is_empty()).map(str::to_owned).collect();
        if keys.is_empty() {
            return Err(fail(format!("its key file {} holds no key", path.display())));
        }
        let base = self.base_url.as_deref().unwrap_or(own_base);
        let base = Url::parse(base).map_err(|error| fail(format!("`base_url` is not an address: {error}")))?;
        let config = ClientConfig { base, keys, rotate: self.rotate_keys, timeout: TIMEOUT };
        let adapter = Tmdb::new(config, cache, clock).map_err(|error| fail(error.to_string()))?;
        Ok(Some(Arc::new(adapter)))
    }

    /// What to run.
    ///
    /// # Errors
    /// `Unreadable` or `Mapping` for its mapping.
    pub fn request(&self) -> Result<RunRequest, InputError> {
        let mapping = match &self.mapping_file {
            Some(path) => {
                let location = path.display().to_string();
                let text = std::fs::read_to_string(path).map_err(|error| InputError::from_io(&location, error))?;
                Some(Mapping::from_toml(&text)?)
            }
            None => None,
        };
        let options = RunOptions {
            format: self.format,
            platform: self.platform.clone(),
            region: self.region,
            as_of: None,
            mapping,
        };
        Ok(RunRequest { location: self.location.clone().unwrap_or_default(), options })
    }
}

fn known_names() -> String {
    PROVIDERS.iter().map(|known| known.0).collect::<Vec<_>>().join(", ")
}
