//! The operator's own account at a provider, which it is then asked with: OAuth 2.0 for programs on a machine, as Google
//! documents it for installed applications. A code with a proof of its own (PKCE, RFC 7636) comes back over loopback
//! (RFC 8252) and becomes a token that is renewed and can be revoked (RFC 7009).

mod store;

use std::{fmt, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use contracts::{ApiError, Call, Clock, ErrorKind, Result, Rng, Secret, is_loopback_number};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, Url, header};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

pub use store::LinkStore;

use super::client::read;
use store::Pending;

/// What a link lets us do: see what the account may see.
const SCOPE: &str = "https://www.googleapis.com/auth/youtube.readonly";
/// How long the operator has to say yes.
const PENDING_FOR: SignedDuration = SignedDuration::from_mins(10);
/// A token that ends within this is renewed first.
const AHEAD: SignedDuration = SignedDuration::from_mins(1);
/// How long a provider that gave no token is not asked for one again: whoever waits then hears why at once.
const LEFT_ALONE: SignedDuration = SignedDuration::from_secs(10);
/// How long an answer may take, and the longest that is read, in bytes.
const TIMEOUT: Duration = Duration::from_secs(10);
const MAX_ANSWER: usize = 64 << 10;

/// How we are known to the provider, as a program on a machine, and where it answers.
#[derive(Clone, Debug)]
pub struct LinkConfig {
    client_id: String,
    client_secret: Option<Secret>,
    authorize: Url,
    token: Url,
    revoke: Url,
}

impl LinkConfig {
    /// At Google; `base` is where its endpoints are reached by another way than their own addresses.
    ///
    /// # Errors
    /// The reason why `base` is no address.
    pub fn google(client_id: &str, secret: Option<Secret>, base: Option<&str>) -> std::result::Result<Self, String> {
        let at = |own: &str, path: &str| {
            let address = base.map_or_else(|| own.to_owned(), |base| base.trim_end_matches('/').to_owned());
            Url::parse(&format!("{address}{path}")).map_err(|error| error.to_string())
        };
        Ok(Self {
            client_id: client_id.to_owned(),
            client_secret: secret,
            authorize: at("https://accounts.google.com", "/o/oauth2/v2/auth")?,
            token: at("https://oauth2.googleapis.com", "/token")?,
            revoke: at("https://oauth2.googleapis.com", "/revoke")?,
        })
    }
}

struct Access {
    token: String,
    until: Timestamp,
    /// The token that lasts, for which it was given.
    of: String,
}

#[derive(Default)]
struct State {
    access: Option<Access>,
    /// Why no token came, and until when none is asked for.
    failed: Option<(ApiError, Timestamp)>,
    /// Whether it was said that the store can't be read.
    warned: bool,
}

/// What the provider says to a code or a token.
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: i64,
    refresh_token: Option<String>,
    #[serde(default)]
    scope: String,
}

/// Why there is no such answer.
enum Fault {
    /// It refuses, with a word of RFC 6749, section 5.2.
    Refused(String),
    Down(String),
}

/// One source's link, made or not.
pub struct Link {
    source: &'static str,
    config: LinkConfig,
    store: LinkStore,
    http: Client,
    clock: Clock,
    rng: Rng,
    state: Mutex<State>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link {{ {} }}", self.source)
    }
}

