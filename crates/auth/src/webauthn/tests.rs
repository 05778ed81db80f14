//! The examples of the standard (Web Authentication Level 3, section 16, `vectors.json`), and what becomes of each when a bit
//! of it is turned.

use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Vector {
    name: String,
    register: Register,
    sign_in: SignIn,
}

#[derive(Deserialize)]
struct Register {
    challenge: String,
    credential_id: String,
    client_data: String,
    attestation: String,
}

#[derive(Deserialize)]
struct SignIn {
    challenge: String,
    client_data: String,
    authenticator_data: String,
    signature: String,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("vectors.json")).unwrap()
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn asked(challenge: &[u8]) -> Asked<'_> {
    Asked { rp: "example.org", origin: "https://example.org", challenge }
}

impl Register {
    fn held(&self, rp: &str, origin: &str, turn: impl Fn(&mut [Vec<u8>; 3])) -> Held<Registered> {
        let mut all = [&self.challenge, &self.client_data, &self.attestation].map(|text| hex(text));
        turn(&mut all);
        register(&Asked { rp, origin, challenge: &all[0] }, &all[1], &all[2])
    }
}

impl SignIn {
    fn held(&self, key: &[u8], turn: impl Fn(&mut [Vec<u8>; 4])) -> Held<Said> {
        let texts = [&self.challenge, &self.client_data, &self.authenticator_data, &self.signature];
        let mut all = texts.map(|text| hex(text));
        turn(&mut all);
        sign_in(&asked(&all[0]), &all[1], &all[2], &all[3], key)
    }
}

const SITE: (&str, &str) = ("example.org", "https://example.org");

#[test]
fn the_examples_of_the_standard() {
    let mut kinds = 0;
    for Vector { name, register, sign_in } in vectors() {
        let made = register.held(SITE.0, SITE.1, |_| {});
        if name.ends_with("Origin") {
            assert_eq!(made.unwrap_err(), "the browser was at another site", "{name}");
            continue;
        }
        let made = made.unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(made.id, hex(&register.credential_id), "{name}");
        assert_eq!(challenge_of(&hex(&register.client_data)), Some(hex(&register.challenge)), "{name}");
        let said = sign_in.held(&made.key, |_| {}).unwrap_or_else(|why| panic!("{name}: {why}"));
        let flags = hex(&sign_in.authenticator_data)[32];
        assert_eq!((said.user_verified, said.backed_up), (flags & 4 != 0, flags & 16 != 0), "{name}");
        kinds += 1;
    }
    assert_eq!(kinds, 5, "ES256 three times, RS256 and EdDSA");
}

#[test]
fn another_site_or_ceremony_is_told_apart() {
    let Vector { register, sign_in, .. } = &vectors()[0];
    let key = register.held(SITE.0, SITE.1, |_| {}).unwrap().key;
    assert!(register.held("example.com", SITE.1, |_| {}).is_err());
    assert!(register.held(SITE.0, "https://login.example.org", |_| {}).is_err());
    assert!(register.held(SITE.0, "http://example.org", |_| {}).is_err());
    // The data of one ceremony in the place of the other's.
    let challenge = hex(&sign_in.challenge);
    let client_data = hex(&sign_in.client_data);
    assert!(super::register(&asked(&challenge), &client_data, &hex(&register.attestation)).is_err());
    let other = vectors()[3].register.held(SITE.0, SITE.1, |_| {}).unwrap().key;
    assert!(sign_in.held(&other, |_| {}).is_err(), "another passkey's signature");
    assert!(sign_in.held(&key, |_| {}).is_ok());
}

/// No bit of what is signed, of the signature or of the challenge can be turned; nothing can be cut off or added.
#[test]
fn every_bit_counts() {
    for Vector { name, register, sign_in } in vectors().into_iter().filter(|vector| !vector.name.ends_with("Origin")) {
        let key = register.held(SITE.0, SITE.1, |_| {}).unwrap().key;
        for part in 0..4 {
            let length = [&sign_in.challenge, &sign_in.client_data, &sign_in.authenticator_data, &sign_in.signature];
            let length = length[part].len() / 2;
            for at in (0..length).step_by(if name.contains("rs256") { 31 } else { 3 }) {
                let turned = sign_in.held(&key, |all| all[part][at] ^= 1 << (at % 8));
                assert!(turned.is_err(), "{name}: byte {at} of {part}");
            }
            assert!(sign_in.held(&key, |all| all[part].truncate(length - 1)).is_err(), "{name}: {part} cut off");
            assert!(sign_in.held(&key, |all| all[part].push(0)).is_err(), "{name}: {part} made longer");
        }
    }
}

/// Nothing that an authenticator could send stops the program.
#[test]
fn what_is_cut_off_is_refused() {
    for Vector { name, register, .. } in vectors() {
        let whole = hex(&register.attestation).len();
        for length in 0..whole.min(400) {
            assert!(register.held(SITE.0, SITE.1, |all| all[2].truncate(length)).is_err(), "{name}: {length}");
        }
    }
    let Vector { register, .. } = &vectors()[0];
    let flag = |bits: u8| {
        register.held(SITE.0, SITE.1, move |all| {
            let at = all[2].windows(8).position(|eight| eight == b"authData").unwrap() + 8 + 2 + 32;
            all[2][at] ^= bits;
        })
    };
    assert!(flag(0).is_ok());
    for (bits, what) in [(PRESENT, "nobody"), (MAY_BE_BACKED_UP, "contradicts"), (ATTESTED, "no passkey")] {
        assert!(flag(bits).unwrap_err().contains(what), "{bits:b}");
    }
    assert!(flag(EXTENSIONS).is_err(), "extensions that are not there");
    assert!(flag(VERIFIED).unwrap().said.user_verified);
}
