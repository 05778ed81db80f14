//! Tokens of the service account that this process runs as, from the metadata server.

use contracts::Clock;
use jiff::{SignedDuration, Timestamp};
use reqwest::{StatusCode, header::HeaderMap};
use serde::Deserialize;

use crate::{CloudError, Google, ask::bounded, error::refused};

/// Who gives them.
const WHO: &str = "the metadata server";
/// Where they are.
const PATH: &str = "/computeMetadata/v1/instance/service-accounts/default/token";
/// What both sides show, so that neither is taken for another.
const FLAVOR: (&str, &str) = ("Metadata-Flavor", "Google");
/// How long before its end a token is used no more.
const MARGIN: i64 = 60;

/// A token, and until when it is used.
pub(crate) struct Token {
    text: String,
    until: Timestamp,
}

/// What the server says.
#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_in: i64,
    token_type: String,
}

impl Google {
    /// The token to show now.
    ///
    /// # Errors
    /// When there is none and the metadata server gives no other.
    pub(crate) async fn token(&self) -> Result<String, CloudError> {
        // Who comes meanwhile waits for the same one.
        let mut held = self.token.lock().await;
        let now = self.clock.now();
        if let Some(token) = held.as_ref().filter(|token| now < token.until) {
            return Ok(token.text.clone());
        }
        let token = self.fresh_token().await?;
        let text = token.text.clone();
        *held = Some(token);
        Ok(text)
    }

    /// Forgets a token that was refused; another that came since stays.
    pub(crate) async fn forget(&self, refused: &str) {
        let mut held = self.token.lock().await;
        if held.as_ref().is_some_and(|token| token.text == refused) {
            *held = None;
        }
    }

    async fn fresh_token(&self) -> Result<Token, CloudError> {
        let url = format!("{}{PATH}", self.config.metadata_url.trim_end_matches('/'));
        let response = self.metadata.get(url).header(FLAVOR.0, FLAVOR.1).send().await;
        let response = response.map_err(|_| CloudError::Unreachable(WHO))?;
        let (status, is_google) = (response.status(), is_google(response.headers()));
        let bytes = bounded(WHO, response).await?;
        if !is_google {
            return Err(CloudError::Odd { who: WHO, what: "it does not say that it is Google's" });
        }
        if status != StatusCode::OK {
            return Err(refused(WHO, status, &bytes));
        }
        read(&bytes, &self.clock).ok_or(CloudError::Odd { who: WHO, what: "that is no token" })
    }
}

fn is_google(headers: &HeaderMap) -> bool {
    headers.get(FLAVOR.0).is_some_and(|value| value.as_bytes() == FLAVOR.1.as_bytes())
}

fn read(bytes: &[u8], clock: &Clock) -> Option<Token> {
    let answer: Answer = serde_json::from_slice(bytes).ok()?;
    // It becomes a header.
    let sound = !answer.access_token.is_empty() && answer.access_token.bytes().all(|byte| byte.is_ascii_graphic());
    if !sound || !answer.token_type.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let left = SignedDuration::from_secs(answer.expires_in.saturating_sub(MARGIN));
    Some(Token { text: answer.access_token, until: clock.now().checked_add(left).ok()? })
}
