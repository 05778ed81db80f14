//! The attacks on JSON web tokens that RFC 8725 and the literature name, each against a verifier that takes the token
//! they start from.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD},
};
use contracts::Rng;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Map, Value, json};

use super::tests::{Bench, ISSUER, header, keys, part, public};

/// Signs a header and claims of any shape as we would sign ours: only what they say is wrong.
fn signed(head: &Value, claims: &Value) -> String {
    let text = format!("{}.{}", part(head), part(claims));
    let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &keys().0, Algorithm::RS256).unwrap();
    format!("{text}.{signature}")
}

fn good_head() -> Value {
    json!({ "alg": "RS256", "typ": "at+jwt", "kid": "ours" })
}

fn good_claims(bench: &Bench) -> Value {
    serde_json::to_value(bench.claims()).unwrap()
}

/// `base` with members set; those that are null are left out.
fn with(mut base: Value, changes: &Value) -> Value {
    let fields: &mut Map<String, Value> = base.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
    base
}

#[test]
fn what_the_attacks_start_from_is_good() {
    let bench = Bench::new();
    bench.verify(&signed(&good_head(), &good_claims(&bench))).unwrap();
    // The media type may be written whole (RFC 9068, section 4).
    let whole = with(good_head(), &json!({ "typ": "application/at+jwt" }));
    bench.verify(&signed(&whole, &good_claims(&bench))).unwrap();
}

/// Each is signed with our own key: were its header believed, it would pass.
#[test]
fn headers_that_attack() {
    let bench = Bench::new();
    for (attack, changes) in [
        ("id token", json!({ "typ": "JWT" })),
        ("no type", json!({ "typ": null })),
        ("proof", json!({ "typ": "dpop+jwt" })),
        ("event", json!({ "typ": "secevent+jwt" })),
        ("logout", json!({ "typ": "logout+jwt" })),
        ("near type", json!({ "typ": "at+jwt " })),
        ("no key", json!({ "kid": null })),
        ("empty key", json!({ "kid": "" })),
        ("path", json!({ "kid": "../../../../dev/null" })),
        ("statement", json!({ "kid": "x' UNION SELECT 'ours" })),
        ("command", json!({ "kid": "ours|sleep 9" })),
        ("long key", json!({ "kid": "ours".repeat(1000) })),
        ("number", json!({ "kid": 1 })),
        ("jku", json!({ "jku": "https://evil.example/jwks" })),
        ("jku of ours", json!({ "jku": "https://media.example/oauth/jwks" })),
        ("x5u", json!({ "x5u": "https://evil.example/chain.pem" })),
        ("x5c", json!({ "x5c": ["AAAA"] })),
        ("own jwk", json!({ "jwk": serde_json::to_value(public(&keys().0)).unwrap() })),
        ("other jwk", json!({ "jwk": serde_json::to_value(public(&keys().1)).unwrap() })),
        ("critical", json!({ "crit": ["exp"] })),
        ("detached", json!({ "b64": false, "crit": ["b64"] })),
        ("none", json!({ "alg": "none" })),
        ("none written otherwise", json!({ "alg": "nOnE" })),
        ("no algorithm", json!({ "alg": null })),
        ("hmac", json!({ "alg": "HS256" })),
        ("longer hash", json!({ "alg": "RS512" })),
        ("pss", json!({ "alg": "PS256" })),
        ("curve", json!({ "alg": "ES256" })),
        ("key wrap", json!({ "alg": "RSA-OAEP", "enc": "A256GCM" })),
    ] {
        let token = signed(&with(good_head(), &changes), &good_claims(&bench));
        assert_eq!(bench.verify(&token).unwrap_err(), "bad_token", "{attack}");
    }
}

