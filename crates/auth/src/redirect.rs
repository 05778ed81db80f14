//! Where an answer may be sent: registered addresses, compared character by character (OAuth 2.1, section 2.3).

use contracts::{is_confidential, is_loopback_number};
use url::Url;

/// Whether an address can be registered at all, or why not.
pub(crate) fn check(address: &str) -> Result<(), &'static str> {
    let url = Url::parse(address).map_err(|_| "is not an absolute address")?;
    if url.fragment().is_some() {
        return Err("must not have a fragment");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not have a user");
    }
    match url.scheme() {
        web if is_confidential("https", web, url.host_str()) => Ok(()),
        "http" => Err("must be https unless it is this machine"),
        // RFC 8252, section 7.1: a scheme of one's own is a domain turned round.
        scheme if scheme.contains('.') => Ok(()),
        _ => Err("must be https, this machine, or a scheme that is a domain turned round"),
    }
}

/// Whether `asked` is one of `registered`. On this machine a native client may choose any port (RFC 8252, 7.3).
pub(crate) fn matches(registered: &[String], asked: &str) -> bool {
    registered.iter().any(|known| known == asked || portless(known).is_some_and(|known| portless(asked) == Some(known)))
}

/// An address of this machine without its port; `None` for any other.
fn portless(address: &str) -> Option<String> {
    let mut url = Url::parse(address).ok()?;
    if url.scheme() != "http" || !url.host_str().is_some_and(is_loopback_number) || url.fragment().is_some() {
        return None;
    }
    url.set_port(None).ok()?;
    Some(url.into())
}

/// The address with these parameters added to its query.
pub(crate) fn with(address: &str, parameters: &[(&str, &str)]) -> String {
    match Url::parse(address) {
        Ok(mut url) => {
            url.query_pairs_mut().extend_pairs(parameters);
            url.into()
        }
        Err(_) => address.to_owned(),
    }
}

/// What a policy names it by: scheme, host and port.
pub(crate) fn origin(address: &str) -> String {
    Url::parse(address).map_or_else(
        |_| String::new(),
        |url| match url.origin() {
            origin @ url::Origin::Tuple(..) => origin.ascii_serialization(),
            url::Origin::Opaque(_) => format!("{}:", url.scheme()),
        },
    )
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("https://app.example/cb", true)]
    #[case("http://127.0.0.1/cb", true)]
    #[case("http://localhost:3000/cb", true)]
    #[case("http://[::1]:3000/cb", true)]
    #[case("com.example.app:/cb", true)]
    #[case("http://app.example/cb", false)]
    #[case("https://app.example/cb#x", false)]
    #[case("https://me@app.example/cb", false)]
    #[case("javascript:alert(1)", false)]
    #[case("data:text/html,x", false)]
    #[case("/cb", false)]
    fn what_can_be_registered(#[case] address: &str, #[case] may: bool) {
        assert_eq!(check(address).is_ok(), may, "{address}");
    }

    #[rstest]
    #[case("https://app.example/cb", true)]
    #[case("https://app.example/cb/", false)]
    #[case("https://app.example/cb?x=1", false)]
    #[case("https://app.example:443/cb", false)]
    #[case("https://app.example.evil/cb", false)]
    #[case("http://127.0.0.1:51004/cb", true)]
    #[case("http://127.0.0.1:51004/other", false)]
    #[case("http://127.0.0.2:51004/cb", false)]
    #[case("http://127.0.0.1.evil:51004/cb", false)]
    #[case("http://localhost:51004/cb", false)]
    fn what_matches(#[case] asked: &str, #[case] does: bool) {
        let registered = ["https://app.example/cb".to_owned(), "http://127.0.0.1/cb".to_owned()];
        assert_eq!(matches(&registered, asked), does, "{asked}");
    }

    #[test]
    fn parameters_are_escaped() {
        let address = with("https://a.example/cb?x=1", &[("state", "a&b=c"), ("iss", "https://m.example")]);
        assert_eq!(address, "https://a.example/cb?x=1&state=a%26b%3Dc&iss=https%3A%2F%2Fm.example");
        assert_eq!(origin("https://a.example:8443/cb"), "https://a.example:8443");
        assert_eq!(origin("com.example.app:/cb"), "com.example.app:");
    }
}
