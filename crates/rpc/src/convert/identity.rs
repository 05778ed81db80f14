//! The values of `auth.proto`.

use contracts::{AgeLimit, ApiError, Credential, Identity, Result, Role, Scopes, Subject, Validated};

use super::{parsed, stamp, time, within, wrong};
use crate::pb::{self, validated_token as of};

impl From<Validated> for pb::ValidatedToken {
    fn from(value: Validated) -> Self {
        let Validated { identity, audience, bound_to } = value;
        let credential = match identity.credential {
            Credential::Token { id, family, expires_at } => of::Credential::AccessToken(pb::AccessToken {
                id: id.to_string(),
                family_id: family.map(|id| id.to_string()),
                expires_at: Some(stamp(expires_at)),
            }),
            Credential::ApiKey(id) => of::Credential::ApiKey(id),
        };
        Self {
            subject: Some(match identity.subject {
                Subject::User(id) => of::Subject::UserId(id.to_string()),
                Subject::Service(client) => of::Subject::Service(client),
            }),
            client_id: identity.client,
            org_id: identity.org.map(|id| id.to_string()),
            role: identity.role.to_string(),
            scopes: identity.scopes.to_string(),
            credential: Some(credential),
            audience,
            bound_to,
            age_limit: identity.ages.map(|ages| pb::AgeLimit {
                max_age: u32::from(ages.max_age),
                region: ages.region.map(|region| region.to_string()),
            }),
        }
    }
}

impl TryFrom<pb::ValidatedToken> for Validated {
    type Error = ApiError;

    fn try_from(value: pb::ValidatedToken) -> Result<Self> {
        let subject = match value.subject.ok_or_else(|| wrong("subject", "is missing"))? {
            of::Subject::UserId(id) => Subject::User(parsed("user_id", &id, "a UUID")?),
            of::Subject::Service(client) => Subject::Service(client),
        };
        let credential = match value.credential.ok_or_else(|| wrong("credential", "is missing"))? {
            of::Credential::AccessToken(token) => within("access_token", access_token(&token))?,
            of::Credential::ApiKey(id) => Credential::ApiKey(id),
        };
        let identity = Identity {
            subject,
            client: value.client_id,
            org: value.org_id.map(|id| parsed("org_id", &id, "a UUID")).transpose()?,
            role: parsed::<Role>("role", &value.role, "a role")?,
            scopes: parsed::<Scopes>("scopes", &value.scopes, "scopes with spaces between")?,
            credential,
            ages: value.age_limit.map(|limit| within("age_limit", age_limit(&limit))).transpose()?,
        };
        Ok(Self { identity, audience: value.audience, bound_to: value.bound_to })
    }
}

fn access_token(token: &pb::AccessToken) -> Result<Credential> {
    Ok(Credential::Token {
        id: parsed("id", &token.id, "a UUID")?,
        family: token.family_id.as_deref().map(|id| parsed("family_id", id, "a UUID")).transpose()?,
        expires_at: time("expires_at", token.expires_at)?,
    })
}

fn age_limit(limit: &pb::AgeLimit) -> Result<AgeLimit> {
    Ok(AgeLimit {
        max_age: u16::try_from(limit.max_age).map_err(|_| wrong("max_age", "must be an age"))?,
        region: limit.region.as_deref().map(|region| parsed("region", region, "a region")).transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use contracts::{OrgId, UserId};
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_a_token_is_survives_the_way() {
        let id = |n| Uuid::from_u128(n);
        let token = |family| Credential::Token { id: id(1), family, expires_at: Timestamp::UNIX_EPOCH };
        let ages = |region: &str| Some(AgeLimit { max_age: 12, region: region.parse().ok() });
        for (subject, org, credential, bound_to, ages) in [
            (
                Subject::User(UserId(id(2))),
                Some(OrgId(id(3))),
                token(Some(id(4))),
                Some("thumb".to_owned()),
                ages("DE"),
            ),
            (Subject::Service("robot".into()), None, token(None), None, None),
            (Subject::User(UserId(id(5))), None, Credential::ApiKey("0123".into()), None, ages("")),
        ] {
            let scopes = "openid read:content".parse().unwrap();
            let (client, role) = ("app".into(), Role::Moderator);
            let identity = Identity { subject, client, org, role, scopes, credential, ages };
            let value = Validated { identity, audience: vec!["https://a".into(), "https://b".into()], bound_to };
            assert_eq!(Validated::try_from(pb::ValidatedToken::from(value.clone())).unwrap(), value);
        }
        assert_eq!(Validated::try_from(pb::ValidatedToken::default()).unwrap_err().fields[0].field, "subject");
    }
}
