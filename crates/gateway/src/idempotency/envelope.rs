//! What is kept of a write, under a key that only its sender can make again: of their credentials and the key they
//! chose. The database holds neither a password that was sent nor a secret that was answered, nor what either could be
//! tried against.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hmac,
};
use contracts::Rng;
use sha2::{Digest, Sha256};

/// Bytes of a nonce of AES-256-GCM.
const NONCE: usize = 12;

/// Finds, compares and opens what is kept of one write.
pub(super) struct Envelope([u8; 32]);

impl Envelope {
    /// Of whatever only the sender knows, and of what sets this write apart from their others.
    pub(super) fn of(parts: &[&[u8]]) -> Self {
        Self(digest(parts))
    }

    /// Under which name the write lies in the table, in hexadecimal.
    pub(super) fn scope(&self) -> String {
        hex(&self.tag("scope", &[]))
    }

    /// Whether two requests are the same, in hexadecimal. A plain hash would let whoever reads the table try passwords.
    pub(super) fn fingerprint(&self, parts: &[&[u8]]) -> String {
        hex(&self.tag("request", &digest(parts)))
    }

    /// Seals an answer; nothing where that can't be done, and it is then not kept.
    pub(super) fn seal(&self, rng: &Rng, plain: &[u8]) -> Option<Vec<u8>> {
        let nonce: [u8; NONCE] = rng.bytes();
        let mut text = plain.to_vec();
        self.key()?.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut text).ok()?;
        Some([&nonce[..], &text].concat())
    }

    /// Opens what [`Envelope::seal`] sealed for the same write.
    pub(super) fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.split_at_checked(NONCE)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let plain = self.key()?.open_in_place(nonce, Aad::empty(), &mut text).ok()?;
        Some(plain.to_vec())
    }

    fn key(&self) -> Option<LessSafeKey> {
        UnboundKey::new(&AES_256_GCM, &self.tag("answer", &[])).ok().map(LessSafeKey::new)
    }

    fn tag(&self, purpose: &str, text: &[u8]) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let mut out = [0; 32];
        out.copy_from_slice(hmac::sign(&key, &[purpose.as_bytes(), text].concat()).as_ref());
        out
    }
}

/// SHA-256 over the parts, each behind its length.
fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_sender_of_a_write_opens_what_is_kept_of_it() {
        let (rng, own) = (testkit::rng(), Envelope::of(&[b"Bearer a", b"k"]));
        let sealed = own.seal(&rng, b"mg_user_secret").unwrap();
        assert_eq!(Envelope::of(&[b"Bearer a", b"k"]).open(&sealed).unwrap(), b"mg_user_secret");
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        assert_ne!(own.seal(&rng, b"mg_user_secret").unwrap(), sealed);
        // The last: parts don't run into one another.
        let others: [[&[u8]; 2]; 3] = [[b"Bearer b", b"k"], [b"Bearer a", b"l"], [b"Bearer ", b"ak"]];
        for other in others {
            let other = Envelope::of(&other);
            assert!(other.open(&sealed).is_none() && other.scope() != own.scope());
            assert_ne!(other.fingerprint(&[b"a password"]), own.fingerprint(&[b"a password"]));
        }
        assert!(own.open(&sealed[..5]).is_none() && own.open(&[]).is_none());
        assert_eq!(own.open(&own.seal(&rng, b"").unwrap()).unwrap(), b"");
    }
}
