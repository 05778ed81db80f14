//! The token endpoint: which grant, by which client, with which proof; and what tokens are made of.

use access::{ACCESS_TOKEN_TYPE, Audience, Claims, Confirmation, Expectation, MAX_PROOF_AGE};
use axum::http::HeaderMap;
use contracts::{ApiError, OrgId, Role, Scopes};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Auth, OAuthError,
    audit::Entry,
    clients::DEVICE_GRANT,
    config::ACCESS_TTL,
    http::Params,
    model::{Client, Grant, Refresh},
    secret,
    store::{grants, trust},
};

/// What a token request is answered (RFC 6749, section 5.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct TokenReply {
    /// The access token, a JWT (RFC 9068).
    pub access_token: String,
    /// `Bearer`, or `DPoP` for a token that is bound to a key.
    pub token_type: String,
    /// Seconds until it ends.
    pub expires_in: i64,
    /// What it may do.
    #[schema(value_type = String)]
    pub scope: Scopes,
    /// For the next access token; good once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// Who the person is (OpenID Connect).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
}

/// A request of a client that proved who it is.
pub(crate) struct Asked<'a> {
    pub client: Client,
    pub form: &'a Params,
    /// The thumbprint of the key it proved to hold.
    pub jkt: Option<String>,
}

impl Asked<'_> {
    pub(crate) fn required(&self, name: &str) -> Result<&str, OAuthError> {
        self.form.get(name).ok_or_else(|| OAuthError::invalid_request(format!("`{name}` is missing")))
    }
}

/// What an access token is minted from.
pub(crate) struct Minted<'a> {
    pub subject: String,
    pub client: &'a str,
    pub role: Role,
    pub scopes: Scopes,
    pub resources: Vec<String>,
    pub org: Option<OrgId>,
    pub family: Option<Uuid>,
    pub authenticated_at: Option<Timestamp>,
    pub jkt: Option<&'a str>,
}

#[derive(Serialize)]
struct IdClaims<'a> {
    iss: &'a str,
    sub: String,
    aud: &'a str,
    exp: i64,
    iat: i64,
    auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<Uuid>,
}

impl Auth {
    /// Answers a token request at `path`.
    pub(crate) async fn token(&self, path: &str, headers: &HeaderMap, form: &Params) -> Result<TokenReply, OAuthError> {
        let mut kept = self.shown_refresh(form).await?;
        let known = kept.as_mut().and_then(|kept| kept.client.take());
        let client = self.authenticate_known(headers, form, known.as_ref()).await?;
        let jkt = self.proof("POST", path, headers).await?;
        if client.bound && jkt.is_none() {
            return Err(OAuthError::invalid_dpop_proof("this client's tokens are bound to a key: send a DPoP proof"));
        }
        let asked = Asked { client, form, jkt };
        let wanted = asked.required("grant_type")?;
        let grant = if wanted == "device_code" { DEVICE_GRANT } else { wanted };
        let known = ["authorization_code", "refresh_token", "client_credentials", DEVICE_GRANT];
        if !known.contains(&grant) {
            return Err(OAuthError::unsupported_grant_type(format!("{wanted:?} is not a grant of this server")));
        }
        if !asked.client.may(grant) {
            return Err(OAuthError::unauthorized_client("this client is not registered for this grant"));
        }
        match grant {
            "authorization_code" => self.redeem_code(&asked).await,
            "refresh_token" => self.refresh(&asked, kept).await,
            "client_credentials" => self.client_credentials(&asked).await,
            _ => self.redeem_device(&asked).await,
        }
    }

    /// The refresh token of a request for that grant, with its client: one look for both. Nothing is said of it before
    /// the client has proved who it is.
    async fn shown_refresh(&self, form: &Params) -> Result<Option<Refresh>, OAuthError> {
        let token = form.get("refresh_token").filter(|_| form.get("grant_type") == Some("refresh_token"));
        match token {
            Some(token) => Ok(grants::refresh(&self.db, &secret::hash(token)).await?),
            None => Ok(None),
        }
    }

