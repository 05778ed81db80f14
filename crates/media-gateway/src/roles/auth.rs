//! The auth role: accounts, tokens and keys over HTTP; and, in every process, what its doors verify with.

use std::{net::SocketAddr, sync::Arc};

use access::{Live, Verifier, VerifierConfig};
use auth::{Auth, AuthConfig};
use contracts::AuthApi;
use stores::Db;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    config::{Config, Signature},
    folder::Folder,
    secrets::FileSecrets,
    services::{Means, Services},
};

pub fn routes(services: &Services) -> Option<OpenApiRouter> {
    services.runs_auth.then(|| auth::routes(Arc::clone(&services.auth)))
}

pub fn grpc(services: &Services) -> Option<Arc<dyn AuthApi>> {
    services.runs_auth.then(|| Arc::clone(&services.auth) as _)
}

pub fn api() -> OpenApi {
    auth::api()
}

/// The public base address of a gateway that listens at `address`, where the configuration names none.
pub fn issuer_at(address: SocketAddr) -> String {
    let host = if address.ip().is_unspecified() { "127.0.0.1".to_owned() } else { address.ip().to_string() };
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    format!("http://{host}:{}", address.port())
}

/// The public base address, which tokens name as their issuer.
pub fn issuer(config: &Config) -> String {
    config.auth.issuer.clone().unwrap_or_else(|| issuer_at(config.listen.gateway))
}

/// What this process verifies with and, where it has the role, signs with.
pub async fn open(config: &Config, folder: &Folder, db: Db, means: &Means, runs: bool) -> anyhow::Result<Arc<Auth>> {
    let secrets = Arc::new(FileSecrets::open(config, folder, &db, means, runs).await?);
    let settings = AuthConfig {
        resources: config.auth.resources.clone(),
        algorithm: match config.auth.signature {
            Signature::RS256 => auth::Algorithm::RS256,
            Signature::ES256 => auth::Algorithm::ES256,
        },
        confirm_first: config.auth.confirm_first.unwrap_or(config.mail.smtp_url.is_some()),
        providers: [config.auth.google.settings(&means.files)?, config.auth.github.settings(&means.files)?]
            .into_iter()
            .flatten()
            .collect(),
        ..AuthConfig::new(&issuer(config), secrets.read()?[0])
    };
    let settings = AuthConfig { secrets, ..settings };
    let expected = VerifierConfig { issuer: settings.issuer.clone(), audience: settings.issuer.clone() };
    let verifier = Arc::new(Verifier::new(expected, means.clock.clone(), Arc::new(Live::default())));
    let auth = Auth::new(db, means.clock.clone(), means.rng.clone(), settings, verifier);
    let auth = Arc::new(auth.with_consented(vec![Arc::new(playback::Histories)]));
    if runs {
        auth.seed().await?;
    }
    auth.reload().await?;
    Ok(auth)
}
