//! API keys: `mg_user_`, `mg_svc_` or `mg_mcp_` and 128 random bits in base 62 (A4). Only a public id and a salted
//! SHA-256 are kept; the secret has 128 bits, so a slow hash would add nothing.

use contracts::{Credential, Identity, OrgId, Rng, Role, Scope, Scopes, Subject};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Digits of 128 bits in base 62.
const SECRET_CHARS: usize = 22;
/// Bytes of the salt of each key.
pub const SALT_BYTES: usize = 16;

/// For whom a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// A person's programs.
    User,
    /// A service.
    Service,
    /// A model's tools.
    Mcp,
}

impl KeyKind {
    const ALL: [Self; 3] = [Self::User, Self::Service, Self::Mcp];

    /// What its keys begin with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::User => "mg_user_",
            Self::Service => "mg_svc_",
            Self::Mcp => "mg_mcp_",
        }
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Service => "service",
            Self::Mcp => "mcp",
        }
    }

    /// The most that a key of this kind may ever do, whatever it was made for: none manages an account, what serves a
    /// model's tools only reads, and a program that stands for itself learns nothing of a person.
    pub fn reach(self) -> Scopes {
        let all = Scopes::all().without(Scope::ManageAccount);
        match self {
            Self::User => all,
            Self::Service => all.without(Scope::OpenId).without(Scope::Email).without(Scope::OfflineAccess),
            Self::Mcp => [Scope::ReadContent, Scope::ReadWatchlist, Scope::ReadPreferences, Scope::ReadDevices]
                .into_iter()
                .collect(),
        }
    }

    /// The kind of that word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What is kept of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyRecord {
    /// For whom it is.
    pub kind: KeyKind,
    /// Added before hashing.
    pub salt: [u8; SALT_BYTES],
    /// SHA-256 of salt and key.
    pub hash: [u8; 32],
    /// Whom it stands for.
    pub subject: Subject,
    /// What they are.
    pub role: Role,
    /// The organisation it acts in.
    pub org: Option<OrgId>,
    /// What it may do.
    pub scopes: Scopes,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// A key that was just made: the only moment at which it can be shown.
pub struct NewKey {
    /// The key.
    pub key: String,
    /// Its public id.
    pub public_id: String,
    /// Its salt.
    pub salt: [u8; SALT_BYTES],
    /// Its hash.
    pub hash: [u8; 32],
}

impl NewKey {
    /// Makes a key.
    pub fn generate(kind: KeyKind, rng: &Rng) -> Self {
        let mut number = u128::from_le_bytes(rng.bytes());
        let mut digits = [b'0'; SECRET_CHARS];
        for digit in digits.iter_mut().rev() {
            *digit = DIGITS[(number % 62) as usize];
            number /= 62;
        }
        let key = format!("{}{}", kind.prefix(), String::from_utf8_lossy(&digits));
        let salt = rng.bytes();
        Self { public_id: public_id_of(&key), hash: hash(&salt, &key), salt, key }
    }
}

/// The public id of something that looks like an API key; `None` for anything else.
///
/// It is taken from a hash of the key, so that the key keeps all its bits.
pub fn public_id(text: &str) -> Option<String> {
    let secret = KeyKind::ALL.into_iter().find_map(|kind| text.strip_prefix(kind.prefix()))?;
    let sane = secret.len() == SECRET_CHARS && secret.bytes().all(|byte| byte.is_ascii_alphanumeric());
    sane.then(|| public_id_of(text))
}

