//! From where pictures of titles are fetched, and how many are kept.

use serde::Serialize;

/// Pictures of titles.
#[derive(Clone, Debug, confique::Config)]
#[config(layer_attr(derive(Clone, Debug, Serialize)), layer_attr(serde(deny_unknown_fields)))]
pub struct Pictures {
    /// Hosts that pictures are fetched from, over https and at public addresses; or a whole origin, such as
    /// `http://192.168.1.4:9000`, taken as it is. Empty: none are fetched.
    #[config(
        env = "MEDIA_GATEWAY_PICTURE_HOSTS",
        parse_env = confique::env::parse::list_by_comma,
        default = ["image.tmdb.org", "images.justwatch.com", "upload.wikimedia.org"]
    )]
    pub hosts: Vec<String>,
    /// Memory for scaled pictures.
    #[config(env = "MEDIA_GATEWAY_PICTURE_CACHE_BYTES", default = 67108864)]
    pub cache_bytes: u64,
    /// How long a host may take for one.
    #[config(env = "MEDIA_GATEWAY_PICTURE_TIMEOUT_MS", default = 6000)]
    pub timeout_ms: u64,
}
