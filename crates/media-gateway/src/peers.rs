//! Local or remote? The only place that asks.

use std::sync::Arc;

use anyhow::Context as _;
use catalog::Catalog;
use contracts::{CatalogApi, SearchApi};
use rpc::{CatalogClient, ClientConfig, SearchClient};
use search::Search;

use crate::{
    config::Config,
    roles::Role,
    services::{Means, Services},
};

/// The secret that roles show each other, if there is one.
///
/// # Errors
/// When the file is named and can't be read, or is too short to be a secret.
pub fn token(config: &Config) -> anyhow::Result<Option<String>> {
    let Some(path) = &config.peers.token_file else { return Ok(None) };
    let text = std::fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
    let token = text.trim();
    anyhow::ensure!(token.len() >= 32, "{} must hold at least 32 characters", path.display());
    Ok(Some(token.to_owned()))
}

/// The catalogue: ours, or the process that has it.
///
/// # Errors
/// When the peer's address is not one.
pub fn catalog(config: &Config, local: Option<&Arc<Catalog>>, means: &Means) -> anyhow::Result<Arc<dyn CatalogApi>> {
    match local {
        Some(catalog) => Ok(Arc::clone(catalog) as _),
        None => Ok(Arc::new(CatalogClient::new(connect("catalog", config, &config.peers.catalog, means)?))),
    }
}

/// Search: ours, or the process that has it.
///
/// # Errors
/// When the peer's address is not one.
pub fn search(config: &Config, local: Option<&Arc<Search>>, means: &Means) -> anyhow::Result<Arc<dyn SearchApi>> {
    match local {
        Some(search) => Ok(Arc::clone(search) as _),
        None => Ok(Arc::new(SearchClient::new(connect("search", config, &config.peers.search, means)?))),
    }
}

/// The way to `role` in another process; `None` for the gateway, which nobody calls.
///
/// # Errors
/// When the peer's address is not one.
pub fn of(role: Role, config: &Config, services: &Services) -> anyhow::Result<Option<rpc::Peer>> {
    let Some(url) = role.peer(config) else { return Ok(None) };
    let means = Means { clock: services.clock.clone(), rng: services.rng.clone() };
    connect(role.as_str(), config, url, &means).map(Some)
}

fn connect(role: &'static str, config: &Config, url: &str, means: &Means) -> anyhow::Result<rpc::Peer> {
    let client = ClientConfig { peer_token: token(config)?, ..ClientConfig::default() };
    Ok(rpc::connect_lazy(role, url, &client, means.clock.clone(), means.rng.clone())?)
}
