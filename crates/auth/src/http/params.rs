//! Parameters as OAuth sends them: form-encoded, each once, the empty ones as if they were not there (RFC 6749, 3.1).

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{header, request::Parts},
};
use url::form_urlencoded;

use crate::OAuthError;

/// The most parameters of a request.
const MAX: usize = 64;
/// May be there several times (RFC 8707).
const SEVERAL: &str = "resource";

/// The parameters of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads the encoded text.
    pub(crate) fn parse(text: &str) -> Result<Self, OAuthError> {
        Self::of(form_urlencoded::parse(text.as_bytes()).map(|(name, value)| (name.into_owned(), value.into_owned())))
    }

    /// From pairs.
    pub(crate) fn of(pairs: impl Iterator<Item = (String, String)>) -> Result<Self, OAuthError> {
        let mut all: Vec<(String, String)> = Vec::new();
        for (name, value) in pairs {
            if all.len() >= MAX {
                return Err(OAuthError::invalid_request("there are too many parameters"));
            }
            if name != SEVERAL && all.iter().any(|(known, _)| *known == name) {
                let shown: String = name.chars().take(40).collect();
                return Err(OAuthError::invalid_request(format!("`{shown}` is given twice")));
            }
            if name.contains('\0') || value.contains('\0') {
                return Err(OAuthError::invalid_request("a parameter holds a NUL character"));
            }
            all.push((name, value));
        }
        Ok(Self(all))
    }

    /// The value of a parameter; `None` when it is absent or empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// Every value of a parameter.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(known, value)| known == name && !value.is_empty()).map(|(_, v)| v.clone()).collect()
    }

    /// Without this parameter.
    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }

    /// With this value.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.0.push((name.to_owned(), value.to_owned()));
    }

    /// As text that [`Params::parse`] reads.
    pub(crate) fn encode(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }
}

/// A form-encoded body.
pub(crate) struct OAuthForm(pub Params);

impl<S: Send + Sync> FromRequest<S> for OAuthForm {
    type Rejection = OAuthError;

    async fn from_request(request: Request, state: &S) -> Result<Self, OAuthError> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            let wrong = "the body must be sent as application/x-www-form-urlencoded";
            return Err(OAuthError::invalid_request(wrong));
        }
        let broken = |_| OAuthError::invalid_request("the body is too long or broken");
        let bytes = Bytes::from_request(request, state).await.map_err(broken)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| OAuthError::invalid_request("the body is not text"))?;
        Params::parse(text).map(Self)
    }
}

/// A query string.
pub(crate) struct OAuthQuery(pub Params);

impl<S: Sync> FromRequestParts<S> for OAuthQuery {
    type Rejection = OAuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, OAuthError> {
        Params::parse(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_parameter_counts_once() {
        let read = Params::parse("a=1&b=&resource=x&resource=y&c=%26+%3D").unwrap();
        assert_eq!((read.get("a"), read.get("b"), read.get("c")), (Some("1"), None, Some("& =")));
        assert_eq!(read.all("resource"), ["x", "y"]);
        assert_eq!(Params::parse(&read.encode()).unwrap(), read);
        for wrong in ["a=1&a=2", "a=&a=1", "a=%00", &"x&".repeat(65)] {
            assert_eq!(Params::parse(wrong).unwrap_err().error, "invalid_request", "{wrong:.20}");
        }
    }
}
