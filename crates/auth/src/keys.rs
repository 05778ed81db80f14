//! Signing keys: made here, kept sealed, rotated with an overlap. RS256 by default, ES256 where asked for.

use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::{
    encoding::AsDer as _,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use contracts::ApiError;
use jiff::Timestamp;
use jsonwebtoken::{
    Algorithm, EncodingKey, Header,
    jwk::{Jwk, JwkSet, KeyAlgorithm, PublicKeyUse, ThumbprintHash},
};
use serde::Serialize;

use crate::{
    Auth,
    audit::Entry,
    config::{ACCESS_TTL, KEY_AGE, KEY_LEAD},
    store::trust::{self, KeyRow},
};

/// What new keys are for.
pub(crate) const ALGORITHMS: [&str; 2] = ["RS256", "ES256"];

/// A key that can sign.
pub(crate) struct Signer {
    pub id: String,
    pub algorithm: Algorithm,
    pub signs_from: Timestamp,
    private: Private,
    public: Jwk,
}

/// A private key that was read once: `jsonwebtoken` would read it, and check an RSA key, for every token.
enum Private {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

impl Private {
    fn read(algorithm: Algorithm, private: &[u8]) -> Option<Self> {
        if algorithm == Algorithm::ES256 {
            return EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, private).ok().map(Self::Ec);
        }
        RsaKeyPair::from_pkcs8(private).ok().map(Self::Rsa)
    }

    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).ok()?;
                Some(signature)
            }
            Self::Ec(pair) => Some(pair.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec()),
        }
    }
}

impl Signer {
    /// The compact form (RFC 7515, section 7.1).
    fn token<T: Serialize>(&self, typ: &str, claims: &T) -> Option<String> {
        let header = Header { typ: Some(typ.to_owned()), kid: Some(self.id.clone()), ..Header::new(self.algorithm) };
        let part = |json: Vec<u8>| BASE64_URL_SAFE_NO_PAD.encode(json);
        let (header, claims) = (serde_json::to_vec(&header).ok()?, serde_json::to_vec(claims).ok()?);
        let message = format!("{}.{}", part(header), part(claims));
        let signature = part(self.private.sign(message.as_bytes())?);
        Some(format!("{message}.{signature}"))
    }
}

/// The keys that this process has opened, the newest first.
#[derive(Default)]
pub(crate) struct Keys(RwLock<Arc<Vec<Signer>>>);

impl Keys {
    fn all(&self) -> Arc<Vec<Signer>> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set(&self, keys: Vec<Signer>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    /// The public keys.
    pub(crate) fn public(&self) -> JwkSet {
        JwkSet { keys: self.all().iter().map(|key| key.public.clone()).collect() }
    }
}

impl Auth {
    /// Opens the keys that are kept.
    pub(crate) async fn load_keys(&self) -> Result<(), ApiError> {
        let rows = trust::keys(&self.db, self.clock.now()).await?;
        let open = |row: &KeyRow| {
            let private = self.vault.open(&purpose(&row.id), &row.private_sealed)?;
            signer(&row.algorithm, &private, row.signs_from)
        };
        self.keys.set(rows.iter().map(open).collect::<Result<_, _>>()?);
        Ok(())
    }

    /// Makes the first keys where there are none, and opens them.
    pub(crate) async fn ensure_keys(&self) -> Result<(), ApiError> {
        if !self.keys.all().is_empty() {
            return Ok(());
        }
        self.load_keys().await?;
        if !self.keys.all().is_empty() {
            return Ok(());
        }
        // Made before the lock: making one takes a while.
        let mut made = Vec::new();
        for algorithm in ALGORITHMS {
            made.push(self.make_key(algorithm, self.clock.now()).await?);
        }
        let mut tx = self.db.begin().await?;
        tx.lock("auth signing keys").await?;
        if !trust::has_keys(&mut tx).await? {
            for key in &made {
                trust::insert_key(&mut tx, key).await?;
            }
        }
        self.state(tx, Entry::by_client("keys.created", "media-gateway"), &[self.changed()]).await?;
        self.load_keys().await?;
        self.reload().await
    }

