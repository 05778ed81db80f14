//! Codes and refresh tokens become tokens: each once, in one transaction with what is stated about it.

use access::Revoked;
use contracts::{Role, Scope, Scopes};
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    Auth, OAuthError,
    audit::Entry,
    config::{FAMILY_TTL, REFRESH_TTL, REPLAY_WINDOW},
    model::{Grant, Refresh},
    pkce,
    rotations::Rotation,
    secret,
    store::{grants, people},
    token::{Asked, Minted, TokenReply},
};

/// What a reply is sealed for.
const REPLY: &str = "token reply";

impl Auth {
    /// The authorization code grant (RFC 6749, section 4.1.3, with RFC 7636).
    pub(crate) async fn redeem_code(&self, asked: &Asked<'_>) -> Result<TokenReply, OAuthError> {
        let (text, verifier) = (asked.required("code")?, asked.required("code_verifier")?);
        let (code_hash, now) = (secret::hash(text), self.clock.now());
        let bad = || OAuthError::invalid_grant("the code is not good: unknown, used, expired or another client's");
        let code = grants::code(&self.db, &code_hash).await?.ok_or_else(bad)?;
        if code.grant.client_id != asked.client.id {
            return Err(bad());
        }
        if code.used_at.is_some() {
            self.reused(code.grant.family, &asked.client.id, "code reused").await?;
            return Err(bad());
        }
        if now >= code.expires_at || asked.required("redirect_uri")? != code.redirect_uri {
            return Err(bad());
        }
        if !pkce::verifies(verifier, &code.challenge) {
            return Err(OAuthError::invalid_grant("the code verifier does not fit the challenge"));
        }
        if code.grant.jkt.is_some() && code.grant.jkt != asked.jkt {
            return Err(OAuthError::invalid_dpop_proof("the code is bound to another key"));
        }
        let mut grant = code.grant;
        grant.resources = self.resources(asked.form, Some(&grant.resources))?;
        let (mut reply, refresh) = self.first_reply(&mut grant, asked).await?;
        if grant.scopes.has(Scope::OpenId) {
            reply.id_token = Some(self.id_token(&grant, code.nonce.as_deref()).await?);
        }
        let mut tx = self.db.begin().await?;
        // Whoever signs out at this moment comes before or after, and not between: a family would outlive its session.
        people::hold(&mut tx, grant.user).await?;
        if !grants::use_code(&mut tx, &code_hash, now).await? {
            drop(tx);
            self.reused(grant.family, &asked.client.id, "code reused").await?;
            return Err(bad());
        }
        self.begin_family(&mut tx, &grant, refresh.as_deref(), now).await?;
        let entry = Entry::by_user("token.issued", grant.user).to(&grant.client_id).with("grant", "authorization_code");
        self.state(tx, entry.with("family", grant.family), &[]).await?;
        Ok(reply)
    }

    /// The first tokens of a family: what to answer, and the refresh token where the client may have one. Public
    /// clients' families are bound to the key they proved.
    pub(crate) async fn first_reply(
        &self,
        grant: &mut Grant,
        asked: &Asked<'_>,
    ) -> Result<(TokenReply, Option<String>), OAuthError> {
        let role = self.role_of(grant).await?;
        grant.scopes = grant.scopes.clone().within(role);
        let mut reply = self.mint(self.minted(grant, role, grant.scopes.clone(), asked.jkt.as_deref())).await?;
        if !asked.client.confidential() {
            grant.jkt.clone_from(&asked.jkt);
        }
        reply.refresh_token = asked.client.may("refresh_token").then(|| secret::fresh(&self.rng));
        let refresh = reply.refresh_token.clone();
        Ok((reply, refresh))
    }

    /// Writes a new family with its first refresh token, in the caller's transaction.
    pub(crate) async fn begin_family(
        &self,
        tx: &mut stores::Tx,
        grant: &Grant,
        refresh: Option<&str>,
        now: Timestamp,
    ) -> Result<(), OAuthError> {
        grants::insert_family(tx, grant, now, later(now, FAMILY_TTL)).await?;
        if let Some(token) = refresh {
            grants::insert_refresh(tx, &secret::hash(token), grant, now, later(now, REFRESH_TTL)).await?;
        }
        Ok(())
    }

    /// The refresh grant, with rotation (RFC 9700, section 4.14): a token that comes back after its window is theft. `kept`
    /// is what is kept of the token that was shown, if anything.
    pub(crate) async fn refresh(&self, asked: &Asked<'_>, mut kept: Option<Refresh>) -> Result<TokenReply, OAuthError> {
        let token = asked.required("refresh_token")?;
        // A second time when another request with the same token came between: its reply is then ours too.
        for _ in 0..2 {
            let good = self.good_refresh(asked, kept)?;
            if good.used_at.is_some() {
                return self.replay(asked, token, good).await;
            }
            if let Some(reply) = self.rotate_refresh(asked, token, good).await? {
                return Ok(reply);
            }
            kept = grants::refresh(&self.db, &secret::hash(token)).await?;
        }
        Err(bad_refresh())
    }

