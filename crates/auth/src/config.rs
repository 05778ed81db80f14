//! What the context is told, and the times that its promises last.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use futures::{FutureExt as _, future::BoxFuture};
use jiff::SignedDuration;

use crate::sealing::{Held, KeyVault};

/// The command line's own client.
pub const CLI_CLIENT: &str = "media-gateway-cli";
/// The web app's own client.
pub const WEB_CLIENT: &str = "media-gateway-web";

/// How long an access token is good.
pub(crate) const ACCESS_TTL: SignedDuration = SignedDuration::from_hours(1);
/// How long a refresh token is good.
pub(crate) const REFRESH_TTL: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long a person stays signed in at a client without being asked again.
pub(crate) const FAMILY_TTL: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How long a used refresh token is answered the same again: a reply may be lost on its way.
pub(crate) const REPLAY_WINDOW: SignedDuration = SignedDuration::from_secs(20);
/// How long an authorization code is good.
pub(crate) const CODE_TTL: SignedDuration = SignedDuration::from_secs(60);
/// How long a pushed request is good.
pub(crate) const REQUEST_TTL: SignedDuration = SignedDuration::from_secs(300);
/// How long a device may wait for its person (A1).
pub(crate) const DEVICE_TTL: SignedDuration = SignedDuration::from_secs(900);
/// How often a device may ask (A1).
pub(crate) const DEVICE_INTERVAL: SignedDuration = SignedDuration::from_secs(5);
/// How long a browser stays signed in.
pub(crate) const SESSION_TTL: SignedDuration = SignedDuration::from_hours(14 * 24);
/// How long before its first signature a new key is published: as long as others may keep the old set.
pub(crate) const KEY_LEAD: SignedDuration = SignedDuration::from_mins(10);
/// How long a key signs until another takes over by itself (A6).
pub(crate) const KEY_AGE: SignedDuration = SignedDuration::from_hours(180 * 24);
/// How long a key seals until another takes over by itself (A6).
pub(crate) const SEAL_AGE: SignedDuration = SignedDuration::from_hours(90 * 24);

/// How long it takes to find a client's host and to read its metadata document, at most. Anybody can name a host that
/// never answers, and whoever asks this role for them holds it against the role when it does not either.
const METADATA_TIMEOUT: Duration = Duration::from_secs(2);

/// How the addresses of a host are looked up, by its name and a port.
pub type Lookup = Arc<dyn Fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

async fn look_up(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok(tokio::net::lookup_host((host.as_str(), port)).await?.collect())
}

/// What the context is told.
#[derive(Clone)]
pub struct AuthConfig {
    /// The issuer: the public base address, without a slash at its end.
    pub issuer: String,
    /// Other resources that tokens are minted for; the issuer itself is the API.
    pub resources: Vec<String>,
    /// The secret that everything else is sealed under until [`crate::Auth::seed`] has read the others.
    pub master: [u8; 32],
    /// Where the secrets are; the same for every process of a deployment.
    pub secrets: Arc<dyn KeyVault>,
    /// What tokens are signed with: RS256 or ES256.
    pub algorithm: jsonwebtoken::Algorithm,
    /// Where else people may have an account that opens theirs here.
    pub providers: Vec<crate::ProviderConfig>,
    /// Whether people confirm their address by mail before they can sign in: then not even signing in with the password
    /// that one signed up with tells whether an address had an account.
    pub confirm_first: bool,
    /// Whether client metadata documents may be fetched from this machine, in plain text: for tests.
    pub metadata_from_loopback: bool,
    /// How long one of them is waited for: two seconds, unless a test says otherwise.
    pub metadata_timeout: Duration,
    /// Where the hosts of client metadata documents are: what the system says, unless a test says otherwise.
    pub lookup: Lookup,
}

impl AuthConfig {
    /// The usual: the API as the only resource, RS256, and a secret that is held in memory.
    pub fn new(issuer: &str, master: [u8; 32]) -> Self {
        let algorithm = jsonwebtoken::Algorithm::RS256;
        let issuer = issuer.trim_end_matches('/').to_owned();
        let (secrets, providers) = (Arc::new(Held::new(master)), Vec::new());
        let (confirm_first, metadata_from_loopback) = (false, false);
        let resources = Vec::new();
        let lookup: Lookup = Arc::new(|host: String, port: u16| look_up(host, port).boxed());
        Self {
            issuer,
            resources,
            master,
            secrets,
            algorithm,
            providers,
            confirm_first,
            metadata_from_loopback,
            metadata_timeout: METADATA_TIMEOUT,
            lookup,
        }
    }

    /// Whether cookies can be marked as secure.
    pub(crate) fn secure(&self) -> bool {
        self.issuer.starts_with("https://")
    }

    /// Whether tokens can be minted for this resource.
    pub(crate) fn knows(&self, resource: &str) -> bool {
        resource == self.issuer || self.resources.iter().any(|known| known == resource)
    }
}
