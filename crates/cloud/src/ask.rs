//! Questions to Google's services: with a token, in bounds, and again where that may help.

use std::time::Duration;

use reqwest::{Response, StatusCode, header};

use crate::{CloudError, Google, error::refused};

/// How often a question is asked at most.
const TRIES: u32 = 3;
/// The pause after the first that failed; the next is twice as long.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest pause that a server may ask for: whoever wants a longer one is not asked again now.
const MAX_PAUSE: Duration = Duration::from_secs(5);
/// The longest answer that is read, in bytes: a secret has 64 KiB at most, a third more in base64.
const MAX_ANSWER: usize = 256 << 10;

/// A question.
pub(crate) struct Question {
    /// Who is asked.
    pub who: &'static str,
    /// Where.
    pub url: String,
    /// The JSON that is sent; nothing is, where it is only asked for.
    pub body: Option<Vec<u8>>,
}

/// Why it has no answer, and the pause that was asked for.
struct Failure {
    error: CloudError,
    after: Option<Duration>,
}

impl From<CloudError> for Failure {
    fn from(error: CloudError) -> Self {
        Self { error, after: None }
    }
}

impl Google {
    /// Asks, and has the answer read; again where it failed in a way that may pass.
    ///
    /// # Errors
    /// The last failure.
    pub(crate) async fn ask<T>(
        &self,
        question: &Question,
        read: impl Fn(&[u8]) -> Result<T, CloudError>,
    ) -> Result<T, CloudError> {
        let mut tries = 1;
        loop {
            let Failure { error, after } = match self.once(question).await {
                Ok(answer) => match read(&answer) {
                    Ok(found) => return Ok(found),
                    Err(error) => error.into(),
                },
                Err(failure) => failure,
            };
            let pause = self.pause(tries).max(after.unwrap_or_default());
            if tries == TRIES || !error.is_transient() || pause > MAX_PAUSE {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
            tries += 1;
        }
    }

    async fn once(&self, question: &Question) -> Result<Vec<u8>, Failure> {
        let token = self.token().await?;
        let request = match &question.body {
            Some(body) => {
                self.apis.post(&question.url).header(header::CONTENT_TYPE, "application/json").body(body.clone())
            }
            None => self.apis.get(&question.url),
        };
        let sent = request.bearer_auth(&token).send().await;
        let response = sent.map_err(|_| CloudError::Unreachable(question.who))?;
        let (status, after) = (response.status(), retry_after(&response));
        let bytes = bounded(question.who, response).await?;
        match status {
            StatusCode::OK => return Ok(bytes),
            StatusCode::UNAUTHORIZED => self.forget(&token).await,
            _ => {}
        }
        Err(Failure { error: refused(question.who, status, &bytes), after })
    }

    /// Half of it by the number of tries, the other half by chance, so that many do not come back at once.
    fn pause(&self, tries: u32) -> Duration {
        let half = PAUSE / 2 * 2_u32.pow(tries - 1);
        half + Duration::from_millis(self.rng.below(u64::try_from(half.as_millis()).unwrap_or_default()))
    }
}

/// The pause that an answer asks for, in the seconds of RFC 9110 section 10.2.3.
fn retry_after(response: &Response) -> Option<Duration> {
    let asked = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    asked.trim().parse().ok().map(Duration::from_secs)
}

/// Reads an answer whole, within bounds.
pub(crate) async fn bounded(who: &'static str, mut response: Response) -> Result<Vec<u8>, CloudError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| CloudError::Unreachable(who))? {
        if bytes.len() + chunk.len() > MAX_ANSWER {
            return Err(CloudError::Odd { who, what: "its answer is too long" });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
