//! The files of secrets and certificates that a configuration names.

use anyhow::{Context as _, ensure};

use crate::{
    backends,
    config::{Config, cloud},
    peers,
    roles::Role,
    secrets,
    services::Means,
};

/// Reads each as a start does, what is elsewhere as the node has it, and keeps nothing of it, so that a configuration
/// which no node could start with is refused while the one before it holds.
///
/// # Errors
/// Names the first that can't be read or doesn't hold what it should, or what would go over a network in plain text.
pub fn check(config: &Config, running: &Means) -> anyhow::Result<()> {
    let Means { clock, files, .. } = running;
    for (path, _) in cloud::secrets(config)? {
        let known = files.read(&path).is_ok();
        ensure!(known, "{} is fetched at a start only: restart the node, which asks for it then", path.display());
    }
    if let Some(file) = backends::password_file(config) {
        file.read().with_context(|| format!("`database.password_file`: can't read {}", file.path().display()))?;
    }
    if let Some((_, damaged)) = secrets::unreadable(config) {
        anyhow::bail!(damaged.found);
    }
    peers::check_plaintext(config)?;
    peers::token(config, files)?;
    peers::tls(config)?;
    config.auth.google.settings(files)?;
    config.auth.github.settings(files)?;
    config.mail.smtp(files)?;
    backends::redis(config, clock, files)?;
    if config.roles().contains(&Role::Search) {
        backends::intents(config, clock, files)?;
    }
    if config.roles().contains(&Role::Ingest) {
        for (name, feed) in &config.sources {
            feed.check_files(name, files)?;
        }
    }
    Ok(())
}
