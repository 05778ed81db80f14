//! Asks a provider: paced, bounded, tried again, remembered. It knows nothing of any one of them.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use contracts::{Clock, Secret};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, header};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use stores::cache::Cache;

use super::{
    DETAILS_TTL, Link, ProviderError,
    known::{Auth, Known},
    pacing::{Pacing, Turn},
};
use crate::error::chain;

/// The largest answer, in bytes.
const MAX_ANSWER: usize = 8 << 20;
/// The longest refusal that is read for its reason, in bytes.
const MAX_REASON: usize = 64 << 10;
/// How often a request is sent at most.
const TRIES: u32 = 3;
/// The longest wait for a turn, and the longest pause that a provider may ask for before its request is given up.
const MAX_WAIT: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// How a provider is reached.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Where its API is.
    pub base: Url,
    /// The operator's keys, one a line; at least one.
    pub keys: Secret,
    /// Whether further keys are used when the first has no quota left.
    pub rotate: bool,
    /// How long an answer may take as a whole.
    pub timeout: Duration,
    /// Units a day for each key, where the operator's plan says otherwise than what is usual there.
    pub daily_quota: Option<u32>,
    /// An account that it is asked with, in place of a key, while it is linked.
    pub link: Option<Arc<Link>>,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    /// Below the provider's base address.
    pub path: &'a str,
    /// Names and values, without the key.
    pub query: Vec<(&'a str, String)>,
    /// Sent as JSON with POST, where there is one.
    pub body: Option<Value>,
    /// Units of the day's quota.
    pub cost: u32,
    /// Whether an answer has what it must have. One that has not, as after a change of the provider's fields, is not kept and says
    /// nothing: least of all that there is nothing any more.
    pub is_whole: fn(&Value) -> bool,
}

impl<'a> Request<'a> {
    /// A GET that costs one unit, and that any JSON answers.
    pub fn get(path: &'a str, query: impl Into<Vec<(&'a str, String)>>) -> Self {
        Self { path, query: query.into(), body: None, cost: 1, is_whole: |_| true }
    }

    /// The same for an answer that must be `whole`.
    pub fn whole(path: &'a str, query: impl Into<Vec<(&'a str, String)>>, is_whole: fn(&Value) -> bool) -> Self {
        Self { is_whole, ..Self::get(path, query) }
    }
}

/// What a provider said.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// Its JSON.
    pub value: Value,
    /// When it said so: a kept answer is as old as that.
    pub at: Timestamp,
}

/// The way to one provider.
#[derive(Clone)]
pub(crate) struct ProviderClient {
    known: &'static Known,
    config: ClientConfig,
    http: Client,
    pacing: Arc<Mutex<Pacing>>,
    cache: Arc<dyn Cache>,
    clock: Clock,
}

/// What one try came to.
enum Tried {
    Answer(Value),
    /// Nothing is gained by asking again.
    Final(ProviderError),
    /// The key has no quota left today, whatever we counted.
    Spent,
    /// It may go better after a pause.
    Again(String, Option<Duration>),
}

