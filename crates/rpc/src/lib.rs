//! gRPC between roles: a server over each service trait of `contracts`, and a client that is the same trait.
//!
//! The messages are in `proto/`. A service answers the same whether it is called directly or through here: values,
//! errors and the frame of a call ([`contracts::Call`]) survive the way, and `suites` holds them to it.

mod auth;
mod call;
mod catalog;
mod convert;
mod identity;
mod peer;
mod search;
mod server;
mod status;
pub mod suites;

pub use auth::ServerAuth;
pub use catalog::CatalogClient;
pub use identity::AuthClient;
pub use peer::{ClientConfig, Peer, connect_lazy};
pub use search::SearchClient;
pub use server::{
    AUTH_SERVICE, Answered, CATALOG_SERVICE, Ended, Entering, Entrance, Health, SEARCH_SERVICE, ServerConfig, Services,
    method_of, routes,
};
pub use status::{from_status, to_status};

/// The messages and services of `proto/media_gateway/v1`, as compiled.
#[allow(missing_docs, clippy::all, clippy::too_many_lines, reason = "generated; the comments are in proto/")]
pub mod pb {
    tonic::include_proto!("media_gateway.v1");

    /// The descriptors of every file, as reflection serves them: an encoded `google.protobuf.FileDescriptorSet`.
    pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
}
