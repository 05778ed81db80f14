//! What clients discover: the server (RFC 8414, OpenID Connect Discovery), its keys and the resource (RFC 9728).

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderName, header},
};
use contracts::Scope;
use http_api::HttpResult;
use serde_json::{Value, json};

use crate::{Auth, authorize::PROMPTS, clients::DEVICE_GRANT, keys::ALGORITHMS};

/// As long as a new key is published before it signs.
const FIVE_MINUTES: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "public, max-age=300")];

type Document = ([(HeaderName, &'static str); 1], Json<Value>);

fn scopes() -> Vec<&'static str> {
    Scope::ALL.iter().map(|scope| scope.as_str()).collect()
}

fn server(auth: &Auth) -> Value {
    let issuer = &auth.config.issuer;
    let at = |path: &str| format!("{issuer}/oauth/{path}");
    let methods = ["none", "client_secret_basic", "client_secret_post"];
    json!({
        "issuer": issuer,
        "authorization_endpoint": at("authorize"),
        "token_endpoint": at("token"),
        "device_authorization_endpoint": at("device"),
        "pushed_authorization_request_endpoint": at("par"),
        "introspection_endpoint": at("introspect"),
        "revocation_endpoint": at("revoke"),
        "userinfo_endpoint": at("userinfo"),
        "jwks_uri": at("jwks"),
        "scopes_supported": scopes(),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials", DEVICE_GRANT],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_methods_supported": methods[1..],
        "authorization_response_iss_parameter_supported": true,
        "client_id_metadata_document_supported": true,
        "dpop_signing_alg_values_supported": ["ES256", "RS256"],
        "prompt_values_supported": PROMPTS,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ALGORITHMS,
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "email", "email_verified"],
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    })
}

/// The public signing keys (RFC 7517).
#[utoipa::path(get, path = "/oauth/jwks", tag = "discovery", responses((status = 200, body = serde_json::Value)))]
pub(super) async fn jwks(State(auth): State<Arc<Auth>>) -> HttpResult<Document> {
    auth.ensure_keys().await?;
    Ok((FIVE_MINUTES, Json(json!(auth.keys.public()))))
}

/// The server, as OpenID Connect clients look for it.
#[utoipa::path(get, path = "/.well-known/openid-configuration", tag = "discovery",
    responses((status = 200, body = serde_json::Value)))]
pub(super) async fn openid_configuration(State(auth): State<Arc<Auth>>) -> Document {
    (FIVE_MINUTES, Json(server(&auth)))
}

/// The server, as OAuth clients look for it (RFC 8414).
#[utoipa::path(get, path = "/.well-known/oauth-authorization-server", tag = "discovery",
    responses((status = 200, body = serde_json::Value)))]
pub(super) async fn authorization_server(State(auth): State<Arc<Auth>>) -> Document {
    (FIVE_MINUTES, Json(server(&auth)))
}

/// The API as a protected resource (RFC 9728).
#[utoipa::path(get, path = "/.well-known/oauth-protected-resource", tag = "discovery",
    responses((status = 200, body = serde_json::Value)))]
pub(super) async fn protected_resource(State(auth): State<Arc<Auth>>) -> Document {
    let issuer = &auth.config.issuer;
    let document = json!({
        "resource": issuer,
        "authorization_servers": [issuer],
        "jwks_uri": format!("{issuer}/oauth/jwks"),
        "scopes_supported": scopes(),
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": ["ES256", "RS256"],
        "resource_documentation": format!("{issuer}/docs/"),
    });
    (FIVE_MINUTES, Json(document))
}