fn public_id_of(key: &str) -> String {
    let digest = Sha256::digest(format!("public id\n{key}"));
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn hash(salt: &[u8; SALT_BYTES], key: &str) -> [u8; 32] {
    Sha256::new().chain_update(salt).chain_update(key).finalize().into()
}

impl ApiKeyRecord {
    /// Who shows `key`, when it is this one and in force.
    pub(crate) fn check(&self, public_id: &str, key: &str, now: Timestamp) -> Option<Identity> {
        let same: bool = hash(&self.salt, key).ct_eq(&self.hash).into();
        let in_force = self.expires_at.is_none_or(|end| now < end);
        (same && in_force).then(|| Identity {
            subject: self.subject.clone(),
            client: match &self.subject {
                Subject::User(_) => String::new(),
                Subject::Service(client) => client.clone(),
            },
            org: self.org,
            role: self.role,
            scopes: self.scopes.and(&self.kind.reach()),
            credential: Credential::ApiKey(public_id.to_owned()),
            ages: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use contracts::UserId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_key_does_no_more_than_its_kind() {
        let (rng, nobody) = (Rng::seeded(1), || Subject::User(UserId(Uuid::nil())));
        for (kind, subject, client, may, may_not) in [
            (KeyKind::User, nobody(), "", Scope::WriteWatchlist, Scope::ManageAccount),
            (KeyKind::Service, Subject::Service("robot".into()), "robot", Scope::WriteWatchlist, Scope::Email),
            (KeyKind::Mcp, nobody(), "", Scope::ReadWatchlist, Scope::WriteWatchlist),
            (KeyKind::Mcp, nobody(), "", Scope::ReadContent, Scope::AdminFull),
        ] {
            let made = NewKey::generate(kind, &rng);
            let record = ApiKeyRecord {
                kind,
                salt: made.salt,
                hash: made.hash,
                subject,
                role: Role::BasicUser,
                org: None,
                // Whatever the row says.
                scopes: Scopes::all(),
                created_at: Timestamp::UNIX_EPOCH,
                expires_at: None,
            };
            let who = record.check(&made.public_id, &made.key, Timestamp::UNIX_EPOCH).unwrap();
            assert!(who.scopes.has(may) && !who.scopes.has(may_not), "{kind:?}: {}", who.scopes);
            assert_eq!(who.client, client);
            let other = NewKey::generate(kind, &rng).key;
            assert!(record.check(&made.public_id, &other, Timestamp::UNIX_EPOCH).is_none(), "an id is no key");
            let ended = ApiKeyRecord { expires_at: Some(Timestamp::UNIX_EPOCH), ..record };
            assert!(ended.check(&made.public_id, &made.key, Timestamp::UNIX_EPOCH).is_none(), "it has ended");
        }
    }

    /// 128 bits in base 62, of which none is lost; SHA-256 of salt and key is what is kept (A4).
    #[test]
    fn a_key_has_all_its_bits_and_its_salted_hash_is_kept() {
        for (kind, prefix) in [(KeyKind::User, "mg_user_"), (KeyKind::Service, "mg_svc_"), (KeyKind::Mcp, "mg_mcp_")] {
            let (made, drawn) = (NewKey::generate(kind, &Rng::seeded(2)), Rng::seeded(2));
            let digits = made.key.strip_prefix(prefix).unwrap();
            let place = |digit: u8| DIGITS.iter().position(|one| *one == digit).unwrap() as u128;
            let number = digits.bytes().fold(0_u128, |number, digit| number * 62 + place(digit));
            assert_eq!((digits.len(), number), (22, u128::from_le_bytes(drawn.bytes())), "{}", made.key);
            assert_eq!(made.salt, drawn.bytes::<SALT_BYTES>());
            let salted = [&made.salt[..], made.key.as_bytes()].concat();
            assert_eq!(made.hash, <[u8; 32]>::from(Sha256::digest(salted)));
        }
    }

    #[test]
    fn keys_have_the_documented_shape_and_their_own_ids() {
        let rng = Rng::seeded(1);
        for kind in KeyKind::ALL {
            let (one, two) = (NewKey::generate(kind, &rng), NewKey::generate(kind, &rng));
            assert!(one.key.starts_with(kind.prefix()) && one.key.len() == kind.prefix().len() + SECRET_CHARS);
            assert_eq!(public_id(&one.key).as_deref(), Some(one.public_id.as_str()));
            assert!(one.key != two.key && one.public_id != two.public_id && !one.key.contains(&one.public_id));
            assert_eq!(KeyKind::parse(kind.as_str()), Some(kind));
        }
        for wrong in
            ["", "mg_user_", "mg_user_short", "mg_root_0000000000000000000000", "mg_svc_00000000000000000000-0"]
        {
            assert_eq!(public_id(wrong), None, "{wrong}");
        }
    }
}
