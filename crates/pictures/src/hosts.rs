//! (pure) From where pictures are fetched.

use reqwest::Url;

/// The hosts that an operator named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts {
    /// Names of the public internet, asked over https.
    names: Vec<String>,
    /// Whole origins, taken as they are: whoever writes `http://127.0.0.1:9000` means that machine.
    origins: Vec<String>,
}

impl Hosts {
    /// Reads host names (`image.tmdb.org`) and origins (`http://192.168.1.4:9000`).
    ///
    /// # Errors
    /// A sentence about the first that is neither.
    pub fn parse(texts: &[String]) -> Result<Self, String> {
        let mut hosts = Self::default();
        for text in texts {
            match Url::parse(text) {
                Ok(url) if matches!(url.scheme(), "http" | "https") && url.path() == "/" && url.has_host() => {
                    hosts.origins.push(url.origin().ascii_serialization());
                }
                _ if is_name(text) => hosts.names.push(text.to_ascii_lowercase()),
                _ => return Err(format!("{text:?} is neither a host such as image.tmdb.org nor an origin")),
            }
        }
        Ok(hosts)
    }

    /// The address to ask for the picture at `url`, and whether it must lead to the public internet; `None` where it is
    /// not allowed. A source that writes `http` is asked over https.
    pub fn find(&self, url: &str) -> Option<(Url, bool)> {
        let mut url = Url::parse(url).ok()?;
        if !url.username().is_empty() || url.password().is_some() {
            return None;
        }
        if self.origins.contains(&url.origin().ascii_serialization()) {
            return Some((url, false));
        }
        let named = url.host_str().is_some_and(|host| self.names.iter().any(|name| name == host));
        let usual = url.port().is_none() && matches!(url.scheme(), "http" | "https");
        (named && usual && url.set_scheme("https").is_ok()).then_some((url, true))
    }
}

/// A name with a dot in it whose last part is no number: an address in digits is none.
fn is_name(text: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= 253 && text.contains('.') && text.split('.').all(part) && !last.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(texts: &[&str]) -> Result<Hosts, String> {
        Hosts::parse(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn names_and_origins() {
        let hosts = hosts(&["Image.TMDb.org", "http://127.0.0.1:9000"]).unwrap();
        let found = |url: &str| hosts.find(url).map(|(url, guarded)| (url.to_string(), guarded));
        let tmdb = "https://image.tmdb.org/t/p/w780/x.jpg";
        assert_eq!(found(tmdb), Some((tmdb.to_owned(), true)));
        assert_eq!(found("http://image.tmdb.org/t/p/w780/x.jpg"), Some((tmdb.to_owned(), true)));
        assert_eq!(found("http://127.0.0.1:9000/x.jpg"), Some(("http://127.0.0.1:9000/x.jpg".to_owned(), false)));
        let refused = [
            "https://image.tmdb.org:8443/x.jpg",
            "https://image.tmdb.org.example.org/x.jpg",
            "https://user:secret@image.tmdb.org/x.jpg",
            "http://127.0.0.1:9001/x.jpg",
            "https://127.0.0.1:9000/x.jpg",
            "ftp://image.tmdb.org/x.jpg",
            "file:///etc/passwd",
            "x.jpg",
        ];
        for url in refused {
            assert_eq!(found(url), None, "{url}");
        }
    }

    #[test]
    fn what_is_neither_is_said() {
        for bad in ["10.0.0.1", "localhost", "", "image.tmdb.org/t", "ftp://image.tmdb.org", "a..b", "http://x.org/y"] {
            assert!(hosts(&[bad]).unwrap_err().contains("neither a host"), "{bad}");
        }
    }
}
