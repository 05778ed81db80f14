//! Tokens that must pass, and every way to forge or misuse one.

use std::{sync::OnceLock, time::Duration};

use aws_lc_rs::{encoding::AsDer as _, rsa::KeySize};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use contracts::{AgeLimit, ComponentState, Scopes, UserId};
use jiff::SignedDuration;
use jsonwebtoken::{
    Algorithm, EncodingKey, Header, encode,
    jwk::{Jwk, JwkSet, KeyAlgorithm},
};
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::{Snapshot, claims::Audience};

pub(super) const ISSUER: &str = "https://media.example";

/// A key pair of ours and one of somebody else; made once, because making them is slow.
pub(super) fn keys() -> &'static (EncodingKey, EncodingKey) {
    static KEYS: OnceLock<(EncodingKey, EncodingKey)> = OnceLock::new();
    let make = || {
        let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der = pair.as_der().unwrap();
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            BASE64_STANDARD.encode(der.as_ref())
        );
        EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap()
    };
    KEYS.get_or_init(|| (make(), make()))
}

pub(super) fn public(key: &EncodingKey) -> Jwk {
    let mut jwk = Jwk::from_encoding_key(key, Algorithm::RS256).unwrap();
    jwk.common.key_id = Some("ours".into());
    jwk.common.key_algorithm = Some(KeyAlgorithm::RS256);
    jwk
}

pub(super) struct Bench {
    pub(super) clock: Clock,
    pub(super) verifier: Verifier,
}

impl Bench {
    pub(super) fn new() -> Self {
        let clock = Clock::fixed("2026-11-21T00:00:00Z".parse().unwrap());
        let live = Arc::new(Live::default());
        let keys = JwkSet { keys: vec![public(&keys().0)] };
        live.replace(Snapshot { keys, ..Snapshot::default() }, clock.now());
        let config = VerifierConfig { issuer: ISSUER.into(), audience: ISSUER.into() };
        Self { verifier: Verifier::new(config, clock.clone(), live), clock }
    }

    pub(super) fn claims(&self) -> Claims {
        let now = self.clock.now().as_second();
        Claims {
            iss: ISSUER.into(),
            sub: "01900000-0000-7000-8000-000000000001".into(),
            aud: Audience::One(ISSUER.into()),
            exp: now + 3600,
            iat: now,
            nbf: None,
            jti: Uuid::from_u128(7),
            client_id: "app".into(),
            scope: "read:content".parse().unwrap(),
            roles: vec![Role::BasicUser],
            org: None,
            family: Some(Uuid::from_u128(9)),
            auth_time: None,
            cnf: None,
        }
    }

    pub(super) fn verify(&self, token: &str) -> Result<Arc<Identity>, String> {
        self.verifier.verify(Presented::bearer(token)).map_err(|error| error.code.to_string())
    }
}

pub(super) fn header() -> Header {
    Header { typ: Some("at+jwt".into()), kid: Some("ours".into()), ..Header::new(Algorithm::RS256) }
}

fn mint(claims: &Claims) -> String {
    encode(&header(), claims, &keys().0).unwrap()
}

#[test]
fn a_token_of_ours_says_who_holds_it() {
    let bench = Bench::new();
    let token = mint(&bench.claims());
    for _ in 0..2 {
        let identity = bench.verify(&token).unwrap();
        assert_eq!(identity.user().unwrap().to_string(), bench.claims().sub);
        assert_eq!(identity.scopes, "read:content".parse::<Scopes>().unwrap());
        assert_eq!(identity.role, Role::BasicUser);
    }
}

#[test]
fn an_age_limit_holds_for_a_token_that_is_older() {
    let bench = Bench::new();
    let token = mint(&bench.claims());
    let other = mint(&Claims { sub: "01900000-0000-7000-8000-000000000002".into(), ..bench.claims() });
    assert_eq!(bench.verify(&token).unwrap().ages, None);
    for max_age in [12, 16] {
        let ages = AgeLimit { max_age, region: "DE".parse().ok() };
        let (keys, person) = (JwkSet { keys: vec![public(&keys().0)] }, bench.claims().sub.parse().unwrap());
        let snapshot = Snapshot { keys, ages: vec![(person, ages)], ..Snapshot::default() };
        bench.verifier.live().replace(snapshot, bench.clock.now());
        assert_eq!(bench.verify(&token).unwrap().ages, Some(ages));
        assert_eq!(bench.verifier.inspect(&token).unwrap().identity.ages, Some(ages), "partners are told of it");
        assert_eq!(bench.verify(&other).unwrap().ages, None, "it is theirs alone");
    }
}

