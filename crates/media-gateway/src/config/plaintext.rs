//! Nothing goes over a network in plain text: passwords, keys, and what people do and ask for.

use anyhow::{bail, ensure};
use contracts::is_confidential;
use reqwest::Url;
use stores::Transport;

use super::Config;

/// Refuses what would. Providers are looked at with their feeds ([`ingest::Feed::check`]), roles among each other where they
/// meet ([`crate::peers::check_plaintext`]).
///
/// # Errors
/// Names the setting, and what to write.
pub(super) fn check(config: &Config) -> anyhow::Result<()> {
    if let Some(url) = &config.database.url
        && Transport::of(url).is_ok_and(|transport| transport == Transport::Plain)
    {
        bail!(
            "`database.url` would go over a network in plain text: add `?sslmode=verify-full`, and \
             `&sslrootcert=FILE` where the system does not believe the server's authority"
        );
    }
    encrypted("redis.url", config.redis.url.as_deref(), "rediss")?;
    encrypted("intent.url", config.intent.url.as_deref(), "https")
}

/// An address with this scheme, or a plain one of this machine. What is no address is for others to refuse.
fn encrypted(setting: &str, url: Option<&str>, scheme: &str) -> anyhow::Result<()> {
    let Some(url) = url.and_then(|url| url.parse::<Url>().ok()) else { return Ok(()) };
    let good = is_confidential(scheme, url.scheme(), url.host_str());
    ensure!(good, "`{setting}` would go over a network in plain text: write {scheme}://");
    Ok(())
}
