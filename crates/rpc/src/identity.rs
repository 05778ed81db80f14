//! Accounts and tokens over gRPC: [`AuthServer`] turns messages into calls, [`AuthClient`] calls into messages.

use std::sync::Arc;

use async_trait::async_trait;
use contracts::{AuthApi, Call, DeviceSession, Permission, Result, UserId, Validated};
use tonic::{Request, Response, Status, transport::Channel};
use uuid::Uuid;

use crate::{
    convert::{answer, maybe, parsed, stamp, time},
    pb::{self, auth_service_client::AuthServiceClient, auth_service_server::AuthService},
    peer::Peer,
    server::{MAX_REQUEST_BYTES, open, reply},
};

/// Serves accounts and tokens to other processes.
pub struct AuthServer(pub Arc<dyn AuthApi>);

impl AuthServer {
    async fn validated(&self, call: &Call, request: &pb::ValidateTokenRequest) -> Result<pb::ValidateTokenResponse> {
        let found = self.0.validate_token(call, &request.token).await?;
        Ok(pb::ValidateTokenResponse { token: found.map(Into::into) })
    }

    async fn created(&self, call: &Call, request: &pb::CreateSessionRequest) -> Result<pb::CreateSessionResponse> {
        let user: UserId = parsed("user_id", &request.user_id, "a UUID")?;
        let DeviceSession { id, token, expires_at } = self.0.create_session(call, user, &request.device).await?;
        Ok(pb::CreateSessionResponse { session_id: id.to_string(), token, expires_at: Some(stamp(expires_at)) })
    }

    async fn revoked(&self, call: &Call, request: &pb::RevokeSessionRequest) -> Result<pb::RevokeSessionResponse> {
        let session: Uuid = parsed("session_id", &request.session_id, "a UUID")?;
        self.0.revoke_session(call, session).await.map(|()| pb::RevokeSessionResponse {})
    }

    async fn checked(&self, call: &Call, request: &pb::CheckPermissionRequest) -> Result<pb::CheckPermissionResponse> {
        let user: UserId = parsed("user_id", &request.user_id, "a UUID")?;
        let permission: Permission = parsed("permission", &request.permission, "written `resource:action:scope`")?;
        Ok(pb::CheckPermissionResponse { allowed: self.0.check_permission(call, user, &permission).await? })
    }
}

#[async_trait]
impl AuthService for AuthServer {
    async fn validate_token(
        &self,
        request: Request<pb::ValidateTokenRequest>,
    ) -> Result<Response<pb::ValidateTokenResponse>, Status> {
        let (call, request) = open(request)?;
        reply(self.validated(&call, &request).await)
    }

    async fn create_session(
        &self,
        request: Request<pb::CreateSessionRequest>,
    ) -> Result<Response<pb::CreateSessionResponse>, Status> {
        let (call, request) = open(request)?;
        reply(self.created(&call, &request).await)
    }

    async fn revoke_session(
        &self,
        request: Request<pb::RevokeSessionRequest>,
    ) -> Result<Response<pb::RevokeSessionResponse>, Status> {
        let (call, request) = open(request)?;
        reply(self.revoked(&call, &request).await)
    }

    async fn check_permission(
        &self,
        request: Request<pb::CheckPermissionRequest>,
    ) -> Result<Response<pb::CheckPermissionResponse>, Status> {
        let (call, request) = open(request)?;
        reply(self.checked(&call, &request).await)
    }
}

/// The accounts and tokens of another process.
#[derive(Clone, Debug)]
pub struct AuthClient(Peer);

impl AuthClient {
    /// Those at `peer`.
    pub fn new(peer: Peer) -> Self {
        Self(peer)
    }

    fn client(&self) -> AuthServiceClient<Channel> {
        AuthServiceClient::new(self.0.channel())
    }
}

#[async_trait]
impl AuthApi for AuthClient {
    async fn validate_token(&self, call: &Call, token: &str) -> Result<Option<Validated>> {
        let message = pb::ValidateTokenRequest { token: token.to_owned() };
        let send = |request| async { self.client().validate_token(request).await };
        let found = self.0.read(call, message, send).await?.token;
        answer(self.0.role(), maybe("token", found))
    }

    async fn create_session(&self, call: &Call, user: UserId, device: &str) -> Result<DeviceSession> {
        let message = pb::CreateSessionRequest { user_id: user.to_string(), device: device.to_owned() };
        let send = |request| async { self.client().create_session(request).await };
        let made = self.0.send(call, message, MAX_REQUEST_BYTES, send).await?;
        let read = || -> Result<DeviceSession> {
            Ok(DeviceSession {
                id: parsed("session_id", &made.session_id, "a UUID")?,
                expires_at: time("expires_at", made.expires_at)?,
                token: made.token,
            })
        };
        answer(self.0.role(), read())
    }

    async fn revoke_session(&self, call: &Call, session: Uuid) -> Result<()> {
        let message = pb::RevokeSessionRequest { session_id: session.to_string() };
        let send = |request| async { self.client().revoke_session(request).await };
        self.0.send(call, message, MAX_REQUEST_BYTES, send).await.map(|_| ())
    }

    async fn check_permission(&self, call: &Call, user: UserId, permission: &Permission) -> Result<bool> {
        let message = pb::CheckPermissionRequest { user_id: user.to_string(), permission: permission.to_string() };
        let send = |request| async { self.client().check_permission(request).await };
        Ok(self.0.read(call, message, send).await?.allowed)
    }
}