impl ProviderClient {
    pub fn new(
        known: &'static Known,
        config: ClientConfig,
        cache: Arc<dyn Cache>,
        clock: Clock,
    ) -> Result<Self, ProviderError> {
        let failed = |cause: String| ProviderError::Failed { source_id: known.name.to_owned(), cause };
        let keys = config.keys.lines();
        if keys.is_empty() {
            return Err(failed("there is no key".to_owned()));
        }
        let http = Client::builder()
            .timeout(config.timeout)
            .user_agent(concat!("media-gateway/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| failed(chain(&error)))?;
        let mut allowance = known.allowance;
        allowance.per_day = config.daily_quota.or(allowance.per_day);
        let pacing = Arc::new(Mutex::new(Pacing::new(allowance, keys, config.rotate)));
        Ok(Self { known, config, http, pacing, cache, clock })
    }

    /// Its breaker and its quota.
    pub fn standing(&self, now: Timestamp) -> crate::Standing {
        self.pacing().standing(now)
    }

    /// That it answered what its documentation does not describe.
    pub fn unexpected(&self, cause: &str) -> ProviderError {
        ProviderError::Unexpected { source_id: self.known.name.to_owned(), cause: cause.to_owned() }
    }

    /// That it has no such title.
    pub fn not_found(&self) -> ProviderError {
        ProviderError::NotFound { source_id: self.known.name.to_owned() }
    }

    /// That it does not say such a thing at all.
    pub fn not_offered(&self, what: &'static str) -> ProviderError {
        ProviderError::NotOffered { source_id: self.known.name.to_owned(), what }
    }

    /// What the provider says, or said within `max_age`.
    ///
    /// # Errors
    /// See [`ProviderError`]; `Unexpected` for an answer that lacks what it must have.
    pub async fn ask(&self, request: &Request<'_>, max_age: Duration) -> Result<Answer, ProviderError> {
        let url = self.url(request);
        let kept = self.kept_under(&url, request);
        if let Some(bytes) = self.cache.get(&kept).await
            && let Ok(answer) = serde_json::from_slice::<Answer>(&bytes)
            && !self.is_older(&answer, max_age)
            // An older node may have kept it.
            && (request.is_whole)(&answer.value)
        {
            return Ok(answer);
        }
        let answer = Answer { value: self.send(&url, request).await?, at: self.clock.now() };
        self.keep(&kept, &answer).await;
        Ok(answer)
    }

    /// Whether an answer is as old as `age`, or older.
    pub fn is_older(&self, answer: &Answer, age: Duration) -> bool {
        self.clock.now().duration_since(answer.at).unsigned_abs() >= age
    }

    /// Keeps what another answer said of what `request` asks for, so that it need not be asked.
    pub async fn remember(&self, request: &Request<'_>, answer: &Answer) {
        if (request.is_whole)(&answer.value) {
            self.keep(&self.kept_under(&self.url(request), request), answer).await;
        }
    }

    async fn keep(&self, name: &str, answer: &Answer) {
        if let Ok(bytes) = serde_json::to_vec(answer) {
            // The longest that anyone takes an answer for; each question says how old one may be.
            self.cache.put(name, bytes.into(), DETAILS_TTL).await;
        }
    }

    fn kept_under(&self, url: &Url, request: &Request<'_>) -> String {
        let digest = |body: &Value| Sha256::digest(body.to_string()).iter().map(|byte| format!("{byte:02x}")).collect();
        let body: String = request.body.as_ref().map(digest).unwrap_or_default();
        format!("provider:{}:{}?{}#{body}", self.known.name, url.path(), url.query().unwrap_or_default())
    }

    fn url(&self, request: &Request<'_>) -> Url {
        let mut url = self.config.base.clone();
        url.set_path(&format!("{}{}", url.path().trim_end_matches('/'), request.path));
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        url
    }

    async fn send(&self, url: &Url, request: &Request<'_>) -> Result<Value, ProviderError> {
        let (mut pause, mut cause) = (FIRST_PAUSE, String::new());
        let mut tries = 0;
        while tries < TRIES {
            let key = self.turn(request.cost).await?;
            tries += 1;
            match self.once(url, request, &key).await {
                // Five in a row are a change of its fields: the rest of the quota is not spent on that.
                Tried::Answer(value) if !(request.is_whole)(&value) => {
                    self.pacing().failed(self.clock.now());
                    return Err(self.unexpected("what an answer must have is missing"));
                }
                Tried::Answer(value) => {
                    self.pacing().succeeded();
                    return Ok(value);
                }
                Tried::Final(error) => {
                    // It answered as documented: that is no failure of the provider.
                    self.pacing().succeeded();
                    return Err(error);
                }
                // The next key, or the sentence that all are spent: each key can come here once a day.
                Tried::Spent => {
                    self.pacing().spent(self.clock.now(), &key);
                    tries -= 1;
                }
                Tried::Again(why, Some(asked)) => {
                    let asked_for = SignedDuration::try_from(asked).unwrap_or(SignedDuration::from_secs(60));
                    self.pacing().limited(self.clock.now(), &key, asked_for);
                    cause = why;
                }
                Tried::Again(why, None) => {
                    self.pacing().failed(self.clock.now());
                    cause = why;
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
            }
        }
        Err(ProviderError::Failed { source_id: self.known.name.to_owned(), cause })
    }

    /// Asks for a turn with the keys as they are now: under one lock, for whoever asks beside it may have read others.
    fn next(&self, cost: u32) -> Turn {
        let mut pacing = self.pacing();
        pacing.renew(self.config.keys.lines());
        pacing.ask(self.clock.now(), cost)
    }

    /// Waits for a turn; gives the key to use.
    async fn turn(&self, cost: u32) -> Result<String, ProviderError> {
        let source_id = || self.known.name.to_owned();
        let mut waited = Duration::ZERO;
        loop {
            match self.next(cost) {
                Turn::Go(key) => return Ok(key),
                Turn::Wait(wait) => {
                    let wait = Duration::try_from(wait).unwrap_or_default();
                    waited += wait;
                    if waited > MAX_WAIT {
                        let cause = format!("it asked to be left alone for {} s", wait.as_secs());
                        return Err(ProviderError::Failed { source_id: source_id(), cause });
                    }
                    tokio::time::sleep(wait).await;
                }
                Turn::Spent(until) => return Err(ProviderError::QuotaSpent { source_id: source_id(), until }),
                Turn::Open(until) => return Err(ProviderError::LeftAlone { source_id: source_id(), until }),
            }
        }
    }

    fn request(&self, url: &Url, request: &Request<'_>, key: &str, account: Option<&str>) -> RequestBuilder {
        let mut url = url.clone();
        if let (Auth::Query(name), None) = (self.known.auth, account) {
            url.query_pairs_mut().append_pair(name, key);
        }
        let built = match &request.body {
            Some(body) => self.http.post(url).json(body),
            None => self.http.get(url),
        };
        let built = built.header(header::ACCEPT, "application/json");
        match (account, self.known.auth) {
            (Some(token), _) => built.bearer_auth(token),
            (None, Auth::Bearer) => built.bearer_auth(key),
            (None, Auth::Header(name)) => built.header(name, key),
            (None, Auth::Query(_)) => built,
        }
    }

    /// The token of the account that the provider is asked with, where one is linked.
    async fn account(&self) -> contracts::Result<Option<String>> {
        match &self.config.link {
            Some(link) => link.token().await,
            None => Ok(None),
        }
    }

    async fn once(&self, url: &Url, request: &Request<'_>, key: &str) -> Tried {
        let account = match self.account().await {
            Ok(account) => account,
            Err(error) => return Tried::Again(error.detail, None),
        };
        let response = match self.request(url, request, key, account.as_deref()).send().await {
            Ok(response) => response,
            Err(error) if error.is_timeout() => return Tried::Again("it took too long to answer".to_owned(), None),
            Err(error) => return Tried::Again(chain(&error.without_url()), None),
        };
        let status = response.status();
        let source_id = self.known.name.to_owned();
        match status {
            StatusCode::OK => self.json(response).await,
            StatusCode::NOT_FOUND => Tried::Final(self.not_found()),
            StatusCode::UNAUTHORIZED if account.is_some() => {
                if let Some(link) = &self.config.link {
                    link.refused().await;
                }
                Tried::Again("it did not take the token of the account".to_owned(), None)
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => match says(response, self.known.spent).await {
                true => Tried::Spent,
                false => Tried::Final(ProviderError::KeyRefused { source_id, status: status.as_u16() }),
            },
            StatusCode::BAD_REQUEST if self.known.refused.is_some() => match says(response, self.known.refused).await {
                true => Tried::Final(ProviderError::KeyRefused { source_id, status: status.as_u16() }),
                false => Tried::Final(self.unexpected(&format!("status {status}"))),
            },
            StatusCode::TOO_MANY_REQUESTS => {
                let asked = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
                let asked = asked.and_then(|text| pause(text.trim(), self.clock.now()));
                Tried::Again("it asked for a pause".to_owned(), Some(asked.unwrap_or(Duration::from_secs(1))))
            }
            status if status.is_server_error() => Tried::Again(format!("it answered {status}"), None),
            status => Tried::Final(self.unexpected(&format!("status {status}"))),
        }
    }

    async fn json(&self, response: Response) -> Tried {
        let bytes = match read(response, MAX_ANSWER).await {
            Ok(bytes) => bytes,
            Err(Unread::TooLong) => return Tried::Final(self.unexpected(&format!("more than {MAX_ANSWER} bytes"))),
            Err(Unread::Broken(cause)) => return Tried::Again(cause, None),
        };
        match serde_json::from_slice(&bytes) {
            Ok(value) => Tried::Answer(value),
            Err(_) if bytes.trim_ascii_start().starts_with(b"<") => Tried::Again("it answered HTML".to_owned(), None),
            Err(error) => Tried::Again(format!("it answered no JSON ({error})"), None),
        }
    }

    fn pacing(&self) -> std::sync::MutexGuard<'_, Pacing> {
        self.pacing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a refusal has this word.
async fn says(response: Response, word: Option<&str>) -> bool {
    let text = read(response, MAX_REASON).await.unwrap_or_else(|_| Vec::new());
    word.is_some_and(|word| text.windows(word.len()).any(|part| part == word.as_bytes()))
}

/// For how long it asks to be left alone: so many seconds, or until a moment (RFC 9110, 10.2.3).
fn pause(asked: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = jiff::fmt::rfc2822::parse(asked).ok()?.timestamp();
    Some(Duration::try_from(until.duration_since(now)).unwrap_or_default())
}

pub(super) enum Unread {
    TooLong,
    Broken(String),
}

pub(super) async fn read(mut response: Response, most: usize) -> Result<Vec<u8>, Unread> {
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(None) => return Ok(bytes),
            Ok(Some(chunk)) if bytes.len() + chunk.len() <= most => bytes.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(Unread::TooLong),
            Err(error) if error.is_timeout() => return Err(Unread::Broken("it fell silent".to_owned())),
            Err(error) => return Err(Unread::Broken(chain(&error.without_url()))),
        }
    }
}
