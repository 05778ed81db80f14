//! A reader of queries behind an OpenAI-compatible `POST /chat/completions`: a language model in place of our own parser.
//!
//! It gets the query and nothing else about the person. What it answers is bounded and read strictly; whether it may be
//! believed is for search to decide, which reads the query itself whenever this fails.

mod rest;
mod wire;

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use contracts::{Clock, IntentError, IntentReader, ParsedIntent, Secret};
use reqwest::{Client, Response, StatusCode, Url, header, redirect::Policy};
use tokio::sync::Semaphore;

use rest::Rest;

/// The longest answer that is read, in bytes: an intent is a few hundred.
const MAX_ANSWER_BYTES: usize = 64 << 10;
/// Questions at once; more are read by our own parser rather than kept waiting.
const MAX_AT_ONCE: usize = 32;
/// The pause after "too many requests" that names none.
const PAUSE: Duration = Duration::from_secs(1);

/// How to reach the model.
#[derive(Clone)]
pub struct IntentConfig {
    /// The API's base address, up to and with its version: `http://127.0.0.1:11434/v1`.
    pub url: String,
    /// The model's name there.
    pub model: String,
    /// The bearer token, where one is needed.
    pub key: Option<Secret>,
    /// How long an answer may take, the connection included.
    pub timeout: Duration,
}

/// The reader. It keeps its connections, and leaves a model that fails alone for a while.
pub struct OpenAiIntents {
    client: Client,
    endpoint: Url,
    config: IntentConfig,
    clock: Clock,
    rest: Mutex<Rest>,
    turns: Semaphore,
}

/// Why a question has no answer, and the pause that the model asked for.
struct Failure(String, Option<Duration>);

impl OpenAiIntents {
    /// A reader at `config`; nothing is sent yet.
    ///
    /// # Errors
    /// When the address is none, or no HTTP client can be made.
    pub fn new(config: IntentConfig, clock: Clock) -> Result<Self, IntentError> {
        let endpoint = format!("{}/chat/completions", config.url.trim_end_matches('/'));
        let endpoint = Url::parse(&endpoint).map_err(|error| IntentError(format!("it is no address: {error}")))?;
        if !["http", "https"].contains(&endpoint.scheme()) {
            return Err(IntentError("its address must start with http:// or https://".to_owned()));
        }
        let client = Client::builder().timeout(config.timeout).redirect(Policy::none()).build();
        let client = client.map_err(|error| IntentError(error.without_url().to_string()))?;
        let (rest, turns) = (Mutex::default(), Semaphore::new(MAX_AT_ONCE));
        Ok(Self { client, endpoint, config, clock, rest, turns })
    }

    async fn ask(&self, query: &str) -> Result<ParsedIntent, Failure> {
        let body = wire::question(&self.config.model, query);
        let mut request =
            self.client.post(self.endpoint.clone()).header(header::CONTENT_TYPE, "application/json").body(body);
        if let Some(key) = &self.config.key {
            request = request.bearer_auth(key.now());
        }
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        if status != StatusCode::OK {
            let wants_pause = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
            let pause = if wants_pause { pause(&response) } else { None };
            return Err(Failure(format!("it answered with status {}", status.as_u16()), pause));
        }
        let bytes = bounded(response).await?;
        wire::intent(&bytes).map_err(|error| Failure(error.0, None))
    }

    fn rest(&self) -> MutexGuard<'_, Rest> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What went wrong on the way, without the address, which may hold a secret of the operator's.
fn unreachable(error: reqwest::Error) -> Failure {
    let what = if error.is_timeout() { "it did not answer in time" } else { "it can't be reached, or broke off" };
    Failure(what.to_owned(), None)
}

/// The pause that an answer asks for, in the seconds of RFC 9110 section 10.2.3.
fn pause(response: &Response) -> Option<Duration> {
    let asked = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    let seconds = asked.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
    seconds.or_else(|| (response.status() == StatusCode::TOO_MANY_REQUESTS).then_some(PAUSE))
}

async fn bounded(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if bytes.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(Failure("its answer is too long".to_owned(), None));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

#[async_trait]
impl IntentReader for OpenAiIntents {
    fn model(&self) -> &str {
        &self.config.model
    }

    async fn read(&self, query: &str) -> Result<ParsedIntent, IntentError> {
        let _turn = self.turns.try_acquire().map_err(|_| IntentError("it has enough to do already".to_owned()))?;
        if !self.rest().admit(self.clock.now(), self.config.timeout) {
            return Err(IntentError("it failed before and is left alone for a while".to_owned()));
        }
        let asked = self.ask(query).await;
        match asked {
            Ok(intent) => {
                self.rest().succeeded();
                Ok(intent)
            }
            Err(Failure(what, pause)) => {
                self.rest().failed(self.clock.now(), pause);
                Err(IntentError(what))
            }
        }
    }

    fn trouble(&self) -> Option<String> {
        self.rest().rests(self.clock.now()).then(|| "it failed, or asked for a pause, and is left alone".to_owned())
    }
}

#[cfg(test)]
mod tests;
