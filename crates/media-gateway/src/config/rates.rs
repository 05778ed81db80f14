//! Who may ask how much, and where it is counted.

use std::path::PathBuf;

use contracts::{Secret, SecretFiles};
use serde::Serialize;

use super::given::Given;

/// Valkey or Redis: the cache and the rate limits of several processes. Without it each process has its own.
#[derive(Clone, Debug, confique::Config)]
#[config(layer_attr(derive(Clone, Debug, Serialize)), layer_attr(serde(deny_unknown_fields)))]
pub struct Redis {
    /// `redis://…` on this machine, or `rediss://…` over TLS.
    #[config(env = "MEDIA_GATEWAY_REDIS_URL")]
    pub url: Option<String>,
    /// A file with the password, in place of one in the address. Another counts from the next connection on.
    #[config(env = "MEDIA_GATEWAY_REDIS_PASSWORD_FILE")]
    pub password_file: Option<PathBuf>,
    /// The authorities that the server's certificate may be of, as PEM; those that the system believes where absent.
    #[config(env = "MEDIA_GATEWAY_REDIS_AUTHORITIES_FILE")]
    pub authorities_file: Option<PathBuf>,
    /// What every key begins with, so that several deployments can share a server.
    #[config(env = "MEDIA_GATEWAY_REDIS_PREFIX", default = "media-gateway:")]
    pub prefix: String,
}

impl Redis {
    /// The password of its file, where there is one.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn password(&self, files: &SecretFiles) -> anyhow::Result<Option<Secret>> {
        Given { key: "redis.password", value: &None, file: &self.password_file }.secret(files)
    }
}

/// Who may ask how much, on the gateway's port. Read again on SIGHUP and by `POST /api/v1/admin/reload`.
#[derive(Clone, Debug, confique::Config)]
#[config(layer_attr(derive(Clone, Debug, Serialize)), layer_attr(serde(deny_unknown_fields)))]
pub struct RateLimits {
    /// Whether requests are counted at all.
    #[config(env = "MEDIA_GATEWAY_RATE_LIMITS_ENABLED", default = true)]
    pub enabled: bool,
    /// An address without credentials: requests a second, at once, a minute, an hour.
    #[config(env = "MEDIA_GATEWAY_RATE_LIMITS_ANONYMOUS", parse_env = confique::env::parse::list_by_comma, default = [5, 10, 100, 1000])]
    pub anonymous: Vec<u32>,
    /// Somebody with an account.
    #[config(env = "MEDIA_GATEWAY_RATE_LIMITS_FREE", parse_env = confique::env::parse::list_by_comma, default = [10, 20, 200, 2000])]
    pub free: Vec<u32>,
    /// Somebody who pays.
    #[config(env = "MEDIA_GATEWAY_RATE_LIMITS_PRO", parse_env = confique::env::parse::list_by_comma, default = [50, 100, 1000, 10000])]
    pub pro: Vec<u32>,
    /// A member of an organisation.
    #[config(env = "MEDIA_GATEWAY_RATE_LIMITS_ENTERPRISE", parse_env = confique::env::parse::list_by_comma, default = [200, 500, 5000, 50000])]
    pub enterprise: Vec<u32>,
    /// An address without credentials, whatever `anonymous` allows.
    #[config(env = "MEDIA_GATEWAY_RATE_LIMITS_EDGE_PER_MINUTE", default = 1000)]
    pub edge_per_minute: u32,
    /// Somebody's API key.
    #[config(env = "MEDIA_GATEWAY_RATE_LIMITS_USER_KEY_PER_15_MINUTES", default = 1000)]
    pub user_key_per_15_minutes: u32,
    /// A program's API key.
    #[config(env = "MEDIA_GATEWAY_RATE_LIMITS_SERVICE_KEY_PER_15_MINUTES", default = 10000)]
    pub service_key_per_15_minutes: u32,
    /// Networks that may ask without limit and without credentials. Default: loopback in the embedded profile, whose
    /// user sits at the machine; nobody in production.
    #[config(env = "MEDIA_GATEWAY_RATE_LIMITS_EXEMPT", parse_env = confique::env::parse::list_by_comma)]
    pub exempt: Option<Vec<String>>,
    /// Networks of the proxies before the gateway: only their `X-Forwarded-For` is believed.
    #[config(env = "MEDIA_GATEWAY_TRUSTED_PROXIES", parse_env = confique::env::parse::list_by_comma, default = [])]
    pub trusted_proxies: Vec<String>,
    /// The share of a quota that one process gives by itself while Redis does not answer.
    #[config(env = "MEDIA_GATEWAY_RATE_LIMITS_FALLBACK_SHARE", default = 0.5)]
    pub fallback_share: f64,
    /// How many addresses, people and keys one process remembers.
    #[config(env = "MEDIA_GATEWAY_RATE_LIMITS_MAX_KEYS", default = 100000)]
    pub max_keys: usize,
}
