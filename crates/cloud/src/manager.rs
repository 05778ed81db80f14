//! Secret Manager v1, `secrets.versions.access`.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;

use crate::{CloudError, Google, SecretVersion, ask::Question, checksum};

/// Who is asked.
const WHO: &str = "Secret Manager";

#[derive(Deserialize)]
struct Accessed {
    payload: Payload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    /// Left out where it is empty, as Google's JSON leaves out what is.
    #[serde(default)]
    data: String,
    data_crc32c: Option<String>,
}

impl Google {
    /// What a version of a secret holds, 64 KiB at most.
    ///
    /// # Errors
    /// When Google can't be reached, refuses, or damages it.
    pub async fn access(&self, secret: &SecretVersion) -> Result<Vec<u8>, CloudError> {
        let url = format!("{}/v1/{}:access", self.config.secrets_url.trim_end_matches('/'), secret.as_str());
        self.ask(&Question { who: WHO, url, body: None }, read).await
    }
}

fn read(answer: &[u8]) -> Result<Vec<u8>, CloudError> {
    let odd = |what| CloudError::Odd { who: WHO, what };
    let answer: Accessed = serde_json::from_slice(answer).map_err(|_| odd("that is not the JSON it should be"))?;
    let payload = answer.payload;
    let data = BASE64_STANDARD.decode(&payload.data).map_err(|_| odd("that is no base64"))?;
    // A version from before there were checksums has none.
    match &payload.data_crc32c {
        Some(said) if !checksum::is(Some(said), &data) => Err(CloudError::Damaged(WHO)),
        _ => Ok(data),
    }
}
