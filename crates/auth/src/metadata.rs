//! Clients that describe themselves: the client id is the address of a document (OAuth client id metadata documents).
//! It is fetched without redirects, from public addresses only, within bounds.

use std::net::SocketAddr;

use contracts::{Scope, Scopes, is_public};
use jiff::SignedDuration;
use serde::Deserialize;
use url::{Host, Url};

use crate::{Auth, OAuthError, audit::Entry, grants::later, model::Client, redirect, store::clients};

const MAX_BYTES: usize = 16 * 1_024;
/// How many documents are read at once, of strangers and of clients that are known each: who waits for somebody else's host
/// leaves places to those who don't.
pub(crate) const AT_ONCE: usize = 32;
/// The most that are taken to be as they were at a time, and the most of one origin. Anybody can name one more.
const MAX_IN_FORCE: i64 = 10_000;
const MAX_OF_ORIGIN: i64 = 50;
/// How long a document is taken to be as it was.
const KEEP: SignedDuration = SignedDuration::from_hours(1);
/// How much longer where there is no place to read it anew.
const STANDS: SignedDuration = SignedDuration::from_hours(24);
const MAX_REDIRECTS: usize = 16;

#[derive(Deserialize)]
struct Document {
    client_id: String,
    client_name: Option<String>,
    redirect_uris: Vec<String>,
    grant_types: Option<Vec<String>>,
    token_endpoint_auth_method: Option<String>,
    scope: Option<String>,
    #[serde(default)]
    dpop_bound_access_tokens: bool,
}

impl Auth {
    /// The client whose document is at `id`, fetched and kept; `known` is what is kept of it from before.
    pub(crate) async fn fetch_client(&self, id: &str, known: Option<Client>) -> Result<Client, OAuthError> {
        let url = check_id(id, self.config.metadata_from_loopback).map_err(|why| unusable(id, why))?;
        let crowded = || unusable(id, "there are too many others at the moment");
        let is_new = known.is_none();
        let places = if is_new { &self.documents } else { &self.known_documents };
        let _place = match (places.try_acquire(), known) {
            (Ok(place), _) => place,
            (Err(_), Some(client)) if self.stands(&client) => return Ok(client),
            (Err(_), _) => return Err(crowded()),
        };
        if is_new && !self.has_room(&url).await? {
            return Err(crowded());
        }
        let asked = async { fetch(&url, &self.addresses(&url).await?).await };
        let body = tokio::time::timeout(self.config.metadata_timeout, asked).await;
        let body = body.unwrap_or(Err("its host did not answer in time"));
        let body = body.map_err(|why| unusable(id, why))?;
        let document: Document =
            serde_json::from_slice(&body).map_err(|_| unusable(id, "it is not client metadata in JSON"))?;
        let mut client = read(id, &url, document).map_err(|why| unusable(id, why))?;
        let now = self.clock.now();
        (client.created_at, client.metadata_until) = (now, Some(later(now, KEEP)));
        let mut tx = self.db.begin().await?;
        clients::save(&mut tx, &client).await?;
        self.state(tx, Entry::by_client("client.fetched", id), &[]).await?;
        Ok(client)
    }

    /// Whether a client can be taken to be as it was while there is no place to look.
    fn stands(&self, client: &Client) -> bool {
        client.metadata_until.is_some_and(|until| self.clock.now() < later(until, STANDS))
    }

    /// Whether there may be one more, of this origin: one that serves any number of documents keeps no other's out.
    async fn has_room(&self, url: &Url) -> Result<bool, OAuthError> {
        let origin = format!("{}/", url.origin().ascii_serialization());
        let (all, its) = clients::in_force(&self.db, self.clock.now(), &origin).await?;
        Ok(all < MAX_IN_FORCE && its < MAX_OF_ORIGIN)
    }

    /// Where the host is; every address of it must be public, and only these are then connected to.
    async fn addresses(&self, url: &Url) -> Result<Vec<SocketAddr>, &'static str> {
        let port = url.port_or_known_default().unwrap_or(443);
        let found: Vec<SocketAddr> = match url.host() {
            Some(Host::Ipv4(ip)) => vec![(ip, port).into()],
            Some(Host::Ipv6(ip)) => vec![(ip, port).into()],
            Some(Host::Domain(name)) => {
                (self.config.lookup)(name.to_owned(), port).await.map_err(|_| "its host is not known")?
            }
            None => Vec::new(),
        };
        let may = |at: &SocketAddr| is_public(at.ip()) || (self.config.metadata_from_loopback && at.ip().is_loopback());
        if found.is_empty() || !found.iter().all(may) {
            return Err("its host is not a public one");
        }
        Ok(found)
    }
}

fn unusable(id: &str, why: &str) -> OAuthError {
    let shown: String = id.chars().take(200).collect();
    OAuthError::invalid_client(format!("the client metadata at {shown} can't be used: {why}"))
}

