//! Clients: our own, registered ones, and how they prove who they are (RFC 6749, section 2.3).

use axum::http::{HeaderMap, header};
use base64::{Engine, prelude::BASE64_STANDARD};
use contracts::{ApiError, Scope, Scopes};

use crate::{
    Auth, OAuthError,
    config::{CLI_CLIENT, WEB_CLIENT},
    http::Params,
    model::Client,
    secret,
    store::clients,
};

/// The name of the device grant (RFC 8628), and the short one that is accepted beside it (A1).
pub(crate) const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What a client shows.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    id: String,
    secret: Option<String>,
}

impl Auth {
    /// Opens the secrets, and writes down our own clients and which changes of the schema there were.
    ///
    /// # Errors
    /// When the database can't be written, or is sealed under a secret that is not there.
    pub async fn seed(&self) -> Result<(), ApiError> {
        self.settle_ring().await?;
        self.state_schema().await?;
        let mut tx = self.db.begin().await?;
        for client in self.own_clients() {
            clients::save(&mut tx, &client).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    fn own_clients(&self) -> [Client; 2] {
        let client = |id: &str, name: &str, redirects: Vec<String>, grants: [&str; 2]| Client {
            id: id.to_owned(),
            name: name.to_owned(),
            secret_hash: None,
            redirect_uris: redirects,
            grant_types: grants.map(str::to_owned).to_vec(),
            scopes: Scopes::all(),
            own: true,
            bound: false,
            role: None,
            refresh_in_cookie: false,
            metadata_until: None,
            created_at: self.clock.now(),
            disabled_at: None,
        };
        let web = vec![format!("{}/signed-in", self.config.issuer)];
        [
            client(CLI_CLIENT, "Media Gateway CLI", Vec::new(), [DEVICE_GRANT, "refresh_token"]),
            Client {
                refresh_in_cookie: true,
                scopes: Scopes::all().without(Scope::AdminFull),
                ..client(WEB_CLIENT, "Media Gateway", web, ["authorization_code", "refresh_token"])
            },
        ]
    }

    /// The client with this id, from our records or its own document.
    pub(crate) async fn client(&self, id: &str) -> Result<Client, OAuthError> {
        let known = clients::get(&self.db, id).await?;
        if known.as_ref().is_some_and(|client| client.disabled_at.is_some()) {
            return Err(unknown());
        }
        match known {
            Some(client) if self.in_force(&client) => Ok(client),
            known if id.starts_with("https://") || self.config.metadata_from_loopback => {
                self.fetch_client(id, known).await
            }
            _ => Err(unknown()),
        }
    }

    /// Whether what is kept of a client can be relied on.
    fn in_force(&self, client: &Client) -> bool {
        client.disabled_at.is_none() && client.metadata_until.is_none_or(|until| self.clock.now() < until)
    }

    /// The client that makes a request, by its secret or, for a public one, its name.
    pub(crate) async fn authenticate(&self, headers: &HeaderMap, form: &Params) -> Result<Client, OAuthError> {
        self.authenticate_known(headers, form, None).await
    }

    /// As [`Auth::authenticate`], where somebody has read a client already: it is asked for no second time.
    pub(crate) async fn authenticate_known(
        &self,
        headers: &HeaderMap,
        form: &Params,
        known: Option<&Client>,
    ) -> Result<Client, OAuthError> {
        let shown = shown(headers, form)?;
        let client = match known.filter(|client| client.id == shown.id && self.in_force(client)) {
            Some(client) => client.clone(),
            None => self.client(&shown.id).await?,
        };
        let proved = match (&client.secret_hash, &shown.secret) {
            (Some(kept), Some(secret)) => secret::same(kept, &secret::hash(secret)),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if proved { Ok(client) } else { Err(OAuthError::invalid_client("the client did not prove who it is")) }
    }
}

fn unknown() -> OAuthError {
    OAuthError::invalid_client("this client is not known")
}

/// Reads `client_secret_basic` or `client_secret_post`; both at once is one too many.
fn shown(headers: &HeaderMap, form: &Params) -> Result<Shown, OAuthError> {
    let in_form = form.get("client_id").map(str::to_owned);
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        let id = in_form.ok_or_else(|| OAuthError::invalid_client("the request names no client"))?;
        return Ok(Shown { id, secret: form.get("client_secret").map(str::to_owned) });
    };
    let bad = || OAuthError::invalid_client("the Authorization header holds no client id and secret");
    let (scheme, credentials) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(bad)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(bad());
    }
    let text = BASE64_STANDARD.decode(credentials.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.ok_or_else(bad)?;
    let (id, secret) = text.split_once(':').ok_or_else(bad)?;
    let (id, secret) = (unescape(id).ok_or_else(bad)?, unescape(secret).ok_or_else(bad)?);
    if form.get("client_secret").is_some() || in_form.is_some_and(|named| named != id) {
        return Err(OAuthError::invalid_request("a client proves who it is in one way"));
    }
    Ok(Shown { id, secret: Some(secret) })
}

/// Id and secret are form-encoded before they go into the header (RFC 6749, section 2.3.1).
fn unescape(text: &str) -> Option<String> {
    let (value, _) = url::form_urlencoded::parse(text.as_bytes()).next()?;
    // `a=b` would be a name and a value: what is encoded has no `=`, but old clients don't encode.
    if text.contains(['=', '&']) { Some(text.to_owned()) } else { Some(value.into_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(authorization: Option<&str>, form: &[(&str, &str)]) -> Result<Shown, &'static str> {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        }
        let form = Params::of(form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))).unwrap();
        shown(&headers, &form).map_err(|error| error.error)
    }

    #[test]
    fn clients_show_themselves_in_one_way() {
        let basic = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
        let who = |id: &str, secret: Option<&str>| Shown { id: id.into(), secret: secret.map(Into::into) };
        assert_eq!(read(Some(&basic("a%3Ab:s%2Bx")), &[]), Ok(who("a:b", Some("s+x"))));
        assert_eq!(read(Some(&basic("a:s=")), &[("client_id", "a")]), Ok(who("a", Some("s="))));
        assert_eq!(read(None, &[("client_id", "a"), ("client_secret", "s")]), Ok(who("a", Some("s"))));
        assert_eq!(read(None, &[("client_id", "a")]), Ok(who("a", None)));
        assert_eq!(read(None, &[]), Err("invalid_client"));
        assert_eq!(read(Some("Bearer x"), &[("client_id", "a")]), Err("invalid_client"));
        assert_eq!(read(Some("Basic !"), &[]), Err("invalid_client"));
        assert_eq!(read(Some(&basic("a:s")), &[("client_secret", "s")]), Err("invalid_request"));
        assert_eq!(read(Some(&basic("a:s")), &[("client_id", "b")]), Err("invalid_request"));
    }
}
