//! Secrets: how they are made, hashed, sealed and found again. AES-256-GCM and HMAC-SHA-256 of AWS-LC.

use std::sync::{Arc, PoisonError, RwLock};

use access::sealed;
pub(crate) use access::sealed::open;
use aws_lc_rs::{constant_time, hmac};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use contracts::{ApiError, Rng};
use sha2::{Digest, Sha256};

/// What begins everything that a key of the ring sealed; after it comes the key's id. What was sealed before there were
/// ids has neither.
const MARK: &[u8; 3] = b"kek";

/// What the key of blind indexes and stamps is sealed for.
pub(crate) const INDEX: &str = "index key";

/// The first bytes of what a key of the ring sealed.
pub(crate) type Head = [u8; 11];

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

/// A key that seals other keys.
struct Kek {
    head: Head,
    seal: [u8; 32],
}

impl Kek {
    fn new(secret: &[u8; 32]) -> Self {
        Self { head: head_of(secret), seal: derived(secret, "seal") }
    }
}

/// A key for one purpose.
fn derived(secret: &[u8; 32], label: &str) -> [u8; 32] {
    tag(&hmac::Key::new(hmac::HMAC_SHA256, secret), label.as_bytes())
}

/// How something begins that was sealed with this secret.
pub(crate) fn head_of(secret: &[u8; 32]) -> Head {
    let id = tag(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"id");
    let mut head = [0; 11];
    head[..3].copy_from_slice(MARK);
    head[3..].copy_from_slice(&id[..8]);
    head
}

/// The keys of a deployment that are held: one seals, each opens what it sealed. What is found by a keyed hash has a key of
/// its own, which is sealed like the others and never changes.
struct Ring {
    current: Arc<Kek>,
    keys: Vec<Arc<Kek>>,
    blind: hmac::Key,
    stamp: hmac::Key,
}

impl Ring {
    fn new(current: Arc<Kek>, keys: Vec<Arc<Kek>>, index: &[u8; 32]) -> Self {
        let key = |label: &str| hmac::Key::new(hmac::HMAC_SHA256, &derived(index, label));
        Self { current, keys, blind: key("blind index"), stamp: key("stamp") }
    }

    /// As [`Vault::hold`] says.
    fn of(secrets: &[[u8; 32]], current: Option<&[u8]>, index: Option<&[u8]>) -> Result<Self, ApiError> {
        let missing = || {
            let detail = "the secret that everything is sealed under is not among those of this node: put `auth.key` \
                back from the backup, or the secret on a line of its own in `auth.secret_file` or `peers.token_file`";
            ApiError::unavailable("sealing_key_missing", detail)
        };
        let keys: Vec<_> = secrets.iter().map(|secret| Arc::new(Kek::new(secret))).collect();
        let mut seals = keys.iter().zip(secrets).filter(|(key, _)| current.is_none_or(|head| head == key.head));
        let (current, secret) = seals.next().ok_or_else(missing)?;
        let index = match index {
            Some(sealed) => {
                open_with(&keys, INDEX, sealed).and_then(|plain| plain.try_into().ok()).ok_or_else(missing)?
            }
            None => *secret,
        };
        Ok(Self::new(Arc::clone(current), keys.clone(), &index))
    }
}

/// What seals and opens.
pub(crate) struct Vault {
    rng: Rng,
    ring: RwLock<Arc<Ring>>,
}

impl Vault {
    pub(crate) fn new(secret: &[u8; 32], rng: Rng) -> Self {
        let current = Arc::new(Kek::new(secret));
        Self { rng, ring: RwLock::new(Arc::new(Ring::new(Arc::clone(&current), vec![current], secret))) }
    }

    fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Holds these secrets from now on, and seals with the one whose head is `current`; the first where there is none.
    /// `index` is sealed under one of them: what blind indexes and stamps are made with. Without it that is the secret
    /// itself, as it was before there were several.
    ///
    /// # Errors
    /// When that one is not among them, or `index` can't be opened; everything then stays as it was.
    pub(crate) fn hold(
        &self,
        secrets: &[[u8; 32]],
        current: Option<&[u8]>,
        index: Option<&[u8]>,
    ) -> Result<(), ApiError> {
        let ring = Ring::of(secrets, current, index)?;
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        Ok(())
    }

    /// How what is sealed now begins.
    pub(crate) fn head(&self) -> Head {
        self.ring().current.head
    }

    /// The heads of every key that is held.
    pub(crate) fn heads(&self) -> Vec<Head> {
        self.ring().keys.iter().map(|key| key.head).collect()
    }

    /// A keyed hash of an address, to find its account by.
    pub(crate) fn blind(&self, address: &str) -> Vec<u8> {
        tag(&self.ring().blind, address.trim().to_lowercase().as_bytes()).to_vec()
    }

