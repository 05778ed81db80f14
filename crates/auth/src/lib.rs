//! Who people and programs are: accounts, an OAuth 2.1 and OpenID Connect provider, API keys, and the audit log.
//!
//! [`Auth`] has the use-cases; `http` and `pages` show them. What is secret is kept as a hash; what is personal is sealed
//! under its person's key. [`Keeper`] feeds the snapshot that every role verifies with (crate `access`).

mod accounts;
mod admin;
mod ages;
mod api;
mod api_keys;
mod audit;
mod authorize;
mod clients;
mod config;
mod denials;
mod device;
mod error;
mod factors;
mod federation;
mod grants;
mod http;
mod introspect;
mod keeper;
mod keepsakes;
mod keys;
mod mail;
mod metadata;
mod model;
mod passkeys;
mod password;
mod pkce;
mod postman;
mod privacy;
mod providers;
mod redirect;
mod renewer;
mod retention;
mod rotations;
mod sealing;
mod secret;
mod service;
mod service_keys;
mod store;
mod token;
mod totp;
mod uses;
mod webauthn;

pub use accounts::SignedIn;
pub use admin::{ClientView, NewClient, NewUser, SessionView, SigningKeyView, UserView};
pub use ages::{AgeLimitView, NewAgeLimit};
pub use api_keys::{ApiKeyView, CreatedApiKey, NewApiKey};
pub use audit::{AuditEntry, AuditMark, DeedKind, Verdict, note};
pub use config::{AuthConfig, CLI_CLIENT, Lookup, WEB_CLIENT};
pub use denials::Denials;
pub use error::OAuthError;
pub use factors::Entrance;
pub use http::{api, routes};
pub use jsonwebtoken::Algorithm;
pub use keeper::Keeper;
pub use postman::Postman;
pub use privacy::{ERASURES, Eraser, Overdue, erasures_part, overdue, personal_tables};
pub use providers::{Provider, ProviderConfig};
pub use renewer::Renewer;
pub use retention::Retainer;
pub use sealing::{KeyVault, MAX_SECRETS, SealingView, has_sealed, opens_sealed};
pub use service::Auth;
pub use uses::Uses;
