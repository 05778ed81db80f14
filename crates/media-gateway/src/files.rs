//! The files of secrets and certificates that a configuration names.

use contracts::Clock;

use crate::{backends, config::Config, peers, roles::Role, secrets};

/// Reads each as a start does and keeps nothing of it, so that a configuration which no node could start with is refused
/// while the one before it holds.
///
/// # Errors
/// Names the first that can't be read or doesn't hold what it should, or what would go over a network in plain text.
pub fn check(config: &Config, clock: &Clock) -> anyhow::Result<()> {
    if let Some((_, damaged)) = secrets::unreadable(config) {
        anyhow::bail!(damaged.found);
    }
    peers::check_plaintext(config)?;
    peers::token(config)?;
    peers::tls(config)?;
    config.auth.google.settings()?;
    config.auth.github.settings()?;
    config.mail.smtp()?;
    backends::redis(config, clock)?;
    if config.roles().contains(&Role::Search) {
        backends::intents(config, clock)?;
    }
    if config.roles().contains(&Role::Ingest) {
        for (name, feed) in &config.sources {
            feed.check_files(name)?;
        }
    }
    Ok(())
}
