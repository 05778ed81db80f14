//! Passkeys: what an authenticator says is held against what was asked (Web Authentication Level 3, sections 7.1 and 7.2).
//! Attestation is not asked for and, where it comes anyway, not looked at: any make of authenticator will do. Signatures are
//! AWS-LC's; a key is kept as the authenticator wrote it (COSE, RFC 9052).

use aws_lc_rs::{
    digest::{SHA256, digest},
    rsa::PublicKeyComponents,
    signature::{ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ciborium::Value;
use serde::Deserialize;

use crate::secret;

/// The longest credential id (section 5.8.3), and more than anything else an authenticator sends.
const MAX_ID: usize = 1_023;
const MAX_BYTES: usize = 16 * 1_024;

/// What was asked, and by whom.
pub(crate) struct Asked<'a> {
    /// The relying party: our domain.
    pub rp: &'a str,
    /// Our origin, as browsers write it.
    pub origin: &'a str,
    pub challenge: &'a [u8],
}

/// A new passkey.
#[derive(Debug)]
pub(crate) struct Registered {
    pub id: Vec<u8>,
    /// Its public key, as a COSE key.
    pub key: Vec<u8>,
    pub said: Said,
}

/// What an authenticator says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// It knows that it was its person: by a finger, a face or a number.
    pub user_verified: bool,
    /// The passkey is kept in more than one place.
    pub backed_up: bool,
    /// Grows with each use, or is always 0.
    pub count: u32,
}

type Held<T> = Result<T, &'static str>;

#[derive(Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default, rename = "crossOrigin")]
    cross_origin: bool,
    #[serde(rename = "topOrigin")]
    top_origin: Option<String>,
}

/// The challenge that a browser says it was given: to find what was asked by.
pub(crate) fn challenge_of(client_data: &[u8]) -> Option<Vec<u8>> {
    let data: ClientData = serde_json::from_slice(client_data.get(..client_data.len().min(MAX_BYTES))?).ok()?;
    BASE64_URL_SAFE_NO_PAD.decode(data.challenge).ok()
}

/// Holds a new passkey against what was asked (section 7.1).
pub(crate) fn register(asked: &Asked<'_>, client_data: &[u8], attestation: &[u8]) -> Held<Registered> {
    check_client_data(asked, client_data, "webauthn.create")?;
    let (value, rest) = cbor(attestation)?;
    let map = value.as_map().filter(|_| rest.is_empty()).ok_or("the attestation can't be read")?;
    let part = |name: &str| map.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value);
    let data = part("authData").and_then(Value::as_bytes).ok_or("the attestation holds no data")?;
    let (said, flags, rest) = authenticator_data(asked, data)?;
    if flags & ATTESTED == 0 {
        return Err("the authenticator made no passkey");
    }
    let rest = rest.get(16..).ok_or("the passkey is cut off")?;
    let (length, rest) = rest.split_at_checked(2).ok_or("the passkey is cut off")?;
    let length = usize::from(length[0]) << 8 | usize::from(length[1]);
    let (id, rest) = rest.split_at_checked(length).filter(|(id, _)| !id.is_empty()).ok_or("the passkey has no id")?;
    if id.len() > MAX_ID {
        return Err("the id of the passkey is too long");
    }
    let (_, after) = cbor(rest)?;
    let cose = &rest[..rest.len() - after.len()];
    read_key(cose)?;
    let (_, after) = if flags & EXTENSIONS == 0 { (Value::Null, after) } else { cbor(after)? };
    if !after.is_empty() {
        return Err("there is more than a passkey");
    }
    Ok(Registered { id: id.to_vec(), key: cose.to_vec(), said })
}

/// Holds what a passkey signed against what was asked (section 7.2).
pub(crate) fn sign_in(asked: &Asked<'_>, client_data: &[u8], data: &[u8], signature: &[u8], cose: &[u8]) -> Held<Said> {
    check_client_data(asked, client_data, "webauthn.get")?;
    let (said, flags, rest) = authenticator_data(asked, data)?;
    let rest = if flags & EXTENSIONS == 0 { rest } else { cbor(rest)?.1 };
    if flags & ATTESTED != 0 || !rest.is_empty() {
        return Err("there is more than a signature");
    }
    let signed = [data, digest(&SHA256, client_data).as_ref()].concat();
    read_key(cose)?.verify(&signed, signature).then_some(said).ok_or("the passkey did not sign this")
}

