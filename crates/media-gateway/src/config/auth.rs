//! Who people and programs are.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::providers::{GitHub, Google};

/// What access tokens are signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::upper_case_acronyms, reason = "the names of RFC 7518")]
pub enum Signature {
    /// RSA with SHA-256.
    RS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
}

/// Who people and programs are.
#[derive(Clone, Debug, confique::Config)]
#[config(layer_attr(derive(Clone, Debug, Serialize)), layer_attr(serde(deny_unknown_fields)))]
pub struct Auth {
    /// The public base address, which tokens name as their issuer. Default: the gateway's own address.
    #[config(env = "MEDIA_GATEWAY_AUTH_ISSUER")]
    pub issuer: Option<String>,
    /// Other resources that tokens may be for, as absolute addresses.
    #[config(env = "MEDIA_GATEWAY_AUTH_RESOURCES", parse_env = confique::env::parse::list_by_comma, default = [])]
    pub resources: Vec<String>,
    /// What access tokens are signed with: `RS256` or `ES256`.
    #[config(env = "MEDIA_GATEWAY_AUTH_SIGNATURE", default = "RS256")]
    pub signature: Signature,
    /// Whether people confirm their address by mail before they can sign in: then signing up and in tells nobody whether an
    /// address has an account. Default: where mail goes to a server.
    #[config(env = "MEDIA_GATEWAY_AUTH_CONFIRM_FIRST")]
    pub confirm_first: Option<bool>,
    /// A file with the secret that keys and addresses are sealed under, the same for every process with the auth role;
    /// after a change the new one is its first line, and those before it follow. Default: made from the roles' shared
    /// secret, or kept in the data folder.
    #[config(env = "MEDIA_GATEWAY_AUTH_SECRET_FILE")]
    pub secret_file: Option<PathBuf>,
    /// The key of Google Cloud KMS, `projects/P/locations/L/keyRings/R/cryptoKeys/K`, that `auth.key` in the data folder is
    /// sealed under, and lines `kms:…` of `secret_file` (`auth keys seal` makes one).
    #[config(env = "MEDIA_GATEWAY_AUTH_KMS_KEY")]
    pub kms_key: Option<String>,
    /// Signing in with Google.
    #[config(nested)]
    pub google: Google,
    /// Signing in with GitHub.
    #[config(nested)]
    pub github: GitHub,
}
