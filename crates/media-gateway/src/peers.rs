//! Local or remote? The only place that asks.

use std::sync::Arc;

use anyhow::Context as _;
use auth::MAX_SECRETS;
use catalog::Catalog;
use contracts::{CatalogApi, NeutralBoost, PersonalBoost, SearchApi, Secret, SecretFiles, is_confidential};
use reqwest::Url;
use rpc::{CatalogClient, ClientConfig, SearchClient};
use search::Search;

use crate::{
    config::Config,
    roles::Role,
    services::{Means, Services},
};

/// The secrets that roles show each other, if there are any: one a line, the newest first. Others count within a second;
/// while what is there can't be used, those from before do.
///
/// # Errors
/// When the file is named and can't be read, or holds what can't be used.
pub fn token(config: &Config, files: &SecretFiles) -> anyhow::Result<Option<Secret>> {
    let Some(path) = &config.peers.token_file else { return Ok(None) };
    let secret = files.live(path, is_usable);
    let secret = secret.with_context(|| format!("`peers.token_file` {} can't be read", path.display()))?;
    anyhow::ensure!(
        is_usable(&secret.now()),
        "`peers.token_file` must hold at least 32 characters of ASCII a line, on one to {MAX_SECRETS} lines"
    );
    Ok(Some(secret))
}

/// Whether each of its lines is a secret that can stand in a header.
fn is_usable(text: &str) -> bool {
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let is_one = |line: &&str| line.len() >= 32 && line.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    (1..=MAX_SECRETS).contains(&lines.len()) && lines.iter().all(is_one)
}

/// The certificates that roles show each other, if there are any.
///
/// # Errors
/// When one of the three files is missing or can't be used.
pub fn tls(config: &Config) -> anyhow::Result<Option<Arc<tls::Mutual>>> {
    let Some(files) = files(config)? else { return Ok(None) };
    Ok(Some(Arc::new(tls::Mutual::open(files).context("the certificates of `peers` can't be used")?)))
}

/// Where these are.
///
/// # Errors
/// When one of the three is named without the others.
pub fn files(config: &Config) -> anyhow::Result<Option<tls::Files>> {
    let peers = &config.peers;
    match (&peers.certificate_file, &peers.key_file, &peers.authorities_file) {
        (None, None, None) => Ok(None),
        (Some(certificate), Some(key), Some(authorities)) => {
            let (certificate, key, authorities) = (certificate.clone(), key.clone(), authorities.clone());
            Ok(Some(tls::Files { certificate, key, authorities }))
        }
        _ => anyhow::bail!("`peers.certificate_file`, `key_file` and `authorities_file` go together"),
    }
}

/// The roles at `https://…`, with their addresses: those that run `here`, as the others know them, or those that don't.
/// None where every role runs here, for nobody calls them then.
pub fn encrypted(config: &Config, here: bool) -> Vec<(Role, Url)> {
    let roles = config.roles();
    let found = |role: Role| -> Option<(Role, Url)> {
        let url = role.peer(config)?.parse::<Url>().ok()?;
        (!config.all_roles() && url.scheme() == "https").then_some((role, url))
    };
    Role::ALL.into_iter().filter(|role| roles.contains(role) == here).filter_map(found).collect()
}

/// Refuses what would go over a network in plain text: a role that listens beyond this machine without certificates, and
/// a peer beyond it at `http://`.
///
/// # Errors
/// Names it, and what to set.
pub fn check_plaintext(config: &Config) -> anyhow::Result<()> {
    const SET: &str = "set `peers.certificate_file`, `key_file` and `authorities_file`";
    let certificates = config.peers.certificate_file.is_some();
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Gateway && !config.all_roles()) {
        if config.roles().contains(&role) {
            let address = role.address(&config.listen);
            let plain = !certificates && !address.ip().to_canonical().is_loopback();
            anyhow::ensure!(!plain, "`listen.{role}` is {address}: beyond this machine roles speak TLS only: {SET}");
            continue;
        }
        let Some(peer) = role.peer(config).and_then(|url| url.parse::<Url>().ok()) else { continue };
        anyhow::ensure!(
            is_confidential("https", peer.scheme(), peer.host_str()),
            "`peers.{role}` is {peer}: beyond this machine roles speak TLS only: write https:// and {SET}"
        );
    }
    Ok(())
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

/// Who knows what callers like: nobody yet, here or elsewhere.
pub fn boost() -> Arc<dyn PersonalBoost> {
    Arc::new(NeutralBoost)
}

/// The way to `role` in another process; `None` for the gateway, which nobody calls.
///
/// # Errors
/// When the peer's address is not one.
pub fn of(role: Role, config: &Config, services: &Services) -> anyhow::Result<Option<rpc::Peer>> {
    let Some(url) = role.peer(config) else { return Ok(None) };
    connect(role.as_str(), config, url, &services.means).map(Some)
}

fn connect(role: &'static str, config: &Config, url: &str, means: &Means) -> anyhow::Result<rpc::Peer> {
    let client =
        ClientConfig { peer_token: token(config, &means.files)?, tls: tls(config)?, ..ClientConfig::default() };
    Ok(rpc::connect_lazy(role, url, &client, means.clock.clone(), means.rng.clone())?)
}
