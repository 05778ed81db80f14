//! Secrets: how they are made, hashed, sealed and found again. AES-256-GCM and HMAC-SHA-256 of AWS-LC.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    constant_time, hmac,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use contracts::{ApiError, Rng};
use sha2::{Digest, Sha256};

const NONCE: usize = 12;

/// A secret of 256 bits, as text for a URL.
pub(crate) fn fresh(rng: &Rng) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(rng.bytes::<32>())
}

/// What is kept of a secret: they have 128 bits or more, so that a plain hash can't be turned round.
pub(crate) fn hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}

/// Whether two secrets are the same, in a time that tells nothing.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// The keys of a deployment, each for one purpose, from its one secret.
pub(crate) struct Vault {
    rng: Rng,
    seal: [u8; 32],
    blind: hmac::Key,
    stamp: hmac::Key,
}

impl Vault {
    pub(crate) fn new(master: &[u8; 32], rng: Rng) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, master);
        let derive = |label: &str| tag(&root, label.as_bytes());
        let key = |label: &str| hmac::Key::new(hmac::HMAC_SHA256, &derive(label));
        Self { rng, seal: derive("seal"), blind: key("blind index"), stamp: key("stamp") }
    }

    /// A keyed hash of an address, to find its account by.
    pub(crate) fn blind(&self, address: &str) -> Vec<u8> {
        tag(&self.blind, address.trim().to_lowercase().as_bytes()).to_vec()
    }

    /// A tag that only this deployment can make: for forms and links of ours.
    pub(crate) fn stamp(&self, purpose: &str, text: &str) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(tag(&self.stamp, format!("{purpose}\n{text}").as_bytes()))
    }

    /// Whether `stamp` is the tag of `text`.
    pub(crate) fn stamped(&self, purpose: &str, text: &str, stamp: &str) -> bool {
        same(self.stamp(purpose, text).as_bytes(), stamp.as_bytes())
    }

    /// Seals under the deployment's key.
    pub(crate) fn seal(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, ApiError> {
        seal(&self.rng, &self.seal, purpose, plain)
    }

    /// Opens what [`Vault::seal`] sealed for the same purpose.
    pub(crate) fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, ApiError> {
        open(&self.seal, purpose, sealed).ok_or_else(|| {
            ApiError::internal("what was sealed can't be opened: was it written under another `auth.secret_file`?")
        })
    }

    /// Seals under another key: a person's, or one that its holder brings.
    pub(crate) fn seal_under(&self, key: &[u8; 32], purpose: &str, plain: &[u8]) -> Result<Vec<u8>, ApiError> {
        seal(&self.rng, key, purpose, plain)
    }
}

/// The key that a token is to what is kept for its holder.
pub(crate) fn key_of(token: &str) -> [u8; 32] {
    tag(&hmac::Key::new(hmac::HMAC_SHA256, token.as_bytes()), b"reply")
}

fn tag(key: &hmac::Key, text: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(hmac::sign(key, text).as_ref());
    out
}

fn seal(rng: &Rng, key: &[u8; 32], purpose: &str, plain: &[u8]) -> Result<Vec<u8>, ApiError> {
    let failed = |_| ApiError::internal("a secret could not be sealed");
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(failed)?);
    let nonce: [u8; NONCE] = rng.bytes();
    let mut text = plain.to_vec();
    let nonce_of = Nonce::assume_unique_for_key(nonce);
    key.seal_in_place_append_tag(nonce_of, Aad::from(purpose.as_bytes()), &mut text).map_err(failed)?;
    Ok([&nonce[..], &text].concat())
}

/// Opens what was sealed under `key` for `purpose`; `None` when it was not.
pub(crate) fn open(key: &[u8; 32], purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, text) = sealed.split_at_checked(NONCE)?;
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).ok()?);
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut text = text.to_vec();
    let plain = key.open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut text).ok()?;
    Some(plain.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_purpose_and_key_only() {
        let vault = Vault::new(&[7; 32], Rng::seeded(1));
        let sealed = vault.seal("email", b"ada@example.org").unwrap();
        assert_eq!(vault.open("email", &sealed).unwrap(), b"ada@example.org");
        assert!(vault.open("name", &sealed).is_err());
        assert!(Vault::new(&[8; 32], Rng::seeded(1)).open("email", &sealed).is_err());
        for at in 0..sealed.len() {
            let mut touched = sealed.clone();
            touched[at] ^= 1;
            assert!(vault.open("email", &touched).is_err(), "byte {at}");
        }
        assert!(vault.open("email", &sealed[..5]).is_err());
        assert_ne!(vault.seal("email", b"ada@example.org").unwrap(), sealed);
    }

    #[test]
    fn addresses_are_found_however_they_are_written() {
        let vault = Vault::new(&[7; 32], Rng::seeded(1));
        assert_eq!(vault.blind(" Ada@Example.org"), vault.blind("ada@example.org"));
        assert_ne!(vault.blind("ada@example.org"), vault.blind("ida@example.org"));
        assert!(vault.stamped("csrf", "a", &vault.stamp("csrf", "a")));
        assert!(!vault.stamped("next", "a", &vault.stamp("csrf", "a")));
    }
}
