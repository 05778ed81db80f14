//! Regions and locales.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ApiError, ErrorKind};

/// A country or territory, kept as ISO 3166-1 alpha-2 (`US`); alpha-3 (`USA`) is accepted and either case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "US")]
pub struct Region([u8; 2]);

impl Region {
    /// The United States, the default where a request names no region.
    pub const US: Self = Self(*b"US");

    /// The alpha-2 code.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("US")
    }
}

impl FromStr for Region {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, ApiError> {
        let upper = text.to_ascii_uppercase();
        let known = match upper.len() {
            2 => rust_iso3166::from_alpha2(&upper),
            3 => rust_iso3166::from_alpha3(&upper),
            _ => None,
        };
        let alpha2 = known.map(|country| country.alpha2.as_bytes());
        match alpha2 {
            Some(&[a, b]) => Ok(Self([a, b])),
            _ => Err(ApiError::new(
                ErrorKind::InvalidArgument,
                "unknown_region",
                format!("no region is called {text:?}"),
            )
            .field("region", "must be an ISO 3166-1 alpha-2 or alpha-3 code, such as US or USA")),
        }
    }
}

impl TryFrom<String> for Region {
    type Error = ApiError;

    fn try_from(text: String) -> Result<Self, ApiError> {
        text.parse()
    }
}

impl From<Region> for String {
    fn from(region: Region) -> Self {
        region.as_str().to_owned()
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A language tag (BCP 47) in lower case, such as `en`, `de-at` or `und` where the language is not known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "en")]
pub struct Locale(String);

impl Locale {
    /// English: the default, and the end of every fallback chain.
    pub fn english() -> Self {
        Self("en".to_owned())
    }

    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tags to try in order (RFC 4647, section 3.4 "Lookup"): `pt-br` gives `pt-br`, `pt`, then `en`, `und`.
    pub fn fallbacks(&self) -> Vec<String> {
        let mut chain = vec![self.0.clone()];
        let mut tag = self.0.as_str();
        while let Some((shorter, _)) = tag.rsplit_once('-') {
            chain.push(shorter.to_owned());
            tag = shorter;
        }
        for last in ["en", "und"] {
            if !chain.iter().any(|tag| tag == last) {
                chain.push(last.to_owned());
            }
        }
        chain
    }
}

impl Default for Locale {
    fn default() -> Self {
        Self::english()
    }
}

impl FromStr for Locale {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, ApiError> {
        let tag = text.trim().to_ascii_lowercase().replace('_', "-");
        let mut parts = tag.split('-');
        let language = parts.next().unwrap_or_default();
        let well_formed = (2..=8).contains(&language.len())
            && language.bytes().all(|b| b.is_ascii_lowercase())
            && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
            && tag.len() <= 35;
        if well_formed {
            Ok(Self(tag))
        } else {
            Err(ApiError::new(ErrorKind::InvalidArgument, "bad_locale", format!("{text:?} is not a language tag"))
                .field("locale", "must be a BCP 47 language tag, such as en or pt-BR"))
        }
    }
}

impl TryFrom<String> for Locale {
    type Error = ApiError;

    fn try_from(text: String) -> Result<Self, ApiError> {
        text.parse()
    }
}

impl From<Locale> for String {
    fn from(locale: Locale) -> Self {
        locale.0
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
