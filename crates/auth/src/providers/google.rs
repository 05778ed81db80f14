//! Google: OpenID Connect with discovery. The ID token is checked as OpenID Connect Core, section 3.1.3.7, asks.

use contracts::is_confidential;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{AlgorithmParameters, Jwk, JwkSet},
};
use serde::Deserialize;
use url::Url;

use super::{Known, MAX_SUBJECT, Person, Trip, Trouble, ask, client, form};

/// How long metadata and keys are taken to be as they were; and how soon they are looked at again for an unknown key.
const KEEP: SignedDuration = SignedDuration::from_hours(1);
const AGAIN: SignedDuration = SignedDuration::from_mins(1);
/// How far the provider's clock may be off.
const SKEW_SECONDS: i64 = 60;

/// What Google says of itself.
#[derive(Clone)]
pub(super) struct Metadata {
    pub authorization_endpoint: String,
    token_endpoint: String,
    keys: JwkSet,
    read_at: Timestamp,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Reply {
    id_token: String,
}

/// The claims of an ID token that are looked at.
#[derive(Clone, Debug, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: i64,
    iat: i64,
    nonce: Option<String>,
    email: Option<String>,
    #[serde(default)]
    email_verified: Verified,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Some providers write it as text.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Verified {
    Said(bool),
    Written(String),
}

impl Default for Verified {
    fn default() -> Self {
        Self::Said(false)
    }
}

impl Known {
    /// What is known of Google: of the last hour, or read `anew`, at most once a minute.
    pub(super) async fn google_metadata(&self, now: Timestamp, anew: bool) -> Result<Metadata, Trouble> {
        // Others wait for the one that asks.
        let mut kept = self.google.lock().await;
        let lasts = if anew { AGAIN } else { KEEP };
        if let Some(known) = kept.as_ref().filter(|known| now.duration_since(known.read_at) < lasts) {
            return Ok(known.clone());
        }
        let (http, issuer) = (client()?, &self.config.url);
        let document: Document = ask(http.get(format!("{issuer}/.well-known/openid-configuration"))).await?;
        if document.issuer != *issuer {
            return Err(Trouble::Refused("the provider says that it is another"));
        }
        // One that is itself asked over TLS leads nowhere else, not even to this machine.
        let encrypted = issuer.starts_with("https://");
        let secure = |address: &String| match Url::parse(address) {
            Ok(url) if encrypted => url.scheme() == "https",
            Ok(url) => is_confidential("https", url.scheme(), url.host_str()),
            Err(_) => false,
        };
        if ![&document.authorization_endpoint, &document.token_endpoint, &document.jwks_uri].into_iter().all(secure) {
            return Err(Trouble::Refused("the provider names an address that is not encrypted"));
        }
        let keys: JwkSet = ask(http.get(&document.jwks_uri)).await?;
        let Document { authorization_endpoint, token_endpoint, .. } = document;
        let known = Metadata { authorization_endpoint, token_endpoint, keys, read_at: now };
        *kept = Some(known.clone());
        Ok(known)
    }