/// Each is signed with our own key, as another token of ours might be.
#[test]
fn claims_that_attack() {
    let bench = Bench::new();
    for (attack, changes) in [
        ("other issuer", json!({ "iss": "https://evil.example" })),
        ("issuer with a slash", json!({ "iss": format!("{ISSUER}/") })),
        ("issuer in capitals", json!({ "iss": ISSUER.to_uppercase() })),
        ("no issuer", json!({ "iss": null })),
        ("several issuers", json!({ "iss": [ISSUER] })),
        ("other audience", json!({ "aud": "https://tools.example/" })),
        ("other audiences", json!({ "aud": ["https://tools.example/", "app"] })),
        ("audience within", json!({ "aud": format!("{ISSUER}.evil.example") })),
        ("audience with a path", json!({ "aud": format!("{ISSUER}/api") })),
        ("no audiences", json!({ "aud": [] })),
        ("no audience", json!({ "aud": null })),
        ("no end", json!({ "exp": null })),
        ("end as text", json!({ "exp": "9999999999" })),
        ("end beyond time", json!({ "exp": i64::MAX })),
        ("ended", json!({ "exp": 1 })),
        ("ended long ago", json!({ "exp": -1 })),
        ("no beginning", json!({ "iat": null })),
        ("from the future", json!({ "iat": 32_000_000_000_i64, "exp": 32_000_003_600_i64 })),
        ("not yet", json!({ "nbf": 32_000_000_000_i64 })),
        ("no subject", json!({ "sub": null })),
        ("no id", json!({ "jti": null })),
        ("no client", json!({ "client_id": null })),
        ("no scope", json!({ "scope": null })),
        ("scope as a list", json!({ "scope": ["admin:full"] })),
        ("unknown scope", json!({ "scope": "everything" })),
        ("unknown role", json!({ "roles": ["root"] })),
        ("role alone", json!({ "roles": "admin" })),
        (
            "id token",
            json!({ "aud": "app", "nonce": "n", "scope": null, "jti": null, "client_id": null, "roles": null }),
        ),
    ] {
        let token = signed(&good_head(), &with(good_claims(&bench), &changes));
        assert_eq!(bench.verify(&token).unwrap_err(), "bad_token", "{attack}");
    }
}

/// The public key, which everybody has, as the secret of an HMAC: in each form that a library might read it in.
#[test]
fn a_public_key_is_no_secret() {
    let bench = Bench::new();
    let jwk = public(&keys().0);
    let fields = serde_json::to_value(&jwk).unwrap();
    let modulus = fields["n"].as_str().unwrap();
    let raw = BASE64_URL_SAFE_NO_PAD.decode(modulus).unwrap();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64_STANDARD.encode(&raw));
    let texts = [fields.to_string().into_bytes(), modulus.as_bytes().to_vec(), raw, pem.into_bytes(), Vec::new()];
    for secret in texts {
        for alg in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let key = EncodingKey::from_secret(&secret);
            let token = encode(&Header { alg, ..header() }, &bench.claims(), &key).unwrap();
            assert_eq!(bench.verify(&token).unwrap_err(), "bad_token", "{alg:?}");
        }
    }
}

/// A key of another kind under the id of ours, and a signature of zeros, which a careless curve takes for good.
#[test]
fn a_signature_is_of_our_key() {
    let bench = Bench::new();
    let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &aws_lc_rs::rand::SystemRandom::new());
    let curve = EncodingKey::from_ec_der(pair.unwrap().as_ref());
    let head = Header { alg: Algorithm::ES256, ..header() };
    assert!(bench.verify(&encode(&head, &bench.claims(), &curve).unwrap()).is_err());
    assert!(bench.verify(&encode(&header(), &bench.claims(), &keys().1).unwrap()).is_err());
    for (algorithm, length) in [("RS256", 256), ("RS256", 0), ("ES256", 64)] {
        let head = with(good_head(), &json!({ "alg": algorithm }));
        let zeros = BASE64_URL_SAFE_NO_PAD.encode(vec![0; length]);
        let token = format!("{}.{}.{zeros}", part(&head), part(&good_claims(&bench)));
        assert_eq!(bench.verify(&token).unwrap_err(), "bad_token", "{algorithm} {length}");
    }
}

/// The same token written otherwise: it must not pass under a name that a revocation does not know.
#[test]
fn a_token_is_written_in_one_way() {
    let bench = Bench::new();
    let token = signed(&good_head(), &good_claims(&bench));
    let [head, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
    let padded = BASE64_URL_SAFE.encode(BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap());
    for other in [
        format!("{head}.{claims}.{padded}"),
        format!("{head}.{claims}.{signature} "),
        format!(" {token}"),
        format!("{head}.{claims}.{signature}.{signature}"),
        format!("{head}..{claims}..{signature}"),
        format!("{head}.{claims}"),
        format!("{head}.{claims}."),
        format!("..{signature}"),
        format!("{}.{claims}.{signature}", part(&json!([good_head()]))),
    ] {
        assert_eq!(bench.verify(&other).unwrap_err(), "bad_token", "{other}");
    }
}

/// Any one character changed.
#[test]
fn no_character_can_be_changed() {
    let (bench, rng) = (Bench::new(), Rng::seeded(20_261_121));
    let token = signed(&good_head(), &good_claims(&bench));
    for _ in 0..500 {
        let at = usize::try_from(rng.below(token.len() as u64)).unwrap();
        let mut bytes = token.clone().into_bytes();
        bytes[at] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."[rng.below(65) as usize];
        let changed = String::from_utf8(bytes).unwrap();
        assert_eq!(bench.verify(&changed).is_ok(), changed == token, "{at}");
    }
}
