//! What a token is (RFC 7662), who its person is, and its end (RFC 7009).

use access::{Audience, Claims, Confirmation, Revoked};
use axum::http::HeaderMap;
use contracts::{Call, Credential, Role, Scope, Scopes};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Auth, OAuthError,
    audit::Entry,
    http::Params,
    model::Client,
    secret,
    store::{grants, people},
};

/// What is said about a token; `active` alone when it is not good, or not the client's to ask about.
#[derive(Default, Serialize, ToSchema)]
pub(crate) struct Introspection {
    /// Whether it is good.
    active: bool,
    /// What it may do.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    scope: Option<Scopes>,
    /// Who holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    /// `Bearer` or `DPoP`, or `refresh_token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    /// When it ends, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    /// When it was minted.
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    /// Whom it stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    /// Where it is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    aud: Option<Audience>,
    /// Who minted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    /// The key it is bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<std::collections::HashMap<String, String>>)]
    cnf: Option<Confirmation>,
}

/// Who the person is (OpenID Connect Core, section 5.3).
#[derive(Serialize, ToSchema)]
pub(crate) struct UserInfo {
    /// The person's id.
    sub: String,
    /// Their address, with the scope `email`.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// Whether they proved that it is theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
}

impl Auth {
    /// Answers what a token is, to the confidential client that holds it or to one that serves a resource.
    pub(crate) async fn introspect(&self, headers: &HeaderMap, form: &Params) -> Result<Introspection, OAuthError> {
        let client = self.authenticate(headers, form).await?;
        if !client.confidential() {
            return Err(OAuthError::invalid_client("only a client that can keep a secret may ask about tokens"));
        }
        let token = form.get("token").ok_or_else(|| OAuthError::invalid_request("`token` is missing"))?;
        let serves = client.role.is_some_and(|role| Role::ServiceAccount.includes(role));
        let found = match self.verifier.read(token) {
            Ok(claims) => Some(of_claims(claims)),
            Err(error) if error.code == "auth_unavailable" => return Err(error.into()),
            Err(_) => self.of_refresh(token).await?,
        };
        let theirs = |found: &Introspection| serves || found.client_id.as_deref() == Some(client.id.as_str());
        Ok(found.filter(theirs).unwrap_or_default())
    }

    async fn of_refresh(&self, token: &str) -> Result<Option<Introspection>, OAuthError> {
        let now = self.clock.now();
        let kept = grants::refresh(&self.db, &secret::hash(token)).await?.filter(|kept| {
            kept.used_at.is_none() && kept.revoked_at.is_none() && now < kept.expires_at && now < kept.family_ends
        });
        Ok(kept.map(|kept| Introspection {
            active: true,
            scope: Some(kept.grant.scopes),
            client_id: Some(kept.grant.client_id),
            token_type: Some("refresh_token"),
            exp: Some(kept.expires_at.min(kept.family_ends).as_second()),
            iat: Some(kept.issued_at.as_second()),
            sub: Some(kept.grant.user.to_string()),
            iss: Some(self.config.issuer.clone()),
            aud: Some(Audience::of(kept.grant.resources)),
            cnf: kept.grant.jkt.map(|jkt| Confirmation { jkt }),
            jti: None,
        }))
    }

    /// Ends a token of the client's: a refresh token with all its family, an access token alone. One that is unknown
    /// has ended already.
    pub(crate) async fn revoke_token(&self, headers: &HeaderMap, form: &Params) -> Result<(), OAuthError> {
        let client = self.authenticate(headers, form).await?;
        let token = form.get("token").ok_or_else(|| OAuthError::invalid_request("`token` is missing"))?;
        let foreign = || OAuthError::invalid_grant("the token is another client's");
        if let Some(kept) = grants::refresh(&self.db, &secret::hash(token)).await? {
            if kept.grant.client_id != client.id {
                return Err(foreign());
            }
            let what = Revoked::Family(kept.grant.family);
            let mut tx = self.db.begin().await?;
            if grants::end_family(&mut tx, kept.grant.family, "revoked by its client", self.clock.now()).await? {
                self.finish(tx, &client, what).await?;
            }
            return Ok(());
        }
        match self.verifier.read(token) {
            Ok(claims) if claims.client_id != client.id => Err(foreign()),
            Ok(claims) => self.finish(self.db.begin().await?, &client, Revoked::Token(claims.jti)).await,
            Err(error) if error.code == "auth_unavailable" => Err(error.into()),
            Err(_) => Ok(()),
        }
    }

    async fn finish(&self, mut tx: stores::Tx, client: &Client, what: Revoked) -> Result<(), OAuthError> {
        let event = self.revoke(&mut tx, &what).await?;
        let target = match &what {
            Revoked::Token(id) | Revoked::Family(id) => id.to_string(),
            Revoked::Subject(id) | Revoked::Client(id) => id.clone(),
        };
        self.state(tx, Entry::by_client("token.revoked", &client.id).to(target), &[event]).await?;
        self.learn(&[what]);
        Ok(())
    }

    /// Who the caller is, for a token with the scope `openid`.
    pub(crate) async fn user_info(&self, call: &Call) -> contracts::Result<UserInfo> {
        let who = call.identity(Scope::OpenId)?;
        let gone = || contracts::ApiError::not_found("no_such_user", "there is no such account");
        let user = who.user().filter(|_| matches!(who.credential, Credential::Token { .. })).ok_or_else(gone)?;
        let kept = people::by_id(&self.db, user).await?.ok_or_else(gone)?;
        let email = if who.scopes.has(Scope::Email) { self.email(&kept)? } else { None };
        let email_verified = email.as_ref().map(|_| kept.email_verified_at.is_some());
        Ok(UserInfo { sub: user.to_string(), email, email_verified })
    }
}

fn of_claims(claims: Claims) -> Introspection {
    Introspection {
        active: true,
        scope: Some(claims.scope),
        client_id: Some(claims.client_id),
        token_type: Some(if claims.cnf.is_some() { "DPoP" } else { "Bearer" }),
        exp: Some(claims.exp),
        iat: Some(claims.iat),
        sub: Some(claims.sub),
        aud: Some(claims.aud),
        iss: Some(claims.iss),
        jti: Some(claims.jti.to_string()),
        cnf: claims.cnf,
    }
}
