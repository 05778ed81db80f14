//! Fetches a picture's file: no redirects, no private addresses, so many bytes, so much time.

use std::{net::SocketAddr, time::Duration};

use contracts::{PictureError, is_public};
use reqwest::{
    Client, StatusCode, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    header,
    redirect::Policy,
};

/// The largest file, in bytes.
const MAX_BYTES: usize = 8 << 20;

/// How hosts are asked.
pub struct Fetch {
    /// Connects to public addresses only, whatever a name resolves to.
    guarded: Client,
    /// For origins that the operator wrote in full.
    plain: Client,
}

impl Fetch {
    /// An answer may take `timeout` as a whole.
    ///
    /// # Errors
    /// A sentence when there can be no client.
    pub fn new(timeout: Duration) -> Result<Self, String> {
        let builder = || {
            Client::builder()
                .timeout(timeout)
                .redirect(Policy::none())
                .no_proxy()
                .user_agent(concat!("media-gateway/", env!("CARGO_PKG_VERSION")))
        };
        let built = |builder: reqwest::ClientBuilder| builder.build().map_err(|error| error.to_string());
        Ok(Self { guarded: built(builder().dns_resolver(PublicOnly))?, plain: built(builder())? })
    }

    /// The bytes at `url`.
    ///
    /// # Errors
    /// `Gone` for 404 and 410, else `Failed` with why.
    pub async fn bytes(&self, url: Url, guarded: bool) -> Result<Vec<u8>, PictureError> {
        let client = if guarded { &self.guarded } else { &self.plain };
        let failed = |error: reqwest::Error| {
            PictureError::Failed(if error.is_timeout() { "it is too slow" } else { "it can't be reached" })
        };
        let asked = client.get(url).header(header::ACCEPT, "image/webp,image/jpeg,image/png");
        let mut response = asked.send().await.map_err(failed)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::GONE => return Err(PictureError::Gone),
            status if status.is_redirection() => return Err(PictureError::Failed("it sends us elsewhere")),
            _ => return Err(PictureError::Failed("it refuses")),
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if bytes.len() + chunk.len() > MAX_BYTES {
                return Err(PictureError::Unusable("it has more than 8 MiB"));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

/// Resolves names, and nothing that has an address inside.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if found.is_empty() || !found.iter().all(|at| is_public(at.ip())) {
                return Err("its address is not of the public internet".into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_leads_inside_is_not_asked() {
        let error = PublicOnly.resolve("localhost".parse().unwrap()).await.err().unwrap();
        assert_eq!(error.to_string(), "its address is not of the public internet");
        let fetch = Fetch::new(Duration::from_secs(2)).unwrap();
        let inside = fetch.bytes("https://localhost/x.jpg".parse().unwrap(), true).await;
        assert_eq!(inside, Err(PictureError::Failed("it can't be reached")));
    }
}
