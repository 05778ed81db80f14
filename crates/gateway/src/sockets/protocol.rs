//! What a socket and its client say to each other, and how it ends. (pure)

use contracts::{ApiError, ContentId, ErrorKind};
use serde::{Deserialize, Serialize};

/// The most titles that one socket follows.
pub(super) const MAX_TITLES: usize = 100;
/// The longest message of a client that is understood, in bytes: it has room for the longest token.
pub(super) const MAX_MESSAGE: usize = 16 * 1_024;

/// The node stops (RFC 6455, section 7.4.1, as the next ones).
const GOING_AWAY: u16 = 1001;
/// What came is no WebSocket.
const PROTOCOL_ERROR: u16 = 1002;
/// A message that is not text.
pub(super) const NOT_TEXT: u16 = 1003;
/// A message that is none of [`Ask`].
const POLICY: u16 = 1008;
/// A message past [`MAX_MESSAGE`].
const TOO_BIG: u16 = 1009;
/// The client should come back: it was too slow, or nobody can tell whether its token still holds.
const TRY_AGAIN: u16 = 1013;
/// The token has ended or was revoked. Of our own: clients that are told so get a new one first.
const UNAUTHENTICATED: u16 = 4401;

/// What a client says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Ask {
    /// To hear of these titles too.
    Subscribe { content_ids: Vec<ContentId> },
    /// To hear of these no more.
    Unsubscribe { content_ids: Vec<ContentId> },
    /// To go on under a newer token.
    Refresh { token: String },
}

impl Ask {
    /// Reads a message; what is none ends the socket.
    pub(super) fn read(text: &str) -> Result<Self, Ending> {
        if text.len() > MAX_MESSAGE {
            return Err(Ending::too_large());
        }
        serde_json::from_str(text).map_err(|_| Ending::no_message(POLICY))
    }
}

/// What a client is told.
#[derive(Serialize)]
#[serde(tag = "event")]
pub(super) enum Say<'a> {
    /// A title changed, the last time at this position of the event log.
    #[serde(rename = "content:updated")]
    Updated { content_id: ContentId, position: i64 },
    /// So many titles are followed from now on.
    #[serde(rename = "subscribed")]
    Subscribed { titles: usize },
    /// The newer token counts from now on.
    #[serde(rename = "refreshed")]
    Refreshed,
    /// What was asked for last is not done; by the code of the problem that HTTP would answer.
    #[serde(rename = "error")]
    Error {
        code: &'a str,
        detail: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
    },
}

impl<'a> Say<'a> {
    /// A failure.
    pub(super) fn error(error: &'a ApiError) -> Self {
        let retry_after_ms = error.retry_after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
        Self::Error { code: &error.code, detail: &error.detail, retry_after_ms }
    }

    /// As it is sent.
    pub(super) fn text(&self) -> String {
        // Strings, numbers and ids always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Why a socket ends.
#[derive(Debug)]
pub(super) enum Ending {
    /// The client closed it, or is there no more.
    Gone,
    /// The node stops.
    Leaving,
    /// The client does not read what it is told.
    Slow,
    /// What the client sends is no WebSocket.
    Unreadable,
    /// For a reason that is told first, and the code to close with.
    Refused(ApiError, u16),
}

impl Ending {
    /// What came is none of [`Ask`].
    pub(super) fn no_message(code: u16) -> Self {
        let detail = "a message is JSON with a `type`: `subscribe` or `unsubscribe` with `content_ids`, or `refresh` with a \
                      `token`";
        Self::Refused(ApiError::invalid("bad_message", detail), code)
    }

    /// What came is larger than [`MAX_MESSAGE`].
    pub(super) fn too_large() -> Self {
        let detail = format!("the message is larger than the {MAX_MESSAGE} bytes that a socket takes");
        Self::Refused(ApiError::new(ErrorKind::PayloadTooLarge, "message_too_large", detail), TOO_BIG)
    }

    /// What the socket was opened with holds no more, or nobody can tell.
    pub(super) fn unproved(error: ApiError) -> Self {
        let code = if error.kind == ErrorKind::Unauthenticated { UNAUTHENTICATED } else { TRY_AGAIN };
        Self::Refused(error, code)
    }

    /// The code and the reason to close with; nothing where nobody hears it.
    pub(super) fn frame(&self) -> Option<(u16, &str)> {
        match self {
            Self::Gone => None,
            Self::Leaving => Some((GOING_AWAY, "leaving")),
            Self::Slow => Some((TRY_AGAIN, "too_slow")),
            Self::Unreadable => Some((PROTOCOL_ERROR, "unreadable")),
            Self::Refused(error, code) => Some((*code, &*error.code)),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const ID: &str = "01936f5e-0000-7000-8000-000000000001";

    #[test]
    fn messages_are_read() {
        let ids = |text: &str| match Ask::read(text) {
            Ok(Ask::Subscribe { content_ids } | Ask::Unsubscribe { content_ids }) => content_ids.len(),
            _ => usize::MAX,
        };
        assert_eq!(ids(&format!(r#"{{"type":"subscribe","content_ids":["{ID}","{ID}"]}}"#)), 2);
        assert_eq!(ids(r#"{"type":"unsubscribe","content_ids":[]}"#), 0);
        let refresh = Ask::read(r#"{"type":"refresh","token":"x"}"#);
        assert!(matches!(refresh, Ok(Ask::Refresh { token }) if token == "x"));
    }

    #[rstest]
    #[case("", "bad_message", 1008)]
    #[case("[]", "bad_message", 1008)]
    #[case(r#"{"type":"subscribe"}"#, "bad_message", 1008)]
    #[case(r#"{"type":"subscribe","content_ids":["no id"]}"#, "bad_message", 1008)]
    #[case(r#"{"type":"refresh","token":"x","more":1}"#, "bad_message", 1008)]
    #[case(r#"{"type":"watchlist"}"#, "bad_message", 1008)]
    fn what_is_no_message_ends_the_socket(#[case] text: &str, #[case] code: &str, #[case] closed: u16) {
        let ending = Ask::read(text).err().unwrap();
        assert_eq!(ending.frame(), Some((closed, code)));
    }

    #[test]
    fn what_is_too_large_ends_the_socket() {
        let message = |blanks: usize| format!(r#"{}{{"type":"unsubscribe","content_ids":[]}}"#, " ".repeat(blanks));
        let most = MAX_MESSAGE - message(0).len();
        assert!(Ask::read(&message(most)).is_ok());
        let ending = Ask::read(&message(most + 1)).err().unwrap();
        assert_eq!(ending.frame(), Some((1009, "message_too_large")));
    }

    #[test]
    fn what_is_told_has_its_documented_shape() {
        let updated = Say::Updated { content_id: ID.parse().unwrap(), position: 7 };
        assert_eq!(updated.text(), format!(r#"{{"event":"content:updated","content_id":"{ID}","position":7}}"#));
        assert_eq!(Say::Subscribed { titles: 2 }.text(), r#"{"event":"subscribed","titles":2}"#);
        assert_eq!(Say::Refreshed.text(), r#"{"event":"refreshed"}"#);
        let error = ApiError::invalid("bad", "It is bad.");
        assert_eq!(Say::error(&error).text(), r#"{"event":"error","code":"bad","detail":"It is bad."}"#);
        let later = error.retry_after(std::time::Duration::from_millis(1_500));
        assert!(Say::error(&later).text().ends_with(r#","retry_after_ms":1500}"#));
    }
}
