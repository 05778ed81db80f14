//! Time-based one-time passwords (RFC 6238): six digits of HMAC-SHA-1, a new one each half minute, as every authenticator
//! has them.

use aws_lc_rs::hmac;
use jiff::Timestamp;
use url::form_urlencoded;

use crate::secret;

/// Bytes of a secret: as many as the hash has (RFC 4226, section 4).
pub(crate) const SECRET: usize = 20;
const STEP_SECONDS: i64 = 30;
/// How many steps the authenticator's clock may be off, either way.
const DRIFT: i64 = 1;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The step whose password `code` is, if it is one of now and later than `last`.
pub(crate) fn step_of(secret: &[u8], code: &str, now: Timestamp, last: i64) -> Option<i64> {
    let current = now.as_second().div_euclid(STEP_SECONDS);
    let typed: String = code.chars().filter(|letter| !letter.is_whitespace()).collect();
    let fits = |step: &i64| *step > last && secret::same(password(secret, *step).as_bytes(), typed.as_bytes());
    (current - DRIFT..=current + DRIFT).find(fits)
}

/// The password of a step (RFC 4226, section 5.3).
fn password(secret: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[tag.len() - 1] & 0xf);
    let word = tag[at..at + 4].iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) & 0x7fff_ffff;
    format!("{:06}", word % 1_000_000)
}

/// A secret as people type it: base 32 without padding (RFC 4648, section 6).
pub(crate) fn base32(bytes: &[u8]) -> String {
    let bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect::<Vec<_>>();
    let digit = |bits: &[u8]| bits.iter().fold(0, |digit, bit| digit << 1 | usize::from(*bit)) << (5 - bits.len());
    bits.chunks(5).map(|bits| char::from(BASE32[digit(bits)])).collect()
}

/// The address that an authenticator on the same device opens (the key URI format).
pub(crate) fn address(secret: &str, issuer: &str, account: &str) -> String {
    let escaped = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    let (issuer, account) = (escaped(issuer), escaped(account));
    format!("otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&digits=6&period={STEP_SECONDS}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last six digits of RFC 6238, appendix B, for SHA-1.
    #[test]
    fn the_examples_of_the_standard() {
        for (second, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(password(b"12345678901234567890", second / STEP_SECONDS), expected, "{second}");
        }
    }

    #[test]
    fn a_password_is_good_around_its_time_and_once() {
        let (secret, now) = (b"12345678901234567890", Timestamp::from_second(1_111_111_111).unwrap());
        let step = now.as_second() / STEP_SECONDS;
        for off in -3..=3 {
            let found = step_of(secret, &password(secret, step + off), now, 0);
            assert_eq!(found, (off.abs() <= DRIFT).then_some(step + off), "{off}");
        }
        assert_eq!(step_of(secret, " 050 471 ", now, 0), Some(step));
        assert_eq!(step_of(secret, "050471", now, step), None, "it was used");
        for wrong in ["", "50471", "0050471", "05047l", "000000"] {
            assert_eq!(step_of(secret, wrong, now, 0), None, "{wrong}");
        }
    }

    /// RFC 4648, section 10, without padding.
    #[test]
    fn secrets_are_written_in_base_32() {
        for (bytes, text) in [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foobar", "MZXW6YTBOI")] {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
    }
}
