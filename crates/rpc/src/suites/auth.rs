//! What every [`AuthApi`] must do.

use contracts::{AuthApi, Clock, Credential, ErrorKind, Permission, Scope, Subject, UserId};
use uuid::Uuid;

use super::{fails, system};

/// Whom the suite finds.
pub struct Known {
    /// A person who is a `basic_user`.
    pub user: UserId,
    /// A client that stands for itself.
    pub service: String,
    /// An API key of it that may `read:content`.
    pub key: String,
}

/// Runs everything, as the node itself.
pub async fn suite(api: &dyn AuthApi, known: &Known, clock: &Clock) {
    let call = system(clock);
    let found = api.validate_token(&call, &known.key).await.unwrap().expect("a key in force is good");
    assert_eq!(found.identity.subject, Subject::Service(known.service.clone()));
    assert!(found.identity.scopes.has(Scope::ReadContent) && !found.identity.scopes.has(Scope::WriteWatchlist));
    assert!(matches!(found.identity.credential, Credential::ApiKey(_)));
    assert!(!found.audience.is_empty() && found.bound_to.is_none());
    for wrong in ["", "x", "a.b.c", &known.key[..known.key.len() - 1]] {
        assert_eq!(api.validate_token(&call, wrong).await.unwrap(), None, "{wrong:?}");
    }

    let nobody = UserId(Uuid::from_u128(1));
    let session = api.create_session(&call, known.user, "a telly").await.unwrap();
    assert!(session.expires_at > clock.now() && session.token.len() >= 32, "{session:?}");
    fails(api.create_session(&call, known.user, " ").await, ErrorKind::InvalidArgument);
    fails(api.create_session(&call, nobody, "a telly").await, ErrorKind::NotFound);
    api.revoke_session(&call, session.id).await.unwrap();
    fails(api.revoke_session(&call, session.id).await, ErrorKind::NotFound);

    for (user, permission, allowed) in [
        (known.user, "watchlist:write:own", true),
        (known.user, "content:read:*", true),
        (known.user, "content:write:*", false),
        (nobody, "content:read:*", false),
    ] {
        let permission: Permission = permission.parse().unwrap();
        assert_eq!(api.check_permission(&call, user, &permission).await.unwrap(), allowed, "{permission}");
    }
}
