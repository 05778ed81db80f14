//! Asks a provider: paced, bounded, tried again, remembered.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use contracts::Clock;
use jiff::SignedDuration;
use reqwest::{Client, Response, StatusCode, Url, header};
use serde_json::Value;
use stores::cache::Cache;

use super::{
    ProviderError,
    pacing::{Allowance, Pacing, Turn},
};
use crate::error::chain;

/// The largest answer, in bytes.
const MAX_ANSWER: usize = 8 << 20;
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
    /// The operator's keys; at least one.
    pub keys: Vec<String>,
    /// Whether further keys are used when the first has no quota left.
    pub rotate: bool,
    /// How long an answer may take as a whole.
    pub timeout: Duration,
}

/// The way to one provider.
#[derive(Clone)]
pub(crate) struct ProviderClient {
    source: &'static str,
    config: ClientConfig,
    http: Client,
    pacing: Arc<Mutex<Pacing>>,
    cache: Arc<dyn Cache>,
    clock: Clock,
}

/// What one try came to.
enum Tried {
    Answer(Value, Bytes),
    /// Nothing is gained by asking again.
    Final(ProviderError),
    /// It may go better after a pause.
    Again(String, Option<Duration>),
}

impl ProviderClient {
    pub fn new(
        source: &'static str,
        config: ClientConfig,
        allowance: Allowance,
        cache: Arc<dyn Cache>,
        clock: Clock,
    ) -> Result<Self, ProviderError> {
        let failed = |cause: String| ProviderError::Failed { source_id: source.to_owned(), cause };
        if config.keys.is_empty() {
            return Err(failed("there is no key".to_owned()));
        }
        let http = Client::builder()
            .timeout(config.timeout)
            .user_agent(concat!("media-gateway/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| failed(chain(&error)))?;
        let pacing = Pacing::new(allowance, config.keys.len(), config.rotate);
        Ok(Self { source, config, http, pacing: Arc::new(Mutex::new(pacing)), cache, clock })
    }

    /// The time, as answers are stamped with.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The JSON at `path` with these parameters: what was kept for no longer than `ttl`, or else what the provider says.
    ///
    /// # Errors
    /// See [`ProviderError`].
    pub async fn get(&self, path: &str, query: &[(&str, String)], ttl: Duration) -> Result<Value, ProviderError> {
        let url = self.url(path, query)?;
        let kept = format!("provider:{}:{}?{}", self.source, url.path(), url.query().unwrap_or_default());
        if let Some(bytes) = self.cache.get(&kept).await
            && let Ok(value) = serde_json::from_slice(&bytes)
        {
            return Ok(value);
        }
        let (value, bytes) = self.ask(&url).await?;
        self.cache.put(&kept, bytes, ttl).await;
        Ok(value)
    }

    fn url(&self, path: &str, query: &[(&str, String)]) -> Result<Url, ProviderError> {
        let mut url = self.config.base.clone();
        url.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    async fn ask(&self, url: &Url) -> Result<(Value, Bytes), ProviderError> {
        let (mut pause, mut cause) = (FIRST_PAUSE, String::new());
        for _ in 0..TRIES {
            let key = self.turn().await?;
            match self.once(url, key).await {
                Tried::Answer(value, bytes) => {
                    self.pacing().succeeded();
                    return Ok((value, bytes));
                }
                Tried::Final(error) => {
                    // It answered as documented: that is no failure of the provider.
                    self.pacing().succeeded();
                    return Err(error);
                }
                Tried::Again(why, Some(asked)) => {
                    let asked_for = SignedDuration::try_from(asked).unwrap_or(SignedDuration::from_secs(60));
                    self.pacing().limited(self.clock.now(), key, asked_for);
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
        Err(ProviderError::Failed { source_id: self.source.to_owned(), cause })
    }

    /// Waits for a turn; gives the key to use.
    async fn turn(&self) -> Result<usize, ProviderError> {
        let source_id = || self.source.to_owned();
        let mut waited = Duration::ZERO;
        loop {
            let turn = self.pacing().ask(self.clock.now(), 1);
            match turn {
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

    async fn once(&self, url: &Url, key: usize) -> Tried {
        let key = self.config.keys.get(key).map(String::as_str).unwrap_or_default();
        let request = self.http.get(url.clone()).bearer_auth(key).header(header::ACCEPT, "application/json");
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_timeout() => return Tried::Again("it took too long to answer".to_owned(), None),
            Err(error) => return Tried::Again(chain(&error.without_url()), None),
        };
        let status = response.status();
        let source_id = self.source.to_owned();
        match status {
            StatusCode::OK => self.read(response).await,
            StatusCode::NOT_FOUND => Tried::Final(ProviderError::NotFound { source_id }),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Tried::Final(ProviderError::KeyRefused { source_id, status: status.as_u16() })
            }
            StatusCode::TOO_MANY_REQUESTS => {
                let asked = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
                let seconds = asked.and_then(|text| text.trim().parse().ok()).unwrap_or(1);
                Tried::Again("it asked for a pause".to_owned(), Some(Duration::from_secs(seconds)))
            }
            status if status.is_server_error() => Tried::Again(format!("it answered {status}"), None),
            status => Tried::Final(ProviderError::Unexpected { source_id, cause: format!("status {status}") }),
        }
    }

    async fn read(&self, mut response: Response) -> Tried {
        let mut bytes = Vec::new();
        loop {
            match response.chunk().await {
                Ok(None) => break,
                Ok(Some(chunk)) if bytes.len() + chunk.len() <= MAX_ANSWER => bytes.extend_from_slice(&chunk),
                Ok(Some(_)) => {
                    let cause = format!("more than {MAX_ANSWER} bytes");
                    return Tried::Final(ProviderError::Unexpected { source_id: self.source.to_owned(), cause });
                }
                Err(error) if error.is_timeout() => return Tried::Again("it fell silent".to_owned(), None),
                Err(error) => return Tried::Again(chain(&error.without_url()), None),
            }
        }
        match serde_json::from_slice(&bytes) {
            Ok(value) => Tried::Answer(value, bytes.into()),
            Err(_) if bytes.trim_ascii_start().starts_with(b"<") => Tried::Again("it answered HTML".to_owned(), None),
            Err(error) => Tried::Again(format!("it answered no JSON ({error})"), None),
        }
    }

    fn pacing(&self) -> std::sync::MutexGuard<'_, Pacing> {
        self.pacing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
