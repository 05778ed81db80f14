//! Telling clients that a route is on its way out: `Deprecation` (RFC 9745) and `Sunset` (RFC 8594).

use http::{HeaderValue, header::HeaderName};
use jiff::Timestamp;

/// Since when a route is deprecated, until when it answers, and what to use in its place.
#[derive(Clone, Debug)]
pub struct Deprecation {
    /// When it was deprecated.
    pub since: Timestamp,
    /// When it stops to answer.
    pub sunset: Option<Timestamp>,
    /// The path of what replaces it.
    pub successor: Option<String>,
}

impl Deprecation {
    /// The headers that say so: `Deprecation`, `Sunset` and a `Link` to the successor.
    pub fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let since = format!("@{}", self.since.as_second());
        let sunset = self.sunset.map(|at| at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
        let link = self.successor.as_ref().map(|path| format!("<{path}>; rel=\"successor-version\""));
        let named = [("deprecation", Some(since)), ("sunset", sunset), ("link", link)];
        let header = |(name, value): (&'static str, Option<String>)| {
            Some((HeaderName::from_static(name), HeaderValue::from_str(&value?).ok()?))
        };
        named.into_iter().filter_map(header).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_say_when_they_stop() {
        let mut deprecation = Deprecation {
            since: "2026-11-20T00:00:00Z".parse().unwrap(),
            sunset: Some("2027-06-01T12:00:00Z".parse().unwrap()),
            successor: Some("/api/v1/search".to_owned()),
        };
        let said = |deprecation: &Deprecation| {
            let said = |(name, value): (HeaderName, HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
            deprecation.headers().into_iter().map(said).collect::<Vec<_>>()
        };
        let since = "deprecation: @1795132800";
        let sunset = "sunset: Tue, 01 Jun 2027 12:00:00 GMT";
        assert_eq!(said(&deprecation), [since, sunset, "link: </api/v1/search>; rel=\"successor-version\""]);
        (deprecation.sunset, deprecation.successor) = (None, None);
        assert_eq!(said(&deprecation), [since]);
    }
}
