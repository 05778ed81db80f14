//! Google Cloud over plain REST: a key of its Key Management Service seals and opens, its Secret Manager gives secrets.
//! Who asks is the service account that the metadata server gives tokens of, so that no credentials lie about.
//!
//! Tested against a local server of the published shape, never against Google's.

mod ask;
mod checksum;
mod error;
mod kms;
mod manager;
mod names;
mod token;

use std::time::Duration;

use contracts::{Clock, Rng};
use reqwest::{Client, Url, redirect::Policy};
use tokio::sync::Mutex;

pub use error::CloudError;
pub use names::{CryptoKey, SecretVersion};

use token::Token;

/// Where Google's services are.
#[derive(Clone, Debug)]
pub struct CloudConfig {
    /// The metadata server, which gives tokens: `http://metadata.google.internal`.
    pub metadata_url: String,
    /// Cloud KMS: `https://cloudkms.googleapis.com`.
    pub kms_url: String,
    /// Secret Manager: `https://secretmanager.googleapis.com`.
    pub secrets_url: String,
    /// How long each answer may take, the connection included. One is asked for three times at most.
    pub timeout: Duration,
}

/// The client. It keeps its connections, and its token until a minute before that ends.
pub struct Google {
    apis: Client,
    /// Never through a proxy: what answers there says who we are.
    metadata: Client,
    config: CloudConfig,
    token: Mutex<Option<Token>>,
    clock: Clock,
    rng: Rng,
}

impl Google {
    /// A client of the services at `config`; nothing is sent yet.
    ///
    /// # Errors
    /// `Client` when an address is none, or no HTTP client can be made.
    pub fn new(config: CloudConfig, clock: Clock, rng: Rng) -> Result<Self, CloudError> {
        for url in [&config.metadata_url, &config.kms_url, &config.secrets_url] {
            Url::parse(url).map_err(|error| CloudError::Client(format!("{url:?} is no address: {error}")))?;
        }
        let builder = || Client::builder().timeout(config.timeout).redirect(Policy::none());
        let failed = |error: reqwest::Error| CloudError::Client(error.without_url().to_string());
        let (apis, metadata) = (builder().build().map_err(failed)?, builder().no_proxy().build().map_err(failed)?);
        Ok(Self { apis, metadata, config, token: Mutex::new(None), clock, rng })
    }
}
