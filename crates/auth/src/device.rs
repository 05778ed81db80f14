//! The device grant (RFC 8628): a device without a keyboard waits while its person answers elsewhere.

use axum::http::HeaderMap;
use contracts::{ApiError, Rng, Role, Scope, Scopes};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Auth, OAuthError,
    audit::Entry,
    clients::DEVICE_GRANT,
    config::{DEVICE_INTERVAL, DEVICE_TTL},
    grants::later,
    http::Params,
    model::{DeviceCode, Grant, Session},
    secret,
    store::{devices, people},
    token::{Asked, TokenReply},
};

/// Consonants only, so that no word comes out (RFC 8628, section 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const CODE_LETTERS: usize = 8;

/// What a device is answered.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeviceReply {
    /// What the device asks with.
    pub device_code: String,
    /// What its person types.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    /// The same with the code in it, for a picture.
    pub verification_uri_complete: String,
    /// Seconds until both end.
    pub expires_in: i64,
    /// Seconds between two questions.
    pub interval: i64,
}

/// A device, as its person sees it.
pub(crate) struct WaitingDevice {
    pub client: String,
    pub agent: String,
    pub scopes: Scopes,
    /// What the person is.
    pub role: Role,
}

impl Auth {
    /// A device begins.
    pub(crate) async fn begin_device(&self, headers: &HeaderMap, form: &Params) -> Result<DeviceReply, OAuthError> {
        let client = self.authenticate(headers, form).await?;
        if !client.may(DEVICE_GRANT) {
            return Err(OAuthError::unauthorized_client("this client is not registered for devices"));
        }
        let scopes = match form.get("scope") {
            Some(text) => text.parse::<Scopes>()?,
            None => [Scope::ReadContent].into_iter().collect(),
        };
        if scopes.is_empty() || !client.scopes.covers(&scopes) {
            return Err(OAuthError::beyond(&scopes, &client.scopes, "what the client is registered for"));
        }
        let agent = headers.get("user-agent").and_then(|value| value.to_str().ok()).unwrap_or("unknown device");
        let device = DeviceCode {
            client_id: client.id,
            scopes,
            resources: self.resources(form, None)?,
            agent: agent.chars().filter(|c| !c.is_control()).take(100).collect(),
            interval_seconds: DEVICE_INTERVAL.as_secs(),
            polled_at: None,
            state: "waiting".to_owned(),
            user: None,
            org: None,
            authenticated_at: None,
            expires_at: later(self.clock.now(), DEVICE_TTL),
        };
        let (code, user_code) = (secret::fresh(&self.rng), user_code(&self.rng));
        devices::insert(&self.db, &secret::hash(&code), &hash(&user_code), &device).await?;
        let page = format!("{}/device", self.config.issuer);
        Ok(DeviceReply {
            device_code: code,
            verification_uri_complete: format!("{page}?user_code={user_code}"),
            verification_uri: page,
            user_code,
            expires_in: DEVICE_TTL.as_secs(),
            interval: DEVICE_INTERVAL.as_secs(),
        })
    }