#[test]
fn one_age_limit_changes_alone() {
    let bench = Bench::new();
    let (token, person) = (mint(&bench.claims()), bench.claims().sub.parse().unwrap());
    for ages in [Some(AgeLimit { max_age: 16, region: None }), Some(AgeLimit { max_age: 6, region: None }), None] {
        bench.verifier.live().limit(person, ages);
        assert_eq!(bench.verify(&token).unwrap().ages, ages);
    }
}

#[test]
fn age_limits_that_do_not_fit_close_the_door() {
    let bench = Bench::new();
    let token = mint(&bench.claims());
    let ages = Some(AgeLimit { max_age: 6, region: None });
    let limit = |index: usize| bench.verifier.live().limit(UserId(Uuid::from_u128(1000 + index as u128)), ages);
    (0..crate::MAX_AGE_LIMITS).for_each(limit);
    limit(0);
    bench.verify(&token).unwrap();
    limit(crate::MAX_AGE_LIMITS);
    assert_eq!(bench.verify(&token).unwrap_err(), "auth_unavailable");
}

#[rstest]
#[case::issuer(|c: &mut Claims| c.iss = "https://other.example".into())]
#[case::audience(|c: &mut Claims| c.aud = Audience::Many(vec!["https://media.example/mcp".into(), "app".into()]))]
#[case::audience_prefix(|c: &mut Claims| c.aud = Audience::One("https://media.example.evil".into()))]
#[case::expired(|c: &mut Claims| c.exp = c.iat)]
#[case::not_yet(|c: &mut Claims| c.nbf = Some(c.iat + 60))]
#[case::from_the_future(|c: &mut Claims| { c.iat += 60; c.exp += 60 })]
fn claims_that_do_not_fit(#[case] change: fn(&mut Claims)) {
    let bench = Bench::new();
    let mut claims = bench.claims();
    change(&mut claims);
    assert_eq!(bench.verify(&mint(&claims)).unwrap_err(), "bad_token");
}

#[rstest]
#[case::id_token(|h: &mut Header| h.typ = Some("JWT".into()))]
#[case::no_type(|h: &mut Header| h.typ = None)]
#[case::unknown_key(|h: &mut Header| h.kid = Some("../../etc/passwd".into()))]
#[case::no_key(|h: &mut Header| h.kid = None)]
#[case::jku(|h: &mut Header| h.jku = Some("https://evil.example/jwks".into()))]
#[case::x5u(|h: &mut Header| h.x5u = Some("https://evil.example/cert".into()))]
#[case::jwk(|h: &mut Header| h.jwk = Some(public(&keys().1)))]
fn headers_that_do_not_fit(#[case] change: fn(&mut Header)) {
    let bench = Bench::new();
    let mut header = header();
    change(&mut header);
    let token = encode(&header, &bench.claims(), &keys().0).unwrap();
    assert_eq!(bench.verify(&token).unwrap_err(), "bad_token");
}

/// Signed with somebody else's key, whatever the header says about where to find it.
#[test]
fn a_key_in_the_token_is_not_believed() {
    let bench = Bench::new();
    let header = Header { jwk: Some(public(&keys().1)), ..header() };
    assert!(bench.verify(&encode(&header, &bench.claims(), &keys().1).unwrap()).is_err());
    assert!(bench.verify(&encode(&super::tests::header(), &bench.claims(), &keys().1).unwrap()).is_err());
}

