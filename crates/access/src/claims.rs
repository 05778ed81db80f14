//! The claims of an access token (RFC 9068), as they are minted and as they are verified.

use contracts::{OrgId, Role, Scopes};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The `typ` of an access token, so that no other token of ours passes for one.
pub const ACCESS_TOKEN_TYPE: &str = "at+jwt";

/// `aud`: one resource, or several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Audience {
    /// The shortest way to write these.
    pub fn of(mut resources: Vec<String>) -> Self {
        if resources.len() == 1 { Self::One(resources.remove(0)) } else { Self::Many(resources) }
    }

    /// Each of them.
    pub fn all(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }

    /// Whether it names this resource, character by character.
    pub fn names(&self, resource: &str) -> bool {
        match self {
            Self::One(one) => one == resource,
            Self::Many(many) => many.iter().any(|one| one == resource),
        }
    }
}

/// `cnf`: the key that the token is bound to (RFC 9449, section 6.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The thumbprint of the key (RFC 7638).
    pub jkt: String,
}

/// The claims of an access token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who minted it.
    pub iss: String,
    /// The person's id, or the client's where it stands for itself.
    pub sub: String,
    /// Where it is good.
    pub aud: Audience,
    /// When it ends, in seconds since 1970.
    pub exp: i64,
    /// When it was minted.
    pub iat: i64,
    /// From when on it is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// Its id.
    pub jti: Uuid,
    /// The client that holds it.
    pub client_id: String,
    /// What it may do.
    pub scope: Scopes,
    /// What the subject is: one role of ours.
    pub roles: Vec<Role>,
    /// The organisation it acts in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<OrgId>,
    /// The tokens that came out of the same consent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<Uuid>,
    /// When the person last proved who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// The key it is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
}
