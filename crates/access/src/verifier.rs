//! From a token or key to who holds it, or to a refusal.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use contracts::{ApiError, Clock, Credential, ErrorKind, Identity, Role, Subject, Validated};
use jiff::Timestamp;
use jsonwebtoken::{decode, decode_header};
use sha2::{Digest, Sha256};

use crate::{
    api_key,
    claims::{ACCESS_TOKEN_TYPE, Claims},
    dpop::{self, Expectation, Replays},
    snapshot::{Live, Revoked},
};

/// The longest token that is looked at, in characters.
const MAX_TOKEN: usize = 8_192;
/// How many verified tokens are remembered.
const MAX_CACHED: usize = 10_000;
/// How many uses of API keys are noted between two visits of whoever writes them down.
const MAX_USES: usize = 10_000;
/// How far the minting clock may be ahead of ours, in seconds.
const AHEAD_SECONDS: i64 = 5;

/// Whose tokens are good, and for which resource.
#[derive(Clone, Debug)]
pub struct VerifierConfig {
    /// The issuer.
    pub issuer: String,
    /// The resource that these routes are.
    pub audience: String,
}

/// The proof beside a token.
#[derive(Clone, Copy, Debug)]
pub struct Proof<'a> {
    /// The `DPoP` header.
    pub jwt: &'a str,
    /// The request's method.
    pub method: &'a str,
    /// The request's path.
    pub path: &'a str,
}

/// What a request shows.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    /// The token or key.
    pub token: &'a str,
    /// Whether it came under the scheme `DPoP`.
    pub dpop: bool,
    /// The proof beside it.
    pub proof: Option<Proof<'a>>,
}

impl<'a> Presented<'a> {
    /// A token under the scheme `Bearer`.
    pub fn bearer(token: &'a str) -> Self {
        Self { token, dpop: false, proof: None }
    }
}

struct Verified {
    identity: Arc<Identity>,
    minted: Timestamp,
    jkt: Option<String>,
    any: Vec<Revoked>,
}

/// Verifies tokens and keys. Cheap to share.
pub struct Verifier {
    config: VerifierConfig,
    clock: Clock,
    live: Arc<Live>,
    cache: RwLock<HashMap<[u8; 32], Arc<Verified>>>,
    replays: Replays,
    uses: Mutex<HashMap<String, Timestamp>>,
}

impl Verifier {
    /// Verifies for the resource of `config` with what `live` knows.
    pub fn new(config: VerifierConfig, clock: Clock, live: Arc<Live>) -> Self {
        let (cache, uses) = (RwLock::default(), Mutex::default());
        Self { config, clock, live, cache, replays: Replays::default(), uses }
    }

    /// What it verifies with.
    pub fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// Whose tokens, and for what.
    pub fn config(&self) -> &VerifierConfig {
        &self.config
    }

    /// Who shows this.
    ///
    /// # Errors
    /// `Unauthenticated` with `bad_token` or `bad_dpop_proof`; `Unavailable` when what it needs to know is too old.
    pub fn verify(&self, shown: Presented<'_>) -> Result<Arc<Identity>, ApiError> {
        let now = self.clock.now();
        self.live.fresh(now)?;
        if let Some(id) = api_key::public_id(shown.token) {
            return self.api_key(&id, shown.token, now).map(|identity| self.limited(&identity));
        }
        let verified = self.standing(shown.token, now)?;
        self.possession(&verified, shown, now)?;
        Ok(self.limited(&verified.identity))
    }

    /// Whether what was verified once still stands: it has not ended and was not revoked. Whoever showed it proved then to
    /// have its key, and does not prove it again. For connections that outlive their request.
    ///
    /// # Errors
    /// As [`Verifier::verify`].
    pub fn holds(&self, token: &str) -> Result<(), ApiError> {
        let now = self.clock.now();
        self.live.fresh(now)?;
        match api_key::public_id(token) {
            Some(id) => self.api_key(&id, token, now).map(drop),
            None => self.standing(token, now).map(drop),
        }
    }

    /// Whether what was refused may be good by now: it names a key that was not known, which may have been made a moment ago
    /// in another process, and whoever keeps the snapshot has looked and found it.
    pub async fn finds(&self, token: &str) -> bool {
        if !self.is_unknown(token) {
            return false;
        }
        self.live.looks().ask().await;
        !self.is_unknown(token)
    }

