//! (pure) Whether a message is its sender's: the symmetric signatures of Standard Webhooks 1.0.
//!
//! Signed is `{id}.{timestamp}.{body}` with HMAC-SHA256. A message may bear several signatures and a source may have
//! several secrets, so that a secret is changed without a message lost.

use base64::{Engine, engine::general_purpose::STANDARD};
use contracts::{ApiError, ErrorKind, Result};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

/// How far a message's time may be from ours, in seconds.
const TOLERANCE: i64 = 5 * 60;
/// The most signatures of a message that are looked at.
const MAX_SIGNATURES: usize = 10;
/// The longest id of a message, in characters.
const MAX_ID: usize = 200;
/// A secret has 24 to 64 bytes.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// What messages are signed with.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Reads `whsec_` and base64; `None` for what is no secret of 24 to 64 bytes.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.trim().strip_prefix("whsec_")?).ok()?;
        SECRET_BYTES.contains(&bytes.len()).then_some(Self(bytes))
    }

    fn mac(&self, id: &str, timestamp: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        Some(mac)
    }
}

/// A message as it came.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// The header `webhook-id`: the same for every try to deliver it.
    pub id: &'a str,
    /// The header `webhook-timestamp`: seconds since 1970.
    pub timestamp: &'a str,
    /// The header `webhook-signature`: `v1,` and base64, several with blanks between.
    pub signature: &'a str,
    /// The body, byte by byte.
    pub body: &'a [u8],
}

impl Signed<'_> {
    /// Holds it to its signature and time.
    ///
    /// # Errors
    /// `webhook_headers` for an id or time that is none, `webhook_signature` when no secret made any signature,
    /// `webhook_expired` when it is more than five minutes old, or ahead.
    pub fn verify(&self, secrets: &[Secret], now: Timestamp) -> Result<()> {
        let plain = |c: char| c.is_ascii_graphic() && c != '.';
        if self.id.is_empty() || self.id.len() > MAX_ID || !self.id.chars().all(plain) {
            let detail = format!("`webhook-id` must have 1 to {MAX_ID} characters without blanks and dots");
            return Err(ApiError::invalid("webhook_headers", detail));
        }
        let seconds: i64 = self
            .timestamp
            .parse()
            .map_err(|_| ApiError::invalid("webhook_headers", "`webhook-timestamp` must be seconds since 1970"))?;
        let given = self.signature.split(' ').filter_map(|one| one.strip_prefix("v1,")).take(MAX_SIGNATURES);
        let given: Vec<Vec<u8>> = given.filter_map(|one| STANDARD.decode(one).ok()).collect();
        let made = |secret: &Secret| {
            // Each is compared in constant time.
            let good = |one: &Vec<u8>| {
                secret.mac(self.id, self.timestamp, self.body).is_some_and(|mac| mac.verify_slice(one).is_ok())
            };
            given.iter().any(good)
        };
        if !secrets.iter().any(made) {
            let detail = "none of the signatures in `webhook-signature` was made with the secret of this source";
            return Err(ApiError::new(ErrorKind::Unauthenticated, "webhook_signature", detail));
        }
        if (now.as_second() - seconds).abs() > TOLERANCE {
            let detail = "the message is not of the last five minutes: send it anew, signed with the present time";
            return Err(ApiError::new(ErrorKind::Unauthenticated, "webhook_expired", detail));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn check(change: impl FnOnce(&mut Signed<'static>), secrets: &[&str], now: i64) -> Option<String> {
        // The example of the specification.
        let mut message = Signed {
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
            timestamp: "1614265330",
            signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            body: br#"{"test": 2432232314}"#,
        };
        change(&mut message);
        let secrets: Vec<Secret> = secrets.iter().map(|text| Secret::parse(text).unwrap()).collect();
        message.verify(&secrets, Timestamp::from_second(now).unwrap()).err().map(|error| error.code.to_string())
    }

    #[test]
    fn the_example_of_the_specification() {
        let other = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
        let now = 1_614_265_330;
        assert_eq!(check(|_| {}, &[SECRET], now), None);
        assert_eq!(check(|_| {}, &[other, SECRET], now), None, "while the secret changes");
        assert_eq!(
            check(|m| m.signature = "v1a,x v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", &[SECRET], now),
            None
        );
        let refused = |code: &str, found: Option<String>| assert_eq!(found.as_deref(), Some(code));
        refused("webhook_signature", check(|_| {}, &[other], now));
        refused("webhook_signature", check(|m| m.body = br#"{"test": 2432232315}"#, &[SECRET], now));
        refused("webhook_signature", check(|m| m.id = "msg_other", &[SECRET], now));
        refused("webhook_signature", check(|m| m.timestamp = "1614265331", &[SECRET], now));
        refused("webhook_signature", check(|m| m.signature = "", &[SECRET], now));
        refused("webhook_expired", check(|_| {}, &[SECRET], now + 301));
        refused("webhook_expired", check(|_| {}, &[SECRET], now - 301));
        assert_eq!(check(|_| {}, &[SECRET], now + 300), None);
        refused("webhook_headers", check(|m| m.timestamp = "today", &[SECRET], now));
        refused("webhook_headers", check(|m| m.id = "", &[SECRET], now));
        assert!(
            ["whsec_", "whsec_YQ==", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"].iter().all(|t| Secret::parse(t).is_none())
        );
    }
}
