//! What a PostgreSQL server keeps in place of a password (RFC 5802 and 7677), so that it need never be told the password.

use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::error::DbError;

/// As often as the server itself would.
const ITERATIONS: NonZeroU32 = NonZeroU32::MIN.saturating_add(4_095);

/// The verifier of a password, which is of printable ASCII: of another the standard would have a normal form hashed.
///
/// # Errors
/// `Value` when it is of anything else.
pub(crate) fn verifier(password: &str, salt: &[u8; 16]) -> Result<String, DbError> {
    if !password.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(DbError::Value("a password of the database has to be of printable ASCII".to_owned()));
    }
    let mut salted = [0; digest::SHA256_OUTPUT_LEN];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ITERATIONS, salt, password.as_bytes(), &mut salted);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &salted);
    let client = hmac::sign(&key, b"Client Key");
    let stored = digest::digest(&digest::SHA256, client.as_ref());
    let server = hmac::sign(&key, b"Server Key");
    let [salt, stored, server] =
        [&salt[..], stored.as_ref(), server.as_ref()].map(|bytes| BASE64_STANDARD.encode(bytes));
    Ok(format!("SCRAM-SHA-256${ITERATIONS}:{salt}${stored}:{server}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchange of RFC 7677, section 3: the proof and the signature that both sides show come of the two keys.
    #[test]
    fn the_keys_are_those_of_the_standards_example() {
        let decoded = |text: &str| BASE64_STANDARD.decode(text).unwrap();
        let salt = "W22ZaJ0SNY7soEsUEjb6gQ==";
        let verifier = verifier("pencil", &decoded(salt).try_into().unwrap()).unwrap();
        let keys = verifier.strip_prefix(&format!("SCRAM-SHA-256$4096:{salt}$")).unwrap();
        let (stored, server) = keys.split_once(':').map(|(stored, server)| (decoded(stored), decoded(server))).unwrap();
        let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let said = format!("n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s={salt},i=4096,c=biws,r={nonce}");
        let signed = |key: &[u8]| -> Vec<u8> {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), said.as_bytes()).as_ref().into()
        };
        assert_eq!(signed(&server), decoded("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
        let proof = decoded("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
        let client: Vec<u8> = proof.iter().zip(signed(&stored)).map(|(a, b)| a ^ b).collect();
        assert_eq!(digest::digest(&digest::SHA256, &client).as_ref(), stored);
    }

    #[test]
    fn what_would_have_another_form_has_no_verifier() {
        for odd in ["p\u{e9}ncil", "two\nlines"] {
            assert!(matches!(verifier(odd, &[7; 16]), Err(DbError::Value(_))), "{odd:?}");
        }
    }
}
