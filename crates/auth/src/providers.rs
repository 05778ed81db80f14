//! Accounts elsewhere that open one here: how a provider is reached and what it says, within bounds.

mod github;
mod google;

use std::time::Duration;

use contracts::{ApiError, ErrorKind, Secret};
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use url::{Url, form_urlencoded};

const TIMEOUT: Duration = Duration::from_secs(5);
/// How long everything that is asked of a provider for one person may take: less than whoever asks this role waits.
const TOGETHER: Duration = Duration::from_secs(8);
const MAX_BYTES: usize = 256 * 1_024;
/// The longest id of an account that is believed (OpenID Connect Core, section 2).
const MAX_SUBJECT: usize = 255;

/// A provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// By OpenID Connect.
    Google,
    /// By OAuth 2.0 and its own API.
    GitHub,
}

impl Provider {
    pub(crate) const fn id(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::GitHub => "github",
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Google => "Google",
            Self::GitHub => "GitHub",
        }
    }
}

/// How we are known to a provider.
#[derive(Clone)]
pub struct ProviderConfig {
    /// Which.
    pub provider: Provider,
    /// Our name there.
    pub client_id: String,
    /// Our secret there.
    pub client_secret: Secret,
    /// Google's issuer; GitHub's address.
    pub url: String,
    /// Where GitHub's API is; Google says so itself.
    pub api_url: String,
}

/// A provider with what is remembered of it.
pub(crate) struct Known {
    pub config: ProviderConfig,
    google: Mutex<Option<google::Metadata>>,
}

/// What a person is sent to a provider with, and what their return is held against.
pub(crate) struct Trip<'a> {
    /// Where they come back.
    pub redirect_uri: String,
    pub state: &'a str,
    pub nonce: String,
    /// For PKCE (RFC 7636).
    pub verifier: String,
}

/// Who a provider says somebody is.
pub(crate) struct Person {
    /// Never another's there.
    pub subject: String,
    /// Absent unless the provider has verified it.
    pub email: Option<String>,
}

/// Why a provider told us nothing.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It can't be reached, or is broken.
    Down(&'static str),
    /// What it said can't be believed.
    Refused(&'static str),
}

impl From<Trouble> for ApiError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            // Not `Unavailable`: we are there, and a gateway would take us for broken. Nor was anybody refused anything.
            Trouble::Down(why) => Self::new(ErrorKind::FailedDependency, "provider_down", why),
            Trouble::Refused(why) => Self::new(ErrorKind::Unauthenticated, "provider_refused", why),
        }
    }
}

impl Known {
    pub(crate) fn new(config: ProviderConfig) -> Self {
        Self { config, google: Mutex::default() }
    }

    /// The origin that a form which leads to the provider may go on to.
    pub(crate) fn origin(&self) -> String {
        crate::redirect::origin(&self.config.url)
    }

    /// Where a person is sent.
    pub(crate) async fn address(&self, trip: &Trip<'_>, now: jiff::Timestamp) -> Result<String, Trouble> {
        let base = match self.config.provider {
            Provider::Google => in_time(self.google_metadata(now, false)).await?.authorization_endpoint,
            Provider::GitHub => format!("{}/login/oauth/authorize", self.config.url),
        };
        let mut url = Url::parse(&base).map_err(|_| Trouble::Refused("the provider's address can't be read"))?;
        let challenge = crate::pkce::challenge(&trip.verifier);
        let scope = if self.config.provider == Provider::Google { "openid email" } else { "read:user user:email" };
        let pairs: [(&str, &str); 7] = [
            ("response_type", "code"),
            ("client_id", &self.config.client_id),
            ("redirect_uri", &trip.redirect_uri),
            ("scope", scope),
            ("state", trip.state),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        url.query_pairs_mut().extend_pairs(pairs);
        if self.config.provider == Provider::Google {
            url.query_pairs_mut().append_pair("nonce", &trip.nonce);
        }
        Ok(url.into())
    }

    /// Who came back with `code`.
    pub(crate) async fn person(&self, trip: &Trip<'_>, code: &str, now: jiff::Timestamp) -> Result<Person, Trouble> {
        match self.config.provider {
            Provider::Google => in_time(self.google_person(trip, code, now)).await,
            Provider::GitHub => in_time(self.github_person(trip, code)).await,
        }
    }

    /// What a code is exchanged with (RFC 6749, section 4.1.3).
    fn exchange<'a>(&'a self, trip: &'a Trip<'_>, code: &'a str, secret: &'a str) -> [(&'static str, &'a str); 6] {
        [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &trip.redirect_uri),
            ("client_id", &self.config.client_id),
            ("client_secret", secret),
            ("code_verifier", &trip.verifier),
        ]
    }
}

/// What a provider says, if it says all of it in time.
async fn in_time<T>(asked: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    let late = Err(Trouble::Down("the provider takes too long: try again later, or sign in otherwise"));
    tokio::time::timeout(TOGETHER, asked).await.unwrap_or(late)
}

/// A client that follows no redirect and does not wait for ever.
fn client() -> Result<reqwest::Client, Trouble> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .user_agent("media-gateway")
        .build()
        .map_err(|_| Trouble::Down("no request can be made"))
}

/// A request with a form.
fn form(request: reqwest::RequestBuilder, pairs: &[(&str, &str)]) -> reqwest::RequestBuilder {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    request.header("content-type", "application/x-www-form-urlencoded").body(body)
}

/// Asks, and reads the answer as JSON.
async fn ask<T: DeserializeOwned>(request: reqwest::RequestBuilder) -> Result<T, Trouble> {
    let down = |_| Trouble::Down("the provider does not answer: try again later, or sign in otherwise");
    let mut response = request.header("accept", "application/json").send().await.map_err(down)?;
    match response.status() {
        status if status.is_success() => {}
        status if status.is_client_error() && status != reqwest::StatusCode::TOO_MANY_REQUESTS => {
            return Err(Trouble::Refused("the provider does not know this sign-in: begin again"));
        }
        _ => return Err(Trouble::Down("the provider is out of order: try again later, or sign in otherwise")),
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(down)? {
        if body.len() + chunk.len() > MAX_BYTES {
            return Err(Trouble::Refused("the provider's answer is too long"));
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).map_err(|_| Trouble::Refused("the provider's answer can't be read"))
}
