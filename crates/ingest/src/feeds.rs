//! Sources that the configuration names: read again and again, by jobs.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use contracts::{Clock, Region, Rng, SecretFiles, is_confidential};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use stores::cache::Cache;

use crate::{
    ClientConfig, Format, InputError, Known, Link, LinkConfig, LinkStore, Mapping, PlatformAdapter, RunOptions,
    RunRequest, Secret, Source, Webhook,
    providers::{self, known},
};

/// How long a provider may take for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The provider that can be linked to an account.
const LINKED: &str = "youtube";

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
    /// Units a day for each key, where the operator's plan says otherwise than what is usual there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily_quota: Option<u32>,
    /// A file with the secrets that the source's messages are signed with, one a line (`whsec_…`): it may then push.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_secret_file: Option<PathBuf>,
    /// The channels whose films YouTube gives, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<String>,
    /// How this deployment is known at Google as a desktop app: YouTube may then be linked to an account (`ingest link`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// A file with the secret of that app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret_file: Option<PathBuf>,
    /// Where Google's OAuth endpoints are, when they are reached by another way than their own addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_url: Option<String>,
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
        if self.client_id.is_some() && (name != LINKED || self.key_file.is_none()) {
            let what = format!("only the provider `{LINKED}` is linked to an account: take its `client_id` away");
            return Err(InputError::Feed { name: name.to_owned(), what });
        }
        for (field, address) in [("base_url", &self.base_url), ("link_url", &self.link_url)] {
            let checked = address.as_deref().map_or(Ok(()), confidential);
            checked.map_err(|why| InputError::Feed { name: name.to_owned(), what: format!("`{field}` {why}") })?;
        }
        let pushes = self.webhook_secret_file.is_some();
        if pushes && self.key_file.is_none() && self.mapping_file.is_none() {
            let what = "a source that pushes needs a `mapping_file`, or a provider's `key_file`".to_owned();
            return Err(InputError::Feed { name: name.to_owned(), what });
        }
        match (&self.location, &self.key_file) {
            (Some(location), None) => Source::parse(location).map(|_| ()),
            (None, None) if pushes => Ok(()),
            (None, Some(_)) => known(name).map(|_| ()).ok_or_else(|| unknown(name)),
            _ => {
                let what =
                    "give either a `location`, or a provider's `key_file`, or a `webhook_secret_file`".to_owned();
                Err(InputError::Feed { name: name.to_owned(), what })
            }
        }
    }

    /// The account that the provider of this name may be linked to, made or not; `None` where none was configured.
    ///
    /// # Errors
    /// `Feed` for a secret that can't be read, or an address that is none.
    pub fn link(
        &self,
        name: &str,
        files: &SecretFiles,
        store: LinkStore,
        clock: Clock,
        rng: Rng,
    ) -> Result<Option<Arc<Link>>, InputError> {
        let (Some(client_id), Some(known)) = (&self.client_id, self.known(name)) else { return Ok(None) };
        let fail = |what: String| InputError::Feed { name: name.to_owned(), what };
        let file = self.client_secret_file.as_deref();
        let secret = file.map(|path| filled("client_secret_file", path, files)).transpose().map_err(fail)?;
        let config = LinkConfig::google(client_id, secret, self.link_url.as_deref())
            .map_err(|why| fail(format!("`link_url` is not an address: {why}")))?;
        let link = Link::new(known.name, config, store, clock, rng).map_err(|error| fail(error.detail))?;
        Ok(Some(Arc::new(link)))
    }

    /// The provider of this name, with the keys that its file has at the time; `None` for a file or address. While `link`
    /// is made it is asked with that account.
    ///
    /// # Errors
    /// `Feed` for a key file that can't be read or holds none, or an address that is none.
    pub fn provider(
        &self,
        name: &str,
        files: &SecretFiles,
        cache: Arc<dyn Cache>,
        clock: Clock,
        link: Option<Arc<Link>>,
    ) -> Result<Option<Arc<dyn PlatformAdapter>>, InputError> {
        let Some(path) = &self.key_file else { return Ok(None) };
        let fail = |what: String| InputError::Feed { name: name.to_owned(), what };
        let known = known(name).ok_or_else(|| unknown(name))?;
        let keys = filled("key_file", path, files).map_err(fail)?;
        let base = self.base_url.as_deref().unwrap_or(known.base);
        let base = Url::parse(base).map_err(|error| fail(format!("`base_url` is not an address: {error}")))?;
        let (rotate, daily_quota) = (self.rotate_keys, self.daily_quota);
        let config = ClientConfig { base, keys, rotate, timeout: TIMEOUT, daily_quota, link };
        let adapter = providers::adapter(known, config, &self.channels, cache, clock);
        adapter.map(Some).map_err(|error| fail(error.to_string()))
    }

    /// How its messages are taken in, where it sends some.
    ///
    /// # Errors
    /// `Feed` for a file without good secrets; `Unreadable` or `Mapping` for its mapping.
    pub fn webhook(&self, name: &str, files: &SecretFiles) -> Result<Option<Webhook>, InputError> {
        let Some(path) = &self.webhook_secret_file else { return Ok(None) };
        let fail = |what: String| InputError::Feed { name: name.to_owned(), what };
        let secrets = filled("webhook_secret_file", path, files).map_err(fail)?;
        if secrets.lines().iter().any(|line| Secret::parse(line).is_none()) {
            let what = "its webhook secrets must be `whsec_` and the base64 of 24 to 64 bytes, one a line";
            return Err(fail(what.to_owned()));
        }
        let mapping = self.mapping()?.map(Arc::new);
        Ok(Some(Webhook { secrets, mapping, region: self.region.unwrap_or(Region::US) }))
    }

    /// Reads the files that it names, as whoever starts a node does.
    ///
    /// # Errors
    /// `Feed` for a file of secrets that can't be read or holds none, `Unreadable` or `Mapping` for its mapping.
    pub fn check_files(&self, name: &str, files: &SecretFiles) -> Result<(), InputError> {
        self.webhook(name, files)?;
        self.mapping()?;
        for (field, path) in [("key_file", &self.key_file), ("client_secret_file", &self.client_secret_file)] {
            let Some(path) = path else { continue };
            filled(field, path, files).map_err(|what| InputError::Feed { name: name.to_owned(), what })?;
        }
        Ok(())
    }

    /// Whether a job reads it anew: not one that only pushes.
    pub fn is_read(&self) -> bool {
        self.location.is_some()
    }

    fn mapping(&self) -> Result<Option<Mapping>, InputError> {
        let Some(path) = &self.mapping_file else { return Ok(None) };
        let location = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| InputError::from_io(&location, error))?;
        Mapping::from_toml(&text).map(Some)
    }

    /// The provider that a source of this name is, where it is one.
    pub fn known(&self, name: &str) -> Option<&'static Known> {
        self.key_file.as_ref().and_then(|_| known(name))
    }

    /// What to run.
    ///
    /// # Errors
    /// `Unreadable` or `Mapping` for its mapping.
    pub fn request(&self) -> Result<RunRequest, InputError> {
        let mapping = self.mapping()?;
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

/// Whether keys and tokens may be sent to an address: over TLS, or on this machine. Else why not.
fn confidential(address: &str) -> Result<(), String> {
    let url = Url::parse(address).map_err(|error| format!("is not an address: {error}"))?;
    match is_confidential("https", url.scheme(), url.host_str()) {
        true => Ok(()),
        false => Err("must be `https` beyond this machine: keys and tokens are sent there".to_owned()),
    }
}

/// A file of secrets that holds one at least.
fn filled(field: &str, path: &Path, files: &SecretFiles) -> Result<contracts::Secret, String> {
    let secret = files.live(path, |text| !text.is_empty());
    let secret = secret.map_err(|error| format!("`{field}` {} can't be read: {error}", path.display()))?;
    if secret.lines().is_empty() { Err(format!("its file {} holds nothing", path.display())) } else { Ok(secret) }
}

fn unknown(name: &str) -> InputError {
    let known: Vec<_> = providers::providers().iter().map(|known| known.name).collect();
    let what = format!("no provider is called so; known are {}", known.join(", "));
    InputError::Feed { name: name.to_owned(), what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_over_tls_or_stay_on_this_machine() {
        for (address, good) in [
            ("https://api.example.org/v1", true),
            ("http://127.0.0.1:9", true),
            ("http://[::1]:9", true),
            ("http://localhost:9", true),
            ("http://10.0.0.5/v1", false),
            ("http://localhost.example.org", false),
            ("ftp://127.0.0.1", false),
            ("here", false),
        ] {
            let feed = |base, link| Feed {
                key_file: Some("key".into()),
                client_id: Some("app".to_owned()),
                base_url: base,
                link_url: link,
                ..Feed::default()
            };
            for feed in [feed(Some(address.to_owned()), None), feed(None, Some(address.to_owned()))] {
                assert_eq!(feed.check("youtube").is_ok(), good, "{address}: {:?}", feed.check("youtube"));
            }
        }
    }
}