    /// The kept token, when it may be looked at by this client at all.
    fn good_refresh(&self, asked: &Asked<'_>, kept: Option<Refresh>) -> Result<Refresh, OAuthError> {
        let kept = kept.ok_or_else(bad_refresh)?;
        let now = self.clock.now();
        let over = kept.revoked_at.is_some() || now >= kept.expires_at || now >= kept.family_ends;
        if over || kept.grant.client_id != asked.client.id {
            return Err(bad_refresh());
        }
        if kept.grant.jkt.is_some() && kept.grant.jkt != asked.jkt {
            return Err(OAuthError::invalid_dpop_proof("the refresh token is bound to another key"));
        }
        Ok(kept)
    }

    /// A used token: within its window, and as long as what followed is unused, the same reply; else theft.
    async fn replay(&self, asked: &Asked<'_>, token: &str, kept: Refresh) -> Result<TokenReply, OAuthError> {
        let young = kept.used_at.is_some_and(|used| self.clock.now().duration_since(used) <= REPLAY_WINDOW);
        let sealed = kept.reply_sealed.filter(|_| young && !kept.next_used);
        let plain = sealed.and_then(|sealed| secret::open(&secret::key_of(token), REPLY, &sealed));
        if let Some(reply) = plain.and_then(|plain| serde_json::from_slice(&plain).ok()) {
            return Ok(reply);
        }
        self.reused(kept.grant.family, &asked.client.id, "refresh token reused").await?;
        Err(bad_refresh())
    }

    /// Uses the token up and makes the next; `None` when somebody else did so first.
    async fn rotate_refresh(
        &self,
        asked: &Asked<'_>,
        token: &str,
        kept: Refresh,
    ) -> Result<Option<TokenReply>, OAuthError> {
        let (grant, role) = (kept.grant, kept.role.ok_or_else(closed)?);
        let scopes = match asked.form.get("scope") {
            Some(text) => text.parse::<Scopes>()?,
            None => grant.scopes.clone(),
        };
        if scopes.is_empty() || !grant.scopes.covers(&scopes) {
            return Err(OAuthError::beyond(&scopes, &grant.scopes, "what was granted"));
        }
        let narrowed = Grant { resources: self.resources(asked.form, Some(&grant.resources))?, ..grant.clone() };
        let mut reply = self.mint(self.minted(&narrowed, role, scopes.within(role), asked.jkt.as_deref())).await?;
        let (next, at) = (secret::fresh(&self.rng), self.clock.now());
        let next_hash = secret::hash(&next);
        reply.refresh_token = Some(next);
        let plain = serde_json::to_vec(&reply).map_err(|_| OAuthError::server_error("the reply can't be written"))?;
        let reply_sealed = self.vault.seal_under(&secret::key_of(token), REPLY, &plain)?;
        let rotation = Rotation { token_hash: secret::hash(token), next_hash, reply_sealed, grant, at };
        Ok(self.rotations.rotate(rotation).await?.then_some(reply))
    }

    /// What the person is now; whoever may not sign in any more gets no token.
    async fn role_of(&self, grant: &Grant) -> Result<Role, OAuthError> {
        let user = people::by_id(&self.db, grant.user).await?.filter(|user| user.disabled_at.is_none());
        user.map(|user| user.role).ok_or_else(closed)
    }

    fn minted<'a>(&self, grant: &'a Grant, role: Role, scopes: Scopes, jkt: Option<&'a str>) -> Minted<'a> {
        Minted {
            subject: grant.user.to_string(),
            client: &grant.client_id,
            role,
            scopes,
            resources: grant.resources.clone(),
            org: grant.org,
            family: Some(grant.family),
            authenticated_at: Some(grant.authenticated_at),
            jkt,
        }
    }

    /// Ends a family because something of it was shown twice.
    async fn reused(&self, family: Uuid, client: &str, why: &'static str) -> Result<(), OAuthError> {
        let mut tx = self.db.begin().await?;
        if grants::end_family(&mut tx, family, why, self.clock.now()).await? {
            let event = self.revoke(&mut tx, &Revoked::Family(family)).await?;
            tracing::warn!(%family, why, "a family of tokens was revoked");
            let entry = Entry::by_client("family.revoked", client).to(family).with("why", why);
            self.state(tx, entry, &[event]).await?;
        }
        // Also where somebody else has ended it: they may have been cut off before this process learnt of it.
        self.learn(&[Revoked::Family(family)]);
        Ok(())
    }
}

pub(crate) fn later(now: Timestamp, by: jiff::SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn closed() -> OAuthError {
    OAuthError::invalid_grant("the account is closed")
}

fn bad_refresh() -> OAuthError {
    OAuthError::invalid_grant("the refresh token is not good: unknown, used, expired, revoked or another client's")
}
