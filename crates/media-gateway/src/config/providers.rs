//! Accounts elsewhere that people sign in with.

use std::path::PathBuf;

use anyhow::bail;
use auth::{Provider, ProviderConfig};
use contracts::{SecretFiles, is_confidential};
use reqwest::Url;
use serde::Serialize;

use super::given::Given;

/// Signing in with Google, by OpenID Connect. Register `ISSUER/login/google/callback` there.
#[derive(Clone, Debug, confique::Config)]
#[config(layer_attr(derive(Clone, Debug, Serialize)), layer_attr(serde(deny_unknown_fields)))]
pub struct Google {
    /// The client's id there. Without it nobody signs in with Google.
    #[config(env = "MEDIA_GATEWAY_GOOGLE_CLIENT_ID")]
    pub client_id: Option<String>,
    /// The client's secret there. Better kept in `client_secret_file`.
    #[config(env = "MEDIA_GATEWAY_GOOGLE_CLIENT_SECRET")]
    pub client_secret: Option<String>,
    /// A file with the secret.
    #[config(env = "MEDIA_GATEWAY_GOOGLE_CLIENT_SECRET_FILE")]
    pub client_secret_file: Option<PathBuf>,
    /// The issuer.
    #[config(env = "MEDIA_GATEWAY_GOOGLE_URL", default = "https://accounts.google.com")]
    pub url: String,
}

/// Signing in with GitHub, by OAuth 2.0. Register `ISSUER/login/github/callback` there.
#[derive(Clone, Debug, confique::Config)]
#[config(layer_attr(derive(Clone, Debug, Serialize)), layer_attr(serde(deny_unknown_fields)))]
pub struct GitHub {
    /// The client's id there. Without it nobody signs in with GitHub.
    #[config(env = "MEDIA_GATEWAY_GITHUB_CLIENT_ID")]
    pub client_id: Option<String>,
    /// The client's secret there. Better kept in `client_secret_file`.
    #[config(env = "MEDIA_GATEWAY_GITHUB_CLIENT_SECRET")]
    pub client_secret: Option<String>,
    /// A file with the secret.
    #[config(env = "MEDIA_GATEWAY_GITHUB_CLIENT_SECRET_FILE")]
    pub client_secret_file: Option<PathBuf>,
    /// Where people sign in: another for an enterprise's own.
    #[config(env = "MEDIA_GATEWAY_GITHUB_URL", default = "https://github.com")]
    pub url: String,
    /// Where the API is.
    #[config(env = "MEDIA_GATEWAY_GITHUB_API_URL", default = "https://api.github.com")]
    pub api_url: String,
}

/// Whether the value of this key may not be shown.
pub fn is_secret(key: &str) -> bool {
    ["auth.google.client_secret", "auth.github.client_secret"].contains(&key)
}

/// What both have.
struct Client<'a> {
    name: &'a str,
    id: &'a Option<String>,
    secret: Given<'a>,
    urls: Vec<&'a String>,
}

impl Client<'_> {
    fn check(&self) -> anyhow::Result<()> {
        let name = self.name;
        self.secret.check()?;
        if self.id.is_some() != self.secret.is_some() {
            bail!("`{name}.client_id` and its secret belong together: set both, or neither");
        }
        let secure = |url: &Url| is_confidential("https", url.scheme(), url.host_str());
        // Not shown: a password may stand before the host.
        if !self.urls.iter().all(|url| Url::parse(url).is_ok_and(|url| secure(&url))) {
            bail!("`{name}` is at an address that is neither https nor on this machine");
        }
        Ok(())
    }

    fn settings(&self, provider: Provider, files: &SecretFiles) -> anyhow::Result<Option<ProviderConfig>> {
        let Some(client_id) = self.id.clone() else { return Ok(None) };
        let client_secret = self.secret.secret(files)?.unwrap_or_else(|| "".into());
        let url =
            |index: usize| self.urls.get(index).map_or_else(String::new, |url| url.trim_end_matches('/').to_owned());
        Ok(Some(ProviderConfig { provider, client_id, client_secret, url: url(0), api_url: url(1) }))
    }
}

impl Google {
    fn client(&self) -> Client<'_> {
        let Self { client_id, client_secret, client_secret_file, url } = self;
        let secret = Given { key: "auth.google.client_secret", value: client_secret, file: client_secret_file };
        Client { name: "auth.google", id: client_id, secret, urls: vec![url] }
    }

    /// What can be said without asking anybody.
    pub fn check(&self) -> anyhow::Result<()> {
        self.client().check()
    }

    /// How we are known to Google; `None` where we are not.
    ///
    /// # Errors
    /// When the secret's file can't be read.
    pub fn settings(&self, files: &SecretFiles) -> anyhow::Result<Option<ProviderConfig>> {
        self.client().settings(Provider::Google, files)
    }
}

impl GitHub {
    fn client(&self) -> Client<'_> {
        let Self { client_id, client_secret, client_secret_file, url, api_url } = self;
        let secret = Given { key: "auth.github.client_secret", value: client_secret, file: client_secret_file };
        Client { name: "auth.github", id: client_id, secret, urls: vec![url, api_url] }
    }

    /// What can be said without asking anybody.
    pub fn check(&self) -> anyhow::Result<()> {
        self.client().check()
    }

    /// How we are known to GitHub; `None` where we are not.
    ///
    /// # Errors
    /// When the secret's file can't be read.
    pub fn settings(&self, files: &SecretFiles) -> anyhow::Result<Option<ProviderConfig>> {
        self.client().settings(Provider::GitHub, files)
    }
}