    /// Makes a new key of each algorithm: published now, signing soon, while the old ones verify until what they signed
    /// has expired.
    pub(crate) async fn rotate(&self, entry: Entry) -> Result<Vec<String>, ApiError> {
        self.ensure_keys().await?;
        let now = self.clock.now();
        let signs_from = now.checked_add(KEY_LEAD).unwrap_or(now);
        let until = signs_from.checked_add(ACCESS_TTL + KEY_LEAD).unwrap_or(now);
        let mut made = Vec::new();
        for algorithm in ALGORITHMS {
            made.push(self.make_key(algorithm, signs_from).await?);
        }
        let mut tx = self.db.begin().await?;
        tx.lock("auth signing keys").await?;
        for key in &made {
            trust::insert_key(&mut tx, key).await?;
            trust::retire_others(&mut tx, &key.algorithm, &key.id, until).await?;
        }
        self.state(tx, entry, &[self.changed()]).await?;
        self.load_keys().await?;
        self.reload().await?;
        Ok(made.into_iter().map(|key| key.id).collect())
    }

    /// Lets new keys take over from those that sign and seal, where these are past their time.
    pub(crate) async fn renew(&self) -> Result<(), ApiError> {
        // What seals may be elsewhere: while it can't be had, those that sign are changed all the same.
        let sealed = self.seal_in_time().await;
        self.rotate_in_time().await.and(sealed)
    }

    /// Makes new keys when those that sign are old enough. Two processes that do so at once make more than is needed, and
    /// one of them signs.
    async fn rotate_in_time(&self) -> Result<(), ApiError> {
        let now = self.clock.now();
        let keys = trust::keys(&self.db, now).await?;
        let newest = keys.iter().filter(|key| key.verifies_until.is_none()).map(|key| key.signs_from).max();
        if newest.is_some_and(|signs_from| now.duration_since(signs_from) >= KEY_AGE) {
            self.rotate(Entry::by("keys.rotated", "system".to_owned())).await?;
        }
        Ok(())
    }

    /// Signs claims as a token of type `typ`.
    pub(crate) async fn sign<T: Serialize + Sync>(&self, typ: &str, claims: &T) -> Result<String, ApiError> {
        self.ensure_keys().await?;
        let (keys, now) = (self.keys.all(), self.clock.now());
        let usable = keys.iter().find(|key| key.algorithm == self.config.algorithm && key.signs_from <= now);
        let key = usable.ok_or_else(|| ApiError::unavailable("no_signing_key", "there is no key to sign with"))?;
        key.token(typ, claims).ok_or_else(|| ApiError::internal("a token could not be signed"))
    }

    async fn make_key(&self, algorithm: &'static str, signs_from: Timestamp) -> Result<KeyRow, ApiError> {
        let failed = || ApiError::internal("a signing key could not be made");
        let private = tokio::task::spawn_blocking(move || generate(algorithm)).await.ok().flatten();
        let private = private.ok_or_else(failed)?;
        let signer = signer(algorithm, &private, signs_from)?;
        Ok(KeyRow {
            private_sealed: self.vault.seal(&purpose(&signer.id), &private)?,
            public: serde_json::to_string(&signer.public).map_err(|_| failed())?,
            id: signer.id,
            algorithm: algorithm.to_owned(),
            created_at: self.clock.now(),
            signs_from,
            verifies_until: None,
        })
    }
}

pub(crate) fn purpose(id: &str) -> String {
    format!("signing key {id}")
}

/// A new key pair as PKCS #8, from AWS-LC's own source of randomness and not the injected one: the library takes no
/// other, and a signing key that a seed could make again would be no secret.
fn generate(algorithm: &str) -> Option<Vec<u8>> {
    if algorithm == "ES256" {
        let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).ok()?;
        return Some(pair.as_ref().to_vec());
    }
    let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).ok()?;
    Some(pair.as_der().ok()?.as_ref().to_vec())
}

/// A signer from PKCS #8. Its id is the thumbprint of its public key (RFC 7638).
fn signer(algorithm: &str, private: &[u8], signs_from: Timestamp) -> Result<Signer, ApiError> {
    let failed = |_| ApiError::internal("a signing key can't be read");
    let (encoding, algorithm, name) = if algorithm == "ES256" {
        (EncodingKey::from_ec_der(private), Algorithm::ES256, KeyAlgorithm::ES256)
    } else {
        let text = BASE64_STANDARD.encode(private);
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
        (EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(failed)?, Algorithm::RS256, KeyAlgorithm::RS256)
    };
    let mut public = Jwk::from_encoding_key(&encoding, algorithm).map_err(failed)?;
    let id = public.thumbprint(ThumbprintHash::SHA256).map_err(failed)?;
    public.common.key_id = Some(id.clone());
    public.common.key_algorithm = Some(name);
    public.common.public_key_use = Some(PublicKeyUse::Signature);
    let private = Private::read(algorithm, private).ok_or_else(|| ApiError::internal("a signing key can't be read"))?;
    Ok(Signer { id, algorithm, signs_from, private, public })
}