    /// The key that the sender proved to hold, if it sent a proof; each proof is good once.
    pub(crate) async fn proof(
        &self,
        method: &str,
        path: &str,
        headers: &HeaderMap,
    ) -> Result<Option<String>, OAuthError> {
        let mut all = headers.get_all("dpop").iter();
        let Some(proof) = all.next() else { return Ok(None) };
        let text = proof.to_str().ok().filter(|_| all.next().is_none());
        let text = text.ok_or_else(|| OAuthError::invalid_dpop_proof("there must be one DPoP proof"))?;
        let (url, now) = (format!("{}{path}", self.config.issuer), self.clock.now());
        let proved = Expectation { method, url: &url, token: None, now }.check(text)?;
        let until = now.checked_add(MAX_PROOF_AGE + MAX_PROOF_AGE).unwrap_or(Timestamp::MAX);
        let name = secret::hash(&format!("{}\n{}", proved.jkt, proved.jti));
        if !trust::take_proof(&self.db, &name, until).await? {
            return Err(OAuthError::invalid_dpop_proof("the DPoP proof was used before"));
        }
        Ok(Some(proved.jkt))
    }

    /// A program's own token (RFC 6749, section 4.4).
    async fn client_credentials(&self, asked: &Asked<'_>) -> Result<TokenReply, OAuthError> {
        let client = &asked.client;
        let role = client.role.filter(|_| client.confidential());
        let role = role.ok_or_else(|| OAuthError::unauthorized_client("this client does not stand for itself"))?;
        let wanted = match asked.form.get("scope") {
            Some(text) => text.parse::<Scopes>()?,
            None => client.scopes.clone(),
        };
        let scopes = if client.scopes.covers(&wanted) { wanted.clone().within(role) } else { Scopes::default() };
        if scopes.is_empty() {
            return Err(OAuthError::beyond(&wanted, &client.scopes, "what the client is registered for"));
        }
        let minted = Minted {
            subject: client.id.clone(),
            client: &client.id,
            role,
            scopes,
            resources: self.resources(asked.form, None)?,
            org: None,
            family: None,
            authenticated_at: None,
            jkt: asked.jkt.as_deref(),
        };
        let reply = self.mint(minted).await?;
        let tx = self.db.begin().await?;
        self.state(tx, Entry::by_client("token.issued", &client.id).with("grant", "client_credentials"), &[]).await?;
        Ok(reply)
    }

    /// The resources that a request names (RFC 8707), among `granted` where there is a grant.
    pub(crate) fn resources(&self, form: &Params, granted: Option<&[String]>) -> Result<Vec<String>, OAuthError> {
        let mut named = form.all("resource");
        named.dedup();
        if named.is_empty() {
            return Ok(granted.map_or_else(|| vec![self.config.issuer.clone()], <[String]>::to_vec));
        }
        let allowed =
            |resource: &String| self.config.knows(resource) && granted.is_none_or(|granted| granted.contains(resource));
        if named.len() > 8 || !named.iter().all(allowed) {
            return Err(OAuthError::invalid_target("there is no such resource here, or it was not granted"));
        }
        Ok(named)
    }

    /// An access token.
    pub(crate) async fn mint(&self, from: Minted<'_>) -> Result<TokenReply, ApiError> {
        let now = self.clock.now().as_second();
        let claims = Claims {
            iss: self.config.issuer.clone(),
            sub: from.subject,
            aud: Audience::of(from.resources),
            exp: now + ACCESS_TTL.as_secs(),
            iat: now,
            nbf: None,
            jti: self.ids.next(),
            client_id: from.client.to_owned(),
            scope: from.scopes.clone(),
            roles: vec![from.role],
            org: from.org,
            family: from.family,
            auth_time: from.authenticated_at.map(Timestamp::as_second),
            cnf: from.jkt.map(|jkt| Confirmation { jkt: jkt.to_owned() }),
        };
        Ok(TokenReply {
            access_token: self.sign(ACCESS_TOKEN_TYPE, &claims).await?,
            token_type: if from.jkt.is_some() { "DPoP" } else { "Bearer" }.to_owned(),
            expires_in: ACCESS_TTL.as_secs(),
            scope: from.scopes,
            refresh_token: None,
            id_token: None,
        })
    }

    /// An ID token (OpenID Connect Core, section 2).
    pub(crate) async fn id_token(&self, grant: &Grant, nonce: Option<&str>) -> Result<String, ApiError> {
        let now = self.clock.now().as_second();
        let claims = IdClaims {
            iss: &self.config.issuer,
            sub: grant.user.to_string(),
            aud: &grant.client_id,
            exp: now + ACCESS_TTL.as_secs(),
            iat: now,
            auth_time: grant.authenticated_at.as_second(),
            nonce,
            sid: grant.session,
        };
        self.sign("JWT", &claims).await
    }
}
