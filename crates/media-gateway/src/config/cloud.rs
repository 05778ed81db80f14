//! Google Cloud: where it is, and what of the configuration is there.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use cloud::{CryptoKey, SecretVersion};
use contracts::is_confidential;
use reqwest::Url;
use serde::Serialize;

use super::Config;

/// What a secret's name begins with that is in Secret Manager, where else the path of its file is.
const SCHEME: &str = "gcp-secret:";
/// Where the metadata server is, in plain text as Google has it: within the machine, though not by its own numbers.
const METADATA: [&str; 2] = ["metadata.google.internal", "169.254.169.254"];

/// Google Cloud, where `auth.kms_key` or a `gcp-secret:` uses it, as the service account that the node runs as. Tested
/// against a local server of the published shape, not against Google's.
#[derive(Clone, Debug, confique::Config)]
#[config(layer_attr(derive(Clone, Debug, Serialize)), layer_attr(serde(deny_unknown_fields)))]
pub struct Cloud {
    /// The metadata server, which gives the account's tokens.
    #[config(env = "MEDIA_GATEWAY_CLOUD_METADATA_URL", default = "http://metadata.google.internal")]
    pub metadata_url: String,
    /// Cloud KMS.
    #[config(env = "MEDIA_GATEWAY_CLOUD_KMS_URL", default = "https://cloudkms.googleapis.com")]
    pub kms_url: String,
    /// Secret Manager.
    #[config(env = "MEDIA_GATEWAY_CLOUD_SECRETS_URL", default = "https://secretmanager.googleapis.com")]
    pub secrets_url: String,
    /// After how many seconds a secret of Secret Manager is asked for again.
    #[config(env = "MEDIA_GATEWAY_CLOUD_REFRESH_SECS", default = 60)]
    pub refresh_secs: u64,
}

/// What an option names in place of a file, where it names a secret of Secret Manager.
pub fn secret_at(path: &Path) -> Option<&str> {
    path.to_str()?.strip_prefix(SCHEME)
}

/// What can be said without asking anybody.
pub(super) fn check(config: &Config) -> anyhow::Result<()> {
    let cloud = &config.cloud;
    ensure!((1..=3_600).contains(&cloud.refresh_secs), "`cloud.refresh_secs` must be from 1 to 3600");
    let services = [("kms_url", &cloud.kms_url), ("secrets_url", &cloud.secrets_url)];
    for (key, url) in services.into_iter().chain([("metadata_url", &cloud.metadata_url)]) {
        let url = Url::parse(url).with_context(|| format!("`cloud.{key}` is no address"))?;
        let local = key == "metadata_url" && url.host_str().is_some_and(|host| METADATA.contains(&host));
        let good = local || is_confidential("https", url.scheme(), url.host_str());
        ensure!(good, "`cloud.{key}` would go over a network in plain text: write https://");
    }
    secrets(config)?;
    if key(config)?.is_some() && config.peers.token_file.is_some() && config.auth.secret_file.is_none() {
        bail!(
            "`auth.kms_key` seals what keys come of, and here they come of `peers.token_file`, in plain: give an \
             `auth.secret_file` with a line of `media-gateway auth keys seal`"
        );
    }
    Ok(())
}

/// The key of Cloud KMS that the deployment's secrets are sealed under, where there is one.
///
/// # Errors
/// When its name is none.
pub fn key(config: &Config) -> anyhow::Result<Option<CryptoKey>> {
    config.auth.kms_key.as_deref().map(CryptoKey::parse).transpose().context("`auth.kms_key`")
}

/// The secrets of Secret Manager that options name, by what the option holds.
///
/// # Errors
/// When the name of one is none.
pub fn secrets(config: &Config) -> anyhow::Result<Vec<(PathBuf, SecretVersion)>> {
    let mut all = Vec::new();
    for (option, path) in files(config) {
        let Some(name) = secret_at(path) else { continue };
        let version = SecretVersion::parse(name).with_context(|| format!("`{option}`"))?;
        if !all.iter().any(|(known, _)| known == path) {
            all.push((path.clone(), version));
        }
    }
    Ok(all)
}

/// Every option that names a secret's file, where it is given. Certificates and their keys change together, and stay files;
/// so does the database's password, which we change ourselves.
fn files(config: &Config) -> Vec<(String, &PathBuf)> {
    let named = [
        ("mail.smtp_password_file", &config.mail.smtp_password_file),
        ("auth.google.client_secret_file", &config.auth.google.client_secret_file),
        ("auth.github.client_secret_file", &config.auth.github.client_secret_file),
        ("auth.secret_file", &config.auth.secret_file),
        ("intent.key_file", &config.intent.key_file),
        ("peers.token_file", &config.peers.token_file),
        ("redis.password_file", &config.redis.password_file),
    ];
    let sources = config.sources.iter().flat_map(|(name, feed)| {
        let fields = [
            ("key_file", &feed.key_file),
            ("client_secret_file", &feed.client_secret_file),
            ("webhook_secret_file", &feed.webhook_secret_file),
        ];
        fields.map(|(field, path)| (format!("sources.{name}.{field}"), path))
    });
    let all = named.into_iter().map(|(option, path)| (option.to_owned(), path)).chain(sources);
    all.filter_map(|(option, path)| Some((option, path.as_ref()?))).collect()
}
