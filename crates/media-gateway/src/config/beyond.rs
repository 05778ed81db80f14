//! Engines beyond this machine are spoken to over TLS only: passwords and what people do go that way.

use anyhow::bail;
use reqwest::Url;
use stores::Transport;

use super::Config;
use crate::peers;

/// Refuses what would go over a network in plain text.
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
    if let Some(url) = &config.redis.url
        && url.starts_with("redis://")
        && url.parse().is_ok_and(|url: Url| !peers::is_here(&url))
    {
        bail!("`redis.url` would go over a network in plain text: write rediss://");
    }
    Ok(())
}
