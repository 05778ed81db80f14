//! Cloud KMS v1, `cryptoKeys.encrypt` and `cryptoKeys.decrypt`, with the checksums that Google asks its clients to make
//! and to compare: what is damaged on its way would be lost.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

use crate::{CloudError, CryptoKey, Google, ask::Question, checksum};

/// Who is asked.
const WHO: &str = "Cloud KMS";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Encrypt {
    plaintext: String,
    additional_authenticated_data: String,
    plaintext_crc32c: String,
    additional_authenticated_data_crc32c: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Encrypted {
    name: String,
    ciphertext: String,
    ciphertext_crc32c: Option<String>,
    verified_plaintext_crc32c: bool,
    verified_additional_authenticated_data_crc32c: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Decrypt {
    ciphertext: String,
    additional_authenticated_data: String,
    ciphertext_crc32c: String,
    additional_authenticated_data_crc32c: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Decrypted {
    plaintext: String,
    plaintext_crc32c: Option<String>,
}

impl Google {
    /// Seals `plain` (64 KiB at most, 8 with `aad` for a key in hardware) under the primary version of `key`. It opens
    /// with the same `aad` only, which is not secret.
    ///
    /// # Errors
    /// When Google can't be reached, refuses, or damages it.
    pub async fn encrypt(&self, key: &CryptoKey, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, CloudError> {
        let request = Encrypt {
            plaintext: BASE64_STANDARD.encode(plain),
            additional_authenticated_data: BASE64_STANDARD.encode(aad),
            plaintext_crc32c: checksum::of(plain),
            additional_authenticated_data_crc32c: checksum::of(aad),
        };
        self.ask(&self.about(key, "encrypt", &request)?, |answer| {
            let answer: Encrypted = read(answer)?;
            let sealed = bytes(&answer.ciphertext)?;
            if !key.has_version(&answer.name) {
                return Err(CloudError::Odd { who: WHO, what: "it used another key" });
            }
            let looked = answer.verified_plaintext_crc32c && answer.verified_additional_authenticated_data_crc32c;
            whole(looked && checksum::is(answer.ciphertext_crc32c.as_deref(), &sealed), sealed)
        })
        .await
    }

    /// Opens what `key` sealed, in whichever version, with the same `aad`.
    ///
    /// # Errors
    /// `Refused` with `INVALID_ARGUMENT` for what was sealed otherwise; and as [`Google::encrypt`].
    pub async fn decrypt(&self, key: &CryptoKey, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, CloudError> {
        let request = Decrypt {
            ciphertext: BASE64_STANDARD.encode(sealed),
            additional_authenticated_data: BASE64_STANDARD.encode(aad),
            ciphertext_crc32c: checksum::of(sealed),
            additional_authenticated_data_crc32c: checksum::of(aad),
        };
        self.ask(&self.about(key, "decrypt", &request)?, |answer| {
            let answer: Decrypted = read(answer)?;
            let plain = bytes(&answer.plaintext)?;
            whole(checksum::is(answer.plaintext_crc32c.as_deref(), &plain), plain)
        })
        .await
    }

    fn about(&self, key: &CryptoKey, verb: &str, request: &impl Serialize) -> Result<Question, CloudError> {
        let url = format!("{}/v1/{}:{verb}", self.config.kms_url.trim_end_matches('/'), key.as_str());
        let body = serde_json::to_vec(request).map_err(|error| CloudError::Client(error.to_string()))?;
        Ok(Question { who: WHO, url, body: Some(body) })
    }
}

fn read<'a, T: Deserialize<'a>>(answer: &'a [u8]) -> Result<T, CloudError> {
    serde_json::from_slice(answer).map_err(|_| CloudError::Odd { who: WHO, what: "that is not the JSON it should be" })
}

fn bytes(text: &str) -> Result<Vec<u8>, CloudError> {
    BASE64_STANDARD.decode(text).map_err(|_| CloudError::Odd { who: WHO, what: "that is no base64" })
}

fn whole(is_whole: bool, bytes: Vec<u8>) -> Result<Vec<u8>, CloudError> {
    if is_whole { Ok(bytes) } else { Err(CloudError::Damaged(WHO)) }
}