    pub(super) async fn google_person(&self, trip: &Trip<'_>, code: &str, now: Timestamp) -> Result<Person, Trouble> {
        let metadata = self.google_metadata(now, false).await?;
        let (exchange, secret) = (client()?.post(&metadata.token_endpoint), self.config.client_secret.now());
        let Reply { id_token } = ask(form(exchange, &self.exchange(trip, code, &secret))).await?;
        let claims = match verified(&id_token, &metadata.keys)? {
            Some(claims) => claims,
            None => verified(&id_token, &self.google_metadata(now, true).await?.keys)?
                .ok_or(Trouble::Refused("the ID token is signed with a key that the provider does not have"))?,
        };
        check(&claims, &self.config.url, &self.config.client_id, &trip.nonce, now).map_err(Trouble::Refused)?;
        let sure = match &claims.email_verified {
            Verified::Said(said) => *said,
            Verified::Written(text) => text == "true",
        };
        Ok(Person { subject: claims.sub, email: claims.email.filter(|_| sure) })
    }
}

/// The claims, when one of `keys` signed them; `None` when the key is not among them. What the token itself says of how
/// it is signed is held against the key: there is no `none`, and no secret that is a public key.
fn verified(token: &str, keys: &JwkSet) -> Result<Option<Claims>, Trouble> {
    let header = decode_header(token).map_err(|_| Trouble::Refused("the ID token can't be read"))?;
    let named = |key: &&Jwk| header.kid.is_some() && key.common.key_id == header.kid;
    let Some(key) = keys.keys.iter().find(named) else { return Ok(None) };
    let fits = matches!(
        (&key.algorithm, header.alg),
        (AlgorithmParameters::RSA(_), Algorithm::RS256) | (AlgorithmParameters::EllipticCurve(_), Algorithm::ES256)
    );
    if !fits {
        return Err(Trouble::Refused("the ID token is not signed as its key signs"));
    }
    let bad = |_| Trouble::Refused("the ID token is not signed by the provider");
    let key = DecodingKey::from_jwk(key).map_err(bad)?;
    // The time and the audience are ours to check, by our clock.
    let mut validation = Validation::new(header.alg);
    (validation.validate_exp, validation.validate_aud) = (false, false);
    validation.required_spec_claims.clear();
    decode::<Claims>(token, &key, &validation).map(|data| Some(data.claims)).map_err(bad)
}

/// Whether an ID token is for us, of now and of this sign-in.
fn check(claims: &Claims, issuer: &str, client: &str, nonce: &str, now: Timestamp) -> Result<(), &'static str> {
    let now = now.as_second();
    let for_us = match &claims.aud {
        Audience::One(one) => one == client,
        Audience::Many(all) => all.iter().any(|one| one == client) && (all.len() == 1 || claims.azp.is_some()),
    };
    if claims.iss != issuer {
        return Err("the ID token is of another provider");
    }
    if !for_us || claims.azp.as_ref().is_some_and(|party| party != client) {
        return Err("the ID token is for somebody else");
    }
    if now >= claims.exp.saturating_add(SKEW_SECONDS) || claims.iat > now.saturating_add(SKEW_SECONDS) {
        return Err("the ID token has expired, or is not of now");
    }
    if claims.nonce.as_deref() != Some(nonce) {
        return Err("the ID token is of another sign-in");
    }
    if claims.sub.is_empty() || claims.sub.len() > MAX_SUBJECT {
        return Err("the ID token names nobody");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Claims {
        Claims {
            iss: "https://accounts.example".to_owned(),
            sub: "7".to_owned(),
            aud: Audience::One("us".to_owned()),
            azp: None,
            exp: 2_000,
            iat: 1_000,
            nonce: Some("n".to_owned()),
            email: None,
            email_verified: Verified::default(),
        }
    }

    #[test]
    fn an_id_token_is_for_us_of_now_and_of_this_sign_in() {
        let held = |claims: Claims, second| {
            let now = Timestamp::from_second(second).unwrap();
            check(&claims, "https://accounts.example", "us", "n", now).is_ok()
        };
        assert!(held(good(), 1_500) && held(good(), 2_059) && held(good(), 940));
        assert!(!held(good(), 2_060) && !held(good(), 939));
        let many = |all: &[&str]| Audience::Many(all.iter().map(|one| (*one).to_owned()).collect());
        let us = Some("us".to_owned());
        assert!(held(Claims { aud: many(&["us"]), ..good() }, 1_500));
        assert!(held(Claims { aud: many(&["us", "them"]), azp: us, ..good() }, 1_500));
        for wrong in [
            Claims { iss: "https://accounts.example/".to_owned(), ..good() },
            Claims { aud: Audience::One("them".to_owned()), ..good() },
            Claims { aud: many(&["us", "them"]), ..good() },
            Claims { aud: many(&[]), ..good() },
            Claims { azp: Some("them".to_owned()), ..good() },
            Claims { nonce: None, ..good() },
            Claims { nonce: Some("m".to_owned()), ..good() },
            Claims { sub: String::new(), ..good() },
            Claims { sub: "x".repeat(256), ..good() },
            Claims { exp: i64::MIN, ..good() },
        ] {
            assert!(!held(wrong.clone(), 1_500), "{wrong:?}");
        }
    }
}