impl Link {
    /// The link of `source`, which lies in `store`.
    ///
    /// # Errors
    /// `Internal` when no connection can be set up at all.
    pub fn new(source: &'static str, config: LinkConfig, store: LinkStore, clock: Clock, rng: Rng) -> Result<Self> {
        let http = Client::builder()
            .timeout(TIMEOUT)
            .user_agent(concat!("media-gateway/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| ApiError::internal(format!("no link can be made: {error}")))?;
        Ok(Self { source, config, store, http, clock, rng, state: Mutex::default() })
    }

    /// Begins a link: gives the address at which the operator says yes, and until when. The answer comes to `redirect_uri`,
    /// on this machine. A link that was begun before is begun no more.
    ///
    /// # Errors
    /// `InvalidArgument` for an address that is not on loopback; else as with all of a link, when it can't be sealed, opened or
    /// kept.
    pub async fn begin(&self, redirect_uri: &str) -> Result<(Url, Timestamp)> {
        if !on_loopback(redirect_uri) {
            let detail = "the answer comes back to a port of this machine, such as http://127.0.0.1:53682";
            return Err(ApiError::invalid("bad_redirect", detail).field("redirect_uri", "must be http on loopback"));
        }
        let fresh = || BASE64_URL_SAFE_NO_PAD.encode(self.rng.bytes::<32>());
        let (state, verifier) = (fresh(), fresh());
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
        let mut url = self.config.authorize.clone();
        url.query_pairs_mut().extend_pairs([
            ("client_id", self.config.client_id.as_str()),
            ("redirect_uri", redirect_uri),
            ("response_type", "code"),
            ("scope", SCOPE),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
            ("state", state.as_str()),
            // A token that works while the operator is away, also for those who said yes before.
            ("access_type", "offline"),
            ("prompt", "consent"),
        ]);
        let now = self.clock.now();
        let until = now.checked_add(PENDING_FOR).unwrap_or(Timestamp::MAX);
        let pending = Pending { state, verifier, redirect_uri: redirect_uri.to_owned(), until };
        self.store.begin(self.source, &pending, now).await?;
        Ok((url, until))
    }

    /// Ends what [`Link::begin`] began, with what came to its address: the source is linked from now on, by whoever calls.
    ///
    /// # Errors
    /// `Conflict` when nothing of this `state` was begun, or too long ago; `BadGateway` when the provider refuses the code
    /// or gives less than was asked for; `Unavailable` when it does not answer.
    pub async fn finish(&self, call: &Call, state: &str, code: &str) -> Result<()> {
        let Some(pending) = self.store.answered(self.source, state, self.clock.now()).await? else {
            let detail = "this is no answer to a link that was begun within ten minutes: begin again";
            return Err(ApiError::new(ErrorKind::Conflict, "link_not_begun", detail));
        };
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("code_verifier", pending.verifier.as_str()),
            ("redirect_uri", pending.redirect_uri.as_str()),
        ];
        let granted = self.grant(&fields).await.map_err(|fault| self.failed(fault))?;
        let less =
            |what: &str| ApiError::new(ErrorKind::BadGateway, "link_refused", format!("{}: {what}", self.source));
        if !granted.scope.split(' ').any(|scope| scope == SCOPE) {
            return Err(less("the right to read was not given: begin again, and leave it ticked"));
        }
        let refresh = granted.refresh_token.clone().ok_or_else(|| less("it gave no token that lasts"))?;
        self.store.keep(self.source, &refresh, self.clock.now(), Some(call)).await?;
        *self.state.lock().await = State { access: Some(self.access(&granted, refresh)), ..State::default() };
        Ok(())
    }

    /// Whether the source is linked.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn is_made(&self) -> Result<bool> {
        Ok(self.kept().await?.is_some())
    }

    /// Ends the link: forgets the token here, and revokes it there.
    ///
    /// # Errors
    /// `NotFound` when there is none; as [`Link::finish`] when the provider could not be told, also for want of a token that can
    /// be read: forgotten it is all the same.
    pub async fn end(&self, call: &Call) -> Result<()> {
        let kept = self.kept().await;
        if matches!(kept, Ok(None)) {
            return Err(ApiError::not_found("not_linked", format!("{} is not linked", self.source)));
        }
        let mut own = self.state.lock().await;
        self.forget(&mut own, Some(call)).await?;
        let token = kept?.unwrap_or_default();
        match self.send(&self.config.revoke, &[("token", token.as_str())]).await {
            // One that it knows no more needs no end.
            Ok(_) | Err(Fault::Refused(_)) => Ok(()),
            Err(fault) => Err(self.failed(fault)),
        }
    }

