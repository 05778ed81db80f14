//! What lies sealed in a database: AES-256-GCM of AWS-LC, as a nonce of 12 bytes, the text, and a tag of 16.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use contracts::Rng;

/// Bytes of a nonce.
const NONCE: usize = 12;

/// Seals `plain` under `key` for `purpose`, under which alone it opens again; `None` when it is too long to be sealed.
pub fn seal(rng: &Rng, key: &[u8; 32], purpose: &str, plain: &[u8]) -> Option<Vec<u8>> {
    let nonce: [u8; NONCE] = rng.bytes();
    let mut text = plain.to_vec();
    let aad = Aad::from(purpose.as_bytes());
    key_of(key)?.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut text).ok()?;
    Some([&nonce[..], &text].concat())
}

/// Opens what was sealed under `key` for `purpose`; `None` when it was not.
pub fn open(key: &[u8; 32], purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, text) = sealed.split_at_checked(NONCE)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut text = text.to_vec();
    let plain = key_of(key)?.open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut text).ok()?;
    Some(plain.to_vec())
}

fn key_of(key: &[u8; 32]) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key).ok().map(LessSafeKey::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_key_and_purpose_as_it_was_sealed_only() {
        let rng = Rng::seeded(1);
        for plain in [&b"ada@example.org"[..], b""] {
            let sealed = seal(&rng, &[7; 32], "email", plain).unwrap();
            assert_eq!(sealed.len(), NONCE + plain.len() + 16);
            assert_eq!(open(&[7; 32], "email", &sealed).unwrap(), plain);
            assert_ne!(seal(&rng, &[7; 32], "email", plain).unwrap(), sealed);
            assert!(open(&[8; 32], "email", &sealed).is_none() && open(&[7; 32], "", &sealed).is_none());
            for at in 0..sealed.len() {
                let mut touched = sealed.clone();
                touched[at] ^= 1;
                assert!(open(&[7; 32], "email", &touched).is_none(), "byte {at}");
                assert!(open(&[7; 32], "email", &sealed[..at]).is_none(), "{at} bytes");
            }
        }
    }

    /// Test case 14 of the specification of GCM: what is stored is read by whoever has the key and the standard.
    #[test]
    fn what_is_sealed_is_laid_out_as_the_standard_has_it() {
        let text = 0xcea7_403d_4d60_6b6e_074e_c5d3_baf3_9d18_u128.to_be_bytes();
        let tag = 0xd0d1_c8a7_9999_6bf0_265b_98b5_d48a_b919_u128.to_be_bytes();
        assert_eq!(open(&[0; 32], "", &[&[0; NONCE][..], &text, &tag].concat()).unwrap(), [0; 16]);
    }
}
