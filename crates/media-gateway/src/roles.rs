//! The roles a process can run. Each file says what one role brings to the node.

pub mod auth;
mod catalog;
mod gateway;
mod ingest;
mod playback;
mod search;

use std::{fmt, net::SocketAddr, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    config::{Config, Listen},
    node::Common,
    services::Services,
};

/// A part of the product that can run in a process of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The public API: limits, documentation, and the way to the other roles.
    Gateway,
    /// Who people and programs are: accounts, tokens, keys.
    Auth,
    /// The catalogue of titles.
    Catalog,
    /// Reads sources into the catalogue.
    Ingest,
    /// Finds titles.
    Search,
    /// Keeps what people watched, where they allow it.
    Playback,
}

impl Role {
    /// Every role, in the order they start.
    pub const ALL: [Self; 6] = [Self::Auth, Self::Catalog, Self::Ingest, Self::Search, Self::Playback, Self::Gateway];

    /// The name, as in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Auth => "auth",
            Self::Catalog => "catalog",
            Self::Ingest => "ingest",
            Self::Search => "search",
            Self::Playback => "playback",
        }
    }

    /// Where the role listens when it does not share the gateway's port.
    pub fn address(self, listen: &Listen) -> SocketAddr {
        match self {
            Self::Gateway => listen.gateway,
            Self::Auth => listen.auth,
            Self::Catalog => listen.catalog,
            Self::Ingest => listen.ingest,
            Self::Search => listen.search,
            Self::Playback => listen.playback,
        }
    }

    /// The role's HTTP routes, when it runs here.
    fn routes(self, services: &Services) -> Option<OpenApiRouter> {
        match self {
            Self::Gateway => None,
            Self::Auth => auth::routes(services),
            Self::Catalog => catalog::routes(services),
            Self::Ingest => ingest::routes(services),
            Self::Search => search::routes(services),
            Self::Playback => playback::routes(services),
        }
    }

    /// The documentation of the role's routes, wherever it runs.
    fn api(self) -> Option<OpenApi> {
        match self {
            Self::Gateway => Some(gateway::api()),
            Self::Auth => Some(auth::api()),
            Self::Catalog => Some(catalog::api()),
            Self::Ingest => Some(ingest::api()),
            Self::Search => Some(search::api()),
            Self::Playback => Some(playback::api()),
        }
    }

    /// What the role's port answers over gRPC; a `shared` port answers for every role.
    pub fn grpc(self, services: &Services, shared: bool) -> rpc::Services {
        rpc::Services {
            auth: if shared || self == Self::Auth { auth::grpc(services) } else { None },
            catalog: if shared || self == Self::Catalog { catalog::grpc(services) } else { None },
            search: if shared || self == Self::Search { search::grpc(services) } else { None },
        }
    }

    /// What the role's port answers over HTTP.
    ///
    /// # Errors
    /// When the address of a peer is not one.
    pub fn door(self, services: &Services, common: &Common) -> anyhow::Result<gateway::Door> {
        if self == Self::Gateway {
            return gateway::door(services, common);
        }
        let routes = self.routes(services).unwrap_or_default();
        Ok(gateway::role_door(self, routes, common))
    }

    /// What calls over gRPC pass first: other roles' ports are not for the public.
    pub fn entrance(self, door: &gateway::Door) -> Option<rpc::Entrance> {
        (self == Self::Gateway).then(|| gateway::entrance(door))
    }

    /// Where the role is when another process runs it.
    pub fn peer(self, config: &Config) -> Option<&str> {
        match self {
            Self::Gateway => None,
            Self::Auth => Some(&config.peers.auth),
            Self::Catalog => Some(&config.peers.catalog),
            Self::Ingest => Some(&config.peers.ingest),
            Self::Search => Some(&config.peers.search),
            Self::Playback => Some(&config.peers.playback),
        }
    }
}

/// The OpenAPI document of every role, as the gateway serves it.
pub fn document() -> String {
    let mut router = OpenApiRouter::<()>::new();
    for api in Role::ALL.into_iter().filter_map(Role::api) {
        router.get_openapi_mut().merge(api);
    }
    String::from_utf8_lossy(&::gateway::document_text(router.into_openapi())).into_owned()
}

/// No role has this name.
#[derive(Debug)]
pub struct UnknownRole(String);

impl fmt::Display for UnknownRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<_> = Role::ALL.iter().map(|role| role.as_str()).collect();
        write!(f, "no role is called {:?}; the roles are {}", self.0, known.join(", "))
    }
}

impl std::error::Error for UnknownRole {}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| UnknownRole(text.to_owned()))
    }
}
