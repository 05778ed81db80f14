//! The files of secrets and certificates that a configuration names, and what is used with them.

use std::path::Path;

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
    if let Some((_, damaged)) = secrets::unreadable(config, files) {
        anyhow::bail!(damaged.found);
    }
    peers::check_plaintext(config)?;
    peers::tls(config)?;
    backends::redis(config, clock, files)?;
    wrong(config, running).into_iter().next().map_or(Ok(()), |(_, error)| Err(error))
}

/// What is wrong with those that `doctor` has no other check of: whose each is, as `doctor` calls it, and why a start
/// stops there.
pub fn wrong(config: &Config, means: &Means) -> Vec<(String, anyhow::Error)> {
    let Means { clock, files, .. } = means;
    let mut read = vec![
        ("peer token".to_owned(), peers::token(config, files).map(drop)),
        ("signing in with Google".to_owned(), config.auth.google.settings(files).map(drop)),
        ("signing in with GitHub".to_owned(), config.auth.github.settings(files).map(drop)),
        ("mail".to_owned(), backends::mailer(config, Path::new(""), files).map(drop)),
    ];
    if config.roles().contains(&Role::Search) {
        read.push(("language model".to_owned(), backends::intents(config, clock, files).map(drop)));
    }
    if config.roles().contains(&Role::Ingest) {
        for (name, feed) in &config.sources {
            let kind = if feed.known(name).is_some() { "provider" } else { "source" };
            read.push((format!("{kind} {name}"), feed.check_files(name, files).map_err(anyhow::Error::from)));
        }
    }
    read.into_iter().filter_map(|(whose, read)| Some((whose, read.err()?))).collect()
}
