//! The gateway role: one door for the roles of this process and the way to the others.

use std::sync::Arc;

use anyhow::Context as _;
use axum::extract::Request;
use contracts::Caller;
use gateway::{GatewayParts, Idempotency, Remote, RoleParts};
use utoipa_axum::router::OpenApiRouter;

use super::Role;
use crate::{limits, node::Common, services::Services};

pub use gateway::Gateway as Door;

/// The public door.
pub fn door(services: &Services, common: &Common) -> anyhow::Result<Door> {
    let (mut local, mut remotes) = (OpenApiRouter::new(), Vec::new());
    for role in Role::ALL {
        match role.routes(services) {
            Some(routes) => local = local.merge(routes),
            None => remotes.extend(remote(role, common)?),
        }
    }
    let local = local.merge(services.dead_letters()).merge(gateway::sockets(Arc::clone(&common.sockets)));
    let (db, clock, rng) = (services.db.clone(), services.means.clock.clone(), services.means.rng.clone());
    let local = local.merge(web::routes(Arc::clone(&services.catalog_api), Arc::clone(&services.search_api)).into());
    Ok(gateway::gateway(GatewayParts {
        local,
        tls: common.tls.clone(),
        remotes,
        health: Arc::clone(&common.health),
        frame: Arc::clone(&common.frame),
        idempotency: Some(Idempotency::new(db, clock, rng, common.frame.cursor_key)),
        limits: Some(Arc::clone(&common.limits)),
        cache: Some(Arc::clone(&common.cache)),
        denied: Some(denied(services)),
        reload: Some(Arc::clone(&common.reload)),
        config: limits::public(&common.config),
    }))
}

/// What calls over gRPC pass on the public door's port: its limits, and its crowd. It hears of those that are refused.
pub fn entrance(door: &Door) -> rpc::Entrance {
    let door = door.clone();
    Arc::new(move |caller: &Caller, request: &Request| -> rpc::Entering {
        let method = rpc::method_of(request.uri().path());
        let admitted = door.admit(caller, request, limits::route_of(&method));
        Box::pin(async move {
            let admitted = admitted.await?;
            Ok(Box::new(move |ended: rpc::Ended| admitted.answered(ended.took, ended.refused)) as rpc::Answered)
        })
    })
}

/// Writes refusals into the audit log.
fn denied(services: &Services) -> gateway::OnDenied {
    let denials = Arc::clone(&services.denials);
    Arc::new(move |denial: &gateway::Denial<'_>| {
        let operation = format!("{} {}", denial.method, denial.route);
        denials.note(denial.caller, denial.address, operation, denial.status);
    })
}

/// The door of another role's port.
pub fn role_door(role: Role, routes: OpenApiRouter, common: &Common) -> Door {
    gateway::role(RoleParts {
        routes,
        health: Arc::clone(&common.health),
        frame: Arc::clone(&common.frame),
        clients: Some(Arc::clone(&common.limits)),
        config: limits::door(&common.config, role.as_str()),
    })
}

/// The documentation of the gateway's own routes.
pub fn api() -> utoipa::openapi::OpenApi {
    gateway::api()
}

fn remote(role: Role, common: &Common) -> anyhow::Result<Option<Remote>> {
    let (Some(url), Some(api)) = (role.peer(&common.config), role.api()) else { return Ok(None) };
    let base = url.parse().with_context(|| format!("`peers.{role}` is not an address: {url:?}"))?;
    Ok(Some(Remote::new(role.as_str(), &base, api)?.asked(limits::upstream(role, &common.config))))
}
