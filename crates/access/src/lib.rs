//! Verification of tokens and keys, without I/O: signature, type, issuer, audience, time, proof of possession and
//! revocation, against a bounded snapshot that somebody else keeps fresh. Every role verifies; none trusts a header. And
//! how what is secret lies sealed.

mod api_key;
mod claims;
mod dpop;
mod look;
pub mod sealed;
mod snapshot;
mod verifier;

pub use api_key::{ApiKeyRecord, KeyKind, NewKey, SALT_BYTES, public_id};
pub use claims::{ACCESS_TOKEN_TYPE, Audience, Claims, Confirmation};
pub use dpop::{Expectation, MAX_PROOF_AGE, Proved, Replays};
pub use look::Looks;
pub use snapshot::{Live, MAX_AGE_LIMITS, MAX_API_KEYS, MAX_REVOCATIONS, Revoked, Snapshot, VERIFICATION};
pub use verifier::{Presented, Proof, Verifier, VerifierConfig};
