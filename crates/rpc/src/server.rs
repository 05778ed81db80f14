//! The gRPC half of a role: its services, health and reflection, as a router that shares the HTTP port.

mod admit;
mod heard;
mod meter;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use axum::{Router, middleware};
use contracts::{ApiError, AuthApi, CatalogApi, Clock, Rng, SearchApi};
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::{
    auth::ServerAuth,
    call::Allowance,
    catalog::CatalogServer,
    identity::AuthServer,
    pb::{
        self, auth_service_server::AuthServiceServer, catalog_service_server::CatalogServiceServer,
        search_service_server::SearchServiceServer,
    },
    search::SearchServer,
    status::to_status,
};

pub use admit::{Answered, Ended, Entering, Entrance};
pub use meter::method_of;

/// The name of accounts and tokens in gRPC.
pub const AUTH_SERVICE: &str = pb::auth_service_server::SERVICE_NAME;
/// The catalogue's name in gRPC: of its routes, its health and its metrics.
pub const CATALOG_SERVICE: &str = pb::catalog_service_server::SERVICE_NAME;
/// Search's name in gRPC.
pub const SEARCH_SERVICE: &str = pb::search_service_server::SERVICE_NAME;

/// The largest request, except for an ingest.
pub const MAX_REQUEST_BYTES: usize = 4 * 1024 * 1024;
/// The largest ingest: 500 records of 32 KiB.
pub const MAX_INGEST_BYTES: usize = 16 * 1024 * 1024;
/// The largest answer: 500 titles with every offer in every region.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// What this process serves to others.
#[derive(Clone, Default)]
pub struct Services {
    /// Accounts and tokens, when their role runs here.
    pub auth: Option<Arc<dyn AuthApi>>,
    /// The catalogue, when its role runs here.
    pub catalog: Option<Arc<dyn CatalogApi>>,
    /// Search, when its role runs here.
    pub search: Option<Arc<dyn SearchApi>>,
}

/// How the server treats who calls.
#[derive(Clone)]
pub struct ServerConfig {
    /// Who is who.
    pub auth: ServerAuth,
    /// What calls pass first on a port that the public reaches.
    pub entrance: Option<Entrance>,
    /// How long a call may take that sets no `grpc-timeout`.
    pub timeout: Duration,
    /// How long any call may take.
    pub max_timeout: Duration,
    /// How many calls run at once; one more is answered `Unavailable` at once.
    pub max_in_flight: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            auth: ServerAuth::default(),
            entrance: None,
            timeout: Duration::from_secs(10),
            max_timeout: Duration::from_secs(120),
            max_in_flight: 512,
        }
    }
}

/// Says to gRPC health checks how the services are. Until told otherwise, none serves.
#[derive(Clone, Debug)]
pub struct Health(HealthReporter);

impl Health {
    /// Says whether `service` ([`AUTH_SERVICE`], [`CATALOG_SERVICE`], [`SEARCH_SERVICE`], or `""` for the whole process) serves.
    pub async fn set(&self, service: &str, serving: bool) {
        let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        self.0.set_service_status(service, status).await;
    }
}

/// Routes for `services`, health and reflection, to be merged into the router of the role's port (after that
/// router's own layers, which are for HTTP), and the handle that sets the health.
///
/// # Errors
/// `Internal` when the descriptors for reflection can't be read, which the build rules out.
pub async fn routes(
    services: Services,
    config: ServerConfig,
    clock: Clock,
    rng: Rng,
) -> Result<(Router, Health), ApiError> {
    let (reporter, health_service) = tonic_health::server::health_reporter();
    let health = Health(reporter);
    health.set("", false).await;

    let gate = Arc::new(admit::Gate {
        auth: config.auth,
        entrance: config.entrance,
        allowance: Allowance { default: config.timeout, most: config.max_timeout },
        slots: Semaphore::new(config.max_in_flight),
        clock,
        rng,
    });
    let mut router = Router::new();
    if let Some(api) = services.auth {
        health.set(AUTH_SERVICE, false).await;
        router = router.merge(auth(api));
    }
    if let Some(api) = services.catalog {
        health.set(CATALOG_SERVICE, false).await;
        router = router.merge(catalog(api));
    }
    if let Some(api) = services.search {
        health.set(SEARCH_SERVICE, false).await;
        router = router.merge(search(api));
    }
    // The meter stands outside, so that calls that are turned away are counted too.
    let router = router.layer(middleware::from_fn_with_state(Arc::clone(&gate), admit::admit));
    let router = router.layer(middleware::from_fn(meter::meter));

    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(|error| ApiError::internal(format!("the gRPC descriptors can't be read: {error}")))?;
    let open = tonic::service::Routes::new(health_service).add_service(reflection).into_axum_router();
    let open = open.reset_fallback().route_layer(middleware::from_fn_with_state(gate, admit::vouch));
    Ok((router.merge(open), health))
}

fn auth(api: Arc<dyn AuthApi>) -> Router {
    let server = AuthServiceServer::new(AuthServer(api)).max_decoding_message_size(MAX_REQUEST_BYTES);
    Router::new().route_service(&format!("/{AUTH_SERVICE}/{{method}}"), server)
}

fn catalog(api: Arc<dyn CatalogApi>) -> Router {
    let server = CatalogServiceServer::new(CatalogServer(api)).max_encoding_message_size(MAX_ANSWER_BYTES);
    let reads = server.clone().max_decoding_message_size(MAX_REQUEST_BYTES);
    let ingest = server.max_decoding_message_size(MAX_INGEST_BYTES);
    Router::new()
        .route_service(&format!("/{CATALOG_SERVICE}/{{method}}"), reads)
        .route_service(&format!("/{CATALOG_SERVICE}/Ingest"), ingest)
}

fn search(api: Arc<dyn SearchApi>) -> Router {
    let server = SearchServiceServer::new(SearchServer(api))
        .max_decoding_message_size(MAX_REQUEST_BYTES)
        .max_encoding_message_size(MAX_ANSWER_BYTES);
    Router::new().route_service(&format!("/{SEARCH_SERVICE}/{{method}}"), server)
}

/// Takes a request apart: the frame that [`admit`] put there, and the message.
///
/// # Errors
/// `Internal` when the request did not pass [`admit`].
pub fn open<T>(request: Request<T>) -> Result<(contracts::Call, T), Status> {
    let (_, mut extensions, message) = request.into_parts();
    let call = extensions.remove::<contracts::Call>();
    let call = call.ok_or_else(|| to_status(&ApiError::internal("the call has no frame")))?;
    Ok((call, message))
}

/// Shapes what a service answered.
pub fn reply<T>(answer: Result<T, ApiError>) -> Result<Response<T>, Status> {
    answer.map(Response::new).map_err(|error| to_status(&error))
}
