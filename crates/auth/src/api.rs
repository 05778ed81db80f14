//! What other processes and partners may ask: the trait of `contracts`.

use async_trait::async_trait;
use contracts::{
    ApiError, AuthApi, Call, Caller, DeviceSession, ErrorKind, Permission, Result, Role, UserId, Validated,
};
use uuid::Uuid;

use crate::{Auth, admin::no_user, audit::Entry, store::people};

/// Lets services that stand for themselves pass, beside the operator and the node.
fn require_service(call: &Call) -> Result<()> {
    match &call.caller {
        Caller::Identified(who) if who.user().is_none() && Role::ServiceAccount.includes(who.role) => Ok(()),
        _ => call.require_operator(),
    }
}

#[async_trait]
impl AuthApi for Auth {
    async fn validate_token(&self, call: &Call, token: &str) -> Result<Option<Validated>> {
        require_service(call)?;
        match self.verifier.inspect(token) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.kind == ErrorKind::Unauthenticated => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn create_session(&self, call: &Call, user: UserId, device: &str) -> Result<DeviceSession> {
        call.require_operator()?;
        if device.trim().is_empty() || device.chars().count() > 200 {
            return Err(ApiError::invalid("bad_device", "a device has a name of 1 to 200 characters")
                .field("device", "must have 1 to 200 characters"));
        }
        let person = people::by_id(&self.db, user).await?.filter(|user| user.disabled_at.is_none());
        let person = person.ok_or_else(no_user)?;
        let entry = Entry::by_caller("session.created", call).with("user", user);
        let made = self.open_session_as(&person, device.trim(), None, entry).await?;
        Ok(DeviceSession { id: made.id, token: made.secret, expires_at: made.expires_at })
    }

    async fn revoke_session(&self, call: &Call, session: Uuid) -> Result<()> {
        if matches!(&call.caller, Caller::Identified(who) if !who.is_admin()) {
            return self.end_own_session(call, session).await;
        }
        call.require_operator()?;
        let unknown = || ApiError::not_found("no_such_session", "there is no such session");
        let user = people::owner_of_session(&self.db, session).await?.ok_or_else(unknown)?;
        let entry = Entry::by_caller("session.ended", call).to(session).with("user", user);
        if self.end_session_as(user, session, entry).await? { Ok(()) } else { Err(unknown()) }
    }

    async fn check_permission(&self, call: &Call, user: UserId, permission: &Permission) -> Result<bool> {
        if !matches!(&call.caller, Caller::Identified(who) if who.user() == Some(user)) {
            require_service(call)?;
        }
        let person = people::by_id(&self.db, user).await?.filter(|person| person.disabled_at.is_none());
        Ok(person.is_some_and(|person| person.role.may(permission)))
    }
}
