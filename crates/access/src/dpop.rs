//! Demonstrating proof of possession (RFC 9449): the proof that the sender holds the key its token is bound to.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use contracts::{ApiError, ErrorKind};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{AlgorithmParameters, ThumbprintHash},
};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// How old a proof may be, and how far ahead the sender's clock.
pub const MAX_PROOF_AGE: SignedDuration = SignedDuration::from_secs(60);
/// The longest proof that is looked at, in characters.
const MAX_PROOF: usize = 4_096;
/// The most proofs that are remembered; when full, proofs are refused until some have ended.
const MAX_REPLAYS: usize = 100_000;
const AHEAD: SignedDuration = SignedDuration::from_secs(5);

/// What a proof must be about.
pub struct Expectation<'a> {
    /// The method of the request.
    pub method: &'a str,
    /// Its address, without query and fragment.
    pub url: &'a str,
    /// The access token beside it, at a resource.
    pub token: Option<&'a str>,
    /// Now.
    pub now: Timestamp,
}

/// What a proof proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    /// The thumbprint of the key.
    pub jkt: String,
    /// The proof's id.
    pub jti: String,
}

#[derive(Deserialize)]
struct ProofClaims {
    jti: String,
    htm: String,
    htu: String,
    iat: i64,
    ath: Option<String>,
}

impl Expectation<'_> {
    /// Checks a proof in every respect but whether it was seen before.
    ///
    /// # Errors
    /// `Unauthenticated` with `bad_dpop_proof`.
    pub fn check(&self, proof: &str) -> Result<Proved, ApiError> {
        if proof.len() > MAX_PROOF {
            return Err(refused("the DPoP proof is too long"));
        }
        let header = decode_header(proof).map_err(|_| refused("the DPoP proof is not a JWT"))?;
        if header.typ.as_deref() != Some("dpop+jwt") {
            return Err(refused("the DPoP proof is not of type dpop+jwt"));
        }
        if shows_private(proof) {
            return Err(refused("the key of the DPoP proof is not a public one"));
        }
        let jwk = header.jwk.ok_or_else(|| refused("the DPoP proof has no key"))?;
        let fits = matches!(
            (&jwk.algorithm, header.alg),
            (AlgorithmParameters::EllipticCurve(_), Algorithm::ES256) | (AlgorithmParameters::RSA(_), Algorithm::RS256)
        );
        if !fits {
            return Err(refused("the DPoP proof must be signed with ES256 or RS256"));
        }
        let key = DecodingKey::from_jwk(&jwk).map_err(|_| refused("the key of the DPoP proof can't be read"))?;
        let claims = decode::<ProofClaims>(proof, &key, &plain(header.alg))
            .map_err(|_| refused("the DPoP proof is not signed by its key"))?
            .claims;
        self.check_claims(&claims)?;
        let jkt = jwk.thumbprint(ThumbprintHash::SHA256).map_err(|_| refused("the key can't be named"))?;
        Ok(Proved { jkt, jti: claims.jti })
    }

    fn check_claims(&self, claims: &ProofClaims) -> Result<(), ApiError> {
        let issued =
            Timestamp::from_second(claims.iat).map_err(|_| refused("the time of the DPoP proof is no time"))?;
        let age = self.now.duration_since(issued);
        if claims.htm != self.method || trimmed(&claims.htu) != self.url {
            return Err(refused("the DPoP proof is for another request"));
        }
        if age > MAX_PROOF_AGE || age < -AHEAD {
            return Err(refused("the DPoP proof is too old, or ahead of time"));
        }
        if claims.jti.is_empty() || claims.jti.len() > 256 {
            return Err(refused("the DPoP proof has no id"));
        }
        let wanted = self.token.map(|token| BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(token)));
        if wanted.is_some() && wanted != claims.ath {
            return Err(refused("the DPoP proof is for another token"));
        }
        Ok(())
    }
}

/// Whether the key in a proof's header has a private part (RFC 9449, section 4.3): who reads the proof could sign with it.
fn shows_private(proof: &str) -> bool {
    const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
    let head = proof.split('.').next().and_then(|head| BASE64_URL_SAFE_NO_PAD.decode(head).ok());
    let head: Option<Value> = head.and_then(|head| serde_json::from_slice(&head).ok());
    head.is_some_and(|head| PRIVATE.iter().any(|part| !head["jwk"][part].is_null()))
}

/// A validation of the signature alone: the time is ours to check, by our clock.
pub(crate) fn plain(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    validation
}

fn trimmed(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

fn refused(detail: &str) -> ApiError {
    ApiError::new(ErrorKind::Unauthenticated, "bad_dpop_proof", detail)
}

/// The proofs that were seen lately in this process, so that none is good twice.
#[derive(Default)]
pub struct Replays(Mutex<HashMap<[u8; 32], Timestamp>>);

impl Replays {
    /// Remembers a proof.
    ///
    /// # Errors
    /// `Unauthenticated` with `bad_dpop_proof` when it was seen before; `TooManyRequests` when too many are remembered.
    pub fn once(&self, proved: &Proved, now: Timestamp) -> Result<(), ApiError> {
        let name = Sha256::digest(format!("{}\n{}", proved.jkt, proved.jti)).into();
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MAX_REPLAYS {
            seen.retain(|_, until| *until > now);
        }
        if seen.len() >= MAX_REPLAYS {
            return Err(ApiError::new(ErrorKind::TooManyRequests, "too_many_proofs", "too many DPoP proofs at once"));
        }
        let until = now.checked_add(MAX_PROOF_AGE + AHEAD).unwrap_or(Timestamp::MAX);
        match seen.insert(name, until) {
            Some(end) if end > now => Err(refused("the DPoP proof was used before")),
            _ => Ok(()),
        }
    }
}
