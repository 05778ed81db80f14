//! Pages and the signed cursors that lead from one to the next.

use axum::extract::FromRequestParts;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use contracts::ApiError;
use hmac::{Hmac, KeyInit, Mac};
use http::request::Parts;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::Sha256;
use utoipa::ToSchema;

use crate::{Problem, caller};

/// How many items a page holds when the client does not say.
const DEFAULT_LIMIT: u32 = 20;
/// How many items a page may hold.
const MAX_LIMIT: u32 = 100;
/// The longest cursor that is looked at, in characters.
const MAX_CURSOR: usize = 1_024;
/// Half of an HMAC-SHA256: enough against forgery (RFC 2104, section 5).
const TAG: usize = 16;

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items, in the order of the list.
    pub items: Vec<T>,
    /// What to send as `cursor` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// The first `limit` of `items`, of which one more was asked for: it tells whether there is a next page, which
    /// begins after the position of the last one here.
    ///
    /// # Errors
    /// As [`Cursors::sign`].
    pub fn cut<P: Serialize>(
        mut items: Vec<T>,
        limit: usize,
        (cursors, scope): (&Cursors, &str),
        position: impl FnOnce(&T) -> P,
    ) -> Result<Self, ApiError> {
        let more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| more).map(position);
        let next_cursor = last.map(|place| cursors.sign(scope, &place)).transpose()?;
        Ok(Self { items, next_cursor })
    }
}

/// How many items the client asks for: 20 when it doesn't say.
///
/// # Errors
/// `bad_limit` outside of 1 to 100.
pub fn page_limit(limit: Option<u32>) -> Result<u32, ApiError> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if (1..=MAX_LIMIT).contains(&limit) {
        return Ok(limit);
    }
    let detail = format!("`limit` is {limit}, and a page holds 1 to {MAX_LIMIT} items");
    Err(ApiError::invalid("bad_limit", detail).field("limit", format!("must be from 1 to {MAX_LIMIT}")))
}

/// Signs and checks cursors; an extractor. A cursor is opaque to clients: base64url of a tag and the position in JSON.
#[derive(Clone)]
pub struct Cursors(Hmac<Sha256>);

impl Cursors {
    /// Cursors under `key`.
    pub fn new(key: &[u8; 32]) -> Self {
        // HMAC itself pads a short key with zeros to the length of a block.
        let mut block = [0; 64];
        block[..key.len()].copy_from_slice(key);
        Self(Hmac::new(&block.into()))
    }

    /// A cursor that leads to `position` of the list `scope`.
    ///
    /// `scope` names the list and its filters; it is bound into the signature, so that a cursor of one list is refused
    /// by another.
    ///
    /// # Errors
    /// `Internal` when the position can't be written as JSON.
    pub fn sign<T: Serialize>(&self, scope: &str, position: &T) -> Result<String, ApiError> {
        let position = serde_json::to_vec(position).map_err(|fault| {
            tracing::error!(%fault, scope, "a position in a list can't be written");
            ApiError::internal("the next page can't be named")
        })?;
        let mut cursor = self.mac(scope, &position).finalize().into_bytes()[..TAG].to_vec();
        cursor.extend(position);
        Ok(BASE64_URL_SAFE_NO_PAD.encode(cursor))
    }

    /// The position that [`Cursors::sign`] put into `cursor`.
    ///
    /// # Errors
    /// `bad_cursor` for anything that was not signed for this `scope`.
    pub fn verify<T: DeserializeOwned>(&self, scope: &str, cursor: &str) -> Result<T, ApiError> {
        let bad = || {
            ApiError::invalid("bad_cursor", "this cursor is not one that this list gave out")
                .field("cursor", "must be the `next_cursor` of a page of the same list")
        };
        if cursor.len() > MAX_CURSOR {
            return Err(bad());
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).map_err(|_| bad())?;
        let (tag, position) = bytes.split_at_checked(TAG).ok_or_else(bad)?;
        self.mac(scope, position).verify_truncated_left(tag).map_err(|_| bad())?;
        serde_json::from_slice(position).map_err(|_| bad())
    }

    fn mac(&self, scope: &str, position: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        // The length first, so that no scope and position run into one another.
        mac.update(&(scope.len() as u64).to_le_bytes());
        mac.update(scope.as_bytes());
        mac.update(position);
        mac
    }
}

impl<S: Sync> FromRequestParts<S> for Cursors {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self::new(&caller::frame(parts)?.cursor_key))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(None, Some(20))]
    #[case(Some(1), Some(1))]
    #[case(Some(100), Some(100))]
    #[case(Some(0), None)]
    #[case(Some(101), None)]
    fn limits(#[case] asked: Option<u32>, #[case] given: Option<u32>) {
        assert_eq!(page_limit(asked).ok(), given);
    }

    #[rstest]
    #[case(&[], 2, &[], None)]
    #[case(&[5, 6], 2, &[5, 6], None)]
    #[case(&[5, 6, 7], 2, &[5, 6], Some(6))]
    #[case(&[5, 6, 7], 1, &[5], Some(5))]
    fn a_page_leads_on_where_there_is_more(
        #[case] items: &[u64],
        #[case] limit: usize,
        #[case] kept: &[u64],
        #[case] after: Option<u64>,
    ) {
        let cursors = Cursors::new(&[7; 32]);
        let page = Page::cut(items.to_vec(), limit, (&cursors, "numbers"), |last| *last).unwrap();
        let next = page.next_cursor.map(|cursor| cursors.verify::<u64>("numbers", &cursor).unwrap());
        assert_eq!((page.items.as_slice(), next), (kept, after));
    }

    #[test]
    fn a_cursor_belongs_to_its_list_and_key() {
        let cursors = Cursors::new(&[7; 32]);
        let cursor = cursors.sign("movies", &42_u64).unwrap();
        assert_eq!(cursors.verify::<u64>("movies", &cursor).unwrap(), 42);
        assert_eq!(cursors.verify::<u64>("tv", &cursor).unwrap_err().code, "bad_cursor");
        assert_eq!(Cursors::new(&[8; 32]).verify::<u64>("movies", &cursor).unwrap_err().code, "bad_cursor");
        assert_eq!(cursors.verify::<u64>("movies", &"A".repeat(5_000)).unwrap_err().code, "bad_cursor");
    }

    proptest! {
        #[test]
        fn any_position_returns_and_any_change_is_refused(text in ".{0,40}", flip in 0..1_000_usize) {
            let cursors = Cursors::new(&[7; 32]);
            let cursor = cursors.sign("s", &text).unwrap();
            prop_assert_eq!(cursors.verify::<String>("s", &cursor).unwrap(), text);
            let mut broken = cursor.into_bytes();
            let at = flip % broken.len();
            broken[at] = if broken[at] == b'A' { b'B' } else { b'A' };
            let broken = String::from_utf8(broken).unwrap();
            prop_assert!(cursors.verify::<String>("s", &broken).is_err());
        }
    }
}
