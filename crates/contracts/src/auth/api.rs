//! What other processes and partners may ask of whoever knows people and programs.

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use super::{Identity, Permission};
use crate::{Call, Result, UserId};

/// A token or key that is in force, with what a door has to look at beyond whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validated {
    /// Whom it stands for, and what it may do.
    pub identity: Identity,
    /// The resources that it is for: a door that is none of them must refuse it.
    pub audience: Vec<String>,
    /// The thumbprint of the key that it is bound to (RFC 9449): good only beside a proof of that key.
    pub bound_to: Option<String>,
}

/// A device that was just signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceSession {
    /// The session's id, by which it is ended.
    pub id: Uuid,
    /// What the device shows, as the cookie of the pages; given this once.
    pub token: String,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// Who people and programs are (A5).
#[async_trait]
pub trait AuthApi: Send + Sync {
    /// What a token or key stands for, its revocation included; `None` for one that is not good, without a reason. For
    /// services, the operator and peers.
    ///
    /// # Errors
    /// `Unauthenticated` or `PermissionDenied` for anybody else; `Unavailable` when nothing can be checked at the moment.
    async fn validate_token(&self, call: &Call, token: &str) -> Result<Option<Validated>>;

    /// Signs somebody in on a device, which is called `device`. For the operator and peers.
    ///
    /// # Errors
    /// `Unauthenticated` or `PermissionDenied` for anybody else; `NotFound` for an account that is not there or closed;
    /// `InvalidArgument` without a name of the device.
    async fn create_session(&self, call: &Call, user: UserId, device: &str) -> Result<DeviceSession>;

    /// Ends a session with every token that came out of it: any for the operator and peers, else one's own.
    ///
    /// # Errors
    /// `Unauthenticated` or `PermissionDenied` without a token that manages the account; `NotFound` for a session that is
    /// somebody else's, or has ended.
    async fn revoke_session(&self, call: &Call, session: Uuid) -> Result<()>;

    /// Whether somebody has a permission by what they are; a closed account has none. For services, the operator and peers,
    /// and for oneself.
    ///
    /// # Errors
    /// `Unauthenticated` or `PermissionDenied` for anybody else.
    async fn check_permission(&self, call: &Call, user: UserId, permission: &Permission) -> Result<bool>;
}