    /// A tag that only this deployment can make: for forms and links of ours.
    pub(crate) fn stamp(&self, purpose: &str, text: &str) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(tag(&self.ring().stamp, format!("{purpose}\n{text}").as_bytes()))
    }

    /// Whether `stamp` is the tag of `text`.
    pub(crate) fn stamped(&self, purpose: &str, text: &str, stamp: &str) -> bool {
        same(self.stamp(purpose, text).as_bytes(), stamp.as_bytes())
    }

    /// Seals under the deployment's key.
    pub(crate) fn seal(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, ApiError> {
        let ring = self.ring();
        Ok([&ring.current.head[..], &seal(&self.rng, &ring.current.seal, purpose, plain)?].concat())
    }

    /// Opens what [`Vault::seal`] sealed for the same purpose, under any key that is held.
    pub(crate) fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, ApiError> {
        open_with(&self.ring().keys, purpose, sealed).ok_or_else(|| {
            ApiError::internal("what was sealed can't be opened: was it written under another `auth.secret_file`?")
        })
    }

    /// Seals under another key: a person's, or one that its holder brings.
    pub(crate) fn seal_under(&self, key: &[u8; 32], purpose: &str, plain: &[u8]) -> Result<Vec<u8>, ApiError> {
        seal(&self.rng, key, purpose, plain)
    }
}

/// Whether [`Vault::hold`] would take these, and they open what lies in `sealed`, each beside what it was sealed for.
pub(crate) fn opens(
    secrets: &[[u8; 32]],
    current: Option<&[u8]>,
    index: Option<&[u8]>,
    sealed: &[(String, Vec<u8>)],
) -> bool {
    let Ok(ring) = Ring::of(secrets, current, index) else { return false };
    sealed.iter().all(|(purpose, sealed)| open_with(&ring.keys, purpose, sealed).is_some())
}

/// Opens what one of these keys sealed.
fn open_with(keys: &[Arc<Kek>], purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    let named = sealed.split_at_checked(MARK.len() + 8).and_then(|(head, sealed)| {
        let key = keys.iter().find(|key| key.head == head)?;
        open(&key.seal, purpose, sealed)
    });
    // From before there were ids: whichever opens it.
    named.or_else(|| keys.iter().find_map(|key| open(&key.seal, purpose, sealed)))
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
    sealed::seal(rng, key, purpose, plain).ok_or_else(|| ApiError::internal("a secret could not be sealed"))
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

    /// What the commit before the ring wrote: no head.
    #[test]
    fn what_was_sealed_before_keys_had_ids_opens() {
        let vault = Vault::new(&[7; 32], Rng::seeded(1));
        let before = vault.seal("email", b"ada").unwrap()[11..].to_vec();
        vault.hold(&[[8; 32], [7; 32]], None, None).unwrap();
        assert_eq!(vault.open("email", &before).unwrap(), b"ada");
    }

    #[test]
    fn a_new_key_seals_and_the_old_ones_open() {
        let vault = Vault::new(&[7; 32], Rng::seeded(1));
        let (old, blind) = (vault.seal("email", b"ada").unwrap(), vault.blind("ada@example.org"));
        let (stamp, index) = (vault.stamp("form", "a"), vault.seal(INDEX, &[7; 32]).unwrap());
        let none =
            |secrets: &[[u8; 32]], head: Option<&[u8]>| vault.hold(secrets, head, Some(&index)).unwrap_err().code;
        assert_eq!(none(&[[8; 32]], Some(&head_of(&[7; 32]))), "sealing_key_missing");
        assert_eq!(
            (none(&[], None), none(&[[8; 32]], None)),
            ("sealing_key_missing".into(), "sealing_key_missing".into())
        );
        assert_eq!(vault.open("email", &old).unwrap(), b"ada", "a ring that can't be is not taken");
        vault.hold(&[[8; 32], [7; 32]], Some(&head_of(&[8; 32])), Some(&index)).unwrap();
        let (new, moved) = (vault.seal("email", b"ada").unwrap(), vault.seal(INDEX, &[7; 32]).unwrap());
        assert!(new.starts_with(&head_of(&[8; 32])) && old.starts_with(&head_of(&[7; 32])));
        assert_eq!(
            (vault.open("email", &old).unwrap(), vault.open("email", &new).unwrap()),
            (b"ada".into(), b"ada".into())
        );
        vault.hold(&[[8; 32]], None, Some(&moved)).unwrap();
        assert!(vault.open("email", &old).is_err());
        // People are found, and forms are good, across the change.
        assert!(vault.blind("ada@example.org") == blind && vault.stamped("form", "a", &stamp));
        vault.hold(&[[8; 32]], None, None).unwrap();
        assert!(vault.blind("ada@example.org") != blind && !vault.stamped("form", "a", &stamp));
    }

    #[test]
    fn secrets_are_tried_on_what_is_sealed() {
        let (old, new) = (Vault::new(&[7; 32], Rng::seeded(1)), Vault::new(&[8; 32], Rng::seeded(2)));
        let signer = [("signer".to_owned(), old.seal("signer", b"key").unwrap())];
        let (head, index) = (head_of(&[8; 32]), new.seal(INDEX, &[9; 32]).unwrap());
        let tried =
            |secrets: &[[u8; 32]], signers: &[(String, Vec<u8>)]| opens(secrets, Some(&head), Some(&index), signers);
        assert!(tried(&[[8; 32]], &[]) && tried(&[[8; 32], [7; 32]], &signer));
        assert!(!tried(&[[7; 32]], &[]), "the one that seals is not there");
        assert!(!tried(&[[8; 32]], &signer), "what signs was not moved to it yet");
        // From before keys had ids.
        assert!(opens(&[[7; 32]], None, None, &signer) && !opens(&[[8; 32]], None, None, &signer));
    }
}