    /// Whether the key that it is, or is signed with, is not in the snapshot.
    fn is_unknown(&self, token: &str) -> bool {
        if let Some(id) = api_key::public_id(token) {
            return self.live.api_key(&id).is_none();
        }
        let header = (token.len() <= MAX_TOKEN).then(|| decode_header(token).ok()).flatten();
        header.and_then(|header| header.kid).is_some_and(|kid| self.live.key(&kid).is_none())
    }

    /// A token for us that is in force now.
    fn standing(&self, token: &str, now: Timestamp) -> Result<Arc<Verified>, ApiError> {
        let verified = self.token(token, now)?;
        if let Credential::Token { expires_at, .. } = verified.identity.credential
            && now >= expires_at
        {
            return Err(refused("this token has expired"));
        }
        if self.live.is_revoked(&verified.any, verified.minted) {
            return Err(refused("this token was revoked"));
        }
        Ok(verified)
    }

    /// Whoever it is, with the age limit that they have now.
    fn limited(&self, identity: &Arc<Identity>) -> Arc<Identity> {
        match identity.user().and_then(|user| self.live.ages(user)) {
            Some(ages) => Arc::new(Identity { ages: Some(ages), ..Identity::clone(identity) }),
            None => Arc::clone(identity),
        }
    }

    /// The uses of API keys since the last visit, for whoever writes them down.
    pub fn take_uses(&self) -> Vec<(String, Timestamp)> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner).drain().collect()
    }

    fn api_key(&self, id: &str, key: &str, now: Timestamp) -> Result<Arc<Identity>, ApiError> {
        let identity = self.live.api_key(id).and_then(|record| {
            let identity = record.check(id, key, now)?;
            let of = record.subject.to_string();
            let any = match record.subject {
                Subject::User(_) => Revoked::Subject(of),
                Subject::Service(_) => Revoked::Client(of),
            };
            (!self.live.is_revoked(&[any], record.created_at)).then_some(identity)
        });
        let identity = identity.ok_or_else(|| refused("this key is not one that we know, or has ended"))?;
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.len() < MAX_USES || uses.contains_key(id) {
            uses.insert(id.to_owned(), now);
        }
        Ok(Arc::new(identity))
    }

    /// A token's signature and claims, once for each token.
    fn token(&self, token: &str, now: Timestamp) -> Result<Arc<Verified>, ApiError> {
        let name: [u8; 32] = Sha256::digest(token).into();
        if let Some(known) = self.cache.read().unwrap_or_else(PoisonError::into_inner).get(&name) {
            return Ok(Arc::clone(known));
        }
        let verified = Arc::new(self.examine(token, now)?);
        let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= MAX_CACHED {
            cache.clear();
        }
        cache.insert(name, Arc::clone(&verified));
        Ok(verified)
    }

    /// The claims of an access token of ours that is in force, whatever it is for and to whatever key it is bound: for
    /// its issuer.
    ///
    /// # Errors
    /// As [`Verifier::verify`].
    pub fn read(&self, token: &str) -> Result<Claims, ApiError> {
        self.in_force(token).map(|(claims, _)| claims)
    }

    fn in_force(&self, token: &str) -> Result<(Claims, Verified), ApiError> {
        let now = self.clock.now();
        self.live.fresh(now)?;
        let claims = self.claims(token)?;
        let verified = self.accept(claims.clone(), now, false)?;
        let ended = now.as_second() >= claims.exp || self.live.is_revoked(&verified.any, verified.minted);
        if ended { Err(refused("this token has ended")) } else { Ok((claims, verified)) }
    }

    /// What a token or key of ours stands for that is in force, whatever it is for and to whatever key it is bound: for
    /// those who serve resources.
    ///
    /// # Errors
    /// As [`Verifier::verify`].
    pub fn inspect(&self, token: &str) -> Result<Validated, ApiError> {
        if let Some(id) = api_key::public_id(token) {
            let now = self.clock.now();
            self.live.fresh(now)?;
            let identity = Identity::clone(&*self.limited(&self.api_key(&id, token, now)?));
            return Ok(Validated { identity, audience: vec![self.config.audience.clone()], bound_to: None });
        }
        let (claims, verified) = self.in_force(token)?;
        let identity = Identity::clone(&*self.limited(&verified.identity));
        Ok(Validated { identity, audience: claims.aud.all(), bound_to: verified.jkt })
    }

    fn examine(&self, token: &str, now: Timestamp) -> Result<Verified, ApiError> {
        self.accept(self.claims(token)?, now, true)
    }

    /// The claims of a token whose signature and type are ours.
    fn claims(&self, token: &str) -> Result<Claims, ApiError> {
        if token.len() > MAX_TOKEN {
            return Err(unknown());
        }
        let header = decode_header(token).map_err(|_| unknown())?;
        let named = header.typ.as_deref().map(|typ| typ.trim_start_matches("application/"));
        if !named.is_some_and(|typ| typ.eq_ignore_ascii_case(ACCESS_TOKEN_TYPE)) {
            return Err(unknown());
        }
        // A token never says where its key is: keys come from the snapshot alone.
        if header.jku.is_some() || header.jwk.is_some() || header.x5u.is_some() || header.x5c.is_some() {
            return Err(unknown());
        }
        if header.crit.is_some() {
            return Err(unknown());
        }
        let (algorithm, key) = header.kid.as_deref().and_then(|kid| self.live.key(kid)).ok_or_else(unknown)?;
        if header.alg != algorithm {
            return Err(unknown());
        }
        Ok(decode::<Claims>(token, &key, &dpop::plain(algorithm)).map_err(|_| unknown())?.claims)
    }

    fn accept(&self, claims: Claims, now: Timestamp, here: bool) -> Result<Verified, ApiError> {
        if claims.iss != self.config.issuer {
            return Err(refused("this token is of another issuer"));
        }
        if here && !claims.aud.names(&self.config.audience) {
            return Err(refused("this token is for another resource"));
        }
        let minted = Timestamp::from_second(claims.iat).map_err(|_| unknown())?;
        let starts = claims.iat.max(claims.nbf.unwrap_or(claims.iat));
        if starts > now.as_second().saturating_add(AHEAD_SECONDS) {
            return Err(refused("this token is not good yet"));
        }
        let expires_at = Timestamp::from_second(claims.exp).map_err(|_| unknown())?;
        let subject = match claims.sub.parse() {
            Ok(user) if claims.sub != claims.client_id => Subject::User(user),
            _ => Subject::Service(claims.sub.clone()),
        };
        let mut any =
            vec![Revoked::Token(claims.jti), Revoked::Subject(claims.sub), Revoked::Client(claims.client_id.clone())];
        any.extend(claims.family.map(Revoked::Family));
        let identity = Identity {
            subject,
            client: claims.client_id,
            org: claims.org,
            role: claims.roles.first().copied().unwrap_or(Role::Guest),
            scopes: claims.scope,
            credential: Credential::Token { id: claims.jti, family: claims.family, expires_at },
            ages: None,
        };
        Ok(Verified { identity: Arc::new(identity), minted, jkt: claims.cnf.map(|cnf| cnf.jkt), any })
    }

    /// A token bound to a key needs its proof; a proof needs a token that is bound to its key.
    fn possession(&self, verified: &Verified, shown: Presented<'_>, now: Timestamp) -> Result<(), ApiError> {
        let Some(jkt) = &verified.jkt else {
            return if shown.dpop { Err(refused("this token is not bound to a key")) } else { Ok(()) };
        };
        let proof = shown.proof.filter(|_| shown.dpop).ok_or_else(|| refused("this token needs a DPoP proof"))?;
        let url = format!("{}{}", self.config.issuer, proof.path);
        let expected = Expectation { method: proof.method, url: &url, token: Some(shown.token), now };
        let proved = expected.check(proof.jwt)?;
        if proved.jkt != *jkt {
            return Err(refused("the DPoP proof is of another key than the token"));
        }
        self.replays.once(&proved, now)
    }
}

/// One sentence for everything that tells nothing to whoever made the token up.
fn unknown() -> ApiError {
    refused("this token is not one that we know")
}

fn refused(detail: &str) -> ApiError {
    ApiError::new(ErrorKind::Unauthenticated, "bad_token", detail)
}

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod tests;
