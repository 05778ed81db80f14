//! An authenticator in software, with the browser in front of it: makes passkeys and signs with them as Web Authentication
//! Level 3 has it, and errs where a test wants it to.

use std::collections::BTreeMap;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ciborium::{Value, cbor};
use sha2::{Digest, Sha256};

use crate::world::{Answer, Browser, ISSUER, hidden};

/// What a form is sent with.
pub type Fields = BTreeMap<&'static str, String>;

enum Key {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

impl Key {
    /// The public key (RFC 9053).
    fn cose(&self) -> Value {
        match self {
            Self::Es256(pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = (Value::Bytes(point[1..33].to_vec()), Value::Bytes(point[33..].to_vec()));
                cbor!({ 1 => 2, 3 => -7, -1 => 1, -2 => x, -3 => y }).unwrap()
            }
            Self::EdDsa(pair) => {
                let x = Value::Bytes(pair.public_key().as_ref().to_vec());
                cbor!({ 1 => 1, 3 => -8, -1 => 6, -2 => x }).unwrap()
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Es256(pair) => pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Self::EdDsa(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }
}

/// With one passkey at most.
pub struct Authenticator {
    pub origin: String,
    /// In place of the site's own.
    pub rp: Option<String>,
    /// In place of the ceremony's own.
    pub kind: Option<&'static str>,
    pub present: bool,
    pub verified: bool,
    /// How often it was used; goes up by `step`.
    pub count: u32,
    pub step: u32,
    pub id: Vec<u8>,
    pub handle: Vec<u8>,
    key: Key,
}

fn text(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// What a page tells its script.
fn told(page: &str, name: &str) -> String {
    let open = format!("data-{name}=\"");
    let at = page.find(&open).unwrap_or_else(|| panic!("no {name} in {page}")) + open.len();
    page[at..].split('"').next().unwrap().to_owned()
}

impl Authenticator {
    /// A good one, which signs with ES256.
    pub fn new() -> Self {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new()).unwrap();
        Self::with(Key::Es256(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref()).unwrap()))
    }

    /// One that signs with EdDSA and does not count.
    pub fn ed25519() -> Self {
        Self { step: 0, ..Self::with(Key::EdDsa(Ed25519KeyPair::generate().unwrap())) }
    }

    fn with(key: Key) -> Self {
        let mut id = vec![0; 32];
        aws_lc_rs::rand::fill(&mut id).unwrap();
        let origin = ISSUER.to_owned();
        let handle = Vec::new();
        Self { origin, rp: None, kind: None, present: true, verified: true, count: 0, step: 1, id, handle, key }
    }

    fn client_data(&self, kind: &'static str, challenge: &str) -> Vec<u8> {
        let kind = self.kind.unwrap_or(kind);
        let data =
            serde_json::json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false });
        data.to_string().into_bytes()
    }

    fn data(&mut self, rp: &str, made: bool) -> Vec<u8> {
        let rp = self.rp.clone().unwrap_or_else(|| rp.to_owned());
        let flags = u8::from(self.present) | u8::from(self.verified) << 2 | u8::from(made) << 6;
        self.count += self.step;
        let mut data = Sha256::digest(rp).to_vec();
        data.push(flags);
        data.extend(self.count.to_be_bytes());
        if made {
            data.extend([0; 16]);
            data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
            data.extend(&self.id);
            ciborium::into_writer(&self.key.cose(), &mut data).unwrap();
        }
        data
    }

    /// Makes the passkey that a page asks for.
    pub fn make(&mut self, page: &str) -> Fields {
        self.handle = BASE64_URL_SAFE_NO_PAD.decode(told(page, "handle")).unwrap();
        let data = Value::Bytes(self.data(&told(page, "rp"), true));
        let mut attestation = Vec::new();
        let object = cbor!({ "fmt" => "none", "attStmt" => {}, "authData" => data }).unwrap();
        ciborium::into_writer(&object, &mut attestation).unwrap();
        let client_data = self.client_data("webauthn.create", &told(page, "challenge"));
        BTreeMap::from([("client_data", text(&client_data)), ("attestation", text(&attestation))])
    }

    /// Signs what a page asks for.
    pub fn show(&mut self, page: &str) -> Fields {
        let client_data = self.client_data("webauthn.get", &told(page, "challenge"));
        let data = self.data(&told(page, "rp"), false);
        let signature = self.key.sign(&[&data[..], &Sha256::digest(&client_data)].concat());
        let all = [&self.id, &client_data, &data, &signature, &self.handle].map(|bytes| text(bytes));
        ["credential", "client_data", "data", "signature", "handle"].into_iter().zip(all).collect()
    }

    /// Adds its passkey to the account of a browser.
    pub async fn add(&mut self, browser: &mut Browser<'_>) -> Answer {
        let page = browser.get("/account/passkey").await.text;
        let fields = self.make(&page);
        send(browser, &page, "/account/passkey", &fields).await
    }

    /// Signs a browser in.
    pub async fn sign_in(&mut self, browser: &mut Browser<'_>) -> Answer {
        let page = browser.get("/login/passkey?next=%2Fdevice").await.text;
        let fields = self.show(&page);
        send(browser, &page, "/login/passkey", &fields).await
    }
}

/// Sends the form of a page with these fields.
pub async fn send(browser: &mut Browser<'_>, page: &str, action: &str, fields: &Fields) -> Answer {
    let form = hidden(page, "form_token");
    let mut all = vec![("form_token", form.as_str()), ("next", "/device")];
    all.extend(fields.iter().map(|(name, value)| (*name, value.as_str())));
    browser.post(action, &all, &[]).await
}