pub(super) fn part(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

#[test]
fn algorithms_are_not_confused() {
    let bench = Bench::new();
    let claims = serde_json::to_value(bench.claims()).unwrap();
    let jwk = serde_json::to_string(&public(&keys().0)).unwrap();
    for alg in ["none", "None", "NONE", ""] {
        let token = format!("{}.{}.", part(&json!({ "alg": alg, "typ": "at+jwt", "kid": "ours" })), part(&claims));
        assert_eq!(bench.verify(&token).unwrap_err(), "bad_token", "{alg}");
    }
    // HMAC with the public key as the secret.
    let header = Header { typ: Some("at+jwt".into()), kid: Some("ours".into()), ..Header::new(Algorithm::HS256) };
    let token = encode(&header, &bench.claims(), &EncodingKey::from_secret(jwk.as_bytes())).unwrap();
    assert_eq!(bench.verify(&token).unwrap_err(), "bad_token");
    // Another RSA algorithm than the key is for.
    let header = Header { typ: Some("at+jwt".into()), kid: Some("ours".into()), ..Header::new(Algorithm::RS512) };
    assert_eq!(bench.verify(&encode(&header, &bench.claims(), &keys().0).unwrap()).unwrap_err(), "bad_token");
}

#[test]
fn a_token_that_was_touched_is_refused() {
    let bench = Bench::new();
    let token = mint(&bench.claims());
    let (head, rest) = token.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let mut claims = serde_json::to_value(bench.claims()).unwrap();
    claims["roles"] = json!(["admin"]);
    for forged in [
        format!("{head}.{}.{signature}", part(&claims)),
        format!("{head}.{rest}x"),
        format!("{head}.{rest}."),
        head.to_owned(),
        String::new(),
        "a".repeat(MAX_TOKEN + 1),
    ] {
        assert_eq!(bench.verify(&forged).unwrap_err(), "bad_token", "{forged:.40}");
    }
}

#[test]
fn a_token_ends_also_when_it_was_verified_before() {
    let bench = Bench::new();
    let token = mint(&bench.claims());
    bench.verify(&token).unwrap();
    bench.clock.advance(SignedDuration::from_secs(3599));
    bench.verifier.live().touch(bench.clock.now());
    bench.verify(&token).unwrap();
    bench.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(bench.verify(&token).unwrap_err(), "bad_token");
}

#[rstest]
#[case(Revoked::Token(Uuid::from_u128(7)), true)]
#[case(Revoked::Family(Uuid::from_u128(9)), true)]
#[case(Revoked::Subject("01900000-0000-7000-8000-000000000001".into()), true)]
#[case(Revoked::Client("app".into()), true)]
#[case(Revoked::Client("application".into()), false)]
#[case(Revoked::Family(Uuid::from_u128(7)), false)]
fn revocation_is_seen_at_once(#[case] what: Revoked, #[case] ends: bool) {
    let bench = Bench::new();
    let token = mint(&bench.claims());
    bench.verify(&token).unwrap();
    let now = bench.clock.now();
    bench.verifier.live().revoke(what.clone(), now, now + Duration::from_secs(3600));
    assert_eq!(bench.verify(&token).is_err(), ends);
    // Of a subject or client, what is minted later is good again.
    bench.clock.advance(SignedDuration::from_secs(2));
    let later = bench.verify(&mint(&bench.claims())).is_ok();
    assert_eq!(
        later,
        !matches!(what, Revoked::Token(_)) && !matches!(what, Revoked::Family(id) if id == Uuid::from_u128(9))
    );
}

/// One that is bound to a key needs its proof once, and an end ends it.
#[rstest]
#[case(false)]
#[case(true)]
fn what_was_shown_holds_until_it_ends(#[case] revoked: bool) {
    let bench = Bench::new();
    let cnf = Some(crate::Confirmation { jkt: "a key".into() });
    let token = mint(&Claims { cnf, ..bench.claims() });
    assert_eq!(bench.verify(&token).unwrap_err(), "bad_token");
    bench.verifier.holds(&token).unwrap();
    let (live, now) = (bench.verifier.live(), bench.clock.now());
    if revoked {
        live.revoke(Revoked::Family(Uuid::from_u128(9)), now, now + Duration::from_secs(60));
    } else {
        bench.clock.advance(SignedDuration::from_secs(3599));
        live.touch(bench.clock.now());
        bench.verifier.holds(&token).unwrap();
        bench.clock.advance(SignedDuration::from_secs(1));
    }
    assert_eq!(bench.verifier.holds(&token).unwrap_err().code, "bad_token");
    bench.clock.advance(SignedDuration::from_secs(16));
    assert_eq!(bench.verifier.holds(&token).unwrap_err().code, "auth_unavailable");
}

/// Whoever read it had not seen the revocation yet.
#[test]
fn a_snapshot_undoes_no_revocation_before_its_time() {
    let bench = Bench::new();
    let (token, now) = (mint(&bench.claims()), bench.clock.now());
    let keys = JwkSet { keys: vec![public(&keys().0)] };
    let older = Snapshot { keys, ..Snapshot::default() };
    let live = bench.verifier.live();
    live.revoke(Revoked::Token(Uuid::from_u128(7)), now, now + Duration::from_secs(60));
    live.replace(older.clone(), now);
    assert_eq!(bench.verify(&token).unwrap_err(), "bad_token");
    bench.clock.advance(SignedDuration::from_secs(60));
    live.replace(older, bench.clock.now());
    bench.verify(&token).unwrap();
}

#[test]
fn what_is_not_known_closes_the_door() {
    let bench = Bench::new();
    let token = mint(&bench.claims());
    bench.clock.advance(SignedDuration::from_secs(16));
    assert_eq!(bench.verify(&token).unwrap_err(), "auth_unavailable");
    bench.verifier.live().touch(bench.clock.now());
    bench.verify(&token).unwrap();
    let config = VerifierConfig { issuer: ISSUER.into(), audience: ISSUER.into() };
    let empty = Verifier::new(config, bench.clock.clone(), Arc::default());
    assert_eq!(empty.verify(Presented::bearer(&token)).unwrap_err().code, "auth_unavailable");
}

#[test]
fn how_verification_is_is_told_before_the_door_closes_and_while_it_is_closed() {
    let bench = Bench::new();
    let (token, live) = (mint(&bench.claims()), bench.verifier.live());
    let told = |live: &Live| {
        let part = live.part(bench.clock.now());
        (part.state, part.detail)
    };
    let well = (ComponentState::Ready, String::new());
    bench.clock.advance(SignedDuration::from_secs(15));
    assert_eq!(told(live), well);
    live.missed();
    let (state, detail) = told(live);
    assert_eq!(state, ComponentState::Degraded);
    assert!(detail.ends_with("those of 15 s ago count until they are 15 s old"), "{detail}");
    bench.verify(&token).unwrap();
    bench.clock.advance(SignedDuration::from_secs(1));
    let down = |why: &str| (ComponentState::Down, format!("keys and revocations {why}: no token or key is taken"));
    assert_eq!(told(live), down("were last read 16 s ago"));
    assert_eq!(bench.verify(&token).unwrap_err(), "auth_unavailable");
    live.touch(bench.clock.now());
    assert_eq!(told(live), well);
    live.missed();
    live.replace(Snapshot::default(), bench.clock.now());
    assert_eq!(told(live), well);
    assert_eq!(told(&Live::default()), down("were never read"));
    let revoked = |id: usize| (Revoked::Token(Uuid::from_u128(id as u128)), bench.clock.now(), Timestamp::MAX);
    let revoked = (0..=crate::MAX_REVOCATIONS).map(revoked).collect();
    live.replace(Snapshot { revoked, ..Snapshot::default() }, bench.clock.now());
    assert_eq!(told(live), down("are more than can be held"));
}

#[test]
fn revocations_that_do_not_fit_close_the_door() {
    let bench = Bench::new();
    let token = mint(&bench.claims());
    let now = bench.clock.now();
    for index in 0..=crate::MAX_REVOCATIONS {
        bench.verifier.live().revoke(
            Revoked::Token(Uuid::from_u128(1000 + index as u128)),
            now,
            now + Duration::from_secs(60),
        );
    }
    assert_eq!(bench.verify(&token).unwrap_err(), "auth_unavailable");
}
