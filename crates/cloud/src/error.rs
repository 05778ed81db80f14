//! Why Google gave no answer that can be used.

use reqwest::StatusCode;
use serde::Deserialize;

/// How much of what a server says is passed on, in characters.
const MAX_MESSAGE: usize = 300;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloudError {
    /// The name of a key or of a secret is none.
    #[error("{given:?} is no name of {what}")]
    Name {
        /// What was given.
        given: String,
        /// What its form is.
        what: &'static str,
    },
    /// No client can be made.
    #[error("no client of Google Cloud can be made: {0}")]
    Client(String),
    /// Nothing came, or not in time, or it broke off.
    #[error("{0} can't be reached, or did not answer in time")]
    Unreachable(&'static str),
    /// It was refused.
    #[error("{who} refuses: {code} {status}: {message}")]
    Refused {
        /// Who refuses.
        who: &'static str,
        /// The status of HTTP.
        code: u16,
        /// Its name in `google.rpc.Code`, such as `PERMISSION_DENIED`; empty where the answer has none.
        status: String,
        /// What it says about it.
        message: String,
    },
    /// The answer is not what is documented.
    #[error("{who} answered otherwise than documented: {what}")]
    Odd {
        /// Who answered.
        who: &'static str,
        /// How.
        what: &'static str,
    },
    /// The question or the answer was damaged on its way: a checksum is another, or was not looked at.
    #[error("what was said with {0} was damaged on its way: a checksum is not what it should be")]
    Damaged(&'static str),
}

impl CloudError {
    /// Whether asking again may help: with another token after 401, and as Google advises for checksums.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Damaged(_) => true,
            Self::Refused { code, .. } => matches!(code, 401 | 429 | 500..),
            Self::Name { .. } | Self::Client(_) | Self::Odd { .. } => false,
        }
    }
}

/// A `google.rpc.Status`, as it comes over HTTP.
#[derive(Deserialize)]
struct Wrapped {
    error: Status,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    status: String,
    message: String,
}

/// What an answer says that is no success.
pub(crate) fn refused(who: &'static str, code: StatusCode, body: &[u8]) -> CloudError {
    let said = serde_json::from_slice::<Wrapped>(body).map(|wrapped| wrapped.error).unwrap_or_default();
    let short = |text: &str| text.chars().filter(|c| !c.is_control()).take(MAX_MESSAGE).collect::<String>();
    let message = if said.message.is_empty() { "it says nothing of it" } else { &said.message };
    CloudError::Refused { who, code: code.as_u16(), status: short(&said.status), message: short(message) }
}
