//! The door of a role for a command: through the node that runs, or on the folder itself; the same requests either way.

use axum::{Router, body::Body, http::Request};
use contracts::{ApiError, ErrorKind};
use serde_json::Value;
use tower::ServiceExt as _;
use utoipa_axum::router::OpenApiRouter;

use super::{Global, out};
use crate::{
    config::Config,
    folder::{Folder, Opened},
    node,
    owner::OwnerClient,
    roles::Role,
    services::{Services, Wanted},
};

/// The most of an answer that is read.
const MAX_ANSWER: usize = 16 << 20;

/// Where requests go.
pub enum Door {
    /// To the node that owns the folder.
    Node(OwnerClient),
    /// To the same routes in this process, on the folder that no node has.
    Here { services: Box<Services>, router: Router, folder: Box<Folder> },
}

impl Door {
    /// The door of accounts and who may do what.
    pub async fn auth(global: &Global) -> anyhow::Result<Self> {
        Self::of(global, Role::Auth, |services| auth::routes(services.auth.clone())).await
    }

    /// The door of `role`: the node's, or one to these routes.
    pub async fn of(
        global: &Global,
        role: Role,
        routes: impl FnOnce(&Services) -> OpenApiRouter,
    ) -> anyhow::Result<Self> {
        let config = Config::load(&global.flags())?;
        match Services::folder(&config)? {
            Opened::Theirs(owner) => Ok(Self::Node(OwnerClient::new(owner, role)?)),
            Opened::Ours(folder) => {
                let services = Box::new(Services::open(&config, &folder, Wanted::Everything).await?);
                let frame = node::frame(&config, &folder, &services)?;
                let (router, _) = routes(&services).split_for_parts();
                let router = router.layer(http_api::frame_layer(frame.into()));
                Ok(Self::Here { router, folder: Box::new(folder), services })
            }
        }
    }

    /// Asks for the answer's JSON, null where it has none.
    pub async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let (router, token) = match self {
            Self::Node(owner) => return owner.call(method, path, body).await,
            Self::Here { router, folder, .. } => (router, folder.token()),
        };
        let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"));
        let request = request.header("content-type", "application/json");
        let request = request.body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))?;
        let response = router.clone().oneshot(request).await?;
        let status = response.status().as_u16();
        let bytes = axum::body::to_bytes(response.into_body(), MAX_ANSWER).await?;
        let json: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        if status < 400 {
            return Ok(json);
        }
        let text = |name: &str| json[name].as_str().unwrap_or("unreadable_answer").to_owned();
        Err(ApiError::new(ErrorKind::from_http(status), text("code"), text("detail")).into())
    }

    /// Asks that of accounts once and closes what was opened.
    pub async fn once(global: &Global, method: &str, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let door = Self::auth(global).await?;
        let answer = door.call(method, path, body.as_ref()).await;
        door.close().await;
        answer
    }

    /// Closes what was opened.
    pub async fn close(self) {
        if let Self::Here { services, .. } = self {
            services.close().await;
        }
    }
}

/// Prints items, one a line: as JSON, or the named fields.
///
/// # Errors
/// As [`out::line`].
pub fn print(global: &Global, answer: &Value, fields: &[&str]) -> Result<(), ApiError> {
    let one = [answer.clone()];
    for item in answer["items"].as_array().map_or(&one[..], Vec::as_slice) {
        if global.json || fields.is_empty() {
            out::line(&item.to_string())?;
            continue;
        }
        let text = |name: &&str| match &item[*name] {
            Value::String(text) => text.clone(),
            Value::Null => "-".to_owned(),
            Value::Array(none) if none.is_empty() => "-".to_owned(),
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
            other => other.to_string(),
        };
        out::line(&fields.iter().map(text).collect::<Vec<_>>().join("  "))?;
    }
    Ok(())
}