    /// A device asks whether its person has answered.
    pub(crate) async fn redeem_device(&self, asked: &Asked<'_>) -> Result<TokenReply, OAuthError> {
        let code_hash = secret::hash(asked.required("device_code")?);
        let bad = || OAuthError::invalid_grant("the device code is not good: unknown, used or another client's");
        let device = devices::by_code(&self.db, &code_hash).await?.ok_or_else(bad)?;
        if device.client_id != asked.client.id || device.state == "used" {
            return Err(bad());
        }
        let now = self.clock.now();
        if now >= device.expires_at {
            return Err(OAuthError::expired_token("the device waited too long: begin again"));
        }
        let early = device.polled_at.is_some_and(|at| now.duration_since(at).as_secs() < device.interval_seconds);
        let interval = device.interval_seconds + if early { DEVICE_INTERVAL.as_secs() } else { 0 };
        devices::polled(&self.db, &code_hash, now, interval).await?;
        if early {
            return Err(OAuthError::slow_down(format!("ask every {interval} seconds from now on")));
        }
        match device.state.as_str() {
            "allowed" => {}
            "denied" => return Err(OAuthError::access_denied("the person said no")),
            _ => return Err(OAuthError::authorization_pending("the person has yet to answer")),
        }
        let (Some(user), Some(authenticated_at)) = (device.user, device.authenticated_at) else { return Err(bad()) };
        let mut grant = Grant {
            family: self.ids.next(),
            client_id: device.client_id,
            user,
            // Its browser may sign out without the device.
            session: None,
            scopes: device.scopes,
            resources: device.resources,
            org: device.org,
            jkt: None,
            authenticated_at,
        };
        let (mut reply, refresh) = self.first_reply(&mut grant, asked).await?;
        if grant.scopes.has(Scope::OpenId) {
            reply.id_token = Some(self.id_token(&grant, None).await?);
        }
        let mut tx = self.db.begin().await?;
        people::hold(&mut tx, user).await?;
        if !devices::use_up(&mut tx, &code_hash).await? {
            return Err(bad());
        }
        self.begin_family(&mut tx, &grant, refresh.as_deref(), now).await?;
        let entry = Entry::by_user("token.issued", grant.user).to(&grant.client_id).with("grant", "device_code");
        self.state(tx, entry.with("family", grant.family), &[]).await?;
        Ok(reply)
    }

    /// The device that waits under a code, for its person to look at.
    pub(crate) async fn waiting_device(&self, code: &str, by: &Session) -> Result<Option<WaitingDevice>, ApiError> {
        let Some(device) = devices::waiting(&self.db, &hash(code), self.clock.now()).await? else { return Ok(None) };
        let client =
            self.client(&device.client_id).await.map_err(|error| ApiError::invalid("bad_client", error.description))?;
        let role = self.role_now(by.user).await?;
        Ok(Some(WaitingDevice { client: client.name, agent: device.agent, scopes: device.scopes, role }))
    }

    /// The person's answer; `false` when no device waits for it any more.
    pub(crate) async fn answer_device(&self, code: &str, session: &Session, allow: bool) -> Result<bool, ApiError> {
        let (state, action) = if allow { ("allowed", "device.allowed") } else { ("denied", "device.denied") };
        let mut tx = self.db.begin().await?;
        // Whoever ends everything of theirs comes before this or after it, and not between.
        people::hold(&mut tx, session.user).await?;
        let org = people::org_of(&mut tx, session.user).await?;
        if !devices::answer(&mut tx, &hash(code), state, session, org, self.clock.now()).await? {
            return Ok(false);
        }
        self.state(tx, Entry::by_user(action, session.user), &[]).await?;
        Ok(true)
    }
}

/// Eight letters, as a device shows them.
fn user_code(rng: &Rng) -> String {
    let letters: String = (0..CODE_LETTERS).map(|_| char::from(LETTERS[rng.below(20) as usize])).collect();
    shown(&letters)
}

/// A code as its device shows it, however it is typed: with a dash to read it by.
pub(crate) fn shown(code: &str) -> String {
    let letters = letters(code);
    let (first, last) = letters.split_at(letters.len().min(CODE_LETTERS / 2));
    format!("{first}-{last}")
}

fn hash(code: &str) -> Vec<u8> {
    secret::hash(&format!("user code {}", letters(code)))
}

/// What counts of what is typed: case, spaces and dashes don't matter.
fn letters(code: &str) -> String {
    let letters: String = code.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
    letters.to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_however_they_are_typed() {
        let code = user_code(&Rng::seeded(1));
        assert_eq!((code.len(), code.as_bytes()[4]), (9, b'-'));
        assert!(code.bytes().all(|byte| byte == b'-' || LETTERS.contains(&byte)), "{code}");
        assert_eq!(hash(&code), hash(&format!(" {} ", code.to_lowercase().replace('-', ""))));
        assert_ne!(hash(&code), hash(&user_code(&Rng::seeded(2))));
        assert_eq!(shown(&format!(" {} ", code.to_lowercase().replace('-', ""))), code);
        assert_eq!((shown(""), shown("ä"), shown("ab")), ("-".to_owned(), "-".to_owned(), "AB-".to_owned()));
    }
}