fn check_client_data(asked: &Asked<'_>, bytes: &[u8], kind: &str) -> Held<()> {
    if bytes.len() > MAX_BYTES {
        return Err("the browser says too much");
    }
    let data: ClientData = serde_json::from_slice(bytes).map_err(|_| "what the browser says can't be read")?;
    if data.kind != kind {
        return Err("the browser did something else");
    }
    let challenge = BASE64_URL_SAFE_NO_PAD.decode(&data.challenge).unwrap_or_default();
    if !secret::same(&challenge, asked.challenge) {
        return Err("the browser answers another question");
    }
    if data.origin != asked.origin || data.cross_origin || data.top_origin.is_some() {
        return Err("the browser was at another site");
    }
    Ok(())
}

const PRESENT: u8 = 1;
const VERIFIED: u8 = 1 << 2;
const MAY_BE_BACKED_UP: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const ATTESTED: u8 = 1 << 6;
const EXTENSIONS: u8 = 1 << 7;

/// The beginning of authenticator data (section 6.1): what it says, its flags, and what follows.
fn authenticator_data<'a>(asked: &Asked<'_>, data: &'a [u8]) -> Held<(Said, u8, &'a [u8])> {
    let (head, rest) = data.split_at_checked(37).filter(|_| data.len() <= MAX_BYTES).ok_or("the data is cut off")?;
    if head[..32] != *digest(&SHA256, asked.rp.as_bytes()).as_ref() {
        return Err("the passkey is another site's");
    }
    let flags = head[32];
    if flags & PRESENT == 0 {
        return Err("nobody was there");
    }
    if flags & BACKED_UP != 0 && flags & MAY_BE_BACKED_UP == 0 {
        return Err("the authenticator contradicts itself");
    }
    let count = head[33..37].iter().fold(0, |count, byte| count << 8 | u32::from(*byte));
    Ok((Said { user_verified: flags & VERIFIED != 0, backed_up: flags & BACKED_UP != 0, count }, flags, rest))
}

/// The first value of `bytes`, and what follows it.
fn cbor(bytes: &[u8]) -> Held<(Value, &[u8])> {
    if bytes.len() > MAX_BYTES {
        return Err("the authenticator says too much");
    }
    let mut rest = bytes;
    let value = ciborium::from_reader(&mut rest).map_err(|_| "what the authenticator says can't be read")?;
    Ok((value, rest))
}

/// A public key of one of the three kinds that we ask for.
enum Key {
    Es256(Vec<u8>),
    EdDsa(Vec<u8>),
    Rs256 { n: Vec<u8>, e: Vec<u8> },
}

/// Reads a COSE key (RFC 9053, section 7; RFC 8230 for RSA).
fn read_key(cose: &[u8]) -> Held<Key> {
    let wrong = "the passkey is of a kind that is not known here";
    let (value, rest) = cbor(cose)?;
    let map = value.as_map().filter(|_| rest.is_empty()).ok_or(wrong)?;
    let field = |label: i128| {
        let has = |key: &Value| key.as_integer().is_some_and(|key| i128::from(key) == label);
        map.iter().find(|(key, _)| has(key)).map(|(_, value)| value)
    };
    let number = |label| field(label).and_then(Value::as_integer).map(i128::from);
    let bytes = |label| field(label).and_then(Value::as_bytes).cloned().unwrap_or_default();
    let (x, y) = (bytes(-2), bytes(-3));
    match (number(1), number(3), number(-1)) {
        (Some(2), Some(-7), Some(1)) if x.len() == 32 && y.len() == 32 => Ok(Key::Es256([&[4][..], &x, &y].concat())),
        (Some(1), Some(-8), Some(6)) if x.len() == 32 => Ok(Key::EdDsa(x)),
        (Some(3), Some(-257), _) => Ok(Key::Rs256 { n: bytes(-1), e: x }),
        _ => Err(wrong),
    }
}

impl Key {
    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Es256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature).is_ok()
            }
            Self::EdDsa(point) => UnparsedPublicKey::new(&ED25519, point).verify(message, signature).is_ok(),
            Self::Rs256 { n, e } => {
                PublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
        }
    }
}

#[cfg(test)]
mod tests;