    /// The token to ask the provider with; `None` where the source is not linked. Renewed when it is about to end; where the
    /// provider says that there is no such link any more, there is none here either.
    pub(crate) async fn token(&self) -> Result<Option<String>> {
        // Others wait for the one that renews it.
        let mut own = self.state.lock().await;
        let Some(refresh) = self.readable(&mut own).await else { return Ok(None) };
        let now = self.clock.now();
        if let Some(access) = own.access.as_ref().filter(|access| now < access.until && access.of == refresh) {
            return Ok(Some(access.token.clone()));
        }
        if let Some((error, _)) = own.failed.as_ref().filter(|(_, until)| now < *until) {
            return Err(error.clone());
        }
        match self.grant(&[("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())]).await {
            Ok(granted) => {
                let next = granted.refresh_token.clone().filter(|next| *next != refresh);
                if let Some(next) = &next {
                    self.store.keep(self.source, next, now, None).await?;
                }
                let access = self.access(&granted, next.unwrap_or_else(|| refresh.clone()));
                let token = access.token.clone();
                own.access = Some(access);
                Ok(Some(token))
            }
            Err(Fault::Refused(word)) if word == "invalid_grant" => {
                tracing::warn!(source = self.source, "the account that it was linked to is linked no more");
                self.forget(&mut own, None).await?;
                Ok(None)
            }
            Err(fault) => {
                let error = self.failed(fault);
                let until = now.checked_add(LEFT_ALONE).unwrap_or(Timestamp::MAX);
                own.failed = Some((error.clone(), until));
                Err(error)
            }
        }
    }

    /// What is kept; nothing where it can't be read: the source is asked with its key until it can.
    async fn readable(&self, own: &mut State) -> Option<String> {
        match self.kept().await {
            Ok(kept) => kept,
            Err(error) => {
                if !std::mem::replace(&mut own.warned, true) {
                    tracing::warn!(source = self.source, %error, "the link can't be read: end it, and link anew");
                }
                None
            }
        }
    }

    /// That the provider did not take the token, whatever its time.
    pub(crate) async fn refused(&self) {
        self.state.lock().await.access = None;
    }

    fn access(&self, granted: &Granted, of: String) -> Access {
        let lasts = SignedDuration::from_secs(granted.expires_in.clamp(0, 24 * 3600)) - AHEAD;
        let until = self.clock.now().checked_add(lasts).unwrap_or(Timestamp::MAX);
        Access { token: granted.access_token.clone(), until, of }
    }

    /// What is kept: another process may have made the link, or ended it.
    async fn kept(&self) -> Result<Option<String>> {
        self.store.token(self.source, self.clock.now()).await
    }

    async fn forget(&self, own: &mut State, by: Option<&Call>) -> Result<()> {
        self.store.forget(self.source, self.clock.now(), by).await?;
        *own = State::default();
        Ok(())
    }

    async fn grant(&self, fields: &[(&str, &str)]) -> std::result::Result<Granted, Fault> {
        let secret = self.config.client_secret.as_ref().and_then(|secret| secret.lines().into_iter().next());
        let mut all = vec![("client_id", self.config.client_id.as_str())];
        all.extend(secret.as_deref().map(|secret| ("client_secret", secret)));
        all.extend(fields);
        let bytes = self.send(&self.config.token, &all).await?;
        serde_json::from_slice(&bytes)
            .map_err(|_| Fault::Down("it answered what its documentation does not describe".into()))
    }

    /// Sends a form; gives the body of a success.
    async fn send(&self, url: &Url, fields: &[(&str, &str)]) -> std::result::Result<Vec<u8>, Fault> {
        let mut form = url.clone();
        form.set_query(None);
        form.query_pairs_mut().extend_pairs(fields);
        let request = self.http.post(url.clone()).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.body(form.query().unwrap_or_default().to_owned());
        let down = |error: reqwest::Error| Fault::Down(crate::error::chain(&error.without_url()));
        let response = request.send().await.map_err(down)?;
        let status = response.status();
        let bytes = read(response, MAX_ANSWER).await.map_err(|_| Fault::Down("its answer broke off".to_owned()))?;
        if status.is_success() {
            return Ok(bytes);
        }
        if !status.is_client_error() || status == reqwest::StatusCode::TOO_MANY_REQUESTS {
            return Err(Fault::Down(format!("it answered {status}")));
        }
        let answer: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let word = answer["error"].as_str().unwrap_or("invalid_request");
        Err(Fault::Refused(word.chars().filter(|c| c.is_ascii_lowercase() || *c == '_').take(40).collect()))
    }

    fn failed(&self, fault: Fault) -> ApiError {
        let source = self.source;
        match fault {
            Fault::Refused(word) => {
                ApiError::new(ErrorKind::BadGateway, "link_refused", format!("the account of {source} refuses: {word}"))
            }
            Fault::Down(cause) => {
                ApiError::unavailable("link_unreachable", format!("the account of {source} can't be asked: {cause}"))
            }
        }
    }
}

/// Whether an address is a plain one of this machine, with a port (RFC 8252, section 7.3).
fn on_loopback(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else { return false };
    let local = url.host_str().is_some_and(is_loopback_number);
    local && url.scheme() == "http" && url.port().is_some() && url.query().is_none() && url.fragment().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_back_to_this_machine() {
        for (address, good) in [
            ("http://127.0.0.1:53682", true),
            ("http://127.0.0.1:53682/back", true),
            ("http://[::1]:53682", true),
            ("http://127.0.0.1", false),
            ("https://127.0.0.1:53682", false),
            ("http://localhost:53682", false),
            ("http://192.0.2.1:53682", false),
            ("http://127.0.0.1.evil.example:53682", false),
            ("http://127.0.0.1:53682?a=b", false),
            ("nonsense", false),
        ] {
            assert_eq!(on_loopback(address), good, "{address}");
        }
    }
}
