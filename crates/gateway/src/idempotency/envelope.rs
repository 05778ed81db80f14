//! What is kept of a write: found by whoever sent it, compared under the deployment's secret, and opened with the
//! credentials alone that it was sent with. The database holds neither a password that was sent nor a secret that was
//! answered, nor what either could be tried against.

use access::sealed;
use aws_lc_rs::hmac;
use contracts::{Caller, Credential, Rng, Subject};
use sha2::{Digest, Sha256};

/// Finds, compares and opens what is kept of one write.
pub(super) struct Envelope {
    /// Which write it is, whatever credentials it is sent with.
    write: [u8; 32],
    /// What only the holder of those credentials can make.
    seal: [u8; 32],
}

impl Envelope {
    /// Of who sends a write, of what sets it apart from their others, and of the credentials that are shown with it:
    /// tokens last an hour, and what was done under one stays done under the next.
    pub(super) fn of(caller: &Caller, parts: &[&[u8]], credentials: &[u8]) -> Self {
        let sender = sender(caller);
        let all: Vec<&[u8]> = sender.iter().map(String::as_bytes).chain(parts.iter().copied()).collect();
        let write = digest(&all);
        Self { write, seal: tag(&digest(&[credentials]), "answer", &write) }
    }

    /// Under which name the write lies in the table, in hexadecimal. Every node finds it, whatever its secret.
    pub(super) fn scope(&self) -> String {
        hex(&self.write)
    }

    /// Whether two requests are the same, in hexadecimal. A plain hash would let whoever reads the table try passwords.
    pub(super) fn fingerprint(&self, secret: &[u8; 32], parts: &[&[u8]]) -> String {
        hex(&tag(secret, "idempotent request", &[self.write, digest(parts)].concat()))
    }

    /// Seals an answer; nothing where that can't be done, and it is then not kept.
    pub(super) fn seal(&self, rng: &Rng, plain: &[u8]) -> Option<Vec<u8>> {
        sealed::seal(rng, &self.seal, "", plain)
    }

    /// Opens what [`Envelope::seal`] sealed for the same write, sent with the same credentials.
    pub(super) fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        sealed::open(&self.seal, "", sealed)
    }
}

/// Who a caller is, whichever of their tokens they show. Somebody's clients and keys are programs apart, and each names
/// its writes by itself.
fn sender(caller: &Caller) -> Vec<String> {
    let who = match caller {
        Caller::Anonymous => return vec!["anonymous".to_owned()],
        Caller::Operator => return vec!["operator".to_owned()],
        Caller::System => return vec!["system".to_owned()],
        Caller::Identified(who) => who,
    };
    let kind = match who.subject {
        Subject::User(_) => "user",
        Subject::Service(_) => "service",
    };
    let key = match &who.credential {
        Credential::ApiKey(id) => id.clone(),
        Credential::Token { .. } => String::new(),
    };
    let org = who.org.map(|org| org.to_string()).unwrap_or_default();
    vec![kind.to_owned(), who.subject.to_string(), who.client.clone(), org, key]
}

fn tag(key: &[u8; 32], purpose: &str, text: &[u8]) -> [u8; 32] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let mut out = [0; 32];
    out.copy_from_slice(hmac::sign(&key, &[purpose.as_bytes(), text].concat()).as_ref());
    out
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
    use contracts::Identity;
    use serde_json::{Value, json};

    use super::*;

    const USER: &str = "01936f5e-0000-7000-8000-000000000001";

    fn token(last: char) -> Value {
        let id = format!("01936f5e-0000-7000-8000-00000000000{last}");
        json!({ "token": { "id": id, "family": null, "expires_at": "2027-01-01T00:00:00Z" } })
    }

    fn identity(subject: Value, client: &str, credential: Value) -> Caller {
        let role = serde_json::to_value(contracts::Role::BasicUser).unwrap();
        let identity = json!({ "subject": subject, "client": client, "org": null, "role": role,
            "scopes": "read:content", "credential": credential });
        Caller::Identified(serde_json::from_value::<Identity>(identity).unwrap().into())
    }

    #[test]
    fn only_the_credentials_that_sent_a_write_open_what_is_kept_of_it() {
        fn of(parts: &[&[u8]], credentials: &[u8]) -> Envelope {
            Envelope::of(&Caller::Operator, parts, credentials)
        }
        let (rng, own) = (testkit::rng(), of(&[b"/runs", b"k"], b"Bearer a"));
        let sealed = own.seal(&rng, b"mg_user_secret").unwrap();
        assert_eq!(of(&[b"/runs", b"k"], b"Bearer a").open(&sealed).unwrap(), b"mg_user_secret");
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        assert_ne!(own.seal(&rng, b"mg_user_secret").unwrap(), sealed);
        let fresh = of(&[b"/runs", b"k"], b"Bearer b");
        assert!(fresh.open(&sealed).is_none() && fresh.scope() == own.scope());
        assert_eq!(fresh.fingerprint(&[1; 32], &[b"a body"]), own.fingerprint(&[1; 32], &[b"a body"]));
        assert_ne!(own.fingerprint(&[2; 32], &[b"a password"]), own.fingerprint(&[1; 32], &[b"a password"]));
        // The last: parts don't run into one another.
        let others: [[&[u8]; 2]; 3] = [[b"/runs", b"l"], [b"/jobs", b"k"], [b"/run", b"sk"]];
        for other in others {
            let other = of(&other, b"Bearer a");
            assert!(other.open(&sealed).is_none() && other.scope() != own.scope());
            assert_ne!(other.fingerprint(&[1; 32], &[b"a password"]), own.fingerprint(&[1; 32], &[b"a password"]));
        }
        assert!(own.open(&sealed[..5]).is_none() && own.open(&[]).is_none());
        assert_eq!(own.open(&own.seal(&rng, b"").unwrap()).unwrap(), b"");
    }

    #[test]
    fn a_sender_is_the_same_under_each_of_their_tokens_and_nobody_else() {
        let (user, service) = (json!({ "user": USER }), json!({ "service": USER }));
        let scope = |caller: &Caller| Envelope::of(caller, &[b"k"], b"").scope();
        let of = |subject: &Value, client: &str, shown: Value| scope(&identity(subject.clone(), client, shown));
        assert_eq!(of(&user, "app", token('2')), of(&user, "app", token('3')));
        let apart = [
            of(&user, "app", token('2')),
            of(&user, "cli", token('2')),
            of(&service, "app", token('2')),
            of(&user, "", json!({ "api_key": "one" })),
            of(&user, "", json!({ "api_key": "two" })),
            scope(&Caller::Operator),
            scope(&Caller::Anonymous),
        ];
        let distinct: std::collections::BTreeSet<_> = apart.iter().collect();
        assert_eq!(distinct.len(), apart.len(), "{apart:?}");
    }
}
