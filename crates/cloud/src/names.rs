//! (pure) The names of keys and secrets, held to their form before they become part of an address.

use crate::CloudError;

/// The longest part of a name.
const MAX_PART: usize = 255;
const KEY: &str = "a key: projects/P/locations/L/keyRings/R/cryptoKeys/K";
const SECRET: &str = "a secret: projects/P/secrets/S, with /versions/N behind it or without";

/// A key of Cloud KMS that encrypts and decrypts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CryptoKey(String);

impl CryptoKey {
    /// Reads `projects/P/locations/L/keyRings/R/cryptoKeys/K`.
    ///
    /// # Errors
    /// `Name` when it is none.
    pub fn parse(name: &str) -> Result<Self, CloudError> {
        match has_form(name, &["projects", "locations", "keyRings", "cryptoKeys"]) {
            true => Ok(Self(name.to_owned())),
            false => Err(CloudError::Name { given: name.to_owned(), what: KEY }),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a version is this key's. Only what comes after the project is compared: that may be told by id or number.
    pub(crate) fn has_version(&self, version: &str) -> bool {
        let place = |name: &str| name.splitn(3, '/').nth(2).map(str::to_owned);
        match (place(&self.0), place(version)) {
            (Some(own), Some(theirs)) => theirs.starts_with(&format!("{own}/cryptoKeyVersions/")),
            _ => false,
        }
    }
}

/// A version of a secret in Secret Manager: a number, an alias, or `latest`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretVersion(String);

impl SecretVersion {
    /// Reads `projects/P/secrets/S/versions/N`; without a version it is the latest.
    ///
    /// # Errors
    /// `Name` when it is none.
    pub fn parse(name: &str) -> Result<Self, CloudError> {
        if has_form(name, &["projects", "secrets", "versions"]) {
            return Ok(Self(name.to_owned()));
        }
        match has_form(name, &["projects", "secrets"]) {
            true => Ok(Self(format!("{name}/versions/latest"))),
            false => Err(CloudError::Name { given: name.to_owned(), what: SECRET }),
        }
    }

    /// The name, with the version.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a name is these words with a part behind each.
fn has_form(name: &str, words: &[&str]) -> bool {
    let parts: Vec<&str> = name.split('/').collect();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    let good =
        |part: &str| (1..=MAX_PART).contains(&part.len()) && part.chars().all(plain) && !part.chars().all(|c| c == '.');
    parts.len() == words.len() * 2 && parts.chunks(2).zip(words).all(|(pair, word)| pair[0] == *word && good(pair[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_their_form_and_can_not_lead_elsewhere() {
        let key = CryptoKey::parse("projects/p/locations/global/keyRings/r/cryptoKeys/k").unwrap();
        let version = |project: &str, key: &str| {
            format!("projects/{project}/locations/global/keyRings/r/cryptoKeys/{key}/cryptoKeyVersions/1")
        };
        assert!(key.has_version(&version("p", "k")) && key.has_version(&version("4711", "k")));
        assert!(!key.has_version(&version("p", "k2")) && !key.has_version(key.as_str()) && !key.has_version(""));
        let secret = |name: &str| SecretVersion::parse(name).unwrap().as_str().to_owned();
        assert_eq!(secret("projects/p/secrets/s"), "projects/p/secrets/s/versions/latest");
        assert_eq!(secret("projects/x.org:p/secrets/s/versions/7"), "projects/x.org:p/secrets/s/versions/7");
        for bad in ["", "projects/p", "projects/../secrets/s", "projects/p/secrets/s?x", "projects//secrets/s"] {
            assert!(SecretVersion::parse(bad).is_err() && CryptoKey::parse(bad).is_err(), "{bad}");
        }
        assert!(CryptoKey::parse(&version("p", "k")).is_err(), "a version is no key");
    }
}