fn check_id(id: &str, loopback: bool) -> Result<Url, &'static str> {
    let url = Url::parse(id).map_err(|_| "it is not an address")?;
    let plain = loopback && url.scheme() == "http" && url.host_str().is_some_and(|host| host == "127.0.0.1");
    if url.scheme() != "https" && !plain {
        return Err("it must be https");
    }
    if url.as_str() != id || url.path() == "/" {
        return Err("it must have a path, written in the usual way");
    }
    if url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err("it must have no query, fragment or user");
    }
    Ok(url)
}

async fn fetch(url: &Url, addresses: &[SocketAddr]) -> Result<Vec<u8>, &'static str> {
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .resolve_to_addrs(url.host_str().unwrap_or_default(), addresses)
        .build()
        .map_err(|_| "no request can be made")?;
    let asked = http.get(url.clone()).header("accept", "application/json").send().await;
    let mut response = asked.map_err(|_| "it does not answer")?;
    if response.status() != reqwest::StatusCode::OK {
        return Err("its host did not answer 200");
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| "the answer broke off")? {
        if body.len() + chunk.len() > MAX_BYTES {
            return Err("it is longer than 16 KiB");
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn read(id: &str, url: &Url, document: Document) -> Result<Client, &'static str> {
    if document.client_id != id {
        return Err("it says that it is another client's");
    }
    if document.token_endpoint_auth_method.is_some_and(|method| method != "none") {
        return Err("the authentication method must be `none`");
    }
    let redirects = document.redirect_uris;
    let sane = |address: &String| redirect::check(address).is_ok() && !address.contains(' ');
    if redirects.is_empty() || redirects.len() > MAX_REDIRECTS || !redirects.iter().all(sane) {
        return Err("its redirect addresses can't be used");
    }
    let known = ["authorization_code", "refresh_token", crate::clients::DEVICE_GRANT];
    let grants = document.grant_types.unwrap_or_else(|| vec!["authorization_code".to_owned()]);
    let grants: Vec<_> = grants.into_iter().filter(|grant| known.contains(&grant.as_str())).collect();
    let open = Scopes::all().without(Scope::AdminFull).without(Scope::ManageAccount);
    let scopes = match &document.scope {
        Some(text) => {
            let words = text.split(' ').filter_map(|word| word.parse::<Scope>().ok());
            words.collect::<Scopes>().and(&open)
        }
        None => open,
    };
    let host = url.host_str().unwrap_or_default();
    let name: String = document.client_name.unwrap_or_default().chars().filter(|c| !c.is_control()).take(80).collect();
    Ok(Client {
        id: id.to_owned(),
        // Anybody can call themselves anything: the host is what is sure.
        name: if name.is_empty() { host.to_owned() } else { format!("{name} ({host})") },
        secret_hash: None,
        redirect_uris: redirects,
        grant_types: grants,
        scopes,
        own: false,
        bound: document.dpop_bound_access_tokens,
        role: None,
        refresh_in_cookie: false,
        metadata_until: None,
        created_at: jiff::Timestamp::UNIX_EPOCH,
        disabled_at: None,
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("8.8.8.8", true)]
    #[case("127.0.0.1", false)]
    #[case("10.1.2.3", false)]
    #[case("172.16.0.1", false)]
    #[case("192.168.1.1", false)]
    #[case("169.254.169.254", false)]
    #[case("100.64.0.1", false)]
    #[case("0.0.0.0", false)]
    #[case("198.18.0.1", false)]
    #[case("255.255.255.255", false)]
    #[case("2606:4700::1111", true)]
    #[case("::1", false)]
    #[case("::", false)]
    #[case("fe80::1", false)]
    #[case("fc00::1", false)]
    #[case("::ffff:127.0.0.1", false)]
    #[case("::ffff:8.8.8.8", true)]
    #[case("64:ff9b::7f00:1", false)]
    #[case("2002:7f00:1::", false)]
    #[case("2001:db8::1", false)]
    fn what_is_public(#[case] ip: &str, #[case] public: bool) {
        assert_eq!(is_public(ip.parse().unwrap()), public, "{ip}");
    }

    #[rstest]
    #[case("https://app.example/client.json", true)]
    #[case("http://app.example/client.json", false)]
    #[case("http://127.0.0.1/client.json", false)]
    #[case("https://app.example/", false)]
    #[case("https://app.example/a/../client.json", false)]
    #[case("https://me@app.example/client.json", false)]
    #[case("https://app.example/client.json#x", false)]
    #[case("file:///etc/passwd", false)]
    fn what_can_be_a_client(#[case] id: &str, #[case] may: bool) {
        assert_eq!(check_id(id, false).is_ok(), may, "{id}");
    }
}
